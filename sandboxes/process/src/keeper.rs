//! The helper outside: prepares what needs the caller's rights, creates init, keeps the time and
//! carries the orders.
//!
//! It has one thread, holds the caller's socket (0), and no descriptor of the payload once init
//! exists. When the caller's end of the socket closes, by order or by death, it kills everything.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, dup2_stderr, dup2_stdout, pipe2, setgroups};

use crate::bubblewrap::{self, Started};
use crate::cgroup::Leaf;
use crate::denials::{Seen, Supervisor};
use crate::error::{Failure, Step};
use crate::identity::{self, Identity};
use crate::init::{self, Inherited, Room};
use crate::namespaces::{self, UserNamespace};
use crate::ready::{Common, Ready};
use crate::report::{Exit, Limit, Message, Outcome, Usage};
use crate::spec::{Limits, Mount, Spec};
use crate::stage;
use crate::sys::{self, Cloned};
use crate::view::{self, Opener, Sources};
use crate::watch::Watch;
use crate::wire;

/// Building the view takes milliseconds; a source on a file system that hangs must not hang the
/// caller.
const SETUP: Duration = Duration::from_secs(30);
/// How long init gets to end everything by itself before it is killed.
const KILLING: Duration = Duration::from_secs(5);

/// Who creates the namespaces, as one byte says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Way {
    /// This process.
    Own = b'O',
    /// The distribution's bubblewrap.
    Bubblewrap = b'B',
    /// Nobody: there are none.
    Stage = b'S',
}

impl Way {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Own, Self::Bubblewrap, Self::Stage]
            .into_iter()
            .find(|way| *way as u8 == byte)
    }
}

/// Orders to init, one byte each; a closed pipe means the same as [`KILL`].
pub(crate) const GO: u8 = b'G';
/// SIGTERM to every process inside.
pub(crate) const TERMINATE: u8 = b'T';
/// SIGKILL to every process inside.
pub(crate) const KILL: u8 = b'K';

/// The whole life of the helper. The outcome goes to the caller; a caller that has gone hears
/// nothing.
pub(crate) fn keep(way: Way, ready: Result<Ready, Failure>) {
    let outcome = ready.and_then(|ready| perform(way, ready));
    let _gone = wire::send(Caller, &outcome.unwrap_or_else(Outcome::Failed));
}

fn perform(way: Way, Ready { common, leaf }: Ready) -> Result<Outcome, Failure> {
    let (spec, input) = match asked() {
        Ok(asked) => asked,
        Err(failure) => {
            leaf.remove();
            return Err(failure);
        }
    };
    if way == Way::Own {
        return run(spec, input, common, leaf);
    }
    // Another process makes the groups, or none can be had.
    leaf.remove();
    match way {
        Way::Bubblewrap => run_through_bubblewrap(&spec, input, common),
        // Its table is another one.
        _ => stage::run(&spec, input),
    }
}

/// What runs, and what it reads.
fn asked() -> Result<(Spec, Option<OwnedFd>), Failure> {
    let input = sys::receive_descriptor(io::stdin())
        .map_err(|errno| Failure::new(Step::ReadSpec, errno))?;
    let spec = wire::receive(Caller).map_err(|error| Failure::io(Step::ReadSpec, "", &error))?;
    Ok((spec, input))
}

/// The caller's socket, which is descriptor 0 and nothing else, so that init loses it with its
/// input.
struct Caller;

impl Read for Caller {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(io::stdin(), buffer)?)
    }
}

