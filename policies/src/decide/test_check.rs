//! A test check: is the base fit to compare with, do the candidate's channels agree, what changed.

use std::collections::BTreeSet;

use super::command::machine;
use super::controls;
use super::ledger::Ledger;
use super::provenance;
use super::summary::available;
use crate::agreement::{Disagreement, disagreements};
use crate::change::Change;
use crate::classification::{Classifier, FileClass};
use crate::comparison::{Class, Compared, Comparison, Context, Oracle, compare};
use crate::evidence::TestEvidence;
use crate::path::RepoPath;
use crate::policy::{Check, ContractEffect, FlakyEffect, Framework, Policy, TestCheck};
use crate::reason::{ReasonCode, Review};
use crate::rules::{touched, written_by_a_tool};
use crate::run::{Outcome, TestRun};
use crate::tests::TestStatus;

/// Judges one test check; gives the comparison where there is one.
pub(super) fn judge(
    policy: &Policy,
    check: &Check,
    test: &TestCheck,
    runs: &TestEvidence,
    change: &Change,
    ledger: &mut Ledger,
) -> Option<Comparison> {
    base_is_fit(check, runs, ledger);
    if ledger.strongest().is_some() {
        return None;
    }
    let Some(candidate) = &runs.candidate else {
        let message = "it did not run on the candidate";
        ledger.reason(ReasonCode::CheckNotRun, Some(check), [], message);
        return None;
    };
    controls::judge(check, runs, ledger);
    if !channels_agree(check, runs, candidate, ledger) {
        return None;
    }
    let context = Context {
        change,
        reruns: &runs.reruns,
        unstable: &runs.unstable,
        probe: runs.probe.as_ref(),
    };
    let holders = holders(&runs.base, candidate);
    let comparison = compare(&runs.base, candidate, &runs.oracle, context);
    effects(policy, check, test, &comparison, ledger);
    broken_units(check, &comparison, ledger);
    assumed_tests(check, &runs.oracle, ledger);
    health(policy, check, test, runs, candidate, &comparison, ledger);
    changed_code(check, test, &runs.base, candidate, change, ledger);
    rewritten_tests(check, test, runs, candidate, &holders, change, ledger);
    if let Some(run) = runs.oracle.run() {
        oracle_is_fit(check, runs, run, ledger);
    }
    controls::floor(policy, check, runs, ledger);
    Some(comparison)
}

/// The files that tests of either run say they stand in: tests, whatever the files are called.
fn holders<'a>(base: &'a TestRun, candidate: &'a TestRun) -> BTreeSet<&'a RepoPath> {
    let tests = base.tests.iter().chain(&candidate.tests);
    tests.filter_map(|test| test.id.file.as_ref()).collect()
}

/// A base whose run cannot be used judges nothing.
fn base_is_fit(check: &Check, runs: &TestEvidence, ledger: &mut Ledger) {
    let passing = runs
        .base
        .tests
        .iter()
        .any(|one| one.status == TestStatus::Passed);
    for found in disagreements(&runs.base, &runs.exit) {
        let (code, why) = match found {
            Disagreement::DidNotEnd(outcome) => (
                machine(&outcome).unwrap_or(ReasonCode::BaselineFailed),
                outcome.to_string(),
            ),
            Disagreement::ReportMissing { why } => (ReasonCode::BaselineFailed, why),
            Disagreement::Contradiction(why) => (ReasonCode::BaselineFailed, why),
            Disagreement::BrokenUnits if passing => continue,
            Disagreement::BrokenUnits => (ReasonCode::BaselineFailed, first_break(&runs.base)),
            // A new project: the candidate brings the first tests.
            Disagreement::NoTests => continue,
        };
        ledger.reason(code, Some(check), [], format!("on the base, {why}"));
    }
}

fn first_break(run: &TestRun) -> String {
    match run.broken_units.first() {
        Some(unit) => format!("{} does not load: {}", unit.unit, unit.message),
        None => "a unit does not load".to_owned(),
    }
}

