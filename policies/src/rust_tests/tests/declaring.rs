//! Which files only tests lead to.

use std::collections::BTreeMap;

use super::super::*;
use crate::path::RepoPath;

/// Whether each of the named files is of tests alone, in a tree of files given as `path: text`.
fn reached(tree: &[(&str, &str)], path: &str) -> String {
    let tree: BTreeMap<RepoPath, &str> = tree
        .iter()
        .map(|(path, text)| (RepoPath::from(*path), *text))
        .collect();
    let read = |path: &RepoPath| tree.get(path).map(|text| (*text).to_owned());
    let path = RepoPath::from(path);
    let reach = ModuleFiles::walk(&crate_roots(&path), &read).reach(&path);
    assert_eq!(
        is_test_file(&path, &read),
        reach == Some(Reach::Tests),
        "{path}"
    );
    reach.map_or("unknown".to_owned(), |reach| format!("{reach:?}"))
}

#[test]
fn a_file_is_of_tests_when_only_modules_for_tests_lead_to_it() {
    for (tree, path, expected) in [
        (
            &[
                ("src/lib.rs", "#[cfg(test)] mod tests;"),
                ("src/tests.rs", ""),
            ][..],
            "src/tests.rs",
            "Tests",
        ),
        (
            &[
                ("src/lib.rs", "#[cfg(all(test, unix))] mod tests;"),
                ("src/tests/mod.rs", ""),
            ],
            "src/tests/mod.rs",
            "Tests",
        ),
        (
            &[("src/lib.rs", "mod tests;"), ("src/tests.rs", "")],
            "src/tests.rs",
            "Product",
        ),
        (
            &[("src/lib.rs", "mod a;"), ("src/tests.rs", "")],
            "src/tests.rs",
            "unknown",
        ),
        (
            &[("src/lib.rs", ""), ("src/a.rs", "")],
            "src/lib.rs",
            "Product",
        ),
        // Below such a module.
        (
            &[
                ("src/main.rs", "mod a;"),
                ("src/a.rs", "#[cfg(test)] mod tests;"),
                ("src/a/tests.rs", "mod deep;"),
                ("src/a/tests/deep.rs", ""),
            ],
            "src/a/tests/deep.rs",
            "Tests",
        ),
        (
            &[
                ("src/lib.rs", "mod a;"),
                ("src/a/mod.rs", "#[cfg(test)] mod tests;"),
                ("src/a/tests.rs", ""),
            ],
            "src/a/tests.rs",
            "Tests",
        ),
        // Inline modules.
        (
            &[
                ("src/lib.rs", "mod a { #[cfg(test)] mod tests; }"),
                ("src/a/tests.rs", ""),
            ],
            "src/a/tests.rs",
            "Tests",
        ),
        (
            &[
                ("src/lib.rs", "#[cfg(test)] mod tests { mod deep; }"),
                ("src/tests/deep.rs", ""),
            ],
            "src/tests/deep.rs",
            "Tests",
        ),
        (
            &[
                ("src/lib.rs", "mod a;"),
                ("src/a.rs", "mod b { #[cfg(test)] mod c; }"),
                ("src/a/b/c.rs", ""),
            ],
            "src/a/b/c.rs",
            "Tests",
        ),
        // Files by another name.
        (
            &[
                ("src/lib.rs", "mod a;"),
                (
                    "src/a.rs",
                    "#[cfg(test)] #[path = \"a_tests.rs\"] mod tests;",
                ),
                ("src/a_tests.rs", ""),
            ],
            "src/a_tests.rs",
            "Tests",
        ),
        (
            &[
                (
                    "src/lib.rs",
                    "#[cfg(test)] #[path = \"../testing/./x.rs\"] mod t;",
                ),
                ("testing/x.rs", "mod y;"),
                ("testing/y.rs", ""),
            ],
            "testing/y.rs",
            // No root of a crate by its usual name lies above it.
            "unknown",
        ),
        (
            &[
                ("src/lib.rs", "#[cfg(test)] #[path = \"t/x.rs\"] mod t;"),
                ("src/t/x.rs", "mod y;"),
                ("src/t/y.rs", ""),
            ],
            "src/t/y.rs",
            "Tests",
        ),
        (
            &[
                (
                    "src/lib.rs",
                    "#[path = \"other\"] mod a { #[cfg(test)] mod tests; }",
                ),
                ("src/other/tests.rs", ""),
            ],
            "src/other/tests.rs",
            "Tests",
        ),
        (
            &[
                ("src/lib.rs", "#[cfg_attr(unix, path = \"unix.rs\")] mod a;"),
                ("src/unix.rs", ""),
                ("src/a.rs", ""),
            ],
            "src/unix.rs",
            "Product",
        ),
        (
            &[
                (
                    "src/lib.rs",
                    "#[cfg(test)] #[path = \"/etc/x.rs\"] mod a; #[path = \"../../../x.rs\"] mod b;",
                ),
                ("x.rs", ""),
            ],
            "x.rs",
            "unknown",
        ),
        // Two ways.
        (
            &[
                (
                    "src/lib.rs",
                    "mod a; #[cfg(test)] #[path = \"a.rs\"] mod b;",
                ),
                ("src/a.rs", "mod c;"),
                ("src/a/c.rs", ""),
            ],
            "src/a/c.rs",
            "Product",
        ),
        (
            &[
                ("src/lib.rs", "#[cfg(test)] mod tests;"),
                ("src/main.rs", "mod tests;"),
                ("src/tests.rs", ""),
            ],
            "src/tests.rs",
            "Product",
        ),
        // A file that says so itself, and what it leads to.
        (
            &[
                ("src/lib.rs", "mod a;"),
                ("src/a.rs", "#![cfg(test)]\nmod b;"),
                ("src/a/b.rs", ""),
            ],
            "src/a/b.rs",
            "Tests",
        ),
        // Macros.
        (
            &[
                ("src/lib.rs", "cfg_if! { if #[cfg(unix)] { mod a; } }"),
                ("src/a.rs", ""),
            ],
            "src/a.rs",
            "Product",
        ),
        (
            &[
                (
                    "src/lib.rs",
                    "#[cfg(test)] mod tests { include!(\"cases.rs\"); }",
                ),
                ("src/cases.rs", ""),
            ],
            "src/cases.rs",
            "Tests",
        ),
        // Around in circles, and over what is no Rust.
        (
            &[
                ("src/lib.rs", "mod a; #[path = \"lib.rs\"] mod b;"),
                ("src/a.rs", "fn {"),
            ],
            "src/a.rs",
            "Product",
        ),
    ] {
        assert_eq!(reached(tree, path), expected, "{tree:?}");
    }
}

