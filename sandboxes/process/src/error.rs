//! What can go wrong before, around and instead of the command: typed, with the step and the path.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// The steps of building a sandbox that can fail, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Reading and checking what the caller asked for.
    ReadSpec,
    /// Finding the host ids that the payload runs as.
    Identity,
    /// Opening a path outside as a detached mount.
    OpenSource,
    /// Making a mount read-only, nosuid and nodev.
    RestrictMount,
    /// Shifting a mount's owner to the payload's id.
    ShiftOwner,
    /// Preparing the directory that takes what an overlay writes.
    PrepareScratch,
    /// Making, entering or limiting the sandbox's control group.
    ControlGroup,
    /// Creating the process in its namespaces.
    Namespaces,
    /// Having bubblewrap create them and the view.
    Bubblewrap,
    /// Having `/sandbox` to oneself and putting the view there.
    Stage,
    /// Writing the id maps of the user namespace.
    IdMap,
    /// Taking on the payload's ids.
    TakeIdentity,
    /// Tying the sandbox's life to the helper's.
    DeathSignal,
    /// Creating the new root file system and moving into it.
    NewRoot,
    /// Mounting a fresh /proc and hiding parts of it.
    MountProc,
    /// Letting go of the host's file system.
    DetachHost,
    /// Creating the place of a mount.
    MountPoint,
    /// Attaching a mount in the view.
    Attach,
    /// Mounting an overlay.
    MountOverlay,
    /// Mounting a tmpfs or devpts.
    MountTmpfs,
    /// Writing a generated file or link.
    WriteFile,
    /// Making the new root read-only.
    ReadOnlyRoot,
    /// Setting the host name inside.
    Hostname,
    /// Bringing the loopback interface up.
    Loopback,
    /// Making a listener inside and handing it to the caller.
    Listener,
    /// Giving up capabilities and privilege gains.
    DropPrivileges,
    /// Building or installing the system call filter.
    Seccomp,
    /// Asking for Landlock.
    Landlock,
    /// Setting a resource limit.
    ResourceLimit,
    /// Giving the command its descriptors and closing all others.
    Descriptors,
    /// Creating the command's process.
    StartWorker,
    /// Creating a service's process and the pipe for its output.
    StartService,
    /// Reading back that a protection is in force.
    Verify,
    /// Waiting for processes and for the orders of the helper.
    Supervise,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadSpec => "reading the sandbox's specification",
            Self::Identity => "finding an unprivileged host id",
            Self::OpenSource => "opening a granted path",
            Self::RestrictMount => "making a mount read-only",
            Self::ShiftOwner => "shifting the owner of a mount",
            Self::PrepareScratch => "preparing an overlay's scratch directory",
            Self::ControlGroup => "using a control group",
            Self::Bubblewrap => "having bubblewrap create the namespaces",
            Self::Namespaces => "creating namespaces",
            Self::Stage => "using the stage /sandbox",
            Self::IdMap => "writing the user namespace's id map",
            Self::TakeIdentity => "taking on the payload's ids",
            Self::DeathSignal => "tying the sandbox to its helper",
            Self::NewRoot => "creating the new root",
            Self::MountProc => "mounting /proc",
            Self::DetachHost => "detaching the host's file system",
            Self::MountPoint => "creating a mount point",
            Self::Attach => "attaching a mount",
            Self::MountOverlay => "mounting an overlay",
            Self::MountTmpfs => "mounting a tmpfs",
            Self::WriteFile => "writing a generated file",
            Self::ReadOnlyRoot => "making the root read-only",
            Self::Hostname => "setting the host name",
            Self::Loopback => "bringing loopback up",
            Self::Listener => "offering a listener to the caller",
            Self::DropPrivileges => "dropping privileges",
            Self::Seccomp => "installing the system call filter",
            Self::Landlock => "asking for Landlock",
            Self::ResourceLimit => "setting a resource limit",
            Self::Descriptors => "arranging descriptors",
            Self::StartWorker => "creating the command's process",
            Self::StartService => "creating a service's process",
            Self::Verify => "verifying a protection",
            Self::Supervise => "supervising the command",
        })
    }
}

/// One failed step, as it crosses from the helper to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was being done.
    pub step: Step,
    /// The path or name it was done to, where there is one.
    #[serde(with = "crate::wire::optional_path")]
    pub path: Option<PathBuf>,
    /// The kernel's error number.
    pub errno: i32,
}

impl Failure {
    pub(crate) fn new(step: Step, errno: Errno) -> Self {
        Self {
            step,
            path: None,
            errno: errno as i32,
        }
    }

    pub(crate) fn at(step: Step, path: impl AsRef<Path>, errno: Errno) -> Self {
        Self {
            step,
            path: Some(path.as_ref().to_owned()),
            errno: errno as i32,
        }
    }

    pub(crate) fn io(step: Step, path: impl AsRef<Path>, error: &std::io::Error) -> Self {
        Self {
            step,
            path: Some(path.as_ref().to_owned()),
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        }
    }

