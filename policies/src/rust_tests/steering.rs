//! What in product code decides what tests see: code that is another one where tests are built, macros by
//! the names with which tests assert, sources that go by other names.

use std::collections::BTreeSet;
use std::ops::Range;

use super::attributes::{Meta, expanded, meta, parts};
use super::literals::string_value;
use super::spans::Source;
use super::tokens::{ParseError, Tokens};

/// Macros of the standard library by which tests judge.
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
/// Macros and attributes of the standard library that stand in and around assertions. Other names for
/// them, as well: `use alloc::{vec, format}` is nothing to ask about.
const BESIDE: [&str; 18] = [
    "matches",
    "vec",
    "format",
    "unreachable",
    "unimplemented",
    "todo",
    "concat",
    "stringify",
    "env",
    "option_env",
    "include",
    "include_str",
    "include_bytes",
    "dbg",
    "cfg",
    "cfg_select",
    "test",
    "bench",
];
/// Macros that ask how they are built, or read sources.
const ASKING: [&str; 4] = ["cfg", "cfg_select", "cfg_match", "include"];
/// Attributes that change nothing that a test could find out about the product.
const HARMLESS: [&str; 9] = [
    "allow", "warn", "deny", "forbid", "expect", "doc", "no_std", "inline", "must_use",
];
/// The trait that a type may have in tests alone: it prints. Any other has methods that are called in the place of
/// those of what the type dereferences to (`clone`, `eq`, `hash`), and a macro of its own may make anything.
const PRINTING: &str = "Debug";
/// Tokens between `#[proc_macro]` and the name of its function, other attributes included, as people write them.
const PROC_MACRO_HEAD: usize = 40;

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
    if tokens.is(at, "!") {
        return hands_on_cfg(tokens, at).then_some(at..at + 2);
    }
    let word = tokens.word(at)?;
    if tokens.is(at + 1, "as")
        && ASKING.contains(&word)
        && is_one_of(tokens, at.saturating_sub(1), &[":", "{", ","])
    {
        return Some(at..at + 3);
    }
    match word {
        "include" => any_group(tokens, at + 2)
            .filter(|inner| tokens.is(at + 1, "!") && !is_source(tokens, inner.clone())),
        "macro_rules" if tokens.is(at + 1, "!") => {
            names_known(tokens, at + 2).then_some(at..at + 3)
        }
        "macro" => names_known(tokens, at + 1).then_some(at..at + 2),
        _ if ASKING.contains(&word) => asks(tokens, at),
        _ => imported(tokens, at, word),
    }
}

/// The condition of a `cfg` that asks for tests, as a macro or as an attribute within something else.
fn asks(tokens: &Tokens<'_>, at: usize) -> Option<Range<usize>> {
    let call = tokens.is(at + 1, "!");
    let attribute = at >= 2 && tokens.is(at - 1, "[") && is_one_of(tokens, at - 2, &["#", "!"]);
    let inner = match call {
        true => any_group(tokens, at + 2),
        false if attribute => None,
        false => tokens.group(at + 1, "("),
    };
    inner.filter(|inner| asks_for_test(tokens, inner.clone()))
}

/// Whether `cfg` and `test` are given to a macro, which may put them together.
fn hands_on_cfg(tokens: &Tokens<'_>, at: usize) -> bool {
    let Some(inner) = any_group(tokens, at + 1) else {
        return false;
    };
    let alone = |at: usize| is_one_of(tokens, at + 1, &[",", ";", ")", "]", "}"]);
    let given = |name: &str| {
        let mut inner = inner.clone();
        inner.any(|at| tokens.word(at) == Some(name) && alone(at))
    };
    given("cfg") && given("test")
}

/// Whether a macro that is defined here takes a name of the standard library's, or one that is made up.
fn names_known(tokens: &Tokens<'_>, at: usize) -> bool {
    let known = |name| ASSERTIONS.contains(&name) || BESIDE.contains(&name);
    tokens.is(at, "$") || tokens.word(at).is_some_and(known)
}

