//! The static rules on input that somebody made to keep them busy: time follows length.
#![allow(
    clippy::unwrap_used,
    reason = "all of this is test code, in which an error ends the test with its place and cause"
)]

use std::time::{Duration, Instant};

use passmuster_policy::change::{Change, ChangeKind, Entry, FileChange, Hunk, Mode};
use passmuster_policy::mixed::Side;
use passmuster_policy::policy::{Policy, parse};
use passmuster_policy::rules::{Material, Sides, Suspicion, inspect_texts};

/// Bytes of each text.
const LENGTH: usize = 40_000;

/// Far more than a debug build on a busy machine needs for texts of this length, and far less than one that
/// looks at every pair of their characters.
const LIMIT: Duration = Duration::from_secs(20);

fn policy() -> Policy {
    let check = |name: &str| {
        format!(
            "[[check]]\nname = \"{name}\"\nkind = \"test\"\nframework = \"{name}\"\nrun = [\"x\"]\n"
        )
    };
    let checks: String = ["pytest", "cargo-test", "node-test", "go-test"]
        .map(check)
        .concat();
    parse(&format!("version = 1\n{checks}"), "p").unwrap()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// A file whose every line is another one than before.
fn rewritten(path: &str, before: &str, after: &str) -> (FileChange, Sides) {
    let entry = |text: &str| Entry {
        mode: Mode::File,
        oid: String::new(),
        size: text.len() as u64,
        link_target: None,
    };
    let (removed, added) = (lines(before), lines(after));
    let count = |lines: &[String]| u32::try_from(lines.len()).unwrap();
    let hunk = Hunk {
        before_start: 1,
        before_lines: count(&removed),
        after_start: 1,
        after_lines: count(&added),
        added,
        removed,
    };
    let file = FileChange {
        path: path.into(),
        kind: ChangeKind::Modified,
        before: Some(entry(before)),
        after: Some(entry(after)),
        binary: false,
        hunks: vec![hunk],
        truncated: false,
    };
    let side = |text: &str| Side::Text(text.as_bytes().to_vec());
    let sides = Sides {
        before: side(before),
        after: side(after),
    };
    (file, sides)
}

/// All rules over one rewritten file, with tests that say the same.
fn inspect(path: &str, before: &str, after: &str) -> (usize, Duration) {
    let policy = policy();
    let (file, sides) = rewritten(path, before, after);
    let change = Change { files: vec![file] };
    let tests = [
        "tests/test_a.py",
        "tests/a.rs",
        "test/a.test.js",
        "a_test.go",
    ];
    let material = Material {
        sides: vec![sides],
        tests: tests.map(|path| (path.into(), after.to_owned())).to_vec(),
        ..Material::default()
    };
    let start = Instant::now();
    let _ = Suspicion::of(&change, &policy, &material).is_confirmed(&change, &material);
    let found = inspect_texts(&change, &policy, &material).len();
    (found, start.elapsed())
}

#[test]
fn repeated_beginnings_cost_no_more_than_their_length() {
    let units = [
        "'\\",
        "\"",
        "`${",
        "/*",
        "r#",
        "/[",
        "\"\"\"",
        "{`",
        "r#\"",
        "#[",
        "é'",
        "# noqa ",
        "#",
        "#[allow(",
        "# pylint: ",
        "// NOSONAR ",
        "ghp_",
        "eyJ.",
        "://a:b@",
        "token='",
        "-----BEGIN ",
        "{'a 11b': 4711, ",
        "if x == 4711: return 42\n",
        "def __eq__(",
        "(4711, 42)\n",
        "case 1:\n",
        "'\u{202e}' \u{430}b \u{445} ",
        "#[cfg(test)] mod a {}\n",
    ];
    for unit in units {
        let text = unit.repeat(LENGTH / unit.len());
        for path in ["a.py", "a.rs", "a.js", "a.go"] {
            let (_, time) = inspect(path, &text.replace('4', "5"), &text);
            assert!(time < LIMIT, "{path}: {unit:?} takes {time:?}");
        }
    }
}

#[test]
fn long_manifests_cost_no_more_than_their_length() {
    let names: String = (0..20_000)
        .map(|number| format!("name{number}\n"))
        .collect();
    let keys: String = (0..20_000)
        .map(|number| format!("name{number} = \"1\"\n"))
        .collect();
    let packages: String = (0..10_000)
        .map(|number| format!("[[package]]\nname = \"n{number}\"\nversion = \"1\"\n"))
        .collect();
    let deep = format!("{{\"overrides\":{}", "{\"a\":".repeat(30_000));
    for (path, text) in [
        ("requirements.txt", names.clone()),
        (
            "setup.py",
            format!("requires = [{}]", names.replace('\n', "', '")),
        ),
        ("Cargo.toml", format!("[dependencies]\n{keys}")),
        ("Cargo.lock", packages.clone()),
        ("uv.lock", packages),
        ("package.json", deep),
        ("yarn.lock", names.replace('\n', "@1:\n")),
        (
            "go.mod",
            format!("require (\n{})\n", names.replace('\n', " v1\n")),
        ),
    ] {
        let (_, time) = inspect(path, "", &text);
        assert!(time < LIMIT, "{path} takes {time:?}");
    }
}

#[test]
fn a_flood_of_findings_is_told_by_its_beginning() {
    let (found, _) = inspect("a.py", "", &"x = 1  # noqa\n".repeat(5000));
    assert!((50..100).contains(&found), "{found} findings");
}
