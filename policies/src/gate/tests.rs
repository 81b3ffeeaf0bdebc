//! What may be merged, row by row.

use super::*;
use crate::evidence::PolicySource;
use crate::policy::parse;
use crate::reason::ReasonCode;
use crate::record::{ReasonRecord, Record};
use crate::statement::tests::{now, statement};

const POLICY: &str = "version = 1\n[[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"pytest\"\nrun = [\"pytest\"]\n";

/// What is wanted, a statement, and approvals.
struct Case {
    policy: Policy,
    tree: String,
    base: String,
    sha256: String,
    moved_on: Option<(String, String)>,
    allow_detected: bool,
    max_age: TimeLimit,
    statement: VerdictStatement,
    approvals: Vec<SignedApproval>,
}

impl Case {
    /// The gate of tree `c` on base `b` under policy `p`.
    fn of(word: Decision) -> Self {
        Self {
            policy: parse(POLICY, "p").unwrap(),
            tree: "c".into(),
            base: "b".into(),
            sha256: "p".into(),
            moved_on: None,
            allow_detected: false,
            max_age: TimeLimit::Seconds(3600),
            statement: statement(word),
            approvals: Vec::new(),
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            tree: &self.tree,
            base: &self.base,
            moved_on: self.moved_on.clone(),
            policy: &self.policy,
            policy_sha256: &self.sha256,
            allow_detected: self.allow_detected,
            now: now(),
            max_age: self.max_age,
        }
    }

    fn codes(&self) -> Vec<&'static str> {
        let found = refusals(&self.wanted(), &self.statement, &self.approvals);
        found.iter().map(Refusal::code).collect()
    }

    /// Changes the record and everything that follows from it, as a runner would have signed it.
    fn record(&mut self, edit: impl Fn(&mut Record)) {
        let claim = &mut self.statement.predicate;
        edit(&mut claim.record);
        claim.digest = claim.record.digest();
        claim.verdict = claim.record.verdict;
        claim.isolation = claim.record.isolation.clone();
    }
}

fn listed() -> Approver {
    Approver::Listed {
        principals: "ana@example.org".into(),
    }
}

/// An approval of this statement.
fn approval(statement: &VerdictStatement) -> SignedApproval {
    SignedApproval {
        statement: ApprovalStatement::of(statement, "I looked", "0.1.0", now()),
        approver: listed(),
    }
}

#[test]
fn a_pass_on_the_same_trees_under_the_same_policy_may_be_merged() {
    assert_eq!(Case::of(Decision::Pass).codes(), Vec::<&str>::new());
}

#[test]
fn whatever_does_not_fit_is_refused_by_its_own_code() {
    type Edit = fn(&mut Case);
    let rows: &[(&str, Edit)] = &[
        ("wrong-tree", |one| one.tree = "d".into()),
        ("other-base", |one| one.base = "d".into()),
        ("base-moved", |one| {
            one.moved_on = Some(("refs/heads/main".into(), "d".into()))
        }),
        ("other-policy", |one| one.sha256 = "q".into()),
        ("detected-policy", |one| {
            one.statement.predicate.policy.source = PolicySource::Detected
        }),
        ("weaker-isolation", |one| {
            one.record(|record| record.isolation = Some("landlock".into()))
        }),
        ("weaker-isolation", |one| {
            one.record(|record| record.isolation = Some("made up".into()))
        }),
        ("weaker-isolation", |one| {
            one.record(|record| record.isolation = None)
        }),
        ("check-missing", |one| {
            one.record(|record| record.checks.clear())
        }),
        ("check-missing", |one| {
            one.record(|record| record.checks[0].status = CheckStatus::Failed)
        }),
        ("check-missing", |one| {
            one.record(|record| record.checks[0].status = CheckStatus::NotRun)
        }),
        ("check-missing", |one| {
            one.record(|record| record.checks.extend(record.checks.clone()))
        }),
        ("contradictory", |one| {
            one.statement.predicate.digest.push('0')
        }),
        ("expired", |one| one.max_age = TimeLimit::Seconds(0)),
        ("expired", |one| {
            one.statement.predicate.issued_at = "2026-11-29T10:59:59Z".into()
        }),
        ("future-dated", |one| {
            one.statement.predicate.issued_at = "2026-11-29T12:05:01Z".into()
        }),
        ("future-dated", |one| {
            one.statement.predicate.issued_at = "yesterday".into()
        }),
    ];
    for (position, (code, edit)) in rows.iter().enumerate() {
        let mut case = Case::of(Decision::Pass);
        // A second later than it was signed.
        case.statement.predicate.issued_at = "2026-11-29T11:59:59Z".into();
        edit(&mut case);
        assert_eq!(case.codes(), [*code], "{position}");
    }
}

