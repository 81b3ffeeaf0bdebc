//! The verdict: its JSON form (`passmuster.verdict/1`).
//!
//! [`crate::decide::decide`] makes it. Everything that was not measured is null.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::comparison::Class;
use crate::denial::TreeDenial;
use crate::evidence::{Enforcement, Environment, PolicyRef, Subject, Timing, TreeRole};
use crate::finding::Finding;
use crate::path::RepoPath;
use crate::plugin::Metric;
use crate::policy::{Assurance, KindName};
use crate::reason::{Reason, Review};
use crate::run::Usage;

/// The value of `schema`.
pub const SCHEMA: &str = "passmuster.verdict/1";

/// The one word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Nothing speaks against the change and everything required was measured.
    Pass,
    /// Only review items are left.
    Review,
    /// Something required could not be measured.
    Inconclusive,
    /// The change is at fault.
    Fail,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// [`SCHEMA`].
    pub schema: String,
    /// The word. Treat anything but `pass` as no.
    pub verdict: Decision,
    /// Why it is fail or inconclusive, strongest first.
    pub reasons: Vec<Reason>,
    /// What a human has to look at.
    pub review: Vec<Review>,
    /// What the verdict is about.
    pub subject: Subject,
    /// Which policy was used.
    pub policy: PolicyRef,
    /// For each protection, whether it was in force.
    pub enforcement: Vec<Enforcement>,
    /// The isolation that was reached; null where nothing ran.
    pub isolation: Option<String>,
    /// Where it was measured.
    pub environment: Environment,
    /// One entry a check of the policy, in its order.
    pub checks: Vec<CheckSummary>,
    /// The comparison of all test checks; null where there was none.
    pub tests: Option<TestSummary>,
    /// The runner's own tests; null where none were planted.
    pub controls: Option<Controls>,
    /// What rules, linters and plugins point at.
    pub findings: Vec<Finding>,
    /// What to do next.
    pub next_steps: Vec<NextStep>,
    /// The command that reproduces the verdict.
    pub reproduce: Option<String>,
    /// The candidates that were judged on this base here, this one included; null where nobody counts. No
    /// part of the digest.
    pub attempts: Option<Attempts>,
    /// Times; not part of the digest.
    pub timing: Timing,
    /// Sha256 over what has to be equal when the same change is verified again.
    pub digest: String,
}

/// How a check came out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// It holds.
    Passed,
    /// It does not hold on the candidate.
    Failed,
    /// It ran and could not tell.
    Inconclusive,
    /// The change touches none of its `paths`.
    NotApplicable,
    /// It did not run.
    NotRun,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckSummary {
    /// Its name in the policy.
    pub name: String,
    /// Its kind.
    pub kind: KindName,
    /// Whether the verdict needs it.
    pub required: bool,
    /// How it came out.
    pub status: CheckStatus,
    /// How far its result can be trusted; null for checks without tests and where nothing ran.
    pub assurance: Option<Assurance>,
    /// Trees whose result came from the store.
    pub cached: Vec<TreeRole>,
    /// Trees that it ran on.
    pub trees: Vec<TreeRole>,
    /// What was run on which tree or saved, and why; no part of the digest.
    #[serde(default)]
    pub runs: Vec<RunNote>,
    /// How many findings it reported; null for checks that report none.
    pub findings: Option<u64>,
    /// How many of them the base does not have; null where that was not found out.
    #[serde(default)]
    pub new_findings: Option<u64>,
    /// What a plugin says of the change in one sentence; null for every other check.
    #[serde(default)]
    pub summary: Option<String>,
    /// What a plugin measured; no part of the digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// How many tests its candidate run has; null for checks without tests.
    pub tests: Option<u64>,
    /// Cost of its runs.
    pub usage: Usage,
    /// What the sandbox refused to its runs; decides nothing and is no part of the digest.
    #[serde(default)]
    pub denials: Vec<TreeDenial>,
    /// The end of its log.
    pub log: Option<String>,
}

/// One run of a check, made or saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunNote {
    /// The tree.
    pub tree: TreeRole,
    /// How much ran.
    pub extent: RunExtent,
    /// Why, for people.
    pub why: String,
}

