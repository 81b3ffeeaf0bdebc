//! Where a repository keeps its things, found by looking and never by asking git.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::GitError;
use super::command::{c_quoted, path_bytes};

/// The directories of one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The working tree's root; none for a bare repository.
    pub work_tree: Option<PathBuf>,
    /// `HEAD` and `index` are here: of the linked worktree or submodule where it is one.
    pub git_dir: PathBuf,
    /// Objects, branches and configuration are here; equal to `git_dir` in an ordinary repository.
    pub common_dir: PathBuf,
}

/// Largest of git's one-line files that is read.
const LINE_FILE_CAP: u64 = 64 * 1024;

impl Layout {
    /// Looks for a repository at `start` and in the directories above it.
    pub fn discover(start: &Path) -> Result<Option<Self>, GitError> {
        for directory in start.ancestors() {
            if let Some(layout) = Self::at(directory)? {
                return Ok(Some(layout));
            }
        }
        Ok(None)
    }

    /// The repository whose working tree's root, or bare directory, is exactly `directory`.
    pub fn at(directory: &Path) -> Result<Option<Self>, GitError> {
        let dot_git = directory.join(".git");
        let work_tree = Some(directory.to_path_buf());
        if dot_git.is_dir() && is_git_dir(&dot_git) {
            return Self::from_git_dir(work_tree, dot_git).map(Some);
        }
        if dot_git.is_file() {
            return Self::from_git_dir(work_tree, gitdir_file(&dot_git)?).map(Some);
        }
        let bare = is_git_dir(directory) && directory.join("objects").is_dir();
        if bare {
            Self::from_git_dir(None, directory.to_path_buf()).map(Some)
        } else {
            Ok(None)
        }
    }

    fn from_git_dir(work_tree: Option<PathBuf>, git_dir: PathBuf) -> Result<Self, GitError> {
        let common = git_dir.join("commondir");
        let common_dir = match read_line_file(&common)? {
            Some(relative) => canonical(&git_dir.join(bytes_path(&relative)))?,
            None => git_dir.clone(),
        };
        Ok(Self {
            work_tree,
            git_dir,
            common_dir,
        })
    }

    /// The shared object directory.
    pub fn objects(&self) -> PathBuf {
        self.common_dir.join("objects")
    }
}

fn is_git_dir(directory: &Path) -> bool {
    directory.join("HEAD").symlink_metadata().is_ok()
        && (directory.join("objects").is_dir() || directory.join("commondir").is_file())
}

/// Follows a `.git` file (linked worktree, submodule) to the directory that it names.
fn gitdir_file(file: &Path) -> Result<PathBuf, GitError> {
    let line = read_line_file(file)?.unwrap_or_default();
    let purpose = || format!("read {}", file.display());
    let target = line.strip_prefix(b"gitdir: ").ok_or_else(|| {
        GitError::malformed(purpose(), "the file does not begin with \"gitdir: \"")
    })?;
    let parent = file.parent().unwrap_or(Path::new("/"));
    canonical(&parent.join(bytes_path(target)))
}

fn canonical(path: &Path) -> Result<PathBuf, GitError> {
    path.canonicalize().map_err(GitError::io(format!(
        "find the git directory {}",
        path.display()
    )))
}

fn bytes_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// The content of a small file without its line end; none when there is no such file.
pub fn read_line_file(path: &Path) -> Result<Option<Vec<u8>>, GitError> {
    let purpose = || format!("read {}", path.display());
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(GitError::io(purpose())(error)),
    };
    if !metadata.is_file() || metadata.len() > LINE_FILE_CAP {
        return Err(GitError::malformed(purpose(), "not a small regular file"));
    }
    let mut bytes = fs::read(path).map_err(GitError::io(purpose()))?;
    while bytes.last().is_some_and(u8::is_ascii_whitespace) {
        bytes.pop();
    }
    Ok(Some(bytes))
}

/// The directory as one line of `objects/info/alternates`, quoted where git's reader needs it.
pub fn alternates_line(directory: &Path) -> Vec<u8> {
    let raw = path_bytes(directory);
    let plain = !raw
        .iter()
        .any(|byte| byte.is_ascii_control() || *byte == b'"')
        && !raw.starts_with(b"#");
    let mut line = if plain { raw.to_vec() } else { c_quoted(raw) };
    line.push(b'\n');
    line
}
