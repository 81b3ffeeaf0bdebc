//! The repositories that the operator opened to the agent, each with the base that was found at the start.

use std::path::{Path, PathBuf};

use crate::base::{self, Base};
use crate::error::UserError;
use crate::repository::Repository;

/// One repository.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Its root; as it was given where it cannot be read.
    pub(super) root: PathBuf,
    /// What every change of it is measured against; else why nothing can be verified here.
    base: Result<Base, UserError>,
}

/// All of them; at least one.
#[derive(Clone, Debug)]
pub(super) struct Places(Vec<Place>);

impl Places {
    /// Opens each directory and finds its base: the operator's revision, else that of [`base::at_start`].
    /// What is wrong with one is said when it is asked about: a server that does not start tells an agent nothing.
    pub(super) fn open(directories: &[PathBuf], revision: Option<&str>, cache: &Path) -> Self {
        let open = |directory: &PathBuf| Place::open(directory, revision, cache);
        Self(directories.iter().map(open).collect())
    }

    /// The place that an agent names: a directory in it; without a name the only one.
    pub(super) fn named(&self, name: Option<&str>) -> Result<&Place, UserError> {
        let Some(name) = name else {
            return match self.0.as_slice() {
                [only] => Ok(only),
                _ => Err(self.unclear("several repositories are open; name one as `repo`")),
            };
        };
        let wanted = Path::new(name).canonicalize();
        let inside = |place: &&Place| {
            let root = place.root.canonicalize();
            matches!((&wanted, root), (Ok(wanted), Ok(root)) if wanted.starts_with(&root))
        };
        // The innermost one, where one lies in another.
        let found = self.0.iter().filter(inside);
        found
            .max_by_key(|place| place.root.as_os_str().len())
            .ok_or_else(|| self.unclear("the operator did not open that directory to you"))
    }

    /// Whether a repository by this root is open.
    pub(super) fn holds(&self, root: &str) -> bool {
        self.0
            .iter()
            .any(|place| place.root.to_string_lossy() == root)
    }

    fn unclear(&self, what: &str) -> UserError {
        let roots: Vec<String> = self
            .0
            .iter()
            .map(|place| place.root.display().to_string())
            .collect();
        UserError::usage(format!("{what}; open are: {}", roots.join(", ")))
    }
}

impl Place {
    fn open(directory: &Path, revision: Option<&str>, cache: &Path) -> Self {
        match Repository::open(directory, cache) {
            Ok(repository) => Self {
                root: repository.root().to_owned(),
                base: base::of_agent(&repository, revision).map_err(UserError::from),
            },
            Err(error) => Self {
                root: directory.to_owned(),
                base: Err(error.into()),
            },
        }
    }

    /// The base.
    pub(super) fn base(&self) -> Result<&Base, UserError> {
        self.base.as_ref().map_err(Clone::clone)
    }
}
