//! Which policy counts: the operator's, else the base's. Never the candidate's.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use passmuster_policy::change::Mode;
use passmuster_policy::evidence::{PolicyRef, PolicySource};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{
    ConfigurationError, FILE_NAME, PRESETS, Policy, PolicyErrors, parse, placed,
};
use passmuster_policy::reason::{Reason, ReasonCode};
use thiserror::Error;

use crate::cache::Cache;
use crate::content::Content;
use crate::detect::{self, Detected, LOOKED_FOR, Listing};
use crate::error::UserError;
use crate::git::blobs::BlobReader;
use crate::git::objects::TreeEntry;
use crate::git::{Git, GitError};
use crate::layers::Snapshot;
use crate::repository::Repository;
use crate::toolchains::Operator;

/// Largest policy file that is read.
const SIZE: u64 = 1 << 20;

/// Where the operator wants the policy to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `passmuster.toml` of the base tree.
    Base,
    /// A file of the operator.
    File(PathBuf),
    /// A preset alone: no check, so static rules only.
    Preset(String),
    /// What `init` would write for the base tree.
    Auto,
}

/// A policy and where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Its source and digest, for the verdict.
    pub reference: PolicyRef,
    /// What was parsed, and how messages call it.
    text: String,
    name: String,
}

impl Loaded {
    /// Mistakes in the configuration of plugins, with their places.
    #[must_use]
    pub fn misconfigured(&self, mistakes: &[ConfigurationError]) -> PolicySourceError {
        PolicySourceError::Invalid(placed(&self.text, &self.name, mistakes))
    }
}

/// There is no policy to verify by. All of these end with exit code 2.
#[derive(Debug, Error)]
pub enum PolicySourceError {
    /// The base has none and the operator gave none.
    #[error(
        "the base has no {FILE_NAME} (one counts once it is committed); `passmuster init` writes one that fits this repository, and \
         `--policy auto` verifies with what it would write"
    )]
    Missing,
    /// The base has something else by that name.
    #[error(
        "{FILE_NAME} of the base is a symbolic link or a submodule; it must be an ordinary file"
    )]
    NoFile,
    /// It does not parse.
    #[error("{0}")]
    Invalid(PolicyErrors),
    /// The operator's file cannot be read.
    #[error("cannot read the policy {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no such preset.
    #[error("there is no preset `{name}`; known: {known}")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nothing in the base tells how to test it.
    #[error(
        "found nothing that tells how this repository is tested; looked for {LOOKED_FOR}; write a {FILE_NAME}"
    )]
    NothingDetected,
    /// The base's objects cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl PolicySourceError {
    /// The reason code of the contract.
    pub fn code(&self) -> ReasonCode {
        match self {
            Self::Missing | Self::NothingDetected => ReasonCode::PolicyMissing,
            Self::Git(GitError::ObjectsMissing { .. }) => ReasonCode::ObjectsMissing,
            Self::Git(_) => ReasonCode::RepositoryUnreadable,
            _ => ReasonCode::PolicyInvalid,
        }
    }
}

/// Reads `--policy`.
pub fn choice(argument: Option<&str>) -> Choice {
    match argument {
        None => Choice::Base,
        Some("auto") => Choice::Auto,
        Some(text) => match text.strip_prefix("preset:") {
            Some(name) => Choice::Preset(name.to_owned()),
            None => Choice::File(PathBuf::from(text)),
        },
    }
}

/// Loads the policy that counts for a change of this base.
pub fn load(
    choice: &Choice,
    git: &Git,
    base: &Snapshot,
    operator: &Operator,
) -> Result<Loaded, PolicySourceError> {
    let (text, name, source, path) = match choice {
        Choice::Base => {
            if entry_of(base, FILE_NAME)
                .is_some_and(|entry| matches!(entry.mode, Mode::Symlink | Mode::Gitlink))
            {
                return Err(PolicySourceError::NoFile);
            }
            let text = file_of(git, base, FILE_NAME)?.ok_or(PolicySourceError::Missing)?;
            (
                text,
                FILE_NAME.to_owned(),
                PolicySource::Base,
                Some(FILE_NAME.to_owned()),
            )
        }
        Choice::File(file) => {
            let unreadable = |source| PolicySourceError::Unreadable {
                path: file.clone(),
                source,
            };
            let shown = file.display().to_string();
            (
                read_regular(file).map_err(unreadable)?,
                shown.clone(),
                PolicySource::Operator,
                Some(shown),
            )
        }
        Choice::Preset(name) => (
            preset(name)?,
            format!("preset:{name}"),
            PolicySource::Operator,
            None,
        ),
        Choice::Auto => (
            detected(git, base, operator)?,
            "detected policy".to_owned(),
            PolicySource::Detected,
            None,
        ),
    };
    let policy = parse(&text, &name).map_err(PolicySourceError::Invalid)?;
    let reference = PolicyRef {
        source,
        path,
        sha256: policy.digest(),
        presets: policy.extends.clone(),
    };
    Ok(Loaded {
        policy,
        reference,
        text,
        name,
    })
}

