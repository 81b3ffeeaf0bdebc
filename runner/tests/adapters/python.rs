//! pytest and unittest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use passmuster::adapters::Selection;
use passmuster_policy::policy::Framework;
use passmuster_policy::run::{Outcome, ReportState};
use passmuster_policy::tests::TestStatus;

use crate::plain::{Project, states, test};

/// A Python with pytest and pytest-xdist: `PASSMUSTER_TEST_PYTHON`, or a virtual environment made once below `target`.
pub(crate) fn python() -> &'static str {
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| match std::env::var("PASSMUSTER_TEST_PYTHON") {
        Ok(python) => python,
        Err(_) => environment().join("bin/python").display().to_string(),
    })
}

fn environment() -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("passmuster-python");
    if !cache.join("ready").exists() {
        let _ = std::fs::remove_dir_all(&cache);
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&cache));
        succeed(Command::new(cache.join("bin/pip")).args([
            "install",
            "-q",
            "pytest",
            "pytest-xdist",
        ]));
        std::fs::write(cache.join("ready"), "").unwrap();
    }
    cache
}

fn succeed(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

fn pytest(project: &Project, arguments: &[&str]) -> passmuster_policy::run::TestRun {
    let argv = [&[python(), "-m", "pytest", "-q"], arguments].concat();
    project.run(Framework::Pytest, &argv)
}

const STATES: &str = r#"
import pytest, unittest

def test_passes(): pass
def test_fails():
    total = 1 + 1
    assert total == 3
@pytest.mark.skip(reason="not today")
def test_skipped(): pass
@pytest.mark.xfail(reason="known")
def test_expected_failure(): assert False
@pytest.mark.xfail
def test_unexpected_pass(): pass
@pytest.mark.xfail(strict=True)
def test_strict_unexpected_pass(): pass
@pytest.mark.parametrize("word", ["a b", "größe", "x::y[0]", "日本"])
def test_words(word): assert word != "größe"
@pytest.fixture
def broken(): raise RuntimeError("no database")
def test_setup(broken): pass
@pytest.fixture
def leaking():
    yield
    raise RuntimeError("cannot close")
def test_teardown(leaking): pass
class TestGroup:
    def test_inside(self): pass
class TestSub(unittest.TestCase):
    def test_parts(self):
        for part in (1, 2):
            with self.subTest(part=part):
                self.assertEqual(part, 1)
"#;

const EXPECTED: [&str; 16] = [
    "- tests/test_états.py::test_fails",
    "- tests/test_états.py::test_setup",
    "- tests/test_états.py::test_strict_unexpected_pass",
    "- tests/test_états.py::TestSub::test_parts",
    "- tests/test_états.py::test_teardown",
    "- tests/test_états.py::test_words[größe]",
    "+ tests/test_états.py::TestGroup::test_inside",
    "+ tests/test_états.py::test_passes",
    "+ tests/test_états.py::test_unexpected_pass",
    "+ tests/test_états.py::test_words[a b]",
    "+ tests/test_états.py::test_words[x::y[0]]",
    "+ tests/test_états.py::test_words[日本]",
    "s tests/test_états.py::test_expected_failure",
    "s tests/test_états.py::test_skipped",
    "",
    "",
];

fn expected() -> Vec<String> {
    let mut ids: Vec<_> = EXPECTED
        .iter()
        .filter(|id| !id.is_empty())
        .map(|id| (*id).to_owned())
        .collect();
    ids.sort();
    ids
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// `parametrize` escapes what is not ASCII unless this is set.
const INI: &str =
    "[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n";

#[test]
fn every_state_of_a_pytest_test_is_read_from_the_records() {
    let project = Project::new(&[("pytest.ini", INI), ("tests/test_états.py", STATES)]);
    for arguments in [&[][..], &["-n", "2"]] {
        let run = pytest(&project, arguments);
        assert_eq!(
            sorted(states(&run)),
            expected(),
            "{arguments:?}\n{}",
            run.log_tail
        );
        assert_eq!(run.report, ReportState::Complete);
        assert_eq!(run.contradictions, Vec::<String>::new(), "{arguments:?}");
        assert_eq!(run.outcome, Outcome::Exited { status: 1 });
        let failure = test(&run, "test_fails").failure.clone().unwrap();
        assert_eq!(
            (failure.expected.as_deref(), failure.actual.as_deref()),
            (Some("3"), Some("2"))
        );
        assert_eq!(
            (failure.file.unwrap().to_string(), failure.line),
            ("tests/test_états.py".to_owned(), Some(7))
        );
        assert!(
            test(&run, "test_skipped")
                .failure
                .clone()
                .unwrap()
                .message
                .contains("not today")
        );
        assert!(
            test(&run, "test_setup")
                .failure
                .clone()
                .unwrap()
                .message
                .starts_with("setup: RuntimeError")
        );
        let used = run.provenance.used.unwrap();
        assert!(used.contains(&"tests/test_états.py".into()), "{used:?}");
    }
}

#[test]
fn a_file_that_cannot_be_collected_is_a_broken_unit_with_its_line() {
    let project = Project::new(&[
        ("test_ok.py", "def test_ok(): pass\n"),
        ("test_syntax.py", "x = 1\ndef broken(:\n"),
        ("test_import.py", "\nimport not_there_at_all\n"),
    ]);
    let run = pytest(&project, &[]);
    let mut broken: Vec<_> = run
        .broken_units
        .iter()
        .map(|unit| (unit.unit.as_str(), unit.line))
        .collect();
    broken.sort();
    assert_eq!(
        broken,
        [("test_import.py", Some(2)), ("test_syntax.py", Some(2))],
        "{:?}",
        run.broken_units
    );
    assert!(
        run.broken_units
            .iter()
            .any(|unit| unit.message.contains("not_there_at_all"))
    );
    assert_eq!(
        (run.outcome, run.report),
        (Outcome::Exited { status: 2 }, ReportState::Complete)
    );
}

#[test]
fn a_test_that_ends_the_process_leaves_an_incomplete_report_and_a_failed_test() {
    for ending in ["os._exit(0)", "atexit.register(os._exit, 0); assert False"] {
        let source = format!(
            "import atexit, os\ndef test_a(): pass\ndef test_exit(): {ending}\ndef test_z(): pass\n"
        );
        let project = Project::new(&[("test_x.py", &source)]);
        let run = pytest(&project, &[]);
        assert_eq!(run.outcome, Outcome::Exited { status: 0 });
        assert_eq!(test(&run, "test_exit").status, TestStatus::Failed);
        let suspicious =
            matches!(run.report, ReportState::Incomplete { .. }) || !run.contradictions.is_empty();
        assert!(suspicious, "{ending}: {run:?}");
    }
}

#[test]
fn a_session_that_stops_early_with_status_0_contradicts_its_inventory() {
    let source = "import pytest\ndef test_a(): pytest.exit('done', returncode=0)\ndef test_b(): assert False\n";
    let run = pytest(&Project::new(&[("test_x.py", source)]), &[]);
    assert_eq!(run.outcome, Outcome::Exited { status: 0 });
    assert!(!run.contradictions.is_empty(), "{run:?}");
}

#[test]
fn no_tests_and_deselected_tests_are_told_from_a_missing_report() {
    let project = Project::new(&[("test_x.py", "def test_a(): pass\ndef test_b(): pass\n")]);
    let none = pytest(&project, &["-k", "nothing"]);
    assert_eq!(
        (none.outcome, none.report),
        (Outcome::Exited { status: 5 }, ReportState::Complete)
    );
    assert_eq!(
        states(&pytest(&project, &["-k", "test_b"])),
        ["+ test_x.py::test_b"]
    );
    let usage = pytest(&project, &["--no-such-option"]);
    assert_eq!(
        (usage.outcome, usage.report),
        (Outcome::Exited { status: 4 }, ReportState::Missing)
    );
}

#[test]
fn a_selection_runs_the_whole_files_of_its_tests() {
    let mut project = Project::new(&[
        ("test_x.py", "def test_a(): pass\ndef test_b(): pass\n"),
        ("test_y.py", "def test_c(): pass\n"),
    ]);
    let all = pytest(&project, &[]);
    project.select = Selection::Ids(vec![test(&all, "test_b").clone()]);
    assert_eq!(
        states(&pytest(&project, &[])),
        ["+ test_x.py::test_a", "+ test_x.py::test_b"]
    );
}

#[test]
fn the_tests_see_the_policys_environment_and_not_ours() {
    let source = "import os\ndef test_env():\n    assert os.environ['PYTEST_ADDOPTS'] == '-p no:faulthandler'\n    assert 'PYTHONPATH' not in os.environ\n    assert 'PASSMUSTER_REPORT' not in os.environ\n";
    let mut project = Project::new(&[("test_x.py", source)]);
    project.set("PYTEST_ADDOPTS", "-p no:faulthandler");
    let run = pytest(&project, &[]);
    assert_eq!(states(&run), ["+ test_x.py::test_env"], "{}", run.log_tail);
}

#[test]
fn an_installed_copy_of_the_trees_package_is_foreign() {
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::create_dir(elsewhere.path().join("shop")).unwrap();
    std::fs::write(elsewhere.path().join("shop/__init__.py"), "").unwrap();
    let mut project = Project::new(&[
        ("src/shop/__init__.py", ""),
        ("tests/test_x.py", "import shop\ndef test_a(): pass\n"),
    ]);
    project.set("PYTHONPATH", elsewhere.path());
    let run = pytest(&project, &[]);
    assert_eq!(run.provenance.foreign.len(), 1, "{:?}", run.provenance);
    assert!(run.provenance.foreign[0].starts_with("shop from "));
}

#[test]
fn a_forged_report_line_is_a_contradiction() {
    let source = r#"
import glob, os
def test_forge():
    for fd in os.listdir("/proc/self/fd"):
        if os.readlink("/proc/self/fd/" + fd).endswith("python.jsonl"):
            os.write(int(fd), b'{"event": "result", "id": "test_x.py::test_forge", "status": "passed"}\ngarbage\n')
    assert False
"#;
    let run = pytest(&Project::new(&[("test_x.py", source)]), &[]);
    assert!(
        run.contradictions
            .iter()
            .any(|text| text.contains("line 4 of the report is not a record of ours")),
        "{run:?}"
    );
    assert!(
        run.contradictions
            .iter()
            .any(|text| text.contains("line 5 of the report is not a record of ours")),
        "{run:?}"
    );
    assert_eq!(states(&run), ["- test_x.py::test_forge"]);
}

const UNITTEST: &str = r#"
import unittest

class Group(unittest.TestCase):
    def test_passes(self): pass
    def test_fails(self): self.assertEqual(2, 3)
    @unittest.skip("not today")
    def test_skipped(self): pass
    def test_runtime_skip(self): self.skipTest("later")
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_parts(self):
        for part in (1, 2):
            with self.subTest(part=part):
                self.assertEqual(part, 1)

class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no database")
    def test_waits(self): pass
"#;

#[test]
fn every_state_of_a_unittest_test_is_read_from_the_records() {
    let project = Project::new(&[
        ("tests/__init__.py", ""),
        ("tests/test_a.py", UNITTEST),
        ("tests/test_b.py", "import not_there_at_all\n"),
    ]);
    let run = project.run(
        Framework::Unittest,
        &[python(), "-m", "unittest", "discover", "-v"],
    );
    let expected = [
        "+ tests/test_a.py::Group.test_passes",
        "- tests/test_a.py::Fixture.test_waits",
        "- tests/test_a.py::Group.test_fails",
        "- tests/test_a.py::Group.test_parts",
        "- tests/test_a.py::Group.test_unexpected",
        "s tests/test_a.py::Group.test_expected",
        "s tests/test_a.py::Group.test_runtime_skip",
        "s tests/test_a.py::Group.test_skipped",
    ];
    assert_eq!(sorted(states(&run)), expected, "{}", run.log_tail);
    assert_eq!(
        (&run.outcome, &run.report),
        (&Outcome::Exited { status: 1 }, &ReportState::Complete)
    );
    assert_eq!(run.contradictions, Vec::<String>::new());
    let failure = test(&run, "test_fails").failure.clone().unwrap();
    assert_eq!(
        (
            failure.expected.as_deref(),
            failure.actual.as_deref(),
            failure.line
        ),
        (Some("3"), Some("2"), Some(6))
    );
    let parts = test(&run, "test_parts").failure.clone().unwrap();
    assert!(
        parts
            .message
            .starts_with("subtest (part=2): AssertionError"),
        "{parts:?}"
    );
    let broken = &run.broken_units[0];
    assert!(
        broken.unit.contains("test_b") && broken.message.contains("not_there_at_all"),
        "{broken:?}"
    );
    assert_eq!(broken.line, Some(1));
}

#[test]
fn a_unittest_selection_runs_the_modules_of_its_tests_and_an_exit_is_incomplete() {
    let mut project = Project::new(&[
        (
            "test_a.py",
            "import unittest\nclass A(unittest.TestCase):\n    def test_1(self): pass\n    def test_2(self): pass\n",
        ),
        (
            "test_b.py",
            "import os, unittest\nclass B(unittest.TestCase):\n    def test_3(self): os._exit(0)\n",
        ),
    ]);
    let argv = [python(), "-m", "unittest"];
    let all = project.run(Framework::Unittest, &argv);
    assert!(
        matches!(all.report, ReportState::Incomplete { .. }),
        "{all:?}"
    );
    assert_eq!(test(&all, "B.test_3").status, TestStatus::Failed);
    project.select = Selection::Ids(vec![test(&all, "A.test_1").clone()]);
    let again = project.run(Framework::Unittest, &argv);
    assert_eq!(
        states(&again),
        ["+ test_a.py::A.test_1", "+ test_a.py::A.test_2"],
        "{}",
        again.log_tail
    );
}

#[test]
fn warnings_as_errors_and_text_that_is_no_unicode_change_nothing() {
    let source =
        "def test_odd(): assert False, chr(0xD800) + 'x' * 100000\ndef test_fine(): pass\n";
    let run = pytest(&Project::new(&[("test_x.py", source)]), &["-W", "error"]);
    assert_eq!(
        states(&run),
        ["+ test_x.py::test_fine", "- test_x.py::test_odd"],
        "{}",
        run.log_tail
    );
    assert_eq!(
        (run.report, run.contradictions),
        (ReportState::Complete, Vec::new())
    );
}

#[test]
fn a_unittest_selection_obeys_the_policys_own_discovery() {
    let case = "import unittest\nclass A(unittest.TestCase):\n    def test_1(self): pass\n";
    let mut project = Project::new(&[("checks/test_a.py", case), ("checks/test_b.py", case)]);
    let argv = [python(), "-m", "unittest", "discover", "-s", "checks"];
    let all = project.run(Framework::Unittest, &argv);
    assert_eq!(
        states(&all),
        [
            "+ checks/test_a.py::A.test_1",
            "+ checks/test_b.py::A.test_1"
        ]
    );
    project.select = Selection::Ids(vec![test(&all, "test_b.py::A.test_1").clone()]);
    let again = project.run(Framework::Unittest, &argv);
    assert_eq!(
        states(&again),
        ["+ checks/test_b.py::A.test_1"],
        "{}",
        again.log_tail
    );
}

#[test]
fn a_command_that_is_not_the_frameworks_is_refused_with_a_way_out() {
    let refusal = Project::new(&[])
        .try_run(Framework::Unittest, &[python(), "run.py"])
        .unwrap_err();
    assert!(refusal.to_string().contains("-m unittest"), "{refusal}");
}
