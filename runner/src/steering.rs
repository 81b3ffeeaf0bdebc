//! Rust product code by which a change decides what tests see: found before anything runs, because no tree
//! with the base's tests would show it.

use std::collections::BTreeMap;

use passmuster_policy::change::{Change, Entry, FileChange, Mode};
use passmuster_policy::finding::{Finding, FindingLevel};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{CheckKind, Policy};
use passmuster_policy::reason::ReasonCode;
use passmuster_policy::rust_tests::steering;

use crate::git::blobs::BlobReader;
use crate::git::{Git, GitError};
use crate::parts::TEXT_CAP;

/// `harness-changed` for every source that has more of it than the change took away, here or in other files.
pub fn inspect(git: &Git, change: &Change, policy: &Policy) -> Result<Vec<Finding>, GitError> {
    let changed = change.files.iter().filter(|file| file.path.is_rust());
    let changed: Vec<&FileChange> = changed.collect();
    if changed.is_empty() || !policy.check.iter().any(|check| is_cargo(&check.kind)) {
        return Ok(Vec::new());
    }
    let mut blobs = BlobReader::start(git)?;
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for file in changed {
        for one in side(&mut blobs, file.before.as_ref())? {
            *known.entry(one).or_default() += 1;
        }
        let after = side(&mut blobs, file.after.as_ref())?.into_iter();
        found.extend(after.map(|one| (file, one)));
    }
    let mut new: BTreeMap<&RepoPath, String> = BTreeMap::new();
    for (FileChange { path, .. }, one) in found {
        match known.get_mut(&one).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => drop(new.entry(path).or_insert(one)),
        }
    }
    Ok(new
        .into_iter()
        .map(|(path, one)| finding(path, &one))
        .collect())
}

fn is_cargo(kind: &CheckKind) -> bool {
    matches!(kind, CheckKind::Test(test) if test.framework.tests_in_sources())
}

/// What of a source steers tests; nothing of one that cannot be read, which the oracle does not believe.
fn side(blobs: &mut BlobReader, entry: Option<&Entry>) -> Result<Vec<String>, GitError> {
    let readable = |entry: &&Entry| {
        matches!(entry.mode, Mode::File | Mode::Executable) && entry.size <= TEXT_CAP as u64
    };
    let Some(entry) = entry.filter(readable) else {
        return Ok(Vec::new());
    };
    let bytes = blobs.read(&entry.oid)?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok(steering(&text).unwrap_or_default())
}

fn finding(path: &RepoPath, what: &str) -> Finding {
    Finding::built_in(
        ReasonCode::HarnessChanged,
        FindingLevel::Review,
        Some(path),
        "",
        format!("`{path}` steers what tests see: {what}"),
    )
}
