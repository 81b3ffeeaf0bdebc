//! The user's repository: found, read, and never written to.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::git::command::Program;
use crate::git::isolated::Isolated;
use crate::git::layout::Layout;
use crate::git::refs::Refs;
use crate::git::settings::Settings;
use crate::git::{Git, GitError, ObjectFormat};

/// A repository, or a plain directory, opened through a private git directory.
#[derive(Debug)]
pub struct Repository {
    git: Git,
    root: PathBuf,
    layout: Option<Layout>,
    settings: Settings,
    refs: Option<Refs>,
    // Last: removed after everything that points into it.
    _isolated: Isolated,
}

/// Why a repository cannot be worked with. All of these end with exit code 2.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// The directory is not there or cannot be read.
    #[error("{path} cannot be read: {source}; give a directory with --repo", path = path.display())]
    Unreadable {
        /// The directory that was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The references are in a form that is not read here.
    #[error(
        "{path} keeps its references as reftable, which is not supported; \
         `git refs migrate --ref-format=files` converts it", path = path.display()
    )]
    Reftable {
        /// The repository's git directory.
        path: PathBuf,
    },
    /// Nothing was ever committed on the branch that is checked out.
    #[error("{path} has no commit yet; commit the state that proposals start from", path = path.display())]
    NoCommits {
        /// The repository.
        path: PathBuf,
    },
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl RepositoryError {
    /// The reason code of §7 of the design.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Git(GitError::ObjectsMissing { .. }) => "objects-missing",
            Self::NoCommits { .. } => "base-unknown",
            _ => "repository-unreadable",
        }
    }
}

impl Repository {
    /// Opens the repository that `directory` is in, or `directory` itself as a plain directory.
    /// Private files go below `cache`. Nothing of the repository is executed or written.
    pub fn open(directory: &Path, cache: &Path) -> Result<Self, RepositoryError> {
        let start = readable(directory)?;
        let cache = private_cache(cache)?;
        match Layout::discover(&start)? {
            Some(layout) => Self::with_layout(layout, &cache),
            None => Self::plain(start, &cache),
        }
    }

    fn with_layout(layout: Layout, cache: &Path) -> Result<Self, RepositoryError> {
        let program = Program::find()?;
        let settings = read_settings(&program, &layout.common_dir, cache)?;
        if settings.reftable {
            return Err(RepositoryError::Reftable {
                path: layout.common_dir,
            });
        }
        let objects = layout.objects();
        let objects = objects.canonicalize().map_err(GitError::io(format!(
            "find the objects in {}",
            objects.display()
        )))?;
        let refs = Refs::read(&layout, settings.format)?;
        let shallow = read_shallow(&layout)?;
        let isolated = Isolated::create(cache, &objects, Some(&objects), settings.format)?;
        isolated.adopt(&refs, shallow.as_deref())?;
        let remedy = remedy(&settings, shallow.is_some());
        let git = private_git(program, &isolated, settings.format, remedy);
        let root = layout
            .work_tree
            .clone()
            .unwrap_or_else(|| layout.git_dir.clone());
        Ok(Self {
            git,
            root,
            layout: Some(layout),
            settings,
            refs: Some(refs),
            _isolated: isolated,
        })
    }

    fn plain(root: PathBuf, cache: &Path) -> Result<Self, RepositoryError> {
        let program = Program::find()?;
        let settings = Settings::default();
        let isolated = Isolated::create(cache, &root, None, settings.format)?;
        let git = private_git(
            program,
            &isolated,
            settings.format,
            remedy(&settings, false),
        );
        Ok(Self {
            git,
            root,
            layout: None,
            settings,
            refs: None,
            _isolated: isolated,
        })
    }

    /// Git on the private directory.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The root of the working tree, of the bare repository, or the plain directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The working tree's root; none for a bare repository. A plain directory is its own.
    pub fn work_tree(&self) -> Option<&Path> {
        match &self.layout {
            Some(layout) => layout.work_tree.as_deref(),
            None => Some(&self.root),
        }
    }

    /// The repository's directories; none for a plain directory.
    pub fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// What the repository says about its own form.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The references as they were when the repository was opened; none for a plain directory.
    pub fn refs(&self) -> Option<&Refs> {
        self.refs.as_ref()
    }
}

fn readable(directory: &Path) -> Result<PathBuf, RepositoryError> {
    let unreadable = |source| RepositoryError::Unreadable {
        path: directory.to_path_buf(),
        source,
    };
    let start = directory.canonicalize().map_err(unreadable)?;
    fs::read_dir(&start).map_err(unreadable)?;
    Ok(start)
}

fn private_cache(cache: &Path) -> Result<PathBuf, GitError> {
    let purpose = || format!("make the cache directory {}", cache.display());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(cache)
        .map_err(GitError::io(purpose()))?;
    cache.canonicalize().map_err(GitError::io(purpose()))
}

fn private_git(program: Program, isolated: &Isolated, format: ObjectFormat, remedy: String) -> Git {
    Git::new(
        program,
        isolated.directory().to_path_buf(),
        isolated.objects.clone(),
        format,
        remedy,
    )
}

/// Reads the configuration before there is a private directory: its format decides which one.
fn read_settings(program: &Program, common: &Path, cache: &Path) -> Result<Settings, GitError> {
    // An empty directory that stays: nothing is left behind when we are killed meanwhile.
    let place = cache.join("nowhere");
    fs::create_dir_all(&place).map_err(GitError::io("make an empty directory"))?;
    let git = Git::new(
        program.clone(),
        place.clone(),
        place,
        ObjectFormat::Sha1,
        String::new(),
    );
    Settings::read(&git, &common.join("config"))
}

fn read_shallow(layout: &Layout) -> Result<Option<Vec<u8>>, GitError> {
    let file = layout.common_dir.join("shallow");
    match fs::read(&file) {
        Ok(bytes) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(GitError::io(format!("read {}", file.display()))(error)),
    }
}

/// The command that brings missing objects.
fn remedy(settings: &Settings, shallow: bool) -> String {
    let command = match (shallow, settings.partial) {
        (true, _) => "the clone is shallow: run `git fetch --unshallow`",
        (false, true) => "the clone is partial: run `git fetch --refetch --no-filter`",
        (false, false) => "the repository is damaged or an alternate is gone: run `git fsck`",
    };
    command.to_owned()
}
