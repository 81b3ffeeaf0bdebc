//! The change as a plugin gets it.

use passmuster_policy::change::{Change, ChangeKind, FileChange, Mode as Own};
use passmuster_policy::path::RepoPath;
use passmuster_wasm::{ChangeSet, ChangedFile, Hunk, Mode, Status};

// What is longer asks for a person, and by this number the sandbox leaves it out.
const _: () = assert!(passmuster_policy::plugin::PATH == passmuster_wasm::limits::PATH);

/// The files whose paths are UTF-8, and how many others there are.
pub(super) fn set(change: &Change) -> ChangeSet {
    let files: Vec<ChangedFile> = change.files.iter().filter_map(file).collect();
    ChangeSet {
        unnamed: u32::try_from(change.files.len() - files.len()).unwrap_or(u32::MAX),
        files,
    }
}

fn file(changed: &FileChange) -> Option<ChangedFile> {
    let named = |path: &RepoPath| path.as_str().map(str::to_owned);
    let old_path = match &changed.kind {
        ChangeKind::Renamed(from) => Some(named(from)?),
        _ => None,
    };
    Some(ChangedFile {
        path: named(&changed.path)?,
        old_path,
        status: status(&changed.kind),
        old_mode: changed.before.as_ref().map(|entry| mode(entry.mode)),
        new_mode: changed.after.as_ref().map(|entry| mode(entry.mode)),
        binary: changed.binary,
        hunks: changed.hunks.iter().map(hunk).collect(),
    })
}

fn status(kind: &ChangeKind) -> Status {
    match kind {
        // What it was copied from is still there.
        ChangeKind::Added | ChangeKind::Copied(_) => Status::Added,
        ChangeKind::Deleted => Status::Deleted,
        ChangeKind::Modified => Status::Modified,
        ChangeKind::Renamed(_) => Status::Renamed,
        ChangeKind::TypeChanged => Status::TypeChanged,
    }
}

pub(super) fn mode(own: Own) -> Mode {
    match own {
        Own::File => Mode::File,
        Own::Executable => Mode::Executable,
        Own::Symlink => Mode::Symlink,
        Own::Gitlink => Mode::Submodule,
    }
}

fn hunk(hunk: &passmuster_policy::change::Hunk) -> Hunk {
    Hunk {
        old_start: hunk.before_start,
        old_lines: hunk.before_lines,
        new_start: hunk.after_start,
        new_lines: hunk.after_lines,
    }
}
