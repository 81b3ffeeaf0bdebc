//! Statements, read and written; and ones for the tests of those who read them.

use serde_json::{Value, json};

use super::*;

/// A moment at which nothing special happens.
pub(crate) fn now() -> Moment {
    Moment::parse("2026-11-29T12:00:00Z").unwrap()
}

/// A verdict of this word on candidate `c` and base `b`, under policy `p`.
pub(crate) fn verdict(word: Decision) -> Verdict {
    let reason = |code: &str| json!([{ "code": code, "check": "tests", "ids": ["a"], "message": "text of a test" }]);
    let review =
        json!([{ "code": "protected-path", "ids": [], "files": ["ci.yml"], "message": "m" }]);
    let (reasons, review) = match word {
        Decision::Pass => (json!([]), json!([])),
        Decision::Review => (json!([]), review),
        Decision::Fail => (reason("tests-regressed"), review),
        Decision::Inconclusive => (reason("tool-missing"), json!([])),
    };
    let mut verdict: Verdict = serde_json::from_value(json!({
        "schema": crate::verdict::SCHEMA, "verdict": word, "reasons": reasons, "review": review,
        "subject": { "base_tree": "b", "candidate_tree": "c", "base_commit": "bc", "base_ref": "refs/heads/main",
            "base_trust": "local", "patch_sha256": null },
        "policy": { "source": "base", "path": "passmuster.toml", "sha256": "p", "presets": ["python"] },
        "enforcement": [], "isolation": "full",
        "environment": { "runner": "0.1.0", "os": "Linux", "toolchains": [{ "name": "python", "version": "3", "sha256": "s" }] },
        "checks": [{ "name": "tests", "kind": "test", "required": true, "status": "passed", "assurance": "controlled",
            "cached": [], "trees": [], "findings": null, "tests": 3, "usage": crate::run::Usage::default(), "log": "a log" }],
        "tests": null, "controls": null, "findings": [], "next_steps": [], "reproduce": "passmuster verify --repo /home/x",
        "attempts": null, "timing": { "total_ms": 0, "setup_ms": null }, "digest": ""
    }))
    .unwrap();
    verdict.digest = Record::of(&verdict).digest();
    verdict
}

/// The statement about it.
pub(crate) fn statement(word: Decision) -> VerdictStatement {
    VerdictStatement::of(&verdict(word), now()).unwrap()
}

#[test]
fn a_statement_reads_back_and_contradicts_itself_nowhere() {
    for word in [
        Decision::Pass,
        Decision::Review,
        Decision::Inconclusive,
        Decision::Fail,
    ] {
        let statement = statement(word);
        let read = read(&statement.payload());
        assert_eq!(read, Ok(AnyStatement::Verdict(Box::new(statement.clone()))));
        assert_eq!(statement.contradictions(), Vec::<&str>::new());
        let approval = ApprovalStatement::of(&statement, "looked at", "0.1.0", now());
        let read = super::read(&approval.payload());
        assert_eq!(read, Ok(AnyStatement::Approval(Box::new(approval))));
    }
}

