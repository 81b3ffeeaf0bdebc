//! Limits of a whole sandbox: each ends with its own outcome, and a command that stays within does
//! not notice it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use passmuster_process::{
    Enforcement, Exit, Limit, Limits, Mount, Protection, Report, State, identity,
};

use crate::support::{Sandbox, eventually, payload_directory, stdout};

const MIB: u64 = 1 << 20;

fn memory(bytes: u64) -> impl FnOnce(&mut Limits) {
    move |limits| limits.memory = Some(bytes)
}

fn held(report: &Report, protection: Protection) -> &Enforcement {
    let mut entries = report.enforcement.iter();
    entries
        .find(|entry| entry.protection == protection)
        .unwrap()
}

/// Root has control groups on every machine that the tests run on; an ordinary user has them where
/// they were delegated. What is said must be what was done.
fn assert_means(report: &Report, protection: Protection) {
    let entry = held(report, protection);
    let why = entry.why.clone().unwrap_or_default();
    match entry.state {
        State::Enforced => assert!(why.starts_with("cgroup v"), "{entry:?}"),
        State::Degraded => assert!(
            !identity::is_root() && why.starts_with("polled: "),
            "{entry:?}"
        ),
        State::Absent => panic!("{entry:?}"),
    }
}

/// Runs it with a limit that it exceeds, and with one that it does not.
fn both(sandbox: impl Fn() -> Sandbox, limit: Limit, set: impl Fn(&mut Limits, bool)) -> Report {
    let enough = sandbox().limits(|limits| set(limits, true)).run();
    assert_eq!(
        enough.exit,
        Exit::Exited(0),
        "{}",
        String::from_utf8_lossy(&enough.stderr.bytes())
    );
    let started = Instant::now();
    let report = sandbox().limits(|limits| set(limits, false)).run();
    assert_eq!(report.exit, Exit::LimitExceeded(limit), "{report:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{report:?}");
    report
}

#[test]
fn memory_of_one_process_and_of_many_is_limited() {
    for script in [
        "x = bytearray(200 << 20); time.sleep(1)",
        "[os.fork() or work(25) for _ in range(8)]; [os.wait() for _ in range(8)]",
    ] {
        let script = format!(
            "import os, time\ndef work(size):\n    x = bytearray(size << 20); time.sleep(1); os._exit(0)\n{script}"
        );
        let report = both(
            || Sandbox::python(&script),
            Limit::Memory,
            |limits, enough| limits.memory = Some(if enough { 400 } else { 100 } * MIB),
        );
        assert_means(&report, Protection::MemoryLimit);
    }
}

#[test]
fn files_in_memory_count_as_memory() {
    for place in ["/tmp", "/dev/shm"] {
        both(
            || Sandbox::shell(&format!("head -c 200000000 /dev/zero > {place}/f; sleep 1")),
            Limit::Memory,
            |limits, enough| limits.memory = Some(if enough { 400 } else { 100 } * MIB),
        );
    }
    both(
        || {
            Sandbox::python(
                "import mmap, time; m = mmap.mmap(-1, 200 << 20); m.write(b'x' * (200 << 20)); time.sleep(1)",
            )
        },
        Limit::Memory,
        |limits, enough| limits.memory = Some(if enough { 700 } else { 250 } * MIB),
    );
}

#[test]
fn memory_that_processes_share_counts_once() {
    let script = "import os, time
x = bytearray(60 << 20)
for _ in range(6):
    if os.fork() == 0: time.sleep(1); os._exit(0)
for _ in range(6): os.wait()";
    let report = Sandbox::python(script).limits(memory(250 * MIB)).run();
    assert_eq!(report.exit, Exit::Exited(0), "{report:?}");
    let peak = report.usage.memory.unwrap();
    assert!((60 * MIB..250 * MIB).contains(&peak), "{peak}");
}

