//! Checks: what must hold, and the keys of each kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Git, Globs, Limits, is_default};

/// One named thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct Check {
    /// Unique among checks.
    pub name: String,
    /// What it is, with the keys of that kind.
    #[serde(flatten)]
    pub kind: CheckKind,
    /// Command and arguments; no shell. Empty for a plugin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run: Vec<String>,
    /// Where it runs, under the tree; empty for its root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cwd: String,
    /// Environment variables on top of the sandbox's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Limits that differ from the policy's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// Names of the prepare steps it needs; none: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Vec<String>>,
    /// A synthetic repository in the tree.
    #[serde(default, skip_serializing_if = "Git::is_none")]
    pub git: Git,
    /// Whether the verdict needs it.
    #[serde(default = "yes")]
    pub required: bool,
    /// It runs only when the change touches one of these; none: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Globs>,
}

/// The kinds of check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum CheckKind {
    /// Runs tests and compares them one by one.
    Test(TestCheck),
    /// Runs a linter and compares its findings.
    Lint(LintCheck),
    /// Runs a command and looks at its exit status.
    Command,
    /// Runs a WebAssembly plugin.
    Plugin(PluginCheck),
}

impl CheckKind {
    /// The kind without its keys.
    pub fn name(&self) -> KindName {
        match self {
            Self::Test(_) => KindName::Test,
            Self::Lint(_) => KindName::Lint,
            Self::Command => KindName::Command,
            Self::Plugin(_) => KindName::Plugin,
        }
    }
}

/// The kinds of check, without their keys.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum KindName {
    /// Runs tests and compares them one by one.
    Test,
    /// Runs a linter and compares its findings.
    Lint,
    /// Runs a command and looks at its exit status.
    Command,
    /// Runs a WebAssembly plugin.
    Plugin,
}

/// Keys of a test check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TestCheck {
    /// The test runner that `run` starts.
    pub framework: Framework,
    /// How often a test that passed and then fails runs again, on both trees.
    #[serde(default = "three")]
    pub retries: u32,
    /// Globs of ids, as the verdict shows them, of tests that cannot run here: counted, never held
    /// against base or change.
    #[serde(default, skip_serializing_if = "Globs::is_empty")]
    pub unavailable: Globs,
    /// Files that are tests, whatever the framework's table says.
    #[serde(default, skip_serializing_if = "Globs::is_empty")]
    pub tests: Globs,
    /// Files that steer the run, whatever the framework's table says.
    #[serde(default, skip_serializing_if = "Globs::is_empty")]
    pub harness: Globs,
    /// Files that are product, whatever the framework's table says.
    #[serde(default, skip_serializing_if = "Globs::is_empty")]
    pub product: Globs,
}

/// Test runners.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Framework {
    /// pytest
    Pytest,
    /// Python's unittest
    Unittest,
    /// cargo test with libtest
    CargoTest,
    /// cargo nextest
    Nextest,
    /// node --test
    NodeTest,
    /// vitest
    Vitest,
    /// jest
    Jest,
    /// go test
    GoTest,
    /// Anything that writes JUnit XML to `{report}`.
    Junit,
}

/// Keys of a lint check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LintCheck {
    /// The format of its report; none for a formatter that [`super::Formatter`] knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportFormat>,
    /// Where the report is.
    #[serde(default)]
    pub report_from: ReportFrom,
    /// Statuses that say that the linter itself worked.
    #[serde(default = "zero_and_one")]
    pub ok_exit: Vec<i32>,
    /// Which findings count.
    #[serde(default)]
    pub gate: Gate,
}

/// Formats of a linter's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFormat {
    /// SARIF 2.1.0
    Sarif,
    /// cargo's messages
    CargoJson,
    /// reviewdog's format
    Rdjson,
    /// GitLab code quality
    Gitlab,
    /// Checkstyle XML
    Checkstyle,
    /// ESLint's JSON
    EslintJson,
}

/// Where a linter's report is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportFrom {
    /// On standard output.
    #[default]
    Stdout,
    /// In the file that `{report}` in `run` stands for.
    File,
}

/// Which findings of a linter count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Only those that the base does not have.
    #[default]
    New,
    /// All.
    All,
}

/// Keys of a plugin check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PluginCheck {
    /// Path in the base tree, an absolute path in a policy of the operator's, or the name of a shipped plugin.
    pub plugin: String,
    /// Its sha256, lower-case hex.
    pub sha256: String,
    /// Capabilities it gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// Passed to it as JSON.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Whether it may say that it does not apply to a change.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub may_skip: bool,
    /// A budget that is the same on every machine, in units of work; without one only the clock counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
}

/// A capability of a plugin.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// The files of base and candidate.
    Trees,
    /// What the other checks came to.
    Prior,
    /// Lines in the check's log.
    Log,
}

fn yes() -> bool {
    true
}

fn three() -> u32 {
    3
}

pub(super) fn zero_and_one() -> Vec<i32> {
    vec![0, 1]
}
