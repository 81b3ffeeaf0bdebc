//! Which repository an event is about.

use std::path::{Path, PathBuf};

use super::event::Moment;
use crate::git::layout::Layout;

/// Where to look: a command concerns the repository in which it runs, the end of a turn the project. An agent that went into another
/// repository, a nested one or its own under `/tmp`, does not leave the project's change behind by ending there; a linked worktree of
/// the project is the project. A directory that is gone says nothing.
pub(super) fn judged(
    moment: Moment,
    cwd: Option<PathBuf>,
    project: Option<PathBuf>,
) -> Option<PathBuf> {
    let (Some(at), Some(home)) = (&cwd, &project) else {
        return cwd.or(project);
    };
    let left =
        moment == Moment::End && repository(home).is_some_and(|home| repository(at) != Some(home));
    if left || !at.is_dir() { project } else { cwd }
}

/// What all worktrees of a repository share.
fn repository(directory: &Path) -> Option<PathBuf> {
    let layout = Layout::discover(directory).ok()??;
    layout.common_dir.canonicalize().ok()
}
