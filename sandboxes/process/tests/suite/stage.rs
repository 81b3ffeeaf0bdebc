//! The sandbox without namespaces. It has `/sandbox` to itself, so these tests wait for one another.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use passmuster_process::{
    Exit, Launcher, Limit, Mount, Protection, Report, STAGE, SandboxError, State, Step, identity,
    run,
};
use tempfile::TempDir;

use crate::endings::{caller_of, children, helper_of, sleep_named};
use crate::support::{
    Sandbox, eventually, give_to_payload, helper, payload_directory, processes_with, stderr, stdout,
};

/// An ordinary user needs somebody who made the directory for them, as root's round of these tests does.
fn can_be_had() -> bool {
    identity::is_root() || Path::new(STAGE).exists()
}

fn try_on_stage(sandbox: &Sandbox) -> Result<Report, SandboxError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let launcher = Launcher::new(helper()).on_stage();
    runtime.block_on(run(&launcher, &sandbox.0, std::future::pending()))
}

fn on_stage(sandbox: &Sandbox) -> Report {
    try_on_stage(sandbox).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn output(sandbox: &Sandbox) -> String {
    let report = on_stage(sandbox);
    assert_eq!(report.exit, Exit::Exited(0), "{}", stderr(&report));
    stdout(&report)
}

fn step(result: Result<Report, SandboxError>) -> (Step, String) {
    match result {
        Err(SandboxError::Setup(failure)) => (failure.step, failure.to_string()),
        Err(other) => panic!("{other}"),
        Ok(report) => panic!("{:?}", report.exit),
    }
}

#[test]
fn every_protection_is_listed_and_what_only_namespaces_give_is_absent() {
    if !can_be_had() {
        return;
    }
    let ours = Sandbox::shell("true").run().enforcement;
    let report = on_stage(&Sandbox::shell("true"));
    for one in ours {
        let listed = report
            .enforcement
            .iter()
            .find(|other| other.protection == one.protection);
        let listed = listed.unwrap_or_else(|| panic!("{} is not listed", one.protection));
        let absent = [
            Protection::UserNamespace,
            Protection::MountNamespace,
            Protection::PidNamespace,
            Protection::NetworkNamespace,
            Protection::IpcNamespace,
            Protection::UtsNamespace,
            Protection::CgroupNamespace,
            Protection::ReadOnlyRoot,
            Protection::Loopback,
        ];
        if absent.contains(&one.protection) {
            assert_eq!(listed.state, State::Absent, "{}", one.protection);
        }
        if listed.state != State::Enforced {
            assert!(listed.why.is_some(), "{}", one.protection);
        }
    }
    let state = |protection| {
        let one = report
            .enforcement
            .iter()
            .find(|one| one.protection == protection);
        one.unwrap().state
    };
    for protection in [
        Protection::Landlock,
        Protection::NoNewPrivs,
        Protection::Seccomp,
        Protection::Descriptors,
    ] {
        assert_eq!(state(protection), State::Enforced, "{protection}");
    }
    let own_user = if identity::is_root() {
        State::Enforced
    } else {
        State::Degraded
    };
    assert_eq!(state(Protection::PayloadIdentity), own_user);
    assert_eq!(state(Protection::Network), State::Degraded);
}

#[test]
fn what_is_granted_can_be_read_what_is_writable_comes_back_and_nothing_else_is_open() {
    if !can_be_had() {
        return;
    }
    let (grant, closed, tree) = (
        payload_directory(),
        payload_directory(),
        payload_directory(),
    );
    for place in [&grant, &closed] {
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for file in ["file", "token"] {
            fs::write(place.path().join(file), "content\n").unwrap();
        }
    }
    fs::write(tree.path().join("kept"), "old\n").unwrap();
    give_to_payload(tree.path());
    let (granted, closed) = (grant.path().display(), closed.path().display());
    let script = format!(
        "cat {granted}/file /sandbox/tree/kept /sandbox/lib/support; cat {granted}/token {closed}/file && echo read; \
         ls {closed} && echo listed; for place in {granted} {closed} /sandbox /sandbox/lib /tmp / /dev/shm /usr /proc/self; do \
         touch $place/x 2>/dev/null && echo wrote $place; done; ln {closed}/file /sandbox/tree/link && echo linked; \
         mv /sandbox/tree/kept /sandbox/tree/moved; mkdir /sandbox/tree/made; echo new > /sandbox/tree/made/file; \
         ln /sandbox/tree/made/file /sandbox/tree/linked && mv /sandbox/tree/linked /sandbox/tree/made/moved"
    );
    let sandbox = Sandbox::shell(&script)
        .mount(Mount::ReadOnly {
            source: grant.path().into(),
            target: grant.path().into(),
        })
        .mount(Mount::File {
            target: grant.path().join("token"),
            content: Vec::new(),
            executable: false,
        })
        .mount(Mount::Writable {
            source: tree.path().into(),
            target: "/sandbox/tree".into(),
        })
        .mount(Mount::File {
            target: "/sandbox/lib/support".into(),
            content: b"support\n".to_vec(),
            executable: false,
        });
    assert_eq!(output(&sandbox), "content\nold\nsupport");
    assert_eq!(
        fs::read_to_string(tree.path().join("moved")).unwrap(),
        "old\n"
    );
    for file in ["made/file", "made/moved"] {
        let content = fs::read_to_string(tree.path().join(file)).unwrap();
        assert_eq!(content, "new\n", "{file}");
    }
}

#[test]
fn modes_and_times_of_its_own_files_can_be_changed_and_those_of_others_cannot() {
    if !can_be_had() {
        return;
    }
    let place = payload_directory();
    let (granted, closed) = (place.path().join("granted"), place.path().join("closed"));
    for path in [&granted, &closed] {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    if !identity::is_root() {
        give_to_payload(place.path());
    }
    let script = format!(
        r#"
import os
own = os.environ["TMPDIR"] + "/own"
os.symlink("{closed}", own + "-link")
def attempt(name, change, *words):
    try:
        change(*words)
        print(name)
    except OSError:
        pass
for path in ("{closed}", "{granted}", own + "-link"):
    attempt("mode of " + path, os.chmod, path, 0o777)
    attempt("times of " + path, os.utime, path, (1, 1))
    attempt("now of " + path, os.utime, path)
file = os.open("{granted}", os.O_RDONLY)
attempt("mode by descriptor", os.fchmod, file, 0o777)
attempt("times by descriptor", os.utime, file, (1, 1))
place = os.open("{closed}", os.O_PATH)
attempt("mode by place", os.chmod, f"/proc/self/fd/{{place}}", 0o777)
attempt("set-user-id", os.chmod, os.environ["TMPDIR"], 0o4755)
attempt("owner", os.chown, "{granted}", os.getuid(), os.getgid())
import fcntl
for request in (0x40086602, 0x401c5820, 0x40806685):
    attempt("flags", fcntl.ioctl, file, request, bytes(128))
if os.getuid() < 0x70000000:
    attempt("attribute", os.setxattr, "{granted}", "user.x", b"x")
directory = os.open(os.environ["TMPDIR"], os.O_RDONLY)
open(own, "w").close()
os.chmod(own, 0o640); print(oct(os.stat(own).st_mode))
os.chmod("own", 0o600, dir_fd=directory); print(oct(os.stat(own).st_mode))
with open(own) as file:
    os.fchmod(file.fileno(), 0o444)
    os.unlink(own); os.fchmod(file.fileno(), 0o400); print(oct(os.fstat(file.fileno()).st_mode))
open(own, "w").close()
os.utime(own, ns=(1_000_000_007, 2_000_000_009)); print(os.stat(own).st_mtime_ns, os.stat(own).st_atime_ns)
os.utime(own + "-link", (5, 5), follow_symlinks=False); print(int(os.lstat(own + "-link").st_mtime))
"#,
        granted = granted.display(),
        closed = closed.display(),
    );
    let sandbox = Sandbox::python(&script).mount(Mount::ReadOnly {
        source: granted.clone(),
        target: granted.clone(),
    });
    let report = on_stage(&sandbox);
    let expected = "0o100640\n0o100600\n0o100400\n2000000009 1000000007\n5";
    assert_eq!(stdout(&report), expected, "{}", stderr(&report));
    for path in [&granted, &closed] {
        let found = fs::metadata(path).unwrap();
        assert_eq!(found.mode() & 0o777, 0o644, "{}", path.display());
        assert!(found.mtime() > 1_000_000, "{}", path.display());
    }
    let told = |path: &Path| {
        let path = path.display().to_string();
        let mut list = report.denials.list.iter();
        list.any(|denial| denial.target.as_ref() == Some(&path))
    };
    assert!(identity::is_root() || (told(&closed) && told(&granted)));
}

/// Where nothing can be moved from the stage, another file system than that of `/sandbox`; none where there is none.
fn elsewhere() -> Option<TempDir> {
    let place = tempfile::Builder::new().tempdir_in("/dev/shm").ok()?;
    give_to_payload(place.path());
    let stage = fs::metadata(STAGE).or_else(|_| fs::metadata("/")).ok()?;
    (stage.dev() != fs::metadata(place.path()).ok()?.dev()).then_some(place)
}

#[test]
fn what_was_closed_or_nested_without_end_comes_back_and_is_no_failure_of_the_sandbox() {
    if !can_be_had() {
        return;
    }
    let script = r#"
import os
os.makedirs("closed/below")
open("closed/below/file", "w").close()
for path in ("closed/below/file", "closed/below", "closed"):
    os.chmod(path, 0)
os.mkdir("chain")
os.chdir("chain")
for level in range(40):
    os.mkdir("n" * 200)
    os.chdir("n" * 200)
os.chmod("/sandbox/tree", 0)
"#;
    for place in [Some(payload_directory()), elsewhere()] {
        let Some(place) = place else { continue };
        let tree = place.path().join("tree");
        fs::create_dir(&tree).unwrap();
        give_to_payload(&tree);
        let mut sandbox = Sandbox::python(script).mount(Mount::Writable {
            source: tree.clone(),
            target: "/sandbox/tree".into(),
        });
        sandbox.0.command.cwd = "/sandbox/tree".into();
        assert_eq!(output(&sandbox), "");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&tree), 0);
        let open = |path: &Path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        };
        open(&tree);
        assert_eq!(mode(&tree.join("closed")), 0);
        open(&tree.join("closed"));
        open(&tree.join("closed/below"));
        assert_eq!(mode(&tree.join("closed/below/file")), 0);
        assert!(tree.join("chain").join("n".repeat(200)).is_dir());
        // Deeper than what the standard library removes by path.
        let removed = std::process::Command::new("rm")
            .arg("-rf")
            .arg(&tree)
            .status();
        assert!(removed.unwrap().success());
    }
}

