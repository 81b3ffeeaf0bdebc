//! The process that keepers are forked from.
//!
//! # Theory of operation
//!
//! Executing this program for each sandbox would cost more than creating all of its namespaces: the
//! loader and the C library's start alone take a millisecond where each `CPUID` is answered by a
//! hypervisor. So a [`ForkServer`] is executed once for a [`crate::Launcher`], has one thread and
//! little memory, reads what is the same for all ([`Common`]: the filter, the caller's namespaces, whom
//! payloads run as), and forks keepers, always one ahead: the next one stands by when it is asked for, its
//! control groups made, and nobody waits for either. The server never runs anything of a sandbox itself, hears nothing of requests, and keeps nothing from one to the next: a keeper is
//! a copy of a process that has only ever waited.
//!
//! A request is one byte with three descriptors, which are the keeper's standard streams. The keeper
//! that stands by takes it from the caller's socket, gives its place up by a byte to the server, and
//! answers with its process id. It was created as the *caller's* child (`CLONE_PARENT`), so that the
//! caller waits for it as for any other, its id cannot be used again before, and the end of the server
//! is nothing to it.
//!
//! When the caller's end of the socket closes, by order or by death, the keeper that stands by ends,
//! and then the server, which says whom it leaves to be waited for. A server that was killed is
//! replaced by the next request that nobody takes; the keeper that stood by is waited for by nobody, and stays in the
//! table of processes until the caller has ended.

use std::io::{self, IoSlice, PipeReader, PipeWriter, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{self, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use crate::error::Failure;
use crate::helper::Helper;
use crate::init::ASKED;
use crate::keeper::{self, Way};
use crate::ready::{Common, Ready};
use crate::sys;

/// How long the server may take to end; it has nothing to do but that.
const ENDING: Duration = Duration::from_secs(1);

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

    /// A new keeper: the one that stands by, else the next one. Of an attempt that fails nothing stays: a
    /// keeper that came of it all the same has lost its caller.
    pub(crate) fn fork(&self, way: Way) -> io::Result<Forked> {
        let (socket, theirs) = UnixStream::pair()?;
        let (stdout, output) = io::pipe()?;
        let (stderr, errors) = io::pipe()?;
        self.ask(way, [theirs.as_fd(), output.as_fd(), errors.as_fd()])?;
        socket.set_nonblocking(true)?;
        Ok(Forked {
            helper: self.keeper()?,
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

    /// The keeper that took the request.
    fn keeper(&self) -> io::Result<Helper> {
        match self.answer()? {
            Answer::Keeper(pid) => Helper::new(pid),
            Answer::Failed(errno) => Err(errno.into()),
            Answer::Last(ended) => {
                waitpid(ended, None)?;
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    fn answer(&self) -> io::Result<Answer> {
        let mut answer = [0; Answer::LENGTH];
        (&self.requests).read_exact(&mut answer)?;
        Answer::decode(answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Lets the server end, and waits for the keeper that stood by.
    fn end(&self) -> io::Result<()> {
        self.requests.shutdown(Shutdown::Write)?;
        self.requests.set_read_timeout(Some(ENDING))?;
        match self.answer()? {
            Answer::Keeper(_) | Answer::Failed(_) => Ok(()),
            Answer::Last(keeper) => Ok(waitpid(keeper, None).map(drop)?),
        }
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        // One that was killed has nothing to say.
        let _killed = self.end();
    }
}

/// What the caller hears.
enum Answer {
    /// From a keeper: it has been asked for, and this is its process.
    Keeper(Pid),
    /// From the server, which ends: this one stood by, and has ended.
    Last(Pid),
    /// From the server, which ends: there is no keeper.
    Failed(Errno),
}

impl Answer {
    const LENGTH: usize = 5;

    fn encode(&self) -> [u8; Self::LENGTH] {
        let (kind, number) = match self {
            Self::Keeper(pid) => (b'K', pid.as_raw()),
            Self::Last(pid) => (b'L', pid.as_raw()),
            Self::Failed(errno) => (b'F', *errno as i32),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [kind, a, b, c, d]
    }

    fn decode([kind, number @ ..]: [u8; Self::LENGTH]) -> Option<Self> {
        let number = i32::from_le_bytes(number);
        match kind {
            b'K' => Some(Self::Keeper(Pid::from_raw(number))),
            b'L' => Some(Self::Last(Pid::from_raw(number))),
            b'F' => Some(Self::Failed(Errno::from_raw(number))),
            _ => None,
        }
    }

    /// To the caller, by whoever holds the other end of its socket.
    fn give(&self) -> Result<(), Errno> {
        // Not `Write` of the standard library's output, which would keep it for later.
        nix::unistd::write(io::stdin(), &self.encode()).map(drop)
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
    let last = loop {
        let Ok((asked, tell)) = io::pipe() else {
            process::exit(1)
        };
        match sys::fork_sibling() {
            Ok(None) => {
                drop(asked);
                stand_by(common, tell)
            }
            Ok(Some(keeper)) => {
                drop(tell);
                if !was_needed(asked) {
                    break Answer::Last(keeper);
                }
            }
            Err(errno) => break Answer::Failed(errno),
        }
    };
    let _caller_gone = last.give();
    process::exit(0)
}

/// Whether the keeper that stood by has been asked for. Else the caller has gone, or somebody killed it.
fn was_needed(mut asked: PipeReader) -> bool {
    matches!(asked.read(&mut [0]), Ok(1))
}

/// The life of a keeper: until it is asked for it waits in the server's place.
fn stand_by(common: Result<Common, Failure>, mut tell: PipeWriter) -> ! {
    let ready = common.and_then(Ready::new);
    if let Some((way, streams)) = request()
        && tell.write_all(b"k").is_ok()
        && Answer::Keeper(Pid::this()).give().is_ok()
        // Without its streams there is nobody to tell.
        && take(streams).is_ok()
    {
        drop(tell);
        keeper::keep(way, ready);
    } else if let Ok(ready) = ready {
        ready.discard();
    }
    sys::exit(0)
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
