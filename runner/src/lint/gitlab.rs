//! GitLab's code quality reports: ty, ruff and whatever speaks Code Climate's format.

use serde::Deserialize;

use super::{Raw, Reference, Report, json, lines};

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    description: String,
    check_name: Option<String>,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    path: String,
    lines: Option<Span<u32>>,
    positions: Option<Span<Position>>,
}

#[derive(Deserialize)]
struct Span<T> {
    begin: T,
    end: Option<T>,
}

#[derive(Deserialize)]
struct Position {
    line: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let issues: Vec<Issue> = json(bytes)?;
    Ok(Report {
        entries: issues.len() as u64,
        findings: issues.into_iter().map(finding).collect(),
        partial: None,
    })
}

fn finding(issue: Issue) -> Raw {
    let Location {
        path,
        lines: by_line,
        positions,
    } = issue.location;
    let by_position = positions.map(|span| (span.begin.line, span.end.map(|end| end.line)));
    let place = by_line.map(|span| (span.begin, span.end)).or(by_position);
    let rule = issue.check_name.unwrap_or_default();
    let named = format!("{rule}: ");
    Raw {
        place: Some(Reference::Path(path)),
        lines: place.and_then(|(begin, end)| lines(Some(begin), end)),
        // Some tools say the rule twice.
        message: issue
            .description
            .strip_prefix(&named)
            .unwrap_or(&issue.description)
            .to_owned(),
        rule,
        fix: None,
    }
}
