//! `new-suppression`: comments and attributes that silence a tool.
//!
//! What counts is what both trees together have more of: a suppression that moves, in a file or between
//! files, is not new, and one that became narrower is not either.

use std::collections::BTreeMap;

use super::source::{Language, Source};
use super::texts::ChangedText;
use crate::finding::{Finding, FindingLevel};
use crate::reason::ReasonCode;
use crate::text;

mod attributes;
mod comments;

/// Longest quotation of a comment.
const QUOTED: usize = 80;

/// Silences everything that a tool can say there.
const EVERYTHING: &str = "*";

/// One thing that one tool may no longer say at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suppression {
    key: Key,
    line: u32,
    /// How it is written.
    quoted: String,
}

/// Equal for suppressions of which one can stand for the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The marker, such as `noqa`.
    marker: &'static str,
    /// Whether it holds for the whole file.
    file_wide: bool,
    /// What may not be said, or [`EVERYTHING`].
    code: String,
}

/// How often each suppression stands somewhere.
type Counts = BTreeMap<Key, usize>;

pub(super) fn inspect(texts: &[ChangedText<'_>], level: FindingLevel) -> Vec<Finding> {
    let mut new = Vec::new();
    let mut left = Counts::new();
    for text in texts {
        let (mut before, after) = (counts(text, true), suppressions(text, false));
        new.extend(
            unmatched(after, text, &mut before)
                .into_iter()
                .map(|one| (text, one)),
        );
        for (key, count) in before {
            *left.entry(key).or_default() += count;
        }
    }
    new.retain(|(_, one)| !take(&mut left, &one.key));
    // One comment with several codes is one finding.
    new.dedup_by(|(text, one), (other, kept)| {
        text.change.path == other.change.path && one.line == kept.line && one.quoted == kept.quoted
    });
    new.iter()
        .map(|(text, one)| finding(text, one, level))
        .collect()
}

fn suppressions(text: &ChangedText<'_>, before: bool) -> Vec<Suppression> {
    let (side, path) = match before {
        true => (text.before, text.path_before()),
        false => (text.after, Some(&text.change.path)),
    };
    let (Some(side), Some(language)) = (side, path.and_then(Language::of)) else {
        return Vec::new();
    };
    let source = Source::read(language, side);
    let mut found = comments::of(language, &source);
    found.extend(attributes::of(language, &source));
    found
}

fn counts(text: &ChangedText<'_>, before: bool) -> Counts {
    let mut counts = Counts::new();
    for one in suppressions(text, before) {
        *counts.entry(one.key).or_default() += 1;
    }
    counts
}

/// The suppressions of the candidate's file that the base's does not account for. Those on lines that did
/// not change are matched first, so that what is left stands where the change is.
fn unmatched(
    after: Vec<Suppression>,
    text: &ChangedText<'_>,
    before: &mut Counts,
) -> Vec<Suppression> {
    let (added, kept): (Vec<_>, Vec<_>) =
        after.into_iter().partition(|one| text.is_added(one.line));
    let mut new: Vec<Suppression> = Vec::new();
    for one in kept.into_iter().chain(added) {
        if !take(before, &one.key) {
            new.push(one);
        }
    }
    // One that is narrower than what it takes the place of.
    new.retain(|one| !take_wider(before, &one.key));
    new
}

fn take(counts: &mut Counts, key: &Key) -> bool {
    let left = counts.get_mut(key).filter(|left| **left > 0);
    left.map(|left| *left -= 1).is_some()
}

/// A blanket suppression that is gone makes room for any number of narrow ones of its tool.
fn take_wider(counts: &mut Counts, key: &Key) -> bool {
    let wider = |file_wide| Key {
        file_wide,
        code: EVERYTHING.to_owned(),
        ..key.clone()
    };
    let gone = |key: &Key| counts.get(key).is_some_and(|left| *left > 0);
    let same_width = key.code != EVERYTHING && gone(&wider(key.file_wide));
    same_width || (!key.file_wide && gone(&wider(true)))
}

fn finding(text: &ChangedText<'_>, one: &Suppression, level: FindingLevel) -> Finding {
    let quoted = text::line(&one.quoted, QUOTED);
    let reach = if one.key.file_wide {
        ", in the whole file"
    } else {
        ""
    };
    let message = format!("`{quoted}` silences a tool{reach}");
    let what = format!("{} {}", one.key.marker, one.key.code);
    Finding::built_in(
        ReasonCode::NewSuppression,
        level,
        Some(&text.change.path),
        &what,
        message,
    )
    .on_line(one.line)
}

#[cfg(test)]
mod tests;
