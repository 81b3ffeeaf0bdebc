//! The comparison's table, row by row, and what lies around it.

use super::*;
use crate::change::{ChangeKind, FileChange};
use crate::testing::{id, run};

/// The design's table again, written by hand and row by row: B, A, T, class. `.` stands for any.
/// T: p pass, f fail, s skip, - absent, w wall.
const TABLE: &[(&str, &str, &str, Class)] = &[
    ("p", "p", "p", Class::Maintained),
    ("p", "p", "fs-", Class::ContractChanged),
    ("p", "p", "w", Class::OracleUncompilable),
    ("p", "f", "fs-w", Class::Regressed),
    ("p", "f", "p", Class::BrokenTest),
    ("p", "-", "p", Class::Vanished),
    ("p", "-", "fs-w", Class::ContractRemoved),
    ("p", "s", "pfs-w", Class::Silenced),
    ("f", "p", "p", Class::Fixed),
    ("f", "p", "fs-w", Class::FixedByTests),
    ("f", "f", "pfs-w", Class::Preexisting),
    ("f", "s-", "p", Class::FixedDropped),
    ("f", "s-", "fs-w", Class::DroppedFailing),
    ("s", "p", "pfs-w", Class::Unskipped),
    ("s", "s", "pfs-w", Class::Skipped),
    ("s", "-", "pfs-w", Class::SkippedGone),
    ("s-", "f", "pfs-w", Class::AddedFailing),
    ("-", "p", "pfs-w", Class::Added),
    ("-", "s", "pfs-w", Class::AddedSkipped),
    ("-", "-", "pfs-w", Class::Nowhere),
];

fn states() -> [(char, State); 4] {
    [
        ('p', State::Pass),
        ('f', State::Fail),
        ('s', State::Skip),
        ('-', State::Absent),
    ]
}

