//! Product files that the base's configuration has test runners load: an edit of one decides what tests say.

use std::collections::BTreeSet;

use passmuster_policy::change::{Change, Mode};
use passmuster_policy::classification::{Classifier, FileClass, classifiers};
use passmuster_policy::finding::Finding;
use passmuster_policy::loaded::{can_load, loaded, loaded_by_command};
use passmuster_policy::mixed::is_mixed;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{CheckKind, Policy};

use crate::git::blobs::BlobReader;
use crate::git::{Git, GitError};
use crate::layers::Snapshot;
use crate::uses::touched;

/// Longer configuration is not written by anybody.
const SIZE: u64 = 1 << 20;

/// `harness-changed` for every file that runners load, as far as its path does not say so already.
pub fn inspect(
    git: &Git,
    change: &Change,
    policy: &Policy,
    base: &Snapshot,
) -> Result<Vec<Finding>, GitError> {
    let classifiers = tests(policy);
    let is_product = |path: &&RepoPath| {
        classifiers
            .iter()
            .all(|one| one.classify(path) == FileClass::Product)
    };
    let changed = change.files.iter().flat_map(touched).filter(is_product);
    let changed: BTreeSet<&RepoPath> = changed.collect();
    if changed.is_empty() || classifiers.is_empty() {
        return Ok(Vec::new());
    }
    let named = named(git, policy, &classifiers, base)?;
    let found = changed.into_iter().filter(|path| named.contains(*path));
    let found = found.filter(|path| !policy.rules.protected.matches(path));
    Ok(found.map(finding).collect())
}

/// A classifier for each check of tests.
fn tests(policy: &Policy) -> Vec<Classifier> {
    let checks = policy.check.iter();
    let tests = checks.filter_map(|check| match &check.kind {
        CheckKind::Test(_) => Some(check.name.as_str()),
        _ => None,
    });
    let tests: BTreeSet<&str> = tests.collect();
    let all = classifiers(policy).unwrap_or_default().into_iter();
    all.filter(|(name, _)| tests.contains(name))
        .map(|(_, one)| one)
        .collect()
}

/// What the base's configuration and the policy's commands load.
fn named(
    git: &Git,
    policy: &Policy,
    classifiers: &[Classifier],
    base: &Snapshot,
) -> Result<BTreeSet<RepoPath>, GitError> {
    let commands = policy.check.iter();
    let mut named: BTreeSet<RepoPath> = commands
        .filter(|check| matches!(check.kind, CheckKind::Test(_)))
        .flat_map(|check| loaded_by_command(&check.cwd, &check.run))
        .collect();
    let steers = |path: &RepoPath| {
        let harness = |one: &Classifier| match one.classify(path) {
            FileClass::Harness => true,
            // A module of tests may list plugins.
            FileClass::Test => path.as_bytes().ends_with(b".py"),
            FileClass::Product => false,
        };
        can_load(path)
            && memchr::memmem::find(path.as_bytes(), b"node_modules/").is_none()
            && (is_mixed(path) || classifiers.iter().any(harness))
    };
    let mut blobs = BlobReader::start(git)?;
    for entry in &base.entries {
        if matches!(entry.mode, Mode::File | Mode::Executable) && steers(&entry.path) {
            let bytes = blobs.read_small(&entry.oid, SIZE)?.unwrap_or_default();
            named.extend(loaded(&entry.path, &String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(named)
}

fn finding(path: &RepoPath) -> Finding {
    Finding::of_harness(
        Some(path),
        format!("`{path}` is loaded into the process of the tests"),
    )
}
