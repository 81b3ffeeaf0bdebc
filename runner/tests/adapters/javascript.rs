//! vitest and jest: the same projects for both, but for what each calls its own.

use passmuster::adapters::{AdapterError, Selection};
use passmuster_policy::policy::Framework;
use passmuster_policy::run::{Outcome, ReportState, TestRun};
use passmuster_policy::tests::TestStatus;

use crate::plain::{Project, states, test, test_env};

const VITEST: &[&str] = &["node", "node_modules/vitest/vitest.mjs", "run", "--globals"];
const JEST: &[&str] = &["node", "node_modules/jest/bin/jest.js"];

const BOTH: [(Framework, &[&str]); 2] = [(Framework::Vitest, VITEST), (Framework::Jest, JEST)];

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new(files);
    let packages = test_env("node").join("node_modules");
    std::os::unix::fs::symlink(packages, project.tree().join("node_modules")).unwrap();
    project.write("package.json", "{ \"name\": \"shop\" }\n");
    project
}

fn run(framework: Framework, argv: &[&str], files: &[(&str, &str)]) -> TestRun {
    project(files).run(framework, argv)
}

/// Report, exit status and contradictions: what has to agree.
fn agreement(run: &TestRun) -> (&ReportState, &Outcome, Vec<String>) {
    (&run.report, &run.outcome, run.contradictions.clone())
}

const FAILED: Outcome = Outcome::Exited { status: 1 };
const PASSED: Outcome = Outcome::Exited { status: 0 };

const STATES: &str = "
test('größe of a b', () => {});
test('unequal', () => { expect(1 + 1).toBe(3); });
describe('suite', () => {
  test('same', () => {});
  test('same', () => {});
  test.skip('skipped', () => {});
  test.todo('later');
  test.each([[1, 2], [2, 4]])('doubles %i to %i', (a, b) => { expect(a * 2).toBe(b); });
  describe('deep', () => { test('thrown', () => { throw new Error('two\\nlines'); }); });
});
test('waits', async () => { await new Promise((done) => setTimeout(done, 5)); });
test('never', async () => { await new Promise(() => {}); }, 100);
";

#[test]
fn every_state_of_a_javascript_test_is_read_with_its_place_and_values() {
    for (framework, argv) in BOTH {
        let run = run(framework, argv, &[("src/a.test.js", STATES)]);
        assert_eq!(
            states(&run),
            [
                "+ src/a.test.js::größe of a b",
                "- src/a.test.js::never",
                "- src/a.test.js::suite > deep > thrown",
                "+ src/a.test.js::suite > doubles 1 to 2",
                "+ src/a.test.js::suite > doubles 2 to 4",
                "s src/a.test.js::suite > later",
                "+ src/a.test.js::suite > same",
                "+ src/a.test.js::suite > same#2",
                "s src/a.test.js::suite > skipped",
                "- src/a.test.js::unequal",
                "+ src/a.test.js::waits",
            ],
            "{framework:?} {}",
            run.log_tail
        );
        assert_eq!(
            agreement(&run),
            (&ReportState::Complete, &FAILED, Vec::new()),
            "{framework:?}"
        );
        let failure = test(&run, "unequal").failure.clone().unwrap();
        assert_eq!(
            (failure.expected.as_deref(), failure.actual.as_deref()),
            (Some("3"), Some("2"))
        );
        let place = (failure.file.unwrap().to_string(), failure.line);
        assert_eq!(
            place,
            ("src/a.test.js".to_owned(), Some(3)),
            "{framework:?}"
        );
        let thrown = test(&run, "thrown").failure.clone().unwrap();
        assert_eq!(
            (thrown.message.as_str(), thrown.line),
            ("two", Some(10)),
            "{framework:?}"
        );
    }
}

#[test]
fn a_javascript_file_that_cannot_be_loaded_is_a_broken_unit_and_the_others_run() {
    let files = [
        ("a.test.js", "test('fine', () => {});\n"),
        ("b.test.js", "\nthis is no script\n"),
        (
            "c.test.js",
            "test('registered', () => {});\nthrow new Error('at the top');\n",
        ),
        ("d.test.js", "\nrequire('./missing');\n"),
    ];
    for (framework, argv) in BOTH {
        let run = run(framework, argv, &files);
        assert_eq!(
            states(&run),
            ["+ a.test.js::fine"],
            "{framework:?} {}",
            run.log_tail
        );
        let mut broken: Vec<_> = run
            .broken_units
            .iter()
            .map(|unit| (unit.unit.as_str(), unit.line))
            .collect();
        broken.sort_unstable();
        assert_eq!(
            broken,
            [
                ("b.test.js", Some(2)),
                ("c.test.js", Some(2)),
                ("d.test.js", Some(2))
            ],
            "{framework:?} {:?}",
            run.broken_units
        );
        assert!(
            run.broken_units
                .iter()
                .any(|unit| unit.message.contains("at the top")),
            "{:?}",
            run.broken_units
        );
        assert_eq!(
            agreement(&run),
            (&ReportState::Complete, &FAILED, Vec::new()),
            "{framework:?}"
        );
    }
}

