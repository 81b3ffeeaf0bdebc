//! What file systems do for builds, in the tree of the run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::process::Command;

use nix::fcntl::{FallocateFlags, fallocate};
use nix::libc;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{holds, run};
use crate::entry::{Attempt, Control, Entry, works};
use crate::scene::Scene;

const TREE: &str = "tree";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    works(TREE, "write-and-sync-a-file", sync),
    works(TREE, "rename-over-a-file", rename),
    works(TREE, "rename-a-directory", rename_directory),
    works(TREE, "change-a-file-of-the-base", change),
    works(TREE, "make-a-sparse-file", sparse),
    works(TREE, "reserve-space", |s| Ok(fallocate(File::create(s.scratch("reserved")?)?, FallocateFlags::empty(), 0, 4096)?)),
    works(TREE, "hard-link-a-file", hard_link),
    works(TREE, "link-a-file", link),
    works(TREE, "lock-a-file", lock),
    works(TREE, "lock-a-file-against-another-process", lock_against_another),
    works(TREE, "copy-a-file", copy),
    works(TREE, "map-a-file", |s| { fs::write(s.scratch("mapped")?, "x")?; super::python(&format!("import mmap\nf = open('{}', 'r+b'); m = mmap.mmap(f.fileno(), 0); m[0:1] = b'y'; m.flush(); print('ok')", s.scratch("mapped")?.display())) }),
    Entry { class: TREE, name: "set-an-attribute", control: Control::Works, inside: "ok", attempt: Attempt::Call("", libc::SYS_setxattr, "{scratch-file} user.probe page 1 0") },
    works(TREE, "use-long-names-and-deep-directories", deep),
    works(TREE, "watch-a-directory", watch),
    works(TREE, "keep-a-file-in-memory", |_| in_memory()),
    works(TREE, "use-shared-memory-by-name", |_| by_name("/dev/shm")),
    works(TREE, "use-the-temporary-directory", |_| by_name("/tmp")),
    works(TREE, "pass-words-through-a-named-pipe", named_pipe),
    works(TREE, "throw-output-away", |_| File::options().write(true).open("/dev/null")?.write_all(b"x")),
];

fn sync(scene: &Scene) -> io::Result<()> {
    let path = scene.scratch("synced")?;
    let mut file = File::create(&path)?;
    file.write_all(b"content")?;
    file.sync_all()?;
    file.sync_data()?;
    File::open(scene.path("scratch", "probe-scratch")?)?.sync_all()?;
    holds(fs::read(path)? == b"content")
}

fn rename(scene: &Scene) -> io::Result<()> {
    let (old, new) = (scene.scratch("old")?, scene.scratch("new")?);
    fs::write(&old, "old")?;
    fs::write(&new, "new")?;
    fs::rename(&old, &new)?;
    holds(fs::read(new)? == b"old" && !old.exists())
}

fn rename_directory(scene: &Scene) -> io::Result<()> {
    let (old, new) = (
        scene.scratch("old-directory")?,
        scene.scratch("new-directory")?,
    );
    fs::create_dir_all(old.join("below"))?;
    fs::rename(&old, &new)?;
    holds(new.join("below").is_dir())
}

/// A file that was there before the run: an overlay copies it up.
fn change(scene: &Scene) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .open(scene.text("scratch-file")?)?;
    file.write_all(b"more\n")
}

fn sparse(scene: &Scene) -> io::Result<()> {
    let file = File::create_new(scene.scratch("sparse")?)?;
    file.write_at(b"end", 1 << 30)?;
    let found = file.metadata()?;
    holds(found.len() == (1 << 30) + 3 && found.blocks() < 1024)
}

fn hard_link(scene: &Scene) -> io::Result<()> {
    let (one, other) = (scene.scratch("one")?, scene.scratch("other")?);
    fs::write(&one, "shared")?;
    fs::hard_link(&one, &other)?;
    fs::write(&other, "changed")?;
    holds(fs::read(one)? == b"changed")
}

fn link(scene: &Scene) -> io::Result<()> {
    let (target, link) = (scene.scratch("target")?, scene.scratch("link-to-it")?);
    fs::write(&target, "content")?;
    symlink(&target, &link)?;
    holds(fs::read(&link)? == b"content" && fs::read_link(link)? == target)
}

fn lock(scene: &Scene) -> io::Result<()> {
    let path = scene.scratch("lock")?;
    let (one, other) = (File::create(&path)?, File::open(&path)?);
    one.lock()?;
    let held = matches!(other.try_lock(), Err(fs::TryLockError::WouldBlock));
    one.unlock()?;
    holds(held && other.try_lock().is_ok())
}

fn lock_against_another(scene: &Scene) -> io::Result<()> {
    let path = scene.scratch("record-lock")?;
    let script = "import fcntl, os, sys\nf = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX)\nif os.fork() == 0:\n try: fcntl.lockf(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB); os._exit(1)\n except OSError: os._exit(0)\nprint('ok' if os.wait()[1] == 0 else 'no')";
    holds(
        run(Command::new("/usr/bin/python3")
            .args(["-c", script])
            .arg(path))?
            == "ok",
    )
}

fn copy(scene: &Scene) -> io::Result<()> {
    let (from, to) = (scene.scratch("from")?, scene.scratch("to")?);
    fs::write(&from, vec![7; 100_000])?;
    holds(fs::copy(&from, &to)? == 100_000 && fs::read(from)? == fs::read(to)?)
}

fn deep(scene: &Scene) -> io::Result<()> {
    let mut path = scene.scratch("deep")?;
    for _ in 0..30 {
        path.push("d".repeat(60));
    }
    fs::create_dir_all(&path)?;
    File::create_new(path.join("n".repeat(255))).map(drop)
}

fn watch(scene: &Scene) -> io::Result<()> {
    let directory = scene.scratch("watched")?;
    fs::create_dir(&directory)?;
    let watcher = Inotify::init(InitFlags::IN_CLOEXEC)?;
    watcher.add_watch(&directory, AddWatchFlags::IN_CREATE)?;
    fs::write(directory.join("new"), "")?;
    holds(
        watcher
            .read_events()?
            .iter()
            .any(|event| event.name.as_deref() == Some("new".as_ref())),
    )
}

fn in_memory() -> io::Result<()> {
    let mut file = File::from(memfd_create(c"probe", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(b"content")?;
    file.seek(SeekFrom::Start(0))?;
    let mut content = String::new();
    file.read_to_string(&mut content)?;
    holds(content == "content" && file.as_fd().try_clone_to_owned().is_ok())
}

fn by_name(directory: &str) -> io::Result<()> {
    let path = std::path::Path::new(directory).join(format!("probe-use-{}", std::process::id()));
    fs::write(&path, "content")?;
    let content = fs::read(&path);
    fs::remove_file(path)?;
    holds(content? == b"content")
}

fn named_pipe(scene: &Scene) -> io::Result<()> {
    let path = scene.scratch("pipe")?;
    mkfifo(&path, Mode::S_IRWXU)?;
    let writing = path.clone();
    let writer = std::thread::spawn(move || fs::write(writing, "words"));
    let words = fs::read(path)?;
    holds(writer.join().is_ok_and(|written| written.is_ok()) && words == b"words")
}
