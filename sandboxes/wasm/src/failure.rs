//! Every way in which a plugin can end without a report, each with a sentence that its author understands.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::capability::Capability;
use crate::change::Side;
use crate::surface::INTERFACE;

/// What a plugin was doing when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It was set up: memories, data, start functions.
    Instantiate,
    /// `describe`, until its result had been taken over.
    Describe,
    /// `check`, until its result had been taken over.
    Check,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instantiate => "while it was set up",
            Self::Describe => "in `describe`",
            Self::Check => "in `check`",
        })
    }
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Deterministic budget of instructions.
    Fuel,
    /// Bytes of linear memory.
    Memory,
    /// Elements of tables.
    TableElements,
    /// Stack of nested calls, in bytes.
    Stack,
    /// Bytes handed to the host in one go.
    Transfer,
    /// Bytes read from the trees.
    TreeBytes,
    /// Paths looked at by `find` and `entries`.
    TreeWork,
    /// Open tree handles.
    Handles,
    /// Findings in the report.
    Findings,
}

impl Resource {
    /// The end of the sentence "it …": what was exceeded, and what its author can do.
    fn exceeded(self, limit: u64) -> String {
        match self {
            Self::Fuel => format!(
                "used up its budget of {limit} units of fuel: it has to do less, or the policy has to give more"
            ),
            Self::Memory => format!(
                "wanted more than its {} of memory: look at one file at a time, or have the policy give more",
                Bytes(limit)
            ),
            Self::TableElements => format!("wanted tables of more than {limit} elements"),
            Self::Stack => format!(
                "called itself too deeply: its stack of {} is full; use a loop or a list of what is left to do",
                Bytes(limit)
            ),
            Self::Transfer => format!(
                "handed over more than {} at once: report fewer or shorter findings",
                Bytes(limit)
            ),
            Self::TreeBytes => format!("read more than {} of files", Bytes(limit)),
            Self::TreeWork => format!(
                "had more than {limit} paths looked at: list the tree once and keep the list"
            ),
            Self::Handles => {
                format!("holds {limit} trees open at once: drop those that it has used")
            }
            Self::Findings => format!(
                "reported more than {limit} findings: report the first of them and count the others in the summary"
            ),
        }
    }
}

