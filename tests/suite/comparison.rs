//! The rows of the comparison, each with a real run: what the base's tests say of the candidate's code,
//! for pytest, cargo and node.

use passmuster_tests::{Repository, TestEnv};

mod cargo;
mod node;
mod pytest;
mod searched;

/// One change of the base, and what must come of it.
pub(crate) struct Row {
    what: &'static str,
    change: fn(&Repository<'_>),
    exit: i32,
    /// Reason codes, then review codes.
    codes: &'static [&'static str],
    /// Lists of the verdict that are not empty, with the ends of their ids.
    tests: &'static [(&'static str, &'static [&'static str])],
    /// Whether the oracle ran, whether the probe ran.
    ran: (bool, bool),
}

const LISTS: [&str; 8] = [
    "regressed",
    "broken",
    "vanished",
    "silenced",
    "contract",
    "fixed",
    "added",
    "added_failing",
];

/// The one door: every row on the same base, which is measured once.
#[track_caller]
pub(crate) fn check(repo: &Repository<'_>, env: &TestEnv, rows: &[Row]) {
    for row in rows {
        repo.git(["checkout", "--quiet", "."]);
        repo.git(["clean", "--quiet", "--force", "-d"]);
        (row.change)(repo);
        let (finished, verdict) = env.verify(repo, ["--worktree"]).verdict();
        let what = format!("{}: {verdict}", row.what);
        assert_eq!(finished.code(), Some(row.exit), "{what}");
        assert_eq!(
            [verdict.reasons(), verdict.review()].concat(),
            row.codes,
            "{what}"
        );
        for list in LISTS {
            let expected = row.tests.iter().find(|(name, _)| *name == list);
            let ids = verdict.tests(list);
            let ends: Vec<&str> = expected.map_or(&[][..], |(_, ends)| ends).to_vec();
            assert_eq!(ids.len(), ends.len(), "{list} of {what}");
            for end in ends {
                assert!(
                    ids.iter().any(|id| id.ends_with(end)),
                    "{list} {end} of {what}"
                );
            }
        }
        let trees = &verdict.0["checks"][0]["trees"];
        let ran = |tree: &str| trees.as_array().unwrap().iter().any(|one| one == tree);
        assert_eq!((ran("oracle"), ran("probe")), row.ran, "{what}");
    }
}