/// Whether the candidate's results can be compared; says why not, and what contradicts itself.
fn channels_agree(
    check: &Check,
    runs: &TestEvidence,
    candidate: &TestRun,
    ledger: &mut Ledger,
) -> bool {
    let mut comparable = true;
    for found in disagreements(candidate, &runs.exit) {
        let (code, why) = match found {
            Disagreement::DidNotEnd(outcome) => {
                comparable = false;
                (did_not_end(&outcome), outcome.to_string())
            }
            Disagreement::ReportMissing { why } => {
                comparable = false;
                (ReasonCode::ReportMissing, why)
            }
            Disagreement::Contradiction(why) => (ReasonCode::ControlsViolated, why),
            // The tests of the base are then all compared as gone; `health` names what is left.
            Disagreement::NoTests => continue,
            // The tests of the units are then compared as failing.
            Disagreement::BrokenUnits => continue,
        };
        ledger.reason(code, Some(check), [], format!("on the candidate, {why}"));
    }
    comparable
}

/// The base came to its end, so what ends the candidate early is the change, unless the machine
/// says otherwise.
fn did_not_end(outcome: &Outcome) -> ReasonCode {
    match outcome {
        Outcome::LimitExceeded { .. } => ReasonCode::LimitExceeded,
        Outcome::SandboxError { .. } => ReasonCode::SandboxUnavailable,
        Outcome::Interrupted => ReasonCode::Interrupted,
        Outcome::Exited { .. }
        | Outcome::Signalled { .. }
        | Outcome::NotStarted { .. }
        | Outcome::ServiceNotReady { .. } => ReasonCode::ReportMissing,
    }
}

/// Which classes fail, and by which code.
const FAILING: [(Class, ReasonCode, &str); 5] = [
    (
        Class::Regressed,
        ReasonCode::TestsRegressed,
        "passed on the base and failed on the candidate",
    ),
    (
        Class::BrokenTest,
        ReasonCode::TestsBroken,
        "failed as edited, while the base's version passed",
    ),
    (
        Class::Vanished,
        ReasonCode::TestsVanished,
        "passed on the base and disappeared",
    ),
    (
        Class::Silenced,
        ReasonCode::TestsSilenced,
        "passed on the base and got skipped",
    ),
    (
        Class::AddedFailing,
        ReasonCode::TestsAddedFailing,
        "failed on the candidate, new or skipped before",
    ),
];

/// Which classes a human decides about, and by which code.
const REVIEWED: [(Class, ReasonCode, &str); 6] = [
    (
        Class::ContractChanged,
        ReasonCode::ContractChanged,
        "passed only as edited by the change",
    ),
    (
        Class::ContractRemoved,
        ReasonCode::ContractRemoved,
        "disappeared, and would fail",
    ),
    (
        Class::FixedByTests,
        ReasonCode::FixedByTests,
        "failed before, and passed only as edited by the change",
    ),
    (
        Class::FixedDropped,
        ReasonCode::DroppedFailing,
        "failed before, and disappeared or got skipped",
    ),
    (
        Class::DroppedFailing,
        ReasonCode::DroppedFailing,
        "failed before, and disappeared or got skipped",
    ),
    (
        Class::OracleUncompilable,
        ReasonCode::OracleUncompilable,
        "failed to compile in the base's version",
    ),
];

/// What the comparison does to the verdict.
fn effects(
    policy: &Policy,
    check: &Check,
    test: &TestCheck,
    comparison: &Comparison,
    ledger: &mut Ledger,
) {
    for (class, code, what) in FAILING {
        let tests: Vec<&Compared> = available(test, comparison, class).collect();
        enter(code, check, &tests, what, ledger);
    }
    for (class, code, what) in REVIEWED {
        let tests: Vec<&Compared> = comparison.of(class).iter().collect();
        let denied = policy.tests.contract == Some(ContractEffect::Deny);
        enter(
            if denied { ReasonCode::RuleDenied } else { code },
            check,
            &tests,
            what,
            ledger,
        );
    }
    let flaky: Vec<&Compared> = comparison.flaky.iter().collect();
    let what = "failed once among repeated runs, and never on the base";
    match policy.tests.flaky {
        FlakyEffect::Note => {}
        FlakyEffect::Review => enter(ReasonCode::Flaky, check, &flaky, what, ledger),
        FlakyEffect::Fail => enter(ReasonCode::TestsRegressed, check, &flaky, what, ledger),
    }
    for count in comparison
        .unstable
        .iter()
        .filter(|count| count.candidate < count.base)
    {
        let file = count
            .file
            .as_ref()
            .map_or_else(|| "the suite".to_owned(), ToString::to_string);
        let message = format!(
            "{file}: of tests whose names do not repeat, {} passed on the base and {} on the candidate",
            count.base, count.candidate
        );
        let files = count.file.iter().cloned().collect();
        ledger.review(Review {
            code: ReasonCode::Flaky,
            ids: Vec::new(),
            files,
            message,
        });
    }
}