#[test]
fn every_combination_has_the_class_of_exactly_one_row_of_the_table() {
    let known = states().map(|(letter, state)| (letter, OracleState::Known(state)));
    let oracles: Vec<_> = known
        .into_iter()
        .chain([('w', OracleState::Wall)])
        .collect();
    let mut seen = 0;
    for (b, base) in states() {
        for (a, candidate) in states() {
            for (t, oracle) in &oracles {
                let rows: Vec<_> = TABLE
                    .iter()
                    .filter(|row| row.0.contains(b) && row.1.contains(a) && row.2.contains(*t))
                    .collect();
                assert_eq!(rows.len(), 1, "{b} {a} {t}");
                assert_eq!(classify(base, candidate, *oracle), rows[0].3, "{b} {a} {t}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 80);
}

#[test]
fn the_rule_for_flaky_tests_is_k_of_n_on_both_trees() {
    for (runs, base_failures, candidate_failures, expected) in [
        (4, 0, 1, Stability::Flaky),
        (4, 0, 2, Stability::Regressed),
        (4, 0, 4, Stability::Regressed),
        (4, 1, 4, Stability::BaseFlaky),
        (4, 1, 1, Stability::BaseFlaky),
        (2, 0, 1, Stability::Flaky),
        (2, 0, 2, Stability::Regressed),
        // Without a repetition there is nothing that could excuse the failure.
        (1, 0, 1, Stability::Regressed),
    ] {
        let rerun = Rerun {
            id: id("a.py", "t"),
            runs,
            base_failures,
            candidate_failures,
        };
        assert_eq!(stability(&rerun), expected, "{rerun:?}");
    }
}

struct Setting {
    change: Change,
    reruns: Vec<Rerun>,
    unstable: BTreeSet<TestId>,
    oracle: Oracle,
}

fn setting() -> Setting {
    let change = Change::default();
    Setting {
        change,
        reruns: Vec::new(),
        unstable: BTreeSet::new(),
        oracle: Oracle::NotRun,
    }
}

/// The one door: runs as `file::name=p|f|s` words; gives `class file::name` lines.
fn compared(base: &str, candidate: &str, setting: &Setting) -> Comparison {
    let context = Context {
        change: &setting.change,
        reruns: &setting.reruns,
        unstable: &setting.unstable,
        probe: None,
    };
    compare(&run(base), &run(candidate), &setting.oracle, context)
}

fn lines(comparison: &Comparison) -> Vec<String> {
    let all = comparison.classes.iter();
    all.flat_map(|(class, tests)| tests.iter().map(move |one| format!("{class:?} {}", one.id)))
        .collect()
}

#[test]
fn without_an_oracle_a_deleted_test_has_vanished_and_edits_vouch_for_themselves() {
    let base = "a::keep=p a::gone=p a::worse=p a::fixed=f a::old=f a::quiet=p a::dropped=f";
    let candidate = "a::keep=p a::worse=f a::fixed=p a::old=f a::quiet=s a::new=p a::bad=f";
    let comparison = compared(base, candidate, &setting());
    assert!(!comparison.oracle_known);
    assert_eq!(
        lines(&comparison),
        [
            "Maintained a::keep",
            "Regressed a::worse",
            "Vanished a::gone",
            "Silenced a::quiet",
            "Fixed a::fixed",
            "Preexisting a::old",
            "DroppedFailing a::dropped",
            "AddedFailing a::bad",
            "Added a::new",
        ]
    );
}

#[test]
fn an_oracle_tells_contracts_from_regressions() {
    let covered = ["x", "y", "z"]
        .map(|name| id("a", name))
        .into_iter()
        .collect();
    let oracle = Oracle::Known(Box::new(OracleRun {
        run: Some(run("a::x=f a::y=p a::z=f")),
        covered,
        ..OracleRun::default()
    }));
    let setting = Setting {
        oracle,
        ..setting()
    };
    let comparison = compared(
        "a::x=p a::y=p a::z=p a::w=p",
        "a::x=p a::y=f a::w=p",
        &setting,
    );
    assert!(comparison.oracle_known);
    assert_eq!(
        lines(&comparison),
        [
            "Maintained a::w",
            "BrokenTest a::y",
            "ContractChanged a::x",
            "ContractRemoved a::z"
        ]
    );
}

fn renamed(from: &str, to: &str) -> FileChange {
    FileChange {
        path: to.into(),
        kind: ChangeKind::Renamed(from.into()),
        before: None,
        after: None,
        binary: false,
        truncated: false,
        hunks: Vec::new(),
    }
}

#[test]
fn tests_follow_a_renamed_file_and_only_that_one() {
    let change = Change {
        files: vec![renamed("a", "b")],
    };
    let setting = Setting {
        change,
        ..setting()
    };
    let comparison = compared("a::x=p a::y=p c::z=p", "b::x=p b::new=p d::z=p", &setting);
    assert_eq!(
        lines(&comparison),
        [
            "Maintained b::x",
            "Vanished a::y",
            "Vanished c::z",
            "Added b::new",
            "Added d::z"
        ]
    );
    assert_eq!(
        comparison.of(Class::Maintained)[0].renamed_from,
        Some(id("a", "x"))
    );
}

#[test]
fn a_file_that_was_split_in_two_renames_maps_nothing() {
    let change = Change {
        files: vec![renamed("a", "b"), renamed("a", "c")],
    };
    let comparison = compared(
        "a::x=p",
        "b::x=p",
        &Setting {
            change,
            ..setting()
        },
    );
    assert_eq!(lines(&comparison), ["Vanished a::x", "Added b::x"]);
}

#[test]
fn repeated_runs_move_a_test_out_of_its_class() {
    let rerun = |name: &str, base_failures, candidate_failures| Rerun {
        id: id("a", name),
        runs: 4,
        base_failures,
        candidate_failures,
    };
    let reruns = vec![rerun("x", 0, 1), rerun("y", 2, 2), rerun("z", 0, 3)];
    let setting = Setting {
        reruns,
        ..setting()
    };
    let comparison = compared("a::x=p a::y=p a::z=p", "a::x=f a::y=f a::z=f", &setting);
    assert_eq!(lines(&comparison), ["Regressed a::z"]);
    assert_eq!(comparison.flaky[0].id, id("a", "x"));
    assert_eq!(comparison.base_flaky[0].id, id("a", "y"));
}

#[test]
fn suspects_are_what_passed_and_then_did_not_and_no_more_than_the_cap() {
    let comparison = compared(
        "a::x=p a::y=p a::z=f a::g=p",
        "a::x=f a::y=s a::z=f",
        &setting(),
    );
    assert_eq!(suspects(&comparison), [id("a", "x"), id("a", "y")]);
    let many = |state: &str| {
        (0..80)
            .map(|n| format!("a::t{n}={state} "))
            .collect::<String>()
    };
    assert_eq!(
        suspects(&compared(&many("p"), &many("f"), &setting())).len(),
        RERUN_CAP
    );
}

#[test]
fn a_test_that_its_file_took_along_is_no_suspect_since_the_base_knows_it_by_another_id() {
    let change = Change {
        files: vec![renamed("a", "b")],
    };
    let setting = Setting {
        change,
        ..setting()
    };
    let comparison = compared("a::x=p", "b::x=f", &setting);
    assert_eq!(lines(&comparison), ["Regressed b::x"]);
    assert_eq!(suspects(&comparison), []);
}

#[test]
fn ids_that_do_not_repeat_are_counted_and_never_vanish() {
    let unstable = ["r1", "r2"].map(|name| id("a", name)).into_iter().collect();
    let setting = Setting {
        unstable,
        ..setting()
    };
    let comparison = compared(
        "a::r1=p a::r2=p a::x=p",
        "a::r7=p a::x=p b::n=p a::r8=f",
        &setting,
    );
    assert_eq!(
        lines(&comparison),
        ["Maintained a::x", "AddedFailing a::r8", "Added b::n"]
    );
    let file = Some("a".into());
    assert_eq!(
        comparison.unstable,
        [UnstableCount {
            file,
            base: 2,
            candidate: 1
        }]
    );
}

#[test]
fn tests_of_a_unit_that_broke_have_regressed_and_name_its_error() {
    let unit = BrokenUnit {
        unit: "a".into(),
        file: Some("src".into()),
        line: Some(3),
        message: "syntax error".into(),
        more: Vec::new(),
    };
    let mut candidate = run("b::y=p");
    candidate.broken_units.push(unit.clone());
    let change = Change::default();
    let unstable = BTreeSet::new();
    let context = Context {
        change: &change,
        reruns: &[],
        unstable: &unstable,
        probe: None,
    };
    let base = run("a::x=p b::y=p b::gone=p c::all=p");
    let comparison = compare(&base, &candidate, &Oracle::NotRun, context);
    // Nothing was heard of c at all, so the broken unit explains it; b ran, so it does not.
    assert_eq!(
        lines(&comparison),
        [
            "Maintained b::y",
            "Regressed a::x",
            "Regressed c::all",
            "Vanished b::gone"
        ]
    );
    let failure = comparison.of(Class::Regressed)[0]
        .result
        .as_ref()
        .unwrap()
        .failure
        .as_ref();
    assert_eq!(failure.unwrap().message, "a does not load: syntax error");
    assert_eq!(failure.unwrap().line, Some(3));

    let mut broken_base = base.clone();
    broken_base.broken_units.push(unit);
    let comparison = compare(&broken_base, &candidate, &Oracle::NotRun, context);
    assert!(
        comparison.of(Class::Regressed).is_empty(),
        "it was broken before"
    );
}

#[test]
fn a_new_test_that_the_base_s_code_passes_proves_nothing() {
    let proves = |probe: Option<&str>| {
        let probe = probe.map(run);
        let context = Context {
            change: &Change::default(),
            reruns: &[],
            unstable: &BTreeSet::new(),
            probe: probe.as_ref(),
        };
        let candidate = run("a::old=p a::vain=p a::good=p b::unloaded=p c::bad=f");
        compare(&run("a::old=p"), &candidate, &Oracle::NotRun, context).proves
    };
    assert_eq!(proves(None), None);
    assert_eq!(
        proves(Some("a::old=f a::vain=p a::good=f c::bad=f")),
        Some(vec![id("a", "good"), id("b", "unloaded")])
    );
}

/// An edit of one file: lines that went, lines that came.
fn edited(path: &str, removed: &[&str], added: &[&str]) -> FileChange {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let hunk = crate::change::Hunk {
        before_start: 1,
        before_lines: removed.len() as u32,
        after_start: 1,
        after_lines: added.len() as u32,
        added: lines(added),
        removed: lines(removed),
    };
    FileChange {
        path: path.into(),
        kind: ChangeKind::Modified,
        hunks: vec![hunk],
        ..renamed("", path)
    }
}

#[test]
fn a_renamed_test_is_the_one_whose_name_alone_the_change_replaces() {
    let with = |file: FileChange| Setting {
        change: Change { files: vec![file] },
        ..setting()
    };
    let renamed = with(edited("a", &["def old():"], &["def new():"]));
    assert_eq!(
        lines(&compared("a::old=p", "a::new=p", &renamed)),
        ["Maintained a::new"]
    );
    for (file, base, candidate) in [
        // Another line, another file, a line that says more.
        (
            edited("a", &["def old():"], &["def new(x):"]),
            "a::old=p",
            "a::new=p",
        ),
        (
            edited("b", &["def old():"], &["def new():"]),
            "a::old=p",
            "a::new=p",
        ),
        // Two that it could be.
        (
            edited("a", &["old"], &["one", "two"]),
            "a::old=p",
            "a::one=p a::two=p",
        ),
    ] {
        let classes = lines(&compared(base, candidate, &with(file)));
        assert!(
            classes.contains(&"Vanished a::old".to_owned()),
            "{classes:?}"
        );
    }
}

#[test]
fn parameters_that_come_for_others_count_by_their_number() {
    let with_parameters = |run: &mut TestRun, all: &[&str]| {
        let one = run.tests[0].clone();
        run.tests = all
            .iter()
            .map(|parameters| {
                let mut test = one.clone();
                test.id.parameters = Some((*parameters).to_owned());
                test
            })
            .collect();
    };
    for (before, after, expected) in [
        (
            vec!["1", "2"],
            vec!["1", "3"],
            vec!["Maintained a::x[1]", "Maintained a::x[3]"],
        ),
        (
            vec!["1", "2"],
            vec!["1"],
            vec!["Maintained a::x[1]", "Vanished a::x[2]"],
        ),
        (
            vec!["1"],
            vec!["2", "3"],
            vec!["Maintained a::x[2]", "Added a::x[3]"],
        ),
    ] {
        let (mut base, mut candidate) = (run("a::x=p"), run("a::x=p"));
        with_parameters(&mut base, &before);
        with_parameters(&mut candidate, &after);
        let setting = setting();
        let context = Context {
            change: &setting.change,
            reruns: &[],
            unstable: &setting.unstable,
            probe: None,
        };
        let comparison = compare(&base, &candidate, &Oracle::NotRun, context);
        assert_eq!(lines(&comparison), expected, "{before:?} {after:?}");
    }
}

#[test]
fn a_test_that_moves_takes_the_line_along_that_names_it() {
    let moved = |name: &str| {
        vec![
            edited("a", &[&format!("    fn {name}() {{")], &[]),
            edited("b", &[], &[&format!("fn {name}() {{")]),
        ]
    };
    for (files, base, candidate, expected) in [
        (moved("x"), "a::x=p", "b::x=p", "Maintained b::x"),
        (moved("y"), "a::x=p", "b::x=p", "Vanished a::x"),
        // Which one came from there?
        (moved("x"), "a::x=p", "b::x=p c::x=p", "Vanished a::x"),
    ] {
        let setting = Setting {
            change: Change { files },
            ..setting()
        };
        let classes = lines(&compared(base, candidate, &setting));
        assert!(classes.contains(&expected.to_owned()), "{classes:?}");
    }
}

#[test]
fn a_test_that_only_the_product_took_away_is_no_other_test_of_its_name() {
    // A condition of the product, a new test of that name, and a comment that moves.
    let comment = edited("lib", &["# see x"], &["# see x"]);
    let oracle = |covered: &[(&str, &str)]| {
        Oracle::Known(Box::new(OracleRun {
            run: Some(run("a::x=p")),
            covered: covered.iter().map(|(file, name)| id(file, name)).collect(),
            ..OracleRun::default()
        }))
    };
    for (covered, expected) in [
        (&[][..], "ContractChanged b::x"),
        (&[("a", "x")], "Maintained b::x"),
    ] {
        let setting = Setting {
            change: Change {
                files: vec![comment.clone()],
            },
            oracle: oracle(covered),
            ..setting()
        };
        let comparison = compared("a::x=p", "b::x=p", &setting);
        assert_eq!(lines(&comparison), [expected]);
    }
}

#[test]
fn a_renamed_source_takes_its_target_or_module_along() {
    let named = |unit: &str, name: &str| {
        let mut one = run("a::x=p");
        one.tests[0].id = TestId {
            unit: unit.to_owned(),
            file: None,
            name: name.to_owned(),
            parameters: None,
            ordinal: 0,
        };
        one
    };
    for (from, to, old, new) in [
        (
            "tests/old.rs",
            "tests/new.rs",
            ("p::old", "x"),
            ("p::new", "x"),
        ),
        (
            "src/old.rs",
            "src/new.rs",
            ("p", "old::tests::x"),
            ("p", "new::tests::x"),
        ),
    ] {
        let setting = Setting {
            change: Change {
                files: vec![renamed(from, to)],
            },
            ..setting()
        };
        let context = Context {
            change: &setting.change,
            reruns: &[],
            unstable: &setting.unstable,
            probe: None,
        };
        let (base, candidate) = (named(old.0, old.1), named(new.0, new.1));
        let comparison = compare(&base, &candidate, &Oracle::NotRun, context);
        assert_eq!(
            comparison.of(Class::Maintained).len(),
            1,
            "{from} {comparison:?}"
        );
    }
}
