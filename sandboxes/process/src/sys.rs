//! The only unsafe code: thin, typed wrappers over system calls that no safe crate offers.
//!
//! Nothing here decides anything. Each function is one system call (or the fixed group that makes
//! sense only together), takes what the call needs and returns the error number unchanged.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Turns the return value of a raw system call into a result.
fn check(value: libc::c_long) -> Result<libc::c_long, Errno> {
    if value < 0 {
        Err(Errno::last())
    } else {
        Ok(value)
    }
}

/// A path as the kernel takes it; a path with a NUL byte cannot exist, so it is `EINVAL`.
fn c_path(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// Which side of a clone the caller finds itself on.
pub(crate) enum Cloned {
    /// The caller; holds the child's id and a pidfd for it.
    Parent {
        /// The child as this process's pid namespace numbers it.
        pid: Pid,
        /// Refers to the child even after its id was reused.
        pidfd: OwnedFd,
    },
    /// The new process, with a copy of the caller's memory.
    Child,
}

/// `clone3` with the given namespace flags, copying memory as fork does, into the control group
/// (version 2) that `group` is the open directory of. Only for single-threaded callers.
pub(crate) fn clone_process(
    flags: libc::c_int,
    group: Option<BorrowedFd<'_>>,
) -> Result<Cloned, Errno> {
    /// The one flag that does not fit the C type of the others.
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let mut pidfd: libc::c_int = -1;
    // SAFETY: `clone_args` is plain integers, for which all zeroes is a valid value (and the one
    // clone3 documents as "unset").
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = (flags | libc::CLONE_PIDFD) as u64;
    args.pidfd = std::ptr::from_mut(&mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    if let Some(group) = group {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: args lives across the call and its size is passed; `pidfd` points to a live int that
    // the kernel fills before it returns. Without CLONE_VM and with no stack given, the child
    // continues here on a copy of this stack, exactly as after fork. The helper has one thread, so
    // no lock can be held by a thread that does not exist in the child.
    let pid = check(unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw mut args,
            size_of::<libc::clone_args>(),
        )
    })?;
    if pid == 0 {
        return Ok(Cloned::Child);
    }
    // SAFETY: the call succeeded with CLONE_PIDFD, so the kernel stored a new descriptor that
    // nothing else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Cloned::Parent {
        pid: Pid::from_raw(pid as libc::pid_t),
        pidfd,
    })
}

/// Fork of a process that becomes the child of the caller's parent; `None` in that process. By the
/// older call, which containers allow that refuse the newer. Only for single-threaded callers.
pub(crate) fn fork_sibling() -> Result<Option<Pid>, Errno> {
    let flags = libc::c_long::from(libc::CLONE_PARENT | libc::SIGCHLD);
    // SAFETY: integers only, the stack, thread area and places for ids being none, so their order,
    // which differs between architectures, does not matter. Without CLONE_VM and with no stack given,
    // the child continues here on a copy of this stack, exactly as after fork. The caller has one
    // thread, so no lock can be held by a thread that does not exist in the child.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone, flags, 0_u64, 0_u64, 0_u64, 0_u64) })?;
    Ok((pid != 0).then(|| Pid::from_raw(pid as libc::pid_t)))
}

/// Plain fork; `None` in the child. Only for single-threaded callers.
pub(crate) fn fork() -> Result<Option<Pid>, Errno> {
    // SAFETY: fork restricts the child to async-signal-safe calls only where other threads exist;
    // keeper and init never start one.
    match unsafe { nix::unistd::fork() }? {
        nix::unistd::ForkResult::Parent { child } => Ok(Some(child)),
        nix::unistd::ForkResult::Child => Ok(None),
    }
}

/// Ends the process at once. What the C library does at an exit is for programs that were started: a
/// forked process has nothing to flush, and would first copy what it cleans up.
pub(crate) fn exit(code: libc::c_int) -> ! {
    // SAFETY: an integer only; nothing of this process runs afterwards.
    unsafe { libc::_exit(code) }
}

