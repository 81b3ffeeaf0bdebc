//! Product code that bends, forges or ends what the test run reports, in ways that leave exit status, report and inventory
//! in agreement or nearly so; and honest suites that do unusual things and have to pass, under controls.

use std::fmt::Write as _;

use passmuster_tests::{TestEnv, Verdict};

/// How the tests are started.
#[derive(Clone, Copy)]
enum How {
    Pytest,
    Workers,
    Unittest,
}

impl How {
    fn policy(self) -> String {
        let (framework, words) = match self {
            Self::Pytest => ("pytest", "\"pytest\""),
            Self::Workers => ("pytest", "\"pytest\", \"-n\", \"2\""),
            Self::Unittest => ("unittest", "\"unittest\""),
        };
        format!(
            "version = 1\nextends = [\"python\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\nretries = 1\n\
             framework = \"{framework}\"\nrun = [\"python\", \"-m\", {words}]\n"
        )
    }

    /// Tests that fail unless `calc.total` adds one.
    fn tests(self) -> String {
        let mut text = String::from("import calc, unittest\n");
        if let Self::Unittest = self {
            text.push_str("class A(unittest.TestCase):\n");
        }
        for n in 1..6 {
            let _ = match self {
                Self::Unittest => writeln!(
                    text,
                    "    def test_{n}(self): self.assertEqual(calc.total({n}), {n} + 1)"
                ),
                _ => writeln!(
                    text,
                    "def test_{n}():\n    total = calc.total({n})\n    assert total == {n} + 1\n    print('done')"
                ),
            };
        }
        text
    }
}

const GOOD: &str = "def total(x):\n    return x + 1\n";

/// Paths and texts.
type Files<'a> = &'a [(&'a str, &'a str)];

fn verify(env: &TestEnv, how: How, base: Files<'_>, change: &str) -> (Option<i32>, Verdict) {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", how.policy());
    repo.write("calc.py", GOOD);
    repo.write("test_calc.py", how.tests());
    for (path, text) in base {
        repo.write(path, text);
    }
    repo.commit("The base");
    repo.write("calc.py", change);
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    (finished.code(), verdict)
}

const REPORTS: &str = r#"
import _pytest.reports as r
real = r.TestReport.from_item_and_call
def forged(item, call):
    report = real(item, call)
    if report.when == "call": report.outcome, report.longrepr = "passed", None
    return report
r.TestReport.from_item_and_call = forged
def total(x): return 0
"#;

const UNDONE: &str = r#"
import _pytest.reports as r
real = r.TestReport.from_item_and_call
def forged(item, call):
    report = real(item, call)
    if report.when == "call": report.outcome, report.longrepr = "passed", None
    if item.name == "test_5" and call.when == "teardown": r.TestReport.from_item_and_call = real
    return report
r.TestReport.from_item_and_call = forged
def total(x): return 0
"#;

const HOOK: &str = r#"
import gc, pytest
class Kind:
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report): report.outcome = "passed"
for one in gc.get_objects():
    if isinstance(one, pytest.PytestPluginManager): one.register(Kind())
def total(x): return 0
"#;

const OURS: &str = r#"
import sys
records = sys.modules["passmuster_records"]
real = records.Writer.write
def write(self, **record):
    if record.get("status") in ("failed", 1): record["status"] = "passed" if record["event"] == "result" else 0
    real(self, **record)
records.Writer.write = write
import atexit, os
atexit.register(os._exit, 0)
def total(x): return 0
"#;

const SWALLOWED: &str = r#"
import pytest
real = pytest.Function.runtest
def runtest(self):
    try: real(self)
    except BaseException: pass
pytest.Function.runtest = runtest
def total(x): return 0
"#;

const TRACED: &str = r#"
import sys
def jump(frame, event, arg):
    code = frame.f_code
    if not code.co_name.startswith("test_"): return None
    if event == "line":
        last = max(line for _, _, line in code.co_lines() if line)
        if frame.f_lineno < last: frame.f_lineno = last
    return jump
sys.settrace(jump)
def total(x): return 0
"#;

const HOOKED: &str = r#"
import os, sys
sys.excepthook = lambda *_: os._exit(0)
sys.unraisablehook = sys.excepthook
def total(x): return 0
"#;

const CASES: &str = r#"
import unittest
def call(self, result=None):
    result.startTest(self); result.addSuccess(self); result.stopTest(self)
unittest.TestCase.__call__ = unittest.TestCase.run = call
def total(x): return 0
"#;

