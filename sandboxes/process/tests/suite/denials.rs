//! What was refused is told, and only that.

use std::io::Write;
use std::process::{Command, Stdio};

use passmuster_process::{Denial, Denials, Enforcement, Mount, Protection, State};

use crate::support::{Sandbox, helper, stderr, stdout};

fn denials(sandbox: &Sandbox) -> Denials {
    let report = sandbox.run();
    assert!(
        report.exit == passmuster_process::Exit::Exited(0),
        "{:?}: {}{}",
        report.exit,
        stdout(&report),
        stderr(&report)
    );
    report.denials
}

fn described(denials: &Denials) -> Vec<String> {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let line = |one: &Denial| {
        format!(
            "{:?} {} {} by {} × {}",
            one.kind,
            text(&one.syscall),
            text(&one.target),
            text(&one.process),
            one.count
        )
    };
    denials.list.iter().map(line).collect()
}

#[test]
fn an_attempt_to_reach_a_network_is_told_with_address_and_process() {
    let script = "
import socket
def attempt(family, kind, what):
    s = socket.socket(family, kind)
    try: what(s); print('went')
    except OSError: pass
for _ in range(3):
    attempt(socket.AF_INET, socket.SOCK_STREAM, lambda s: s.connect(('192.0.2.1', 443)))
attempt(socket.AF_INET6, socket.SOCK_STREAM, lambda s: s.connect(('2001:db8::1', 80)))
attempt(socket.AF_INET, socket.SOCK_DGRAM, lambda s: s.sendto(b'x', ('192.0.2.2', 53)))";
    let found = denials(&Sandbox::python(script));
    assert_eq!(
        described(&found),
        [
            "Network connect 192.0.2.1:443 by python3 × 3",
            "Network connect [2001:db8::1]:80 by python3 × 1",
            "Network sendto 192.0.2.2:53 by python3 × 1",
        ]
    );
}

#[test]
fn what_stays_inside_is_no_denial() {
    let script = "
import socket, threading
server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen()
client = socket.create_connection(server.getsockname()); client.sendall(b'x')
client.send(b'y'); server.accept()
unix = socket.socket(socket.AF_UNIX); unix.bind('/tmp/s'); unix.listen()
socket.socket(socket.AF_UNIX).connect('/tmp/s')
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('127.0.0.1', 0))
udp.sendto(b'x', udp.getsockname()); assert udp.recv(9) == b'x'
socket.getaddrinfo('localhost', 80); socket.if_nameindex()
t = threading.Thread(target=print); t.start(); t.join()
open('/tmp/file', 'w').write('x')";
    let sandbox = Sandbox::python(script);
    assert_eq!(denials(&sandbox), Denials::default());
}

#[test]
fn a_name_that_is_looked_up_is_told_and_does_not_exist() {
    let script = "
import socket, time
start = time.monotonic()
for _ in range(2):
    try: socket.getaddrinfo('Registry.Example.ORG', 443)
    except socket.gaierror as e: print(e.errno == socket.EAI_NONAME)
print(time.monotonic() - start < 2)";
    let sandbox = Sandbox::python(script);
    assert_eq!(sandbox.output(), "True\nTrue\nTrue");
    assert_eq!(
        described(&denials(&sandbox)),
        ["NameLookup  registry.example.org by python3 × 2"]
    );
}

#[test]
fn node_s_own_resolver_gets_the_same_answer() {
    let script = "require('dns').resolve4('a.example.org', e => console.log(e.code));
        require('dns').lookup('b.example.org', e => console.log(e.code))";
    let sandbox = Sandbox::program("/usr/bin/node", &["-e", script]);
    assert_eq!(sandbox.output(), "ENOTFOUND\nENOTFOUND");
    let found = denials(&sandbox);
    let mut names: Vec<_> = found.list.iter().flat_map(|one| &one.target).collect();
    names.sort();
    assert_eq!(names, ["a.example.org", "b.example.org"]);
}