/// Sends a signal to the process behind a pidfd.
pub(crate) fn pidfd_kill(pidfd: BorrowedFd<'_>, signal: libc::c_int) -> Result<(), Errno> {
    // SAFETY: a null siginfo is documented as "as kill(2) would fill it"; no memory is passed
    // otherwise.
    check(unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    })
    .map(drop)
}

/// A descriptor for a child that has not been waited for: its id still is its own.
pub(crate) fn pidfd_open(child: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: integers only.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, child.as_raw(), 0) })?;
    // SAFETY: pidfd_open returned a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// Has the runtime tell when a descriptor can be read.
pub(crate) fn watch_readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names one open descriptor, the same for as long as it lives, and `AsyncFd`
    // keeps it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// A detached copy of the mount at `path`, with what is mounted beneath it when `recursive`.
pub(crate) fn open_tree(path: &Path, recursive: bool) -> Result<OwnedFd, Errno> {
    let path = c_path(path)?;
    let mut flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= libc::AT_RECURSIVE as libc::c_uint;
    }
    // SAFETY: `path` is a NUL-terminated string that outlives the call; the other arguments are
    // integers.
    let fd =
        check(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })?;
    // SAFETY: open_tree returned a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// What `mount_setattr` changes on a mount.
#[derive(Clone, Copy)]
pub(crate) struct MountAttributes<'a> {
    /// `MOUNT_ATTR_*` bits to set.
    pub(crate) set: u64,
    /// A user namespace whose id mapping the mount shall carry.
    pub(crate) idmap: Option<BorrowedFd<'a>>,
    /// Whether the mounts beneath change as well.
    pub(crate) recursive: bool,
}

