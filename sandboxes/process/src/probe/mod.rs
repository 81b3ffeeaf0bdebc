//! What the kernel gives a sandbox here, each thing found out by doing it.
//!
//! # Theory of operation
//!
//! Reading settings tells what ought to work, not what does: a container's filter, a security
//! module or a limit further out may refuse what every setting allows, and some refuse late (a user
//! namespace that comes without rights). So each [`Feature`] is tried, in a process of its own that
//! ends with the attempt, and the step and error number of a failure are kept.
//!
//! The attempts are made by a helper like that of a sandbox, because they need a process with one
//! thread. It writes one list to its output and ends.

mod attempts;
mod cause;
mod circumstances;

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub use self::cause::Cause;
pub use self::circumstances::Circumstances;
use crate::error::{Failure, SandboxError};
use crate::launch::Launcher;
use crate::wire;

/// Longer than any attempt may take; most take a millisecond.
const PATIENCE: Duration = Duration::from_secs(30);

/// What sandboxes are built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Host ids for the payload that are nobody's.
    PayloadIds,
    /// The system call by which init is created.
    Clone3,
    /// A user namespace can be created.
    UserNamespace,
    /// It comes with the right to mount.
    NamespaceRights,
    /// Process ids of its own.
    PidNamespace,
    /// A network of its own.
    NetworkNamespace,
    /// System V IPC of its own.
    IpcNamespace,
    /// A host name of its own.
    UtsNamespace,
    /// A view of the control groups of its own.
    CgroupNamespace,
    /// Detached mounts, their attributes, and attaching them.
    MountApi,
    /// A fresh /proc.
    Proc,
    /// Loopback with IPv4.
    Loopback,
    /// Loopback with IPv6.
    LoopbackIpv6,
    /// System call filters.
    Seccomp,
    /// Filters that ask a supervisor.
    SeccompNotification,
    /// Landlock, in any version.
    Landlock,
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// One feature and what came of trying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The feature.
    pub feature: Feature,
    /// What was found, where there is something to say, or the step that failed.
    pub result: Result<Option<String>, Failure>,
}

/// Everything that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Every feature, in the order in which a sandbox needs them.
    pub features: Vec<Probed>,
    /// What there is around this process.
    pub circumstances: Circumstances,
}

impl Diagnosis {
    /// What came of trying a feature.
    #[must_use]
    pub fn of(&self, feature: Feature) -> Option<&Result<Option<String>, Failure>> {
        let found = self.features.iter().find(|one| one.feature == feature)?;
        Some(&found.result)
    }

    /// Why there are no sandboxes here; none where nothing that they need is missing.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        cause::find(self)
    }
}

/// Tries everything.
///
/// # Errors
/// When the helper cannot be started or ends without an answer.
pub async fn diagnose(launcher: &Launcher) -> Result<Diagnosis, SandboxError> {
    let lost = |error: io::Error| SandboxError::HelperLost(error.to_string());
    let output = timeout(PATIENCE, launcher.ask_probe())
        .await
        .map_err(|_| lost(io::ErrorKind::TimedOut.into()))??;
    let mut answer = output.stdout.as_slice();
    wire::receive(&mut answer).map_err(|_| {
        SandboxError::HelperLost(format!(
            "it gave no answer to what works here; {}",
            output.status
        ))
    })
}

/// The whole life of the helper that tries.
pub(crate) fn answer() {
    let diagnosis = Diagnosis {
        features: attempts::all(),
        circumstances: Circumstances::read(),
    };
    let _gone = wire::send(io::stdout().lock(), &diagnosis);
}
