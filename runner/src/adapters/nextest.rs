//! `cargo nextest run`: nextest's own libtest-like JSON events, on a pipe that only nextest holds.
//!
//! Nextest starts each test as a process and captures it, so the events are nextest's word. Nextest in turn believes the
//! exit status, so a script of ours stands before each process and fails one that ends well before its test did. Where
//! binaries are built with controls, it asks each process for them and keeps what they say.
//!
//! With retries a binary has more than one suite and its counts do not add up; what is checked is that each started test
//! ends once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use passmuster_policy::path::RepoPath;
use passmuster_policy::run::{BrokenUnit, Outcome, TestRun};
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};
use serde::Deserialize;

use super::cargo::REPORT;
use super::cargo_messages::Unit;
use super::draft::{Draft, SUCCESS, cut_off, head, words};
use super::libtest_controls::planted;
use super::words::split;
use super::{
    AdapterError, Launch, PhaseEnd, Phases, Selection, Support, cargo, cargo_records, get, ids,
    nextest_controls, panics, set,
};

/// The script that stands before every test process.
const WHOLE: Support = Support {
    name: "passmuster_whole.sh",
    content: include_bytes!("assets/whole.sh"),
    executable: true,
};

/// Runs nextest once.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let argv = command(&launch.job.argv, &launch.job.select).ok_or(AdapterError::Command {
        framework: "nextest",
        why: "it must be `cargo nextest run …`; for another way to start the tests use framework \"junit\"",
    })?;
    let mut phase = launch.phase(argv, vec![WHOLE, cargo_records::RUNNER]);
    for name in cargo::runner_variables(launch) {
        let mut runner = launch.places.lib.join(WHOLE.name).into_os_string();
        if let Some(own) = get(&launch.job.env, &name) {
            runner.push(" ");
            runner.push(own);
        }
        set(&mut phase.env, &name, runner);
    }
    set(&mut phase.env, "NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1");
    if planted(launch) {
        set(&mut phase.env, REPORT, &launch.places.report);
    }
    let end = launch.launch(phase).await?;
    let mut draft = read(&end, &launch.places.tree);
    if planted(launch) {
        nextest_controls::note(&mut draft, &end.reports);
    }
    Ok(draft.finish())
}

/// The policy's command with JSON events, running all that it selects even after a failure.
fn command(argv: &[String], select: &Selection) -> Option<Vec<String>> {
    let at = argv
        .windows(2)
        .position(|words| words == ["nextest", "run"])?;
    let (head, tail) = argv.split_at(at + 2);
    let mut command = head.to_vec();
    command.extend(["--message-format", "libtest-json-plus"].map(str::to_owned));
    let decided = |word: &String| {
        word.starts_with("--fail-fast")
            || word.starts_with("--no-fail-fast")
            || word.starts_with("--max-fail")
    };
    if !tail.iter().any(decided) {
        command.push("--no-fail-fast".to_owned());
    }
    let (mut rest, filters) = match select {
        Selection::All => (tail.to_vec(), Vec::new()),
        Selection::Ids(tests) => narrowed(tail, tests),
    };
    command.extend(filters);
    command.append(&mut rest);
    Some(command)
}

/// The binaries of these tests, among those that the policy's own filters leave: several `-E` would widen each other.
fn narrowed(words: &[String], tests: &[TestResult]) -> (Vec<String>, Vec<String>) {
    let (rest, own) = split(words, &["-E", "--filterset", "--filter-expr"], &[]);
    let units: BTreeSet<_> = tests.iter().map(|test| binaries(&test.id.unit)).collect();
    let mut filter = format!("({})", units.into_iter().collect::<Vec<_>>().join(" + "));
    if !own.is_empty() {
        filter = format!("{filter} & (({}))", own.join(") + ("));
    }
    (rest, vec!["-E".to_owned(), filter])
}

