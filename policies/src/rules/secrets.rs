//! `secrets`: credentials in added lines, by their known forms and by how random they are.
//!
//! Nothing here shows one: a finding has the first characters and the length. Examples, placeholders and what
//! the change only moves are none; in files that are tests, keys and tokens that were made for them are none.

use std::collections::BTreeSet;

use crate::change::FileChange;
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::reason::ReasonCode;

mod forms;
mod random;

/// Longer lines are looked at up to here.
const LONGEST_LINE: usize = 16 * 1024;

/// A credential in a line.
struct Secret<'a> {
    /// What it is, for people.
    kind: &'static str,
    text: &'a str,
    /// Whether tests have good reasons to hold one that opens nothing.
    made_for_tests: bool,
}

/// All of the change. `is_test` tells files that are tests, or their data.
pub(super) fn inspect(
    files: &[FileChange],
    is_test: &dyn Fn(&RepoPath) -> bool,
    level: FindingLevel,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut moved: Option<BTreeSet<&str>> = None;
    for file in files
        .iter()
        .filter(|file| !super::written_by_a_tool(&file.path))
    {
        let test = is_test(&file.path);
        for (line, secret) in added(file) {
            let removed = moved.get_or_insert_with(|| removed(files));
            if !(removed.contains(secret.text) || test && secret.made_for_tests) {
                findings.push(finding(file, line, &secret, level));
            }
        }
    }
    findings
}

/// The secrets of the added lines, each with its line.
fn added(file: &FileChange) -> Vec<(u32, Secret<'_>)> {
    let mut found = Vec::new();
    let settings = random::is_settings(&file.path);
    for hunk in &file.hunks {
        for (number, (at, line)) in (hunk.after_start..).zip(hunk.added.iter().enumerate()) {
            let line = shortened(line);
            let next = hunk.added.get(at + 1).map_or("", String::as_str);
            let known = forms::of(line, next);
            if known.is_empty() {
                found.extend(random::of(line, settings).map(|secret| (number, secret)));
            }
            found.extend(known.into_iter().map(|secret| (number, secret)));
        }
    }
    found
}

/// The secrets of the removed lines, which the change has from the base.
fn removed(files: &[FileChange]) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for hunk in files.iter().flat_map(|file| &file.hunks) {
        for (at, line) in hunk.removed.iter().enumerate() {
            let next = hunk.removed.get(at + 1).map_or("", String::as_str);
            let line = shortened(line);
            found.extend(forms::of(line, next).into_iter().map(|secret| secret.text));
            found.extend(random::of(line, true).map(|secret| secret.text));
        }
    }
    found
}

fn shortened(line: &str) -> &str {
    line.get(..line.floor_char_boundary(LONGEST_LINE))
        .unwrap_or_default()
}

/// The first characters of a credential and its length.
fn masked(secret: &str) -> String {
    let shown: String = secret
        .chars()
        .take(4)
        .filter(|one| one.is_ascii_graphic())
        .collect();
    format!("`{shown}…`, {} characters", secret.chars().count())
}

fn finding(file: &FileChange, line: u32, secret: &Secret<'_>, level: FindingLevel) -> Finding {
    // The closed list has no code of its own: denied it is `rule-denied`, for a person it is files that the
    // policy wants looked at.
    let code = match level {
        FindingLevel::Deny => ReasonCode::RuleDenied,
        FindingLevel::Note | FindingLevel::Review => ReasonCode::ProtectedPath,
    };
    let masked = masked(secret.text);
    let message = format!("looks like {} ({masked})", secret.kind);
    Finding::built_in(
        code,
        level,
        Some(&file.path),
        &format!("secret {} {masked}", secret.kind),
        message,
    )
    .on_line(line)
}

#[cfg(test)]
mod tests;
