//! What a gate wants, found in the repository: the tree that is about to be merged, its base, the policy of that base now.

use crate::base::{self, Base};
use crate::cache::Cache;
use crate::error::UserError;
use crate::policy_source::{self, Choice, Loaded};
use crate::proposal::{self, Input};
use crate::repository::Repository;
use crate::toolchains::Operator;

/// What is about to happen, by the repository alone.
#[derive(Debug)]
pub struct Merge {
    /// Id of what the revision named when it was looked up: a commit, or a tree.
    pub object: String,
    /// Tree id of what is about to be merged.
    pub tree: String,
    /// Its base, found as for `verify --head`.
    pub base: Base,
    /// The default branch and its commit, where it has commits that the revision lacks: a merge would make another tree.
    pub moved_on: Option<(String, String)>,
    /// The policy that counts.
    pub loaded: Loaded,
}

impl Merge {
    /// Looks at a revision. `pinned` is the operator's base; with one, the revision may be a tree.
    pub fn of(
        repository: &Repository,
        revision: &str,
        pinned: Option<&str>,
        policy: &Choice,
        (cache, operator): (&Cache, &Operator),
    ) -> Result<Self, UserError> {
        // Looked up once: a reference that moves meanwhile, or a name that git reads in two ways, names one thing here.
        let revision = &base::object_named(repository, revision)?;
        let base = proposal::base_of(repository, Input::Head(revision), pinned)?;
        let moved_on = match pinned {
            Some(_) => None,
            None => {
                base::default_branch_is_said(repository)?;
                base::moved_on(repository, revision)?
            }
        };
        Ok(Self {
            tree: base::tree_named(repository, revision)?,
            loaded: policy_source::load_for(repository, &base.tree, policy, (cache, operator))?,
            object: revision.clone(),
            base,
            moved_on,
        })
    }
}