#[test]
fn a_declaration_that_leads_to_ever_more_files_comes_to_an_end() {
    let read = |_: &RepoPath| Some("#[cfg(test)] mod a; mod b;".to_owned());
    let files = ModuleFiles::walk(&["src/lib.rs".into()], &read);
    assert_eq!(files.reach(&"src/b.rs".into()), Some(Reach::Product));
    assert_eq!(
        files.reach(&"src/a.rs".into()),
        None,
        "it may be reached otherwise, too"
    );
}

#[test]
fn roots_are_looked_for_in_every_directory_above() {
    let found: Vec<String> = crate_roots(&"a/src/b/c.rs".into())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "a/src/b/lib.rs",
            "a/src/b/main.rs",
            "a/src/lib.rs",
            "a/src/main.rs",
            "a/lib.rs",
            "a/main.rs",
            "lib.rs",
            "main.rs"
        ]
    );
}

#[test]
fn declared_test_modules_are_listed_with_their_path() {
    let source = "#[cfg(test)] mod tests; mod a { #[cfg(test)] #[path = \"x.rs\"] mod b; } mod c; #[cfg(test)] mod d {}";
    let found = test_modules(source).unwrap();
    let found: Vec<String> = found
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one.path.join("::"),
                one.file.as_deref().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(found, ["tests -", "a::b x.rs"]);
}
