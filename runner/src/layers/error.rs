//! Why a layer could not be made.

use std::io;
use std::path::{Path, PathBuf};

use passmuster_policy::run::Outcome;
use thiserror::Error;

use crate::cache::CacheError;
use crate::network::Unavailable;
use crate::session::SessionError;
use crate::toolchains::ToolMissing;
use crate::trees::TreeError;

/// A layer could not be made.
#[derive(Debug, Error)]
pub enum LayerError {
    /// The step ended badly.
    #[error("prepare step `{step}`: {outcome}")]
    Failed {
        /// Name of the step.
        step: String,
        /// How it ended.
        outcome: Outcome,
        /// What it was refused by the network, or could not reach, each once.
        network: Vec<String>,
        /// The last of what it printed.
        log: String,
    },
    /// The step cannot be given what it asks for.
    #[error("prepare step `{step}` {why}")]
    Unavailable {
        /// Name of the step.
        step: String,
        /// What, and what to do.
        why: Unavailable,
    },
    /// Its program is not there.
    #[error("prepare step `{step}`: {missing}")]
    Missing {
        /// Name of the step.
        step: String,
        /// What was looked for, and where.
        missing: ToolMissing,
    },
    /// The run could not be carried out.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The cache failed.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A tree could not be written.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A directory could not be made, moved or listed.
    #[error("cannot {step} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl LayerError {
    /// A step whose work could not be searched to the end: the search is a part of the step.
    pub fn unsearched(step: &str, made: &Path, source: io::Error) -> Self {
        let outcome = match source.kind() {
            io::ErrorKind::Interrupted => Outcome::Interrupted,
            io::ErrorKind::TimedOut => Outcome::LimitExceeded {
                limit: "wall".to_owned(),
            },
            _ => {
                return Self::Io {
                    step: "search",
                    path: made.to_owned(),
                    source,
                };
            }
        };
        Self::Failed {
            step: step.to_owned(),
            outcome,
            network: Vec::new(),
            log: "while its work was searched for secrets".to_owned(),
        }
    }
}
