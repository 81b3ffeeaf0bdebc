//! The report of a whole run that jest writes as JSON, and that our reporter makes vitest write in the same shape.
//!
//! It is written when all is over: a process that ends in the middle of a test leaves none.

use std::path::{Path, PathBuf};

use passmuster_policy::path::RepoPath;
use passmuster_policy::run::{BrokenUnit, Outcome};
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};
use serde::Deserialize;
use serde_json::Value;

use super::draft::{Draft, SUCCESS, head};
use super::{
    PhaseEnd, ids, js_stack,
    reports::{Reports, Unreadable},
};

/// The report's name in the report directory.
pub(super) const REPORT: &str = "report.json";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Report {
    success: Option<bool>,
    was_interrupted: bool,
    num_total_tests: Option<u64>,
    test_results: Vec<File>,
    errors: Vec<Account>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    name: String,
    display_name: Option<String>,
    status: String,
    message: String,
    errors: Vec<Account>,
    assertion_results: Vec<Test>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Test {
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    note: Option<String>,
    location: Option<Location>,
    duration: Option<f64>,
    invocations: Option<u64>,
    /// Vitest's errors.
    errors: Vec<Account>,
    /// Jest's errors: texts with stacks, and what its matchers compared.
    failure_messages: Vec<String>,
    failure_details: Vec<Value>,
}

#[derive(Deserialize)]
struct Location {
    line: Option<u32>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Account {
    message: String,
    stack: Option<String>,
    expected: Option<String>,
    actual: Option<String>,
}

/// Reads what the run `named` so left.
pub(super) fn read(end: &PhaseEnd, tree: &Path, cwd: Option<&Path>, named: &str) -> Draft {
    let mut draft = Draft::default();
    draft.phase(end);
    match Reports::default().read(&end.reports.join(REPORT)) {
        Err(Unreadable::Missing) => return draft,
        Err(Unreadable::Refused(why)) => draft.contradiction(format!("{named}: {why}")),
        Ok(bytes) => match serde_json::from_slice(&well_formed(bytes)) {
            Err(error) => draft.incomplete(format!("{named}'s report is not whole JSON: {error}")),
            Ok(report) => {
                let cwd = cwd.unwrap_or(tree).to_owned();
                Reader {
                    draft: &mut draft,
                    tree,
                    cwd,
                    failed: 0,
                    named,
                }
                .report(report, end);
            }
        },
    }
    draft
}

struct Reader<'a> {
    draft: &'a mut Draft,
    tree: &'a Path,
    cwd: PathBuf,
    failed: usize,
    named: &'a str,
}

impl Reader<'_> {
    fn report(mut self, report: Report, end: &PhaseEnd) {
        let named = self.named;
        self.draft.reported();
        let listed: usize = report
            .test_results
            .iter()
            .map(|file| file.assertion_results.len())
            .sum();
        if let Some(counted) = report
            .num_total_tests
            .filter(|counted| *counted != listed as u64)
        {
            self.draft.contradiction(format!(
                "{named} counted {counted} tests and reported {listed}"
            ));
        }
        for file in report.test_results {
            self.file(file);
        }
        for error in &report.errors {
            self.outside(error);
        }
        if report.was_interrupted {
            self.draft.incomplete(format!("{named} was interrupted"));
        }
        let bad = self.failed > 0 || self.draft.has_broken();
        if bad && report.success == Some(true) {
            self.draft.contradiction(format!(
                "{named} reports failures and calls its run a success"
            ));
        }
        if !bad && end.outcome != SUCCESS {
            self.coverage(end);
        }
    }

    fn file(&mut self, file: File) {
        let path = ids::in_tree(self.tree, &self.cwd, &file.name);
        let before = self.failed;
        for test in &file.assertion_results {
            let unit = file.display_name.clone().unwrap_or_default();
            let result = self.test(test, unit, path.clone());
            self.failed += usize::from(result.status == TestStatus::Failed);
            self.draft.add(result);
        }
        let alone = file.status == "failed" && self.failed == before;
        if alone || !file.errors.is_empty() {
            self.broken(&file, path);
        }
    }

    fn test(&mut self, test: &Test, unit: String, file: Option<RepoPath>) -> TestResult {
        let names = test.ancestor_titles.iter().chain([&test.title]);
        let name = names.map(String::as_str).collect::<Vec<_>>().join(" > ");
        let attempts = test.invocations.unwrap_or(1);
        let (status, failure) = match test.status.as_str() {
            "passed" if attempts > 1 => {
                let message = format!("passed only at attempt {attempts}");
                (
                    TestStatus::Passed,
                    Some(Failure {
                        message,
                        ..Failure::default()
                    }),
                )
            }
            "passed" => (TestStatus::Passed, None),
            "failed" => (TestStatus::Failed, Some(self.failure(test, file.as_ref()))),
            // `pending` is jest's word for skipped.
            "skipped" | "pending" | "todo" | "disabled" => {
                let message = test.note.clone().unwrap_or_default();
                (
                    TestStatus::Skipped,
                    Some(Failure {
                        message,
                        ..Failure::default()
                    }),
                )
            }
            other => {
                let what = format!("{} reports {name} as {:?}", self.named, head(other, 40));
                self.draft.contradiction(what);
                (TestStatus::Failed, Some(Failure::default()))
            }
        };
        let millis = test
            .duration
            .filter(|m| m.is_finite() && *m >= 0.0)
            .map(|m| m as u64);
        TestResult {
            id: TestId {
                unit: ids::stable(&unit),
                file,
                name: ids::stable(&name),
                parameters: None,
                ordinal: 0,
            },
            status,
            selector: name,
            failure,
            millis,
        }
    }

    fn failure(&self, test: &Test, file: Option<&RepoPath>) -> Failure {
        let error = test
            .errors
            .first()
            .cloned()
            .or_else(|| jests(test))
            .unwrap_or_default();
        let stack = error.stack.unwrap_or_default();
        let defined = || Some((file?.clone(), test.location.as_ref()?.line?));
        let (file, line) = js_stack::place(&stack, self.tree, &self.cwd)
            .or_else(defined)
            .unzip();
        Failure {
            message: first_line(&error.message).to_owned(),
            file,
            line,
            expected: error.expected,
            actual: error.actual,
            detail: if stack.is_empty() {
                error.message
            } else {
                stack
            },
        }
    }

    /// A file that could not be loaded, or failed beside its tests.
    fn broken(&mut self, file: &File, path: Option<RepoPath>) {
        let error = file.errors.first();
        let text = error.map_or_else(|| plain(&file.message), |error| error.message.clone());
        let stack = error
            .and_then(|error| error.stack.clone())
            .unwrap_or_default();
        let said = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('●'));
        let telling = said
            .clone()
            .find(|line| line.contains("Error: "))
            .or_else(|| said.clone().next());
        let frame = js_stack::place(&stack, self.tree, &self.cwd)
            .filter(|(at, _)| Some(at) == path.as_ref());
        let line = frame
            .map(|(_, line)| line)
            .or_else(|| line_in(&text, &file.name));
        self.draft.broken(BrokenUnit {
            unit: path
                .as_ref()
                .map_or_else(|| file.name.clone(), ToString::to_string),
            file: path,
            line,
            message: head(
                telling.unwrap_or("the file failed beside its tests"),
                Failure::MESSAGE_CAP,
            )
            .to_owned(),
            more: Vec::new(),
        });
    }

    /// An error that belongs to no test and no file.
    fn outside(&mut self, error: &Account) {
        let stack = error.stack.as_deref().unwrap_or_default();
        let (file, line) = js_stack::place(stack, self.tree, &self.cwd).unzip();
        self.draft.broken(BrokenUnit {
            unit: format!("{} (outside of tests)", self.named),
            file,
            line,
            message: head(first_line(&error.message), Failure::MESSAGE_CAP).to_owned(),
            more: Vec::new(),
        });
    }

    /// All tests passed, and the command failed: a threshold of coverage is the reason that these runners know.
    fn coverage(&mut self, end: &PhaseEnd) {
        let text = [
            String::from_utf8_lossy(&end.stderr),
            String::from_utf8_lossy(&end.stdout),
        ]
        .concat();
        let text = plain(&text);
        let missed = |line: &&str| {
            line.contains("overage")
                && line.contains("threshold")
                && (line.contains("not met") || line.contains("does not meet"))
        };
        if let (Some(line), Outcome::Exited { .. }) = (text.lines().find(missed), &end.outcome) {
            self.draft.broken(BrokenUnit {
                unit: "coverage".to_owned(),
                file: None,
                line: None,
                message: head(line.trim(), Failure::MESSAGE_CAP).to_owned(),
                more: Vec::new(),
            });
        }
    }
}

