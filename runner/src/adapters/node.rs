//! Node's test runner: a reporter of ours stands beside the policy's, in every node process that is a runner.
//!
//! The reporter comes in by `NODE_OPTIONS`, so `npm test` and workspaces report too: one file a process. A process that
//! the runner starts for a test file talks to its parent and ignores reporters. Node 20 or later: older ones lack `file`.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use passmuster_policy::path::RepoPath;
use passmuster_policy::run::{BrokenUnit, TestRun};
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};
use serde::Deserialize;

use super::draft::{Draft, SUCCESS, cut_off, head, words};
use super::words::without;
use super::{
    AdapterError, Launch, Phase, PhaseEnd, Phases, Places, Selection, Support, get, ids, js_stack,
    node_controls,
    reports::{Reports, files},
    set,
};

const REPORTER: Support = Support {
    name: "passmuster_reporter.mjs",
    content: include_bytes!("assets/passmuster_reporter.mjs"),
    executable: false,
};

/// Runs the policy's command once, and controls beside it.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let argv = command(&launch.job.argv, &launch.job.select, &launch.places.tree);
    let phase = phase(launch, argv);
    let end = launch.launch(phase).await?;
    let mut draft = read(&end, launch.places);
    node_controls::ask(launch, &mut draft).await?;
    Ok(draft.finish())
}

/// A command in which every runner of node's reports to us.
pub(super) fn phase<P: Phases>(launch: &Launch<'_, P>, argv: Vec<String>) -> Phase {
    let mut phase = launch.phase(argv, vec![REPORTER]);
    let reporter = launch.places.lib.join(REPORTER.name);
    let mut options =
        OsString::from("--test-reporter=spec --test-reporter-destination=stdout --test-reporter=");
    options.push(reporter);
    // Ours prints nothing; node 22 and later fail to flush a device, so it shares standard output.
    options.push(" --test-reporter-destination=stdout");
    if let Some(own) = get(&launch.job.env, "NODE_OPTIONS") {
        options.push(" ");
        options.push(own);
        set(&mut phase.env, "PASSMUSTER_OWN_NODE_OPTIONS", own.clone());
    }
    set(&mut phase.env, "NODE_OPTIONS", options);
    set(&mut phase.env, "PASSMUSTER_REPORT", &launch.places.report);
    phase
}

/// A command that runs files as the policy's would, with more options; where scripts start node, plainly.
pub(super) fn worker(
    argv: &[String],
    more: impl Iterator<Item = String>,
    files: Vec<String>,
) -> Vec<String> {
    let command = without(
        argv,
        &[
            "--test-reporter",
            "--test-reporter-destination",
            "--test-shard",
        ],
        &[],
    );
    let direct = command.iter().position(|word| word == "--test");
    let (head, tail) = match direct {
        Some(at) => command.split_at(at + 1),
        None => (&[][..], &[][..]),
    };
    let plain = ["/usr/bin/env", "node", "--test"].map(str::to_owned);
    let plain = plain.into_iter().filter(|_| direct.is_none());
    let head = head.iter().cloned().chain(plain);
    head.chain(options(tail)).chain(more).chain(files).collect()
}

/// A reporter in the command itself would lack the destination that ours make necessary. Files of a selection take the
/// place of the files that `node --test` names; through npm there is no such place, and the whole run is done again.
fn command(argv: &[String], select: &Selection, tree: &Path) -> Vec<String> {
    let command = without(
        argv,
        &["--test-reporter", "--test-reporter-destination"],
        &[],
    );
    let direct = command.iter().position(|word| word == "--test");
    let (Selection::Ids(tests), Some(at)) = (select, direct) else {
        return command;
    };
    let (head, tail) = command.split_at(at + 1);
    let files: BTreeSet<_> = tests
        .iter()
        .filter_map(|test| test.id.file.as_ref()?.as_str())
        .collect();
    let files = files
        .into_iter()
        .map(|file| tree.join(file).display().to_string());
    head.iter()
        .cloned()
        .chain(options(tail))
        .chain(files)
        .collect()
}

/// The options among node's arguments, with their values.
fn options(words: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            kept.push(word.clone());
            if VALUED.contains(&word.as_str()) {
                kept.extend(words.next().cloned());
            }
        }
    }
    kept
}

/// Node's options that take the next word and are of use to a test run (node's command-line reference, version 24).
const VALUED: [&str; 16] = [
    "-C",
    "--conditions",
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "--env-file",
    "--env-file-if-exists",
    "--test-concurrency",
    "--test-name-pattern",
    "--test-skip-pattern",
    "--test-shard",
    "--test-timeout",
    "--test-coverage-include",
    "--test-coverage-exclude",
];

