//! Attributes and annotations that silence a compiler: `#[allow(…)]`, `@SuppressWarnings`.

use std::ops::Range;

use super::super::source::{Kind, Language, Source};
use super::{EVERYTHING, Key, Suppression};

/// Attributes of Rust that silence a lint or a formatter.
const SILENCING: [&str; 2] = ["allow", "expect"];

/// All of a source, each with its line.
pub(super) fn of(language: Language, source: &Source<'_>) -> Vec<Suppression> {
    match language {
        Language::Rust => rust(&source.code()),
        Language::Slashes => annotations(&source.code()),
        _ => Vec::new(),
    }
}

fn rust(code: &Source<'_>) -> Vec<Suppression> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.tokens.len() {
        let inner = code.at(at) == "#" && code.at(at + 1) == "!";
        let open = at + 1 + usize::from(inner);
        if code.at(at) != "#" || code.at(open) != "[" {
            at += 1;
            continue;
        }
        let end = closing(code, open);
        found.extend(attribute(code, open + 1..end, inner));
        at = end;
    }
    found
}

/// The token that closes the bracket at `open`, or the end.
fn closing(code: &Source<'_>, open: usize) -> usize {
    let mut depth = 0_usize;
    for at in open..code.tokens.len() {
        match code.at(at) {
            "[" | "(" | "{" => depth += 1,
            "]" | ")" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    code.tokens.len()
}

/// `allow(a, b)` wherever it stands in an attribute, `cfg_attr` included.
fn attribute(code: &Source<'_>, inside: Range<usize>, inner: bool) -> Vec<Suppression> {
    let mut found = Vec::new();
    let end = inside.end;
    for at in inside.clone() {
        let silencing = SILENCING
            .iter()
            .find(|word| **word == code.at(at) && code.at(at + 1) == "(");
        let begins = at == inside.start || matches!(code.at(at - 1), "," | "(");
        if let Some(word) = silencing.filter(|_| begins) {
            let until = closing(code, at + 1).min(end);
            found.extend(
                lints(code, at + 2..until)
                    .into_iter()
                    .map(|code_of| suppression(code, at, word, inner, code_of)),
            );
        }
        if code.at(at) == "rustfmt" && code.at(at + 3) == "skip" {
            found.push(suppression(
                code,
                at,
                "rustfmt::skip",
                inner,
                EVERYTHING.to_owned(),
            ));
        }
    }
    found
}

fn suppression(
    code: &Source<'_>,
    at: usize,
    marker: &'static str,
    file_wide: bool,
    lint: String,
) -> Suppression {
    let sign = if file_wide { "#!" } else { "#" };
    let quoted = match lint.as_str() {
        EVERYTHING => format!("{sign}[{marker}]"),
        lint => format!("{sign}[{marker}({lint})]"),
    };
    Suppression {
        key: Key {
            marker,
            file_wide,
            code: lint,
        },
        line: code.line(at),
        quoted,
    }
}

/// The paths in a list; `reason = "…"` is none.
fn lints(code: &Source<'_>, list: Range<usize>) -> Vec<String> {
    let mut found = vec![String::new()];
    for at in list {
        match (code.at(at), code.kind(at)) {
            (",", _) => found.push(String::new()),
            (text, Some(Kind::Word | Kind::Mark | Kind::Text)) => {
                if let Some(last) = found.last_mut() {
                    last.push_str(text);
                }
            }
            _ => {}
        }
    }
    found.retain(|path| !path.is_empty() && !path.contains('='));
    found
}

/// `@SuppressWarnings("unchecked")` of Java, `@Suppress("…")` of Kotlin.
fn annotations(code: &Source<'_>) -> Vec<Suppression> {
    let marker = |word: &str| match word {
        "SuppressWarnings" => Some("@SuppressWarnings"),
        "SuppressLint" => Some("@SuppressLint"),
        "Suppress" => Some("@Suppress"),
        _ => None,
    };
    let mut found = Vec::new();
    for at in 1..code.tokens.len() {
        let Some(marker) = marker(code.at(at)).filter(|_| code.at(at - 1) == "@") else {
            continue;
        };
        let list = at + 1..closing(code, at + 1);
        let texts = list
            .filter(|at| code.kind(*at) == Some(Kind::Text))
            .take(64);
        found.extend(texts.map(|text| {
            let rule = code.at(text).trim_matches('"').to_owned();
            Suppression {
                quoted: format!("{marker}({})", code.at(text)),
                key: Key {
                    marker,
                    file_wide: false,
                    code: rule,
                },
                line: code.line(at),
            }
        }));
    }
    found
}
