//! Findings about the change itself, made before anything runs.
//!
//! [`inspect`] needs nothing but the change and the policy, [`inspect_texts`] also the texts of changed files,
//! which the runner hands in. A finding's rule is a reason code, its level what it does.

mod harness;
mod protected;
mod size;
mod source;
mod submodules;
mod suppressions;
mod texts;
mod unsafe_paths;

pub(crate) use protected::touched;
pub(crate) use size::written_by_a_tool;
pub use texts::Sides;

use crate::change::{Change, FileChange};
use crate::finding::Finding;
use crate::path::RepoPath;
use crate::policy::{Globs, Policy};
use crate::reason::ReasonCode;

use source::Language;

/// All static findings about a change, the dangerous ones first.
///
/// Ask [`unsafe_to_write`] before the candidate is written anywhere.
pub fn inspect(change: &Change, policy: &Policy) -> Vec<Finding> {
    let mut findings = unsafe_paths::inspect(change);
    findings.extend(submodules::inspect(change));
    findings.extend(protected::inspect(change, policy));
    findings.extend(harness::inspect(change, policy));
    findings.extend(size::inspect(change, policy));
    findings
}

/// Most findings of one rule that are listed one by one.
const LISTED: usize = 50;

/// Whether [`inspect_texts`] looks at the text of a file.
#[must_use]
pub fn reads(path: &RepoPath) -> bool {
    Language::of(path).is_some()
}

/// Findings that need the texts of the changed files: `sides` has one entry a file, in the order of the change.
/// What [`reads`] does not ask for may be opaque.
#[must_use]
pub fn inspect_texts(change: &Change, policy: &Policy, sides: &[Sides]) -> Vec<Finding> {
    let texts = texts::changed(change, sides);
    let rules = &policy.rules;
    let mut findings = Vec::new();
    if let Some(level) = rules.new_suppressions.level() {
        findings.extend(listed(suppressions::inspect(&texts, level)));
    }
    findings
}

/// A flood of findings says no more than its beginning.
fn listed(mut findings: Vec<Finding>) -> Vec<Finding> {
    let more = findings.len().saturating_sub(LISTED);
    findings.truncate(LISTED);
    if let Some(last) = findings.last_mut().filter(|_| more > 0) {
        last.message.push_str(&format!("; and {more} more places"));
    }
    findings
}

/// Whether the candidate must not be written anywhere.
pub fn unsafe_to_write(findings: &[Finding]) -> bool {
    let code = ReasonCode::PatchUnsafe.name();
    findings
        .iter()
        .any(|finding| finding.check.is_none() && finding.rule == code)
}

/// Whether a file's change touches a path that one of the globs matches.
pub fn touches(file: &FileChange, globs: &Globs) -> bool {
    protected::touched(file).any(|path| globs.matches(path))
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;
