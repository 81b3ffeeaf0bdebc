//! How commands end, and that nothing is left when they have.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use passmuster_process::{Exit, Limit, Start};

use crate::support::{Sandbox, eventually, helper, processes_with, stdout};

/// A sleep that no other test and no other process has: its number is a name.
pub(crate) fn sleep_named(offset: u32) -> String {
    format!("{}", 1_000_000 + std::process::id() * 100 + offset)
}

#[test]
fn exit_codes_and_signals_are_passed_exactly() {
    for code in [0, 1, 2, 125, 126, 127, 137, 255] {
        assert_eq!(
            Sandbox::shell(&format!("exit {code}")).run().exit,
            Exit::Exited(code)
        );
    }
    for signal in [1, 6, 9, 11, 13, 15, 24] {
        assert_eq!(
            Sandbox::shell(&format!("kill -{signal} $$")).run().exit,
            Exit::Signalled(signal)
        );
    }
}

#[test]
fn a_program_that_cannot_be_started_is_told_apart_from_one_that_fails() {
    let missing = Sandbox::program("/no/such/program", &[]).run().exit;
    assert_eq!(
        missing,
        Exit::NotStarted {
            errno: libc::ENOENT,
            start: Start::Program
        }
    );
    let not_executable = Sandbox::program("/etc/passwd", &[]).run().exit;
    assert_eq!(
        not_executable,
        Exit::NotStarted {
            errno: libc::EACCES,
            start: Start::Program
        }
    );
    let mut elsewhere = Sandbox::program("/bin/true", &[]);
    elsewhere.0.command.cwd = "/no/such/directory".into();
    assert_eq!(
        elsewhere.run().exit,
        Exit::NotStarted {
            errno: libc::ENOENT,
            start: Start::Directory
        }
    );
}

