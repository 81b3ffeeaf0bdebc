//! Becoming another user, and rights beyond those of the user.

use std::fs;
use std::io;

use nix::libc;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::entry::Control::SucceedsForRoot;
use crate::entry::{Attempt, Entry, call, code, found};
use crate::scene::Scene;

const IDENTITY: &str = "identity";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(IDENTITY, "become-root", SucceedsForRoot, "EINVAL|EPERM", |_| Ok(setuid(Uid::from_raw(0))?)),
    code(IDENTITY, "become-another-user", SucceedsForRoot, "EINVAL|EPERM", |_| Ok(setuid(Uid::from_raw(1001))?)),
    code(IDENTITY, "become-the-root-group", SucceedsForRoot, "EINVAL|EPERM", |_| Ok(setgid(Gid::from_raw(0))?)),
    code(IDENTITY, "join-a-group", SucceedsForRoot, "EINVAL|EPERM", |_| Ok(setgroups(&[Gid::from_raw(27)])?)),
    code(IDENTITY, "be-root-on-the-host", SucceedsForRoot, "nothing", root_on_the_host),
    code(IDENTITY, "hold-a-capability", SucceedsForRoot, "nothing", |_| status("CapEff", |set| set != 0)),
    code(IDENTITY, "be-able-to-get-a-capability", SucceedsForRoot, "nothing", |_| status("CapBnd", |set| set != 0)),
    Entry { class: IDENTITY, name: "gain-a-user-by-a-set-user-id-program", control: SucceedsForRoot, inside: "EPERM", attempt: Attempt::Code(set_user_id) },
    call((IDENTITY, "unlock-privileges"), SucceedsForRoot, "EPERM", "", libc::SYS_prctl, "28 0 0 0 0"),
    call((IDENTITY, "drop-a-bounding-capability"), SucceedsForRoot, "EPERM", "", libc::SYS_prctl, "24 0 0 0 0"),
];

/// The host's id that this process's own stands for.
fn root_on_the_host(_: &Scene) -> io::Result<()> {
    let own = u64::from(Uid::current().as_raw());
    let map = fs::read_to_string("/proc/self/uid_map")?;
    let outside = map.lines().find_map(|line| {
        let numbers: Vec<u64> = line
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [inside, outside, length] = numbers.as_slice() else {
            return None;
        };
        (*inside..inside + length)
            .contains(&own)
            .then(|| outside + (own - inside))
    });
    found(outside == Some(0))
}

fn status(line: &str, wanted: fn(u64) -> bool) -> io::Result<()> {
    let text = fs::read_to_string("/proc/self/status")?;
    let value = text
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
    let set = value.and_then(|value| u64::from_str_radix(value.trim(), 16).ok());
    found(set.is_some_and(wanted))
}

fn set_user_id(scene: &Scene) -> io::Result<()> {
    let mut command = std::process::Command::new(scene.path("grant", "set-user-id")?);
    let status = command
        .arg("euid")
        .stdout(std::process::Stdio::null())
        .status()?;
    match status.code() {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(number)),
        None => Err(crate::entry::nothing()),
    }
}
