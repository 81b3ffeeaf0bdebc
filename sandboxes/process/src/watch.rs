//! The limits that the keeper keeps: looked at while the command runs, and once more when it is
//! over.
//!
//! The kernel ends nothing by itself but a process that finds no memory; all else is measured here,
//! twenty times a second, or more rarely where looking costs more. Each number comes from the
//! sandbox's control group where there is one and from /proc otherwise; the enforcement list says
//! which.
//!
//! What counts as the end of a command:
//!
//! - **memory**: the kernel killed one of its processes (then all of them go: what the others would
//!   still do is not to be trusted), or all together were seen above the limit;
//! - **cpu, disk, inodes**: the limit was seen exceeded, at the latest after the end;
//! - **idle**: for that long no output, and next to no processor time;
//! - **file-size**: the kernel ended the command itself with SIGXFSZ. A command that goes on after
//!   the failed write has an end of its own;
//! - **processes**: some could not be created *and* the command failed. Where it succeeded all the
//!   same, or nobody counts (no control group), the refusals are a figure in the usage.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::cgroup::{Leaf, Version};
use crate::disk::{Amount, Meter};
use crate::enforcement::{Enforcement, Protection};
use crate::error::Failure;
use crate::quiet::Quiet;
use crate::report::{Exit, Limit, Usage};
use crate::spec::{Limits, Mount, Spec};
use crate::tree::{self, Sample};

/// Time between two looks, and how many times longer than the look itself it is at least.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_FACTOR: u32 = 20;

/// What is measured of one sandbox.
pub(crate) struct Watch {
    limits: Limits,
    leaf: Leaf,
    init: Pid,
    memory_directories: Vec<PathBuf>,
    disk: Meter,
    quiet: Quiet,
    next: Instant,
    peak: Peak,
    /// What was written, once everything is over.
    written: Option<Amount>,
}

/// The most that was seen.
#[derive(Default)]
struct Peak {
    cpu: Duration,
    memory: Option<u64>,
    threads: Option<u64>,
}

impl Watch {
    /// Of an init that has not been released yet.
    pub(crate) fn new(spec: &Spec, leaf: Leaf, init: Pid) -> Self {
        Self {
            limits: spec.limits.clone(),
            leaf,
            init,
            memory_directories: memory_directories(&spec.mounts),
            disk: Meter::new(&spec.mounts),
            quiet: Quiet::new(),
            next: Instant::now() + PAUSE,
            peak: Peak::default(),
            written: None,
        }
    }

    /// The same for a sandbox whose directories all lie on disk.
    pub(crate) fn with_nothing_in_memory(self) -> Self {
        Self {
            memory_directories: Vec::new(),
            ..self
        }
    }

    /// Takes the keeper out of the control group and sets that group's limits.
    pub(crate) fn confine(&self) -> Result<(), Failure> {
        self.leaf.leave()?;
        self.leaf.limit(&self.limits)
    }

    /// Work that need not be done before the command starts.
    pub(crate) fn tidy(&self) {
        self.leaf.sweep();
    }

    /// Lets go of everything; init is dead.
    pub(crate) fn end(self) {
        self.leaf.remove();
    }

    /// The command has printed something.
    pub(crate) fn printed(&mut self) {
        self.quiet.printed();
    }

    /// When the next look is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Whether the kernel killed a process because memory ran out.
    pub(crate) fn memory_ran_out(&self) -> bool {
        self.leaf.oom_kills() > 0
    }

    /// Looks at everything; the first limit that was exceeded.
    pub(crate) fn look(&mut self) -> Option<Limit> {
        let now = Instant::now();
        let sample = self.sample();
        let found = self
            .memory(&sample)
            .or_else(|| self.time(now))
            .or_else(|| self.disk(&sample));
        self.next = Instant::now() + PAUSE.max(now.elapsed() * PAUSE_FACTOR);
        found
    }

    /// How the command ended, given how init saw it end and what the keeper did about it.
    pub(crate) fn settle(&mut self, cause: Option<Exit>, exit: Exit, used: &Usage) -> Exit {
        if let Some(cause) = cause {
            return cause;
        }
        let limit = match exit {
            Exit::NotStarted { .. } | Exit::Stopped => None,
            _ if self.memory_ran_out() => Some(Limit::Memory),
            Exit::Signalled(libc::SIGXFSZ) => Some(Limit::FileSize),
            _ => self.exceeded_at_the_end(exit, used),
        };
        limit.map_or(exit, Exit::LimitExceeded)
    }

    fn exceeded_at_the_end(&mut self, exit: Exit, used: &Usage) -> Option<Limit> {
        if used.refused_processes > Some(0) && exit != Exit::Exited(0) {
            return Some(Limit::Processes);
        }
        self.cpu_exceeded(used.cpu)
            .or_else(|| over(self.written(), &self.limits))
    }

    /// Completes what init counted.
    pub(crate) fn usage(&mut self, counted: Usage) -> Usage {
        let cpu = [
            self.leaf.cpu_time(),
            Some(self.peak.cpu),
            Some(counted.user + counted.system),
        ];
        let written = (!self.disk.is_idle()).then(|| self.written());
        Usage {
            cpu: cpu.into_iter().flatten().max().unwrap_or_default(),
            memory: self.leaf.peak_memory().or(self.peak.memory),
            processes: self.leaf.peak_processes().or(self.peak.threads),
            refused_processes: self.leaf.refused_processes(),
            disk: written.map(|amount| amount.bytes),
            inodes: written.map(|amount| amount.inodes),
            ..counted
        }
    }

