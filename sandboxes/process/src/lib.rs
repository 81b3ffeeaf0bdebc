//! Runs one command with only the grants it was given.

mod credentials;
mod enforcement;
mod error;
pub mod identity;
pub mod init;
mod keeper;
mod launch;
mod limits;
mod namespaces;
mod network;
mod output;
mod report;
mod seccomp;
mod spec;
mod sys;
mod view;
mod wire;
mod worker;

pub use enforcement::{Enforcement, Protection, State};
pub use error::{Failure, SandboxError, Step};
pub use launch::{Launcher, run};
pub use output::Captured;
pub use report::{Exit, Limit, Report, Start, Usage};
pub use spec::{Command, Limits, Lower, Mount, Spec};
