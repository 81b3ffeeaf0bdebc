//! The attempts themselves: each in a child that does the thing and says how it went.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;
use std::process;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::pipe2;

use super::{Feature, Probed};
use crate::error::{Failure, Step};
use crate::identity::{self, Identity};
use crate::sys::{self, Cloned, MountAttributes};
use crate::{credentials, namespaces, network, wire};

/// What a child says: a remark, or the step that failed.
type Found = Result<Option<String>, Failure>;

const USER: libc::c_int = libc::CLONE_NEWUSER;

/// Tries every feature.
pub(super) fn all() -> Vec<Probed> {
    let payload = identity::find();
    let ids = payload
        .clone()
        .map(|ids| Some(format!("user {}, group {}", ids.uid, ids.gid)));
    // The other attempts are worth something without: the caller's own ids can always be mapped.
    let payload = payload.unwrap_or(Identity {
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
    });
    let probed = |feature, result| Probed { feature, result };
    let inside = |feature, flags, act: fn() -> Found| {
        probed(feature, in_namespaces(USER | flags, payload, act))
    };
    vec![
        probed(Feature::PayloadIds, ids),
        probed(Feature::Clone3, in_child(0, |_| Ok(()), nothing)),
        probed(Feature::UserNamespace, in_child(USER, |_| Ok(()), nothing)),
        inside(Feature::NamespaceRights, libc::CLONE_NEWNS, mount_tmpfs),
        inside(Feature::PidNamespace, libc::CLONE_NEWPID, nothing),
        inside(Feature::NetworkNamespace, libc::CLONE_NEWNET, nothing),
        inside(Feature::IpcNamespace, libc::CLONE_NEWIPC, nothing),
        inside(Feature::UtsNamespace, libc::CLONE_NEWUTS, set_hostname),
        inside(Feature::CgroupNamespace, libc::CLONE_NEWCGROUP, nothing),
        inside(Feature::MountApi, libc::CLONE_NEWNS, use_mount_api),
        inside(
            Feature::Proc,
            libc::CLONE_NEWNS | libc::CLONE_NEWPID,
            mount_proc,
        ),
        inside(Feature::Loopback, libc::CLONE_NEWNET, listen_v4),
        inside(Feature::LoopbackIpv6, libc::CLONE_NEWNET, listen_v6),
        probed(Feature::Seccomp, in_fork(filter)),
        probed(Feature::SeccompNotification, in_fork(filter_with_listener)),
        probed(Feature::Landlock, in_fork(landlock)),
    ]
}

/// In new namespaces, as the payload, with every right there.
fn in_namespaces(flags: libc::c_int, payload: Identity, act: fn() -> Found) -> Found {
    let map = |child| namespaces::map_ids(child, payload);
    in_child(flags, map, act)
}

/// Does it in a child of these flags. The child waits until `prepare` has been done to it.
fn in_child(
    flags: libc::c_int,
    prepare: impl FnOnce(nix::unistd::Pid) -> Result<(), Failure>,
    act: fn() -> Found,
) -> Found {
    let failed = |step| move |errno| Failure::new(step, errno);
    let (go_in, go_out) = pipe2(OFlag::O_CLOEXEC).map_err(failed(Step::Descriptors))?;
    let (answer_in, answer_out) = pipe2(OFlag::O_CLOEXEC).map_err(failed(Step::Descriptors))?;
    match sys::clone_process(flags, None).map_err(failed(Step::Namespaces))? {
        Cloned::Child => {
            drop((go_out, answer_in));
            let mut order = Vec::new();
            // Its end is the order: what the parent could not do, it tells itself.
            let found = match File::from(go_in).read_to_end(&mut order) {
                Ok(_) => act(),
                Err(error) => Err(Failure::io(Step::Supervise, "", &error)),
            };
            let _parent_gone = wire::send(File::from(answer_out), &found);
            process::exit(0)
        }
        Cloned::Parent { pid, pidfd } => {
            drop((go_in, answer_out));
            let prepared = prepare(pid);
            if prepared.is_err() {
                let _gone = sys::pidfd_kill(pidfd.as_fd(), libc::SIGKILL);
            }
            drop(go_out);
            let found = wire::receive(File::from(answer_in));
            let ended = waitpid(pid, None).map_err(failed(Step::Supervise))?;
            prepared?;
            found.unwrap_or_else(|_| Err(died(ended)))
        }
    }
}

