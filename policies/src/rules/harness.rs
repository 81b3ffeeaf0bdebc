//! `harness-changed`: files that steer a test run.

use std::collections::BTreeSet;

use super::protected::touched;
use crate::change::{Change, FileChange};
use crate::classification::{FileClass, classifiers};
use crate::finding::Finding;
use crate::path::RepoPath;
use crate::policy::{CheckKind, Framework, Policy};

pub(super) fn inspect(change: &Change, policy: &Policy) -> Vec<Finding> {
    let classifiers = match classifiers(policy) {
        Ok(classifiers) => classifiers,
        // Without a table every file might steer the run.
        Err(error) => return vec![Finding::of_harness(None, error.to_string())],
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
        .map(|path| Finding::of_harness(Some(path), format!("`{path}` steers the test run")))
        .chain(replaced_modules(change, policy))
        .collect()
}

/// Manifests in which another module stands in for the one that is asked for: tests may import it as well.
fn replaced_modules(change: &Change, policy: &Policy) -> Vec<Finding> {
    let is_go = |kind: &CheckKind| matches!(kind, CheckKind::Test(test) if test.framework == Framework::GoTest);
    if !policy.check.iter().any(|check| is_go(&check.kind)) {
        return Vec::new();
    }
    let manifests = change
        .files
        .iter()
        .filter(|file| file.path.file_name() == b"go.mod")
        .filter(|file| !policy.rules.protected.matches(&file.path));
    let replaces = |file: &&FileChange| {
        let mut lines = file
            .hunks
            .iter()
            .flat_map(|hunk| hunk.added.iter().chain(&hunk.removed));
        file.truncated || lines.any(|line| line.contains("=>"))
    };
    let found = manifests.filter(replaces).map(|file| &file.path);
    found
        .map(|path| {
            let message =
                format!("`{path}` says what stands in for a module, which tests may import");
            Finding::of_harness(Some(path), message)
        })
        .collect()
}
