//! The keeper's part: answers the calls that the filter sends on, and writes them down.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use std::path::PathBuf;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::Pid;

use super::look::{self, Destination};
use super::{Denial, DenialKind, Denials, Seen, writes};
use crate::enforcement::{Enforcement, Protection};
use crate::error::{Failure, Step};
use crate::seccomp::{self, Action, Filter};
use crate::stage;
use crate::sys::{self, Answer, Waiting};

/// Installs the filter on the calling process, which is init, and hands its listener to the keeper.
/// Without one the filter gives all answers itself.
pub(crate) fn install(filter: &Filter, keeper: &UnixStream) -> Result<Enforcement, Failure> {
    let failed = |errno| Failure::new(Step::Seccomp, errno);
    let listener = match sys::seccomp_with_listener(filter.program(true)) {
        Ok(listener) => listener,
        Err(errno) => {
            sys::seccomp(filter.program(false)).map_err(failed)?;
            return Ok(Enforcement::absent(
                Protection::DenialReports,
                &why_no_listener(errno),
            ));
        }
    };
    let listener = [listener.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&listener)];
    let byte = [std::io::IoSlice::new(b"L")];
    sendmsg::<()>(keeper.as_raw_fd(), &byte, &rights, MsgFlags::empty(), None).map_err(failed)?;
    Ok(Enforcement::enforced(Protection::DenialReports))
}

fn why_no_listener(errno: Errno) -> String {
    match errno {
        Errno::EBUSY => "another sandbox around this one listens already; what the filter refuses is refused without being told".into(),
        errno => format!("the kernel gives no listener ({}); what the filter refuses is refused without being told", errno.desc()),
    }
}

/// A mode that would have whoever runs the file run it as its owner or group.
const PRIVILEGED: &str = "set-user-id or set-group-id";

/// What the keeper has of a filter's listener.
pub(crate) struct Supervisor {
    /// Where init sends the listener.
    channel: UnixStream,
    listener: Option<OwnedFd>,
    /// Nothing more can come.
    over: bool,
    filter: &'static Filter,
    /// Its own calls are none of the payload's.
    init: Pid,
    denials: Denials,
    /// Where files may be changed, as seen inside.
    granted: Vec<PathBuf>,
    /// And where it is no attempt to leave.
    writable: Vec<PathBuf>,
    /// The one process that asked the resolver; none where it was none or more than one.
    askers: Vec<Option<String>>,
}

impl Supervisor {
    pub(crate) fn new(
        channel: UnixStream,
        filter: &'static Filter,
        init: Pid,
        writable: Vec<PathBuf>,
    ) -> Self {
        Self {
            channel,
            listener: None,
            over: false,
            filter,
            init,
            denials: Denials::default(),
            // Devices and the processes' own settings.
            writable: [writable.clone(), vec!["/dev".into(), "/proc".into()]].concat(),
            granted: writable,
            askers: Vec::new(),
        }
    }

