//! `install` and `uninstall`: the project's configuration of a client, changed by what we need and nothing else.
//!
//! What is to change is worked out first, as whole texts ([`Change`]), shown, and only then written. Files of
//! other people keep every byte that is not ours, comments included: JSON is edited in its text (`json`), and
//! into everything else goes a block between two marks (`block`), which taking it out again restores. Files are
//! reached below the project's directory only, through no link that leads out of it.

mod block;
mod clients;
mod json;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, Permissions, PermissionsExt};
use similar::TextDiff;
use thiserror::Error;

pub use clients::Client;

/// Largest configuration that is read.
const SIZE: u64 = 4 << 20;

/// What the operator settles for the client's servers and hooks.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program as the client has to call it.
    pub program: String,
    /// The base; none: what `mcp` and `hook` find.
    pub base: Option<String>,
    /// The policy; none: the base's.
    pub policy: Option<String>,
}

/// Put in or take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Put our parts in, or bring them up to date.
    Install,
    /// Take them out.
    Uninstall,
}

/// One file before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Below the directory.
    pub path: PathBuf,
    /// Its text; none where it is not there.
    pub before: Option<String>,
    /// What it will be; none: it goes.
    pub after: Option<String>,
    /// Whether it is a program.
    pub executable: bool,
}

/// Why nothing is changed.
#[derive(Debug, Error)]
pub enum InstallError {
    /// A file cannot be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file holds something else than its format, or something of ours in a place where it cannot be.
    #[error("{}: {problem}; nothing was changed", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl InstallError {
    fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}

/// A directory whose files are changed.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
    /// None where it is not there yet.
    dir: Option<Dir>,
}

