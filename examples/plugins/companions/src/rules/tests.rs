use guest::testing::{MemoryTree, assert_schema_fits, change};
use guest::{CheckError, Outcome, Severity, Side};

use super::*;
use crate::SCHEMA;

const BASE: &[(&str, &str)] = &[
    ("CHANGELOG.md", "# Changes\n"),
    ("api/users.json", "{}\n"),
    ("api/internal/debug.json", "{}\n"),
    ("app/package.json", "{}\n"),
    ("app/package-lock.json", "{}\n"),
    ("models/user.py", "class User: ...\n"),
    ("migrations/1.sql", "create\n"),
];

/// Paths with their new texts.
type Edits<'a> = &'a [(&'a str, Option<&'a str>)];

/// The change that a list of edits makes to the base: `None` deletes, and a path with ` -> ` in it moves.
fn edited(edits: Edits<'_>) -> ChangeSet {
    let base = MemoryTree::new(BASE);
    let mut candidate = base.clone();
    for (path, text) in edits {
        match (path.split_once(" -> "), text) {
            (Some((from, to)), _) => {
                let text = BASE.iter().find(|(path, _)| path == &from).unwrap().1;
                candidate.remove(from);
                candidate.insert(to, text.as_bytes());
            }
            (None, Some(text)) => candidate.insert(path, text.as_bytes()),
            (None, None) => candidate.remove(path),
        }
    }
    change(&base, &candidate)
}

fn judged(rules: &str, edits: Edits<'_>) -> Report {
    let config = Config::read(&format!("{{\"rules\": [{rules}]}}")).unwrap();
    judge(&edited(edits), &config).unwrap()
}

const API: &str =
    r#"{"when": ["api/**"], "also": ["CHANGELOG.md"], "unless": ["api/internal/**"]}"#;
const LOCK: &str =
    r#"{"when": ["**/package.json"], "also": ["$dir/package-lock.json"], "severity": "warning"}"#;
const MIGRATION: &str = r#"{"when": ["migrations/*.sql"], "also": ["models/**"], "on": ["added"], "message": "A migration needs its model."}"#;
const GENERATED: &str = r#"{"when": ["api/*.json"], "also": ["gen/$stem.{py,rs}"]}"#;