/// The filter for a unit; a library's may hold tests of the package's programs, see [`Reader::id`].
fn binaries(unit: &str) -> String {
    match unit.contains("::") {
        true => format!("binary_id(={unit})"),
        false => format!("(package(={unit}) & (kind(lib) + kind(proc-macro) + kind(bin)))"),
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Event {
    Suite { event: String, nextest: Binary },
    Test(Test),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Binary {
    #[serde(rename = "crate")]
    package: String,
    test_binary: String,
    kind: String,
}

#[derive(Deserialize)]
struct Test {
    event: String,
    name: String,
    #[serde(default)]
    stdout: String,
    exec_time: Option<f64>,
}

pub(super) fn read(end: &PhaseEnd, tree: &Path) -> Draft {
    let mut reader = Reader::default();
    for line in end
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        match serde_json::from_slice(line) {
            Ok(event) => reader.event(event),
            Err(_) => reader
                .draft
                .contradiction("nextest's output has a line that is not an event"),
        }
    }
    reader.draft.phase_with_log(end, &[&end.stderr]);
    reader.end(tree, end)
}

#[derive(Default)]
struct Reader {
    draft: Draft,
    /// Suites that are open, counted: nextest opens one again for a retry.
    open: BTreeMap<Binary, i64>,
    /// Started tests; the end, where there was one.
    tests: BTreeMap<String, Option<Test>>,
}

impl Reader {
    fn event(&mut self, event: Event) {
        match event {
            Event::Suite { event, nextest } => {
                *self.open.entry(nextest).or_default() += if event == "started" { 1 } else { -1 };
            }
            Event::Test(test) if test.event == "started" => {
                self.tests
                    .entry(attempt(&test.name).0.to_owned())
                    .or_default();
            }
            Event::Test(test) => self.ended(test),
        }
    }

    fn ended(&mut self, test: Test) {
        let name = attempt(&test.name).0.to_owned();
        match self.tests.get_mut(&name) {
            Some(end @ None) => *end = Some(test),
            Some(Some(_)) => self
                .draft
                .contradiction(format!("{name} has two final states")),
            None => self
                .draft
                .contradiction(format!("{name} ends but never started")),
        }
    }

    fn end(mut self, tree: &Path, end: &PhaseEnd) -> Draft {
        let how = words(&end.outcome);
        let whole = self.open.values().all(|open| *open == 0);
        let mut failed = false;
        for (name, test) in std::mem::take(&mut self.tests) {
            let (prefix, test_name) = name.split_once('$').unwrap_or(("", &name));
            let id = self.id(prefix, test_name);
            let selector = test_name.to_owned();
            let result = match test {
                Some(test) => result(tree, id, selector, test),
                // An ignored test that the filter leaves out starts and never ends in nextest's events.
                None if whole => skipped(id, selector, None),
                None => cut_off(id, selector, &how),
            };
            failed |= result.status == TestStatus::Failed;
            self.draft.add(result);
        }
        self.judge(end, whole, failed);
        self.draft
    }

    /// Whether events and exit status say the same.
    fn judge(&mut self, end: &PhaseEnd, whole: bool, failed: bool) {
        let how = words(&end.outcome);
        match end.outcome {
            Outcome::Exited {
                status: 0 | 4 | 100,
            } if whole => self.draft.reported(),
            Outcome::Exited { status } if self.open.is_empty() && status != 0 => {
                let broken = not_built(&end.stderr, &how);
                self.draft.broken(broken);
                self.draft.reported();
            }
            _ if self.open.is_empty() => {}
            _ => self
                .draft
                .incomplete(format!("nextest did not finish ({how})")),
        }
        if (failed && end.outcome == SUCCESS)
            || (!failed && end.outcome == Outcome::Exited { status: 100 })
        {
            let said = if failed {
                "failed tests"
            } else {
                "no failed test"
            };
            self.draft
                .contradiction(format!("nextest reports {said} but ended with {how}"));
        }
    }

    /// Package and binary as cargo's adapter names them. Nextest names a library and a program of one name alike; their
    /// tests then count as the library's.
    fn id(&self, prefix: &str, name: &str) -> TestId {
        let named =
            |binary: &&Binary| format!("{}::{}", binary.package, binary.test_binary) == prefix;
        let kind_order = |binary: &&Binary| binary.kind != "lib";
        let unit = self
            .open
            .keys()
            .filter(named)
            .min_by_key(kind_order)
            .map(|binary| {
                let Binary {
                    package,
                    test_binary,
                    kind,
                } = binary.clone();
                Unit {
                    package,
                    target: test_binary,
                    kind,
                }
                .name()
            });
        TestId {
            unit: unit.unwrap_or_else(|| prefix.to_owned()),
            file: None,
            name: ids::stable(name),
            parameters: None,
            ordinal: 0,
        }
    }
}

/// `name#2` is the second attempt; nextest reports the last one only.
fn attempt(name: &str) -> (&str, u32) {
    let split = name
        .rsplit_once('#')
        .and_then(|(name, number)| Some((name, number.parse().ok()?)));
    split.unwrap_or((name, 1))
}

fn skipped(id: TestId, selector: String, millis: Option<u64>) -> TestResult {
    let failure = Some(Failure::default());
    TestResult {
        id,
        status: TestStatus::Skipped,
        selector,
        failure,
        millis,
    }
}

fn result(tree: &Path, id: TestId, selector: String, test: Test) -> TestResult {
    let attempts = attempt(&test.name).1;
    let (status, failure) = match test.event.as_str() {
        "ok" if attempts > 1 => {
            let message = format!("passed only at attempt {attempts}");
            (
                TestStatus::Passed,
                Some(Failure {
                    message,
                    ..Failure::default()
                }),
            )
        }
        "ok" => (TestStatus::Passed, None),
        "ignored" => (TestStatus::Skipped, Some(Failure::default())),
        _ => (
            TestStatus::Failed,
            Some(panics::failure(tree, None, "", &test.stdout)),
        ),
    };
    let millis = test
        .exec_time
        .filter(|s| s.is_finite() && *s >= 0.0)
        .map(|s| (s * 1000.0) as u64);
    TestResult {
        id,
        status,
        selector,
        failure,
        millis,
    }
}

/// What cargo said before nextest could start: the first error and its place.
fn not_built(stderr: &[u8], how: &str) -> BrokenUnit {
    let stderr = String::from_utf8_lossy(stderr);
    let lines = stderr.lines().skip_while(|line| !line.starts_with("error"));
    let message = lines.clone().next().unwrap_or(how);
    // Warnings have places too; what they name is no error, and does no harm as one.
    let mut places = lines.filter_map(|line| place(line.trim_start().strip_prefix("--> ")?));
    let first = places.next();
    BrokenUnit {
        unit: "cargo".to_owned(),
        line: first.as_ref().map(|(_, line)| *line),
        file: first.map(|(file, _)| file),
        message: head(message, Failure::MESSAGE_CAP).to_owned(),
        more: places.take(BrokenUnit::MORE_CAP).collect(),
    }
}

/// `file:line:column`.
fn place(text: &str) -> Option<(RepoPath, u32)> {
    let mut parts = text.rsplitn(3, ':').skip(1);
    let line = parts.next()?.parse().ok()?;
    Some((parts.next()?.into(), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_a_number_at_the_end_of_a_name() {
        assert_eq!(attempt("a::it$x#2"), ("a::it$x", 2));
        assert_eq!(attempt("a::it$r#try"), ("a::it$r#try", 1));
    }

    #[test]
    fn an_error_of_the_build_names_its_place() {
        let broken = not_built(
            b"  Compiling\nerror[E0308]: mismatched\n --> tests/a.rs:3:5\n\nerror: x\n   --> src/b.rs:9:1\n",
            "",
        );
        assert_eq!(
            (broken.message.as_str(), broken.line),
            ("error[E0308]: mismatched", Some(3))
        );
        assert_eq!(broken.file, Some("tests/a.rs".into()));
        assert_eq!(broken.more, [("src/b.rs".into(), 9)]);
    }
}
