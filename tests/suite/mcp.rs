//! The verifier as tools of an agent, driven by clients that are not ours.

mod bounds;

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use passmuster_tests::program::Finished;
use passmuster_tests::{Repository, TestEnv, proposal, test_env, tool};
use serde_json::{Value, json};

const REPO: &str = "python-ledger";
/// Most bytes of one answer.
const BUDGET: usize = 12_000;

/// A session of the Python SDK with the server of a repository, step by step.
fn session(
    env: &TestEnv,
    era: &str,
    server: &[&str],
    repo: &Repository<'_>,
    steps: Value,
) -> Value {
    let mut program = Command::new(env.binary());
    program.arg("mcp").args(server);
    session_with(env, era, &program, repo, steps)
}

/// The same with a server that is started by this command.
fn session_with(
    env: &TestEnv,
    era: &str,
    server: &Command,
    repo: &Repository<'_>,
    steps: Value,
) -> Value {
    let mut client = env.command(test_env("clients").join("bin/python"));
    let script = passmuster_tests::workspace().join("tests/clients/session.py");
    client.arg(script).arg(era).arg(server.get_program());
    client.args(server.get_args()).current_dir(repo.root());
    client
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = client.spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(steps.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let session: Value = serde_json::from_slice(&output.stdout).unwrap();
    for answer in session["answers"].as_array().unwrap() {
        let structured = &answer["structured"];
        if structured.is_object() {
            // Clients that know no structured content read the same as text.
            assert_eq!(answer["text"], json!([structured]));
            assert!(structured.to_string().len() <= BUDGET, "{structured}");
        }
    }
    session
}

fn call(tool: &str, arguments: Value) -> Value {
    json!({ "tool": tool, "arguments": arguments })
}

fn patch(name: &str) -> String {
    std::fs::read_to_string(proposal(REPO, name)).unwrap()
}

#[test]
fn a_client_of_either_era_is_answered_what_the_model_needs() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    for (era, version) in [("stateful", "2025-11-25"), ("stateless", "2026-07-28")] {
        let steps = json!([
            call("verify", json!({ "patch": patch("faulty-regression") })),
            call(
                "verify",
                json!({ "patch": patch("good-fix-lost-cents"), "repo": repo.root() })
            ),
            call("policy", json!({})),
        ]);
        let session = session(&env, era, &[], &repo, steps);
        assert_eq!(session["version"], version);
        let tools: Vec<&Value> = session["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| &tool["name"])
            .collect();
        assert_eq!(
            tools,
            ["verify", "verify_wait", "verdict", "explain", "policy"]
        );
        let [bad, good, policy] = [0, 1, 2].map(|step| &session["answers"][step]["structured"]);
        assert_eq!(bad["schema"], "passmuster.agent/1");
        assert_eq!(bad["status"], "verdict");
        assert_eq!(bad["verdict"], "fail");
        assert!(
            bad["headline"]
                .as_str()
                .unwrap()
                .starts_with("fail: fix the code")
        );
        assert_eq!(bad["reasons"][0]["code"], "tests-regressed");
        let failure = &bad["failures"][0];
        assert!(failure["at"].as_str().unwrap().contains(".py:"), "{bad}");
        assert!(
            failure["expected"].is_string() && failure["actual"].is_string(),
            "{bad}"
        );
        assert_eq!(bad["next_steps"][0]["action"], "fix-code");
        assert_eq!(good["verdict"], "pass");
        assert_eq!(good["reasons"], json!([]));
        assert_eq!(policy["status"], "verdict");
        assert_eq!(policy["checks"][0]["kind"], "test");
    }
}

#[test]
fn a_verdict_is_read_section_by_section_and_its_reasons_are_explained() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let (_, verdict) = env
        .verify(&repo, [proposal(REPO, "faulty-regression")])
        .verdict();
    let shown = env.passmuster(["history", "--json"]).cwd(repo.root()).run();
    let history: Value = serde_json::from_str(&shown.out()).unwrap();
    let run = &history["runs"][0]["run"];
    let steps = json!([
        call("verdict", json!({ "run": run })),
        call(
            "verdict",
            json!({ "run": run, "section": "tests.regressed" })
        ),
        call("verdict", json!({ "run": run, "section": "digest" })),
        call("verdict", json!({ "run": run, "section": "no.such" })),
        call("explain", json!({ "run": run })),
        call("explain", json!({ "code": "contract-changed" })),
        call("explain", json!({})),
        call("verify_wait", json!({ "run": "0000000000000000" })),
        call("verify_wait", json!({ "run": run })),
    ]);
    let session = session(&env, "stateful", &[], &repo, steps);
    let answer = |step: usize| &session["answers"][step]["structured"];
    let sections = answer(0)["sections"].as_array().unwrap();
    assert!(sections.contains(&json!("findings")), "{sections:?}");
    let regressed = &verdict.0["tests"]["regressed"];
    assert_eq!(answer(1)["value"][0]["id"], regressed[0]["id"]);
    assert_eq!(answer(2)["value"], verdict.digest());
    for (step, word) in [
        (3, "no section `no.such`"),
        (6, "either `code` or `run`"),
        (7, "call verify again"),
    ] {
        assert_eq!(session["answers"][step]["error"], true);
        assert!(
            answer(step)["headline"].as_str().unwrap().contains(word),
            "{}",
            answer(step)
        );
    }
    assert_eq!(answer(4)["explanations"][0]["code"], "tests-regressed");
    assert_eq!(answer(5)["explanations"][0]["level"], "review");
    assert_eq!(answer(8)["verdict"], "fail", "the store has it");
}

