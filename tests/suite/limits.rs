//! Limits that a policy writes, and what becomes of a change that reaches one.

use passmuster_tests::{Repository, TestEnv};

fn repo<'env>(env: &'env TestEnv, checks: &[(&str, &str)]) -> Repository<'env> {
    let repo = env.repo("python-ledger");
    let mut policy = "version = 1\n\n[limits]\nopen-files = 128\nprocesses = 512\n".to_owned();
    for (number, (keys, script)) in checks.iter().enumerate() {
        policy += &format!(
            "\n[[check]]\nname = \"{number}\"\nkind = \"command\"\n{keys}\nrun = [\"bash\", \"-c\", '''{script}''']\n"
        );
    }
    repo.write("passmuster.toml", policy);
    repo.commit("A policy with limits");
    repo
}

#[test]
fn a_check_has_its_own_limits_and_else_those_of_the_policy() {
    let env = TestEnv::new();
    let repo = repo(
        &env,
        &[
            ("", "test \"$(ulimit -n) $(ulimit -u)\" = '128 512'"),
            (
                "limits = { open-files = 64 }",
                "test \"$(ulimit -n) $(ulimit -u)\" = '64 512'",
            ),
        ],
    );
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let (finished, _) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
}

#[test]
fn a_candidate_that_hangs_where_the_base_did_not_has_failed() {
    let env = TestEnv::new();
    let repo = repo(
        &env,
        &[(
            "limits = { wall = \"2s\" }",
            "for one in han*; do test ! -e $one || sleep 1000; done",
        )],
    );
    repo.write("hang", "");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["limit-exceeded"]);
}

/// Runs what the candidate adds, without naming it: a file that a check names steers it.
const RUNS_MORE: &str = "for one in more*; do test ! -e $one || . ./$one; done";

/// What the candidate's new file makes the check do, the limit that this exceeds, one that it does
/// not, and the figure of the usage that shows it.
const EXCESSES: [(&str, &str, &str, &str, u64); 5] = [
    (
        "python3 -c 'import time; x = bytearray(400 << 20); time.sleep(1)'",
        "memory = \"200MiB\"",
        "memory = \"1GiB\"",
        "memory",
        400 << 20,
    ),
    (
        "python3 -c 'import time\nwhile time.process_time() < 3: pass'",
        "cpu = \"1s\"",
        "cpu = \"1m\"",
        "cpu_ms",
        3000,
    ),
    ("sleep 4", "idle = \"1s\"", "idle = \"1m\"", "wall_ms", 4000),
    (
        "head -c 60000000 /dev/zero > big; sleep 1",
        "disk = \"30MiB\"",
        "disk = \"1GiB\"",
        "disk",
        60_000_000,
    ),
    (
        "exec python3 -c 'import time; x = bytearray(300 << 20); time.sleep(1)'",
        "memory = \"1%\"",
        "memory = \"75%\"",
        "memory",
        300 << 20,
    ),
];

fn a_candidate_beyond_a_limit_fails(env: &TestEnv) {
    for (script, tight, wide, figure, amount) in EXCESSES {
        let limit = tight.split(' ').next().unwrap();
        let verify = |keys: &str| {
            let keys = format!("limits = {{ {keys} }}");
            let repo = repo(env, &[(&keys, RUNS_MORE)]);
            repo.write("more", script);
            env.verify(&repo, ["--worktree"]).verdict()
        };
        let (finished, verdict) = verify(wide);
        finished.assert_code(0);
        let used = verdict.0["checks"][0]["usage"][figure].as_u64();
        assert!(used.unwrap() >= amount, "{limit}: {verdict}");
        let (finished, verdict) = verify(tight);
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["limit-exceeded"], "{verdict}");
        let message = verdict.text("/reasons/0/message");
        assert!(message.contains(&format!("`{limit}`")), "{message}");
    }
}

#[test]
fn a_candidate_that_takes_what_the_base_does_not_exceeds_the_limit() {
    a_candidate_beyond_a_limit_fails(&TestEnv::new());
}

#[test]
fn limits_hold_for_an_ordinary_user_as_well() {
    a_candidate_beyond_a_limit_fails(&TestEnv::as_user());
}

#[test]
fn a_base_beyond_a_limit_is_no_fault_of_the_candidate() {
    let env = TestEnv::new();
    let script = "python3 -c 'x = bytearray(400 << 20)'";
    let repo = repo(&env, &[("limits = { memory = \"200MiB\" }", script)]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["baseline-failed"]);
}

#[test]
fn reports_say_what_a_check_used_and_which_limit_it_met() {
    let env = TestEnv::new();
    let limits = "limits = { memory = \"200MiB\" }";
    let repo = repo(&env, &[(limits, RUNS_MORE)]);
    repo.write("more", "python3 -c 'x = bytearray(400 << 20)'");
    let report = |format| {
        let words = ["verify", "--worktree", "--format", format, "--repo"];
        env.passmuster(words).args([repo.root()]).run().out()
    };
    let agent = report("agent");
    assert!(agent.contains("it exceeded the limit `memory`"), "{agent}");
    assert!(agent.contains("usage of \"0\": "), "{agent}");
    let human = report("human");
    assert!(
        human.contains("processor ") && human.contains(", memory "),
        "{human}"
    );
    assert!(
        human.contains("enforced by a weaker means here: disk-limit"),
        "{human}"
    );
}
