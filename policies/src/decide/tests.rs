//! The decision: evidence in, verdict out.

mod checks;
mod controls;
mod laws;
mod lint;
mod plugin;

use std::collections::BTreeSet;

use super::*;
use crate::change::{Change, ChangeKind, Entry, FileChange, Mode};
use crate::comparison::{Oracle, OracleRun, Rerun};
use crate::evidence::{
    CommandEvidence, Environment, PolicyRef, PolicySource, Subject, TestEvidence, Timing, Toolchain,
};
use crate::finding::FindingLevel;
use crate::policy::{Framework, KindName, parse};
use crate::reason::{Review, TABLE};
use crate::run::{BrokenUnit, Outcome, Provenance, ReportState};
use crate::testing::{id, run};
use crate::verdict::Decision;

const TEST: &str = "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"pytest\"\n\
                    run = [\"pytest\"]\n";
const COMMAND: &str = "version = 1\n[[check]]\nname = \"c\"\nkind = \"command\"\nrun = [\"x\"]\n";

fn policy(text: &str) -> Policy {
    parse(text, "p").unwrap()
}

fn changed(path: &str) -> FileChange {
    let entry = |oid: &str| {
        Some(Entry {
            mode: Mode::File,
            oid: oid.to_owned(),
            size: 1,
            link_target: None,
        })
    };
    FileChange {
        path: path.into(),
        kind: ChangeKind::Modified,
        before: entry("1"),
        after: entry("2"),
        binary: false,
        truncated: false,
        hunks: Vec::new(),
    }
}

fn evidence(result: CheckResult) -> Evidence {
    let (name, kind) = match result {
        CheckResult::Command(_) => ("c", KindName::Command),
        _ => ("t", KindName::Test),
    };
    let check = CheckEvidence {
        name: name.to_owned(),
        kind,
        cached: BTreeSet::new(),
        log: None,
        usage: Usage::default(),
        denials: Vec::new(),
        result,
    };
    Evidence {
        subject: Subject {
            base_tree: "b".to_owned(),
            candidate_tree: Some("c".to_owned()),
            ..Subject::default()
        },
        policy: PolicyRef {
            source: PolicySource::Base,
            path: None,
            sha256: "p".to_owned(),
            presets: Vec::new(),
        },
        environment: Environment::default(),
        enforcement: Vec::new(),
        isolation: Some("full".to_owned()),
        change: Change {
            files: vec![changed("pkg/mod.py")],
        },
        checks: vec![check],
        findings: Vec::new(),
        reasons: Vec::new(),
        review: Vec::new(),
        reproduce: None,
        timing: Timing::default(),
    }
}

fn tests(base: &str, candidate: &str) -> TestEvidence {
    TestEvidence {
        exit: Framework::Pytest.exit_meaning(),
        base: run(base),
        candidate: Some(run(candidate)),
        oracle: Oracle::NotRun,
        probe: None,
        reruns: Vec::new(),
        unstable: BTreeSet::new(),
    }
}

/// `word: code code | code`, reasons before the bar and review items behind it.
fn shown(verdict: &Verdict) -> String {
    let reasons: Vec<_> = verdict
        .reasons
        .iter()
        .map(|reason| reason.code.name())
        .collect();
    let review: Vec<_> = verdict
        .review
        .iter()
        .map(|review| review.code.name())
        .collect();
    let word = format!("{:?}", verdict.verdict).to_lowercase();
    format!("{word}: {} | {}", reasons.join(" "), review.join(" "))
        .replace(":  |", ": |")
        .trim()
        .to_owned()
}

/// The one door for test checks.
fn judged(text: &str, base: &str, candidate: &str, edit: fn(&mut TestEvidence)) -> String {
    let mut runs = tests(base, candidate);
    edit(&mut runs);
    shown(&decide(
        &policy(text),
        &evidence(CheckResult::Test(Box::new(runs))),
    ))
}

fn passing() -> Evidence {
    evidence(CheckResult::Test(Box::new(tests("a::x=p", "a::x=p"))))
}

fn as_it_is(_: &mut TestEvidence) {}

fn candidate(runs: &mut TestEvidence) -> &mut crate::run::TestRun {
    runs.candidate.as_mut().unwrap()
}

