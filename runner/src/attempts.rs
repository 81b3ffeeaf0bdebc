//! The ledger of attempts: how many candidates were judged on a base, and which tests were flaky in them.
//!
//! Whoever may try as often as they like gets through in the end where luck decides. The same candidate has its
//! first answer for ever ([`crate::past`]); other candidates on the same base are counted and shown, and a test
//! that was flaky in three of them is no accident of the one at hand. Who asked is not known here, so a base
//! stands for the task.

use std::path::Path;

use passmuster_policy::policy::{FlakyEffect, Policy};
use passmuster_policy::reason::{ReasonCode, Review};
use passmuster_policy::verdict::{Attempts, Decision, TestEntry, Verdict};

use crate::report::word;
use crate::store::{Store, StoreError};

/// From how many candidates on a flaky test is for a person to see (DESIGN: the third time).
const TOO_OFTEN: u64 = 3;

/// The candidates of this base so far, the one of this verdict included; none for a verdict on no candidate.
pub fn count(
    store: &Store,
    repository: &Path,
    verdict: &Verdict,
) -> Result<Option<Attempts>, StoreError> {
    let subject = &verdict.subject;
    let Some(candidate) = subject.candidate_tree.as_ref() else {
        return Ok(None);
    };
    if *candidate == subject.base_tree {
        return Ok(None);
    }
    let mut words = store.candidates(&repository.to_string_lossy(), &subject.base_tree)?;
    words.insert(candidate.clone(), word(verdict.verdict).to_owned());
    let of = |decision| words.values().filter(|one| *one == word(decision)).count() as u64;
    Ok(Some(Attempts {
        candidates: words.len() as u64,
        passed: of(Decision::Pass),
        failed: of(Decision::Fail),
        review: of(Decision::Review),
        inconclusive: of(Decision::Inconclusive),
    }))
}

/// Tests that were flaky in this candidate alone, and in others before it too often, where the policy lets
/// flaky tests pass with a note.
pub fn flaky_again(
    store: &Store,
    repository: &Path,
    policy: &Policy,
    verdict: &Verdict,
) -> Result<Option<Review>, StoreError> {
    let mut ids = Vec::new();
    for test in flaky(verdict).filter(|_| policy.tests.flaky == FlakyEffect::Note) {
        let mut candidates =
            store.flaky_in(&repository.to_string_lossy(), &test.check, &test.id)?;
        candidates.extend(verdict.subject.candidate_tree.clone());
        if candidates.len() as u64 >= TOO_OFTEN {
            ids.push(test.id.clone());
        }
    }
    ids.sort();
    Ok(ids.first().cloned().map(|first| Review {
        code: ReasonCode::Flaky,
        message: format!(
            "{} failed once among repeated runs in {TOO_OFTEN} candidates or more of this repository, first {first}",
            ids.len()
        ),
        ids,
        files: Vec::new(),
    }))
}

/// Notes which tests were flaky in a verdict's candidate.
pub fn remember_flaky(
    store: &Store,
    repository: &Path,
    verdict: &Verdict,
) -> Result<(), StoreError> {
    let Some(candidate) = &verdict.subject.candidate_tree else {
        return Ok(());
    };
    let repository = repository.to_string_lossy();
    flaky(verdict)
        .try_for_each(|test| store.put_flaky(&repository, &test.check, &test.id, candidate))
}

/// Those that the base never failed: what fails there too is known to be.
fn flaky(verdict: &Verdict) -> impl Iterator<Item = &TestEntry> {
    let tests = verdict.tests.iter().flat_map(|tests| &tests.flaky);
    tests.filter(|test| test.reruns.is_some_and(|runs| runs.base_failures == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verdict on `candidate`, in which `t` failed once of four runs, and on the base as often as said.
    fn verdict(candidate: &str, base_failures: u32) -> Verdict {
        let test = serde_json::json!({
            "check": "tests", "id": "t", "class": "regressed", "selector": null, "file": null, "line": null,
            "message": null, "expected": null, "actual": null, "detail": null, "renamed_from": null,
            "reruns": { "runs": 4, "base_failures": base_failures, "candidate_failures": 1 }
        });
        let json = serde_json::json!({
            "schema": "", "verdict": "pass", "reasons": [], "review": [],
            "subject": { "base_tree": "base", "candidate_tree": candidate, "base_commit": null,
                "base_ref": null, "base_trust": null, "patch_sha256": null },
            "policy": { "source": "base", "path": null, "sha256": "", "presets": [] },
            "enforcement": [], "isolation": null,
            "environment": { "runner": "", "os": "", "toolchains": [] }, "checks": [],
            "tests": { "regressed": [], "broken": null, "vanished": [], "silenced": [], "contract": null,
                "fixed": [], "added": [], "added_failing": [], "flaky": [test], "preexisting": 0,
                "maintained": 0, "unavailable": 0, "fix_proven": null, "proves": null },
            "controls": null, "findings": [], "next_steps": [], "reproduce": null,
            "timing": { "total_ms": 0, "setup_ms": null }, "digest": ""
        });
        serde_json::from_value(json).unwrap()
    }

    fn policy(flaky: &str) -> Policy {
        let text = format!("version = 1\n[tests]\nflaky = \"{flaky}\"\n");
        passmuster_policy::policy::parse(&text, "policy").unwrap()
    }

    #[test]
    fn a_test_that_was_flaky_in_two_candidates_before_asks_for_a_person() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("history.db")).unwrap();
        let asked = |candidate: &str, base_failures, flaky| {
            let verdict = verdict(candidate, base_failures);
            let found = flaky_again(&store, dir.path(), &policy(flaky), &verdict).unwrap();
            found.map(|review| review.ids)
        };
        for candidate in ["one", "one", "two"] {
            assert_eq!(asked("three", 0, "note"), None, "before {candidate}");
            remember_flaky(&store, dir.path(), &verdict(candidate, 0)).unwrap();
            remember_flaky(&store, dir.path(), &verdict("never", 1)).unwrap();
        }
        assert_eq!(asked("two", 0, "note"), None, "the same one again");
        assert_eq!(asked("three", 0, "note"), Some(vec!["t".to_owned()]));
        assert_eq!(asked("three", 1, "note"), None, "the base is flaky too");
        assert_eq!(
            asked("three", 0, "review"),
            None,
            "the policy says so already"
        );
    }
}