/// One entry for all tests of a class; nothing for none.
fn enter(code: ReasonCode, check: &Check, tests: &[&Compared], what: &str, ledger: &mut Ledger) {
    let Some(first) = tests.first() else { return };
    let failure = first
        .result
        .as_ref()
        .and_then(|result| result.failure.as_ref());
    let example = failure.map_or_else(String::new, |failure| {
        format!("; {}: {}", first.id, failure.message)
    });
    let noun = if tests.len() == 1 { "test" } else { "tests" };
    let message = format!("{} {noun} {what}{example}", tests.len());
    ledger.reason(
        code,
        Some(check),
        tests.iter().map(|test| test.id.to_string()),
        message,
    );
}

/// What was put back and may be product would make a change better than it is.
fn assumed_tests(check: &Check, oracle: &Oracle, ledger: &mut Ledger) {
    let Oracle::Known(known) = oracle else { return };
    let Some(first) = known.assumed.first() else {
        return;
    };
    let message = format!(
        "{}: {} changed files lie where tests are looked for and count as tests, first {first}; \
         the check's `tests` or `product` settles what they are",
        check.name,
        known.assumed.len()
    );
    ledger.review(Review {
        code: ReasonCode::HarnessChanged,
        ids: Vec::new(),
        files: known.assumed.iter().cloned().collect(),
        message,
    });
}

/// A unit that does not load any more and took no test of the base with it is still a failure: it
/// is new, or its tests go by other names.
fn broken_units(check: &Check, comparison: &Comparison, ledger: &mut Ledger) {
    if comparison.of(Class::Regressed).is_empty()
        && let Some(first) = comparison.broken_units.first()
    {
        let units = comparison.broken_units.iter().map(|unit| unit.unit.clone());
        let message = format!("{} does not load: {}", first.unit, first.message);
        ledger.reason(ReasonCode::TestsAddedFailing, Some(check), units, message);
    }
}

/// Whether what passes is enough to say anything.
fn health(
    policy: &Policy,
    check: &Check,
    test: &TestCheck,
    runs: &TestEvidence,
    candidate: &TestRun,
    comparison: &Comparison,
    ledger: &mut Ledger,
) {
    let passes = candidate
        .tests
        .iter()
        .any(|one| one.status == TestStatus::Passed);
    // Where the change itself breaks the suite, the failing tests say it better.
    if !passes && !ledger.fails() {
        let (code, message) = match (runs.base.tests.is_empty(), candidate.tests.is_empty()) {
            (true, true) => (ReasonCode::NoTests, "there is no test on either tree"),
            (false, true) => (ReasonCode::NoTests, "there is no test on the candidate"),
            (_, false) => (
                ReasonCode::BaselineUnhealthy,
                "no test passes on the candidate",
            ),
        };
        ledger.reason(code, Some(check), [], message);
        return;
    }
    let preexisting: Vec<&Compared> = available(test, comparison, Class::Preexisting).collect();
    let excused = comparison.of(Class::Preexisting).len() - preexisting.len();
    let ran = runs
        .base
        .tests
        .iter()
        .filter(|one| one.status != TestStatus::Skipped)
        .count();
    let counted = ran.saturating_sub(excused);
    let share = preexisting.len() as f64 / counted.max(1) as f64;
    if share > policy.tests.max_preexisting {
        let message = format!(
            "{} of {counted} tests fail on both trees; the policy accepts a share of {}",
            preexisting.len(),
            policy.tests.max_preexisting
        );
        let ids = preexisting.iter().map(|one| one.id.to_string());
        ledger.reason(ReasonCode::BaselineUnhealthy, Some(check), ids, message);
    }
}