#[test]
fn a_refused_call_is_told_and_a_quiet_one_is_not() {
    let script = "
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.unshare(0x10000000); print(ctypes.get_errno())
libc.unshare(0x10000000)
libc.ptrace(0, 0, 0, 0); print(ctypes.get_errno())
libc.syscall(237, 0, 0, 0, 0, 0, 0); print(ctypes.get_errno())
for family, kind in ((17, 3), (40, 1), (2, 3), (38, 5)):
    try: socket.socket(family, kind); print('made')
    except OSError as e: print(e.errno)";
    let report = Sandbox::python(script).run();
    // EPERM each time, EAFNOSUPPORT for a family that nobody misses.
    assert_eq!(
        stdout(&report),
        "1\n1\n1\n1\n1\n1\n97",
        "{}",
        stderr(&report)
    );
    let expected = [
        "SystemCall unshare  by python3 × 2",
        "SystemCall ptrace  by python3 × 1",
        "SystemCall socket packet socket by python3 × 1",
        "SystemCall socket vsock socket by python3 × 1",
        "SystemCall socket raw socket by python3 × 1",
    ];
    assert_eq!(described(&report.denials), expected);
}

#[test]
fn a_decoy_that_is_opened_is_told_once_and_the_others_are_not() {
    let home = |sandbox: Sandbox| {
        let decoy = |name: &str| Mount::Decoy {
            target: format!("/home/me/{name}").into(),
        };
        let tmpfs = Mount::Tmpfs {
            target: "/home/me".into(),
            size: 1 << 20,
        };
        sandbox
            .mount(tmpfs)
            .mount(decoy(".ssh/id_rsa"))
            .mount(decoy(".ssh/id_ed25519"))
            .mount(decoy(".aws/credentials"))
    };
    let opened = home(Sandbox::shell(
        "cat /home/me/.ssh/id_rsa; cat /home/me/.ssh/id_rsa; ls -d /home/me/.aws",
    ));
    assert_eq!(
        described(&denials(&opened)),
        ["Decoy  /home/me/.ssh/id_rsa by  × 1"]
    );
    let listed = home(Sandbox::shell("ls /home/me/.ssh"));
    assert_eq!(
        described(&denials(&listed)),
        ["Decoy  /home/me/.ssh by  × 1"]
    );
    let ordinary = home(Sandbox::shell(
        "ls -a /home/me && touch /home/me/file && cat /home/me/file && test -f /home/me/.ssh/id_rsa",
    ));
    assert_eq!(denials(&ordinary), Denials::default());
    let replaced = home(Sandbox::shell(
        "rm -r /home/me/.aws && mkdir /home/me/.aws && echo own > /home/me/.aws/credentials && cat /home/me/.aws/credentials",
    ));
    let only_the_removal = [Some("/home/me/.aws".to_owned())];
    let found = denials(&replaced);
    let targets: Vec<_> = found.list.iter().map(|one| one.target.clone()).collect();
    assert_eq!(
        targets, only_the_removal,
        "what the payload makes itself is no decoy"
    );
}

#[test]
fn a_flood_of_attempts_is_counted_bounded_and_does_not_keep_the_limit_away() {
    let script = "
import socket
n = 0
while True:
    s = socket.socket()
    try: s.connect((f'198.51.{n // 250 % 250}.{n % 250}', 443))
    except OSError: pass
    s.close(); n += 1";
    let sandbox =
        Sandbox::python(script).limits(|limits| limits.wall = std::time::Duration::from_secs(1));
    let report = sandbox.run();
    let limit = passmuster_process::Limit::Wall;
    assert_eq!(report.exit, passmuster_process::Exit::LimitExceeded(limit));
    assert!(report.usage.wall < std::time::Duration::from_secs(5));
    assert_eq!(report.denials.list.len(), 32);
    assert!(report.denials.dropped > 0);
}

#[test]
fn a_file_that_was_to_be_written_outside_is_told_by_its_path() {
    let script = "cd /usr/lib; echo > /etc/x; echo > ../y; echo > /tmp/../usr/z; \
        echo > /tmp/a; cd /tmp; echo > b; mkdir c; echo > c/../d; echo > /dev/null; echo > /dev/shm/e; \
        echo x > /proc/self/comm; echo > /dev/stdout; cat /etc/passwd > /dev/null; true";
    let report = Sandbox::shell(script).run();
    assert!(stderr(&report).contains("/etc/x: Read-only file system"));
    assert_eq!(
        described(&report.denials),
        [
            "Write openat /etc/x by sh × 1",
            "Write openat /usr/y by sh × 1",
            "Write openat /usr/z by sh × 1",
        ]
    );
}

