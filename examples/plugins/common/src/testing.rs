//! Trees and changes in memory, so that a judgement can be tested without a host.

use std::collections::BTreeMap;

use crate::globs::Glob;
use crate::json::{self, Value};
use crate::trees::{Stat, Tree, TreeError};
use crate::{ChangeSet, ChangedFile, Hunk, Mode, Status};

/// A tree in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree(BTreeMap<String, (Mode, Vec<u8>)>);

impl MemoryTree {
    /// Plain files with these texts.
    #[must_use]
    pub fn new<B: AsRef<[u8]>>(files: &[(&str, B)]) -> Self {
        let mut tree = Self::default();
        for (path, bytes) in files {
            tree.insert(path, bytes.as_ref());
        }
        tree
    }

    /// Adds a plain file or replaces one.
    pub fn insert(&mut self, path: &str, bytes: &[u8]) {
        self.insert_as(path, Mode::File, bytes);
    }

    /// Adds what is no plain file, or replaces it.
    pub fn insert_as(&mut self, path: &str, mode: Mode, bytes: &[u8]) {
        self.0.insert(path.to_owned(), (mode, bytes.to_vec()));
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    fn readable(&self, path: &str) -> Result<&[u8], TreeError> {
        match self.0.get(path).ok_or(TreeError::NotFound)? {
            (Mode::Symlink, _) => Err(TreeError::WrongKind),
            (Mode::Submodule, _) => Err(TreeError::Absent),
            (_, bytes) => Ok(bytes),
        }
    }
}

impl Tree for MemoryTree {
    fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, TreeError> {
        let bytes = self.readable(path)?;
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let end = start.saturating_add(length as usize).min(bytes.len());
        Ok(bytes[start..end].to_vec())
    }

    fn stat(&self, path: &str) -> Result<Stat, TreeError> {
        let (mode, bytes) = self.0.get(path).ok_or(TreeError::NotFound)?;
        Ok(Stat {
            mode: *mode,
            size: bytes.len() as u64,
        })
    }

