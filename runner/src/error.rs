//! Errors that end the program before there is a verdict: whose fault, what happened, what to do.

use std::io;

use passmuster_policy::reason::ReasonCode;
use passmuster_wasm::HostError;
use thiserror::Error;

use crate::attest::key::KeyError;
use crate::attest::signers::SignersError;
use crate::attest::sshsig::SshsigError;
use crate::base::BaseError;
use crate::cache::CacheError;
use crate::content::ContentError;
use crate::exit_code::Exit;
use crate::git::GitError;
use crate::layers::LayerError;
use crate::policy_source::PolicySourceError;
use crate::proposal::ProposalError;
use crate::repository::RepositoryError;
use crate::session::SessionError;
use crate::store::StoreError;

/// Why there is no verdict.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct UserError {
    /// The code of the contract; none for what has no code of its own.
    pub code: Option<ReasonCode>,
    /// What happened, where, and what to do.
    pub message: String,
    /// How the program ends.
    pub exit: Exit,
}

impl UserError {
    /// A mistake with a reason code.
    pub fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            message: message.into(),
            exit: Exit::Usage,
        }
    }

    /// A mistake in how the program was called.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
            exit: Exit::Usage,
        }
    }

    /// The machine failed us: a full disk, a cache that cannot be written.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
            exit: Exit::Internal,
        }
    }

    /// The same, of a program that was asked to stop meanwhile.
    #[must_use]
    pub fn interrupted(self) -> Self {
        Self {
            code: Some(ReasonCode::Interrupted),
            message: format!("the run was interrupted ({})", self.message),
            exit: Exit::Inconclusive,
        }
    }

    fn coded(code: &str, message: String) -> Self {
        Self {
            code: code.parse().ok(),
            message,
            exit: Exit::Usage,
        }
    }
}

impl From<RepositoryError> for UserError {
    fn from(error: RepositoryError) -> Self {
        Self::coded(error.code(), error.to_string())
    }
}

impl From<BaseError> for UserError {
    fn from(error: BaseError) -> Self {
        Self::coded(error.code(), error.to_string())
    }
}

impl From<ProposalError> for UserError {
    fn from(error: ProposalError) -> Self {
        Self::coded(error.code().unwrap_or_default(), error.to_string())
    }
}

impl From<PolicySourceError> for UserError {
    fn from(error: PolicySourceError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<GitError> for UserError {
    fn from(error: GitError) -> Self {
        let code = match error {
            GitError::ObjectsMissing { .. } => ReasonCode::ObjectsMissing,
            _ => ReasonCode::RepositoryUnreadable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ContentError> for UserError {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Git(error) => error.into(),
            other => Self::new(ReasonCode::RepositoryUnreadable, other.to_string()),
        }
    }
}

/// Keys and lists of keys are the operator's.
macro_rules! keys {
    ($($error:ty),*) => {
        $(impl From<$error> for UserError {
            fn from(error: $error) -> Self {
                Self::usage(error.to_string())
            }
        })*
    };
}

keys!(KeyError, SignersError, SshsigError);

/// Errors of the machine: nothing in the request could have avoided them.
macro_rules! internal {
    ($($error:ty),*) => {
        $(impl From<$error> for UserError {
            fn from(error: $error) -> Self {
                Self::internal(error.to_string())
            }
        })*
    };
}

internal!(LayerError, SessionError, io::Error);

/// The cache is where the operator put it, so what is wrong with it is theirs to mend.
macro_rules! cache {
    ($($error:ty),*) => {
        $(impl From<$error> for UserError {
            fn from(error: $error) -> Self {
                Self::usage(format!("{error}; --cache-dir names another place for the cache"))
            }
        })*
    };
}

cache!(CacheError, StoreError);

impl From<HostError> for UserError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Cache(_) => Self::usage(format!(
                "{error}; --cache-dir names another place for the cache"
            )),
            other => Self::internal(other.to_string()),
        }
    }
}
