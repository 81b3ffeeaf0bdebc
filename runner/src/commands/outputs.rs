//! Files that a verdict is written to beside standard output.
//!
//! An ordinary file is replaced in one step, so whoever reads it sees the old report or the new one and never half of
//! one, unless it is mounted by itself or lies in a directory of somebody else. What is no ordinary file (a terminal, a pipe, `/dev/stdout`) is written to as it is.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::Format;
use crate::error::UserError;

/// What a new file may be used for, as far as the umask lets it.
const NEW_FILE: u32 = 0o666;

/// Refuses what could not be written in the end, before anything is measured.
pub(super) fn check(outputs: &[(Format, PathBuf)]) -> Result<(), UserError> {
    let mut known: Vec<PathBuf> = Vec::new();
    for (_, path) in outputs {
        let directory = directory(path);
        if !directory.is_dir() {
            return Err(UserError::usage(format!(
                "cannot write {}: there is no directory {}",
                path.display(),
                directory.display()
            )));
        }
        if path.is_dir() {
            return Err(UserError::usage(format!(
                "cannot write {}: it is a directory",
                path.display()
            )));
        }
        let place = place(path)?;
        if known.contains(&place) {
            return Err(UserError::usage(format!(
                "two outputs name the file {}; give each a file of its own",
                path.display()
            )));
        }
        known.push(place);
    }
    Ok(())
}

/// Writes one of them.
pub(super) fn write(path: &Path, text: &[u8]) -> Result<(), UserError> {
    let written = match ordinary(path) {
        Ok(Some(file)) => match replace(&file, text) {
            Err(error) if file.exists() && is_held(&error) => fs::write(&file, text),
            done => done,
        },
        Ok(None) => append(path, text),
        Err(error) => Err(error),
    };
    written.map_err(|source| UserError::usage(format!("cannot write {}: {source}", path.display())))
}

/// One name for each file, whatever links and dots lead to it.
fn place(path: &Path) -> io::Result<PathBuf> {
    if let Ok(found) = path.canonicalize() {
        return Ok(found);
    }
    let directory = directory(path).canonicalize()?;
    Ok(path
        .file_name()
        .map_or(directory.clone(), |name| directory.join(name)))
}

fn directory(path: &Path) -> &Path {
    let parent = path.parent().unwrap_or(Path::new("/"));
    match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    }
}

/// The file that can be replaced; none where there is something else, or a link that leads nowhere. What a
/// process has open (`/dev/stdout`) is never replaced, even where it is an ordinary file: whoever opened it would
/// read on in the old one.
fn ordinary(path: &Path) -> io::Result<Option<PathBuf>> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(path.to_path_buf()));
        }
        found => found?,
    };
    if found.is_file() {
        return Ok(Some(path.to_path_buf()));
    }
    let is_descriptor = path.starts_with("/dev") || path.starts_with("/proc");
    let behind = path.canonicalize().ok().filter(|_| !is_descriptor);
    Ok(behind.filter(|file| file.is_file()))
}

/// Whether a file may be written and not replaced: its directory is another's, or it is mounted by itself.
fn is_held(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(
        error.kind(),
        PermissionDenied | ReadOnlyFilesystem | ResourceBusy
    )
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mode = fs::metadata(path).map_or(Permissions::from_mode(NEW_FILE), |old| old.permissions());
    let existed = path.exists();
    let mut file = tempfile::Builder::new()
        .prefix(".passmuster-")
        .permissions(mode.clone())
        .tempfile_in(directory(path))?;
    file.write_all(text)?;
    if existed {
        // The umask is for new files.
        file.as_file().set_permissions(mode)?;
    }
    file.persist(path)?;
    Ok(())
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(text)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_at_once_and_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("report");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        // A reader of the old report keeps all of it.
        let reader = fs::File::open(&file).unwrap();
        write(&file, b"new one").unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "old");
        assert_eq!(fs::read(&file).unwrap(), b"new one");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link_and_a_pipe_is_written_to() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");

        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
    }

    #[test]
    fn one_file_is_named_once_whatever_the_way_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(root.join("there"), "").unwrap();
        std::os::unix::fs::symlink("there", root.join("link")).unwrap();
        let outputs = |names: [&str; 2]| names.map(|name| (Format::Json, root.join(name)));
        for same in [["new", "new"], ["new", "./new"], ["there", "link"]] {
            assert!(check(&outputs(same)).is_err(), "{same:?}");
        }
        assert!(check(&outputs(["new", "there"])).is_ok());
        for wrong in ["no/such", "."] {
            assert!(check(&outputs(["new", wrong])).is_err(), "{wrong}");
        }
    }
}