#[test]
fn a_process_that_dies_of_memory_ends_the_command_however_it_goes_on() {
    let script =
        "python3 -c 'import time; x = bytearray(200 << 20); time.sleep(5)'; sleep 0.3; exit 0";
    let started = Instant::now();
    let report = Sandbox::shell(script).limits(memory(100 * MIB)).run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Memory));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn processor_time_of_all_processes_is_limited() {
    let spin = "import os, time
for _ in range(3):
    if os.fork() == 0: break
end = time.process_time() + 0.4
while time.process_time() < end: pass";
    let report = both(
        || {
            Sandbox::python(&format!(
                "{spin}\nwhile True:\n    try: os.wait()\n    except ChildProcessError: break"
            ))
        },
        Limit::Cpu,
        |limits, enough| {
            limits.cpu = Some(Duration::from_millis(if enough { 20_000 } else { 700 }))
        },
    );
    assert_means(&report, Protection::CpuLimit);
    let cpu = report.usage.cpu;
    assert!(
        (Duration::from_millis(700)..Duration::from_secs(5)).contains(&cpu),
        "{cpu:?}"
    );
}

#[test]
fn processor_time_of_short_processes_counts_as_well() {
    let report = Sandbox::shell("while :; do /bin/true; done")
        .limits(|limits| limits.cpu = Some(Duration::from_millis(300)))
        .run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Cpu));
}

#[test]
fn a_command_that_neither_prints_nor_computes_is_idle() {
    for script in ["sleep 1000", "exec >&- 2>&-; sleep 1000", "kill -STOP $$"] {
        let started = Instant::now();
        let report = Sandbox::shell(script)
            .limits(|limits| limits.idle = Some(Duration::from_millis(700)))
            .run();
        assert_eq!(report.exit, Exit::LimitExceeded(Limit::Idle), "{script}");
        assert!(started.elapsed() < Duration::from_secs(10), "{script}");
        assert_means(&report, Protection::IdleLimit);
    }
    for script in [
        "for i in 1 2 3 4 5 6 7 8; do sleep 0.2; echo; done",
        "for i in 1 2 3 4 5 6 7 8; do sleep 0.2; echo >&2; done",
        "python3 -c 'import time; end = time.time() + 1.6\nwhile time.time() < end: pass'",
    ] {
        let report = Sandbox::shell(script)
            .limits(|limits| limits.idle = Some(Duration::from_millis(900)))
            .run();
        assert_eq!(report.exit, Exit::Exited(0), "{script}");
    }
}

#[test]
fn a_file_that_the_command_itself_makes_too_long_is_told_apart() {
    both(
        || Sandbox::shell("exec head -c 2000000 /dev/zero > /tmp/f"),
        Limit::FileSize,
        |limits, enough| limits.file_size = if enough { 4 } else { 1 } * MIB,
    );
}

/// A place on disk that the command can write to, both ways.
fn writable(place: &Path, overlay: bool) -> Mount {
    let target = PathBuf::from("/data");
    if overlay {
        Mount::Overlay {
            lowers: vec![passmuster_process::Lower {
                source: place.join("lower"),
                owner_shift: false,
            }],
            scratch: place.join("scratch"),
            target,
        }
    } else {
        Mount::Writable {
            source: place.join("scratch"),
            target,
        }
    }
}

/// Runs a script that writes below /data, in fresh directories.
fn writes(script: &str, overlay: bool) -> (tempfile::TempDir, Sandbox) {
    let place = payload_directory();
    for name in ["lower", "scratch"] {
        std::fs::create_dir(place.path().join(name)).unwrap();
    }
    crate::support::give_to_payload(place.path());
    let sandbox = Sandbox::shell(script).mount(writable(place.path(), overlay));
    (place, sandbox)
}

