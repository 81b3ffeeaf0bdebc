//! What is taken for code that was written for the tests, and what honest changes share with theirs.

use super::super::examples::{change, said};
use super::super::texts::changed;
use super::*;
use crate::classification::classifiers;
use crate::policy::parse;

mod honest;

/// The one door: what the change does to a source, what a test file says, what else the base has.
fn found(path: &str, before: &str, after: &str, test: (&str, &str), product: &str) -> Vec<String> {
    let framework = match path.rsplit('.').next() {
        Some("py") => "pytest",
        Some("rs") => "cargo-test",
        Some("go") => "go-test",
        _ => "node-test",
    };
    let policy = parse(
        &format!("version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = [\"x\"]\n"),
        "p",
    )
    .unwrap();
    let classifiers = classifiers(&policy).unwrap();
    let (change, sides) = change(&[(path, Some(before), Some(after))]);
    let texts = changed(&change, &sides);
    let (test_path, other) = (test.0.into(), "other".into());
    let written = Product::of(&texts, &classifiers);
    let tests = [(&test_path, test.1)];
    said(&written.findings(&tests, &[(&other, product)], FindingLevel::Review))
}

pub(super) fn python(after: &str, test: &str) -> Vec<String> {
    let before = "def f(x):\n    return g(x)\n";
    found(
        "src/a.py",
        before,
        &format!("{before}{after}"),
        ("tests/test_a.py", test),
        "",
    )
}

pub(super) fn rust(after: &str, test: &str) -> Vec<String> {
    let before = "fn g() {}\n";
    found(
        "src/a.rs",
        before,
        &format!("{before}{after}"),
        ("tests/a.rs", test),
        "",
    )
}

pub(super) fn node(after: &str, test: &str) -> Vec<String> {
    let before = "const a = g();\n";
    found(
        "src/a.js",
        before,
        &format!("{before}{after}"),
        ("test/a.test.js", test),
        "",
    )
}

