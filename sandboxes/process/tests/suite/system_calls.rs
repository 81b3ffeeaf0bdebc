//! System calls that are refused, made from inside and, as the control, from outside.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use passmuster_process::Mount;

use crate::support::{Sandbox, payload_directory, stdout};

/// Calls one system call by number and prints the error's name, or `ok`.
const CALL: &str = "
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
page = ctypes.create_string_buffer(4096)
for line in sys.argv[1].split(';'):
    arguments = [ctypes.addressof(page) if word == 'page' else int(word, 0) for word in line.split()]
    result = libc.syscall(*[ctypes.c_long(argument) for argument in arguments])
    print('ok' if result >= 0 else errno.errorcode[ctypes.get_errno()])
";

fn inside(calls: &str) -> String {
    let report = Sandbox::program("/usr/bin/python3", &["-c", CALL, calls]).run();
    format!("{}{}", stdout(&report), crate::support::stderr(&report))
}

fn outside(calls: &str) -> String {
    let output = Command::new("/usr/bin/python3")
        .args(["-c", CALL, calls])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn dangerous_calls_are_refused_inside_and_answered_differently_outside() {
    let cases = [
        ("unshare(NEWUSER)", libc::SYS_unshare, "0x10000000", "EPERM"),
        ("mount", libc::SYS_mount, "0 0 0 0 0", "EPERM"),
        ("umount2", libc::SYS_umount2, "page 0", "EPERM"),
        ("pivot_root", libc::SYS_pivot_root, "0 0", "EPERM"),
        ("chroot", libc::SYS_chroot, "0", "EPERM"),
        ("setns", libc::SYS_setns, "-1 0", "EPERM"),
        ("fsopen", libc::SYS_fsopen, "0 0", "EPERM"),
        ("open_tree", libc::SYS_open_tree, "-1 page 0", "EPERM"),
        ("move_mount", libc::SYS_move_mount, "-1 0 -1 0 0", "EPERM"),
        (
            "mount_setattr",
            libc::SYS_mount_setattr,
            "-1 0 0 0 0",
            "EPERM",
        ),
        ("ptrace(TRACEME)", libc::SYS_ptrace, "0 0 0 0", "EPERM"),
        (
            "process_vm_readv",
            libc::SYS_process_vm_readv,
            "0 0 0 0 0 0",
            "EPERM",
        ),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, "-1 0 0", "EPERM"),
        ("kcmp", libc::SYS_kcmp, "0 0 9 0 0", "EPERM"),
        ("bpf", libc::SYS_bpf, "99 0 0", "EPERM"),
        (
            "perf_event_open",
            libc::SYS_perf_event_open,
            "0 0 0 0 0",
            "EPERM",
        ),
        (
            "keyctl(GET_KEYRING_ID)",
            libc::SYS_keyctl,
            "0 -3 1",
            "EPERM",
        ),
        ("add_key", libc::SYS_add_key, "0 0 0 0 0", "EPERM"),
        (
            "userfaultfd(USER_MODE_ONLY)",
            libc::SYS_userfaultfd,
            "1",
            "EPERM",
        ),
        ("memfd_secret", libc::SYS_memfd_secret, "-1", "EPERM"),
        (
            "open_by_handle_at",
            libc::SYS_open_by_handle_at,
            "-1 0 0",
            "EPERM",
        ),
        ("seccomp(NEW_LISTENER)", libc::SYS_seccomp, "1 8 0", "EPERM"),
        (
            "personality(READ_IMPLIES_EXEC)",
            libc::SYS_personality,
            "0x400000",
            "EPERM",
        ),
        ("clone3", libc::SYS_clone3, "0 0", "ENOSYS"),
        (
            "io_uring_setup",
            libc::SYS_io_uring_setup,
            "1 page",
            "ENOSYS",
        ),
        ("a call of the future", 1000, "", "ENOSYS"),
        ("socket(AF_VSOCK)", libc::SYS_socket, "40 1 0", "EPERM"),
        ("socket(AF_ALG)", libc::SYS_socket, "38 5 0", "EAFNOSUPPORT"),
        ("socket(AF_PACKET)", libc::SYS_socket, "17 3 0", "EPERM"),
        ("socket(INET, RAW)", libc::SYS_socket, "2 3 1", "EPERM"),
        (
            "socket(NETLINK, AUDIT)",
            libc::SYS_socket,
            "16 3 9",
            "EAFNOSUPPORT",
        ),
        ("ioctl(TIOCSTI)", libc::SYS_ioctl, "0 0x5412 page", "EPERM"),
        (
            "ioctl(TIOCLINUX)",
            libc::SYS_ioctl,
            "0 0x541c page",
            "EPERM",
        ),
        ("ioctl(TIOCSETD)", libc::SYS_ioctl, "0 0x5423 page", "EPERM"),
        (
            "mknod(character device)",
            libc::SYS_mknod,
            "page 0x2000 0",
            "EPERM",
        ),
    ];
    let calls: Vec<_> = cases
        .iter()
        .map(|(_, number, arguments, _)| format!("{number} {arguments}"))
        .collect();
    let refused = inside(&calls.join(";"));
    for ((name, _, _, expected), found) in cases.iter().zip(refused.lines()) {
        assert_eq!(found, *expected, "{name}");
    }
    assert_eq!(refused.lines().count(), cases.len(), "{refused}");
    // Outside each call is made in a process of its own: some change the process. Without
    // privileges the kernel itself refuses some, so the control is about those that an ordinary
    // user can see the difference of.
    for (name, number, arguments, inside) in cases
        .iter()
        .filter(|case| ORDINARY.iter().any(|name| case.0.starts_with(name)))
    {
        assert_ne!(
            outside(&format!("{number} {arguments}")),
            *inside,
            "control: {name}"
        );
    }
}

