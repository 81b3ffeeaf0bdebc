//! How a command ended and what it used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::denials::{Denials, Seen};
use crate::enforcement::Enforcement;
use crate::output::Captured;
use crate::service::{NotReady, ServiceReport};

/// All that is known about a finished command. When it exists, every process of the sandbox is
/// dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How the command ended.
    pub exit: Exit,
    /// Processes that were still alive a moment after the command had ended, and were killed.
    pub survivors: u32,
    /// What all processes together used.
    pub usage: Usage,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
    /// Which protections held.
    pub enforcement: Vec<Enforcement>,
    /// What was refused.
    pub denials: Denials,
    /// The services that were started, in the order of the specification.
    pub services: Vec<ServiceReport>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// Killed because it reached a limit.
    LimitExceeded(Limit),
    /// The program could not be executed.
    NotStarted {
        /// The kernel's error number.
        errno: i32,
        /// What could not be done.
        start: Start,
    },
    /// The command was not started, because a service did not become ready.
    ServiceNotReady {
        /// Its position among the specification's services, and among the report's.
        service: usize,
        /// Why it is not ready.
        why: NotReady,
    },
    /// Killed because the caller asked for it.
    Stopped,
}

/// The two things that can keep a program from starting in a sandbox that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Entering the working directory.
    Directory,
    /// Executing the program.
    Program,
}

/// The limits whose end is told apart from a program's own failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Wall-clock time.
    Wall,
    /// Time without output and without use of the processor.
    Idle,
    /// Processor time of all processes.
    Cpu,
    /// Memory of all processes.
    Memory,
    /// Processes and threads: some could not be created, and the command failed.
    Processes,
    /// Bytes of one file, where it was the command itself that wrote on.
    FileSize,
    /// Bytes written to disk.
    Disk,
    /// Files and directories written to disk.
    Inodes,
}

impl Limit {
    /// Whether the command is not asked first: it could do harm until it is killed.
    pub(crate) fn ends_at_once(self) -> bool {
        matches!(self, Self::Memory | Self::Disk | Self::Inodes)
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// What all processes of a sandbox used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// From the start of the first program to the end of the last process.
    pub wall: Duration,
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// Largest resident set of any one process, in bytes.
    pub max_rss: u64,
    /// Processor time of all processes, those included that nobody waited for where a control group
    /// counts them.
    pub cpu: Duration,
    /// The most memory of all processes at once, in bytes: with the page cache of files where a
    /// control group counts it, as last seen where it was polled, none where nobody looked.
    pub memory: Option<u64>,
    /// The most processes and threads at once, init included.
    pub processes: Option<u64>,
    /// How often one could not be created because of the limit; none where nobody counts.
    pub refused_processes: Option<u64>,
    /// Bytes that writable directories on disk hold at the end (see [`crate::Limits::disk`]); none
    /// without such directories.
    pub disk: Option<u64>,
    /// Files and directories there.
    pub inodes: Option<u64>,
}

/// What init tells the helper, in this order: `Ready` and `Ended`, or a `Failed` at any point.
#[derive(Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "few exist, each once and for a moment"
)]
pub(crate) enum Message {
    /// Everything holds, and the first program is about to run: the command's time begins.
    Ready(Vec<Enforcement>),
    /// Everything inside is over.
    Ended {
        exit: Exit,
        survivors: u32,
        usage: Usage,
        seen: Seen,
        services: Vec<ServiceReport>,
    },
    /// A step failed; the program never ran.
    Failed(crate::error::Failure),
}

/// What the helper tells its caller, once.
#[derive(Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "few exist, each once and for a moment"
)]
pub(crate) enum Outcome {
    Ended {
        exit: Exit,
        survivors: u32,
        usage: Usage,
        enforcement: Vec<Enforcement>,
        denials: Denials,
        services: Vec<ServiceReport>,
    },
    Failed(crate::error::Failure),
}
