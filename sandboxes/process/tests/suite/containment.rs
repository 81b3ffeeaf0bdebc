//! What a payload must not see or reach, each with a control that it is there outside.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use passmuster_process::{Mount, Protection, State};

use crate::support::{Sandbox, helper};

#[test]
fn the_environment_holds_what_was_named_and_nothing_else() {
    let environment = Sandbox::program("/usr/bin/env", &[]).output();
    assert_eq!(environment, "PATH=/usr/bin:/bin");
    assert!(
        std::env::vars().count() > 1,
        "control: the caller has an environment"
    );
}

#[test]
fn init_shows_no_environment_of_the_caller() {
    let sandbox = Sandbox::shell("cat /proc/1/environ; ls /proc/1/fd /proc/1/root; true");
    let report = sandbox.run();
    assert_eq!(report.stdout.total, 0);
    assert!(crate::support::stderr(&report).contains("Permission denied"));
}

#[test]
fn a_descriptor_that_the_caller_left_open_is_not_inherited() {
    let list = Sandbox::shell("ls /proc/self/fd | tr '\\n' ' '; ls /proc/self/fd/9/ 2>&1");
    // 9 is the host's root directory, open across exec in the caller and in whatever it starts.
    let output = called_by(
        "exec 9</; ls /proc/self/fd/9/ | grep -q '^proc$' && echo control",
        &list,
    );
    assert!(output.starts_with("control\n0 1 2 3"), "{output}");
    assert!(output.contains("No such file"), "{output}");
}

/// What a caller prints that a shell has prepared, followed by what the command prints.
fn called_by(preparation: &str, sandbox: &Sandbox) -> String {
    let mut caller = Command::new("/bin/sh")
        .args(["-c", &format!("{preparation}; exec \"$0\" run")])
        .arg(helper())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    caller
        .stdin
        .take()
        .unwrap()
        .write_all(&serde_json::to_vec(&sandbox.0).unwrap())
        .unwrap();
    String::from_utf8(caller.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn only_the_processes_of_the_sandbox_exist() {
    let pids = Sandbox::shell("cd /proc; echo [0-9]*").output();
    assert_eq!(pids.split(' ').count(), 2, "{pids}");
    assert!(pids.starts_with("1 "), "{pids}");
}

#[test]
fn no_address_outside_can_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let control = std::net::TcpStream::connect(("127.0.0.1", port));
    assert!(control.is_ok(), "control: the listener answers on the host");
    let script = format!(
        "import socket,errno
def attempt(family, kind, address):
    s = socket.socket(family, kind)
    try:
        s.connect(address); s.send(b'x'); print('reached', address)
    except OSError as e:
        print(errno.errorcode[e.errno])
attempt(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {port}))
attempt(socket.AF_INET, socket.SOCK_STREAM, ('192.0.2.1', 80))
attempt(socket.AF_INET, socket.SOCK_DGRAM, ('192.0.2.1', 53))
attempt(socket.AF_INET6, socket.SOCK_STREAM, ('2001:db8::1', 80))"
    );
    let output = Sandbox::python(&script).output();
    let expected = ["ECONNREFUSED", "ENETUNREACH", "ENETUNREACH", "ENETUNREACH"];
    let unreachable = output
        .lines()
        .zip(expected)
        .all(|(found, expected)| found == expected || found == "EADDRNOTAVAIL");
    assert!(output.lines().count() == 4 && unreachable, "{output}");
}

#[test]
fn an_abstract_unix_socket_outside_cannot_be_reached() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("passmuster-canary-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    let control = std::os::unix::net::UnixStream::connect_addr(&address);
    assert!(control.is_ok(), "control: it answers on the host");
    let script = format!(
        "import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0{name}'); print('reached')\nexcept OSError as e: print(e.strerror)"
    );
    assert_eq!(Sandbox::python(&script).output(), "Connection refused");
}

