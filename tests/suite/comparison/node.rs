//! node:test: tests in files of their own.

use passmuster_tests::{Repository, TestEnv};

use super::{Row, check};

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