#[test]
fn test_results_give_the_verdict_that_the_table_says() {
    for (base, candidate, expected) in [
        ("a::x=p", "a::x=p", "pass: |"),
        ("a::x=p a::y=f", "a::x=p a::y=p", "pass: |"),
        ("a::x=p a::y=f", "a::x=p a::y=f", "pass: |"),
        ("a::x=p", "a::x=p a::y=p", "pass: |"),
        ("a::x=p a::s=s", "a::x=p a::s=p", "pass: |"),
        ("", "a::x=p", "pass: |"),
        ("a::x=p a::y=p", "a::x=p a::y=f", "fail: tests-regressed |"),
        ("a::x=p a::y=p", "a::x=p", "fail: tests-vanished |"),
        ("a::x=p a::y=p", "a::x=p a::y=s", "fail: tests-silenced |"),
        ("a::x=p", "a::x=p a::y=f", "fail: tests-added-failing |"),
        (
            "a::x=p a::y=p a::z=p",
            "a::x=f a::y=s",
            "fail: tests-regressed tests-vanished tests-silenced |",
        ),
        ("a::x=p a::y=f", "a::x=p", "review: | dropped-failing"),
        ("a::x=p a::y=p", "", "fail: tests-vanished |"),
        ("a::x=p", "a::x=f", "fail: tests-regressed |"),
        ("", "", "inconclusive: no-tests |"),
        ("a::x=f", "a::x=f", "inconclusive: baseline-unhealthy |"),
        (
            "a::x=p a::y=f a::z=f",
            "a::x=p a::y=f a::z=f",
            "inconclusive: baseline-unhealthy |",
        ),
        ("a::x=s", "a::x=s", "inconclusive: baseline-unhealthy |"),
        ("a::x=s", "", "inconclusive: no-tests |"),
        ("a::x=f", "", "inconclusive: no-tests | dropped-failing"),
        ("", "a::x=s", "inconclusive: baseline-unhealthy |"),
    ] {
        assert_eq!(
            judged(TEST, base, candidate, as_it_is),
            expected,
            "{base:?} → {candidate:?}"
        );
    }
}