/// The same with nothing but the base's tree id at hand.
pub fn load_for(
    repository: &Repository,
    base_tree: &str,
    choice: &Choice,
    (cache, operator): (&Cache, &Operator),
) -> Result<Loaded, UserError> {
    let outside = operator.outside(repository.root());
    let mut content = Content::new(repository.git(), &cache.git());
    let (tree, _) = content.snapshot(repository, base_tree)?;
    Ok(load(choice, repository.git(), &tree, &outside)?)
}

/// The text of an ordinary file: a pipe could keep us waiting for ever.
fn read_regular(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !metadata.is_file() {
        return refused("not an ordinary file");
    }
    if metadata.len() > SIZE {
        return refused("larger than any policy (1 MiB)");
    }
    fs::read_to_string(path)
}

/// The policy that `init` writes for this tree.
fn detected(git: &Git, base: &Snapshot, operator: &Operator) -> Result<String, PolicySourceError> {
    let found = detect_in(git, base, operator)?;
    if found.is_empty() {
        return Err(PolicySourceError::NothingDetected);
    }
    Ok(detect::policy_text(&found))
}

/// What the tree looks like to `init`.
pub fn detect_in(
    git: &Git,
    base: &Snapshot,
    operator: &Operator,
) -> Result<Detected, PolicySourceError> {
    let reader = RefCell::new(BlobReader::start(git)?);
    let paths: Vec<String> = base
        .entries
        .iter()
        .filter_map(|entry| entry.path.as_str().map(str::to_owned))
        .collect();
    let read = |path: &str| {
        let entry = entry_of(base, path)?;
        let bytes = reader.borrow_mut().read_small(&entry.oid, SIZE).ok()??;
        String::from_utf8(bytes).ok()
    };
    Ok(detect::detect(&Listing::new(&paths, &read), &|program| {
        operator.has(program)
    }))
}

/// A change to the policy that leaves it unreadable would bind everybody after the merge.
pub fn candidate_problem(
    git: &Git,
    base: &Snapshot,
    candidate: &Snapshot,
) -> Result<Option<Reason>, GitError> {
    let same = entry_of(base, FILE_NAME).map(|entry| &entry.oid)
        == entry_of(candidate, FILE_NAME).map(|entry| &entry.oid);
    if same {
        return Ok(None);
    }
    let Some(text) = file_of(git, candidate, FILE_NAME)? else {
        return Ok(None);
    };
    let problem = parse(&text, FILE_NAME).err().map(|errors| Reason {
        code: ReasonCode::PolicyInvalidInCandidate,
        check: None,
        ids: vec![FILE_NAME.to_owned()],
        message: format!("the candidate's policy does not parse: {errors}"),
    });
    Ok(problem)
}

fn preset(name: &str) -> Result<String, PolicySourceError> {
    if PRESETS.iter().any(|preset| preset.name == name) {
        return Ok(format!("version = 1\nextends = [\"{name}\"]\n"));
    }
    let known = PRESETS
        .iter()
        .map(|preset| preset.name)
        .collect::<Vec<_>>()
        .join(", ");
    Err(PolicySourceError::UnknownPreset {
        name: name.to_owned(),
        known,
    })
}

/// The text of a small file of a tree.
pub fn file_of(git: &Git, tree: &Snapshot, path: &str) -> Result<Option<String>, GitError> {
    let Some(entry) = entry_of(tree, path).filter(|entry| entry.mode != Mode::Gitlink) else {
        return Ok(None);
    };
    let bytes = BlobReader::start(git)?.read_small(&entry.oid, SIZE)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn entry_of<'a>(tree: &'a Snapshot, path: &str) -> Option<&'a TreeEntry> {
    let path = RepoPath::from(path);
    // Git sorts by bytes, directories as if they ended in a slash: names of files compare alike.
    tree.entries.iter().find(|entry| entry.path == path)
}
