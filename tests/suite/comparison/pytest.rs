//! pytest and unittest: tests in files of their own, a harness that loads by itself.

use passmuster_tests::{Repository, TestEnv};

use super::{Row, check};

/// A red base: `half` is wrong, and a test says so.
fn python_base(env: &TestEnv) -> Repository<'_> {
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        "version = 1\nextends = [\"python\"]\n[sandbox]\ntoolchains = [\"python\"]\n\
         [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"pytest\"\n\
         run = [\"python\", \"-m\", \"pytest\", \"-q\"]\n",
    );
    repo.write(
        "calc.py",
        "def add(a, b):\n    return a + b\n\ndef greet(name):\n    return 'Hello ' + name\n\n\
         def half(n):\n    return n // 3\n\ndef title(name):\n    return 'Dr ' + name\n",
    );
    repo.write("old.py", "def double(n):\n    return 2 * n\n");
    repo.write("tests/helpers.py", "def same(a, b):\n    assert a == b\n");
    repo.write("tests/__init__.py", "");
    repo.write(
        "tests/test_calc.py",
        "import calc\nfrom tests.helpers import same\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n\n\
         def test_greet():\n    assert calc.greet('Ann') == 'Hello Ann'\n\n\
         def test_half():\n    same(calc.half(4), 2)\n\ndef test_sum():\n    same(calc.add(2, 2), 4)\n",
    );
    repo.write(
        "tests/test_old.py",
        "import old\n\ndef test_double():\n    assert old.double(2) == 4\n",
    );
    repo.write(
        PARAMETERS,
        "import pathlib\nimport pytest\nimport calc\n\n\
         @pytest.mark.parametrize('n', [2, 3])\ndef test_same(n):\n    assert calc.add(n, 0) == n\n\n\
         @pytest.mark.parametrize('n', [7, 9])\ndef test_odd(n):\n    assert calc.add(n, 1) % 2 == 0\n\n\
         def test_snapshot():\n    path = pathlib.Path(__file__).parent / '__snapshots__' / 'greeting'\n    \
         assert calc.title('Bob') == path.read_text()\n",
    );
    repo.write("tests/__snapshots__/greeting", "Dr Bob");
    repo.commit("The base");
    repo
}

const TEST: &str = "tests/test_calc.py";
const PARAMETERS: &str = "tests/test_more.py";

#[test]
fn every_row_of_the_comparison_holds_for_pytest() {
    let env = TestEnv::new();
    let repo = python_base(&env);
    check(&repo, &env, PYTHON);
}

