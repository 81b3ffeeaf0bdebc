//! The record: exactly what a verdict's digest covers, as data of its own.
//!
//! It is what has to repeat when the same change is verified again, so it is also what is attested: small, without logs,
//! messages, costs or places of the machine, and whoever holds it can compute the digest from it alone (sha256 of its RFC 8785
//! JSON). Lists are sorted and hold nothing twice, so that equal outcomes have one text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical;
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::policy::{Assurance, KindName};
use crate::reason::{Level, Reason, ReasonCode, Review};
use crate::verdict::{CheckStatus, CheckSummary, Decision, TestEntry, TestSummary, Verdict};

/// What a digest is taken over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`crate::verdict::SCHEMA`].
    pub schema: String,
    /// The word.
    pub verdict: Decision,
    /// Why it is fail or inconclusive.
    pub reasons: Vec<ReasonRecord>,
    /// What a human has to look at.
    pub review: Vec<ReviewRecord>,
    /// The two trees.
    pub subject: Trees,
    /// The policy.
    pub policy: PolicyDigest,
    /// The isolation that was reached; null where nothing ran.
    pub isolation: Option<String>,
    /// What the checks could use.
    pub toolchains: Vec<ToolchainVersion>,
    /// The checks, in the policy's order.
    pub checks: Vec<CheckRecord>,
    /// The comparison of tests; null where there was none.
    pub tests: Option<TestRecord>,
    /// What rules, linters and plugins point at.
    pub findings: Vec<FindingRecord>,
}

/// A reason without its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRecord {
    /// The code.
    pub code: ReasonCode,
    /// The check it belongs to.
    pub check: Option<String>,
    /// What it is about.
    pub ids: Vec<String>,
}

/// A review item without its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRecord {
    /// The code.
    pub code: ReasonCode,
    /// The tests it is about.
    pub ids: Vec<String>,
    /// The files it is about.
    pub files: Vec<RepoPath>,
}

/// Base and candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trees {
    /// Tree id of the base.
    pub base_tree: String,
    /// Tree id of the candidate; null where the change could not be applied.
    pub candidate_tree: Option<String>,
}

/// A policy by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDigest {
    /// [`crate::policy::Policy::digest`].
    pub sha256: String,
}

/// A toolchain without the place where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolchainVersion {
    /// `python`, `rust` …
    pub name: String,
    /// As the toolchain itself says.
    pub version: String,
}

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRecord {
    /// Its name in the policy.
    pub name: String,
    /// Its kind.
    pub kind: KindName,
    /// Whether the verdict needs it.
    pub required: bool,
    /// How it came out.
    pub status: CheckStatus,
    /// How far its result can be trusted.
    pub assurance: Option<Assurance>,
}

/// A test: its check, and its id within the check.
pub type TestName = (String, String);

/// The tests of each class. Unmeasured lists are null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRecord {
    /// Passed, and fail now.
    pub regressed: Vec<TestName>,
    /// The edited test fails while the base's version passes.
    pub broken: Option<Vec<TestName>>,
    /// Passed, and are gone.
    pub vanished: Vec<TestName>,
    /// Passed, and are skipped.
    pub silenced: Vec<TestName>,
    /// Of interest to a human.
    pub contract: Option<Vec<TestName>>,
    /// Failed, and pass.
    pub fixed: Vec<TestName>,
    /// New or skipped before, and fail.
    pub added_failing: Vec<TestName>,
}

/// A finding without its message and its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingRecord {
    /// Rule id.
    pub rule: String,
    /// What it does to the verdict.
    pub level: FindingLevel,
    /// The file.
    pub path: Option<RepoPath>,
    /// Equal for the same finding in another run.
    pub fingerprint: String,
    /// True when the base does not have it.
    pub new: bool,
}

impl Record {
    /// Of a verdict.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        let toolchain = |one: &crate::evidence::Toolchain| ToolchainVersion {
            name: one.name.clone(),
            version: one.version.clone(),
        };
        Self {
            schema: verdict.schema.clone(),
            verdict: verdict.verdict,
            reasons: sorted(verdict.reasons.iter().map(reason)),
            review: sorted(verdict.review.iter().map(review)),
            subject: Trees {
                base_tree: verdict.subject.base_tree.clone(),
                candidate_tree: verdict.subject.candidate_tree.clone(),
            },
            policy: PolicyDigest {
                sha256: verdict.policy.sha256.clone(),
            },
            isolation: verdict.isolation.clone(),
            toolchains: sorted(verdict.environment.toolchains.iter().map(toolchain)),
            checks: verdict.checks.iter().map(check).collect(),
            tests: verdict.tests.as_ref().map(tests),
            findings: sorted(verdict.findings.iter().map(finding)),
        }
    }

    /// The verdict's digest: sha256 of the canonical JSON.
    #[must_use]
    pub fn digest(&self) -> String {
        canonical::sha256(&json(self))
    }

    /// The word that reasons and review items lead to, whatever [`Self::verdict`] says.
    #[must_use]
    pub fn word(&self) -> Decision {
        let is_failure = |reason: &ReasonRecord| reason.code.level() == Level::Fail;
        match self.reasons.as_slice() {
            reasons if reasons.iter().any(is_failure) => Decision::Fail,
            [_, ..] => Decision::Inconclusive,
            [] if !self.review.is_empty() => Decision::Review,
            [] => Decision::Pass,
        }
    }

    /// The names of the parts in which two records differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        differences("", &json(self), &json(other), &mut found);
        found
    }
}

