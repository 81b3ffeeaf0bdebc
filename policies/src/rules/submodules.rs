//! `submodule-changed`: the content of a submodule is not part of the candidate's tree.

use crate::change::{Change, Entry, FileChange, Mode};
use crate::finding::{Finding, FindingLevel};
use crate::reason::ReasonCode;

pub(super) fn inspect(change: &Change) -> Vec<Finding> {
    change
        .files
        .iter()
        .filter(|file| moved(file))
        .map(finding)
        .collect()
}

fn commit(entry: Option<&Entry>) -> Option<&str> {
    entry
        .filter(|entry| entry.mode == Mode::Gitlink)
        .map(|entry| entry.oid.as_str())
}

fn moved(file: &FileChange) -> bool {
    commit(file.before.as_ref()) != commit(file.after.as_ref())
}

fn finding(file: &FileChange) -> Finding {
    let show = |entry| commit(entry).unwrap_or("nothing");
    let (before, after) = (show(file.before.as_ref()), show(file.after.as_ref()));
    let message = format!("submodule `{}` goes from {before} to {after}", file.path);
    let (code, level) = (ReasonCode::SubmoduleChanged, FindingLevel::Review);
    Finding::built_in(code, level, Some(&file.path), after, message)
}
