//! Prepare steps and their layers: what a step sees, what its key covers, who may use what it made,
//! and why no build cache can pass an old build off as the change.

use passmuster_tests::{Repository, TestEnv, Verdict};

/// A repository of shell checks over a prepare step: small enough that a test can say all of it.
fn repo<'env>(env: &'env TestEnv, policy: &str, files: &[(&str, &str)]) -> Repository<'env> {
    let repo = env.repo("python-ledger");
    repo.write("passmuster.toml", format!("version = 1\n{policy}"));
    for (path, content) in files {
        repo.write(path, content);
    }
    repo.commit("A policy with a step");
    repo
}

fn step(name: &str, keys: &str, script: &str) -> String {
    format!("\n[[prepare]]\nname = \"{name}\"\n{keys}\nrun = [\"sh\", \"-c\", '''{script}''']\n")
}

fn check(script: &str) -> String {
    format!(
        "\n[[check]]\nname = \"holds\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", '''{script}''']\n"
    )
}

fn verify(env: &TestEnv, repo: &Repository<'_>) -> Verdict {
    env.verify(repo, ["--worktree"]).verdict().1
}

/// Every check held. The verdict may still be review: files that a command names steer it.
#[track_caller]
fn assert_holds(verdict: &Verdict) {
    let checks = verdict.0["checks"].as_array().unwrap();
    assert!(!checks.is_empty(), "{verdict}");
    for check in checks {
        assert_eq!(check["status"], "passed", "{verdict}");
    }
}

