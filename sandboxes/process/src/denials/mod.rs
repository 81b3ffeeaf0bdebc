//! What a sandbox refused: who asked for what, told in a bounded list.
//!
//! # Theory of operation
//!
//! Nothing here protects. The boundaries are the mounts, the empty network namespace and the filter's
//! own answers; this says what ran into them. Three sources:
//!
//! - **The filter's supervisor** (`supervisor`). Calls that the table marks `report` or `watch` wait for
//!   the keeper, which has the listener of the filter in its poll loop: one thread, one more
//!   descriptor. A reported call gets EPERM, always, whatever the keeper could find out about it. A
//!   watched one (`connect`, `sendto` with an address, `open` of a file to be written anew) is let go
//!   on after a look at the address or path in the caller's memory. Another thread may change the
//!   memory after the look and before the kernel reads it, so the look decides nothing: the namespace
//!   has no route but loopback, whatever the address says, and mounts are read-only, whatever the
//!   path. A path is held against the grants by its text; that the call failed is a conclusion, not
//!   an observation. An id that is no longer valid belongs to a process that has ended, and is
//!   forgotten.
//! - **The resolver** (`names`). Init holds port 53 of the loopback address, which is where programs
//!   ask that find no server in `resolv.conf`. It answers that no name exists, and keeps the names.
//! - **Decoys** (`decoys`). Files that a caller plants where code looks for credentials. Init asks the
//!   kernel to be told when one is opened.
//!
//! Not seen: addresses in messages (`sendmsg`, as datagrams of node); changes to files outside other
//! than writing them anew (renaming, removing, appending, making directories), nor Python's own caches; files that are read and
//! are no decoys; a decoy that is only asked about (`stat`); what the table refuses quietly. The
//! process is the name of the thread's own choosing, and unknown for decoys. A machine where another
//! supervisor is in force (some container runtimes, another sandbox) allows no second one: the filter
//! then refuses by itself and the enforcement list says so.
//!
//! Looking into a process's memory can wait for the file that is mapped there. The payload cannot make
//! a file system that never answers (no FUSE, no userfaultfd); a granted one that hangs would hold up
//! the keeper as it holds up the payload.

mod decoys;
mod look;
mod names;
mod supervisor;
mod writes;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::enforcement::{Enforcement, Protection, State};

pub(crate) use decoys::Decoys;
pub(crate) use names::Resolver;
pub(crate) use supervisor::{Supervisor, install};
pub(crate) use writes::path_at;

/// Different entries kept of each kind; more are counted only.
const CAP: usize = 32;
/// Bytes kept of a target or a process's name.
const LONGEST: usize = 256;

/// What kind of thing was refused or led nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialKind {
    /// A system call that no payload may make; it was answered with EPERM.
    SystemCall,
    /// An address that is not this sandbox's own loopback; there is no way to it.
    Network,
    /// A name that is not in `/etc/hosts`; the answer was that it does not exist.
    NameLookup,
    /// A file outside the writable places was to be written anew; the view is read-only there.
    Write,
    /// A decoy was opened: a file that only who looks for credentials has reason to read.
    Decoy,
}

/// The same thing, refused once or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// What kind of thing.
    pub kind: DenialKind,
    /// The system call, where one was seen.
    pub syscall: Option<String>,
    /// The address, name or path. The payload chose it: it may hold anything.
    pub target: Option<String>,
    /// The name of the process, as far as it is known. The payload chose it too.
    pub process: Option<String>,
    /// How many times.
    pub count: u64,
}

/// What a sandbox refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denials {
    /// Each thing once, in the order of its first time.
    pub list: Vec<Denial>,
    /// Refusals beyond the number of different things that is kept.
    pub dropped: u64,
}

impl Denials {
    /// Counts one more of the same, or keeps it as new while there is room.
    fn note(&mut self, new: Denial) {
        let new = Denial {
            target: new.target.map(|text| short(&text)),
            process: new.process.map(|text| short(&text)),
            ..new
        };
        let same = |old: &&mut Denial| {
            (old.kind, &old.syscall, &old.target, &old.process)
                == (new.kind, &new.syscall, &new.target, &new.process)
        };
        if let Some(old) = self.list.iter_mut().find(same) {
            old.count = old.count.saturating_add(new.count);
        } else if self.list.iter().filter(|old| old.kind == new.kind).count() < CAP {
            self.list.push(new);
        } else {
            self.dropped = self.dropped.saturating_add(new.count);
        }
    }
}

/// What init saw by itself, told at the end.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Names that were looked up, and how often.
    pub(crate) names: Vec<(String, u64)>,
    /// Decoys that were opened.
    pub(crate) decoys: Vec<PathBuf>,
}

/// Reports that leave out what one of their sources does not see are less than reports.
pub(crate) fn qualified(reports: Enforcement, resolver: &Resolver, decoys: &Decoys) -> Enforcement {
    let blind: Vec<String> = [resolver.blind(), decoys.blind()]
        .into_iter()
        .flatten()
        .collect();
    if reports.state != State::Enforced || blind.is_empty() {
        return reports;
    }
    Enforcement::degraded(Protection::DenialReports, &blind.join("; "))
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(LONGEST))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(target: String) -> Denial {
        Denial {
            kind: DenialKind::Network,
            syscall: Some("connect".into()),
            target: Some(target),
            process: None,
            count: 1,
        }
    }

    #[test]
    fn the_same_is_counted_and_the_different_is_bounded_in_number_and_length() {
        let mut denials = Denials::default();
        for number in 0..100 {
            denials.note(network(format!("{number}")));
            denials.note(network("0".into()));
        }
        denials.note(Denial {
            kind: DenialKind::Decoy,
            ..network("é".repeat(1000))
        });
        assert_eq!(denials.list.len(), CAP + 1);
        assert_eq!(denials.list[0].count, 101);
        assert_eq!(denials.dropped, 100 - CAP as u64);
        let longest = denials.list.last().and_then(|last| last.target.as_ref());
        assert_eq!(longest.map(String::len), Some(LONGEST));
    }
}
