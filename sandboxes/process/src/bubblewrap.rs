//! Namespaces and view by way of the distribution's bubblewrap, where a security module lets that
//! program create namespaces and not us.
//!
//! # Theory of operation
//!
//! The keeper translates the specification into bubblewrap's options and starts it instead of
//! creating init itself. What bubblewrap then executes is this program again, as process 1 inside,
//! with one end of a socket as its input: over that it hears the specification, and says what init
//! says over its pipes. Everything after the view (limits, given-up rights, the filter, reading
//! back what holds, the worker, reaping) is the same code, so a protection that bubblewrap did not
//! set up as promised stops the sandbox here as well.
//!
//! What differs: bubblewrap has no overlays before version 0.11, so trees are copies; a view of
//! several read-only layers cannot be shown at all; the control group is not entered, so limits on
//! memory and processes hold by looking; securebits cannot be locked without rights, which is why
//! every capability set has to be empty already. Only for ordinary users: root needs none of this.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{self, Child, Command};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{Pid, dup2_stdin};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Step};
use crate::identity::INSIDE;
use crate::init::{self, INSIDE_BUBBLEWRAP, Inherited, Room};
use crate::namespaces::Membership;
use crate::seccomp::Filter;
use crate::spec::{Lower, Mount, Spec};
use crate::view::{HIDDEN_DIRECTORIES, HIDDEN_FILES, HOSTNAME, READ_ONLY, system_mounts};
use crate::{streams, sys, wire};

/// Where distributions put it, and the only path that their profiles name.
pub const PROGRAM: &str = "/usr/bin/bwrap";

/// Bubblewrap takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where this program appears inside.
const SELF: &str = "/.init";

/// Namespaces and privileges, whatever the specification.
const ALWAYS: [&str; 14] = [
    "--unshare-all",
    "--unshare-user",
    "--uid",
    "",
    "--gid",
    "",
    "--hostname",
    HOSTNAME,
    "--as-pid-1",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
    "--clearenv",
];

/// What the program inside is told first.
#[derive(Serialize, Deserialize)]
struct Told {
    spec: Spec,
    outside: Membership,
}

/// What the keeper holds of a sandbox that bubblewrap started.
pub(crate) struct Started {
    /// Bubblewrap itself, whose end is everything's end.
    pub(crate) child: Child,
    /// Process 1 inside.
    pub(crate) init: Pid,
    /// Carries orders in and messages out.
    pub(crate) socket: UnixStream,
}

/// Starts bubblewrap and tells the program inside what to do. Descriptors cross one by one: what the
/// command reads, where the filter's listener is sent to, and the caller's socket.
pub(crate) fn start(
    spec: &Spec,
    input: Option<OwnedFd>,
    listener: UnixStream,
    outside: Membership,
) -> Result<Started, Failure> {
    let failed = |error: io::Error| Failure::io(Step::Bubblewrap, PROGRAM, &error);
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let mut options = Options::default();
    options.view(spec)?;
    let child = Command::new(PROGRAM)
        .env_clear()
        .args(&options.words)
        .args(["--", SELF, INSIDE_BUBBLEWRAP])
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .map_err(failed)?;
    let init = wait_for_init(&child, &ours).map_err(failed)?;
    let caller = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    for descriptor in [input, Some(listener.into()), Some(caller)] {
        streams::send_input(&ours, descriptor).map_err(failed)?;
    }
    let told = Told {
        spec: spec.clone(),
        outside,
    };
    wire::send(&ours, &told).map_err(failed)?;
    Ok(Started {
        child,
        init,
        socket: ours,
    })
}

/// The program inside says that it is there; then bubblewrap has one child, which is it.
fn wait_for_init(child: &Child, socket: &UnixStream) -> io::Result<Pid> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut socket = socket;
    socket.read_exact(&mut [0])?;
    socket.set_read_timeout(None)?;
    let bubblewrap = child.id();
    let children = fs::read_to_string(format!("/proc/{bubblewrap}/task/{bubblewrap}/children"))?;
    let first = children.split_whitespace().next();
    let pid = first.and_then(|pid| pid.parse().ok());
    pid.map(Pid::from_raw)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The life of the program that bubblewrap executed.
pub(crate) fn live_inside() -> ! {
    // Whoever started this holds the other end, and sees it closed.
    match inherited() {
        Ok(inherited) => init::live(inherited),
        Err(_) => process::exit(1),
    }
}

fn inherited() -> io::Result<Inherited> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let mut file = File::from(socket.try_clone()?);
    file.write_all(b"x")?;
    let receive = || sys::receive_with_descriptor(socket.as_fd(), &mut [0]);
    let (_, input) = receive()?;
    let (_, listener) = receive()?;
    let (_, caller) = receive()?;
    let (Some(listener), Some(caller)) = (listener, caller) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    // As in a sandbox of our own: process 1 holds the caller's socket until it lets go of its input.
    dup2_stdin(caller)?;
    let Told { spec, outside } = wire::receive(file)?;
    let filter = Filter::read().map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Inherited {
        spec,
        input,
        sources: None,
        room: Room::Bubblewrap,
        outside,
        orders: File::from(socket.try_clone()?),
        messages: File::from(socket),
        filter,
        listener: UnixStream::from(listener),
    })
}

