//! Controls: tests that the runner plants into a run and whose result it knows beforehand.
//!
//! Code under test lives in the process that reports, and can forge what is reported consistently. A planted
//! test goes through the same machinery; whatever bends the results of real tests bends its answer too. What a
//! control says counts against a change only where the base's own run answered it: a suite in which controls
//! do not work shows nothing about anybody.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Assurance;
use crate::run::{ReportState, TestRun};
use crate::tests::TestStatus;

/// One planted test and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Control {
    /// Where it was planted, for people: a process and the moment, a test binary.
    pub place: String,
    /// What it has to come to.
    pub kind: Kind,
    /// What it came to.
    pub answer: Answer,
}

/// What a control has to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Its assertion does not hold.
    MustFail,
    /// It does nothing wrong.
    MustPass,
    /// It breaks before its body starts, where the framework has that state.
    MustError,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MustFail, Self::MustPass, Self::MustError];

    /// How a test of this kind has to be reported.
    pub fn expected(self) -> TestStatus {
        match self {
            Self::MustPass => TestStatus::Passed,
            Self::MustFail | Self::MustError => TestStatus::Failed,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MustFail => "must-fail",
            Self::MustPass => "must-pass",
            Self::MustError => "must-error",
        }
    }
}

/// What a control came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// What was known beforehand.
    Right,
    /// Something else.
    Wrong {
        /// What, in the words of test results.
        said: String,
    },
    /// It was planted, and nothing was heard of it.
    Missing {
        /// What is known of it, for people.
        why: String,
    },
    /// The suite's own hooks kept it from running, as they do with tests: a skipped control shows nothing, and
    /// a skipped test is no pass either.
    Withheld,
}

impl Answer {
    /// What it means that a control of a kind was reported so.
    pub fn of(kind: Kind, status: TestStatus) -> Self {
        match status {
            _ if status == kind.expected() => Self::Right,
            TestStatus::Skipped => Self::Withheld,
            _ => Self::Wrong {
                said: status.name().to_owned(),
            },
        }
    }
}

/// A few words for people.
impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, kind) = (&self.place, self.kind.name());
        match &self.answer {
            Answer::Right => write!(f, "{place}: {kind} did"),
            Answer::Wrong { said } => write!(f, "{place}: {kind} said {said}"),
            Answer::Missing { why } => write!(f, "{place}: {kind} did not answer: {why}"),
            Answer::Withheld => write!(f, "{place}: {kind} was skipped"),
        }
    }
}

/// Whether a run is to be repeated once, because one of its controls gave no answer: a fork of a process with
/// threads may stand still by chance. Not where the base, whose run that is unless it is given, gave none either.
pub fn is_to_be_asked_again(base: Option<&TestRun>, run: &TestRun) -> bool {
    let open = |control: &Control| matches!(control.answer, Answer::Missing { .. });
    let vouched = |one: &Control| base.is_none_or(|base| Vouched::at(base, one).is_sure());
    let whole = run.report == ReportState::Complete;
    whole && run.controls.iter().any(|one| open(one) && vouched(one))
}

/// The controls of a run of changed code that speak against the change. A wrong answer does where the base
/// knew the right one and gave no wrong one; a missing answer, where the base gave one at the same place: of
/// what a new file of tests does to its process nobody knows.
pub fn violations<'c>(base: &TestRun, changed: &'c TestRun) -> Vec<&'c Control> {
    // Of a run that broke off, its report says so.
    let whole = changed.report == ReportState::Complete;
    let against = |control: &&Control| {
        let vouched = Vouched::of(base, control.kind);
        match control.answer {
            Answer::Right | Answer::Withheld => false,
            Answer::Wrong { .. } => vouched.right && !vouched.wrong,
            Answer::Missing { .. } => whole && Vouched::at(base, control).is_sure(),
        }
    };
    changed.controls.iter().filter(against).collect()
}

/// How the base's controls of one kind answered.
#[derive(Clone, Copy, Debug, Default)]
struct Vouched {
    right: bool,
    wrong: bool,
    open: bool,
}

impl Vouched {
    fn of(base: &TestRun, kind: Kind) -> Self {
        Self::by(base.controls.iter().filter(|control| control.kind == kind))
    }

    fn at(base: &TestRun, like: &Control) -> Self {
        let same = |one: &&Control| one.kind == like.kind && one.place == like.place;
        Self::by(base.controls.iter().filter(same))
    }

    fn is_sure(self) -> bool {
        self.right && !self.wrong && !self.open
    }

    fn by<'c>(controls: impl Iterator<Item = &'c Control>) -> Self {
        let mut vouched = Self::default();
        for control in controls {
            match control.answer {
                Answer::Right => vouched.right = true,
                Answer::Wrong { .. } => vouched.wrong = true,
                Answer::Missing { .. } | Answer::Withheld => vouched.open = true,
            }
        }
        vouched
    }
}

/// How far the results of one run can be trusted.
pub fn assurance(run: &TestRun) -> Assurance {
    let right = |control: &Control| control.answer == Answer::Right;
    match !run.controls.is_empty() && run.controls.iter().all(right) {
        true => run.attainable,
        false => run.attainable.min(Assurance::Reported),
    }
}

/// What is to be said of the controls of one run; nothing where all answered as they should.
pub fn remark(run: &TestRun) -> Option<String> {
    let not_right = |control: &&Control| control.answer != Answer::Right;
    let mut open = run.controls.iter().filter(not_right);
    let first = open.next()?;
    let count = 1 + open.count();
    let planted = run.controls.len();
    Some(format!(
        "{count} of {planted} controls did not answer as they should; {first}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    fn with(place: &str, answer: Answer) -> TestRun {
        let (place, kind) = (place.to_owned(), Kind::MustFail);
        TestRun {
            controls: vec![Control {
                place,
                kind,
                answer,
            }],
            ..run("a::x=p")
        }
    }

    #[test]
    fn silence_counts_only_where_the_base_spoke_and_a_wrong_answer_everywhere() {
        let missing = || Answer::Missing { why: String::new() };
        let wrong = || Answer::Wrong {
            said: String::new(),
        };
        let base = with("here", Answer::Right);
        for (place, answer, expected) in [
            ("here", missing(), 1),
            ("elsewhere", missing(), 0),
            ("here", wrong(), 1),
            ("elsewhere", wrong(), 1),
        ] {
            let changed = with(place, answer.clone());
            let again = is_to_be_asked_again(Some(&base), &changed);
            let is_missing = matches!(answer, Answer::Missing { .. });
            assert_eq!(
                violations(&base, &changed).len(),
                expected,
                "{place} {answer:?}"
            );
            assert_eq!(again, is_missing && expected == 1, "{place} {answer:?}");
        }
    }
}
