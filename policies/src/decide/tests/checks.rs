//! Commands, checks that did not run, and what belongs to no check.

use super::*;

#[test]
fn two_exit_statuses_of_a_command_give_the_verdict() {
    let exited = |status| Outcome::Exited { status };
    let limit = || Outcome::LimitExceeded {
        limit: "wall".to_owned(),
    };
    let absent = || Outcome::NotStarted {
        why: "not found".to_owned(),
    };
    let unready = || Outcome::ServiceNotReady {
        service: "db".to_owned(),
        why: "it ended with status 1".to_owned(),
    };
    for (base, candidate, expected) in [
        (Some(exited(0)), Some(exited(0)), "pass: |"),
        (Some(exited(1)), Some(exited(0)), "pass: |"),
        (None, Some(exited(0)), "pass: |"),
        (Some(exited(0)), Some(exited(1)), "fail: command-failed |"),
        (
            Some(exited(0)),
            Some(Outcome::Signalled { signal: 11 }),
            "fail: command-failed |",
        ),
        (Some(exited(0)), Some(limit()), "fail: limit-exceeded |"),
        (Some(exited(0)), Some(absent()), "fail: command-failed |"),
        (
            Some(exited(1)),
            Some(exited(1)),
            "inconclusive: baseline-failed |",
        ),
        (
            Some(limit()),
            Some(limit()),
            "inconclusive: baseline-failed |",
        ),
        (
            Some(absent()),
            Some(absent()),
            "inconclusive: tool-missing |",
        ),
        (
            Some(unready()),
            Some(unready()),
            "inconclusive: service-unavailable |",
        ),
        (
            Some(unready()),
            Some(exited(1)),
            "inconclusive: service-unavailable |",
        ),
        (Some(unready()), None, "inconclusive: service-unavailable |"),
        (Some(exited(0)), Some(unready()), "fail: command-failed |"),
        (
            Some(exited(1)),
            Some(unready()),
            "inconclusive: baseline-failed |",
        ),
        (None, Some(exited(1)), "inconclusive: check-not-run |"),
        (Some(exited(0)), None, "inconclusive: check-not-run |"),
        (Some(exited(1)), None, "inconclusive: baseline-failed |"),
        (
            Some(Outcome::Interrupted),
            Some(exited(1)),
            "inconclusive: interrupted |",
        ),
    ] {
        let outcomes = CommandEvidence { base, candidate };
        let shown_outcomes = format!("{outcomes:?}");
        let verdict = decide(&policy(COMMAND), &evidence(CheckResult::Command(outcomes)));
        assert_eq!(shown(&verdict), expected, "{shown_outcomes}");
    }
}

#[test]
fn a_check_that_did_not_run_is_no_pass_unless_the_change_does_not_touch_it() {
    let with_paths = |paths: &str| format!("{TEST}paths = [\"{paths}\"]\n");
    for (text, why, expected) in [
        (
            TEST.to_owned(),
            WhyNotRun::NotSelected,
            "inconclusive: partial-run |",
        ),
        (
            TEST.to_owned(),
            WhyNotRun::Blocked,
            "inconclusive: check-not-run |",
        ),
        (
            TEST.to_owned(),
            WhyNotRun::Other("?".into()),
            "inconclusive: check-not-run |",
        ),
        (
            TEST.to_owned(),
            WhyNotRun::NotTouched,
            "inconclusive: check-not-run |",
        ),
        (
            with_paths("pkg/**"),
            WhyNotRun::NotTouched,
            "inconclusive: check-not-run |",
        ),
        (with_paths("docs/**"), WhyNotRun::NotTouched, "pass: |"),
        (
            format!("{TEST}required = false\n"),
            WhyNotRun::NotSelected,
            "pass: |",
        ),
    ] {
        let verdict = decide(&policy(&text), &evidence(CheckResult::NotRun(why.clone())));
        assert_eq!(shown(&verdict), expected, "{why:?}\n{text}");
    }
    let mut missing = evidence(CheckResult::NotRun(WhyNotRun::Blocked));
    missing.checks.clear();
    assert_eq!(
        shown(&decide(&policy(TEST), &missing)),
        "inconclusive: check-not-run |"
    );
    let none = decide(&policy("version = 1\n"), &missing);
    assert_eq!(shown(&none), "inconclusive: check-not-run |");
}

