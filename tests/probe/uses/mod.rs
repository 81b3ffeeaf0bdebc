//! What builds and test runners do, and must be able to.

mod communication;
mod files;
mod processes;
mod programs;

use std::io;
use std::process::{Command, Stdio};

use crate::entry::Entry;

/// Every use.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    [
        programs::ALL,
        processes::ALL,
        files::ALL,
        communication::ALL,
    ]
    .into_iter()
    .flatten()
}

/// Fails unless what must hold holds.
fn holds(what: bool) -> io::Result<()> {
    what.then_some(())
        .ok_or_else(|| io::Error::other("wrong answer"))
}

/// Runs a program to its end; the last line of its complaints is the error.
fn run(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = text(&output.stderr);
    let last = said.lines().last().unwrap_or("no success").to_owned();
    Err(io::Error::other(last))
}

/// A script of the system's Python, which answers `ok`.
fn python(script: &str) -> io::Result<()> {
    holds(run(Command::new("/usr/bin/python3").args(["-c", script]))? == "ok")
}
