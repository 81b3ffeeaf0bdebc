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
            ("", "test \"$(ulimit -n) $(ulimit -u)\" = '128 513'"),
            (
                "limits = { open-files = 64 }",
                "test \"$(ulimit -n) $(ulimit -u)\" = '64 513'",
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
        &[("limits = { wall = \"2s\" }", "test ! -e hang || sleep 1000")],
    );
    repo.write("hang", "");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["limit-exceeded"]);
}
