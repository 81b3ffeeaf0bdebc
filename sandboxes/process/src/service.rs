//! Programs that run beside the command: what a caller asks for, and what it hears of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::output::Captured;
use crate::report::{Exit, Start};
use crate::spec::Command;

/// A program that is started before the command, in the same sandbox and with as few rights, and
/// ended after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// How the report calls it.
    pub name: String,
    /// What runs.
    pub command: Command,
    /// When the next one, or the command, may start.
    pub ready: Ready,
    /// How long it may take to become ready; the wall-clock limit bounds this too.
    pub patience: Duration,
    /// Bytes kept of what it prints, standard output and error together.
    pub log: u64,
}

/// How to tell that a service is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// As soon as its program runs.
    Started,
    /// This TCP port accepts on loopback, IPv4 or IPv6.
    Port(u16),
}

/// How a service's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Exited(code) => Self::Exited(code),
            Ended::Signalled(signal) => Self::Signalled(signal),
        }
    }
}

/// Why a service did not become ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotReady {
    /// It still runs, and its patience is at an end.
    Late,
    /// It ended.
    Ended(Ended),
    /// It could not be executed.
    NotStarted {
        /// The kernel's error number.
        errno: i32,
        /// What could not be done.
        start: Start,
    },
    /// Something accepted on its port before it was started, so the port would prove nothing.
    PortTaken,
}

/// What is known of a service that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// Its name in the specification.
    pub name: String,
    /// How it ended, where it did so before the command had ended. Nothing for one that was ended
    /// with the command.
    pub ended: Option<Ended>,
    /// What it printed.
    pub log: Captured,
}