/// Words for bubblewrap, and the files that they name by number.
#[derive(Default)]
struct Options {
    words: Vec<OsString>,
    files: Vec<OwnedFd>,
}

impl Options {
    fn view(&mut self, spec: &Spec) -> Result<(), Failure> {
        let id = INSIDE.to_string();
        let always = ALWAYS.map(|word| if word.is_empty() { id.as_str() } else { word });
        self.words.extend(always.map(OsString::from));
        let own = |error| Failure::io(Step::Bubblewrap, "/proc/self/exe", &error);
        self.pair("--ro-bind", &std::env::current_exe().map_err(own)?, SELF);
        for mount in system_mounts(&spec.limits) {
            // Bubblewrap makes its own /dev.
            if !mount.target().starts_with("/dev") {
                self.mount(&mount)?;
            }
        }
        self.devices(spec);
        self.proc()?;
        for mount in &spec.mounts {
            self.mount(mount)?;
        }
        self.words.extend(["--remount-ro", "/"].map(OsString::from));
        Ok(())
    }

    /// The directory is made read-only, as it has no size; the one for shared memory has.
    fn devices(&mut self, spec: &Spec) {
        self.words.extend(["--dev", "/dev"].map(OsString::from));
        self.tmpfs(Path::new("/dev/shm"), spec.limits.tmp);
        self.words
            .extend(["--remount-ro", "/dev"].map(OsString::from));
    }

    fn proc(&mut self) -> Result<(), Failure> {
        self.words.extend(["--proc", "/proc"].map(OsString::from));
        let present = |name: &&str| Path::new("/proc").join(name).exists();
        for name in READ_ONLY.iter().filter(|name| present(name)) {
            let path = Path::new("/proc").join(name);
            self.pair("--ro-bind", &path, &path);
        }
        for name in HIDDEN_FILES.iter().filter(|name| present(name)) {
            self.data(&Path::new("/proc").join(name), b"", "0444")?;
        }
        for name in HIDDEN_DIRECTORIES.iter().filter(|name| present(name)) {
            let path = Path::new("/proc").join(name);
            self.tmpfs(&path, 4096);
            self.words
                .extend(["--remount-ro".into(), path.into_os_string()]);
        }
        Ok(())
    }

    fn mount(&mut self, mount: &Mount) -> Result<(), Failure> {
        match mount {
            Mount::ReadOnly { source, target } => self.pair("--ro-bind", source, target),
            Mount::Writable { source, target } => self.pair("--bind", source, target),
            Mount::ReadOnlyOverlay { lowers, target } => match lowers.as_slice() {
                [Lower { source, .. }] => self.pair("--ro-bind", source, target),
                _ => return Err(Failure::at(Step::MountOverlay, target, Errno::EOPNOTSUPP)),
            },
            Mount::Overlay { target, .. } => {
                return Err(Failure::at(Step::MountOverlay, target, Errno::EOPNOTSUPP));
            }
            Mount::Tmpfs { target, size } => self.tmpfs(target, *size),
            Mount::File {
                target,
                content,
                executable,
            } => self.data(target, content, if *executable { "0555" } else { "0444" })?,
            Mount::Decoy { target } => self.copied(target)?,
            Mount::Symlink { path, to } => self.pair("--symlink", to, path),
            Mount::Directory { target } => self
                .words
                .extend(["--dir".into(), target.clone().into_os_string()]),
        }
        Ok(())
    }

    fn pair(&mut self, option: &str, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        self.words
            .extend([option.into(), from.as_ref().into(), to.as_ref().into()]);
    }

    fn tmpfs(&mut self, target: &Path, size: u64) {
        let size = size.to_string();
        self.words
            .extend(["--perms", "1777", "--size", &size, "--tmpfs"].map(OsString::from));
        self.words.push(target.into());
    }

    /// An empty file that lies where it is, to be removed by whoever likes.
    fn copied(&mut self, target: &Path) -> Result<(), Failure> {
        self.content(target, b"", ["0600", "--file"])
    }

    fn data(&mut self, target: &Path, content: &[u8], mode: &str) -> Result<(), Failure> {
        self.content(target, content, [mode, "--ro-bind-data"])
    }

    /// The bytes cross in a file without a name, which bubblewrap closes when it has read them.
    fn content(
        &mut self,
        target: &Path,
        content: &[u8],
        [mode, option]: [&str; 2],
    ) -> Result<(), Failure> {
        let failed = |error: &io::Error| Failure::io(Step::WriteFile, target, error);
        // Not closed by exec: it is for the program that is executed.
        let file = memfd_create(c"generated", MFdFlags::empty())
            .map_err(|errno| Failure::at(Step::WriteFile, target, errno))?;
        let mut file = File::from(file);
        file.write_all(content).map_err(|error| failed(&error))?;
        file.rewind().map_err(|error| failed(&error))?;
        let number = file.as_raw_fd().to_string();
        self.words
            .extend(["--perms", mode, option, &number].map(OsString::from));
        self.words.push(target.into());
        self.files.push(file.into());
        Ok(())
    }
}
