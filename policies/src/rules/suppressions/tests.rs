//! Which suppressions are new, language by language.

use super::super::examples::{change, said};
use super::super::texts::changed;
use super::*;

/// The one door: the files of a change; gives `path:line quotation` lines.
fn found(files: &[(&str, Option<&str>, Option<&str>)]) -> Vec<String> {
    let (change, sides) = change(files);
    let findings = inspect(&changed(&change, &sides), FindingLevel::Review);
    let short = |said: String| {
        let (place, rest) = said.split_once(": `").unwrap_or_default();
        let quoted = rest
            .split_once("` silences")
            .map_or("", |(quoted, _)| quoted);
        format!("{place} {quoted}")
    };
    said(&findings).into_iter().map(short).collect()
}

fn added(path: &str, line: &str) -> Vec<String> {
    found(&[(path, Some("a\n"), Some(&format!("a\n{line}\n")))])
}

#[test]
fn comments_and_attributes_that_silence_a_tool_are_found() {
    for (path, line) in [
        ("a.py", "x = 1  # noqa"),
        ("a.py", "x = 1  #noqa:E501"),
        ("a.py", "x = 1  # NOQA : E501, W291"),
        ("a.py", "x = 1  # why  # noqa: E501"),
        ("a.py", "# ruff: noqa"),
        ("a.py", "# flake8: noqa: E501"),
        ("a.py", "x = f()  # type: ignore"),
        ("a.py", "x = f()  # type:ignore[attr-defined]"),
        ("a.py", "x = f()  # pyright: ignore[reportAny]"),
        ("a.py", "# pyright: reportMissingImports=false"),
        ("a.py", "# mypy: ignore-errors"),
        ("a.py", "# mypy: disable-error-code=\"x\""),
        ("a.py", "x = f()  # why; pylint: disable=no-member"),
        ("a.py", "if x:  # pragma: no cover"),
        ("a.py", "exec(x)  # nosec B102"),
        ("a.py", "exec(x)  # NOSONAR"),
        ("a.py", "exec(x)  # nosemgrep: rule.id"),
        ("a.py", "# fmt: off"),
        ("a.sh", "# shellcheck disable=SC2086"),
        ("a.rb", "x = 1 # rubocop:disable Style/X"),
        ("a.rs", "#[allow(dead_code)]"),
        ("a.rs", "#![allow(clippy::all)]"),
        ("a.rs", "#[expect(unused, reason = \"x\")]"),
        ("a.rs", "#[cfg_attr(not(test), allow(dead_code))]"),
        ("a.rs", "fn a() { #[allow(unused)] let x = 1; }"),
        ("a.rs", "#[rustfmt::skip]"),
        ("a.js", "/* eslint-disable */"),
        ("a.js", "f() // eslint-disable-line no-console -- why"),
        ("a.jsx", "{/* eslint-disable-next-line react/x */}"),
        ("a.ts", "// @ts-ignore"),
        ("a.ts", "// @ts-expect-error: why"),
        ("a.ts", "// @ts-nocheck"),
        ("a.ts", "// prettier-ignore"),
        ("a.ts", "// biome-ignore lint/x: why"),
        ("a.js", "/* istanbul ignore next */"),
        ("a.js", "/* c8 ignore start */"),
        ("a.js", "/* v8 ignore next 3 */"),
        ("a.go", "f() //nolint:errcheck // why"),
        ("a.go", "f() // #nosec G104"),
        ("a.go", "//lint:ignore SA1000 why"),
        ("a.cpp", "f(); // NOLINT(google-x)"),
        ("a.java", "@SuppressWarnings(\"unchecked\")"),
        ("a.java", "f(); // NOSONAR"),
    ] {
        let found = added(path, line);
        assert_eq!(found.len(), 1, "{path}: {line}: {found:?}");
        assert!(found[0].starts_with(&format!("{path}:2 ")), "{found:?}");
    }
}

