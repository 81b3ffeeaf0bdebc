//! Libtest's JSON events, on the standard output that the code under test can write to as well.
//!
//! What is not an event is log. Events must form whole suites: each test started once and ended once inside its suite, and
//! the counts of the suite's end must be those of its tests; all else is a contradiction. A suite without an end is incomplete.

use std::collections::BTreeMap;

use passmuster_policy::tests::TestStatus;
use serde::Deserialize;

/// What one program's output gives.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Tests with a final state, in the order of their ends.
    pub(super) ended: Vec<Ended>,
    /// Tests that started and did not end, in the order of their names.
    pub(super) running: Vec<String>,
    /// One sentence for each event that cannot be true.
    pub(super) contradictions: Vec<String>,
    /// Whether there was any suite.
    pub(super) started: bool,
    /// Whether every suite that started ended.
    pub(super) whole: bool,
    /// Whether some suite ended with a failure.
    pub(super) failed: bool,
    /// Output that is no event.
    pub(super) log: String,
}

/// A test's end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    /// The name as libtest writes it.
    pub(super) name: String,
    /// Its final state.
    pub(super) status: TestStatus,
    /// Captured output, or the reason of an ignored test.
    pub(super) output: String,
    /// Why it failed, where libtest says more than that it did.
    pub(super) message: String,
    /// Wall time in seconds.
    pub(super) seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Event {
    Suite(Suite),
    Test(Test),
    Bench {
        name: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Suite {
    event: String,
    #[serde(default)]
    test_count: u64,
    #[serde(default)]
    passed: u64,
    #[serde(default)]
    failed: u64,
    #[serde(default)]
    ignored: u64,
    #[serde(default)]
    measured: u64,
}

#[derive(Deserialize)]
struct Test {
    event: String,
    name: String,
    #[serde(default)]
    stdout: String,
    message: Option<String>,
    reason: Option<String>,
    exec_time: Option<f64>,
}

/// What the tests of the suite that runs are known to have done.
#[derive(Default)]
struct Current {
    announced: u64,
    /// Started tests; true once ended.
    tests: BTreeMap<String, bool>,
    passed: u64,
    failed: u64,
    ignored: u64,
    measured: u64,
}

/// Reads a program's whole standard output.
pub(super) fn read(stdout: &[u8]) -> Events {
    let mut reader = Reader::default();
    for line in String::from_utf8_lossy(stdout).lines() {
        reader.line(line);
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    events: Events,
    current: Option<Current>,
}

impl Reader {
    /// Output without a line end may stand before an event on its line, or after it.
    fn line(&mut self, line: &str) {
        let at = line.rfind("{ \"type\": \"").unwrap_or(line.len());
        let (before, rest) = line.split_at(at);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let event = values.next().and_then(Result::ok);
        let after = match event.is_some() {
            true => rest.get(values.byte_offset()..).unwrap_or_default(),
            false => rest,
        };
        if event.is_none() || !(before.is_empty() && after.is_empty()) {
            self.events.log.extend([before, after, "\n"]);
        }
        if let Some(event) = event {
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Suite(suite) if suite.event == "started" => self.suite_started(suite.test_count),
            Event::Suite(suite) => self.suite_ended(&suite),
            Event::Test(test) => self.test(test),
            Event::Bench { name } => self.ended(Test::plain(name), TestStatus::Passed, true),
            Event::Other => {}
        }
    }

    fn suite_started(&mut self, announced: u64) {
        if self.current.is_some() {
            self.contradiction("a suite starts before the one before it has ended".to_owned());
            return;
        }
        self.events.started = true;
        self.current = Some(Current {
            announced,
            ..Current::default()
        });
    }

    fn suite_ended(&mut self, suite: &Suite) {
        let Some(current) = self.current.take() else {
            self.contradiction("a suite ends that did not start".to_owned());
            return;
        };
        self.events.failed |= suite.event != "ok";
        let counted = [
            current.passed,
            current.failed,
            current.ignored,
            current.measured,
        ];
        let said = [suite.passed, suite.failed, suite.ignored, suite.measured];
        if counted != said {
            self.contradiction(format!(
                "the suite says {said:?} tests passed, failed, were ignored and measured, its events say {counted:?}"
            ));
        }
        let total: u64 = counted.iter().sum();
        if total != current.announced {
            let announced = current.announced;
            self.contradiction(format!(
                "the suite announced {announced} tests and ended {total}"
            ));
        }
        if (suite.event == "ok") != (current.failed == 0) {
            let (event, failed) = (&suite.event, current.failed);
            self.contradiction(format!(
                "the suite ended with {event:?} and {failed} failed tests"
            ));
        }
        self.leave(current);
    }

    fn leave(&mut self, current: Current) {
        let running = current.tests.into_iter().filter(|(_, ended)| !ended);
        self.events.running.extend(running.map(|(name, _)| name));
    }

    fn test(&mut self, test: Test) {
        match test.event.as_str() {
            "started" => self.test_started(test.name),
            "ok" => self.ended(test, TestStatus::Passed, false),
            "failed" => self.ended(test, TestStatus::Failed, false),
            "ignored" => self.ended(test, TestStatus::Skipped, false),
            // "timeout" only says that a test has been running for a minute.
            _ => {}
        }
    }

    fn test_started(&mut self, name: String) {
        let Some(current) = &mut self.current else {
            return self.contradiction(format!("{name} starts outside of a suite"));
        };
        if current.tests.insert(name.clone(), false).is_some() {
            self.contradiction(format!("{name} starts twice"));
        }
    }

    fn ended(&mut self, test: Test, status: TestStatus, measured: bool) {
        let name = test.name.clone();
        let Some(current) = &mut self.current else {
            return self.contradiction(format!("{name} ends outside of a suite"));
        };
        match current
            .tests
            .get_mut(&name)
            .map(|ended| std::mem::replace(ended, true))
        {
            Some(false) => current.count(status, measured),
            Some(true) => {
                self.worsen(&name, status);
                return self.contradiction(format!("{name} has two final states"));
            }
            None => return self.contradiction(format!("{name} ends but never started")),
        }
        self.events.ended.push(Ended {
            name,
            status,
            output: test.stdout,
            message: test.message.or(test.reason).unwrap_or_default(),
            seconds: test.exec_time,
        });
    }

    /// The worse of two final states is the one that is kept.
    fn worsen(&mut self, name: &str, status: TestStatus) {
        let known = self
            .events
            .ended
            .iter_mut()
            .rev()
            .find(|ended| ended.name == name);
        if let Some(known) = known.filter(|_| status == TestStatus::Failed) {
            known.status = status;
        }
    }

    fn contradiction(&mut self, text: String) {
        self.events.contradictions.push(text);
    }

    fn end(mut self) -> Events {
        self.events.whole = self.current.is_none();
        if let Some(current) = self.current.take() {
            self.leave(current);
        }
        self.events
    }
}

impl Current {
    fn count(&mut self, status: TestStatus, measured: bool) {
        let counter = match (measured, status) {
            (true, _) => &mut self.measured,
            (false, TestStatus::Passed) => &mut self.passed,
            (false, TestStatus::Failed) => &mut self.failed,
            (false, TestStatus::Skipped) => &mut self.ignored,
        };
        *counter += 1;
    }
}

impl Test {
    fn plain(name: String) -> Self {
        Self {
            event: String::new(),
            name,
            stdout: String::new(),
            message: None,
            reason: None,
            exec_time: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{ "type": "suite", "event": "started", "test_count": 1 }"#;
    const STARTED: &str = r#"{ "type": "test", "event": "started", "name": "a" }"#;
    const OK: &str = r#"{ "type": "test", "event": "ok", "name": "a" }"#;
    const FAILED: &str = r#"{ "type": "test", "event": "failed", "name": "a", "stdout": "" }"#;
    const END_OK: &str = r#"{ "type": "suite", "event": "ok", "passed": 1, "failed": 0, "ignored": 0, "measured": 0 }"#;
    const END_FAILED: &str = r#"{ "type": "suite", "event": "failed", "passed": 0, "failed": 1, "ignored": 0, "measured": 0 }"#;

    fn events(lines: &[&str]) -> Events {
        read(lines.join("\n").as_bytes())
    }

    #[test]
    fn a_whole_suite_has_no_contradiction_and_foreign_output_is_log() {
        let glued = format!("progress 3%{OK} and on");
        let events = events(&["hello", START, STARTED, &glued, END_OK, "bye { }"]);
        assert_eq!(events.contradictions, Vec::<String>::new());
        assert!(events.whole && events.started && !events.failed);
        assert_eq!(events.ended.len(), 1);
        assert_eq!(events.log, "hello\nprogress 3% and on\nbye { }\n");
    }

    #[test]
    fn each_way_to_forge_an_event_is_a_contradiction_or_leaves_the_suite_open() {
        for (what, lines) in [
            (
                "ok before the real failure",
                &[START, STARTED, OK, FAILED, END_FAILED][..],
            ),
            (
                "failure hidden by a forged end",
                &[START, STARTED, OK, END_OK, FAILED, END_FAILED],
            ),
            ("a result without a start", &[START, OK, END_OK]),
            ("an end that leaves a test out", &[START, STARTED, END_OK]),
            (
                "a suite inside a suite",
                &[START, START, STARTED, OK, END_OK],
            ),
            (
                "counts that do not add up",
                &[START, STARTED, FAILED, END_OK],
            ),
        ] {
            assert!(!events(lines).contradictions.is_empty(), "{what}");
        }
        let open = events(&[START, STARTED]);
        assert!(!open.whole && open.running == ["a"]);
        let worst = events(&[START, STARTED, OK, FAILED, END_FAILED]);
        assert_eq!(worst.ended[0].status, TestStatus::Failed);
    }
}