/// Changes the attributes of the mount that `tree` is the root of.
pub(crate) fn mount_setattr(
    tree: BorrowedFd<'_>,
    attributes: MountAttributes<'_>,
) -> Result<(), Errno> {
    let idmap = attributes.idmap.map_or(0, |_| libc::MOUNT_ATTR_IDMAP);
    let attr = libc::mount_attr {
        attr_set: attributes.set | idmap,
        attr_clr: 0,
        propagation: 0,
        userns_fd: attributes.idmap.map_or(0, |fd| fd.as_raw_fd() as u64),
    };
    let recursive = if attributes.recursive {
        libc::AT_RECURSIVE
    } else {
        0
    };
    // SAFETY: the empty path is a static NUL-terminated string, `attr` lives across the call and
    // its exact size is passed; the kernel only reads both.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Attaches a detached mount at `target`.
pub(crate) fn move_mount(tree: BorrowedFd<'_>, target: &Path) -> Result<(), Errno> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    let target = c_path(target)?;
    // SAFETY: both strings are NUL-terminated and outlive the call; the rest are integers.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// Closes every descriptor from `first` on. Only for the start of a process, before it owns any of
/// them.
pub(crate) fn close_from(first: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: integers only. Closing a descriptor that some value owns would break its promise; the
    // callers run before the process has opened anything, so no Rust value owns a descriptor from
    // `first` on.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) }).map(drop)
}

/// Marks every descriptor from `first` on as closed by the next exec.
pub(crate) fn cloexec_from(first: libc::c_uint) -> Result<(), Errno> {
    // SAFETY: integers only; setting a flag closes nothing.
    check(unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    })
    .map(drop)
}

/// Whether the next exec closes the descriptor of this number; `EBADF` where there is none.
pub(crate) fn closes_on_exec(number: libc::c_int) -> Result<bool, Errno> {
    // SAFETY: integers only; asking for a flag changes nothing, whoever owns the descriptor.
    let flags = check(libc::c_long::from(unsafe {
        libc::fcntl(number, libc::F_GETFD)
    }))?;
    Ok(flags & libc::c_long::from(libc::FD_CLOEXEC) != 0)
}

/// The first byte from a socket, and the descriptor that came with it, if one did.
pub(crate) fn receive_descriptor(socket: impl AsFd) -> Result<Option<OwnedFd>, Errno> {
    let (_, descriptor) = receive_with_descriptor(socket.as_fd(), &mut [0])?;
    Ok(descriptor)
}

/// Reads from a Unix socket, and takes the first descriptor that came along; further ones are
/// closed. Zero bytes read: the other end is closed.
pub(crate) fn receive_with_descriptor(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<(usize, Option<OwnedFd>), Errno> {
    let (read, descriptors) = receive_with_descriptors(socket, buffer)?;
    Ok((read, descriptors.into_iter().next()))
}

/// The same with up to three descriptors.
pub(crate) fn receive_with_descriptors(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut parts = [IoSliceMut::new(buffer)];
    let mut space = nix::cmsg_space!([libc::c_int; 3]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel made these descriptors for this call, so nothing else owns them,
            // and each is taken once.
            descriptors.extend(
                received
                    .iter()
                    .map(|fd| unsafe { OwnedFd::from_raw_fd(*fd) }),
            );
        }
    }
    Ok((message.bytes, descriptors))
}

/// `prctl` for the operations whose arguments are all integers.
pub(crate) fn prctl(operation: libc::c_int, arguments: [libc::c_ulong; 4]) -> Result<(), Errno> {
    let [a, b, c, d] = arguments;
    // SAFETY: the operations used in this crate (PR_CAPBSET_DROP, PR_CAP_AMBIENT,
    // PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE, PR_SET_PDEATHSIG,
    // PR_SET_CHILD_SUBREAPER) read integers and
    // no memory.
    check(libc::c_long::from(unsafe {
        libc::prctl(operation, a, b, c, d)
    }))
    .map(drop)
}

/// Gives up the effective, permitted and inheritable capabilities of the calling thread.
pub(crate) fn capset_none() -> Result<(), Errno> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Sets {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let sets = [Sets::default(); 2];
    // SAFETY: version 3 of the interface takes one header and two sets of three words; both have C
    // layout and outlive the call. The kernel reads the sets; it may write a version it prefers into
    // the header, which is why that one is mutable.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) }).map(drop)
}

/// Installs a seccomp filter on the calling thread, for good. Needs no_new_privs.
pub(crate) fn seccomp(program: &[libc::sock_filter]) -> Result<(), Errno> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `len` is the slice's length, the slice outlives the call, and the kernel copies and
    // checks the program without writing to it (the pointer is mutable only because of the C
    // declaration).
    check(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        )
    })
    .map(drop)
}

/// Installs a filter that sends some calls on to whoever has the descriptor that comes back. A caller
/// whose call was received waits through signals that do not kill it, where the kernel can do that.
pub(crate) fn seccomp_with_listener(program: &[libc::sock_filter]) -> Result<OwnedFd, Errno> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    let install = |flags: libc::c_ulong| {
        // SAFETY: as in `seccomp` above: `len` is the slice's length, the slice outlives the call, and
        // the kernel only reads it.
        check(unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        })
    };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let fd = match install(flags | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(Errno::EINVAL) => install(flags)?,
        result => result?,
    };
    // SAFETY: with NEW_LISTENER the call returns a new descriptor that nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// A system call whose caller waits for an answer.
pub(crate) struct Waiting {
    /// Names the call in the answer.
    pub(crate) id: u64,
    /// The thread that made it, as this process's pid namespace numbers it.
    pub(crate) thread: Pid,
    /// The call's number.
    pub(crate) number: u32,
    /// Its arguments.
    pub(crate) arguments: [u64; 6],
}

/// What a waiting caller gets.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// The call takes place as if nobody had looked.
    GoOn,
    /// It does not take place, and its caller is told that it has: somebody else did it.
    Done,
    /// It fails with this error.
    Refused(Errno),
}

