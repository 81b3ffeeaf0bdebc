//! A tree that is a directory, read through a capability to it.
//!
//! Symbolic links are listed as such and never followed, neither out of the tree nor inside it. What is
//! no file, link or directory is not listed. Files are opened so that a pipe which took a file's place in the
//! meantime cannot hold up the reader, and are looked at again before they are read.

use std::io::{self, Read, Seek, SeekFrom};

use cap_std::fs::{Dir, DirEntry, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::{Node, Source, SourceError};
use crate::change::Mode;

/// Files of a tree that are listed: twenty times those of the largest repositories in use.
const FILES: usize = 4_000_000;

/// A directory as a tree. Entries named `.git` are left out at every level: no git tree has them.
pub struct Directory {
    root: Dir,
}

impl Directory {
    /// The tree below this directory.
    pub fn new(root: Dir) -> Self {
        Self { root }
    }

    /// The files of one directory go to `nodes`, its directories to `open`.
    fn walk(
        &self,
        directory: &str,
        nodes: &mut Vec<Node>,
        open: &mut Vec<String>,
    ) -> io::Result<()> {
        let entries = if directory.is_empty() {
            self.root.entries()?
        } else {
            self.root.read_dir(directory)?
        };
        for entry in entries {
            let entry = entry?;
            let Some(path) = path_of(directory, &entry) else {
                continue;
            };
            // Of the entry itself, not of what it points to.
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                open.push(path);
            } else if let Some(mode) = mode(&metadata) {
                nodes.push(Node { path, mode });
            }
        }
        Ok(())
    }

    /// All files of the tree, if there are not more than so many files and directories.
    fn list_at_most(&self, most: usize) -> Result<Vec<Node>, SourceError> {
        let (mut nodes, mut open) = (Vec::new(), vec![String::new()]);
        while let Some(directory) = open.pop() {
            self.walk(&directory, &mut nodes, &mut open)
                .map_err(|error| failed("listing", &directory, &error))?;
            if nodes.len() + open.len() > most {
                let detail = format!("it has more than {most} files");
                return Err(SourceError::Failed(detail));
            }
        }
        Ok(nodes)
    }

    fn open(&self, path: &str) -> io::Result<cap_std::fs::File> {
        let mut options = OpenOptions::new();
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = self.root.open_with(path, &options)?;
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("it is no regular file any more"))
        }
    }
}

/// The path of an entry; none for what is not shown.
fn path_of(directory: &str, entry: &DirEntry) -> Option<String> {
    let name = entry.file_name().into_string().ok()?;
    match (name.as_str(), directory) {
        (".git", _) => None,
        (_, "") => Some(name),
        _ => Some(format!("{directory}/{name}")),
    }
}

fn mode(metadata: &Metadata) -> Option<Mode> {
    if metadata.is_symlink() {
        Some(Mode::Symlink)
    } else if !metadata.is_file() {
        None
    } else if metadata.mode() & 0o100 != 0 {
        Some(Mode::Executable)
    } else {
        Some(Mode::File)
    }
}

fn failed(step: &str, path: &str, error: &io::Error) -> SourceError {
    SourceError::Failed(format!("{step} {path:?}: {error}"))
}

impl Source for Directory {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        self.list_at_most(FILES)
    }

    fn size(&self, path: &str) -> Result<u64, SourceError> {
        self.root
            .symlink_metadata(path)
            .map(|metadata| metadata.len())
            .map_err(|error| failed("looking at", path, &error))
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        let read = || {
            let mut file = self.open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(length);
            file.take(length as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error: io::Error| failed("reading", path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn a_tree_with_too_many_files_is_not_listed() {
        let place = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        let root = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let source = Directory::new(root);
        assert_eq!(source.list_at_most(3).unwrap().len(), 3);
        let detail = "it has more than 2 files".to_owned();
        assert_eq!(source.list_at_most(2), Err(SourceError::Failed(detail)));
    }
}