impl Write for Caller {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(io::stdin(), buffer)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What init is created with, beside its specification.
struct Prepared {
    payload: Identity,
    sources: Option<Sources>,
    orders: (OwnedFd, OwnedFd),
    messages: (OwnedFd, OwnedFd),
    /// The supervisor's end and init's.
    listener: (UnixStream, UnixStream),
}

impl Prepared {
    fn new(spec: &Spec, payload: Result<Identity, Failure>) -> Result<Self, Failure> {
        let payload = payload?;
        let root = identity::is_root();
        if root {
            // Root's groups would stay with the payload: inside they can neither be mapped nor dropped.
            setgroups(&[]).map_err(|errno| Failure::new(Step::TakeIdentity, errno))?;
        }
        let sources = if root {
            open_as_root(spec, payload)?
        } else {
            None
        };
        Ok(Self {
            payload,
            sources,
            orders: pipe()?,
            messages: pipe()?,
            listener: UnixStream::pair()
                .map_err(|error| Failure::io(Step::Descriptors, "listener", &error))?,
        })
    }
}

fn run(spec: Spec, input: Option<OwnedFd>, common: Common, leaf: Leaf) -> Result<Outcome, Failure> {
    let Common {
        filter,
        outside,
        payload,
        ..
    } = common;
    let prepared = match Prepared::new(&spec, payload) {
        Ok(prepared) => prepared,
        Err(failure) => {
            leaf.remove();
            return Err(failure);
        }
    };
    let Prepared {
        payload,
        sources,
        orders: (orders_in, orders_out),
        messages: (messages_in, messages_out),
        listener: (channel, listener),
    } = prepared;
    let (leaf, cloned) = clone_into_leaf(leaf, namespaces::flags())?;
    match cloned {
        Cloned::Child => {
            drop((orders_out, messages_in, channel, leaf));
            let messages = File::from(messages_out);
            init::live(Inherited {
                spec,
                input,
                sources,
                room: Room::Ours,
                outside,
                orders: File::from(orders_in),
                messages,
                filter,
                listener,
            })
        }
        Cloned::Parent { pid, pidfd } => {
            drop((input, sources, orders_in, messages_out, listener));
            let init = Init {
                pid,
                pidfd,
                orders: File::from(orders_out),
                messages: File::from(messages_in),
            };
            let mut watch = Watch::new(&spec, leaf, init.pid);
            let mut supervisor = Supervisor::new(channel, filter, init.pid, view::writable(&spec));
            release_output();
            let outcome = watch
                .confine()
                .and_then(|()| init.release(payload))
                .and_then(|()| init.watch(&spec.limits, &mut watch, &mut supervisor));
            init.finish();
            watch.end();
            outcome
        }
    }
}

/// The same with an init that bubblewrap has put into its namespaces and its view.
fn run_through_bubblewrap(
    spec: &Spec,
    input: Option<OwnedFd>,
    Common {
        filter, outside, ..
    }: Common,
) -> Result<Outcome, Failure> {
    let failed = |error: &io::Error| Failure::io(Step::Bubblewrap, bubblewrap::PROGRAM, error);
    if identity::is_root() {
        // It would map root itself, and root needs no help.
        return Err(Failure::at(
            Step::Bubblewrap,
            bubblewrap::PROGRAM,
            Errno::EPERM,
        ));
    }
    let (channel, listener) = UnixStream::pair().map_err(|error| failed(&error))?;
    let Started {
        child,
        init: first,
        socket,
    } = bubblewrap::start(spec, input, listener, outside)?;
    let pid = Pid::from_raw(child.id() as libc::pid_t);
    let messages = socket.try_clone().map_err(|error| failed(&error))?;
    let init = Init {
        pid,
        pidfd: sys::pidfd_open(pid).map_err(|errno| Failure::new(Step::Bubblewrap, errno))?,
        orders: File::from(OwnedFd::from(socket)),
        messages: File::from(OwnedFd::from(messages)),
    };
    let why = "bubblewrap creates the processes, outside of any group of ours";
    let mut watch = Watch::new(spec, Leaf::none(why), first);
    let mut supervisor = Supervisor::new(channel, filter, first, view::writable(spec));
    release_output();
    sys::prctl(libc::PR_SET_DUMPABLE, [0; 4])
        .map_err(|errno| Failure::new(Step::DropPrivileges, errno))?;
    init.order(GO);
    let outcome = init.watch(&spec.limits, &mut watch, &mut supervisor);
    init.finish();
    watch.end();
    // Whoever ends without a word was not even started.
    outcome.map_err(|failure| match failure.step {
        Step::Supervise => Failure::at(
            Step::Bubblewrap,
            bubblewrap::PROGRAM,
            Errno::from_raw(failure.errno),
        ),
        _ => failure,
    })
}

/// Creates init in these namespaces and in this control group, where that works.
pub(crate) fn clone_into_leaf(leaf: Leaf, flags: libc::c_int) -> Result<(Leaf, Cloned), Failure> {
    match clone_into(&leaf, flags) {
        Ok(cloned) => Ok((leaf, cloned)),
        Err(failure) => {
            // A group that stays is removed by the next start.
            let _out = leaf.leave();
            leaf.remove();
            // Without it the limits hold by other means; what fails then has another cause.
            let leaf = Leaf::unusable(&failure);
            clone_into(&leaf, flags).map(|cloned| (leaf, cloned))
        }
    }
}

fn clone_into(leaf: &Leaf, flags: libc::c_int) -> Result<Cloned, Failure> {
    leaf.enter()?;
    sys::clone_process(flags, leaf.descriptor())
        .map_err(|errno| Failure::new(Step::Namespaces, errno))
}

/// Root of a container often lacks the right to mount, and then is no better off than an ordinary
/// user: init opens the sources in its own namespace.
fn open_as_root(spec: &Spec, payload: Identity) -> Result<Option<Sources>, Failure> {
    match view::open(spec, &opener(spec, payload)?) {
        Ok(sources) => Ok(Some(sources)),
        Err(failure) if failure.step == Step::OpenSource && failure.errno == libc::EPERM => {
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// Only real root can shift owners, and only where a layer asks for it.
fn opener(spec: &Spec, payload: Identity) -> Result<Opener, Failure> {
    let wanted = spec.mounts.iter().any(|mount| match mount {
        Mount::Overlay { lowers, .. } | Mount::ReadOnlyOverlay { lowers, .. } => {
            lowers.iter().any(|lower| lower.owner_shift)
        }
        _ => false,
    });
    let shift = if wanted {
        Some(UserNamespace::shifting_root_to(payload)?)
    } else {
        None
    };
    Ok(Opener { payload, shift })
}

pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::new(Step::Descriptors, errno))
}

/// Lets go of the payload's output, so that its end is the payload's end. A failure only delays
/// that end to the drain deadline.
pub(crate) fn release_output() {
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _kept = dup2_stdout(&null).and_then(|()| dup2_stderr(&null));
    }
}

/// Init as the keeper holds it.
pub(crate) struct Init {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
    pub(crate) orders: File,
    pub(crate) messages: File,
}

/// What woke the keeper.
enum Woken {
    Message,
    Printed,
    CallerGone,
    Deadline,
}

/// How far the end of the command has come.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    SettingUp,
    Running,
    Terminating,
    Killing,
}

