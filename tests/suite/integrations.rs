//! The integrations in `examples/integrations`, run as the services and tools that read them would run them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use passmuster_tests::{Repository, TestEnv, proposal, test_env, tool, workspace};
use serde_json::Value;

const REPO: &str = "python-ledger";

/// A file of the integrations.
fn ours(path: &str) -> PathBuf {
    workspace().join("examples/integrations").join(path)
}

/// A program of others', from the clients' environment.
fn theirs(name: &str) -> PathBuf {
    test_env("clients").join("bin").join(name)
}

/// A YAML file as a reader that is not ours understands it.
fn yaml(path: &str) -> Value {
    let read = "import json, sys; from ruamel.yaml import YAML; print(json.dumps(YAML(typ='safe').load(open(sys.argv[1]))))";
    let mut python = Command::new(theirs("python"));
    let json = tool(python.args(["-c", read]).arg(ours(path)));
    serde_json::from_str(&json).unwrap()
}

fn said(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), b"\n", &output.stderr].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Puts the program, and tools of others', on the path.
fn with_programs(tools: &[&str]) -> TestEnv {
    let mut env = TestEnv::new();
    let programs = env.path("programs");
    fs::create_dir(&programs).unwrap();
    let program = env.binary().canonicalize().unwrap();
    symlink(program, programs.join("passmuster")).unwrap();
    for name in tools {
        symlink(theirs(name), programs.join(name)).unwrap();
    }
    env.first_on_path(&programs);
    env
}

// Forges.

/// A pull request: what a workflow run knows of it.
struct Pull<'env> {
    repo: Repository<'env>,
    /// The merge commit that GitHub makes.
    merged: String,
    /// The tip of the target branch.
    target: String,
}

/// The target branch has moved on since the pull request left it.
fn pull<'env>(env: &'env TestEnv, change: Option<&str>) -> Pull<'env> {
    let repo = env.repo(REPO);
    repo.git(["checkout", "--quiet", "-b", "topic"]);
    if let Some(change) = change {
        repo.apply(&proposal(REPO, change));
    }
    repo.commit("The change");
    repo.git(["checkout", "--quiet", "main"]);
    repo.write("notes.txt", "of others\n");
    let target = repo.commit("Others' work");
    repo.git(["checkout", "--quiet", "--detach"]);
    repo.git(["merge", "--quiet", "--no-ff", "-m", "Merge", "topic"]);
    let merged = repo.git(["rev-parse", "HEAD"]).trim().to_owned();
    Pull {
        repo,
        merged,
        target,
    }
}

/// What came of a step.
struct Step {
    output: Output,
    outputs: BTreeMap<String, String>,
    summary: String,
}

/// The value of an expression: the first of its alternatives that is not empty.
fn value(text: &str, known: &dyn Fn(&str) -> String) -> String {
    let Some(expression) = text
        .strip_prefix("${{ ")
        .and_then(|text| text.strip_suffix(" }}"))
    else {
        return text.to_owned();
    };
    let mut values = expression.split(" || ").map(known);
    values.find(|value| !value.is_empty()).unwrap_or_default()
}

