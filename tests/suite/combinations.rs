//! Changes put together: what is made to look green stays visible beside honest work.

use std::path::Path;

use passmuster_tests::TestEnv;
use passmuster_tests::expectation::{Kind, Proposal, proposals};

/// How many pairs of one project are tried.
const PAIRS: usize = 8;

/// From the best to the worst.
fn rank(verdict: &str) -> usize {
    let order = ["pass", "review", "inconclusive", "fail"];
    order.iter().position(|one| *one == verdict).unwrap()
}

/// A number that depends on the names alone: another sample whenever the proposals change, the same one until then.
fn number(honest: &Proposal, gaming: &Proposal) -> u64 {
    let text = format!("{}/{}", honest.name, gaming.name);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn pairs(all: &[Proposal]) -> Vec<(&Proposal, &Proposal)> {
    let honest = |one: &&Proposal| matches!(one.kind(), Kind::Good | Kind::Contract);
    let gaming = |one: &&Proposal| one.kind() == Kind::Gaming;
    let mut pairs: Vec<_> = all
        .iter()
        .filter(honest)
        .flat_map(|one| all.iter().filter(gaming).map(move |other| (one, other)))
        .collect();
    pairs.sort_by_key(|(one, other)| number(one, other));
    pairs
}

/// Both changes as one patch; none where they do not apply together.
fn together(env: &TestEnv, repo: &str, first: &Path, second: &Path) -> Option<Vec<u8>> {
    let tree = env.repo(repo);
    (tree.try_apply(first) && tree.try_apply(second)).then(|| tree.take_patch())
}

/// Whether a hunk that hides a failing test is put beside the one that mends it.
fn has_nothing_to_hide(gaming: &Proposal, honest: &Proposal) -> bool {
    let mends = honest.expectation.tests.fixed.is_some();
    let about_failing = ["fixed-by-tests", "dropped-failing"];
    let codes = gaming
        .expectation
        .reasons
        .iter()
        .chain(&gaming.expectation.review);
    mends
        && codes
            .into_iter()
            .all(|code| about_failing.contains(&code.as_str()))
}

/// Adding gaming hunks to an honest change never gives a better verdict, and never hides them.
fn check(repo: &str) {
    let env = TestEnv::new();
    let base = env.repo(repo);
    let all = proposals(repo);
    let mut tried = 0;
    for (honest, gaming) in pairs(&all) {
        let Some(patch) = together(&env, repo, &honest.patch, &gaming.patch) else {
            continue;
        };
        let (_, verdict) = env.verify(&base, ["-"]).stdin(patch).verdict();
        let found = verdict.decision();
        let names = format!("{repo}: {} with {}", honest.name, gaming.name);
        let is_seen = found != "pass" || has_nothing_to_hide(gaming, honest);
        assert!(is_seen, "{names} passes");
        assert!(
            rank(found) >= rank(&honest.expectation.verdict),
            "{names}: {found} is better than {}",
            honest.expectation.verdict
        );
        tried += 1;
        if tried == PAIRS {
            break;
        }
    }
    assert_eq!(tried, PAIRS, "{repo} has pairs that apply together");
}

#[test]
fn gaming_hunks_never_improve_the_verdict_of_an_honest_change_in_rust() {
    check("rust-calculator");
}

#[test]
fn gaming_hunks_never_improve_the_verdict_of_an_honest_change_under_pytest() {
    check("python-ledger");
}

#[test]
fn gaming_hunks_never_improve_the_verdict_of_an_honest_change_under_unittest() {
    check("python-invoices");
}

#[test]
fn gaming_hunks_never_improve_the_verdict_of_an_honest_change_in_node() {
    check("node-slugs");
}

#[test]
fn gaming_hunks_never_improve_the_verdict_of_an_honest_change_on_a_red_base() {
    check("python-red");
}
