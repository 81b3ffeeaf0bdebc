//! What speaks against a change or is worth knowing about it: one list, from which every format for a forge or an
//! editor is made.
//!
//! Tests that tell against the change and findings come with their places. A reason that neither of them shows stands
//! in the list by itself, so a verdict that is no pass never has an empty list. All texts in it are harmless
//! ([`passmuster_policy::text`]) and short; a format adds no more than the escapes of its own syntax.

use std::collections::BTreeSet;

use passmuster_policy::comparison::Class;
use passmuster_policy::finding::{Finding, Lines, fingerprint};
use passmuster_policy::reason::{Level, Reason, ReasonCode, Review};
use passmuster_policy::text::{id, line};
use passmuster_policy::verdict::{TestEntry, Verdict};

use super::place::Place;
use super::{findings, telling_tests};

/// Most bytes of a message; the JSON form has all of it.
const MESSAGE: usize = 1000;

/// What a problem does to the verdict; the greater one counts more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Nothing: it is listed.
    Note,
    /// A person has to look.
    Review,
    /// Something could not be measured, so nobody may take the change for good.
    Inconclusive,
    /// The change is at fault.
    Fail,
}

impl Weight {
    fn of(code: ReasonCode) -> Self {
        match code.level() {
            Level::Review => Self::Review,
            Level::Inconclusive => Self::Inconclusive,
            Level::Fail | Level::Usage => Self::Fail,
        }
    }

    /// The word that the verdict has for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Review => "review",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// One thing.
#[derive(Clone, Debug)]
pub(super) struct Problem<'a> {
    /// What it does to the verdict.
    pub(super) weight: Weight,
    /// A reason code, or `CHECK/RULE` for what a linter or a plugin found.
    pub(super) rule: String,
    /// The reason that it leads to; none for a note.
    pub(super) code: Option<ReasonCode>,
    /// The check that knows of it; none for what belongs to the change as a whole.
    pub(super) check: Option<String>,
    /// Where it is.
    pub(super) place: Option<Place>,
    /// Where else: lines of the change that a failure goes through, other places of a finding.
    pub(super) related: Vec<Place>,
    /// One line.
    pub(super) message: String,
    /// Whether the base does not have it.
    pub(super) new: bool,
    /// The same in another run, and another one than that of every other problem in the list.
    pub(super) fingerprint: String,
    /// What it was made from.
    pub(super) source: Source<'a>,
}

/// Where a problem comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// A reason or a review item with nothing behind it that has a place.
    Reason,
    /// A test that tells against the change.
    Test(&'a TestEntry),
    /// A finding.
    Finding(&'a Finding),
}

/// All of them, those that count most first.
pub(super) fn all(verdict: &Verdict) -> Vec<Problem<'_>> {
    let shown: Vec<Problem<'_>> = tests(verdict).chain(found(verdict)).collect();
    let mut all: Vec<Problem<'_>> = reasons(verdict, &shown)
        .chain(reviews(verdict, &shown))
        .collect();
    all.extend(shown);
    all.sort_by_key(|problem| std::cmp::Reverse(problem.weight));
    tell_apart(&mut all);
    all
}

/// A place for formats that demand one: the policy of the base, by which the change was judged, or the root.
pub(super) fn elsewhere(verdict: &Verdict) -> Place {
    use passmuster_policy::evidence::PolicySource;
    let policy = match verdict.policy.source {
        PolicySource::Base => verdict.policy.path.as_deref(),
        PolicySource::Operator | PolicySource::Detected => None,
    };
    policy
        .and_then(|path| Place::of(&path.into(), None))
        .unwrap_or_else(Place::root)
}

fn tests(verdict: &Verdict) -> impl Iterator<Item = Problem<'_>> {
    let entries = telling_tests(verdict).into_iter().flat_map(|(_, all)| all);
    entries.filter_map(|entry| test(verdict, entry))
}

fn test<'a>(verdict: &Verdict, entry: &'a TestEntry) -> Option<Problem<'a>> {
    let code = code_of(entry.class)?;
    let lines = entry.line.map(|start| Lines { start, end: start });
    let said = match entry.message.as_deref().filter(|said| !said.is_empty()) {
        Some(said) => format!("{} {}: {said}", entry.id, entry.class.words()),
        None => format!("{} {}", entry.id, entry.class.words()),
    };
    let frames = entry.frames.iter();
    let on_line = |line| Lines {
        start: line,
        end: line,
    };
    Some(Problem {
        weight: weight(verdict, code, Some(&entry.check)),
        rule: code.name().to_owned(),
        code: Some(code),
        check: Some(id(&entry.check)),
        place: entry.file.as_ref().and_then(|file| Place::of(file, lines)),
        related: frames
            .filter_map(|frame| Place::of(&frame.file, Some(on_line(frame.line))))
            .collect(),
        message: line(&said, MESSAGE),
        new: true,
        fingerprint: fingerprint(&[
            code.name().as_bytes(),
            entry.check.as_bytes(),
            entry.id.as_bytes(),
        ]),
        source: Source::Test(entry),
    })
}

