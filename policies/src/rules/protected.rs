//! `protected-path`: files that a human has to look at.

use crate::change::{Change, ChangeKind, FileChange};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::policy::Policy;
use crate::reason::ReasonCode;

pub(super) fn inspect(change: &Change, policy: &Policy) -> Vec<Finding> {
    let touched = change.files.iter().flat_map(touched);
    let protected = touched.filter(|path| policy.rules.protected.matches(path));
    protected.map(finding).collect()
}

fn finding(path: &RepoPath) -> Finding {
    let message = format!("the policy protects `{path}`");
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
