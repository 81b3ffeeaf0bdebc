//! Rust product code by which a change decides what tests see: found before anything runs, because no tree
//! with the base's tests would show it.

use std::collections::BTreeMap;

use passmuster_policy::change::{Change, ChangeKind, Entry, FileChange, Mode};
use passmuster_policy::finding::Finding;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Policy;
use passmuster_policy::rust_tests::steering;

use crate::git::blobs::BlobReader;
use crate::git::{Git, GitError};
use crate::parts::TEXT_CAP;

/// `harness-changed` for every source that has more of it than the change took away, here or in other files.
pub fn inspect(git: &Git, change: &Change, policy: &Policy) -> Result<Vec<Finding>, GitError> {
    let changed = change.files.iter().filter(|file| file.path.is_rust());
    let changed: Vec<&FileChange> = changed.collect();
    if changed.is_empty() || !policy.runs_rust_tests() {
        return Ok(Vec::new());
    }
    let mut blobs = BlobReader::start(git)?;
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for file in changed {
        let before = match &file.kind {
            ChangeKind::Renamed(from) => from,
            _ => &file.path,
        };
        for one in side(&mut blobs, before, file.before.as_ref())? {
            *known.entry(one).or_default() += 1;
        }
        let after = side(&mut blobs, &file.path, file.after.as_ref())?.into_iter();
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

/// What of a source steers tests. One that cannot be looked at may, whatever it says.
fn side(
    blobs: &mut BlobReader,
    path: &RepoPath,
    entry: Option<&Entry>,
) -> Result<Vec<String>, GitError> {
    let Some(entry) = entry else {
        return Ok(Vec::new());
    };
    let unseen = |why: &str| Ok(vec![format!("{why} ({})", entry.oid)]);
    match entry.mode {
        Mode::File | Mode::Executable if entry.size > TEXT_CAP as u64 => {
            return unseen("it is too large to be looked at");
        }
        Mode::File | Mode::Executable => {}
        // A source of the tree is looked at where it lies.
        Mode::Symlink if entry.link_target.as_ref().is_some_and(RepoPath::is_rust) => {
            return Ok(Vec::new());
        }
        Mode::Symlink => return unseen("it leads to a source by another name"),
        Mode::Gitlink => return Ok(Vec::new()),
    }
    let bytes = blobs.read(&entry.oid)?;
    let found = String::from_utf8(bytes)
        .ok()
        .and_then(|text| steering(&text).ok());
    match found {
        Some(found) => Ok(found),
        // What compilers shall refuse, and other data of tests.
        None if is_data_of_tests(path) => Ok(Vec::new()),
        None => unseen("it cannot be taken apart"),
    }
}

/// Whether a file lies beside a package's sources, among its tests.
fn is_data_of_tests(path: &RepoPath) -> bool {
    let directories = path.as_str().unwrap_or_default().split('/');
    let mut outside = directories.take_while(|name| *name != "src");
    outside.any(|name| matches!(name, "tests" | "benches" | "testdata"))
}

fn finding(path: &RepoPath, what: &str) -> Finding {
    Finding::of_harness(
        Some(path),
        format!("`{path}` steers what tests see: {what}"),
    )
}