/// Calls that the kernel answers with something else to anybody who may call them at all.
const ORDINARY: [&str; 15] = [
    "unshare",
    "setns",
    "ptrace",
    "process_vm_readv",
    "pidfd_getfd",
    "keyctl",
    "add_key",
    "memfd_secret",
    "seccomp",
    "personality",
    "clone3",
    "io_uring_setup",
    "socket(AF_VSOCK)",
    "ioctl(TIOCSTI)",
    "ioctl(TIOCSETD)",
];

#[test]
#[cfg(target_arch = "x86_64")]
fn the_32_bit_entry_is_fatal() {
    // mov eax, 20 (getpid of i386); int 0x80; ret
    let script = "import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
print('answered' if call() > 0 else 'no')";
    assert_eq!(
        Sandbox::python(script).run().exit,
        passmuster_process::Exit::Signalled(libc::SIGSYS)
    );
    let control = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .output()
        .unwrap();
    assert_eq!(
        control.stdout, b"answered\n",
        "control: the kernel has that entry"
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_x32_entry_does_not_exist() {
    let x32_getpid = 0x4000_0000_i64 | libc::SYS_getpid;
    assert_eq!(inside(&x32_getpid.to_string()), "ENOSYS");
}

#[test]
fn a_process_cannot_give_itself_namespaces_or_privileges() {
    let cases = [
        ("unshare -r true", "Operation not permitted"),
        ("unshare -n true", "Operation not permitted"),
        ("mount -t tmpfs x /tmp", "must be superuser"),
        ("chroot / true", "Operation not permitted"),
        ("setpriv --reuid 0 true", "Operation not permitted"),
    ];
    for (command, expected) in cases {
        let report = Sandbox::shell(&format!("PATH=$PATH:/usr/sbin:/sbin; {command}")).run();
        assert_ne!(
            report.exit,
            passmuster_process::Exit::Exited(0),
            "{command}"
        );
        let message = crate::support::stderr(&report);
        assert!(
            message.contains(expected) || message.contains("Invalid argument"),
            "{command}: {message}"
        );
    }
}

/// Makes files with a mode in every way that there is, and says what came of each: the error's name, or
/// the mode.
const MODES: &str = "
import ctypes, errno, os, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
os.chdir(sys.argv[1]); os.umask(0)
numbers = dict(pair.split('=') for pair in sys.argv[3].split())
mode = int(sys.argv[2], 8)
def call(name, *arguments):
    words = [ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_long(word) for word in arguments]
    result = libc.syscall(ctypes.c_long(int(numbers[name])), *words)
    if result < 0: raise OSError(ctypes.get_errno(), '')
    return result
def old(name): open(name, 'w').close(); return os.open(name, os.O_RDONLY)
def made(name, descriptor): os.close(descriptor)
HOW = ctypes.create_string_buffer((0x41).to_bytes(8, 'little') + mode.to_bytes(8, 'little') + bytes(8))
WAYS = {
    'chmod': lambda f: (old(f), call('chmod', f, mode)),
    'fchmod': lambda f: call('fchmod', old(f), mode),
    'fchmodat': lambda f: (old(f), call('fchmodat', -100, f, mode)),
    'fchmodat2': lambda f: (old(f), call('fchmodat2', -100, f, mode, 0)),
    'open': lambda f: call('open', f, 0x41, mode),
    'openat': lambda f: call('openat', -100, f, 0x41, mode),
    'openat2': lambda f: call('openat2', -100, f, ctypes.addressof(HOW), 24),
    'creat': lambda f: call('creat', f, mode),
    'mknod': lambda f: call('mknod', f, 0o100000 | mode, 0),
    'mknodat': lambda f: call('mknodat', -100, f, 0o100000 | mode, 0),
    'mkdir': lambda f: call('mkdir', f, mode),
    'mkdirat': lambda f: call('mkdirat', -100, f, mode),
    'a file without a name': lambda f: os.symlink('/proc/self/fd/%d' % call('openat', -100, b'.', 0x410001, mode), f),
}
for way, make in WAYS.items():
    name = ('%s-%o' % (way.replace(' ', '-'), mode)).encode()
    if way in numbers or ' ' in way:
        try: make(name); print(way, '%o' % stat.S_IMODE(os.stat(name).st_mode))
        except OSError as error: print(way, errno.errorcode[error.errno])
";

fn numbers() -> String {
    #[rustfmt::skip]
    let common = [
        ("fchmod", libc::SYS_fchmod), ("fchmodat", libc::SYS_fchmodat), ("fchmodat2", libc::SYS_fchmodat2),
        ("openat", libc::SYS_openat), ("openat2", libc::SYS_openat2), ("mknodat", libc::SYS_mknodat),
        ("mkdirat", libc::SYS_mkdirat),
    ];
    #[cfg(target_arch = "x86_64")]
    #[rustfmt::skip]
    let older = [
        ("chmod", libc::SYS_chmod), ("open", libc::SYS_open), ("creat", libc::SYS_creat),
        ("mknod", libc::SYS_mknod), ("mkdir", libc::SYS_mkdir),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let older: [(&str, libc::c_long); 0] = [];
    let all = common.iter().chain(&older);
    let pairs: Vec<String> = all
        .map(|(name, number)| format!("{name}={number}"))
        .collect();
    pairs.join(" ")
}

/// On the host such a file would give the rights of its owner to whoever runs it.
#[test]
fn no_file_that_runs_as_its_owner_or_group_can_be_left_on_the_host() {
    let numbers = numbers();
    let (inside, outside) = (payload_directory(), payload_directory());
    for mode in ["4755", "2755", "6711"] {
        let sandbox = Sandbox::program("/usr/bin/python3", &["-c", MODES, "/tree", mode, &numbers]);
        let said = sandbox
            .mount(Mount::Writable {
                source: inside.path().into(),
                target: "/tree".into(),
            })
            .output();
        let place = outside.path().to_str().unwrap();
        let control = Command::new("/usr/bin/python3")
            .args(["-c", MODES, place, mode, &numbers])
            .output()
            .unwrap();
        let control = String::from_utf8(control.stdout).unwrap();
        let plain = &mode[1..];
        for (line, control) in said.lines().zip(control.trim().lines()) {
            let (way, what) = line.rsplit_once(' ').unwrap();
            let (given, allowed) = match way {
                "openat2" => ("ENOSYS", mode),
                // Neither here nor there: the kernel takes no such mode for a directory.
                "mkdir" | "mkdirat" => (plain, plain),
                _ => ("EPERM", mode),
            };
            assert_eq!(what, given, "{way} {mode} inside");
            assert_eq!(control, format!("{way} {allowed}"), "{way} {mode} outside");
        }
        assert_eq!(said.lines().count(), control.trim().lines().count());
    }
    for entry in std::fs::read_dir(inside.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o6000, 0);
    }
}

/// A lease makes whoever opens the file wait until its holder gives way, 45 seconds each time, and is for the file's owner,
/// who may be the caller.
#[test]
fn no_lease_keeps_others_from_opening_a_file() {
    let script = r#"
import fcntl, os
open("own", "w").close()
file = os.open("own", os.O_RDONLY)
F_SETDELEG = 1024 + 16
for request in (fcntl.F_SETLEASE, F_SETDELEG):
    try:
        fcntl.fcntl(file, request, fcntl.F_WRLCK)
        print("taken")
    except OSError as error:
        print(error.strerror)
fcntl.flock(file, fcntl.LOCK_SH)
print(fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_UNLCK)
"#;
    let mut sandbox = Sandbox::python(script);
    sandbox.0.command.cwd = "/tmp".into();
    let refused = "Operation not permitted";
    assert_eq!(sandbox.output(), format!("{refused}\n{refused}\nTrue"));
}

/// Init, which has the payload's ids, would end with an error of the sandbox in place of the command's own end.
#[test]
fn the_limits_of_init_cannot_be_changed() {
    let script = r#"
import resource, sys
try:
    resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))
    print("changed")
except PermissionError as error:
    print(error.strerror, flush=True)
resource.prlimit(0, resource.RLIMIT_NOFILE, (50, 50))
sys.exit(7)
"#;
    let report = Sandbox::python(script).run();
    assert_eq!(report.exit, passmuster_process::Exit::Exited(7));
    assert_eq!(stdout(&report), "Operation not permitted");
}

/// It keeps the limits, and would come too late.
#[test]
fn when_init_runs_cannot_be_changed_and_when_the_command_runs_can() {
    let script = r#"
import os
def tried(what):
    try:
        what()
        return "changed"
    except PermissionError:
        return "refused"
idle = os.sched_param(0)
everybody = os.getuid()
for who in (1, 0):
    print(
        tried(lambda: os.setpriority(os.PRIO_PROCESS, who, 5)),
        tried(lambda: os.sched_setscheduler(who, os.SCHED_BATCH, idle)),
        tried(lambda: os.sched_setaffinity(who, os.sched_getaffinity(0))),
    )
print(tried(lambda: os.setpriority(os.PRIO_USER, everybody, 6)), tried(lambda: os.setpriority(os.PRIO_PGRP, 1, 6)))
"#;
    let report = Sandbox::python(script).run();
    let lines = [
        "refused refused refused",
        "changed changed changed",
        "refused refused",
    ];
    assert_eq!(stdout(&report), lines.join("\n"));
}
