//! Which host ids a payload runs as: the caller's own, or for root a pair that belongs to nobody.
//!
//! Host root inside a user namespace still passes the kernel's owner checks on sysctls and escapes
//! per-user limits, so a root caller needs another id. It is derived from what this machine maps
//! and hands out, and comes out the same in every process.

use std::fs;
use std::ops::RangeInclusive;

use nix::errno::Errno;
use nix::unistd::{getegid, geteuid};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, SandboxError, Step};

/// The ids, user and group alike, that a payload sees itself as.
pub const INSIDE: u32 = 1000;

/// The name that belongs to [`INSIDE`] in the generated passwd.
pub const NAME: &str = "passmuster";

/// Where to look first: systemd's list of id ranges leaves 0x70000000 to 0x7ffffffe to nobody
/// (docs/UIDS-GIDS.md there).
const UNUSED: RangeInclusive<u32> = 0x7000_0000..=0x7fff_fffe;

/// Ids that mean "nobody" or "none" in 16 or 32 bits.
const NEVER: [u32; 4] = [0, 65534, 65535, u32::MAX];

/// Host ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
}

/// The host ids that payloads started by this process run as; what they write must belong to these.
///
/// # Errors
/// When root has no second id to give: only one is mapped into this container.
pub fn host() -> Result<Identity, SandboxError> {
    find().map_err(SandboxError::Setup)
}

/// Whether this process can open, map and shift as root.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The payload's ids as its own user namespace numbers them.
pub(crate) fn inside() -> Identity {
    Identity {
        uid: INSIDE,
        gid: INSIDE,
    }
}

pub(crate) fn find() -> Result<Identity, Failure> {
    if !is_root() {
        return Ok(Identity {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
        });
    }
    Ok(Identity {
        uid: unprivileged(["/proc/self/uid_map", "/etc/passwd", "/etc/subuid"])?,
        gid: unprivileged(["/proc/self/gid_map", "/etc/group", "/etc/subgid"])?,
    })
}

fn unprivileged([map, accounts, delegated]: [&str; 3]) -> Result<u32, Failure> {
    let text = fs::read_to_string(map).map_err(|error| Failure::io(Step::Identity, map, &error))?;
    // A machine without these files has no accounts or delegations to avoid.
    let accounts = fs::read_to_string(accounts).unwrap_or_default();
    let delegated = fs::read_to_string(delegated).unwrap_or_default();
    choose(&text, &accounts, &delegated)
        .ok_or_else(|| Failure::at(Step::Identity, map, Errno::ERANGE))
}

/// The lowest free id in the unused range, else the highest free id of all that are mapped.
fn choose(map: &str, accounts: &str, delegated: &str) -> Option<u32> {
    let mapped: Vec<_> = map.lines().filter_map(mapped_range).collect();
    let taken: Vec<_> = accounts
        .lines()
        .filter_map(account)
        .chain(delegated.lines().filter_map(delegation))
        .collect();
    let free = |id: u32| !NEVER.contains(&id) && !taken.iter().any(|range| range.contains(&id));
    let unused = mapped
        .iter()
        .filter_map(|range| overlap(range, &UNUSED))
        .flatten()
        .find(|id| free(*id));
    unused.or_else(|| {
        mapped
            .iter()
            .rev()
            .flat_map(|range| range.clone().rev())
            .find(|id| free(*id))
    })
}

/// `first outside count` of a uid_map line, as the range of ids valid here.
fn mapped_range(line: &str) -> Option<RangeInclusive<u32>> {
    let mut fields = line.split_whitespace();
    let (first, count) = (fields.next()?.parse().ok()?, fields.nth(1)?.parse().ok()?);
    span(first, count)
}

/// The id of a passwd or group line.
fn account(line: &str) -> Option<RangeInclusive<u32>> {
    let id = line.split(':').nth(2)?.parse().ok()?;
    Some(id..=id)
}

/// The ids of a subuid or subgid line.
fn delegation(line: &str) -> Option<RangeInclusive<u32>> {
    let mut fields = line.split(':').skip(1);
    span(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)
}

fn span(first: u32, count: u32) -> Option<RangeInclusive<u32>> {
    let last = first.saturating_add(count.checked_sub(1)?);
    Some(first..=last)
}

fn overlap(a: &RangeInclusive<u32>, b: &RangeInclusive<u32>) -> Option<RangeInclusive<u32>> {
    let (first, last) = (*a.start().max(b.start()), *a.end().min(b.end()));
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::choose;

    const WHOLE: &str = "         0          0 4294967295\n";

    #[test]
    fn an_id_is_mapped_unused_and_never_a_known_account() {
        let cases = [
            ("everything mapped", WHOLE, "", "", Some(0x7000_0000)),
            (
                "the first one has an account",
                WHOLE,
                "x:x:1879048192:0::/:",
                "",
                Some(0x7000_0001),
            ),
            (
                "the first ones are delegated",
                WHOLE,
                "",
                "u:1879048192:65536",
                Some(0x7001_0000),
            ),
            (
                "a container of 65536 ids",
                "0 100000 65536",
                "",
                "",
                Some(65533),
            ),
            (
                "its highest id has an account",
                "0 100000 65536",
                "x:x:65533:0::/:",
                "",
                Some(65532),
            ),
            ("two ranges", "0 1000 1\n1 100000 10\n", "", "", Some(10)),
            ("only root is mapped", "0 1000 1", "", "", None),
            ("nothing is mapped", "", "", "", None),
            ("an unreadable line", "0 zero one", "", "", None),
        ];
        for (name, map, accounts, delegated, expected) in cases {
            assert_eq!(choose(map, accounts, delegated), expected, "{name}");
        }
    }
}
