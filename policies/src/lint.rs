//! What a linter reported on each tree, and which of the candidate's findings the base does not have.
//!
//! A finding has no identity of its own: its line moves, its file is renamed, its line is there twice. So
//! findings are paired one to one, in this order, and what is left over on the candidate is new:
//!
//! 1. same rule, file (through the change's renames), text of the first flagged line, and message without
//!    its numbers. Of equal ones those that the change did not write are paired first, so a second copy
//!    of a flagged line is one new finding, and it is the copy.
//! 2. the same in another file, where it is gone: moved code brings its findings along.
//! 3. same rule in the same changed hunk, and the same message or most words of the line: who edits a
//!    flagged line has not added a finding, but who puts another line in its place has.
//!
//! The text is the first line's alone: a finding about a whole function would otherwise be new with every
//! edit of the function. The message counts, because the same rule can say something else about the same
//! line: another type error, another unused name.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::change::{Change, ChangeKind, FileChange, Hunk};
use crate::denial::Denial;
use crate::finding::{Lines, fingerprint};
use crate::path::RepoPath;
use crate::run::{Outcome, Usage};

/// What a lint check gave on both trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LintEvidence {
    /// The base's run.
    pub base: LintRun,
    /// The candidate's run, with the base's configuration.
    pub candidate: LintRun,
}

/// One run of a linter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LintRun {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether its report can be used.
    pub report: LintReport,
    /// What it found, sorted; of files that are not of the tree no more than their names.
    pub findings: Vec<LintFinding>,
    /// Entries of the report of any kind, suppressed ones included.
    pub entries: u64,
    /// How many are about files that are not of the tree: installed packages, generated code.
    pub elsewhere: u64,
    /// Processes that were still alive when it had ended.
    pub leaked_processes: u32,
    /// What it cost.
    pub usage: Usage,
    /// What the sandbox refused.
    pub denials: Vec<Denial>,
    /// The last part of what it printed beside its report.
    pub log_tail: String,
}

/// Whether a linter's report can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum LintReport {
    /// The tool says that it looked at everything.
    Whole,
    /// What it says is true, but it did not get to look at everything.
    Partial {
        /// Why.
        why: String,
    },
    /// There is no report, or none that can be read.
    Unusable {
        /// Why.
        why: String,
    },
}

/// What a linter says about one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LintFinding {
    /// The file; none for a finding about no file.
    pub path: Option<RepoPath>,
    /// Where in the file, on the tree that was looked at.
    pub lines: Option<Lines>,
    /// The tool's name of the rule.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What the tool would do about it.
    pub fix: Option<String>,
    /// The first flagged line of the file, white space aside; empty where there is none.
    pub text: String,
}

impl LintFinding {
    /// Most bytes of a message.
    pub const MESSAGE_CAP: usize = 1000;
    /// Most bytes of a suggestion.
    pub const FIX_CAP: usize = 1000;
    /// Most bytes of a rule's name.
    pub const RULE_CAP: usize = 200;
}

/// One finding of the candidate, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared<'a> {
    /// The finding.
    pub finding: &'a LintFinding,
    /// True when the base does not have it.
    pub new: bool,
    /// Equal for the same finding in another run; no line number is part of it.
    pub fingerprint: String,
}

/// Pairs the candidate's findings with the base's, as this module's first lines say.
pub fn compare<'a>(
    base: &[LintFinding],
    candidate: &'a [LintFinding],
    change: &Change,
) -> Vec<Compared<'a>> {
    let places = Places::of(change);
    let mut pairing = Pairing {
        base: base.iter().map(Some).collect(),
        candidate: in_order(candidate, &places),
    };
    let moved = |one: &LintFinding| (!one.text.is_empty()).then(|| Key::of(one, None));
    pairing.pass(
        |one| Some(Key::of(one, places.moved_to(one))),
        |one| Some(Key::of(one, one.path.as_ref())),
    );
    pairing.pass(moved, moved);
    let said = |one: &LintFinding| without_numbers(&one.message);
    pairing.pass(
        |one| Some((places.hunk_before(one)?, said(one))),
        |one| Some((places.hunk_after(one)?, said(one))),
    );
    pairing.edited(&places);
    let left: BTreeSet<usize> = pairing.candidate.into_iter().map(|(at, _)| at).collect();
    let mut ordinals: HashMap<Key, u32> = HashMap::new();
    let compared = candidate.iter().enumerate().map(|(at, finding)| {
        let key = Key::of(finding, finding.path.as_ref());
        let ordinal = ordinals.entry(key).or_default();
        *ordinal += 1;
        Compared {
            finding,
            new: left.contains(&at),
            fingerprint: named(finding, *ordinal),
        }
    });
    compared.collect()
}

/// The candidate's findings with their places in the list, those on lines that the change wrote last.
fn in_order<'a>(
    candidate: &'a [LintFinding],
    places: &Places<'_>,
) -> Vec<(usize, &'a LintFinding)> {
    let all = || candidate.iter().enumerate();
    let written = |(_, one): &(usize, &LintFinding)| places.hunk_after(one).is_some();
    all()
        .filter(|one| !written(one))
        .chain(all().filter(written))
        .collect()
}

