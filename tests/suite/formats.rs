//! The forms of a verdict, each read by what reads it: valid, green for a pass and at no other time, and nothing that a
//! change wrote is taken for more than text.

mod keys;
mod readers;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use passmuster_tests::{Finished, Repository, TestEnv, Verdict, proposal, test_env, tool};
use serde_json::{Value, json};

use readers::{FORMATS, github, is_green, junit, markdown, outside_code, read};

/// A verdict with something of its own.
struct Situation {
    what: &'static str,
    make: fn(&TestEnv) -> (Repository<'_>, Vec<PathBuf>),
    decision: &'static str,
    /// What every form of it names.
    says: &'static str,
}

fn ledger<'env>(env: &'env TestEnv, name: &str) -> (Repository<'env>, Vec<PathBuf>) {
    (
        env.repo("python-ledger"),
        vec![proposal("python-ledger", name)],
    )
}

fn worktree(repo: Repository<'_>) -> (Repository<'_>, Vec<PathBuf>) {
    (repo, vec!["--worktree".into()])
}

const SITUATIONS: &[Situation] = &[
    Situation {
        what: "a pass",
        make: |env| ledger(env, "good-fix-lost-cents"),
        decision: "pass",
        says: "",
    },
    Situation {
        what: "a regression",
        make: |env| ledger(env, "faulty-regression"),
        decision: "fail",
        says: "tests-regressed",
    },
    Situation {
        what: "a protected file",
        make: |env| ledger(env, "gaming-edit-ci"),
        decision: "review",
        says: "protected-path",
    },
    Situation {
        what: "a patch that does not apply",
        make: |env| ledger(env, "faulty-stale"),
        decision: "fail",
        says: "patch-does-not-apply",
    },
    Situation {
        what: "no change",
        make: |env| worktree(env.repo("python-ledger")),
        decision: "inconclusive",
        says: "empty-change",
    },
    Situation {
        what: "a linter's finding, and two that were there before",
        make: |env| {
            let repo = env.repo("lint-python");
            repo.edit("shop/prices.py", "import os\n", "import os\nimport sys\n");
            worktree(repo)
        },
        decision: "fail",
        says: "F401",
    },
    Situation {
        what: "a linter's findings that were there before",
        make: |env| {
            let repo = env.repo("lint-python");
            repo.edit("shop/prices.py", "sum(prices)", "sum(prices, 0)");
            worktree(repo)
        },
        decision: "pass",
        says: "",
    },
    Situation {
        what: "a plugin's finding",
        make: |env| {
            let repo = env.empty_repo();
            repo.write("passmuster.toml", large_files(env));
            repo.write("small.txt", "small\n");
            repo.commit("A limit");
            repo.write("large.txt", "large\n".repeat(100_000));
            worktree(repo)
        },
        decision: "fail",
        says: "large.txt",
    },
    Situation {
        what: "a check that is not required and fails",
        make: |env| {
            let repo = env.empty_repo();
            repo.write(
                "passmuster.toml",
                "version = 1\n\n[[check]]\nname = \"there\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"ls t*\"]\n\n\
                 [[check]]\nname = \"here\"\nkind = \"command\"\nrequired = false\nrun = [\"sh\", \"-c\", \"ls h*\"]\n",
            );
            repo.write("here", "");
            repo.write("there", "");
            repo.commit("Two files");
            repo.remove("here");
            worktree(repo)
        },
        decision: "pass",
        says: "",
    },
];

/// A policy with the shipped plugin that looks at sizes.
fn large_files(env: &TestEnv) -> String {
    let inspected = env
        .passmuster(["plugin", "inspect", "large-files", "--json"])
        .run();
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    let sha256 = inspected["sha256"].as_str().unwrap();
    format!(
        "version = 1\n\n[[check]]\nname = \"sizes\"\nkind = \"plugin\"\nplugin = \"large-files\"\nsha256 = \"{sha256}\"\n\
         grants = [\"trees\"]\nconfig = {{ limit = 1000 }}\n"
    )
}

