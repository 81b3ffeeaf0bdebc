//! Node's test runner and JUnit reports.

use passmuster::adapters::Selection;
use passmuster_policy::policy::Framework;
use passmuster_policy::run::{Outcome, ReportState};
use passmuster_policy::tests::TestStatus;

use crate::plain::{Project, states, test};

const STATES: &str = r#"
import test, { before, describe, it } from 'node:test';
import assert from 'node:assert';
test('größe of a b', () => {});
test('unequal', () => { assert.strictEqual(1 + 1, 3); });
describe('suite', () => {
  it('same', () => {});
  it('same', () => {});
  it.skip('skipped', () => {});
  it('later', { todo: 'not yet' }, () => { throw new Error('x'); });
  describe('deep', () => { it('thrown', () => { throw new Error('two\nlines'); }); });
});
describe('hook', () => {
  before(() => { throw new Error('no database'); });
  it('waits', () => {});
});
test('parent', async (t) => {
  await t.test('child', () => {});
  t.diagnostic('tests 99');
});
"#;

const EXPECTED: [&str; 11] = [
    "+ test/a.test.mjs::größe of a b",
    "- test/a.test.mjs::hook",
    "- test/a.test.mjs::hook > waits",
    "+ test/a.test.mjs::parent",
    "+ test/a.test.mjs::parent > child",
    "- test/a.test.mjs::suite > deep > thrown",
    "s test/a.test.mjs::suite > later",
    "+ test/a.test.mjs::suite > same",
    "+ test/a.test.mjs::suite > same#2",
    "s test/a.test.mjs::suite > skipped",
    "- test/a.test.mjs::unequal",
];

fn sorted<'a>(mut ids: Vec<String>, expected: &[&'a str]) -> (Vec<String>, Vec<&'a str>) {
    let mut expected = expected.to_vec();
    ids.sort();
    expected.sort_unstable();
    (ids, expected)
}

#[test]
fn every_state_of_a_node_test_is_read_directly_and_through_npm() {
    let package = r#"{ "name": "shop", "version": "1.0.0", "scripts": { "test": "node --test" } }"#;
    let project = Project::new(&[("package.json", package), ("test/a.test.mjs", STATES)]);
    for argv in [
        &["node", "--test"][..],
        &["npm", "test"],
        &["node", "test/a.test.mjs"],
    ] {
        let run = project.run(Framework::NodeTest, argv);
        let (found, expected) = sorted(states(&run), &EXPECTED);
        assert_eq!(found, expected, "{argv:?}\n{}", run.log_tail);
        assert_eq!(
            (&run.report, &run.outcome),
            (&ReportState::Complete, &Outcome::Exited { status: 1 })
        );
        assert_eq!(run.contradictions, Vec::<String>::new());
        let failure = test(&run, "unequal").failure.clone().unwrap();
        assert_eq!(
            (failure.expected.as_deref(), failure.actual.as_deref()),
            (Some("3"), Some("2"))
        );
        assert_eq!(
            (failure.file.unwrap().to_string(), failure.line),
            ("test/a.test.mjs".to_owned(), Some(5))
        );
        let hook = test(&run, "::hook").failure.clone().unwrap();
        assert_eq!(
            hook.line,
            Some(14),
            "the frame's line, found through an encoded URL"
        );
        assert_eq!(
            test(&run, "later").failure.clone().unwrap().message,
            "not yet"
        );
        assert_eq!(test(&run, "thrown").failure.clone().unwrap().message, "two");
    }
}

#[test]
fn a_test_that_ends_its_process_leaves_no_complete_report_of_its_file() {
    let source = "import test from 'node:test';\ntest('first', () => {});\ntest('ends', () => process.exit(0));\ntest('never', () => { throw 1; });\n";
    let project = Project::new(&[("a.test.mjs", source)]);
    let child = project.run(Framework::NodeTest, &["node", "--test"]);
    assert!(
        !states(&child).iter().any(|id| id.contains("first")),
        "{child:?}"
    );
    let alone = project.run(Framework::NodeTest, &["node", "a.test.mjs"]);
    assert_eq!(alone.outcome, Outcome::Exited { status: 0 });
    assert_ne!(alone.report, ReportState::Complete, "{alone:?}");
}

#[test]
fn a_process_that_is_killed_leaves_what_was_reported_and_an_incomplete_report() {
    let source = "import test from 'node:test';\ntest('first', () => {});\ntest('dies', async () => {\n  await new Promise((done) => setTimeout(done, 500));\n  process.kill(process.pid, 'SIGKILL');\n});\n";
    let run =
        Project::new(&[("a.test.mjs", source)]).run(Framework::NodeTest, &["node", "a.test.mjs"]);
    assert_eq!(run.outcome, Outcome::Signalled { signal: 9 });
    assert!(
        matches!(run.report, ReportState::Incomplete { .. }),
        "{run:?}"
    );
    assert_eq!(states(&run), ["+ a.test.mjs::first"]);
}

#[test]
fn a_file_that_cannot_be_loaded_is_a_broken_unit_with_its_line() {
    let project = Project::new(&[
        (
            "a.test.mjs",
            "import test from 'node:test';\ntest('fine', () => {});\n",
        ),
        (
            "b.test.mjs",
            "import test from 'node:test';\nthis is no script\n",
        ),
    ]);
    let run = project.run(Framework::NodeTest, &["node", "--test"]);
    let broken = &run.broken_units;
    assert_eq!(
        (broken.len(), broken[0].unit.as_str(), broken[0].line),
        (1, "b.test.mjs", Some(2)),
        "{broken:?}"
    );
    assert!(broken[0].message.contains("SyntaxError"), "{broken:?}");
    assert_eq!(states(&run), ["+ a.test.mjs::fine"]);
}