/// One line of a report.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    event: String,
    cwd: Option<PathBuf>,
    name: String,
    nesting: usize,
    file: Option<String>,
    line: Option<u32>,
    suite: bool,
    skip: Option<Marker>,
    todo: Option<Marker>,
    millis: Option<f64>,
    message: Option<String>,
    error: Option<Account>,
}

/// `true`, or a reason.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Marker {
    Set(bool),
    Reason(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Account {
    kind: String,
    message: String,
    stack: Option<String>,
    expected: Option<String>,
    actual: Option<String>,
}

pub(super) fn read(end: &PhaseEnd, places: &Places) -> Draft {
    let mut draft = Draft::default();
    draft.phase(end);
    let mut failed = false;
    let mut reports = Reports::default();
    for path in files(&end.reports, 0) {
        match reports.read(&path) {
            Ok(bytes) => {
                failed |= Reader::new(&mut draft, &places.tree).read(&bytes, &words(&end.outcome))
            }
            Err(_) => draft.contradiction("a report of node's cannot be read"),
        }
    }
    if failed && end.outcome == SUCCESS {
        draft.contradiction("node reports failed tests but the command ended with status 0");
    }
    draft
}

/// Reads what one process wrote.
struct Reader<'a> {
    draft: &'a mut Draft,
    tree: &'a Path,
    cwd: PathBuf,
    /// Names of the suites and tests around the current one, by nesting.
    around: Vec<String>,
    /// Started and not ended: identity by file, line and full name.
    open: Vec<TestId>,
    stderr: HashMap<Option<RepoPath>, String>,
    /// Files that failed as a whole; what they wrote to standard error may be told later.
    broken: Vec<Record>,
    counted: u64,
    said: Option<u64>,
    failed: bool,
    ended: bool,
}

impl<'a> Reader<'a> {
    fn new(draft: &'a mut Draft, tree: &'a Path) -> Self {
        Self {
            draft,
            tree,
            cwd: tree.to_owned(),
            around: Vec::new(),
            open: Vec::new(),
            stderr: HashMap::new(),
            broken: Vec::new(),
            counted: 0,
            said: None,
            failed: false,
            ended: false,
        }
    }

