//! reviewdog's diagnostic format, one JSON object.

use serde::Deserialize;

use super::{Raw, Reference, Report, json, lines, replacement};

#[derive(Deserialize)]
struct Document {
    diagnostics: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    #[serde(default)]
    message: String,
    location: Option<Location>,
    code: Option<Code>,
    #[serde(default)]
    suggestions: Vec<Suggestion>,
}

#[derive(Deserialize)]
struct Location {
    path: Option<String>,
    range: Option<Range>,
}

#[derive(Deserialize)]
struct Range {
    start: Option<Position>,
    end: Option<Position>,
}

#[derive(Deserialize)]
struct Position {
    line: Option<u32>,
}

#[derive(Deserialize)]
struct Code {
    value: Option<String>,
}

#[derive(Deserialize)]
struct Suggestion {
    #[serde(default)]
    text: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let document: Document = json(bytes)?;
    Ok(Report {
        entries: document.diagnostics.len() as u64,
        findings: document.diagnostics.into_iter().map(finding).collect(),
        partial: None,
    })
}

fn finding(one: Diagnostic) -> Raw {
    let range = one
        .location
        .as_ref()
        .and_then(|location| location.range.as_ref());
    let line = |position: Option<&Position>| position.and_then(|position| position.line);
    Raw {
        rule: one.code.and_then(|code| code.value).unwrap_or_default(),
        lines: range.and_then(|range| lines(line(range.start.as_ref()), line(range.end.as_ref()))),
        place: one
            .location
            .and_then(|location| location.path)
            .map(Reference::Path),
        message: one.message,
        fix: one
            .suggestions
            .first()
            .map(|first| replacement(&first.text)),
    }
}
