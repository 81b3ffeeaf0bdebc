//! Whether a directory may be used as a cache.
//!
//! What lies in a cache is believed, signed, and removed when it looks like rubbish. So it has to be a directory that nobody else
//! can write to, and one that was made for this: it bears a mark, which also keeps it out of backups. A directory without one is
//! taken when it is empty, or holds nothing but what a cache holds.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::unistd::geteuid;

use super::CacheError;

/// The mark, as the Cache Directory Tagging Specification wants it.
const MARK: &str = "CACHEDIR.TAG";
const SIGNATURE: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This is the cache of passmuster; all of it can be measured again.\n";
/// Directories that every cache has had from its first moment.
const PARTS: [&str; 4] = ["git", "layers", "locks", "tmp"];
/// How the names of what else a cache holds begin.
const HELD: [&str; 6] = [
    ".tmp",
    "plugins",
    "history.",
    "memory.json",
    "toolchains.json",
    "tended",
];
/// What a fresh file system holds.
const NOBODYS: &str = "lost+found";

/// Makes sure that the directory is ours, and marks it.
pub(super) fn claim(root: &Path) -> Result<(), CacheError> {
    let refused = |step, why: &str| {
        let why = format!("{why}; give a new directory with --cache-dir");
        CacheError::at(step, root)(io::Error::new(io::ErrorKind::PermissionDenied, why))
    };
    let failed = |step| CacheError::at(step, root);
    let metadata = fs::metadata(root).map_err(failed("look at"))?;
    if let Some(owner) = other_owner(&metadata) {
        return Err(refused("trust", &format!("it belongs to the user {owner}")));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused(
            "trust",
            "others may write to it (`chmod 700` ends that)",
        ));
    }
    let found = Found::list(root).map_err(failed("list"))?;
    if let Some(why) = found.foreign {
        return Err(refused("trust", &why));
    }
    match bears_mark(root).map_err(failed("read the mark of"))? {
        true => Ok(()),
        false if found.is_a_cache() => mark(root).map_err(failed("mark")),
        false => Err(refused("use", "it is not empty and holds no cache")),
    }
}

fn other_owner(metadata: &fs::Metadata) -> Option<u32> {
    let owner = metadata.uid();
    (owner != geteuid().as_raw() && owner != 0).then_some(owner)
}

/// What a directory holds.
#[derive(Default)]
struct Found {
    names: Vec<OsString>,
    /// Something of a cache's names that somebody else put there, in words.
    foreign: Option<String>,
}

impl Found {
    fn list(root: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name();
            // One that another start removed meanwhile is nobody's.
            if let Ok(metadata) = entry.metadata()
                && (is_part(&name) || is_held(&name))
            {
                let shown = name.to_string_lossy();
                found.foreign = found.foreign.or_else(|| match other_owner(&metadata) {
                    Some(owner) => Some(format!("{shown} in it belongs to the user {owner}")),
                    // What lies behind a link is removed as rubbish too.
                    None => (is_part(&name) && !metadata.is_dir())
                        .then(|| format!("{shown} in it is no directory")),
                });
            }
            found.names.push(name);
        }
        Ok(found)
    }

    /// An empty directory, or a cache from before there was a mark.
    fn is_a_cache(&self) -> bool {
        let names = || self.names.iter().filter(|name| *name != NOBODYS);
        let whole = PARTS.iter().all(|part| names().any(|name| name == part));
        names().next().is_none() || whole && names().all(|name| is_part(name) || is_held(name))
    }
}

/// Whether it bears our mark; every kind of cache has one of this name.
fn bears_mark(root: &Path) -> io::Result<bool> {
    let path = root.join(MARK);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // Somebody else may be writing it at this moment.
        Ok(metadata) if metadata.is_file() && metadata.len() <= SIGNATURE.len() as u64 => {
            Ok(SIGNATURE.starts_with(&fs::read_to_string(path)?))
        }
        other => other.map(|_| false),
    }
}

fn is_part(name: &OsStr) -> bool {
    PARTS.iter().any(|part| name == *part)
}

fn is_held(name: &OsStr) -> bool {
    let begins = |held: &&str| name.as_encoded_bytes().starts_with(held.as_bytes());
    HELD.iter().any(begins)
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
        for name in ["git", "layers", "locks", "history.db-wal"] {
            fs::create_dir(root.join(name)).unwrap();
            assert!(claim(root).is_err(), "half of a cache is none");
        }
        fs::create_dir(root.join("tmp")).unwrap();
        claim(root).unwrap();
    }

    #[test]
    fn another_programs_mark_and_links_to_elsewhere_are_no_cache_of_ours() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let signature = SIGNATURE.lines().next().unwrap();
        for other in [
            format!("{signature}\n# cargo\n"),
            format!(
                "{signature}\n# This file is a cache directory tag created by cargo. For information see a page, and more text than ours has in it.\n"
            ),
        ] {
            fs::write(root.join(MARK), other).unwrap();
            assert!(claim(root).unwrap_err().to_string().contains("no cache"));
        }
        fs::remove_file(root.join(MARK)).unwrap();
        std::os::unix::fs::symlink("/nowhere", root.join(MARK)).unwrap();
        assert!(claim(root).is_err());
        fs::remove_file(root.join(MARK)).unwrap();
        claim(root).unwrap();
        std::os::unix::fs::symlink("..", root.join("tmp")).unwrap();
        assert!(
            claim(root)
                .unwrap_err()
                .to_string()
                .contains("no directory")
        );
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
