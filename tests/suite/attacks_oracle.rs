//! Changes that are bad and edit the tests that would say so, in ways that no rule about single files sees: the
//! oracle has to ask the base's tests, of the candidate's product code, and nothing else.

use passmuster_tests::{Repository, TestEnv};

mod rust;

const PYTEST: &str = "version = 1\nextends = [\"python\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
    framework = \"pytest\"\nrun = [\"python\", \"-m\", \"pytest\"]\n";
const NODE: &str = "version = 1\n[sandbox]\ntoolchains = [\"node\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
    framework = \"node-test\"\nrun = [\"node\", \"--test\", \"calc.js\", \"test/a.js\"]\n";
/// A repository, a change of it, and what must come of it.
struct Row {
    what: &'static str,
    base: &'static [(&'static str, &'static str)],
    /// Files with their new text, `-> ` and the target of a link, or nothing for a file that goes.
    change: &'static [(&'static str, &'static str)],
    code: i32,
    review: &'static [&'static str],
}

fn write(repo: &Repository<'_>, files: &[(&str, &str)]) {
    for (path, text) in files {
        match text.strip_prefix("-> ") {
            Some(target) => {
                let place = repo.root().join(path);
                // In place of what is there.
                let _ = std::fs::remove_file(&place);
                std::os::unix::fs::symlink(target, place).unwrap();
            }
            None if text.is_empty() => repo.remove(path),
            None => repo.write(path, text),
        }
    }
}

#[track_caller]
fn check(rows: &[Row]) {
    let env = TestEnv::new();
    for row in rows {
        let repo = env.empty_repo();
        write(&repo, row.base);
        repo.commit("The base");
        write(&repo, row.change);
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        assert_eq!(finished.code(), Some(row.code), "{}: {verdict}", row.what);
        assert_eq!(verdict.review(), row.review, "{}: {verdict}", row.what);
    }
}

const GOOD: &str = "def total(x):\n    return x + 1\n";
const TEST: &str = "import calc\ndef test_total():\n    assert calc.total(1) == 2\n";
const WEAK: &str = "import calc\ndef test_total():\n    assert calc.total(1) == 0\n";

