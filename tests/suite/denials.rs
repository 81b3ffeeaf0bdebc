//! What a sandbox refused reaches the verdict and its readers: who needs the network is told apart from
//! who is broken, and both from who looks for credentials.

use passmuster_tests::verdict::Verdict;
use passmuster_tests::{Repository, TestEnv};
use serde_json::Value;

/// Both online tests fail on the base: there is no network.
const OLD: &str = "    return full - discount";

/// `kind target` of what was refused on a tree, sorted.
fn refused(verdict: &Verdict, tree: &str) -> Vec<String> {
    let denials = verdict.0["checks"][0]["denials"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<_> = denials
        .iter()
        .filter(|denial| denial["tree"] == tree)
        .map(|denial| format!("{} {}", text(&denial["kind"]), text(&denial["target"])))
        .collect();
    found.sort();
    found
}

fn said(env: &TestEnv, repo: &Repository<'_>, format: &str) -> String {
    let run = env.passmuster(["verify", "--worktree", "--format", format, "--repo"]);
    run.args([repo.root()]).run().out()
}

const ONLINE: [&str; 2] = ["name-lookup rates.example.org", "network 192.0.2.1:443"];

#[test]
fn tests_that_need_the_network_are_known_as_such_and_the_operator_is_told() {
    for env in [TestEnv::new(), TestEnv::as_user()] {
        let repo = env.repo("python-network");
        repo.edit("prices.py", OLD, "    return max(0, full - discount)");
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        // More than half of the base's tests fail, which is too many to tell anything.
        finished.assert_code(3);
        assert_eq!(verdict.reasons(), ["baseline-unhealthy"]);
        for tree in ["base", "candidate"] {
            assert_eq!(refused(&verdict, tree), ONLINE, "{verdict}");
        }
        let network = &verdict.0["checks"][0]["denials"][0];
        assert_eq!(network["syscall"], "connect");
        assert!(
            network["process"].as_str().unwrap().starts_with("py"),
            "{network}"
        );
        let steps = verdict.0["next_steps"].to_string();
        assert!(
            steps.contains("the operator may list them as unavailable"),
            "{steps}"
        );
        let human = said(&env, &repo, "human");
        for words in [
            "connect 192.0.2.1:443",
            "(on the base too)",
            "`unavailable`",
        ] {
            assert!(human.contains(words), "{words}: {human}");
        }
        let agent = said(&env, &repo, "agent");
        let line = agent.lines().find(|line| line.starts_with("sandbox: "));
        let wants = "needs the network, on the base too";
        assert!(line.is_some_and(|line| line.contains(wants)), "{agent}");
        assert!(!agent.contains("unavailable"), "{agent}");
    }
}

/// The online tests do not count here, so that what the candidate does stands alone.
fn with_offline_base(env: &TestEnv) -> Repository<'_> {
    let repo = env.repo("python-network");
    repo.remove("tests/test_online.py");
    repo.commit("No tests that need the network");
    repo
}

#[test]
fn a_change_that_wants_out_fails_and_the_verdict_says_what_it_wanted() {
    let cases = [
        (
            "import socket; socket.create_connection(('192.0.2.7', 80), timeout=5)",
            "network 192.0.2.7:80",
            "needs the network, which the base did not",
        ),
        (
            "import pathlib; assert (pathlib.Path.home() / '.ssh/id_rsa').read_text()",
            "decoy /sandbox/home/.ssh/id_rsa",
            "looks for credentials",
        ),
        (
            "open('/etc/x', 'w')",
            "write /etc/x",
            "writes outside the tree",
        ),
        (
            "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
            "system-call ",
            "was refused a system call",
        ),
    ];
    let env = TestEnv::new();
    let repo = with_offline_base(&env);
    for (code, expected, told) in cases {
        repo.git(["checkout", "--quiet", "."]);
        repo.edit("prices.py", OLD, &format!("    {code}\n{OLD}"));
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
        assert_eq!(refused(&verdict, "candidate"), [expected], "{verdict}");
        assert!(refused(&verdict, "base").is_empty(), "{verdict}");
        let agent = said(&env, &repo, "agent");
        assert!(agent.contains(told), "{agent}");
        let human = said(&env, &repo, "human");
        assert!(human.contains("refused in the sandbox"), "{human}");
    }
}

#[test]
fn an_honest_change_has_no_denials_and_a_change_whose_tests_pass_is_not_held_up_by_them() {
    let env = TestEnv::new();
    let repo = with_offline_base(&env);
    repo.edit("prices.py", OLD, "    return max(0, full - discount)");
    let (finished, honest) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    assert_eq!(honest.0["checks"][0]["denials"], serde_json::json!([]));
    // The same outcome for every test, and one attempt more.
    repo.edit(
        "prices.py",
        "    return max",
        "    import socket; socket.socket().connect_ex(('192.0.2.1', 1))\n    return max",
    );
    let (finished, curious) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    assert_eq!(refused(&curious, "candidate"), ["network 192.0.2.1:1"]);
    assert!(!said(&env, &repo, "human").contains("refused in the sandbox"));
}

#[test]
fn names_that_a_test_chose_cannot_drive_a_terminal_or_leave_their_line() {
    let env = TestEnv::new();
    let repo = with_offline_base(&env);
    let code = "    import socket, ctypes
    ctypes.CDLL(None).prctl(15, b'x\\x1b[2Jy\\nz', 0, 0, 0)
    socket.create_connection(('192.0.2.7', 80), timeout=5)
";
    repo.edit("prices.py", OLD, &format!("{code}{OLD}"));
    env.verify(&repo, ["--worktree"]).run().assert_code(1);
    for format in ["human", "agent"] {
        let text = said(&env, &repo, format);
        assert!(text.contains("192.0.2.7:80 by xy z"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn init_names_the_tests_that_need_the_network_and_leaves_the_uncertain_ones_to_a_person() {
    let env = TestEnv::new();
    let repo = env.repo("python-network");
    repo.remove("passmuster.toml");
    repo.write(
        "tests/test_broken.py",
        "def test_broken():\n    assert 1 + 1 == 3\n",
    );
    for number in 0..4 {
        let test = format!("def test_sum():\n    assert {number} + 1 == 1 + {number}\n");
        repo.write(format!("tests/test_sum_{number}.py"), test);
    }
    repo.commit("No policy");
    let init = env.passmuster(["init"]).cwd(repo.root()).run();
    init.assert_code(0);
    let text = std::fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    let line = |start: &str| text.lines().find(|line| line.starts_with(start));
    let certain = line("unavailable = ").unwrap_or_else(|| panic!("{text}\n{}", init.all()));
    assert_eq!(
        certain,
        r#"unavailable = ["tests/test_online.py::test_a_server_answers", "tests/test_online.py::test_rates_are_downloaded"]"#
    );
    let possible = line("# unavailable = ").unwrap();
    assert_eq!(
        possible,
        r#"# unavailable = ["tests/test_broken.py::test_broken"]"#
    );
    repo.commit("The policy");
    repo.edit("prices.py", OLD, "    return max(0, full - discount)");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    assert_eq!(verdict.count("unavailable"), 2, "{verdict}");
}
