//! The rows of the comparison, each with a real run: what the base's tests say of the candidate's code,
//! for pytest, cargo and node.

use passmuster_tests::{Repository, TestEnv};

/// One change of the base, and what must come of it.
struct Row {
    what: &'static str,
    change: fn(&Repository<'_>),
    exit: i32,
    /// Reason codes, then review codes.
    codes: &'static [&'static str],
    /// Lists of the verdict that are not empty, with the ends of their ids.
    tests: &'static [(&'static str, &'static [&'static str])],
    /// Whether the oracle ran, whether the probe ran.
    ran: (bool, bool),
}

const LISTS: [&str; 8] = [
    "regressed",
    "broken",
    "vanished",
    "silenced",
    "contract",
    "fixed",
    "added",
    "added_failing",
];

/// The one door: every row on the same base, which is measured once.
#[track_caller]
fn check(repo: &Repository<'_>, env: &TestEnv, rows: &[Row]) {
    for row in rows {
        repo.git(["checkout", "--quiet", "."]);
        repo.git(["clean", "--quiet", "--force", "-d"]);
        (row.change)(repo);
        let (finished, verdict) = env.verify(repo, ["--worktree"]).verdict();
        let what = format!("{}: {verdict}", row.what);
        assert_eq!(finished.code(), Some(row.exit), "{what}");
        assert_eq!(
            [verdict.reasons(), verdict.review()].concat(),
            row.codes,
            "{what}"
        );
        for list in LISTS {
            let expected = row.tests.iter().find(|(name, _)| *name == list);
            let ids = verdict.tests(list);
            let ends: Vec<&str> = expected.map_or(&[][..], |(_, ends)| ends).to_vec();
            assert_eq!(ids.len(), ends.len(), "{list} of {what}");
            for end in ends {
                assert!(
                    ids.iter().any(|id| id.ends_with(end)),
                    "{list} {end} of {what}"
                );
            }
        }
        let trees = &verdict.0["checks"][0]["trees"];
        let ran = |tree: &str| trees.as_array().unwrap().iter().any(|one| one == tree);
        assert_eq!((ran("oracle"), ran("probe")), row.ran, "{what}");
    }
}

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
         def half(n):\n    return n // 3\n",
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
    repo.commit("The base");
    repo
}

const TEST: &str = "tests/test_calc.py";

#[test]
fn every_row_of_the_comparison_holds_for_pytest() {
    let env = TestEnv::new();
    let repo = python_base(&env);
    check(&repo, &env, PYTHON);
}

const PYTHON: &[Row] = &[
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
            repo.edit("calc.py", "return a + b", "return a * b + 1");
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
        tests: &[("contract", &["test_add", "test_sum", "test_half"])],
        ran: (true, false),
    },
    Row {
        what: "a configuration that deselects what would fail",
        change: |repo| {
            repo.edit("calc.py", "return a + b", "return 0");
            repo.write(
                "pyproject.toml",
                "[tool.pytest.ini_options]\naddopts = \"-k 'not add and not sum'\"\n",
            );
        },
        exit: 4,
        codes: &["contract-removed", "harness-changed"],
        tests: &[("contract", &["test_add", "test_sum"])],
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
        tests: &[("contract", &["test_add", "test_sum"])],
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

const RUST_POLICY: &str = "version = 1\nextends = [\"rust\"]\n[sandbox]\ntoolchains = [\"rust\"]\n\
    [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"cargo-test\"\nrun = [\"cargo\", \"test\"]\n";

fn rust_base(env: &TestEnv) -> Repository<'_> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", RUST_POLICY);
    repo.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"2\"\n",
    );
    for (name, depends) in [("one", ""), ("two", "one = { path = \"../one\" }\n")] {
        repo.write(
            format!("{name}/Cargo.toml"),
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n{depends}"),
        );
    }
    repo.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n\n\
         [[package]]\nname = \"two\"\nversion = \"0.1.0\"\ndependencies = [\n \"one\",\n]\n",
    );
    repo.write(
        "one/src/lib.rs",
        "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\npub fn half(n: i32) -> i32 {\n    n / 3\n}\n\n\
         #[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n\n    \
         #[test]\n    fn halves() {\n        assert_eq!(half(4), 2);\n    }\n\n    mod deep {\n        #[test]\n        fn zero() {\n            \
         assert_eq!(super::add(0, 0), 0);\n        }\n    }\n}\n",
    );
    repo.write(
        "two/src/lib.rs",
        "pub fn twice(n: i32) -> i32 {\n    one::add(n, n)\n}\n\n#[cfg(all(test, not(feature = \"x\")))]\nmod tests {\n    \
         #[test]\n    fn doubles() {\n        assert_eq!(super::twice(2), 4);\n    }\n}\n",
    );
    repo.write(
        "two/tests/whole.rs",
        "#[test]\nfn whole() {\n    assert_eq!(two::twice(3), 6);\n}\n",
    );
    repo.commit("The base");
    repo
}