/// Does it in a plain child, where what is tried has nothing to do with namespaces.
fn in_fork(act: fn() -> Found) -> Found {
    let failed = |step| move |errno| Failure::new(step, errno);
    let (answer_in, answer_out) = pipe2(OFlag::O_CLOEXEC).map_err(failed(Step::Descriptors))?;
    match sys::fork().map_err(failed(Step::Supervise))? {
        None => {
            let _parent_gone = wire::send(File::from(answer_out), &act());
            process::exit(0)
        }
        Some(pid) => {
            drop(answer_out);
            let found = wire::receive(File::from(answer_in));
            let ended = waitpid(pid, None).map_err(failed(Step::Supervise))?;
            found.unwrap_or_else(|_| Err(died(ended)))
        }
    }
}

/// A child without an answer was killed, most likely for a system call that a filter around us does
/// not forgive.
fn died(ended: WaitStatus) -> Failure {
    let errno = match ended {
        WaitStatus::Signaled(..) => Errno::EACCES,
        _ => Errno::EIO,
    };
    Failure::new(Step::Supervise, errno)
}

fn nothing() -> Found {
    Ok(None)
}

/// The first thing that a namespace without rights cannot do.
fn mount_tmpfs() -> Found {
    credentials::take_identity()?;
    private_mounts()?;
    let none = None::<&str>;
    mount(
        Some("tmpfs"),
        "/tmp",
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        none,
    )
    .map_err(|errno| Failure::at(Step::NewRoot, "/tmp", errno))?;
    Ok(None)
}

/// Mounts of the namespace stay in it.
fn private_mounts() -> Result<(), Failure> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(|errno| Failure::at(Step::NewRoot, "/", errno))
}

fn set_hostname() -> Found {
    credentials::take_identity()?;
    nix::unistd::sethostname("probe").map_err(|errno| Failure::new(Step::Hostname, errno))?;
    Ok(None)
}

fn use_mount_api() -> Found {
    credentials::take_identity()?;
    private_mounts()?;
    let source = Path::new("/usr");
    let tree = sys::open_tree(source, true)
        .map_err(|errno| Failure::at(Step::OpenSource, source, errno))?;
    let read_only = MountAttributes {
        set: libc::MOUNT_ATTR_RDONLY,
        idmap: None,
        recursive: true,
    };
    sys::mount_setattr(tree.as_fd(), read_only)
        .map_err(|errno| Failure::at(Step::RestrictMount, source, errno))?;
    sys::move_mount(tree.as_fd(), Path::new("/tmp"))
        .map_err(|errno| Failure::at(Step::Attach, "/tmp", errno))?;
    Ok(None)
}

fn mount_proc() -> Found {
    credentials::take_identity()?;
    private_mounts()?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|errno| Failure::at(Step::MountProc, "/proc", errno))?;
    Ok(None)
}

fn listen_v4() -> Found {
    listen("127.0.0.1:0")
}

fn listen_v6() -> Found {
    listen("[::1]:0")
}

fn listen(address: &str) -> Found {
    credentials::take_identity()?;
    network::loopback_up()?;
    TcpListener::bind(address).map_err(|error| Failure::io(Step::Loopback, address, &error))?;
    Ok(None)
}

/// The smallest filter: everything is allowed.
const ALLOW: [libc::sock_filter; 1] = [libc::sock_filter {
    code: (libc::BPF_RET | libc::BPF_K) as u16,
    jt: 0,
    jf: 0,
    k: libc::SECCOMP_RET_ALLOW,
}];

fn filter() -> Found {
    no_new_privileges()?;
    sys::seccomp(&ALLOW).map_err(|errno| Failure::new(Step::Seccomp, errno))?;
    Ok(None)
}

fn filter_with_listener() -> Found {
    no_new_privileges()?;
    sys::seccomp_with_listener(&ALLOW).map_err(|errno| Failure::new(Step::Seccomp, errno))?;
    Ok(None)
}

fn no_new_privileges() -> Result<(), Failure> {
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, [1, 0, 0, 0])
        .map_err(|errno| Failure::new(Step::DropPrivileges, errno))
}

fn landlock() -> Found {
    let version = sys::landlock_version().map_err(|errno| Failure::new(Step::Landlock, errno))?;
    Ok(Some(format!("version {version}")))
}
