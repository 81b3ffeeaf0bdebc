//! What all processes of a sandbox use, added up from /proc: the means where no control group is.
//!
//! The keeper follows the lists of children from init on. A sample is a moment that never was:
//! processes come and go while it is taken. One that lived only between two samples counts once its
//! parent has waited for it, and not at all where its parent never does.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::statvfs;
use nix::unistd::{Pid, SysconfVar, sysconf};

/// One look at the processes of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sample {
    /// The processes, init first.
    pub(crate) processes: Vec<Pid>,
    /// Threads of all of them.
    pub(crate) threads: u64,
    /// Processor time of those that live and of those that were waited for.
    pub(crate) cpu: Duration,
    /// Resident bytes; pages that several processes share count for each.
    pub(crate) resident: u64,
}

/// Whether this kernel lists the children of a process (CONFIG_PROC_CHILDREN).
pub(crate) fn can_be_followed() -> bool {
    Path::new("/proc/thread-self/children").exists()
}

/// Looks at `init` and all its descendants.
pub(crate) fn sample(init: Pid) -> Sample {
    let mut sample = Sample::default();
    let mut seen = HashSet::new();
    let mut open = vec![init];
    while let Some(pid) = open.pop() {
        if seen.insert(pid) {
            add(&mut sample, pid, &mut open);
        }
    }
    sample
}

fn add(sample: &mut Sample, pid: Pid, open: &mut Vec<Pid>) {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return; // It has ended, and its time is its parent's now.
    };
    sample.processes.push(pid);
    sample.cpu += ticks(&stat).map_or(Duration::ZERO, ticks_to_time);
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    sample.resident += field(&statm, 1).unwrap_or(0) * page_size();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        sample.threads += 1;
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        open.extend(
            children
                .split_whitespace()
                .filter_map(|child| child.parse().ok().map(Pid::from_raw)),
        );
    }
}

/// User and system time, of the process and of its children that were waited for. The name before
/// them may hold anything, so they are counted from its end.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after) = stat.rsplit_once(") ")?;
    (11..15).map(|index| field(after, index)).sum()
}

fn field(text: &str, index: usize) -> Option<u64> {
    text.split_whitespace().nth(index)?.parse().ok()
}

fn ticks_to_time(ticks: u64) -> Duration {
    let second = setting(SysconfVar::CLK_TCK, 100);
    Duration::from_millis(ticks.saturating_mul(1000) / second)
}

fn page_size() -> u64 {
    setting(SysconfVar::PAGE_SIZE, 4096)
}

fn setting(variable: SysconfVar, usual: u64) -> u64 {
    let value = sysconf(variable).ok().flatten();
    value
        .and_then(|value| u64::try_from(value).ok())
        .filter(|value| *value > 0)
        .unwrap_or(usual)
}

/// Bytes in memory, exactly: each shared page counts once. Costs milliseconds for each gibibyte.
/// `in_memory` is what lies in the sandbox's memory directories.
pub(crate) fn memory(sample: &Sample, in_memory: u64) -> u64 {
    let mut own = 0;
    let mut shared = 0;
    for pid in &sample.processes {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        own += kibibytes(&rollup, "Pss_Anon:");
        shared += kibibytes(&rollup, "Pss_Shmem:");
    }
    // What is mapped of a file in memory is in both numbers.
    own + shared.max(in_memory)
}

fn kibibytes(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| field(line, 0)).unwrap_or(0) << 10
}

/// Bytes that lie in memory directories, through the eyes of a process that lives there.
pub(crate) fn in_memory(processes: &[Pid], directories: &[PathBuf]) -> u64 {
    let inside = |pid: &Pid, directory: &Path| {
        let below = directory.strip_prefix("/").unwrap_or(directory);
        let held = statvfs(&Path::new(&format!("/proc/{pid}/root")).join(below)).ok()?;
        Some((held.blocks() - held.blocks_free().min(held.blocks())) * held.fragment_size())
    };
    // Init shows nothing of itself; the last process is as good as any other.
    let held = directories.iter().filter_map(|directory| {
        processes
            .iter()
            .rev()
            .find_map(|pid| inside(pid, directory))
    });
    held.sum()
}

/// Bytes of files that have no name any more and are still open, those in memory left out.
pub(crate) fn nameless(processes: &[Pid]) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for pid in processes {
        for open in fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            bytes += nameless_file(&open.path(), &mut seen).unwrap_or(0);
        }
    }
    bytes
}

fn nameless_file(link: &Path, seen: &mut HashSet<(u64, u64)>) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let name = fs::read_link(link).ok()?;
    if !name.as_os_str().as_bytes().ends_with(b" (deleted)") {
        return None;
    }
    let file = fs::metadata(link).ok()?;
    let on_disk = statfs(link).ok()?.filesystem_type() != TMPFS_MAGIC;
    let counts = file.is_file() && on_disk && seen.insert((file.dev(), file.ino()));
    counts.then(|| file.blocks() * 512)
}

#[cfg(test)]
mod tests {
    use super::{kibibytes, sample, ticks};
    use nix::unistd::Pid;
    use std::process::Command;

    #[test]
    fn times_are_read_past_any_name() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("7 (x"), None);
        assert_eq!(ticks("7 (x) S 1"), None);
    }

    #[test]
    fn a_key_of_the_rollup_is_read_in_bytes() {
        let text = "Rss:  10 kB\nPss_Anon:              3 kB\nPss_AnonX: 9 kB\n";
        assert_eq!(kibibytes(text, "Pss_Anon:"), 3072);
        assert_eq!(kibibytes(text, "Pss_Shmem:"), 0);
    }

    #[test]
    fn children_of_children_are_found() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "sleep 5 & sleep 5 & wait"])
            .spawn()
            .unwrap();
        let init = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let found = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            sample(init).processes.len() == 3
        });
        for pid in sample(init).processes.iter().rev() {
            let _ended = nix::sys::signal::kill(*pid, nix::sys::signal::Signal::SIGKILL);
        }
        child.wait().unwrap();
        assert!(found);
    }
}
