//! A test run while it is read: collects results and notes every contradiction.

use std::collections::{BTreeMap, HashMap};

use passmuster_policy::controls::Control;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Assurance;
use passmuster_policy::run::{BrokenUnit, Outcome, Provenance, ReportState, TestRun, Usage};
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};

use super::PhaseEnd;

/// Cap of the contradictions kept: one is enough to fail, a few explain it.
const CONTRADICTIONS_CAP: usize = 50;

/// Cap of the tests of one run: ten times the largest suites known.
const TESTS_CAP: usize = 500_000;

/// Cap of a selector in bytes; no file system and no name of a test comes near it.
const SELECTOR_CAP: usize = 16 * 1024;

/// Cap of the files and targets kept that could not be loaded or built.
const BROKEN_CAP: usize = 1000;

/// Cap of the log kept for people, in bytes, for each of standard output and error of a phase and for all together.
const LOG_CAP: usize = 16 * 1024;

/// What is known so far of a run.
#[derive(Debug, Default)]
pub(super) struct Draft {
    tests: BTreeMap<TestId, TestResult>,
    ordinals: HashMap<TestId, u32>,
    contradictions: Vec<String>,
    incomplete: Option<String>,
    reported: bool,
    outcome: Option<Outcome>,
    leaked: u32,
    usage: Usage,
    log: String,
    broken: Vec<BrokenUnit>,
    /// What the planted tests came to.
    pub(super) controls: Vec<Control>,
    /// The most that these can make of all results together.
    pub(super) attainable: Assurance,
    /// Whether the tree's own code ran.
    pub(super) provenance: Provenance,
    /// Where the framework looked for tests.
    pub(super) searched: Vec<RepoPath>,
}

impl Draft {
    /// Takes over cost, leaks and log of a phase; of several outcomes the gravest stays, and of equal ones the first.
    pub(super) fn phase(&mut self, end: &PhaseEnd) {
        self.phase_with_log(end, &[&end.stdout, &end.stderr]);
    }

    /// The same for a phase whose standard output is not for people.
    pub(super) fn phase_with_log(&mut self, end: &PhaseEnd, log: &[&[u8]]) {
        if self
            .outcome
            .as_ref()
            .is_none_or(|known| gravity(known) < gravity(&end.outcome))
        {
            self.outcome = Some(end.outcome.clone());
        }
        self.cost(end);
        for bytes in log {
            self.log(&String::from_utf8_lossy(bytes));
        }
    }

    /// Takes over what a phase cost and left, and nothing of what it said.
    pub(super) fn cost(&mut self, end: &PhaseEnd) {
        self.leaked = self.leaked.saturating_add(end.leaked);
        self.usage = self.usage.and(end.usage);
    }

    /// Adds to the log's tail.
    pub(super) fn log(&mut self, text: &str) {
        self.log.push_str(tail(text, LOG_CAP));
        if self.log.len() > LOG_CAP {
            self.log = tail(&self.log, LOG_CAP).to_owned();
        }
    }

    /// Adds a test; one that is equal to an earlier one in all but its ordinal gets the next ordinal.
    pub(super) fn add(&mut self, mut result: TestResult) {
        self.reported = true;
        if self.tests.len() >= TESTS_CAP {
            return self.contradiction(format!("the report names more than {TESTS_CAP} tests"));
        }
        let next = self.ordinals.entry(result.id.clone()).or_default();
        result.id.ordinal = *next;
        *next += 1;
        result.failure = result.failure.map(capped);
        result
            .selector
            .truncate(result.selector.floor_char_boundary(SELECTOR_CAP));
        self.tests.insert(result.id.clone(), result);
    }

    /// Notes that the report cannot be true as it stands.
    pub(super) fn contradiction(&mut self, what: impl Into<String>) {
        if self.contradictions.len() < CONTRADICTIONS_CAP {
            self.contradictions
                .push(head(&what.into(), Failure::MESSAGE_CAP).to_owned());
        }
    }

    /// Adds a file or target that could not be loaded or built.
    pub(super) fn broken(&mut self, mut unit: BrokenUnit) {
        if self.broken.len() < BROKEN_CAP {
            unit.message
                .truncate(unit.message.floor_char_boundary(Failure::MESSAGE_CAP));
            unit.unit
                .truncate(unit.unit.floor_char_boundary(Failure::MESSAGE_CAP));
            self.broken.push(unit);
        }
    }

    /// Whether any unit could not be loaded or built.
    pub(super) fn has_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// The tests so far.
    pub(super) fn tests(&self) -> impl Iterator<Item = &TestResult> {
        self.tests.values()
    }

    /// Says whether controls are planted at all.
    pub(super) fn may_be_controlled(&mut self, planted: bool) {
        if planted {
            self.attainable = Assurance::Controlled;
        }
    }

    /// Notes that part of the results come from where no control reaches.
    pub(super) fn beyond_controls(&mut self) {
        self.attainable = self.attainable.min(Assurance::Reported);
    }