impl Init {
    /// Gives init its ids and lets it go on.
    fn release(&self, payload: Identity) -> Result<(), Failure> {
        namespaces::map_ids(self.pid, payload)?;
        // From here on nobody of the caller's ids can look into this process. Before, it would have
        // kept an unprivileged caller from writing the maps.
        sys::prctl(libc::PR_SET_DUMPABLE, [0; 4])
            .map_err(|errno| Failure::new(Step::DropPrivileges, errno))?;
        self.order(GO);
        Ok(())
    }

    /// An init that no longer listens is ending already, and its last message tells why.
    pub(crate) fn order(&self, order: u8) {
        let _ended = (&self.orders).write_all(&[order]);
    }

    pub(crate) fn watch(
        &self,
        limits: &Limits,
        watch: &mut Watch,
        supervisor: &mut Supervisor,
    ) -> Result<Outcome, Failure> {
        let input = io::stdin();
        let mut phase = Phase::SettingUp;
        let mut deadline = from_now(SETUP);
        let mut started = Instant::now();
        let mut cause = None;
        let mut enforcement = Vec::new();
        watch.tidy();
        loop {
            let watched = (phase != Phase::Killing).then_some(input.as_fd());
            let looks = matches!(phase, Phase::Running | Phase::Terminating);
            let wake = if looks {
                deadline.min(watch.next())
            } else {
                deadline
            };
            match self.wait(watched, wake, supervisor)? {
                Woken::Message => match self.message() {
                    Ok(Message::Ready(list)) => {
                        enforcement = list;
                        enforcement.extend(watch.enforcement());
                        started = Instant::now();
                        if phase == Phase::SettingUp {
                            phase = Phase::Running;
                            deadline = from_now(limits.wall);
                        }
                    }
                    Ok(Message::Ended {
                        exit,
                        survivors,
                        usage,
                        seen,
                        services,
                    }) => {
                        let usage = watch.usage(Usage {
                            wall: started.elapsed(),
                            ..usage
                        });
                        return Ok(Outcome::Ended {
                            exit: watch.settle(cause, exit, &usage),
                            survivors,
                            usage,
                            enforcement,
                            denials: supervisor.finish(seen),
                            services,
                        });
                    }
                    Ok(Message::Failed(failure)) => return Err(failure),
                    // Where every process is small, init itself may be the one that the kernel kills.
                    Err(_) if watch.memory_ran_out() => {
                        let cause = Some(Exit::LimitExceeded(Limit::Memory));
                        let denials = supervisor.finish(Seen::default());
                        return Ok(unanswered(cause, 0, watch, started, enforcement, denials));
                    }
                    Err(failure) => return Err(failure),
                },
                Woken::Printed => watch.printed(),
                Woken::CallerGone => {
                    cause = Some(Exit::Stopped);
                    self.order(KILL);
                    (phase, deadline) = (Phase::Killing, from_now(KILLING));
                }
                Woken::Deadline if Instant::now() < deadline => {
                    let Some(limit) = watch.look() else { continue };
                    cause = cause.or(Some(Exit::LimitExceeded(limit)));
                    if limit.ends_at_once() {
                        self.order(KILL);
                        (phase, deadline) = (Phase::Killing, from_now(KILLING));
                    } else if phase == Phase::Running {
                        self.order(TERMINATE);
                        (phase, deadline) = (Phase::Terminating, from_now(limits.grace));
                    }
                }
                Woken::Deadline => match phase {
                    Phase::Running => {
                        cause = Some(Exit::LimitExceeded(Limit::Wall));
                        self.order(TERMINATE);
                        (phase, deadline) = (Phase::Terminating, from_now(limits.grace));
                    }
                    Phase::Terminating => {
                        self.order(KILL);
                        (phase, deadline) = (Phase::Killing, from_now(KILLING));
                    }
                    Phase::SettingUp => {
                        return Err(Failure::new(Step::Supervise, Errno::ETIMEDOUT));
                    }
                    // Init does not answer; `finish` kills it, and the kernel everything with it.
                    Phase::Killing => {
                        let denials = supervisor.finish(Seen::default());
                        return Ok(unanswered(cause, 1, watch, started, enforcement, denials));
                    }
                },
            }
        }
    }