#[test]
fn every_row_of_the_comparison_holds_for_cargo() {
    let env = TestEnv::new();
    let repo = rust_base(&env);
    check(&repo, &env, RUST);
}

const RUST: &[Row] = &[
    Row {
        what: "product code of a file that holds tests",
        change: |repo| repo.edit("one/src/lib.rs", "    a + b\n", "    b + a\n"),
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (false, false),
    },
    Row {
        what: "a new test beside the old ones",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "    #[test]\n    fn halves",
                "    #[test]\n    fn adds_nothing() {\n        assert_eq!(add(1, 0), 1);\n    }\n\n    #[test]\n    fn halves",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[("added", &["tests::adds_nothing"])],
        ran: (false, true),
    },
    Row {
        what: "regressed, whatever the edited test says; a test of another crate too",
        change: |repo| {
            repo.edit("one/src/lib.rs", "    a + b\n", "    a - b\n");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(add(1, 2), 3)",
                "assert_eq!(add(1, 2), 0)",
            );
        },
        exit: 1,
        codes: &["tests-regressed"],
        tests: &[(
            "regressed",
            &["tests::adds", "tests::doubles", "whole::whole"],
        )],
        ran: (true, false),
    },
    Row {
        what: "a changed contract in the source itself",
        change: |repo| {
            repo.edit("one/src/lib.rs", "    n / 3\n", "    n * 2\n");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(half(4), 2)",
                "assert_eq!(half(4), 8)",
            );
        },
        exit: 4,
        codes: &["fixed-by-tests"],
        tests: &[("contract", &["tests::halves"])],
        ran: (true, false),
    },
    Row {
        what: "a broken test",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(add(1, 2), 3)",
                "assert_eq!(add(1, 2), 4)",
            )
        },
        exit: 1,
        codes: &["tests-broken"],
        tests: &[("broken", &["tests::adds"])],
        ran: (true, false),
    },
    Row {
        what: "a deleted test that would pass",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n\n",
                "",
            );
        },
        exit: 1,
        codes: &["tests-vanished"],
        tests: &[("vanished", &["tests::adds"])],
        ran: (true, false),
    },
    Row {
        what: "an ignored test",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "    #[test]\n    fn adds",
                "    #[test]\n    #[ignore]\n    fn adds",
            )
        },
        exit: 1,
        codes: &["tests-silenced"],
        tests: &[("silenced", &["tests::adds"])],
        ran: (true, false),
    },
    Row {
        what: "a fix",
        change: |repo| repo.edit("one/src/lib.rs", "    n / 3\n", "    n / 2\n"),
        exit: 0,
        codes: &[],
        tests: &[("fixed", &["tests::halves"])],
        ran: (false, false),
    },
    Row {
        what: "integers of another size, whose tests compile all the same",
        change: |repo| {
            repo.edit(
                "two/src/lib.rs",
                "pub fn twice(n: i32) -> i32 {\n    one::add(n, n)",
                "pub fn twice(n: i64) -> i64 {\n    n * 2",
            );
            repo.edit(
                "two/tests/whole.rs",
                "assert_eq!(two::twice(3), 6);",
                "let six: i64 = two::twice(3);\n    assert_eq!(six, 6);",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (true, false),
    },
    Row {
        what: "a wall in one crate stays there",
        change: |repo| {
            repo.edit(
                "two/src/lib.rs",
                "pub fn twice(n: i32) -> i32 {\n    one::add(n, n)",
                "pub fn double(n: i32) -> i32 {\n    one::add(n, n)",
            );
            repo.edit("two/src/lib.rs", "super::twice(2)", "super::double(2)");
            repo.edit("two/tests/whole.rs", "two::twice(3)", "two::double(3)");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(half(4), 2)",
                "assert_eq!(half(4), 1)",
            );
        },
        exit: 4,
        codes: &["fixed-by-tests", "oracle-uncompilable"],
        tests: &[(
            "contract",
            &["tests::halves", "tests::doubles", "whole::whole"],
        )],
        ran: (true, false),
    },
    Row {
        what: "a deleted source takes its tests along",
        change: |repo| {
            repo.remove("two/tests/whole.rs");
            repo.write("two/src/lib.rs", "");
        },
        exit: 4,
        codes: &["contract-removed"],
        tests: &[("contract", &["tests::doubles", "whole::whole"])],
        ran: (true, false),
    },
    Row {
        what: "targets whose tests are switched off",
        change: |repo| {
            repo.edit(
                "two/Cargo.toml",
                "[dependencies]",
                "[lib]\ntest = false\n[dependencies]",
            );
        },
        exit: 1,
        codes: &["tests-vanished", "harness-changed"],
        tests: &[("vanished", &["tests::doubles"])],
        ran: (true, false),
    },
];

