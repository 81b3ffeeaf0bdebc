//! Product code that reaches for its tests: it uses their framework, replaces what they assert and measure with,
//! reads their files, or looks for the answer where it is called from.

use super::super::source::{Kind, Language, Source};
use super::ProductFile;
use super::lines::{self, Line};

/// Frameworks of tests, by the name that Python imports.
const PYTHON_FRAMEWORKS: &[&str] = &["pytest", "_pytest", "unittest", "nose"];
/// The same by the text that JavaScript imports.
const JAVASCRIPT_FRAMEWORKS: &[&str] = &[
    "node:test",
    "vitest",
    "@jest/globals",
    "mocha",
    "ava",
    "tap",
];

/// What tests assert with: whatever is assigned to a part of it replaces it for all of them.
const ASSERTIONS: &[&str] = &["pytest", "_pytest", "unittest", "assert", "expect"];
/// Clocks, by their owner and their own name.
const CLOCKS: &[(&str, &str)] = &[
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "perf_counter"),
    ("time", "perf_counter_ns"),
    ("time", "monotonic"),
    ("time", "monotonic_ns"),
    ("time", "process_time"),
    ("time", "sleep"),
    ("Date", "now"),
    ("performance", "now"),
    ("process", "hrtime"),
];

/// What opens files.
const OPENS: &[&str] = &[
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "readFileSync",
    "readFile",
    "writeFileSync",
    "writeFile",
    "read_to_string",
    "include_str",
    "include_bytes",
    "ReadFile",
    "WriteFile",
];
/// Folders and files of tests, as a text has them.
const TEST_PARTS: &[&str] = &[
    "tests/",
    "test/",
    "__tests__",
    ".test.js",
    ".test.ts",
    ".spec.",
];
const TEST_FOLDERS: &[&str] = &["tests", "test", "testdata"];
/// What a path is put together with: such a word alone is as often the name of something else.
const PATHS: &[&str] = &[
    "Path", "PurePath", "parent", "parents", "join", "joinpath", "dirname", "__file__", "URL",
    "resolve",
];

/// The lines on which such code stands.
pub(super) fn of(file: &ProductFile<'_>) -> Vec<(u32, String)> {
    let lines = lines::of(file);
    let new = || lines.iter().filter(|line| line.is_new);
    let mut found: Vec<(u32, String)> = new()
        .filter_map(|line| Some((line.number, question(file, line)?)))
        .collect();
    if new().any(|line| line.has_word(OPENS)) {
        let named = new().find(|line| names_tests(line));
        let message = "opens files and names the tests' own";
        found.extend(named.map(|line| (line.number, message.to_owned())));
    }
    let replaced = replacements(&file.code);
    found.extend(replaced.filter(|(number, _)| {
        let is_new = |line: &&Line<'_>| line.is_new;
        lines
            .iter()
            .filter(is_new)
            .any(|line| line.number == *number)
    }));
    found
}

fn question(file: &ProductFile<'_>, line: &Line<'_>) -> Option<String> {
    let framework = match file.language {
        Language::Python => imported(line).filter(|_| !imports_already(file)),
        Language::JavaScript => (line.has_word(&["import", "require"])
            && line.has_text(JAVASCRIPT_FRAMEWORKS))
        .then_some("a test framework"),
        _ => None,
    };
    if let Some(name) = framework {
        return Some(format!("product code uses {name}"));
    }
    let looks = file.language == Language::Python && line.has_word(&["f_locals"]);
    looks.then(|| "looks into the variables of whoever calls".to_owned())
}

/// The framework that a line of Python imports.
fn imported<'a>(line: &Line<'a>) -> Option<&'a str> {
    let (first, rest) = line.words.split_first()?;
    let names = match *first {
        "import" => rest,
        "from" => rest.get(..1)?,
        _ => return None,
    };
    names
        .iter()
        .find(|name| PYTHON_FRAMEWORKS.contains(name))
        .copied()
}

/// Whether the file had to do with a framework before: a helper for tests that is no test.
fn imports_already(file: &ProductFile<'_>) -> bool {
    let before = file.text.before.unwrap_or_default();
    before.lines().any(|line| {
        let mut words = line.split_whitespace();
        let imports = matches!(words.next(), Some("import" | "from"));
        let name = words.next().and_then(|name| name.split('.').next());
        imports && name.is_some_and(|name| PYTHON_FRAMEWORKS.contains(&name))
    })
}

fn names_tests(line: &Line<'_>) -> bool {
    let python = |text: &&str| {
        let plain = text.trim_matches(['"', '\'']);
        plain.starts_with("test_") && plain.ends_with(".py")
    };
    line.has_text(TEST_FOLDERS) && line.has_word(PATHS)
        || line.has_part(TEST_PARTS)
        || line.texts.iter().any(python)
}