#[test]
fn verdicts_of_other_repositories_are_nobodys_here() {
    let env = TestEnv::new();
    let (repo, other) = (env.repo(REPO), env.repo("python-red"));
    let patch = proposal(REPO, "faulty-regression");
    env.verify(&repo, [patch]).verdict();
    let shown = env.passmuster(["history", "--json"]).cwd(repo.root()).run();
    let history: Value = serde_json::from_str(&shown.out()).unwrap();
    let run = history["runs"][0]["run"].as_str().unwrap();
    for (place, name) in [(&other, run), (&repo, &run[..1]), (&repo, "")] {
        let steps = json!([
            call("verdict", json!({ "run": name, "section": "subject" })),
            call("verify_wait", json!({ "run": name })),
            call("explain", json!({ "run": name })),
        ]);
        let session = session(&env, "stateful", &[], place, steps);
        for answer in session["answers"].as_array().unwrap() {
            assert_eq!(answer["error"], true, "{answer}");
        }
    }
}

/// The repository's test sleeps for so long on the candidate.
fn sleeper<'env>(env: &'env TestEnv, seconds: u32, marker: &str) -> Repository<'env> {
    let repo = env.repo("python-sleeper");
    repo.write("seconds.txt", seconds.to_string());
    repo.write("marker.txt", marker);
    repo
}