#[test]
fn a_step_with_inputs_sees_that_other_files_exist_and_not_what_they_say() {
    let env = TestEnv::new();
    let sees = "test -s wanted/a && test -e README.md && test ! -s README.md && cp wanted/a /sandbox/env/made";
    let policy = step("see", "inputs = [\"wanted/**\"]", sees)
        + &check("test \"$(cat /sandbox/env/made)\" = one && test -s README.md");
    let repo = repo(&env, &policy, &[("wanted/a", "one\n")]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    assert_holds(&verify(&env, &repo));
}

#[test]
fn environments_are_read_only_for_checks_and_paths_and_variables_of_steps_reach_them() {
    let env = TestEnv::new();
    let make = "mkdir /sandbox/env/bin && printf '#!/bin/sh\\nexit 0\\n' > /sandbox/env/bin/made-tool && chmod +x /sandbox/env/bin/made-tool";
    let keys = "inputs = [\"wanted/**\"]\npath = [\"/sandbox/env/bin\"]\nenv = { MADE = \"yes\" }";
    let holds = "made-tool && test \"$MADE\" = yes && ! touch /sandbox/env/new 2>/dev/null";
    let policy = step("make", keys, make)
        + &check(holds)
        + "\n[[check]]\nname = \"by name\"\nkind = \"command\"\nrun = [\"made-tool\"]\n";
    let repo = repo(&env, &policy, &[("wanted/a", "one\n")]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    assert_holds(&verify(&env, &repo));
}

#[test]
fn a_change_of_the_inputs_runs_the_step_again_for_this_candidate_alone() {
    let env = TestEnv::new();
    let policy = step(
        "copy",
        "inputs = [\"wanted/**\"]",
        "cp wanted/a /sandbox/env/made",
    ) + &check("cmp wanted/a /sandbox/env/made");
    let repo = repo(&env, &policy, &[("wanted/a", "one\n")]);
    for content in ["two\n", "three\n", "two\n"] {
        repo.write("wanted/a", content);
        assert_holds(&verify(&env, &repo));
    }
    // The base's layer was never touched by any of them.
    repo.write("wanted/a", "one\n");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    assert_holds(&verify(&env, &repo));
}

#[test]
fn a_step_cannot_say_what_a_tracked_file_contains() {
    let env = TestEnv::new();
    let overwrite =
        "echo overwritten > README.md; rm -r src; mkdir src; echo new > src/made; echo made > made";
    let policy = step("overwrite", "inputs = [\"wanted/**\"]", overwrite)
        + &check("! grep -q overwritten README.md && test -s src/ledger/money.py && test -s made");
    let repo = repo(&env, &policy, &[("wanted/a", "one\n")]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    assert_holds(&verify(&env, &repo));
}

#[test]
fn a_step_that_fails_on_the_candidate_alone_is_its_fault() {
    let env = TestEnv::new();
    let policy = step("build", "inputs = [\"wanted/**\"]", "grep -q one wanted/a") + &check("true");
    let repo = repo(&env, &policy, &[("wanted/a", "one\n")]);
    repo.write("wanted/a", "two\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["prepare-failed"]);
}

#[test]
fn a_step_that_fails_on_the_base_says_nothing_about_the_change() {
    let env = TestEnv::new();
    let policy = step("build", "", "exit 7") + &check("true");
    let repo = repo(&env, &policy, &[]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["baseline-failed"]);
}

#[test]
fn a_change_into_what_a_step_made_is_denied_before_anything_of_it_runs() {
    for path in ["made/tool", "made", "src/ledger/made.txt"] {
        let env = TestEnv::new();
        let make = "mkdir made; echo trusted > made/tool; echo trusted > src/ledger/made.txt";
        let policy = step("make", "inputs = [\"wanted/**\"]", make) + &check("true");
        let repo = repo(&env, &policy, &[("wanted/a", "one\n")]);
        repo.write(path, "planted\n");
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["environment-shadowed"], "{path}");
    }
}

#[test]
fn compiled_python_of_the_base_never_passes_for_the_change() {
    let env = TestEnv::new();
    // Same size, so only the time can tell the compiled file that it is stale.
    let policy = "\n[sandbox]\ntoolchains = [\"python\"]\n".to_owned()
        + "\n[[prepare]]\nname = \"compile\"\nwarm = true\nrun = [\"python\", \"-m\", \"compileall\", \"-q\", \".\"]\n"
        + "\n[[check]]\nname = \"holds\"\nkind = \"command\"\nrun = [\"python\", \"-c\", \"import value; raise SystemExit(value.N != 1)\"]\n";
    let repo = repo(&env, &policy, &[("value.py", "N = 1\n")]);
    repo.write("value.py", "N = 2\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["command-failed"]);
}

#[test]
fn a_file_that_a_candidate_removes_is_gone_with_what_builds_left_beside_it() {
    let env = TestEnv::new();
    let policy = step("litter", "warm = true", "echo old > extra/left-over")
        + &check("test ! -e extra || test -e extra/kept");
    let repo = repo(&env, &policy, &[("extra/kept", "1\n")]);
    repo.remove("extra/kept");
    assert_holds(&verify(&env, &repo));
}

#[test]
fn directories_that_the_policy_copies_can_be_renamed_and_elsewhere_the_key_is_named() {
    let env = TestEnv::new();
    let rename = "python3 -c \"import os; os.rename('src', 'moved')\"";
    for (copy, expected) in [("[]", "inconclusive"), ("[\"src\"]", "passed")] {
        let policy = format!("\n[sandbox]\ncopy = {copy}\n") + &check(rename);
        let repo = repo(&env, &policy, &[]);
        repo.edit("README.md", "Shared expenses", "Common expenses");
        let verdict = verify(&env, &repo);
        assert_eq!(verdict.0["checks"][0]["status"], expected, "{verdict}");
        assert_eq!(names_the_key(&verdict), expected != "passed", "{verdict}");
    }
}

fn names_the_key(verdict: &Verdict) -> bool {
    verdict.0["findings"]
        .to_string()
        .contains("`[sandbox] copy`")
}

#[test]
fn a_test_that_an_overlay_keeps_from_renaming_is_told_apart_from_one_that_is_wrong() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    repo.write("data/a", "a\n");
    let test = "import os\n\n\ndef test_rename():\n    os.rename('data', 'moved')\n";
    repo.write("tests/test_rename.py", test);
    repo.commit("A test that renames a directory");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let verdict = verify(&env, &repo);
    assert_eq!(verdict.count("preexisting"), 1, "{verdict}");
    assert!(names_the_key(&verdict), "{verdict}");

    repo.edit(
        "tests/test_rename.py",
        "os.rename('data', 'moved')",
        "assert os is None",
    );
    repo.commit("A test that is wrong");
    repo.edit("README.md", "Common expenses", "Joint expenses");
    assert!(!names_the_key(&verify(&env, &repo)));
}
