//! What a launched test binary or rustdoc run says: its events and its exit status, which must agree.

use std::path::Path;

use passmuster_policy::run::{BrokenUnit, Outcome};
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};

use super::cargo_records::Record;
use super::draft::{Draft, SUCCESS, cut_off, head, words};
use super::libtest::{self, Ended, Events};
use super::libtest_controls::{Heard, OfUnit, Words};
use super::{PhaseEnd, ids, panics};

/// Reads the end of one binary or rustdoc run.
pub(super) struct Reading<'a> {
    /// Where the results go.
    pub(super) draft: &'a mut Draft,
    /// What was launched.
    pub(super) record: &'a Record,
    /// Root of the tree as the command saw it.
    pub(super) tree: &'a Path,
    /// The unit that the tests belong to.
    pub(super) unit: String,
    /// Whether the launch was rustdoc's.
    pub(super) doctests: bool,
}

impl Reading<'_> {
    /// A harness of the project's own: one test with the program's name for it and its exit status.
    pub(super) fn exit_status(&mut self, end: &PhaseEnd) {
        self.draft.phase(end);
        self.draft.beyond_controls();
        let passed = end.outcome == SUCCESS;
        let detail =
            || String::from_utf8_lossy(&[&end.stdout[..], &end.stderr[..]].concat()).into_owned();
        self.draft.add(TestResult {
            id: self.id("main"),
            status: if passed {
                TestStatus::Passed
            } else {
                TestStatus::Failed
            },
            selector: "main".to_owned(),
            failure: (!passed).then(|| Failure {
                message: format!("the harness ended with {}", words(&end.outcome)),
                detail: detail(),
                ..Failure::default()
            }),
            millis: Some(end.usage.wall_ms),
        });
    }

    /// A harness that is libtest, or rustdoc's; with the words that it was asked with.
    pub(super) fn libtest(&mut self, end: &PhaseEnd, asked: Option<&Words>) {
        let heard = Heard::of(&end.stdout, asked);
        let mut events = libtest::read(heard.tests);
        self.draft
            .phase_with_log(end, &[events.log.as_bytes(), &end.stderr]);
        self.agree(&events, end);
        if heard.breaks_off() && events.whole {
            let unit = &self.unit;
            self.draft.contradiction(format!(
                "{unit}: all tests are said to have ended, but its process ended before they did"
            ));
        }
        self.controls(&heard, &events, asked);
        for text in events.contradictions.drain(..) {
            self.draft.contradiction(format!("{}: {text}", self.unit));
        }
        // Doctests of one item are told apart by their order in the file.
        events
            .ended
            .sort_by_cached_key(|ended| doctest_line(&ended.name));
        for ended in events.ended {
            let result = self.result(ended);
            self.draft.add(result);
        }
        for name in events.running {
            self.draft
                .add(cut_off(self.id(&name), name, &words(&end.outcome)));
        }
    }

    /// A binary in which nothing passed has nothing to vouch for.
    fn controls(&mut self, heard: &Heard<'_>, events: &Events, asked: Option<&Words>) {
        if self.doctests && !events.ended.is_empty() {
            self.draft.beyond_controls();
        }
        let passed = |ended: &Ended| ended.status == TestStatus::Passed;
        if let Some(asked) = asked.filter(|_| events.ended.iter().any(passed)) {
            let mut unit = OfUnit::new();
            unit.add(heard.answers(asked));
            unit.note(&self.unit, self.draft);
        }
    }

    /// Events and exit status must say the same.
    fn agree(&mut self, events: &Events, end: &PhaseEnd) {
        let (unit, how) = (&self.unit, words(&end.outcome));
        if !events.started && self.doctests && end.outcome != SUCCESS {
            let stderr = String::from_utf8_lossy(&end.stderr);
            let error = stderr
                .lines()
                .find(|line| line.starts_with("error"))
                .unwrap_or(&how);
            let message = head(error, Failure::MESSAGE_CAP).to_owned();
            let unit = format!("{unit} (doctests)");
            self.draft.broken(BrokenUnit {
                unit,
                file: None,
                line: None,
                message,
                more: Vec::new(),
            });
        } else if !events.started {
            self.draft
                .incomplete(format!("{unit} reported no tests ({how})"));
        } else if !events.whole {
            self.draft
                .incomplete(format!("the tests of {unit} did not finish ({how})"));
        } else if events.failed != (end.outcome == Outcome::Exited { status: 101 })
            || (!events.failed && end.outcome != SUCCESS)
        {
            let said = if events.failed { "failed" } else { "ok" };
            self.draft.contradiction(format!(
                "{unit}: the suite says {said}, its process ended with {how}"
            ));
        }
        if end.stdout_truncated && !events.whole {
            self.draft.incomplete(format!(
                "the output of {unit} was longer than the output limit"
            ));
        }
    }

    fn id(&self, name: &str) -> TestId {
        let (file, name) = match name.split_once(" - ").filter(|_| self.doctests) {
            Some((file, item)) => (
                ids::in_tree(self.tree, &self.record.cwd, file),
                doctest_item(item),
            ),
            None => (None, name.to_owned()),
        };
        TestId {
            unit: self.unit.clone(),
            file,
            name: ids::stable(&name),
            parameters: None,
            ordinal: 0,
        }
    }

    fn result(&self, ended: Ended) -> TestResult {
        let id = self.id(&ended.name);
        let failure = (ended.status != TestStatus::Passed).then(|| {
            let package = self.record.variable("CARGO_MANIFEST_DIR").map(Path::new);
            let mut failure = panics::failure(self.tree, package, &ended.message, &ended.output);
            if self.doctests {
                failure.file.clone_from(&id.file);
                failure.line = doctest_line(&ended.name);
            }
            failure
        });
        TestResult {
            id,
            status: ended.status,
            selector: ended.name,
            failure,
            millis: ended
                .seconds
                .filter(|s| s.is_finite() && *s >= 0.0)
                .map(|s| (s * 1000.0) as u64),
        }
    }
}

