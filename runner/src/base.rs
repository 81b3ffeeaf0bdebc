//! The base: which trusted state a proposal is measured against, and how far it can be trusted.

use thiserror::Error;

pub use passmuster_policy::evidence::BaseTrust;

use crate::git::error::sanitise;
use crate::git::refs::{Refs, Target};
use crate::git::{Git, GitError};
use crate::repository::Repository;

/// The state that a proposal starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Tree id.
    pub tree: String,
    /// Commit id; none for a plain directory, or when a tree was named.
    pub commit: Option<String>,
    /// The reference or revision that led to it, for the reader.
    pub ref_name: Option<String>,
    /// How far it can be trusted.
    pub trust: BaseTrust,
}

/// What the caller says of the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: what the form of the proposal gives.
    #[default]
    ByForm,
    /// The operator's revision.
    Revision(String),
    /// One that was found before, as servers and hooks do at their start.
    Known(Base),
}

impl From<Option<String>> for Choice {
    fn from(revision: Option<String>) -> Self {
        revision.map_or(Self::ByForm, Self::Revision)
    }
}

/// No base could be found. Exit code 2, `base-unknown`, unless git itself failed.
#[derive(Debug, Error)]
pub enum BaseError {
    /// A revision that names nothing here.
    #[error(
        "{revision:?} names no commit of this repository; `git rev-parse --verify {revision:?}` must answer"
    )]
    UnknownRevision {
        /// What was asked for.
        revision: String,
    },
    /// A short name of several references: whoever may push a tag could choose the base.
    #[error("{revision:?} names more than one thing here ({}); write one of them in full", names.join(", "))]
    Ambiguous {
        /// What was asked for.
        revision: String,
        /// The full names.
        names: Vec<String>,
    },
    /// The branch that is checked out has no commit.
    #[error("the repository has no commit yet; commit the state that proposals start from")]
    NoCommits,
    /// Neither `origin/HEAD` nor `main` nor `master` is there.
    #[error(
        "no default branch (origin/HEAD, main, master) to measure {revision:?} against; name the base with --base"
    )]
    NoDefaultBranch {
        /// The proposal's revision.
        revision: String,
    },
    /// More than one branch could be the default one, or somebody with a branch of the usual name could choose the base.
    #[error(
        "nothing says which branch is the default one{}; `git remote set-head origin --auto` asks the remote, or name the base with --base",
        could_be(names)
    )]
    DefaultBranchUnsaid {
        /// What it could be.
        names: Vec<String>,
    },
    /// Two histories without a common commit.
    #[error("{revision:?} and {branch} have no common commit; name the base with --base")]
    Unrelated {
        /// The proposal's revision.
        revision: String,
        /// The default branch.
        branch: String,
    },
    /// A root commit on the default branch.
    #[error("{revision:?} is on {branch} and has no parent; name the base with --base")]
    NoParent {
        /// The proposal's revision.
        revision: String,
        /// The default branch.
        branch: String,
    },
    /// A plain directory has no revisions.
    #[error(
        "this directory is no git repository, so {revision:?} names nothing; give a patch without --base"
    )]
    NoRepository {
        /// What was asked for.
        revision: String,
    },
    /// A plain directory has nothing that an agent could be measured against.
    #[error("{path} is no git repository, so there is no base to measure a change against")]
    PlainDirectory {
        /// The directory.
        path: String,
    },
    /// Git failed, or objects are missing.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The branches that a name alone speaks for.
fn could_be(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(" ({} could be)", names.join(", ")),
    }
}

impl BaseError {
    /// The reason code of §7 of the design.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Git(GitError::ObjectsMissing { .. }) => "objects-missing",
            Self::Git(_) => "repository-unreadable",
            _ => "base-unknown",
        }
    }
}

/// The revision that the operator named.
pub fn pinned(repository: &Repository, revision: &str) -> Result<Base, BaseError> {
    if repository.layout().is_none() {
        return Err(BaseError::NoRepository {
            revision: revision.to_owned(),
        });
    }
    unambiguous(repository, revision)?;
    let git = repository.git();
    let commit = resolve(git, revision, "commit")?;
    let tree = match &commit {
        Some(commit) => tree_of(git, commit)?,
        None => resolve(git, revision, "tree")?.ok_or_else(|| BaseError::UnknownRevision {
            revision: revision.to_owned(),
        })?,
    };
    Ok(Base {
        tree,
        commit,
        ref_name: Some(revision.to_owned()),
        trust: BaseTrust::Pinned,
    })
}