const PYTHON: &[Row] = &[
    Row {
        what: "a renamed test",
        change: |repo| repo.edit(TEST, "def test_add():", "def test_addition():"),
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (true, false),
    },
    Row {
        what: "a renamed test that expects another thing",
        change: |repo| {
            repo.edit("calc.py", "'Hello '", "'Hi '");
            repo.edit(TEST, "def test_greet():", "def test_greets():");
            repo.edit(TEST, "'Hello Ann'", "'Hi Ann'");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["test_greets"])],
        ran: (true, false),
    },
    Row {
        what: "other parameters, and one less",
        change: |repo| {
            repo.edit(PARAMETERS, "[2, 3]", "[2, 5]");
            repo.edit(PARAMETERS, "[7, 9]", "[7]");
        },
        exit: 1,
        codes: &["tests-vanished"],
        tests: &[("vanished", &["test_odd[9]"])],
        ran: (true, false),
    },
    Row {
        what: "a snapshot that the change writes anew",
        change: |repo| {
            repo.edit("calc.py", "'Dr '", "'Mr '");
            repo.write("tests/__snapshots__/greeting", "Mr Bob");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["test_snapshot"])],
        ran: (true, false),
    },
    Row {
        what: "a change of product code alone needs neither oracle nor probe",
        change: |repo| repo.edit("calc.py", "return a + b", "return b + a"),
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (false, false),
    },
    Row {
        what: "an edited test that still says the same",
        change: |repo| {
            repo.edit(
                TEST,
                "assert calc.add(1, 2) == 3",
                "assert 3 == calc.add(1, 2)",
            )
        },
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (true, false),
    },
    Row {
        what: "regressed, whatever the edited test says",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return a - b");
            repo.edit(TEST, "calc.add(1, 2) == 3", "calc.add(2, 2) == 3");
        },
        exit: 1,
        codes: &["tests-regressed"],
        tests: &[("regressed", &["test_add", "test_sum"])],
        ran: (true, false),
    },
    Row {
        what: "broken: the code is right, the edited test is not",
        change: |repo| repo.edit(TEST, "calc.add(1, 2) == 3", "calc.add(1, 2) == 4"),
        exit: 1,
        codes: &["tests-broken"],
        tests: &[("broken", &["test_add"])],
        ran: (true, false),
    },
    Row {
        what: "another contract, which a person must agree to",
        change: |repo| {
            repo.edit("calc.py", "'Hello '", "'Hi '");
            repo.edit(TEST, "'Hello Ann'", "'Hi Ann'");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["test_greet"])],
        ran: (true, false),
    },
    Row {
        what: "a deleted test that would pass has vanished",
        change: |repo| {
            repo.edit(
                TEST,
                "def test_add():\n    assert calc.add(1, 2) == 3\n",
                "",
            );
        },
        exit: 1,
        codes: &["tests-vanished"],
        tests: &[("vanished", &["test_add"])],
        ran: (true, false),
    },
    Row {
        what: "a function that goes with its test",
        change: |repo| {
            repo.edit(
                "calc.py",
                "def greet(name):\n    return 'Hello ' + name\n",
                "",
            );
            repo.edit(
                TEST,
                "def test_greet():\n    assert calc.greet('Ann') == 'Hello Ann'\n",
                "",
            );
        },
        exit: 4,
        codes: &["contract-removed"],
        tests: &[("contract", &["test_greet"])],
        ran: (true, false),
    },
    Row {
        what: "a module that goes with its test file",
        change: |repo| {
            repo.remove("old.py");
            repo.remove("tests/test_old.py");
        },
        exit: 4,
        codes: &["contract-removed"],
        tests: &[("contract", &["test_double"])],
        ran: (true, false),
    },
    Row {
        what: "a test file that goes alone",
        change: |repo| repo.remove("tests/test_old.py"),
        exit: 1,
        codes: &["tests-vanished"],
        tests: &[("vanished", &["test_double"])],
        ran: (true, false),
    },
    Row {
        what: "a skipped test is silenced",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return a - b");
            repo.edit(
                TEST,
                "def test_add():\n",
                "def test_add():\n    import pytest; pytest.skip('later')\n",
            );
            repo.edit(TEST, "same(calc.add(2, 2), 4)", "same(calc.add(2, 2), 0)");
        },
        exit: 1,
        codes: &["tests-silenced", "contract-changed"],
        tests: &[("silenced", &["test_add"]), ("contract", &["test_sum"])],
        ran: (true, false),
    },
    Row {
        what: "a fix",
        change: |repo| repo.edit("calc.py", "n // 3", "n // 2"),
        exit: 0,
        codes: &[],
        tests: &[("fixed", &["test_half"])],
        ran: (false, false),
    },
    Row {
        what: "a fix that is in the test",
        change: |repo| repo.edit(TEST, "same(calc.half(4), 2)", "same(calc.half(4), 1)"),
        exit: 4,
        codes: &["fixed-by-tests"],
        tests: &[("contract", &["test_half"])],
        ran: (true, false),
    },
    Row {
        what: "a failing test that is dropped",
        change: |repo| {
            repo.edit(TEST, "def test_half():\n    same(calc.half(4), 2)\n", "");
        },
        exit: 4,
        codes: &["dropped-failing"],
        tests: &[("contract", &["test_half"])],
        ran: (true, false),
    },
    Row {
        what: "a fix whose failing test is dropped",
        change: |repo| {
            repo.edit("calc.py", "n // 3", "n // 2");
            repo.edit(TEST, "def test_half():\n    same(calc.half(4), 2)\n", "");
        },
        exit: 4,
        codes: &["dropped-failing"],
        tests: &[("contract", &["test_half"])],
        ran: (true, false),
    },
    Row {
        what: "new tests in a file of their own run on the base, and nothing else twice",
        change: |repo| {
            repo.edit(
                "calc.py",
                "return a + b",
                "return a + b\n\ndef less(a, b):\n    return a - b",
            );
            repo.write(
                "tests/test_less.py",
                "import calc\n\ndef test_less():\n    assert calc.less(3, 1) == 2\n\ndef test_vain():\n    assert calc.add(0, 0) == 0\n",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[("added", &["test_less", "test_vain"])],
        ran: (false, true),
    },
    Row {
        what: "a new test that fails",
        change: |repo| repo.write("tests/test_new.py", "def test_new():\n    assert False\n"),
        exit: 1,
        codes: &["tests-added-failing"],
        tests: &[("added_failing", &["test_new"])],
        ran: (false, false),
    },
    Row {
        what: "a helper that asserts nothing any more",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return a + b + (a == b)");
            repo.edit("tests/helpers.py", "assert a == b", "pass");
        },
        exit: 4,
        codes: &["contract-changed", "fixed-by-tests"],
        tests: &[("contract", &["test_sum", "test_half"])],
        ran: (true, false),
    },
    Row {
        what: "a hook that turns failures into passes",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return 0");
            repo.write(
                "conftest.py",
                "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
            );
        },
        exit: 4,
        codes: &["contract-changed", "fixed-by-tests", "harness-changed"],
        tests: &[(
            "contract",
            &[
                "test_add",
                "test_sum",
                "test_half",
                "test_same[2]",
                "test_same[3]",
            ],
        )],
        ran: (true, false),
    },
    Row {
        what: "a configuration that deselects what would fail",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return a + b + (a == b)");
            repo.write(
                "pyproject.toml",
                "[tool.pytest.ini_options]\naddopts = \"-k 'not sum'\"\n",
            );
        },
        exit: 4,
        codes: &["contract-removed", "harness-changed"],
        tests: &[("contract", &["test_sum"])],
        ran: (true, false),
    },
    Row {
        what: "a configuration that deselects what would pass",
        change: |repo| repo.write("pytest.ini", "[pytest]\naddopts = -k 'not add'\n"),
        exit: 1,
        codes: &["tests-vanished", "harness-changed"],
        tests: &[("vanished", &["test_add"])],
        ran: (true, false),
    },
    Row {
        what: "a moved test file",
        change: |repo| {
            repo.write("tests/more/__init__.py", "");
            let text = std::fs::read(repo.root().join("tests/test_old.py")).unwrap();
            repo.remove("tests/test_old.py");
            repo.write("tests/more/test_old.py", text);
        },
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (true, false),
    },
    Row {
        what: "a wall: the base's tests do not load beside the renamed module; the other file counts",
        change: |repo| {
            let text = std::fs::read(repo.root().join("old.py")).unwrap();
            repo.remove("old.py");
            repo.write("new.py", text);
            repo.edit("tests/test_old.py", "import old\n", "import new as old\n");
            repo.edit("calc.py", "'Hello '", "'Hi '");
            repo.edit(TEST, "'Hello Ann'", "'Hi Ann'");
        },
        exit: 4,
        codes: &["contract-changed", "oracle-uncompilable"],
        tests: &[("contract", &["test_greet", "test_double"])],
        ran: (true, false),
    },
    Row {
        what: "a test module that shadows what the others import",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return 0");
            repo.write("tests/conftest_free.py", "");
            repo.write(
                "tests/helpers.py",
                "import calc\ncalc.add = lambda a, b: a + b\ndef same(a, b):\n    assert a == b\n",
            );
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[(
            "contract",
            &["test_add", "test_sum", "test_same[2]", "test_same[3]"],
        )],
        ran: (true, false),
    },
];