/// Jest's first error: its text with the stack, and what a matcher compared.
fn jests(test: &Test) -> Option<Account> {
    let text = plain(test.failure_messages.first()?);
    let compared = test
        .failure_details
        .first()
        .and_then(|detail| detail.get("matcherResult"));
    let side = |name| match compared?.get(name)? {
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    };
    Some(Account {
        message: text.strip_prefix("Error: ").unwrap_or(&text).to_owned(),
        expected: side("expected"),
        actual: side("actual"),
        stack: Some(text),
    })
}

fn first_line(text: &str) -> &str {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim()
}

/// The line of a file that a text names: `name.js:7`, or `name.js: Text (7:1)`.
fn line_in(text: &str, file: &str) -> Option<u32> {
    let name = file.rsplit('/').next().filter(|name| !name.is_empty())?;
    text.lines().find_map(|line| {
        let rest = line.split_once(name)?.1.strip_prefix(':')?;
        let number = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        let inner = || rest.rsplit_once('(')?.1.split(':').next()?.parse().ok();
        number.parse().ok().or_else(inner)
    })
}

/// JSON in which half a surrogate pair, which JavaScript writes as it is, has become the replacement character.
fn well_formed(mut json: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(found) = json
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at += found;
        let halves = (escaped(&json, at), escaped(&json, at + ESCAPE));
        at += match halves {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * ESCAPE,
            (Some(0xd800..=0xdfff), _) => {
                json.splice(at..at + ESCAPE, *b"\\ufffd");
                ESCAPE
            }
            _ => 2,
        };
    }
    json
}