#[test]
fn a_pair_of_sockets_works_and_reaches_nothing_that_has_a_path() {
    if !can_be_had() {
        return;
    }
    let place = TempDir::new().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = place.path().join("socket");
    let daemon = UnixDatagram::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    daemon.set_nonblocking(true).unwrap();
    let script = r#"
import socket, sys
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
    try:
        ours, theirs = socket.socketpair(type=kind)
    except OSError:
        print("no pair"); continue
    for reach in (lambda: ours.sendto(b"x", PATH), lambda: ours.sendmsg([b"x"], [], 0, PATH), lambda: ours.connect(PATH)):
        try:
            reach(); print("sent")
        except OSError:
            pass
    theirs.close()
    try:
        ours.connect(PATH); print("connected")
    except OSError:
        pass
ours, theirs = socket.socketpair(); ours.send(b"works"); print(theirs.recv(9).decode())
"#;
    let script = format!("PATH = {:?}\n{script}", path.display().to_string());
    let said = output(&Sandbox::python(&script));
    // On a connected stream an address is ignored or refused, never followed.
    let said = said.replace("sent\n", "");
    assert_eq!(said, "no pair\nworks");
    assert!(daemon.recv(&mut [0; 8]).is_err(), "nothing arrived");
}

#[test]
fn no_terminal_of_the_machine_can_be_taken() {
    if !can_be_had() {
        return;
    }
    let script = r#"
import os
for path in ("/dev/ptmx", "/dev/pts/ptmx", "/dev/pts"):
    try:
        print(path, os.open(path, os.O_RDONLY))
    except OSError as error:
        print(path, error.strerror)
"#;
    let expected =
        ["/dev/ptmx", "/dev/pts/ptmx", "/dev/pts"].map(|path| format!("{path} Permission denied"));
    assert_eq!(output(&Sandbox::python(script)), expected.join("\n"));
}

