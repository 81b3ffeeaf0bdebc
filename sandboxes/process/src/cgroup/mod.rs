//! A control group for each sandbox: limits that hold for all of its processes together.
//!
//! # Theory of operation
//!
//! Only the keeper, outside and with the caller's rights, touches these files; no cgroup file
//! system is ever mounted inside. It makes a *leaf*, a group without groups beneath it, before it
//! creates init, so that init and all that comes of it are born in it. Nothing inside can leave:
//! that takes a write to a file which is not there.
//!
//! The two versions of the kernel's interface differ in how a process gets in.
//!
//! - **Version 2**: `clone3` puts init straight into the leaf. The leaf lies in the innermost group
//!   around the caller that hands memory and pids on to the groups beneath it, and never beyond a
//!   group that is limited itself: the operator set that limit for us too. A session of systemd
//!   has such a place where it was delegated (`systemd-run --user --scope`, or root).
//! - **Version 1** has a hierarchy for each controller. The keeper steps into the leaf of each,
//!   creates init, and steps out again. A single thread that moves itself costs microseconds;
//!   moving another process waits for the whole machine to be quiet, often ten milliseconds.
//!
//! A controller that cannot be had is no error here: the reason is kept, and whoever asked has to
//! use another means and say so (see [`crate::watch`]). A limit that was accepted is read back.
//!
//! The leaf is removed when init is dead. A keeper that is killed leaves an empty directory, which
//! the next start removes (see [`directory`]).

mod directory;
mod place;

use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::directory::{Directory, keyed, number, open_for_writing, write};
use self::place::Place;
pub(crate) use self::place::Surroundings;
use crate::error::{Failure, Step};
use crate::spec::Limits;

/// What a group limits or counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Memory,
    Pids,
    Cpu,
}

impl Controller {
    const ALL: [Self; 3] = [Self::Memory, Self::Pids, Self::Cpu];

    fn v1_name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpuacct",
        }
    }
}

/// Which of the kernel's two interfaces a group belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

impl Version {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V1 => "cgroup v1",
            Self::V2 => "cgroup v2",
        }
    }
}

/// A controller's group of this sandbox.
#[derive(Debug, Clone)]
struct Seat {
    version: Version,
    path: PathBuf,
}

/// The groups of one sandbox. Dropping closes them; [`Leaf::remove`] removes them.
#[derive(Debug)]
pub(crate) struct Leaf {
    groups: Vec<Group>,
    memory: Result<Seat, String>,
    pids: Result<Seat, String>,
    cpu: Result<Seat, String>,
}

/// One directory, the group that it was made in, and in version 1 the way into it and back.
#[derive(Debug)]
struct Group {
    directory: Directory,
    parent: PathBuf,
    door: Option<(fs::File, fs::File)>,
}

impl Leaf {
    /// Makes what can be made; the rest has its reason.
    pub(crate) fn make(around: &Surroundings) -> Self {
        let mut groups = Vec::new();
        let [memory, pids, cpu] =
            Controller::ALL.map(|controller| seat(around, controller, &mut groups));
        Self {
            groups,
            memory,
            pids,
            cpu,
        }
    }

    /// No group at all, for this reason.
    pub(crate) fn unusable(why: &Failure) -> Self {
        Self::none(&why.to_string())
    }

    /// No group at all, for a reason in words.
    pub(crate) fn none(why: &str) -> Self {
        let why = || Err(why.to_owned());
        Self {
            groups: Vec::new(),
            memory: why(),
            pids: why(),
            cpu: why(),
        }
    }

    /// Version 1: takes this thread, and whatever it forks next, into the leaf.
    pub(crate) fn enter(&self) -> Result<(), Failure> {
        self.pass(|(inwards, _)| inwards)
    }

    /// Version 1: takes this thread, not what it forked meanwhile, out of the leaf again.
    pub(crate) fn leave(&self) -> Result<(), Failure> {
        self.pass(|(_, outwards)| outwards)
    }

    fn pass(&self, way: impl Fn(&(fs::File, fs::File)) -> &fs::File) -> Result<(), Failure> {
        for group in &self.groups {
            if let Some(door) = &group.door {
                // Zero is the writing thread itself.
                way(door).write_all(b"0").map_err(|error| {
                    Failure::io(Step::ControlGroup, &group.directory.path, &error)
                })?;
            }
        }
        Ok(())
    }

