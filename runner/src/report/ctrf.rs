//! The verdict in the Common Test Report Format: the same cases as in JUnit XML, as one JSON object.
//!
//! The format demands a start, a stop and a duration for each test, which no verdict has: the run starts at 0 and stops
//! after so many milliseconds as it took, and every test has the duration 0. What the format has no key for is in `extra`.

use passmuster_policy::verdict::Verdict;
use serde_json::{Map, Value, json};

use super::cases::{Case, Outcome, Suite, suites};
use super::word;

/// The version of the format that this is written by.
const SPEC: &str = "0.0.0";

/// The document.
pub(super) fn document(verdict: &Verdict, run: &str) -> Value {
    let (suites, left_out) = suites(verdict);
    let tests: Vec<Value> = suites
        .iter()
        .flat_map(|suite| suite.cases.iter().map(|case| test(suite, case)))
        .collect();
    let count = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    let flaky = tests.iter().filter(|test| test["flaky"] == true).count();
    json!({
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "runId": run,
        "generatedBy": "passmuster",
        "results": {
            "tool": { "name": "passmuster", "version": verdict.environment.runner },
            "summary": {
                "tests": tests.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "skipped": count("skipped"),
                "pending": 0,
                "other": 0,
                "flaky": flaky,
                "suites": suites.len(),
                "start": 0,
                "stop": verdict.timing.total_ms,
            },
            "tests": tests,
        },
        "extra": extra(verdict, left_out),
    })
}

fn extra(verdict: &Verdict, left_out: usize) -> Value {
    let tests = verdict.tests.as_ref();
    json!({
        "verdict": word(verdict.verdict),
        "digest": verdict.digest,
        "baseTree": verdict.subject.base_tree,
        "candidateTree": verdict.subject.candidate_tree,
        "maintained": tests.map(|tests| tests.maintained),
        "preexisting": tests.map(|tests| tests.preexisting),
        "unavailable": tests.map(|tests| tests.unavailable),
        "leftOut": left_out,
    })
}

fn test(suite: &Suite, case: &Case) -> Value {
    let mut test = Map::new();
    let mut put = |name: &str, value: Value| test.insert(name.to_owned(), value);
    put("name", json!(case.name));
    put("status", json!(status(case.outcome)));
    put("duration", json!(0));
    put("suite", json!([suite.name]));
    put("rawStatus", json!(raw(case.outcome)));
    put("extra", json!({ "kind": case.kind }));
    if !case.message.is_empty() {
        put("message", json!(case.message));
    }
    if !case.detail.is_empty() {
        put("trace", json!(case.detail));
    }
    if let Some(place) = &case.place {
        put("filePath", json!(place.text()));
    }
    if let Some(lines) = case.place.as_ref().and_then(|place| place.lines()) {
        put("line", json!(lines.start));
    }
    if let Some(reruns) = case.reruns {
        put("retries", json!(reruns.runs.saturating_sub(1)));
    }
    if case.outcome == Outcome::Flaky {
        put("flaky", json!(true));
    }
    Value::Object(test)
}

/// What could not be verified is no success: every reader takes `failed` for no.
fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed | Outcome::Flaky => "passed",
        Outcome::Failed | Outcome::Error => "failed",
        Outcome::Skipped => "skipped",
    }
}

fn raw(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Flaky => "flaky",
        Outcome::Failed => "failed",
        Outcome::Error => "error",
        Outcome::Skipped => "skipped",
    }
}