/// Follows tables down to the first part that is no table on both sides.
fn differences(name: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    let (Value::Object(left), Value::Object(right)) = (one, other) else {
        found.extend((one != other).then(|| name.to_owned()));
        return;
    };
    for (key, value) in left {
        let inner = match name {
            "" => key.clone(),
            _ => format!("{name}.{key}"),
        };
        differences(&inner, value, right.get(key).unwrap_or(&Value::Null), found);
    }
}

fn json<T: Serialize>(value: &T) -> Value {
    // Plain data: no map with keys that are not strings, the only way to fail.
    serde_json::to_value(value).unwrap_or_default()
}

/// The values in the order of their text, each once.
fn sorted<T: Serialize>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<(String, T)> = values.map(|one| (json(&one).to_string(), one)).collect();
    values.sort_by(|(one, _), (other, _)| one.cmp(other));
    values.dedup_by(|(one, _), (other, _)| one == other);
    values.into_iter().map(|(_, one)| one).collect()
}

fn reason(reason: &Reason) -> ReasonRecord {
    ReasonRecord {
        code: reason.code,
        check: reason.check.clone(),
        ids: sorted(reason.ids.iter().cloned()),
    }
}

fn review(review: &Review) -> ReviewRecord {
    ReviewRecord {
        code: review.code,
        ids: sorted(review.ids.iter().cloned()),
        files: sorted(review.files.iter().cloned()),
    }
}

fn check(check: &CheckSummary) -> CheckRecord {
    CheckRecord {
        name: check.name.clone(),
        kind: check.kind,
        required: check.required,
        status: check.status,
        assurance: check.assurance,
    }
}

fn tests(tests: &TestSummary) -> TestRecord {
    TestRecord {
        regressed: names(&tests.regressed),
        broken: tests.broken.as_deref().map(names),
        vanished: names(&tests.vanished),
        silenced: names(&tests.silenced),
        contract: tests.contract.as_deref().map(names),
        fixed: names(&tests.fixed),
        added_failing: names(&tests.added_failing),
    }
}

fn names(entries: &[TestEntry]) -> Vec<TestName> {
    let name = |entry: &TestEntry| (entry.check.clone(), entry.id.clone());
    sorted(entries.iter().map(name))
}

fn finding(finding: &Finding) -> FindingRecord {
    FindingRecord {
        rule: finding.rule.clone(),
        level: finding.level,
        path: finding.path.clone(),
        fingerprint: finding.fingerprint.clone(),
        new: finding.new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let json = serde_json::json!({
            "schema": "s", "verdict": "fail",
            "reasons": [{ "code": "tests-regressed", "check": "t", "ids": ["a"] }],
            "review": [{ "code": "protected-path", "ids": [], "files": ["x"] }],
            "subject": { "base_tree": "b", "candidate_tree": "c" }, "policy": { "sha256": "p" },
            "isolation": "full", "toolchains": [], "checks": [], "tests": null, "findings": []
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn differences_are_named_down_to_the_part() {
        let one = record();
        assert_eq!(one.differences(&one), Vec::<String>::new());
        let mut other = one.clone();
        other.subject.candidate_tree = None;
        other.isolation = None;
        other.reasons.clear();
        assert_eq!(
            one.differences(&other),
            ["isolation", "reasons", "subject.candidate_tree"]
        );
    }

    #[test]
    fn the_word_follows_from_reasons_and_review_items() {
        let mut one = record();
        assert_eq!(one.word(), Decision::Fail);
        one.reasons[0].code = ReasonCode::ToolMissing;
        assert_eq!(one.word(), Decision::Inconclusive);
        one.reasons.clear();
        assert_eq!(one.word(), Decision::Review);
        one.review.clear();
        assert_eq!(one.word(), Decision::Pass);
    }

    #[test]
    fn values_are_sorted_by_their_text_and_stand_there_once() {
        let values = ["b", "a\u{1}", "b", "aé"].map(str::to_owned);
        assert_eq!(sorted(values.into_iter()), ["a\u{1}", "aé", "b"]);
    }
}