/// How much of a check ran on a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunExtent {
    /// All of it.
    Whole,
    /// The files or units that hold certain tests.
    Part,
    /// Nothing: the result is known.
    Saved,
}

/// The comparison of all test checks, test by test. Unmeasured lists are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestSummary {
    /// Passed, and fail now.
    pub regressed: Vec<TestEntry>,
    /// Passed; the edited test fails while the base's version passes. Null without an oracle.
    pub broken: Option<Vec<TestEntry>>,
    /// Passed, and are gone.
    pub vanished: Vec<TestEntry>,
    /// Passed, and are skipped.
    pub silenced: Vec<TestEntry>,
    /// Of interest to a human: contract changed or removed, fixed by tests, dropped, uncompilable.
    /// Null without an oracle, apart from dropped ones.
    pub contract: Option<Vec<TestEntry>>,
    /// Failed, and pass.
    pub fixed: Vec<TestEntry>,
    /// New, and pass.
    pub added: Vec<TestEntry>,
    /// New or skipped before, and fail.
    pub added_failing: Vec<TestEntry>,
    /// Their outcome is not a function of the tree.
    pub flaky: Vec<TestEntry>,
    /// How many fail on both trees.
    pub preexisting: u64,
    /// How many pass on both trees.
    pub maintained: u64,
    /// How many the policy lists as unable to run here.
    pub unavailable: u64,
    /// True when a test failed and passes now with the base's tests; null where that was not measured.
    pub fix_proven: Option<bool>,
    /// New tests that pass and would not pass without the change; null where that was not measured.
    /// Advisory.
    pub proves: Option<Vec<String>>,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestEntry {
    /// The check.
    pub check: String,
    /// The test's canonical id.
    pub id: String,
    /// Its class.
    pub class: Class,
    /// What selects exactly this test again.
    pub selector: Option<String>,
    /// The file of the failure, else of the test.
    pub file: Option<RepoPath>,
    /// The line there, from 1.
    pub line: Option<u32>,
    /// One line from the framework.
    pub message: Option<String>,
    /// The expected value.
    pub expected: Option<String>,
    /// The actual value.
    pub actual: Option<String>,
    /// Traceback or captured output.
    pub detail: Option<String>,
    /// Lines of changed files that the traceback goes through, in its order, at most five.
    #[serde(default)]
    pub frames: Vec<Frame>,
    /// Its id on the base, where a renamed file gave it another one.
    pub renamed_from: Option<String>,
    /// Repeated runs; null where it was not run again.
    pub reruns: Option<RerunCount>,
}

/// A line of a changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// The file.
    pub file: RepoPath,
    /// The line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Failures among repeated runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RerunCount {
    /// Runs on each tree.
    pub runs: u32,
    /// Failures on the base.
    pub base_failures: u32,
    /// Failures on the candidate.
    pub candidate_failures: u32,
}

/// How many candidates came of a base, by the verdict that counts for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempts {
    /// All of them.
    pub candidates: u64,
    /// Those that passed.
    pub passed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that a human had to look at.
    pub review: u64,
    /// Those that could not be measured.
    pub inconclusive: u64,
}

/// The runner's own tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Controls {
    /// How many were planted.
    pub planted: u64,
    /// How many answered.
    pub answered: u64,
    /// Which answered wrongly or not at all.
    pub violated: Vec<String>,
}

/// What to do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Correct the product code.
    FixCode,
    /// Leave the named thing out of the change.
    ReviseChange,
    /// Make the change against the named base.
    Rebase,
    /// Run all checks.
    VerifyAll,
    /// Run again: nothing about the change was learnt.
    VerifyAgain,
    /// For a human: install a program or a toolchain.
    InstallTool,
    /// For a human: fetch what the environment lacks.
    RunPrepare,
    /// For a human: repair the base first.
    FixBase,
    /// For a human: repair the machine's sandbox support.
    RunDoctor,
    /// Hand over to a human.
    AskHuman,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NextStep {
    /// What to do.
    pub action: Action,
    /// To what: a test, a file, a check, a tool; null for the change as a whole.
    pub target: Option<String>,
    /// Why, one clause.
    pub why: String,
}
