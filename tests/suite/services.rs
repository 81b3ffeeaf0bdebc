//! Services beside the checks: a server that tests talk to, with data that each run has for itself.

use passmuster_tests::{Repository, TestEnv, Verdict, tree};

const POLICY: &str = "passmuster.toml";

fn store(env: &TestEnv) -> Repository<'_> {
    env.repo_from(&tree("python-store"), "python-store")
}

/// The same with another policy, committed.
fn store_with<'env>(env: &'env TestEnv, old: &str, new: &str) -> Repository<'env> {
    let repo = store(env);
    repo.edit(POLICY, old, new);
    repo.commit("Another policy");
    repo
}

fn remarks(verdict: &Verdict) -> String {
    verdict.0["findings"].to_string()
}

/// A change that has nothing to do with the service.
fn change_something_else(repo: &Repository<'_>) {
    repo.edit("limit.py", "3", "2 + 1");
}

#[test]
fn tests_talk_to_a_service_and_no_run_sees_the_data_of_another() {
    for env in [TestEnv::new(), TestEnv::as_user()] {
        let repo = store(&env);
        change_something_else(&repo);
        for options in [&["--worktree"][..], &["--worktree", "--no-cache"]] {
            let (finished, verdict) = env.verify(&repo, options).verdict();
            finished.assert_code(0);
            assert_eq!(verdict.count("maintained"), 3, "{verdict}");
        }
        env.assert_nothing_left("");
    }
}

#[test]
fn a_regression_is_found_beside_a_service() {
    let env = TestEnv::new();
    let repo = store(&env);
    repo.edit("limit.py", "3", "4");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-regressed"]);
    verdict.assert_tests("regressed", &["test_the_limit_is_three"]);
}

#[test]
fn a_service_runs_for_the_checks_that_name_it_and_else_for_all_tests() {
    let env = TestEnv::new();
    let probe = "\n[[check]]\nname = \"probe\"\nkind = \"command\"\nrun = [\"python\", \"-c\", \"import socket; socket.create_connection(('127.0.0.1', 6500))\"]\n\n[[check]]\nname = \"tests\"";
    let repo = store_with(&env, "\n[[check]]\nname = \"tests\"", probe);
    change_something_else(&repo);
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.reasons(), ["baseline-failed"], "{verdict}");
    assert_eq!(verdict.text("/checks/1/status"), "passed");

    let env = TestEnv::new();
    let named = format!("checks = [\"probe\"]\n{probe}");
    let repo = store_with(&env, "\n[[check]]\nname = \"tests\"", &named);
    change_something_else(&repo);
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.text("/checks/0/status"), "passed", "{verdict}");
}

#[test]
fn a_service_that_is_not_ready_on_the_base_says_nothing_about_the_change() {
    let env = TestEnv::new();
    let repo = store_with(&env, "-m 700 ", "-m 755 ");
    change_something_else(&repo);
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["service-unavailable"]);
    let message = verdict.text("/reasons/0/message");
    for part in ["on the base", "`store`", "data is open to others"] {
        assert!(message.contains(part), "{message}");
    }
    for (format, log) in [
        ("human", "    | /sandbox/env/data is open to others"),
        (
            "agent",
            "log of \"tests\": \"service store: it ended with status 1 / ",
        ),
    ] {
        let report = env
            .passmuster(["verify", "--worktree", "--format", format, "--repo"])
            .args([repo.root()])
            .run();
        assert!(report.out().contains(log), "{}", report.out());
    }
}