    fn find(&self, glob: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, TreeError> {
        let glob = Glob::new(glob).map_err(|_| TreeError::BadPath)?;
        let behind = |path: &&String| after.is_none_or(|after| path.as_str() > after);
        let paths = self
            .0
            .keys()
            .filter(behind)
            .filter(|path| glob.matches(path));
        Ok(paths.take(limit as usize).cloned().collect())
    }
}

/// The change from one tree to another, by whole lines. Files of the same bytes at another path are renamed.
#[must_use]
pub fn change(base: &MemoryTree, candidate: &MemoryTree) -> ChangeSet {
    let mut gone: Vec<&String> = base
        .0
        .keys()
        .filter(|path| !candidate.0.contains_key(*path))
        .collect();
    let mut files = Vec::new();
    for (path, (mode, bytes)) in &candidate.0 {
        let before = base.0.get(path);
        if before.is_some_and(|before| before == &(*mode, bytes.clone())) {
            continue;
        }
        let moved = gone
            .iter()
            .position(|old| before.is_none() && base.0[*old].1 == *bytes);
        let old_path = moved.map(|at| gone.remove(at).clone());
        let status = match (before, &old_path) {
            (_, Some(_)) => Status::Renamed,
            (None, None) => Status::Added,
            (Some((old, _)), _)
                if old != mode && (*old == Mode::Symlink || *mode == Mode::Symlink) =>
            {
                Status::TypeChanged
            }
            _ => Status::Modified,
        };
        let old_mode = before
            .map(|(mode, _)| *mode)
            .or(old_path.as_ref().map(|_| *mode));
        let old_bytes = match &old_path {
            Some(old) => base.0[old].1.as_slice(),
            None => before.map_or(&[][..], |(_, bytes)| bytes),
        };
        files.push(changed(
            path,
            old_path.clone(),
            status,
            (old_mode, Some(*mode)),
            (old_bytes, bytes),
        ));
    }
    for path in gone {
        let (mode, bytes) = &base.0[path];
        files.push(changed(
            path,
            None,
            Status::Deleted,
            (Some(*mode), None),
            (bytes, &[]),
        ));
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    ChangeSet { files, unnamed: 0 }
}

fn changed(
    path: &str,
    old_path: Option<String>,
    status: Status,
    (old_mode, new_mode): (Option<Mode>, Option<Mode>),
    (old, new): (&[u8], &[u8]),
) -> ChangedFile {
    let binary = old.contains(&0) || new.contains(&0);
    let hunks = if binary { Vec::new() } else { hunks(old, new) };
    ChangedFile {
        path: path.to_owned(),
        old_path,
        status,
        old_mode,
        new_mode,
        binary,
        hunks,
    }
}

/// The hunks of a longest common subsequence of lines: small texts only, beside common starts and ends.
fn hunks(old: &[u8], new: &[u8]) -> Vec<Hunk> {
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (old, new) = (lines(old), lines(new));
    let start = old
        .iter()
        .zip(&new)
        .take_while(|(one, other)| one == other)
        .count();
    let ends = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = ends.take_while(|(one, other)| one == other).count();
    let (middle_old, middle_new) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let (rows, columns) = (middle_old.len(), middle_new.len());
    if rows * columns > 4_000_000 {
        return whole(start, rows, columns);
    }
    let mut longest = vec![vec![0_u32; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if middle_old[row] == middle_new[column] {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let mut found = Vec::new();
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        let (from_row, from_column) = (row, column);
        while row < rows || column < columns {
            if row < rows && column < columns && middle_old[row] == middle_new[column] {
                break;
            }
            if column < columns
                && (row == rows || longest[row][column + 1] >= longest[row + 1][column])
            {
                column += 1;
            } else {
                row += 1;
            }
        }
        if (row, column) != (from_row, from_column) {
            found.push(hunk(
                start + from_row,
                row - from_row,
                start + from_column,
                column - from_column,
            ));
        } else {
            row += 1;
            column += 1;
        }
    }
    found
}

fn whole(start: usize, old: usize, new: usize) -> Vec<Hunk> {
    vec![hunk(start, old, start, new)]
}

/// As git counts: from 1, and a side without lines names the line before it.
fn hunk(old_start: usize, old_lines: usize, new_start: usize, new_lines: usize) -> Hunk {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let start = |before: usize, lines: usize| number(before + usize::from(lines > 0));
    Hunk {
        old_start: start(old_start, old_lines),
        old_lines: number(old_lines),
        new_start: start(new_start, new_lines),
        new_lines: number(new_lines),
    }
}

/// Panics unless the schema is a closed one of the dialect that hosts read, describes each key, and has exactly those keys that
/// the configuration knows.
///
/// # Panics
/// That is its purpose.
#[track_caller]
#[allow(clippy::panic, clippy::expect_used)]
pub fn assert_schema_fits(schema: &str, keys: &[&str]) {
    let schema = json::parse(schema).expect("the schema is JSON");
    let dialect = schema.get("$schema").and_then(Value::text);
    assert_eq!(
        dialect,
        Some("https://json-schema.org/draft/2020-12/schema")
    );
    let properties = schema
        .get("properties")
        .and_then(Value::table)
        .expect("it has properties");
    let mut described: Vec<&str> = properties.iter().map(|(key, _)| key.as_str()).collect();
    let mut known = keys.to_vec();
    described.sort_unstable();
    known.sort_unstable();
    assert_eq!(described, known);
    assert_closed(&schema, "the schema");
}

#[allow(clippy::panic)]
fn assert_closed(schema: &Value, place: &str) {
    match schema {
        Value::Table(entries) => {
            if let Some(properties) = schema.get("properties").and_then(Value::table) {
                assert_eq!(
                    schema.get("additionalProperties"),
                    Some(&Value::Bool(false)),
                    "{place} is open"
                );
                for (name, property) in properties {
                    let description = property.get("description").and_then(Value::text);
                    assert!(
                        description.is_some(),
                        "{place}: `{name}` has no description"
                    );
                }
            }
            for (key, value) in entries {
                assert_closed(value, &format!("{place}, {key}"));
            }
        }
        Value::List(items) => items.iter().for_each(|item| assert_closed(item, place)),
        _ => {}
    }
}