/// Not a boundary, and said so: whoever grants a directory grants the servers in it.
#[test]
fn a_socket_in_a_granted_directory_can_be_connected_to() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    for place in [directory.path(), &path] {
        fs::set_permissions(place, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let script =
        "import socket; socket.socket(socket.AF_UNIX).connect('/granted/s'); print('reached')";
    let sandbox = Sandbox::python(script).mount(Mount::ReadOnly {
        source: directory.path().into(),
        target: "/granted".into(),
    });
    assert_eq!(sandbox.output(), "reached");
}

#[test]
fn loopback_is_the_only_interface_and_works_in_both_families() {
    let script = "
import socket
print(socket.if_nameindex())
for family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
    server = socket.socket(family); server.bind((host, 0)); server.listen()
    client = socket.create_connection(server.getsockname()[:2]); client.sendall(b'hello')
    print(server.accept()[0].recv(5).decode())
print(socket.getaddrinfo('localhost', 80)[0][4][0] in ('127.0.0.1', '::1'))";
    assert_eq!(
        Sandbox::python(script).output(),
        "[(1, 'lo')]\nhello\nhello\nTrue"
    );
}

#[test]
fn standard_input_is_empty_and_there_is_no_terminal() {
    let script = "
import os
print(os.read(0, 1), os.path.realpath('/dev/stdin'), os.getsid(0) == os.getpid())
try: os.open('/dev/tty', os.O_RDWR)
except OSError as e: print(e.strerror)";
    assert_eq!(
        Sandbox::python(script).output(),
        "b'' /dev/null True\nNo such device or address"
    );
}

#[test]
fn the_kernel_says_that_nothing_is_left_to_gain() {
    let status = Sandbox::shell(
        "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status; umask",
    )
    .output();
    let zero = "0".repeat(16);
    for set in ["Inh", "Prm", "Eff", "Bnd", "Amb"] {
        assert!(status.contains(&format!("Cap{set}:\t{zero}\n")), "{status}");
    }
    for line in [
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Uid:\t1000\t1000\t1000\t1000",
        "0022",
    ] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let own = fs::read_to_string("/proc/self/status").unwrap();
    assert!(
        own.contains("NoNewPrivs:\t0") || own.contains("Seccomp:\t0"),
        "control: the caller is not confined"
    );
}

#[test]
fn capabilities_are_locked_out_for_good() {
    let script = "import ctypes; print(hex(ctypes.CDLL(None).prctl(27, 0, 0, 0, 0)))";
    assert_eq!(
        Sandbox::python(script).output(),
        "0xef",
        "PR_GET_SECUREBITS: all but keep-caps set, all locked"
    );
}

#[test]
fn signals_that_the_caller_ignores_or_blocks_are_back_to_normal() {
    let masks = Sandbox::shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
    let output = called_by(
        "trap '' HUP INT TERM PIPE; grep SigIgn /proc/self/status",
        &masks,
    );
    let lines: Vec<_> = output.lines().collect();
    assert_ne!(
        lines[0],
        format!("SigIgn:\t{:016x}", 0),
        "control: the caller ignores some"
    );
    assert_eq!(
        lines[1..3],
        [
            format!("SigBlk:\t{:016x}", 0),
            format!("SigIgn:\t{:016x}", 0)
        ]
    );
}

#[test]
fn every_protection_is_reported_and_the_missing_ones_say_why() {
    let report = Sandbox::program("/bin/true", &[]).run();
    let absent = [Protection::MemoryLimit, Protection::DiskLimit];
    for enforcement in &report.enforcement {
        let expected = if absent.contains(&enforcement.protection) {
            State::Absent
        } else {
            State::Enforced
        };
        assert_eq!(enforcement.state, expected, "{enforcement:?}");
        assert_eq!(
            enforcement.why.is_some(),
            expected == State::Absent || enforcement.protection == Protection::ProcessLimit,
            "{enforcement:?}"
        );
    }
    assert_eq!(report.enforcement.len(), 28);
    assert_eq!(Protection::NoNewPrivs.to_string(), "no-new-privs");
}
