//! What a plugin says: about itself, and about a change. Values of these types have been checked.

use serde::{Deserialize, Serialize};

use crate::change::Side;

/// The three levels of SARIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// For information.
    Note,
    /// Worth a look.
    Warning,
    /// Fails the check when it is new.
    Error,
}

/// What the plugin concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The change is in order.
    Pass,
    /// It is not.
    Fail,
    /// The check does not apply to it.
    Skip,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in Unicode code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Where it starts.
    pub start: Position,
    /// Where it ends, not before its start; without an end it is the line or the point of the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Position>,
}

/// A file of one tree and a stretch in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Whose file.
    pub side: Side,
    /// A well-formed path; whether there is such a file is not checked.
    pub path: String,
    /// Where in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// A replacement of a stretch of the candidate's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which file.
    pub path: String,
    /// What goes.
    pub region: Region,
    /// What comes in its place.
    pub text: String,
}

/// One way to mend a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does.
    pub description: String,
    /// How.
    pub edits: Vec<Edit>,
}

/// One thing that the plugin found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// One of the rules that the plugin named.
    pub rule: String,
    /// How grave it is.
    pub severity: Severity,
    /// What it says: foreign text, at most [`TEXT`](crate::limits::TEXT) bytes.
    pub message: String,
    /// The first is where it is shown.
    pub locations: Vec<Location>,
    /// Ways to mend it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<Fix>,
    /// What stays the same when lines move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Whether the base has it as well, as the plugin says.
    pub preexisting: bool,
}

/// A number that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A whole one.
    Integer(i64),
    /// Any other; finite.
    Decimal(f64),
}

/// One measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// What was measured.
    pub name: String,
    /// How much.
    pub value: Number,
    /// Of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What the plugin says about a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its conclusion.
    pub outcome: Outcome,
    /// One sentence for people: foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// In the plugin's order.
    pub findings: Vec<Finding>,
    /// In the plugin's order.
    pub metrics: Vec<Metric>,
}

/// One rule of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Unique within the plugin.
    pub id: String,
    /// What it asks for.
    pub summary: String,
    /// Where it is described: `http:` or `https:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_uri: Option<String>,
}

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Lower-case letters, digits and `-`.
    pub name: String,
    /// As its author counts.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// The rules that its findings may name.
    pub rules: Vec<Rule>,
    /// JSON Schema of its configuration. Only its size was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<String>,
}
