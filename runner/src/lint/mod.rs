//! Linters: what their reports say.
//!
//! 1. [`read`]: the bytes of a report in one of the formats → [`Report`]. Own types for the few fields that matter, and no
//!    crate of generated ones: those refuse a whole report for one unknown word in a field that nobody reads, and here a
//!    report that cannot be read is a check that gives nothing.
//! 2. [`place`]: where a report says that something is → a path of the tree, and the text of the line.
//!
//! Reports are written beside code that wants to pass: capped, stripped of control characters, and never half believed. What
//! is not whole is an error, not a shorter list.

mod cargo_json;
mod checkstyle;
mod eslint;
mod formatter;
mod gitlab;
pub mod place;
mod rdjson;
mod sarif;

#[cfg(test)]
mod recorded;

#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;

use passmuster_policy::finding::Lines;
use passmuster_policy::lint::LintFinding;
use passmuster_policy::policy::{Check, Formatter, LintCheck, ReportFormat};
use passmuster_policy::text::line;

/// Most findings of one report: ten times what the largest known projects have.
const FINDINGS_CAP: usize = 50_000;
/// Most bytes of a path as a report writes it.
const PLACE_CAP: usize = 4096;

/// How a linter reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// In a format of its own.
    Report(ReportFormat),
    /// By naming the files that it would change.
    Files(Formatter),
}

impl Format {
    /// The format of a lint check; none where the policy names none and the formatter is unknown, which a parsed policy
    /// never does.
    pub fn of(check: &Check, lint: &LintCheck) -> Option<Self> {
        let named = lint.report.map(Self::Report);
        named.or_else(|| Formatter::of(&check.run).map(Self::Files))
    }
}

/// What a report says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What it found.
    pub findings: Vec<Raw>,
    /// Its entries of any kind, suppressed ones and summaries included.
    pub entries: u64,
    /// Why the tool did not get to look at everything.
    pub partial: Option<String>,
}

/// A finding as it is reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// The tool's name of the rule.
    pub rule: String,
    /// The file.
    pub place: Option<Reference>,
    /// Where in the file.
    pub lines: Option<Lines>,
    /// What is wrong.
    pub message: String,
    /// What the tool would do about it.
    pub fix: Option<String>,
}

/// How a report names a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// By its path.
    Path(String),
    /// By a URI, or a reference relative to one.
    Uri(String),
}

/// Reads a report; the error says why it cannot be used.
pub fn read(format: Format, bytes: &[u8]) -> Result<Report, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) && matches!(format, Format::Report(_)) {
        return Err("its report is empty".to_owned());
    }
    match format {
        Format::Report(ReportFormat::Sarif) => sarif::read(bytes),
        Format::Report(ReportFormat::CargoJson) => cargo_json::read(bytes),
        Format::Report(ReportFormat::Rdjson) => rdjson::read(bytes),
        Format::Report(ReportFormat::Gitlab) => gitlab::read(bytes),
        Format::Report(ReportFormat::Checkstyle) => checkstyle::read(bytes),
        Format::Report(ReportFormat::EslintJson) => eslint::read(bytes),
        Format::Files(formatter) => formatter::read(formatter, bytes),
    }
    .and_then(capped)
}

/// A report of so many findings that they cannot be kept says nothing: what was left out might be what is new.
fn capped(mut report: Report) -> Result<Report, String> {
    if report.findings.len() > FINDINGS_CAP {
        return Err(format!("it reports more than {FINDINGS_CAP} findings"));
    }
    for one in &mut report.findings {
        one.rule = line(one.rule.trim(), LintFinding::RULE_CAP);
        one.message = line(one.message.trim(), LintFinding::MESSAGE_CAP);
        one.fix = one.fix.take().map(|fix| line(&fix, LintFinding::FIX_CAP));
        one.place = one.place.take().filter(|place| place.len() <= PLACE_CAP);
    }
    report.partial = report
        .partial
        .map(|why| line(&why, LintFinding::MESSAGE_CAP));
    Ok(report)
}

impl Reference {
    fn len(&self) -> usize {
        let (Self::Path(text) | Self::Uri(text)) = self;
        text.len()
    }
}

/// JSON that is the whole of the bytes.
fn json<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| format!("its report cannot be read: {error}"))
}

/// Lines from first and last; line 0 is how some tools say that there is none.
fn lines(start: Option<u32>, end: Option<u32>) -> Option<Lines> {
    let start = start.filter(|start| *start > 0)?;
    let end = end.unwrap_or(start).max(start);
    Some(Lines { start, end })
}

/// What a replacement comes to, for people.
fn replacement(text: &str) -> String {
    match text.trim() {
        "" => "remove it".to_owned(),
        text => format!("write `{text}`"),
    }
}