/// Length of `\u` and its four digits.
const ESCAPE: usize = 6;

/// The code unit of an escape that starts here.
fn escaped(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// A text without the escapes that colour it.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain
            + rest
                .strip_prefix(|c: char| c.is_ascii_alphabetic())
                .unwrap_or(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_nothing_else() {
        for (given, expected) in [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00\ud83d\ud83d\ude00""#, "\u{fffd}\u{fffd}😀"),
            (r#""\\ud83d \n\u00e9""#, "\\ud83d \né"),
        ] {
            let text: String = serde_json::from_slice(&well_formed(given.into())).unwrap();
            assert_eq!(text, expected);
        }
        for broken in [&b"\\"[..], b"\\u", b"\\ud8", b"\\ud83d\\"] {
            assert!(well_formed(broken.to_vec()).len() >= broken.len());
        }
    }

    #[test]
    fn a_texts_line_and_its_colours_are_told_from_the_rest() {
        assert_eq!(
            line_in("x\n  at (a.test.js:12:3)", "/t/a.test.js"),
            Some(12)
        );
        assert_eq!(
            line_in(
                "SyntaxError: /t/a.test.js: Missing semicolon. (7:4)",
                "/t/a.test.js"
            ),
            Some(7)
        );
        assert_eq!(line_in("b.test.js:1", "/t/a.test.js"), None);
        assert_eq!(line_in("a", ""), None);
        assert_eq!(plain("\u{1b}[31m\u{1b}[1mred\u{1b}[22m \u{1b}[0"), "red ");
    }
}