/// Runs the steps of the action as a runner does: expressions in `env` are replaced, `run` is a script for bash.
fn action(env: &TestEnv, place: &Path, event: &[(&str, &str)], inputs: &[(&str, &str)]) -> Step {
    let action = yaml("github/action.yml");
    let [step] = action["runs"]["steps"].as_array().unwrap().as_slice() else {
        panic!("one step");
    };
    let known = |name: &str| {
        let given = |pairs: &[(&str, &str)], name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match name.strip_prefix("inputs.") {
            Some(input) => given(inputs, input).unwrap_or_else(|| {
                let default = &action["inputs"][input]["default"];
                default.as_str().expect("the input is declared").to_owned()
            }),
            None => given(event, name).unwrap_or_default(),
        }
    };
    let (outputs, summary) = (env.path("tmp/outputs"), env.path("tmp/summary"));
    fs::write(&outputs, "").unwrap();
    fs::write(&summary, "").unwrap();
    let mut shell = env.command("bash");
    shell
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
        .arg(step["run"].as_str().unwrap())
        .current_dir(place)
        .env("GITHUB_ACTION_PATH", ours("github"))
        .env("GITHUB_OUTPUT", &outputs)
        .env("GITHUB_STEP_SUMMARY", &summary);
    for (name, text) in step["env"].as_object().unwrap() {
        shell.env(name, value(text.as_str().unwrap(), &known));
    }
    let variables = event.iter().filter(|(name, _)| name.starts_with("GITHUB_"));
    let output = shell.envs(variables.copied()).output().unwrap();
    let lines = fs::read_to_string(outputs).unwrap();
    let pairs = lines.lines().map(|line| line.split_once('=').unwrap());
    Step {
        output,
        outputs: pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        summary: fs::read_to_string(summary).unwrap(),
    }
}

impl Step {
    #[track_caller]
    fn ended(&self, status: i32, verdict: &str) {
        let said = said(&self.output);
        assert_eq!(self.output.status.code(), Some(status), "{said}");
        assert_eq!(self.outputs["verdict"], verdict, "{said}");
        assert_eq!(self.outputs["status"], status.to_string(), "{said}");
    }
}

#[test]
fn the_action_is_green_for_a_pass_alone() {
    for (change, status, verdict, says) in [
        (Some("good-fix-lost-cents"), 0, "pass", "::notice "),
        (Some("faulty-regression"), 1, "fail", "tests-regressed"),
        (None, 3, "inconclusive", "empty-change"),
        (Some("contract-report-format"), 4, "review", "::warning "),
    ] {
        let env = with_programs(&[]);
        let pull = pull(&env, change);
        let event = [
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_SHA", pull.merged.as_str()),
        ];
        let step = action(&env, pull.repo.root(), &event, &[]);
        step.ended(status, verdict);
        assert!(said(&step.output).contains(says), "{}", said(&step.output));
        assert!(step.summary.contains("assmuster"), "{}", step.summary);
        let sarif = fs::read_to_string(&step.outputs["sarif"]).unwrap();
        let sarif: Value = serde_json::from_str(&sarif).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let junit = fs::read_to_string(&step.outputs["junit"]).unwrap();
        assert!(junit.contains("<testsuite"), "{junit}");
    }
}

#[test]
fn a_merge_group_is_held_against_the_base_that_its_event_names() {
    let env = with_programs(&[]);
    let pull = pull(&env, Some("faulty-regression"));
    let event = [
        ("GITHUB_EVENT_NAME", "merge_group"),
        ("GITHUB_SHA", pull.merged.as_str()),
        ("github.event.merge_group.base_sha", pull.target.as_str()),
    ];
    action(&env, pull.repo.root(), &event, &[]).ended(1, "fail");
    let [name, head, _] = event;
    let step = action(&env, pull.repo.root(), &[name, head], &[]);
    step.ended(2, "none");
    let said = said(&step.output);
    let annotated = said.lines().find(|line| line.starts_with("::error "));
    assert!(
        annotated.is_some_and(|line| line.contains("nothing was verified")),
        "{said}"
    );
}

