//! Findings: what a rule, a linter or a plugin points at.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::evidence::TreeRole;
use crate::path::RepoPath;
use crate::policy::KindName;
use crate::reason::{Level, ReasonCode};

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

/// Another place that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Related {
    /// Whose file it is.
    pub tree: TreeRole,
    /// The file.
    pub path: RepoPath,
    /// Where in the file; null for the file as a whole.
    pub lines: Option<Lines>,
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
    /// Other places that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// One sentence for people.
    pub message: String,
    /// What the tool would do about it; null where it offers nothing. A suggestion, never applied.
    #[serde(default)]
    pub fix: Option<String>,
    /// True when the base does not have it.
    pub new: bool,
    /// Equal for the same finding in another run: no line number is part of it.
    pub fingerprint: String,
}

impl Finding {
    /// A finding of a built-in rule about one file or, without a path, the whole change. Its
    /// fingerprint covers rule, path and `what`, so that it stays the same wherever lines move.
    pub fn built_in(
        rule: ReasonCode,
        level: FindingLevel,
        path: Option<&RepoPath>,
        what: &str,
        message: String,
    ) -> Self {
        Self {
            rule: rule.name().to_owned(),
            level,
            check: None,
            path: path.cloned(),
            path_b64: path.and_then(base64_unless_utf8),
            lines: None,
            related: Vec::new(),
            message,
            fix: None,
            new: true,
            fingerprint: fingerprint(&[
                rule.name().as_bytes(),
                path.map_or(&[], |path| path.as_bytes()),
                what.as_bytes(),
            ]),
        }
    }

    /// `harness-changed`: something of the change steers what tests say, and a person has to look at it.
    pub fn of_harness(path: Option<&RepoPath>, message: String) -> Self {
        let (code, level) = (ReasonCode::HarnessChanged, FindingLevel::Review);
        Self::built_in(code, level, path, "", message)
    }

    /// The same finding at one line of the candidate's file.
    #[must_use]
    pub fn on_line(self, line: u32) -> Self {
        let lines = Some(Lines {
            start: line,
            end: line,
        });
        Self { lines, ..self }
    }

    /// The reason that it leads to, where `kind` is that of its check; none for a note. A rule without a fitting code of its
    /// own must not be lost: it counts as denied.
    pub fn leads_to(&self, kind: Option<KindName>) -> Option<ReasonCode> {
        let wanted = match self.level {
            FindingLevel::Note => return None,
            FindingLevel::Review => Level::Review,
            FindingLevel::Deny => Level::Fail,
        };
        let own = self.rule.parse::<ReasonCode>().ok();
        let own = own.filter(|code| self.check.is_none() && code.level() == wanted);
        Some(own.unwrap_or(match kind {
            Some(KindName::Lint) => ReasonCode::LintNewFindings,
            Some(KindName::Plugin) => ReasonCode::PluginFailed,
            Some(KindName::Test | KindName::Command) | None => ReasonCode::RuleDenied,
        }))
    }

    /// `file:line: message`, as far as there is a file and a line.
    pub fn placed(&self) -> String {
        match (&self.path, self.lines) {
            (Some(path), Some(lines)) => format!("{path}:{}: {}", lines.start, self.message),
            (Some(path), None) => format!("{path}: {}", self.message),
            (None, _) => self.message.clone(),
        }
    }
}

/// Sha256 of the parts, each ended by NUL, in hex.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        hasher.update([0]);
    }
    hex(&hasher.finalize())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 of a path's bytes where its escaped text is not simply the path.
pub(crate) fn base64_unless_utf8(path: &RepoPath) -> Option<String> {
    match path.as_str() {
        Some(_) => None,
        None => Some(BASE64_STANDARD.encode(path.as_bytes())),
    }
}
