//! The records that the pytest plugin and the unittest runner write, and how they become a run.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use passmuster_policy::controls::Answer;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Assurance;
use passmuster_policy::run::{BrokenUnit, Outcome};
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};
use serde::Deserialize;

use super::draft::{Draft, cut_off, head, words};
use super::planted::{Form, Planted};
use super::reports::{Reports, Unreadable};
use super::{Job, PhaseEnd, Places, Support, get, ids, set};

/// Name of the file that the records are written to.
pub(super) const REPORT: &str = "python.jsonl";

/// Cap of the files kept that a run loaded.
const USED_CAP: usize = 100_000;

/// Cap of the modules kept that came from elsewhere: one is evidence, a few explain it.
const FOREIGN_CAP: usize = 100;

/// Cap of the paths kept in which tests were looked for.
const SEARCHED_CAP: usize = 1_000;

/// The module that both assets import.
pub(super) const RECORDS: Support = Support {
    name: "passmuster_records.py",
    content: include_bytes!("assets/passmuster_records.py"),
    executable: false,
};

/// Says where to write, and keeps the policy's own values for the children of the tests.
pub(super) fn announce(env: &mut Vec<(String, OsString)>, job: &Job, places: &Places) {
    for name in ["PYTEST_ADDOPTS", "PYTHONPATH"] {
        if let Some(own) = get(&job.env, name) {
            set(env, &format!("PASSMUSTER_OWN_{name}"), own.clone());
        }
    }
    set(env, "PASSMUSTER_REPORT", places.report.join(REPORT));
    set(env, "PASSMUSTER_TREE", &places.tree);
}

/// One line of the report.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Record {
    Start {
        root: String,
        #[serde(default)]
        searched: Vec<String>,
    },
    Collected(Which),
    Deselected {},
    Running(Which),
    Result {
        #[serde(flatten)]
        which: Which,
        status: TestStatus,
        millis: Option<f64>,
        #[serde(flatten)]
        account: Account,
    },
    Broken {
        unit: String,
        #[serde(flatten)]
        account: Account,
    },
    Asked {
        place: String,
    },
    Answers {
        place: String,
        forms: Vec<Form>,
        lines: Vec<String>,
    },
    Withheld {
        place: String,
    },
    Beyond {},
    Modules {
        used: Vec<String>,
        foreign: Vec<String>,
    },
    Finish {
        status: i32,
    },
}

/// Which test; the last two only from unittest.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Which {
    /// The framework's own id, which selects the test again.
    pub(super) id: String,
    /// The module that holds the test's class.
    pub(super) module: Option<String>,
    /// That module's file.
    pub(super) file_of_test: Option<String>,
}

/// What the framework said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Account {
    file: Option<String>,
    line: Option<u32>,
    message: String,
    expected: Option<String>,
    actual: Option<String>,
    detail: String,
}

/// Where relative paths of a report start.
pub(super) struct Scope<'a> {
    /// Root of the tree as the command saw it.
    pub(super) tree: &'a Path,
    /// The framework's own root.
    pub(super) root: PathBuf,
}

impl Scope<'_> {
    /// A path of the report as a path of the tree.
    pub(super) fn path(&self, path: &str) -> Option<RepoPath> {
        ids::in_tree(self.tree, &self.root, path)
    }
}

/// How a framework's words for a test become its id.
pub(super) type Identify = fn(&Scope<'_>, &Which) -> TestId;

/// Reads the report of one phase.
pub(super) fn read(
    end: &PhaseEnd,
    places: &Places,
    cwd: &Path,
    identify: Identify,
    planted: Planted,
) -> Draft {
    let mut draft = Draft::default();
    draft.attainable = Assurance::Controlled;
    draft.phase(end);
    match Reports::default().read(&end.reports.join(REPORT)) {
        // Opened, but the framework stopped before it was configured: a usage error.
        Ok(bytes) if bytes.is_empty() => draft,
        Ok(bytes) => Reader::new(draft, cwd, places, identify, planted).read(&bytes, &end.outcome),
        Err(Unreadable::Missing) => draft,
        Err(Unreadable::Refused(why)) => {
            draft.contradiction(why);
            draft
        }
    }
}

struct Reader<'a> {
    draft: Draft,
    scope: Scope<'a>,
    identify: Identify,
    planted: Planted,
    /// Where controls were planted and have not answered, and why if it is known.
    asked: BTreeMap<String, Answer>,
    /// Announced tests by their own id: how often, and how often a final state came.
    announced: BTreeMap<String, (u32, u32)>,
    running: HashMap<String, Which>,
    started: bool,
    finished: Option<i32>,
}

impl<'a> Reader<'a> {
    fn new(
        draft: Draft,
        cwd: &Path,
        places: &'a Places,
        identify: Identify,
        planted: Planted,
    ) -> Self {
        Self {
            draft,
            scope: Scope {
                tree: &places.tree,
                root: cwd.to_owned(),
            },
            identify,
            planted,
            asked: BTreeMap::new(),
            announced: BTreeMap::new(),
            running: HashMap::new(),
            started: false,
            finished: None,
        }
    }