    /// Whether any test failed.
    fn read(mut self, bytes: &[u8], how: &str) -> bool {
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            match serde_json::from_slice(line) {
                Ok(record) => self.record(record),
                Err(_) => self
                    .draft
                    .contradiction("node's report has a line that is not a record"),
            }
        }
        self.end(how);
        self.failed
    }

    fn record(&mut self, record: Record) {
        if self.ended {
            self.draft
                .contradiction("node's report goes on after its end");
        }
        match record.event.as_str() {
            "begin" => self.begin(record.cwd),
            "start" => self.start(&record),
            "pass" | "fail" => self.result(record),
            "diagnostic" => self.diagnostic(&record),
            "stderr" => self.keep(record),
            "end" => self.ended = true,
            _ => self
                .draft
                .contradiction("node's report has a record of an unknown kind"),
        }
    }

    fn begin(&mut self, cwd: Option<PathBuf>) {
        self.draft.reported();
        self.cwd = cwd.unwrap_or_else(|| self.tree.to_owned());
    }

    fn start(&mut self, record: &Record) {
        self.around.truncate(record.nesting);
        let id = self.id(record);
        self.open.push(id);
        self.around.push(record.name.clone());
    }

    /// Some events name the file by its path, others below the working directory.
    fn file(&self, record: &Record) -> Option<RepoPath> {
        ids::in_tree(self.tree, &self.cwd, record.file.as_deref()?)
    }

    fn id(&self, record: &Record) -> TestId {
        let mut names: Vec<_> = self
            .around
            .iter()
            .take(record.nesting)
            .map(String::as_str)
            .collect();
        names.push(if is_file(record) {
            "(file)"
        } else {
            &record.name
        });
        TestId {
            unit: String::new(),
            file: self.file(record),
            name: ids::stable(&names.join(" > ")),
            parameters: None,
            ordinal: 0,
        }
    }

    fn result(&mut self, record: Record) {
        let id = self.id(&record);
        match self.open.iter().rposition(|open| *open == id) {
            Some(at) => drop(self.open.remove(at)),
            None => self
                .draft
                .contradiction(format!("{id} ends but never started")),
        }
        if !record.suite {
            self.counted += 1;
        }
        let own_fault = record
            .error
            .as_ref()
            .is_some_and(|error| error.kind != "subtestsFailed");
        let failed = record.event == "fail" && !marked(&record.todo) && !marked(&record.skip);
        self.failed |= failed;
        // A suite is no test; it is reported where a hook of its own failed.
        if record.suite && !(failed && own_fault) {
            return;
        }
        if failed && is_file(&record) {
            self.broken.push(record);
        } else {
            let result = self.test(id, record, failed);
            self.draft.add(result);
        }
    }

    fn test(&self, id: TestId, record: Record, failed: bool) -> TestResult {
        let reason = [&record.skip, &record.todo]
            .into_iter()
            .find(|marker| marked(marker));
        let (status, failure) = match reason {
            Some(marker) => (TestStatus::Skipped, Some(skipped(marker))),
            None if failed => (TestStatus::Failed, Some(self.failure(&record))),
            None => (TestStatus::Passed, None),
        };
        let millis = record
            .millis
            .filter(|m| m.is_finite() && *m >= 0.0)
            .map(|m| m as u64);
        TestResult {
            selector: id.name.clone(),
            id,
            status,
            failure,
            millis,
        }
    }

    fn failure(&self, record: &Record) -> Failure {
        let none = Account::default();
        let error = record.error.as_ref().unwrap_or(&none);
        let stack = error.stack.as_deref().unwrap_or_default();
        let place = js_stack::place(stack, self.tree, &self.cwd);
        let defined = || Some((self.file(record)?, record.line?));
        let (file, line) = place.or_else(defined).unzip();
        Failure {
            message: error
                .message
                .lines()
                .find(|line| !line.is_empty())
                .unwrap_or_default()
                .to_owned(),
            file,
            line,
            expected: error.expected.clone(),
            actual: error.actual.clone(),
            detail: if stack.is_empty() {
                error.message.clone()
            } else {
                stack.to_owned()
            },
        }
    }

    /// A file whose process failed as a whole: it could not be loaded, or it ended early.
    fn broken(&mut self, record: &Record) {
        let file = self.file(record);
        let said = self.stderr.get(&file).map(String::as_str);
        let error = said
            .unwrap_or_default()
            .lines()
            .find(|line| line.contains("Error"));
        let fallback = record.error.as_ref().map(|error| error.message.as_str());
        let line = said.unwrap_or_default().lines().find_map(|line| {
            let (path, number) = line.rsplit_once(':')?;
            let here = file.is_some() && ids::in_tree(self.tree, &self.cwd, path) == file;
            here.then(|| number.parse().ok())?
        });
        self.draft.broken(BrokenUnit {
            unit: file
                .as_ref()
                .map_or_else(|| record.name.clone(), ToString::to_string),
            file,
            line,
            message: head(error.or(fallback).unwrap_or_default(), Failure::MESSAGE_CAP).to_owned(),
            more: Vec::new(),
        });
    }

    /// The runner's own count has no file; a test's diagnostic has one.
    fn diagnostic(&mut self, record: &Record) {
        let count = record
            .message
            .as_deref()
            .and_then(|text| text.strip_prefix("tests ")?.parse().ok());
        if record.file.is_none() && record.nesting == 0 {
            self.said = count.or(self.said);
        }
    }

    fn keep(&mut self, record: Record) {
        let file = self.file(&record);
        let kept = self.stderr.entry(file).or_default();
        if kept.len() < Failure::DETAIL_CAP {
            kept.push_str(&record.message.unwrap_or_default());
        }
    }

    fn end(&mut self, how: &str) {
        for record in std::mem::take(&mut self.broken) {
            self.broken(&record);
        }
        for id in std::mem::take(&mut self.open) {
            self.failed = true;
            self.draft.add(cut_off(id.clone(), id.name.clone(), how));
        }
        if !self.ended {
            self.draft
                .incomplete(format!("node's report has no end ({how})"));
        } else if let Some(said) = self.said.filter(|said| *said != self.counted) {
            let counted = self.counted;
            self.draft
                .contradiction(format!("node counted {said} tests and reported {counted}"));
        }
    }
}

/// The runner's own entry for a test file.
fn is_file(record: &Record) -> bool {
    record.nesting == 0
        && record
            .file
            .as_deref()
            .is_some_and(|file| file == record.name || file.ends_with(&format!("/{}", record.name)))
}

fn marked(marker: &Option<Marker>) -> bool {
    !matches!(marker, None | Some(Marker::Set(false)))
}

fn skipped(marker: &Option<Marker>) -> Failure {
    let message = match marker {
        Some(Marker::Reason(reason)) => reason.clone(),
        _ => String::new(),
    };
    Failure {
        message,
        ..Failure::default()
    }
}
