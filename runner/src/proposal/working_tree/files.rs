//! The files of a working tree, opened below one directory handle and never through a symlink.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use nix::fcntl::OFlag;
use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;
use tempfile::NamedTempFile;

use super::listing::Expected;
use crate::digest;
use crate::git::layout::Layout;
use crate::git::refs::Refs;
use crate::git::settings::Settings;
use crate::git::{GitError, ObjectFormat};
use crate::proposal::ProposalError;

/// Largest file that is held in memory, in bytes; larger ones go through a temporary file.
pub(super) const IN_MEMORY: u64 = 64 << 20;

/// What is on disk at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing, or a directory where the base has none.
    Absent,
    /// A submodule's directory without a checkout.
    Unpopulated,
    /// A fifo, socket or device.
    Special,
    /// A symlink; the id of its target's text.
    Link(String),
    /// A submodule; the commit that it has checked out.
    Commit(String),
    /// A regular file.
    File { mode: Mode, size: u64 },
}

/// A working tree.
pub(super) struct Files {
    root: Dir,
    place: PathBuf,
    format: ObjectFormat,
    file_mode: bool,
    symlinks: bool,
    // Paths come sorted: nearly always the directory is that of the path before.
    last: RefCell<(Vec<u8>, Option<Rc<Dir>>)>,
}

impl Files {
    pub(super) fn open(root: &Path, settings: &Settings) -> Result<Self, ProposalError> {
        let directory = Dir::open_ambient_dir(root, ambient_authority())
            .map_err(GitError::io(format!("open {}", root.display())))?;
        let first = directory
            .try_clone()
            .map_err(GitError::io("open the working tree"))?;
        Ok(Self {
            root: directory,
            place: root.to_path_buf(),
            format: settings.format,
            file_mode: settings.file_mode,
            symlinks: settings.symlinks,
            last: RefCell::new((Vec::new(), Some(Rc::new(first)))),
        })
    }