impl Project {
    /// Opens it. One that is not there is made when something is written.
    pub fn open(root: &Path) -> Result<Self, InstallError> {
        let dir = match Dir::open_ambient_dir(root, ambient_authority()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(InstallError::at("open", root))?),
        };
        let root = root.to_owned();
        Ok(Self { root, dir })
    }

    /// What would change; files that stay as they are left out.
    pub fn changes(
        &self,
        client: Client,
        direction: Direction,
        options: &Options,
    ) -> Result<Vec<Change>, InstallError> {
        let mut changes = Vec::new();
        for part in client.parts(options) {
            let path = PathBuf::from(part.path);
            let before = self.read(&path)?;
            let after = part
                .applied(direction, before.as_deref())
                .map_err(|problem| InstallError::Content {
                    path: self.root.join(&path),
                    problem,
                })?;
            let change = Change {
                path,
                before,
                after,
                executable: part.is_program(),
            };
            changes.extend((change.before != change.after).then_some(change));
        }
        Ok(changes)
    }

    /// Writes what was worked out, all of it or nothing. Each file is replaced in one step.
    pub fn apply(&self, changes: &[Change]) -> Result<(), InstallError> {
        let dir = self.directory()?;
        for (at, change) in changes.iter().enumerate() {
            if let Err(error) = self.rewrite(&dir, change, change.after.as_deref()) {
                for done in &changes[..at] {
                    // What cannot be put back either fails for the reason that is told.
                    let _ = self.rewrite(&dir, done, done.before.as_deref());
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// The directory, made where it is not there yet.
    fn directory(&self) -> Result<Dir, InstallError> {
        let opened = match &self.dir {
            Some(dir) => dir.try_clone(),
            None => std::fs::create_dir_all(&self.root)
                .and_then(|()| Dir::open_ambient_dir(&self.root, ambient_authority())),
        };
        opened.map_err(InstallError::at("make", &self.root))
    }

    /// Leaves the file with this text, or none.
    fn rewrite(&self, dir: &Dir, change: &Change, text: Option<&str>) -> Result<(), InstallError> {
        let is_link = || {
            let found = dir.symlink_metadata(&change.path);
            found.is_ok_and(|found| found.file_type().is_symlink())
        };
        match text {
            Some(text) => self.write(dir, &change.path, text, change.executable),
            // The link is somebody else's, and what it leads to was there before.
            None if is_link() => self.write(dir, &change.path, "", false),
            None => self.remove(dir, &change.path),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<String>, InstallError> {
        let failed = |source| InstallError::at("read", &self.root.join(path))(source);
        let refused = |why| Err(failed(io::Error::new(io::ErrorKind::InvalidInput, why)));
        let Some(dir) = &self.dir else {
            return Ok(None);
        };
        if leads_into_git(dir, path) {
            return refused("it is a link to a file of git");
        }
        let metadata = match dir.metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match dir.symlink_metadata(path) {
                    Ok(_) => refused("it is a link that leads nowhere"),
                    Err(_) => Ok(None),
                };
            }
            found => found.map_err(failed)?,
        };
        if !metadata.is_file() || metadata.len() > SIZE {
            return refused("it is no ordinary file of a reasonable size");
        }
        dir.read_to_string(path).map(Some).map_err(failed)
    }

    fn write(
        &self,
        dir: &Dir,
        path: &Path,
        text: &str,
        executable: bool,
    ) -> Result<(), InstallError> {
        let failed = |source| InstallError::at("write", &self.root.join(path))(source);
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let new_parent = parent.filter(|parent| !dir.exists(parent));
        if let Some(parent) = new_parent {
            dir.create_dir_all(parent).map_err(failed)?;
        }
        let mode = match dir.metadata(path) {
            Ok(metadata) => metadata.permissions(),
            Err(_) if executable => Permissions::from_mode(0o755),
            Err(_) => Permissions::from_mode(0o644),
        };
        // What a link leads to is replaced there, not the link.
        let place = dir.canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let new = place.with_extension(format!("passmuster-{}", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let written = dir.open_with(&new, &options).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.set_permissions(mode)?;
            dir.rename(&new, dir, &place)
        });
        written.map_err(|error| {
            let _ = dir.remove_file(&new);
            if new_parent.is_some() {
                remove_empty_parents(dir, path);
            }
            failed(error)
        })
    }

    /// The file, and the directories that are empty without it.
    fn remove(&self, dir: &Dir, path: &Path) -> Result<(), InstallError> {
        dir.remove_file(path)
            .map_err(InstallError::at("remove", &self.root.join(path)))?;
        remove_empty_parents(dir, path);
        Ok(())
    }
}

fn remove_empty_parents(dir: &Dir, path: &Path) {
    let parents = path.ancestors().skip(1);
    for parent in parents.filter(|parent| !parent.as_os_str().is_empty()) {
        if dir.remove_dir(parent).is_err() {
            break;
        }
    }
}

/// Whether the file, or the nearest directory above it that is there, is one of git's own.
fn leads_into_git(dir: &Dir, path: &Path) -> bool {
    let mut places = path
        .ancestors()
        .filter_map(|place| dir.canonicalize(place).ok());
    let place = places.next().unwrap_or_default();
    place.components().any(|part| part.as_os_str() == ".git")
}

impl Change {
    /// The difference, as `diff -u` shows it.
    #[must_use]
    pub fn difference(&self) -> String {
        let (before, after) = (
            self.before.as_deref().unwrap_or_default(),
            self.after.as_deref().unwrap_or_default(),
        );
        let path = self.path.display().to_string();
        let name = |text: &Option<String>, prefix: &str| match text {
            Some(_) => format!("{prefix}/{path}"),
            None => "/dev/null".to_owned(),
        };
        TextDiff::from_lines(before, after)
            .unified_diff()
            .header(&name(&self.before, "a"), &name(&self.after, "b"))
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_file_cannot_be_written_none_is_changed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        for (path, text) in [("kept", "old"), ("gone", "old"), ("file", "")] {
            std::fs::write(at(path), text).unwrap();
        }
        let change = |path: &str, before: Option<&str>, after: Option<&str>| Change {
            path: path.into(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            executable: false,
        };
        let changes = [
            change("kept", Some("old"), Some("new")),
            change("gone", Some("old"), None),
            change("new/deep/er", None, Some("new")),
            change("file/below", None, Some("new")),
        ];
        let project = Project::open(directory.path()).unwrap();
        let error = project.apply(&changes).unwrap_err().to_string();
        assert!(error.contains("file/below"), "{error}");
        for path in ["kept", "gone"] {
            assert_eq!(std::fs::read_to_string(at(path)).unwrap(), "old");
        }
        assert!(!at("new").exists());
        project.apply(&changes[..3]).unwrap();
        assert!(at("new/deep/er").exists() && !at("gone").exists());
    }
}