#[test]
fn a_long_verification_is_left_running_and_taken_up_again() {
    let env = TestEnv::new();
    let repo = sleeper(&env, 12, "long");
    let steps = json!([
        call("verify", json!({ "wait_s": 0 })),
        call("verify", json!({ "wait_s": 0 })),
        call("explain", json!({ "run": { "of": 0, "key": "run" } })),
        call("verify_wait", json!({ "run": { "of": 0, "key": "run" } })),
        call("verify", json!({ "wait_s": 0 })),
    ]);
    let session = session(&env, "stateful", &[], &repo, steps);
    let answer = |step: usize| &session["answers"][step]["structured"];
    assert_eq!(answer(0)["status"], "running");
    let early = answer(2)["headline"].as_str().unwrap();
    assert!(early.contains("is still under way"), "{early}");
    assert!(
        answer(0)["headline"]
            .as_str()
            .unwrap()
            .contains("verify_wait")
    );
    assert_eq!(
        answer(0)["run"],
        answer(1)["run"],
        "the same request is the same run"
    );
    assert_eq!(answer(3)["verdict"], "pass");
    let progress = session["answers"][3]["progress"].as_array().unwrap();
    assert!(!progress.is_empty(), "a client that waits is told so");
    assert_eq!(
        answer(4)["verdict"],
        "pass",
        "a stored verdict is answered without a wait"
    );
    let shown = env.passmuster(["history", "--json"]).cwd(repo.root()).run();
    let history: Value = serde_json::from_str(&shown.out()).unwrap();
    assert_eq!(history["runs"].as_array().unwrap().len(), 1, "{history}");
}

#[test]
fn a_cancelled_call_leaves_its_run_to_the_next_one() {
    let env = TestEnv::new();
    let repo = sleeper(&env, 6, "cancelled");
    let cancelled = json!({ "tool": "verify", "arguments": {}, "cancel_after": 1 });
    let steps = json!([
        cancelled,
        { "run": ["sleep", "25"] },
        call("verify", json!({ "wait_s": 0 })),
    ]);
    let session = session(&env, "stateful", &[], &repo, steps);
    assert_eq!(session["answers"][0]["cancelled"], true);
    let found = &session["answers"][2]["structured"];
    assert_eq!(found["verdict"], "pass", "{found}");
}

#[test]
fn what_is_the_operators_is_no_argument_and_the_base_stays_where_it_was() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let elsewhere = env.repo("python-red");
    let bad = proposal(REPO, "faulty-regression");
    let git = |words: &[&str]| {
        let here = ["git", "-C", repo.root().to_str().unwrap()];
        let all = [&here, words].concat();
        json!({ "run": all })
    };
    let steps = json!([
        call("verify", json!({ "base": "HEAD" })),
        call("verify", json!({ "policy": "auto" })),
        call("verify", json!({ "repo": elsewhere.root() })),
        call("verify", json!({ "patch": "x", "worktree": true })),
        call("verify", json!({ "worktree": false })),
        git(&["apply", bad.to_str().unwrap()]),
        git(&[
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "commit",
            "--quiet",
            "--all",
            "--message",
            "Done"
        ]),
        call("verify", json!({})),
    ]);
    let session = session(&env, "stateful", &[], &repo, steps);
    for (step, word) in [
        (0, "unknown field `base`"),
        (1, "unknown field `policy`"),
        (2, "did not open that directory"),
        (3, "not both"),
        (4, "give a `patch`"),
    ] {
        let answer = &session["answers"][step];
        assert_eq!(answer["error"], true, "{answer}");
        assert_eq!(answer["structured"]["status"], "error");
        let said = answer["structured"]["headline"].as_str().unwrap();
        assert!(said.contains(word), "{said}");
    }
    let judged = &session["answers"][7]["structured"];
    assert_eq!(
        judged["verdict"], "fail",
        "committing moves no base: {judged}"
    );
}

#[test]
fn a_repository_without_a_policy_asks_for_the_human() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.remove("passmuster.toml");
    repo.commit("No policy");
    let steps = json!([call("verify", json!({})), call("policy", json!({}))]);
    let session = session(&env, "stateful", &["--base", "HEAD"], &repo, steps);
    for answer in session["answers"].as_array().unwrap() {
        let told = &answer["structured"];
        assert_eq!(told["status"], "not-set-up");
        assert_eq!(answer["error"], false);
        let step = &told["next_steps"][0];
        assert_eq!(step["action"], "ask-human");
        assert!(step["advice"].as_str().unwrap().contains("passmuster init"));
    }
}

