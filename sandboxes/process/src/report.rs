//! How a command ended and what it used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
}

/// What init tells the helper, in this order: `Ready` and `Ended`, or a `Failed` at any point.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// Everything holds, and the first program is about to run: the command's time begins.
    Ready(Vec<Enforcement>),
    /// Everything inside is over.
    Ended {
        exit: Exit,
        survivors: u32,
        usage: Usage,
        services: Vec<ServiceReport>,
    },
    /// A step failed; the program never ran.
    Failed(crate::error::Failure),
}

/// What the helper tells its caller, once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Ended {
        exit: Exit,
        survivors: u32,
        usage: Usage,
        enforcement: Vec<Enforcement>,
        services: Vec<ServiceReport>,
    },
    Failed(crate::error::Failure),
}
