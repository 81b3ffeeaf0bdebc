//! What no call gets beyond: what the operator chose, the budget of an answer, as many runs as a machine carries.

use std::collections::BTreeSet;
use std::fs;

use passmuster_tests::TestEnv;
use serde_json::{Value, json};

use super::{REPO, call, message, patch, session, session_with, sleeper};

/// Tests whose names and messages are long and double as JSON; they pass where `good` is.
const MANY: &str = "import pathlib, pytest\n\n\n@pytest.mark.parametrize('n', ['\"' * 300 + str(n) for n in range(100)])\n\
                    def test_many(n):\n    assert pathlib.Path('good').exists(), chr(0x202e) + '\"' * 5000\n";

#[test]
fn whatever_a_verdict_holds_each_answer_keeps_its_budget_and_lists_go_on_where_they_stopped() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let policy = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    let globs: Vec<String> = (0..800).map(|one| format!("protected-{one}/**")).collect();
    let rules = format!("[rules]\nprotected = {globs:?}\n");
    let look = |number: usize| {
        format!(
            "[[check]]\nname = \"look-{number}\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"ls goo*\"]\n"
        )
    };
    let looks: String = (0..40).map(look).collect();
    let policy = [policy, looks, rules].concat();
    repo.write("passmuster.toml", policy);
    repo.write("tests/test_many.py", MANY);
    repo.write("good", "");
    repo.commit("Much is protected");
    repo.remove("good");
    repo.write("tests/test_more.py", MANY);
    let of = |key: &str, step: u32| json!({ "of": step, "key": key });
    let list = "tests.added_failing";
    let steps = json!([
        call("verify", json!({})),
        call("verdict", json!({ "run": of("run", 0), "section": list })),
        call(
            "verdict",
            json!({ "run": of("run", 0), "section": list, "from": of("next_from", 1) })
        ),
        call(
            "verdict",
            json!({ "run": of("run", 0), "section": "tests" })
        ),
        call("explain", json!({ "run": of("run", 0) })),
        call("policy", json!({})),
    ]);
    let session = session(&env, "stateful", &[], &repo, steps);
    let answer = |step: usize| &session["answers"][step]["structured"];
    assert_eq!(answer(0)["verdict"], "fail");
    assert_eq!(answer(0)["truncated"], true);
    let shown = env
        .passmuster(["show", "--format", "json"])
        .cwd(repo.root())
        .run();
    let verdict: Value = serde_json::from_str(&shown.out()).unwrap();
    let entries = verdict["tests"]["added_failing"].as_array().unwrap();
    let (first, second) = (answer(1), answer(2));
    let next = first["next_from"].as_u64().unwrap() as usize;
    assert_eq!(first["value"].as_array().unwrap().len(), next);
    assert!(
        next > 0 && next < entries.len(),
        "{next} of {}",
        entries.len()
    );
    assert_eq!(
        second["next_from"].as_u64().unwrap() as usize,
        next + second["value"].as_array().unwrap().len()
    );
    for (position, page) in [(0, first), (next, second)] {
        let shown = &page["value"][0];
        assert_eq!(shown["selector"], entries[position]["selector"]);
        assert_ne!(shown["selector"], Value::Null);
        assert!(!page.to_string().contains('\u{202e}'), "{page}");
    }
    assert_eq!(answer(3)["value"], Value::Null);
    assert!(
        answer(3)["sections"]
            .as_array()
            .unwrap()
            .contains(&json!(list))
    );
    let explained = answer(4)["explanations"].as_array().unwrap();
    let codes: Vec<&Value> = explained.iter().map(|one| &one["code"]).collect();
    let reasons = ["tests-regressed", "tests-added-failing", "command-failed"];
    assert_eq!(codes, reasons, "each once");
    assert_eq!(answer(5)["truncated"], true);
    assert_eq!(
        answer(5)["checks"][0]["kind"],
        "test",
        "protected files go first"
    );
}

