//! Whether exit status, report and inventory of a test run agree.
//!
//! Code under test lives in the process that writes the report and can forge it. One channel alone
//! is therefore never believed: what one says, no other may contradict.

use serde::{Deserialize, Serialize};

use crate::policy::Framework;
use crate::run::{Outcome, ReportState, TestRun};
use crate::tests::TestStatus;

/// What a framework's exit statuses mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMeaning {
    /// Statuses that say that every test that ran passed.
    pub passed: Vec<i32>,
    /// Statuses that say that the suite ran to its end and some test failed.
    pub failed: Vec<i32>,
    /// Statuses that say that there was no test.
    pub no_tests: Vec<i32>,
}

impl Framework {
    /// What this framework's exit statuses mean. Any status that is in no list says that the
    /// framework itself did not come to its end.
    pub fn exit_meaning(self) -> ExitMeaning {
        let (failed, no_tests): (&[i32], &[i32]) = match self {
            // 2 interrupted (also by errors in collection), 3 internal, 4 usage.
            Self::Pytest => (&[1], &[5]),
            // 5 since Python 3.12; before that, no tests is 0.
            Self::Unittest => (&[1], &[5]),
            Self::CargoTest => (&[101], &[]),
            Self::Nextest => (&[100], &[4]),
            // Vitest and jest end so too after an error outside of tests or a missed threshold of coverage.
            // Go: 2 is wrong usage, and in older versions a build that failed.
            Self::NodeTest | Self::Vitest | Self::Jest | Self::GoTest => (&[1], &[]),
            // Nothing is known of the program behind the report: any status may mean failures.
            Self::Junit => return ExitMeaning::any_failure(),
        };
        ExitMeaning {
            passed: vec![0],
            failed: failed.to_vec(),
            no_tests: no_tests.to_vec(),
        }
    }
}

impl ExitMeaning {
    fn any_failure() -> Self {
        Self {
            passed: vec![0],
            failed: (1..=255).collect(),
            no_tests: Vec::new(),
        }
    }

    fn of(&self, status: i32) -> Said {
        if self.passed.contains(&status) {
            Said::Passed
        } else if self.failed.contains(&status) {
            Said::Failed
        } else if self.no_tests.contains(&status) {
            Said::NoTests
        } else {
            Said::Broke
        }
    }
}

/// Most bytes of a command's last line that a message quotes.
const LAST_LINE_CAP: usize = 300;

/// What an exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Passed,
    Failed,
    NoTests,
    Broke,
}

/// Two channels that do not agree, or one that is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// The run did not end by itself.
    DidNotEnd(Outcome),
    /// There is no whole report.
    ReportMissing {
        /// What is missing.
        why: String,
    },
    /// Report and exit status, or the report and itself, contradict each other.
    Contradiction(String),
    /// There was no test, and everything agrees on that.
    NoTests,
    /// A unit did not load, and everything agrees on that. Not in itself a contradiction: its
    /// tests are compared as failing.
    BrokenUnits,
}

/// Everything in a run that keeps its results from being taken as they are; empty for a run whose
/// channels agree.
pub fn disagreements(run: &TestRun, exit: &ExitMeaning) -> Vec<Disagreement> {
    let Outcome::Exited { status } = run.outcome else {
        return vec![Disagreement::DidNotEnd(run.outcome.clone())];
    };
    let mut found: Vec<Disagreement> = run
        .contradictions
        .iter()
        .cloned()
        .map(Disagreement::Contradiction)
        .collect();
    found.extend(missing_report(run));
    found.extend(status_against_report(run, exit.of(status), status));
    if !run.broken_units.is_empty() {
        found.push(Disagreement::BrokenUnits);
    }
    found
}

fn missing_report(run: &TestRun) -> Option<Disagreement> {
    let why = match &run.report {
        ReportState::Complete => return None,
        // A build that fails never comes to a report; its units say so.
        _ if !run.broken_units.is_empty() => return None,
        ReportState::Incomplete { why } => why.clone(),
        ReportState::Missing => match last_line(&run.log_tail) {
            "" => "there is no report at all".to_owned(),
            said => format!("there is no report at all; the command's last line: {said}"),
        },
    };
    Some(Disagreement::ReportMissing { why })
}

/// Programs that cannot start say why at the end: a module that is not installed, an unknown option.
pub(crate) fn last_line(log: &str) -> &str {
    let line = log
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    line.get(..line.floor_char_boundary(LAST_LINE_CAP))
        .unwrap_or_default()
}

fn status_against_report(run: &TestRun, said: Said, status: i32) -> Option<Disagreement> {
    if run.report != ReportState::Complete && run.broken_units.is_empty() {
        return None;
    }
    let failures = run
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed)
        .count();
    let broken = run.broken_units.len();
    let contradiction = |text: String| Some(Disagreement::Contradiction(text));
    match (said, failures, broken) {
        (Said::Passed, 1.., _) => contradiction(format!(
            "the report names {failures} failing tests, yet the exit status is {status}"
        )),
        (Said::Passed, 0, 1..) => contradiction(format!(
            "{broken} units did not load, yet the exit status is {status}"
        )),
        (Said::Failed | Said::Broke, 0, 0) => contradiction(format!(
            "no failing test in the report, yet the exit status is {status}"
        )),
        // A framework that breaks off beside failures may have left tests out.
        (Said::Broke, 1.., 0) => contradiction(format!(
            "exit status {status} says that the suite did not come to its end, yet the report is whole"
        )),
        (Said::NoTests, ..) if !run.tests.is_empty() => contradiction(format!(
            "exit status {status} says that there is no test, yet the report names {}",
            run.tests.len()
        )),
        (Said::NoTests | Said::Passed, 0, 0) if run.tests.is_empty() => Some(Disagreement::NoTests),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