/// As [`both`], for a script that writes.
fn both_ways(script: &str, limit: Limit, set: impl Fn(&mut Limits, bool)) {
    for overlay in [true, false] {
        let run = |enough| {
            let (_place, sandbox) = writes(script, overlay);
            sandbox.limits(|limits| set(limits, enough)).run()
        };
        let report = run(true);
        assert_eq!(report.exit, Exit::Exited(0), "{script} {report:?}");
        let report = run(false);
        assert_eq!(
            report.exit,
            Exit::LimitExceeded(limit),
            "{script} {report:?}"
        );
        let entry = held(&report, Protection::DiskLimit);
        assert_eq!(entry.state, State::Degraded, "{entry:?}");
    }
}

#[test]
fn bytes_on_disk_are_limited_while_the_command_runs_and_when_it_has_ended() {
    // The second is over before anyone looks.
    for script in [
        "head -c 30000000 /dev/zero > /data/f; head -c 30000000 /dev/zero > /data/g; sleep 2",
        "exec fallocate -l 60000000 /data/f",
    ] {
        both_ways(script, Limit::Disk, |limits, enough| {
            limits.disk = Some(if enough { 100 } else { 40 } * MIB);
        });
    }
    let (_place, sandbox) = writes("head -c 60000000 /dev/zero > /data/f; sleep 1000", true);
    let started = Instant::now();
    let report = sandbox.limits(|limits| limits.disk = Some(20 * MIB)).run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Disk));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn files_on_disk_are_limited() {
    both_ways(
        "i=0; while [ $i -lt 600 ]; do i=$((i+1)); : > /data/$i; done; mkdir -p /data/a/b/c/d; sleep 0.5",
        Limit::Inodes,
        |limits, enough| limits.inodes = Some(if enough { 700 } else { 500 }),
    );
}

#[test]
fn a_file_without_a_name_and_a_directory_that_cannot_be_listed_hide_nothing() {
    let fill = "os.posix_fallocate(f.fileno(), 0, 600 << 20); f.flush(); time.sleep(1000)";
    for hide in [
        "f = open('/data/f', 'wb'); os.unlink('/data/f')",
        "os.mkdir('/data/d'); f = open('/data/d/f', 'wb'); os.chmod('/data/d', 0o300)",
    ] {
        let script = format!("import os, time\n{hide}\n{fill}");
        let (_place, mut sandbox) = writes("", true);
        sandbox.0.command = Sandbox::python(&script).0.command;
        let report = sandbox.limits(|limits| limits.disk = Some(100 * MIB)).run();
        assert_eq!(report.exit, Exit::LimitExceeded(Limit::Disk), "{hide}");
    }
}

#[test]
fn refused_processes_are_counted_and_end_only_a_command_that_fails() {
    let script = "import os, sys, time
refused = 0
try:
    for _ in range(40):
        if os.fork() == 0: time.sleep(1000)
except OSError: refused = 1
sys.exit(refused and STATUS)";
    let run = |status: &str, processes| {
        Sandbox::python(&script.replace("STATUS", status))
            .limits(|limits| limits.processes = processes)
            .run()
    };
    let enough = run("3", 100);
    assert_eq!(enough.exit, Exit::Exited(0));
    let (succeeded, failed) = (run("0", 20), run("3", 20));
    assert_eq!(succeeded.exit, Exit::Exited(0));
    if identity::is_root() {
        assert_eq!(enough.usage.refused_processes, Some(0));
        assert_eq!(succeeded.usage.refused_processes, Some(1));
        assert_eq!(failed.exit, Exit::LimitExceeded(Limit::Processes));
        assert_eq!(failed.usage.processes, Some(19));
        assert_means(&failed, Protection::ProcessLimit);
    } else if succeeded.usage.refused_processes.is_none() {
        assert_eq!(failed.exit, Exit::Exited(3), "nobody counts here");
        let entry = held(&failed, Protection::ProcessLimit);
        assert_eq!(entry.why.as_deref(), Some("RLIMIT_NPROC"));
    }
}

