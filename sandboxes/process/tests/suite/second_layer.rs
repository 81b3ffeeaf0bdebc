//! Landlock inside the view: in force, and in nobody's way.

use passmuster_process::{Mount, Protection, State};

use crate::support::{Sandbox, payload_directory};

/// In a view that came out right no payload can tell: what it does is shown beside the rules
/// themselves (`src/second_layer.rs`), where there is no view.
#[test]
fn landlock_is_reported_as_read_back_from_the_kernel() {
    let report = Sandbox::program("/bin/true", &[]).run();
    let mut entries = report.enforcement.iter();
    let entry = entries.find(|entry| entry.protection == Protection::Landlock);
    let entry = entry.unwrap();
    assert_eq!((entry.state, &entry.why), (State::Enforced, &None));
}

#[test]
fn what_programs_do_in_writable_places_still_works() {
    let directory = payload_directory();
    let script = "
import os, socket, fcntl, termios, ctypes, mmap
os.makedirs('/data/a/b'); os.mkdir('/data/c')
open('/data/a/b/file', 'w').write('text')
os.rename('/data/a/b/file', '/data/c/file'); os.rename('/data/a/b', '/data/c/b')
os.link('/data/c/file', '/data/a/link'); os.symlink('file', '/data/c/soft')
os.truncate('/data/c/file', 2); os.mkfifo('/data/pipe')
s = socket.socket(socket.AF_UNIX); s.bind('/data/socket'); s.listen()
socket.socket(socket.AF_UNIX).connect('/data/socket')
a = socket.socket(socket.AF_UNIX); a.bind('\\0inside'); a.listen()
socket.socket(socket.AF_UNIX).connect('\\0inside')
m, t = os.openpty()
fcntl.ioctl(t, termios.TIOCGWINSZ, b'x' * 8); termios.tcgetattr(t)
os.ttyname(t)
f = os.memfd_create('program'); os.write(f, open('/bin/true', 'rb').read())
assert os.spawnv(os.P_WAIT, f'/proc/self/fd/{f}', ['true']) == 0
code = mmap.mmap(-1, 4096, prot=7)
open('/dev/null', 'w').write('x'); open('/proc/self/comm', 'w').write('renamed')
open('/proc/self/oom_score_adj', 'w').write('900')
i = ctypes.CDLL(None).inotify_init(); assert ctypes.CDLL(None).inotify_add_watch(i, b'/usr/bin', 0x100) > 0
os.kill(os.getppid(), 0) if os.getppid() != 1 else None
print(open('/data/c/file').read())";
    let sandbox = Sandbox::python(script).mount(Mount::Writable {
        source: directory.path().into(),
        target: "/data".into(),
    });
    assert_eq!(sandbox.output(), "te");
}

#[test]
fn a_program_that_was_just_built_runs_from_a_writable_place() {
    let script = "cp /bin/echo /tmp/echo && cd /tmp && ./echo ran && cp /bin/echo /dev/shm/e && /dev/shm/e too";
    assert_eq!(Sandbox::shell(script).output(), "ran\ntoo");
}
