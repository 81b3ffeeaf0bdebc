//! Lint checks with real linters: what the change added counts, what it moved does not, and nothing that the
//! candidate writes decides what is looked for.

use passmuster_tests::{Repository, TestEnv, Verdict};

/// What is done to `lint-python` and what must come of it.
struct Row {
    what: &'static str,
    change: fn(&Repository<'_>),
    code: i32,
    reasons: &'static [&'static str],
    review: &'static [&'static str],
    /// `path:line rule` of each new finding.
    new: &'static [&'static str],
}

const PRICES: &str = "shop/prices.py";
const IS_FREE: &str =
    "def is_free(price):\n    if price == None:\n        return True\n    return price == 0\n";

fn file(repo: &Repository<'_>, path: &str) -> String {
    std::fs::read_to_string(repo.root().join(path)).unwrap()
}

const ROWS: &[Row] = &[
    Row {
        what: "a change without findings",
        change: |repo| repo.edit(PRICES, "sum(prices)", "sum(prices, 0)"),
        code: 0,
        reasons: &[],
        review: &[],
        new: &[],
    },
    Row {
        what: "a new finding",
        change: |repo| repo.edit(PRICES, "import os\n", "import os\nimport sys\n"),
        code: 1,
        reasons: &["lint-new-findings"],
        review: &[],
        new: &["shop/prices.py:2 F401"],
    },
    Row {
        what: "lines move",
        change: |repo| {
            repo.edit(
                PRICES,
                "import os\n",
                "\"\"\"Prices.\"\"\"\n\n\nimport os\n",
            )
        },
        code: 0,
        reasons: &[],
        review: &[],
        new: &[],
    },
    Row {
        what: "the file is renamed and edited",
        change: |repo| {
            let text = file(repo, PRICES).replace("sum(prices)", "sum(prices, 0)");
            repo.remove(PRICES);
            repo.write("shop/money.py", text);
        },
        code: 0,
        reasons: &[],
        review: &[],
        new: &[],
    },
    Row {
        what: "a function moves to another file",
        change: |repo| {
            repo.edit(PRICES, IS_FREE, "");
            repo.write("shop/free.py", IS_FREE);
        },
        code: 0,
        reasons: &[],
        review: &[],
        new: &[],
    },
    Row {
        what: "a flagged line is copied",
        change: |repo| {
            let copy = IS_FREE.replace("is_free", "is_gift");
            repo.write(PRICES, format!("{}\n\n{copy}", file(repo, PRICES)));
        },
        code: 1,
        reasons: &["lint-new-findings"],
        review: &[],
        new: &["shop/prices.py:15 E711"],
    },
    Row {
        what: "a flagged line is edited and no better",
        change: |repo| {
            repo.edit(
                PRICES,
                "if price == None:",
                "if price == None or not price:",
            )
        },
        code: 0,
        reasons: &[],
        review: &[],
        new: &[],
    },
    Row {
        what: "another import takes the place of the one that is not used",
        change: |repo| repo.edit(PRICES, "import os\n", "import sys\n"),
        code: 1,
        reasons: &["lint-new-findings"],
        review: &[],
        new: &["shop/prices.py:1 F401"],
    },
    Row {
        what: "the configuration is weakened beside a new finding",
        change: |repo| {
            repo.write("ruff.toml", "lint.select = []\n");
            repo.edit(PRICES, "import os\n", "import os\nimport sys\n");
        },
        code: 1,
        reasons: &["lint-new-findings"],
        review: &["harness-changed"],
        new: &["shop/prices.py:2 F401"],
    },
    Row {
        what: "a configuration of its own for the directory with the new finding",
        change: |repo| {
            repo.write("shop/.ruff.toml", "lint.select = []\n");
            repo.edit(PRICES, "import os\n", "import os\nimport sys\n");
        },
        code: 1,
        reasons: &["lint-new-findings"],
        review: &["harness-changed"],
        new: &["shop/prices.py:2 F401"],
    },
    Row {
        what: "a manifest with a table that excludes the new finding",
        change: |repo| {
            repo.write("shop/pyproject.toml", "[tool.ruff]\nexclude = [\"*\"]\n");
            repo.edit(PRICES, "import os\n", "import os\nimport sys\n");
        },
        code: 1,
        reasons: &["lint-new-findings"],
        review: &["harness-changed"],
        new: &["shop/prices.py:2 F401"],
    },
    Row {
        what: "git is told to ignore the new file with the finding",
        change: |repo| {
            repo.write("gen/made.py", "import sys\n");
            repo.git(["add", "gen/made.py"]);
            repo.write("gen/.gitignore", "*\n!.gitignore\n");
        },
        code: 1,
        reasons: &["lint-new-findings"],
        review: &[],
        new: &["gen/made.py:1 F401"],
    },
    Row {
        what: "only the configuration is weakened",
        change: |repo| repo.write("ruff.toml", "lint.select = []\n"),
        code: 4,
        reasons: &[],
        review: &["harness-changed"],
        new: &[],
    },
    Row {
        what: "a file that does not parse",
        change: |repo| repo.write("shop/broken.py", "def (\n"),
        code: 1,
        reasons: &["lint-new-findings"],
        review: &[],
        new: &[
            "shop/broken.py:1 invalid-syntax",
            "shop/broken.py:2 invalid-syntax",
        ],
    },
];

