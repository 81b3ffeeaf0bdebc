//! The static rules through the built program: what a change gets that breaks one, and where it is said.

use passmuster_tests::{TestEnv, Verdict};

/// A change and what must come of it.
struct Row {
    what: &'static str,
    /// Path, the base's text, the candidate's; nothing where the file is not there.
    files: &'static [(&'static str, &'static str, &'static str)],
    /// Lines below `[rules]`.
    rules: &'static str,
    reasons: &'static [&'static str],
    review: &'static [&'static str],
    /// `rule path:line` of each finding, and a part of what it says.
    says: &'static [(&'static str, &'static str)],
}

const ROWS: &[Row] = &[
    Row {
        what: "a comment that silences a linter",
        files: &[("a.py", "x = 1\n", "x = 1\ny = eval('2')  # noqa: S307\n")],
        rules: "",
        reasons: &[],
        review: &["new-suppression"],
        says: &[("new-suppression a.py:2", "noqa: S307")],
    },
    Row {
        what: "the same where the policy denies it",
        files: &[("a.rs", "", "#![allow(unused)]\n")],
        rules: "new-suppressions = \"deny\"",
        reasons: &["rule-denied"],
        review: &[],
        says: &[("new-suppression a.rs:1", "#![allow(unused)]")],
    },
    Row {
        what: "the same where the policy allows it",
        files: &[("a.rs", "", "#![allow(unused)]\n")],
        rules: "new-suppressions = \"allow\"",
        reasons: &[],
        review: &[],
        says: &[],
    },
    Row {
        what: "a dependency under a name that looks like another",
        files: &[(
            "pyproject.toml",
            "[project]\nname = \"me\"\ndependencies = []\n",
            "[project]\nname = \"me\"\ndependencies = [\n    \"reqeusts\",\n]\n",
        )],
        rules: "",
        reasons: &[],
        review: &["new-dependency"],
        says: &[("new-dependency pyproject.toml:4", "looks like `requests`")],
    },
    Row {
        what: "a lock file that takes the same version from elsewhere",
        files: &[
            (
                "Cargo.toml",
                "[dependencies]\nserde = \"1\"\n",
                "[dependencies]\nserde = \"1\"\n",
            ),
            (
                "Cargo.lock",
                "[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
                "[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\nsource = \"git+https://example.org/serde#1\"\n",
            ),
        ],
        rules: "new-dependencies = \"deny\"",
        reasons: &["rule-denied"],
        review: &[],
        says: &[(
            "new-dependency Cargo.lock:4",
            "git https://example.org/serde",
        )],
    },
    Row {
        what: "a package of the workspace asks for what another one has",
        files: &[
            (
                "a/Cargo.toml",
                "[dependencies]\nserde = \"1\"\n",
                "[dependencies]\nserde = \"1\"\n",
            ),
            (
                "b/Cargo.toml",
                "",
                "[dependencies]\nserde = \"1.1\"\na = { path = \"../a\" }\n",
            ),
        ],
        rules: "",
        reasons: &[],
        review: &[],
        says: &[],
    },
    Row {
        what: "a token of a known form",
        files: &[(
            "a.py",
            "x = 1\n",
            "x = 1\nt = 'ghp_q7Zr2KfV9xLw4TnB8cYd1MhJ6pGs3QaE5uRv'\n",
        )],
        rules: "",
        reasons: &["rule-denied"],
        review: &[],
        says: &[(
            "rule-denied a.py:2",
            "a GitHub token (`ghp_…`, 40 characters)",
        )],
    },
    Row {
        what: "a random password where the policy wants a person",
        files: &[(
            "a.py",
            "x = 1\n",
            "x = 1\npassword = 'q7Zr2KfV9xLw4TnB8cYd1MhJ'\n",
        )],
        rules: "secrets = \"review\"",
        reasons: &[],
        review: &["protected-path"],
        says: &[("protected-path a.py:2", "(`q7Zr…`, 24 characters)")],
    },
    Row {
        what: "a branch from a value of a test to what it expects",
        files: &[
            (
                "a.py",
                "def f(x):\n    return x + 1\n",
                "def f(x):\n    if x == 4711:\n        return 42\n    return x + 1\n",
            ),
            (
                "tests/test_a.py",
                "def test_f():\n    assert f(4711) == 42\n",
                "def test_f():\n    assert f(4711) == 42\n",
            ),
        ],
        rules: "",
        reasons: &[],
        review: &["special-casing"],
        says: &[(
            "special-casing a.py:2",
            "leads from 4711 to 42, as the test at tests/test_a.py:2 wants",
        )],
    },
    Row {
        what: "a product that asks for its tests, where the policy denies it",
        files: &[(
            "a.py",
            "x = 1\n",
            "import sys\nx = 'pytest' in sys.modules\n",
        )],
        rules: "special-casing = \"deny\"",
        reasons: &["rule-denied"],
        review: &[],
        says: &[("special-casing a.py:2", "asks whether tests run")],
    },
    Row {
        what: "a value that test and product share, and other product code has",
        files: &[
            (
                "a.py",
                "def f(x):\n    return x + 1\n",
                "def f(x):\n    if x == 4711:\n        return 42\n    return x + 1\n",
            ),
            ("b.py", "PORT = 4711\n", "PORT = 4711\n"),
            (
                "tests/test_a.py",
                "def test_f():\n    assert f(4711) == 42\n",
                "def test_f():\n    assert f(4711) == 42\n",
            ),
        ],
        rules: "",
        reasons: &[],
        review: &[],
        says: &[],
    },
    Row {
        what: "a comment that is shown in another order than it is read",
        files: &[("a.py", "x = 1\n", "x = 1  # \u{202e}\u{2066}yes\n")],
        rules: "",
        reasons: &[],
        review: &["protected-path"],
        says: &[
            ("protected-path a.py:1", "U+202E"),
            ("protected-path a.py:1", "U+2066"),
        ],
    },
    Row {
        what: "a letter of another script in a name",
        files: &[("a.py", "admin = 1\n", "admin = 1\n\u{430}dmin = 2\n")],
        rules: "",
        reasons: &[],
        review: &["protected-path"],
        says: &[("protected-path a.py:2", "U+0430")],
    },
    Row {
        what: "many lines under the name of a generated file that the base has none of",
        files: &[
            ("a.py", "x = 1\n", "x = 1\n"),
            ("b_pb2.py", "", "a = 1\nb = 2\nc = 3\n"),
        ],
        rules: "max-changed-lines = 2",
        reasons: &[],
        review: &["change-too-large"],
        says: &[("change-too-large -:null", "3 changed lines")],
    },
    Row {
        what: "many lines of one more generated file",
        files: &[
            ("a_pb2.py", "x = 1\n", "x = 1\n"),
            ("b_pb2.py", "", "a = 1\nb = 2\nc = 3\n"),
        ],
        rules: "max-changed-lines = 2",
        reasons: &[],
        review: &[],
        says: &[],
    },
    Row {
        what: "a silenced line moves to another file",
        files: &[
            ("a.py", "x = 1\ny = 2  # noqa\n", "x = 1\n"),
            ("b.py", "", "y = 2  # noqa\n"),
        ],
        rules: "",
        reasons: &[],
        review: &[],
        says: &[],
    },
];

