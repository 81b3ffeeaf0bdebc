//! What is a test span, and what becomes of one source's code with another one's tests.

mod declaring;
mod documenting;
mod splicing;
mod unchanging;

use std::collections::BTreeSet;

use super::*;

/// The keys of a source's spans as one text.
fn keys(source: &str) -> String {
    match test_spans(source, &BTreeSet::new()) {
        Ok(keys) => keys
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn test_spans_are_found_from_the_outside() {
    for (source, expected) in [
        // Attributes.
        ("fn a() {}", ""),
        ("#[test] fn a() {}", "a"),
        ("#[test]\n#[should_panic]\nfn a() {}", "a"),
        (
            "#[should_panic]\n/// Says why.\n#[test]\npub(crate) async fn a() {}",
            "a",
        ),
        ("#[tokio::test(flavor = \"x\")] async fn a() {}", "a"),
        ("#[test_log::test] fn a() {}", "a"),
        ("#[cfg_attr(not(miri), test)] fn a() {}", "a"),
        ("#[rstest] #[case(1)] fn a(#[case] x: u8) {}", "a"),
        ("#[test_case(1)] #[test_case(2)] fn a(x: u8) {}", "a"),
        ("#[wasm_bindgen_test] fn a() {}", "a"),
        ("#[quickcheck] fn a(x: u8) -> bool { true }", "a"),
        ("#[bench] fn a(b: &mut Bencher) {}", "a"),
        ("#[derive(Debug)] struct A;", ""),
        // Predicates.
        ("#[cfg(test)] mod tests { #[test] fn a() {} }", "tests"),
        ("#[cfg(all(test, feature = \"x\"))] mod tests {}", "tests"),
        ("#[cfg(any(test, feature = \"x\"))] mod tests {}", ""),
        ("#[cfg(not(test))] fn a() {}", ""),
        ("mod tests { #![cfg(test)] fn a() {} }", "tests"),
        ("#![cfg(test)]\nfn a() {}", "the whole file"),
        ("#![allow(unused)]\n#![cfg(test)]\n", "the whole file"),
        // Kinds.
        ("#[cfg(test)] use a::{b, c};", "use a :: { b , c }"),
        ("#[cfg(test)] extern crate a;", "use a"),
        ("#[cfg(test)] mod tests;", "tests"),
        (
            "#[cfg(test)] const A: u8 = 1; #[cfg(test)] static mut B: u8 = { 1 };",
            "A, B",
        ),
        (
            "#[cfg(test)] const fn a() {} #[cfg(test)] const unsafe  extern \"C\" fn b() {}",
            "a, b",
        ),
        (
            "#[cfg(test)] impl<T> A for B<T> where T: C<{ 1 }> { fn d() {} }",
            "impl < T > A for B < T > where T : C < { 1 } >",
        ),
        (
            "#[cfg(test)] struct A; #[cfg(test)] struct B(u8); #[cfg(test)] struct C {} #[cfg(test)] enum D {} #[cfg(test)] union E { a: u8 } #[cfg(test)] type F = u8;",
            "A, B, C, D, E, F",
        ),
        (
            "#[cfg(test)] trait A {} #[cfg(test)] unsafe auto trait B {}",
            "A, B",
        ),
        (
            "#[cfg(test)] extern \"C\" { fn a(); } #[cfg(test)] unsafe  extern { }",
            "extern, extern#2",
        ),
        (
            "#[cfg(test)] macro_rules! a { () => {} } #[cfg(test)] macro b($x:ident) { } #[cfg(test)] c::d!(e);",
            "a!, b!, c::d e!",
        ),
        (
            "#[cfg(test)] thread_local! { static A: u8 = 1 }",
            "thread_local static!",
        ),
        // Where.
        (
            "mod a { pub mod b { #[test] fn c() {} } #[cfg(test)] mod tests {} }",
            "a::tests, a::b::c",
        ),
        (
            "impl A { #[cfg(test)] fn new() -> Self { A } fn other() {} }",
            "impl A::new",
        ),
        (
            "impl A { #[cfg(test)] fn b() {} } impl A { #[cfg(test)] fn c() {} }",
            "impl A::b, impl A::c",
        ),
        (
            "trait A { #[cfg(test)] fn b(); #[cfg(test)] type C; }",
            "trait A::b, trait A::C",
        ),
        ("fn a() { #[cfg(test)] fn b() {} }", ""),
        (
            "#[cfg(unix)] mod a { #[test] fn b() {} } #[cfg(windows)] mod a { #[test] fn b() {} }",
            "a::b, a#2::b",
        ),
        (
            "#[cfg(all(test, unix))] mod tests {} #[cfg(all(test, windows))] mod tests {}",
            "tests, tests#2",
        ),
        // Macros.
        (
            "macro_rules! t { ($n:ident) => { #[test] fn $n() {} } } t!(a); t! { b } u!(c);",
            "t!, t a!, t b!",
        ),
        (
            "macro_rules! t { () => { #[$crate::test] fn a() {} } } macro_rules! u { () => { t!(); } } u![];",
            "t!, u!, u!",
        ),
        ("macro_rules! t { () => { fn a() {} } } t!();", ""),
        (
            "proptest! { #![config(x)] #[test] fn a(b in 0..1) {} }",
            "proptest!",
        ),
        (
            "quickcheck::quickcheck! { fn a(b: u8) -> bool { true } }",
            "quickcheck::quickcheck fn!",
        ),
        ("rusty_fork_test! { #[test] fn a() {} }", "rusty_fork_test!"),
        (
            "include!(\"tests.rs\"); #[cfg(test)] include!(\"tests.rs\");",
            "include!",
        ),
        // Syntax that must not mislead.
        ("fn a() -> B<{ 1 }> { 1 } #[test] fn c() {}", "c"),
        (
            "fn a<F: Fn(u8) -> B<u8>>(f: F) -> impl C<D = u8> where F: E {} #[test] fn g() {}",
            "g",
        ),
        (
            "const A: bool = 1 < 2; static B: [u8; { 1 }] = [1 >> 1]; #[test] fn c() {}",
            "c",
        ),
        ("struct A<const N: usize = { 1 }>; #[test] fn c() {}", "c"),
        (
            "fn a() { let s = \"#[test] fn b() {}\"; } // #[test] fn c() {}\n/* #[test] fn d() {} */",
            "",
        ),
        (
            "fn a() { r##\"}\"# #[test]\"## } #[test] fn b<'a>(c: &'a u8) { '}'; b'{'; '\\''; }",
            "b",
        ),
        ("#[test] fn r#fn() {}", "fn"),
        (
            "unsafe  extern \"C\" { safe fn a(); } #[unsafe(no_mangle)] pub extern \"C\" fn b() {} #[test] fn c() { let x = async || {}; if let Some(y) = z && y {} }",
            "c",
        ),
        (
            "pub(in crate::a) unsafe  impl const A for B {} default impl C {} #[test] fn gen() {}",
            "gen",
        ),
        ("\u{feff}#!/usr/bin/env run\n#[test] fn a() {}", "a"),
        ("#![allow(unused)] #[test] fn a() {}", "a"),
        (
            "#! /* not a path */ [cfg(test)] fn a() {}",
            "the whole file",
        ),
        ("", ""),
        ("// nothing\r\n", ""),
        // What is no Rust.
        (
            "fn a() {",
            "error: line 1: not a token of Rust, or a bracket without its other half",
        ),
        (
            "\nfn a() { \"",
            "error: line 2: not a token of Rust, or a bracket without its other half",
        ),
        (
            "fn a() )",
            "error: line 1: not a token of Rust, or a bracket without its other half",
        ),
        (
            "fn a() {}\nlet x = 1;",
            "error: line 2: not an item of Rust",
        ),
        ("fn a() {}\n#[test]", "error: line 2: not an item of Rust"),
        (
            "mod a { /// Of nothing.\n}",
            "error: line 2: not an item of Rust",
        ),
        ("fn a()\n", "error: line 1: not an item of Rust"),
        ("fn a<(b: u8) {}\n", "error: line 1: not an item of Rust"),
        ("mod a { b }", "error: line 1: not an item of Rust"),
        ("impl ;", "error: line 1: not an item of Rust"),
    ] {
        assert_eq!(keys(source), expected, "{source}");
    }
}

#[test]
fn macros_of_other_files_make_tests_where_they_are_known() {
    let macros = test_macros(
        "macro_rules! a { () => { #[test] fn b() {} } } macro_rules! c { () => { d! {} } }",
        &BTreeSet::from(["d".to_owned()]),
    )
    .unwrap();
    assert_eq!(
        macros.iter().map(String::as_str).collect::<Vec<_>>(),
        ["a", "c", "d", "proptest", "quickcheck"]
    );
    let found = test_spans("a!(); crate::c!(); e!();", &macros).unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["a!", "crate::c!"]);
}