/// Bytes as people write them.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            mib if mib >= 1 << 20 && mib % (1 << 20) == 0 => write!(f, "{} MiB", mib >> 20),
            kib if kib >= 1 << 10 && kib % (1 << 10) == 0 => write!(f, "{} KiB", kib >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// Why there is no report. None of these may ever count as a pass.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Failure {
    /// Longer than a component may be; nothing of it was looked at.
    #[error("the plugin has {bytes} bytes, and at most {limit} are read")]
    TooLarge {
        /// How many there are.
        bytes: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Does not begin as WebAssembly does.
    #[error(
        "the plugin is no WebAssembly component: it does not begin with the bytes of one; build it with `wasm-tools component new` or the tools of its language"
    )]
    NotWasm,
    /// A core module.
    #[error(
        "the plugin is a core WebAssembly module, not a component: make one of it with `wasm-tools component new`"
    )]
    CoreModule,
    /// A component that is not valid, or cut off.
    #[error("the plugin is damaged or uses what this runner does not support: {detail}")]
    Damaged {
        /// What the compiler says, with the offset in the file.
        detail: String,
    },
    /// Made for another version of the interface.
    #[error(
        "the plugin was built for version {built_for} of the interface `passmuster:check`, this runner speaks {INTERFACE}: build it again with the `check.wit` of this runner"
    )]
    WrongVersion {
        /// The version in its imports or exports.
        built_for: String,
    },
    /// Exports something else.
    #[error(
        "the plugin does not export `passmuster:check/checker@{INTERFACE}`: it is a component, but no check"
    )]
    NoChecker,
    /// Imports what no check can be given.
    #[error(
        "the plugin imports `{interface}`, which no check is ever given; it may import `trees`, `prior` and `log` of `passmuster:check@{INTERFACE}`{hint}"
    )]
    UndeclaredImport {
        /// The full name.
        interface: String,
        /// How to be rid of it, where that is known.
        hint: String,
    },
    /// The names are right and the types behind them are not.
    #[error(
        "the plugin's interface has the right names but other types than version {INTERFACE} of `passmuster:check`: {detail}"
    )]
    WrongTypes {
        /// Which.
        detail: String,
    },
    /// Needs a capability that the call does not give.
    #[error(
        "the plugin needs `{capability}`, which it was not granted: the policy grants it with `grants = [\"{capability}\"]`"
    )]
    MissingGrant {
        /// The capability, and the key of the grant.
        capability: Capability,
    },
    /// Could not be set up.
    #[error("the plugin could not be set up: {detail}")]
    Setup {
        /// Why.
        detail: String,
    },
    /// The machine ran out of something that the plugin may have; not the plugin's fault.
    #[error("this machine could not give the plugin what it may have: {detail}")]
    Machine {
        /// What, and why.
        detail: String,
    },
    /// Ran for too long.
    #[error("the plugin was stopped {phase} after {} s, its time limit", seconds(*.limit_ms))]
    Deadline {
        /// The limit.
        limit_ms: u64,
        /// Where it was.
        phase: Phase,
    },
    /// Used up something.
    #[error("the plugin was stopped {phase}: it {}", .resource.exceeded(*.limit))]
    Limit {
        /// What.
        resource: Resource,
        /// How much there was of it.
        limit: u64,
        /// Where it was.
        phase: Phase,
    },
    /// Gave up, having logged why.
    #[error("the plugin panicked {phase}: {message}")]
    Panic {
        /// The last line that it logged at level `error`.
        message: String,
        /// Where it was.
        phase: Phase,
        /// The functions it was in, innermost first, where they have names.
        frames: Vec<String>,
    },
    /// Did something that stops any WebAssembly program.
    #[error("the plugin broke off {phase}: {kind}{}", in_function(.frames))]
    Trap {
        /// What, in the words of the WebAssembly specification.
        kind: String,
        /// Where it was.
        phase: Phase,
        /// The functions it was in, innermost first, where they have names.
        frames: Vec<String>,
    },
    /// Gave the host something that is no value of the interface, or misused a handle.
    #[error("the plugin broke the rules of its interface {phase}: {detail}")]
    BrokenInterface {
        /// What.
        detail: String,
        /// Where it was.
        phase: Phase,
    },
    /// Looked at the change before there was one.
    #[error(
        "the plugin used `{capability}` in `describe`, where there is no change yet: describe only what is known without one"
    )]
    TooEarly {
        /// What it used.
        capability: Capability,
    },
    /// Its description of itself cannot be used.
    #[error("what the plugin says in `describe` cannot be used: {detail}")]
    InvalidInfo {
        /// Why.
        detail: String,
    },
    /// Its report cannot be used.
    #[error("the plugin's report cannot be used: {detail}")]
    InvalidReport {
        /// Why, with the number of the finding, from 0.
        detail: String,
    },
    /// It does not understand its configuration.
    #[error("the plugin refuses its `config`: {message}")]
    BadConfig {
        /// In its words.
        message: String,
    },
    /// It cannot judge this change.
    #[error("the plugin cannot judge this change: {message}")]
    Unsupported {
        /// In its words.
        message: String,
    },
    /// It failed in itself, and said so.
    #[error("the plugin failed: {message}")]
    Internal {
        /// In its words.
        message: String,
    },
    /// The host could not read a tree; not the plugin's fault.
    #[error("the {} could not be read for the plugin: {detail}", side_word(*.side))]
    Tree {
        /// Which.
        side: Side,
        /// Why.
        detail: String,
    },
}

fn seconds(milliseconds: u64) -> f64 {
    Duration::from_millis(milliseconds).as_secs_f64()
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Base => "base",
        Side::Candidate => "candidate",
    }
}

fn in_function(frames: &[String]) -> String {
    frames
        .first()
        .map(|name| format!(", in function `{name}`"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_was_too_much_of_is_said_with_its_limit() {
        for (resource, limit, words) in [
            (Resource::Fuel, 1_000, "budget of 1000 units of fuel"),
            (Resource::Memory, 64 << 20, "more than its 64 MiB of memory"),
            (
                Resource::TableElements,
                10,
                "tables of more than 10 elements",
            ),
            (Resource::Stack, 512 << 10, "its stack of 512 KiB is full"),
            (Resource::Transfer, 1_000, "more than 1000 bytes at once"),
            (Resource::TreeBytes, 1 << 30, "more than 1024 MiB of files"),
            (Resource::TreeWork, 7, "more than 7 paths"),
            (Resource::Handles, 7, "holds 7 trees open"),
            (Resource::Findings, 7, "more than 7 findings"),
        ] {
            let phase = Phase::Check;
            let sentence = Failure::Limit {
                resource,
                limit,
                phase,
            }
            .to_string();
            assert!(
                sentence.starts_with("the plugin was stopped in `check`: it "),
                "{sentence}"
            );
            assert!(sentence.contains(words), "{sentence}");
        }
        let deadline = Failure::Deadline {
            limit_ms: 1_500,
            phase: Phase::Instantiate,
        };
        let sentence = "the plugin was stopped while it was set up after 1.5 s, its time limit";
        assert_eq!(deadline.to_string(), sentence);
    }
}