/// Verifies once, with a file for each form.
fn in_all_forms(
    env: &TestEnv,
    repo: &Repository<'_>,
    args: &[PathBuf],
) -> (Finished, Verdict, Vec<(&'static str, String)>) {
    let file = |format: &str| env.work().join(format!("out-{format}"));
    let outputs = FORMATS.map(|format| format!("--output={format}={}", file(format).display()));
    let (finished, verdict) = env.verify(repo, args).args(outputs).verdict();
    let texts = FORMATS.map(|format| (format, read(&file(format))));
    (finished, verdict, texts.to_vec())
}

#[test]
fn every_form_is_what_its_readers_publish_and_green_for_a_pass_alone() {
    for Situation {
        what,
        make,
        decision,
        says,
    } in SITUATIONS
    {
        let env = TestEnv::new();
        let (repo, args) = make(&env);
        let (_, verdict, texts) = in_all_forms(&env, &repo, &args);
        assert_eq!(verdict.decision(), *decision, "{what}: {verdict}");
        for (format, text) in &texts {
            let green = is_green(&env, format, text);
            assert_eq!(green, *decision == "pass", "{what}, {format}: {text}");
            assert!(text.contains(says), "{what}, {format} names {says}: {text}");
        }
        let json: Value = serde_json::from_str(&read(&env.work().join("out-json"))).unwrap();
        assert_eq!(json, verdict.0, "{what}");
        let shown = env
            .passmuster(["show", "--format", "sarif"])
            .cwd(repo.root())
            .run();
        let sarif = texts.iter().find(|(format, _)| *format == "sarif").unwrap();
        assert_eq!(shown.out(), sarif.1, "{what}");
    }
}

#[test]
fn a_regression_is_told_with_its_place_in_every_form_for_forges() {
    let env = TestEnv::new();
    let (repo, args) = ledger(&env, "faulty-regression");
    let (_, verdict, texts) = in_all_forms(&env, &repo, &args);
    let test = &verdict.0["tests"]["regressed"][0];
    let (id, file, line) = (
        test["id"].as_str().unwrap(),
        test["file"].as_str().unwrap(),
        &test["line"],
    );
    let text = |wanted: &str| {
        &texts
            .iter()
            .find(|(format, _)| *format == wanted)
            .unwrap()
            .1
    };
    let document = |wanted: &str| serde_json::from_str::<Value>(text(wanted)).unwrap();

    let result = &document("sarif")["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "tests-regressed");
    assert_eq!(result["level"], "error");
    assert_eq!(result["baselineState"], "new");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], file);
    assert_eq!(&place["region"]["startLine"], line);
    assert!(result["message"]["text"].as_str().unwrap().starts_with(id));

    let entry = &document("gitlab")[0];
    assert_eq!(
        (
            &entry["location"]["path"],
            &entry["location"]["lines"]["begin"]
        ),
        (&json!(file), line)
    );
    let one = &document("rdjson")["diagnostics"][0];
    assert_eq!(
        (
            &one["location"]["path"],
            &one["location"]["range"]["start"]["line"]
        ),
        (&json!(file), line)
    );
    let annotations = github(text("github"));
    let first = &annotations[0];
    assert_eq!(first.kind, "error");
    for (name, value) in [
        ("file", file),
        ("line", &line.to_string()),
        ("title", "passmuster: tests-regressed"),
    ] {
        assert!(
            first
                .properties
                .contains(&(name.to_owned(), value.to_owned())),
            "{first:?}"
        );
    }
    let ctrf = document("ctrf");
    let tests = ctrf["results"]["tests"].as_array().unwrap();
    let case = tests.iter().find(|test| test["name"] == id).unwrap();
    assert_eq!(
        (&case["status"], &case["filePath"], &case["line"]),
        (&json!("failed"), &json!(file), line)
    );
    let cases = junit(&env, text("junit"))["cases"].clone();
    assert!(
        cases.as_array().unwrap().contains(&json!(["tests", id])),
        "{cases}"
    );
    assert_eq!(cases[0], json!(["passmuster", "verdict"]));
    let html = markdown(&env, text("markdown"));
    assert!(
        html.contains(&format!("<summary><code>{id}</code></summary>")),
        "{html}"
    );
    for word in ["expected: <code>", "actual: <code>", "passmuster verify"] {
        assert!(html.contains(word), "{word}: {html}");
    }
}

