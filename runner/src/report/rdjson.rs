//! The verdict as rdjson: the Reviewdog Diagnostic Format, one object.
//!
//! Every diagnostic needs a file: what has no place is told at the policy of the base, or at the root.

use passmuster_policy::verdict::Verdict;
use serde_json::{Value, json};

use super::place::Place;
use super::problems::{Problem, Weight, all, elsewhere};

/// The document.
pub(super) fn document(verdict: &Verdict) -> Value {
    let problems = all(verdict);
    let home = elsewhere(verdict);
    let strongest = problems.first().map_or(Weight::Note, |one| one.weight);
    json!({
        "source": { "name": "passmuster" },
        "severity": severity(strongest),
        "diagnostics": problems.iter().map(|one| diagnostic(one, &home)).collect::<Vec<_>>(),
    })
}

fn diagnostic(problem: &Problem<'_>, home: &Place) -> Value {
    let mut diagnostic = json!({
        "message": problem.message,
        "location": location(problem.place.as_ref().unwrap_or(home)),
        "severity": severity(problem.weight),
        "code": { "value": problem.rule },
    });
    let related = problem.related.iter();
    let related: Vec<Value> = related
        .map(|place| json!({ "message": "see also", "location": location(place) }))
        .collect();
    if let Some(known) = diagnostic.as_object_mut().filter(|_| !related.is_empty()) {
        known.insert("related_locations".to_owned(), related.into());
    }
    diagnostic
}

fn location(place: &Place) -> Value {
    match place.lines() {
        None => json!({ "path": place.text() }),
        Some(lines) => json!({
            "path": place.text(),
            "range": { "start": { "line": lines.start }, "end": { "line": lines.end } },
        }),
    }
}

fn severity(weight: Weight) -> &'static str {
    match weight {
        Weight::Fail | Weight::Inconclusive => "ERROR",
        Weight::Review => "WARNING",
        Weight::Note => "INFO",
    }
}
