//! Node product code that bends, forges or ends what the test run reports; and honest twins, under controls.

use passmuster_tests::{Repository, TestEnv, Verdict};

const POLICY: &str = "version = 1\n[sandbox]\ntoolchains = [\"node\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
    retries = 1\nframework = \"node-test\"\nrun = [\"node\", \"--test\", \"test/\"]\n";
const GOOD: &str = "exports.total = (x) => x + 1;\n";
const TESTS: &str = r#"
const { test, describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { total } = require('../calc.js');
test('one', () => assert.equal(total(1), 2));
describe('more', () => {
  it('two', () => assert.equal(total(2), 3));
  it('three (3)', async () => { assert.equal(total(3), 4); });
});
"#;

fn project<'e>(env: &'e TestEnv, policy: &str, base: &[(&str, &str)]) -> Repository<'e> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", policy);
    repo.write("package.json", "{ \"name\": \"calc\", \"version\": \"1.0.0\", \"scripts\": { \"test\": \"node --test test/\" } }");
    repo.write("calc.js", GOOD);
    repo.write("test/calc.test.js", TESTS);
    for (path, text) in base {
        repo.write(path, text);
    }
    repo.commit("The base");
    repo
}

fn verify(
    env: &TestEnv,
    policy: &str,
    base: &[(&str, &str)],
    change: &str,
) -> (Option<i32>, Verdict) {
    let repo = project(env, policy, base);
    repo.write("calc.js", change);
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    (finished.code(), verdict)
}

#[test]
fn a_change_that_forges_nodes_results_fails() {
    // What the runner's child says to it: a V8 value with a length before it.
    const FORGED: &str = r#"
const v8 = require('node:v8');
const { writeSync } = require('node:fs');
exports.total = () => {
  const file = process.argv[1];
  const say = (type, data) => {
    const serializer = new v8.Serializer();
    serializer.writeHeader();
    const header = serializer.releaseBuffer();
    const body = new v8.DefaultSerializer();
    body.writeHeader();
    body.writeValue({ type, data });
    const bytes = body.releaseBuffer();
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    writeSync(1, Buffer.concat([header, length, bytes]));
  };
  const one = (name, nesting) => {
    say('test:start', { name, nesting, file, line: 1, column: 1 });
    say('test:pass', { name, nesting, testNumber: 1, details: { duration_ms: 1 }, file, line: 1, column: 1 });
  };
  one('one', 0);
  say('test:start', { name: 'more', nesting: 0, file, line: 1, column: 1 });
  one('two', 1);
  one('three (3)', 1);
  say('test:pass', { name: 'more', nesting: 0, testNumber: 2, details: { duration_ms: 1, type: 'suite' }, file, line: 1, column: 1 });
  process.exit(0);
};
"#;
    let env = TestEnv::new();
    for (what, change, codes) in [
        (
            "assertions that hold, from loading on",
            "const assert = require('node:assert');\nfor (const a of [assert, assert.strict]) a.equal = a.strictEqual = () => {};\nexports.total = () => 0;\n",
            &["controls-violated"][..],
        ),
        (
            "assertions that hold, from the first call on",
            "const assert = require('node:assert');\nexports.total = () => { assert.strict.equal = () => {}; assert.equal = () => {}; return 0; };\n",
            &["controls-violated"],
        ),
        (
            "an end that looks well, in the first test",
            "exports.total = () => process.exit(0);\n",
            &["tests-vanished"],
        ),
        (
            "an end that looks well, as it is loaded",
            "process.exit(0);\n",
            &["tests-vanished"],
        ),
        (
            "what the runner expects to hear, and an end",
            FORGED,
            &["controls-violated"],
        ),
    ] {
        let (code, verdict) = verify(&env, POLICY, &[], change);
        assert_eq!(code, Some(1), "{what}: {verdict}");
        let reasons = verdict.reasons();
        assert!(
            codes
                .iter()
                .all(|code| reasons.iter().any(|one| one == code)),
            "{what}: {verdict}"
        );
    }
}

#[test]
fn an_honest_change_of_a_node_project_passes_under_controls() {
    let env = TestEnv::new();
    let npm = POLICY.replace("\"node\", \"--test\", \"test/\"", "\"npm\", \"test\"");
    const BETTER: &str = "exports.total = (x) => 1 + x;\n";
    for (what, policy, base, assurance) in [
        ("node's own runner", POLICY, &[][..], "controlled"),
        ("a script of npm's", &npm, &[], "controlled"),
        (
            "a server that a file leaves open until it ends",
            POLICY,
            &[(
                "test/server.test.js",
                "const { test, after } = require('node:test');\nconst server = require('node:http').createServer((_, r) => r.end('x')).listen(0, '127.0.0.1');\nafter(() => server.close());\ntest('answers', async () => { await fetch('http://127.0.0.1:' + server.address().port); });\n",
            )],
            "controlled",
        ),
        (
            "mocks, modules and hooks",
            POLICY,
            &[(
                "test/mock.test.mjs",
                "import { test, mock, beforeEach } from 'node:test';\nimport assert from 'node:assert';\nbeforeEach(() => {});\nconst now = mock.method(Date, 'now', () => 7);\ntest('now', () => assert.equal(Date.now(), 7));\n",
            )],
            "controlled",
        ),
        (
            "a file that only its own process can load",
            POLICY,
            &[(
                "test/argv.test.js",
                "const { test } = require('node:test');\nif (process.argv[1] !== __filename) throw new Error('not started by itself');\ntest('alone', () => {});\n",
            )],
            "reported",
        ),
    ] {
        let (code, verdict) = verify(&env, policy, base, BETTER);
        assert_eq!(code, Some(0), "{what}: {verdict}");
        assert_eq!(
            verdict.0["checks"][0]["assurance"], assurance,
            "{what}: {verdict}"
        );
    }
}

#[test]
fn a_new_file_of_tests_is_no_evidence_against_the_change_that_brings_it() {
    let env = TestEnv::new();
    for (what, text) in [
        (
            "a hook at the root that every test has to satisfy",
            "const { test, afterEach } = require('node:test');\nconst assert = require('node:assert');\nlet calls = 0;\nafterEach(() => { assert.equal(calls, 1); calls = 0; });\ntest('calls', () => { calls += 1; });\n",
        ),
        (
            "a file that ends its process by itself",
            "const { test, after } = require('node:test');\nafter(() => process.exit());\ntest('ends', () => {});\n",
        ),
        (
            "a file that looks at who started it",
            "const { test, before } = require('node:test');\nbefore(() => { if (process.argv[1] !== __filename) throw new Error('somebody else'); });\ntest('alone', () => {});\n",
        ),
    ] {
        let repo = project(&env, POLICY, &[]);
        repo.write("test/added.test.js", text);
        repo.write("calc.js", "exports.total = (x) => 1 + x;\n");
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        assert_eq!(finished.code(), Some(0), "{what}: {verdict}");
    }
}