#[test]
fn a_hook_that_fails_is_a_failure_and_no_skip_alone() {
    let source = "
describe('hook', () => {
  beforeAll(() => { throw new Error('no database'); });
  test('waits', () => {});
});
";
    for (framework, argv) in BOTH {
        let run = run(framework, argv, &[("a.test.js", source)]);
        let failed: Vec<_> = run
            .tests
            .iter()
            .filter(|test| test.status == TestStatus::Failed)
            .collect();
        assert_eq!(failed.len(), 1, "{framework:?} {run:?}");
        let failure = failed[0].failure.clone().unwrap();
        assert_eq!(
            (failure.message.as_str(), failure.line),
            ("no database", Some(3)),
            "{framework:?}"
        );
        assert_eq!(
            agreement(&run),
            (&ReportState::Complete, &FAILED, Vec::new()),
            "{framework:?}"
        );
    }
}

#[test]
fn code_that_ends_javascript_processes_well_leaves_no_passing_report() {
    let ends = |how: &str| {
        format!(
            "test('first', () => {{}});\ntest('ends', () => {{ {how} }});\ntest('never', () => {{ throw 1; }});\n"
        )
    };
    for how in [
        "process.exit(0);",
        "process.reallyExit(0);",
        "process.kill(process.pid, 'SIGKILL');",
    ] {
        for (framework, argv) in BOTH {
            let run = run(
                framework,
                argv,
                &[
                    ("a.test.js", &ends(how)),
                    ("b.test.js", "test('other', () => {});\n"),
                ],
            );
            let passed = run.report == ReportState::Complete
                && run.outcome == PASSED
                && run.broken_units.is_empty()
                && run
                    .tests
                    .iter()
                    .all(|test| test.status == TestStatus::Passed);
            assert!(!passed, "{framework:?} {how} {run:?}");
            let said = run.report != ReportState::Complete
                || !run.broken_units.is_empty()
                || run
                    .tests
                    .iter()
                    .any(|test| test.status == TestStatus::Failed);
            assert!(said, "{framework:?} {how} {run:?}");
        }
    }
}

#[test]
fn an_error_outside_of_tests_and_a_missed_threshold_of_coverage_are_told_in_words() {
    let late = "test('leaves', () => { setTimeout(() => { throw new Error('too late'); }, 1); });\n\
                test('waits', async () => { await new Promise((done) => setTimeout(done, 200)); });\n";
    let run_late = run(Framework::Vitest, VITEST, &[("a.test.js", late)]);
    assert_eq!(states(&run_late).len(), 2);
    let unit = &run_late.broken_units[0];
    assert_eq!(
        (unit.message.as_str(), unit.line),
        ("too late", Some(1)),
        "{run_late:?}"
    );
    assert_eq!(
        agreement(&run_late),
        (&ReportState::Complete, &FAILED, Vec::new())
    );

    let threshold = r#"--coverageThreshold={"global":{"lines":90}}"#;
    let argv = [
        JEST,
        &["--coverage", "--coverageReporters=text-summary", threshold],
    ]
    .concat();
    let files = [
        (
            "a.js",
            "exports.a = () => {\n  return 1;\n};\nexports.b = () => {\n  return 2;\n};\n",
        ),
        (
            "a.test.js",
            "const { a } = require('./a');\ntest('a', () => { expect(a()).toBe(1); });\n",
        ),
    ];
    let run = run(Framework::Jest, &argv, &files);
    assert_eq!(
        (states(&run).len(), &run.outcome),
        (1, &FAILED),
        "{}",
        run.log_tail
    );
    assert_eq!(run.broken_units[0].unit, "coverage");
    assert!(
        run.broken_units[0].message.contains("threshold (90%)"),
        "{:?}",
        run.broken_units
    );
}

#[test]
fn javascript_snapshots_are_compared_and_never_written() {
    let source = "test('new', () => { expect('a').toMatchSnapshot(); });\n";
    for (framework, argv) in BOTH {
        let project = project(&[("a.test.js", source)]);
        let argv = [argv, &["-u"]].concat();
        let run = project.run(framework, &argv);
        assert_eq!(
            states(&run),
            ["- a.test.js::new"],
            "{framework:?} {}",
            run.log_tail
        );
        assert!(
            !project.tree().join("__snapshots__").exists(),
            "{framework:?}"
        );
    }
}