/// Imported under such a name; where it is called, an exclamation mark follows.
fn imported(tokens: &Tokens<'_>, at: usize, word: &str) -> Option<Range<usize>> {
    let before = at.checked_sub(1)?;
    let renamed = tokens.is(before, "as") && is_one_of(tokens, at + 1, &[",", "}", ";"]);
    // A module is called so as well.
    let judges = ASSERTIONS.contains(&word) && word != "panic";
    let named = judges
        && is_one_of(tokens, before, &[":", "{", ","])
        && is_one_of(tokens, at + 1, &[",", "}", ";"]);
    let known = judges || word == "panic" || BESIDE.contains(&word);
    (named || renamed && known).then_some(before..at + 1)
}

fn is_one_of(tokens: &Tokens<'_>, at: usize, texts: &[&str]) -> bool {
    texts.iter().any(|text| tokens.is(at, text))
}

fn any_group(tokens: &Tokens<'_>, at: usize) -> Option<Range<usize>> {
    ["(", "[", "{"]
        .iter()
        .find_map(|bracket| tokens.group(at, bracket))
}

/// Whether this is one literal that names a source by its usual name: what that says is looked at as well.
fn is_source(tokens: &Tokens<'_>, inner: Range<usize>) -> bool {
    inner.len() == 1 && string_value(tokens.text(inner.start)).is_some_and(|path| is_rust(&path))
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs") && !path.starts_with('/')
}

fn attribute_steers(tokens: &Tokens<'_>, attribute: Range<usize>) -> bool {
    let metas = expanded(tokens, attribute.clone());
    let elsewhere = |value: &Option<String>| !value.as_deref().is_some_and(is_rust);
    if metas
        .iter()
        .any(|meta| meta.plain && meta.name == "path" && elsewhere(&meta.value))
    {
        return true;
    }
    let Some(own) = meta(tokens, attribute.clone()).filter(|meta| meta.plain) else {
        return false;
    };
    match (own.name, own.arguments) {
        ("test_runner" | "reexport_test_harness_main", _) => true,
        ("proc_macro" | "proc_macro_attribute", None) => makes_known(tokens, attribute.end),
        ("cfg", Some(inner)) => asks_for_test(tokens, inner),
        ("cfg_attr", Some(inner)) => {
            let condition = parts(tokens, inner).into_iter().next();
            condition.is_some_and(|condition| asks_for_test(tokens, condition))
                && !metas.iter().all(|meta| is_harmless(tokens, meta))
        }
        _ => false,
    }
}

/// Whether an attribute is nothing to a test of the product.
fn is_harmless(tokens: &Tokens<'_>, added: &Meta<'_>) -> bool {
    let prints = |part: Range<usize>| {
        meta(tokens, part).is_some_and(|one| one.plain && one.name == PRINTING)
    };
    match (added.name, added.arguments.clone()) {
        ("derive", Some(traits)) => added.plain && parts(tokens, traits).into_iter().all(prints),
        (name, _) => HARMLESS.contains(&name),
    }
}

/// Whether the function behind this place, a procedural macro, is called as one of the standard library's.
fn makes_known(tokens: &Tokens<'_>, from: usize) -> bool {
    let mut head = from..from + PROC_MACRO_HEAD;
    let function = head.find(|at| tokens.is(*at, "fn"));
    function.is_some_and(|at| names_known(tokens, at + 1))
}

