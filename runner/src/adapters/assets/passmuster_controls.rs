//! Libtest with controls: stands in the place of the crate `test` where tests of the workspace are compiled.
//!
//! The main function that rustc makes for `--test` calls `test::test_main_static`. Here it does what libtest's does and,
//! where the runner asks, says when the tests began and ended and then runs controls: in the same process, on the same
//! stream, after the last test and before the exit status is taken. The runner asks with two words, in a file that is gone
//! before the first test. The first is said when the tests begin; the second is nowhere to be read before they ended.
//! It decides the controls' names, and which of them fail and how.

#![feature(test)]

extern crate test as libtest;

use std::io::Write;

pub use libtest::*;

/// Names the file that the runner asks with; taken out of the environment before the first test.
const ASKED: &str = "PASSMUSTER_CONTROLS";

/// What rustc's main function calls.
pub fn test_main_static(tests: &[&TestDescAndFn]) {
    let owned: Vec<_> = tests.iter().filter_map(|test| owned(test)).collect();
    let like = tests.last().filter(|_| owned.len() == tests.len());
    let (Some((first, second)), Some(like)) = (asked(), like.map(|test| test.desc.clone())) else {
        return libtest::test_main_static(tests);
    };
    let arguments: Vec<String> = std::env::args().collect();
    say("began", &first);
    libtest::test_main_with_exit_callback(&arguments, owned, None, || {
        say("ended", &second);
        run(controls(&second, &like));
        say("answered", &second);
    });
}

fn asked() -> Option<(String, String)> {
    let path = std::env::var_os(ASKED)?;
    std::env::remove_var(ASKED);
    let text = std::fs::read_to_string(&path).ok()?;
    std::fs::remove_file(path).ok()?;
    let (first, second) = text.trim_end().split_once(' ')?;
    Some((first.to_owned(), second.to_owned()))
}

/// The tests that rustc collects are static.
fn owned(test: &TestDescAndFn) -> Option<TestDescAndFn> {
    let testfn = match test.testfn {
        StaticTestFn(function) => StaticTestFn(function),
        StaticBenchFn(function) => StaticBenchFn(function),
        _ => return None,
    };
    let desc = test.desc.clone();
    Some(TestDescAndFn { desc, testfn })
}

fn say(event: &str, word: &str) {
    let mut out = std::io::stdout();
    let line = format!("{{ \"type\": \"passmuster\", \"event\": \"{event}\", \"word\": \"{word}\" }}\n");
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// Two for each part of the word, called like a test of the binary's own, with a letter each, as parts may be equal. The
/// part's last digit says which of the two fails; the one before it, whether they panic.
fn controls(word: &str, like: &TestDesc) -> Vec<TestDescAndFn> {
    let mut controls = Vec::new();
    let mut letters = 'a'..='z';
    for part in word.split('-') {
        let mut digits = part.bytes().rev().map(|digit| char::from(digit).to_digit(16).unwrap_or(0));
        let first_fails = digits.next().unwrap_or(0) % 2 == 0;
        let panics = digits.next().unwrap_or(0) % 2 == 0;
        for (fails, letter) in [first_fails, !first_fails].into_iter().zip(&mut letters) {
            let name = format!("{}_{part}{letter}", like.name);
            controls.push(control(name, fails, panics, like));
        }
    }
    controls
}

fn control(name: String, fails: bool, panics: bool, like: &TestDesc) -> TestDescAndFn {
    // To panic is to fail, but where a panic is what is asked for.
    let should_panic = if panics && !fails { ShouldPanic::Yes } else { ShouldPanic::No };
    let desc = TestDesc { name: DynTestName(name), ignore: false, should_panic, ..like.clone() };
    let body = move || match (panics, fails) {
        (true, _) => panic!("this control panics"),
        (false, true) => Err("this control fails".to_owned()),
        (false, false) => Ok(()),
    };
    TestDescAndFn { desc, testfn: DynTestFn(Box::new(body)) }
}

/// By libtest, one after the other. Its words for the panics are of no use to anybody, and would cost backtraces.
fn run(controls: Vec<TestDescAndFn>) {
    std::panic::set_hook(Box::new(|_| ()));
    let arguments = ["controls", "--test-threads=1"].map(str::to_owned);
    if let Some(Ok(mut options)) = libtest::test::parse_opts(&arguments) {
        options.format = OutputFormat::Json;
        let _ = libtest::run_tests_console(&options, listed(controls));
    }
}

#[cfg(listed)]
fn listed(controls: Vec<TestDescAndFn>) -> TestList {
    TestList::new(controls, TestListOrder::Unsorted)
}

#[cfg(not(listed))]
fn listed(controls: Vec<TestDescAndFn>) -> Vec<TestDescAndFn> {
    controls
}