/// Ends or begins something in each format, or is a link or a mention in it.
const HOSTILE: &str = "evil]]>\u{0}\r\n::error::evil ##[error]evil|`evil</code></details></summary><script>evil@everyone \
                       #1 http://evil.example www.evil.example evil@evil.example ``` \u{fffe}\u{202e}%0Aevil [evil](x) ![evil](x) \\|evil";

/// A verdict with that text wherever a change or a tool can write it.
fn hostile(from: &Verdict) -> Value {
    let mut verdict = from.0.clone();
    let path = "evil\n::error::evil|`@everyone<script>";
    let mut test = verdict["tests"]["regressed"][0].clone();
    for key in ["id", "message", "expected", "actual", "detail", "selector"] {
        test[key] = json!(HOSTILE);
    }
    test["message"] = json!(format!("::error::{HOSTILE}"));
    test["file"] = json!(path);
    test["frames"] = json!([{ "file": path, "line": 1 }]);
    verdict["tests"]["regressed"] = json!([test.clone(), test.clone()]);
    verdict["tests"]["fixed"] = json!([test.clone()]);
    verdict["tests"]["flaky"] = json!([test]);
    verdict["findings"] = json!(["deny", "review", "note"].map(|level| json!({
        "rule": HOSTILE, "level": level, "check": "tests", "path": path, "path_b64": null, "lines": { "start": 1, "end": 2 },
        "message": HOSTILE, "fix": HOSTILE, "new": true, "fingerprint": "f", "related": [{ "tree": "base", "path": path, "lines": null }],
    })));
    verdict["reasons"] = json!([
        { "code": "limit-exceeded", "check": HOSTILE, "ids": [HOSTILE], "message": HOSTILE },
        { "code": "tool-error", "check": null, "ids": [], "message": HOSTILE },
    ]);
    verdict["review"] = json!([{ "code": "harness-changed", "ids": [HOSTILE], "files": [path], "message": HOSTILE }]);
    verdict["next_steps"] = json!([{ "action": "fix-code", "target": HOSTILE, "why": HOSTILE }]);
    verdict["reproduce"] = json!(HOSTILE);
    verdict["enforcement"] =
        json!([{ "protection": "network", "state": "absent", "why": HOSTILE }]);
    let mut check = verdict["checks"][0].clone();
    check["name"] = json!(HOSTILE);
    check["status"] = json!("inconclusive");
    check["log"] = json!(HOSTILE);
    check["summary"] = json!(HOSTILE);
    verdict["checks"].as_array_mut().unwrap().push(check);
    verdict
}

/// Puts another verdict in the place of the only one that the history has: what a run of a very bad change could have
/// left there. `show` prints it from then on.
fn in_history(env: &TestEnv, verdict: &Value) {
    let file = env.work().join("hostile.json");
    fs::write(&file, verdict.to_string()).unwrap();
    let script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); \
                  db.execute('UPDATE verdicts SET json = ?', [open(sys.argv[2]).read()]); db.commit()";
    tool(
        std::process::Command::new(test_env("python").join("bin/python"))
            .args(["-c", script])
            .arg(env.path("cache/passmuster/history.db"))
            .arg(&file),
    );
}

fn shown(env: &TestEnv, format: &str) -> String {
    let finished = env.passmuster(["show", "--format", format]).run();
    finished.assert_code(0);
    finished.out()
}

