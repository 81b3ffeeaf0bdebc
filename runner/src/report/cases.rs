//! The verdict as test cases, for readers that know nothing else: one suite for each check, and one for the verdict
//! itself, whose only case that is always there passes when the verdict is a pass and at no other time.
//!
//! A verdict names the tests that tell something and counts the others, so this is no list of all tests that ran.

use passmuster_policy::text::{block, id, line};
use passmuster_policy::verdict::{
    CheckStatus, CheckSummary, Decision, RerunCount, TestEntry, Verdict,
};

use super::place::Place;
use super::problems::{Problem, Source, Weight, all};
use super::{QUOTED, word};

/// Problems that become cases; the JSON form has all of them.
const CASES: usize = 5000;
/// The suite of the verdict itself. No check has this name: one of the user's would have it with a suffix.
pub(super) const OWN: &str = "passmuster";

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It holds.
    Passed,
    /// It holds, and not every time.
    Flaky,
    /// It does not hold, or a person has to look.
    Failed,
    /// It could not be found out: as red as a failure.
    Error,
    /// It does not concern the change, or is not held against it.
    Skipped,
}

impl Outcome {
    fn of(weight: Weight) -> Self {
        match weight {
            Weight::Note => Self::Skipped,
            Weight::Inconclusive => Self::Error,
            Weight::Review | Weight::Fail => Self::Failed,
        }
    }
}

/// One case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// A test's id, a rule, or a check.
    pub(super) name: String,
    /// How it came out.
    pub(super) outcome: Outcome,
    /// The reason code or rule; what kind of case it is where it passes.
    pub(super) kind: String,
    /// One line; empty where there is nothing to say.
    pub(super) message: String,
    /// Several lines: places, expected and actual value, what the framework printed.
    pub(super) detail: String,
    /// Where it is.
    pub(super) place: Option<Place>,
    /// Repeated runs.
    pub(super) reruns: Option<RerunCount>,
}

/// The cases of one check, or of the verdict itself.
#[derive(Clone, Debug)]
pub(super) struct Suite {
    /// The check, or [`OWN`].
    pub(super) name: String,
    /// Its cases.
    pub(super) cases: Vec<Case>,
}

/// All suites, that of the verdict first; and how many problems are not among the cases.
pub(super) fn suites(verdict: &Verdict) -> (Vec<Suite>, usize) {
    let mut problems: Vec<Problem<'_>> = all(verdict)
        .into_iter()
        // What nobody holds against the change is no case: a linter may have thousands.
        .filter(|one| one.weight > Weight::Note || matches!(one.source, Source::Test(_)))
        .collect();
    let left_out = problems.len().saturating_sub(CASES);
    problems.truncate(CASES);
    let is_known = |name: &Option<String>| {
        verdict
            .checks
            .iter()
            .any(|check| Some(id(&check.name)) == *name)
    };
    let (of_checks, own): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|one| is_known(&one.check));
    let mut suites = vec![Suite {
        name: OWN.to_owned(),
        cases: [of_verdict(verdict)]
            .into_iter()
            .chain(own.iter().map(of_problem))
            .collect(),
    }];
    suites.extend(
        verdict
            .checks
            .iter()
            .map(|check| of_check(verdict, check, &of_checks)),
    );
    (suites, left_out)
}

fn of_verdict(verdict: &Verdict) -> Case {
    let reasons = verdict.reasons.iter();
    let codes = reasons.map(|one| one.code);
    let codes = codes.chain(verdict.review.iter().map(|one| one.code));
    let said: Vec<String> = codes
        .map(|code| format!("{code}: {}", code.entry().meaning))
        .collect();
    Case {
        outcome: match verdict.verdict {
            Decision::Pass => Outcome::Passed,
            Decision::Inconclusive => Outcome::Error,
            Decision::Fail | Decision::Review => Outcome::Failed,
        },
        message: line(
            &format!("{}; {}", word(verdict.verdict), said.join("; ")),
            QUOTED,
        ),
        ..plain("verdict", word(verdict.verdict))
    }
}

