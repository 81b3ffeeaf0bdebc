//! Agreement of exit status, report and inventory, case by case.

use super::*;
use crate::run::BrokenUnit;
use crate::testing::run;

/// The one door: results, exit status, what is done to the run; gives the disagreements' names.
fn found(
    words: &str,
    status: i32,
    framework: Framework,
    edit: fn(&mut TestRun),
) -> Vec<&'static str> {
    let mut run = run(words);
    run.outcome = Outcome::Exited { status };
    edit(&mut run);
    let name = |found: &Disagreement| match found {
        Disagreement::DidNotEnd(_) => "did-not-end",
        Disagreement::ReportMissing { .. } => "report-missing",
        Disagreement::Contradiction(_) => "contradiction",
        Disagreement::NoTests => "no-tests",
        Disagreement::BrokenUnits => "broken-units",
    };
    disagreements(&run, &framework.exit_meaning())
        .iter()
        .map(name)
        .collect()
}

fn as_it_is(_: &mut TestRun) {}

fn without_report(run: &mut TestRun) {
    run.report = ReportState::Missing;
}

fn with_a_broken_unit(run: &mut TestRun) {
    let message = "error".to_owned();
    run.broken_units.push(BrokenUnit {
        unit: "u".to_owned(),
        file: None,
        line: None,
        message,
        more: Vec::new(),
    });
}

#[test]
fn each_channel_is_held_against_the_others() {
    use Framework::{CargoTest, GoTest, Jest, Junit, NodeTest, Pytest, Vitest};
    type Row = (
        &'static str,
        i32,
        Framework,
        fn(&mut TestRun),
        &'static [&'static str],
    );
    let rows: &[Row] = &[
        ("a::x=p", 0, Pytest, as_it_is, &[]),
        ("a::x=p a::y=f", 1, Pytest, as_it_is, &[]),
        ("a::x=p a::y=s", 0, Pytest, as_it_is, &[]),
        // All passed, yet the status says otherwise.
        ("a::x=p", 1, Pytest, as_it_is, &["contradiction"]),
        ("a::x=p", 3, Pytest, as_it_is, &["contradiction"]),
        ("a::x=p", 101, CargoTest, as_it_is, &["contradiction"]),
        // Failures, yet the status says that all passed.
        ("a::x=f", 0, Pytest, as_it_is, &["contradiction"]),
        ("a::x=f", 0, Junit, as_it_is, &["contradiction"]),
        // Failures, and the suite broke off.
        ("a::x=f", 2, Pytest, as_it_is, &["contradiction"]),
        ("a::x=f", 77, Junit, as_it_is, &[]),
        ("a::x=f", 101, CargoTest, as_it_is, &[]),
        ("a::x=f", 1, GoTest, as_it_is, &[]),
        ("a::x=f", 2, GoTest, as_it_is, &["contradiction"]),
        ("a::x=f", 2, GoTest, with_a_broken_unit, &["broken-units"]),
        ("a::x=p", 1, Vitest, as_it_is, &["contradiction"]),
        ("a::x=p", 1, Jest, with_a_broken_unit, &["broken-units"]),
        // No tests.
        ("", 5, Pytest, as_it_is, &["no-tests"]),
        ("", 0, NodeTest, as_it_is, &["no-tests"]),
        ("a::x=p", 5, Pytest, as_it_is, &["contradiction"]),
        // A report that is not there, whatever the status says.
        ("", 0, Pytest, without_report, &["report-missing"]),
        ("a::x=p", 0, Pytest, without_report, &["report-missing"]),
        // A unit that does not load explains a missing report, and only a status that says so.
        ("", 2, Pytest, with_a_broken_unit, &["broken-units"]),
        (
            "a::x=p",
            0,
            Pytest,
            with_a_broken_unit,
            &["contradiction", "broken-units"],
        ),
        (
            "a::x=p",
            0,
            Pytest,
            |run| run.contradictions.push("twice".into()),
            &["contradiction"],
        ),
        (
            "a::x=p",
            0,
            Pytest,
            |run| run.outcome = Outcome::Interrupted,
            &["did-not-end"],
        ),
        (
            "a::x=p",
            0,
            Pytest,
            |run| {
                run.report = ReportState::Incomplete {
                    why: "no end".into(),
                }
            },
            &["report-missing"],
        ),
    ];
    for (words, status, framework, edit, expected) in rows {
        let found = found(words, *status, *framework, *edit);
        assert_eq!(found, *expected, "{words:?} {status} {framework:?}");
    }
}

#[test]
fn a_command_that_leaves_no_report_is_quoted_with_its_last_line() {
    let mut run = run("");
    without_report(&mut run);
    run.outcome = Outcome::Exited { status: 1 };
    run.log_tail = "a\n  No module named pytest\n\n".to_owned();
    let why = "there is no report at all; the command's last line: No module named pytest";
    assert_eq!(
        disagreements(&run, &Framework::Pytest.exit_meaning()),
        [Disagreement::ReportMissing {
            why: why.to_owned()
        }]
    );
}