    /// Serves the filter's supervisor until there is something else to do.
    fn wait(
        &self,
        caller: Option<BorrowedFd<'_>>,
        deadline: Instant,
        supervisor: &mut Supervisor,
    ) -> Result<Woken, Failure> {
        loop {
            let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
            let waiting = supervisor.polled().map(readable);
            let caller = caller.map(readable);
            let mut polled = vec![readable(self.messages.as_fd())];
            polled.extend(caller.iter().chain(&waiting).cloned());
            match poll(&mut polled, timeout(deadline)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(Failure::new(Step::Supervise, errno)),
            }
            let mut events = polled
                .iter()
                .map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
            if events.next().is_some_and(|events| !events.is_empty()) {
                return Ok(Woken::Message);
            }
            if caller.is_some() && events.next().is_some_and(|events| !events.is_empty()) {
                return Ok(heard());
            }
            let events = waiting.and(events.next()).unwrap_or(PollFlags::empty());
            if !events.is_empty() {
                supervisor.serve(events);
            }
            // Also after serving: calls that keep coming must not keep the deadline away.
            if Instant::now() >= deadline {
                return Ok(Woken::Deadline);
            }
        }
    }

    /// A closed pipe without a last message: init was killed from outside, or ended in a way it was
    /// not written to.
    fn message(&self) -> Result<Message, Failure> {
        wire::receive(&self.messages).map_err(|error| Failure::io(Step::Supervise, "init", &error))
    }

    /// Whatever happened, init is dead and reaped after this, and with it every process inside.
    pub(crate) fn finish(self) {
        let _dead_already = sys::pidfd_kill(self.pidfd.as_fd(), libc::SIGKILL);
        while waitpid(self.pid, None) == Err(Errno::EINTR) {}
    }
}

/// After the specification the caller sends a byte now and then for what the command has printed,
/// where an idle limit is to be kept; its end is the order to stop.
fn heard() -> Woken {
    match Caller.read(&mut [0; 64]) {
        Ok(1..) => Woken::Printed,
        _ => Woken::CallerGone,
    }
}

/// The report of a sandbox whose init was killed: nobody was left to count inside.
fn unanswered(
    cause: Option<Exit>,
    survivors: u32,
    watch: &mut Watch,
    started: Instant,
    enforcement: Vec<crate::Enforcement>,
    denials: crate::Denials,
) -> Outcome {
    let usage = Usage {
        wall: started.elapsed(),
        ..Usage::default()
    };
    Outcome::Ended {
        exit: cause.unwrap_or(Exit::Stopped),
        survivors,
        usage: watch.usage(usage),
        enforcement,
        denials,
        services: Vec::new(),
    }
}

/// A time that far away; a limit too long for the clock is as good as ten years.
fn from_now(duration: Duration) -> Instant {
    const FOREVER: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
    Instant::now() + duration.min(FOREVER)
}

/// The rest of the time for one poll, rounded up so that a deadline is never found just before it.
fn timeout(deadline: Instant) -> PollTimeout {
    let rest = deadline
        .saturating_duration_since(Instant::now())
        .as_millis()
        + 1;
    PollTimeout::try_from(rest).unwrap_or(PollTimeout::MAX)
}