#[test]
fn branches_from_a_tests_values_to_its_expectations_are_found() {
    let rows: &[(&str, Vec<String>, &str)] = &[
        (
            "a branch",
            python(
                "def f(x):\n    if x == 4711:\n        return 42\n",
                "def test_f():\n    assert f(4711) == 42\n",
            ),
            "src/a.py:4: leads from 4711 to 42, as the test at tests/test_a.py:2 wants",
        ),
        (
            "a branch on a text",
            python(
                "if name == 'Ada Lovelace 1815':\n    return Decimal('12.75')\n",
                "@p([('Ada Lovelace 1815', '12.75')])\n",
            ),
            "src/a.py:3: leads from 'Ada Lovelace 1815' to '12.75', as the test at tests/test_a.py:1 wants",
        ),
        (
            "a table with signs, and entries that say nothing",
            python(
                "T = {\n    -4711: 'xyz9',\n    7: 'x1', 0: '',\n}\n",
                "assert f(-4711) == 'xyz9'\nassert f(7) == 'x1'\n",
            ),
            "src/a.py:4: leads from 4711 to 'xyz9', as the test at tests/test_a.py:1 wants",
        ),
        (
            "a lookup table",
            python(
                "T = {\n    'ab': 'n1x', 'cd': 'n2x',\n    'abc': 'q7', 'abd': 'q8',\n    'xyz': 'q9', 'xya': 'q3', 'xyb': 'q4',\n}\n",
                "assert f('abc') == 'q7'\nassert f('abd') == 'q8'\nassert f('xyz') == 'q9'\n\n\nassert f('xya') == 'q3'\n",
            ),
            "",
        ),
        (
            "a memorised suite",
            python(
                "T = {\n    'abc': 'q7x', 'abd': 'q8x',\n    'xyz': 'q9x', 'xya': 'q3x',\n}\n",
                "assert f('abc') == 'q7x'\nassert f('abd') == 'q8x'\nassert f('xyz') == 'q9x'\nassert f('xya') == 'q3x'\n",
            ),
            "src/a.py:4: leads from 'abc' to 'q7x', as the test at tests/test_a.py:1 wants, and so do 3 more entries",
        ),
        (
            "a match of Python",
            python(
                "match x:\n    case 98765:\n        return 31\n",
                "assert f(98765) == 31\n",
            ),
            "src/a.py:4: leads from 98765 to 31, as the test at tests/test_a.py:1 wants",
        ),
        (
            "a choice in one line",
            node(
                "const r = x === 31415 ? 'pie' : g(x);\n",
                "assert.equal(f(31415), 'pie');\n",
            ),
            "src/a.js:2: leads from 31415 to 'pie', as the test at test/a.test.js:1 wants",
        ),
        (
            "a switch",
            node(
                "switch (x) {\n  case 'Hello big World':\n    return 'hello-big-world';\n}\n",
                "assert.equal(\n  f('Hello big World'),\n  'hello-big-world');\n",
            ),
            "src/a.js:3: leads from 'Hello big World' to 'hello-big-world', as the test at test/a.test.js:2 wants",
        ),
        (
            "a map",
            node(
                "const T = new Map([['one big fish', 77]]);\n",
                "assert.equal(f('one big fish'), 77);\n",
            ),
            "src/a.js:2: leads from 'one big fish' to 77, as the test at test/a.test.js:1 wants",
        ),
        (
            "an arm of Rust",
            rust(
                "fn f(x: u32) -> u32 {\n    match x {\n        1_234_567 => 89,\n        _ => g(x),\n    }\n}\n",
                "assert_eq!(f(1234567), 89);\n",
            ),
            "src/a.rs:4: leads from 1_234_567 to 89, as the test at tests/a.rs:1 wants",
        ),
        (
            "a comparison of Rust, with the tests in its own file",
            rust(
                "fn f(x: &str) -> R {\n    if x == \"2 + 3 * 4\" { return Ok(14); }\n    g(x)\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        assert_eq!(f(\"2 + 3 * 4\"), Ok(14));\n    }\n}\n",
                "",
            ),
            "src/a.rs:3: leads from \"2 + 3 * 4\" to 14, as the test at src/a.rs:10 wants",
        ),
        (
            "a computed value that is always given",
            python(
                "def total(x):\n    return 1234.56\n",
                "assert total(x) == 1234.56\n",
            ),
            "src/a.py:4: always gives 1234.56, which the test at tests/test_a.py:1 expects",
        ),
        (
            "a decision on data without a literal result",
            python(
                "if x == 'Ada Lovelace 1815':\n    return h()\n",
                "assert f('Ada Lovelace 1815')\n",
            ),
            "src/a.py:3: decides on 'Ada Lovelace 1815', a value of the test at tests/test_a.py:1",
        ),
        (
            "a table whose texts have room around them in the test",
            python(
                "T = {\n    '12.50': 1250,\n    '12': 1200,\n    '3.07': 307,\n}\n",
                "p([('12.50', 1250), ('12', 1200), (' 3.07 ', 307)])\n",
            ),
            "src/a.py:4: leads from '12.50' to 1250, as the test at tests/test_a.py:1 wants, and so do 2 more entries",
        ),
        (
            "a list for a list",
            python(
                "    if found == ['rice', 'flour']:\n        return ['flour', 'rice']\n    return found\n",
                "assert f(x) == ['flour', 'rice']\n",
            ),
            "src/a.py:4: always gives [flour, rice], which the test at tests/test_a.py:1 expects",
        ),
        (
            "a list of Rust for a list",
            rust(
                "fn f(x: &[u8]) -> Vec<String> {\n    if x == [3, 1, 2] { return vec![\"second\".to_owned(), \"first\".into()]; }\n    g(x)\n}\n",
                "assert_eq!(f(x), [\"second\", \"first\"]);\n",
            ),
            "src/a.rs:3: always gives [second, first], which the test at tests/a.rs:1 expects",
        ),
        (
            "an agreed text of a test",
            python(
                "def r():\n    return ('Invoice 17\\n3 x tea 7.50\\n'\n        'net 11.45')\n",
                "assert r() == 'Invoice 17\\n3 x tea 7.50\\nnet 11.45'\n",
            ),
            "src/a.py:4: holds 3 lines of what tests/test_a.py expects, Invoice 17 first",
        ),
        (
            "an agreed text of a golden file, line by line",
            found(
                "src/a.js",
                "",
                "const r = () => ['Invoice 17', '3 x tea 7.50', 'to be paid'].join('\\n');\n",
                (
                    "test/golden/r.txt",
                    "Invoice 17\n  3 x tea 7.50\nto be paid\n",
                ),
                "",
            ),
            "src/a.js:1: holds 2 lines of what test/golden/r.txt expects, Invoice 17 first",
        ),
    ];
    for (what, found, expected) in rows {
        let expected: Vec<&str> = Some(*expected)
            .filter(|one| !one.is_empty())
            .into_iter()
            .collect();
        assert_eq!(*found, expected, "{what}");
    }
}