fn new_findings(verdict: &Verdict) -> Vec<String> {
    let findings = verdict.0["findings"].as_array().unwrap();
    let own = findings.iter().filter(|one| one["check"].is_string());
    let new = own.filter(|one| one["new"] == true);
    let mut shown: Vec<String> = new
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{}:{} {}",
                text("path"),
                one["lines"]["start"],
                text("rule")
            )
        })
        .collect();
    shown.sort();
    shown
}

#[track_caller]
fn check(repo: &Repository<'_>, env: &TestEnv, row: &Row) {
    (row.change)(repo);
    let (finished, verdict) = env.verify(repo, ["--worktree"]).verdict();
    let what = row.what;
    assert_eq!(finished.code(), Some(row.code), "{what}: {verdict}");
    assert_eq!(verdict.reasons(), row.reasons, "{what}: {verdict}");
    assert_eq!(verdict.review(), row.review, "{what}: {verdict}");
    assert_eq!(new_findings(&verdict), row.new, "{what}: {verdict}");
}

#[test]
fn what_the_change_added_counts_and_what_it_moved_or_configured_does_not() {
    let env = TestEnv::new();
    let repo = env.repo("lint-python");
    for row in ROWS {
        check(&repo, &env, row);
        repo.git(["reset", "--quiet", "--hard"]);
        repo.git(["clean", "-qfdx"]);
    }
}

#[test]
fn the_report_names_place_rule_and_suggestion_and_counts_what_was_there() {
    let env = TestEnv::new();
    let repo = env.repo("lint-python");
    repo.edit(PRICES, "import os\n", "import os\nimport sys\n");
    for (format, words) in [
        (
            "human",
            &[
                "deny: shop/prices.py:2: `sys` imported but unused (F401)",
                "suggested: Remove unused import",
                "ruff: failed, 1 new finding, 2 findings were there before, not yours",
            ][..],
        ),
        (
            "agent",
            &[
                "fail: fix the code",
                "finding \"shop/prices.py:2: `sys` imported but unused (F401)\"\n  suggested: \"Remove unused import",
                "known before this change, and not held against it: 2 findings",
            ],
        ),
    ] {
        let said = env
            .passmuster(["verify", "--worktree", "--format", format, "--repo"])
            .args([repo.root()])
            .run();
        said.assert_code(1);
        for word in words {
            assert!(
                said.out().contains(word),
                "{format} says {word}: {}",
                said.all()
            );
        }
        // What was there before is a number.
        assert!(!said.out().contains("E711"), "{}", said.all());
    }
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    let check = &verdict.0["checks"][0];
    assert_eq!(
        (&check["findings"], &check["new_findings"]),
        (&3.into(), &1.into())
    );
    let findings = verdict.0["findings"].as_array().unwrap();
    let new = findings.iter().find(|one| one["new"] == true).unwrap();
    assert_eq!(new["fix"], "Remove unused import: `sys`", "{verdict}");
}

/// Another policy for `lint-python`.
fn with_check<'env>(env: &'env TestEnv, check: &str) -> Repository<'env> {
    let repo = env.repo("lint-python");
    repo.write(
        "passmuster.toml",
        format!("version = 1\nextends = [\"python\"]\n[sandbox]\ntoolchains = [\"python\"]\n[[check]]\nname = \"lint\"\nkind = \"lint\"\n{check}"),
    );
    repo.commit("Another check");
    repo
}