fn changed_code(
    check: &Check,
    test: &TestCheck,
    base: &TestRun,
    candidate: &TestRun,
    change: &Change,
    ledger: &mut Ledger,
) {
    let found = match Classifier::new(check, test) {
        Ok(classifier) => {
            let known = &base.provenance.rewritten;
            provenance::contrary(change, &classifier, &candidate.provenance, known)
        }
        Err(error) => vec![error.to_string()],
    };
    if let Some(first) = found.first() {
        let message = format!("the run did not use the changed code: {first}");
        ledger.reason(
            ReasonCode::ChangedCodeNotTested,
            Some(check),
            found,
            message,
        );
    }
}

/// Tests that the run itself replaced are not the ones that were proposed; any other file of the
/// tree may be what a test compares with, and somebody has to look. What the base's run writes as
/// well is how the suite works.
fn rewritten_tests(
    check: &Check,
    test: &TestCheck,
    runs: &TestEvidence,
    candidate: &TestRun,
    holders: &BTreeSet<&RepoPath>,
    change: &Change,
    ledger: &mut Ledger,
) {
    let Ok(classifier) = Classifier::new(check, test) else {
        return; // `changed_code` has said so
    };
    let known = &runs.base.provenance.rewritten;
    let written = candidate.provenance.rewritten.iter();
    let (tests, others): (Vec<_>, Vec<_>) =
        written
            .filter(|path| !known.contains(path))
            .partition(|path| {
                holders.contains(path)
                    || sources_hold_tests(test.framework, path)
                    || classifier.classify(path) != FileClass::Product
            });
    if let Some(first) = tests.first() {
        let message = format!("on the candidate, the run itself wrote to `{first}`");
        let paths: Vec<_> = tests.iter().map(ToString::to_string).collect();
        ledger.reason(ReasonCode::ControlsViolated, Some(check), paths, message);
    }
    // `changed_code` judges files that the change itself wrote.
    let changed: BTreeSet<&RepoPath> = change.files.iter().flat_map(touched).collect();
    let others = others.into_iter();
    let files: Vec<RepoPath> = others
        .filter(|path| !changed.contains(path) && !written_by_a_tool(path))
        .cloned()
        .collect();
    if let Some(first) = files.first() {
        let message = format!("on the candidate, the run itself wrote to `{first}`");
        ledger.review(Review {
            code: ReasonCode::HarnessChanged,
            ids: Vec::new(),
            files,
            message,
        });
    }
}

/// Rust's unit tests stand in the sources themselves, and a build script runs before they compile.
fn sources_hold_tests(framework: Framework, path: &RepoPath) -> bool {
    framework.tests_in_sources() && path.is_rust()
}

/// What an oracle that did not come to its end, or contradicts itself, says beside its results.
fn oracle_is_fit(check: &Check, runs: &TestEvidence, run: &TestRun, ledger: &mut Ledger) {
    for found in disagreements(run, &runs.exit) {
        let (code, why) = match found {
            Disagreement::DidNotEnd(outcome) => (oracle_did_not_end(&outcome), outcome.to_string()),
            Disagreement::Contradiction(why) => (ReasonCode::ControlsViolated, why),
            // The tests that it should have named are compared as not passing.
            Disagreement::ReportMissing { .. }
            | Disagreement::BrokenUnits
            | Disagreement::NoTests => continue,
        };
        let message = format!("with the base's tests put back, {why}");
        ledger.reason(code, Some(check), [], message);
    }
}

/// The base's tests may hang or crash on the candidate's code for what the candidate's own tests
/// rightly do otherwise: a person decides.
fn oracle_did_not_end(outcome: &Outcome) -> ReasonCode {
    match did_not_end(outcome) {
        ReasonCode::LimitExceeded | ReasonCode::ReportMissing => ReasonCode::OracleUncompilable,
        other => other,
    }
}
