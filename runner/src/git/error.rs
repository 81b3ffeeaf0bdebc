//! What can go wrong at the door to git.

use std::io;

use thiserror::Error;

/// A git step that did not work.
#[derive(Debug, Error)]
pub enum GitError {
    /// No `git` on the operator's PATH.
    #[error("git was not found on PATH; install git {minimum} or newer")]
    NotFound {
        /// The oldest version that works.
        minimum: &'static str,
    },
    /// The installed git is too old, or says no version.
    #[error("{program} is too old ({found}); install git {minimum} or newer")]
    TooOld {
        /// The program that was asked.
        program: String,
        /// What it answered.
        found: String,
        /// The oldest version that works.
        minimum: &'static str,
    },
    /// The operating system failed us around a git process or one of our own files.
    #[error("could not {purpose}: {source}")]
    Io {
        /// What was being done.
        purpose: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Git ran and said no.
    #[error("could not {purpose}: git ended with {status}: {stderr}")]
    Failed {
        /// What was being done.
        purpose: String,
        /// Exit status in words.
        status: String,
        /// What git wrote to standard error, without control characters, capped.
        stderr: String,
    },
    /// An object is in none of the object stores.
    #[error("could not {purpose}: objects are missing ({detail}); {remedy}")]
    ObjectsMissing {
        /// What was being done.
        purpose: String,
        /// The object, or git's words about it.
        detail: String,
        /// The way out, as a command where there is one.
        remedy: String,
    },
    /// The answer was larger than any honest one.
    #[error("could not {purpose}: the answer of git is larger than {cap} bytes")]
    TooLarge {
        /// What was being done.
        purpose: String,
        /// The cap in bytes.
        cap: u64,
    },
    /// Git answered something that this program does not understand.
    #[error("could not {purpose}: unexpected answer of git: {detail}")]
    Malformed {
        /// What was being done.
        purpose: String,
        /// The part that was not understood.
        detail: String,
    },
}

impl GitError {
    /// An operating system error with the step it happened in.
    pub fn io(purpose: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let purpose = purpose.into();
        move |source| Self::Io { purpose, source }
    }

    /// An answer that was not understood.
    pub fn malformed(purpose: impl Into<String>, detail: impl AsRef<[u8]>) -> Self {
        Self::Malformed {
            purpose: purpose.into(),
            detail: sanitise(detail.as_ref()),
        }
    }
}

/// Most bytes of foreign text that are kept in a message.
const MESSAGE_CAP: usize = 4096;

/// Foreign bytes as one printable line: control characters become spaces, broken UTF-8 is replaced.
pub fn sanitise(bytes: &[u8]) -> String {
    let kept = bytes.get(..MESSAGE_CAP).unwrap_or(bytes);
    let text: String = String::from_utf8_lossy(kept)
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    text.trim().to_owned()
}
