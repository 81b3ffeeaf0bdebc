//! What a custom check said about a change, as its host hands it over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{Lines, Related};
use crate::path::RepoPath;

/// Bytes of the longest path that a plugin is told of; the sandbox of plugins has the same number, which its user asserts.
pub const PATH: usize = 4_096;

/// What came of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginEvidence {
    /// It reported.
    Reported(PluginReport),
    /// It did not: it could not be had, was refused, broke down or was ended.
    Broken {
        /// What happened, for its author.
        why: String,
    },
}

/// A plugin's report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginReport {
    /// Its conclusion.
    pub outcome: PluginOutcome,
    /// One sentence; foreign text.
    pub summary: Option<String>,
    /// In its order.
    pub findings: Vec<PluginFinding>,
    /// In its order.
    pub metrics: Vec<Metric>,
}

/// A plugin's conclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginOutcome {
    /// The change is in order.
    Pass,
    /// It is not.
    Fail,
    /// The check does not apply to it.
    Skip,
}

/// How grave a finding is, in the words of SARIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// For information.
    Note,
    /// Worth a look.
    Warning,
    /// Fails the check where it is new.
    Error,
}

/// One thing that a plugin found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFinding {
    /// One of the plugin's rules.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// What it says; foreign text.
    pub message: String,
    /// The file it is shown at.
    pub path: Option<RepoPath>,
    /// Where in that file, if it is the candidate's.
    pub lines: Option<Lines>,
    /// Other places of it.
    pub related: Vec<Related>,
    /// What would mend it.
    pub fix: Option<String>,
    /// What stays the same when lines move.
    pub fingerprint: Option<String>,
    /// Whether the base has it as well.
    pub preexisting: bool,
}

/// A number that a plugin measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what; null for a plain number.
    pub unit: Option<String>,
}
