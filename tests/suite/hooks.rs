//! Hooks of coding agents: held is what the agent can mend, and a client never takes our failure for a verdict.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use passmuster_tests::leftovers::processes;
use passmuster_tests::program::Finished;
use passmuster_tests::{Repository, TestEnv, proposal, tool};
use serde_json::{Value, json};

const REPO: &str = "python-ledger";

/// What a client sends when the agent wants to end its turn.
fn stop(repo: &Repository<'_>) -> Value {
    json!({ "hook_event_name": "Stop", "session_id": "one", "cwd": repo.root(), "stop_hook_active": false })
}

/// What it sends before a command.
fn command(repo: &Repository<'_>, line: &str) -> Value {
    json!({ "hook_event_name": "PreToolUse", "session_id": "one", "cwd": repo.root(), "tool_name": "Bash",
            "tool_input": { "command": line } })
}

fn ask(env: &TestEnv, agent: &str, event: &Value, more: &[&str]) -> Finished {
    env.passmuster(["hook", agent])
        .args(more)
        .stdin(event.to_string())
        .run()
}

/// The agent goes on, and nobody is told anything.
#[track_caller]
fn assert_silent(finished: &Finished) {
    assert_eq!(finished.code(), Some(0), "{}", finished.all());
    assert_eq!(finished.out() + &finished.err(), "", "{}", finished.all());
}

/// The agent is held, and told why.
#[track_caller]
fn assert_held(finished: &Finished, word: &str) {
    assert_eq!(finished.code(), Some(2), "{}", finished.all());
    assert!(finished.err().contains(word), "{}", finished.all());
    assert_eq!(finished.out(), "", "{}", finished.all());
}

/// The agent goes on, and the human is told: one key that every client knows, because Codex drops an answer
/// with another one.
#[track_caller]
fn assert_released(finished: &Finished, word: &str) {
    assert_eq!(finished.code(), Some(0), "{}", finished.all());
    let told: Value = serde_json::from_str(&finished.out()).unwrap();
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["systemMessage"]);
    let text = told["systemMessage"].as_str().unwrap();
    assert!(
        text.starts_with("passmuster: ") && text.contains(word),
        "{text}"
    );
}

#[test]
fn a_failing_change_holds_the_agent_once_for_each_state_of_the_tree() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    assert_silent(&ask(&env, "claude", &stop(&repo), &[]));
    repo.apply(&proposal(REPO, "faulty-regression"));
    for agent in ["claude", "codex"] {
        let mut event = stop(&repo);
        event["session_id"] = agent.into();
        let held = ask(&env, agent, &event, &[]);
        assert_held(&held, "fail: fix the code");
        assert_held(&held, "expected:");
        assert!(held.stderr.len() < 5000);
        assert_released(&ask(&env, agent, &event, &[]), "nothing of it changed");
        assert_released(&ask(&env, agent, &event, &[]), "nothing of it changed");
    }
    repo.write("notes.txt", "another state\n");
    let mut told = stop(&repo);
    told["session_id"] = "claude".into();
    assert_held(&ask(&env, "claude", &told, &[]), "fail: fix the code");
    repo.git(["checkout", "--quiet", "--", "."]);
    repo.apply(&proposal(REPO, "good-fix-lost-cents"));
    assert_silent(&ask(&env, "claude", &stop(&repo), &[]));
}

#[test]
fn commits_pushes_and_proposals_are_held_while_the_change_fails() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "faulty-regression"));
    for line in ["git commit -am x", "git push", "gh pr create --fill"] {
        assert_held(
            &ask(&env, "claude", &command(&repo, line), &[]),
            "tests-regressed",
        );
    }
    // Who was held before a command is held at the end as well, and before a command as often as it takes.
    assert_held(&ask(&env, "claude", &stop(&repo), &[]), "tests-regressed");
    let push = command(&repo, "git push");
    assert_held(&ask(&env, "claude", &push, &[]), "tests-regressed");
}

