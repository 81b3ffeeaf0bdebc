//! A verdict for the tests of the formats, made from the JSON that every verdict has.

use passmuster_policy::verdict::Verdict;
use serde_json::{Value, json};

/// Merges `with` into a verdict that says nothing against anything.
pub(super) fn verdict(with: &Value) -> Verdict {
    let mut document = json!({
        "schema": "passmuster.verdict/1", "verdict": "fail", "reasons": [], "review": [],
        "subject": {
            "base_tree": "b".repeat(40), "candidate_tree": "c".repeat(40), "base_commit": null, "base_ref": "HEAD",
            "base_trust": "local", "patch_sha256": null
        },
        "policy": { "source": "base", "path": "passmuster.toml", "sha256": "0".repeat(64), "presets": [] },
        "enforcement": [], "isolation": "full",
        "environment": { "runner": "0.1.0", "os": "Linux", "toolchains": [] },
        "checks": [], "tests": null, "controls": null, "findings": [], "next_steps": [],
        "reproduce": "passmuster verify", "attempts": null,
        "timing": { "total_ms": 1500, "setup_ms": null }, "digest": "d".repeat(64),
    });
    for (name, value) in with.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// A check.
pub(super) fn check(name: &str, kind: &str, status: &str, required: bool) -> Value {
    json!({
        "name": name, "kind": kind, "required": required, "status": status, "assurance": null, "cached": [],
        "trees": ["base", "candidate"], "findings": null, "tests": 3, "usage": usage(), "log": "log",
    })
}

fn usage() -> Value {
    serde_json::to_value(passmuster_policy::run::Usage::default()).unwrap()
}

/// A test of the check `t`.
pub(super) fn test(id: &str, class: &str, file: Option<&str>) -> Value {
    json!({
        "check": "t", "id": id, "class": class, "selector": null, "file": file, "line": file.map(|_| 3),
        "message": null, "expected": null, "actual": null, "detail": null, "frames": [], "renamed_from": null, "reruns": null,
    })
}

/// Lists of tests; those not named are empty.
pub(super) fn tests(with: &Value) -> Value {
    let mut tests = json!({
        "regressed": [], "broken": [], "vanished": [], "silenced": [], "contract": [], "fixed": [], "added": [],
        "added_failing": [], "flaky": [], "preexisting": 0, "maintained": 0, "unavailable": 0, "fix_proven": null,
        "proves": null,
    });
    for (name, value) in with.as_object().unwrap() {
        tests[name] = value.clone();
    }
    tests
}

/// A finding; `check` none for a rule of ours.
pub(super) fn finding(rule: &str, level: &str, check: Option<&str>, path: Option<&str>) -> Value {
    json!({
        "rule": rule, "level": level, "check": check, "path": path, "path_b64": null,
        "lines": { "start": 2, "end": 4 }, "message": "a finding", "new": true, "fingerprint": "f",
    })
}

/// A reason.
pub(super) fn reason(code: &str, check: Option<&str>) -> Value {
    json!({ "code": code, "check": check, "ids": ["one"], "message": "it is so" })
}

/// A review item.
pub(super) fn review(code: &str, files: &[&str]) -> Value {
    json!({ "code": code, "ids": [], "files": files, "message": "look at it" })
}