const OUTCOMES: &str = r#"
import contextlib, unittest.case
@contextlib.contextmanager
def part(self, *_, **__):
    try: yield
    except BaseException: pass
unittest.case._Outcome.testPartExecutor = part
def total(x): return 0
"#;

const ADDED: &str = r#"
import unittest
unittest.TestResult.addFailure = unittest.TextTestResult.addFailure = lambda self, test, err: self.addSuccess(test)
def total(x): return 0
"#;

const UNASSERTED: &str = r#"
import ast
from _pytest.assertion import rewrite
real = rewrite.rewrite_asserts
class Without(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)
def without(tree, *more):
    Without().visit(tree)
    real(tree, *more)
rewrite.rewrite_asserts = without
def total(x): return 0
"#;

const AT_EXIT: &str = r#"
import atexit, os
atexit.register(os._exit, 0)
def total(x): return 0
"#;

const BEFORE: &str = r#"
import glob, json, os
REPORT = os.path.realpath(next(p for p in glob.glob("/proc/self/fd/*") if os.path.realpath(p).endswith("python.jsonl")))
lines = open(REPORT).read().replace('"running"', '"collected"').splitlines(True)
os.unlink(REPORT)
with open(REPORT, "w") as file:
    file.writelines(lines)
    for n in range(1, 6):
        for event in ({"event": "collected"}, {"event": "result", "status": "passed", "millis": 1}):
            file.write(json.dumps(dict(event, id="test_calc.py::test_%d" % n)) + "\n")
    file.write(json.dumps({"event": "finish", "status": 0}) + "\n")
import atexit
atexit.register(os._exit, 0)
def total(x): return 0
"#;

const DURING: &str = r#"
import glob, os
def total(x):
    for path in glob.glob("/proc/self/fd/*"):
        if os.path.realpath(path).endswith("python.jsonl"):
            os.write(int(path.rsplit("/")[-1]), b'{"event": "result", "id": "test_calc.py::test_1", "status": "passed"}\n')
    return 0
"#;

const AFTER: &str = r#"
import atexit, glob, os
REPORT = os.path.realpath(next(p for p in glob.glob("/proc/self/fd/*") if os.path.realpath(p).endswith("python.jsonl")))
def rewrite():
    text = open(REPORT).read().replace('"failed"', '"passed"').replace('"status": 1', '"status": 0')
    with open(REPORT, "w") as file: file.write(text)
    os._exit(0)
atexit.register(rewrite)
def total(x): return 0
"#;

const DAEMON: &str = r#"
import atexit, glob, os, time
REPORT = os.path.realpath(next(p for p in glob.glob("/proc/self/fd/*") if os.path.realpath(p).endswith("python.jsonl")))
def rewrite():
    text = open(REPORT).read()
    better = text.replace('"status": "failed"', '"status": "passed"').replace('"status": 1', '"status": 0')
    if text != better:
        with open(REPORT, "w") as file: file.write(better)
if os.fork() == 0:
    os.setsid()
    while True:
        rewrite()
        time.sleep(0.001)
atexit.register(lambda: (time.sleep(0.5), os._exit(0)))
def total(x): return 0
"#;

const EXITED: &str = "import pytest\ndef total(x):\n    pytest.exit('enough', returncode=0)\n";
const SKIPPED: &str = "import unittest\ndef total(x):\n    raise unittest.SkipTest('later')\n";
const EXIT: &str = "def total(x):\n    exit(0)\n";
const EXIT_AT_ONCE: &str = "import os\ndef total(x):\n    os._exit(0)\n";
const ONLY_COPIES: &str =
    "import os, time\nos.register_at_fork(after_in_child=lambda: time.sleep(600))\n";