fn of_check(verdict: &Verdict, check: &CheckSummary, problems: &[Problem<'_>]) -> Suite {
    let name = id(&check.name);
    let own = problems
        .iter()
        .filter(|one| one.check.as_ref() == Some(&name));
    let mut cases: Vec<Case> = own.map(of_problem).collect();
    cases.extend(good_news(verdict, check));
    let is_red = |one: &Case| matches!(one.outcome, Outcome::Failed | Outcome::Error);
    let says_enough = match check.status {
        CheckStatus::Passed => !cases.is_empty(),
        _ => cases.iter().any(is_red),
    };
    if !says_enough {
        cases.insert(0, of_status(check));
    }
    // A suite called like ours would hide it.
    let name = match name == OWN {
        true => format!("{OWN} (check)"),
        false => name,
    };
    Suite { name, cases }
}

/// The check as a case of its own.
fn of_status(check: &CheckSummary) -> Case {
    let (outcome, message) = match check.status {
        CheckStatus::Passed => (Outcome::Passed, ""),
        CheckStatus::NotApplicable => (Outcome::Skipped, "the change does not concern it"),
        CheckStatus::Failed => (Outcome::Failed, "it does not hold on the candidate"),
        CheckStatus::Inconclusive => (Outcome::Error, "it ran and could not tell"),
        CheckStatus::NotRun => (Outcome::Error, "it did not run"),
    };
    let (outcome, message) = match check.required {
        true => (outcome, message.to_owned()),
        false if matches!(outcome, Outcome::Failed | Outcome::Error) => {
            (Outcome::Skipped, format!("{message}; it is not required"))
        }
        false => (outcome, message.to_owned()),
    };
    Case {
        outcome,
        message,
        detail: log(check),
        ..plain(&check.name, "check")
    }
}

/// The end of the log of a check that came to no good.
fn log(check: &CheckSummary) -> String {
    match check.status {
        CheckStatus::Passed | CheckStatus::NotApplicable => String::new(),
        CheckStatus::Failed | CheckStatus::Inconclusive | CheckStatus::NotRun => {
            let log = check.log.as_deref().unwrap_or_default();
            let start = log.ceil_char_boundary(log.len().saturating_sub(QUOTED));
            block(log.get(start..).unwrap_or_default(), QUOTED)
        }
    }
}

fn of_problem(problem: &Problem<'_>) -> Case {
    let name = match (problem.source, &problem.place) {
        (Source::Test(entry), _) => entry.id.clone(),
        (_, Some(place)) => format!("{} {}", problem.rule, place.with_line()),
        (_, None) => problem.rule.clone(),
    };
    let (detail, reruns) = match problem.source {
        Source::Test(entry) => (explained(problem, entry), entry.reruns),
        Source::Finding(_) | Source::Reason => (places(problem), None),
    };
    let message = match problem.weight {
        Weight::Note => format!("not held against the change: {}", problem.message),
        Weight::Review | Weight::Inconclusive | Weight::Fail => problem.message.clone(),
    };
    Case {
        outcome: Outcome::of(problem.weight),
        message,
        detail,
        place: problem.place.clone(),
        reruns,
        ..plain(&name, &problem.rule)
    }
}

/// What is known of a test that tells against the change.
fn explained(problem: &Problem<'_>, entry: &TestEntry) -> String {
    let mut lines = vec![format!("{} {}", id(&entry.id), entry.class.words())];
    for (name, value) in [("expected", &entry.expected), ("actual", &entry.actual)] {
        let value = value.as_deref().map(|value| line(value, QUOTED));
        lines.extend(value.map(|value| format!("{name}: {value}")));
    }
    let places = places(problem);
    lines.extend((!places.is_empty()).then_some(places));
    lines.extend(entry.detail.as_deref().map(|text| block(text, 4 * QUOTED)));
    lines.join("\n")
}

fn places(problem: &Problem<'_>) -> String {
    let own = problem.place.iter().map(|place| ("at", place));
    let related = problem.related.iter().map(|place| ("see also", place));
    let lines: Vec<String> = own
        .chain(related)
        .map(|(word, place)| format!("{word} {}", place.with_line()))
        .collect();
    lines.join("\n")
}

/// Tests of a check that the verdict names and that tell nothing against the change.
fn good_news(verdict: &Verdict, check: &CheckSummary) -> Vec<Case> {
    let Some(tests) = &verdict.tests else {
        return Vec::new();
    };
    let steady = tests.fixed.iter().chain(&tests.added);
    let case = |entry: &TestEntry, outcome| Case {
        outcome,
        message: entry.class.words().to_owned(),
        place: entry.file.as_ref().and_then(|file| Place::of(file, None)),
        reruns: entry.reruns,
        ..plain(&entry.id, "test")
    };
    let of_check = |entry: &&TestEntry| entry.check == check.name;
    let steady = steady
        .filter(of_check)
        .map(|one| case(one, Outcome::Passed));
    let flaky = tests.flaky.iter().filter(of_check);
    steady
        .chain(flaky.map(|one| case(one, Outcome::Flaky)))
        .take(CASES)
        .collect()
}

fn plain(name: &str, kind: &str) -> Case {
    let name = id(name);
    Case {
        // A case without a name is refused by some readers.
        name: if name.is_empty() {
            "-".to_owned()
        } else {
            name
        },
        outcome: Outcome::Passed,
        kind: kind.to_owned(),
        message: String::new(),
        detail: String::new(),
        place: None,
        reruns: None,
    }
}

#[cfg(test)]
mod tests;
