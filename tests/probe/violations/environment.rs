//! What the caller's environment tells, and what a search path lets be planted.

use std::io;

use nix::unistd::{AccessFlags, access};

use crate::entry::Control::{Succeeds, SucceedsForRoot};
use crate::entry::{Entry, code, found};
use crate::scene::Scene;

const ENVIRONMENT: &str = "environment";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(ENVIRONMENT, "read-a-secret-variable", Succeeds, "nothing", |_| found(std::env::var_os("PROBE_SECRET").is_some())),
    code(ENVIRONMENT, "read-the-parents-secret-variable", Succeeds, "nothing", parents_variable),
    code(ENVIRONMENT, "plant-a-program-on-the-path", SucceedsForRoot, "nothing", path_is_writable),
    code(ENVIRONMENT, "learn-the-hosts-name", Succeeds, "nothing", hosts_name),
];

fn parents_variable(_: &Scene) -> io::Result<()> {
    let environment = std::fs::read(format!(
        "/proc/{}/environ",
        std::os::unix::process::parent_id()
    ))?;
    found(String::from_utf8_lossy(&environment).contains("PROBE_SECRET="))
}

fn path_is_writable(_: &Scene) -> io::Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    found(
        std::env::split_paths(&path).any(|directory| access(&directory, AccessFlags::W_OK).is_ok()),
    )
}

fn hosts_name(scene: &Scene) -> io::Result<()> {
    found(nix::unistd::gethostname()?.to_string_lossy() == scene.text("hostname")?)
}
