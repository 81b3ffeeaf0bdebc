//! Files of the change that hold tables which steer checks, read from both trees.

use passmuster_policy::change::{Change, ChangeKind, Entry, FileChange, Mode};
use passmuster_policy::finding::Finding;
use passmuster_policy::mixed::{Side, is_mixed, steering_changed};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Policy;

use crate::git::blobs::BlobReader;
use crate::git::{Git, GitError};

/// Largest manifest that is read, in bytes; the largest known ones have a tenth of it.
const SIZE: u64 = 4 << 20;

/// `harness-changed` for every manifest whose steering tables differ.
pub fn inspect(git: &Git, change: &Change, policy: &Policy) -> Result<Vec<Finding>, GitError> {
    let mut findings = Vec::new();
    for file in &change.files {
        for (path, before, after) in states(file) {
            // A protected path is already up for review; once is enough.
            if is_mixed(path)
                && !policy.rules.protected.matches(path)
                && steering_changed(path, &side(git, before)?, &side(git, after)?)
            {
                findings.push(finding(path));
            }
        }
    }
    Ok(findings)
}

type State<'a> = (&'a RepoPath, Option<&'a Entry>, Option<&'a Entry>);

/// A moved file is gone from one place and new in another: where it lies decides what it steers.
fn states(file: &FileChange) -> Vec<State<'_>> {
    let (before, after) = (file.before.as_ref(), file.after.as_ref());
    match &file.kind {
        ChangeKind::Renamed(from) => vec![(from, before, None), (&file.path, None, after)],
        ChangeKind::Copied(_) => vec![(&file.path, None, after)],
        _ => vec![(&file.path, before, after)],
    }
}

fn side(git: &Git, entry: Option<&Entry>) -> Result<Side, GitError> {
    let Some(entry) = entry else {
        return Ok(Side::Absent);
    };
    if !matches!(entry.mode, Mode::File | Mode::Executable) || entry.size > SIZE {
        return Ok(Side::Opaque);
    }
    Ok(Side::Text(BlobReader::start(git)?.read(&entry.oid)?))
}

fn finding(path: &RepoPath) -> Finding {
    Finding::of_harness(Some(path), format!("tables of `{path}` steer the checks"))
}
