//! Planted tests: they answer in honest suites, disturb nothing there, and see what bends results.

use std::collections::BTreeSet;

use passmuster_policy::controls::Answer;
use passmuster_policy::policy::{Assurance, Framework};
use passmuster_policy::run::{Outcome, ReportState, TestRun};

use crate::plain::{Project, states};
use crate::python::python;

/// A suite, and how it is started.
struct Suite {
    what: &'static str,
    files: &'static [(&'static str, &'static str)],
    framework: Framework,
    arguments: &'static [&'static str],
}

const PYTEST: Suite = Suite {
    what: "",
    files: &[],
    framework: Framework::Pytest,
    arguments: &[],
};

const UNITTEST: Suite = Suite {
    framework: Framework::Unittest,
    ..PYTEST
};

impl Suite {
    fn run(&self) -> (Project, TestRun) {
        started(self.framework, self.files, self.arguments)
    }
}

fn started(framework: Framework, files: &[(&str, &str)], arguments: &[&str]) -> (Project, TestRun) {
    let project = Project::new(files);
    let module = match framework {
        Framework::Unittest => "unittest",
        _ => "pytest",
    };
    let argv = [&[python(), "-m", module, "-q"], arguments].concat();
    let run = project.run(framework, &argv);
    (project, run)
}