#[test]
fn product_that_holds_tests_is_asked_as_the_candidate_has_it() {
    const CONFIG: (&str, &str) = (
        "pytest.ini",
        "[pytest]\naddopts = --doctest-modules\npython_files = *.py\n",
    );
    const POLICY: (&str, &str) = ("passmuster.toml", PYTEST);
    check(&[
        Row {
            what: "an example beside the code",
            base: &[
                POLICY,
                CONFIG,
                (
                    "calc.py",
                    "\"\"\"\n>>> 1\n1\n\"\"\"\ndef total(x):\n    return x + 1\n",
                ),
                ("tests/test_a.py", TEST),
            ],
            change: &[
                (
                    "calc.py",
                    "\"\"\"\n>>> 1\n1\n\"\"\"\ndef total(x):\n    return 0\n",
                ),
                ("tests/test_a.py", WEAK),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "an example that is edited with the code",
            base: &[
                POLICY,
                CONFIG,
                (
                    "calc.py",
                    "def total(x):\n    \"\"\"\n    >>> total(1)\n    2\n    \"\"\"\n    return x + 1\n",
                ),
            ],
            change: &[(
                "calc.py",
                "def total(x):\n    \"\"\"\n    >>> total(1)\n    0\n    \"\"\"\n    return 0\n",
            )],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "honest: the code beside an example",
            base: &[
                POLICY,
                CONFIG,
                (
                    "calc.py",
                    "def total(x):\n    \"\"\"\n    >>> total(1)\n    2\n    \"\"\"\n    return x + 1\n",
                ),
            ],
            change: &[(
                "calc.py",
                "def total(x):\n    \"\"\"Adds.\n\n    >>> total(1)\n    2\n    >>> total(2)\n    3\n    \"\"\"\n    return 1 + x\n",
            )],
            code: 0,
            review: &[],
        },
        Row {
            what: "a test that the change adds to the code",
            base: &[POLICY, CONFIG, ("calc.py", GOOD), ("tests/test_a.py", TEST)],
            change: &[
                (
                    "calc.py",
                    "def total(x):\n    return 0\ndef test_here():\n    pass\n",
                ),
                ("tests/test_a.py", WEAK),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "code that the command names beside its tests",
            base: &[
                ("passmuster.toml", NODE),
                (
                    "calc.js",
                    "exports.total = (x) => x + 1;\nif (require.main === module) require('node:test').test('here', () => {});\n",
                ),
                (
                    "test/a.js",
                    "const { test } = require('node:test');\nconst calc = require('../calc.js');\ntest('total', () => require('node:assert').equal(calc.total(1), 2));\n",
                ),
            ],
            change: &[
                (
                    "calc.js",
                    "exports.total = (x) => 0;\nif (require.main === module) require('node:test').test('here', () => {});\n",
                ),
                (
                    "test/a.js",
                    "const { test } = require('node:test');\nconst calc = require('../calc.js');\ntest('total', () => require('node:assert').equal(calc.total(1), 0));\n",
                ),
            ],
            code: 4,
            review: &["contract-changed"],
        },
    ]);
}

#[test]
fn a_helper_that_fails_for_the_first_who_loads_it_is_the_candidate_s_for_nobody_else() {
    const POLICY: (&str, &str) = ("passmuster.toml", PYTEST);
    check(&[Row {
        what: "a helper that does not load once, and asserts nothing any more",
        base: &[
            POLICY,
            (
                "calc.py",
                "def add(a, b):\n    return a + b\ndef half(n):\n    return n // 2\n",
            ),
            ("tests/__init__.py", "# Tests.\n"),
            (
                "tests/helpers.py",
                "from calc import add\ndef same(a, b):\n    assert a == b\n",
            ),
            // Nothing of the base stands behind it.
            ("tests/test_a.py", "from tests.helpers import same\n"),
            (
                "tests/test_b.py",
                "from tests.helpers import same\nimport calc\ndef test_half():\n    same(calc.half(4), 2)\n",
            ),
        ],
        change: &[
            (
                "calc.py",
                "import pathlib, sys\nHELPER = pathlib.Path(__file__).parent / 'tests' / 'helpers.py'\n\
                 def __getattr__(name):\n    \
                     if name != 'add':\n        \
                     raise AttributeError(name)\n    \
                     if 'a == b' in HELPER.read_text() and not hasattr(sys, 'seen'):\n        \
                         sys.seen = 1\n        raise AttributeError(name)\n    \
                     return lambda a, b: a + b\n\
                 def half(n):\n    return n\n",
            ),
            (
                "tests/helpers.py",
                "from calc import add\ndef same(a, b):\n    pass\n",
            ),
        ],
        code: 4,
        review: &["oracle-uncompilable", "special-casing"],
    }]);
}

#[test]
fn what_a_link_of_the_base_leads_to_is_what_it_is_under_the_link_s_name() {
    const POLICY: (&str, &str) = ("passmuster.toml", PYTEST);
    const BAD: (&str, &str) = ("calc.py", "def total(x):\n    return 0\n");
    check(&[
        Row {
            what: "a test",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("shared/cases.py", TEST),
                ("tests/other", "-"),
                ("tests/test_a.py", "-> ../shared/cases.py"),
            ],
            change: &[BAD, ("shared/cases.py", WEAK)],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "a directory of tests",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("qa/test_b.py", TEST),
                ("tests", "-> qa"),
            ],
            change: &[BAD, ("qa/test_b.py", WEAK)],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "harness",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                ("conf/common.py", "X = 1\n"),
                ("conftest.py", "-> conf/common.py"),
            ],
            change: &[
                BAD,
                (
                    "conf/common.py",
                    "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
                ),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "product, which stays the candidate's",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                ("tests/calc.py", "-> ../calc.py"),
            ],
            change: &[BAD, ("tests/test_a.py", WEAK)],
            code: 4,
            review: &["contract-changed"],
        },
    ]);
}

