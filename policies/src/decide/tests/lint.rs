//! Lint checks: what counts, and that a tool which broke down never means that there is nothing.

use super::*;
use crate::finding::Lines;
use crate::lint::{LintEvidence, LintFinding, LintReport, LintRun};

const LINT: &str =
    "version = 1\n[[check]]\nname = \"t\"\nkind = \"lint\"\nreport = \"sarif\"\nrun = [\"x\"]\n";

/// A run that found these rules, one on each line of a file, and ended as linters do.
fn found(rules: &str) -> LintRun {
    let rules: Vec<&str> = rules.split_whitespace().collect();
    let finding = |(at, rule): (usize, &&str)| LintFinding {
        path: Some("pkg/mod.py".into()),
        lines: Some(Lines {
            start: at as u32 + 1,
            end: at as u32 + 1,
        }),
        rule: (*rule).to_owned(),
        message: "bad".to_owned(),
        fix: None,
        text: format!("line of {rule}"),
    };
    LintRun {
        outcome: Outcome::Exited {
            status: i32::from(!rules.is_empty()),
        },
        report: LintReport::Whole,
        entries: rules.len() as u64,
        findings: rules.iter().enumerate().map(finding).collect(),
        elsewhere: 0,
        leaked_processes: 0,
        usage: Usage::default(),
        denials: Vec::new(),
        log_tail: "boom\n".to_owned(),
    }
}

fn ended(rules: &str, outcome: Outcome) -> LintRun {
    LintRun {
        outcome,
        ..found(rules)
    }
}

fn status(rules: &str, status: i32) -> LintRun {
    ended(rules, Outcome::Exited { status })
}

fn reported(rules: &str, report: LintReport) -> LintRun {
    LintRun {
        report,
        ..found(rules)
    }
}

fn unusable() -> LintRun {
    let why = "its report is empty".to_owned();
    reported("", LintReport::Unusable { why })
}

fn partial(rules: &str) -> LintRun {
    let why = "it stopped".to_owned();
    reported(rules, LintReport::Partial { why })
}

fn verdict(more: &str, base: LintRun, candidate: LintRun) -> Verdict {
    let mut all = evidence(CheckResult::Lint(Box::new(LintEvidence {
        base,
        candidate,
    })));
    all.checks[0].kind = KindName::Lint;
    decide(&policy(&format!("{LINT}{more}")), &all)
}

#[test]
fn new_findings_fail_and_a_tool_that_broke_down_is_never_a_pass() {
    let limit = || Outcome::LimitExceeded {
        limit: "wall".to_owned(),
    };
    let killed = || Outcome::Signalled { signal: 11 };
    let missing = || Outcome::NotStarted {
        why: "not there".to_owned(),
    };
    let cases = [
        ("", found(""), found(""), "pass: |"),
        ("", found("A B"), found("A B"), "pass: |"),
        ("", found("A B"), found("A"), "pass: |"),
        ("", found("A"), found("A B"), "fail: lint-new-findings |"),
        ("", found("A"), found("A A"), "fail: lint-new-findings |"),
        (
            "gate = \"all\"",
            found("A"),
            found("A"),
            "fail: lint-new-findings |",
        ),
        ("gate = \"all\"", found("A"), found(""), "pass: |"),
        ("required = false", found(""), found("A"), "pass: |"),
        // A status that the policy does not know says nothing, whatever the report says.
        ("", found(""), status("", 2), "inconclusive: tool-error |"),
        ("", found(""), status("A", 2), "inconclusive: tool-error |"),
        (
            "ok-exit = [0, 2]",
            found(""),
            status("A", 2),
            "fail: lint-new-findings |",
        ),
        ("", found(""), status("", 1), "inconclusive: tool-error |"),
        (
            "",
            found(""),
            ended("", killed()),
            "inconclusive: tool-error |",
        ),
        ("", found(""), ended("", limit()), "fail: limit-exceeded |"),
        ("", found(""), unusable(), "inconclusive: tool-error |"),
        ("", found(""), partial(""), "inconclusive: tool-error |"),
        (
            "",
            found(""),
            partial("A"),
            "fail: lint-new-findings tool-error |",
        ),
        // The base cannot judge.
        (
            "",
            status("", 2),
            found(""),
            "inconclusive: baseline-failed |",
        ),
        (
            "",
            status("", 2),
            found("A"),
            "inconclusive: baseline-failed |",
        ),
        ("", unusable(), found(""), "inconclusive: baseline-failed |"),
        (
            "",
            partial("A"),
            partial("A"),
            "inconclusive: baseline-failed |",
        ),
        (
            "",
            status("", 1),
            status("", 1),
            "inconclusive: tool-error |",
        ),
        (
            "",
            ended("", limit()),
            found(""),
            "inconclusive: baseline-failed |",
        ),
        (
            "",
            ended("", missing()),
            found(""),
            "inconclusive: tool-missing |",
        ),
        (
            "",
            found(""),
            ended("", Outcome::Interrupted),
            "inconclusive: interrupted |",
        ),
    ];
    for (at, (more, base, candidate, expected)) in cases.into_iter().enumerate() {
        assert_eq!(
            shown(&verdict(more, base, candidate)),
            expected,
            "case {at}"
        );
    }
}

#[test]
fn findings_have_place_and_count_and_the_unchanged_ones_are_notes() {
    let verdict = verdict("", found("A"), found("A B"));
    let told: Vec<_> = verdict
        .findings
        .iter()
        .map(|one| (one.rule.as_str(), one.level, one.new))
        .collect();
    assert_eq!(
        told,
        [
            ("A", FindingLevel::Note, false),
            ("B", FindingLevel::Deny, true)
        ]
    );
    let check = &verdict.checks[0];
    assert_eq!((check.findings, check.new_findings), (Some(2), Some(1)));
    assert_eq!(verdict.reasons[0].message, "pkg/mod.py:2: bad (B)");
    assert_eq!(verdict.reasons[0].check.as_deref(), Some("t"));
}

#[test]
fn a_broken_tool_says_what_it_said_last() {
    let verdict = verdict("", found(""), status("", 70));
    let message = &verdict.reasons[0].message;
    assert!(
        message.contains("status 70") && message.contains("boom"),
        "{message}"
    );
    assert_eq!(verdict.checks[0].findings, None);
}
