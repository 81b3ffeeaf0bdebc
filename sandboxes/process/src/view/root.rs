//! The order in which the new root comes to be. Runs as init, in the new namespaces, with
//! capabilities there.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use super::attach::{attach, mount_point};
use super::sources::{Prepared, Sources};
use super::{proc, system};
use crate::error::{Failure, Step};
use crate::sys::{self, MountAttributes};

/// Any directory that every host has serves as the first place of the new root.
const FIRST_PLACE: &str = "/tmp";
/// Where the host's root is between moving away from it and letting it go.
const HOST: &str = "/.host";

/// Turns an empty tmpfs into the view and makes it the root.
pub(crate) fn build(sources: Sources) -> Result<(), Failure> {
    // Nothing mounted from here on may appear on the host, nor the other way round.
    let no_source = None::<&str>;
    mount(
        no_source,
        "/",
        no_source,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        no_source,
    )
    .map_err(|errno| Failure::at(Step::NewRoot, "/", errno))?;
    enter_empty_root(generated_bytes(&sources))?;
    // Only while the host's /proc is still attached does the kernel let us mount a new one.
    proc::mount_fresh()?;
    // From here on every path is inside: no link in a target can lead to the host.
    umount2(HOST, MntFlags::MNT_DETACH).map_err(|errno| Failure::new(Step::DetachHost, errno))?;
    fs::remove_dir(HOST).map_err(|error| Failure::io(Step::DetachHost, HOST, &error))?;
    for part in sources.0 {
        attach(part)?;
    }
    // Covering needs /dev/null, so it comes after the devices.
    proc::restrict()?;
    terminals()?;
    set_hostname()?;
    // Last, because every mount point above is created in this root.
    make_root_read_only()
}

fn enter_empty_root(generated: u64) -> Result<(), Failure> {
    let failed = |errno| Failure::at(Step::NewRoot, FIRST_PLACE, errno);
    let size = generated + (4 << 20);
    let options = format!("size={size},mode=755");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        FIRST_PLACE,
        Some("tmpfs"),
        flags,
        Some(options.as_str()),
    )
    .map_err(failed)?;
    chdir(FIRST_PLACE).map_err(failed)?;
    let host = HOST.trim_start_matches('/');
    fs::create_dir(host).map_err(|error| Failure::io(Step::NewRoot, HOST, &error))?;
    pivot_root(".", host).map_err(failed)?;
    chdir("/").map_err(failed)
}

/// Generated files live in the root's own memory and must fit.
fn generated_bytes(sources: &Sources) -> u64 {
    let bytes = |part: &Prepared| match part {
        Prepared::File { content, .. } => content.len().next_multiple_of(4096) as u64,
        _ => 0,
    };
    sources.0.iter().map(bytes).sum()
}

/// Most pseudo-terminals at a time. The machine has 4096 for all (`kernel.pty.max`), and no limit of
/// processes or files keeps one sandbox from taking them.
const TERMINALS: u32 = 256;

/// Pseudo-terminals of its own: the host's must not be reachable.
fn terminals() -> Result<(), Failure> {
    let target = Path::new("/dev/pts");
    mount_point(target, true)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = format!("newinstance,ptmxmode=0666,mode=620,max={TERMINALS}");
    mount(
        Some("devpts"),
        target,
        Some("devpts"),
        flags,
        Some(options.as_str()),
    )
    .map_err(|errno| Failure::at(Step::MountTmpfs, target, errno))
}

fn set_hostname() -> Result<(), Failure> {
    nix::unistd::sethostname(system::HOSTNAME).map_err(|errno| Failure::new(Step::Hostname, errno))
}

fn make_root_read_only() -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::ReadOnlyRoot, errno);
    let root = fs::File::open("/").map_err(|error| Failure::io(Step::ReadOnlyRoot, "/", &error))?;
    let attributes = MountAttributes {
        set: libc::MOUNT_ATTR_RDONLY,
        idmap: None,
        recursive: false,
    };
    sys::mount_setattr(root.as_fd(), attributes).map_err(failed)?;
    match fs::create_dir("/.probe") {
        Err(error) if error.raw_os_error() == Some(libc::EROFS) => Ok(()),
        _ => Err(failed(Errno::EEXIST)),
    }
}