#[test]
fn nothing_of_a_change_breaks_out_of_any_form() {
    let env = TestEnv::new();
    let (repo, args) = ledger(&env, "faulty-regression");
    let (_, verdict) = env.verify(&repo, args).verdict();
    in_history(&env, &hostile(&verdict));
    for name in FORMATS {
        let text = shown(&env, name);
        assert!(!is_green(&env, name, &text), "{name}: {text}");
        for bad in ['\u{0}', '\u{202e}', '\u{1b}', '\r'] {
            let written = match name {
                // The whole verdict is data as it is; JSON has escapes for it.
                "json" if bad == '\u{202e}' => false,
                _ => text.contains(bad),
            };
            assert!(!written, "{bad:?} in {name}: {text}");
        }
        // In the log of a CI service it is no order to it, but for those that are meant.
        let orders = text
            .lines()
            .filter(|line| line.trim_start().starts_with("::"));
        assert!(name == "github" || orders.count() == 0, "{name}: {text}");
        assert!(name == "github" || !text.contains("##["), "{name}: {text}");
        match name {
            "github" => {
                // Two tests, a finding that counts, two reasons and one review item: no command more.
                let kinds: Vec<String> = github(&text).into_iter().map(|one| one.kind).collect();
                assert!(kinds.len() <= 8, "{text}");
            }
            "markdown" => {
                let html = markdown(&env, &text);
                let left = outside_code(&html);
                assert!(
                    !left.contains("evil") && !left.contains('@'),
                    "{left}\n---\n{text}"
                );
                assert_eq!(
                    left.matches("<details>").count(),
                    left.matches("</details>").count()
                );
                let row = html.split("<tr>").last().unwrap();
                assert_eq!(row.matches("<td>").count(), 4, "{row}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_test_and_a_file_of_any_name_are_data_from_end_to_end() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    let name =
        "]]> ::error::evil | ``` evil @everyone #1 <script>evil</script> http://evil.example";
    repo.write(
        "tests/test_evil.py",
        format!(
            "import pytest\n\n\n@pytest.mark.parametrize('n', [1], ids=[{name:?}])\ndef test_evil(n):\n    \
             assert False, 'evil\\n::error::evil\\x00]]></failure><script>@everyone|`evil'\n"
        ),
    );
    repo.write(
        ".github/workflows/evil\n::error::evil|`@everyone<script>.yml",
        "on: push\n",
    );
    let (_, verdict, texts) = in_all_forms(&env, &repo, &["--worktree".into()]);
    assert_eq!(verdict.reasons(), ["tests-added-failing"], "{verdict}");
    assert_eq!(verdict.review(), ["protected-path"], "{verdict}");
    for (format, text) in &texts {
        assert!(!is_green(&env, format, text), "{format}: {text}");
        assert!(text.contains("evil"), "{format}: {text}");
    }
    let text = |wanted: &str| {
        &texts
            .iter()
            .find(|(format, _)| *format == wanted)
            .unwrap()
            .1
    };
    assert_eq!(github(text("github")).len(), 2, "{}", text("github"));
    let left = outside_code(&markdown(&env, text("markdown")));
    assert!(!left.contains("evil"), "{left}");
    let sarif: Value = serde_json::from_str(text("sarif")).unwrap();
    let uris: Vec<&Value> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        .collect();
    let uri =
        json!(".github/workflows/evil%0A%3A%3Aerror%3A%3Aevil%7C%60%40everyone%3Cscript%3E.yml");
    assert!(uris.contains(&&uri), "{uris:?}");
}

#[test]
fn more_than_a_forge_shows_is_counted_and_what_counts_most_is_kept() {
    let env = TestEnv::new();
    let (repo, args) = ledger(&env, "faulty-regression");
    let (_, verdict) = env.verify(&repo, args).verdict();
    let mut many = verdict.0.clone();
    let test = many["tests"]["regressed"][0].clone();
    let tests = (0..6000).map(|number| {
        let mut test = test.clone();
        test["id"] = json!(format!("t::{number}"));
        test["detail"] = json!("a line\n".repeat(700));
        test
    });
    many["tests"]["regressed"] = tests.collect();
    many["review"] =
        json!([{ "code": "flaky", "ids": [], "files": [], "message": "one is flaky" }]);
    in_history(&env, &many);
    let annotations = github(&shown(&env, "github"));
    let errors: Vec<_> = annotations
        .iter()
        .filter(|one| one.kind == "error")
        .collect();
    assert_eq!(errors.len(), 10);
    assert!(
        errors[9].message.starts_with("and 5991 more"),
        "{annotations:#?}"
    );
    assert_eq!(annotations.len(), 11);

    let sarif: Value = serde_json::from_str(&shown(&env, "sarif")).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 5000);
    let said = run["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(said.contains("1001 more results"), "{said}");
    let text = shown(&env, "markdown");
    markdown(&env, &text);
    assert!(
        text.contains("5980 more") && text.contains("left out"),
        "{text}"
    );
}

#[test]
fn every_form_that_the_program_names_is_tried_here() {
    let env = TestEnv::new();
    let refused = env.passmuster(["verify", "--output", "no=file"]).run();
    refused.assert_code(2);
    let said = refused.err();
    let (_, names) = said.split_once("one of ").unwrap();
    let names: Vec<&str> = names.lines().next().unwrap().split(", ").collect();
    assert_eq!(names, FORMATS);
}

#[test]
fn outputs_that_cannot_all_be_written_are_refused_before_anything_runs() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    fs::create_dir(env.work().join("directory")).unwrap();
    for (outputs, words) in [
        (&["sarif=a", "junit=./a"][..], &["two outputs", "./a"][..]),
        (
            &["sarif=no/such/file"],
            &["no/such/file", "there is no directory"],
        ),
        (&["sarif=directory"], &["directory", "is a directory"]),
        (
            &["xml=a"],
            &[
                "unknown format `xml`",
                "sarif, junit, ctrf, markdown, github, gitlab, rdjson",
            ],
        ),
    ] {
        let outputs = outputs.iter().flat_map(|one| ["--output", one]);
        let finished = env
            .passmuster(["verify", "--repo"])
            .args([repo.root()])
            .args(outputs)
            .cwd(&env.work())
            .run();
        finished.assert_code(2).assert_clear_message(words);
    }
    assert!(!env.work().join("a").exists());
}

#[test]
fn an_output_in_a_directory_of_somebody_else_is_written_where_it_is() {
    let env = TestEnv::as_user();
    let repo = env.repo("python-ledger");
    let directory = env.work().join("others");
    let file = directory.join("report");
    fs::create_dir(&directory).unwrap();
    fs::write(&file, "old").unwrap();
    env.give(&file);
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).unwrap();
    let output = format!("github={}", file.display());
    let finished = env.verify(&repo, ["--output", &output, "-"]).run();
    finished.assert_code(3);
    assert!(!github(&read(&file)).is_empty());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_output_to_a_pipe_or_to_standard_output_arrives_whole() {
    let env = TestEnv::new();
    let (repo, args) = ledger(&env, "faulty-regression");
    let finished = env
        .passmuster([
            "verify",
            "--format",
            "agent",
            "--output",
            "github=/dev/stdout",
            "--repo",
        ])
        .args([repo.root()])
        .args(args)
        .run();
    finished.assert_code(1);
    let said = finished.out();
    let (agent, commands) = said.split_once("::error").unwrap();
    assert!(agent.starts_with("fail: "), "{said}");
    assert!(!github(&format!("::error{commands}")).is_empty());
    // Where standard output is an ordinary file, whoever opened it finds both in it.
    let log = env.work().join("log");
    let status = env
        .command(env.binary())
        .args(["verify", "--format", "agent", "--output=github=/dev/stdout"])
        .arg(proposal("python-ledger", "faulty-regression"))
        .current_dir(repo.root())
        .stdout(fs::File::create(&log).unwrap())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    let said = read(&log);
    assert!(
        said.starts_with("fail: ") && said.contains("\n::error"),
        "{said}"
    );
}