#[test]
fn everything_ends_with_the_command_with_its_keeper_and_with_its_init() {
    if !can_be_had() {
        return;
    }
    let name = sleep_named(40);
    let script = format!("(setsid setsid sleep {name} &) ; (setsid sleep {name} &); exit 7");
    let report = on_stage(&Sandbox::shell(&script));
    assert_eq!((report.exit, report.survivors), (Exit::Exited(7), 2));
    assert_eq!(processes_with(&name), [] as [i32; 0]);
    let deaf = format!("trap '' TERM; setsid sleep {name} & sleep {name}");
    for (number, victim) in ["caller", "keeper", "init"].into_iter().enumerate() {
        let name = sleep_named(41 + number as u32);
        let script = deaf.replace(&sleep_named(40), &name);
        let mut caller = caller_of("stage", &Sandbox::shell(&script).0);
        eventually("the command runs", || processes_with(&name).len() >= 3);
        let keeper = helper_of(&caller);
        let pid = match victim {
            "caller" => caller.id() as i32,
            "keeper" => keeper,
            _ => *children(keeper).first().unwrap(),
        };
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        eventually(victim, || processes_with(&name).is_empty());
        caller.wait().unwrap();
    }
    // And the next one finds nothing of what they left.
    let listed = output(&Sandbox::shell("ls -A $TMPDIR"));
    assert_eq!(listed, "");
}

