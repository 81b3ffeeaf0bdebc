//! One adapter a test framework: how to launch it so that it reports, and how to read what it wrote.
//!
//! An adapter turns a [`Job`] into launches of a [`Phases`] (a sandbox in the runner, plain processes in tests) and their
//! ends into one [`TestRun`]. Everything that a launch wrote is data of code that wants to pass: read without following
//! links, capped, and noted as a contradiction where it does not add up. Nothing here decides what a result means.
//!
//! Controls (`passmuster_policy::controls`) are the adapters' too: planted where the tests run, kept apart from them in the run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;

use passmuster_policy::policy::Framework;
use passmuster_policy::run::{Outcome, TestRun, Usage};
use passmuster_policy::tests::TestResult;

mod cargo;
mod cargo_messages;
mod cargo_records;
mod cargo_results;
mod command;
mod draft;
mod go;
mod go_events;
mod go_output;
mod go_sources;
mod ids;
mod jest;
mod js_report;
mod js_stack;
mod junit;
mod libtest;
mod libtest_controls;
mod lint;
mod nextest;
mod nextest_controls;
mod node;
mod node_controls;
mod panics;
mod planted;
mod pytest;
mod python;
mod reports;
mod seal;
mod unittest;
mod vitest;
mod words;

#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;

pub use command::{CommandRun, run_command};
pub(crate) use junit::{attribute, local};
pub use lint::{LintOutput, run_lint};

/// One launch inside the run's sandbox. All phases of one run share the tree's writable layer; all processes of a phase
/// are dead before the next starts.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    /// Program and arguments; the program is an absolute path or found on the `PATH` in `env`.
    pub argv: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(String, OsString)>,
    /// The working directory as the command sees it; none is the root of the tree.
    pub cwd: Option<PathBuf>,
    /// Read-only files placed into [`Places::lib`].
    pub support: Vec<Support>,
    /// Files placed into [`Places::report`].
    pub handed: Vec<Handed>,
}

/// A file for the command to read and remove before it loads anything of the tree. The environment is no place for
/// what the tests must not learn: it can be read as it was, as long as the process lives.
#[derive(Clone, Debug)]
pub struct Handed {
    /// File name in [`Places::report`].
    pub name: String,
    /// The file's bytes.
    pub content: Vec<u8>,
}

/// A read-only file that a launch needs beside the tree.
#[derive(Clone, Debug)]
pub struct Support {
    /// File name in [`Places::lib`].
    pub name: &'static str,
    /// The file's bytes.
    pub content: &'static [u8],
    /// Whether the file is a program.
    pub executable: bool,
}

/// How a launch ended and what it wrote.
#[derive(Debug)]
pub struct PhaseEnd {
    /// How the command ended.
    pub outcome: Outcome,
    /// Standard output, up to the run's output limit.
    pub stdout: Vec<u8>,
    /// Standard error, up to the run's output limit.
    pub stderr: Vec<u8>,
    /// Whether standard output was longer than the limit.
    pub stdout_truncated: bool,
    /// Processes that were still alive when the command had ended.
    pub leaked: u32,
    /// What the launch cost.
    pub usage: Usage,
    /// The host directory that the command saw as [`Places::report`]; fresh and empty for each phase.
    pub reports: PathBuf,
}

/// Launches phases one after the other.
pub trait Phases {
    /// Why the runner could not launch; the command's own failure is an [`Outcome`].
    type Error: std::error::Error + Send + Sync + 'static;

    /// Runs one phase to its end.
    fn launch(
        &mut self,
        phase: Phase,
    ) -> impl Future<Output = Result<PhaseEnd, Self::Error>> + Send;
}

/// Where things are as the command sees them.
#[derive(Clone, Debug)]
pub struct Places {
    /// Root of the tree.
    pub tree: PathBuf,
    /// Directory of the [`Support`] files.
    pub lib: PathBuf,
    /// Directory that reports are written to.
    pub report: PathBuf,
}

/// Which tests to run.
#[derive(Clone, Debug)]
pub enum Selection {
    /// What the policy's command runs.
    All,
    /// For flaky re-runs: the files or binaries that hold these tests.
    Ids(Vec<TestResult>),
}

