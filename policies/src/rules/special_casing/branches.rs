//! Literals that decide: what a comparison, an arm or the key of a table leads to.

use std::collections::BTreeSet;

use super::super::source::{Kind, Language, Source};
use super::super::texts::ChangedText;
use super::literals::{Value, Weight, value};
use super::sequences;

/// Tokens behind a key among which its result has to stand.
const REACH: usize = 16;
/// Lines behind a key on which its result has to begin.
const LINES: u32 = 3;

/// A literal on which something depends, and the literal that comes of it.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) key: Option<Value>,
    pub(super) result: Option<Value>,
    pub(super) line: u32,
    /// Whether the change wrote it.
    pub(super) is_new: bool,
}

impl Branch {
    /// As part of a change; `known` are the values of the base's file.
    pub(super) fn new_in(self, text: &ChangedText<'_>, known: &BTreeSet<String>) -> Self {
        let mut literals = self.key.iter().chain(&self.result);
        let known = literals.any(|one| known.contains(&one.text) && one.weight() == Weight::Data);
        Self {
            is_new: text.is_added(self.line) && !known,
            ..self
        }
    }

    /// Whether it says something that a test has the same: data that decides, or data that comes of a word.
    pub(super) fn is_telling(&self) -> bool {
        let weight = |value: &Option<Value>| value.as_ref().map_or(Weight::Nothing, Value::weight);
        let computed = self.result.as_ref().is_some_and(Value::is_computed);
        match (weight(&self.key), weight(&self.result)) {
            (Weight::Data, _) => true,
            (Weight::Word, Weight::Word | Weight::Data) => true,
            (_, Weight::Data) => computed,
            _ => false,
        }
    }
}

/// All of a source, in order.
pub(super) fn of(language: Language, code: &Source<'_>) -> Vec<Branch> {
    let mut found = Vec::new();
    for at in 0..code.tokens.len() {
        if !matches!(code.kind(at), Some(Kind::Number | Kind::Text)) {
            continue;
        }
        let Some(literal) = value(code, at) else {
            continue;
        };
        let line = code.line(at);
        if decides(language, code, at) {
            found.push(Branch {
                result: result(language, code, at).and_then(|result| value(code, result)),
                key: Some(literal),
                line,
                is_new: false,
            });
        } else if returned(code, at) {
            found.push(Branch {
                key: None,
                result: Some(literal),
                line,
                is_new: false,
            });
        }
    }
    found.extend(sequences::branches(code));
    found.sort_by_key(|branch| branch.line);
    found
}

/// `==` or `===` that ends before this token.
pub(super) fn equals_before(code: &Source<'_>, at: usize) -> bool {
    at >= 2 && code.at(at - 1) == "=" && code.at(at - 2) == "=" && adjoin(code, at - 2)
}

fn equals_after(code: &Source<'_>, at: usize) -> bool {
    code.at(at + 1) == "=" && code.at(at + 2) == "=" && adjoin(code, at + 1)
}

fn adjoin(code: &Source<'_>, at: usize) -> bool {
    let end = |at: usize| code.tokens.get(at).map(|token| token.bytes.clone());
    matches!((end(at), end(at + 1)), (Some(first), Some(second)) if first.end == second.start)
}

fn decides(language: Language, code: &Source<'_>, literal: usize) -> bool {
    // A sign belongs to its number.
    let at = literal;
    let first = match literal.checked_sub(1) {
        Some(sign) if code.at(sign) == "-" => sign,
        _ => literal,
    };
    let before = first.checked_sub(1).map_or("", |before| code.at(before));
    let (next, second) = (code.at(at + 1), code.at(at + 2));
    let arrow = next == "=" && second == ">" && adjoin(code, at + 1);
    let key = next == ":"
        && second != ":"
        && language != Language::Rust
        && matches!(before, "{" | "," | "[");
    let entry = matches!(before, "(" | "[" | "{")
        && next == ","
        && is_literal(code, at + 2)
        && matches!(code.at(at + 3), ")" | "]" | "}");
    equals_before(code, first)
        || equals_after(code, at)
        || before == "case"
        || arrow && language != Language::JavaScript
        || key
        || entry
        || before == "|" && next == "|"
}

fn is_literal(code: &Source<'_>, at: usize) -> bool {
    matches!(code.kind(at), Some(Kind::Number | Kind::Text))
}

/// The literal that a key leads to: the first behind it that is given, not compared.
fn result(language: Language, code: &Source<'_>, key: usize) -> Option<usize> {
    let last = code.line(key).saturating_add(LINES);
    for at in key + 1..(key + REACH).min(code.tokens.len()) {
        if code.line(at) > last {
            return None;
        }
        if is_literal(code, at) {
            let compared =
                equals_before(code, at) || equals_after(code, at) || code.at(at - 1) == "case";
            if !compared {
                let other_key = at > key + 2 && decides(language, code, at);
                return (!other_key && is_given(code, at, key)).then_some(at);
            }
        }
    }
    None
}

/// Behind `return`, an arrow, a colon, a comma of an entry or an assignment, perhaps in the brackets of one call.
fn is_given(code: &Source<'_>, at: usize, key: usize) -> bool {
    let mut before = at - 1;
    if code.at(before) == "-" {
        before -= 1;
    }
    if code.at(before) == "(" && before > key + 1 {
        before -= 1;
        while before > key
            && (code.kind(before) == Some(Kind::Word) && code.at(before) != "return"
                || matches!(code.at(before), ":" | "." | "&"))
        {
            before -= 1;
        }
    }
    match code.at(before) {
        // The second of an entry; behind any other comma stands something else.
        "," => before == key + 1,
        given => matches!(given, "return" | ">" | ":" | "=" | "{" | "?" | "then"),
    }
}

/// `return LITERAL` and nothing behind it, or a block of Rust that is the literal.
fn returned(code: &Source<'_>, at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| code.at(before));
    let next = code.at(at + 1);
    let ends = matches!(next, ";" | "}" | "") || code.line(at + 1) > code.line(at);
    match before {
        "return" => ends,
        "{" => next == "}",
        _ => false,
    }
}
