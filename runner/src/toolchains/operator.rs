//! The operator: what the process was started with, passed in.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The PATH, home and environment that the runner was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// Directories to search for programs, absolute ones only.
    pub path: Vec<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// The whole environment; only named variables are ever read from it.
    pub env: BTreeMap<OsString, OsString>,
}

impl Operator {
    /// Reads an environment. A PATH entry that is not absolute names whatever the current directory
    /// holds, so it is left out.
    pub fn from_env(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let env: BTreeMap<OsString, OsString> = vars.into_iter().collect();
        let mut path: Vec<PathBuf> = Vec::new();
        for entry in env
            .get(OsStr::new("PATH"))
            .iter()
            .flat_map(|path| std::env::split_paths(path))
        {
            if entry.is_absolute() && !path.contains(&entry) {
                path.push(entry);
            }
        }
        let home = env
            .get(OsStr::new("HOME"))
            .map(PathBuf::from)
            .filter(|home| home.is_absolute());
        Self { path, home, env }
    }

    /// The same operator without PATH entries inside `repository`: an activated `.venv` or
    /// `node_modules/.bin` of the working tree is the agent's to write.
    #[must_use]
    pub fn outside(&self, repository: &Path) -> Self {
        let repository = super::real(repository);
        let mut outside = self.clone();
        outside.path.retain(|dir| {
            !dir.starts_with(&repository) && !super::real(dir).starts_with(&repository)
        });
        outside
    }

    /// Whether a program of this name can be found.
    pub fn has(&self, program: &str) -> bool {
        self.first(program).is_some()
    }

    /// An absolute path from an environment variable.
    pub(super) fn dir(&self, variable: &str) -> Option<PathBuf> {
        self.env
            .get(OsStr::new(variable))
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    }

    /// An absolute path from a variable, or one below the home directory.
    pub(super) fn dir_or_home(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.dir(variable)
            .or_else(|| self.home.as_ref().map(|home| home.join(below_home)))
    }

    /// Every executable of this name, in PATH order.
    pub(super) fn all(&self, program: &str) -> impl Iterator<Item = PathBuf> {
        self.path
            .iter()
            .map(move |dir| dir.join(program))
            .filter(|path| executable(path))
    }

    /// The first executable of this name.
    pub(super) fn first(&self, program: &str) -> Option<PathBuf> {
        self.all(program).next()
    }
}

/// Whether the path, links followed, is a file that someone may execute.
pub(super) fn executable(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