/// The next call that waits. Blocks when there is none: poll first. `ENOENT` when its caller was killed.
pub(crate) fn next_waiting(listener: BorrowedFd<'_>) -> Result<Waiting, Errno> {
    // SAFETY: `seccomp_notif` is plain integers, for which all zeroes is valid; the kernel demands it.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request's number carries the size of the structure, which lives across the call and
    // which the kernel fills.
    check(libc::c_long::from(unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_RECV,
            &raw mut call,
        )
    }))?;
    Ok(Waiting {
        id: call.id,
        thread: Pid::from_raw(call.pid as libc::pid_t),
        number: call.data.nr as u32,
        arguments: call.data.args,
    })
}

/// Whether the caller of a call that was received is still the one that waits.
pub(crate) fn still_waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads one 64-bit integer, which lives across the call.
    let valid = unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_ID_VALID,
            &raw const id,
        )
    };
    valid == 0
}

/// Ends the wait of a caller. `ENOENT` when it has ended already.
pub(crate) fn answer(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> Result<(), Errno> {
    let (error, flags) = match answer {
        Answer::GoOn => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
        Answer::Done => (0, 0),
        Answer::Refused(errno) => (-(errno as i32), 0),
    };
    let mut response = libc::seccomp_notif_resp {
        id,
        val: 0,
        error,
        flags,
    };
    // SAFETY: the request's number carries the size of the structure, which lives across the call and
    // which the kernel reads.
    check(libc::c_long::from(unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_SEND,
            &raw mut response,
        )
    }))
    .map(drop)
}

/// Lets a caller and its supervisor take turns on one processor. Linux 6.6.
pub(crate) fn notify_synchronously(listener: BorrowedFd<'_>) -> Result<(), Errno> {
    const SYNC_WAKE_UP: libc::c_ulong = 1;
    // SAFETY: the argument is an integer.
    check(libc::c_long::from(unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS,
            SYNC_WAKE_UP,
        )
    }))
    .map(drop)
}

/// The version of Landlock that the kernel has.
pub(crate) fn landlock_version() -> Result<libc::c_long, Errno> {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the kernel takes no structure, reads no memory and only answers.
    check(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0,
            VERSION,
        )
    })
}

/// Brings an interface up and returns its flags as read back.
pub(crate) fn interface_up(socket: impl AsFd, name: &CStr) -> Result<libc::c_short, Errno> {
    // SAFETY: `ifreq` is a C structure of integers and byte arrays, for which all zeroes is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request
        .ifr_name
        .iter_mut()
        .zip(name.to_bytes())
        .take(libc::IFNAMSIZ - 1)
    {
        *to = *from as libc::c_char;
    }
    let socket = socket.as_fd().as_raw_fd();
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which lives across the call and has a terminated name
    // and its flags set.
    check(libc::c_long::from(unsafe {
        libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw mut request)
    }))?;
    // SAFETY: SIOCGIFFLAGS reads the name from and writes the flags into the same live ifreq.
    check(libc::c_long::from(unsafe {
        libc::ioctl(socket, libc::SIOCGIFFLAGS, &raw mut request)
    }))?;
    // SAFETY: the call just stored the flags, so `ifru_flags` is the live member of the union.
    Ok(unsafe { request.ifr_ifru.ifru_flags })
}

/// Sets every signal to its default disposition. By the bare system call, because the C library
/// refuses to touch the two signals that it uses itself, and a caller may ignore even those.
pub(crate) fn default_signals() {
    const SIGNALS: libc::c_long = 64;
    const SET_SIZE: usize = 8;
    // Handler, flags, restorer and mask as the kernel lays them out: all zeroes is SIG_DFL without
    // flags.
    let default = [0_u64; 4];
    for signal in 1..=SIGNALS {
        // SAFETY: the kernel reads one structure of at most four words, which lives across the
        // call, and writes nothing, the place for the old disposition being null. SIG_DFL installs
        // no handler, so no code can come to run in signal context. SIGKILL and SIGSTOP are
        // refused, which changes nothing.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null::<u64>(),
                SET_SIZE,
            )
        };
    }
}