#[test]
fn a_service_that_the_change_breaks_fails_the_check_that_needs_it() {
    let env = TestEnv::new();
    let repo = store(&env);
    repo.edit("store.py", "import socket\n", "import sockets\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["report-missing"]);
    let message = verdict.text("/reasons/0/message");
    assert!(
        message.contains("on the candidate") && message.contains("No module named 'sockets'"),
        "{message}"
    );
    assert!(
        verdict.review().contains(&"harness-changed".to_owned()),
        "a file that a service's command names: {verdict}"
    );

    let env = TestEnv::new();
    let command = "kind = \"command\"\nrun = [\"python\", \"-m\"";
    let repo = store_with(
        &env,
        "kind = \"test\"\nframework = \"pytest\"\nrun = [\"python\", \"-m\"",
        command,
    );
    repo.edit(
        POLICY,
        "ready = { port = 6500 }",
        "ready = { port = 6500 }\nchecks = [\"tests\"]",
    );
    repo.commit("The service for a command");
    repo.edit("store.py", "import socket\n", "import sockets\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["command-failed"]);
}

#[test]
fn a_change_of_what_a_service_runs_is_for_a_person_to_look_at() {
    let env = TestEnv::new();
    let repo = store(&env);
    repo.edit("store.py", "value += 1", "value = value + 1");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(4);
    assert_eq!(verdict.review(), ["harness-changed"]);
    assert!(verdict.reasons().is_empty(), "{verdict}");
}

#[test]
fn a_service_that_the_machine_denies_today_is_not_held_against_the_change() {
    let env = TestEnv::new();
    let granted = env.work().join("granted");
    std::fs::write(&granted, "works").unwrap();
    env.give(&granted);
    let grant = format!("[sandbox]\nread = [\"{}\"]\n", granted.display());
    let repo = store_with(&env, "[sandbox]\n", &grant);
    let check = format!(
        "import socket\nif open(\"{}\").read() != \"works\":\n    sys.exit(\"the machine is full\")\n",
        granted.display()
    );
    repo.edit("store.py", "import socket\n", "import sys\nimport socket\n");
    repo.edit("store.py", "import socket\n", &check);
    repo.commit("Depends on the machine");
    change_something_else(&repo);
    env.verify(&repo, ["--worktree"]).verdict().0.assert_code(0);

    std::fs::write(&granted, "broken").unwrap();
    repo.edit("limit.py", "2 + 1", "1 + 2");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["service-unavailable"], "{verdict}");
    assert!(
        verdict
            .text("/reasons/0/message")
            .contains("machine is full")
    );
}

#[test]
fn a_service_that_ends_while_the_tests_run_is_told() {
    let env = TestEnv::new();
    let repo = store(&env);
    repo.write(
        "test_zz.py",
        "from test_store import ask\n\ndef test_death():\n    ask('DIE')\n",
    );
    repo.commit("A test that ends the server");
    change_something_else(&repo);
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    for tree in ["base", "candidate"] {
        let told = format!("tests on the {tree}: service `store`: it ended with status 1");
        assert!(remarks(&verdict).contains(&told), "{verdict}");
    }
    assert!(verdict.text("/checks/0/log").contains("told to die"));
}

#[test]
fn a_service_whose_program_is_missing_is_named() {
    let env = TestEnv::new();
    let repo = store_with(
        &env,
        "run = [\"python\", \"store.py\"",
        "run = [\"no-such-server\"",
    );
    change_something_else(&repo);
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["tool-missing"]);
    let message = verdict.text("/reasons/0/message");
    assert!(
        message.starts_with("service `store`: ") && message.contains("no-such-server"),
        "{message}"
    );
}

#[test]
fn policy_check_lists_services_and_a_service_for_no_check_is_a_mistake() {
    let env = TestEnv::new();
    let repo = store(&env);
    let listed = env
        .passmuster(["policy", "check", "--repo"])
        .args([repo.root()])
        .run();
    let line = "service store: `python store.py /sandbox/env/data`; ready when port 6500 accepts; for tests";
    assert!(listed.out().contains(line), "{}", listed.all());

    let ready = "ready = { port = 6500 }";
    let repo = store_with(&env, ready, &format!("{ready}\nchecks = [\"test\"]"));
    let refused = env
        .passmuster(["policy", "check", "--repo"])
        .args([repo.root()])
        .run();
    refused.assert_code(2);
    let told = "passmuster.toml:16:11: there is no check `test` (did you mean `tests`?)";
    assert!(refused.err().contains(told), "{}", refused.all());
}