#[test]
fn a_node_selection_runs_the_files_of_its_tests() {
    let source = "import test from 'node:test';\ntest('one', () => {});\n";
    let mut project = Project::new(&[("a.test.mjs", source), ("b.test.mjs", source)]);
    let all = project.run(Framework::NodeTest, &["node", "--test"]);
    assert_eq!(all.tests.len(), 2);
    assert_eq!(
        all.outcome,
        Outcome::Exited { status: 0 },
        "{}",
        all.log_tail
    );
    project.select = Selection::Ids(vec![test(&all, "b.test.mjs::one").clone()]);
    assert_eq!(
        states(&project.run(Framework::NodeTest, &["node", "--test"])),
        ["+ b.test.mjs::one"]
    );
}

#[test]
fn a_forged_line_in_nodes_report_is_a_contradiction() {
    let source = r#"
import test from 'node:test';
import { appendFileSync, readdirSync } from 'node:fs';
test('forges', () => {
  const directory = process.env.WHERE;
  for (const name of readdirSync(directory))
    appendFileSync(directory + '/' + name, JSON.stringify({ event: 'pass', name: 'forges', nesting: 0, file: import.meta.filename }) + '\nx\n');
  throw new Error('real');
});
"#;
    let mut project = Project::new(&[("a.test.mjs", source)]);
    let reports = project.tree().with_file_name("report");
    project.set("WHERE", reports);
    let run = project.run(Framework::NodeTest, &["node", "--test"]);
    assert!(run.contradictions.len() >= 2, "{run:?}");
}

#[test]
fn junit_reports_are_read_from_a_file_or_a_directory_that_the_runner_owns() {
    let report = "<testsuite name='s'><testcase classname='c' name='one'/><testcase classname='c' name='two'><failure message='no'/></testcase></testsuite>";
    let project = Project::new(&[
        ("r.xml", report),
        ("half.xml", "<testsuite><testcase name='x'/>"),
    ]);
    let sh = |script: &str| {
        project.run(
            Framework::Junit,
            &["/bin/sh", "-c", script, "sh", "{report}"],
        )
    };
    let file = sh("cp r.xml \"$1\"; exit 1");
    assert_eq!(states(&file), ["+ c::one", "- c::two"]);
    assert_eq!(
        (file.report.clone(), file.outcome.clone()),
        (ReportState::Complete, Outcome::Exited { status: 1 })
    );
    let directory = sh("mkdir -p \"$1/deep\" && cp r.xml \"$1/deep/TEST-r.xml\"");
    assert_eq!(directory.tests.len(), 2);
    assert!(matches!(
        sh("cp half.xml \"$1\"").report,
        ReportState::Incomplete { .. }
    ));
    assert_eq!(sh("true").report, ReportState::Missing);
    let link = sh("ln -s \"$PWD/r.xml\" \"$1\"");
    assert_eq!((link.report, link.tests.len()), (ReportState::Missing, 0));
    assert_eq!(test(&file, "two").status, TestStatus::Failed);
}

#[test]
fn each_package_of_an_npm_workspace_reports_and_odd_text_stays_readable() {
    let package = |name: &str| {
        format!(
            r#"{{ "name": "{name}", "version": "1.0.0", "scripts": {{ "test": "node --test" }} }}"#
        )
    };
    let root = r#"{ "name": "all", "private": true, "workspaces": ["a", "b"] }"#;
    let odd = "import test from 'node:test';\ntest('same', () => { throw new Error('half \\ud83d' + '\u{1F600}'.repeat(9000)); });\n";
    let project = Project::new(&[
        ("package.json", root),
        ("a/package.json", &package("a")),
        (
            "a/x.test.mjs",
            "import test from 'node:test';\ntest('same', () => {});\n",
        ),
        ("b/package.json", &package("b")),
        ("b/x.test.mjs", odd),
    ]);
    let run = project.run(Framework::NodeTest, &["npm", "test", "--workspaces"]);
    assert_eq!(
        states(&run),
        ["+ a/x.test.mjs::same", "- b/x.test.mjs::same"],
        "{}",
        run.log_tail
    );
    assert_eq!(
        (run.report, run.contradictions),
        (ReportState::Complete, Vec::new())
    );
}

#[test]
fn a_runner_that_a_test_starts_is_not_part_of_the_report() {
    let source = r#"
import test from 'node:test';
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
test('starts another', () => {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  assert.strictEqual(env.NODE_OPTIONS, '--no-warnings');
  assert.strictEqual(env.PASSMUSTER_REPORT, undefined);
  assert.strictEqual(spawnSync(process.execPath, ['--test', 'fixture.mjs'], { env }).status, 1);
});
"#;
    let fixture = "import test from 'node:test';\ntest('fails', () => { throw 1; });\n";
    let mut project = Project::new(&[("a.test.mjs", source), ("fixture.mjs", fixture)]);
    project.set("NODE_OPTIONS", "--no-warnings");
    for argv in [
        &["node", "--test", "a.test.mjs"][..],
        &["node", "a.test.mjs"],
    ] {
        let run = project.run(Framework::NodeTest, argv);
        assert_eq!(states(&run), ["+ a.test.mjs::starts another"], "{run:?}");
        assert_eq!(
            (run.report, run.outcome),
            (ReportState::Complete, Outcome::Exited { status: 0 })
        );
    }
}
