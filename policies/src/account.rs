//! What `sandbox --report` writes: one command, how it ended, what it cost, and what held meanwhile.

use schemars::JsonSchema;
use serde::Serialize;

use crate::denial::Denial;
use crate::evidence::{Enforcement, PolicyRef};
use crate::reason::Reason;
use crate::run::{Outcome, Usage};

/// Names the format and its version.
pub const SCHEMA: &str = "passmuster.sandbox/1";

/// The whole account of one command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Account {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The words of the command; what is not UTF-8 in them is replaced.
    pub command: Vec<String>,
    /// Tree id of what it ran on.
    pub tree: String,
    /// The policy that the sandbox was made by.
    pub policy: PolicyRef,
    /// How it ended; null where it was never started, and `reasons` says why.
    pub outcome: Option<Outcome>,
    /// The exit status that Passmuster ended with.
    pub exit_code: u8,
    /// What stood in the way of starting it.
    pub reasons: Vec<Reason>,
    /// What it cost; null where it was never started.
    pub usage: Option<Usage>,
    /// Processes that it left behind and that were killed.
    pub leaked_processes: u32,
    /// The isolation that it had: `full` …; null where it was never started.
    pub isolation: Option<String>,
    /// For each protection, whether it was in force.
    pub enforcement: Vec<Enforcement>,
    /// What was refused meanwhile; null where that was not watched.
    pub denials: Option<Vec<Denial>>,
}