/// `HEAD`: for a patch, the staged state and the working tree.
pub fn head(repository: &Repository) -> Result<Base, BaseError> {
    let refs = repository.refs().ok_or(BaseError::NoCommits)?;
    let commit = refs.head_oid().ok_or(BaseError::NoCommits)?.to_owned();
    local(repository.git(), commit, Some(head_name(refs)))
}

/// For `--head REVISION`: where it left the default branch, or its first parent when it is on it.
pub fn of_revision(repository: &Repository, revision: &str) -> Result<Base, BaseError> {
    let git = repository.git();
    let commit = commit_of(repository, revision)?;
    let branch = default_branch_of(repository)?.ok_or_else(|| BaseError::NoDefaultBranch {
        revision: revision.to_owned(),
    })?;
    let tip = commit_of(repository, &branch.name)?;
    let unrelated = || BaseError::Unrelated {
        revision: revision.to_owned(),
        branch: branch.name.clone(),
    };
    let mut base = merge_base(git, &commit, &tip)?.ok_or_else(unrelated)?;
    if base == commit {
        base = resolve(git, &format!("{commit}^1"), "commit")?
            .ok_or_else(|| no_parent(git, revision, &branch.name))?;
    }
    let tree = tree_of(git, &base)?;
    Ok(Base {
        tree,
        commit: Some(base),
        ref_name: Some(branch.name),
        trust: branch.trust,
    })
}

/// Where the default branch is, when it has commits that this revision lacks: a merge of the two makes a tree that is neither's, and
/// moving the branch to the revision would take them back. None where the revision has all of it.
pub fn moved_on(
    repository: &Repository,
    revision: &str,
) -> Result<Option<(String, String)>, BaseError> {
    let commit = commit_of(repository, revision)?;
    let Some(branch) = default_branch_of(repository)? else {
        return Ok(None);
    };
    let tip = commit_of(repository, &branch.name)?;
    let common = merge_base(repository.git(), &commit, &tip)?;
    let behind = common.is_some_and(|common| common != tip);
    Ok(behind.then_some((branch.name, tip)))
}

/// An error where the default branch is only guessed by its name although branches come from a remote: whoever may push one could
/// choose it. A gate has no use for a guess.
pub fn default_branch_is_said(repository: &Repository) -> Result<(), BaseError> {
    let Some(refs) = repository.refs() else {
        return Ok(());
    };
    let of_remotes = |name: &&String| name.starts_with("refs/remotes/");
    let comes_from_elsewhere = repository.settings().has_remote
        || refs.named.keys().any(|name| of_remotes(&name))
        // As `git init` leaves it: what is there was fetched.
        || refs.head_oid().is_none();
    if origin_head(refs).is_some() || bare_head(repository).is_some() || !comes_from_elsewhere {
        return Ok(());
    }
    let guess = default_branch_of(repository)?.map(|branch| branch.name);
    Err(BaseError::DefaultBranchUnsaid {
        names: guess.into_iter().collect(),
    })
}

/// In a shallow clone the parent may only be missing here.
fn no_parent(git: &Git, revision: &str, branch: &str) -> BaseError {
    if git.directory().join("shallow").exists() {
        return git
            .missing("find the parent of the proposal", "the history ends there")
            .into();
    }
    BaseError::NoParent {
        revision: revision.to_owned(),
        branch: branch.to_owned(),
    }
}

/// For servers and hooks: the operator's revision, else that of [`at_start`]. A plain directory has no base that its agent
/// could not move.
pub fn of_agent(repository: &Repository, revision: Option<&str>) -> Result<Base, BaseError> {
    match revision {
        Some(revision) => pinned(repository, revision),
        None if repository.layout().is_none() => Err(BaseError::PlainDirectory {
            path: repository.root().display().to_string(),
        }),
        None => at_start(repository),
    }
}