#[test]
fn a_blocked_check_is_not_explained_by_what_leaves_no_reason() {
    let blocked = || evidence(CheckResult::NotRun(WhyNotRun::Blocked));
    let mut unread = blocked();
    unread.change.files.clear();
    let mut noted = blocked();
    let mut finding = Finding::built_in(
        ReasonCode::RuleDenied,
        FindingLevel::Deny,
        None,
        "x",
        String::new(),
    );
    finding.check = Some("c".to_owned());
    noted.findings.push(finding);
    let text = format!(
        "{TEST}{}required = false\n",
        COMMAND.replace("version = 1\n", "")
    );
    for one in [unread, noted] {
        assert_eq!(
            shown(&decide(&policy(&text), &one)),
            "inconclusive: check-not-run |"
        );
    }
}

#[test]
fn a_finding_of_a_check_that_the_policy_does_not_have_counts() {
    let mut all = passing();
    let mut finding = Finding::built_in(
        ReasonCode::RuleDenied,
        FindingLevel::Deny,
        None,
        "x",
        String::new(),
    );
    finding.check = Some("unknown".to_owned());
    all.findings.push(finding);
    assert_eq!(shown(&decide(&policy(TEST), &all)), "fail: rule-denied |");
}

#[test]
fn evidence_of_another_kind_than_the_check_is_no_pass() {
    let mut mixed = evidence(CheckResult::Test(Box::new(tests("a::x=p", "a::x=p"))));
    mixed.checks[0].name = "c".to_owned();
    assert_eq!(
        shown(&decide(&policy(COMMAND), &mixed)),
        "inconclusive: check-not-run |"
    );
}

#[test]
fn a_check_that_is_not_required_leaves_a_note() {
    let text = format!("{TEST}required = false\n");
    let runs = tests("a::x=p a::y=p", "a::x=p a::y=f");
    let verdict = decide(&policy(&text), &evidence(CheckResult::Test(Box::new(runs))));
    assert_eq!(shown(&verdict), "pass: |");
    assert_eq!(verdict.checks[0].status, CheckStatus::Failed);
    let note = &verdict.findings[0];
    assert_eq!(
        (note.rule.as_str(), note.level),
        ("tests-regressed", FindingLevel::Note)
    );
}

#[test]
fn what_the_runner_knows_of_a_check_counts_as_much_as_the_check() {
    for (required, expected) in [(true, "inconclusive: tool-missing |"), (false, "pass: |")] {
        let mut all = evidence(CheckResult::NotRun(WhyNotRun::Blocked));
        let (code, message) = (ReasonCode::ToolMissing, String::new());
        all.reasons.push(Reason {
            code,
            check: Some("t".into()),
            ids: vec![],
            message,
        });
        let text = format!("{TEST}required = {required}\n");
        let verdict = decide(&policy(&text), &all);
        assert_eq!(shown(&verdict), expected);
        assert_eq!(verdict.findings.len(), usize::from(!required));
    }
}

