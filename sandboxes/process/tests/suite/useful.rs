//! What must work inside, because builds and test runners do it.

use passmuster_process::{Mount, identity};

use crate::support::{Sandbox, payload_directory};

#[test]
fn python_works_with_threads_processes_files_and_databases() {
    let cases = [
        (
            "threads",
            "import threading; t=threading.Thread(target=print,args=('ok',)); t.start(); t.join()",
        ),
        (
            "a process pool",
            "import multiprocessing as m\nwith m.Pool(2) as p: print('ok' if p.map(abs,[-1,-2])==[1,2] else 'no')",
        ),
        (
            "semaphores",
            "import multiprocessing as m; s=m.Semaphore(1); s.acquire(); s.release(); m.Queue().put(1); print('ok')",
        ),
        (
            "shared memory",
            "from multiprocessing.shared_memory import SharedMemory as S; s=S(create=True,size=9); s.unlink(); print('ok')",
        ),
        (
            "subprocesses",
            "import subprocess; print(subprocess.run(['sh','-c','echo ok'],capture_output=True,text=True).stdout)",
        ),
        (
            "asyncio",
            "import asyncio\nasync def f():\n p=await asyncio.create_subprocess_exec('true'); print('ok' if await p.wait()==0 else 'no')\nasyncio.run(f())",
        ),
        (
            "temporary files",
            "import tempfile; f=tempfile.NamedTemporaryFile(); f.write(b'x'); print('ok')",
        ),
        (
            "sqlite",
            "import sqlite3; c=sqlite3.connect('/tmp/d'); c.execute('create table t(x)'); c.execute('insert into t values(1)'); c.commit(); print('ok')",
        ),
        (
            "Unix sockets",
            "import socket; a,b=socket.socketpair(); a.send(b'ok'); print(b.recv(2).decode())",
        ),
        (
            "pseudo-terminals",
            "import os; m,s=os.openpty(); os.write(s,b'ok'); print(os.read(m,2).decode())",
        ),
        (
            "a controlling terminal",
            "import pty; pty.spawn(['/bin/sh', '-c', 'echo ok > /dev/tty'])",
        ),
        (
            "inotify",
            "import ctypes; print('ok' if ctypes.CDLL(None).inotify_init()>=0 else 'no')",
        ),
        (
            "memfd",
            "import os; os.write(os.memfd_create('x'),b'x'); print('ok')",
        ),
        (
            "the account",
            "import pwd,os; print('ok' if pwd.getpwuid(os.getuid()).pw_name=='passmuster' else 'no')",
        ),
        (
            "interfaces",
            "import socket; print('ok' if socket.if_nameindex()==[(1,'lo')] else 'no')",
        ),
        (
            "killing children",
            "import subprocess; p=subprocess.Popen(['sleep','99']); p.kill(); print('ok' if p.wait()==-9 else 'no')",
        ),
    ];
    for (name, script) in cases {
        assert_eq!(Sandbox::python(script).output(), "ok", "{name}");
    }
}

#[test]
fn a_c_program_is_compiled_and_run() {
    let script = "printf '#include <stdio.h>\\nint main(){puts(\"compiled\");}' > /tmp/a.c && cc -o /tmp/a /tmp/a.c && /tmp/a";
    assert_eq!(Sandbox::shell(script).output(), "compiled");
}

#[test]
fn node_runs_worker_threads_and_child_processes() {
    let script = "const {Worker}=require('worker_threads');new Worker('console.log(6*7)',{eval:true}).on('exit',()=>
        console.log(require('child_process').execSync('echo child').toString().trim()))";
    assert_eq!(
        Sandbox::program("/usr/bin/node", &["-e", script]).output(),
        "42\nchild"
    );
}

#[test]
fn git_works_in_a_writable_tree() {
    let directory = payload_directory();
    let script = "cd /tree && git init -q . && echo a > a && git add a && git -c user.name=n -c user.email=e@x commit -qm c && git log --oneline | wc -l";
    let sandbox = Sandbox::shell(script).mount(Mount::Writable {
        source: directory.path().into(),
        target: "/tree".into(),
    });
    assert_eq!(sandbox.output(), "1");
    let payload = identity::host().unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(
        &std::fs::metadata(directory.path().join("a")).unwrap(),
    );
    assert_eq!(
        owner, payload.uid,
        "what was written belongs to the payload's host id"
    );
}

#[test]
fn limits_on_cores_can_be_asked_for_and_change_nothing() {
    let script =
        "import resource as r; r.setrlimit(r.RLIMIT_CORE,(0,0)); print(r.getrlimit(r.RLIMIT_CORE))";
    assert_eq!(Sandbox::python(script).output(), "(1, 1)");
}

/// An archive and a file of the host may have such modes; tools that copy them as an ordinary user
/// drop the bits by themselves, or say so and go on.
#[test]
fn files_are_copied_and_unpacked_with_their_modes_where_these_give_no_privilege() {
    let script = "cd /tmp && mkdir -m 1777 sticky && echo a > a && chmod 640 a && cp -p a b && install -m 755 a c \
        && python3 -c \"import io, tarfile
with tarfile.open('t.tar', 'w') as tar:
    for mode in (0o4755, 0o644):
        entry = tarfile.TarInfo('m%o' % mode); entry.mode = mode; entry.size = 1; tar.addfile(entry, io.BytesIO(b'x'))\" \
        && mkdir one && tar -xf t.tar -C one \
        && git init -q repo && cp -p /usr/bin/passwd passwd && stat -c '%n %a' sticky b c one/* passwd";
    let said = Sandbox::shell(script).output();
    let expected = "sticky 1777\nb 640\nc 755\none/m4755 755\none/m644 644\npasswd 755";
    assert_eq!(said, expected);
}
