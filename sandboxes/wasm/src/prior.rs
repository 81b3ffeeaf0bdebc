//! What the checks said that ran before, for plugins that are granted `prior`.

use serde::{Deserialize, Serialize};

use crate::change::Side;
use crate::report::Severity;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// A person has to look.
    Review,
    /// It cannot be said.
    Inconclusive,
}

/// What the comparison of a test on base and candidate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestClass {
    /// As before, green.
    Maintained,
    /// As before, red.
    Preexisting,
    /// Passed on the base, fails now.
    Regressed,
    /// The change broke the test itself.
    Broken,
    /// It is gone.
    Vanished,
    /// It is skipped now.
    Silenced,
    /// It says something else now.
    Contract,
    /// Red before, green now.
    Fixed,
    /// New and green.
    Added,
    /// New and red.
    AddedFailing,
    /// Sometimes one, sometimes the other.
    Flaky,
    /// It is skipped.
    Skipped,
    /// It cannot run here.
    Unavailable,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorTest {
    /// The id that reports show.
    pub id: String,
    /// What became of it.
    pub class: TestClass,
}

/// One finding of an earlier check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorFinding {
    /// The rule's id.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// On which tree.
    pub side: Side,
    /// In which file.
    pub path: Option<String>,
    /// In which line, from 1.
    pub line: Option<u32>,
    /// What it says.
    pub message: String,
    /// Whether the base did not have it.
    pub new: bool,
}

/// One check that ran before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorCheck {
    /// Its name in the policy.
    pub name: String,
    /// Its kind: `test`, `lint`, `command`, `plugin`.
    pub kind: String,
    /// How it ended.
    pub status: CheckStatus,
    /// Its tests.
    pub tests: Vec<PriorTest>,
    /// Its findings.
    pub findings: Vec<PriorFinding>,
}
