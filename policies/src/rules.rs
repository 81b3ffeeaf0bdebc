//! Findings about the change itself, made before anything runs.
//!
//! [`inspect`] needs nothing but the change and the policy, [`inspect_texts`] also the texts of changed files,
//! which the runner hands in. A finding's rule is a reason code, its level what it does.

mod dependencies;
mod harness;
mod invisible;
mod protected;
mod secrets;
mod size;
mod source;
mod special_casing;
mod submodules;
mod suppressions;
mod texts;
mod unsafe_paths;

pub(crate) use protected::touched;
pub use size::generated_ending;
pub(crate) use size::written_by_a_tool;
pub use texts::Sides;

use std::collections::BTreeSet;

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
    /// The [`generated_ending`]s of the base's files.
    pub generated: BTreeSet<&'static str>,
    /// Tests of both trees, where [`Suspicion::wants_test`] asks for them.
    pub tests: Vec<(RepoPath, String)>,
    /// Product code of the base that the change leaves alone, where [`Suspicion::wants_product`] asks for it.
    pub product: Vec<(RepoPath, String)>,
}

/// Whether what the change wrote is worth being held against tests, and against which.
#[derive(Debug)]
pub struct Suspicion<'a> {
    classifiers: Vec<(&'a str, Classifier)>,
    languages: BTreeSet<Language>,
    /// Whether golden files and the texts in tests are asked for as well.
    texts: bool,
}

impl<'a> Suspicion<'a> {
    /// For the product code that a change wrote.
    #[must_use]
    pub fn of(change: &Change, policy: &'a Policy, material: &Material) -> Self {
        let classifiers = classifiers(policy).unwrap_or_default();
        let texts = texts::changed(change, &material.sides);
        let asked = policy.rules.special_casing.level().is_some();
        let written = asked.then(|| special_casing::Product::of(&texts, &classifiers));
        let languages = written
            .as_ref()
            .map(special_casing::Product::suspect_languages);
        let texts = written
            .as_ref()
            .is_some_and(special_casing::Product::holds_texts);
        Self {
            languages: languages.unwrap_or_default(),
            texts,
            classifiers,
        }
    }

    /// Whether the tests in a file are to be read.
    #[must_use]
    pub fn wants_test(&self, path: &RepoPath) -> bool {
        let telling = Language::of(path).is_some_and(|one| self.languages.contains(&one));
        (telling || self.texts) && is_test(&self.classifiers, path)
    }

    /// Whether a file of the base is to be read as product code. Asked only where tests have what the change has.
    #[must_use]
    pub fn wants_product(&self, path: &RepoPath) -> bool {
        let asked = |one| self.texts || self.languages.contains(&one);
        Language::of(path).is_some_and(asked) && !is_test(&self.classifiers, path)
    }

    /// Whether the tests that were read have something that the change wrote.
    #[must_use]
    pub fn is_confirmed(&self, change: &Change, material: &Material) -> bool {
        let texts = texts::changed(change, &material.sides);
        let product = special_casing::Product::of(&texts, &self.classifiers);
        product.is_suspect(&borrowed(&material.tests))
    }
}

fn borrowed(texts: &[(RepoPath, String)]) -> Vec<(&RepoPath, &str)> {
    texts
        .iter()
        .map(|(path, text)| (path, text.as_str()))
        .collect()
}

/// Findings that need the texts of files.
#[must_use]
pub fn inspect_texts(change: &Change, policy: &Policy, material: &Material) -> Vec<Finding> {
    let texts = texts::changed(change, &material.sides);
    let rules = &policy.rules;
    let classifiers = classifiers(policy).unwrap_or_default();
    let is_test = |path: &RepoPath| is_test(&classifiers, path);
    let mut findings = listed(invisible::inspect(&texts));
    findings.extend(listed(size::inspect(
        change,
        policy,
        &material.generated,
        &is_test,
    )));
    if let Some(level) = rules.secrets.level() {
        findings.extend(listed(secrets::inspect(&change.files, &is_test, level)));
    }
    if let Some(level) = rules.new_dependencies.level() {
        let known = borrowed(&material.manifests);
        findings.extend(listed(dependencies::inspect(&texts, &known, level)));
    }
    if let Some(level) = rules.new_suppressions.level() {
        findings.extend(listed(suppressions::inspect(&texts, level)));
    }
    if let Some(level) = rules.special_casing.level() {
        let written = special_casing::Product::of(&texts, &classifiers);
        let (tests, product) = (borrowed(&material.tests), borrowed(&material.product));
        findings.extend(listed(written.findings(&tests, &product, level)));
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
