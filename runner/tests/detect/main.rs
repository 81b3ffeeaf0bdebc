//! Detection: small listings go in, the expected checks and steps come out.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic like the test itself"
)]

use std::collections::BTreeSet;

use passmuster::detect::{Detected, Listing, detect, policy_text};

mod listings;

use listings::CASES;

/// Files as `path: content`; a path alone is an empty file.
type Tree = &'static [(&'static str, &'static str)];

fn look(tree: Tree, programs: &[&str]) -> Detected {
    let paths: Vec<String> = tree.iter().map(|(path, _)| (*path).to_owned()).collect();
    let read = |path: &str| {
        let found = tree.iter().find(|(have, _)| *have == path);
        found.map(|(_, text)| (*text).to_owned())
    };
    detect(&Listing::new(&paths, &read), &|program| {
        programs.contains(&program)
    })
}

/// `step: command` and `check [framework]: command (in DIR) (optional) (off)`, one a line.
fn summary(found: &Detected) -> Vec<String> {
    let steps = found.steps.iter().map(|step| {
        let warm = if step.warm { " (warm)" } else { "" };
        let place = match step.cwd.as_str() {
            "" => String::new(),
            dir => format!(" (in {dir})"),
        };
        format!("step {}: {}{place}{warm}", step.name, step.run.join(" "))
    });
    let checks = found.checks.iter().map(|check| {
        let kind = match (check.framework, check.lint) {
            (Some(framework), _) => framework,
            (None, Some(_)) => "lint",
            (None, None) => "command",
        };
        let mut line = format!("{} [{kind}]: {}", check.name, check.run.join(" "));
        if !check.cwd.is_empty() {
            line.push_str(&format!(" (in {})", check.cwd));
        }
        for (is, word) in [
            (check.optional, " (optional)"),
            (check.off.is_some(), " (off)"),
        ] {
            line.push_str(if is { word } else { "" });
        }
        line
    });
    steps.chain(checks).collect()
}

#[test]
fn each_listing_gives_its_checks_and_steps() {
    for (name, tree, programs, expected) in CASES {
        assert_eq!(summary(&look(tree, programs)), *expected, "{name}");
    }
}

#[test]
fn each_check_and_step_says_why_and_has_its_own_name() {
    for (name, tree, programs, _) in CASES {
        let found = look(tree, programs);
        let checks: BTreeSet<_> = found.checks.iter().map(|check| &check.name).collect();
        let steps: BTreeSet<_> = found.steps.iter().map(|step| &step.name).collect();
        assert_eq!(
            (checks.len(), steps.len()),
            (found.checks.len(), found.steps.len()),
            "{name}"
        );
        assert!(
            found.checks.iter().all(|check| !check.why.is_empty()),
            "{name}"
        );
        assert!(
            found.steps.iter().all(|step| !step.why.is_empty()),
            "{name}"
        );
    }
}

#[test]
fn each_policy_text_parses_and_holds_what_was_detected() {
    for (name, tree, programs, _) in CASES {
        let found = look(tree, programs);
        let text = policy_text(&found);
        let parsed = passmuster_policy::policy::parse(&text, name);
        assert!(parsed.is_ok(), "{name}: {}\n{text}", parsed.unwrap_err());
        let policy: toml::Table = text
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        assert_eq!(policy["version"].as_integer(), Some(1), "{name}");
        let names = |key: &str| -> Vec<String> {
            let tables = policy.get(key).and_then(toml::Value::as_array);
            let name = |table: &toml::Value| table["name"].as_str().unwrap().to_owned();
            tables.into_iter().flatten().map(name).collect()
        };
        let active = found.checks.iter().filter(|check| check.off.is_none());
        assert_eq!(
            names("check"),
            active.map(|check| check.name.clone()).collect::<Vec<_>>(),
            "{name}"
        );
        let steps = found.steps.iter().map(|step| step.name.clone());
        assert_eq!(names("prepare"), steps.collect::<Vec<_>>(), "{name}");
        assert!(
            text.lines()
                .all(|line| !line.starts_with('#') || line.len() < 120),
            "{name}\n{text}"
        );
    }
}

#[test]
fn a_commented_check_becomes_valid_when_its_marks_are_removed() {
    let found = look(&[("go.mod", "module a")], &[]);
    let text = policy_text(&found);
    assert!(
        found.is_empty() && text.contains("# Off: go is not installed."),
        "{text}"
    );
    let from = text.find("# [[check]]").unwrap();
    let block: Vec<&str> = text[from..]
        .lines()
        .take_while(|line| !line.is_empty())
        .collect();
    let block = block
        .iter()
        .filter_map(|line| line.strip_prefix("# "))
        .take(5);
    let policy: toml::Table = block.collect::<Vec<_>>().join("\n").parse().unwrap();
    assert_eq!(policy["check"][0]["run"][0].as_str(), Some("go"));
}

#[test]
fn text_of_the_tree_cannot_leave_a_comment() {
    let found = look(
        &[(
            "package.json",
            "{\"scripts\": {\"test\": \"node --test a\\n[[check]]\\nname = 'x'\\u001b[31m\"}}",
        )],
        &[],
    );
    let text = policy_text(&found);
    let policy: toml::Table = text.parse().unwrap();
    assert_eq!(policy["check"].as_array().unwrap().len(), 1, "{text}");
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
}

#[test]
fn a_src_layout_without_an_installing_step_gets_a_python_path() {
    let tree: Tree = &[
        ("setup.py", ""),
        ("src/a.py", ""),
        ("tests/test_a.py", "import pytest"),
    ];
    let found = look(tree, &[]);
    let path = ("PYTHONPATH".to_owned(), "/sandbox/tree/src".to_owned());
    assert_eq!(found.checks[0].env, [path]);
}

