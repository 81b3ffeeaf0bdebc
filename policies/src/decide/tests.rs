use std::collections::BTreeSet;

use super::*;
use crate::change::{Change, ChangeKind, Entry, FileChange, Mode};
use crate::comparison::{Oracle, Rerun};
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
    let known = proven(Oracle::NotNeeded);
    assert_eq!(
        (known.fix_proven, known.contract),
        (Some(true), Some(Vec::new()))
    );
}

#[test]
fn contracts_are_reviewed_when_an_oracle_ran() {
    let verdict = judged(
        TEST,
        "a::x=p a::y=f a::z=p",
        "a::x=p a::y=p a::z=p",
        |runs| {
            let covered = ["x", "y"].map(|name| id("a", name)).into_iter().collect();
            let run = Box::new(run("a::x=f a::y=f"));
            runs.oracle = Oracle::Ran {
                run,
                covered,
                walls: BTreeSet::new(),
            };
        },
    );
    assert_eq!(verdict, "review: | contract-changed fixed-by-tests");
}

#[test]
fn two_exit_statuses_of_a_command_give_the_verdict() {
    let exited = |status| Outcome::Exited { status };
    let limit = || Outcome::LimitExceeded {
        limit: "wall".to_owned(),
    };
    let absent = || Outcome::NotStarted {
        why: "not found".to_owned(),
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

fn passing() -> Evidence {
    evidence(CheckResult::Test(Box::new(tests("a::x=p", "a::x=p"))))
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
fn changed_code_that_cargo_calls_fresh_was_not_tested() {
    let text = TEST.replace("pytest", "cargo-test");
    let decided = |path: &str, fresh: &str, used: Option<&str>| {
        let mut runs = tests("a::x=p", "a::x=p");
        runs.exit = Framework::CargoTest.exit_meaning();
        candidate(&mut runs).provenance = Provenance {
            used: used.map(|path| vec![path.into()]),
            foreign: Vec::new(),
            fresh: vec![fresh.into()],
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

#[test]
fn adding_any_reason_never_improves_the_verdict() {
    let settings = [
        passing(),
        evidence(CheckResult::NotRun(WhyNotRun::NotSelected)),
    ];
    for before in settings {
        let word = decide(&policy(TEST), &before).verdict;
        for entry in TABLE {
            let mut after = before.clone();
            let (code, message) = (entry.code, String::new());
            after.reasons.push(Reason {
                code,
                check: None,
                ids: Vec::new(),
                message,
            });
            let worse = decide(&policy(TEST), &after).verdict;
            assert!(worse >= word && worse > Decision::Pass, "{}", entry.name);
            let expected = match entry.level {
                Level::Fail => Decision::Fail,
                Level::Review => word.max(Decision::Review),
                Level::Inconclusive | Level::Usage => word.max(Decision::Inconclusive),
            };
            assert_eq!(worse, expected, "{}", entry.name);
        }
    }
}

#[test]
fn no_next_step_for_an_agent_points_away_from_its_code_while_the_change_fails() {
    let mut all = passing();
    for entry in TABLE {
        let (code, message) = (entry.code, String::new());
        all.reasons.push(Reason {
            code,
            check: None,
            ids: Vec::new(),
            message,
        });
    }
    let verdict = decide(&policy(TEST), &all);
    use crate::verdict::Action::{FixCode, Rebase, ReviseChange};
    assert!(!verdict.next_steps.is_empty());
    for step in &verdict.next_steps {
        assert!(
            matches!(step.action, FixCode | Rebase | ReviseChange),
            "{step:?}"
        );
    }
}

#[test]
fn the_digest_ignores_costs_and_order_and_follows_outcomes() {
    let runs = |candidate: &str| Box::new(tests("a::x=p a::y=p b::z=p", candidate));
    let mut all = evidence(CheckResult::Test(runs("a::x=f a::y=f b::z=p")));
    let toolchain = |name: &str| Toolchain {
        name: name.into(),
        version: "1".into(),
        sha256: "s".into(),
    };
    all.environment.toolchains = vec![toolchain("a"), toolchain("b")];
    let changes = Change {
        files: vec![changed("Makefile"), changed("conftest.py")],
    };
    all.findings = crate::rules::inspect(&changes, &policy(TEST));
    let digest = decide(&policy(TEST), &all).digest;

    let mut other = all.clone();
    other.environment.toolchains.reverse();
    other.findings.reverse();
    other.timing.total_ms = 99;
    other.environment.os = "elsewhere".to_owned();
    other.checks[0].usage.wall_ms = 5;
    other.checks[0].log = Some("noise".to_owned());
    other.checks[0].cached.insert(TreeRole::Base);
    if let CheckResult::Test(runs) = &mut other.checks[0].result {
        runs.base.tests.reverse();
        candidate(runs).tests.reverse();
        candidate(runs).tests[0].millis = Some(7);
    }
    assert_eq!(decide(&policy(TEST), &other).digest, digest);

    let mut different = all.clone();
    different.checks[0].result = CheckResult::Test(runs("a::x=p a::y=f b::z=p"));
    assert_ne!(decide(&policy(TEST), &different).digest, digest);
    different = all.clone();
    different.environment.toolchains[0].version = "2".to_owned();
    assert_ne!(decide(&policy(TEST), &different).digest, digest);
}

#[test]
fn a_verdict_survives_its_json() {
    let runs = tests("a::x=p a::y=p", "a::x=f a::y=p");
    let verdict = decide(&policy(TEST), &evidence(CheckResult::Test(Box::new(runs))));
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}

mod any_evidence {
    use proptest::prelude::*;

    use super::*;

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            (0..6).prop_map(|status| Outcome::Exited { status }),
            Just(Outcome::Signalled { signal: 9 }),
            Just(Outcome::LimitExceeded {
                limit: "wall".to_owned()
            }),
            Just(Outcome::NotStarted { why: String::new() }),
            Just(Outcome::Interrupted),
        ]
    }

    fn words() -> impl Strategy<Value = String> {
        prop::collection::btree_map("[ab]::[xyz]", "[pfs]", 0..6).prop_map(|tests| {
            tests
                .iter()
                .map(|(id, state)| format!("{id}={state} "))
                .collect()
        })
    }

    proptest! {
        /// Whatever was measured: there is a word, it agrees with the entries, and one more failing
        /// test never turns it into something better.
        #[test]
        fn is_decided_and_a_failure_never_helps(
            base in words(),
            after in words(),
            outcomes in prop::option::of((outcome(), outcome())),
        ) {
            let mut runs = tests(&base, &after);
            if let Some((on_base, on_candidate)) = outcomes {
                runs.base.outcome = on_base;
                candidate(&mut runs).outcome = on_candidate;
            }
            let mut worse = runs.clone();
            let verdict = decide(&policy(TEST), &evidence(CheckResult::Test(Box::new(runs))));
            let clean = verdict.reasons.is_empty() && verdict.review.is_empty();
            prop_assert_eq!(clean, verdict.verdict == Decision::Pass);
            prop_assert_eq!(verdict.digest.len(), 64);
            candidate(&mut worse).tests.extend(run("c::new=f").tests);
            let decided = decide(&policy(TEST), &evidence(CheckResult::Test(Box::new(worse))));
            prop_assert!(decided.verdict >= verdict.verdict || verdict.reasons[0].code == ReasonCode::NoTests);
        }
    }
}
