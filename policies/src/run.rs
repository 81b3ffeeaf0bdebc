//! What happened in one run: one check, on one tree, in one sandbox.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::controls::Control;
use crate::denial::Denial;
use crate::path::RepoPath;
use crate::policy::Assurance;
use crate::tests::TestResult;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The command ended by itself with this exit status.
    Exited {
        /// The raw exit status, 0 to 255.
        status: i32,
    },
    /// A signal that the runner did not send ended the command.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The runner ended it when a limit was reached.
    LimitExceeded {
        /// The policy's name of the limit: `wall`, `memory` …
        limit: String,
    },
    /// The command could not be started: not there, not executable.
    NotStarted {
        /// What happened, for people.
        why: String,
    },
    /// The command was not started, because a service that it needs did not become ready.
    ServiceNotReady {
        /// The service's name in the policy.
        service: String,
        /// What happened, for people.
        why: String,
    },
    /// The sandbox could not be set up; says nothing about the change.
    SandboxError {
        /// The failed step and its errno, for people.
        why: String,
    },
    /// The runner was interrupted.
    Interrupted,
}

/// A sentence about the run.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { status } => write!(f, "it ended with status {status}"),
            Self::Signalled { signal } => write!(f, "signal {signal} ended it"),
            Self::LimitExceeded { limit } => write!(f, "it exceeded the limit `{limit}`"),
            Self::NotStarted { why } => write!(f, "it could not be started: {why}"),
            Self::ServiceNotReady { service, why } => {
                write!(f, "the service `{service}` did not become ready: {why}")
            }
            Self::SandboxError { why } => write!(f, "the sandbox could not be set up: {why}"),
            Self::Interrupted => f.write_str("it was interrupted"),
        }
    }
}

/// What a run cost. Never part of a digest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Usage {
    /// Wall-clock milliseconds.
    pub wall_ms: u64,
    /// Processor time of all processes, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Peak resident memory of the largest process, in bytes; none where the host does not tell.
    pub max_rss: Option<u64>,
    /// The most memory of all processes together, in bytes; none where nobody measured it.
    #[serde(default)]
    pub memory: Option<u64>,
    /// The most processes and threads at once; none where nobody counted.
    #[serde(default)]
    pub processes: Option<u64>,
    /// How often the limit refused another process; none where nobody counted.
    #[serde(default)]
    pub refused_processes: Option<u64>,
    /// Bytes that were written to disk and still there at the end; none where nothing could be.
    #[serde(default)]
    pub disk: Option<u64>,
}

impl Usage {
    /// The cost of one run after another: times and refusals add up, the rest is the greater one.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let refused = [self.refused_processes, later.refused_processes];
        let refused = refused.into_iter().flatten().reduce(u64::saturating_add);
        Self {
            wall_ms: self.wall_ms.saturating_add(later.wall_ms),
            cpu_ms: self.cpu_ms.saturating_add(later.cpu_ms),
            max_rss: self.max_rss.max(later.max_rss),
            memory: self.memory.max(later.memory),
            processes: self.processes.max(later.processes),
            refused_processes: refused,
            disk: self.disk.max(later.disk),
        }
    }
}

/// What a test check's run gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// How the command, or the last phase of it, ended.
    pub outcome: Outcome,
    /// Whether the structured report is there and whole.
    pub report: ReportState,
    /// Every test that the report names, sorted by id, ids unique.
    pub tests: Vec<TestResult>,
    /// Contradictions inside the structured channel: an id with two final states, an event for an
    /// id that was never announced, a count that does not add up. One sentence each.
    pub contradictions: Vec<String>,
    /// Failures that belong to no single test: a file that cannot be collected, a target that does not compile.
    pub broken_units: Vec<BrokenUnit>,
    /// Whether the tree's own code was what ran.
    pub provenance: Provenance,
    /// Paths of the tree that the framework was told to find tests in, by its command or configuration
    /// (pytest's `testpaths`).
    #[serde(default)]
    pub searched: Vec<RepoPath>,
    /// The tests that the runner planted, which are not among `tests`; none where it planted none.
    #[serde(default)]
    pub controls: Vec<Control>,
    /// The most that controls can make of these results: part of them may come from where none reaches
    /// (examples in documentation, a harness of one's own), or from an exit status alone.
    #[serde(default)]
    pub attainable: Assurance,
    /// Processes that were still alive when the command had ended.
    pub leaked_processes: u32,
    /// Cost of all phases together.
    pub usage: Usage,
    /// What the sandbox refused.
    #[serde(default)]
    pub denials: Vec<Denial>,
    /// The last part of standard output and error, for people.
    pub log_tail: String,
}

impl TestRun {
    /// A run that ended so, with a whole report of these tests, of which nothing else is to be said.
    #[must_use]
    pub fn plain(outcome: Outcome, tests: Vec<TestResult>) -> Self {
        Self {
            outcome,
            report: ReportState::Complete,
            tests,
            contradictions: Vec::new(),
            broken_units: Vec::new(),
            provenance: Provenance::default(),
            searched: Vec::new(),
            controls: Vec::new(),
            attainable: Assurance::default(),
            leaked_processes: 0,
            usage: Usage::default(),
            denials: Vec::new(),
            log_tail: String::new(),
        }
    }
}

/// Whether the structured report can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ReportState {
    /// The framework said that it finished, and the report ends there.
    Complete,
    /// The report starts but does not finish.
    Incomplete {
        /// What is missing.
        why: String,
    },
    /// There is no report at all.
    Missing,
}

/// A file or target whose tests could not be loaded or built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenUnit {
    /// As in [`crate::tests::TestId::unit`], or the file's path.
    pub unit: String,
    /// Where the first error is.
    pub file: Option<RepoPath>,
    /// Line of that error, from 1.
    pub line: Option<u32>,
    /// The first error's text, capped like [`crate::tests::Failure::message`].
    pub message: String,
    /// Files and lines of the errors after the first, where the tool names them, at most
    /// [`BrokenUnit::MORE_CAP`].
    #[serde(default)]
    pub more: Vec<(RepoPath, u32)>,
}

impl BrokenUnit {
    /// Cap of `more`: a unit with more errors than that stands behind a wall as a whole.
    pub const MORE_CAP: usize = 200;

    /// Where all known errors are; the line is none where only the file is known.
    pub fn places(&self) -> impl Iterator<Item = (&RepoPath, Option<u32>)> {
        let first = self.file.iter().map(|file| (file, self.line));
        let more = self.more.iter().map(|(file, line)| (file, Some(*line)));
        first.chain(more)
    }
}

/// Evidence that the tree's own code, not an installed copy or a stale build, was under test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Product files of the tree that the run loaded or compiled; none where the adapter cannot tell.
    pub used: Option<Vec<RepoPath>>,
    /// Modules of the tree's packages that were loaded from elsewhere (`name` from `path`).
    pub foreign: Vec<String>,
    /// Packages that the build tool called fresh, by manifest directory in the tree.
    pub fresh: Vec<RepoPath>,
    /// Tracked files that the run itself wrote to, removed or replaced, whatever they hold now.
    #[serde(default)]
    pub rewritten: Vec<RepoPath>,
}