/// What the operator wrote behind `hook` counts for the process that verifies, too.
#[test]
fn the_operators_options_reach_whoever_verifies() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "faulty-regression"));
    let elsewhere = env.path("own-cache");
    let own = ["--cache-dir", elsewhere.to_str().unwrap()];
    assert_held(&ask(&env, "claude", &stop(&repo), &own), "tests-regressed");
    let runs = |more: &[&str]| {
        let shown = env.passmuster(["history", "--json"]).args(more);
        let history: Value = serde_json::from_str(&shown.cwd(repo.root()).run().out()).unwrap();
        history["runs"].as_array().unwrap().len()
    };
    assert_eq!((runs(&own), runs(&[])), (1, 0));
    for (option, word) in [("--base", "nowhere"), ("--policy", "no-such-policy.toml")] {
        let answer = ask(&env, "codex", &command(&repo, "git push"), &[option, word]);
        assert_released(&answer, word);
    }
}

#[test]
fn what_is_for_a_human_is_released_with_a_notice() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "gaming-edit-ci"));
    assert_released(&ask(&env, "claude", &stop(&repo), &[]), "review");
    let red = env.repo("python-red");
    red.write("extra.py", "x = 1\n");
    red.remove("passmuster.toml");
    red.commit("No policy");
    red.write("extra.py", "x = 2\n");
    assert_released(&ask(&env, "claude", &stop(&red), &[]), "passmuster init");
}

#[test]
fn a_verdict_that_takes_too_long_is_left_to_be_found_and_found() {
    let env = TestEnv::new();
    let marker = format!("marker-hook-{}", std::process::id());
    let repo = env.repo("python-sleeper");
    repo.write("marker.txt", &marker);
    repo.write("seconds.txt", "12");
    repo.write("test_fails.py", "def test_fails():\n    assert False\n");
    let begun = Instant::now();
    // What does not concern us starts nothing.
    let other = command(&repo, "git status; ls");
    assert_silent(&ask(&env, "claude", &other, &["--wait", "60"]));
    let held = ask(&env, "claude", &stop(&repo), &["--wait", "4"]);
    assert_held(&held, "Call the tool `verify`");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    assert!(!processes(&[&marker]).is_empty(), "the judge goes on");
    assert_released(
        &ask(&env, "claude", &stop(&repo), &["--wait", "2"]),
        "still being verified",
    );
    // The next one waits for the same judge's verdict. That there was none yet is another thing than the verdict, which holds anew.
    let verdict = ask(&env, "claude", &stop(&repo), &["--wait", "120"]);
    assert_held(&verdict, "tests-added-failing");
    let shown = env.passmuster(["history", "--json"]).cwd(repo.root()).run();
    let history: Value = serde_json::from_str(&shown.out()).unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history}");
    env.assert_nothing_left(&marker);
}

#[test]
fn our_own_failure_is_never_a_verdict() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let hook = |arguments: &[&str], input: &str| {
        let invocation = env.passmuster(["hook"]).args(arguments);
        invocation.stdin(input).cwd(repo.root()).run()
    };
    for input in [
        "",
        "[]",
        "{\"hook_event_name\":\"Stop\"",
        "\u{0}",
        "{\"hook_event_name\":7}",
    ] {
        assert_released(&hook(&["claude"], input), "the hook's input is no event");
    }
    let long = " ".repeat((16 << 20) + 1);
    assert_released(&hook(&["claude"], &long), "is longer than 16777216 bytes");
    let event = stop(&repo).to_string();
    assert_released(
        &hook(&["claude", "--no-such-option"], &event),
        "unexpected argument",
    );
    let forever = ["claude", "--wait", "18446744073709551615"];
    assert_released(&hook(&forever, &event), "invalid value");
    assert_released(&hook(&["nobody"], &event), "invalid value");
    assert_released(
        &hook(&["claude", "--repo", "/no/such/place"], &event),
        "/no/such/place",
    );
    let file = env.path("a-file");
    std::fs::write(&file, "").unwrap();
    let no_cache = ["claude", "--cache-dir", file.to_str().unwrap()];
    assert_released(&hook(&no_cache, &event), "a-file");
    // Help is help.
    let help = hook(&["--help"], "");
    help.assert_code(0);
    assert!(help.out().contains("Exit codes: 2"));
}