    /// Notes that there is a structured report, tests or not.
    pub(super) fn reported(&mut self) {
        self.reported = true;
    }

    /// Notes that the report ends too early; the first reason stays.
    pub(super) fn incomplete(&mut self, why: impl Into<String>) {
        self.reported = true;
        self.incomplete.get_or_insert_with(|| why.into());
    }

    /// Whether a limit, the runner or the sandbox ended a phase, so that no other makes sense.
    pub(super) fn stopped(&self) -> bool {
        self.outcome
            .as_ref()
            .is_some_and(|outcome| gravity(outcome) > 2)
    }

    /// The run as it will be judged.
    pub(super) fn finish(mut self) -> TestRun {
        if self.reported && self.stopped() {
            let how = self.outcome.as_ref().map(words).unwrap_or_default();
            self.incomplete(format!("the run was stopped ({how})"));
        }
        let report = match (self.reported, self.incomplete) {
            (false, _) => ReportState::Missing,
            (true, None) => ReportState::Complete,
            (true, Some(why)) => ReportState::Incomplete { why },
        };
        let why = || "no phase was launched".to_owned();
        TestRun {
            outcome: self
                .outcome
                .unwrap_or_else(|| Outcome::NotStarted { why: why() }),
            report,
            tests: self.tests.into_values().collect(),
            contradictions: self.contradictions,
            broken_units: self.broken,
            provenance: self.provenance,
            searched: self.searched,
            controls: self.controls,
            attainable: self.attainable,
            leaked_processes: self.leaked,
            usage: self.usage,
            // The adapters do not see them; whoever launches does.
            denials: Vec::new(),
            log_tail: self.log,
        }
    }
}

/// How much an outcome overrules others of the same run.
fn gravity(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Exited { status: 0 } => 0,
        Outcome::Exited { .. } => 1,
        Outcome::Signalled { .. } => 2,
        _ => 3,
    }
}

/// The outcome that says nothing bad.
pub(super) const SUCCESS: Outcome = Outcome::Exited { status: 0 };

/// A failure with no text longer than its cap.
pub(super) fn capped(failure: Failure) -> Failure {
    let short = |text: String| head(&text, Failure::MESSAGE_CAP).to_owned();
    Failure {
        message: short(failure.message),
        expected: failure.expected.map(short),
        actual: failure.actual.map(short),
        detail: tail(&failure.detail, Failure::DETAIL_CAP).to_owned(),
        ..failure
    }
}

/// The first `cap` bytes, cut between characters.
pub(super) fn head(text: &str, cap: usize) -> &str {
    text.get(..text.floor_char_boundary(cap)).unwrap_or(text)
}

/// The last `cap` bytes, cut between characters.
pub(super) fn tail(text: &str, cap: usize) -> &str {
    text.get(text.ceil_char_boundary(text.len().saturating_sub(cap))..)
        .unwrap_or(text)
}

/// The status of a test that was running when its process ended, and the words for it.
pub(super) fn cut_off(id: TestId, selector: String, how: &str) -> TestResult {
    TestResult {
        id,
        status: TestStatus::Failed,
        selector,
        failure: Some(Failure {
            message: format!("the process ended while this test ran ({how})"),
            ..Failure::default()
        }),
        millis: None,
    }
}

/// An outcome in a few words.
pub(super) fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited { status } => format!("exit status {status}"),
        Outcome::Signalled { signal } => format!("signal {signal}"),
        Outcome::LimitExceeded { limit } => format!("limit {limit} exceeded"),
        Outcome::NotStarted { why } => format!("not started: {why}"),
        Outcome::ServiceNotReady { service, why } => format!("service {service} not ready: {why}"),
        Outcome::SandboxError { why } => format!("sandbox error: {why}"),
        Outcome::Interrupted => "interrupted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(outcome: Outcome) -> PhaseEnd {
        PhaseEnd {
            outcome,
            stdout: Vec::new(),
            stderr: Vec::new(),
            stdout_truncated: false,
            leaked: 1,
            usage: Usage::default(),
            reports: std::path::PathBuf::new(),
        }
    }

    #[test]
    fn a_limit_in_a_later_phase_is_the_outcome_and_the_report_is_not_whole() {
        let limit = Outcome::LimitExceeded {
            limit: "wall".to_owned(),
        };
        let mut draft = Draft::default();
        draft.reported();
        for outcome in [
            SUCCESS,
            Outcome::Exited { status: 101 },
            limit.clone(),
            SUCCESS,
        ] {
            draft.phase(&end(outcome));
        }
        let run = draft.finish();
        assert_eq!((run.outcome, run.leaked_processes), (limit, 4));
        assert!(matches!(run.report, ReportState::Incomplete { .. }));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((head("äöü", 3), tail("äöü", 3)), ("ä", "ü"));
        assert_eq!((head("", 3), tail("a", 0)), ("", ""));
    }
}
