//! The change, asked by path: what was a file on the base, and which of its lines are new.

use crate::index::Index;
use crate::{ChangeSet, ChangedFile, Hunk, Status};

/// Lines from the first to the last, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The first.
    pub first: u32,
    /// The last, which is not before the first.
    pub last: u32,
}

impl Lines {
    fn of(start: u32, count: u32) -> Option<Self> {
        let last = start.saturating_add(count.checked_sub(1)?);
        Some(Self { first: start, last })
    }

    /// Whether the line is one of them.
    #[must_use]
    pub fn contains(&self, line: u32) -> bool {
        (self.first..=self.last).contains(&line)
    }
}

/// A change, by the paths of the candidate and of the base.
#[derive(Debug)]
pub struct Changes<'a> {
    files: &'a [ChangedFile],
    paths: Index,
    old_paths: Index,
}

impl<'a> Changes<'a> {
    /// Sorts a change by its paths.
    #[must_use]
    pub fn new(change: &'a ChangeSet) -> Self {
        let files = &change.files;
        Self {
            files,
            paths: Index::new(files.iter().map(|file| file.path.clone()).collect()),
            old_paths: Index::new(files.iter().map(|file| old_path(file).to_owned()).collect()),
        }
    }

    /// What the change does to a path of the candidate, or to one that it deletes.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&'a ChangedFile> {
        self.files.get(self.paths.first(path)?)
    }

    /// What the change does to a path of the base.
    fn at_old(&self, path: &str) -> Option<&'a ChangedFile> {
        let file = self.files.get(self.old_paths.first(path)?)?;
        (file.status != Status::Added).then_some(file)
    }

    /// Where a file of the base is on the candidate; its old path where it was deleted.
    #[must_use]
    pub fn on_candidate<'b>(&self, path: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.at_old(path).map_or(path, |file| file.path.as_str())
    }

    /// Whether the change leaves a path as it is: the same bytes on both sides.
    #[must_use]
    pub fn leaves(&self, path: &str) -> bool {
        self.at(path).is_none() && self.at_old(path).is_none()
    }
}

/// The path of a changed file on the base.
#[must_use]
pub fn old_path(file: &ChangedFile) -> &str {
    file.old_path.as_deref().unwrap_or(&file.path)
}

/// The lines that the change adds to a file or rewrites in it, on the candidate, in their order.
#[must_use]
pub fn added_lines(file: &ChangedFile) -> Vec<Lines> {
    let lines = |hunk: &Hunk| Lines::of(hunk.new_start, hunk.new_lines);
    file.hunks.iter().filter_map(lines).collect()
}

/// The lines that the change takes from a file or rewrites in it, on the base, in their order.
#[must_use]
pub fn removed_lines(file: &ChangedFile) -> Vec<Lines> {
    let lines = |hunk: &Hunk| Lines::of(hunk.old_start, hunk.old_lines);
    file.hunks.iter().filter_map(lines).collect()
}

/// Whether one of the ranges, which are in their order, holds the line.
#[must_use]
pub fn holds(ranges: &[Lines], line: u32) -> bool {
    let at = ranges.partition_point(|range| range.last < line);
    ranges.get(at).is_some_and(|range| range.contains(line))
}

/// Where a line of the candidate was on the base: the same line where nothing touched it, and the nearest that stood there where
/// it is new.
#[must_use]
pub fn line_on_base(file: &ChangedFile, line: u32) -> u32 {
    let mut shift = 0_i64;
    for hunk in &file.hunks {
        let behind = hunk.new_start.saturating_add(hunk.new_lines.max(1));
        // A hunk without new lines names the line before it.
        let starts = hunk
            .new_start
            .saturating_add(u32::from(hunk.new_lines == 0));
        if line < starts {
            break;
        }
        if hunk.new_lines > 0 && line < behind {
            let into = (line - hunk.new_start).min(hunk.old_lines.saturating_sub(1));
            return hunk.old_start.saturating_add(into).max(1);
        }
        shift += i64::from(hunk.old_lines) - i64::from(hunk.new_lines);
    }
    u32::try_from((i64::from(line) + shift).max(1)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    fn file(hunks: &[(u32, u32, u32, u32)]) -> ChangedFile {
        let hunk = |(old_start, old_lines, new_start, new_lines): &(u32, u32, u32, u32)| Hunk {
            old_start: *old_start,
            old_lines: *old_lines,
            new_start: *new_start,
            new_lines: *new_lines,
        };
        ChangedFile {
            path: "new".into(),
            old_path: Some("old".into()),
            status: Status::Renamed,
            old_mode: Some(Mode::File),
            new_mode: Some(Mode::File),
            binary: false,
            hunks: hunks.iter().map(hunk).collect(),
        }
    }

    #[test]
    fn a_line_is_found_on_the_base_again() {
        // Two lines added behind line 1, line 5 (7 now) rewritten as two, line 8 (11 now) deleted.
        let file = file(&[(1, 0, 2, 2), (5, 1, 7, 2), (8, 1, 10, 0)]);
        let rows = [
            (1, 1),
            (4, 2),
            (6, 4),
            (7, 5),
            (8, 5),
            (9, 6),
            (10, 7),
            (11, 9),
        ];
        for (candidate, base) in rows {
            assert_eq!(line_on_base(&file, candidate), base, "{candidate}");
        }
    }

    #[test]
    fn added_lines_are_those_of_the_hunks() {
        let added = added_lines(&file(&[(1, 0, 2, 2), (5, 1, 7, 2), (8, 1, 10, 0)]));
        let held: Vec<u32> = (1..=12).filter(|line| holds(&added, *line)).collect();
        assert_eq!(held, [2, 3, 7, 8]);
    }

    #[test]
    fn a_renamed_file_is_known_by_both_paths() {
        let change = ChangeSet {
            files: vec![file(&[])],
            unnamed: 0,
        };
        let changes = Changes::new(&change);
        assert!(!changes.leaves("new") && !changes.leaves("old") && changes.leaves("other"));
        assert_eq!(changes.on_candidate("old"), "new");
        assert_eq!(changes.on_candidate("other"), "other");
    }
}