/// For servers and hooks, asked once at their start: where `HEAD` left the default branch's
/// remote-tracking reference, never `HEAD` itself, because an agent commits as it goes; without a
/// remote the commit at start.
pub fn at_start(repository: &Repository) -> Result<Base, BaseError> {
    let refs = repository.refs().ok_or(BaseError::NoCommits)?;
    let commit = refs.head_oid().ok_or(BaseError::NoCommits)?.to_owned();
    let git = repository.git();
    let Some(remote) = remote_branch(refs)? else {
        return local(git, commit, Some(head_name(refs)));
    };
    let tip = commit_of(repository, &remote)?;
    let base = merge_base(git, &commit, &tip)?.ok_or_else(|| BaseError::Unrelated {
        revision: "HEAD".to_owned(),
        branch: remote.clone(),
    })?;
    let tree = tree_of(git, &base)?;
    let trust = BaseTrust::RemoteTracking;
    Ok(Base {
        tree,
        commit: Some(base),
        ref_name: Some(remote),
        trust,
    })
}

/// The commit that a revision names.
pub fn commit_of(repository: &Repository, revision: &str) -> Result<String, BaseError> {
    if repository.layout().is_none() {
        return Err(BaseError::NoRepository {
            revision: revision.to_owned(),
        });
    }
    unambiguous(repository, revision)?;
    resolve(repository.git(), revision, "commit")?.ok_or_else(|| BaseError::UnknownRevision {
        revision: revision.to_owned(),
    })
}

/// The tree of the commit that a revision names, or the tree that it names itself: the result of a merge that was never
/// committed has no other name.
pub fn tree_named(repository: &Repository, revision: &str) -> Result<String, BaseError> {
    match commit_of(repository, revision) {
        Ok(commit) => Ok(tree_of(repository.git(), &commit)?),
        Err(BaseError::UnknownRevision { revision }) => {
            resolve(repository.git(), &revision, "tree")?
                .ok_or(BaseError::UnknownRevision { revision })
        }
        Err(error) => Err(error),
    }
}

/// The commit that a revision names, or the tree where it names none.
pub fn object_named(repository: &Repository, revision: &str) -> Result<String, BaseError> {
    match commit_of(repository, revision) {
        Err(BaseError::UnknownRevision { .. }) => tree_named(repository, revision),
        found => found,
    }
}

/// Whether a tree of this id is here.
pub fn is_tree(repository: &Repository, id: &str) -> Result<bool, GitError> {
    Ok(resolve(repository.git(), id, "tree")?.as_deref() == Some(id))
}

/// Git prefers tags to branches and branches to remote ones, and only warns.
fn unambiguous(repository: &Repository, revision: &str) -> Result<(), BaseError> {
    let name = revision.split(['~', '^', ':']).next().unwrap_or(revision);
    // `@` may be part of a name; `@{` is not.
    let short = name.split("@{").next().unwrap_or(name);
    let Some(refs) = repository.refs() else {
        return Ok(());
    };
    let places = ["refs/", "refs/tags/", "refs/heads/", "refs/remotes/"];
    let full = places.iter().map(|place| format!("{place}{short}"));
    let found: Vec<_> = full
        .filter_map(|name| Some((refs.named.get(&name)?, name)))
        .collect();
    if let Some((_, name)) = found
        .first()
        .filter(|_| abbreviates(repository.git(), short))
    {
        return Err(BaseError::Ambiguous {
            revision: revision.to_owned(),
            names: vec![
                name.clone(),
                format!("an object by its abbreviated id in {short}"),
            ],
        });
    }
    let first = found.first().map(|(target, _)| *target);
    if short == "HEAD" || found.iter().all(|(target, _)| Some(*target) == first) {
        return Ok(());
    }
    Err(BaseError::Ambiguous {
        revision: revision.to_owned(),
        names: found.into_iter().map(|(_, name)| name).collect(),
    })
}

/// Whether objects have an id that begins so: git prefers a reference of that name, and does not even warn.
fn abbreviates(git: &Git, name: &str) -> bool {
    // What `git describe` prints ends in one.
    let id = name.rsplit_once("-g").map_or(name, |(_, id)| id);
    let is_short = (4..git.format().zero().len()).contains(&id.len());
    if !is_short || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return false;
    }
    let argument = format!("--disambiguate={id}");
    let answer = git.command(
        "look up an abbreviated id",
        ["rev-parse", argument.as_str()],
    );
    answer
        .answer()
        .is_ok_and(|answer| !answer.stdout.is_empty())
}