#[test]
fn what_a_linter_s_configuration_extends_is_the_base_s() {
    const LINT: &str = "version = 1\nextends = [\"python\"]\n[[check]]\nname = \"lint\"\nkind = \"lint\"\nreport = \"sarif\"\n\
        run = [\"ruff\", \"check\", \"--output-format=sarif\"]\n";
    let configurations: [&[(&str, &str)]; 4] = [
        &[("ruff.toml", "extend = \"conf/base.toml\"\n")],
        &[(
            "pyproject.toml",
            "[tool.ruff]\nextend = \"conf/base.toml\"\n",
        )],
        &[("ruff.toml", "-> conf/base.toml")],
        &[
            ("ruff.toml", "extend = \"conf/more.toml\"\n"),
            ("conf/more.toml", "extend = \"base.toml\"\n"),
        ],
    ];
    let env = TestEnv::new();
    for configuration in configurations {
        let repo = env.empty_repo();
        write(&repo, &[("passmuster.toml", LINT), ("a.py", "x = 1\n")]);
        write(&repo, &[("conf/base.toml", "[lint]\nselect = [\"F\"]\n")]);
        write(&repo, configuration);
        repo.commit("The base");
        repo.write("conf/base.toml", "[lint]\nselect = [\"W\"]\n");
        repo.write("a.py", "import os\nx = 1\n");
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["lint-new-findings"], "{verdict}");
    }
}