#[test]
fn what_tests_printed_and_where_the_repository_lies_is_not_signed() {
    let text = String::from_utf8(statement(Decision::Fail).payload()).unwrap();
    for private in ["text of a test", "a log", "/home/x", "passmuster.toml"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}

#[test]
fn a_change_without_a_tree_cannot_be_attested() {
    let mut verdict = verdict(Decision::Fail);
    verdict.subject.candidate_tree = None;
    assert_eq!(VerdictStatement::of(&verdict, now()), Err(NoCandidate));
}

#[test]
fn every_part_that_is_said_twice_is_held_against_the_other() {
    type Edit = fn(&mut VerdictStatement);
    let edits: [(&str, Edit); 12] = [
        ("digest", |one| one.predicate.digest.push('0')),
        ("digest", |one| {
            one.predicate.record.checks[0].required = false
        }),
        ("verdict", |one| one.predicate.verdict = Decision::Pass),
        ("reasons", |one| {
            one.predicate.record.verdict = Decision::Pass
        }),
        ("reasons", |one| one.predicate.record.review.clear()),
        ("candidate", |one| one.subject[0].digest.git_tree.push('0')),
        ("candidate", |one| {
            one.predicate.record.subject.candidate_tree = None
        }),
        ("base", |one| one.predicate.base.tree.push('0')),
        ("policy", |one| one.predicate.policy.sha256.push('0')),
        ("isolation", |one| one.predicate.isolation = None),
        ("toolchains", |one| one.predicate.toolchains.clear()),
        ("schema", |one| one.predicate.record.schema.push('2')),
    ];
    for (what, edit) in edits {
        let mut one = statement(Decision::Review);
        edit(&mut one);
        assert!(
            one.contradictions().contains(&what),
            "{what}: {:?}",
            one.contradictions()
        );
    }
}

/// The payload after an edit of its JSON, in canonical form.
fn edited(edit: impl Fn(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::from_slice(&statement(Decision::Pass).payload()).unwrap();
    edit(&mut value);
    canonical::text(&value).into_bytes()
}

#[test]
fn only_the_one_text_of_a_statement_is_read() {
    let payload = String::from_utf8(statement(Decision::Pass).payload()).unwrap();
    let twice = payload.replacen("{\"_type\"", "{\"predicateType\":\"x\",\"_type\"", 1);
    let inner = payload.replacen(
        "\"verdict\":\"pass\"",
        "\"verdict\":\"fail\",\"verdict\":\"pass\"",
        1,
    );
    let unreadable = [
        twice,
        inner,
        payload[..payload.len() - 1].to_owned(),
        String::new(),
        format!("{payload}{payload}"),
        "[".repeat(100_000),
    ];
    for text in unreadable {
        let found = read(text.as_bytes());
        assert!(
            matches!(found, Err(StatementError::Unreadable(_))),
            "{found:?}"
        );
    }
    for text in [
        format!("{payload}\n"),
        payload.replacen(':', ": ", 1),
        payload.replacen("verdict\":\"pass", "verdict\":\"p\\u0061ss", 1),
    ] {
        assert_eq!(
            read(text.as_bytes()),
            Err(StatementError::NotCanonical),
            "{text}"
        );
    }
}

#[test]
fn unknown_missing_and_ill_typed_keys_are_refused_at_every_depth() {
    let wrong: [fn(&mut Value); 9] = [
        |one| one["more"] = json!(1),
        |one| one["predicate"]["more"] = json!(1),
        |one| one["predicate"]["record"]["more"] = json!(1),
        |one| one["predicate"]["record"]["checks"][0]["more"] = json!(1),
        |one| one["subject"][0]["digest"]["sha256"] = json!("x"),
        |one| one["subject"] = json!([]),
        |one| {
            let twice = one["subject"][0].clone();
            one["subject"].as_array_mut().unwrap().push(twice);
        },
        |one| drop(one["predicate"].as_object_mut().unwrap().remove("digest")),
        |one| one["predicate"]["verdict"] = json!("passed"),
    ];
    for (position, edit) in wrong.into_iter().enumerate() {
        let found = read(&edited(edit));
        assert!(
            matches!(found, Err(StatementError::Unreadable(_))),
            "{position}: {found:?}"
        );
    }
    // A key that may be null is there all the same.
    let found = read(&edited(|one| {
        drop(
            one["predicate"]
                .as_object_mut()
                .unwrap()
                .remove("isolation"),
        )
    }));
    assert_eq!(found, Err(StatementError::NotCanonical));
}

#[test]
fn other_kinds_of_statements_are_refused_by_name() {
    type Edit = fn(&mut Value);
    let kinds: [(&str, Edit); 4] = [
        ("_type", |one| {
            one["_type"] = json!("https://in-toto.io/Statement/v0.1")
        }),
        ("predicateType", |one| {
            one["predicateType"] = json!("https://slsa.dev/provenance/v1")
        }),
        ("predicateType", |one| {
            one["predicateType"] = json!("urn:passmuster:verdict:2")
        }),
        ("the subject's name", |one| {
            one["subject"][0]["name"] = json!("base")
        }),
    ];
    for (what, edit) in kinds {
        assert_eq!(read(&edited(edit)), Err(StatementError::OtherKind(what)));
    }
    // A verdict that calls itself an approval is neither.
    let found = read(&edited(|one| one["predicateType"] = json!(APPROVAL)));
    assert!(
        matches!(found, Err(StatementError::Unreadable(_))),
        "{found:?}"
    );
}