#[test]
fn what_is_just_within_the_bounds_may_be_merged() {
    type Edit = fn(&mut Case);
    let rows: &[Edit] = &[
        |one| one.statement.predicate.issued_at = "2026-11-29T11:00:00Z".into(),
        |one| one.statement.predicate.issued_at = "2026-11-29T12:05:00Z".into(),
        |one| {
            one.max_age = TimeLimit::Unlimited;
            one.statement.predicate.issued_at = "1999-11-29T12:05:00Z".into();
        },
        |one| {
            one.allow_detected = true;
            one.statement.predicate.policy.source = PolicySource::Detected;
        },
        |one| one.record(|record| record.checks[0].status = CheckStatus::NotApplicable),
        |one| {
            one.record(|record| {
                record.checks[0].status = CheckStatus::NotApplicable;
                record.isolation = None;
            })
        },
        |one| one.policy = parse(&format!("{POLICY}required = false\n"), "p").unwrap(),
        |one| {
            one.policy.sandbox.isolation = Isolation::Landlock;
            one.record(|record| record.isolation = Some("full-bwrap".into()));
        },
    ];
    for (position, edit) in rows.iter().enumerate() {
        let mut case = Case::of(Decision::Pass);
        edit(&mut case);
        assert_eq!(case.codes(), Vec::<&str>::new(), "{position}");
    }
}

#[test]
fn a_review_needs_an_approval_of_exactly_this_verdict_by_a_listed_key() {
    let mut case = Case::of(Decision::Review);
    assert_eq!(case.codes(), ["unapproved-review"]);
    let good = approval(&case.statement);
    case.approvals = vec![good.clone()];
    assert_eq!(case.codes(), Vec::<&str>::new());
    assert_eq!(
        accepted(&case.wanted(), &case.statement, &case.approvals).count(),
        1
    );

    type Edit = fn(&mut SignedApproval);
    let rows: &[(&str, Edit)] = &[
        ("not listed", |one| {
            one.approver = Approver::Refused {
                why: "not listed".into(),
            }
        }),
        ("another tree", |one| {
            one.statement.subject[0].digest.git_tree.push('0')
        }),
        ("another base", |one| {
            one.statement.predicate.base_tree.push('0')
        }),
        ("another policy", |one| {
            one.statement.predicate.policy.sha256.push('0')
        }),
        ("another verdict", |one| {
            one.statement.predicate.verdict_digest.push('0')
        }),
        ("no reason", |one| {
            one.statement.predicate.reason = " \n".into()
        }),
        ("longer ago", |one| {
            one.statement.predicate.issued_at = "2026-11-29T10:59:59Z".into()
        }),
        ("not now", |one| {
            one.statement.predicate.issued_at = "2026-11-29T12:05:01Z".into()
        }),
    ];
    for (why, edit) in rows {
        let mut bad = good.clone();
        edit(&mut bad);
        case.approvals = vec![bad.clone()];
        let found = refusals(&case.wanted(), &case.statement, &case.approvals);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code(), "unapproved-review");
        assert!(found[0].to_string().contains(why), "{why}: {}", found[0]);
        // It takes nothing away from one that counts.
        case.approvals = vec![bad, good.clone()];
        assert_eq!(case.codes(), Vec::<&str>::new(), "{why}");
        assert_eq!(
            accepted(&case.wanted(), &case.statement, &case.approvals).count(),
            1
        );
    }
}

#[test]
fn an_approval_never_lets_a_failure_through() {
    for word in [Decision::Fail, Decision::Inconclusive] {
        let mut case = Case::of(word);
        case.approvals = vec![approval(&case.statement)];
        assert_eq!(case.codes(), ["not-a-pass"]);
    }
}

#[test]
fn the_worst_of_what_a_statement_says_counts() {
    let mut case = Case::of(Decision::Fail);
    case.statement.predicate.verdict = Decision::Pass;
    case.statement.predicate.record.verdict = Decision::Pass;
    case.statement.predicate.digest = case.statement.predicate.record.digest();
    assert_eq!(case.codes(), ["contradictory", "not-a-pass"]);
    let mut case = Case::of(Decision::Review);
    case.record(|record| record.verdict = Decision::Pass);
    assert_eq!(case.codes(), ["contradictory", "unapproved-review"]);
    let mut case = Case::of(Decision::Review);
    case.approvals = vec![approval(&case.statement)];
    case.record(|record| {
        record.reasons.push(ReasonRecord {
            code: ReasonCode::PartialRun,
            check: None,
            ids: Vec::new(),
        });
    });
    assert_eq!(case.codes(), ["contradictory", "not-a-pass"]);
}

#[test]
fn all_that_does_not_fit_is_told_at_once_and_what_others_wrote_is_harmless() {
    let mut case = Case::of(Decision::Fail);
    case.statement.subject[0].digest.git_tree = "\u{1b}[2Jmay merge\n".repeat(100);
    case.base = "d".into();
    case.sha256 = "q".into();
    let found = refusals(&case.wanted(), &case.statement, &case.approvals);
    let codes: Vec<_> = found.iter().map(Refusal::code).collect();
    assert_eq!(
        codes,
        [
            "contradictory",
            "wrong-tree",
            "other-base",
            "other-policy",
            "not-a-pass"
        ]
    );
    for refusal in found {
        let sentence = refusal.to_string();
        assert!(
            !sentence.contains(['\u{1b}', '\n']) && sentence.len() < 500,
            "{sentence:?}"
        );
    }
    for refusal in [
        Refusal::Malformed("\u{1b}[2J\nmay be merged".repeat(1000)),
        Refusal::UnapprovedReview(vec!["\u{1b}]0;x\u{7}\n".to_owned()]),
        Refusal::UnknownKey("\u{202e}\r".to_owned()),
    ] {
        let sentence = refusal.to_string();
        assert!(
            !sentence.contains(['\u{1b}', '\u{7}', '\u{202e}', '\n', '\r'])
                && sentence.len() < 2100,
            "{sentence:?}"
        );
    }
}
