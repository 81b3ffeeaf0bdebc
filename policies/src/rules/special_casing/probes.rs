//! Product code that asks whether tests run.
//!
//! Rust's `cfg(test)` in product code is `harness-changed` already (`rust_tests::steering`); once is enough.

use super::super::source::Language;
use super::ProductFile;
use super::lines::{self, Line};

/// Variables that test runners set.
const VARIABLES: &[&str] = &[
    "PYTEST_CURRENT_TEST",
    "PYTEST_VERSION",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_TESTRUNUID",
    "RUST_TEST_THREADS",
    "RUST_TEST_NOCAPTURE",
    "RUST_TEST_SHUFFLE",
    "NEXTEST",
    "NEXTEST_RUN_ID",
    "NEXTEST_EXECUTION_MODE",
    "NEXTEST_TEST_NAME",
    "NODE_TEST_CONTEXT",
    "JEST_WORKER_ID",
    "VITEST",
    "VITEST_WORKER_ID",
    "VITEST_POOL_ID",
];

const PYTHON_RUNNERS: &[&str] = &["pytest", "_pytest", "unittest", "nose", "py.test"];

/// Lines around a question on which its object may stand.
const AROUND: usize = 2;

/// The lines of a file that ask, and what they ask.
pub(super) fn of(file: &ProductFile<'_>) -> Vec<(u32, String)> {
    let lines = lines::of(file);
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.is_new) {
        let near = lines
            .get(at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len()))
            .unwrap_or_default();
        if let Some(what) = question(file.language, line, near) {
            found.push((line.number, format!("asks whether tests run: {what}")));
        }
    }
    // A question of several lines is one.
    found.dedup_by(|(line, what), (before, same)| what == same && *line - *before <= AROUND as u32);
    found
}

fn question(language: Language, line: &Line<'_>, near: &[Line<'_>]) -> Option<&'static str> {
    if line.has_text(VARIABLES) || line.has_word(VARIABLES) {
        return Some("a variable that a test runner sets");
    }
    let part_near = |parts: &[&str]| near.iter().any(|one| one.has_part(parts));
    match language {
        Language::Python => python(line, near, &part_near),
        Language::JavaScript => javascript(line),
        Language::Rust => {
            let name = line.has_word(&["current"])
                && line.has_word(&["name"])
                && line.has_word(&["thread"]);
            let program =
                line.has_word(&["args", "args_os", "current_exe"]) && line.has_word(&["env"]);
            let about_tests = part_near(&["test", "--nocapture", "--exact", "/deps/"]);
            if name && about_tests {
                return Some("the name of the thread, which is a test's");
            }
            (program && about_tests).then_some("the program's name or arguments")
        }
        Language::Go => {
            let flags = line.has_word(&["flag"])
                && line.has_word(&["Lookup"])
                && line.has_part(&["\"test."]);
            let name = line.has_word(&["os"])
                && line.has_word(&["Args"])
                && part_near(&[".test", "-test."]);
            let told = line.has_word(&["testing"]) && line.has_word(&["Testing"]);
            (flags || name || told).then_some("whether this is a test's program")
        }
        _ => None,
    }
}

fn python(
    line: &Line<'_>,
    near: &[Line<'_>],
    part_near: &dyn Fn(&[&str]) -> bool,
) -> Option<&'static str> {
    let runner_near = near.iter().any(|one| one.has_text(PYTHON_RUNNERS));
    if line.has_word(&["modules"]) && runner_near {
        return Some("whether a test framework is loaded");
    }
    if line.has_word(&["argv"]) && (runner_near || part_near(&["pytest", "unittest"])) {
        return Some("the program's name or arguments");
    }
    let stack = line.has_word(&[
        "_getframe",
        "extract_stack",
        "currentframe",
        "getouterframes",
    ]) || line.has_word(&["inspect", "traceback"]) && line.has_word(&["stack"]);
    (stack && part_near(&["test"])).then_some("who calls, by the stack")
}

fn javascript(line: &Line<'_>) -> Option<&'static str> {
    if line.has_word(&["argv", "execArgv", "argv0"]) && line.has_part(&["test", "jest", "mocha"]) {
        return Some("the program's name or arguments");
    }
    if (line.has_word(&["NODE_ENV"]) || line.has_text(&["NODE_ENV"]))
        && line.has_text(&["test", "testing"])
    {
        return Some("whether the environment is that of tests");
    }
    let globals = line.has_word(&["typeof"])
        && line.has_word(&["jest", "vitest", "describe", "vi", "afterEach"]);
    let of_vitest = line.has_word(&["meta"]) && line.has_word(&["vitest"]);
    let stack = line.has_word(&["stack"]) && line.has_part(&["test", "jest"]);
    (globals || of_vitest || stack).then_some("whether a test framework is loaded")
}