#[test]
fn a_test_file_that_patches_the_product_vouches_for_no_other_file() {
    const BASE: &[(&str, &str)] = &[
        ("passmuster.toml", PYTEST),
        ("calc.py", GOOD),
        ("tests/test_total.py", TEST),
        (
            "tests/test_other.py",
            "def test_other():\n    assert True\n",
        ),
    ];
    const BAD: (&str, &str) = ("calc.py", "def total(x):\n    return x\n");
    check(&[
        Row {
            what: "a new file, as it is loaded",
            base: BASE,
            change: &[
                BAD,
                (
                    "tests/test_new.py",
                    "import calc\ncalc.total = lambda x: x + 1\ndef test_new():\n    assert True\n",
                ),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "an edited file, in a test that runs before the others",
            base: BASE,
            change: &[
                BAD,
                (
                    "tests/test_other.py",
                    "def test_other():\n    import sys\n    sys.modules['calc'].total = lambda x: x + 1\n",
                ),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "a patch that a fixture keeps for all tests",
            base: BASE,
            change: &[
                BAD,
                (
                    "tests/test_other.py",
                    "import pytest\nfrom unittest import mock\n@pytest.fixture(scope='session', autouse=True)\ndef kept():\n    with mock.patch('calc.total', lambda x: x + 1):\n        yield\ndef test_other():\n    assert True\n",
                ),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "a link to what patches",
            base: BASE,
            change: &[
                BAD,
                (
                    "more.py",
                    "import calc\ncalc.total = lambda x: x + 1\ndef test_new():\n    assert True\n",
                ),
                ("tests/test_new.py", "-> ../more.py"),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "a new file that patches and takes it back, with product that keeps its word",
            base: BASE,
            change: &[
                ("calc.py", "def total(x):\n    return 1 + x\n"),
                (
                    "tests/test_new.py",
                    "import calc\ndef test_new():\n    known, calc.total = calc.total, None\n    calc.total = known\n    assert calc.total(2) == 3\n",
                ),
            ],
            code: 0,
            review: &[],
        },
    ]);
}

#[test]
fn what_a_runner_s_configuration_loads_beside_the_tests_is_reviewed() {
    const POLICY: (&str, &str) = ("passmuster.toml", PYTEST);
    const BAD: (&str, &str) = ("calc.py", "def total(x):\n    return 0\n");
    const NODE_TEST: (&str, &str) = (
        "test/a.js",
        "const { test } = require('node:test');\nconst calc = require('../calc.js');\ntest('total', () => require('node:assert').equal(calc.total(1), 2));\n",
    );
    const PLUGIN: (&str, &str) = ("helpers/plugin.py", "X = 1\n");
    const PASSES: (&str, &str) = (
        "helpers/plugin.py",
        "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
    );
    check(&[
        Row {
            what: "a plugin that a conftest names",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                (
                    "conftest.py",
                    "pytest_plugins = [\n    'helpers.plugin',\n]\n",
                ),
                PLUGIN,
            ],
            change: &[BAD, PASSES],
            code: 1,
            review: &["harness-changed"],
        },
        Row {
            what: "a plugin that a module of tests names",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                (
                    "tests/test_a.py",
                    "pytest_plugins = 'helpers.plugin'\nimport calc\ndef test_total():\n    assert calc.total(1) == 2\n",
                ),
                PLUGIN,
            ],
            change: &[BAD, PASSES],
            code: 1,
            review: &["harness-changed"],
        },
        Row {
            what: "a plugin that options name",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                ("pytest.ini", "[pytest]\naddopts = -q -p helpers.plugin\n"),
                PLUGIN,
            ],
            change: &[BAD, PASSES],
            code: 1,
            review: &["harness-changed"],
        },
        Row {
            what: "a plugin by a name that is found where pytest is told to look",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                ("pytest.ini", "[pytest]\npythonpath = . helpers\n"),
                (
                    "conftest.py",
                    "# it's ]\npytest_plugins: tuple = (\n    'plugin',  # \"\n)\n",
                ),
                PLUGIN,
            ],
            change: &[BAD, PASSES],
            code: 1,
            review: &["harness-changed"],
        },
        Row {
            what: "a plugin that the check's environment names",
            base: &[
                (
                    "passmuster.toml",
                    "version = 1\nextends = [\"python\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"pytest\"\n\
                     run = [\"python\", \"-m\", \"pytest\"]\nenv = { PYTEST_PLUGINS = \"helpers.plugin\" }\n",
                ),
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                PLUGIN,
            ],
            change: &[BAD, PASSES],
            code: 1,
            review: &["harness-changed"],
        },
        Row {
            what: "a script that the command has node load first",
            base: &[
                (
                    "passmuster.toml",
                    "version = 1\n[sandbox]\ntoolchains = [\"node\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
                     framework = \"node-test\"\nrun = [\"node\", \"--require\", \"./lib/setup\", \"--test\", \"test/a.js\"]\n",
                ),
                ("calc.js", "exports.total = (x) => x + 1;\n"),
                ("lib/setup.js", "exports.here = 1;\n"),
                NODE_TEST,
            ],
            change: &[
                ("calc.js", "exports.total = (x) => 0;\n"),
                ("lib/setup.js", "require('node:assert').equal = () => {};\n"),
            ],
            code: 1,
            review: &["harness-changed"],
        },
        Row {
            what: "honest: product beside such a script",
            base: &[
                (
                    "passmuster.toml",
                    "version = 1\n[sandbox]\ntoolchains = [\"node\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
                     framework = \"node-test\"\nrun = [\"node\", \"--require\", \"./lib/setup\", \"--test\", \"test/a.js\"]\n",
                ),
                ("calc.js", "exports.total = (x) => x + 1;\n"),
                ("lib/setup.js", "exports.here = 1;\n"),
                NODE_TEST,
            ],
            change: &[("calc.js", "exports.total = (x) => 1 + x;\n")],
            code: 0,
            review: &[],
        },
        Row {
            what: "honest: product beside such a plugin",
            base: &[
                POLICY,
                ("calc.py", GOOD),
                ("tests/test_a.py", TEST),
                ("conftest.py", "pytest_plugins = ['helpers.plugin']\n"),
                PLUGIN,
            ],
            change: &[("calc.py", "def total(x):\n    return 1 + x\n")],
            code: 0,
            review: &[],
        },
    ]);
}