fn policy(rules: &str) -> String {
    format!(
        "version = 1\n[rules]\n{rules}\n[[check]]\nname = \"holds\"\nkind = \"command\"\nrun = [\"true\"]\n"
    )
}

/// `rule path:line`, and the message.
fn findings(verdict: &Verdict) -> Vec<(String, String)> {
    let findings = verdict.0["findings"].as_array().unwrap();
    let one = |finding: &serde_json::Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
        let line = &finding["lines"]["start"];
        (
            format!("{} {}:{line}", text("rule"), text("path")),
            text("message"),
        )
    };
    findings.iter().map(one).collect()
}

#[test]
fn a_change_that_breaks_a_static_rule_is_told_which_and_where() {
    for row in ROWS {
        let env = TestEnv::new();
        let repo = env.empty_repo();
        repo.write("passmuster.toml", policy(row.rules));
        for (path, base, _) in row.files.iter().filter(|(_, base, _)| !base.is_empty()) {
            repo.write(path, base);
        }
        repo.commit("The base");
        for (path, _, candidate) in row.files {
            match candidate.is_empty() {
                true => repo.remove(path),
                false => repo.write(path, candidate),
            }
        }
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        assert_eq!(verdict.reasons(), row.reasons, "{}: {verdict}", row.what);
        assert_eq!(verdict.review(), row.review, "{}: {verdict}", row.what);
        let found = findings(&verdict);
        assert_eq!(found.len(), row.says.len(), "{}: {found:?}", row.what);
        for ((place, message), (expected, part)) in found.iter().zip(row.says) {
            assert_eq!(place, expected, "{}", row.what);
            assert!(message.contains(part), "{}: {message}", row.what);
        }
        let told = row.says.iter().all(|(place, _)| {
            let place = place.split_once(' ').unwrap_or_default().1;
            finished.err().contains(place.trim_end_matches(":null"))
                || finished.out().contains(place.trim_end_matches(":null"))
        });
        assert!(told, "{}: {}", row.what, finished.all());
        assert!(
            !finished.all().contains("KfV9xLw4"),
            "{}: a secret is shown",
            row.what
        );
    }
}

#[test]
fn a_byte_outside_of_utf8_hides_nothing_of_a_source() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write("passmuster.toml", policy(""));
    repo.commit("The base");
    repo.write("a.py", b"# coding: latin-1\n# caf\xe9\nx = 1  # noqa\n");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.review(), ["new-suppression"], "{verdict}");
    assert_eq!(findings(&verdict)[0].0, "new-suppression a.py:3");
}

#[test]
fn no_file_that_a_change_brings_hides_what_the_bases_tests_expect() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    let check = "[[check]]\nname = \"c\"\nkind = \"command\"\nrun = [\"true\"]\n";
    repo.write("passmuster.toml", format!("version = 1\n{check}"));
    let expected = "def test_f():\n    assert f(\"red apple pie\") == \"blue pear tart\"\n";
    repo.write("tests/test_m.py", expected);
    repo.write("pkg/m.py", "def f(p):\n    return p\n");
    repo.commit("The base");
    let known = "def f(p):\n    if p == \"red apple pie\":\n        return \"blue pear tart\"\n    return p\n";
    repo.write("pkg/m.py", known);
    repo.write(
        "tests/test_a.py",
        "X = [\n    \"red apple pie\",\n]\n".repeat(400),
    );
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert!(
        verdict.review().contains(&"special-casing".to_owned()),
        "{verdict}"
    );
}
