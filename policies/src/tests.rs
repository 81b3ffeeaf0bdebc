//! Tests: canonical identity, and what each did in a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

/// The canonical identity of a test within one check.
///
/// Two runs name the same test by equal ids wherever the tests' sources are equal. Addresses,
/// temporary paths and, for doctests, line numbers are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TestId {
    /// What is compiled or loaded as one: a crate's target, a workspace package; empty where the
    /// framework has no such unit.
    pub unit: String,
    /// The file that holds the test; none where the framework does not say (libtest).
    pub file: Option<RepoPath>,
    /// Name with all enclosing suites or modules, as the framework joins them.
    pub name: String,
    /// Parameters of a parametrised test, as the framework prints them.
    pub parameters: Option<String>,
    /// Position among tests that are equal in all else, from 0.
    pub ordinal: u32,
}

impl fmt::Display for TestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.unit.is_empty() {
            parts.push(self.unit.clone());
        }
        parts.extend(self.file.as_ref().map(ToString::to_string));
        parts.push(self.name.clone());
        f.write_str(&parts.join("::"))?;
        if let Some(parameters) = &self.parameters {
            write!(f, "[{parameters}]")?;
        }
        if self.ordinal > 0 {
            write!(f, "#{}", self.ordinal + 1)?;
        }
        Ok(())
    }
}

/// The final state of one test in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestStatus {
    /// Ran and held.
    Passed,
    /// Ran and did not hold; errors in set-up or tear-down and unexpected passes of strict xfail count here.
    Failed,
    /// Skipped, expected failure, ignored: it says nothing.
    Skipped,
}

impl TestStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What one test did in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Which test.
    pub id: TestId,
    /// Its final state.
    pub status: TestStatus,
    /// The words that select exactly this test again with this framework (a pytest node id …).
    pub selector: String,
    /// What the framework said about a failure or skip; absent for a plain pass.
    pub failure: Option<Failure>,
    /// Wall time in milliseconds, where the framework reports it. Never part of a digest.
    pub millis: Option<u64>,
}

/// The framework's account of a failure (or the reason of a skip): data that the code under test
/// could write, capped by the adapter, not yet escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// One line: the exception or assertion.
    pub message: String,
    /// Where it happened, in the tree.
    pub file: Option<RepoPath>,
    /// Line in that file, from 1.
    pub line: Option<u32>,
    /// The expected value, where the framework tells them apart.
    pub expected: Option<String>,
    /// The actual value.
    pub actual: Option<String>,
    /// Traceback or captured output, at most [`Failure::DETAIL_CAP`] bytes.
    pub detail: String,
}

impl Failure {
    /// Cap of `message` in bytes.
    pub const MESSAGE_CAP: usize = 1024;
    /// Cap of `detail` in bytes.
    pub const DETAIL_CAP: usize = 8 * 1024;
}
