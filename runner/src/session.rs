//! One run: a command, or several phases of one, on one tree in one sandbox.
//!
//! All phases share the writable layer of the tree; nothing else passes from one to the next, and
//! every process of a phase is dead before the next one starts. The layer is thrown away with the
//! session, so no run starts from what another one wrote.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use passmuster_policy::denial::Denial;
use passmuster_policy::policy::Isolation;
use passmuster_policy::run::{Outcome, Usage};
use passmuster_process::{
    Enforcement, Exit, Launcher, Limits, Report, SandboxError, Spec, Start, Streams,
};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::adapters::{Phase, PhaseEnd, Phases};
use crate::cache::{Cache, CacheError, Scratch};
use crate::denials;
use crate::grants::{self, Access, Attendant, Capacity, Failed, Grants, Room, View};
use crate::interrupt::Stop;
use crate::merged::CopyError;
use crate::network::Door;
use crate::network::secrets::Secrets;
use crate::trees::Owner;

/// A run that could not be carried out; says nothing about the change.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The sandbox could not be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The run's directories could not be made.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The base's turn never came.
    #[error(
        "other sandboxes with this cache did not end within an hour, and the base is measured while none runs: \
         it would fail for what they take; end them (`passmuster sandbox` is one), then verify again"
    )]
    NeverAlone,
    /// A part of the tree could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A directory of the run could not be made.
    #[error("cannot make {}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What every run of a verification shares.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Starts sandboxes.
    pub launcher: Launcher,
    /// Where runs get their space.
    pub cache: Cache,
    /// The ids under which sandboxed commands run.
    pub owner: Owner,
    /// The tier that sandboxes have.
    pub isolation: Isolation,
    /// Whether trees are overlays or copies.
    pub overlay: bool,
    /// Ends everything.
    pub stop: Stop,
}

impl Machine {
    /// What shares of the machine are shares of, now.
    pub fn capacity(&self) -> Capacity {
        Capacity {
            memory: passmuster_process::available_memory(),
            disk: passmuster_process::size_of_disk(self.cache.root()),
        }
    }
}

/// One run in progress.
#[derive(Debug)]
pub struct Session<'a> {
    machine: &'a Machine,
    grants: &'a Grants,
    room: Room,
    scratch: Scratch,
    limits: Limits,
    services: Vec<passmuster_process::Service>,
    started: Instant,
    cpu: Duration,
    phases: u32,
    /// Services that did not become ready, or ended before a phase did.
    pub failed_services: Vec<Failed>,
    /// What the sandbox said it enforced, of the last phase.
    pub enforcement: Vec<Enforcement>,
    /// Its way out; none: no network.
    pub door: Option<Door>,
    /// What is struck from all that is printed.
    pub secrets: Secrets,
    /// What it refused, in all phases.
    pub denials: Vec<Denial>,
}

impl<'a> Session<'a> {
    /// Makes the run's directories; starts nothing. The limits on time and on what the tree's layer
    /// holds bound all phases together, the others each of them.
    pub fn open(
        machine: &'a Machine,
        grants: &'a Grants,
        view: &View,
        access: Access,
        limits: Limits,
    ) -> Result<Self, SessionError> {
        let scratch = machine.cache.scratch()?;
        let room = Room::prepare(machine, grants, view, access, scratch.path())?;
        Ok(Self {
            machine,
            grants,
            room,
            scratch,
            limits,
            services: Vec::new(),
            started: Instant::now(),
            cpu: Duration::ZERO,
            phases: 0,
            failed_services: Vec::new(),
            enforcement: Vec::new(),
            door: None,
            secrets: Secrets::default(),
            denials: Vec::new(),
        })
    }

    /// Has these services run beside every phase.
    pub fn with_services(
        mut self,
        services: &[Attendant],
        view: &View,
    ) -> Result<Self, SessionError> {
        self.room
            .serve(self.machine, services, view, self.scratch.path())?;
        let env = self.grants.environment(view);
        self.services = services.iter().map(|service| service.spec(&env)).collect();
        Ok(self)
    }

