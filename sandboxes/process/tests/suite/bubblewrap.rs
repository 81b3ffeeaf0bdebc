//! The same sandbox with namespaces and view that bubblewrap makes: for ordinary users only, so all
//! of it runs in the ordinary user's round of these tests.

use std::time::{Duration, Instant};

use passmuster_process::{
    Exit, Launcher, Limit, Mount, Protection, Report, SandboxError, State, Step, identity, run,
};

use crate::support::{
    Sandbox, eventually, helper, payload_directory, processes_with, stderr, stdout,
};

fn try_through_bubblewrap(sandbox: &Sandbox) -> Result<Report, SandboxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let launcher = Launcher::new(helper()).through_bubblewrap();
    runtime.block_on(run(&launcher, &sandbox.0, std::future::pending()))
}

fn through_bubblewrap(sandbox: &Sandbox) -> Report {
    try_through_bubblewrap(sandbox).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn root_is_refused_for_its_command_would_run_as_root() {
    if identity::is_root() {
        let refused = try_through_bubblewrap(&Sandbox::shell("true")).unwrap_err();
        let SandboxError::Setup(failure) = refused else {
            panic!("{refused}")
        };
        assert_eq!(failure.step, Step::Bubblewrap);
    }
}

#[test]
fn every_protection_is_read_back_as_in_a_sandbox_of_our_own() {
    if identity::is_root() {
        return;
    }
    let ours = Sandbox::shell("true").run().enforcement;
    let theirs = through_bubblewrap(&Sandbox::shell("true")).enforcement;
    for one in &ours {
        let other = theirs
            .iter()
            .find(|other| other.protection == one.protection);
        let other = other.unwrap_or_else(|| panic!("{} is not listed", one.protection));
        // Without a control group, and without the capability to have the resolver's port.
        let weaker = [
            Protection::MemoryLimit,
            Protection::RlimitProcesses,
            Protection::DenialReports,
        ];
        if one.state == State::Enforced && !weaker.contains(&one.protection) {
            assert_eq!(
                other.state,
                State::Enforced,
                "{}: {:?}",
                one.protection,
                other.why
            );
        }
    }
}

#[test]
fn the_view_holds_what_was_granted_and_nothing_else() {
    if identity::is_root() {
        return;
    }
    let directory = payload_directory();
    let script = "id -u; ls / | tr '\\n' ' '; echo; cat /generated/file; readlink /linked; \
        for place in / /usr /etc /dev /proc/sys/vm /generated; do touch $place/x 2>/dev/null && echo wrote $place; done; \
        cat /proc/keys 2>/dev/null; ls /proc | grep -c '^[0-9]'; ls /proc/self/fd | tr '\\n' ' '; echo; \
        echo kept > /data/file; touch /tmp/x /dev/shm/x; grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status";
    let mut sandbox = Sandbox::shell(script).mount(Mount::Writable {
        source: directory.path().into(),
        target: "/data".into(),
    });
    sandbox = sandbox.mount(Mount::File {
        target: "/generated/file".into(),
        content: b"content\n".to_vec(),
        executable: false,
    });
    sandbox = sandbox.mount(Mount::Symlink {
        path: "/linked".into(),
        to: "/generated/file".into(),
    });
    let report = through_bubblewrap(&sandbox);
    let out = stdout(&report);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "1000", "{out}{}", stderr(&report));
    let ours: Vec<&str> = lines[1]
        .split(' ')
        .filter(|name| !name.is_empty())
        .collect();
    for hidden in ["home", "root", "var", "sys", "opt", "mnt"] {
        assert!(!ours.contains(&hidden), "{hidden}: {out}");
    }
    assert_eq!(lines[2..4], ["content", "/generated/file"], "{out}");
    assert!(!out.contains("wrote"), "{out}");
    // Init, the shell, and what it pipes together.
    assert!(lines[4].parse::<u32>().unwrap() <= 5, "{out}");
    assert_eq!(lines[5].trim(), "0 1 2 3", "{out}");
    assert!(out.contains("CapBnd:\t0000000000000000"), "{out}");
    assert!(
        out.contains("NoNewPrivs:\t1") && out.contains("Seccomp:\t2"),
        "{out}"
    );
    let kept = std::fs::read_to_string(directory.path().join("file")).unwrap();
    assert_eq!(kept, "kept\n");
}

#[test]
fn no_network_but_loopback_and_no_new_namespace() {
    if identity::is_root() {
        return;
    }
    let script = "import socket, os, ctypes\n\
        s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname()); print('loopback')\n\
        s = socket.create_server(('::1', 0), family=socket.AF_INET6); print('loopback6')\n\
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        try: u.connect(('192.0.2.1', 9)); print('reached')\n\
        except OSError as e: print(e.errno)\n\
        print(ctypes.CDLL(None).unshare(0x10000000))";
    let report = through_bubblewrap(&Sandbox::python(script));
    assert_eq!(
        stdout(&report),
        "loopback\nloopback6\n101\n-1",
        "{}",
        stderr(&report)
    );
}

#[test]
fn the_end_is_told_and_everything_ends_with_it() {
    if identity::is_root() {
        return;
    }
    let report = through_bubblewrap(&Sandbox::shell("exit 7"));
    assert_eq!(report.exit, Exit::Exited(7));
    let report = through_bubblewrap(&Sandbox::shell("kill -9 $$"));
    assert_eq!(report.exit, Exit::Signalled(9));
    let word = format!("left-in-bubblewrap-{}", std::process::id());
    let script = format!("setsid sh -c 'sleep 600; : {word}' & sleep 0.2; exit 0");
    let report = through_bubblewrap(&Sandbox::shell(&script));
    assert_eq!(report.exit, Exit::Exited(0));
    assert!(report.survivors > 0);
    eventually("nothing is left", || processes_with(&word).is_empty());
    let start = Instant::now();
    let script = format!("trap '' TERM; sleep 600; : {word}");
    let mut slow = Sandbox::shell(&script);
    slow.0.limits.wall = Duration::from_secs(1);
    assert_eq!(
        through_bubblewrap(&slow).exit,
        Exit::LimitExceeded(Limit::Wall)
    );
    assert!(start.elapsed() < Duration::from_secs(20));
    eventually("nothing is left", || processes_with(&word).is_empty());
}

#[test]
fn overlays_are_refused_so_that_the_caller_copies() {
    if identity::is_root() {
        return;
    }
    let (lower, scratch) = (payload_directory(), payload_directory());
    let sandbox = Sandbox::shell("true").mount(Mount::Overlay {
        lowers: vec![passmuster_process::Lower {
            source: lower.path().into(),
            owner_shift: false,
        }],
        scratch: scratch.path().into(),
        target: "/tree".into(),
    });
    let refused = try_through_bubblewrap(&sandbox).unwrap_err();
    assert!(
        refused.to_string().contains("copy the directory"),
        "{refused}"
    );
}