#[test]
fn each_of_several_projects_waits_for_its_own_steps_only() {
    let tree: Tree = &[
        ("Cargo.toml", ""),
        ("setup.py", ""),
        ("test_a.py", "import pytest"),
        (
            "package.json",
            r#"{"scripts": {"test": "node --test"}, "dependencies": {"a": "1"}}"#,
        ),
        ("package-lock.json", ""),
    ];
    let found = look(tree, &[]);
    let needs = found
        .checks
        .iter()
        .map(|check| (check.name.as_str(), check.needs.clone()));
    let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    let expected: [(&str, Option<Vec<String>>); 3] = [
        ("cargo-test", list(&["cargo-test-build"])),
        ("pytest", list(&[])),
        ("node-test", list(&["node-packages"])),
    ];
    assert_eq!(needs.collect::<Vec<_>>(), expected);
    assert!(policy_text(&found).contains(r#"toolchains = ["rust", "python", "node", "cc"]"#));
}

#[test]
fn a_directory_with_a_strange_name_stays_a_string() {
    let found = look(&[("a\u{1b}[31m\n[[check]]/Cargo.toml", "")], &[]);
    let text = policy_text(&found);
    let policy: toml::Table = text.parse().unwrap();
    assert_eq!(policy["check"].as_array().unwrap().len(), 1, "{text}");
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
}

#[test]
fn sources_are_inputs_of_an_install_only_where_it_reads_them() {
    const FIXED: Tree = &[
        (
            "pyproject.toml",
            "[project]\nversion = \"1\"\n[build-system]",
        ),
        ("uv.lock", ""),
        ("src/a.py", ""),
        ("test_a.py", "import pytest"),
    ];
    const DYNAMIC: Tree = &[
        (
            "pyproject.toml",
            "[project]\ndynamic = [\"version\"]\n[build-system]",
        ),
        ("uv.lock", ""),
        ("src/a.py", ""),
        ("test_a.py", "import pytest"),
    ];
    for (tree, read) in [(FIXED, false), (DYNAMIC, true)] {
        let found = look(tree, &["uv"]);
        let inputs = |index: usize| &found.steps[index].inputs;
        assert!(!inputs(0).contains(&"src/**".to_owned()));
        assert_eq!(inputs(1).contains(&"src/**".to_owned()), read);
    }
}

#[test]
fn nothing_found_says_what_was_looked_for() {
    let text = policy_text(&look(&[("README.md", "")], &[]));
    for word in ["Cargo.toml", "package.json", "go.mod", "[[check]]"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn what_ci_runs_is_shown() {
    let tree: Tree = &[
        ("Cargo.toml", ""),
        (
            ".github/workflows/test.yml",
            "python: [3.11]\njobs:\n  run: |\n    cargo test --locked\n    echo done\n    npm install\n",
        ),
    ];
    let notes = look(tree, &[]).notes;
    assert_eq!(
        notes,
        [
            "The repository's CI runs, among others:",
            "  cargo test --locked"
        ]
    );
}

/// Among the locked packages can be another version of uv, which reads another cache.
#[test]
fn a_step_that_calls_uv_does_not_see_the_programs_of_the_packages_before_it() {
    const PROJECT: &str = "[project]\nname = \"a\"\n[build-system]\nrequires = []\n[dependency-groups]\ntests = [\"pytest\"]";
    const TREE: Tree = &[
        ("pyproject.toml", PROJECT),
        ("uv.lock", ""),
        ("test_a.py", "import pytest"),
    ];
    let found = look(TREE, &["uv"]);
    let paths: Vec<(&str, usize)> = found
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.path.len()))
        .collect();
    assert_eq!(paths, [("packages", 0), ("project", 1)]);
    let hint = "Offline: run `uv sync --group tests` in the repository once if packages are missing there.";
    assert!(found.steps[0].why.contains(&hint.to_owned()));
}

#[test]
fn a_step_says_which_hosts_its_lock_file_names() {
    const TREE: Tree = &[
        ("pyproject.toml", "[project]\nname = \"a\""),
        (
            "uv.lock",
            "source = { registry = \"https://packages.example.org/simple\" }\n",
        ),
        ("test_a.py", "import pytest"),
    ];
    let text = policy_text(&look(TREE, &["uv"]));
    assert!(text.contains("[\"packages.example.org:443\"]"), "{text}");
    assert!(passmuster_policy::policy::parse(&text, "test").is_ok());
}

#[test]
fn a_crate_with_dependencies_is_told_how_a_step_could_fetch_them() {
    const LOCK: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let said = |tree: Tree| {
        let text = policy_text(&look(tree, &[]));
        let comments = text.lines().filter_map(|line| line.strip_prefix("# "));
        comments.collect::<Vec<_>>().join(" ")
    };
    let with = said(&[
        ("a/Cargo.toml", "[workspace]"),
        ("a/Cargo.lock", LOCK),
        ("a/src/lib.rs", ""),
    ]);
    let step = "run = [\"cargo\", \"fetch\", \"--locked\"], inputs = [\"a/Cargo.toml\", \"a/Cargo.lock\", \"a/**/Cargo.toml\"]";
    assert!(with.contains(step), "{with}");
    assert!(with.contains("\"index.crates.io:443\""), "{with}");
    let without = said(&[("Cargo.toml", "[package]"), ("Cargo.lock", "version = 4")]);
    assert!(!without.contains("network ="), "{without}");
}
