//! An ordinary user gets the same verdicts as root: nothing needs a privilege.

use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{TestEnv, assert_protection, proposal, tool};

fn check(repo: &str, good: &str, bad: &str, reason: &str) {
    let user = TestEnv::as_user();
    let theirs = user.repo(repo);
    let before = Snapshot::of(theirs.root());
    let (finished, passed) = user.verify(&theirs, [proposal(repo, good)]).verdict();
    finished.assert_code(0);
    let (finished, failed) = user.verify(&theirs, [proposal(repo, bad)]).verdict();
    finished.assert_code(1);
    assert_eq!(failed.reasons(), [reason]);
    before.assert_unchanged(theirs.root());
    user.assert_nothing_left("");
    for protection in passed.0["enforcement"].as_array().unwrap() {
        assert_protection(protection);
    }
}

#[test]
fn an_ordinary_user_vets_a_python_project() {
    check(
        "python-ledger",
        "good-fix-lost-cents",
        "gaming-skip-test",
        "tests-silenced",
    );
}

#[test]
fn an_ordinary_user_vets_a_node_project() {
    check(
        "node-slugs",
        "good-fix-cut",
        "gaming-delete-test",
        "tests-vanished",
    );
}

#[test]
fn an_ordinary_user_vets_a_rust_project() {
    check(
        "rust-calculator",
        "good-fix-powers",
        "faulty-regression",
        "tests-regressed",
    );
}

#[test]
fn the_digest_is_the_same_for_root_and_for_an_ordinary_user() {
    let (root, user) = (TestEnv::new(), TestEnv::as_user());
    let digest = |env: &TestEnv| {
        let repo = env.repo("python-ledger");
        let (_, verdict) = env
            .verify(&repo, [proposal("python-ledger", "faulty-regression")])
            .verdict();
        verdict.digest().to_string()
    };
    assert_eq!(digest(&root), digest(&user));
}

/// The footing of the others: what fails here is missing on the machine, not in the program.
#[test]
fn an_ordinary_user_can_run_the_plain_tools() {
    let env = TestEnv::as_user();
    let cases: [(&str, &[&str]); 3] = [
        ("python-ledger", &["python", "-m", "pytest", "-q"]),
        ("node-slugs", &["node", "--test"]),
        (
            "rust-calculator",
            &["cargo", "test", "--offline", "--quiet"],
        ),
    ];
    for (name, command) in cases {
        let repo = env.repo(name);
        let mut plain = env.command(command[0]);
        tool(plain.args(&command[1..]).current_dir(repo.root()));
    }
}