/// The reference client of the TypeScript SDK.
fn inspector(env: &TestEnv, repo: &Repository<'_>, method: &[&str]) -> Value {
    let client = test_env("node").join("node_modules/.bin/mcp-inspector-cli");
    let mut command: Command = env.command(client);
    command.arg("--cli").arg(env.binary()).arg("mcp");
    command
        .arg("--method")
        .args(method)
        .current_dir(repo.root());
    serde_json::from_str(&tool(&mut command)).unwrap()
}

#[test]
fn the_inspector_lists_the_tools_and_calls_one() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let listed = inspector(&env, &repo, &["tools/list"]);
    assert_eq!(listed["tools"].as_array().unwrap().len(), 5);
    let told = inspector(
        &env,
        &repo,
        &[
            "tools/call",
            "--tool-name",
            "explain",
            "--tool-arg",
            "code=flaky",
        ],
    );
    assert_eq!(
        told["structuredContent"]["explanations"][0]["code"],
        "flaky"
    );
    repo.apply(&proposal(REPO, "good-fix-lost-cents"));
    let judged = inspector(&env, &repo, &["tools/call", "--tool-name", "verify"]);
    assert_eq!(judged["structuredContent"]["verdict"], "pass", "{judged}");
}

fn message(id: u32, method: &str, params: Value) -> String {
    format!(
        "{}\n",
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    )
}

/// A server that was asked to verify so many times at once; the second part holds its input open.
fn called(env: &TestEnv, repo: &Repository<'_>, times: u32) -> (Child, ChildStdin) {
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let verify = json!({ "name": "verify", "arguments": {} });
    let mut server = env.command(env.binary());
    server.arg("mcp").arg("--repo").arg(repo.root());
    server
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut running = server.spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    let mut lines = message(1, "initialize", hello) + &format!("{ready}\n");
    for id in 0..times {
        lines += &message(2 + id, "tools/call", verify.clone());
    }
    stdin.write_all(lines.as_bytes()).unwrap();
    (running, stdin)
}

#[test]
fn however_many_calls_wait_for_git_no_more_threads_read_than_runs_may_go_on() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write("new.txt", "");
    let index = repo.root().join(".git/index");
    std::fs::remove_file(&index).unwrap();
    tool(Command::new("mkfifo").arg(&index));
    let (mut running, _stdin) = called(&env, &repo, 40);
    let readers = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", running.id())).unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
        };
        tasks.map(name).filter(|name| name == "proposal\n").count()
    };
    let patience = Instant::now() + Duration::from_secs(20);
    while readers() < 8 {
        assert!(Instant::now() < patience, "{} readers", readers());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(readers(), 8);
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_client_that_goes_takes_its_verifications_with_it() {
    let env = TestEnv::new();
    let marker = format!("marker-mcp-{}", std::process::id());
    let repo = sleeper(&env, 600, &marker);
    let (mut running, stdin) = called(&env, &repo, 1);
    let patience = Instant::now() + Duration::from_secs(60);
    while passmuster_tests::leftovers::processes(&[&marker]).is_empty() {
        assert!(Instant::now() < patience, "the test never slept");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(stdin);
    let gone = Instant::now();
    let status = running.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(gone.elapsed() < Duration::from_secs(15));
    env.assert_nothing_left(&marker);
}

#[test]
fn what_is_no_message_ends_the_server_with_a_sentence_or_is_passed_over() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let speak = |input: &str| -> Finished {
        env.passmuster(["mcp", "--repo", repo.root().to_str().unwrap()])
            .stdin(input)
            .run()
    };
    for input in [
        "",
        "not json\n",
        "{}\n",
        "[1,2]\n",
        "\u{0}\u{1}\n{\"jsonrpc\":\"2.0\"}\n",
    ] {
        let finished = speak(input);
        assert!(
            matches!(finished.code(), Some(0 | 2)),
            "{input:?}: {}",
            finished.all()
        );
        assert!(!finished.all().contains("panicked"), "{}", finished.all());
    }
}
