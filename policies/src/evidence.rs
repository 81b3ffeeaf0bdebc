//! Everything that is known about a change when the verdict is given.
//!
//! The runner fills this in and adds no judgement: what could not be had is said as such.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agreement::ExitMeaning;
use crate::change::Change;
use crate::comparison::{Oracle, Rerun};
use crate::denial::TreeDenial;
use crate::finding::Finding;
use crate::lint::LintEvidence;
use crate::plugin::PluginEvidence;
use crate::policy::KindName;
use crate::reason::{Reason, Review};
use crate::run::{Outcome, TestRun, Usage};
use crate::tests::TestId;

/// All that [`crate::decide::decide`] looks at beside the policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What the verdict is about.
    pub subject: Subject,
    /// Which policy was used.
    pub policy: PolicyRef,
    /// Where it was measured.
    pub environment: Environment,
    /// For each protection, whether it was in force.
    pub enforcement: Vec<Enforcement>,
    /// The isolation that was reached: `full` …; none where nothing was run.
    pub isolation: Option<String>,
    /// The change.
    pub change: Change,
    /// One entry a check of the policy, in the policy's order. A check that is missing here counts
    /// as not run.
    pub checks: Vec<CheckEvidence>,
    /// Findings of the static rules (`rules::inspect`); a linter's and a plugin's stand in their check.
    pub findings: Vec<Finding>,
    /// What the runner itself knows to stand in the way: a prepare step that failed, a tool that
    /// is missing, a patch that does not apply. Codes of any level but usage; where the check is
    /// named and not required, it becomes a note.
    pub reasons: Vec<Reason>,
    /// What the runner itself knows that a human has to look at.
    pub review: Vec<Review>,
    /// The command that reproduces the verdict.
    pub reproduce: Option<String>,
    /// Times; never part of a digest.
    pub timing: Timing,
}

/// What the verdict is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Tree id of the base.
    pub base_tree: String,
    /// Tree id of the candidate; null where the change could not be applied.
    pub candidate_tree: Option<String>,
    /// Commit that the base tree was taken from; null for a plain directory.
    pub base_commit: Option<String>,
    /// The name by which the base was found.
    pub base_ref: Option<String>,
    /// Why the base can be trusted.
    pub base_trust: Option<BaseTrust>,
    /// Sha256 of the patch as given; null without a patch.
    pub patch_sha256: Option<String>,
}

/// Why the base can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaseTrust {
    /// The operator named it.
    Pinned,
    /// It comes from the remote's default branch.
    RemoteTracking,
    /// It is whatever the repository says locally.
    Local,
}

/// Which policy was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRef {
    /// Who wrote it.
    pub source: PolicySource,
    /// The path in the base tree or on the operator's disk; null for a detected policy.
    pub path: Option<String>,
    /// [`crate::policy::Policy::digest`].
    pub sha256: String,
    /// The presets that it extends.
    pub presets: Vec<String>,
}

/// Who wrote the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// It is part of the base tree.
    Base,
    /// The operator gave it.
    Operator,
    /// It was made from what the base tree looks like.
    Detected,
}

/// Where the evidence was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Version of Passmuster.
    pub runner: String,
    /// Operating system and kernel.
    pub os: String,
    /// What the checks could use, sorted by name.
    pub toolchains: Vec<Toolchain>,
}

/// One toolchain.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Toolchain {
    /// `python`, `rust` …
    pub name: String,
    /// As the toolchain itself says.
    pub version: String,
    /// Digest of what was granted.
    pub sha256: String,
}

/// One protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enforcement {
    /// Which.
    pub protection: String,
    /// Whether it was in force.
    pub state: EnforcementState,
    /// Why not, or by what; null where there is nothing to say.
    pub why: Option<String>,
}

/// Whether a protection was in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnforcementState {
    /// Fully.
    Enforced,
    /// In a weaker form.
    Degraded,
    /// Not at all.
    Absent,
}

/// Times in milliseconds. Never part of a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The whole verification.
    pub total_ms: u64,
    /// Part of it before the first run started.
    pub setup_ms: Option<u64>,
}

/// A tree that a check ran on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TreeRole {
    /// The base.
    Base,
    /// The candidate.
    Candidate,
    /// The candidate's product code with the base's tests.
    Oracle,
    /// The base's product code with the candidate's tests.
    Probe,
}

/// What is known about one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckEvidence {
    /// Its name in the policy.
    pub name: String,
    /// Its kind.
    pub kind: KindName,
    /// Trees whose result came from the store.
    pub cached: BTreeSet<TreeRole>,
    /// The last part of the candidate's output, or of the base's where the candidate did not run.
    pub log: Option<String>,
    /// Cost of the runs that were made now.
    pub usage: Usage,
    /// What the sandbox refused, as [`crate::denial::of_runs`] gives it.
    pub denials: Vec<TreeDenial>,
    /// What happened.
    pub result: CheckResult,
}

/// What happened to one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// It did not run.
    NotRun(WhyNotRun),
    /// A test check ran.
    Test(Box<TestEvidence>),
    /// A lint check ran.
    Lint(Box<LintEvidence>),
    /// A plugin check was asked.
    Plugin(PluginEvidence),
    /// A command check ran.
    Command(CommandEvidence),
}

/// Why a check did not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyNotRun {
    /// The change touches none of its `paths`: rightly left out.
    NotTouched,
    /// `--check` named others.
    NotSelected,
    /// Something in [`Evidence::reasons`] names this check, or the whole run, and says why.
    Blocked,
    /// Anything else, for people.
    Other(String),
}

/// What a test check gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestEvidence {
    /// What the framework's exit statuses mean.
    pub exit: ExitMeaning,
    /// The base's run.
    pub base: TestRun,
    /// The candidate's run; none where it was not made because the base's cannot be used.
    pub candidate: Option<TestRun>,
    /// The base's tests on the candidate's product code.
    pub oracle: Oracle,
    /// The candidate's new tests on the base's product code; none where that was not run.
    pub probe: Option<TestRun>,
    /// Repeated runs of the tests that [`crate::comparison::suspects`] names.
    pub reruns: Vec<Rerun>,
    /// Ids that two base runs do not share; empty where the base ran once.
    pub unstable: BTreeSet<TestId>,
}

/// What a command check gave: how it ended on each tree that it ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEvidence {
    /// On the base; none where it did not run there.
    pub base: Option<Outcome>,
    /// On the candidate; none where it did not run there.
    pub candidate: Option<Outcome>,
}
