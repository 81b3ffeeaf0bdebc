//! What one call may use up, and the fixed sizes of what passes between plugin and host.
//!
//! [`Limits`] is what a caller may set. The constants are part of the interface's meaning: the same on every
//! machine, so that the same plugin meets the same end everywhere.

use std::time::Duration;

/// What one call (instantiation, the call itself, and what comes after it) may use up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Time on the clock. Kept in steps of [`TICK`].
    pub wall: Duration,
    /// Bytes of all linear memories together.
    pub memory: u64,
    /// Elements of all tables together; the host spends 8 bytes on each.
    pub table_elements: u64,
    /// Bytes that the plugin may hand to the host in one go: the report, a line of the log, a path.
    pub transfer: usize,
    /// Bytes of files that it may read from the trees altogether.
    pub tree_bytes: u64,
    /// Paths that `find` and `entries` may look at altogether.
    pub tree_work: u64,
    /// Lines of the log that are kept; more are counted.
    pub log_lines: usize,
    /// Findings that a report may have. Never more than [`FINDINGS`].
    pub findings: usize,
}

impl Default for Limits {
    /// For `check`. 256 MiB hold an interpreter (Python has 12 MiB) and the files of a large change; in 60 seconds
    /// the slowest shipped check looks at 150 MB of sources.
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(60),
            memory: 256 << 20,
            table_elements: 1 << 20,
            transfer: 16 << 20,
            tree_bytes: 4 << 30,
            tree_work: 100_000_000,
            log_lines: 1_000,
            findings: FINDINGS,
        }
    }
}

impl Limits {
    /// For `describe`, which returns constants: 64 MiB and ten seconds, most of them for an interpreter
    /// that starts up.
    pub fn for_describe() -> Self {
        Self {
            wall: Duration::from_secs(10),
            memory: 64 << 20,
            transfer: 1 << 20,
            ..Self::default()
        }
    }
}

/// Bytes of a component. Python's, the largest known, has 18 MiB.
pub const COMPONENT_BYTES: usize = 64 << 20;
/// How often the clock is looked at: a loop costs 10 % more for it, and a deadline is kept this exactly.
pub const TICK: Duration = Duration::from_millis(10);
/// Stack of the plugin on the calling thread, in bytes. The thread needs twice as much.
pub const STACK: usize = 512 << 10;
/// Core instances of one component: wit-component makes three, dynamic linking of Python about forty.
pub const INSTANCES: usize = 256;
/// Linear memories of one component.
pub const MEMORIES: usize = 16;
/// Tables of one component.
pub const TABLES: usize = 64;
/// Tree handles that are open at once: the host keeps a few bytes for each.
pub const HANDLES: u32 = 1_024;
/// Bytes that one `read` or `read-text` returns.
pub const READ: u64 = 16 << 20;
/// Paths or names that one `find` or `entries` returns.
pub const LIST: usize = 65_536;
/// Bytes of paths or names that one `find` or `entries` returns.
pub const LIST_BYTES: usize = 8 << 20;
/// Bytes of a glob.
pub const GLOB: usize = 1_024;
/// Bytes of a path, as on Linux.
pub const PATH: usize = 4_096;
/// Bytes of one line of the log; the rest is cut off.
pub const LOG_LINE: usize = 4_096;
/// Findings of a report: more are a plugin that has run wild.
pub const FINDINGS: usize = 10_000;
/// Metrics of a report.
pub const METRICS: usize = 256;
/// Rules of a plugin.
pub const RULES: usize = 1_024;
/// Locations of a finding.
pub const LOCATIONS: usize = 64;
/// Fixes of a finding.
pub const FIXES: usize = 16;
/// Edits of a fix.
pub const EDITS: usize = 256;
/// Bytes of the text of an edit.
pub const EDIT_TEXT: usize = 64 << 10;
/// Bytes of a message, summary or description; the rest is cut off.
pub const TEXT: usize = 4_096;
/// Bytes of a rule's id, a plugin's, a metric's or a unit's name, a version, a fingerprint.
pub const NAME: usize = 128;
/// Bytes of a link to a rule's description.
pub const URI: usize = 2_048;
/// Bytes of a JSON Schema of the configuration.
pub const SCHEMA: usize = 256 << 10;
