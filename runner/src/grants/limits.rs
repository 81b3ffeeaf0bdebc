//! Limits: the policy's words for them, with the defaults of the format, as the sandbox wants them.

use std::time::Duration;

use passmuster_policy::policy::{self, Size, TimeLimit};
use passmuster_process::Limits;

/// Size of `/tmp` and of `/dev/shm`, which live in memory.
const TMP_SIZE: u64 = 4 << 30;
/// Largest file that a command may write: a full disk is found out here, not by the host.
const FILE_SIZE: u64 = 16 << 30;
/// Defaults of policy version 1.
const WALL: Duration = Duration::from_secs(3600);
const OPEN_FILES: u64 = 4096;
const PROCESSES: u64 = 8192;
const OUTPUT: u64 = 64 << 20;
const MEMORY: Size = Size::Percent(75);
const DISK: Size = Size::Bytes(32 << 30);
/// A file system is usually made with one inode for this much space, and a tree of few bytes may
/// still have many files.
const BYTES_PER_INODE: u64 = 16 << 10;
const FEW_INODES: u64 = 1 << 16;
/// Time between the request to end and the end.
const GRACE: Duration = Duration::from_secs(2);

/// What shares of the machine are shares of, in bytes; none where the system does not tell.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    /// Memory, of the machine or of the control group around this process.
    pub memory: Option<u64>,
    /// The file system that runs write to.
    pub disk: Option<u64>,
}

/// The limits that a policy writes, with the defaults of the format.
pub fn limits(written: &policy::Limits, capacity: &Capacity) -> Limits {
    let memory = share(written.memory.unwrap_or(MEMORY), capacity.memory);
    let disk = share(written.disk.unwrap_or(DISK), capacity.disk);
    Limits {
        wall: wall(written.wall),
        grace: GRACE,
        cpu: written.cpu.and_then(time),
        idle: written.idle.and_then(time),
        memory,
        open_files: written.open_files.unwrap_or(OPEN_FILES),
        processes: written.processes.unwrap_or(PROCESSES),
        file_size: FILE_SIZE,
        disk,
        inodes: disk.map(|bytes| (bytes / BYTES_PER_INODE).max(FEW_INODES)),
        output: written.output.map_or(OUTPUT, bytes),
        // What lies in memory directories is memory, and was written.
        tmp: [memory, disk]
            .into_iter()
            .flatten()
            .fold(TMP_SIZE, u64::min),
    }
}

/// A size in bytes; none is no limit, which the verdict then says.
fn share(size: Size, whole: Option<u64>) -> Option<u64> {
    match size {
        Size::Bytes(bytes) => Some(bytes),
        Size::Percent(percent) => whole.map(|whole| whole / 100 * u64::from(percent)),
        Size::Unlimited => None,
    }
}

fn time(limit: TimeLimit) -> Option<Duration> {
    match limit {
        TimeLimit::Seconds(seconds) => Some(Duration::from_secs(seconds)),
        TimeLimit::Unlimited => None,
    }
}

/// The wall-clock limit that a policy writes, or the default of the format.
pub fn wall(written: Option<TimeLimit>) -> Duration {
    match written {
        // A sandbox always has an end; a year is none that a run would notice.
        Some(limit) => time(limit).unwrap_or(Duration::from_secs(365 * 24 * 3600)),
        None => WALL,
    }
}

fn bytes(size: Size) -> u64 {
    match size {
        Size::Bytes(bytes) => bytes,
        // Output is kept in memory: a share of it that is no number still has to be one.
        Size::Percent(_) | Size::Unlimited => OUTPUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Capacity = Capacity {
        memory: Some(100 << 30),
        disk: Some(1000 << 30),
    };

    #[test]
    fn what_is_not_written_is_the_default_of_the_format() {
        let limits = limits(&policy::Limits::default(), &MACHINE);
        assert_eq!(limits.memory, Some((100 << 30) / 100 * 75));
        assert_eq!(limits.disk, Some(32 << 30));
        assert_eq!((limits.cpu, limits.idle), (None, None));
        assert_eq!((limits.processes, limits.open_files), (8192, 4096));
        assert_eq!((limits.wall, limits.output), (WALL, 64 << 20));
        assert_eq!(limits.tmp, TMP_SIZE);
    }

    #[test]
    fn what_is_written_counts_and_bounds_what_lies_in_memory() {
        let written = policy::Limits {
            cpu: Some(TimeLimit::Seconds(5)),
            idle: Some(TimeLimit::Unlimited),
            memory: Some(Size::Bytes(1 << 30)),
            disk: Some(Size::Percent(1)),
            ..policy::Limits::default()
        };
        let found = limits(&written, &MACHINE);
        assert_eq!(found.cpu, Some(Duration::from_secs(5)));
        assert_eq!((found.idle, found.memory), (None, Some(1 << 30)));
        assert_eq!(found.disk, Some((1000 << 30) / 100));
        assert_eq!(
            found.inodes,
            found.disk.map(|bytes| bytes / BYTES_PER_INODE)
        );
        assert_eq!(found.tmp, 1 << 30);
    }

    #[test]
    fn none_is_no_limit_and_a_small_disk_still_holds_many_files() {
        let written = policy::Limits {
            memory: Some(Size::Unlimited),
            disk: Some(Size::Bytes(1 << 20)),
            ..policy::Limits::default()
        };
        let found = limits(&written, &MACHINE);
        assert_eq!((found.memory, found.inodes), (None, Some(FEW_INODES)));
        assert_eq!(found.tmp, 1 << 20);
    }
}
