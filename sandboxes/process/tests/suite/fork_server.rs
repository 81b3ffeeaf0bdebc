//! The server that a launcher's keepers are forked from keeps nothing of them, and nothing depends on
//! its life.

use std::collections::BTreeSet;
use std::future::pending;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use passmuster_process::{Exit, Launcher, Report, run};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::support::{Sandbox, eventually, helper, processes_with, stdout};

/// A launcher whose processes are told from those of other tests by the name of their program.
struct Served {
    runtime: Runtime,
    launcher: Launcher,
    place: TempDir,
}

impl Served {
    fn new() -> Self {
        let place = TempDir::new().unwrap();
        std::os::unix::fs::symlink(helper(), place.path().join("helper")).unwrap();
        Self {
            runtime: Runtime::new().unwrap(),
            launcher: Launcher::new(place.path().join("helper")),
            place,
        }
    }

    fn start(&self, script: &str) -> JoinHandle<Report> {
        let (launcher, spec) = (self.launcher.clone(), Sandbox::shell(script).0);
        self.runtime
            .spawn(async move { run(&launcher, &spec, pending()).await.unwrap() })
    }

    fn finish(&self, running: JoinHandle<Report>) -> Report {
        self.runtime.block_on(running).unwrap()
    }

    /// The server and the keepers, oldest first, so that the one that stands by is the last: they alone are
    /// children of this process.
    fn helpers(&self) -> Vec<i32> {
        let own = format!("\nPPid:\t{}\n", std::process::id());
        let mut helpers = processes_with(self.place.path().to_str().unwrap());
        helpers.retain(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            status.is_ok_and(|status| status.contains(&own))
        });
        helpers.sort_by_key(|pid| started(*pid));
        helpers
    }

    /// The oldest of the helpers, once there are that many.
    fn server_of(&self, count: usize) -> i32 {
        eventually("helpers are there", || self.helpers().len() == count);
        self.helpers()[0]
    }
}

/// In ticks since the machine's start, then by number.
fn started(pid: i32) -> (u64, i32) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().nth(19);
    (ticks.and_then(|ticks| ticks.parse().ok()).unwrap_or(0), pid)
}

/// Pipes and sockets, by which processes can reach each other; none where the process may not be
/// looked into, or is just closing them.
fn channels(pid: i32) -> BTreeSet<String> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"));
    open.into_iter()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .filter(|target| target.starts_with("pipe:") || target.starts_with("socket:"))
        .collect()
}

#[test]
fn a_server_that_was_killed_is_replaced_and_its_keepers_go_on() {
    let served = Served::new();
    let before = served.start("sleep 3; echo done");
    let all = || processes_with(served.place.path().to_str().unwrap()).len();
    eventually("server, keeper, init, and who stands by", || all() == 4);
    let server = served.server_of(3);
    kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
    // Who stood by may still take the first request, where the server is only about to die.
    for _ in 0..2 {
        let after = served.finish(served.start("exit 3"));
        assert_eq!(after.exit, Exit::Exited(3));
    }
    assert_eq!(stdout(&served.finish(before)), "done");
    assert_ne!(served.server_of(2), server);
}

#[test]
fn neither_the_server_nor_another_keeper_holds_what_a_keeper_holds() {
    let served = Served::new();
    let running = ["first", "second"].map(|_| served.start("sleep 1"));
    let server = served.server_of(4);
    eventually(
        "the server holds its socket and hears of who stands by",
        || channels(server).len() == 2,
    );
    eventually("no two but these hold the same", || {
        let mut open: Vec<_> = served.helpers().into_iter().map(channels).collect();
        let stands_by = open.pop().unwrap_or_default();
        let different: BTreeSet<_> = open.iter().flatten().collect();
        open.len() == 3
            && different.len() == open.iter().map(BTreeSet::len).sum::<usize>()
            && stands_by == channels(server)
    });
    for running in running {
        assert_eq!(served.finish(running).exit, Exit::Exited(0));
    }
}

#[test]
fn the_server_ends_with_its_last_launcher() {
    let mut served = Served::new();
    let finished = served.start("exit 0");
    served.finish(finished);
    let server = served.server_of(2);
    let last = std::mem::replace(&mut served.launcher, Launcher::new(helper())).clone();
    assert_eq!(served.server_of(2), server);
    drop(last);
    eventually("it has ended", || served.helpers().is_empty());
}

#[test]
fn whoever_stands_by_can_be_killed() {
    let served = Served::new();
    served.finish(served.start("exit 0"));
    let server = served.server_of(2);
    kill(Pid::from_raw(served.helpers()[1]), Signal::SIGKILL).unwrap();
    assert_eq!(served.finish(served.start("exit 3")).exit, Exit::Exited(3));
    assert_ne!(served.server_of(2), server);
}