    fn read(mut self, bytes: &[u8], outcome: &Outcome) -> Draft {
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let sealed = self.planted.seal.open(line);
            match sealed.and_then(|record| serde_json::from_slice(record).ok()) {
                Some(record) => self.record(record),
                None => {
                    let text = format!("line {} of the report is not a record of ours", index + 1);
                    self.draft.contradiction(text);
                }
            }
        }
        self.end(outcome);
        self.draft
    }

    fn record(&mut self, record: Record) {
        if self.finished.is_some() {
            self.draft
                .contradiction("the report goes on after the session's end");
        }
        match record {
            Record::Start { root, searched } => self.start(root, &searched),
            Record::Collected(which) => self.announced.entry(which.id).or_default().0 += 1,
            Record::Deselected {} => {}
            Record::Running(which) => drop(self.running.insert(which.id.clone(), which)),
            Record::Result {
                which,
                status,
                millis,
                account,
            } => {
                self.result(which, status, millis, account);
            }
            Record::Broken { unit, account } => self.broken(unit, account),
            Record::Asked { place } => {
                let why = "the process went on without an answer".to_owned();
                self.asked.insert(place, Answer::Missing { why });
            }
            Record::Answers {
                place,
                forms,
                lines,
            } => {
                self.asked.remove(&place);
                let answers = self.planted.answers(&place, &forms, &lines);
                self.draft.controls.extend(answers);
            }
            // A worker that died in a test takes its controls along; the test has failed for it.
            Record::Withheld { place } => drop(self.asked.insert(place, Answer::Withheld)),
            Record::Beyond {} => self.draft.attainable = Assurance::Reported,
            Record::Modules { used, foreign } => self.modules(&used, foreign),
            Record::Finish { status } => self.finished = Some(status),
        }
    }

    fn start(&mut self, root: String, searched: &[String]) {
        if std::mem::replace(&mut self.started, true) {
            self.draft.contradiction("the session starts twice");
        }
        self.draft.reported();
        self.scope.root = PathBuf::from(root);
        let paths = searched.iter().take(SEARCHED_CAP);
        self.draft.searched = paths.filter_map(|path| self.scope.path(path)).collect();
    }

    fn result(&mut self, which: Which, status: TestStatus, millis: Option<f64>, account: Account) {
        self.running.remove(&which.id);
        match self.announced.get_mut(&which.id) {
            None => self
                .draft
                .contradiction(format!("{} has a result but was never collected", which.id)),
            Some((announced, seen)) => {
                *seen += 1;
                if *seen > *announced {
                    let text = format!("{} has {seen} final states", which.id);
                    self.draft.contradiction(text);
                }
            }
        }
        let failure = (status != TestStatus::Passed).then(|| self.failure(account));
        let millis = millis
            .filter(|m| m.is_finite() && *m >= 0.0)
            .map(|m| m as u64);
        let id = (self.identify)(&self.scope, &which);
        self.draft.add(TestResult {
            id,
            status,
            selector: which.id,
            failure,
            millis,
        });
    }

    fn failure(&self, account: Account) -> Failure {
        Failure {
            file: account
                .file
                .as_deref()
                .and_then(|file| self.scope.path(file)),
            line: account.line,
            message: account.message,
            expected: account.expected,
            actual: account.actual,
            detail: account.detail,
        }
    }

    fn broken(&mut self, unit: String, account: Account) {
        let file = account
            .file
            .as_deref()
            .and_then(|file| self.scope.path(file));
        let broken = BrokenUnit {
            file: file.or_else(|| self.scope.path(&unit).filter(|_| unit.ends_with(".py"))),
            line: account.line,
            message: head(&account.message, Failure::MESSAGE_CAP).to_owned(),
            unit,
            more: Vec::new(),
        };
        self.draft.broken(broken);
    }

    fn modules(&mut self, used: &[String], foreign: Vec<String>) {
        let tree = self.scope.tree;
        let known = self.draft.provenance.used.get_or_insert_default();
        known.extend(
            used.iter()
                .filter_map(|path| ids::in_tree(tree, tree, path)),
        );
        known.sort();
        known.dedup();
        known.truncate(USED_CAP);
        let short = |module: String| head(&module, Failure::MESSAGE_CAP).to_owned();
        self.draft
            .provenance
            .foreign
            .extend(foreign.into_iter().take(FOREIGN_CAP).map(short));
        self.draft.provenance.foreign.sort();
        self.draft.provenance.foreign.dedup();
        self.draft.provenance.foreign.truncate(FOREIGN_CAP);
    }

    fn end(&mut self, outcome: &Outcome) {
        let how = words(outcome);
        for (place, answer) in std::mem::take(&mut self.asked) {
            let silent = Planted::silent(&place, &answer);
            self.draft.controls.extend(silent);
        }
        if self.finished.is_some() && self.draft.controls.is_empty() {
            let why = "the process ended without asking it".to_owned();
            self.draft.controls = Planted::silent("at the end", &Answer::Missing { why });
        }
        if !self.started {
            self.draft.incomplete("the report has no start");
        }
        let running: BTreeMap<_, _> = self.running.drain().collect();
        for which in running.values() {
            let id = (self.identify)(&self.scope, which);
            self.draft.add(cut_off(id, which.id.clone(), &how));
        }
        match self.finished {
            None => self
                .draft
                .incomplete(format!("the session did not finish ({how})")),
            Some(status) => self.agree(status, outcome),
        }
    }

    /// The session's status, its results and the process's status must say the same.
    fn agree(&mut self, status: i32, outcome: &Outcome) {
        if (status == 0) != (*outcome == super::draft::SUCCESS) {
            let how = words(outcome);
            self.draft.contradiction(format!(
                "the session ended with status {status}, the command with {how}"
            ));
        }
        let missing = self
            .announced
            .iter()
            .filter(|(_, (announced, seen))| seen < announced);
        let missing: Vec<_> = missing.map(|(id, _)| id.as_str()).collect();
        if let (0, Some(first)) = (status, missing.first()) {
            let count = missing.len();
            let text = format!(
                "{count} collected tests have no result although the session ended well, first {first}"
            );
            self.draft.contradiction(text);
        }
    }
}