/// Assignments to parts of an assertion library or to a clock.
fn replacements<'a>(code: &'a Source<'_>) -> impl Iterator<Item = (u32, String)> + 'a {
    (1..code.tokens.len())
        .filter(|at| assigns(code, *at))
        .filter_map(|at| {
            let path = path_before(code, at);
            let (root, last) = (*path.first()?, *path.last()?);
            let clock = CLOCKS.contains(&(root, last));
            let replaced = path.len() > 1 && (clock || ASSERTIONS.contains(&root));
            let name = path.join(".");
            let what = if clock {
                "a clock"
            } else {
                "what tests assert with"
            };
            replaced.then(|| {
                (
                    code.line(at),
                    format!("replaces {what}: `{}`", super::quoted(&name)),
                )
            })
        })
}

/// A single `=`.
fn assigns(code: &Source<'_>, at: usize) -> bool {
    let other = [
        "=", "!", "<", ">", "+", "-", "*", "/", "|", "&", "^", "%", ":",
    ];
    code.at(at) == "="
        && code.at(at + 1) != "="
        && code.at(at + 1) != ">"
        && !other.contains(&code.at(at - 1))
}

/// The dotted name that ends before a token.
fn path_before<'a>(code: &Source<'a>, end: usize) -> Vec<&'a str> {
    let mut path = Vec::new();
    let mut at = end;
    while at >= 1 && code.kind(at - 1) == Some(Kind::Word) {
        path.push(code.at(at - 1));
        if at < 3 || code.at(at - 2) != "." {
            break;
        }
        at -= 2;
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::super::tests::{node, python, rust};

    #[test]
    fn code_that_reaches_for_its_tests_is_found() {
        let rows: &[(&str, Vec<String>, &str)] = &[
            (
                "a framework",
                python("import _pytest.reports\n", ""),
                "product code uses _pytest",
            ),
            (
                "a part of one",
                python("from unittest import SkipTest\n", ""),
                "product code uses unittest",
            ),
            (
                "node's",
                node("import { test } from 'node:test';\n", ""),
                "product code uses a test framework",
            ),
            (
                "an assertion",
                python("pytest.raises = anything\n", ""),
                "replaces what tests assert with: `pytest.raises`",
            ),
            (
                "a method",
                python("unittest.TestCase.run = run\n", ""),
                "replaces what tests assert with: `unittest.TestCase.run`",
            ),
            (
                "node's assertion",
                node("assert.throws = (run) => run();\n", ""),
                "replaces what tests assert with: `assert.throws`",
            ),
            (
                "a clock",
                python("time.perf_counter = lambda: 0.0\n", ""),
                "replaces a clock: `time.perf_counter`",
            ),
            (
                "node's clock",
                node("Date.now = () => 0;\n", ""),
                "replaces a clock: `Date.now`",
            ),
            (
                "the caller",
                python("    text = frame.f_locals\n", ""),
                "looks into the variables of whoever calls",
            ),
            (
                "a folder of tests",
                python(
                    "KNOWN = HERE.parent / 'tests' / 'a.txt'\nKNOWN.read_text()\n",
                    "",
                ),
                "opens files and names the tests' own",
            ),
            (
                "a file of tests",
                node("readFileSync(new URL('../test/a.test.js', here));\n", ""),
                "opens files and names the tests' own",
            ),
            (
                "compiled in",
                rust("const T: &str = include_str!(\"../tests/a.rs\");\n", ""),
                "opens files and names the tests' own",
            ),
        ];
        for (name, found, expected) in rows {
            let said = found.iter().any(|line| line.ends_with(expected));
            assert!(said, "{name}: {found:?}");
        }
    }

    #[test]
    fn code_that_only_looks_like_it_is_none() {
        let rows: &[(&str, Vec<String>)] = &[
            (
                "a clock that is read",
                python("start = time.perf_counter()\n", ""),
            ),
            (
                "an argument",
                python("f(time=time.perf_counter, now=1)\n", ""),
            ),
            ("a comparison", node("if (Date.now() === start) g();\n", "")),
            (
                "an attribute of one's own",
                python("    self.time = time.time()\n", ""),
            ),
            (
                "an assertion that is used",
                node(
                    "import assert from 'node:assert';\nassert.equal(a, b);\n",
                    "",
                ),
            ),
            ("a file", python("open('data/tests.csv')\n", "")),
            ("a word", python("KINDS = ['tests', 'docs']\n", "")),
            (
                "a name",
                python("open('README')\nextras = {'test': ['pytest']}\n", ""),
            ),
            ("a status", node("process.exitCode = 1;\n", "")),
            ("an arrow", node("const now = { assert: (a) => a };\n", "")),
        ];
        for (name, found) in rows {
            assert!(found.is_empty(), "{name}: {found:?}");
        }
    }
}
