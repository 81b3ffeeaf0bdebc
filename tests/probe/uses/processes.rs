//! Threads, children, signals, timers, clocks, and looking at oneself.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sched::sched_getaffinity;
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, User, getuid};

use super::{holds, python, run};
use crate::entry::{Attempt, Control, Entry, works};
use crate::scene::Scene;

const PROCESSES: &str = "processes";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    works(PROCESSES, "start-threads", threads),
    works(PROCESSES, "start-a-chain-of-programs", chain),
    works(PROCESSES, "kill-a-child", |_| kill_a_child()),
    works(PROCESSES, "stop-and-continue-a-child", |_| stop_a_child()),
    works(PROCESSES, "lead-a-process-group", |_| group()),
    works(PROCESSES, "receive-a-signal-by-descriptor", |_| signal_by_descriptor()),
    works(PROCESSES, "wait-for-an-interval-timer", |_| python("import signal\nsignal.signal(signal.SIGALRM, lambda *_: print('ok'))\nsignal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()")),
    works(PROCESSES, "measure-time", |_| time()),
    works(PROCESSES, "count-processors", |_| holds(std::thread::available_parallelism()?.get() > 0 && sched_getaffinity(Pid::from_raw(0)).is_ok())),
    works(PROCESSES, "get-random-bytes", random),
    works(PROCESSES, "read-ones-own-state", |_| own_state()),
    works(PROCESSES, "read-the-machines-size", |_| holds(fs::read_to_string("/proc/cpuinfo")?.contains("processor") && fs::read_to_string("/proc/meminfo")?.contains("MemTotal"))),
    works(PROCESSES, "know-the-account", account),
    Entry { class: PROCESSES, name: "narrow-oneself-by-landlock", control: Control::Works, inside: "ok", attempt: Attempt::Call("", libc::SYS_landlock_create_ruleset, "0 0 1") },
    Entry { class: PROCESSES, name: "lock-a-little-memory", control: Control::Works, inside: "ok", attempt: Attempt::Call("", libc::SYS_mlock, "page 4096") },
    Entry { class: PROCESSES, name: "hold-a-process-by-descriptor", control: Control::Works, inside: "ok", attempt: Attempt::Call("", libc::SYS_pidfd_open, "self 0") },
];

fn threads(_: &Scene) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel();
    let all: Vec<_> = (0..16)
        .map(|number| {
            let sender = sender.clone();
            std::thread::spawn(move || sender.send(number))
        })
        .collect();
    drop(sender);
    let all_ended = all
        .into_iter()
        .all(|thread| thread.join().is_ok_and(|sent| sent.is_ok()));
    holds(all_ended && receiver.iter().sum::<i32>() == 120)
}

fn chain(_: &Scene) -> io::Result<()> {
    let script = "n=$1; if [ \"$n\" -gt 0 ]; then sh -c \"$0\" \"$0\" $((n - 1)); else echo ok; fi";
    holds(run(Command::new("/bin/sh").args(["-c", script, script, "20"]))? == "ok")
}

fn kill_a_child() -> io::Result<()> {
    let mut child = Command::new("sleep").arg("60").spawn()?;
    child.kill()?;
    holds(child.wait()?.signal() == Some(9))
}

fn stop_a_child() -> io::Result<()> {
    let mut child = Command::new("sleep").arg("60").spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    kill(pid, Signal::SIGSTOP)?;
    let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED))?;
    kill(pid, Signal::SIGCONT)?;
    let continued = waitpid(pid, Some(WaitPidFlag::WCONTINUED))?;
    child.kill()?;
    child.wait()?;
    holds(
        matches!(stopped, WaitStatus::Stopped(..)) && matches!(continued, WaitStatus::Continued(_)),
    )
}

fn group() -> io::Result<()> {
    let mut leader = Command::new("sh")
        .args(["-c", "sleep 60 & wait"])
        .process_group(0)
        .spawn()?;
    let pid = Pid::from_raw(i32::try_from(leader.id()).map_err(io::Error::other)?);
    nix::sys::signal::killpg(pid, Signal::SIGTERM)?;
    holds(leader.wait()?.signal() == Some(15))
}

fn signal_by_descriptor() -> io::Result<()> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGUSR1);
    set.thread_block()?;
    let signals = SignalFd::new(&set)?;
    raise(Signal::SIGUSR1)?;
    holds(
        signals
            .read_signal()?
            .is_some_and(|signal| signal.ssi_signo == libc::SIGUSR1 as u32),
    )
}

fn time() -> io::Result<()> {
    let started = Instant::now();
    std::thread::sleep(Duration::from_millis(5));
    let year = 31_557_600;
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_err(io::Error::other)?;
    holds(started.elapsed() >= Duration::from_millis(5) && now.as_secs() > 50 * year)
}

fn random(_: &Scene) -> io::Result<()> {
    let mut seen = HashSet::new();
    for _ in 0..4 {
        let mut bytes = [0; 16];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        seen.insert(bytes);
    }
    holds(seen.len() == 4)
}

fn own_state() -> io::Result<()> {
    let own = std::process::id();
    let status = fs::read_to_string("/proc/self/status")?;
    let descriptors = fs::read_dir("/proc/self/fd")?.count();
    let maps = fs::read_to_string("/proc/self/maps")?;
    let program = fs::read_link("/proc/self/exe")?;
    holds(
        status.contains(&format!("Pid:\t{own}\n"))
            && descriptors >= 3
            && maps.contains("[stack]")
            && program.is_absolute(),
    )
}

fn account(scene: &Scene) -> io::Result<()> {
    if scene.text("accounts")? == "none" {
        return Ok(());
    }
    holds(User::from_uid(getuid())?.is_some())
}
