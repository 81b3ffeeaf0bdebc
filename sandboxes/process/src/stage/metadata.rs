//! Changing the mode or the times of a file in the payload's place.
//!
//! Landlock lets a process change both of whatever belongs to its user, granted or not. Where that is
//! the caller, the filter sends such calls to the supervisor, and it does what was asked itself: opens
//! the file as a place only, asks the kernel which path that is, and changes it if the path is below a
//! writable one. It acts on what it has open, so nothing that the payload renames or rewrites in memory
//! meanwhile changes which file is meant; and within the writable places there is no other file: what is
//! outside cannot be linked or moved into them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::denials::path_at;
use crate::seccomp;
use crate::sys::Waiting;

/// Why a change was not made.
pub(crate) struct NotChanged {
    pub(crate) errno: Errno,
    /// The file, where it was not the payload's to change.
    pub(crate) outside: Option<PathBuf>,
}

impl From<Errno> for NotChanged {
    fn from(errno: Errno) -> Self {
        Self {
            errno,
            outside: None,
        }
    }
}

impl From<io::Error> for NotChanged {
    fn from(error: io::Error) -> Self {
        Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)).into()
    }
}

enum Change {
    Mode(u32),
    /// Accessed and modified; none: now.
    Times(Option<[TimeSpec; 2]>),
}

/// Makes the change that a call asks for, if it is to a file below one of these places. `still_waits`
/// tells whether what was read was the caller's.
pub(crate) fn perform(
    waiting: &Waiting,
    writable: &[PathBuf],
    still_waits: impl Fn() -> bool,
) -> Result<(), NotChanged> {
    let file = named(waiting)?;
    let change = change(waiting)?;
    if !still_waits() {
        return Err(Errno::ESRCH.into());
    }
    let open = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let path = fs::read_link(&open)?;
    if !writable.iter().any(|place| path.starts_with(place)) {
        return Err(NotChanged {
            errno: Errno::EPERM,
            outside: Some(path),
        });
    }
    make(&open, change).map_err(NotChanged::from)
}

fn make(open: &Path, change: Change) -> io::Result<()> {
    let now = [TimeSpec::UTIME_NOW; 2];
    match change {
        Change::Mode(mode) => fs::set_permissions(open, Permissions::from_mode(mode)),
        Change::Times(times) => {
            let [accessed, modified] = times.unwrap_or(now);
            let follow = UtimensatFlags::FollowSymlink;
            Ok(utimensat(AT_FDCWD, open, &accessed, &modified, follow)?)
        }
    }
}

/// The file that a call names, opened as a place: nothing of it can be read, and nothing waits.
fn named(waiting: &Waiting) -> Result<File, NotChanged> {
    let [first, second, _, fourth, ..] = waiting.arguments;
    let (directory, path, flags) = match seccomp::name(waiting.number) {
        "chmod" => (libc::AT_FDCWD, first, 0),
        "fchmod" => (first as i32, 0, 0),
        "fchmodat" => (first as i32, second, 0),
        _ => (first as i32, second, fourth as i32),
    };
    let start = match directory {
        libc::AT_FDCWD => format!("/proc/{}/cwd", waiting.thread),
        number => format!("/proc/{}/fd/{number}", waiting.thread),
    };
    let text = match path {
        0 => PathBuf::new(),
        address => path_at(waiting.thread, address).ok_or(Errno::EFAULT)?,
    };
    let nofollow = flags & libc::AT_SYMLINK_NOFOLLOW != 0;
    let (path, nofollow) = match text.as_os_str().is_empty() {
        // The descriptor itself.
        true if path == 0 || flags & libc::AT_EMPTY_PATH != 0 => (start.into(), false),
        true => return Err(Errno::ENOENT.into()),
        false => (Path::new(&start).join(text), nofollow),
    };
    let flags = libc::O_PATH | libc::O_CLOEXEC | if nofollow { libc::O_NOFOLLOW } else { 0 };
    Ok(OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?)
}

fn change(waiting: &Waiting) -> Result<Change, NotChanged> {
    let [_, second, third, ..] = waiting.arguments;
    Ok(match seccomp::name(waiting.number) {
        "chmod" | "fchmod" => Change::Mode(second as u32),
        "utimensat" if third == 0 => Change::Times(None),
        "utimensat" => Change::Times(Some(times_at(waiting.thread, third)?)),
        _ => Change::Mode(third as u32),
    })
}

/// Two `struct timespec`.
fn times_at(thread: Pid, address: u64) -> Result<[TimeSpec; 2], Errno> {
    const SIZE: usize = 32;
    let base = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let mut bytes = [0; SIZE];
    let remote = [RemoteIoVec { base, len: SIZE }];
    let read = process_vm_readv(thread, &mut [IoSliceMut::new(&mut bytes)], &remote)?;
    let (words, []) = bytes.as_chunks::<8>() else {
        return Err(Errno::EFAULT);
    };
    match *words {
        [a, b, c, d] if read == SIZE => {
            let time = |seconds, rest| {
                TimeSpec::new(i64::from_ne_bytes(seconds), i64::from_ne_bytes(rest))
            };
            Ok([time(a, b), time(c, d)])
        }
        _ => Err(Errno::EFAULT),
    }
}
