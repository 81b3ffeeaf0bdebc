//! The system call filter: a table in words, compiled to the kernel's filter language when a
//! sandbox starts.
//!
//! Our own compiler rather than a library's, because the table has four answers (and a fifth,
//! asking a supervisor, is to come), and because the kernel's cost of installing a filter grows
//! with its length: calls are found by binary search over ranges.

mod compile;
mod numbers;
mod table;

use nix::errno::Errno;

use crate::error::{Failure, Step};

/// What a payload may call, with the reasons.
const TABLE: &str = include_str!("syscalls.table");

/// The answer to a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Let it happen.
    Allow,
    /// EPERM.
    Refuse,
    /// ENOSYS.
    Absent,
    /// EAFNOSUPPORT.
    Unsupported,
    /// Nothing, reported as success.
    Pretend,
}

/// The filter of a payload.
pub(crate) fn filter() -> Result<Vec<libc::sock_filter>, Failure> {
    let table =
        table::parse(TABLE).map_err(|wrong| Failure::at(Step::Seccomp, wrong, Errno::EINVAL))?;
    Ok(compile::compile(&table))
}