    /// What is at `path`, without reading a file's content.
    pub(super) fn look(
        &self,
        path: &RepoPath,
        expected: &Expected,
    ) -> Result<Found, ProposalError> {
        let Some(parent) = self.parent(path).map_err(failed(path))? else {
            return Ok(Found::Absent);
        };
        let metadata = match parent.symlink_metadata(name(path)) {
            Ok(metadata) => metadata,
            Err(error) if is_absence(&error) => return Ok(Found::Absent),
            Err(error) => return Err(failed(path)(error)),
        };
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return Ok(Found::Link(self.format.blob(&self.link_target(path)?)));
        }
        if kind.is_dir() {
            return self.directory(path, expected);
        }
        if !kind.is_file() {
            return Ok(Found::Special);
        }
        Ok(Found::File {
            mode: self.mode(metadata.mode(), expected),
            size: metadata.len(),
        })
    }

    fn mode(&self, bits: u32, expected: &Expected) -> Mode {
        match expected.known_mode() {
            Some(Mode::Symlink) if !self.symlinks => Mode::Symlink,
            Some(Mode::Executable) if !self.file_mode => Mode::Executable,
            _ if self.file_mode && bits & 0o100 != 0 => Mode::Executable,
            _ => Mode::File,
        }
    }

    /// A submodule's commit, read from its own git directory as data.
    fn directory(&self, path: &RepoPath, expected: &Expected) -> Result<Found, ProposalError> {
        if expected.known_mode() != Some(Mode::Gitlink) {
            return Ok(Found::Absent);
        }
        let place = self.place.join(OsStr::from_bytes(path.as_bytes()));
        let Some(layout) = Layout::at(&place)? else {
            return Ok(Found::Unpopulated);
        };
        let refs = Refs::read(&layout, self.format)?;
        Ok(refs
            .head_oid()
            .map_or(Found::Unpopulated, |oid| Found::Commit(oid.to_owned())))
    }

    /// The id of a file's raw bytes; `size` is what [`Files::look`] saw.
    pub(super) fn hash(&self, path: &RepoPath, size: u64) -> Result<String, ProposalError> {
        let mut file = self.file(path)?;
        let oid = self
            .format
            .blob_from(size, &mut file)
            .map_err(failed(path))?;
        oid.ok_or_else(|| ProposalError::Unstable { path: path.clone() })
    }

    /// A file's bytes, at most [`IN_MEMORY`].
    pub(super) fn read(&self, path: &RepoPath) -> Result<Vec<u8>, ProposalError> {
        let mut bytes = Vec::new();
        let mut file = self.file(path)?.take(IN_MEMORY + 1);
        file.read_to_end(&mut bytes).map_err(failed(path))?;
        if bytes.len() as u64 > IN_MEMORY {
            return Err(ProposalError::Unstable { path: path.clone() });
        }
        Ok(bytes)
    }

    /// A private copy of a large file, in `directory`.
    pub(super) fn spool(
        &self,
        path: &RepoPath,
        directory: &Path,
    ) -> Result<Spooled, ProposalError> {
        let mut source = self.file(path)?;
        let purpose = || format!("copy {path} to a temporary file");
        let mut copy = NamedTempFile::new_in(directory).map_err(GitError::io(purpose()))?;
        let size = io::copy(&mut source, copy.as_file_mut()).map_err(GitError::io(purpose()))?;
        Ok(Spooled { copy, size })
    }

    /// The text of a symlink.
    pub(super) fn link_target(&self, path: &RepoPath) -> Result<Vec<u8>, ProposalError> {
        let unstable = || ProposalError::Unstable { path: path.clone() };
        let parent = self
            .parent(path)
            .map_err(failed(path))?
            .ok_or_else(unstable)?;
        let target = parent
            .read_link_contents(name(path))
            .map_err(failed(path))?;
        Ok(target.into_os_string().into_vec())
    }

    fn file(&self, path: &RepoPath) -> Result<File, ProposalError> {
        let unstable = || ProposalError::Unstable { path: path.clone() };
        let parent = self
            .parent(path)
            .map_err(failed(path))?
            .ok_or_else(unstable)?;
        // A fifo that took the file's place must not block us.
        let file = open(&parent, name(path), OFlag::O_NONBLOCK | OFlag::O_NOCTTY);
        let file = match file {
            Ok(file) => file,
            Err(error) if is_absence(&error) => return Err(unstable()),
            Err(error) => return Err(failed(path)(error)),
        };
        let is_file = file.metadata().map_err(failed(path))?.is_file();
        if is_file { Ok(file) } else { Err(unstable()) }
    }

    /// The directory of `path`; none when a component is missing, a symlink, or no directory.
    fn parent(&self, path: &RepoPath) -> io::Result<Option<Rc<Dir>>> {
        let bytes = path.as_bytes();
        let end = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let parent = bytes.get(..end).unwrap_or_default();
        if self.last.borrow().0 != parent {
            let opened = self.descend(parent)?;
            self.last.replace((parent.to_vec(), opened.map(Rc::new)));
        }
        Ok(self.last.borrow().1.clone())
    }

    fn descend(&self, path: &[u8]) -> io::Result<Option<Dir>> {
        let mut directory = self.root.try_clone()?;
        for component in path
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
        {
            match open(&directory, OsStr::from_bytes(component), OFlag::O_DIRECTORY) {
                Ok(file) => directory = Dir::from_std_file(file),
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(directory))
    }
}

fn open(directory: &Dir, name: &OsStr, flags: OFlag) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags((flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).bits());
    directory
        .open_with(name, &options)
        .map(cap_std::fs::File::into_std)
}

fn name(path: &RepoPath) -> &OsStr {
    OsStr::from_bytes(path.file_name())
}

/// True where git, too, would say that the tracked file is gone.
fn is_absence(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error().map(Errno::from_raw);
    error.kind() == io::ErrorKind::NotFound
        || matches!(code, Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP))
}

fn failed(path: &RepoPath) -> impl FnOnce(io::Error) -> ProposalError {
    let path = path.clone();
    move |source| ProposalError::File { path, source }
}

/// A private copy of a large file.
pub(super) struct Spooled {
    copy: NamedTempFile,
    size: u64,
}

impl Spooled {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The copy, from its beginning.
    pub(super) fn open(&self) -> Result<File, GitError> {
        let reopened = self
            .copy
            .reopen()
            .and_then(|mut file| file.rewind().map(|()| file));
        reopened.map_err(GitError::io("read a temporary file"))
    }

    /// The id of the copy as a blob.
    pub(super) fn oid(&self, format: ObjectFormat) -> Result<String, GitError> {
        let purpose = "hash a large file";
        let oid = format
            .blob_from(self.size, &mut self.open()?)
            .map_err(GitError::io(purpose))?;
        oid.ok_or_else(|| GitError::malformed(purpose, "its copy has another length"))
    }

    /// The sha256 of the copy, hex.
    pub(super) fn sha256(&self) -> Result<String, GitError> {
        digest::sha256_of(&mut self.open()?).map_err(GitError::io("hash a large file"))
    }
}
