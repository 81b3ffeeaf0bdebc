//! Compilers, interpreters, version control and generated code.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{holds, python, run};
use crate::entry::{Attempt, Control, Entry, works};
use crate::scene::Scene;

const PROGRAMS: &str = "programs";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    works(PROGRAMS, "compile-and-run", compile),
    works(PROGRAMS, "run-a-script", script),
    works(PROGRAMS, "run-a-script-in-tmp", |_| script_at(std::env::temp_dir().join(format!("probe-{}", std::process::id())))),
    Entry { class: PROGRAMS, name: "run-code-that-was-just-written", control: Control::Works, inside: "ok", attempt: Attempt::Special("jit") },
    works(PROGRAMS, "commit-in-a-new-repository", commit),
    works(PROGRAMS, "pool-processes-with-posix-semaphores", |_| python("import multiprocessing as m\nwith m.Pool(2) as p: a = p.map(abs, [-1, -2])\ns = m.Semaphore(1); s.acquire(); s.release()\nprint('ok' if a == [1, 2] else 'no')")),
    works(PROGRAMS, "share-memory-between-processes", |_| python("from multiprocessing.shared_memory import SharedMemory as S\ns = S(create=True, size=9); s.close(); s.unlink(); print('ok')")),
    works(PROGRAMS, "serve-by-asyncio", |_| python("import asyncio\nasync def f():\n s = await asyncio.start_server(lambda r, w: (w.write(b'ok'), w.close()), '127.0.0.1', 0)\n r, _ = await asyncio.open_connection(*s.sockets[0].getsockname())\n print((await r.read()).decode())\nasyncio.run(f())")),
    works(PROGRAMS, "keep-a-database", |_| python("import sqlite3\nc = sqlite3.connect(':memory:'); c.execute('create table t(x)'); c.commit(); print('ok')")),
];

fn compile(scene: &Scene) -> io::Result<()> {
    let (source, program) = (
        scene.scratch("source")?.with_extension("c"),
        scene.scratch("program")?,
    );
    fs::write(
        &source,
        "#include <stdio.h>\nint main(void) { puts(\"ok\"); }\n",
    )?;
    run(Command::new("/usr/bin/cc")
        .arg(&source)
        .arg("-o")
        .arg(&program))?;
    holds(run(&mut Command::new(program))? == "ok")
}

fn script(scene: &Scene) -> io::Result<()> {
    script_at(scene.scratch("script")?)
}

fn script_at(path: std::path::PathBuf) -> io::Result<()> {
    fs::write(&path, "#!/bin/sh\necho ok\n")?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    let said = run(&mut Command::new(&path));
    fs::remove_file(path)?;
    holds(said? == "ok")
}

fn commit(scene: &Scene) -> io::Result<()> {
    let directory = scene.scratch("repository")?;
    fs::create_dir(&directory)?;
    fs::write(directory.join("file"), "content")?;
    let git = |words: &[&str]| {
        let mut git = Command::new("/usr/bin/git");
        run(git
            .args(["-c", "user.name=n", "-c", "user.email=e@x"])
            .args(words)
            .current_dir(&directory))
    };
    git(&["init", "--quiet"])?;
    git(&["add", "file"])?;
    git(&["commit", "--quiet", "--message=m"])?;
    holds(git(&["rev-list", "--count", "HEAD"])? == "1")
}