#[test]
fn what_only_speaks_of_suppressions_is_none() {
    for (path, line) in [
        ("a.py", "x = '# noqa'"),
        ("a.py", "x = \"\"\" # type: ignore \"\"\""),
        ("a.py", "# we got rid of the noqa comments"),
        ("a.py", "# noqas are bad"),
        ("a.py", "# type: ignored by nobody"),
        ("a.py", "# type: int"),
        ("a.py", "noqa = 1"),
        ("a.py", "# eslint-disable"),
        ("a.rs", "/// #[allow(dead_code)]"),
        ("a.rs", "let x = \"#[allow(dead_code)]\";"),
        ("a.rs", "#[warn(dead_code)]"),
        ("a.rs", "#[cfg(feature = \"allow\")]"),
        ("a.rs", "fn allow(x: u8) {} // noqa"),
        ("a.rs", "#[derive(Debug)] struct A { allow: u8 }"),
        ("a.rs", "x.expect(\"y\")"),
        ("a.js", "const x = '// eslint-disable-line'"),
        (
            "a.js",
            "const x = `// @ts-ignore ${y} // eslint-disable-line`",
        ),
        ("a.js", "// about eslint-disable and what it does"),
        ("a.js", "// eslint-enable"),
        ("a.go", "x := `//nolint`"),
        ("a.java", "@Deprecated(\"unchecked\")"),
        ("README.md", "# noqa"),
    ] {
        let found = added(path, line);
        assert_eq!(found, Vec::<String>::new(), "{path}: {line}");
    }
}

#[test]
fn only_what_both_trees_together_have_more_of_is_new() {
    type Files<'a> = &'a [(&'a str, Option<&'a str>, Option<&'a str>)];
    let rows: &[(&str, Files<'_>, &[&str])] = &[
        (
            "nothing changed there",
            &[("a.py", Some("x # noqa\n"), Some("y\nx # noqa\n"))],
            &[],
        ),
        (
            "a line was edited",
            &[(
                "a.py",
                Some("x = 1 # noqa: E501\n"),
                Some("x = 2 # noqa: E501\n"),
            )],
            &[],
        ),
        (
            "a line moved to another file",
            &[
                ("a.py", Some("x # noqa\n"), Some("")),
                ("b.py", None, Some("y\nx # noqa\n")),
            ],
            &[],
        ),
        (
            "a comment became narrower",
            &[("a.py", Some("x # noqa\n"), Some("x # noqa: E501\n"))],
            &[],
        ),
        (
            "a file's became a line's",
            &[("a.py", Some("# mypy: ignore-errors\nx\n"), Some("x\n"))],
            &[],
        ),
        (
            "an attribute became a line's",
            &[(
                "a.rs",
                Some("#![allow(dead_code)]\nfn a() {}\n"),
                Some("#[allow(dead_code)]\nfn a() {}\n"),
            )],
            &["a.rs:1 #[allow(dead_code)]"],
        ),
        (
            "the order of codes changed",
            &[(
                "a.py",
                Some("x # noqa: A1,B2\n"),
                Some("x # noqa: B2, A1\n"),
            )],
            &[],
        ),
        (
            "a code was taken out",
            &[("a.py", Some("x # noqa: A1,B2\n"), Some("x # noqa: A1\n"))],
            &[],
        ),
        (
            "a code was added",
            &[("a.py", Some("x # noqa: A1\n"), Some("x # noqa: A1,B2\n"))],
            &["a.py:1 noqa: A1,B2"],
        ),
        (
            "it became wider",
            &[("a.py", Some("x # noqa: A1\n"), Some("x # noqa\n"))],
            &["a.py:1 noqa"],
        ),
        (
            "one was copied",
            &[("a.py", Some("x # noqa\n"), Some("x # noqa\ny\nz # noqa\n"))],
            &["a.py:3 noqa"],
        ),
        (
            "another tool's took its place",
            &[("a.py", Some("x # noqa\n"), Some("x # type: ignore\n"))],
            &["a.py:1 type: ignore"],
        ),
        (
            "a text became a comment",
            &[("a.py", Some("'''\n# noqa\n'''\n"), Some("# noqa\n"))],
            &["a.py:1 noqa"],
        ),
        ("a file went", &[("a.py", Some("x # noqa\n"), None)], &[]),
    ];
    for (what, files, expected) in rows {
        assert_eq!(found(files), *expected, "{what}");
    }
}

#[test]
fn a_renamed_file_brings_nothing_new() {
    let (mut change, sides) = change(&[("b.py", Some("x # noqa\ny\n"), Some("x # noqa\nz\n"))]);
    change.files[0].kind = crate::change::ChangeKind::Renamed("a.py".into());
    assert!(inspect(&changed(&change, &sides), FindingLevel::Review).is_empty());
}

#[test]
fn a_comment_cannot_drive_a_terminal_from_a_report() {
    let found = added("a.py", "x # noqa \u{1b}[2J\u{202e}y");
    assert!(!found[0].contains(['\u{1b}', '\u{202e}']), "{found:?}");
}
