//! `protected-path`: files that a human has to look at.

use crate::change::{Change, ChangeKind, FileChange};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::policy::{Check, CheckKind, Policy};
use crate::reason::ReasonCode;

pub(super) fn inspect(change: &Change, policy: &Policy) -> Vec<Finding> {
    let touched = change.files.iter().flat_map(touched);
    touched
        .filter_map(|path| Some(finding(path, why(policy, path)?)))
        .collect()
}

/// Why a person has to look at a path. A plugin's file steers the next change, as the policy does that names it.
fn why(policy: &Policy, path: &RepoPath) -> Option<String> {
    let is_plugin = |check: &&Check| matches!(&check.kind, CheckKind::Plugin(asked) if asked.plugin.as_bytes() == path.as_bytes());
    match policy.check.iter().find(is_plugin) {
        Some(check) => Some(format!("`{path}` is the plugin of check `{}`", check.name)),
        None => {
            (policy.rules.protected.matches(path)).then(|| format!("the policy protects `{path}`"))
        }
    }
}

fn finding(path: &RepoPath, message: String) -> Finding {
    let level = FindingLevel::Review;
    Finding::built_in(ReasonCode::ProtectedPath, level, Some(path), "", message)
}

/// The paths that a file's change touches: where it is, and where it was moved from.
pub(crate) fn touched(file: &FileChange) -> impl Iterator<Item = &RepoPath> {
    let from = match &file.kind {
        ChangeKind::Renamed(from) => Some(from),
        _ => None,
    };
    std::iter::once(&file.path).chain(from)
}