    /// Whether the directory of sandboxes without namespaces is not there or not the caller's.
    #[must_use]
    pub fn is_the_stage(&self) -> bool {
        let place = Some(Path::new(crate::stage::PLACE));
        self.step == Step::Stage && self.path.as_deref() == place
    }

    /// What a person can do about it, where the step and the error number tell.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let errno = Errno::from_raw(self.errno);
        match (self.step, errno) {
            (Step::Namespaces, Errno::EPERM) => Some(
                "user namespaces are refused: in a container allow them (--security-opt seccomp=unconfined), on the host \
                 check kernel.unprivileged_userns_clone",
            ),
            (Step::Namespaces, Errno::ENOSPC) => {
                Some("user namespaces are switched off or used up: raise user.max_user_namespaces")
            }
            (Step::Namespaces, Errno::ENOSYS) => Some(
                "the system call clone3 is refused: this container's seccomp profile is too old or too strict",
            ),
            (
                Step::IdMap
                | Step::TakeIdentity
                | Step::NewRoot
                | Step::Loopback
                | Step::OpenSource
                | Step::RestrictMount,
                Errno::EPERM | Errno::EACCES,
            ) => Some(
                "the user namespace came without capabilities: on Ubuntu set kernel.apparmor_restrict_unprivileged_userns=0 or \
                 install an AppArmor profile that grants userns; in a container add CAP_SYS_ADMIN",
            ),
            (Step::MountProc, Errno::EPERM) => Some(
                "/proc is masked by an outer container: run it with --security-opt systempaths=unconfined",
            ),
            (Step::OpenSource, Errno::EINVAL) => Some(
                "something is mounted beneath it: grant it read-only, or a directory without mounts beneath",
            ),
            (Step::Stage, Errno::ENOENT) if self.is_the_stage() => Some(
                "it is missing and cannot be made by this user: sudo install -d -m 0700 -o $USER /sandbox",
            ),
            (Step::Stage, Errno::EPERM) if self.is_the_stage() => Some(
                "it has to belong to the caller and to be closed to others' writing: sudo install -d -m 0700 -o $USER /sandbox",
            ),
            (Step::Stage, Errno::ENOTEMPTY) if self.is_the_stage() => {
                Some("it holds something that is not of a run: empty it, or have it made anew")
            }
            (Step::Stage, Errno::EACCES | Errno::EROFS) if self.is_the_stage() => {
                Some("nothing can be written there, as inside another sandbox")
            }
            (Step::Stage, Errno::EACCES) => Some(
                "without namespaces the payload's id has to be able to go to a granted path by itself: move it out of a closed \
                 directory, or call as the user whom it belongs to",
            ),
            (Step::Stage, Errno::EOPNOTSUPP) => Some(
                "without namespaces something can be shown at its own path or below /sandbox only",
            ),
            (Step::Listener, Errno::EOPNOTSUPP) => Some(
                "without a network namespace a prepare step has no network: prepare where the tier `full` or `full-bwrap` works",
            ),
            (Step::StartService, Errno::EOPNOTSUPP) => Some(
                "without a network namespace there is no loopback that a service could listen on",
            ),
            (Step::Landlock, Errno::EOPNOTSUPP) => Some(
                "the tier `landlock` needs Landlock with scopes: Linux 6.12 or later, and not switched off",
            ),
            (Step::Identity, _) => Some(
                "root inside this container has no second user id: map more ids into it or call as an ordinary user",
            ),
            (Step::ShiftOwner | Step::MountOverlay, _) => {
                Some("copy the directory instead of overlaying it")
            }
            _ => None,
        }
    }
}

impl Failure {
    /// Step, path and error, without the hint.
    #[must_use]
    pub fn bare(&self) -> String {
        let path = self
            .path
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty());
        let path = path.map(|path| format!(" `{}`", path.display()));
        let what = match (self.step, Errno::from_raw(self.errno)) {
            // Ours and not the kernel's, whose sentence is about arithmetic.
            (Step::Identity, Errno::ERANGE) => "it maps no id that is free",
            (_, errno) => errno.desc(),
        };
        format!("{}{}: {what}", self.step, path.unwrap_or_default())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bare())?;
        self.hint().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

/// Why a command has no report.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A protection or a part of the view could not be set up; the command did not run.
    #[error("the sandbox could not be set up: {0}")]
    Setup(Failure),
    /// The specification cannot be carried out as it stands.
    #[error("the sandbox's specification is wrong: {what} `{}`", path.display())]
    Spec {
        /// What is wrong with the path.
        what: &'static str,
        /// The path as given.
        path: PathBuf,
    },
    /// The helper process could not be started or spoken to.
    #[error("the sandbox helper `{}` could not be started: {source}", program.display())]
    Helper {
        /// The program that was to become the helper.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The helper ended without saying how the command ended; everything it had started was killed
    /// with it.
    #[error("the sandbox helper ended without a report ({0})")]
    HelperLost(String),
}
