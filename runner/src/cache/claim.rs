//! Whether a directory may be used as a cache.
//!
//! What lies in a cache is believed, signed, and removed when it looks like rubbish. So it has to be a directory that nobody else
//! can write to, and one that was made for this: it bears a mark, which also keeps it out of backups. A directory without one is
//! taken when it is empty, or holds nothing but what a cache holds.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::unistd::geteuid;

use super::CacheError;

/// The mark, as the Cache Directory Tagging Specification wants it.
const MARK: &str = "CACHEDIR.TAG";
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This is the cache of passmuster; all of it can be measured again.\n";
/// How the names of what a cache holds begin.
const HELD: [&str; 10] = [
    ".tmp",
    "git",
    "layers",
    "locks",
    "plugins",
    "tmp",
    "history.",
    "memory.json",
    "toolchains.json",
    "tended",
];

/// Makes sure that the directory is ours, and marks it.
pub(super) fn claim(root: &Path) -> Result<(), CacheError> {
    let refused = |step, why: &str| {
        let why = format!("{why}; give a new directory with --cache-dir");
        CacheError::at(step, root)(io::Error::new(io::ErrorKind::PermissionDenied, why))
    };
    let metadata = fs::metadata(root).map_err(CacheError::at("look at", root))?;
    let (owner, us) = (metadata.uid(), geteuid().as_raw());
    if owner != us && owner != 0 {
        return Err(refused("trust", &format!("it belongs to the user {owner}")));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused(
            "trust",
            "others may write to it (`chmod 700` ends that)",
        ));
    }
    if root.join(MARK).symlink_metadata().is_ok() {
        return Ok(());
    }
    if !holds_a_cache(root).map_err(CacheError::at("list", root))? {
        return Err(refused("use", "it is not empty and holds no cache"));
    }
    mark(root).map_err(CacheError::at("mark", root))
}

fn holds_a_cache(root: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let known = |held: &&str| match held.contains('.') {
            true => name.as_encoded_bytes().starts_with(held.as_bytes()),
            false => name == **held,
        };
        // Somebody else may be marking it at this moment.
        if name != MARK && !HELD.iter().any(known) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn mark(root: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let made = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(root.join(MARK));
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made?.write_all(SIGNATURE.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_directory_of_somebody_elses_files_is_no_cache() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        claim(root).unwrap();
        assert!(root.join(MARK).exists());
        fs::write(root.join("anything"), "").unwrap();
        claim(root).unwrap();
        fs::remove_file(root.join(MARK)).unwrap();
        assert!(claim(root).unwrap_err().to_string().contains("no cache"));
        fs::remove_file(root.join("anything")).unwrap();
        for name in ["tmp", "layers", "history.db-wal"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        claim(root).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_no_cache() {
        let directory = tempfile::tempdir().unwrap();
        for mode in [0o777, 0o720, 0o702] {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = claim(directory.path()).unwrap_err().to_string();
            assert!(error.contains("others may write"), "{mode:o}: {error}");
        }
        assert!(!directory.path().join(MARK).exists());
    }
}
