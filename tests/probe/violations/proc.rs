//! What `/proc` and `/sys` show of the machine and of other processes, and what they let be changed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::entry::Control::{Succeeds, SucceedsForRoot};
use crate::entry::{Entry, code, found, nothing};
use crate::scene::Scene;

const PROC: &str = "proc";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(PROC, "set-the-core-handler", SucceedsForRoot, "EROFS|EACCES", |_| open_for_writing("/proc/sys/kernel/core_pattern")),
    code(PROC, "set-the-machines-file-limit", SucceedsForRoot, "EROFS|EACCES", |_| open_for_writing("/proc/sys/fs/file-max")),
    code(PROC, "set-memory-policy", SucceedsForRoot, "EROFS|EACCES", |_| open_for_writing("/proc/sys/vm/overcommit_memory")),
    code(PROC, "set-interrupts", SucceedsForRoot, "EROFS|EACCES", |_| open_for_writing("/proc/irq/default_smp_affinity")),
    code(PROC, "read-the-kernels-timers", SucceedsForRoot, "nothing", |_| first_bytes("/proc/timer_list")),
    code(PROC, "read-the-kernels-keys", Succeeds, "nothing", |_| first_bytes("/proc/key-users")),
    code(PROC, "see-sysfs", Succeeds, "ENOENT", |_| fs::read_dir("/sys/kernel").map(drop)),
    code(PROC, "join-a-control-group", SucceedsForRoot, "ENOENT", |s| open_for_writing(s.text("cgroup")?)),
    code(PROC, "see-another-process", Succeeds, "nothing", see_the_victim),
    code(PROC, "read-another-process-environment", Succeeds, "ENOENT", |s| of("victim-pid", s, "environ")),
    code(PROC, "read-another-process-maps", Succeeds, "ENOENT", |s| of("victim-pid", s, "maps")),
    code(PROC, "enter-another-process-root", Succeeds, "ENOENT", |s| list("victim-pid", s, "root/")),
    code(PROC, "list-another-process-descriptors", Succeeds, "ENOENT", |s| list("victim-pid", s, "fd")),
    code(PROC, "read-init-environment", Succeeds, "EACCES", |s| of("init", s, "environ")),
    code(PROC, "read-init-maps", Succeeds, "EACCES", |s| of("init", s, "maps")),
    code(PROC, "open-init-program", Succeeds, "EACCES", |s| of("init", s, "exe")),
    code(PROC, "enter-init-root", Succeeds, "EACCES", |s| list("init", s, "root/")),
    code(PROC, "enter-init-directory", Succeeds, "EACCES", |s| list("init", s, "cwd/")),
    code(PROC, "list-init-descriptors", Succeeds, "EACCES", |s| list("init", s, "fd")),
    code(PROC, "open-init-memory", SucceedsForRoot, "EACCES", |s| File::open(proc_of("init", s, "mem")?).map(drop)),
    code(PROC, "open-init-namespaces", Succeeds, "EACCES", |s| File::open(proc_of("init", s, "ns/user")?).map(drop)),
];

/// Opens without writing: the host's own file is what the control opens. A device in its place is no success.
fn open_for_writing(path: impl AsRef<Path>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    found(!file.metadata()?.file_type().is_char_device())
}

fn first_bytes(path: &str) -> io::Result<()> {
    let mut bytes = [0; 16];
    found(File::open(path)?.read(&mut bytes)? > 0)
}

fn proc_of(key: &str, scene: &Scene, file: &str) -> io::Result<std::path::PathBuf> {
    Ok(Path::new("/proc").join(scene.text(key)?).join(file))
}

fn of(key: &str, scene: &Scene, file: &str) -> io::Result<()> {
    let mut bytes = [0; 16];
    found(File::open(proc_of(key, scene, file)?)?.read(&mut bytes)? > 0)
}

fn list(key: &str, scene: &Scene, directory: &str) -> io::Result<()> {
    found(fs::read_dir(proc_of(key, scene, directory)?)?.count() > 0)
}

fn see_the_victim(scene: &Scene) -> io::Result<()> {
    let word = scene.text("victim-word")?;
    let processes = fs::read_dir("/proc")?.flatten();
    let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let shown = lines.any(|line| String::from_utf8_lossy(&line).contains(word));
    shown.then_some(()).ok_or_else(nothing)
}
