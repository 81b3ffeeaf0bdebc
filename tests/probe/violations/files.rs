//! The host's files: reading, changing, reaching them by links, making devices.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc;

use crate::entry::Control::{DiffersForRoot, Succeeds, SucceedsForRoot};
use crate::entry::{Entry, call, code, found};
use crate::scene::Scene;

const FILES: &str = "files";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(FILES, "create-in-usr", Succeeds, "EROFS", |s| File::create_new(s.path("usr", "probe")?).map(drop)),
    code(FILES, "overwrite-a-program", Succeeds, "EROFS|EACCES", |s| overwrite(&s.path("usr", "bin/env")?)),
    code(FILES, "rename-a-program", Succeeds, "EROFS|EACCES", |s| fs::rename(s.path("usr", "bin/env")?, s.path("usr", "bin/probe")?)),
    code(FILES, "append-to-passwd", Succeeds, "EROFS|EACCES", |s| append(&s.path("etc", "passwd")?)),
    code(FILES, "chmod-passwd", Succeeds, "EROFS|EPERM", |s| fs::set_permissions(s.path("etc", "passwd")?, Permissions::from_mode(0o666))),
    code(FILES, "read-shadow", Succeeds, "ENOENT", |s| read(&s.path("etc", "shadow")?)),
    code(FILES, "unlink-hostname", Succeeds, "EROFS|EACCES", |s| fs::remove_file(s.path("etc", "hostname")?)),
    code(FILES, "create-in-the-root", Succeeds, "EROFS", |s| File::create_new(s.path("root", "probe")?).map(drop)),
    code(FILES, "make-a-directory-in-the-root", Succeeds, "EROFS", |s| fs::create_dir(s.path("root", "home")?)),
    code(FILES, "chmod-a-device", Succeeds, "EROFS|EPERM", |s| fs::set_permissions(s.path("dev", "null")?, Permissions::from_mode(0o600))),
    code(FILES, "create-in-dev", Succeeds, "EROFS|EACCES", |s| File::create_new(s.path("dev", "probe")?).map(drop)),
    code(FILES, "create-in-a-read-grant", Succeeds, "EROFS", |s| File::create_new(s.path("grant", "probe-was-here")?).map(drop)),
    code(FILES, "append-in-a-read-grant", Succeeds, "EROFS|EACCES", |s| append(&s.path("grant", "scene")?)),
    code(FILES, "read-a-secret", Succeeds, "ENOENT", |s| read(&s.path("victim", "secret")?)),
    code(FILES, "read-an-ssh-key", Succeeds, "nothing", |_| read(&home(".ssh/id_ed25519")?)),
    code(FILES, "read-netrc", Succeeds, "ENOENT", |_| read(&home(".netrc")?)),
    code(FILES, "read-git-credentials", Succeeds, "nothing", |_| read(&home(".git-credentials")?)),
    code(FILES, "read-cargo-credentials", Succeeds, "ENOENT", |_| read(&home(".cargo/credentials.toml")?)),
    code(FILES, "list-the-callers-home", Succeeds, "ENOENT", |s| fs::read_dir(s.text("home")?).map(drop)),
    code(FILES, "append-by-host-path", Succeeds, "ENOENT", |s| append(&s.path("victim", "file")?)),
    code(FILES, "append-by-climbing", Succeeds, "ENOENT", climb),
    code(FILES, "append-by-link", Succeeds, "ENOENT", by_link),
    code(FILES, "append-by-a-link-that-is-swapped", Succeeds, "nothing", by_swapped_link),
    code(FILES, "hard-link-a-host-file", Succeeds, "ENOENT", |s| fs::hard_link(s.path("victim", "file")?, s.scratch("hard")?)),
    code(FILES, "hard-link-a-program", Succeeds, "EXDEV", |s| fs::hard_link(s.path("usr", "bin/cc")?, s.scratch("program")?)),
    code(FILES, "read-the-repositorys-configuration", Succeeds, "ENOENT", |s| read(&s.path("repository", ".git/config")?)),
    code(FILES, "plant-a-hook", Succeeds, "ENOENT", |s| fs::write(s.path("repository", ".git/hooks/pre-commit")?, "#!/bin/sh\n")),
    code(FILES, "write-to-the-working-tree", Succeeds, "ENOENT", |s| append(&s.path("repository", "README.md")?)),
    code(FILES, "write-to-the-runners-cache", Succeeds, "ENOENT", |s| append(&s.path("cache", "history.db")?)),
    code(FILES, "open-the-kernels-log", SucceedsForRoot, "ENOENT", |_| File::open("/dev/kmsg").map(drop)),
    call((FILES, "make-a-character-device"), SucceedsForRoot, "EPERM", "", libc::SYS_mknodat, "-100 {scratch}/character 0x2180 0x103"),
    call((FILES, "make-a-block-device"), SucceedsForRoot, "EPERM", "", libc::SYS_mknodat, "-100 {scratch}/block 0x6180 0x700"),
    code(FILES, "give-a-file-to-root", SucceedsForRoot, "EINVAL|EPERM", |s| give_to_root(&s.scratch("given")?)),
    call((FILES, "set-a-trusted-attribute"), SucceedsForRoot, "EPERM", "", libc::SYS_setxattr, "{scratch} trusted.probe page 1 0"),
    call((FILES, "set-file-capabilities"), SucceedsForRoot, "EPERM", "at 0 0x102000001", libc::SYS_setxattr, "{scratch-file} security.capability page 20 0"),
    call((FILES, "take-a-file-handle"), Succeeds, "EPERM", "at 0 128", libc::SYS_name_to_handle_at, "-100 {scratch} page page 0"),
    call((FILES, "open-a-file-handle"), DiffersForRoot, "EPERM", "", libc::SYS_open_by_handle_at, "-1 page 0"),
];