#[test]
fn the_same_finding_is_new_in_every_format_that_ruff_and_ty_write() {
    let ruff = |format: &str, more: &str| {
        format!(
            "run = [\"ruff\", \"check\", \"--no-cache\", \"--output-format={format}\"{more}]\nreport = \"{format}\"\n"
        )
    };
    let to_file = ruff("sarif", ", \"--output-file={report}\"") + "report-from = \"file\"\n";
    let module = ruff("gitlab", "").replace(
        "\"ruff\", \"check\"",
        "\"python\", \"-m\", \"ruff\", \"check\"",
    );
    let ty =
        "run = [\"ty\", \"check\", \"--output-format=gitlab\"]\nreport = \"gitlab\"\n".to_owned();
    for (check, expected) in [
        (ruff("rdjson", ""), "shop/prices.py:2 F401"),
        (ruff("gitlab", ""), "shop/prices.py:2 F401"),
        (to_file, "shop/prices.py:2 F401"),
        (module, "shop/prices.py:2 F401"),
        (ty, "shop/prices.py:3 invalid-assignment"),
    ] {
        let env = TestEnv::new();
        let repo = with_check(&env, &check);
        repo.edit(
            PRICES,
            "import os\n",
            "import os\nimport sys\nlimit: int = \"\"\n",
        );
        // A package by the linter's name is no part of it.
        repo.write("ruff/__init__.py", "");
        repo.write("ruff/__main__.py", "print('[]')\n");
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        assert_eq!(finished.code(), Some(1), "{check}: {verdict}");
        assert_eq!(
            verdict.reasons(),
            ["lint-new-findings"],
            "{check}: {verdict}"
        );
        assert_eq!(new_findings(&verdict), [expected], "{check}: {verdict}");
    }
}

#[test]
fn a_tool_that_breaks_down_or_reports_nothing_readable_is_no_clean_tree() {
    let script = |text: &str| format!("run = [\"sh\", \"-c\", '''{text}''']\nreport = \"sarif\"\n");
    let empty = r#"echo '{"version": "2.1.0", "runs": [{"results": []}]}'"#;
    let fine = format!("! ls b*.py >&2 && {empty}");
    for (what, check, reasons) in [
        (
            "it crashes on the candidate",
            script(&format!("{fine} || exit 3")),
            "tool-error",
        ),
        (
            "it is killed on the candidate",
            script(&format!("{fine} || kill -SEGV $$")),
            "tool-error",
        ),
        (
            "it prints nothing on the candidate",
            script(&format!("{fine}; exit 0")),
            "tool-error",
        ),
        (
            "half a report on the candidate",
            script(&format!("{fine} || {empty} | head -c 20")),
            "tool-error",
        ),
        (
            "it fails without a finding",
            script(&format!("{empty}; ! ls b*.py >&2")),
            "tool-error",
        ),
        (
            "it crashes on the base",
            script(&format!("ls b*.py >&2 && {empty}")),
            "baseline-failed",
        ),
        ("it crashes on both", script("exit 3"), "tool-error"),
    ] {
        let env = TestEnv::new();
        let repo = with_check(&env, &check);
        repo.write("broken.py", "x = 1\n");
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        assert_eq!(finished.code(), Some(3), "{what}: {verdict}");
        assert_eq!(verdict.reasons(), [reasons], "{what}: {verdict}");
        assert_eq!(
            verdict.0["checks"][0]["status"], "inconclusive",
            "{what}: {verdict}"
        );
    }
}

#[test]
fn a_formatter_s_findings_are_the_files_that_it_would_change() {
    let env = TestEnv::new();
    let repo = with_check(
        &env,
        "run = [\"ruff\", \"format\", \"--no-cache\", \"--check\"]\n",
    );
    repo.write("shop/ugly.py", "x = [ 1 ]\n");
    repo.commit("Not formatted");
    repo.write("shop/ugly.py", "x = [ 1 ]\ny = [ 2 ]\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(finished.code(), Some(0), "{verdict}");
    assert_eq!(verdict.0["checks"][0]["findings"], 1, "{verdict}");

    repo.edit(PRICES, "return sum(prices)", "return sum( prices )");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    assert_eq!(new_findings(&verdict), ["shop/prices.py:null format"]);

    repo.write("shop/ugly.py", "def (\n");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["tool-error"], "{verdict}");
}

const CRATE: &str = "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const LIB: &str =
    "//! A crate.\n\n/// Counts.\npub fn count(all: &[u32]) -> usize {\n    return all.len();\n}\n";

/// A crate with one finding, checked by this.
fn rust<'env>(env: &'env TestEnv, check: &str) -> Repository<'env> {
    let repo = env.empty_repo();
    repo.write("Cargo.toml", CRATE);
    repo.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"demo\"\nversion = \"0.1.0\"\n",
    );
    repo.write("src/lib.rs", LIB);
    repo.write("clippy.toml", "too-many-arguments-threshold = 2\n");
    repo.write(
        "passmuster.toml",
        format!("version = 1\nextends = [\"rust\"]\n[sandbox]\ntoolchains = [\"rust\", \"cc\"]\n[[check]]\nname = \"lint\"\nkind = \"lint\"\n{check}"),
    );
    repo.commit("The base");
    repo
}