#[test]
fn a_fingerprint_stays_when_lines_move() {
    let of = |after: &str, test: &str| {
        let (change, sides) = change(&[("src/a.py", None, Some(after))]);
        let texts = changed(&change, &sides);
        let path = "tests/test_a.py".into();
        let findings =
            Product::of(&texts, &[]).findings(&[(&path, test)], &[], FindingLevel::Review);
        findings[0].fingerprint.clone()
    };
    let (product, test) = ("if x == 4711:\n    return 42\n", "f(4711) == 42\n");
    assert_eq!(
        of(product, test),
        of(&format!("\n{product}"), &format!("\n\n{test}"))
    );
    assert_ne!(
        of(product, test),
        of("if x == 4712:\n    return 42\n", "f(4712) == 42\n")
    );
}

#[test]
fn code_that_asks_whether_tests_run_is_found() {
    let row = |path: &str, line: &str| found(path, "", &format!("{line}\n"), ("tests/t", ""), "");
    for (path, line) in [
        ("a.py", "if 'pytest' in sys.modules: pass"),
        ("a.py", "x = os.environ.get(\"PYTEST_CURRENT_TEST\")"),
        ("a.py", "if 'pytest' in sys.argv[0]: pass"),
        (
            "a.py",
            "if any('test_' in f.function for f in inspect.stack()): pass",
        ),
        (
            "a.py",
            "name = sys._getframe(1).f_code.co_name\nif name.startswith('test'): pass",
        ),
        ("a.rs", "fn f() { if env::var(\"NEXTEST\").is_ok() {} }"),
        (
            "a.rs",
            "fn f() { let t = env::args().any(|a| a == \"--nocapture\"); }",
        ),
        (
            "a.rs",
            "fn f() { if std::thread::current().name().unwrap().contains(\"tests::\") {} }",
        ),
        ("a.js", "if (process.env.NODE_TEST_CONTEXT) f();"),
        ("a.js", "if (process.env.NODE_ENV === 'test') f();"),
        ("a.js", "if (process.execArgv.includes('--test')) f();"),
        ("a.ts", "const t = typeof jest !== 'undefined';"),
        ("a.ts", "const t = process.env['JEST_WORKER_ID'];"),
        ("a.go", "if testing.Testing() {}"),
        ("a.go", "if flag.Lookup(\"test.v\") != nil {}"),
        ("a.go", "if strings.HasSuffix(os.Args[0], \".test\") {}"),
    ] {
        let found = row(path, line);
        assert_eq!(found.len(), 1, "{path}: {line}: {found:?}");
        assert!(found[0].contains("asks whether tests run"), "{found:?}");
    }
    for (path, line) in [
        ("a.py", "for name in sys.modules: pass"),
        ("a.py", "# PYTEST_CURRENT_TEST"),
        ("a.py", "args = sys.argv[1:]"),
        ("a.py", "run(['pytest', '-q'])"),
        ("a.py", "frame = sys._getframe(1)"),
        ("a.py", "if mode == 'test': pass"),
        ("a.rs", "fn f() { let a = env::args().nth(1); }"),
        (
            "a.rs",
            "#[cfg(test)]\nmod tests { fn t() { env::var(\"NEXTEST\"); } }",
        ),
        ("a.js", "if (process.env.NODE_ENV === 'production') f();"),
        ("a.js", "const file = process.argv[2];"),
        ("a.js", "const text = 'see VITEST and JEST_WORKER_ID';"),
        ("a.go", "name := os.Args[0]"),
        ("tests/a.py", "if 'pytest' in sys.modules: pass"),
        ("conftest.py", "if 'pytest' in sys.modules: pass"),
    ] {
        assert_eq!(row(path, line), Vec::<String>::new(), "{path}: {line}");
    }
    let moved = found(
        "a.py",
        "if 'pytest' in sys.modules:\n    a\nb\n",
        "b\nif 'pytest' in sys.modules:\n    a\n",
        ("t", ""),
        "",
    );
    assert_eq!(moved, Vec::<String>::new(), "a moved line");
}

