//! Opens what a launch left in its report directory: files that hostile code may have written, replaced or linked.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

/// Cap of all report files of a phase together, in bytes: 20 kB for each of 10,000 failing tests, and room above it.
const REPORTS_CAP: u64 = 256 * 1024 * 1024;

/// Cap of the files that one report directory is read for.
const FILES_CAP: usize = 20_000;

/// Why a report file gives nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is not there.
    Missing,
    /// It is there, but not as a plain file below the cap.
    Refused(String),
}

/// Reads report files of one phase until they are too large together.
pub(super) struct Reports {
    left: u64,
}

impl Default for Reports {
    fn default() -> Self {
        Self { left: REPORTS_CAP }
    }
}

impl Reports {
    /// The bytes of one regular file; links, pipes and devices are refused, and so is what exceeds the cap.
    pub(super) fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unreadable> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path);
        match opened {
            Ok(file) => self.read_regular(file).map_err(Unreadable::Refused),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Unreadable::Missing),
            Err(error) => Err(Unreadable::Refused(format!(
                "the report cannot be opened: {error}"
            ))),
        }
    }

    fn read_regular(&mut self, file: File) -> Result<Vec<u8>, String> {
        let unreadable = |error: std::io::Error| format!("the report cannot be read: {error}");
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err("the report is not a regular file".to_owned());
        }
        if metadata.len() > self.left {
            return Err(format!("the reports are larger than {REPORTS_CAP} bytes"));
        }
        let mut bytes = Vec::new();
        file.take(self.left)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Ok(bytes)
    }
}

/// Regular files below a directory that a launch wrote, sorted by path, at most `depth` directories down.
pub(super) fn files(directory: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![(directory.to_owned(), depth)];
    while let Some((directory, depth)) = waiting.pop() {
        for (path, kind) in entries(&directory) {
            if kind.is_file() && found.len() < FILES_CAP {
                found.push(path);
            } else if kind.is_dir() && depth > 0 {
                waiting.push((path, depth - 1));
            }
        }
    }
    found.sort();
    found
}

/// Directories directly below a directory that a launch wrote.
pub(super) fn directories(directory: &Path) -> Vec<PathBuf> {
    entries(directory)
        .filter(|(_, kind)| kind.is_dir())
        .map(|(path, _)| path)
        .collect()
}

fn entries(directory: &Path) -> impl Iterator<Item = (PathBuf, std::fs::FileType)> {
    std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .take(FILES_CAP)
        .filter_map(|entry| Some((entry.path(), entry.file_type().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_pipes_are_refused_and_never_block() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        let (secret, link, pipe) = (
            directory.path().join("secret"),
            directory.path().join("link"),
            directory.path().join("pipe"),
        );
        std::fs::write(&secret, "x")?;
        std::os::unix::fs::symlink(&secret, &link)?;
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU)?;
        let read = |path: &Path| Reports::default().read(path);
        assert_eq!(read(&secret), Ok(b"x".to_vec()));
        assert!(matches!(read(&link), Err(Unreadable::Refused(_))));
        assert!(matches!(read(&pipe), Err(Unreadable::Refused(_))));
        assert!(matches!(
            read(directory.path()),
            Err(Unreadable::Refused(_))
        ));
        assert_eq!(
            read(&directory.path().join("none")),
            Err(Unreadable::Missing)
        );
        assert_eq!(files(directory.path(), 1), [secret]);
        Ok(())
    }

    #[test]
    fn files_that_are_too_large_together_are_refused() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("a");
        std::fs::write(&path, "four")?;
        let mut reports = Reports { left: 6 };
        assert_eq!(reports.read(&path), Ok(b"four".to_vec()));
        assert!(matches!(reports.read(&path), Err(Unreadable::Refused(_))));
        Ok(())
    }
}
