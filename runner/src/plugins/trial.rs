//! One plugin on one change, without a policy and without a verdict: for whoever writes it.

use std::path::Path;
use std::sync::Arc;

use passmuster_policy::policy::Grant;
use passmuster_policy::text::line;
use passmuster_wasm::{Answer, Host, Info, Inputs, Limits, Plugin, Report};
use serde_json::{Map, Value};

use super::{SourceError, capability, change, configuration, tree};
use crate::content::Content;
use crate::error::UserError;
use crate::inspect;
use crate::proposal::{self, Input};
use crate::repository::Repository;

/// Longest name of a place in a configuration.
const LINE: usize = 200;

/// A plugin that has said what it is.
pub struct Known {
    /// The component.
    pub plugin: Plugin,
    /// What it says of itself.
    pub info: Info,
    /// Bytes of the component.
    pub size: usize,
}

impl Known {
    /// Loads a plugin and asks it what it is.
    ///
    /// # Errors
    /// When there is no such plugin, or it is none: the sentence is for its author.
    pub fn load(host: &Host, word: &str) -> Result<Self, UserError> {
        let bytes = super::bytes_of(&super::Origin::of(word))
            .map_err(|error: SourceError| UserError::usage(error.to_string()))?;
        let refused = |why: String| UserError::usage(format!("{word}: {why}"));
        let plugin = host
            .load(&bytes, None)
            .map_err(|failure| refused(failure.to_string()))?;
        let described = plugin.describe(&Limits::for_describe());
        let info = described
            .result
            .map_err(|failure| refused(failure.to_string()))?;
        Ok(Self {
            plugin,
            info,
            size: bytes.len(),
        })
    }

    /// What its schema says against a configuration.
    #[must_use]
    pub fn mistakes(&self, config: &Map<String, Value>) -> Vec<String> {
        let found = configuration::mistakes(&self.info.name, &self.info, config);
        let said = |at: &[String], message: &str| match at {
            [] => message.to_owned(),
            at => format!("{}: {message}", line(&at.join("."), LINE)),
        };
        found
            .iter()
            .map(|one| said(&one.at, &one.message))
            .collect()
    }
}

/// A question to a plugin.
pub struct Question<'a> {
    /// Where the repository is.
    pub repository: &'a Path,
    /// What is proposed.
    pub input: Input<'a>,
    /// The base, where it is not the usual one.
    pub base: Option<&'a str>,
    /// Its configuration.
    pub config: Map<String, Value>,
    /// What it gets.
    pub grants: Vec<Grant>,
    /// For isolated git directories.
    pub cache: &'a Path,
}

/// Asks a plugin about a change. Nothing of the change runs.
///
/// # Errors
/// When repository, base or change cannot be read. What goes wrong in the plugin is part of the answer.
pub fn ask(known: &Known, question: Question<'_>) -> Result<Answer<Report>, UserError> {
    let repository = Repository::open(question.repository, question.cache)?;
    let base = proposal::base_of(&repository, question.input, question.base)?;
    let mut content = Content::new(repository.git(), question.cache);
    let (base_tree, _) = content.snapshot(&repository, &base.tree)?;
    let proposed = proposal::with_base(&repository, question.input, base)?;
    let (candidate, _) = content.snapshot(&repository, &proposed.candidate_tree)?;
    let change = inspect::change(repository.git(), &base_tree.id, &candidate.id)?;
    let [base, candidate] =
        [&base_tree, &candidate].map(|snapshot| Arc::new(tree::tree(repository.git(), snapshot)));
    let inputs = Inputs {
        change: change::set(&change),
        config: Value::Object(question.config).to_string(),
        base,
        candidate,
        prior: Arc::default(),
    };
    let grants = question.grants.into_iter().map(capability).collect();
    Ok(known
        .plugin
        .check(&known.info, &inputs, &grants, &Limits::default()))
}