/// Threads and processes that end while they wait must leave the supervisor able to serve the rest.
#[test]
fn a_process_that_is_killed_while_it_asks_does_not_hold_up_the_others() {
    let script = "
import os, signal, socket, time
def attempt():
    s = socket.socket()
    try: s.connect(('192.0.2.9', 9))
    except OSError: pass
for _ in range(60):
    child = os.fork()
    if child == 0:
        while True: attempt()
    time.sleep(0.002); os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
attempt(); print('done')";
    let report = Sandbox::python(script).run();
    assert_eq!(stdout(&report), "done");
    assert_eq!(report.denials.list.len(), 1, "{:?}", report.denials);
}

#[test]
fn the_name_of_a_process_is_its_own_and_comes_as_it_is() {
    let script = "
import ctypes, socket
ctypes.CDLL(None).prctl(15, b'a\\x1b[2Jb', 0, 0, 0)
try: socket.socket().connect(('192.0.2.1', 1))
except OSError: pass";
    let found = denials(&Sandbox::python(script));
    assert_eq!(found.list[0].process.as_deref(), Some("a\u{1b}[2Jb"));
}

/// A caller that is supervised already, as inside some containers: every call is allowed, and the one
/// listener that the kernel gives is taken.
const OUTER: &str = "
import ctypes, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
allow = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0x7fff0000))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', 1, ctypes.addressof(allow)))
listener = libc.syscall(int(sys.argv[1]), 1, 8, program)
assert listener >= 0, ctypes.get_errno()
sys.exit(subprocess.run([sys.argv[2], 'enforcement']).returncode)";

#[test]
fn where_another_supervisor_is_in_force_denials_are_absent_and_all_is_refused_as_before() {
    let script = "unshare -r true; python3 -c 'import socket; socket.socket(17, 3)'; true";
    let mut outer = Command::new("/usr/bin/python3")
        .args(["-c", OUTER, &libc::SYS_seccomp.to_string()])
        .arg(helper())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let spec = serde_json::to_vec(&Sandbox::shell(script).0).unwrap();
    outer.stdin.take().unwrap().write_all(&spec).unwrap();
    let output = outer.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("Operation not permitted").count(), 2, "{said}");
    let list: Vec<Enforcement> = serde_json::from_slice(&output.stdout).unwrap();
    let state = |wanted| {
        let entry = list
            .iter()
            .find(|entry| entry.protection == wanted)
            .unwrap();
        (entry.state, entry.why.is_some())
    };
    assert_eq!(state(Protection::DenialReports), (State::Absent, true));
    assert_eq!(state(Protection::Seccomp), (State::Enforced, false));
}

/// A caller that may have no inotify instance, as one that used up all of them.
const NO_WATCHES: &str = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" enforcement";

#[test]
fn decoys_that_nobody_watches_are_no_full_report() {
    let home = "/sandbox/home";
    let sandbox = Sandbox::program("/bin/true", &[])
        .mount(Mount::Tmpfs {
            target: home.into(),
            size: 1 << 20,
        })
        .mount(Mount::Decoy {
            target: format!("{home}/.ssh/id_rsa").into(),
        });
    let mut caller = Command::new("unshare")
        .args([
            "--user",
            "--map-user=1234",
            "--map-group=1234",
            "--keep-caps",
        ])
        .args(["sh", "-c", NO_WATCHES])
        .arg(helper())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let spec = serde_json::to_vec(&sandbox.0).unwrap();
    caller.stdin.take().unwrap().write_all(&spec).unwrap();
    let output = caller.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let list: Vec<Enforcement> = serde_json::from_slice(&output.stdout).unwrap();
    let mut entries = list.iter();
    let entry = entries
        .find(|entry| entry.protection == Protection::DenialReports)
        .unwrap();
    let why = entry.why.clone().unwrap_or_default();
    assert_eq!(entry.state, State::Degraded, "{why}");
    assert!(why.contains("decoys are not watched"), "{why}");
}

#[test]
fn reports_are_in_force_here() {
    let report = Sandbox::program("/bin/true", &[]).run();
    let mut entries = report.enforcement.iter();
    let entry = entries
        .find(|entry| entry.protection == Protection::DenialReports)
        .unwrap();
    assert_eq!((entry.state, &entry.why), (State::Enforced, &None));
    assert_eq!(report.denials, Denials::default());
}