/// The reason that a class leads to; none for a class that tells nothing against the change.
fn code_of(class: Class) -> Option<ReasonCode> {
    Some(match class {
        Class::Regressed => ReasonCode::TestsRegressed,
        Class::BrokenTest => ReasonCode::TestsBroken,
        Class::Vanished => ReasonCode::TestsVanished,
        Class::Silenced => ReasonCode::TestsSilenced,
        Class::AddedFailing => ReasonCode::TestsAddedFailing,
        Class::ContractChanged => ReasonCode::ContractChanged,
        Class::ContractRemoved => ReasonCode::ContractRemoved,
        Class::FixedByTests => ReasonCode::FixedByTests,
        Class::FixedDropped | Class::DroppedFailing => ReasonCode::DroppedFailing,
        Class::OracleUncompilable => ReasonCode::OracleUncompilable,
        Class::Maintained
        | Class::Fixed
        | Class::Preexisting
        | Class::Unskipped
        | Class::Skipped
        | Class::SkippedGone
        | Class::Added
        | Class::AddedSkipped
        | Class::Nowhere => return None,
    })
}

fn found(verdict: &Verdict) -> impl Iterator<Item = Problem<'_>> {
    findings::listed(verdict)
        .into_iter()
        .map(|finding| problem_of(verdict, finding))
}

fn problem_of<'a>(verdict: &Verdict, finding: &'a Finding) -> Problem<'a> {
    let mut checks = verdict.checks.iter();
    let check = checks.find(|check| Some(&check.name) == finding.check.as_ref());
    let code = finding.leads_to(check.map(|check| check.kind));
    let rule = match (&finding.check, finding.rule.is_empty()) {
        (Some(check), true) => check.clone(),
        (Some(check), false) => format!("{check}/{}", finding.rule),
        (None, _) => finding.rule.clone(),
    };
    let related = finding.related.iter();
    Problem {
        weight: code.map_or(Weight::Note, |code| {
            weight(verdict, code, finding.check.as_ref())
        }),
        rule: line(&rule, MESSAGE),
        code,
        check: finding.check.as_deref().map(id),
        place: finding
            .path
            .as_ref()
            .and_then(|path| Place::of(path, finding.lines)),
        related: related
            .filter_map(|one| Place::of(&one.path, one.lines))
            .collect(),
        message: line(&finding.message, MESSAGE),
        new: finding.new,
        fingerprint: finding.fingerprint.clone(),
        source: Source::Finding(finding),
    }
}

/// What a check that is not required says is a note.
fn weight(verdict: &Verdict, code: ReasonCode, check: Option<&String>) -> Weight {
    let optional = verdict
        .checks
        .iter()
        .any(|known| Some(&known.name) == check && !known.required);
    match optional {
        true => Weight::Note,
        false => Weight::of(code),
    }
}

/// Reasons that nothing with a place shows.
fn reasons<'a>(verdict: &'a Verdict, shown: &[Problem<'a>]) -> impl Iterator<Item = Problem<'a>> {
    let is_shown = |reason: &&Reason| {
        shown.iter().any(|one| {
            one.code == Some(reason.code)
                && one.weight >= Weight::of(reason.code)
                && (reason.check.is_none() || one.check == reason.check.as_deref().map(id))
        })
    };
    let left: Vec<&Reason> = verdict
        .reasons
        .iter()
        .filter(|one| !is_shown(one))
        .collect();
    left.into_iter()
        .map(|one| bare(one.code, one.check.as_deref(), None, &one.ids, &one.message))
}

/// Review items, one for each file that nothing else names.
fn reviews<'a>(verdict: &'a Verdict, shown: &[Problem<'a>]) -> impl Iterator<Item = Problem<'a>> {
    let of_one = |review: &Review| {
        let (code, message) = (review.code, &review.message);
        let mut of_code = shown.iter().filter(|one| one.code == Some(code));
        let named: BTreeSet<&Place> = of_code
            .clone()
            .filter_map(|one| one.place.as_ref())
            .collect();
        let is_named = |place: &Place| named.iter().any(|one| one.path() == place.path());
        let places = review.files.iter().filter_map(|file| Place::of(file, None));
        let mut left: Vec<Problem<'a>> = places
            .filter(|place| !is_named(place))
            .map(|place| bare(code, None, Some(place), &review.ids, message))
            .collect();
        if left.is_empty() && of_code.all(|one| one.weight < Weight::Review) {
            left.push(bare(code, None, None, &review.ids, message));
        }
        left
    };
    verdict
        .review
        .iter()
        .flat_map(of_one)
        .collect::<Vec<_>>()
        .into_iter()
}

fn bare<'a>(
    code: ReasonCode,
    check: Option<&str>,
    place: Option<Place>,
    ids: &[String],
    message: &str,
) -> Problem<'a> {
    let path = place.as_ref().map(Place::text).unwrap_or_default();
    let mut parts: Vec<&[u8]> = vec![
        code.name().as_bytes(),
        check.unwrap_or_default().as_bytes(),
        path.as_bytes(),
    ];
    parts.extend(ids.iter().map(|id| id.as_bytes()));
    Problem {
        weight: Weight::of(code),
        rule: code.name().to_owned(),
        code: Some(code),
        check: check.map(id),
        fingerprint: fingerprint(&parts),
        place,
        related: Vec::new(),
        message: line(message, MESSAGE),
        new: true,
        source: Source::Reason,
    }
}

/// Equal lines have equal fingerprints, and a forge takes equal fingerprints for one problem.
fn tell_apart(problems: &mut [Problem<'_>]) {
    let mut known = BTreeSet::new();
    for problem in problems {
        let first = problem.fingerprint.clone();
        let mut number = 1_u64;
        while !known.insert(problem.fingerprint.clone()) {
            number += 1;
            problem.fingerprint = fingerprint(&[first.as_bytes(), number.to_string().as_bytes()]);
        }
    }
}

#[cfg(test)]
mod tests;