/// What is not paired yet.
struct Pairing<'b, 'c> {
    base: Vec<Option<&'b LintFinding>>,
    candidate: Vec<(usize, &'c LintFinding)>,
}

impl Pairing<'_, '_> {
    /// Takes out every pair whose keys are equal; a finding without a key stays.
    fn pass<K: std::hash::Hash + Eq>(
        &mut self,
        of_base: impl Fn(&LintFinding) -> Option<K>,
        of_candidate: impl Fn(&LintFinding) -> Option<K>,
    ) {
        let mut known: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (at, one) in self.base.iter().enumerate() {
            if let Some(key) = one.and_then(&of_base) {
                known.entry(key).or_default().push_back(at);
            }
        }
        let base = &mut self.base;
        self.candidate.retain(|(_, one)| {
            let found = of_candidate(one).and_then(|key| known.get_mut(&key)?.pop_front());
            if let Some(paired) = found.and_then(|at| base.get_mut(at)) {
                *paired = None;
            }
            found.is_none()
        });
    }
}

impl Pairing<'_, '_> {
    /// Takes out every pair in one changed hunk whose lines are alike.
    fn edited(&mut self, places: &Places<'_>) {
        let mut known: HashMap<HunkKey, Vec<usize>> = HashMap::new();
        for (at, one) in self.base.iter().enumerate() {
            if let Some(key) = one.and_then(|one| places.hunk_before(one)) {
                known.entry(key).or_default().push(at);
            }
        }
        let base = &mut self.base;
        self.candidate.retain(|(_, one)| {
            let left = places.hunk_after(one).and_then(|key| known.get_mut(&key));
            let mut left = left
                .into_iter()
                .flat_map(|left| left.iter().take(ALIKE_CAP));
            let found = left.find(|at| {
                let other = base.get(**at).copied().flatten();
                other.is_some_and(|other| alike(&other.text, &one.text))
            });
            if let Some(paired) = found.and_then(|at| base.get_mut(*at)) {
                *paired = None;
            }
            found.is_none()
        });
    }
}

/// Most findings of one rule in one hunk that a line is held against.
const ALIKE_CAP: usize = 200;

/// Whether two lines have more than half of their words in common.
fn alike(one: &str, other: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let words = words.filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let (one, mut other) = (words(one), words(other));
    let all = one.len() + other.len();
    let mut common = 0;
    for word in &one {
        if let Some(at) = other.iter().position(|other| other == word) {
            other.swap_remove(at);
            common += 2;
        }
    }
    common * 2 > all
}

/// What makes two findings the same.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    rule: String,
    path: Option<RepoPath>,
    text: String,
    message: String,
}

impl Key {
    fn of(one: &LintFinding, path: Option<&RepoPath>) -> Self {
        Self {
            rule: one.rule.clone(),
            path: path.cloned(),
            text: one.text.clone(),
            message: without_numbers(&one.message),
        }
    }
}

/// `too complex (12 > 10)` and `defined on line 3` are the same finding with other numbers.
fn without_numbers(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    for one in message.chars() {
        match one.is_ascii_digit() {
            true if kept.ends_with('#') => {}
            true => kept.push('#'),
            false => kept.push(one),
        }
    }
    kept
}

fn named(finding: &LintFinding, ordinal: u32) -> String {
    let path = finding.path.as_ref().map_or(&[][..], RepoPath::as_bytes);
    fingerprint(&[
        finding.rule.as_bytes(),
        path,
        finding.text.as_bytes(),
        without_numbers(&finding.message).as_bytes(),
        ordinal.to_string().as_bytes(),
    ])
}

/// A rule, and a hunk by its file's place in the change and its own in the file.
type HunkKey = (String, usize, usize);

/// Where the change touches files, by path.
struct Places<'a> {
    before: BTreeMap<&'a RepoPath, (usize, &'a FileChange)>,
    after: BTreeMap<&'a RepoPath, (usize, &'a FileChange)>,
}

impl<'a> Places<'a> {
    fn of(change: &'a Change) -> Self {
        let files = || change.files.iter().enumerate();
        let old = |(at, file): (usize, &'a FileChange)| match &file.kind {
            ChangeKind::Renamed(from) => Some((from, (at, file))),
            // What it was copied from is still there, with its findings.
            ChangeKind::Copied(_) => None,
            _ => Some((&file.path, (at, file))),
        };
        Self {
            before: files().filter_map(old).collect(),
            after: files().map(|(at, file)| (&file.path, (at, file))).collect(),
        }
    }

    /// Where a finding's file is on the candidate.
    fn moved_to<'f>(&self, one: &'f LintFinding) -> Option<&'f RepoPath>
    where
        'a: 'f,
    {
        let path = one.path.as_ref()?;
        Some(self.before.get(path).map_or(path, |(_, file)| &file.path))
    }

    fn hunk_before(&self, one: &LintFinding) -> Option<HunkKey> {
        hunk(&self.before, one, |hunk| {
            (hunk.before_start, hunk.before_lines)
        })
    }

    fn hunk_after(&self, one: &LintFinding) -> Option<HunkKey> {
        hunk(&self.after, one, |hunk| {
            (hunk.after_start, hunk.after_lines)
        })
    }
}

/// The hunk in whose lines a finding starts.
fn hunk(
    files: &BTreeMap<&RepoPath, (usize, &FileChange)>,
    one: &LintFinding,
    range: impl Fn(&Hunk) -> (u32, u32),
) -> Option<HunkKey> {
    let (place, file) = files.get(one.path.as_ref()?)?;
    let line = one.lines?.start;
    let holds = |hunk: &Hunk| {
        let (start, lines) = range(hunk);
        line >= start && line - start < lines
    };
    let at = file.hunks.iter().position(holds)?;
    Some((one.rule.clone(), *place, at))
}

#[cfg(test)]
mod tests;