#[test]
fn the_wall_limit_ends_a_command_that_ignores_sigterm_or_is_stopped() {
    for script in [
        "trap '' TERM; while :; do sleep 0.05; done",
        "kill -STOP $$",
        "sleep 1000 & wait",
        "exec >&- 2>&-; sleep 1000",
    ] {
        let started = Instant::now();
        let report = Sandbox::shell(script)
            .limits(|limits| limits.wall = Duration::from_millis(200))
            .run();
        assert_eq!(report.exit, Exit::LimitExceeded(Limit::Wall), "{script}");
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{script}: {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn a_command_can_clean_up_after_sigterm() {
    let report = Sandbox::shell("trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.01; done")
        .limits(|limits| limits.wall = Duration::from_millis(300))
        .run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Wall));
    assert_eq!(stdout(&report), "cleaned");
}

#[test]
fn a_daemon_that_outlives_the_command_is_killed_and_counted() {
    let name = sleep_named(1);
    let report = Sandbox::shell(&format!(
        "(setsid setsid sleep {name} &) ; (setsid sleep {name} &); exit 7"
    ))
    .run();
    assert_eq!((report.exit, report.survivors), (Exit::Exited(7), 2));
    assert_eq!(processes_with(&name), [] as [i32; 0]);
    assert_eq!(
        Sandbox::shell("sleep 0.01 & exit 0").run().survivors,
        0,
        "one that ends by itself is not left behind"
    );
}

#[test]
fn a_process_that_holds_the_output_open_does_not_delay_the_report() {
    let started = Instant::now();
    let report = Sandbox::shell("echo out; sleep 1000 & exit 0").run();
    assert_eq!(
        (report.exit, stdout(&report).as_str()),
        (Exit::Exited(0), "out")
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_flood_of_output_is_read_counted_and_cut() {
    let report = Sandbox::shell(
        "echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last; echo error >&2",
    )
    .limits(|limits| limits.output = 10_000)
    .run();
    assert_eq!(report.stdout.total, 6 + 50_000_000 + 1 + 5);
    assert_eq!(report.stdout.head.len() + report.stdout.tail.len(), 10_000);
    assert!(
        report.stdout.head.starts_with(b"first\n") && report.stdout.tail.ends_with(b"\nlast\n")
    );
    assert_eq!(report.stderr.head, b"error\n");
}

#[test]
fn a_fork_bomb_meets_its_limit_and_ends() {
    let script = "import os,time
n=0
try:
    while True:
        if os.fork()==0: time.sleep(1000)
        n+=1
except OSError as e: print(n, e.errno)";
    let report = Sandbox::python(script)
        .limits(|limits| limits.processes = 20)
        .run();
    let output = stdout(&report);
    let (children, errno) = output.split_once(' ').unwrap();
    assert!(
        children.parse::<u32>().unwrap() < 20 && errno == "11",
        "{output}"
    );
    assert_eq!(report.survivors.to_string(), children);
}

#[test]
fn files_and_descriptors_meet_their_limits() {
    let big = Sandbox::shell("head -c 2000000 /dev/zero > /tmp/f")
        .limits(|limits| limits.file_size = 1 << 20)
        .run();
    assert_ne!(big.exit, Exit::Exited(0));
    let limits = Sandbox::shell("ulimit -n; ulimit -c; ulimit -l; ulimit -H -n")
        .limits(|limits| limits.open_files = 64);
    assert_eq!(limits.output(), "64\n0\n64\n64");
}

#[test]
fn stopping_kills_everything_and_says_so() {
    let name = sleep_named(2);
    let sandbox = Sandbox::shell(&format!("trap '' TERM; sleep {name} & sleep {name}"));
    let appeared = async {
        while processes_with(&name).len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let report = sandbox.run_until(appeared).unwrap();
    assert_eq!(report.exit, Exit::Stopped);
    assert_eq!(processes_with(&name), [] as [i32; 0]);
}

#[test]
fn dropping_the_run_kills_everything() {
    let name = sleep_named(3);
    let spec = Sandbox::shell(&format!("setsid sleep {name} & sleep {name}")).0;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let launcher = passmuster_process::Launcher::new(helper());
    let running = runtime.spawn(async move {
        passmuster_process::run(&launcher, &spec, std::future::pending())
            .await
            .map(|_| ())
    });
    eventually("the command runs", || processes_with(&name).len() >= 3);
    running.abort();
    eventually("everything is dead", || processes_with(&name).is_empty());
}

#[test]
fn a_caller_that_is_killed_leaves_no_process_and_no_mount() {
    let name = sleep_named(4);
    let spec = Sandbox::shell(&format!("trap '' TERM; setsid sleep {name} & sleep {name}")).0;
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    let mut caller = caller(&spec);
    eventually("the command runs", || processes_with(&name).len() >= 3);
    let helpers = children(caller.id() as i32);
    caller.kill().unwrap();
    caller.wait().unwrap();
    eventually("everything is dead", || processes_with(&name).is_empty());
    let alive = |pid: &i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    eventually("so are the helpers", || !helpers.iter().any(alive));
    assert_eq!(mounts(), before);
}

#[test]
fn a_helper_that_is_killed_takes_everything_with_it_and_is_an_error() {
    let name = sleep_named(5);
    let mut caller = caller(&Sandbox::shell(&format!("sleep {name} & sleep {name}")).0);
    eventually("the command runs", || processes_with(&name).len() >= 3);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(helper_of(&caller)),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    eventually("everything is dead", || processes_with(&name).is_empty());
    assert_eq!(
        caller.wait().unwrap().code(),
        Some(1),
        "the caller hears of it"
    );
}

#[test]
fn many_sandboxes_run_at_once_and_do_not_see_each_other() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let runs: Vec<_> = (0..8)
        .map(|number| {
            let spec = Sandbox::shell(&format!("echo {number} > /tmp/n; sleep 0.1; cat /tmp/n; ls /tmp | wc -l; ls -d /proc/[0-9]* | wc -l")).0;
            let launcher = passmuster_process::Launcher::new(helper());
            runtime.spawn(async move { passmuster_process::run(&launcher, &spec, std::future::pending()).await })
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        let report = runtime.block_on(run).unwrap().unwrap();
        // Init, the shell and one or two of the pipe's ends.
        let output = stdout(&report);
        assert!(
            output == format!("{number}\n1\n3") || output == format!("{number}\n1\n4"),
            "{output}"
        );
    }
}

#[test]
fn a_limit_beyond_the_clock_is_no_limit() {
    let report = Sandbox::shell("exit 3")
        .limits(|limits| limits.wall = Duration::MAX)
        .run();
    assert_eq!(report.exit, Exit::Exited(3));
}

/// A process of its own that runs a sandbox and can be killed.
pub(crate) fn caller(spec: &passmuster_process::Spec) -> std::process::Child {
    caller_of("run", spec)
}

/// A caller that starts its sandbox in another way.
pub(crate) fn caller_of(way: &str, spec: &passmuster_process::Spec) -> std::process::Child {
    let mut caller = Command::new(helper())
        .arg(way)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    caller
        .stdin
        .take()
        .unwrap()
        .write_all(&serde_json::to_vec(spec).unwrap())
        .unwrap();
    caller
}

pub(crate) fn children(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

/// The keeper that a caller started, its second child: the first one is the server that forks them, the third
/// stands by.
pub(crate) fn helper_of(caller: &std::process::Child) -> i32 {
    let caller = caller.id() as i32;
    eventually("the helper is started", || children(caller).len() == 3);
    children(caller)[1]
}

/// Whether a keeper's init has started the command.
pub(crate) fn has_grandchild(keeper: i32) -> bool {
    children(keeper)
        .iter()
        .any(|init| !children(*init).is_empty())
}

#[test]
fn usage_counts_the_time_and_memory_of_all_processes() {
    let report =
        Sandbox::shell("python3 -c 'x=bytearray(80<<20); s=sum(range(3000000))'; sleep 0.2").run();
    let usage = report.usage;
    assert!(usage.user > Duration::from_millis(10), "{usage:?}");
    assert!(
        usage.wall > Duration::from_millis(200) && usage.wall < Duration::from_secs(30),
        "{usage:?}"
    );
    assert!((80 << 20..400 << 20).contains(&usage.max_rss), "{usage:?}");
}