#[test]
fn a_new_test_proves_the_change_only_when_the_base_s_code_fails_it() {
    let env = TestEnv::new();
    let repo = python_base(&env);
    repo.edit(
        "calc.py",
        "return a + b",
        "return a + b\n\ndef less(a, b):\n    return a - b",
    );
    repo.write(
        "tests/test_less.py",
        "import calc\n\ndef test_less():\n    assert calc.less(3, 1) == 2\n\ndef test_vain():\n    assert calc.add(0, 0) == 0\n",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    assert_eq!(
        verdict.0["tests"]["proves"],
        serde_json::json!(["tests/test_less.py::test_less"]),
        "{verdict}"
    );
}

#[test]
fn a_new_test_that_comes_to_no_end_without_the_change_says_nothing() {
    let env = TestEnv::new();
    let repo = python_base(&env);
    repo.edit(
        "passmuster.toml",
        "kind = \"test\"",
        "kind = \"test\"\nlimits = { wall = \"4s\" }",
    );
    repo.edit("calc.py", "def add", "READY = False\n\ndef add");
    repo.commit("A limit");
    repo.edit("calc.py", "READY = False", "READY = True");
    repo.write(
        "tests/test_ready.py",
        "import time\nimport calc\n\ndef test_ready():\n    while not calc.READY:\n        time.sleep(1)\n",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    verdict.assert_tests("added", &["test_ready"]);
    assert_eq!(
        verdict.0["tests"]["proves"],
        serde_json::Value::Null,
        "{verdict}"
    );
}

#[test]
fn the_rows_that_unittest_sees_otherwise_hold_for_it() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        "version = 1\nextends = [\"python\"]\n[sandbox]\ntoolchains = [\"python\"]\n\
         [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"unittest\"\n\
         run = [\"python\", \"-m\", \"unittest\"]\n",
    );
    repo.write(
        "calc.py",
        "def add(a, b):\n    return a + b\n\ndef greet(name):\n    return 'Hello ' + name\n",
    );
    repo.write("tests/__init__.py", "");
    repo.write(
        UNITTEST,
        "import unittest\nimport calc\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        \
         self.assertEqual(calc.add(1, 2), 3)\n\n    def test_greet(self):\n        \
         self.assertEqual(calc.greet('Ann'), 'Hello Ann')\n",
    );
    repo.commit("The base");
    check(&repo, &env, UNITTEST_ROWS);
}