#[test]
fn a_storm_of_forks_ends_with_its_init_and_with_its_limits() {
    if !can_be_had() {
        return;
    }
    let name = sleep_named(50);
    let storm = format!(
        "import os, sys\nword = '{name}'\nwhile True:\n  try: os.fork()\n  except OSError: pass\n"
    );
    let mut sandbox = Sandbox::python(&storm).limits(|limits| {
        limits.processes = 64;
        limits.wall = Duration::from_secs(1);
    });
    let started = Instant::now();
    assert_eq!(on_stage(&sandbox).exit, Exit::LimitExceeded(Limit::Wall));
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(processes_with(&name), [] as [i32; 0]);
    sandbox = sandbox.limits(|limits| limits.wall = Duration::from_secs(60));
    let mut caller = caller_of("stage", &sandbox.0);
    eventually("the storm blows", || processes_with(&name).len() > 20);
    let init = *children(helper_of(&caller)).first().unwrap();
    kill(Pid::from_raw(init), Signal::SIGKILL).unwrap();
    eventually("the storm is over", || processes_with(&name).is_empty());
    caller.wait().unwrap();
}

#[test]
fn nothing_of_the_command_can_signal_init_or_anybody_outside() {
    if !can_be_had() {
        return;
    }
    let script = "kill -0 $PPID && echo init; kill -0 1 && echo one; kill -KILL $PPID; sleep 60 & kill -TERM $! && wait $!; \
        [ $? = 143 ] && echo own; kill -KILL -1; echo unreachable";
    let report = on_stage(&Sandbox::shell(script));
    assert_eq!(stdout(&report), "own\nunreachable", "{}", stderr(&report));
    assert_eq!(report.exit, Exit::Exited(0));
}

#[test]
fn a_directory_of_somebodys_is_refused_and_stays_as_it_is() {
    if !identity::is_root() {
        return; // Only root can be shown another /sandbox.
    }
    let place = TempDir::new().unwrap();
    let spec = place.path().join("spec");
    fs::write(
        &spec,
        serde_json::to_vec(&Sandbox::shell("true").0).unwrap(),
    )
    .unwrap();
    let launcher = "../../tests/testdata/launchers/with_stage.sh";
    for (owner, prepare, why) in [
        ("0", "echo kept > /sandbox/file", "not of a run"),
        ("0", "chmod 0777 /sandbox", "closed to others' writing"),
        ("12345", "true", "belong to the caller"),
        (
            "0",
            "mkdir /real; rmdir /sandbox; ln -s /real /sandbox",
            "Not a directory",
        ),
    ] {
        let script = format!("{prepare}; \"$0\" stage < {}; ls /sandbox", spec.display());
        let output = std::process::Command::new("/usr/bin/unshare")
            .arg("--mount")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(launcher))
            .args([owner, "/bin/sh", "-c", &script])
            .arg(helper())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(why), "{prepare}: {said}");
        let left = String::from_utf8_lossy(&output.stdout);
        assert_eq!(left == "file\n", prepare.starts_with("echo"), "{left}");
    }
}

#[test]
fn runs_take_turns() {
    if !can_be_had() {
        return;
    }
    let script = "[ -e $TMPDIR/x ] && echo there; touch $TMPDIR/x; sleep 0.2; ls /sandbox/tmp";
    let runs = || std::thread::spawn(|| output(&Sandbox::shell(script)));
    let runs: Vec<_> = (0..3).map(|_| runs()).collect();
    for one in runs {
        assert_eq!(one.join().unwrap(), "x");
    }
}

