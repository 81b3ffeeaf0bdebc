//! `submodule-changed`: the content of a submodule is not part of the candidate's tree, and where it comes from is no product code.

use crate::change::{Change, ChangeKind, Entry, FileChange, Mode};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::reason::ReasonCode;

/// Git reads it in the root alone.
const MODULES: &str = ".gitmodules";

pub(super) fn inspect(change: &Change) -> Vec<Finding> {
    let files = || change.files.iter();
    let moved = files().filter(|file| moved(file)).map(went);
    let sources = files()
        .filter(|file| {
            is_modules(&file.path)
                || matches!(&file.kind, ChangeKind::Renamed(from) if is_modules(from))
        })
        .map(comes_from_elsewhere);
    moved.chain(sources).collect()
}

fn commit(entry: Option<&Entry>) -> Option<&str> {
    entry
        .filter(|entry| entry.mode == Mode::Gitlink)
        .map(|entry| entry.oid.as_str())
}

fn moved(file: &FileChange) -> bool {
    commit(file.before.as_ref()) != commit(file.after.as_ref())
}

fn is_modules(path: &RepoPath) -> bool {
    path.as_bytes() == MODULES.as_bytes()
}

fn comes_from_elsewhere(file: &FileChange) -> Finding {
    let message = format!("`{MODULES}` says where submodules come from, and the change edits it");
    let after = file.after.as_ref().map_or("nothing", |entry| &entry.oid);
    let (code, level) = (ReasonCode::SubmoduleChanged, FindingLevel::Review);
    Finding::built_in(code, level, Some(&file.path), after, message)
}

fn went(file: &FileChange) -> Finding {
    let show = |entry| commit(entry).unwrap_or("nothing");
    let (before, after) = (show(file.before.as_ref()), show(file.after.as_ref()));
    let message = format!("submodule `{}` goes from {before} to {after}", file.path);
    let (code, level) = (ReasonCode::SubmoduleChanged, FindingLevel::Review);
    Finding::built_in(code, level, Some(&file.path), after, message)
}
