//! The list of problems: what is in it, with which weight and place.

use serde_json::{Value, json};

use super::*;
use crate::report::testing::{self, check, finding, reason, review, test};

/// Weight, rule and place of each.
fn listed(with: &Value) -> Vec<String> {
    let verdict = testing::verdict(with);
    let said = |one: &Problem<'_>| {
        let place = one.place.as_ref().map(Place::with_line);
        format!(
            "{} {} {}",
            one.weight.word(),
            one.rule,
            place.unwrap_or_else(|| "-".to_owned())
        )
    };
    all(&verdict).iter().map(said).collect()
}

fn one_test(class: &str) -> Value {
    testing::tests(&json!({ "regressed": [test("a", class, Some("t.py"))] }))
}

#[test]
fn every_reason_is_in_the_list_once_with_its_place_or_without() {
    for (with, expected) in [
        (json!({}), &[][..]),
        // A test shows the reason of its check.
        (
            json!({ "reasons": [reason("tests-regressed", Some("t"))], "tests": one_test("regressed") }),
            &["fail tests-regressed t.py:3"],
        ),
        // Another check's test does not.
        (
            json!({ "reasons": [reason("tests-regressed", Some("u"))], "tests": one_test("regressed") }),
            &["fail tests-regressed -", "fail tests-regressed t.py:3"],
        ),
        (
            json!({ "reasons": [reason("sandbox-unavailable", None)] }),
            &["inconclusive sandbox-unavailable -"],
        ),
        (
            json!({
                "checks": [check("ruff", "lint", "failed", true)],
                "reasons": [reason("lint-new-findings", Some("ruff"))],
                "findings": [
                    finding("F401", "deny", Some("ruff"), Some("a.py")),
                    finding("E1", "note", Some("ruff"), Some("b.py")),
                ],
            }),
            &["fail ruff/F401 a.py:2", "note ruff/E1 b.py:2"],
        ),
        (
            json!({
                "reasons": [reason("rule-denied", None)],
                "findings": [finding("secrets", "deny", None, Some("../out"))],
            }),
            &["fail secrets -"],
        ),
        // One file of two is shown by its finding.
        (
            json!({
                "review": [review("protected-path", &["a", "b"])],
                "findings": [finding("protected-path", "review", None, Some("a"))],
            }),
            &["review protected-path b", "review protected-path a:2"],
        ),
        (
            json!({ "review": [review("flaky", &[])] }),
            &["review flaky -"],
        ),
        // What weighs most comes first.
        (
            json!({ "review": [review("flaky", &[])], "reasons": [reason("no-tests", None), reason("command-failed", None)] }),
            &[
                "fail command-failed -",
                "inconclusive no-tests -",
                "review flaky -",
            ],
        ),
    ] {
        assert_eq!(listed(&with), expected, "{with}");
    }
}

#[test]
fn what_a_check_that_is_not_required_says_is_a_note_and_hides_no_reason() {
    let with = json!({
        "verdict": "pass",
        "checks": [check("t", "test", "failed", false), check("ruff", "lint", "failed", false)],
        "tests": one_test("regressed"),
        "findings": [finding("F401", "deny", Some("ruff"), None)],
    });
    assert_eq!(
        listed(&with),
        ["note tests-regressed t.py:3", "note ruff/F401 -"]
    );
}

#[test]
fn a_finding_of_a_check_weighs_what_the_decision_makes_of_it() {
    let with = json!({
        "checks": [check("layers", "plugin", "failed", true)],
        "reasons": [reason("plugin-failed", Some("layers"))],
        // The decision knows no review by a plugin.
        "findings": [finding("flaky", "review", Some("layers"), None)],
    });
    assert_eq!(listed(&with), ["fail layers/flaky -"]);
}

#[test]
fn equal_fingerprints_are_told_apart_and_the_first_stays_as_it_is() {
    let one = || finding("F401", "deny", Some("ruff"), None);
    let verdict = testing::verdict(&json!({ "findings": [one(), one(), one()] }));
    let prints: BTreeSet<String> = all(&verdict)
        .into_iter()
        .map(|one| one.fingerprint)
        .collect();
    assert_eq!(prints.len(), 3);
    assert!(prints.contains("f"));
}

#[test]
fn a_class_that_tells_against_a_change_leads_to_a_reason() {
    let tests = testing::tests(
        &json!({ "contract": [test("a", "fixed-dropped", None)], "added": [test("b", "added", None)] }),
    );
    let with = json!({ "tests": tests, "review": [review("dropped-failing", &[])] });
    assert_eq!(listed(&with), ["review dropped-failing -"]);
}

#[test]
fn what_has_no_place_is_told_at_the_policy_of_the_base_or_at_the_root() {
    for (policy, place) in [
        (
            json!({ "source": "base", "path": "passmuster.toml" }),
            "passmuster.toml",
        ),
        (
            json!({ "source": "operator", "path": "/etc/policy.toml" }),
            ".",
        ),
        // Not a file of the tree, whatever it is called.
        (
            json!({ "source": "operator", "path": "passmuster.toml" }),
            ".",
        ),
        (json!({ "source": "detected", "path": null }), "."),
    ] {
        let mut whole = json!({ "sha256": "", "presets": [] });
        whole["source"] = policy["source"].clone();
        whole["path"] = policy["path"].clone();
        let verdict = testing::verdict(&json!({ "policy": whole }));
        assert_eq!(elsewhere(&verdict).text(), place);
    }
}