#[test]
fn a_javascript_selection_runs_the_files_of_its_tests() {
    let source = "test('one', () => {});\n";
    for (framework, argv) in BOTH {
        let mut project = project(&[("a.test.js", source), ("src/b.test.js", source)]);
        let all = project.run(framework, argv);
        assert_eq!(
            (all.tests.len(), &all.outcome),
            (2, &PASSED),
            "{}",
            all.log_tail
        );
        project.select = Selection::Ids(vec![test(&all, "b.test.js::one").clone()]);
        assert_eq!(
            states(&project.run(framework, argv)),
            ["+ src/b.test.js::one"],
            "{framework:?}"
        );
    }
}

#[test]
fn retries_chosen_tests_and_no_tests_are_told_as_they_are() {
    let vitest = "let n = 0;\ntest('again', { retry: 2 }, () => { n += 1; expect(n).toBe(2); });\n";
    let jest =
        "jest.retryTimes(2);\nlet n = 0;\ntest('again', () => { n += 1; expect(n).toBe(2); });\n";
    for ((framework, argv), source) in BOTH.into_iter().zip([vitest, jest]) {
        let again = run(framework, argv, &[("a.test.js", source)]);
        assert_eq!(states(&again), ["+ a.test.js::again"]);
        let said = test(&again, "again").failure.clone().unwrap();
        assert_eq!(said.message, "passed only at attempt 2", "{framework:?}");

        let chosen = [
            argv,
            if framework == Framework::Vitest {
                &["--allowOnly"]
            } else {
                &[]
            },
        ]
        .concat();
        let only = run(
            framework,
            &chosen,
            &[(
                "a.test.js",
                "test.only('this', () => {});\ntest('that', () => {});\n",
            )],
        );
        assert_eq!(
            states(&only),
            ["s a.test.js::that", "+ a.test.js::this"],
            "{framework:?}"
        );

        let none = [argv, &["--passWithNoTests"]].concat();
        let none = run(framework, &none, &[]);
        assert_eq!(
            (none.tests.len(), &none.outcome),
            (0, &PASSED),
            "{framework:?}"
        );
    }
}

#[test]
fn the_repositorys_own_configuration_cannot_move_the_report_away() {
    let test = ("a.test.js", "test('one', () => {});\n");
    let vitest = "export default { test: { reporters: ['json'], outputFile: 'mine.json', bail: 1, globals: true } };\n";
    let jest = "module.exports = { reporters: [], bail: true };\n";
    for ((framework, argv), config) in BOTH
        .into_iter()
        .zip([("vitest.config.mjs", vitest), ("jest.config.js", jest)])
    {
        let run = run(framework, argv, &[test, config]);
        assert_eq!(
            states(&run),
            ["+ a.test.js::one"],
            "{framework:?} {}",
            run.log_tail
        );
        assert_eq!(
            agreement(&run),
            (&ReportState::Complete, &PASSED, Vec::new())
        );
    }
}

#[test]
fn a_report_that_a_javascript_test_writes_itself_cannot_stand_beside_the_runners() {
    let source = "
const fs = require('node:fs');
test('forges', () => {
  fs.writeFileSync(process.env.WHERE + '/report.json', JSON.stringify({ success: true, testResults: [] }));
  throw new Error('real');
});
";
    for (framework, argv) in BOTH {
        let mut project = project(&[("a.test.js", source)]);
        let reports = project.tree().with_file_name("report");
        project.set("WHERE", reports);
        let run = project.run(framework, argv);
        assert_eq!(run.outcome, FAILED, "{framework:?}");
        let failed = run
            .tests
            .iter()
            .any(|test| test.status == TestStatus::Failed);
        // Jest writes over it; our reporter refuses, and a failing run with a report of no failure contradicts itself.
        assert!(failed || run.tests.is_empty(), "{framework:?} {run:?}");
    }
}

#[test]
fn odd_text_in_javascript_names_and_errors_stays_readable() {
    let odd = "test('half \\ud83d', () => { throw new Error('\\ud83d' + '\u{1F600}'.repeat(9000)); });\n\
               test('\u{1b}[31mred', () => { throw null; });\n";
    for (framework, argv) in BOTH {
        let run = run(framework, argv, &[("a.test.js", odd)]);
        assert_eq!(run.tests.len(), 2, "{framework:?} {run:?}");
        assert!(
            run.tests
                .iter()
                .all(|test| test.status == TestStatus::Failed),
            "{framework:?} {:?}",
            states(&run)
        );
        assert_eq!(
            agreement(&run),
            (&ReportState::Complete, &FAILED, Vec::new()),
            "{framework:?}"
        );
    }
}

#[test]
fn a_command_that_hides_its_javascript_runner_is_refused() {
    let project = project(&[]);
    for (framework, _) in BOTH {
        let refused = project.try_run(framework, &["npm", "test"]);
        assert!(
            matches!(refused, Err(AdapterError::Command { .. })),
            "{framework:?}"
        );
    }
}
