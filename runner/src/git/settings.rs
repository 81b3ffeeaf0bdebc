//! The few settings of the user's repository that say how to *read* it. They are data here: git
//! parses the file on our side of the door, follows no include, and applies nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Git, GitError, ObjectFormat};
use crate::memory;

/// What the repository's configuration says about its own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `extensions.objectFormat`
    pub format: ObjectFormat,
    /// `extensions.refStorage = reftable`
    pub reftable: bool,
    /// Objects may be missing because a promisor remote has them.
    pub partial: bool,
    /// `core.fileMode`: whether the executable bit of files means anything.
    pub file_mode: bool,
    /// `core.symlinks`: whether symlinks are checked out as such.
    pub symlinks: bool,
    /// `core.excludesFile` as written in the repository's configuration.
    pub excludes_file: Option<PathBuf>,
    /// Whether it knows a remote, by any name.
    pub has_remote: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: ObjectFormat::Sha1,
            reftable: false,
            partial: false,
            file_mode: true,
            symlinks: true,
            excludes_file: None,
            has_remote: false,
        }
    }
}

impl Settings {
    /// Reads the configuration file at `file`; the defaults when there is none.
    pub fn read(git: &Git, file: &Path) -> Result<Self, GitError> {
        let mut settings = Self::default();
        for (key, value) in entries(git, file)? {
            settings.take(&key, &value);
        }
        Ok(settings)
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "extensions.objectformat" if value.eq_ignore_ascii_case("sha256") => {
                self.format = ObjectFormat::Sha256;
            }
            "extensions.refstorage" => self.reftable = value.eq_ignore_ascii_case("reftable"),
            "extensions.partialclone" => self.partial = true,
            "core.filemode" => self.file_mode = is_true(value),
            "core.symlinks" => self.symlinks = is_true(value),
            "core.excludesfile" => self.excludes_file = Some(PathBuf::from(value)),
            url if url.starts_with("remote.") && url.ends_with(".url") => self.has_remote = true,
            promisor if promisor.starts_with("remote.") && promisor.ends_with(".promisor") => {
                self.partial |= is_true(value);
            }
            _ => {}
        }
    }
}

fn is_true(value: &str) -> bool {
    !["false", "no", "off", "0"]
        .iter()
        .any(|no| value.eq_ignore_ascii_case(no))
}

/// All keys (lower-case section and name) and values of a configuration file, in order.
pub fn entries(git: &Git, file: &Path) -> Result<Vec<(String, String)>, GitError> {
    let purpose = format!("read the settings in {}", file.display());
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(_) if !file.is_file() => return Ok(Vec::new()),
        Err(error) => return Err(GitError::io(purpose)(error)),
    };
    let listing = memory::recall(git.reading_of(&bytes), || list(git, &bytes, purpose))?;
    Ok(listing
        .split('\0')
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            // A key without `=` is true and has no line feed.
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            (key.to_owned(), value.to_owned())
        })
        .collect())
}

fn list(git: &Git, bytes: &[u8], purpose: String) -> Result<String, GitError> {
    let arguments = ["config", "--no-includes", "--list", "-z", "--file", "-"];
    let listing = git.command(purpose, arguments).input(bytes).run()?;
    Ok(String::from_utf8_lossy(&listing).into_owned())
}