#[test]
fn what_the_operator_chose_at_the_start_counts_for_every_call() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let policy = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    let file = env.work().join("stricter.toml");
    fs::write(&file, policy + "\n[rules]\nmax-changed-lines = 1\n").unwrap();
    let server = ["--policy", file.to_str().unwrap()];
    let steps = json!([
        call("policy", json!({})),
        call("verify", json!({ "patch": patch("good-fix-lost-cents") })),
    ]);
    let session = session(&env, "stateful", &server, &repo, steps);
    let [policy, judged] = [0, 1].map(|step| &session["answers"][step]["structured"]);
    assert_eq!(policy["max_changed_lines"], 1);
    assert_eq!(judged["verdict"], "review", "{judged}");
    // Where namespaces are refused, which only root can arrange, a verdict takes the operator's word.
    let steps = json!([call(
        "verify",
        json!({ "patch": patch("good-fix-lost-cents") })
    )]);
    for (options, verdict) in [
        (&[][..], "inconclusive"),
        (&["--isolation", "landlock"], "pass"),
    ] {
        if nix::unistd::geteuid().is_root() {
            let mut server = env.without_namespaces(env.binary());
            server.arg("mcp").args(options);
            let session = session_with(&env, "stateful", &server, &repo, steps.clone());
            let judged = &session["answers"][0]["structured"];
            assert_eq!(judged["verdict"], verdict, "{judged}");
        }
    }
}

#[test]
fn why_nothing_can_be_verified_is_said_when_it_is_asked() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let steps = json!([call("verify", json!({})), call("policy", json!({}))]);
    let session = session(&env, "stateful", &["--base", "nowhere"], &repo, steps);
    for answer in session["answers"].as_array().unwrap() {
        assert_eq!(answer["error"], true);
        let said = answer["structured"]["headline"].as_str().unwrap();
        assert!(said.contains("\"nowhere\" names no commit"), "{said}");
        assert_eq!(answer["structured"]["next_steps"][0]["action"], "ask-human");
    }
    let told = &session["answers"][0]["structured"];
    assert_eq!(told["reasons"][0]["code"], "base-unknown");
}

#[test]
fn a_model_reads_what_counts_before_it_sees_a_tool() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let client = json!({ "name": "x", "version": "1" });
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    let server = env.passmuster(["mcp", "--repo", repo.root().to_str().unwrap()]);
    let said = server.stdin(message(1, "initialize", hello)).run().out();
    let answer: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let told = answer["result"]["instructions"].as_str().unwrap();
    assert!(told.contains("Only the verdict `pass` means yes"), "{told}");
}

#[test]
fn several_repositories_are_told_apart_and_no_more_runs_go_on_than_a_machine_carries() {
    let env = TestEnv::new();
    // The same trees, so the repository alone tells their runs apart.
    let marker = format!("marker-several-{}", std::process::id());
    let [one, two] = [0, 1].map(|_| sleeper(&env, 600, &marker));
    let inner = env.repo(REPO);
    let nested = one.root().join("nested");
    fs::rename(inner.root(), &nested).unwrap();
    fs::write(one.root().join(".git/info/exclude"), "nested\n").unwrap();
    let places = [one.root(), &nested, two.root()].map(|root| root.to_str().unwrap());
    let server: Vec<&str> = places.iter().flat_map(|root| ["--repo", root]).collect();
    let verify = |more: Value| {
        let mut arguments = json!({ "repo": one.root(), "wait_s": 0 });
        let object = arguments.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        call("verify", arguments)
    };
    let sleeps = |seconds: usize| {
        let patch = "--- a/seconds.txt\n+++ b/seconds.txt\n@@ -1 +1 @@\n-0\n+";
        verify(json!({ "patch": format!("{patch}{seconds}\n") }))
    };
    let asked = json!([
        call("verify", json!({ "wait_s": 0 })),
        call("policy", json!({ "repo": nested })),
        call("policy", json!({ "repo": one.root() })),
        verify(json!({})),
        verify(json!({ "repo": two.root() })),
    ]);
    let patches = (0..8).map(|number| sleeps(600 + number));
    let steps: Vec<Value> = asked
        .as_array()
        .unwrap()
        .iter()
        .cloned()
        .chain(patches)
        .collect();
    let session = session(&env, "stateful", &server, &one, json!(steps));
    let answer = |step: usize| &session["answers"][step]["structured"];
    let said = |step: usize| answer(step)["headline"].as_str().unwrap();
    assert!(
        said(0).contains("several repositories are open"),
        "{}",
        said(0)
    );
    assert_eq!(answer(1)["checks"].as_array().unwrap().len(), 2);
    assert_eq!(answer(2)["checks"].as_array().unwrap().len(), 1);
    let runs: BTreeSet<String> = (3..11)
        .map(|step| answer(step)["run"].to_string())
        .collect();
    assert_eq!(runs.len(), 8, "{runs:?}");
    for step in [11, 12] {
        assert!(
            said(step).contains("8 verifications are under way"),
            "{}",
            said(step)
        );
    }
    env.assert_nothing_left(&marker);
}
