//! What in product code decides what tests see: code that is another one where tests are built, macros by
//! the names with which tests assert, sources that go by other names.

use std::collections::BTreeSet;
use std::ops::Range;

use super::attributes::{expanded, meta, parts};
use super::spans::Source;
use super::tokens::{ParseError, Tokens};

/// Macros of the standard library that tests rely on.
const ASSERTIONS: [&str; 8] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "assert_matches",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "panic",
];
/// Attributes that change nothing that a test could find out about the product.
const HARMLESS: [&str; 10] = [
    "derive", "allow", "warn", "deny", "forbid", "expect", "doc", "no_std", "inline", "must_use",
];

/// All of it in a source, as text that does not depend on white space; test spans are left out.
///
/// # Errors
/// When the source cannot be taken apart.
pub fn steering(source: &str) -> Result<Vec<String>, ParseError> {
    let source = Source::read(source)?;
    let macros = source.test_macros(&BTreeSet::new());
    let scopes = source.scopes(&macros)?;
    let mut product = vec![true; source.tokens.len()];
    for span in scopes.values().flat_map(|scope| &scope.spans) {
        let inside = product.get_mut(span.item.tokens.clone());
        inside.unwrap_or_default().fill(false);
    }
    let places = product.iter().enumerate().filter(|(_, product)| **product);
    let found = places.filter_map(|(at, _)| at_token(&source.tokens, at));
    Ok(found.map(|range| source.tokens.normalised(range)).collect())
}

/// The tokens that begin here and steer.
fn at_token(tokens: &Tokens<'_>, at: usize) -> Option<Range<usize>> {
    if tokens.is(at, "#") {
        let open = at + 1 + usize::from(tokens.is(at + 1, "!"));
        let inner = tokens.group(open, "[")?;
        return attribute_steers(tokens, inner.clone()).then_some(at..inner.end + 1);
    }
    let word = tokens.word(at)?;
    let call = tokens.is(at + 1, "!");
    let group = || tokens.group(at + 2, "(").filter(|_| call);
    match word {
        "cfg" => group().filter(|inner| asks_for_test(tokens, inner.clone())),
        "include" => group(),
        "macro_rules" => {
            let named = tokens.word(at + 2).filter(|_| call);
            named
                .is_some_and(|name| ASSERTIONS.contains(&name))
                .then_some(at..at + 3)
        }
        // Imported under such a name; where it is called, an exclamation mark follows.
        // A module is called so as well.
        "panic" => None,
        _ if ASSERTIONS.contains(&word) => {
            let before = at.checked_sub(1)?;
            let among = |marks: &[&str], at| marks.iter().any(|mark| tokens.is(at, mark));
            let imported = among(&["as", ":", "{", ","], before) && among(&[",", "}", ";"], at + 1);
            imported.then_some(before..at + 1)
        }
        _ => None,
    }
}

fn attribute_steers(tokens: &Tokens<'_>, attribute: Range<usize>) -> bool {
    let metas = expanded(tokens, attribute.clone());
    if metas.iter().any(|meta| meta.plain && meta.name == "path") {
        return true;
    }
    let Some(own) = meta(tokens, attribute).filter(|meta| meta.plain) else {
        return false;
    };
    match (own.name, own.arguments) {
        ("cfg", Some(inner)) => asks_for_test(tokens, inner),
        ("cfg_attr", Some(inner)) => {
            let condition = parts(tokens, inner).into_iter().next();
            condition.is_some_and(|condition| asks_for_test(tokens, condition))
                && !metas.iter().all(|meta| HARMLESS.contains(&meta.name))
        }
        _ => false,
    }
}

/// Whether a predicate of `cfg` mentions `test` itself.
fn asks_for_test(tokens: &Tokens<'_>, mut predicate: Range<usize>) -> bool {
    predicate.any(|at| {
        let more = ["=", "("].iter().any(|next| tokens.is(at + 1, next));
        tokens.word(at) == Some("test") && !more
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_tests_is_found_outside_of_them_and_nothing_else_is() {
        for (source, expected) in [
            ("#[cfg(not(test))] fn a() {}", &["# [cfg(not(test))]"][..]),
            (
                "#[cfg(any(test, unix))] mod a;",
                &["# [cfg(any(test ,unix))]"],
            ),
            ("fn a() { #[cfg(test)] return 1; 2 }", &["# [cfg(test)]"]),
            ("fn a() -> bool { cfg!(test) }", &["test"]),
            (
                "#[cfg_attr(test, path = \"b.rs\")] mod a;",
                &["# [cfg_attr(test ,path =\"b.rs\")]"],
            ),
            ("#[path = \"b.inc\"] mod a;", &["# [path =\"b.inc\"]"]),
            ("include!(\"b.inc\");", &["\"b.inc\""]),
            (
                "macro_rules! assert_eq { () => {} }",
                &["macro_rules !assert_eq"],
            ),
            ("use a::b as assert_eq;", &["as assert_eq"]),
            ("use a::assert_eq;", &[":assert_eq"]),
            ("use a::{b, assert_eq}; use std::panic;", &[",assert_eq"]),
            (
                "#[cfg(test)] mod tests { use a::assert_eq; include!(\"x\"); }",
                &[],
            ),
            ("#[cfg_attr(test, derive(Debug))] struct A;", &[]),
            (
                "#[cfg(feature = \"test\")] fn a() { assert_eq!(1, 1); std::assert!(true); }",
                &[],
            ),
            ("#[test] fn a() { if cfg!(test) {} }", &[]),
            ("fn a() { panic!(); std::panic::catch_unwind(b); }", &[]),
            ("macro_rules! mine { () => {} }", &[]),
        ] {
            let found = steering(source).unwrap();
            let plain = |text: &str| text.replace(' ', "");
            let found: Vec<String> = found.iter().map(|one| plain(one)).collect();
            let expected: Vec<String> = expected.iter().map(|one| plain(one)).collect();
            assert_eq!(found, expected, "{source}");
        }
    }
}
