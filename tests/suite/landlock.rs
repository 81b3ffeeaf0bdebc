//! The tier without namespaces, from a verification's point of view: where a filter refuses them, as in a container, for root
//! and for an ordinary user.

use std::fs;

use passmuster_tests::{TestEnv, proposal};
use serde_json::Value;

const REPO: &str = "python-ledger";

/// Both callers; only root can make the obstacle and the directory for either.
fn callers() -> Vec<TestEnv> {
    match nix::unistd::geteuid().is_root() {
        true => vec![TestEnv::new(), TestEnv::as_user()],
        false => Vec::new(),
    }
}

fn said(env: &TestEnv, args: &[&str]) -> (Option<i32>, String, String) {
    let output = env
        .without_namespaces(env.binary())
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The verdict on a proposal for a repository whose policy goes on with this.
fn verify(env: &TestEnv, name: &str, more: &str, options: &[&str]) -> Value {
    let repo = env.repo(REPO);
    let policy = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    repo.write("passmuster.toml", policy + more);
    repo.commit("A policy");
    let patch = env.work().join(format!("{name}.patch"));
    fs::copy(proposal(REPO, name), &patch).unwrap();
    env.give(&patch);
    let root = repo.root().to_str().unwrap().to_owned();
    let patch = patch.to_str().unwrap();
    let args = ["verify", "--format", "json", "--repo", &root, patch];
    let (_, stdout, stderr) = said(env, &[&args, options].concat());
    serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"))
}

const ACCEPTED: [&str; 2] = ["--isolation", "landlock"];

fn state<'v>(verdict: &'v Value, protection: &str) -> &'v str {
    let list = verdict["enforcement"].as_array().unwrap();
    let one = list.iter().find(|one| one["protection"] == protection);
    one.and_then(|one| one["state"].as_str())
        .unwrap_or_else(|| panic!("{protection} is not listed: {verdict:#}"))
}

#[test]
fn without_namespaces_a_verdict_is_found_if_that_is_accepted_and_lists_what_is_missing() {
    for env in callers() {
        let refused = verify(&env, "good-fix-lost-cents", "", &[]);
        assert_eq!(refused["reasons"][0]["code"], "sandbox-unavailable");
        let message = refused["reasons"][0]["message"].as_str().unwrap();
        assert!(message.contains("--isolation landlock"), "{message}");
        let passed = verify(&env, "good-fix-lost-cents", "", &ACCEPTED);
        assert_eq!(passed["verdict"], "pass", "{passed:#}");
        assert_eq!(passed["isolation"], "landlock");
        for (protection, expected) in [
            ("landlock", "enforced"),
            ("seccomp", "enforced"),
            ("no-new-privs", "enforced"),
            ("network", "degraded"),
            ("user-namespace", "absent"),
            ("mount-namespace", "absent"),
            ("pid-namespace", "absent"),
            ("network-namespace", "absent"),
            ("ipc-namespace", "absent"),
            ("uts-namespace", "absent"),
            ("cgroup-namespace", "absent"),
            ("read-only-root", "absent"),
            ("loopback", "absent"),
        ] {
            assert_eq!(state(&passed, protection), expected, "{protection}");
        }
        let nothing_denied = Value::Array(Vec::new());
        assert_eq!(passed["checks"][0]["denials"], nothing_denied, "{passed:#}");
        let failed = verify(&env, "gaming-skip-test", "", &ACCEPTED);
        assert_eq!(failed["reasons"][0]["code"], "tests-silenced", "{failed:#}");
        let failed = verify(&env, "faulty-regression", "", &ACCEPTED);
        assert_eq!(failed["verdict"], "fail", "{failed:#}");
        env.assert_nothing_left("");
    }
}

#[test]
fn what_needs_a_network_of_its_own_is_refused_with_the_reason() {
    let service = "\n[[service]]\nname = \"s\"\nrun = [\"sleep\", \"9\"]\nready = { port = 9 }\nchecks = [\"tests\"]\n";
    let step = "\n[[prepare]]\nname = \"p\"\nrun = [\"true\"]\ninputs = [\"pyproject.toml\"]\nnetwork = [\"localhost:1\"]\n";
    for env in callers() {
        for (policy, why) in [(service, "loopback"), (step, "prepare step has no network")] {
            let verdict = verify(&env, "good-fix-lost-cents", policy, &ACCEPTED);
            let reasons = verdict["reasons"].to_string();
            assert_eq!(verdict["verdict"], "inconclusive", "{verdict:#}");
            assert!(
                reasons.contains("sandbox-unavailable") && reasons.contains(why),
                "{reasons}"
            );
        }
    }
}

#[test]
fn a_prepared_environment_is_where_it_always_is_and_read_only() {
    let policy = "\n[[prepare]]\nname = \"one\"\nrun = [\"sh\", \"-c\", \"echo one > /sandbox/env/one\"]\n\
        [[prepare]]\nname = \"two\"\nrun = [\"sh\", \"-c\", \"cat /sandbox/env/one > /sandbox/env/two; echo x > made\"]\n";
    for env in callers() {
        let repo = env.repo(REPO);
        let written = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
        let accepted = written.replace("[sandbox]", "[sandbox]\nisolation = \"landlock\"");
        repo.write("passmuster.toml", accepted + policy);
        repo.commit("Steps over each other");
        let root = repo.root().to_str().unwrap().to_owned();
        let script = "pwd; cat /sandbox/env/one /sandbox/env/two made; touch /sandbox/env/x; touch x && echo wrote";
        let args = [
            "sandbox", "--quiet", "--repo", &root, "--", "sh", "-c", script,
        ];
        let (code, stdout, stderr) = said(&env, &args);
        assert_eq!(stdout, "/sandbox/tree\none\none\nx\nwrote\n", "{stderr}");
        assert!(stderr.contains("Permission denied"), "{stderr}");
        assert_eq!(code, Some(0), "{stderr}");
        assert!(!repo.root().join("x").exists());
    }
}

#[test]
fn the_diagnosis_names_the_tier_and_what_it_needs() {
    for env in callers() {
        let (code, stdout, _) = said(&env, &["doctor", "--json"]);
        let found: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(code, Some(3));
        assert_eq!(found["isolation"], "landlock", "{found:#}");
        let (_, fix, _) = said(&env, &["doctor", "--fix"]);
        assert!(fix.contains("accept the tier landlock"), "{fix}");
    }
}