/// Whether `test` is asked for, or what a macro's caller says.
fn asks_for_test(tokens: &Tokens<'_>, mut predicate: Range<usize>) -> bool {
    predicate.any(|at| {
        let value = tokens.is(at + 1, "=") && !tokens.is(at + 2, ">");
        let asked = tokens.word(at) == Some("test") && !value && !tokens.is(at + 1, "(");
        // `feature = $name` asks for a feature.
        let open = tokens.is(at, "$") && !tokens.is(at.saturating_sub(1), "=");
        asked || open
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
            ("#[path = \"/b.rs\"] mod a;", &["# [path =\"/b.rs\"]"]),
            ("#[path = $p] mod a;", &["# [path =$p]"]),
            ("include!(\"b.inc\");", &["\"b.inc\""]),
            ("include![\"b.inc\"];", &["\"b.inc\""]),
            ("include!{\"b.inc\"}", &["\"b.inc\""]),
            (
                "include!(concat!(\"b\", \".rs\"));",
                &["concat !(\"b\" ,\".rs\")"],
            ),
            ("use std::include as b;", &["include as b"]),
            ("use std::{fmt, cfg as c};", &["cfg as c"]),
            ("fn a() -> bool { cfg![test] }", &["test"]),
            ("fn a() -> bool { cfg!{test} }", &["test"]),
            (
                "fn a() { cfg_select! { test => 1, _ => 2 } }",
                &["test => 1 ,_ => 2"],
            ),
            (
                "#[cfg_attr(all(), cfg(not(test)))] fn a() {}",
                &["not(test)"],
            ),
            ("macro_rules! m { ($t:ident) => { cfg!($t) } }", &["$t"]),
            (
                "macro_rules! m { ($t:ident) => { #[cfg(not($t))] fn a() {} } }",
                &["# [cfg(not($t))]"],
            ),
            ("m!(cfg(test), fn a() {});", &["test"]),
            ("m!(cfg, test, fn a() {});", &["!("]),
            (
                "macro_rules! m { ($n:ident) => { macro_rules! $n { () => {} } } }",
                &["macro_rules !$"],
            ),
            (
                "macro_rules! matches { () => { true } }",
                &["macro_rules !matches"],
            ),
            ("use a::b as vec;", &["as vec"]),
            (
                "#[proc_macro_attribute] #[doc(hidden)] pub fn test(a: T, b: T) -> T { b }",
                &["# [proc_macro_attribute]"],
            ),
            ("#![test_runner(mine)]", &["# ![test_runner(mine)]"]),
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
            (
                "#[cfg_attr(test, derive(Clone))] struct A;",
                &["# [cfg_attr(test ,derive(Clone))]"],
            ),
            (
                "#[cfg_attr(test, derive(Debug, PartialEq))] struct A;",
                &["# [cfg_attr(test ,derive(Debug ,PartialEq))]"],
            ),
            (
                "#[cfg_attr(any(test, unix), derive(Default), allow(dead_code))] struct A;",
                &["# [cfg_attr(any(test ,unix),derive(Default),allow(dead_code))]"],
            ),
            (
                "#[cfg_attr(test, cfg_attr(unix, derive(Hash)))] struct A;",
                &["# [cfg_attr(test ,cfg_attr(unix ,derive(Hash)))]"],
            ),
            (
                "#[cfg_attr(test, derive(mine::Debug))] struct A;",
                &["# [cfg_attr(test ,derive(mine::Debug))]"],
            ),
            (
                "#[cfg_attr(test, derive(Debug), allow(dead_code))] struct A;",
                &[],
            ),
            (
                "#[cfg_attr(unix, derive(Clone))] #[derive(Hash)] struct A;",
                &[],
            ),
            (
                "#[cfg(feature = \"test\")] fn a() { assert_eq!(1, 1); std::assert!(true); }",
                &[],
            ),
            ("#[test] fn a() { if cfg!(test) {} }", &[]),
            ("#[cfg_attr(test, derive(Debug))] struct A;", &[]),
            ("fn a() { panic!(); std::panic::catch_unwind(b); }", &[]),
            ("macro_rules! mine { () => {} }", &[]),
            (
                "#[path = \"unix/b.rs\"] mod a; include!(\"table.rs\");",
                &[],
            ),
            ("use alloc::{format, vec}; use std::env;", &[]),
            (
                "fn a(cfg: &Config) { println!(\"{}\", cfg.test); b(cfg); }",
                &[],
            ),
            (
                "macro_rules! m { ($(#[$m:meta])* $f:literal) => { $(#[$m])* #[cfg(feature = $f)] fn a() {} } }",
                &[],
            ),
            (
                "#[proc_macro_derive(Mine)] pub fn mine(a: T) -> T { a }",
                &[],
            ),
            ("#[proc_macro] pub fn sql(a: T) -> T { test(a) }", &[]),
        ] {
            let found = steering(source).unwrap();
            let plain = |text: &str| text.replace(' ', "");
            let found: Vec<String> = found.iter().map(|one| plain(one)).collect();
            let expected: Vec<String> = expected.iter().map(|one| plain(one)).collect();
            assert_eq!(found, expected, "{source}");
        }
    }
}