/// The tree of a commit.
pub fn tree_of(git: &Git, commit: &str) -> Result<String, GitError> {
    let name = format!("{commit}^{{tree}}");
    git.command(
        "find the tree of a commit",
        ["rev-parse", "--verify", "--quiet", &name],
    )
    .line()
    .map_err(|error| match error {
        // The commit resolved before: only its tree can be missing.
        GitError::Failed { purpose, .. } => git.missing(purpose, &name),
        other => other,
    })
}

struct DefaultBranch {
    name: String,
    trust: BaseTrust,
}

fn default_branch_of(repository: &Repository) -> Result<Option<DefaultBranch>, BaseError> {
    let Some(refs) = repository.refs() else {
        return Ok(None);
    };
    if let Some(name) = remote_branch(refs)? {
        return Ok(Some(DefaultBranch {
            name,
            trust: BaseTrust::RemoteTracking,
        }));
    }
    let usual = || {
        let local = ["refs/heads/main", "refs/heads/master"];
        let found = local
            .into_iter()
            .find(|name| refs.named.contains_key(*name));
        found.map(str::to_owned)
    };
    Ok(bare_head(repository)
        .or_else(usual)
        .map(|name| DefaultBranch {
            name,
            trust: BaseTrust::Local,
        }))
}

/// What `HEAD` names in a repository without a working tree, where nobody checks out anything: its default branch.
fn bare_head(repository: &Repository) -> Option<String> {
    let (layout, refs) = (repository.layout()?, repository.refs()?);
    match &refs.head {
        Target::Symbolic(name) if layout.work_tree.is_none() => {
            refs.named.contains_key(name).then(|| name.clone())
        }
        _ => None,
    }
}

fn remote_branch(refs: &Refs) -> Result<Option<String>, BaseError> {
    if let Some(name) = origin_head(refs) {
        return Ok(Some(name));
    }
    let mut usual = usual_remote_branches(refs);
    match usual.len() {
        0 | 1 => Ok(usual.pop()),
        _ => Err(BaseError::DefaultBranchUnsaid { names: usual }),
    }
}

fn usual_remote_branches(refs: &Refs) -> Vec<String> {
    let usual = ["refs/remotes/origin/main", "refs/remotes/origin/master"];
    let there = |name: &&str| refs.named.contains_key(*name);
    usual.into_iter().filter(there).map(str::to_owned).collect()
}

/// The branch behind `origin/HEAD`; it may point to a branch that is gone. One that points to none is a branch of that name, which
/// anybody may have pushed.
fn origin_head(refs: &Refs) -> Option<String> {
    match refs.named.get("refs/remotes/origin/HEAD")? {
        Target::Symbolic(branch) => refs.named.contains_key(branch).then(|| branch.clone()),
        Target::Oid(_) => None,
    }
}

fn head_name(refs: &Refs) -> String {
    match &refs.head {
        Target::Symbolic(name) => name.clone(),
        Target::Oid(_) => "HEAD".to_owned(),
    }
}

fn local(git: &Git, commit: String, ref_name: Option<String>) -> Result<Base, BaseError> {
    let tree = resolve(git, &commit, "tree")?
        .ok_or_else(|| git.missing("read the commit of HEAD", &commit))?;
    Ok(Base {
        tree,
        commit: Some(commit),
        ref_name,
        trust: BaseTrust::Local,
    })
}

/// The object of `kind` that a revision names; none when it names nothing.
fn resolve(git: &Git, revision: &str, kind: &str) -> Result<Option<String>, GitError> {
    let peeled = format!("{revision}^{{{kind}}}");
    let purpose = format!("look up {}", sanitise(revision.as_bytes()));
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &peeled,
    ];
    let answer = git.command(purpose.clone(), arguments).answer()?;
    if !answer.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if git.format().is_oid(&text) {
        Ok(Some(text))
    } else {
        Err(GitError::malformed(purpose, text))
    }
}

/// The best common commit; none when there is none. Missing history is an error of its own.
fn merge_base(git: &Git, one: &str, other: &str) -> Result<Option<String>, GitError> {
    let purpose = "find the common commit of the proposal and the default branch";
    let answer = git.command(purpose, ["merge-base", one, other]).answer()?;
    let found = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    match answer.status.code() {
        Some(0) => Ok(Some(found)),
        // A shallow clone ends before the histories meet.
        Some(1) if git.directory().join("shallow").exists() => {
            Err(git.missing(purpose, "the history ends before the two meet"))
        }
        Some(1) => Ok(None),
        _ => Err(git.missing(purpose, &answer.stderr)),
    }
}
