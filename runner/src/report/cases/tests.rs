//! The cases of a verdict: which there are, and which are red.

use serde_json::{Value, json};

use super::*;
use crate::report::testing::{self, check, finding, reason, test};

/// `SUITE: NAME OUTCOME` of each case.
fn listed(with: &Value) -> Vec<String> {
    let (suites, left_out) = suites(&testing::verdict(with));
    assert_eq!(left_out, 0);
    let cases = suites.iter().flat_map(|suite| {
        let cases = suite.cases.iter();
        cases.map(|case| format!("{}: {} {:?}", suite.name, case.name, case.outcome))
    });
    cases.collect()
}

#[test]
fn the_verdict_itself_is_red_unless_it_is_a_pass() {
    for (decision, outcome) in [
        ("pass", "Passed"),
        ("fail", "Failed"),
        ("review", "Failed"),
        ("inconclusive", "Error"),
    ] {
        let found = listed(&json!({ "verdict": decision }));
        assert_eq!(found, [format!("passmuster: verdict {outcome}")]);
    }
}

#[test]
fn a_check_that_says_nothing_of_single_tests_is_a_case_itself() {
    for (status, required, outcome) in [
        ("passed", true, "Passed"),
        ("failed", true, "Failed"),
        ("failed", false, "Skipped"),
        ("inconclusive", true, "Error"),
        ("inconclusive", false, "Skipped"),
        ("not-run", true, "Error"),
        ("not-run", false, "Skipped"),
        ("not-applicable", true, "Skipped"),
    ] {
        let checks = json!([check("c", "command", status, required)]);
        let found = listed(&json!({ "verdict": "pass", "checks": checks }));
        assert_eq!(
            found,
            [
                "passmuster: verdict Passed".to_owned(),
                format!("c: c {outcome}")
            ],
            "{status}, {required}"
        );
    }
}

#[test]
fn what_a_check_says_stands_in_its_suite_and_what_nobody_says_in_ours() {
    let tests = testing::tests(&json!({
        "regressed": [test("a", "regressed", Some("t.py"))],
        "contract": [test("b", "contract-changed", None)],
        "fixed": [test("c", "fixed", None)],
        "added": [test("d", "added", None)],
        "flaky": [test("e", "maintained", None)],
    }));
    let with = json!({
        "checks": [check("t", "test", "failed", true), check("ruff", "lint", "inconclusive", true)],
        "tests": tests,
        "reasons": [reason("tests-regressed", Some("t")), reason("tool-error", Some("ruff")), reason("empty-change", None)],
        "findings": [
            finding("secrets", "deny", None, Some("a.py")),
            finding("E1", "note", Some("ruff"), Some("a.py")),
        ],
    });
    assert_eq!(
        listed(&with),
        [
            "passmuster: verdict Failed",
            "passmuster: secrets a.py:2 Failed",
            "passmuster: empty-change Error",
            "t: a Failed",
            "t: b Failed",
            "t: c Passed",
            "t: d Passed",
            "t: e Flaky",
            "ruff: tool-error Error",
        ]
    );
}

#[test]
fn a_test_of_a_check_that_is_not_required_is_told_and_red_for_nobody() {
    let with = json!({
        "verdict": "pass",
        "checks": [check("t", "test", "failed", false)],
        "tests": testing::tests(&json!({ "regressed": [test("a", "regressed", None)] })),
    });
    assert_eq!(
        listed(&with),
        ["passmuster: verdict Passed", "t: t Skipped", "t: a Skipped"]
    );
}

#[test]
fn a_check_with_our_name_hides_nothing() {
    let checks = json!([check(OWN, "command", "passed", true)]);
    let found = listed(&json!({ "verdict": "inconclusive", "checks": checks }));
    assert_eq!(
        found,
        [
            "passmuster: verdict Error",
            "passmuster (check): passmuster Passed"
        ]
    );
}