#[test]
fn a_change_that_forges_its_results_fails() {
    use How::{Pytest, Unittest, Workers};
    let still = format!("{ONLY_COPIES}{REPORTS}");
    let rows: [(&str, How, &str, &str); 26] = [
        ("reports patched", Pytest, REPORTS, "controls-violated"),
        (
            "reports patched in workers",
            Workers,
            REPORTS,
            "controls-violated",
        ),
        ("undone before the end", Pytest, UNDONE, "controls-violated"),
        ("a reporter hook", Pytest, HOOK, "controls-violated"),
        ("our own functions", Pytest, OURS, "controls-violated"),
        (
            "a failing body swallowed",
            Pytest,
            SWALLOWED,
            "controls-violated",
        ),
        (
            "a trace function that jumps",
            Pytest,
            TRACED,
            "controls-violated",
        ),
        (
            "copies that stand still",
            Pytest,
            &still,
            "controls-violated",
        ),
        (
            "cases that call nothing",
            Unittest,
            CASES,
            "controls-violated",
        ),
        (
            "outcomes swallowed",
            Unittest,
            OUTCOMES,
            "controls-violated",
        ),
        (
            "failures added as successes",
            Unittest,
            ADDED,
            "controls-violated",
        ),
        (
            "our own functions, in unittest",
            Unittest,
            OURS,
            "controls-violated",
        ),
        (
            "an exit status from atexit",
            Pytest,
            AT_EXIT,
            "controls-violated",
        ),
        (
            "an exit status from atexit, in unittest",
            Unittest,
            AT_EXIT,
            "controls-violated",
        ),
        (
            "a report written before",
            Pytest,
            BEFORE,
            "controls-violated",
        ),
        (
            "a report written during the run",
            Pytest,
            DURING,
            "controls-violated",
        ),
        (
            "a report rewritten after",
            Pytest,
            AFTER,
            "controls-violated",
        ),
        (
            "a report rewritten after, in unittest",
            Unittest,
            AFTER,
            "controls-violated",
        ),
        (
            "a daemon that rewrites",
            Pytest,
            DAEMON,
            "controls-violated",
        ),
        (
            "a session that exits well",
            Pytest,
            EXITED,
            "controls-violated",
        ),
        (
            "the process ended well",
            Pytest,
            EXIT_AT_ONCE,
            "report-missing",
        ),
        (
            "the process ended well, in unittest",
            Unittest,
            EXIT_AT_ONCE,
            "report-missing",
        ),
        ("exit(0)", Pytest, EXIT, "tests-regressed"),
        ("exit(0), in unittest", Unittest, EXIT, "tests-regressed"),
        ("hooks for exceptions", Pytest, HOOKED, "tests-regressed"),
        (
            "tests skipped from inside",
            Pytest,
            SKIPPED,
            "tests-silenced",
        ),
    ];
    let env = TestEnv::new();
    for (what, how, change, code) in rows {
        let (status, verdict) = verify(&env, how, &[], change);
        assert_eq!(status, Some(1), "{what}: {verdict}");
        assert!(
            verdict.reasons().contains(&code.to_owned()),
            "{what}: {verdict}"
        );
    }
}

const BETTER: &str = "def total(x):\n    return 1 + x\n";

#[test]
fn a_change_that_leaves_out_the_asserts_of_later_modules_fails() {
    let env = TestEnv::new();
    let first = ("test_a.py", "import calc\ndef test_a(): pass\n");
    // The same takes away what it loads from elsewhere; and it leaves no room elsewhere.
    let taken = UNASSERTED.replace(
        "    real(tree, *more)\n",
        "    real(tree, *more)\n    if not more[1].startswith(os.getcwd()): os.unlink(more[1])\n",
    );
    let no_room = format!(
        "import shutil, tempfile\nshutil.rmtree(tempfile.gettempdir(), True)\n{UNASSERTED}"
    );
    for change in [UNASSERTED, &format!("import os\n{taken}"), &no_room] {
        let (status, verdict) = verify(&env, How::Pytest, &[first], change);
        assert_eq!(status, Some(1), "{verdict}");
        let violated = verdict.reasons().contains(&"controls-violated".to_owned());
        assert!(violated, "{verdict}");
    }
}