    /// Version 2: what `clone3` takes to create a process in the leaf.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        let second = self.groups.iter().find(|group| group.door.is_none())?;
        Some(second.directory.lock.as_fd())
    }

    /// Sets the limits and reads them back.
    pub(crate) fn limit(&self, limits: &Limits) -> Result<(), Failure> {
        if let (Ok(seat), Some(bytes)) = (&self.memory, limits.memory) {
            limit_memory(seat, bytes)?;
        }
        if let Ok(seat) = &self.pids {
            set(&seat.path, "pids.max", fewer(limits.processes))?;
        }
        Ok(())
    }

    /// By which interface memory is limited, or why by none.
    pub(crate) fn memory(&self) -> Result<Version, &str> {
        version(&self.memory)
    }

    /// By which interface processes are limited, or why by none.
    pub(crate) fn pids(&self) -> Result<Version, &str> {
        version(&self.pids)
    }

    /// By which interface processor time is counted, or why by none.
    pub(crate) fn cpu(&self) -> Result<Version, &str> {
        version(&self.cpu)
    }

    /// Processes that the kernel killed because memory ran out.
    pub(crate) fn oom_kills(&self) -> u64 {
        self.memory
            .as_ref()
            .ok()
            .and_then(|seat| {
                keyed(
                    &seat.path,
                    match seat.version {
                        Version::V1 => "memory.oom_control",
                        Version::V2 => "memory.events",
                    },
                    "oom_kill",
                )
            })
            .unwrap_or(0)
    }

    /// The most memory that was in use at once, in bytes, the page cache of files included.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let seat = self.memory.as_ref().ok()?;
        number(
            &seat.path,
            match seat.version {
                Version::V1 => "memory.max_usage_in_bytes",
                Version::V2 => "memory.peak",
            },
        )
    }

    /// Processes and threads that could not be created because of the limit.
    pub(crate) fn refused_processes(&self) -> Option<u64> {
        keyed(&self.pids.as_ref().ok()?.path, "pids.events", "max")
    }

    /// The most processes and threads that there were at once, init included.
    pub(crate) fn peak_processes(&self) -> Option<u64> {
        number(&self.pids.as_ref().ok()?.path, "pids.peak")
    }

    /// Processor time that was used so far.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        let seat = self.cpu.as_ref().ok()?;
        match seat.version {
            Version::V1 => number(&seat.path, "cpuacct.usage").map(Duration::from_nanos),
            Version::V2 => keyed(&seat.path, "cpu.stat", "usage_usec").map(Duration::from_micros),
        }
    }

    /// Removes what killed keepers left beside this leaf.
    pub(crate) fn sweep(&self) {
        self.groups
            .iter()
            .for_each(|group| directory::sweep(&group.parent));
    }

    /// Removes the groups, once init is dead and reaped. What cannot be removed is left to the next
    /// start.
    pub(crate) fn remove(self) {
        for group in self.groups {
            let _left = group.directory.remove();
        }
    }
}

fn version(seat: &Result<Seat, String>) -> Result<Version, &str> {
    seat.as_ref()
        .map(|seat| seat.version)
        .map_err(String::as_str)
}

/// A controller's group: one that was made for another controller of the same hierarchy, or a new
/// one.
fn seat(
    around: &Surroundings,
    controller: Controller,
    groups: &mut Vec<Group>,
) -> Result<Seat, String> {
    let place = around
        .find(controller)
        .ok_or_else(|| format!("no {} control group can be seen", controller.v1_name()))?;
    let parent = match place.version {
        Version::V1 => place.own.clone(),
        Version::V2 => delegated(&place)?,
    };
    if !groups.iter().any(|group| group.parent == parent) {
        let made = make_group(place.version, &parent);
        groups.push(made.map_err(|error| format!("no control group of its own: {error}"))?);
    }
    let group = groups.iter().find(|group| group.parent == parent);
    group
        .map(|group| Seat {
            version: place.version,
            path: group.directory.path.clone(),
        })
        .ok_or_else(String::new)
}

fn make_group(version: Version, parent: &Path) -> io::Result<Group> {
    let door = match version {
        // Opened first: whoever cannot come back must not go in.
        Version::V1 => Some(open_for_writing(&parent.join("tasks"))?),
        // Creating a process beneath needs the right to move one there.
        Version::V2 => open_for_writing(&parent.join("cgroup.procs")).map(|_allowed| None)?,
    };
    let directory = Directory::make(parent)?;
    let door = match door {
        Some(outwards) => Some((open_for_writing(&directory.path.join("tasks"))?, outwards)),
        None => None,
    };
    Ok(Group {
        directory,
        parent: parent.to_owned(),
        door,
    })
}

/// The innermost group that hands memory and pids on, unless a group below it is limited itself.
fn delegated(place: &Place) -> Result<PathBuf, String> {
    for directory in place.upwards() {
        let control = fs::read_to_string(directory.join("cgroup.subtree_control"));
        let control = control.unwrap_or_default();
        let hands_on = |name| control.split_whitespace().any(|one| one == name);
        if hands_on("memory") && hands_on("pids") {
            return Ok(directory.to_owned());
        }
        if is_limited(directory) {
            return Err(
                "the surrounding control group is limited and hands no controller on".into(),
            );
        }
    }
    Err("no surrounding control group hands memory and pids on".into())
}

