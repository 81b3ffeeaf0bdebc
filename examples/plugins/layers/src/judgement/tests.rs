use guest::testing::{MemoryTree, change};
use guest::{Mode, Outcome};

use super::*;

type Files<'a> = &'a [(&'a str, &'a str)];
/// Name, candidate and what is told of it.
type Row<'a> = (&'a str, Vec<(&'a str, &'a str)>, Told<'a>);
/// Rule, line and whether it stood before.
type Told<'a> = &'a [(&'a str, u32, bool)];

const PARTS: &str =
    r#""parts": {"domain": "src/domain/**", "web": ["src/web/**"], "db": "src/db/**"}"#;

fn judged(config: &str, base: Files<'_>, candidate: Files<'_>) -> Report {
    between(config, &MemoryTree::new(base), &MemoryTree::new(candidate))
}

fn between(config: &str, base: &MemoryTree, candidate: &MemoryTree) -> Report {
    let settings = Settings::read(config).unwrap();
    judge(&change(base, candidate), &settings, base, candidate).unwrap()
}

/// Rule, line of the first location, and whether it stood before.
fn found(report: &Report) -> Vec<(&str, u32, bool)> {
    let each = report.findings.iter();
    each.map(|finding| {
        let line = finding
            .locations
            .first()
            .and_then(|place| place.region)
            .map_or(0, |region| region.start.line);
        (finding.rule.as_str(), line, finding.preexisting)
    })
    .collect()
}

const ALL: [(&str, &str); 3] = [
    ("src/domain/a.py", "x = 1\n"),
    ("src/web/b.py", ""),
    ("src/db/c.py", ""),
];

fn with(path: &'static str, text: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut files: Vec<_> = ALL
        .iter()
        .filter(|(known, _)| *known != path)
        .copied()
        .collect();
    files.push((path, text));
    files
}

#[test]
fn a_forbidden_import_is_told_with_its_place() {
    let config = format!("{{{PARTS}, \"forbid\": [[\"domain\", \"web\"]]}}");
    let candidate = with("src/domain/a.py", "x = 1\nif x:\n    from web import b\n");
    let report = judged(&config, &ALL, &candidate);
    assert_eq!(report.outcome, Outcome::Fail);
    assert_eq!(found(&report), [(FORBIDDEN, 3, false)]);
    let finding = &report.findings[0];
    assert_eq!(
        finding.message,
        "`src/domain/a.py` of part `domain` imports `web.b` of part `web`, which is forbidden."
    );
    assert_eq!(finding.locations[0].region.unwrap().start.column, Some(21));
    assert_eq!(
        finding.fingerprint.as_deref(),
        Some("domain web src/domain/a.py web.b")
    );
}

#[test]
fn each_language_is_judged() {
    let config = format!("{{{PARTS}, \"forbid\": [[\"domain\", \"web\"]]}}");
    let rows: &[(&str, &str, &str, &str)] = &[
        (
            "src/domain/a.rs",
            "use crate::web::x;",
            "src/web/mod.rs",
            "Cargo.toml",
        ),
        (
            "src/domain/a.ts",
            "export { x } from '../web/b'",
            "src/web/b.ts",
            "package.json",
        ),
        (
            "src/domain/a.go",
            "package a\nimport \"example.org/shop/src/web\"",
            "src/web/b.go",
            "go.mod",
        ),
        (
            "src/domain/a.py",
            "import web.b",
            "src/web/b.py",
            "setup.py",
        ),
    ];
    for (from, text, to, manifest) in rows {
        let says = match *manifest {
            "Cargo.toml" => "[package]\nname = \"shop\"\n",
            "go.mod" => "module example.org/shop\n",
            _ => "{}",
        };
        let base = [
            (*manifest, says),
            (*to, ""),
            ("src/db/c.py", ""),
            (from, ""),
        ];
        let candidate = [
            (*manifest, says),
            (*to, ""),
            ("src/db/c.py", ""),
            (*from, *text),
        ];
        let report = judged(&config, &base, &candidate);
        assert_eq!(
            found(&report).iter().map(|one| one.0).collect::<Vec<_>>(),
            [FORBIDDEN],
            "{from}: {report:#?}"
        );
    }
}

#[test]
fn what_stood_on_the_base_does_not_fail_a_change() {
    let config = format!("{{{PARTS}, \"forbid\": [[\"domain\", \"web\"]]}}");
    let import = "from web import b\n";
    let base = with("src/domain/a.py", import);
    let rows: &[Row<'_>] = &[
        (
            "untouched",
            with("src/domain/a.py", import),
            &[(FORBIDDEN, 1, true)],
        ),
        (
            "moved down",
            with("src/domain/a.py", "\n\nfrom web import b\n"),
            &[(FORBIDDEN, 3, true)],
        ),
        (
            "twice now",
            with(
                "src/domain/a.py",
                "from web import b\ndef f():\n    from web import b\n",
            ),
            &[(FORBIDDEN, 1, true)],
        ),
        (
            "another module",
            with("src/domain/a.py", "from web import b, d\n"),
            &[(FORBIDDEN, 1, false), (FORBIDDEN, 1, true)],
        ),
        (
            "renamed",
            vec![("src/domain/z.py", import), ALL[1], ALL[2]],
            &[(FORBIDDEN, 1, true)],
        ),
        (
            "into the part",
            vec![
                ("src/domain/a.py", import),
                ALL[1],
                ALL[2],
                ("src/domain/n.py", import),
            ],
            &[(FORBIDDEN, 1, false), (FORBIDDEN, 1, true)],
        ),
        ("gone", with("src/domain/a.py", "x = 1\n"), &[]),
    ];
    for (name, candidate, expected) in rows {
        let report = judged(&config, &base, candidate);
        assert_eq!(found(&report), *expected, "{name}: {report:#?}");
        let fails = expected.iter().any(|(_, _, preexisting)| !preexisting);
        assert_eq!(report.outcome == Outcome::Fail, fails, "{name}");
    }
}

#[test]
fn an_untouched_file_breaks_a_rule_when_its_import_means_something_else() {
    let config = r#"{"parts": {"domain": "src/domain/**", "web": "src/web/**"}, "forbid": [["domain", "web"]]}"#;
    let importing = ("src/domain/a.ts", "import '@x'");
    let config_of = |target: &'static str| ("tsconfig.json", target);
    let web = ("src/web/b.ts", "");
    let base = [
        importing,
        web,
        config_of(r#"{"compilerOptions": {"paths": {"@x": ["src/other.ts"]}}}"#),
    ];
    let candidate = [
        importing,
        web,
        config_of(r#"{"compilerOptions": {"paths": {"@x": ["src/web/b.ts"]}}}"#),
    ];
    assert_eq!(
        found(&judged(config, &base, &candidate)),
        [(FORBIDDEN, 1, false)]
    );
}

#[test]
fn parts_may_be_folders_by_their_name() {
    let config = r#"{"forbid": [["domain", "web"]]}"#;
    let base = [("app/domain/a.py", ""), ("app/web/b.py", "")];
    let candidate = [
        ("app/domain/a.py", "from app.web import b"),
        ("app/web/b.py", ""),
    ];
    assert_eq!(
        found(&judged(config, &base, &candidate)),
        [(FORBIDDEN, 1, false)]
    );
}

#[test]
fn a_new_circle_is_told_where_it_closes() {
    let config = format!("{{{PARTS}}}");
    let base = [
        ("src/domain/a.py", "import db.c"),
        ("src/db/c.py", ""),
        ("src/web/b.py", "import domain.a"),
    ];
    let candidate = [base[0], ("src/db/c.py", "\nimport web.b"), base[2]];
    let report = judged(&config, &base, &candidate);
    assert_eq!(found(&report), [(CYCLE, 2, false)]);
    let finding = &report.findings[0];
    assert_eq!(
        finding.message,
        "`src/db/c.py` imports `web.b`, which closes a circle of parts: `db` → `web` → `domain` → `db`."
    );
    assert_eq!(finding.locations.len(), 3);
    assert_eq!(
        judged(&config, &candidate, &candidate)
            .findings
            .iter()
            .filter(|finding| !finding.preexisting)
            .count(),
        0
    );
    let allowed = format!("{{{PARTS}, \"cycles\": \"allow\"}}");
    assert_eq!(judged(&allowed, &base, &candidate).findings.len(), 0);
}

#[test]
fn a_circle_that_stood_is_told_and_fails_nothing() {
    let config = format!("{{{PARTS}}}");
    let base = [
        ("src/domain/a.py", "import db.c"),
        ("src/db/c.py", "import domain.a"),
        ("src/web/b.py", ""),
    ];
    let candidate = [base[0], base[1], ("src/web/b.py", "import domain.a")];
    let report = judged(&config, &base, &candidate);
    assert_eq!(report.outcome, Outcome::Pass);
    assert!(
        found(&report)
            .iter()
            .all(|(rule, _, preexisting)| *rule == CYCLE && *preexisting),
        "{report:#?}"
    );
    assert_eq!(report.findings.len(), 2);
}

#[test]
fn a_part_without_sources_is_told() {
    let config = format!("{{{PARTS}, \"forbid\": [[\"domain\", \"web\"]]}}");
    let candidate = [("src/core/a.py", "import web.b\n"), ALL[1], ALL[2]];
    let report = judged(&config, &ALL, &candidate);
    assert_eq!(found(&report), [(EMPTY, 0, false)]);
    assert_eq!(report.outcome, Outcome::Fail);
    // It was empty before: told, and nothing more.
    let report = judged(&config, &candidate, &candidate);
    assert_eq!(found(&report), [(EMPTY, 0, true)]);
    assert_eq!(report.outcome, Outcome::Pass);
}

#[test]
fn what_is_not_read_is_told() {
    let config = format!("{{{PARTS}, \"forbid\": [[\"domain\", \"web\"]]}}");
    let base = MemoryTree::new(&ALL);
    let mut candidate = base.clone();
    candidate.insert("src/domain/binary.py", b"import web.b\n\0");
    candidate.insert("src/domain/large.py", &b"x = 1\n".repeat(400_000));
    candidate.insert("src/domain/latin.py", b"# \xE4\nimport web.b\n");
    candidate.insert_as("src/domain/link.py", Mode::Symlink, b"../web/b.py");
    let report = between(&config, &base, &candidate);
    let told: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    let expected = [
        "`src/domain/latin.py` of part `domain` imports `web.b` of part `web`, which is forbidden.",
        "The imports of `src/domain/binary.py` were not read: it is binary.",
        "The imports of `src/domain/large.py` were not read: it is too large.",
        "The imports of `src/domain/link.py` were not read: it is a symbolic link.",
    ];
    assert_eq!(told, expected);
    let fail = |finding: &Finding| finding.severity == Severity::Error && !finding.preexisting;
    assert!(report.findings.iter().all(fail), "{report:?}");
    assert!(
        between(&config, &candidate, &candidate)
            .findings
            .iter()
            .all(|finding| finding.preexisting)
    );
}

#[test]
fn ignored_files_do_not_count() {
    let config =
        format!("{{{PARTS}, \"forbid\": [[\"domain\", \"web\"]], \"ignore\": [\"**/test_*.py\"]}}");
    let mut candidate = ALL.to_vec();
    candidate.push(("src/domain/test_a.py", "import web.b"));
    assert_eq!(judged(&config, &ALL, &candidate).findings.len(), 0);
}

#[test]
fn a_star_forbids_every_other_part() {
    let config = format!("{{{PARTS}, \"forbid\": [[\"domain\", \"*\"]]}}");
    let candidate = with("src/domain/a.py", "import domain.a, db.c, web.b, os");
    let report = judged(&config, &ALL, &candidate);
    assert_eq!(report.findings.len(), 2, "{report:#?}");
}
