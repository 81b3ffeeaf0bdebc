//! Two runners at once, on one cache: each gives the verdict that it would give alone.

use passmuster_tests::{TestEnv, proposal};

const REPO: &str = "python-ledger";

#[test]
fn runners_side_by_side_share_a_cold_cache_without_harm() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let names = [
        "good-fix-lost-cents",
        "faulty-regression",
        "gaming-delete-test",
        "good-fix-lost-cents",
    ];
    let running: Vec<_> = names
        .iter()
        .map(|name| env.verify(&repo, [proposal(REPO, name)]).start())
        .collect();
    let verdicts: Vec<_> = running
        .into_iter()
        .map(|run| run.wait().verdict())
        .collect();
    let decisions: Vec<&str> = verdicts.iter().map(|verdict| verdict.decision()).collect();
    assert_eq!(decisions, ["pass", "fail", "fail", "pass"]);
    assert_eq!(verdicts[0].digest(), verdicts[3].digest());
    for (name, verdict) in names.iter().zip(&verdicts) {
        let (_, alone) = env.verify(&repo, [proposal(REPO, name)]).verdict();
        assert_eq!(alone.digest(), verdict.digest(), "{name}");
    }
    env.assert_nothing_left("");
}

#[test]
fn two_repositories_with_one_cache_do_not_mix() {
    let env = TestEnv::new();
    let first = env.repo(REPO);
    let second = env.repo(REPO);
    second.edit("tests/test_money.py", "(\"12\", 1200)", "(\"12\", 1300)");
    second.commit("A red base");
    let patch = proposal(REPO, "good-refactor-module");
    let runs = [
        env.verify(&first, [&patch]).start(),
        env.verify(&second, [&patch]).start(),
    ];
    let counts: Vec<u64> = runs
        .into_iter()
        .map(|run| run.wait().verdict().count("preexisting"))
        .collect();
    assert_eq!(counts, [0, 1]);
}