/// One run of a test check.
#[derive(Clone, Debug)]
pub struct Job {
    /// The policy's `run`, its first word resolved.
    pub argv: Vec<String>,
    /// The check's whole environment.
    pub env: Vec<(String, OsString)>,
    /// The check's working directory as the command sees it; none is the root of the tree.
    pub cwd: Option<PathBuf>,
    /// Which tests to run.
    pub select: Selection,
}

/// Why there is no [`TestRun`].
#[derive(Debug, thiserror::Error)]
pub enum AdapterError<E: std::error::Error + 'static> {
    /// The runner could not launch a phase.
    #[error("launching the tests: {0}")]
    Launch(#[source] E),
    /// The policy's command is not one that the framework's adapter can make report.
    #[error("framework {framework} cannot run this command: {why}")]
    Command {
        /// The policy's word for the framework.
        framework: &'static str,
        /// What it needs, for people.
        why: &'static str,
    },
    /// The machine gives no random bytes.
    #[error("reading random bytes: {0}")]
    Random(#[source] std::io::Error),
}

/// Runs the tests of one check on one tree.
pub async fn run<P: Phases>(
    framework: Framework,
    job: &Job,
    places: &Places,
    phases: &mut P,
) -> Result<TestRun, AdapterError<P::Error>> {
    let mut launch = Launch {
        job,
        places,
        phases,
    };
    match framework {
        Framework::Pytest => pytest::run(&mut launch).await,
        Framework::Unittest => unittest::run(&mut launch).await,
        Framework::CargoTest => cargo::run(&mut launch).await,
        Framework::Nextest => nextest::run(&mut launch).await,
        Framework::NodeTest => node::run(&mut launch).await,
        Framework::GoTest => go::run(&mut launch).await,
        Framework::Vitest => vitest::run(&mut launch).await,
        Framework::Jest => jest::run(&mut launch).await,
        Framework::Junit => junit::run(&mut launch).await,
    }
}

/// What every adapter works with: the job, the places, and the way to launch.
struct Launch<'a, P> {
    job: &'a Job,
    places: &'a Places,
    phases: &'a mut P,
}

impl<P: Phases> Launch<'_, P> {
    async fn launch(&mut self, phase: Phase) -> Result<PhaseEnd, AdapterError<P::Error>> {
        self.phases
            .launch(phase)
            .await
            .map_err(AdapterError::Launch)
    }

    /// The job's command as a phase: these arguments, the job's environment and directory.
    fn phase(&self, argv: Vec<String>, support: Vec<Support>) -> Phase {
        Phase {
            argv: argv.into_iter().map(OsString::from).collect(),
            env: self.job.env.clone(),
            cwd: self.job.cwd.clone(),
            support,
            handed: Vec::new(),
        }
    }

    /// The files of a selection, as the command sees them; none where all is selected or a test's file is not known.
    fn files(&self) -> Option<Vec<String>> {
        let Selection::Ids(tests) = &self.job.select else {
            return None;
        };
        let path = |test: &TestResult| {
            let file = test.id.file.as_ref()?.as_str()?.to_owned();
            Some(self.places.tree.join(file).display().to_string())
        };
        let files: Option<BTreeSet<_>> = tests.iter().map(path).collect();
        Some(files?.into_iter().collect())
    }

    /// The job's command as it is, with this path wherever it says `{report}`.
    fn reporting(&self, place: &str) -> Phase {
        let argv = self.job.argv.iter().map(|word| word.replace(REPORT, place));
        let mut phase = self.phase(argv.collect(), Vec::new());
        for (_, value) in &mut phase.env {
            if let Some(text) = value.to_str().filter(|text| text.contains(REPORT)) {
                *value = text.replace(REPORT, place).into();
            }
        }
        phase
    }

    /// A file in the report directory, as the command sees it.
    fn report(&self, name: &str) -> OsString {
        self.places.report.join(name).into_os_string()
    }
}

/// Stands in a command for the path that its report is to be written to.
const REPORT: &str = "{report}";

/// Sets a variable in a phase's environment, in place of a value it may have.
fn set(env: &mut Vec<(String, OsString)>, name: &str, value: impl Into<OsString>) {
    env.retain(|(key, _)| key != name);
    env.push((name.to_owned(), value.into()));
}

/// The words of a selection in the environment, one a line, for our Python modules.
const ONLY: &str = "PASSMUSTER_ONLY";

/// A variable's value in a phase's environment.
fn get<'a>(env: &'a [(String, OsString)], name: &str) -> Option<&'a OsString> {
    env.iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}
