//! The system call filter: a table in words, compiled to the kernel's filter language once for all
//! sandboxes of a caller.
//!
//! Our own compiler rather than a library's, because the table has answers that none offers together
//! (asking a supervisor is one of them), and because the kernel's cost of installing a filter grows
//! with its length: calls are found by binary search over ranges.

mod compile;
mod numbers;
mod table;

use nix::errno::Errno;

use crate::error::{Failure, Step};

/// What a payload may call, with the reasons.
const TABLE: &str = include_str!("syscalls.table");
/// What is decided otherwise where there are no namespaces.
const STAGE: &str = include_str!("stage.table");
/// And where the payload is the caller's own user besides.
const OWN_FILES: &str = include_str!("own_files.table");

/// The answer to a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Let it happen.
    Allow,
    /// EPERM.
    Refuse,
    /// EPERM, told to the supervisor where there is one.
    Report,
    /// Let it happen, after the supervisor, where there is one, has looked.
    Watch,
    /// The supervisor does it instead, where it may be done; EPERM where there is none.
    Perform,
    /// ENOSYS.
    Absent,
    /// EAFNOSUPPORT.
    Unsupported,
    /// Nothing, reported as success.
    Pretend,
}

/// The table, read and compiled.
pub(crate) struct Filter {
    table: table::Table,
    supervised: Vec<libc::sock_filter>,
    alone: Vec<libc::sock_filter>,
}

impl Filter {
    /// Reads and compiles it, for the life of the process: what a forked process frees it copies first,
    /// page by page.
    pub(crate) fn read() -> Result<&'static Self, Failure> {
        Self::of(&[TABLE])
    }

    /// The one for a sandbox without namespaces, where the payload may be the caller's own user.
    pub(crate) fn without_namespaces(own_files: bool) -> Result<&'static Self, Failure> {
        let tables = [TABLE, STAGE, OWN_FILES];
        Self::of(if own_files { &tables } else { &tables[..2] })
    }

    /// Later tables replace what earlier ones say about a call.
    fn of(texts: &[&str]) -> Result<&'static Self, Failure> {
        let mut table = table::Table::new();
        for text in texts {
            let more = table::parse(text)
                .map_err(|wrong| Failure::at(Step::Seccomp, wrong, Errno::EINVAL))?;
            table.extend(more);
        }
        Ok(Box::leak(Box::new(Self {
            supervised: compile::compile(&table, true),
            alone: compile::compile(&table, false),
            table,
        })))
    }

    /// The kernel's program; what is to be told goes to a supervisor if there is one.
    pub(crate) fn program(&self, supervised: bool) -> &[libc::sock_filter] {
        if supervised {
            &self.supervised
        } else {
            &self.alone
        }
    }

    /// What a call gets, as the program decides it.
    pub(crate) fn judge(&self, number: u32, arguments: &[u64; 6]) -> Action {
        let entry = self.table.get(&number);
        entry.map_or(Action::Absent, |entry| entry.judge(arguments))
    }
}

/// The name of a system call that the table speaks of.
pub(crate) fn name(number: u32) -> &'static str {
    numbers::name(number).unwrap_or("unknown")
}
