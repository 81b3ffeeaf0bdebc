//! Changes of which no test can notice anything, and changes of which one might.

use std::collections::BTreeSet;

use super::super::tests_unchanged;

const BASE: &str = "
use std::fmt;
pub fn add(a: u8) -> u8 { a + 1 }
#[cfg(test)]
mod tests {
    use super::*;
    const ONE: u8 = 1;
    fn helper() -> u8 { ONE }
    /// Adds.
    #[test]
    fn adds() { assert_eq!(add(1), helper() + 1); }
    mod inner {
        #[test]
        fn deep() {}
    }
}
";

/// The base with some text replaced.
fn changed(from: &str, to: &str) -> String {
    assert!(BASE.contains(from), "{from}");
    BASE.replace(from, to)
}

#[track_caller]
fn assert_unchanged(base: &str, candidate: &str, expected: bool) {
    let found = tests_unchanged(base, candidate, &BTreeSet::new());
    assert_eq!(found, Ok(expected), "{base}\n---\n{candidate}");
}

#[test]
fn tests_are_unchanged_where_only_product_white_space_order_or_documentation_is_another() {
    for (from, to) in [
        ("a + 1", "a.wrapping_add(1)"),
        ("use std::fmt;", "use std::fmt::{self, Debug};"),
        ("/// Adds.", "/// Adds one.\n    /// Really.\n    // Or so."),
        (
            "    fn helper() -> u8 { ONE }\n",
            "    fn helper() -> u8\n    {\n        ONE\n    }\n\n",
        ),
        (
            "    use super::*;\n    const ONE: u8 = 1;\n",
            "    const ONE: u8 = 1;\n    use super::*;\n",
        ),
        ("pub fn add(a: u8) -> u8 { a + 1 }\n", ""),
    ] {
        assert_unchanged(BASE, &changed(from, to), true);
    }
    assert_unchanged(BASE, &BASE.replace('\n', "\r\n"), true);
    assert_unchanged(BASE, BASE, true);
    assert_unchanged("", "fn a() {}", true);
}

#[test]
fn tests_are_unchanged_where_only_tests_are_added_that_nothing_mentions() {
    let more = |item: &str| changed("    mod inner {", &format!("    {item}\n    mod inner {{"));
    for item in [
        "#[test] fn subtracts() { assert!(true) }",
        "/// Why.\n#[tokio::test] #[should_panic(expected = \"x\")] async fn waits() {}",
        "#[test] #[ignore] #[cfg(unix)] #[allow(unused)] fn other() -> Result<(), E> { Ok(()) }",
        "mod more { use super::*; fn own() {} struct S; const C: u8 = 1; #[test] fn t() { own() } mod x { #[test] fn u() {} } }",
    ] {
        assert_unchanged(BASE, &more(item), true);
        assert_unchanged(BASE, &format!("{BASE}\n#[cfg(test)] {item}"), true);
    }
    assert_unchanged(
        "fn a() {}",
        "fn a() {}\n#[cfg(test)] mod tests { use super::*; #[test] fn t() { a() } }",
        true,
    );
}

#[test]
fn tests_are_not_unchanged_where_an_addition_could_change_what_another_test_means() {
    let more = |item: &str| changed("    mod inner {", &format!("    {item}\n    mod inner {{"));
    for item in [
        "use other::add;",
        "fn assist() {}",
        "const TWO: u8 = 2;",
        "macro_rules! assert_eq { ($($x:tt)*) => {} }",
        "impl A { fn b() {} }",
        "struct Fake;",
        "include!(\"x.rs\");",
        "mod more;",
        // Takes the place of what the glob import brings.
        "#[test] fn add() {}",
        "#[test] fn assert_eq() {}",
        "mod helper { }",
        // Reaches out of the function or the module.
        "#[test] fn t() { impl PartialEq for A { } }",
        "#[test] fn t() { #[macro_export] macro_rules! m { () => {} } }",
        "#[test] #[unsafe(no_mangle)] extern \"C\" fn getenv() {}",
        "#[test] #[custom::attribute] fn t() {}",
        "mod more { impl A { } }",
        "#[macro_use] mod more { macro_rules! m { () => {} } }",
        "mod more { proptest! { } }",
    ] {
        assert_unchanged(BASE, &more(item), false);
    }
    for item in [
        "use a::b;",
        "fn c() {}",
        "impl D { fn e() {} }",
        "mod tests;",
    ] {
        assert_unchanged(
            "fn f() {}",
            &format!("fn f() {{}} #[cfg(test)] {item}"),
            false,
        );
    }
    // Mentioned by the candidate's own product, a macro of it perhaps.
    let candidate = "macro_rules! m { () => { t() } } #[test] fn t() {}";
    assert_unchanged("", candidate, false);
}

#[test]
fn tests_are_not_unchanged_where_an_item_of_a_span_is_gone_elsewhere_or_another() {
    for (from, to) in [
        ("helper() + 1", "helper() + 2"),
        ("use super::*;", "use super::{add};"),
        ("const ONE: u8 = 1;", "const ONE: u8 = 2;"),
        ("#[test]\n    fn adds", "#[test] #[ignore]\n    fn adds"),
        ("#[test]\n        fn deep() {}\n", ""),
        (
            "#[cfg(test)]\nmod",
            "#[cfg(all(test, feature = \"never\"))]\nmod",
        ),
        ("#[cfg(test)]\nmod", "#[cfg(test)]\n#[path = \"x.rs\"]\nmod"),
        ("mod inner {", "mod inner { #![cfg(any())]"),
        ("mod inner", "mod outer"),
        ("mod tests", "mod test"),
        (
            "    mod inner {\n        #[test]\n        fn deep() {}\n    }\n",
            "    #[test] fn deep() {}\n",
        ),
    ] {
        assert_unchanged(BASE, &changed(from, to), false);
    }
    assert_unchanged(BASE, "", false);
    for (base, candidate) in [
        ("mod a { #[test] fn t() {} }", "mod b { #[test] fn t() {} }"),
        ("#[cfg(test)] mod tests;", ""),
        ("#[cfg(test)] mod tests;", "#[cfg(test)] mod tests {}"),
        ("#[cfg(test)] mod tests;", "mod tests;"),
        ("#![cfg(test)] fn a() {}", "fn a() {}"),
        (
            "impl A { #[cfg(test)] fn b() { 1 } }",
            "impl A { #[cfg(test)] fn b() { 2 } }",
        ),
        (
            "#[cfg(all(test, unix))] mod t { fn a() {} } #[cfg(all(test, windows))] mod t { fn b() {} }",
            "#[cfg(all(test, unix))] mod t { fn b() {} } #[cfg(all(test, windows))] mod t { fn a() {} }",
        ),
        // Which definition a test uses is a question of order.
        (
            "#[cfg(test)] macro_rules! m { () => {} } #[test] fn t() { m!() } #[cfg(test)] macro_rules! m { () => { 1 } }",
            "#[cfg(test)] macro_rules! m { () => { 1 } } #[test] fn t() { m!() } #[cfg(test)] macro_rules! m { () => {} }",
        ),
        // The macro makes no tests any more.
        (
            "macro_rules! m { () => { #[test] fn t() {} } } m!();",
            "macro_rules! m { () => { } } m!();",
        ),
    ] {
        assert_unchanged(base, candidate, false);
    }
}

#[test]
fn a_source_that_cannot_be_read_is_no_answer() {
    for (base, candidate) in [("fn a() {", ""), ("", "fn a() {"), ("x", "")] {
        assert!(tests_unchanged(base, candidate, &BTreeSet::new()).is_err());
    }
}
