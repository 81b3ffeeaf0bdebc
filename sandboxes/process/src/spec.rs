//! What a caller asks for: a command, what it may see, and how much it may use.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::service::Service;

/// One command in one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// What runs.
    pub command: Command,
    /// What it sees besides the system view (see the crate's front page), made in this order.
    pub mounts: Vec<Mount>,
    /// How much it may use, together with its services.
    pub limits: Limits,
    /// A TCP port on the sandbox's own 127.0.0.1 that the caller answers (see
    /// [`crate::Streams::listener`]); none: nothing outside can be talked to.
    pub listen: Option<u16>,
    /// What runs beside it: started in this order, each after the one before it is ready.
    pub services: Vec<Service>,
}

/// A program and its surroundings; every path is as seen inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Absolute path of the program; nothing is looked up on a search path.
    #[serde(with = "crate::wire::path")]
    pub program: PathBuf,
    /// Arguments after the program's name.
    pub args: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    #[serde(with = "crate::wire::pairs")]
    pub env: BTreeMap<OsString, OsString>,
    /// Working directory.
    #[serde(with = "crate::wire::path")]
    pub cwd: PathBuf,
}

/// One thing that the view contains. Sources are host paths, targets absolute paths inside.
///
/// A target's missing parents are created, provided that nothing read-only was mounted above them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// A host file or directory, read-only with everything mounted beneath it.
    ReadOnly {
        /// Where it is on the host.
        #[serde(with = "crate::wire::path")]
        source: PathBuf,
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
    },
    /// A host directory that the command may change; it must belong to the payload's id.
    Writable {
        /// Where it is on the host.
        #[serde(with = "crate::wire::path")]
        source: PathBuf,
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
    },
    /// Host directories merged and writable by copying; they themselves never change.
    Overlay {
        /// The layers, topmost first; at least one.
        lowers: Vec<Lower>,
        /// A host directory of the payload's id for this overlay alone; `upper` in it holds what
        /// was written.
        #[serde(with = "crate::wire::path")]
        scratch: PathBuf,
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
    },
    /// Host directories merged, read-only.
    ReadOnlyOverlay {
        /// The layers, topmost first; at least one.
        lowers: Vec<Lower>,
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
    },
    /// An empty writable directory in memory.
    Tmpfs {
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
        /// Most bytes it can hold.
        size: u64,
    },
    /// A file with this content, read-only wherever it lies, in place of one that is there.
    File {
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
        /// Its bytes.
        content: Vec<u8>,
        /// Whether it can be executed.
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        path: PathBuf,
        /// What it says.
        #[serde(with = "crate::wire::path")]
        to: PathBuf,
    },
    /// An empty file that nobody needs, on a writable place: that it was opened is reported. It belongs
    /// to the payload, which may remove it.
    Decoy {
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
    },
    /// An empty directory, read-only like the root it lies on.
    Directory {
        /// Where it appears.
        #[serde(with = "crate::wire::path")]
        target: PathBuf,
    },
}

/// A layer of an overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lower {
    /// The host directory; nothing may be mounted beneath it.
    #[serde(with = "crate::wire::path")]
    pub source: PathBuf,
    /// Show what belongs to root as belonging to the payload, so that it can be written by copying.
    pub owner_shift: bool,
}

/// How much a command may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time until SIGTERM goes to every process.
    pub wall: Duration,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Processor time of all processes together.
    pub cpu: Option<Duration>,
    /// Time without output and without use of the processor.
    pub idle: Option<Duration>,
    /// Bytes of memory of all processes together; nothing is swapped out beside it. Counts what
    /// lies in /tmp, /dev/shm and other memory directories, and the page cache of files.
    pub memory: Option<u64>,
    /// Open descriptors per process (RLIMIT_NOFILE).
    pub open_files: u64,
    /// Processes and threads at a time, the sandbox's init included (RLIMIT_NPROC; a control group,
    /// where there is one, refuses and counts at one less).
    pub processes: u64,
    /// Bytes that overlays' scratch directories hold, and that are added to writable directories.
    pub disk: Option<u64>,
    /// Files and directories there.
    pub inodes: Option<u64>,
    /// Bytes per file (RLIMIT_FSIZE).
    pub file_size: u64,
    /// Bytes kept of each output stream; more is counted and dropped from the middle.
    pub output: u64,
    /// Bytes in /tmp and, separately, in /dev/shm.
    pub tmp: u64,
}

impl Default for Limits {
    /// Ten minutes, and room for an ordinary build where the kernel keeps a limit for each process;
    /// no limit of all together.
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(600),
            grace: Duration::from_secs(2),
            cpu: None,
            idle: None,
            memory: None,
            open_files: 4096,
            processes: 1024,
            disk: None,
            inodes: None,
            file_size: 4 << 30,
            output: 2 << 20,
            tmp: 1 << 30,
        }
    }
}

impl Mount {
    /// Where in the view this mount appears.
    #[must_use]
    pub fn target(&self) -> &Path {
        match self {
            Self::ReadOnly { target, .. }
            | Self::Writable { target, .. }
            | Self::Overlay { target, .. }
            | Self::ReadOnlyOverlay { target, .. }
            | Self::Tmpfs { target, .. }
            | Self::File { target, .. }
            | Self::Decoy { target }
            | Self::Directory { target }
            | Self::Symlink { path: target, .. } => target,
        }
    }

    fn sources(&self) -> Vec<&Path> {
        match self {
            Self::ReadOnly { source, .. } | Self::Writable { source, .. } => vec![source],
            Self::Overlay {
                lowers, scratch, ..
            } => lowers
                .iter()
                .map(|lower| lower.source.as_path())
                .chain([scratch.as_path()])
                .collect(),
            Self::ReadOnlyOverlay { lowers, .. } => {
                lowers.iter().map(|lower| lower.source.as_path()).collect()
            }
            Self::Tmpfs { .. }
            | Self::File { .. }
            | Self::Symlink { .. }
            | Self::Decoy { .. }
            | Self::Directory { .. } => Vec::new(),
        }
    }

    fn has_no_layer(&self) -> bool {
        matches!(self, Self::Overlay { lowers, .. } | Self::ReadOnlyOverlay { lowers, .. } if lowers.is_empty())
    }
}

impl Spec {
    /// Refuses what could only be a mistake of the caller, before anything is started.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let wrong = |what, path: &Path| {
            Err(SandboxError::Spec {
                what,
                path: path.to_owned(),
            })
        };
        let services = self.services.iter().map(|service| &service.command);
        let commands = std::iter::once(&self.command).chain(services);
        for path in commands.flat_map(|command| [&command.program, &command.cwd]) {
            if !path.is_absolute() {
                return wrong("not an absolute path:", path);
            }
        }
        for mount in &self.mounts {
            let target = mount.target();
            if !is_plain(target) || target == Path::new("/") {
                return wrong("not a plain absolute target:", target);
            }
            if let Some(source) = mount
                .sources()
                .into_iter()
                .find(|source| !source.is_absolute())
            {
                return wrong("not an absolute source:", source);
            }
            if mount.has_no_layer() {
                return wrong("an overlay without layers at", target);
            }
        }
        Ok(())
    }
}

/// Whether a path is absolute and names nothing through `..`.
fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}
