//! Lists of literals: a list that is given where another list was asked for.
//!
//! Two short words are anybody's, and so is a list of them. That a comparison with one list leads to another is
//! hardly ever written for anything but a case that is known.

use super::super::source::{Kind, Source};
use super::branches::{Branch, equals_before};
use super::literals::{Value, value};

/// Tokens behind a comparison among which its result has to begin.
const REACH: usize = 12;
/// Most elements of a list that is read.
const ELEMENTS: usize = 64;

/// The result of every comparison with a list that leads to a list.
pub(super) fn branches(code: &Source<'_>) -> Vec<Branch> {
    let compared = (0..code.tokens.len()).filter(|at| equals_before(code, *at));
    compared.filter_map(|at| branch(code, at)).collect()
}

fn branch(code: &Source<'_>, compared: usize) -> Option<Branch> {
    let (_, end) = list(code, open(code, compared))?;
    let start = (end..end + REACH).find(|at| is_given(code, *at))?;
    let (result, _) = list(code, open(code, start))?;
    Some(Branch {
        key: None,
        result: Some(result),
        line: code.line(start),
        is_new: false,
    })
}

/// The lists of a source with the token at which each begins.
pub(super) fn all(code: &Source<'_>) -> impl Iterator<Item = (usize, Value)> {
    (0..code.tokens.len()).filter_map(|at| list(code, at).map(|(value, _)| (at, value)))
}

/// Where the bracket stands when a list begins here: behind `&`, `vec!`.
fn open(code: &Source<'_>, start: usize) -> usize {
    let reference = start + usize::from(code.at(start) == "&");
    match (code.at(reference), code.at(reference + 1)) {
        ("vec", "!") => reference + 2,
        _ => reference,
    }
}

fn is_given(code: &Source<'_>, at: usize) -> bool {
    matches!(code.at(at - 1), "return" | "=" | "{" | ":" | "?" | ">")
        && list(code, open(code, at)).is_some()
}

/// The list that this bracket opens, and the token behind it. It holds two literals or more and nothing else.
fn list(code: &Source<'_>, open: usize) -> Option<(Value, usize)> {
    let close = match code.at(open) {
        "[" => "]",
        "(" if code.kind(open.checked_sub(1)?) != Some(Kind::Word)
            || code.at(open - 1) == "return" =>
        {
            ")"
        }
        _ => return None,
    };
    let mut elements = Vec::new();
    let mut at = open + 1;
    while code.at(at) != close {
        elements.push(value(code, at).filter(|_| elements.len() < ELEMENTS)?);
        at = owned(code, at + 1);
        match code.at(at) {
            "," => at += 1,
            other if other == close => {}
            _ => return None,
        }
    }
    (elements.len() > 1).then(|| (Value::list(&elements), at + 1))
}

/// Behind `.to_string()` and its like.
fn owned(code: &Source<'_>, at: usize) -> usize {
    match [code.at(at), code.at(at + 2), code.at(at + 3)] {
        [".", "(", ")"] => at + 4,
        _ => at,
    }
}
