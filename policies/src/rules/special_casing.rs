//! `special-casing`: product code that is written for the tests that are known.
//!
//! Six forms: branches and tables that lead from a value of a test to the value that it expects; lines of agreed
//! texts; code that asks whether tests run; comparisons that say the same whatever is compared; files that carry something from one run
//! to the next; code that reaches for the tests, their framework or their clock. A literal that product and tests merely share is none: it has to be more than a word of the
//! program's own language, stand where it decides, be absent from the base's product, and what it leads to has to
//! stand beside it in a test.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::source::{Language, Source};
use super::texts::ChangedText;
use crate::classification::{Classifier, FileClass};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::reason::ReasonCode;
use crate::rust_tests::test_ranges;
use crate::text;

mod agreed;
mod branches;
mod constants;
mod lines;
mod literals;
mod markers;
mod probes;
mod reach;
mod sequences;
mod wanted;

use agreed::Agreed;
use branches::Branch;
use wanted::Wanted;

/// Longest quotation of a literal.
const QUOTED: usize = 40;

/// Most branches that are held against the base's product.
const HELD: usize = 500;

/// Folders of code that is shown, not used.
const SHOWN_ONLY: [&[u8]; 5] = [b"examples", b"docs", b"doc", b"benches", b"benchmarks"];

/// A file of some tree and its text.
pub(super) type Text<'a> = (&'a RepoPath, &'a str);

/// Sources in which the change wrote product code.
pub(super) struct Product<'a> {
    files: Vec<ProductFile<'a>>,
    /// All that the change touches, with the base's text.
    changed: BTreeMap<&'a RepoPath, Option<&'a str>>,
}

pub(super) struct ProductFile<'a> {
    pub(super) text: &'a ChangedText<'a>,
    pub(super) language: Language,
    /// Its tokens without comments and tests.
    pub(super) code: Source<'a>,
    branches: Vec<Branch>,
}

/// Whether a source of this path holds product code that is looked at.
fn is_product(classifiers: &[(&str, Classifier)], path: &RepoPath) -> bool {
    let judged: Vec<FileClass> = classifiers
        .iter()
        .map(|(_, one)| one.classify(path))
        .collect();
    let shown_only = path.components().any(|part| SHOWN_ONLY.contains(&part));
    !super::is_test(classifiers, path) && !judged.contains(&FileClass::Harness) && !shown_only
}

fn language(path: &RepoPath) -> Option<Language> {
    let judged = [
        Language::Python,
        Language::Rust,
        Language::JavaScript,
        Language::Go,
    ];
    Language::of(path).filter(|language| judged.contains(language))
}

