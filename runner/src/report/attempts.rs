//! The ledger in words: how many candidates came of a base so far.

use passmuster_policy::verdict::{Attempts, Verdict};

/// Nothing for the first one.
pub(super) fn line(verdict: &Verdict) -> Option<String> {
    let Attempts {
        candidates,
        passed,
        failed,
        review,
        inconclusive,
    } = verdict.attempts.filter(|one| one.candidates > 1)?;
    let counts = [
        (passed, "passed"),
        (failed, "failed"),
        (review, "for review"),
        (inconclusive, "inconclusive"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    Some(format!(
        "{candidates} candidates on this base so far: {}",
        counts.join(", ")
    ))
}
