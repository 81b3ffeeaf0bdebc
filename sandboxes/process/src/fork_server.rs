//! The process that keepers are forked from.
//!
//! # Theory of operation
//!
//! Executing this program for each sandbox would cost more than creating all of its namespaces: the
//! loader and the C library's start alone take a millisecond where each `CPUID` is answered by a
//! hypervisor. So a [`ForkServer`] is executed once for a [`crate::Launcher`], has one thread and
//! little memory, reads what is the same for all ([`Common`]: the filter, the caller's namespaces, whom
//! payloads run as), and forks a keeper on request. It never runs anything of
//! a sandbox itself, hears nothing but requests, and keeps nothing from one to the next: a keeper is
//! a copy of a process that has only ever waited.
//!
//! A request is one byte with three descriptors, which are the keeper's standard streams and which the
//! server closes as soon as the keeper has them; the answer is the keeper's process id, or what kept
//! it from being created. The keeper is created as the *caller's* child (`CLONE_PARENT`), so that the
//! caller waits for it as for any other, its id cannot be used again before, and the end of the server
//! is nothing to it.
//!
//! When the caller's end of the socket closes, by order or by death, the server ends. A server that
//! was killed is replaced by the next request.

use std::io::{self, IoSlice, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{self, Stdio};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use crate::helper::Helper;
use crate::init::ASKED;
use crate::keeper::{self, Common, Way};
use crate::sys;

/// The server, as the caller holds it.
#[derive(Debug)]
pub(crate) struct ForkServer {
    requests: UnixStream,
    /// Waited for by the runtime once it has ended.
    _process: Child,
}

/// A keeper that was just forked, and the other ends of its streams.
pub(crate) struct Forked {
    pub(crate) helper: Helper,
    pub(crate) socket: UnixStream,
    pub(crate) stdout: Receiver,
    pub(crate) stderr: Receiver,
}

impl ForkServer {
    /// Executes the program. No code runs between fork and exec, so the standard library starts it
    /// without copying this process's page tables, however big it is.
    pub(crate) fn start(program: &Path) -> io::Result<Self> {
        let (requests, theirs) = UnixStream::pair()?;
        let process = Command::new(program)
            .arg(ASKED)
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            requests,
            _process: process,
        })
    }

    /// A new keeper. Waits for one fork of a small process, no longer. Of an attempt that fails nothing
    /// stays: a keeper that came of it all the same has lost its caller.
    pub(crate) fn fork(&self, way: Way) -> io::Result<Forked> {
        let (socket, theirs) = UnixStream::pair()?;
        let (stdout, output) = io::pipe()?;
        let (stderr, errors) = io::pipe()?;
        self.ask(way, [theirs.as_fd(), output.as_fd(), errors.as_fd()])?;
        socket.set_nonblocking(true)?;
        Ok(Forked {
            helper: Helper::new(self.answer()?)?,
            socket,
            stdout: Receiver::from_owned_fd(stdout.into())?,
            stderr: Receiver::from_owned_fd(stderr.into())?,
        })
    }

    fn ask(&self, way: Way, streams: [BorrowedFd<'_>; 3]) -> Result<(), Errno> {
        let descriptors = streams.map(|stream| stream.as_raw_fd());
        sendmsg::<()>(
            self.requests.as_raw_fd(),
            &[IoSlice::new(&[way as u8])],
            &[ControlMessage::ScmRights(&descriptors)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .map(drop)
    }

    fn answer(&self) -> io::Result<Pid> {
        let mut answer = [0; 4];
        (&self.requests).read_exact(&mut answer)?;
        match i32::from_le_bytes(answer) {
            pid @ 1.. => Ok(Pid::from_raw(pid)),
            errno => Err(io::Error::from_raw_os_error(-errno)),
        }
    }
}

/// The life of the server.
pub(crate) fn serve() -> ! {
    // What else the caller's process had open is closed, and a Ctrl-C is for the caller to handle.
    if sys::close_from(3)
        .and_then(|()| setsid().map(drop))
        .is_err()
    {
        process::exit(1);
    }
    let common = Common::read();
    while let Some((way, streams)) = request() {
        let answer = match sys::fork_sibling() {
            Ok(Some(pid)) => pid.as_raw(),
            Ok(None) => {
                // Without its streams there is nobody to tell.
                if take(streams).is_ok() {
                    keeper::keep(way, common);
                }
                sys::exit(0)
            }
            Err(errno) => -(errno as i32),
        };
        drop(streams);
        // Not `Write` of the standard library's output, which would keep it for later.
        if nix::unistd::write(io::stdin(), &answer.to_le_bytes()).is_err() {
            break;
        }
    }
    process::exit(0)
}

/// The next request; none when the caller has gone.
fn request() -> Option<(Way, [OwnedFd; 3])> {
    let mut way = [0];
    let (_, streams) = sys::receive_with_descriptors(io::stdin().as_fd(), &mut way).ok()?;
    let [way] = way;
    Some((Way::from_byte(way)?, streams.try_into().ok()?))
}

/// Takes on the streams, the first of which takes the server's own place.
fn take([socket, output, errors]: [OwnedFd; 3]) -> Result<(), Errno> {
    dup2_stdin(socket)?;
    dup2_stdout(output)?;
    dup2_stderr(errors)
}