/// What is not as it should be, each once, whatever process said it.
fn complaints(run: &TestRun) -> Vec<String> {
    let wrong = run
        .controls
        .iter()
        .filter(|one| one.answer != Answer::Right);
    let text = |answer: &Answer| match answer {
        Answer::Wrong { said } => said.clone(),
        Answer::Missing { .. } => "nothing".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    let all: BTreeSet<_> = wrong
        .map(|one| format!("{} {}", one.kind.name(), text(&one.answer)))
        .collect();
    all.into_iter().collect()
}

const THREE: &str = "import pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_a(n): pass\n";

const HELD: &str = r#"
import os, socket, threading, tempfile, pytest
HERE = os.path.dirname(__file__)
def note(word):
    with open(os.path.join(HERE, "log"), "a") as log:
        log.write(word + "\n")
@pytest.fixture(scope="session", autouse=True)
def server(tmp_path_factory):
    note("up")
    one, other = socket.socketpair()
    with tempfile.NamedTemporaryFile("w+") as scratch:
        scratch.write("half a ")
        yield one, other, scratch
        scratch.write("sentence")
        scratch.seek(0)
        assert scratch.read() == "half a sentence"
        one.sendall(b"bye")
        assert other.recv(9) == b"bye"
    note("down")
@pytest.fixture(autouse=True)
def each():
    note("test")
    yield
"#;

const HELD_TESTS: &str = r#"
import os, subprocess, sys, threading, asyncio, multiprocessing
def test_sockets(server):
    server[0].sendall(b"a"); assert server[1].recv(9) == b"a"
def test_threads():
    done = []
    thread = threading.Thread(target=lambda: done.append(1)); thread.start(); thread.join()
    assert done
def test_asyncio():
    assert asyncio.run(asyncio.sleep(0, 7)) == 7
def test_subprocess():
    assert subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\n"
def test_fork():
    process = multiprocessing.get_context("fork").Process(target=print); process.start(); process.join()
    assert process.exitcode == 0
def test_monkeypatched_os(monkeypatch):
    monkeypatch.setattr(os, "fork", None); monkeypatch.setattr(os, "write", None)
def test_printing():
    print("said" * 5000)
"#;

const BACKGROUND: &str = r#"
import threading, time, queue
lock = threading.Lock()
def work():
    while True:
        with lock: time.sleep(0.001)
for _ in range(4): threading.Thread(target=work, daemon=True).start()
def test_a():
    with lock: pass
def test_b(): pass
def test_c(): pass
"#;

#[test]
fn honest_suites_answer_every_control_and_their_results_are_theirs_alone() {
    let rows = [
        Suite {
            what: "plain",
            files: &[("test_a.py", THREE)],
            ..PYTEST
        },
        Suite {
            what: "workers",
            files: &[("test_a.py", THREE)],
            arguments: &["-n", "2"],
            ..PYTEST
        },
        Suite {
            what: "no capture",
            files: &[("test_a.py", THREE)],
            arguments: &["-s"],
            ..PYTEST
        },
        Suite {
            what: "capture of sys alone",
            files: &[("test_a.py", THREE)],
            arguments: &["--capture=sys"],
            ..PYTEST
        },
        Suite {
            what: "stops at the first failure",
            files: &[("test_a.py", "def test_a(): assert 0\ndef test_b(): pass\n")],
            arguments: &["-x"],
            ..PYTEST
        },
        Suite {
            what: "a file that does not load",
            files: &[
                ("test_a.py", "def test_a(): pass\n"),
                ("test_b.py", "import nothing\n"),
            ],
            ..PYTEST
        },
        Suite {
            what: "nothing loads, in workers",
            files: &[("test_a.py", "import nothing\n")],
            arguments: &["-n", "1"],
            ..PYTEST
        },
        Suite {
            what: "a file does not load, but others are run",
            files: &[
                ("test_a.py", "def test_a(): pass\n"),
                ("test_b.py", "import nothing\n"),
            ],
            arguments: &["--continue-on-collection-errors"],
            ..PYTEST
        },
        Suite {
            what: "no test",
            files: &[("test_a.py", "")],
            ..PYTEST
        },
        Suite {
            what: "no capture plugin",
            files: &[("test_a.py", "def test_a(): pass\n")],
            arguments: &["-p", "no:capture"],
            ..PYTEST
        },
        Suite {
            what: "an interrupt",
            files: &[("test_a.py", "def test_a(): raise KeyboardInterrupt\n")],
            ..PYTEST
        },
        Suite {
            what: "no test in unittest",
            files: &[("test_a.py", "")],
            ..UNITTEST
        },
        Suite {
            what: "one test",
            files: &[("test_a.py", "def test_a(): pass\n")],
            ..PYTEST
        },
        Suite {
            what: "threads",
            files: &[("test_a.py", BACKGROUND)],
            ..PYTEST
        },
        Suite {
            what: "warnings are errors",
            files: &[
                ("test_a.py", BACKGROUND),
                ("pytest.ini", "[pytest]\nfilterwarnings = error\n"),
            ],
            ..PYTEST
        },
        Suite {
            what: "hooks",
            files: &[
                ("test_a.py", THREE),
                (
                    "conftest.py",
                    "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    outcome = yield\n    report = outcome.get_result()\n    report.extra = item.function.__name__\ndef pytest_runtest_setup(item): item.get_closest_marker('x')\ndef pytest_collection_modifyitems(items): items.reverse()\n",
                ),
            ],
            ..PYTEST
        },
        Suite {
            what: "cases",
            files: &[(
                "test_a.py",
                "import unittest\nclass A(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.x = 1\n    def test_a(self): assert self.x\n    def test_b(self): pass\n",
            )],
            ..PYTEST
        },
        Suite {
            what: "unittest",
            files: &[(
                "test_a.py",
                "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): self.skipTest('no')\n    def test_c(self): self.fail()\n",
            )],
            ..UNITTEST
        },
        Suite {
            what: "unittest that stops",
            files: &[(
                "test_a.py",
                "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): self.fail()\n    def test_b(self): pass\n",
            )],
            arguments: &["-f", "-b"],
            ..UNITTEST
        },
    ];
    for row in rows {
        let (_, run) = row.run();
        assert_eq!(complaints(&run), [""; 0], "{}: {run:?}", row.what);
        assert!(run.controls.len() >= 3, "{}: {run:?}", row.what);
        assert_eq!(run.attainable, Assurance::Controlled, "{}", row.what);
        assert_eq!(
            (&run.report, &run.contradictions[..]),
            (&ReportState::Complete, &[][..]),
            "{}",
            row.what
        );
        assert!(
            run.tests.iter().all(|test| test
                .id
                .file
                .as_ref()
                .is_some_and(|file| file.to_string() == "test_a.py")),
            "{run:?}"
        );
    }
}

#[test]
fn what_fixtures_hold_is_neither_used_nor_torn_down_by_a_copy() {
    for arguments in [&[][..], &["-n", "1"]] {
        let files = &[("conftest.py", HELD), ("test_a.py", HELD_TESTS)];
        let row = Suite {
            files,
            arguments,
            ..PYTEST
        };
        let (project, run) = row.run();
        assert_eq!(complaints(&run), [""; 0], "{run:?}");
        assert_eq!(
            run.outcome,
            Outcome::Exited { status: 0 },
            "{}",
            run.log_tail
        );
        let log = std::fs::read_to_string(project.tree().join("log")).unwrap();
        let expected = format!("up\n{}down\n", "test\n".repeat(7));
        assert_eq!(log, expected, "{arguments:?}");
    }
}

/// How the product of a row gets in.
const USES: &str = r#"
import product
def test_a():
    total = product.total(1)
    assert total == 2
    print("done")
def test_b():
    total = product.total(2)
    assert total == 3
    print("done")
def test_c():
    total = product.total(3)
    assert total == 4
    print("done")
"#;
const CASES: &str = "import product, unittest\nclass A(unittest.TestCase):\n    def test_a(self): self.assertEqual(product.total(1), 2)\n    \
    def test_b(self): self.assertEqual(product.total(2), 3)\n";

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
    if item.name == "test_c" and call.when == "teardown": r.TestReport.from_item_and_call = real
    return report
r.TestReport.from_item_and_call = forged
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

const OURS: &str = r#"
import sys
records = sys.modules["passmuster_records"]
real = records.Writer.write
def write(self, **record):
    if record.get("status") in ("failed", 1): record["status"] = "passed" if record["event"] == "result" else 0
    real(self, **record)
records.Writer.write = write
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

const HANDLERS: &str = r#"
import os, json
def no(*_, **__): raise OSError
os.fork = os._exit = os.pipe = os.write = json.dumps = no
"#;

const TRACE: &str = r#"
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

const CASE: &str = r#"
import unittest
real = unittest.TestCase.__call__
def call(self, result=None, *rest, **more):
    result.startTest(self); result.addSuccess(self); result.stopTest(self)
unittest.TestCase.__call__ = unittest.TestCase.run = call
def total(x): return 0
"#;

const OUTCOME: &str = r#"
import contextlib, unittest.case
@contextlib.contextmanager
def part(self, test_case, *_, **__):
    try: yield
    except BaseException: pass
unittest.case._Outcome.testPartExecutor = part
def total(x): return 0
"#;

const SENT: &str = r#"
import gc
for one in gc.get_objects():
    if type(one).__name__ == "WorkerInteractor":
        def forge(name, one=one, real=one.sendevent, **sent):
            if name == "testreport": sent["data"].update(outcome="passed", longrepr=None)
            real(name, **sent)
        one.sendevent = forge
def total(x): return 0
"#;

#[test]
fn a_product_that_bends_results_bends_the_answers_of_controls() {
    let handlers = format!("{HANDLERS}{REPORTS}");
    let rows: [(&str, &str, &Suite, &[&str]); 12] = [
        ("reports", REPORTS, &PYTEST, &[]),
        ("reports, in workers", REPORTS, &PYTEST, &["-n", "2"]),
        ("reports, undone before the end", UNDONE, &PYTEST, &[]),
        ("reports, and what we might call", &handlers, &PYTEST, &[]),
        ("items", SWALLOWED, &PYTEST, &[]),
        ("our own writer", OURS, &PYTEST, &[]),
        ("a hook", HOOK, &PYTEST, &[]),
        ("messages to the controller", SENT, &PYTEST, &["-n", "1"]),
        ("tracing", TRACE, &PYTEST, &[]),
        ("cases under pytest", CASE, &PYTEST, &[]),
        ("cases", CASE, &UNITTEST, &[]),
        ("outcomes of cases", OUTCOME, &UNITTEST, &[]),
    ];
    for (what, product, how, arguments) in rows {
        let tests = match what.contains("cases") {
            true => CASES,
            false => USES,
        };
        let files = &[("product.py", product), ("test_a.py", tests)];
        let (_, run) = started(how.framework, files, arguments);
        let all = states(&run).iter().all(|state| state.starts_with('+'));
        assert!(
            all && !run.tests.is_empty(),
            "{what} forges nothing: {run:?}"
        );
        let complaints = complaints(&run);
        let seen = complaints.contains(&"must-fail passed".to_owned());
        assert!(seen, "{what}: {complaints:?} {run:?}");
    }
}

#[test]
fn a_copy_that_stands_still_is_waited_for_a_while_and_is_no_answer() {
    const STILL: &str = "import os, time\nos.register_at_fork(after_in_child=lambda: time.sleep(600))\ndef test_a(): pass\n";
    let row = Suite {
        files: &[("test_a.py", STILL)],
        ..PYTEST
    };
    let (_, run) = row.run();
    let nothing = [
        "must-error nothing",
        "must-fail nothing",
        "must-pass nothing",
    ];
    assert_eq!(complaints(&run), nothing);
    assert_eq!(
        (states(&run), run.report),
        (
            vec!["+ test_a.py::test_a".to_owned()],
            ReportState::Complete
        )
    );
}

#[test]
fn a_worker_that_dies_in_a_test_takes_its_controls_along_and_one_that_dies_unseen_owes_them() {
    const IN_A_TEST: &str =
        "import os\ndef test_a(): os.kill(os.getpid(), 9)\ndef test_b(): pass\n";
    const UNSEEN: &str = "import os\ndef test_a(): pass\nif os.environ.get('PYTEST_XDIST_WORKER'):\n    import sys\n    \
        sys.modules['passmuster_pytest'].Worker._ask = lambda _, place, *__: place == 'at the end' and os._exit(0)\n";
    let row = |files, arguments| {
        let (_, run) = started(Framework::Pytest, files, arguments);
        (complaints(&run), states(&run))
    };
    let (said, states) = row(&[("test_a.py", IN_A_TEST)], &["-n", "1"]);
    let withheld = ["must-fail", "must-pass", "must-error"].map(|kind| format!("{kind} withheld"));
    assert_eq!(
        said,
        BTreeSet::from(withheld).into_iter().collect::<Vec<_>>()
    );
    assert_eq!(states, ["- test_a.py::test_a", "+ test_a.py::test_b"]);
    let (said, _) = row(
        &[("test_a.py", UNSEEN)],
        &["-n", "1", "--max-worker-restart=0"],
    );
    assert!(said.contains(&"must-fail nothing".to_owned()), "{said:?}");
}

#[test]
fn examples_in_documentation_are_not_reached_by_controls() {
    for arguments in [
        &["--doctest-modules"][..],
        &["--doctest-modules", "-n", "1"],
    ] {
        let files = &[("test_a.py", "'''\n>>> 1\n1\n'''\ndef test_a(): pass\n")];
        let (_, run) = Suite {
            files,
            arguments,
            ..PYTEST
        }
        .run();
        assert_eq!(
            (complaints(&run), run.attainable),
            (Vec::new(), Assurance::Reported),
            "{run:?}"
        );
    }
}