#[test]
fn a_storm_of_zombies_and_of_orphans_ends_in_bounded_time() {
    let zombies = "import os, time
try:
    while True:
        if os.fork() == 0: os._exit(0)
except OSError: time.sleep(1000)";
    let orphans = "import os
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            os._exit(0)
    except OSError: pass
    try:
        while os.waitpid(-1, os.WNOHANG)[0]: pass
    except ChildProcessError: pass";
    for script in [zombies, orphans] {
        let started = Instant::now();
        let report = Sandbox::python(script)
            .limits(|limits| {
                limits.processes = 2000;
                limits.wall = Duration::from_secs(2);
            })
            .run();
        assert_eq!(report.exit, Exit::LimitExceeded(Limit::Wall));
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    }
}

#[test]
fn a_limit_that_was_not_asked_for_is_not_said_to_hold() {
    let report = Sandbox::program("/bin/true", &[]).run();
    for protection in [Protection::MemoryLimit, Protection::DiskLimit] {
        assert_eq!(held(&report, protection).state, State::Absent);
    }
    let times = [Protection::CpuLimit, Protection::IdleLimit];
    let mut entries = report.enforcement.iter();
    assert!(!entries.any(|entry| times.contains(&entry.protection)));
}

#[test]
fn the_probe_of_this_machine_says_by_which_means_each_limit_would_hold() {
    let place = payload_directory();
    let launcher = passmuster_process::Launcher::new(crate::support::helper());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let support = runtime.block_on(passmuster_process::probe(&launcher, place.path()));
    let support = support.unwrap();
    for protection in [
        Protection::MemoryLimit,
        Protection::ProcessLimit,
        Protection::CpuLimit,
        Protection::IdleLimit,
        Protection::DiskLimit,
    ] {
        let mut entries = support.enforcement.iter();
        let entry = entries.find(|entry| entry.protection == protection);
        let entry = entry.unwrap();
        assert!(
            entry.state != State::Absent && entry.why.is_some(),
            "{entry:?}"
        );
    }
}

#[test]
fn the_command_goes_first_when_the_machine_runs_out_of_memory() {
    let script = "cat /proc/1/oom_score_adj /proc/self/oom_score_adj";
    assert_eq!(Sandbox::shell(script).output(), "500\n500");
}

#[test]
fn usage_says_what_all_processes_together_took() {
    let (_place, sandbox) = writes(
        "head -c 5000000 /dev/zero > /data/f; mkdir /data/d; python3 -c 'x = bytearray(80 << 20)' & python3 -c 'x = bytearray(80 << 20)' & wait",
        true,
    );
    let usage = sandbox.limits(memory(2048 * MIB)).run().usage;
    let disk = usage.disk.unwrap();
    assert!((5_000_000..6_000_000).contains(&disk), "{usage:?}");
    assert_eq!(usage.inodes, Some(2));
    assert!(usage.cpu >= usage.user + usage.system, "{usage:?}");
    if identity::is_root() {
        assert!(usage.memory.unwrap() > 80 * MIB, "{usage:?}");
        assert!((4..10).contains(&usage.processes.unwrap()), "{usage:?}");
    }
}