    fn written(&mut self) -> Amount {
        *self.written.get_or_insert_with(|| self.disk.finish())
    }

    /// By which means each limit holds. Time limits that nobody asked for are no protections that
    /// are missing.
    pub(crate) fn enforcement(&self) -> Vec<Enforcement> {
        let (limits, leaf) = (&self.limits, &self.leaf);
        let memory = asked(Protection::MemoryLimit, limits.memory.is_some())
            .unwrap_or_else(|protection| held(protection, leaf.memory()));
        let disk = asked(
            Protection::DiskLimit,
            limits.disk.or(limits.inodes).is_some(),
        )
        .unwrap_or_else(|protection| Enforcement::degraded(protection, DISK_MEANS));
        let times = [
            (Protection::CpuLimit, limits.cpu),
            (Protection::IdleLimit, limits.idle),
        ];
        let times = times
            .into_iter()
            .filter(|(_, limit)| limit.is_some())
            .map(|(protection, _)| held(protection, leaf.cpu()));
        let means = leaf.pids().map_or("RLIMIT_NPROC", Version::name);
        let processes = Enforcement::enforced_by(Protection::ProcessLimit, means);
        [memory, processes, disk].into_iter().chain(times).collect()
    }

    /// The processes, where a limit has no other means.
    fn sample(&mut self) -> Option<Sample> {
        let limits = &self.limits;
        let memory = limits.memory.is_some() && self.leaf.memory().is_err();
        let time = (limits.cpu.is_some() || limits.idle.is_some()) && self.leaf.cpu().is_err();
        let sample = (memory || time).then(|| tree::sample(self.init))?;
        self.peak.cpu = self.peak.cpu.max(sample.cpu);
        self.peak.threads = self.peak.threads.max(Some(sample.threads));
        Some(sample)
    }

    fn memory(&mut self, sample: &Option<Sample>) -> Option<Limit> {
        if self.memory_ran_out() {
            return Some(Limit::Memory);
        }
        let (Some(sample), Some(limit), Err(_)) = (sample, self.limits.memory, self.leaf.memory())
        else {
            return None;
        };
        // The cheap number is at least the exact one, but for files in memory that nobody maps.
        let in_memory = tree::in_memory(&sample.processes, &self.memory_directories);
        let mut used = sample.resident + in_memory;
        if used > limit {
            used = tree::memory(sample, in_memory);
        }
        self.peak.memory = self.peak.memory.max(Some(used));
        (used > limit).then_some(Limit::Memory)
    }

    fn time(&mut self, now: Instant) -> Option<Limit> {
        if self.limits.cpu.is_none() && self.limits.idle.is_none() {
            return None;
        }
        let cpu = self.leaf.cpu_time().unwrap_or(self.peak.cpu);
        let quiet = self.quiet.look(now, cpu);
        let idle = self.limits.idle.is_some_and(|limit| quiet > limit);
        self.cpu_exceeded(cpu).or(idle.then_some(Limit::Idle))
    }

    fn cpu_exceeded(&self, used: Duration) -> Option<Limit> {
        self.limits
            .cpu
            .is_some_and(|limit| used > limit)
            .then_some(Limit::Cpu)
    }

    fn disk(&mut self, sample: &Option<Sample>) -> Option<Limit> {
        if self.limits.disk.is_none() && self.limits.inodes.is_none() {
            return None;
        }
        let init = self.init;
        let nameless = || match sample {
            Some(sample) => tree::nameless(&sample.processes),
            None => tree::nameless(&tree::sample(init).processes),
        };
        let amount = self
            .disk
            .step(self.limits.disk.unwrap_or(u64::MAX), nameless)?;
        over(amount, &self.limits)
    }
}

const DISK_MEANS: &str =
    "polled: what is written faster than directories are walked is noticed late";

/// The entry of a limit that was not asked for, or else the protection back.
fn asked(protection: Protection, asked: bool) -> Result<Enforcement, Protection> {
    if asked {
        return Err(protection);
    }
    Ok(Enforcement::absent(
        protection,
        "no such limit was asked for",
    ))
}

/// A limit that a control group keeps or counts for, and that is polled otherwise.
fn held(protection: Protection, means: Result<Version, &str>) -> Enforcement {
    match means {
        Ok(version) => Enforcement::enforced_by(protection, version.name()),
        Err(why) if !tree::can_be_followed() => {
            let why = format!("{why}, and the kernel does not list the children of a process");
            Enforcement::absent(protection, &why)
        }
        Err(why) => Enforcement::degraded(protection, &format!("polled: {why}")),
    }
}

fn over(amount: Amount, limits: &Limits) -> Option<Limit> {
    let exceeds = |limit: Option<u64>, held| limit.is_some_and(|limit| held > limit);
    if exceeds(limits.disk, amount.bytes) {
        return Some(Limit::Disk);
    }
    exceeds(limits.inodes, amount.inodes).then_some(Limit::Inodes)
}

/// Directories of the view that lie in memory.
fn memory_directories(mounts: &[Mount]) -> Vec<PathBuf> {
    let named = mounts.iter().filter_map(|mount| match mount {
        Mount::Tmpfs { target, .. } => Some(target.clone()),
        _ => None,
    });
    ["/tmp", "/dev/shm"]
        .into_iter()
        .map(PathBuf::from)
        .chain(named)
        .collect()
}
