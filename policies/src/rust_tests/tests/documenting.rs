//! Which examples in documentation are run, by which names, and which ones a change edits.

use super::super::*;

/// `item#ordinal: text` of each example, lines joined.
fn found(source: &str) -> Vec<String> {
    let shown = |one: Doctest| {
        let text = one.text.trim_end().replace('\n', "|");
        format!("{}#{}: {text}", one.item, one.ordinal)
    };
    doctests(source).unwrap().into_iter().map(shown).collect()
}

#[test]
fn examples_are_found_where_rustdoc_finds_them() {
    for (source, expected) in [
        ("/// ```\n/// a();\n/// ```\nfn f() {}", vec!["f#1: |a();"]),
        (
            "/// ```\r\n/// a();\r\n/// ```\r\nfn f() {}",
            vec!["f#1: |a();"],
        ),
        (
            "//! ```rust,no_run\n//! a();\n//! ```\n",
            vec!["#1: rust,no_run|a();"],
        ),
        (
            "/** Text.\n * ```should_panic\n * a();\n * ```\n */\nfn f() {}",
            vec!["f#1: should_panic|a();"],
        ),
        ("#[doc = \"```\\nx\\n```\"] fn f() {}", vec!["f#1: |x"]),
        (
            "#[doc = \"```\"]\n#[doc = r\"x\"]\n/// ```\nfn f() {}",
            vec!["f#1: |x"],
        ),
        // Not run.
        ("/// ```text\n/// a\n/// ```\nfn f() {}", vec![]),
        ("/// ```ignore\n/// a\n/// ```\nfn f() {}", vec![]),
        ("/// ```ignore-windows\n/// a\n/// ```\nfn f() {}", vec![]),
        (
            "/// ```sh\n/// ```\n/// ~~~\n/// a\n/// ~~~\nfn f() {}",
            vec!["f#1: |a"],
        ),
        ("// ```\n// a\n// ```\nfn f() {}", vec![]),
        // Flags.
        (
            "/// ```compile_fail,E0277\n/// a\n/// ```\nfn f() {}",
            vec!["f#1: compile_fail,E0277|a"],
        ),
        (
            "/// ```edition2024\n/// a\n/// ```\nfn f() {}",
            vec!["f#1: edition2024|a"],
        ),
        // Fences.
        ("/// ````\n/// ```\n/// ````\nfn f() {}", vec!["f#1: |```"]),
        (
            "/// ```\n/// never closed\nfn f() {}",
            vec!["f#1: |never closed"],
        ),
        (
            "/// * list\n///   ```\n///   a\n///     b\n///   ```\nfn f() {}",
            vec!["f#1: |a|  b"],
        ),
        ("/// ```inline``` is no fence\nfn f() {}", vec![]),
        // Indented code.
        (
            "/// Text.\n///\n///     a();\n///\n///     b();\n///\n/// More.\nfn f() {}",
            vec!["f#1: |a();||b();"],
        ),
        (
            "/// Text\n///     goes on.\n///\n/// - list\n///\n///     goes on.\nfn f() {}",
            vec![],
        ),
        // Names.
        (
            "mod a { //! ```\n//! m\n//! ```\n impl<T: B<C>> D<T> { /// ```\n/// i\n/// ```\npub fn e() {} } impl X for Y where Z: W { /// ```\n/// t\n/// ```\nconst C: u8 = 1; } }",
            vec!["a#1: |m", "a::D<T>::e#1: |i", "a::Y::C#1: |t"],
        ),
        (
            "enum E { /// ```\n/// v\n/// ```\n#[a] V { /// ```\n/// f\n/// ```\npub(crate) f: u8 } }",
            vec!["E::V#1: |v", "E::f#1: |f"],
        ),
        (
            "fn f() { /// ```\n/// n\n/// ```\nfn g() {} }",
            vec!["f::g#1: |n"],
        ),
        (
            "macro_rules! m { () => { /// ```\n/// n\n/// ```\nfn g() {} } }",
            vec!["m::g#1: |n"],
        ),
        // More than one.
        (
            "/// ```\n/// a\n/// ```\n/// Text.\n/// ```\n/// b\n/// ```\nfn f() {}",
            vec!["f#1: |a", "f#2: |b"],
        ),
    ] {
        assert_eq!(found(source), expected, "{source}");
    }
}

#[test]
fn an_example_is_changed_when_it_is_another_or_gone() {
    let base = "/// ```\n/// a\n/// ```\n/// ```\n/// b\n/// ```\nfn f() {}\n/// ```\n/// c\n/// ```\nfn g() {}";
    for (from, to, expected) in [
        ("a", "a", ""),
        ("fn f() {}", "fn f() { 1 }", ""),
        ("/// ```\n/// a", "/// More text.\n///\n/// ```\n/// a", ""),
        (
            "/// ```\n/// a",
            "/// ```\n/// new\n/// ```\n/// ```\n/// a",
            "",
        ),
        ("/// a", "/// a + 1", "f#1"),
        ("/// b", "///  b\n///   c", "f#2"),
        ("/// ```\n/// c", "/// ```ignore\n/// c", "g#1"),
        ("/// ```\n/// c", "/// ```should_panic\n/// c", "g#1"),
        ("fn g() {}", "fn h() {}", "g#1"),
        ("/// c", "", "g#1"),
    ] {
        let changed = changed_doctests(base, &base.replacen(from, to, 1)).unwrap();
        let changed: Vec<String> = changed
            .iter()
            .map(|one| format!("{}#{}", one.item, one.ordinal))
            .collect();
        assert_eq!(changed.join(", "), expected, "{from} -> {to}");
    }
}
