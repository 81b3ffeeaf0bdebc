//! Splices, case by case: product, tests, and what must come of them.

use super::super::*;

fn spliced(product: &str, tests: &str) -> String {
    match splice(product, tests, &SpliceOptions::default()) {
        Ok(spliced) => spliced.text,
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn a_splice_has_the_products_code_and_the_tests_tests() {
    for (what, product, tests, expected) in [
        (
            "replaced",
            "fn a() { 2 }\n#[test]\nfn t() { weak }\nfn b() {}\n",
            "fn a() { 1 }\n\n#[test]\nfn t() { strict }\n",
            "fn a() { 2 }\n#[test]\nfn t() { strict }\nfn b() {}\n",
        ),
        (
            "a module as a whole",
            "fn a() { 2 }\n\n#[cfg(test)]\nmod tests {\n    // mine\n    #[test]\n    fn t() {}\n}\n// end",
            "#[cfg(test)]\nmod tests {\n    // yours\n}\n",
            "fn a() { 2 }\n\n#[cfg(test)]\nmod tests {\n    // yours\n}\n// end",
        ),
        (
            "comments around a span are the product's, its documentation is the test's",
            "// before\n/// Mine.\n#[test] fn t() {} // after\n",
            "// other\n/// Yours.\n/// And more.\n#[test] fn t() { 1 } // another\n",
            "// before\n/// Yours.\n/// And more.\n#[test] fn t() { 1 } // after\n",
        ),
        (
            "removed",
            "fn a() {}\n#[test] fn t() {}\nfn b() {}\n",
            "fn a() {}\n",
            "fn a() {}\n\nfn b() {}\n",
        ),
        (
            "added at the end of the file",
            "fn a() {}\n",
            "#[test]\nfn t() {}\n",
            "fn a() {}\n\n#[test]\nfn t() {}\n",
        ),
        (
            "added after a last line without an end",
            "fn a() {} // end",
            "#[test] fn t() {}",
            "fn a() {} // end\n\n#[test] fn t() {}\n",
        ),
        (
            "added to nothing",
            "",
            "#[test] fn t() {}",
            "\n#[test] fn t() {}\n",
        ),
        (
            "added to an inner module",
            "mod a {\n    fn b() {}\n}\n",
            "mod a {\n    #[cfg(test)]\n    mod tests {}\n    fn b() {}\n}\n",
            "mod a {\n    fn b() {}\n\n    #[cfg(test)]\n    mod tests {}\n}\n",
        ),
        (
            "added to a module on one line",
            "mod a { fn b() {} /* c */ }",
            "mod a { #[test] fn t() {} }",
            "mod a { fn b() {} /* c */ \n\n#[test] fn t() {}\n}",
        ),
        (
            "added to an impl",
            "impl A {\n    fn b() {}\n}\nimpl A {}\n",
            "impl A {\n    #[cfg(test)] fn new() {}\n}\n",
            "impl A {\n    fn b() {}\n\n    #[cfg(test)] fn new() {}\n}\nimpl A {}\n",
        ),
        (
            "added between its neighbours, because macros count from where they stand",
            "#[test] fn t() {}\nfn a() {}\n#[test] fn v() {}\n",
            "#[cfg(test)] macro_rules! m { () => {} }\n#[test] fn t() {}\n#[test] fn u() {}\n#[test] fn v() {}\n",
            "#[cfg(test)] macro_rules! m { () => {} }\n\n#[test] fn t() {}\n\n#[test] fn u() {}\nfn a() {}\n#[test] fn v() {}\n",
        ),
        (
            "in the order of the tests",
            "#[test] fn u() {}\nfn a() {}\n#[test] fn t() {}\n",
            "#[test] fn t() { 1 }\n#[test] fn u() { 2 }\n",
            "#[test] fn t() { 1 }\nfn a() {}\n#[test] fn u() { 2 }\n",
        ),
        (
            "two modules of one name",
            "#[cfg(all(test, unix))] mod tests {}\n#[cfg(all(test, windows))] mod tests {}\n",
            "#[cfg(all(test, unix))] mod tests { fn c() {} }\n#[cfg(all(test, windows))] mod tests { fn d() {} }\n",
            "#[cfg(all(test, unix))] mod tests { fn c() {} }\n#[cfg(all(test, windows))] mod tests { fn d() {} }\n",
        ),
        (
            "a declaration and a module in place",
            "#[cfg(test)]\nmod tests {\n}\n",
            "#[cfg(test)]\nmod tests;\n",
            "#[cfg(test)]\nmod tests;\n",
        ),
        (
            "line ends of Windows",
            "mod a {\r\n    fn b() {}\r\n}\r\n",
            "mod a {\r\n    #[test]\r\n    fn t() {}\r\n}\r\n",
            "mod a {\r\n    fn b() {}\r\n\r\n    #[test]\r\n    fn t() {}\r\n}\r\n",
        ),
        (
            "what stands before the first token",
            "\u{feff}#!/usr/bin/env x\nfn é() { \"→\" }\n#[test] fn t() {}",
            "#[test] fn t() { \"ü\" }",
            "\u{feff}#!/usr/bin/env x\nfn é() { \"→\" }\n#[test] fn t() { \"ü\" }",
        ),
        (
            "a macro that makes tests, and its calls",
            "macro_rules! t { ($n:ident) => {} }\nt!(a);\nfn b() {}\nt!(c);\n",
            "macro_rules! t { ($n:ident) => { #[test] fn $n() {} } }\nt!(a);\n",
            "macro_rules! t { ($n:ident) => { #[test] fn $n() {} } }\nt!(a);\nfn b() {}\n\n",
        ),
        (
            "a file of tests",
            "#![cfg(test)]\nfn a() {}\n",
            "#![cfg(test)]\nfn b() {}\n",
            "#![cfg(test)]\nfn b() {}\n",
        ),
        (
            "a file that was none of tests",
            "// own\n#![cfg(test)]\nfn a() {}\n",
            "fn a() {}\n#[test] fn t() {}\n",
            "// own\n\n\n#[test] fn t() {}\n",
        ),
        (
            "a file that is none of tests any more",
            "fn a() {}\n",
            "#![cfg(test)]\nfn b() {}\n",
            "#![cfg(test)]\nfn b() {}\n",
        ),
        (
            "an import for tests",
            "#[cfg(test)]\nuse a::{b, c};\nuse d;\n",
            "#[cfg(test)]\nuse a::b;\n",
            "\nuse d;\n\n#[cfg(test)]\nuse a::b;\n",
        ),
        (
            "product that does not parse",
            "fn a( {}",
            "",
            "error: line 1: not a token of Rust, or a bracket without its other half",
        ),
        (
            "tests that do not parse",
            "",
            "fn\n",
            "error: line 1: not an item of Rust",
        ),
    ] {
        assert_eq!(spliced(product, tests), expected, "{what}");
        if !expected.starts_with("error") {
            assert_eq!(spliced(product, product), product, "{what}: with itself");
            assert_eq!(spliced(expected, tests), expected, "{what}: again");
        }
    }
}

/// Keys as one text.
fn shown(keys: &[SpanKey]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    keys.join(", ")
}

#[test]
fn spans_that_differ_are_named_and_white_space_is_no_difference() {
    for (product, tests, expected) in [
        (
            "#[test] fn t() { 1 }",
            "#[test]\nfn t() {\n // one\n 1 }",
            "",
        ),
        (
            "/// Mine.\n#[test] fn t() {}",
            "#[doc = \"Yours.\"] #[test] fn t() {}",
            "",
        ),
        (
            "#[cfg(test)] mod a { /// Mine.\n #[test] fn t() {} }",
            "#[cfg(test)] mod a { #[test] fn t() {} }",
            "",
        ),
        (
            "#[test] fn t() { a >> b }",
            "#[test] fn t() { a > > b }",
            "t",
        ),
        (
            "#[test] fn t() { \"a b\" }",
            "#[test] fn t() { \"a  b\" }",
            "t",
        ),
        (
            "#[test] fn t() { \"a\r\nb\" }",
            "#[test] fn t() { \"a\nb\" }",
            "",
        ),
        ("#[test] #[ignore] fn t() {}", "#[test] fn t() {}", "t"),
        ("#[test] fn t() {}", "#[test] fn u() {}", "t, u"),
        ("fn a() {}", "fn b() {}", ""),
        (
            "mod a { #[test] fn t() { 1 } } #[test] fn t() {}",
            "mod a { #[test] fn t() { 2 } } #[test] fn t() {}",
            "a::t",
        ),
        (
            "#![cfg(test)] fn a() {}",
            "#![cfg(test)] fn b() {}",
            "the whole file",
        ),
        (
            "#![cfg(test)] fn a() {}",
            "#[test] fn t() {}",
            "the whole file, t",
        ),
    ] {
        let spliced = splice(product, tests, &SpliceOptions::default()).unwrap();
        assert_eq!(shown(&spliced.differing), expected, "{product} / {tests}");
    }
}

#[test]
fn a_span_without_its_module_is_reported() {
    let tests = "mod a { #[test] fn t() {} } impl B { #[cfg(test)] fn c() {} } #[test] fn u() {}";
    let spliced = splice("fn a() {}\n", tests, &SpliceOptions::default()).unwrap();
    assert_eq!(shown(&spliced.unplaced), "a::t, impl B::c");
    assert_eq!(spliced.text, "fn a() {}\n\n#[test] fn u() {}\n");
}

#[test]
fn a_line_of_the_splice_belongs_to_the_span_that_stands_there() {
    let product = "fn a() {}\n\n#[test]\nfn t() {}\nfn b() {}\n";
    let tests = "#[test]\nfn t() {\n    1\n}\n#[test]\nfn u() {\n}\n";
    let spliced = splice(product, tests, &SpliceOptions::default()).unwrap();
    let found: Vec<String> = (1..=spliced.text.lines().count())
        .map(|line| {
            spliced
                .at_line(line)
                .map_or("-".to_owned(), ToString::to_string)
        })
        .collect();
    assert_eq!(
        found,
        ["-", "-", "t", "t", "t", "t", "-", "u", "u", "u", "-"]
    );
}

#[test]
fn kept_spans_stay_as_the_product_has_them() {
    let product = "#[test] fn t() { 2 }\n#[test] fn own() {}\n#[test] fn v() { 2 }\n";
    let tests = "#[test] fn t() { 1 }\n#[test] fn u() {}\n#[test] fn v() { 1 }\n";
    let key = |name: &str| SpanKey {
        path: Vec::new().into(),
        kind: ItemKind::Function,
        name: name.to_owned(),
        ordinal: 1,
    };
    for (keep, expected) in [
        (
            vec![],
            "#[test] fn t() { 1 }\n\n#[test] fn u() {}\n\n#[test] fn v() { 1 }\n",
        ),
        (
            vec!["t", "u"],
            "#[test] fn t() { 2 }\n\n#[test] fn v() { 1 }\n",
        ),
        (
            vec!["own", "u", "v"],
            "#[test] fn t() { 1 }\n#[test] fn own() {}\n#[test] fn v() { 2 }\n",
        ),
    ] {
        let options = SpliceOptions {
            keep: keep.iter().map(|name| key(name)).collect(),
            ..SpliceOptions::default()
        };
        let spliced = splice(product, tests, &options).unwrap();
        assert_eq!(spliced.text, expected, "{keep:?}");
        assert_eq!(shown(&spliced.differing), "own, t, u, v", "{keep:?}");
        let whole = SpliceOptions {
            keep: spliced.differing.into_iter().collect(),
            ..SpliceOptions::default()
        };
        assert_eq!(splice(product, tests, &whole).unwrap().text, product);
    }
}
