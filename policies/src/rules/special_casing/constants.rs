//! Comparisons and conversions that say the same whatever they are asked.

use super::super::source::{Kind, Language, Source};
use super::ProductFile;

/// Methods that compare, by language.
fn comparisons(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &[
            "__eq__",
            "__ne__",
            "__lt__",
            "__le__",
            "__gt__",
            "__ge__",
            "__contains__",
            "__hash__",
        ],
        Language::Rust => &["eq", "ne", "lt", "le", "gt", "ge"],
        Language::JavaScript => &["valueOf", "toJSON", "equals", "toPrimitive"],
        Language::Go => &["Equal", "Equals"],
        _ => &[],
    }
}

/// The lines of a file on which such a method begins.
pub(super) fn of(file: &ProductFile<'_>) -> Vec<(u32, String)> {
    let code = &file.code;
    let names = comparisons(file.language);
    let mut found = Vec::new();
    for at in 1..code.tokens.len() {
        let name = code.at(at);
        if code.kind(at) != Some(Kind::Word) || !names.contains(&name) {
            continue;
        }
        let body = match file.language {
            Language::Python => python_body(code, at),
            _ => braces_body(file.language, code, at),
        };
        let Some(value) = body.filter(|value| is_constant(code, *value)) else {
            continue;
        };
        if file.text.is_added(code.line(at)) || file.text.is_added(code.line(value)) {
            found.push((
                code.line(at),
                format!("`{name}` always gives {}", super::quoted(code.at(value))),
            ));
        }
    }
    found
}

fn is_constant(code: &Source<'_>, at: usize) -> bool {
    let word = matches!(code.at(at), "True" | "False" | "true" | "false");
    word || matches!(code.kind(at), Some(Kind::Number | Kind::Text))
}

/// The token behind the bracket that closes the one at `open`.
fn behind(code: &Source<'_>, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in open..(open + 64).min(code.tokens.len()) {
        match code.at(at) {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// `def __eq__(…):` and nothing but documentation and `return VALUE`, or `__eq__ = lambda …: VALUE`.
fn python_body(code: &Source<'_>, name: usize) -> Option<usize> {
    let lambda = code.at(name + 1) == "=" && code.at(name + 2) == "lambda";
    let start = match (code.at(name.checked_sub(1)?), lambda) {
        ("def", _) => behind(code, name + 1)?,
        (_, true) => name + 3,
        _ => return None,
    };
    let colon = (start..start + 24).find(|at| code.at(*at) == ":")?;
    if lambda {
        let value = colon + 1;
        return (code.line(value + 1) != code.line(value)).then_some(value);
    }
    let documented = code.kind(colon + 1) == Some(Kind::Text);
    let value = colon + 2 + usize::from(documented);
    (code.at(value - 1) == "return" && code.line(value + 1) != code.line(value)).then_some(value)
}

/// `fn eq(…) -> bool { VALUE }`, `valueOf() { return VALUE; }`
fn braces_body(language: Language, code: &Source<'_>, name: usize) -> Option<usize> {
    let before = code.at(name.checked_sub(1)?);
    let declared = match language {
        Language::Rust => before == "fn",
        Language::Go => before == ")",
        _ => before != "." || code.at(name) == "toPrimitive",
    };
    let list = (name + 1..name + 4)
        .find(|at| code.at(*at) == "(")
        .filter(|_| declared)?;
    let end = behind(code, list)?;
    let open = (end..end + 8).find(|at| code.at(*at) == "{")?;
    let value = open + 1 + usize::from(code.at(open + 1) == "return");
    let close = value + 1 + usize::from(code.at(value + 1) == ";");
    (code.at(close) == "}").then_some(value)
}