/// A client that gives a hook up, or is closed, kills all that it started.
#[test]
fn what_ends_the_hook_does_not_end_the_verification() {
    let env = TestEnv::new();
    let marker = format!("marker-given-up-{}", std::process::id());
    let repo = env.repo("python-sleeper");
    repo.write("marker.txt", &marker);
    repo.write("seconds.txt", "3");
    let asked = env.passmuster(["hook", "claude", "--wait", "120"]);
    let hook = asked.stdin(stop(&repo).to_string()).start();
    let patience = Instant::now() + Duration::from_secs(60);
    while processes(&[&marker]).is_empty() {
        assert!(Instant::now() < patience, "the test never slept");
        std::thread::sleep(Duration::from_millis(20));
    }
    hook.signal_group(Signal::SIGKILL);
    assert_eq!(hook.wait().signal(), Some(9));
    let runs = || {
        let shown = env.passmuster(["history", "--json"]).cwd(repo.root()).run();
        let history: Value = serde_json::from_str(&shown.out()).unwrap();
        history["runs"].as_array().unwrap().len()
    };
    while runs() == 0 {
        assert!(Instant::now() < patience, "nobody verified to the end");
        std::thread::sleep(Duration::from_millis(100));
    }
    env.assert_nothing_left(&marker);
}

#[test]
fn a_store_that_somebody_else_holds_is_not_waited_for() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "faulty-regression"));
    let held = ask(&env, "claude", &stop(&repo), &[]);
    assert_held(&held, "fail: fix the code");
    let cache = env.path("own-cache");
    for part in ["git", "layers", "locks", "tmp"] {
        std::fs::create_dir_all(cache.join(part)).unwrap();
    }
    let lock = std::fs::File::create(cache.join("history.lock")).unwrap();
    lock.lock().unwrap();
    let begun = Instant::now();
    let own = ["--wait", "2", "--cache-dir", cache.to_str().unwrap()];
    let answer = ask(&env, "claude", &stop(&repo), &own);
    assert_eq!(answer.code(), Some(0), "{}", answer.all());
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_client_that_keeps_its_end_open_is_not_waited_for() {
    let env = TestEnv::new();
    let mut hook = env.command(env.binary());
    hook.args(["hook", "claude"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let begun = Instant::now();
    let mut running = hook.spawn().unwrap();
    let stdin = running.stdin.take();
    let status = running.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop(stdin);
}

/// A client's working directory follows the agent; what it leaves behind in the project is still the change.
#[test]
fn an_agent_that_ends_in_another_repository_is_held_by_its_project() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "faulty-regression"));
    let (nested, worktree) = (repo.root().join("nested"), env.path("tmp").join("worktree"));
    for directory in [&nested, &worktree] {
        std::fs::create_dir_all(directory).unwrap();
    }
    repo.git(["init", "--quiet", nested.to_str().unwrap()]);
    repo.git([
        "-C",
        nested.to_str().unwrap(),
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "x",
    ]);
    repo.git([
        "worktree",
        "add",
        "--quiet",
        "--detach",
        worktree.to_str().unwrap(),
    ]);
    let from = |event: Value, cwd: &std::path::Path| {
        let mut event = event;
        event["cwd"] = json!(cwd);
        event["session_id"] = json!(cwd);
        let hook = env.passmuster(["hook", "claude"]);
        hook.variable("CLAUDE_PROJECT_DIR", repo.root())
            .stdin(event.to_string())
            .run()
    };
    assert_held(&from(stop(&repo), &nested), "tests-regressed");
    assert_held(
        &from(stop(&repo), &repo.root().join("gone")),
        "tests-regressed",
    );
    // What is committed there is that repository's.
    assert_silent(&from(command(&repo, "git commit -m x"), &nested));
    // A linked worktree is the project's own, and has a state of its own.
    assert_silent(&from(stop(&repo), &worktree));
}

#[test]
fn a_judge_that_git_keeps_waiting_is_not_left_behind() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let index = repo.root().join(".git/index");
    std::fs::remove_file(&index).unwrap();
    tool(Command::new("mkfifo").arg(&index));
    let root = repo.root().to_str().unwrap();
    let event = stop(&repo);
    assert_held(&ask(&env, "claude", &event, &["--wait", "0"]), "no verdict");
    assert!(!processes(&[root]).is_empty(), "the judge waits");
    let begun = Instant::now();
    while !processes(&[root]).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(100));
    }
}
