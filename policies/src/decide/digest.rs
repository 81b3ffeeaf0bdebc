//! The digest: sha256 of the canonical JSON of what has to repeat. Times, messages, logs, costs and
//! the machine are no part of it.

use serde_json::{Value, json};

use crate::canonical;
use crate::finding::Finding;
use crate::reason::{Reason, Review};
use crate::verdict::{CheckSummary, TestEntry, TestSummary, Verdict};

pub(super) fn of(verdict: &Verdict) -> String {
    canonical::sha256(&covered(verdict))
}

fn covered(verdict: &Verdict) -> Value {
    json!({
        "schema": verdict.schema,
        "verdict": verdict.verdict,
        "reasons": sorted(verdict.reasons.iter().map(reason)),
        "review": sorted(verdict.review.iter().map(review)),
        "subject": {
            "base_tree": verdict.subject.base_tree,
            "candidate_tree": verdict.subject.candidate_tree,
        },
        "policy": { "sha256": verdict.policy.sha256 },
        "isolation": verdict.isolation,
        "toolchains": sorted(verdict.environment.toolchains.iter().map(|toolchain| {
            json!({ "name": toolchain.name, "version": toolchain.version })
        })),
        "checks": verdict.checks.iter().map(check).collect::<Value>(),
        "tests": verdict.tests.as_ref().map(tests),
        "findings": sorted(verdict.findings.iter().map(finding)),
    })
}

/// The values in the order of their text, each once.
fn sorted(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    values.sort_by_cached_key(Value::to_string);
    values.dedup();
    Value::Array(values)
}

fn reason(reason: &Reason) -> Value {
    json!({ "code": reason.code, "check": reason.check, "ids": texts(&reason.ids) })
}

fn review(review: &Review) -> Value {
    let files = review.files.iter().map(|file| json!(file));
    json!({ "code": review.code, "ids": texts(&review.ids), "files": sorted(files) })
}

fn texts(ids: &[String]) -> Value {
    sorted(ids.iter().map(|id| json!(id)))
}

fn check(check: &CheckSummary) -> Value {
    json!({
        "name": check.name,
        "kind": check.kind,
        "required": check.required,
        "status": check.status,
        "assurance": check.assurance,
    })
}

fn tests(tests: &TestSummary) -> Value {
    json!({
        "regressed": ids(&tests.regressed),
        "broken": tests.broken.as_deref().map(ids),
        "vanished": ids(&tests.vanished),
        "silenced": ids(&tests.silenced),
        "contract": tests.contract.as_deref().map(ids),
        "fixed": ids(&tests.fixed),
        "added_failing": ids(&tests.added_failing),
    })
}

/// A test's id is its check and its id within the check.
fn ids(entries: &[TestEntry]) -> Value {
    sorted(entries.iter().map(|entry| json!([entry.check, entry.id])))
}

fn finding(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule,
        "level": finding.level,
        "path": finding.path,
        "fingerprint": finding.fingerprint,
        "new": finding.new,
    })
}
