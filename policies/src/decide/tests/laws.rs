//! What holds for every verdict.

use super::*;

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

/// A verdict in which every part that the digest covers holds something.
fn rich() -> Verdict {
    let mut runs = tests(
        "a::fix=f a::reg=p a::van=p a::sil=p a::con=p a::brk=p",
        "a::fix=p a::reg=f a::sil=s a::con=p a::bad=f a::brk=f",
    );
    let covered = ["con", "brk"]
        .map(|name| id("a", name))
        .into_iter()
        .collect();
    runs.oracle = Oracle::Known(Box::new(OracleRun {
        run: Some(run("a::con=f a::brk=p")),
        covered,
        ..OracleRun::default()
    }));
    let mut all = evidence(CheckResult::Test(Box::new(runs)));
    all.environment.toolchains = vec![Toolchain::default()];
    let changes = Change {
        files: vec![changed("Makefile")],
    };
    all.findings = crate::rules::inspect(&changes, &policy(TEST));
    decide(&policy(TEST), &all)
}

#[test]
fn the_digest_covers_exactly_what_the_design_lists() {
    type Edit = fn(&mut Verdict);
    let covered: &[Edit] = &[
        |one| one.schema.push('x'),
        |one| one.verdict = Decision::Pass,
        |one| one.reasons[0].code = ReasonCode::NoTests,
        |one| one.reasons[0].check = None,
        |one| one.reasons[0].ids.push("z".into()),
        |one| one.review[0].code = ReasonCode::Flaky,
        |one| one.review[0].ids.push("z".into()),
        |one| one.review[0].files.push("z".into()),
        |one| one.subject.base_tree.push('x'),
        |one| one.subject.candidate_tree = None,
        |one| one.policy.sha256.push('x'),
        |one| one.isolation = None,
        |one| one.environment.toolchains[0].name.push('x'),
        |one| one.environment.toolchains[0].version.push('x'),
        |one| one.checks[0].name.push('x'),
        |one| one.checks[0].kind = KindName::Lint,
        |one| one.checks[0].required = false,
        |one| one.checks[0].status = CheckStatus::Passed,
        |one| one.checks[0].assurance = None,
        |one| one.tests.as_mut().unwrap().regressed.truncate(0),
        |one| {
            one.tests
                .as_mut()
                .unwrap()
                .broken
                .as_mut()
                .unwrap()
                .truncate(0)
        },
        |one| one.tests.as_mut().unwrap().vanished.truncate(0),
        |one| one.tests.as_mut().unwrap().silenced.truncate(0),
        |one| {
            one.tests
                .as_mut()
                .unwrap()
                .contract
                .as_mut()
                .unwrap()
                .truncate(0)
        },
        |one| one.tests.as_mut().unwrap().fixed.truncate(0),
        |one| one.tests.as_mut().unwrap().added_failing.truncate(0),
        |one| one.findings[0].rule.push('x'),
        |one| one.findings[0].level = FindingLevel::Deny,
        |one| one.findings[0].path = None,
        |one| one.findings[0].fingerprint.push('x'),
        |one| one.findings[0].new = false,
    ];
    let free: &[Edit] = &[
        |one| one.reasons[0].message.push('x'),
        |one| one.review[0].message.push('x'),
        |one| one.reasons.reverse(),
        |one| one.subject.base_ref = Some("x".into()),
        |one| one.environment.toolchains[0].sha256.push('x'),
        |one| one.checks[0].usage.wall_ms += 1,
        |one| {
            let denial = crate::denial::Denial {
                kind: crate::denial::DenialKind::Network,
                target: None,
                syscall: None,
                process: None,
                count: 1,
            };
            one.checks[0].denials = crate::denial::of_runs(&[denial], &[]);
        },
        |one| one.tests.as_mut().unwrap().preexisting += 1,
        |one| one.findings[0].message.push('x'),
        |one| one.next_steps.truncate(0),
        |one| one.timing.total_ms += 1,
    ];
    let digest = rich().digest;
    for (edits, changes) in [(covered, true), (free, false)] {
        for (position, edit) in edits.iter().enumerate() {
            let mut verdict = rich();
            edit(&mut verdict);
            assert_eq!(
                digest::of(&verdict) != digest,
                changes,
                "{changes} {position}"
            );
        }
    }
}

#[test]
fn what_tests_print_cannot_redraw_the_terminal() {
    let mut runs = tests("a::x=p a::y=p", "a::x=f a::y=p");
    let failing = &mut candidate(&mut runs).tests[0];
    let failure = failing.failure.as_mut().unwrap();
    failure.message = "\u{1b}[2Jverdict: pass\nverdict: pass".to_owned();
    failure.detail = "\u{1b}[1Aline\r\n".to_owned();
    let verdict = decide(&policy(TEST), &evidence(CheckResult::Test(Box::new(runs))));
    let text = format!("{verdict:#?}");
    assert!(!text.contains("\\u{1b}") && !text.contains("\\r"), "{text}");
    assert!(!verdict.reasons[0].message.contains('\n'));
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