#[test]
fn what_belongs_to_no_check_counts_too() {
    type Row = (fn(&mut Evidence), &'static str);
    let rows: &[Row] = &[
        (|_| {}, "pass: |"),
        (
            |all| all.subject.candidate_tree = Some("b".into()),
            "inconclusive: empty-change |",
        ),
        (
            |all| all.isolation = None,
            "inconclusive: sandbox-unavailable |",
        ),
        (
            |all| all.isolation = Some("landlock".into()),
            "inconclusive: sandbox-unavailable |",
        ),
        (
            |all| {
                all.findings = crate::rules::inspect(
                    &Change {
                        files: vec![changed(".git/x")],
                    },
                    &policy(TEST),
                )
            },
            "fail: patch-unsafe |",
        ),
        (
            |all| {
                all.findings = crate::rules::inspect(
                    &Change {
                        files: vec![changed("conftest.py"), changed("Makefile")],
                    },
                    &policy(TEST),
                )
            },
            "review: | harness-changed",
        ),
        (
            |all| {
                all.reasons.push(Reason {
                    code: ReasonCode::PrepareFailed,
                    check: Some("t".into()),
                    ids: vec!["p".into()],
                    message: String::new(),
                })
            },
            "fail: prepare-failed |",
        ),
        (
            |all| {
                all.review.push(Review {
                    code: ReasonCode::NewDependency,
                    ids: vec![],
                    files: vec![],
                    message: String::new(),
                })
            },
            "review: | new-dependency",
        ),
    ];
    for (position, (edit, expected)) in rows.iter().enumerate() {
        let mut all = passing();
        edit(&mut all);
        assert_eq!(
            shown(&decide(&policy(TEST), &all)),
            *expected,
            "row {position}"
        );
    }
}

#[test]
fn a_patch_that_does_not_apply_fails_and_nothing_else_is_said() {
    let mut all = evidence(CheckResult::NotRun(WhyNotRun::Blocked));
    all.subject.candidate_tree = None;
    all.isolation = None;
    all.change.files.clear();
    let (code, message) = (ReasonCode::PatchDoesNotApply, String::new());
    all.reasons.push(Reason {
        code,
        check: None,
        ids: vec!["a.py".into()],
        message,
    });
    let verdict = decide(&policy(TEST), &all);
    assert_eq!(shown(&verdict), "fail: patch-does-not-apply |");
    assert_eq!(verdict.checks[0].status, CheckStatus::NotRun);
    assert_eq!(verdict.tests, None);
}

#[test]
fn a_tracked_file_that_only_the_candidates_run_writes_is_never_passed_over() {
    let decided = |framework: &str, written: &str, on_base: bool| {
        let mut runs = tests("a::x=p", "a::x=p");
        let written = vec![crate::path::RepoPath::from(written)];
        if on_base {
            runs.base.provenance.rewritten.clone_from(&written);
        }
        candidate(&mut runs).provenance.rewritten = written;
        let all = evidence(CheckResult::Test(Box::new(runs)));
        shown(&decide(&policy(&TEST.replace("pytest", framework)), &all))
    };
    for (framework, path, expected) in [
        ("pytest", "tests/test_a.py", "fail: controls-violated |"),
        ("cargo-test", "src/tests.rs", "fail: controls-violated |"),
        ("pytest", "golden/a.json", "review: | harness-changed"),
        ("pytest", "uv.lock", "pass: |"),
    ] {
        assert_eq!(decided(framework, path, false), expected, "{path}");
        assert_eq!(decided(framework, path, true), "pass: |", "{path}");
    }
}

#[test]
fn changed_code_that_cargo_calls_fresh_was_not_tested() {
    let text = TEST.replace("pytest", "cargo-test");
    let decided = |path: &str, fresh: &str, used: Option<&str>| {
        let mut runs = tests("a::x=p", "a::x=p");
        runs.exit = Framework::CargoTest.exit_meaning();
        candidate(&mut runs).provenance = Provenance {
            used: used.map(|path| vec![path.into()]),
            foreign: Vec::new(),
            fresh: vec![fresh.into()],
            rewritten: Vec::new(),
        };
        let mut all = evidence(CheckResult::Test(Box::new(runs)));
        all.change.files = vec![changed(path)];
        shown(&decide(&policy(&text), &all))
    };
    let stale = "inconclusive: changed-code-not-tested |";
    assert_eq!(decided("crates/a/src/lib.rs", "crates/a", None), stale);
    assert_eq!(decided("src/lib.rs", "", None), stale);
    assert_eq!(decided("crates/b/src/lib.rs", "crates/a", None), "pass: |");
    assert_eq!(decided("crates/a/src/lib.rs", "", None), "pass: |");
    assert_eq!(decided("crates/a/tests/x.rs", "crates/a", None), "pass: |");
    assert_eq!(decided("src/lib.rs", "", Some("src/lib.rs")), "pass: |");
}