/// A build script that writes a function with a finding.
const MAKES: &str = "//! Makes.\nfn main() {\n    let place = std::env::var(\"OUT_DIR\").unwrap_or_default();\n    \
    let text = \"/// One.\\npub fn one() -> u32 {\\n    return 1;\\n}\\n\";\n    \
    let _ = std::fs::write(format!(\"{place}/made.rs\"), text);\n}\n";

#[test]
fn clippy_s_new_findings_count_with_the_bases_configuration() {
    let env = TestEnv::new();
    let repo = rust(
        &env,
        "run = [\"cargo\", \"clippy\", \"--quiet\", \"--all-targets\", \"--message-format=json\"]\nreport = \"cargo-json\"\nok-exit = [0, 101]\n",
    );
    let add = "\n/// Adds.\npub fn add(a: u32, b: u32, c: u32) -> u32 {\n    a + b + c\n}\n";
    repo.write("src/lib.rs", LIB.replacen("\n", "\n//! It counts.\n", 1));
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(finished.code(), Some(0), "{verdict}");
    assert_eq!(verdict.0["checks"][0]["findings"], 1, "{verdict}");

    repo.write("src/lib.rs", format!("{LIB}{add}"));
    repo.write("clippy.toml", "too-many-arguments-threshold = 9\n");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    assert_eq!(
        new_findings(&verdict),
        ["src/lib.rs:9 clippy::too_many_arguments"]
    );

    repo.git(["checkout", "--quiet", "clippy.toml"]);
    repo.write(
        "Cargo.toml",
        format!("{CRATE}\n[lints.clippy]\nall = \"allow\"\n"),
    );
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    assert_eq!(verdict.review(), ["harness-changed"], "{verdict}");

    // Code that is no file of the tree when it is looked at.
    repo.git(["checkout", "--quiet", "Cargo.toml"]);
    repo.write("build.rs", MAKES);
    repo.write(
        "src/lib.rs",
        format!("{LIB}\ninclude!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n"),
    );
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    assert_eq!(new_findings(&verdict), [":null clippy::needless_return"]);

    repo.remove("build.rs");
    repo.write("src/lib.rs", format!("{LIB}\nfn broken() -> u32 {{}}\n"));
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.decision(), "fail", "{verdict}");
    assert_eq!(new_findings(&verdict), ["src/lib.rs:8 E0308"], "{verdict}");
}

#[test]
fn a_base_whose_lints_stop_the_build_cannot_judge() {
    let env = TestEnv::new();
    let repo = rust(
        &env,
        "run = [\"cargo\", \"clippy\", \"--message-format=json\", \"--\", \"-D\", \"warnings\"]\nreport = \"cargo-json\"\nok-exit = [0, 101]\n",
    );
    repo.write("src/lib.rs", LIB.replace("all", "every"));
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["baseline-failed"], "{verdict}");
    let message = verdict.text("/reasons/0/message");
    assert!(message.contains("let them be warnings"), "{message}");
}

#[test]
fn rustfmt_s_findings_are_the_files_that_it_would_change() {
    let env = TestEnv::new();
    let repo = rust(&env, "run = [\"cargo\", \"fmt\", \"--check\"]\n");
    repo.write("src/lib.rs", LIB.replace("usize {\n", "usize\n{\n"));
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    assert_eq!(new_findings(&verdict), ["src/lib.rs:null format"]);

    repo.write("src/lib.rs", "fn (\n");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["tool-error"], "{verdict}");
}

#[test]
fn linters_that_a_repository_configures_are_found_and_work() {
    let env = TestEnv::new();
    let repo = env.repo("lint-python");
    repo.remove("passmuster.toml");
    repo.write(
        "test_prices.py",
        "from shop.prices import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    );
    repo.commit("No policy");
    repo.edit(PRICES, "import os\n", "import os\nimport sys\n");
    let (_, verdict) = env
        .verify(&repo, ["--worktree", "--policy", "auto"])
        .verdict();
    assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    assert_eq!(new_findings(&verdict), ["shop/prices.py:2 F401"]);

    let repo = rust(&env, "run = [\"true\"]\nreport = \"sarif\"\n");
    repo.remove("passmuster.toml");
    repo.write("rustfmt.toml", "");
    repo.commit("No policy");
    repo.write("src/lib.rs", format!("{LIB}\nfn  unused() {{}}\n"));
    let (_, verdict) = env
        .verify(&repo, ["--worktree", "--policy", "auto"])
        .verdict();
    assert!(
        verdict.reasons().contains(&"lint-new-findings".to_owned()),
        "{verdict}"
    );
    assert_eq!(
        new_findings(&verdict),
        ["src/lib.rs:8 dead_code", "src/lib.rs:null format"],
        "{verdict}"
    );
}
