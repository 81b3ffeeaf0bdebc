//! Processes of the host, and the sandbox's own first process: ending, stopping and steering them.

use std::fs;
use std::io;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::entry::Control::Succeeds;
use crate::entry::{Entry, call, code, found};
use crate::scene::Scene;

const SIGNALS: &str = "signals";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    call((SIGNALS, "hold-another-process"), Succeeds, "ESRCH", "", libc::SYS_pidfd_open, "{victim-pid} 0"),
    call((SIGNALS, "read-another-process-limits"), Succeeds, "ESRCH", "", libc::SYS_prlimit64, "{victim-pid} 7 0 page"),
    call((SIGNALS, "move-another-process"), Succeeds, "ESRCH", "at 0 3", libc::SYS_sched_setaffinity, "{victim-pid} 8 page"),
    call((SIGNALS, "slow-another-process-down"), Succeeds, "ESRCH", "", libc::SYS_setpriority, "0 {victim-pid} 10"),
    call((SIGNALS, "signal-by-file-owner"), Succeeds, "ESRCH", "", libc::SYS_fcntl, "0 8 {victim-pid}"),
    code(SIGNALS, "stop-another-process", Succeeds, "ESRCH", |s| send(s, "victim-stopped", Signal::SIGSTOP)),
    code(SIGNALS, "kill-another-process", Succeeds, "ESRCH", |s| send(s, "victim-killed", Signal::SIGKILL)),
    code(SIGNALS, "kill-another-process-group", Succeeds, "ESRCH", kill_group),
    code(SIGNALS, "stop-init", Succeeds, "nothing", |s| ends_up(s, "init-stopped", Signal::SIGSTOP, "T")),
    code(SIGNALS, "kill-init", Succeeds, "nothing", |s| ends_up(s, "init-killed", Signal::SIGKILL, "ZX")),
    code(SIGNALS, "terminate-init", Succeeds, "nothing", |s| ends_up(s, "init-terminated", Signal::SIGTERM, "ZX")),
];

fn pid(scene: &Scene, key: &str) -> io::Result<Pid> {
    Ok(Pid::from_raw(scene.number(key)?))
}

fn send(scene: &Scene, key: &str, signal: Signal) -> io::Result<()> {
    Ok(kill(pid(scene, key)?, signal)?)
}

fn kill_group(scene: &Scene) -> io::Result<()> {
    Ok(nix::sys::signal::killpg(
        pid(scene, "victim-group")?,
        Signal::SIGKILL,
    )?)
}

/// Sends a signal and looks whether it had its effect: init may be signalled, it must not care.
fn ends_up(scene: &Scene, key: &str, signal: Signal, states: &str) -> io::Result<()> {
    let pid = pid(scene, key)?;
    kill(pid, signal)?;
    std::thread::sleep(Duration::from_millis(100));
    let state = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => text
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next()),
        Err(_) => Some('X'),
    };
    found(state.is_some_and(|state| states.contains(state)))
}