const UNITTEST: &str = "tests/test_calc.py";

const UNITTEST_ROWS: &[Row] = &[
    Row {
        what: "another contract",
        change: |repo| {
            repo.edit("calc.py", "'Hello '", "'Hi '");
            repo.edit(UNITTEST, "'Hello Ann'", "'Hi Ann'");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["test_greet"])],
        ran: (true, false),
    },
    Row {
        what: "a test that cannot load beside the changed code",
        change: |repo| {
            let text = std::fs::read(repo.root().join("calc.py")).unwrap();
            repo.remove("calc.py");
            repo.write("sums.py", text);
            repo.edit(UNITTEST, "import calc", "import sums as calc");
        },
        exit: 4,
        codes: &["oracle-uncompilable"],
        tests: &[("contract", &["test_add", "test_greet"])],
        ran: (true, false),
    },
    Row {
        what: "a renamed test and a new one",
        change: |repo| {
            repo.edit(UNITTEST, "test_add(self)", "test_addition(self)");
            repo.write(
                "tests/test_more.py",
                "import unittest\nimport calc\n\nclass More(unittest.TestCase):\n    def test_zero(self):\n        \
                 self.assertEqual(calc.add(0, 0), 0)\n",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[("added", &["test_zero"])],
        ran: (true, true),
    },
];

#[test]
fn a_wall_around_all_that_the_change_edits_says_nothing_of_the_tests_behind_no_wall() {
    let env = TestEnv::new();
    let repo = python_base(&env);
    // Others name the file that will not load, so that all tests take part.
    repo.write(
        "tests/test_more.py",
        "import calc\nimport tests.test_old\n\ndef test_more():\n    assert calc.add(2, 3) == 5\n",
    );
    repo.commit("More");
    let text = std::fs::read(repo.root().join("old.py")).unwrap();
    repo.remove("old.py");
    repo.write("new.py", text);
    repo.edit("tests/test_old.py", "import old\n", "import new as old\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(4);
    assert_eq!(verdict.review(), ["oracle-uncompilable"], "{verdict}");
    // The one that loads the file that does not load; the tests of `test_calc.py` are what they were.
    verdict.assert_tests("contract", &["test_double", "test_more"]);
    assert_eq!(verdict.count("maintained"), 3, "{verdict}");
}

#[test]
fn tests_that_load_a_weakened_helper_behind_a_wall_are_not_maintained() {
    let env = TestEnv::new();
    let repo = python_base(&env);
    repo.write("tools.py", "");
    repo.write(
        "tests/helpers.py",
        "import tools\n\ndef same(a, b):\n    assert a == b\n",
    );
    repo.commit("A helper that needs product code");
    repo.remove("tools.py");
    repo.write("tests/helpers.py", "def same(a, b):\n    pass\n");
    repo.edit("calc.py", "return a + b", "return a + b if a != b else 5");
    // Something is left to put back, so that there is an oracle tree beside the wall.
    repo.edit("tests/test_old.py", "assert old", "assert  old");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(4);
    assert_eq!(
        verdict.review(),
        ["fixed-by-tests", "oracle-uncompilable"],
        "{verdict}"
    );
    let all = ["test_half", "test_add", "test_greet", "test_sum"];
    verdict.assert_tests("contract", &all);
}