    /// What to poll for reading, while there is something to come.
    pub(crate) fn polled(&self) -> Option<BorrowedFd<'_>> {
        let fd = self
            .listener
            .as_ref()
            .map_or(self.channel.as_fd(), AsFd::as_fd);
        (!self.over).then_some(fd)
    }

    /// Does what polling says is to be done, at most one thing. Never waits.
    pub(crate) fn serve(&mut self, events: PollFlags) {
        // Without a caller that waits, the last process of the filter has ended, or init has.
        if !events.contains(PollFlags::POLLIN) {
            self.over = true;
            return;
        }
        match self.listener.take() {
            None => {
                let received = sys::receive_with_descriptor(self.channel.as_fd(), &mut [0]);
                self.listener = received.ok().and_then(|(_, listener)| listener);
                self.over = self.listener.is_none();
                if let Some(listener) = &self.listener {
                    // Only faster: the caller's processor goes on with the answer.
                    let _older_kernel = sys::notify_synchronously(listener.as_fd());
                }
            }
            Some(listener) => {
                // Whoever was killed meanwhile needs no answer.
                if let Ok(waiting) = sys::next_waiting(listener.as_fd()) {
                    let answer = self.judge(listener.as_fd(), &waiting);
                    let _ended = sys::answer(listener.as_fd(), waiting.id, answer);
                }
                self.listener = Some(listener);
            }
        }
    }

    /// The answer follows from the table alone; looking only adds to the list.
    fn judge(&mut self, listener: BorrowedFd<'_>, waiting: &Waiting) -> Answer {
        let action = self.filter.judge(waiting.number, &waiting.arguments);
        if action == Action::Perform {
            return self.perform(listener, waiting);
        }
        let seen = match action {
            Action::Watch => self.watched(waiting),
            _ => Some(reported(waiting)),
        };
        // Ids are used again: what was read is this caller's only if it still waits.
        let seen =
            seen.filter(|_| waiting.thread != self.init && sys::still_waits(listener, waiting.id));
        if let Some(seen) = seen {
            self.denials.note(seen);
        }
        match action {
            Action::Watch => Answer::GoOn,
            _ => Answer::Refused(Errno::EPERM),
        }
    }

    /// Does what was asked, if it is the payload's to do, and notes it otherwise.
    fn perform(&mut self, listener: BorrowedFd<'_>, waiting: &Waiting) -> Answer {
        let still_waits = || sys::still_waits(listener, waiting.id);
        let Err(not_changed) = stage::perform(waiting, &self.granted, still_waits) else {
            return Answer::Done;
        };
        if let Some(path) = not_changed.outside {
            self.denials.note(Denial {
                target: Some(path.to_string_lossy().into_owned()),
                ..denial(waiting)
            });
        }
        Answer::Refused(not_changed.errno)
    }

    fn watched(&mut self, waiting: &Waiting) -> Option<Denial> {
        let name = seccomp::name(waiting.number);
        if matches!(name, "connect" | "sendto") {
            return self.addressed(waiting);
        }
        let path = writes::outside(waiting.thread, name, &waiting.arguments, &self.writable)?;
        Some(Denial {
            kind: DenialKind::Write,
            target: Some(path.to_string_lossy().into_owned()),
            ..denial(waiting)
        })
    }

    /// A call with an address: `connect(fd, address, length)`, `sendto(…, address, length)`.
    fn addressed(&mut self, waiting: &Waiting) -> Option<Denial> {
        let [_, address, length, _, to, to_length] = waiting.arguments;
        let (address, length) = match seccomp::name(waiting.number) {
            "connect" => (address, length),
            _ => (to, to_length),
        };
        match look::destination(waiting.thread, address, length) {
            Destination::Outside(address) => Some(Denial {
                kind: DenialKind::Network,
                target: Some(address.to_string()),
                ..denial(waiting)
            }),
            Destination::Resolver => {
                let asker = look::name(waiting.thread);
                if self.askers.len() < 2 && !self.askers.contains(&asker) {
                    self.askers.push(asker);
                }
                None
            }
            Destination::Inside => None,
        }
    }

    /// All that was seen here and by init.
    pub(crate) fn finish(&mut self, seen: Seen) -> Denials {
        let asker = match self.askers.as_slice() {
            [only] => only.clone(),
            _ => None,
        };
        let named = seen.names.into_iter().map(|(name, count)| Denial {
            kind: DenialKind::NameLookup,
            syscall: None,
            target: Some(name),
            process: asker.clone(),
            count,
        });
        let opened = seen.decoys.into_iter().map(|path| Denial {
            kind: DenialKind::Decoy,
            syscall: None,
            target: Some(path.to_string_lossy().into_owned()),
            process: None,
            count: 1,
        });
        let mut denials = std::mem::take(&mut self.denials);
        named.chain(opened).for_each(|seen| denials.note(seen));
        denials
    }
}

fn reported(waiting: &Waiting) -> Denial {
    let [family, request, ..] = waiting.arguments;
    // Of a socket's kind, without its flags.
    let kind = request & 15;
    let target = match (seccomp::name(waiting.number), family as i32, request) {
        ("socket", libc::AF_PACKET, _) => Some("packet socket"),
        ("socket", libc::AF_VSOCK, _) => Some("vsock socket"),
        ("socket", libc::AF_INET | libc::AF_INET6, _) if kind == 1 => Some("stream socket"),
        ("socket", libc::AF_INET | libc::AF_INET6, _) if kind == 2 => Some("datagram socket"),
        ("socket", ..) => Some("raw socket"),
        ("ioctl", _, libc::TIOCSTI) => Some("TIOCSTI"),
        ("ioctl", ..) => Some("TIOCLINUX"),
        ("mknod" | "mknodat", ..) => Some(made_node(waiting)),
        ("open" | "openat" | "creat" | "chmod" | "fchmod" | "fchmodat" | "fchmodat2", ..) => {
            Some(PRIVILEGED)
        }
        ("clone", ..) => Some("new namespaces"),
        _ => None,
    };
    Denial {
        target: target.map(str::to_owned),
        ..denial(waiting)
    }
}

/// What the mode of `mknod(path, mode)` or `mknodat(fd, path, mode)` was refused for.
fn made_node(waiting: &Waiting) -> &'static str {
    let [_, second, third, ..] = waiting.arguments;
    let mode = match seccomp::name(waiting.number) {
        "mknod" => second,
        _ => third,
    };
    match mode as libc::mode_t & libc::S_IFMT {
        libc::S_IFCHR | libc::S_IFBLK => "device node",
        _ => PRIVILEGED,
    }
}

fn denial(waiting: &Waiting) -> Denial {
    Denial {
        kind: DenialKind::SystemCall,
        syscall: Some(seccomp::name(waiting.number).to_owned()),
        target: None,
        process: look::name(waiting.thread),
        count: 1,
    }
}
