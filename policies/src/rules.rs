//! Findings that need nothing but the change and the policy, made before anything runs.
//!
//! [`inspect`] is the one door. A finding's rule is a reason code, its level what it does.

mod harness;
mod protected;
mod size;
mod submodules;
mod unsafe_paths;

pub(crate) use protected::touched;
pub(crate) use size::written_by_a_tool;

use crate::change::{Change, FileChange};
use crate::finding::Finding;
use crate::policy::{Globs, Policy};
use crate::reason::ReasonCode;

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
mod tests;