fn read(path: &Path) -> io::Result<()> {
    found(!fs::read(path)?.is_empty())
}

fn append(path: &Path) -> io::Result<()> {
    OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(b"probe was here\n")
}

fn overwrite(path: &Path) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .map(drop)
}

fn home(file: &str) -> io::Result<PathBuf> {
    let home = std::env::var_os("HOME").ok_or_else(crate::entry::nothing)?;
    Ok(Path::new(&home).join(file))
}

fn climb(scene: &Scene) -> io::Result<()> {
    let below_root = scene.path("victim", "file")?;
    let below_root = below_root.strip_prefix("/").map_err(io::Error::other)?;
    append(&Path::new("../../../../../../../../..").join(below_root))
}

fn by_link(scene: &Scene) -> io::Result<()> {
    let link = scene.scratch("link")?;
    symlink(scene.path("victim", "file")?, &link)?;
    append(&link)
}

/// Writes through a link that another thread turns, all the time, from a file of ours to the victim: whoever checks before
/// opening loses this race sooner or later.
fn by_swapped_link(scene: &Scene) -> io::Result<()> {
    let (link, own) = (scene.scratch("swapped")?, scene.scratch("own")?);
    let victim = scene.path("victim", "raced")?;
    fs::write(&own, "")?;
    symlink(&own, &link)?;
    let end = Instant::now() + Duration::from_millis(300);
    let turned = link.clone();
    let targets = [own, victim.clone()];
    let turner = std::thread::spawn(move || {
        for target in targets.iter().cycle() {
            let next = turned.with_extension("next");
            if Instant::now() > end
                || symlink(target, &next)
                    .and_then(|()| fs::rename(&next, &turned))
                    .is_err()
            {
                return;
            }
        }
    });
    while Instant::now() < end {
        let _refused_or_own = append(&link);
    }
    let _ended = turner.join();
    found(fs::read(victim).is_ok_and(|content| !content.is_empty()))
}

fn give_to_root(path: &Path) -> io::Result<()> {
    fs::write(path, "")?;
    std::os::unix::fs::chown(path, Some(0), Some(0))
}
