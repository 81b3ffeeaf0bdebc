//! Findings about the change itself, made before anything runs.
//!
//! [`inspect`] needs nothing but the change and the policy, [`inspect_texts`] also the texts of changed files,
//! which the runner hands in. A finding's rule is a reason code, its level what it does.

mod dependencies;
mod harness;
mod protected;
mod secrets;
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
use crate::classification::{Classifier, FileClass, classifiers};
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
    Language::of(path).is_some() || dependencies::is_manifest(path)
}

/// Whether the rules need the manifests and lock files of the base that the change leaves alone, too.
#[must_use]
pub fn needs_manifests(change: &Change, policy: &Policy) -> bool {
    let changes = |file: &FileChange| dependencies::is_manifest(&file.path);
    policy.rules.new_dependencies.level().is_some() && change.files.iter().any(changes)
}

/// Whether a file is such a manifest or lock file.
#[must_use]
pub fn is_manifest(path: &RepoPath) -> bool {
    dependencies::is_manifest(path)
}

/// What the rules read besides the change, handed in by whoever can.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The changed files, one entry each, in the order of the change. What [`reads`] does not ask for may be opaque.
    pub sides: Vec<Sides>,
    /// Manifests and lock files of the base that the change leaves alone, where [`needs_manifests`] asks for them.
    pub manifests: Vec<(RepoPath, String)>,
}

/// Findings that need the texts of files.
#[must_use]
pub fn inspect_texts(change: &Change, policy: &Policy, material: &Material) -> Vec<Finding> {
    let texts = texts::changed(change, &material.sides);
    let rules = &policy.rules;
    let mut findings = Vec::new();
    if let Some(level) = rules.secrets.level() {
        let classifiers = classifiers(policy).unwrap_or_default();
        let is_test = |path: &RepoPath| is_test(&classifiers, path);
        findings.extend(listed(secrets::inspect(&change.files, &is_test, level)));
    }
    if let Some(level) = rules.new_dependencies.level() {
        let manifests = material.manifests.iter();
        let known: Vec<_> = manifests
            .map(|(path, text)| (path, text.as_str()))
            .collect();
        findings.extend(listed(dependencies::inspect(&texts, &known, level)));
    }
    if let Some(level) = rules.new_suppressions.level() {
        findings.extend(listed(suppressions::inspect(&texts, level)));
    }
    findings
}

/// Whether a file is a test to some check, or lies where tests lie if there is no check that could tell.
fn is_test(classifiers: &[(&str, Classifier)], path: &RepoPath) -> bool {
    let folder = |part: &[u8]| {
        matches!(
            part,
            b"test" | b"tests" | b"testdata" | b"fixtures" | b"__tests__"
        )
    };
    let class = |(_, one): &(&str, Classifier)| one.classify(path) == FileClass::Test;
    classifiers.iter().any(class) || path.components().any(folder)
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
