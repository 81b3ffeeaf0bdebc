//! `harness-changed`: files that steer a test run.

use std::collections::BTreeSet;

use super::protected::touched;
use crate::change::Change;
use crate::classification::{FileClass, classifiers};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::policy::Policy;
use crate::reason::ReasonCode;

pub(super) fn inspect(change: &Change, policy: &Policy) -> Vec<Finding> {
    let classifiers = match classifiers(policy) {
        Ok(classifiers) => classifiers,
        // Without a table every file might steer the run.
        Err(error) => return vec![finding(None, error.to_string())],
    };
    let harness = |path: &&RepoPath| {
        classifiers
            .iter()
            .any(|(_, one)| one.classify(path) == FileClass::Harness)
    };
    // A protected path is already up for review; once is enough.
    let unprotected = |path: &&RepoPath| !policy.rules.protected.matches(path);
    let paths: BTreeSet<&RepoPath> = change
        .files
        .iter()
        .flat_map(touched)
        .filter(harness)
        .filter(unprotected)
        .collect();
    let found = paths.into_iter();
    found
        .map(|path| finding(Some(path), format!("`{path}` steers the test run")))
        .collect()
}

fn finding(path: Option<&RepoPath>, message: String) -> Finding {
    Finding::built_in(
        ReasonCode::HarnessChanged,
        FindingLevel::Review,
        path,
        "",
        message,
    )
}