#[test]
fn what_the_action_cannot_verify_is_red() {
    let env = with_programs(&[]);
    let pull = pull(&env, Some("good-fix-lost-cents"));
    let event = [
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_SHA", pull.merged.as_str()),
    ];
    let broken = env.path("work/broken");
    fs::write(&broken, "#!/bin/sh\nexit 70\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let broken = broken.to_str().unwrap();
    for (inputs, status, says) in [
        (("program", "no-such-program"), 2, "no-such-program"),
        (("program", broken), 70, "status 70"),
        (("working-directory", "no/such"), 2, "no directory"),
        (("policy", "no/such.toml"), 2, "status 2"),
        (
            ("head", "no-such-commit"),
            2,
            "the head is not in this clone",
        ),
        (
            ("base", "no-such-commit"),
            2,
            "the base is not in this clone",
        ),
        (("head", "topic"), 2, "names no base"),
        (("head", "--help"), 2, "the head is not in this clone"),
    ] {
        let step = action(&env, pull.repo.root(), &event, &[inputs]);
        step.ended(status, "none");
        let said = said(&step.output);
        assert!(said.contains(says), "{inputs:?}: {said}");
        assert!(!step.outputs.contains_key("sarif"), "{inputs:?}");
    }
    let shallow = env.work().join("shallow");
    let from = format!("file://{}", pull.repo.root().display());
    pull.repo.git(["branch", "merged", &pull.merged]);
    tool(
        env.command("git")
            .args(["clone", "--quiet", "--depth=1", "--branch=merged", &from])
            .arg(&shallow),
    );
    let step = action(&env, &shallow, &event, &[]);
    step.ended(2, "none");
    assert!(said(&step.output).contains("fetch-depth: 0"));
}

#[test]
fn nothing_that_others_wrote_becomes_part_of_a_script() {
    let action_file = yaml("github/action.yml");
    for step in action_file["runs"]["steps"].as_array().unwrap() {
        let run = step["run"].as_str().unwrap();
        assert!(!run.contains("${{"), "an expression in a script: {run}");
    }
    let env = with_programs(&[]);
    let pull = pull(&env, Some("good-fix-lost-cents"));
    let marker = env.work().join("made");
    let order = format!("$(touch {0});touch {0};\"';touch {0} #", marker.display());
    let event = [
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_SHA", pull.merged.as_str()),
    ];
    let names = action_file["inputs"].as_object().unwrap().keys();
    for name in names.map(String::as_str) {
        action(&env, pull.repo.root(), &event, &[(name, &order)]);
        assert!(!marker.exists(), "the input {name} was run");
    }
}

#[test]
fn the_gitlab_job_ends_with_the_verdict_and_leaves_its_reports() {
    let job = &yaml("gitlab/passmuster.gitlab-ci.yml")["passmuster"];
    assert_eq!(job["artifacts"]["when"], "always");
    assert_eq!(job["allow_failure"], false);
    let lines = job["script"].as_array().unwrap().iter();
    let script: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
    let reports = job["artifacts"]["reports"].as_object().unwrap();
    for (change, status) in [
        (Some("good-fix-lost-cents"), 0),
        (Some("faulty-regression"), 1),
        (None, 3),
        (Some("contract-report-format"), 4),
    ] {
        for target in [
            "CI_MERGE_REQUEST_TARGET_BRANCH_SHA",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        ] {
            let env = with_programs(&[]);
            let pull = pull(&env, change);
            let mut shell = env.command("bash");
            shell
                .args(["-eo", "pipefail", "-c", &script.join("\n")])
                .current_dir(pull.repo.root())
                .env("CI_COMMIT_SHA", &pull.merged)
                .env("PASSMUSTER_POLICY", "")
                .env(target, &pull.target);
            let output = shell.output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{}", said(&output));
            for file in reports.values() {
                let report = pull.repo.root().join(file.as_str().unwrap());
                assert!(
                    fs::metadata(&report).is_ok_and(|found| found.len() > 0),
                    "{file}"
                );
            }
        }
    }
}

#[test]
fn the_files_are_what_their_readers_expect() {
    let env = TestEnv::new();
    for (schema, file) in [
        ("vendor.github-actions", "github/action.yml"),
        ("vendor.github-workflows", "github/workflow.yml"),
        ("vendor.gitlab-ci", "gitlab/passmuster.gitlab-ci.yml"),
    ] {
        let mut check = env.command(theirs("check-jsonschema"));
        tool(check.args(["--builtin-schema", schema]).arg(ours(file)));
    }
    for reader in ["prek", "pre-commit"] {
        let mut validate = env.command(theirs(reader));
        let manifest = ours("pre-commit/.pre-commit-hooks.yaml");
        tool(validate.arg("validate-manifest").arg(manifest));
    }
    let shown = ours("git/pre-push");
    assert_eq!(
        fs::canonicalize(shown).unwrap(),
        fs::canonicalize(workspace().join("runner/src/install/pre-push.sh")).unwrap(),
        "there is one pre-push hook"
    );
}

// Hooks of git.

/// A repository with a remote, in which a manager of hooks is set up by `install`.
fn pushes(env: &TestEnv, files: &[(&str, String)], install: &[&str]) {
    let repo = env.repo(REPO);
    for (path, content) in files {
        repo.write(path, content);
    }
    repo.commit("Hooks");
    let remote = env.work().join("remote.git");
    tool(
        env.command("git")
            .args(["init", "--quiet", "--bare", "--initial-branch=main"])
            .arg(&remote),
    );
    repo.git(["remote", "add", "origin", remote.to_str().unwrap()]);
    repo.git(["push", "--quiet", "origin", "main"]);
    tool(
        env.command(install[0])
            .args(&install[1..])
            .current_dir(repo.root()),
    );
    let push = |branch: &str| {
        let mut git = env.command("git");
        git.current_dir(repo.root())
            .args(["push", "origin", branch]);
        git.output().unwrap()
    };
    repo.git(["checkout", "--quiet", "-b", "bad"]);
    repo.apply(&proposal(REPO, "faulty-regression"));
    repo.commit("Bad");
    repo.write("notes.txt", "more\n");
    repo.commit("More");
    let refused = push("bad");
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(
        said(&refused).contains("tests-regressed"),
        "{}",
        said(&refused)
    );
    repo.git(["checkout", "--quiet", "-b", "good", "main"]);
    repo.apply(&proposal(REPO, "good-fix-lost-cents"));
    repo.commit("Good");
    let pushed = push("good");
    assert!(pushed.status.success(), "{}", said(&pushed));
    assert!(
        said(&pushed).contains("PASS  every required check holds"),
        "it was verified: {}",
        said(&pushed)
    );
    // What was pushed and what comes on top.
    repo.remove("src/ledger/money.py");
    repo.commit("Bad on top");
    assert!(!push("good").status.success());
    let branches = repo.git(["ls-remote", "--heads", "origin"]);
    assert!(
        branches.contains("good") && !branches.contains("bad"),
        "{branches}"
    );
}

/// Both read the same manifest and configuration.
fn hook_repositories(manager: &str) {
    let env = with_programs(&[manager]);
    let hooks = env.empty_repo();
    let manifest = fs::read(ours("pre-commit/.pre-commit-hooks.yaml")).unwrap();
    hooks.write(".pre-commit-hooks.yaml", manifest);
    let commit = hooks.commit("Hooks");
    let config = format!(
        "repos:\n  - repo: {}\n    rev: {commit}\n    hooks:\n      - id: passmuster\n",
        hooks.root().display()
    );
    let files = [(".pre-commit-config.yaml", config)];
    let install = [manager, "install", "--hook-type", "pre-push"];
    pushes(&env, &files, &install);
}

#[test]
fn prek_refuses_a_push_of_what_did_not_pass() {
    hook_repositories("prek");
}

#[test]
fn pre_commit_refuses_a_push_of_what_did_not_pass() {
    hook_repositories("pre-commit");
}

#[test]
fn lefthook_refuses_a_push_of_what_did_not_pass() {
    let env = with_programs(&["lefthook"]);
    let read = |path| fs::read_to_string(ours(path)).unwrap();
    let files = [
        ("lefthook.yml", read("lefthook/lefthook.yml")),
        (".lefthook/pre-push/passmuster.sh", read("git/pre-push")),
    ];
    pushes(&env, &files, &["lefthook", "install"]);
}