#[test]
fn a_rule_asks_for_what_it_says_and_for_nothing_else() {
    let new = Some("new\n");
    let rows: &[(&str, Edits<'_>, usize)] = &[
        (API, &[("models/user.py", new)], 0),
        (API, &[("api/users.json", new)], 1),
        (
            MIGRATION,
            &[("app/package.json -> migrations/2.sql", None)],
            1,
        ),
        (API, &[("api/users.json", new), ("CHANGELOG.md", new)], 0),
        (
            API,
            &[("api/users.json", new), ("docs/CHANGELOG.md", new)],
            1,
        ),
        (API, &[("api/internal/debug.json", new)], 0),
        (API, &[("api/users.json", new), ("api/orders.json", new)], 1),
        // Taking the changelog away is no entry in it.
        (API, &[("api/users.json", new), ("CHANGELOG.md", None)], 1),
        (API, &[("api/users.json -> old/users.json", None)], 1),
        (API, &[("models/user.py -> api/user.py", None)], 1),
        (LOCK, &[("app/package.json", new)], 1),
        (
            LOCK,
            &[("app/package.json", new), ("app/package-lock.json", new)],
            0,
        ),
        (
            LOCK,
            &[("app/package.json", new), ("lib/package-lock.json", new)],
            1,
        ),
        (
            LOCK,
            &[("package.json", new), ("package-lock.json", new)],
            0,
        ),
        (
            LOCK,
            &[("a[b]/package.json", new), ("a[b]/package-lock.json", new)],
            0,
        ),
        (LOCK, &[("a/package.json", new), ("b/package.json", new)], 2),
        (
            LOCK,
            &[("app/package.json", None), ("app/package-lock.json", None)],
            0,
        ),
        (
            LOCK,
            &[("app/package.json", new), ("app/package-lock.json", None)],
            1,
        ),
        (MIGRATION, &[("migrations/1.sql", new)], 0),
        (MIGRATION, &[("migrations/2.sql", new)], 1),
        (
            MIGRATION,
            &[("migrations/2.sql", new), ("models/order.py", new)],
            0,
        ),
        (
            GENERATED,
            &[("api/users.json", new), ("gen/users.rs", new)],
            0,
        ),
        (
            GENERATED,
            &[("api/users.json", new), ("gen/orders.rs", new)],
            1,
        ),
    ];
    for (rule, edits, missing) in rows {
        let report = judged(rule, edits);
        assert_eq!(
            report.findings.len(),
            *missing,
            "{rule} {edits:?}: {report:?}"
        );
    }
}

#[test]
fn a_companion_needs_none_itself() {
    let new = Some("new\n");
    let within = r#"{"when": ["api/**"], "also": ["api/CHANGES.md"]}"#;
    assert_eq!(judged(within, &[("api/CHANGES.md", new)]).findings.len(), 0);
    assert_eq!(judged(within, &[("api/users.json", new)]).findings.len(), 1);
    assert_eq!(
        judged(within, &[("api/CHANGES.md", new), ("api/users.json", new)])
            .findings
            .len(),
        0
    );
    let beside = r#"{"when": ["**/*.go"], "also": ["$dir/*_test.go"]}"#;
    assert_eq!(judged(beside, &[("a/b.go", new)]).findings.len(), 1);
    assert_eq!(
        judged(beside, &[("a/b.go", new), ("a/b_test.go", new)])
            .findings
            .len(),
        0
    );
}

#[test]
fn a_finding_says_what_changed_what_is_missing_and_why() {
    let report = judged(MIGRATION, &[("migrations/2.sql", Some("a\n"))]);
    let finding = &report.findings[0];
    assert_eq!(report.outcome, Outcome::Fail);
    assert_eq!(
        finding.message,
        "A migration needs its model. (`migrations/2.sql` changed, and no file that matches `models/**` did.)"
    );
    let place = &finding.locations[0];
    assert_eq!(
        (place.side, place.path.as_str()),
        (Side::Candidate, "migrations/2.sql")
    );
    assert_eq!(place.region.unwrap().start.line, 1);
}

#[test]
fn a_deleted_file_is_shown_on_the_base() {
    let report = judged(API, &[("api/users.json", None)]);
    assert_eq!(report.findings[0].locations[0].side, Side::Base);
}

#[test]
fn a_warning_does_not_fail_the_check() {
    let report = judged(LOCK, &[("app/package.json", Some("new\n"))]);
    assert_eq!(report.outcome, Outcome::Pass);
    assert_eq!(report.findings[0].severity, Severity::Warning);
}

#[test]
fn files_without_a_name_are_told() {
    let mut change = edited(&[("api/users.json", Some("new\n"))]);
    change.unnamed = 2;
    let report = judge(
        &change,
        &Config::read(&format!("{{\"rules\": [{API}]}}")).unwrap(),
    )
    .unwrap();
    assert!(
        report
            .summary
            .unwrap()
            .contains("2 files whose path is not UTF-8")
    );
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    for (json, why) in [
        (r#"{}"#, "`rules` of the configuration is missing"),
        (
            r#"{"rules": [{"when": ["a{"], "also": ["b"]}]}"#,
            "without its `}`",
        ),
        (
            r#"{"rules": [{"when": ["a"], "also": ["$dir/b["]}]}"#,
            "without its `]`",
        ),
        (
            r#"{"rules": [{"when": ["a"], "also": ["b"], "on": ["copied"]}]}"#,
            "`on` of rule 1",
        ),
        (r#"{"rules": "#, "it ends where"),
    ] {
        let Err(CheckError::BadConfig(error)) = Config::read(json) else {
            panic!("{json} was taken");
        };
        assert!(error.contains(why), "{json}: {error}");
    }
}

#[test]
fn the_schema_is_that_of_the_configuration() {
    assert_schema_fits(SCHEMA, KEYS);
}

#[test]
fn another_mode_or_a_link_is_no_companion() {
    let edits: Edits<'_> = &[
        ("api/users.json", Some("new\n")),
        ("CHANGELOG.md", Some("new\n")),
    ];
    let config = Config::read(&format!("{{\"rules\": [{API}]}}")).unwrap();
    for (what, edit) in [
        ("as it is", None),
        ("another mode", Some((Mode::Executable, true))),
        ("a link", Some((Mode::Symlink, false))),
    ] {
        let mut change = edited(edits);
        let log = change
            .files
            .iter_mut()
            .find(|file| file.path == "CHANGELOG.md")
            .unwrap();
        if let Some((mode, without_lines)) = edit {
            log.new_mode = Some(mode);
            log.hunks.retain(|_| !without_lines);
        }
        let found = judge(&change, &config).unwrap().findings.len();
        assert_eq!(found, usize::from(edit.is_some()), "{what}");
    }
}
