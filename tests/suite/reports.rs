//! What is printed: valid JSON, a short text for agents, colours only where they are wanted.

use std::fs;
use std::path::PathBuf;

use passmuster_tests::{TestEnv, assert_protection, proposal, workspace};

const REPO: &str = "python-ledger";

/// Bytes that an agent's report has at most.
const AGENT_BUDGET: usize = 12_000;

#[test]
fn every_kind_of_verdict_is_valid_by_the_published_schema() {
    let folder = workspace().join("policies/schema");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_verdict = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .contains("verdict")
    };
    let path = files
        .into_iter()
        .find(is_verdict)
        .expect("the schema of the verdict is published");
    let schema = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let proposals = [
        ("good-fix-lost-cents", "pass"),
        ("faulty-regression", "fail"),
        ("faulty-stale", "fail"),
        ("gaming-edit-ci", "review"),
    ];
    for (name, decision) in proposals {
        let (_, verdict) = env.verify(&repo, [proposal(REPO, name)]).verdict();
        assert_eq!(verdict.decision(), decision, "{name}");
        let errors: Vec<String> = validator
            .iter_errors(&verdict.0)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let (_, nothing) = env.verify(&repo, ["-"]).verdict();
    assert_eq!(nothing.decision(), "inconclusive");
    assert!(validator.is_valid(&nothing.0), "{nothing}");
}

#[test]
fn every_verdict_says_what_was_enforced_and_how_to_get_it_again() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let (_, verdict) = env
        .verify(&repo, [proposal(REPO, "good-fix-lost-cents")])
        .verdict();
    let enforcement = verdict.0["enforcement"].as_array().unwrap();
    assert!(!enforcement.is_empty(), "{verdict}");
    for protection in enforcement {
        assert_protection(protection);
    }
    assert!(
        verdict.0["reproduce"]
            .to_string()
            .contains("passmuster verify"),
        "{verdict}"
    );
}

#[test]
fn an_agents_report_decides_in_its_first_line_and_keeps_its_budget() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    // A thousand failures, each with a long message.
    repo.write(
        "tests/test_many.py",
        "import pytest\n\n\n@pytest.mark.parametrize('n', range(1000))\ndef test_many(n):\n    assert 'x' * 5000 == str(n)\n",
    );
    let finished = env
        .passmuster(["verify", "--format", "agent", "--repo"])
        .args([repo.root()])
        .run();
    finished.assert_code(1);
    let said = finished.out();
    assert!(
        said.lines().next().unwrap().to_lowercase().contains("fail"),
        "{said}"
    );
    assert!(said.len() <= AGENT_BUDGET, "{} bytes", said.len());
    assert!(said.contains("truncated"), "{said}");
}

#[test]
fn an_agent_is_never_told_to_touch_tests_or_policy() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    for name in [
        "faulty-regression",
        "gaming-delete-test",
        "gaming-skip-test",
        "gaming-edit-ci",
    ] {
        let finished = env
            .passmuster(["verify", "--format", "agent", "--repo"])
            .args([repo.root()])
            .args([proposal(REPO, name)])
            .run();
        assert!(matches!(finished.code(), Some(1 | 4)), "{}", finished.all());
        let said = finished.out().to_lowercase();
        for advice in [
            "skip the test",
            "delete the test",
            "change the test",
            "edit the policy",
            "lower the",
        ] {
            assert!(!said.contains(advice), "{name}: {said}");
        }
    }
}

#[test]
fn an_agent_is_told_each_thing_once_and_of_a_failure_only_what_it_can_mend() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    let check = |name: &str| {
        format!(
            "[[check]]\nname = \"{name}\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"ls {name}*\"]\n"
        )
    };
    let policy = format!("version = 1\n{}{}", check("one"), check("two"));
    repo.write(
        "passmuster.toml",
        policy + "[rules]\nprotected = [\"kept\"]\n",
    );
    repo.write("one", "");
    repo.write("two", "");
    repo.commit("Two files");
    for file in ["one", "two"] {
        repo.remove(file);
    }
    repo.write("kept", "");
    let finished = env.passmuster(["verify", "--format", "agent", "--repo"]);
    let finished = finished.args([repo.root()]).run();
    finished.assert_code(1);
    let said = finished.out();
    let of = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(of("reason command-failed"), 2, "{said}");
    assert_eq!(of("review protected-path"), 1, "{said}");
    assert_eq!(of("next: fix the product code"), 1, "{said}");
    assert_eq!(of("next: "), 1, "{said}");
}

#[test]
fn an_agent_is_told_what_is_not_held_against_it() {
    let env = TestEnv::new();
    let repo = env.repo("python-red");
    repo.write("notes.txt", "a change\n");
    let finished = env.passmuster(["verify", "--format", "agent", "--repo"]);
    let said = finished.args([repo.root()]).run().out();
    assert!(
        said.contains("known before this change, and not held against it: 1 failing test"),
        "{said}"
    );
}

#[test]
fn a_pipe_gets_no_colours_and_no_progress_on_standard_output() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
        let finished = env
            .passmuster(["verify", "--repo"])
            .args([repo.root()])
            .args([proposal(REPO, "faulty-regression")])
            .variable(name, value)
            .run();
        finished.assert_code(1);
        assert!(!finished.out().contains('\u{1b}'), "{}", finished.all());
        assert!(!finished.out().contains('\r'), "{}", finished.all());
    }
}

#[test]
fn text_from_tests_cannot_drive_a_terminal() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write(
        "tests/test_evil.py",
        "def test_evil():\n    assert False, '\\x1b]0;owned\\x07\\x1b[2J\\u202eevil'\n",
    );
    for format in ["human", "agent", "json"] {
        let finished = env
            .passmuster(["verify", "--format", format, "--repo"])
            .args([repo.root()])
            .run();
        finished.assert_code(1);
        for evil in ['\u{1b}', '\u{7}', '\u{202e}'] {
            assert!(
                !finished.out().contains(evil),
                "{format}: {:?}",
                finished.out()
            );
        }
    }
}

#[test]
fn show_prints_the_last_verdict_again() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let (_, verdict) = env
        .verify(&repo, [proposal(REPO, "faulty-regression")])
        .verdict();
    let shown = env.passmuster(["show"]).cwd(repo.root()).run();
    assert!(
        shown
            .out()
            .contains("test_the_report_has_a_line_for_each_person"),
        "{}",
        shown.all()
    );
    assert!(!verdict.digest().is_empty());
}

#[test]
fn explain_knows_every_code_that_the_examples_name() {
    let env = TestEnv::new();
    for code in [
        "tests-regressed",
        "tests-vanished",
        "patch-unsafe",
        "protected-path",
        "policy-missing",
    ] {
        let finished = env.passmuster(["explain", code]).run();
        finished.assert_code(0);
        assert!(finished.out().contains(code), "{}", finished.all());
        let example = finished
            .out()
            .split_once("Example:\n")
            .unwrap()
            .1
            .to_owned();
        assert!(example.contains(code), "{}", finished.all());
    }
    env.passmuster(["explain", "no-such-code"])
        .run()
        .assert_code(2);
}

#[test]
fn a_second_format_goes_to_its_own_file() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let file = env.work().join("verdict.json");
    let output = format!("json={}", file.display());
    let finished = env
        .passmuster(["verify", "--output", &output, "--repo"])
        .args([repo.root()])
        .args([proposal(REPO, "good-fix-lost-cents")])
        .run();
    finished.assert_code(0);
    let verdict = passmuster_tests::Verdict::parse(&fs::read(file).unwrap()).unwrap();
    assert_eq!(verdict.decision(), "pass");
}