#[test]
fn an_honest_change_passes_under_controls_whatever_its_suite_does() {
    use How::{Pytest, Unittest, Workers};
    const FIXTURES: &str = "import pytest, socket, tempfile\n@pytest.fixture(scope='session', autouse=True)\n\
        def held(tmp_path_factory):\n    one, other = socket.socketpair()\n    with tempfile.TemporaryFile('w+') as file:\n        \
        file.write('a')\n        yield\n        file.write('b')\n        file.seek(0)\n        assert file.read() == 'ab'\n    \
        one.sendall(b'x')\n    assert other.recv(9) == b'x'\n";
    const HOOKS: &str = "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    \
        outcome = yield\n    outcome.get_result().seen = item.function\ndef pytest_sessionfinish(session): print(session.exitstatus)\n";
    const SUITE: &str = "import asyncio, atexit, os, subprocess, sys, threading\natexit.register(print)\n\
        sys.excepthook = sys.__excepthook__\nlock = threading.Lock()\ndef work():\n    while True:\n        with lock: pass\n\
        threading.Thread(target=work, daemon=True).start()\ndef test_traced():\n    seen = []\n    sys.settrace(lambda *a: seen.append(a))\n    \
        len(())\n    sys.settrace(None)\ndef test_async(): assert asyncio.run(asyncio.sleep(0, 7)) == 7\n\
        def test_child(): assert subprocess.run([sys.executable, '-c', '']).returncode == 0\n\
        def test_os(monkeypatch):\n    monkeypatch.setattr(os, 'fork', None)\n    monkeypatch.setattr(os, 'write', None)\n";
    const UNIT: &str = "import sys, threading, unittest\nclass B(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        \
        cls.one = 1\n        cls.addClassCleanup(print)\n    def test_output(self): print('x')\n    def test_sub(self):\n        \
        for n in range(3):\n            with self.subTest(n=n): self.assertEqual(self.one, 1)\n    \
        def test_thread(self):\n        t = threading.Thread(target=print); t.start(); t.join()\n";
    const NO_CAPTURE: &str = "[pytest]\naddopts = -s -p no:cacheprovider\n";
    let rows: [(&str, How, Files<'_>); 7] = [
        ("plain", Pytest, &[]),
        ("plain, in unittest", Unittest, &[]),
        (
            "fixtures of the session, workers",
            Workers,
            &[("conftest.py", FIXTURES)],
        ),
        (
            "fixtures of the session",
            Pytest,
            &[("conftest.py", FIXTURES)],
        ),
        (
            "hooks and no capture",
            Pytest,
            &[("conftest.py", HOOKS), ("pytest.ini", NO_CAPTURE)],
        ),
        (
            "threads, children, traces",
            Pytest,
            &[("test_more.py", SUITE)],
        ),
        ("cases", Unittest, &[("test_more.py", UNIT)]),
    ];
    let env = TestEnv::new();
    for (what, how, base) in rows {
        let (status, verdict) = verify(&env, how, base, BETTER);
        assert_eq!(status, Some(0), "{what}: {verdict}");
        assert_eq!(
            verdict.text("/checks/0/assurance"),
            "controlled",
            "{what}: {verdict}"
        );
        let controls = verdict.0.pointer("/controls").unwrap();
        assert_eq!(
            controls["planted"], controls["answered"],
            "{what}: {controls}"
        );
        assert!(
            controls["planted"].as_u64().unwrap() >= 6,
            "{what}: {controls}"
        );
    }
}

/// The limit, kept here so that what SECURITY.md says of it stays true.
#[test]
fn code_that_forges_only_tests_that_it_knows_by_name_is_not_seen() {
    let knowing = REPORTS.replace(
        "if report.when",
        "if item.nodeid.startswith('test_calc.py') and report.when",
    );
    let env = TestEnv::new();
    let (status, verdict) = verify(&env, How::Pytest, &[], &knowing);
    // Only the rule on what product code says of its tests asks for a person.
    assert_eq!(status, Some(4), "{verdict}");
    assert_eq!(verdict.review(), ["special-casing"], "{verdict}");
    assert_eq!(verdict.text("/checks/0/assurance"), "controlled");
}

#[test]
fn a_base_whose_copies_stand_still_accuses_nobody_and_is_less_sure() {
    let env = TestEnv::new();
    let conftest = [("conftest.py", ONLY_COPIES)];
    let (status, verdict) = verify(&env, How::Pytest, &conftest, BETTER);
    assert_eq!(status, Some(0), "{verdict}");
    assert_eq!(verdict.text("/checks/0/assurance"), "reported", "{verdict}");
    let note = verdict.text("/checks/0/runs/1/why");
    assert!(
        note.contains("controls did not answer as they should"),
        "{note}"
    );
}

#[test]
fn a_policy_that_wants_controlled_results_gets_them_or_no_pass() {
    let env = TestEnv::new();
    for (conftest, code) in [("", 0), (ONLY_COPIES, 3)] {
        let repo = env.empty_repo();
        let policy = How::Unittest.policy() + "[tests]\nassurance = \"controlled\"\n";
        repo.write("passmuster.toml", &policy);
        repo.write("calc.py", GOOD);
        repo.write(
            "test_calc.py",
            &(conftest.to_owned() + &How::Unittest.tests()),
        );
        repo.commit("The base");
        repo.write("calc.py", BETTER);
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        assert_eq!(finished.code(), Some(code), "{verdict}");
    }
}
