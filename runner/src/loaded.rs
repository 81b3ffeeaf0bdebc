//! Product files that the base's configuration has test runners load: an edit of one decides what tests say.

use std::collections::BTreeSet;

use passmuster_policy::change::{Change, Mode};
use passmuster_policy::classification::{Classifier, FileClass, classifiers};
use passmuster_policy::finding::Finding;
use passmuster_policy::loaded::{
    can_load, configurations, loaded, loaded_by_command, roots, roots_of_environment,
};
use passmuster_policy::mixed::is_mixed;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Check, CheckKind, Policy};

use crate::git::blobs::BlobReader;
use crate::git::objects::TreeEntry;
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
    // Of manifests, the tables that steer are known one by one.
    let found = found.filter(|path| !is_mixed(path));
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
    let checks = policy.check.iter();
    let checks: Vec<&Check> = checks
        .filter(|check| matches!(check.kind, CheckKind::Test(_)))
        .collect();
    let chosen: BTreeSet<RepoPath> = checks
        .iter()
        .flat_map(|check| configurations(check))
        .collect();
    let entries = base.entries.iter().filter(|entry| {
        matches!(entry.mode, Mode::File | Mode::Executable)
            && (chosen.contains(&entry.path) || steers(&entry.path, classifiers))
    });
    // Modules list plugins, and say nothing of where those are: all else comes before them.
    let (modules, tables): (Vec<_>, Vec<_>) =
        entries.partition(|entry| entry.path.as_bytes().ends_with(b".py"));
    let mut blobs = BlobReader::start(git)?;
    let mut text = |entry: &TreeEntry| {
        let bytes = blobs.read_small(&entry.oid, SIZE)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let tables = tables
        .into_iter()
        .map(|entry| Ok((&entry.path, text(entry)?)));
    let tables: Vec<(&RepoPath, String)> = tables.collect::<Result<_, GitError>>()?;
    let told = tables.iter().flat_map(|(path, text)| roots(path, text));
    let roots: Vec<String> = told
        .chain(checks.iter().flat_map(|check| roots_of_environment(check)))
        .collect();
    let mut named: BTreeSet<RepoPath> = checks
        .iter()
        .flat_map(|check| loaded_by_command(check, &roots))
        .collect();
    named.extend(
        tables
            .iter()
            .flat_map(|(path, text)| loaded(path, text, &roots)),
    );
    for entry in modules {
        named.extend(loaded(&entry.path, &text(entry)?, &roots));
    }
    Ok(named)
}

/// Whether a file is configuration of a test runner.
fn steers(path: &RepoPath, classifiers: &[Classifier]) -> bool {
    let harness = |one: &Classifier| match one.classify(path) {
        FileClass::Harness => true,
        // A module of tests may list plugins.
        FileClass::Test => path.as_bytes().ends_with(b".py"),
        FileClass::Product => false,
    };
    can_load(path)
        && memchr::memmem::find(path.as_bytes(), b"node_modules/").is_none()
        && (is_mixed(path) || classifiers.iter().any(harness))
}

fn finding(path: &RepoPath) -> Finding {
    Finding::of_harness(
        Some(path),
        format!("`{path}` is loaded into the process of the tests"),
    )
}