    /// An error once its time is over or the program was asked to stop: for what is still to be done about
    /// what it left.
    pub fn go_on(&self) -> io::Result<()> {
        if self.machine.stop.is_requested() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match self.started.elapsed() < self.limits.wall {
            true => Ok(()),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Host directory of what the run wrote into the tree.
    pub fn tree_upper(&self) -> PathBuf {
        self.room.tree_upper()
    }

    /// Host directory of what the run wrote into the environments.
    pub fn env_upper(&self) -> PathBuf {
        self.room.env_upper()
    }

    /// Runs one command, its streams passed on, and says all that the sandbox knows about it.
    pub async fn pass_on(
        &mut self,
        phase: &Phase,
        streams: Streams,
    ) -> Result<Report, SessionError> {
        let reports = self.report_directory()?;
        self.launch_in(phase, &reports, streams).await
    }

    async fn launch_in(
        &mut self,
        phase: &Phase,
        reports: &Path,
        streams: Streams,
    ) -> Result<Report, SessionError> {
        let limits = Limits {
            wall: self.limits.wall.saturating_sub(self.started.elapsed()),
            cpu: self.limits.cpu.map(|cpu| cpu.saturating_sub(self.cpu)),
            ..self.limits.clone()
        };
        let mut spec = self.grants.spec(&self.room, phase, reports, limits);
        spec.services.clone_from(&self.services);
        let report = match &self.door {
            None => self.run(&spec, streams).await?,
            Some(door) => {
                grants::open(&mut spec, door);
                let (give, listener) = oneshot::channel();
                let streams = Streams {
                    listener: Some(give),
                    ..streams
                };
                let run = self.run(&spec, streams);
                door.proxy.serve_during(listener, run).await?
            }
        };
        self.cpu += report.usage.cpu;
        self.enforcement.clone_from(&report.enforcement);
        denials::add(&mut self.denials, &report.denials);
        let not_ready = match &report.exit {
            Exit::ServiceNotReady { service, why } => Some((*service, *why)),
            _ => None,
        };
        self.failed_services
            .extend(grants::failed(&report.services, not_ready));
        Ok(report)
    }

    async fn run(&self, spec: &Spec, streams: Streams) -> Result<Report, SandboxError> {
        let stop = self.machine.stop.clone().requested();
        passmuster_process::run_with(&self.machine.launcher, spec, streams, stop).await
    }

    fn report_directory(&mut self) -> Result<PathBuf, SessionError> {
        self.phases += 1;
        let path = self.scratch.path().join(format!("report-{}", self.phases));
        make_owned(&path, self.machine.owner)?;
        Ok(path)
    }
}

impl Phases for Session<'_> {
    type Error = SessionError;

    async fn launch(&mut self, phase: Phase) -> Result<PhaseEnd, SessionError> {
        let reports = self.report_directory()?;
        for handed in &phase.handed {
            write_owned(
                &reports.join(&handed.name),
                &handed.content,
                self.machine.owner,
            )?;
        }
        let report = self.launch_in(&phase, &reports, Streams::default()).await?;
        Ok(phase_end(report, reports, &self.secrets))
    }
}

fn phase_end(report: Report, reports: PathBuf, secrets: &Secrets) -> PhaseEnd {
    PhaseEnd {
        outcome: outcome(&report),
        usage: usage(&report),
        stdout_truncated: report.stdout.dropped() > 0,
        stdout: secrets.out_of(&report.stdout),
        stderr: secrets.out_of(&report.stderr),
        leaked: report.survivors,
        reports,
    }
}

/// How a command ended, in the words of results.
pub fn outcome(report: &Report) -> Outcome {
    match &report.exit {
        Exit::Exited(status) => Outcome::Exited { status: *status },
        Exit::Signalled(signal) => Outcome::Signalled { signal: *signal },
        Exit::LimitExceeded(limit) => Outcome::LimitExceeded {
            limit: limit.to_string(),
        },
        Exit::NotStarted { errno, start } => Outcome::NotStarted {
            why: not_started(*errno, *start),
        },
        Exit::ServiceNotReady { service, why } => {
            grants::not_ready(&report.services, *service, *why)
        }
        Exit::Stopped => Outcome::Interrupted,
    }
}

/// Why a program was not started, in words.
pub(crate) fn not_started(errno: i32, start: Start) -> String {
    let why = std::io::Error::from_raw_os_error(errno);
    match start {
        Start::Directory => format!("its working directory cannot be entered: {why}"),
        Start::Program => format!("the program cannot be executed: {why}"),
    }
}

/// What a command cost, in the words of results.
pub fn usage(report: &Report) -> Usage {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Usage {
        wall_ms: millis(report.usage.wall),
        cpu_ms: millis(report.usage.cpu),
        max_rss: Some(report.usage.max_rss),
        memory: report.usage.memory,
        processes: report.usage.processes,
        refused_processes: report.usage.refused_processes,
        disk: report.usage.disk,
    }
}

/// Writes a file that the sandboxed command may read and remove.
fn write_owned(path: &Path, content: &[u8], owner: Owner) -> Result<(), SessionError> {
    fs::write(path, content)
        .and_then(|()| std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid)))
        .map_err(|source| SessionError::Io {
            path: path.to_owned(),
            source,
        })
}

/// Makes a directory that the sandboxed command may write to.
pub fn make_owned(path: &Path, owner: Owner) -> Result<(), SessionError> {
    fs::create_dir_all(path)
        .and_then(|()| std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid)))
        .map_err(|source| SessionError::Io {
            path: path.to_owned(),
            source,
        })
}