#[test]
fn a_run_that_comes_while_another_leaves_waits_its_turn_as_well() {
    if !can_be_had() {
        return;
    }
    let many = || (0..40).map(|_| try_on_stage(&Sandbox::shell("true")).map(|report| report.exit));
    let crowd: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(move || many().collect::<Result<Vec<_>, _>>()))
        .collect();
    for one in crowd {
        let exits = one
            .join()
            .unwrap()
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(exits.iter().all(|exit| *exit == Exit::Exited(0)));
    }
}

#[test]
fn what_needs_a_network_or_another_place_is_refused_and_says_why() {
    if !can_be_had() {
        return;
    }
    let mut with_listener = Sandbox::shell("true");
    with_listener.0.listen = Some(3128);
    let (at, said) = step(try_on_stage(&with_listener));
    assert_eq!(at, Step::Listener);
    assert!(said.contains("no network"), "{said}");
    let mut with_service = Sandbox::shell("true");
    let command = with_service.0.command.clone();
    with_service.0.services.push(passmuster_process::Service {
        name: "service".into(),
        log: 1024,
        command,
        ready: passmuster_process::Ready::Port(9),
        patience: Duration::from_secs(1),
    });
    let (at, said) = step(try_on_stage(&with_service));
    assert_eq!(at, Step::StartService);
    assert!(said.contains("loopback"), "{said}");
    let elsewhere = Sandbox::shell("true").mount(Mount::Tmpfs {
        target: "/elsewhere".into(),
        size: 1 << 20,
    });
    let (at, said) = step(try_on_stage(&elsewhere));
    assert_eq!(at, Step::Stage);
    assert!(
        said.contains("/elsewhere") && said.contains("its own path"),
        "{said}"
    );
    assert!(try_on_stage(&Sandbox::shell("true")).is_ok());
}

#[test]
fn a_grant_that_the_payload_cannot_go_to_is_an_error_and_not_absent() {
    if !identity::is_root() {
        return; // Nobody else has a payload that can go fewer ways than they.
    }
    let place = TempDir::new().unwrap();
    let grant = place.path().join("grant");
    fs::create_dir(&grant).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let sandbox = Sandbox::shell("true").mount(Mount::ReadOnly {
        source: grant.clone(),
        target: grant,
    });
    let (at, said) = step(try_on_stage(&sandbox));
    assert_eq!(at, Step::Stage);
    assert!(said.contains("closed directory"), "{said}");
}

#[test]
fn limits_hold_without_namespaces() {
    if !can_be_had() {
        return;
    }
    let filling = "head -c 50000000 /dev/zero > $TMPDIR/file; sleep 30";
    let disk = Sandbox::shell(filling).limits(|limits| limits.disk = Some(10 << 20));
    assert_eq!(on_stage(&disk).exit, Exit::LimitExceeded(Limit::Disk));
    let memory = Sandbox::python("x = bytearray(400_000_000)\nimport time; time.sleep(30)")
        .limits(|limits| limits.memory = Some(100 << 20));
    assert_eq!(on_stage(&memory).exit, Exit::LimitExceeded(Limit::Memory));
    let idle =
        Sandbox::shell("sleep 60").limits(|limits| limits.idle = Some(Duration::from_secs(1)));
    assert_eq!(on_stage(&idle).exit, Exit::LimitExceeded(Limit::Idle));
}

/// Where a writable place lies below another one, the command can replace the way to it.
#[test]
fn a_link_in_the_way_to_a_writable_place_brings_nothing_of_the_host_back() {
    if !can_be_had() {
        return;
    }
    let (cache, host) = (payload_directory(), payload_directory());
    let upper = cache.path().join("upper");
    for path in [&upper, &host.path().join("b")] {
        fs::create_dir(path).unwrap();
        give_to_payload(path);
    }
    fs::write(host.path().join("b/secret"), "").unwrap();
    let script = format!(
        "cd /sandbox/home; mv a moved && ln -s {} a && ls -ld a",
        host.path().display()
    );
    let sandbox = Sandbox::shell(&script)
        .mount(Mount::Tmpfs {
            target: "/sandbox/home".into(),
            size: 1 << 20,
        })
        .mount(Mount::Writable {
            source: upper.clone(),
            target: "/sandbox/home/a/b".into(),
        });
    let ended = try_on_stage(&sandbox);
    assert!(host.path().join("b/secret").exists(), "{ended:?}");
    let (at, said) = step(ended);
    assert_eq!(at, Step::Stage);
    assert!(said.contains("symbolic links"), "{said}");
    assert_eq!(fs::read_dir(&upper).map_or(0, Iterator::count), 0);
}