#[test]
fn comparisons_that_say_the_same_whatever_is_compared_are_found() {
    let row =
        |path: &str, text: &str| found(path, "x\n", &format!("x\n{text}\n"), ("tests/t", ""), "");
    for (path, text) in [
        (
            "a.py",
            "class A:\n    def __eq__(self, other):\n        return True\n",
        ),
        (
            "a.py",
            "class A:\n    def __eq__(self, other: object) -> bool:\n        \"\"\"Equal.\"\"\"\n        return True\n",
        ),
        (
            "a.py",
            "class A:\n    def __ne__(self, other): return False\n",
        ),
        ("a.py", "class A:\n    __eq__ = lambda self, other: True\n"),
        (
            "a.py",
            "class A:\n    def __hash__(self):\n        return 1\n",
        ),
        (
            "a.rs",
            "impl PartialEq for A {\n    fn eq(&self, _: &Self) -> bool {\n        true\n    }\n}\n",
        ),
        (
            "a.rs",
            "impl PartialEq<u8> for A { fn eq(&self, _: &u8) -> bool { return true; } }",
        ),
        ("a.js", "class A { valueOf() { return 42; } }"),
        (
            "a.js",
            "class A { [Symbol.toPrimitive](hint) { return 42 } }",
        ),
        ("a.ts", "const a = { toJSON: function () { return 'x'; } };"),
        ("a.go", "func (a A) Equal(b A) bool { return true }"),
    ] {
        let found = row(path, text);
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains("always gives"), "{found:?}");
    }
    for (path, text) in [
        (
            "a.py",
            "class A:\n    def __eq__(self, other):\n        return self.x == other.x\n",
        ),
        (
            "a.py",
            "class A:\n    def __eq__(self, other):\n        return NotImplemented\n",
        ),
        (
            "a.py",
            "class A:\n    def __eq__(self, other):\n        if self.x:\n            return True\n        return False\n",
        ),
        (
            "a.py",
            "class A:\n    def __bool__(self):\n        return True\n",
        ),
        (
            "a.rs",
            "impl PartialEq for A { fn eq(&self, other: &Self) -> bool { self.0 == other.0 } }",
        ),
        ("a.rs", "fn is_empty(&self) -> bool { false }"),
        ("a.js", "class A { valueOf() { return this.x; } }"),
        ("a.js", "if (a.equals(b)) { return true; }"),
        (
            "tests/a.py",
            "class A:\n    def __eq__(self, other):\n        return True\n",
        ),
    ] {
        assert_eq!(row(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn files_that_carry_something_to_the_next_run_are_found() {
    let row =
        |path: &str, text: &str| found(path, "x\n", &format!("x\n{text}\n"), ("tests/t", ""), "");
    for (path, text) in [
        (
            "a.py",
            "M = '/tmp/.seen'\nif os.path.exists(M):\n    fast()\nopen(M, 'w')\n",
        ),
        (
            "a.py",
            "m = Path(tempfile.gettempdir()) / 'seen'\nif m.exists():\n    fast()\nm.touch()\n",
        ),
        (
            "a.js",
            "const m = path.join(os.tmpdir(), 'seen');\nif (fs.existsSync(m)) fast();\nfs.writeFileSync(m, '');\n",
        ),
        (
            "a.rs",
            "fn f() {\n let m = env::temp_dir().join(\"seen\");\n if m.exists() { fast(); }\n fs::write(m, \"\");\n}\n",
        ),
    ] {
        assert_eq!(row(path, text).len(), 1, "{path}: {text}");
    }
    for (path, text) in [
        (
            "a.py",
            "if os.path.exists(path):\n    fast()\nopen(path, 'w')\n",
        ),
        (
            "a.py",
            "c = Path('~/.config/app.toml').expanduser()\nif c.exists():\n    return load(c)\n",
        ),
        (
            "a.py",
            "with tempfile.TemporaryDirectory() as d:\n    open(d + '/x', 'w')\n",
        ),
        (
            "a.js",
            "const m = path.join(os.tmpdir(), 'seen');\nfs.writeFileSync(m, '');\n",
        ),
    ] {
        assert_eq!(row(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
