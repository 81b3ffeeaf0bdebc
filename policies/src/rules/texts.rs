//! The text of changed files on both sides, as the runner hands it in.

use crate::change::{Change, ChangeKind, FileChange};
use crate::mixed::Side;
use crate::path::RepoPath;

/// Both sides of one changed file, in the order of [`Change::files`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// On the base, where the file was.
    pub before: Side,
    /// On the candidate.
    pub after: Side,
}

/// A changed file with its text, as far as it is text.
#[derive(Clone, Debug)]
pub(crate) struct ChangedText<'a> {
    pub(crate) change: &'a FileChange,
    pub(crate) before: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
}

/// The files of a change with their texts.
pub(crate) fn changed<'a>(change: &'a Change, sides: &'a [Sides]) -> Vec<ChangedText<'a>> {
    let pairs = change.files.iter().zip(sides);
    pairs
        .map(|(file, sides)| ChangedText {
            change: file,
            before: text(&sides.before),
            after: text(&sides.after),
        })
        .collect()
}

fn text(side: &Side) -> Option<&str> {
    match side {
        Side::Text(bytes) => std::str::from_utf8(bytes).ok(),
        Side::Absent | Side::Opaque => None,
    }
}

impl ChangedText<'_> {
    /// Where the file was on the base.
    pub(crate) fn path_before(&self) -> Option<&RepoPath> {
        match &self.change.kind {
            ChangeKind::Added => None,
            ChangeKind::Renamed(from) | ChangeKind::Copied(from) => Some(from),
            _ => Some(&self.change.path),
        }
    }

    /// Whether the change wrote this line of the candidate.
    pub(crate) fn is_added(&self, line: u32) -> bool {
        let hunks = &self.change.hunks;
        // Hunks are in order: the last one that starts before the line decides.
        let behind = hunks.partition_point(|hunk| hunk.after_start <= line);
        let hunk = behind.checked_sub(1).and_then(|at| hunks.get(at));
        hunk.is_some_and(|hunk| line - hunk.after_start < hunk.after_lines)
    }
}
