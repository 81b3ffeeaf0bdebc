//! The first look at every file: which paths are not, byte for byte, what the base has.
//!
//! All files are read every time. The times and sizes that the user's index remembers would be
//! faster, but whoever can write the index could make a changed file look unchanged.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::files::{Files, Found};
use super::listing::Expected;
use crate::git::GitError;
use crate::git::objects::TreeEntry;
use crate::git::settings::Settings;
use crate::proposal::{Note, ProposalError};

/// Fewest paths that are worth a thread of their own.
const PATHS_PER_THREAD: usize = 256;

/// Most threads: beyond this the disk is the limit.
const THREADS: usize = 8;

/// A path whose raw form on disk is not that of the base.
pub(super) struct Suspect {
    pub(super) found: Found,
    pub(super) base: Option<TreeEntry>,
}

#[derive(Default)]
struct Looked {
    suspects: Vec<(RepoPath, Suspect)>,
    notes: Vec<Note>,
}

/// Looks at all paths below `root`, on several threads.
pub(super) fn suspects(
    root: &Path,
    settings: &Settings,
    tracked: BTreeMap<RepoPath, Expected>,
    notes: &mut Vec<Note>,
) -> Result<BTreeMap<RepoPath, Suspect>, ProposalError> {
    let tracked: Vec<_> = tracked.into_iter().collect();
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(THREADS);
    let share = tracked.len().div_ceil(threads).max(PATHS_PER_THREAD);
    let looked = thread::scope(|scope| {
        let start = |part| scope.spawn(move || look_at_all(root, settings, part));
        let running: Vec<_> = tracked.chunks(share).map(start).collect();
        running
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect::<Vec<_>>()
    });
    let mut suspects = BTreeMap::new();
    for part in looked {
        let ended = || GitError::malformed("read the working tree", "a thread of ours ended");
        let part = part.map_err(|_| ended())??;
        suspects.extend(part.suspects);
        notes.extend(part.notes);
    }
    Ok(suspects)
}

fn look_at_all(
    root: &Path,
    settings: &Settings,
    paths: &[(RepoPath, Expected)],
) -> Result<Looked, ProposalError> {
    let files = Files::open(root, settings)?;
    let mut looked = Looked::default();
    for (path, expected) in paths {
        let found = files.look(path, expected)?;
        if matches!(found, Found::Special) {
            looked.notes.push(Note::SpecialFileSkipped(path.clone()));
        }
        if !is_same(&files, path, &found, expected)? {
            let base = expected.base.clone();
            looked
                .suspects
                .push((path.clone(), Suspect { found, base }));
        }
    }
    Ok(looked)
}

fn is_same(
    files: &Files,
    path: &RepoPath,
    found: &Found,
    expected: &Expected,
) -> Result<bool, ProposalError> {
    let Some(base) = &expected.base else {
        return Ok(matches!(
            found,
            Found::Absent | Found::Unpopulated | Found::Special
        ));
    };
    Ok(match found {
        Found::Absent => expected.skip_worktree,
        Found::Unpopulated => base.mode == Mode::Gitlink,
        Found::Special => false,
        Found::Link(oid) => base.mode == Mode::Symlink && base.oid == *oid,
        Found::Commit(oid) => base.mode == Mode::Gitlink && base.oid == *oid,
        Found::File { mode, size } => base.mode == *mode && files.hash(path, *size)? == base.oid,
    })
}