impl<'a> Product<'a> {
    /// What the change wrote.
    pub(super) fn of(texts: &'a [ChangedText<'a>], classifiers: &[(&str, Classifier)]) -> Self {
        let file = |text: &'a ChangedText<'a>| {
            let path = &text.change.path;
            let language = language(path).filter(|_| is_product(classifiers, path))?;
            let after = text.after.filter(|_| !text.change.hunks.is_empty())?;
            let code = product_code(language, after);
            let before = text.before.map(|before| Source::read(language, before));
            let mut known: BTreeSet<String> = before.iter().flat_map(literals::values).collect();
            let before = before.map(|before| before.code());
            let lists = before.iter().flat_map(sequences::all);
            known.extend(lists.map(|(_, list)| list.text));
            let branches = branches::of(language, &code);
            Some(ProductFile {
                text,
                language,
                code,
                branches: branches
                    .into_iter()
                    .map(|branch| branch.new_in(text, &known))
                    .collect(),
            })
        };
        Self {
            files: texts.iter().filter_map(file).collect(),
            changed: texts
                .iter()
                .map(|text| (&text.change.path, text.before))
                .collect(),
        }
    }

    /// The languages in which tests could hold a value that a new branch decides on.
    pub(super) fn suspect_languages(&self) -> BTreeSet<Language> {
        let suspect = |file: &&ProductFile<'_>| {
            file.branches
                .iter()
                .any(|branch| branch.is_new && branch.is_telling())
        };
        self.files
            .iter()
            .filter(suspect)
            .map(|file| file.language)
            .collect()
    }

    /// Whether the change wrote lines that could be those of an agreed text.
    pub(super) fn holds_texts(&self) -> bool {
        self.files.iter().any(agreed::is_suspect)
    }

    /// Whether the tests have anything that makes the base's product worth reading.
    pub(super) fn is_suspect(&self, tests: &[Text<'_>]) -> bool {
        !self.suspects(tests).is_empty() || !self.agreed(tests, &[]).is_empty()
    }

    fn suspects<'b>(&'b self, tests: &[Text<'b>]) -> Vec<wanted::Suspect<'b>> {
        let mut found = Vec::new();
        for language in self.suspect_languages() {
            let wanted = Wanted::of(language, tests, &self.files);
            let files = self.files.iter().filter(|file| file.language == language);
            found.extend(files.flat_map(|file| wanted.suspects(file)));
        }
        found
    }

    /// Agreed texts that the change wrote into product code, by the file that holds them.
    fn agreed<'b>(
        &'b self,
        tests: &[Text<'_>],
        product: &[Text<'_>],
    ) -> Vec<(&'b ProductFile<'a>, u32, String)> {
        let mut tests = tests.to_vec();
        tests.retain(|(path, _)| !self.changed.contains_key(path));
        let before = self.changed.values().flatten();
        let known: Vec<&str> = product
            .iter()
            .map(|(_, text)| *text)
            .chain(before.copied())
            .collect();
        let files = self.files.iter().filter(|file| agreed::is_suspect(file));
        files
            .filter_map(|file| {
                let agreed = Agreed::of(file.language, &tests);
                let known = |line: &str| known.iter().any(|text| text.contains(line));
                let (line, message) = agreed.held_by(file, known)?;
                Some((file, line, message))
            })
            .collect()
    }

    /// All findings. `product` is what else of the base is product code.
    pub(super) fn findings(
        &self,
        tests: &[Text<'_>],
        product: &[Text<'_>],
        level: FindingLevel,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for suspect in self.suspects(tests).into_iter().take(HELD) {
            let written = suspect.key.written();
            if !product.iter().any(|(_, text)| text.contains(written)) {
                let made = finding(suspect.file, &suspect.key.text, suspect.message(), level);
                findings.push(made.on_line(suspect.line));
            }
        }
        for (file, line, message) in self.agreed(tests, product) {
            findings.push(finding(file, "agreed text", message, level).on_line(line));
        }
        for file in &self.files {
            let found = probes::of(file)
                .into_iter()
                .chain(constants::of(file))
                .chain(markers::of(file))
                .chain(reach::of(file));
            findings.extend(found.map(|(line, message)| {
                finding(file, &message, message.clone(), level).on_line(line)
            }));
        }
        findings
    }
}

/// The tokens of a source that are product: no comments, and no tests of Rust.
fn product_code(language: Language, text: &str) -> Source<'_> {
    let mut code = Source::read(language, text).code();
    if language == Language::Rust {
        let tests = test_ranges(text).unwrap_or_default();
        code.tokens
            .retain(|token| !is_within(&tests, token.bytes.start));
    }
    code
}

/// Whether a byte is in one of these ranges, which are in order and apart.
fn is_within(ranges: &[Range<usize>], byte: usize) -> bool {
    let behind = ranges.partition_point(|range| range.start <= byte);
    let range = behind.checked_sub(1).and_then(|at| ranges.get(at));
    range.is_some_and(|range| range.contains(&byte))
}

/// `what` is the same wherever lines move.
fn finding(file: &ProductFile<'_>, what: &str, message: String, level: FindingLevel) -> Finding {
    let path = Some(&file.text.change.path);
    Finding::built_in(ReasonCode::SpecialCasing, level, path, what, message)
}

fn quoted(value: &str) -> String {
    text::line(value, QUOTED)
}

#[cfg(test)]
mod tests;