/// Our groups that one keeper made, anywhere.
fn groups_of(keeper: i32) -> Vec<PathBuf> {
    let name = format!("passmuster-{keeper}-");
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&name) {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn the_group_of_a_running_command_holds_its_limits_and_is_gone_afterwards() {
    let mut running = crate::endings::caller(
        &Sandbox::shell("sleep 1000")
            .limits(|limits| {
                limits.memory = Some(300 * MIB);
                limits.processes = 77;
            })
            .0,
    );
    let keeper = crate::endings::helper_of(&running);
    let read = |path: &Path, name: &str| {
        std::fs::read_to_string(path.join(name)).map(|text| text.trim().to_owned())
    };
    eventually("the command runs", || {
        crate::endings::has_grandchild(keeper)
    });
    let groups = groups_of(keeper);
    if identity::is_root() {
        let holds = |names: &[&str], value: &str| {
            let mut all = groups
                .iter()
                .flat_map(|path| names.iter().map(|name| read(path, name)));
            all.any(|held| held.is_ok_and(|held| held == value))
        };
        let bytes = (300 * MIB).to_string();
        assert!(holds(&["memory.max", "memory.limit_in_bytes"], &bytes));
        assert!(
            holds(&["memory.swap.max"], "0") || holds(&["memory.memsw.limit_in_bytes"], &bytes)
        );
        assert!(holds(&["pids.max"], "76"));
        for group in &groups {
            let inside = read(group, "cgroup.procs").unwrap();
            let keeper = keeper.to_string();
            assert!(inside.lines().count() >= 2 && inside.lines().all(|pid| pid != keeper));
        }
    }
    running.kill().unwrap();
    running.wait().unwrap();
    eventually("the groups are gone", || groups_of(keeper).is_empty());
}

/// Looks at once: the next start of any other test would remove a group that was left.
#[test]
fn a_command_that_ends_leaves_no_group() {
    for _ in 0..5 {
        let mut running = crate::endings::caller(&Sandbox::shell("sleep 0.4").0);
        let keeper = crate::endings::helper_of(&running);
        eventually("the command runs", || {
            crate::endings::has_grandchild(keeper)
        });
        assert_eq!(groups_of(keeper).is_empty(), !identity::is_root());
        running.wait().unwrap();
        assert_eq!(groups_of(keeper), [] as [PathBuf; 0]);
    }
}

#[test]
fn the_groups_of_a_killed_keeper_are_removed_by_the_next_start_and_no_others() {
    let spec = Sandbox::shell("sleep 1000").0;
    let (mut killed, mut other) = (crate::endings::caller(&spec), crate::endings::caller(&spec));
    let [keeper, living] = [&killed, &other].map(crate::endings::helper_of);
    eventually("both commands run", || {
        [keeper, living]
            .iter()
            .all(|keeper| crate::endings::has_grandchild(*keeper))
    });
    let in_use = groups_of(living);
    let made = groups_of(keeper);
    assert!(!identity::is_root() || (!made.is_empty() && made.len() == in_use.len()));
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(keeper),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    killed.wait().unwrap();
    eventually("the next start removes what was left", || {
        Sandbox::program("/bin/true", &[]).run();
        groups_of(keeper).is_empty()
    });
    assert_eq!(groups_of(living), in_use);
    other.kill().unwrap();
    other.wait().unwrap();
    eventually("the other's groups are gone", || {
        groups_of(living).is_empty()
    });
}

#[test]
fn who_stands_by_has_groups_already_and_they_go_with_the_caller() {
    let mut caller = crate::endings::caller(&Sandbox::shell("sleep 1000").0);
    crate::endings::helper_of(&caller);
    let stands_by = crate::endings::children(caller.id() as i32)[2];
    if identity::is_root() {
        eventually("groups are made ahead", || !groups_of(stands_by).is_empty());
    }
    caller.kill().unwrap();
    caller.wait().unwrap();
    eventually("nobody asked for them", || groups_of(stands_by).is_empty());
}

#[test]
fn no_control_group_can_be_seen_or_named_inside() {
    let report = Sandbox::shell(
        "cut -d: -f3 /proc/self/cgroup | sort -u; ls /sys; grep -c cgroup /proc/self/mounts",
    )
    .run();
    assert_eq!(stdout(&report), "/\n0");
}

#[test]
fn one_sandbox_cannot_take_all_terminals_of_the_machine() {
    let script = "import os\nopened = []\ntry:\n    while len(opened) < 5000: opened.append(os.openpty())\nexcept OSError as error: print(len(opened), error.strerror)";
    let said = Sandbox::python(script)
        .limits(|limits| limits.open_files = 12_000)
        .output();
    assert_eq!(said, "256 No space left on device");
}
