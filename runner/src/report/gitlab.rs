//! The verdict as a report of GitLab's code quality.
//!
//! Every entry needs a path and a line: what has no place is told in the first line of the policy of the base, or of the
//! root. Fingerprints are unique, because GitLab drops the second entry with the same one.

use passmuster_policy::verdict::Verdict;
use serde_json::{Value, json};

use super::place::Place;
use super::problems::{Problem, Weight, all, elsewhere};

/// The document: an array.
pub(super) fn document(verdict: &Verdict) -> Value {
    let home = elsewhere(verdict);
    let entries = all(verdict);
    entries.iter().map(|one| entry(one, &home)).collect()
}

fn entry(problem: &Problem<'_>, home: &Place) -> Value {
    let place = problem.place.as_ref().unwrap_or(home);
    let (begin, end) = place
        .lines()
        .map_or((1, 1), |lines| (lines.start, lines.end));
    json!({
        "description": problem.message,
        "check_name": problem.rule,
        "fingerprint": problem.fingerprint,
        "severity": severity(problem.weight),
        "location": { "path": place.text(), "lines": { "begin": begin, "end": end } },
    })
}

fn severity(weight: Weight) -> &'static str {
    match weight {
        Weight::Fail | Weight::Inconclusive => "critical",
        Weight::Review => "major",
        Weight::Note => "info",
    }
}