fn node_base(env: &TestEnv) -> Repository<'_> {
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        "version = 1\nextends = [\"node\"]\n[sandbox]\ntoolchains = [\"node\"]\n\
         [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"node-test\"\nrun = [\"node\", \"--test\"]\n",
    );
    repo.write(
        "package.json",
        "{\"name\": \"calc\", \"type\": \"module\", \"scripts\": {\"test\": \"node --test\"}}\n",
    );
    repo.write(
        "calc.js",
        "export const add = (a, b) => a + b;\nexport const half = (n) => n / 3;\n",
    );
    repo.write(
        "test/calc.test.js",
        "import { test } from 'node:test';\nimport assert from 'node:assert';\nimport { add, half } from '../calc.js';\n\
         test('adds', () => assert.equal(add(1, 2), 3));\ntest('sums', () => assert.equal(add(2, 2), 4));\n\
         test('halves', () => assert.equal(half(4), 2));\n",
    );
    repo.commit("The base");
    repo
}

#[test]
fn every_row_of_the_comparison_holds_for_node() {
    let env = TestEnv::new();
    let repo = node_base(&env);
    check(&repo, &env, NODE);
}

const NODE_TEST: &str = "test/calc.test.js";

const NODE: &[Row] = &[
    Row {
        what: "another contract",
        change: |repo| {
            repo.edit("calc.js", "a + b", "a + b + 1");
            repo.edit(NODE_TEST, "add(1, 2), 3", "add(1, 2), 4");
            repo.edit(NODE_TEST, "add(2, 2), 4", "add(2, 2), 5");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["adds", "sums"])],
        ran: (true, false),
    },
    Row {
        what: "a broken test",
        change: |repo| repo.edit(NODE_TEST, "add(1, 2), 3", "add(1, 2), 4"),
        exit: 1,
        codes: &["tests-broken"],
        tests: &[("broken", &["adds"])],
        ran: (true, false),
    },
    Row {
        what: "a test that runs alone",
        change: |repo| {
            repo.edit("calc.js", "a + b", "a - b");
            repo.edit(
                NODE_TEST,
                "test('halves'",
                "test.skip('sums, later', () => {});\ntest.skip('halves'",
            );
            repo.edit(NODE_TEST, "test('adds'", "test.skip('adds'");
            repo.edit(NODE_TEST, "test('sums'", "test.skip('sums'");
        },
        exit: 1,
        codes: &["tests-silenced", "dropped-failing"],
        tests: &[("silenced", &["adds", "sums"]), ("contract", &["halves"])],
        ran: (true, false),
    },
    Row {
        what: "a fix with a new test",
        change: |repo| {
            repo.edit("calc.js", "n / 3", "n / 2");
            repo.write(
                "test/half.test.js",
                "import { test } from 'node:test';\nimport assert from 'node:assert';\nimport { half } from '../calc.js';\n\
                 test('halves six', () => assert.equal(half(6), 3));\n",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[("fixed", &["halves"]), ("added", &["halves six"])],
        ran: (false, true),
    },
    Row {
        what: "a test file that goes with what it tests",
        change: |repo| {
            repo.write("calc.js", "export const add = (a, b) => a + b;\n");
            repo.edit(NODE_TEST, "import { add, half }", "import { add }");
            repo.edit(
                NODE_TEST,
                "test('halves', () => assert.equal(half(4), 2));\n",
                "",
            );
        },
        exit: 4,
        codes: &["dropped-failing", "oracle-uncompilable"],
        tests: &[("contract", &["adds", "sums", "halves"])],
        ran: (true, false),
    },
];
