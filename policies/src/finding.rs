//! Findings: what a rule, a linter or a plugin points at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::path::RepoPath;

/// What a finding does to the verdict.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FindingLevel {
    /// It is listed and changes nothing.
    Note,
    /// A human has to look.
    Review,
    /// The change is at fault.
    Deny,
}

/// Lines from `start` to `end`, both included, from 1, on the candidate.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Lines {
    /// First line.
    pub start: u32,
    /// Last line.
    pub end: u32,
}

/// One thing that somebody should know about the change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Rule id: a reason code for built-in rules, the tool's own for others.
    pub rule: String,
    /// What it does to the verdict.
    pub level: FindingLevel,
    /// The check that reported it; null for a built-in rule.
    pub check: Option<String>,
    /// The file; null for a finding about the whole change.
    pub path: Option<RepoPath>,
    /// Base64 of the path's bytes where they are not UTF-8; null otherwise.
    pub path_b64: Option<String>,
    /// Where in the file; null for the file as a whole.
    pub lines: Option<Lines>,
    /// One sentence for people.
    pub message: String,
    /// True when the base does not have it.
    pub new: bool,
    /// Equal for the same finding in another run: no line number is part of it.
    pub fingerprint: String,
}