#[test]
fn a_run_that_cannot_be_used_is_held_against_the_change_only_on_the_candidate() {
    type Row = (fn(&mut TestEvidence), &'static str);
    let rows: &[Row] = &[
        (
            |runs| runs.base.report = ReportState::Missing,
            "inconclusive: baseline-failed |",
        ),
        (
            |runs| runs.base.outcome = Outcome::Exited { status: 3 },
            "inconclusive: baseline-failed |",
        ),
        (
            |runs| runs.base.outcome = Outcome::Signalled { signal: 9 },
            "inconclusive: baseline-failed |",
        ),
        (
            |runs| {
                runs.base.outcome = Outcome::LimitExceeded {
                    limit: "wall".into(),
                }
            },
            "inconclusive: baseline-failed |",
        ),
        (
            |runs| runs.base.outcome = Outcome::NotStarted { why: "x".into() },
            "inconclusive: tool-missing |",
        ),
        (
            |runs| {
                runs.base.outcome = Outcome::ServiceNotReady {
                    service: "db".into(),
                    why: "x".into(),
                }
            },
            "inconclusive: service-unavailable |",
        ),
        (
            |runs| runs.base.outcome = Outcome::SandboxError { why: "x".into() },
            "inconclusive: sandbox-unavailable |",
        ),
        (
            |runs| runs.base.outcome = Outcome::Interrupted,
            "inconclusive: interrupted |",
        ),
        (
            |runs| runs.base.contradictions.push("two ends".into()),
            "inconclusive: baseline-failed |",
        ),
        (
            |runs| candidate(runs).report = ReportState::Missing,
            "fail: report-missing |",
        ),
        (
            |runs| candidate(runs).outcome = Outcome::Exited { status: 3 },
            "fail: controls-violated |",
        ),
        (
            |runs| candidate(runs).contradictions.push("two ends".into()),
            "fail: controls-violated |",
        ),
        (
            |runs| candidate(runs).outcome = Outcome::Signalled { signal: 9 },
            "fail: report-missing |",
        ),
        (
            |runs| {
                candidate(runs).outcome = Outcome::LimitExceeded {
                    limit: "wall".into(),
                }
            },
            "fail: limit-exceeded |",
        ),
        (
            |runs| {
                candidate(runs).outcome = Outcome::ServiceNotReady {
                    service: "db".into(),
                    why: "x".into(),
                }
            },
            "fail: report-missing |",
        ),
        (
            |runs| candidate(runs).outcome = Outcome::SandboxError { why: "x".into() },
            "inconclusive: sandbox-unavailable |",
        ),
        (
            |runs| candidate(runs).outcome = Outcome::Interrupted,
            "inconclusive: interrupted |",
        ),
        (
            |runs| runs.candidate = None,
            "inconclusive: check-not-run |",
        ),
        (
            |runs| {
                candidate(runs)
                    .provenance
                    .foreign
                    .push("pkg.mod from /usr/lib/pkg/mod.py".into())
            },
            "inconclusive: changed-code-not-tested |",
        ),
        (
            |runs| {
                candidate(runs)
                    .provenance
                    .foreign
                    .push("other from /usr/lib/other.py".into())
            },
            "pass: |",
        ),
    ];
    for (position, (edit, expected)) in rows.iter().enumerate() {
        assert_eq!(
            judged(TEST, "a::x=p", "a::x=p", *edit),
            *expected,
            "row {position}"
        );
    }
}

fn broken(unit: &str) -> BrokenUnit {
    let message = "invalid syntax".to_owned();
    BrokenUnit {
        unit: unit.to_owned(),
        file: Some(unit.into()),
        line: Some(1),
        message,
        more: Vec::new(),
    }
}

#[test]
fn a_unit_that_stops_loading_fails_the_change_and_names_its_error() {
    let mut runs = tests("a::x=p b::y=p", "b::y=p");
    candidate(&mut runs).broken_units.push(broken("a"));
    candidate(&mut runs).outcome = Outcome::Exited { status: 2 };
    let verdict = decide(&policy(TEST), &evidence(CheckResult::Test(Box::new(runs))));
    assert_eq!(shown(&verdict), "fail: tests-regressed |");
    assert!(
        verdict.reasons[0].message.contains("invalid syntax"),
        "{:?}",
        verdict.reasons
    );
    let entry = &verdict.tests.unwrap().regressed[0];
    assert_eq!((entry.id.as_str(), entry.line), ("a::x", Some(1)));
}

#[test]
fn a_new_unit_that_does_not_load_fails_and_one_that_never_did_is_no_news() {
    let new = judged(TEST, "b::y=p", "b::y=p", |runs| {
        candidate(runs).broken_units.push(broken("a"));
        candidate(runs).outcome = Outcome::Exited { status: 2 };
    });
    assert_eq!(new, "fail: tests-added-failing |");
    let old = judged(TEST, "b::y=p", "b::y=p", |runs| {
        for run in [&mut runs.base, runs.candidate.as_mut().unwrap()] {
            run.broken_units.push(broken("a"));
            run.outcome = Outcome::Exited { status: 2 };
        }
    });
    assert_eq!(old, "pass: |");
    let sick = judged(TEST, "", "b::y=p", |runs| {
        runs.base.broken_units.push(broken("a"))
    });
    assert_eq!(sick, "inconclusive: baseline-failed |");
}

#[test]
fn a_flaky_test_does_what_the_policy_says() {
    let flaky: fn(&mut TestEvidence) = |runs| {
        let (runs_each, base_failures, candidate_failures) = (4, 0, 1);
        runs.reruns = vec![Rerun {
            id: id("a", "x"),
            runs: runs_each,
            base_failures,
            candidate_failures,
        }];
    };
    for (effect, expected) in [
        ("note", "pass: |"),
        ("review", "review: | flaky"),
        ("fail", "fail: tests-regressed |"),
    ] {
        let text = format!("{TEST}[tests]\nflaky = \"{effect}\"\n");
        assert_eq!(
            judged(&text, "a::x=p a::y=p", "a::x=f a::y=p", flaky),
            expected,
            "{effect}"
        );
    }
}

#[test]
fn tests_that_cannot_run_here_are_counted_and_not_held_against_the_base() {
    let text = TEST.replace("run =", "unavailable = [\"*net*\"]\nrun =");
    let runs = tests(
        "a::x=p a::net1=f a::net2=f a::net3=f",
        "a::x=p a::net1=f a::net2=f a::net3=f",
    );
    let verdict = decide(&policy(&text), &evidence(CheckResult::Test(Box::new(runs))));
    assert_eq!(shown(&verdict), "pass: |");
    let tests = verdict.tests.unwrap();
    assert_eq!((tests.unavailable, tests.preexisting), (3, 0));
    // What passed on the base can run here.
    let regressed = judged(&text, "a::x=p a::net=p", "a::x=p a::net=f", as_it_is);
    assert_eq!(regressed, "fail: tests-regressed |");
}

#[test]
fn a_fix_is_proven_only_when_the_base_s_tests_say_so() {
    let proven = |oracle: Oracle| {
        let runs = TestEvidence {
            oracle,
            ..tests("a::x=f a::y=p", "a::x=p a::y=p")
        };
        let verdict = decide(&policy(TEST), &evidence(CheckResult::Test(Box::new(runs))));
        verdict.tests.unwrap()
    };
    let unknown = proven(Oracle::NotRun);
    assert_eq!(
        (unknown.fix_proven, unknown.contract, unknown.broken),
        (None, None, None)
    );
    let known = proven(Oracle::needless());
    assert_eq!(
        (known.fix_proven, known.contract),
        (Some(true), Some(Vec::new()))
    );
}

#[test]
fn contracts_are_reviewed_or_denied_when_an_oracle_ran() {
    for (policy, expected) in [
        ("", "review: | contract-changed fixed-by-tests"),
        (
            "\n[tests]\ncontract = \"deny\"\n",
            "fail: rule-denied rule-denied |",
        ),
    ] {
        let verdict = judged(
            &format!("{TEST}{policy}"),
            "a::x=p a::y=f a::z=p",
            "a::x=p a::y=p a::z=p",
            |runs| {
                let covered = ["x", "y"].map(|name| id("a", name)).into_iter().collect();
                runs.oracle = Oracle::Known(Box::new(OracleRun {
                    run: Some(run("a::x=f a::y=f")),
                    covered,
                    ..OracleRun::default()
                }));
            },
        );
        assert_eq!(verdict, expected);
    }
}
