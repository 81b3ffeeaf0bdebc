//! Cargo's messages (`--message-format=json`): clippy and rustc.
//!
//! A crate that does not compile, or that denies one of its own lints, keeps cargo from looking at those that
//! depend on it. So a build that did not succeed is a report that is not whole.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Raw, Reference, Report, lines, replacement};

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Diagnostic,
    },
    BuildFinished {
        success: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Diagnostic {
    message: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    is_primary: bool,
    suggested_replacement: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let mut report = Report::default();
    let mut finished = Vec::new();
    let mut seen = BTreeSet::new();
    // Other lines are what macros and build scripts printed.
    for line in bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"{"))
    {
        match serde_json::from_slice(line) {
            Ok(Line::CompilerMessage { message }) => {
                report.entries += 1;
                // One source file can belong to several targets, which all report it.
                let known = |one: &Raw, column| !seen.insert((shown(one), column));
                report.findings.extend(finding(&message, known));
            }
            Ok(Line::BuildFinished { success }) => finished.push(success),
            Ok(Line::Other) | Err(_) => {}
        }
    }
    match finished.as_slice() {
        [true] => Ok(report),
        [false] => Ok(Report {
            partial: Some(
                "cargo did not build everything, so what depends on the failed crates was not looked at; where denied \
                 lints are the cause, let them be warnings in this check"
                    .to_owned(),
            ),
            ..report
        }),
        [] => Err("its report ends before the build does".to_owned()),
        _ => Err("its report ends twice".to_owned()),
    }
}

/// Notes, and summaries such as `aborting due to 2 previous errors`, are about no place in the code.
fn finding(message: &Diagnostic, known: impl FnOnce(&Raw, u32) -> bool) -> Option<Raw> {
    if !message.level.starts_with("error") && message.level != "warning" {
        return None;
    }
    let primary = message.spans.iter().find(|span| span.is_primary);
    let span = primary.or_else(|| message.spans.first())?;
    let code = message.code.as_ref().map(|code| code.code.clone());
    let raw = Raw {
        rule: code.unwrap_or_else(|| "rustc".to_owned()),
        place: Some(Reference::Path(span.file_name.clone())),
        lines: lines(Some(span.line_start), Some(span.line_end)),
        message: message.message.clone(),
        fix: message.children.iter().find_map(fix),
    };
    (!known(&raw, span.column_start)).then_some(raw)
}

fn shown(raw: &Raw) -> String {
    format!(
        "{:?} {:?} {} {}",
        raw.place, raw.lines, raw.rule, raw.message
    )
}

/// A `help` that comes with what to write.
fn fix(child: &Diagnostic) -> Option<String> {
    let texts = child
        .spans
        .iter()
        .filter_map(|span| span.suggested_replacement.as_deref());
    let text = texts.reduce(|first, next| if first.trim().is_empty() { next } else { first })?;
    Some(format!("{}: {}", child.message, replacement(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARNING: &str = r#"{"reason":"compiler-message","message":{"message":"unneeded `return` statement","level":"warning",
        "code":{"code":"clippy::needless_return"},"spans":[{"file_name":"src/lib.rs","line_start":3,"line_end":3,"column_start":5,"is_primary":true,"suggested_replacement":null}],
        "children":[{"message":"for further information","level":"help","code":null,"spans":[],"children":[]},
          {"message":"remove `return`","level":"help","code":null,"children":[],"spans":[{"file_name":"src/lib.rs","line_start":3,"line_end":3,"column_start":5,"is_primary":true,"suggested_replacement":"v.len()"}]}]}}"#;
    const SUMMARY: &str = r#"{"reason":"compiler-message","message":{"message":"1 warning emitted","level":"warning","code":null,"spans":[],"children":[]}}"#;
    const END: &str = r#"{"reason":"build-finished","success":true}"#;

    fn text(parts: &[&str]) -> Vec<u8> {
        let parts: Vec<String> = parts.iter().map(|part| part.replace('\n', "")).collect();
        parts.join("\n").into_bytes()
    }

    #[test]
    fn a_finding_that_several_targets_report_is_one_and_comes_with_its_suggestion() {
        let report = read(&text(&[WARNING, "noise", SUMMARY, WARNING, END])).unwrap();
        assert_eq!((report.findings.len(), report.entries), (1, 3));
        let found = &report.findings[0];
        assert_eq!(found.rule, "clippy::needless_return");
        assert_eq!(
            found.fix.as_deref(),
            Some("remove `return`: write `v.len()`")
        );
        assert_eq!(report.partial, None);
    }

    #[test]
    fn a_build_that_fails_or_does_not_end_is_not_whole() {
        assert!(read(&text(&[WARNING])).is_err());
        assert!(read(&text(&[END, END])).is_err());
        let failed = END.replace("true", "false");
        assert!(read(&text(&[WARNING, &failed])).unwrap().partial.is_some());
    }
}
