//! What an agent is told: schema `passmuster.agent/1`.
//!
//! The decision comes first, then what the agent can act on, all within [`BUDGET`] bytes of JSON. Text that
//! tests, tools or the change wrote is data: one line, cut short, without control characters. Nothing here
//! suggests touching tests, the policy or a floor; what only an operator can do is not said to an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reason::ReasonCode;
use crate::verdict::{Action, Decision};

/// The value of `schema`.
pub const SCHEMA: &str = "passmuster.agent/1";

/// Most bytes of an answer's JSON: about three thousand tokens.
pub const BUDGET: usize = 12_000;

/// What kind of answer this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// There is a verdict: see `verdict`.
    Verdict,
    /// It is still being found out; ask again with `run`.
    Running,
    /// The repository has no policy; only a human can give it one.
    NotSetUp,
    /// There is no verdict, and `headline` says why.
    Error,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Feedback {
    /// [`SCHEMA`].
    pub schema: String,
    /// What kind of answer this is.
    pub status: Status,
    /// One line: the decision and what follows from it.
    pub headline: String,
    /// What names this run in later calls; null where there is none.
    pub run: Option<String>,
    /// The decision; anything but `pass` means that the change must not be proposed. Null without a verdict.
    pub verdict: Option<Decision>,
    /// Why it is no pass, strongest first.
    pub reasons: Vec<Point>,
    /// What a human has to look at.
    pub review: Vec<Point>,
    /// Tests that tell against the change.
    pub failures: Vec<Failure>,
    /// What linters, plugins and rules hold against the change.
    pub findings: Vec<Noticed>,
    /// What else helps to understand it: known failures, the end of logs, what the sandbox refused.
    pub notes: Vec<String>,
    /// What to do, in this order.
    pub next_steps: Vec<Step>,
    /// Commit or tree that the change is measured against; null where that is not known.
    pub base: Option<String>,
    /// The command that gives the same verdict at a terminal; null without a verdict.
    pub reproduce: Option<String>,
    /// True when something was left out for its size; the whole verdict has it.
    pub truncated: bool,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Its code.
    pub code: ReasonCode,
    /// The check; null for the change as a whole.
    pub check: Option<String>,
    /// What happened, where.
    pub message: String,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Its id.
    pub test: String,
    /// The check that ran it.
    pub check: String,
    /// What became of it, in words.
    pub what: String,
    /// `file:line` of the failure, else of the test; null where that is not known.
    pub at: Option<String>,
    /// What the framework says; null where it says nothing.
    pub message: Option<String>,
    /// The expected value; null where the framework does not tell.
    pub expected: Option<String>,
    /// The actual value; null where the framework does not tell.
    pub actual: Option<String>,
    /// `file:line` of each changed line that the failure goes through.
    pub through_change: Vec<String>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Noticed {
    /// The rule.
    pub rule: String,
    /// The check; null for a built-in rule.
    pub check: Option<String>,
    /// What is wrong, with its place.
    pub message: String,
    /// What the tool would do about it; null where it offers nothing.
    pub suggested: Option<String>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What kind of thing.
    pub action: Action,
    /// In words.
    pub advice: String,
}

impl Feedback {
    /// An answer without a verdict.
    pub fn without_verdict(status: Status, headline: String) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            status,
            headline,
            run: None,
            verdict: None,
            reasons: Vec::new(),
            review: Vec::new(),
            failures: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            next_steps: Vec::new(),
            base: None,
            reproduce: None,
            truncated: false,
        }
    }

    /// The same within `budget` bytes of JSON: what helps least goes first, the first entry of each list last.
    #[must_use]
    pub fn within(mut self, budget: usize) -> Self {
        while self.size() > budget {
            if !self.drop_least() {
                break;
            }
            self.truncated = true;
        }
        self
    }

    fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }

    /// Whether there was something to drop.
    fn drop_least(&mut self) -> bool {
        let Self {
            notes,
            findings,
            failures,
            reasons,
            review,
            ..
        } = self;
        for keep in [1, 0] {
            let dropped = shortened(notes, keep)
                || shortened(findings, keep)
                || shortened(failures, keep)
                || shortened(review, keep)
                || shortened(reasons, keep);
            if dropped {
                return true;
            }
        }
        self.reproduce.take().is_some()
    }
}

fn shortened<T>(list: &mut Vec<T>, keep: usize) -> bool {
    list.len() > keep && list.pop().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_to_its_budget_and_keeps_the_decision_and_what_to_do() {
        let mut feedback = Feedback::without_verdict(Status::Verdict, "fail: fix it".to_owned());
        let failure = Failure {
            test: "\u{1f600}\"\\".repeat(50),
            check: "tests".to_owned(),
            what: "fails".to_owned(),
            at: None,
            message: Some("m".repeat(240)),
            expected: None,
            actual: None,
            through_change: Vec::new(),
        };
        feedback.failures = vec![failure; 200];
        feedback.notes = vec!["n".repeat(240); 200];
        feedback.next_steps = vec![Step {
            action: Action::FixCode,
            advice: "fix".to_owned(),
        }];
        let cut = feedback.clone().within(BUDGET);
        assert!(cut.size() <= BUDGET);
        assert!(cut.truncated);
        assert_eq!(cut.notes.len(), 1, "notes go before failures");
        assert!(cut.failures.len() > 10);
        assert_eq!(cut.next_steps, feedback.next_steps);
        let whole = Feedback::without_verdict(Status::Running, "running".to_owned());
        assert_eq!(whole.clone().within(BUDGET), whole);
    }
}