/// One less than RLIMIT_NPROC allows, which counts the same processes, so that the group is the one
/// that refuses: it counts how often. Init and the command have room in any case.
fn fewer(processes: u64) -> u64 {
    processes.saturating_sub(1).max(2)
}

fn is_limited(directory: &Path) -> bool {
    [
        "memory.max",
        "memory.high",
        "memory.swap.max",
        "pids.max",
        "cpu.max",
    ]
    .iter()
    .any(|name| {
        fs::read_to_string(directory.join(name)).is_ok_and(|value| !value.starts_with("max"))
    })
}

/// Memory, and no swap beside it: what is swapped out would not count.
fn limit_memory(seat: &Seat, bytes: u64) -> Result<(), Failure> {
    let optional = |name: &str, value: &str| match write(&seat.path, name, value) {
        // Kernels without swap accounting do not have these.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        written => written.map_err(|error| failed(seat.path.join(name), &error)),
    };
    match seat.version {
        Version::V1 => {
            set(&seat.path, "memory.limit_in_bytes", bytes)?;
            optional("memory.memsw.limit_in_bytes", &bytes.to_string())?;
            optional("memory.swappiness", "0")
        }
        Version::V2 => {
            set(&seat.path, "memory.max", bytes)?;
            optional("memory.swap.max", "0")
        }
    }
}

/// Writes a limit and reads it back; the kernel rounds down to whole pages.
fn set(directory: &Path, name: &str, value: u64) -> Result<(), Failure> {
    let path = directory.join(name);
    write(directory, name, &value.to_string()).map_err(|error| failed(path.clone(), &error))?;
    match number(directory, name) {
        Some(held) if held <= value => Ok(()),
        _ => Err(failed(
            path,
            &io::Error::from_raw_os_error(libc::ENOTRECOVERABLE),
        )),
    }
}

fn failed(path: PathBuf, error: &io::Error) -> Failure {
    Failure::io(Step::ControlGroup, path, error)
}

/// The memory that this process and what it starts can have at most, in bytes: the machine's, or
/// less where a surrounding control group limits it. None where the kernel does not tell.
#[must_use]
pub fn available_memory() -> Option<u64> {
    let machine = keyed_kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")?;
    let surrounding = Surroundings::read()
        .find(Controller::Memory)
        .and_then(|place| {
            let name = match place.version {
                Version::V1 => "memory.limit_in_bytes",
                Version::V2 => "memory.max",
            };
            place
                .upwards()
                .filter_map(|directory| number(directory, name))
                .min()
        });
    Some(surrounding.map_or(machine, |limit| limit.min(machine)))
}

fn keyed_kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::{Version, delegated};
    use crate::cgroup::place::Place;
    use std::fs;

    /// A tree of groups as version 2 shows it: each with what it hands on and its own limit.
    fn tree(groups: &[(&str, &str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, control, memory) in groups {
            let directory = root.path().join(path);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("cgroup.subtree_control"), control).unwrap();
            fs::write(directory.join("memory.max"), memory).unwrap();
        }
        root
    }

    #[test]
    fn a_leaf_lies_in_the_innermost_group_that_hands_controllers_on_and_beyond_no_limit() {
        let cases = [
            (
                vec![
                    ("", "cpu memory pids", "max"),
                    ("user", "memory pids", "max"),
                    ("user/app", "", "max"),
                ],
                Some("user"),
            ),
            (
                vec![
                    ("", "memory pids", "max"),
                    ("user", "cpu", "max"),
                    ("user/app", "", "max"),
                ],
                Some(""),
            ),
            (
                vec![
                    ("", "memory pids", "max"),
                    ("user", "", "max"),
                    ("user/app", "", "1073741824"),
                ],
                None,
            ),
            (
                vec![
                    ("", "memory pids", "max"),
                    ("user", "", "1073741824"),
                    ("user/app", "", "max"),
                ],
                None,
            ),
            (
                vec![
                    ("", "memory", "max"),
                    ("user", "", "max"),
                    ("user/app", "", "max"),
                ],
                None,
            ),
        ];
        for (groups, expected) in cases {
            let root = tree(&groups);
            let place = Place {
                version: Version::V2,
                mount: root.path().to_owned(),
                own: root.path().join("user/app"),
            };
            let expected = expected.map(|path| {
                if path.is_empty() {
                    root.path().to_owned()
                } else {
                    root.path().join(path)
                }
            });
            assert_eq!(delegated(&place).ok(), expected, "{groups:?}");
        }
    }
}
