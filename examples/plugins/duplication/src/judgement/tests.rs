use std::fmt::Write as _;

use guest::Outcome;
use guest::testing::{MemoryTree, change};

use super::*;

type Files<'a> = &'a [(&'a str, String)];

fn judged_by(settings: &Settings, base: Files<'_>, candidate: Files<'_>) -> Report {
    let (base, candidate) = (MemoryTree::new(base), MemoryTree::new(candidate));
    judge(&change(&base, &candidate), settings, &base, &candidate).unwrap()
}

fn judged(base: Files<'_>, candidate: Files<'_>) -> Report {
    judged_by(&Settings::read("{}").unwrap(), base, candidate)
}

/// A function of so many lines, nine tokens in each, whose names are its own.
fn function(name: &str, lines: usize) -> String {
    let mut text = format!("def {name}(rows):\n");
    for line in 0..lines {
        writeln!(text, "    {name}_{line} = rows[{line}] + {name}_base").unwrap();
    }
    text + "    return rows\n\n"
}

fn alone(report: &Report) -> &Finding {
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    &report.findings[0]
}

#[test]
fn a_copied_block_is_found_with_both_places() {
    let (one, other) = (function("one", 10), function("other", 10));
    let base = [
        ("a.py", format!("{other}{one}")),
        ("b.py", function("third", 8)),
    ];
    let candidate = [base[0].clone(), ("b.py", format!("{}{one}", base[1].1))];
    let report = judged(&base, &candidate);
    let finding = alone(&report);
    assert_eq!(report.outcome, Outcome::Fail);
    assert_eq!(
        finding.message,
        "These 12 lines (88 tokens) stand in `a.py` as well, lines 14 to 25. Use them from one place."
    );
    let places: Vec<(&str, u32, u32)> = finding
        .locations
        .iter()
        .map(|place| {
            (
                place.path.as_str(),
                place.region.unwrap().start.line,
                place.region.unwrap().end.unwrap().line,
            )
        })
        .collect();
    assert_eq!(places, [("b.py", 12, 23), ("a.py", 14, 25)]);
}

#[test]
fn only_what_the_change_copies_is_found() {
    let one = function("one", 10);
    let two = function("two", 10);
    let base = [("a.py", one.clone()), ("b.py", two.clone())];
    let rows: &[(&str, Files<'_>, usize)] = &[
        ("nothing", &base, 0),
        (
            "something else",
            &[
                base[0].clone(),
                base[1].clone(),
                ("c.py", function("new", 20)),
            ],
            0,
        ),
        (
            "a copy in a new file",
            &[base[0].clone(), base[1].clone(), ("c.py", one.clone())],
            1,
        ),
        (
            "a copy on one line",
            &[
                base[0].clone(),
                base[1].clone(),
                ("c.py", one.replace('\n', " ")),
            ],
            1,
        ),
        (
            "two copies",
            &[
                base[0].clone(),
                base[1].clone(),
                ("c.py", one.clone()),
                ("d.py", one.clone()),
            ],
            2,
        ),
        (
            "a copy of too few tokens",
            &[
                base[0].clone(),
                ("b.py", format!("{two}{}", function("one", 5))),
            ],
            0,
        ),
        (
            "a file that moved",
            &[("c.py", one.clone()), base[1].clone()],
            0,
        ),
        (
            "a block that moved",
            &[("a.py", "\n".into()), ("b.py", format!("{two}{one}"))],
            0,
        ),
        (
            "a block that moved within its file",
            &[("a.py", format!("x = 1\n{one}")), base[1].clone()],
            0,
        ),
        (
            "other white space and comments",
            &[
                base[0].clone(),
                base[1].clone(),
                ("c.py", one.replace('\n', "  # so\n\n")),
            ],
            1,
        ),
        (
            "the same in another language's file",
            &[base[0].clone(), base[1].clone(), ("c.txt", one.clone())],
            0,
        ),
        (
            "in a vendored file",
            &[
                base[0].clone(),
                base[1].clone(),
                ("vendor/c.py", one.clone()),
            ],
            0,
        ),
        (
            "twice in one file",
            &[
                base[0].clone(),
                base[1].clone(),
                ("c.py", function("new", 9).repeat(2)),
            ],
            1,
        ),
    ];
    for (name, candidate, found) in rows {
        let report = judged(&base, candidate);
        assert_eq!(report.findings.len(), *found, "{name}: {report:#?}");
    }
}

#[test]
fn two_copies_that_change_alike_were_copies_before() {
    let one = function("one", 10);
    let base = [("a.py", one.clone()), ("b.py", format!("x = 1\n{one}"))];
    let renamed = |text: &str| text.replace("rows", "lines");
    let candidate = [("a.py", renamed(&base[0].1)), ("b.py", renamed(&base[1].1))];
    let report = judged(&base, &candidate);
    assert!(alone(&report).preexisting);
    assert_eq!(report.outcome, Outcome::Pass);
}

#[test]
fn a_block_that_is_made_equal_to_another_is_a_copy() {
    let base = [("a.py", function("one", 10)), ("b.py", function("two", 10))];
    let report = judged(&base, &[base[0].clone(), ("b.py", function("one", 10))]);
    assert!(!alone(&report).preexisting);
}

#[test]
fn a_block_of_the_change_is_told_once_with_all_places() {
    let one = function("one", 10);
    let base = [
        ("a.py", one.clone()),
        ("b.py", one.clone()),
        ("c.py", one.clone()),
    ];
    let report = judged(
        &base,
        &[
            base[0].clone(),
            base[1].clone(),
            base[2].clone(),
            ("d.py", one),
        ],
    );
    let finding = alone(&report);
    assert_eq!(finding.locations.len(), 4);
    assert!(
        finding.message.contains("and in 2 more places"),
        "{}",
        finding.message
    );
}

#[test]
fn an_edit_within_old_code_does_not_make_a_copy_of_it() {
    let one = function("one", 40);
    let base = [
        ("a.py", one.clone()),
        ("b.py", one.replace("one_5 ", "five ")),
    ];
    // One line makes two old copies alike: they were not brought by the change.
    assert_eq!(
        judged(&base, &[base[0].clone(), ("b.py", one)])
            .findings
            .len(),
        0
    );
}

#[test]
fn a_copy_that_moves_makes_no_other_copy() {
    let one = function("one", 10);
    let base = [("a.py", one.clone()), ("b.py", format!("x = 1\n{one}"))];
    let moved = [
        base[0].clone(),
        ("b.py", "x = 1\n".into()),
        ("c.py", format!("y = 2\n{one}")),
    ];
    assert_eq!(judged(&base, &moved).findings.len(), 0);
    // One is taken away and two are added.
    let twice = [
        moved[0].clone(),
        moved[1].clone(),
        ("c.py", format!("{one}y = 2\n{one}")),
    ];
    assert_ne!(judged(&base, &twice).findings.len(), 0);
}

#[test]
fn a_block_of_few_lines_is_none() {
    let line = (0..60).fold(String::new(), |all, at| all + &format!("name{at} + "));
    let base = [("a.py", format!("x = {line} 1\n"))];
    let candidate = [base[0].clone(), ("b.py", base[0].1.clone())];
    assert_eq!(judged(&base, &candidate).findings.len(), 0);
    let short = Settings::read(r#"{"min-lines": 1}"#).unwrap();
    assert_eq!(judged_by(&short, &base, &candidate).findings.len(), 1);
}

#[test]
fn tables_and_imports_are_no_code() {
    let table = format!("TABLE = [\n{}]\n", "    0, 1, 2, 3,\n".repeat(40));
    let imports: String = (0..40).fold(String::new(), |all, at| {
        all + &format!("from a.b{at} import c{at}, d{at}\n")
    });
    for text in [table, imports] {
        let base = [("a.py", text.clone())];
        assert_eq!(
            judged(&base, &[base[0].clone(), ("b.py", text)])
                .findings
                .len(),
            0
        );
    }
}

#[test]
fn a_fingerprint_stays_when_lines_move() {
    let one = function("one", 10);
    let base = [("a.py", one.clone())];
    let at = |before: &str| {
        let report = judged(
            &base,
            &[base[0].clone(), ("b.py", format!("{before}{one}"))],
        );
        alone(&report).fingerprint.clone()
    };
    assert_eq!(at(""), at("x = 1\n\n\n"));
}

#[test]
fn what_is_not_read_is_told() {
    let mut settings = Settings::read("{}").unwrap();
    settings.bounds.file = 1_000;
    let large = function("large", 60);
    let base = [("a.py", large.clone()), ("b.py", function("two", 10))];
    let candidate = [
        base[0].clone(),
        ("c.py", large),
        ("d.py", function("one", 10)),
        base[1].clone(),
    ];
    let report = judged_by(&settings, &base, &candidate);
    let told: Vec<(&str, bool)> = report
        .findings
        .iter()
        .map(|finding| (finding.message.as_str(), finding.preexisting))
        .collect();
    let expected = [
        ("`c.py` was not compared: it is too large.", false),
        ("`a.py` was not compared: it is too large.", true),
    ];
    assert_eq!(told, expected);

    settings.bounds.total = 300;
    let report = judged_by(&settings, &base, &candidate);
    let beyond = report
        .findings
        .iter()
        .find(|finding| finding.locations.is_empty());
    assert!(
        beyond.is_some_and(|finding| finding.message.contains("larger than this check reads")),
        "{report:#?}"
    );
}

#[test]
fn a_binary_that_calls_itself_a_source_is_told() {
    let report = judged(
        &[],
        &[("a.py", "\0".repeat(100)), ("b.py", function("one", 10))],
    );
    assert!(alone(&report).message.contains("it is binary"));
}

#[test]
fn hostile_sources_take_little_time() {
    let rows = [
        "x = [0, 0, 0]; ".repeat(6_000),
        "a b c d e f g h i j k l m n o p\n".repeat(3_000),
        (0..60)
            .fold(String::new(), |all, at| all + &format!("name{at} "))
            .repeat(500),
        "((((".repeat(20_000),
        // No two lines alike: nothing cuts the comparison short.
        (1..10_000_u64).fold(String::new(), |all, at| {
            let name = |part: u64| at.wrapping_mul(part).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
            let words: String = (1..=10).map(|part| format!("v{} ", name(part))).collect();
            all + &words + "\n"
        }),
        "'''".repeat(20_000),
        "\\\n".repeat(20_000),
    ];
    for text in rows {
        let started = std::time::Instant::now();
        let files = [
            ("a.py", text.clone()),
            ("b.py", text.clone()),
            ("c.py", text.clone()),
        ];
        judged(&[], &files);
        let taken = started.elapsed();
        assert!(taken.as_secs() < 20, "{:.20} took {taken:?}", text);
    }
}