/// `item (line 5) - compile fail` without the line; documentation of the file itself has no item.
fn doctest_item(item: &str) -> String {
    let (before, after) = item.split_once("(line ").unwrap_or((item, ""));
    let after = after
        .split_once(')')
        .map(|(_, after)| after)
        .unwrap_or_default();
    let before = before.trim_end();
    format!(
        "{}{after}",
        if before.is_empty() { "(file)" } else { before }
    )
}

fn doctest_line(name: &str) -> Option<u32> {
    name.rsplit_once("(line ")?
        .1
        .split(')')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doctests_of_one_item_are_counted_in_the_order_of_the_file() {
        let record = Record {
            kind: crate::adapters::cargo_records::Kind::Doctests,
            argv: Vec::new(),
            cwd: "/t".into(),
            env: Vec::new(),
            manifest: String::new(),
        };
        let mut stdout =
            "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 2 }\n".to_owned();
        for (line, end) in [(9, "ok"), (5, "failed")] {
            for event in ["started", end] {
                stdout += &format!(
                    "{{ \"type\": \"test\", \"event\": \"{event}\", \"name\": \"a.rs - f (line {line})\" }}\n"
                );
            }
        }
        let mut draft = Draft::default();
        let end = PhaseEnd {
            outcome: Outcome::Exited { status: 101 },
            stdout: stdout.into_bytes(),
            stderr: Vec::new(),
            stdout_truncated: false,
            leaked: 0,
            usage: passmuster_policy::run::Usage::default(),
            reports: "/none".into(),
        };
        let (tree, unit) = (Path::new("/t"), "u".to_owned());
        Reading {
            draft: &mut draft,
            record: &record,
            tree,
            unit,
            doctests: true,
        }
        .libtest(&end, None);
        let run = draft.finish();
        let found: Vec<_> = run
            .tests
            .iter()
            .map(|test| (test.id.to_string(), test.status))
            .collect();
        let expected = [
            ("u::a.rs::f".to_owned(), TestStatus::Failed),
            ("u::a.rs::f#2".to_owned(), TestStatus::Passed),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_doctest_is_named_by_its_item_without_the_line() {
        for (given, item, line) in [
            ("src/lib.rs - one::two (line 12)", "one::two", Some(12)),
            (
                "src/lib.rs - one (line 3) - compile fail",
                "one - compile fail",
                Some(3),
            ),
            ("src/lib.rs - (line 1)", "(file)", Some(1)),
        ] {
            let (_, name) = given.split_once(" - ").unwrap();
            assert_eq!(
                (doctest_item(name).as_str(), doctest_line(given)),
                (item, line)
            );
        }
    }
}
