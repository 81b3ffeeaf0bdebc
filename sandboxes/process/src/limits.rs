//! Resource limits that the kernel keeps per process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::enforcement::Protection;
use crate::error::{Failure, Step};
use crate::spec::Limits;

/// Enough for what compilers and interpreters lock (the kernel's own old default).
const LOCKED_MEMORY: u64 = 64 << 10;

/// One byte: too little for any core file, and the one value by which the kernel also starts no
/// handler that a `|` in core_pattern names (fs/coredump.c); with zero it would start it, outside
/// and as root. The filter keeps it from being lowered.
const CORE: u64 = 1;

/// Each limit with the protection it stands for.
fn table(limits: &Limits) -> [(Protection, Resource, u64); 6] {
    [
        (Protection::RlimitCore, Resource::RLIMIT_CORE, CORE),
        (
            Protection::RlimitOpenFiles,
            Resource::RLIMIT_NOFILE,
            limits.open_files,
        ),
        (
            Protection::RlimitProcesses,
            Resource::RLIMIT_NPROC,
            limits.processes,
        ),
        (
            Protection::RlimitFileSize,
            Resource::RLIMIT_FSIZE,
            limits.file_size,
        ),
        (
            Protection::RlimitLockedMemory,
            Resource::RLIMIT_MEMLOCK,
            LOCKED_MEMORY,
        ),
        (
            Protection::RlimitMessageQueues,
            Resource::RLIMIT_MSGQUEUE,
            0,
        ),
    ]
}

/// Sets every limit, soft and hard; a hard limit of the caller that is lower stays.
pub(crate) fn apply(limits: &Limits) -> Result<(), Failure> {
    for (protection, resource, value) in table(limits) {
        let failed = |errno| Failure::at(Step::ResourceLimit, protection.to_string(), errno);
        let (_, hard) = getrlimit(resource).map_err(failed)?;
        let value = value.min(hard);
        setrlimit(resource, value, value).map_err(failed)?;
    }
    Ok(())
}

/// Whether each limit is at most what was asked for.
pub(crate) fn verify(limits: &Limits) -> impl Iterator<Item = (Protection, bool)> {
    table(limits)
        .into_iter()
        .map(|(protection, resource, value)| {
            (
                protection,
                getrlimit(resource).is_ok_and(|(soft, hard)| soft <= value && hard <= value),
            )
        })
}
