//! The first process inside: builds the view, gives up every right, starts the command, reaps, and
//! reports.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::sys::time::TimeVal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout};

use crate::denials::{self, Decoys, Resolver, Seen};
use crate::enforcement;
use crate::error::{Failure, Step};
use crate::keeper::{GO, TERMINATE};
use crate::namespaces::Membership;
use crate::report::{Exit, Message, Usage};
use crate::seccomp::Filter;
use crate::service::Ended;
use crate::services::Services;
use crate::spec::Spec;
use crate::stage::{self, Payload};
use crate::view::{self, Opener, Sources};
use crate::{
    bridge, bubblewrap, credentials, fork_server, identity, limits, namespaces, network, probe,
    second_layer, sys, wire, worker,
};

/// The word that makes this program the server that its sandboxes' keepers are forked from.
pub(crate) const ASKED: &str = "__passmuster-sandbox";

/// The word that makes it the first process inside, after bubblewrap built the view.
pub(crate) const INSIDE_BUBBLEWRAP: &str = "__passmuster-inside";

/// The word that makes it find out what works here.
pub(crate) const PROBE: &str = "__passmuster-probe";

/// How long processes that outlive the command get to end by themselves before they count as left
/// behind; helpers of interpreters (Python's resource tracker, for one) end only after seeing their
/// parent gone.
const SETTLE: Duration = Duration::from_millis(250);

/// Must be the first statement of `main` in every program that is to be its own helper (see
/// [`crate::Launcher`]): when this process was started as one, it acts as that and never returns.
/// Nothing has started a thread by then.
pub fn take_over_if_asked() {
    let word = std::env::args_os().nth(1);
    if word.as_ref().is_some_and(|word| word == ASKED) {
        fork_server::serve();
    }
    if word.as_ref().is_some_and(|word| word == INSIDE_BUBBLEWRAP) {
        bubblewrap::live_inside();
    }
    if word.is_some_and(|word| word == PROBE) {
        probe::answer();
        process::exit(0);
    }
}

/// What there is around init, and who made it.
#[derive(Clone, Copy)]
pub(crate) enum Room {
    /// New namespaces, in which init makes the view.
    Ours,
    /// Namespaces and a view of bubblewrap's.
    Bubblewrap,
    /// No namespaces.
    Stage(Payload),
}

/// What init has from the keeper: a copy of its memory, and these.
pub(crate) struct Inherited {
    pub(crate) spec: Spec,
    /// What the command reads; without it, nothing.
    pub(crate) input: Option<OwnedFd>,
    /// Already opened when the caller is root.
    pub(crate) sources: Option<Sources>,
    pub(crate) room: Room,
    pub(crate) outside: Membership,
    pub(crate) orders: File,
    pub(crate) messages: File,
    /// The filter, read once for this process and for the keeper.
    pub(crate) filter: &'static Filter,
    /// Where the filter's listener is sent to.
    pub(crate) listener: UnixStream,
}

/// The whole life of init.
pub(crate) fn live(inherited: Inherited) -> ! {
    let messages = match inherited.messages.try_clone() {
        Ok(messages) => messages,
        Err(_) => sys::exit(1),
    };
    if let Err(failure) = run(inherited) {
        if stage::is_confined() {
            kill_everybody(|_| {});
        }
        let _keeper_gone = wire::send(&messages, &Message::Failed(failure));
    }
    // The kernel kills whatever is left when the first process of a pid namespace ends; elsewhere `run`
    // does not return before nobody is left.
    sys::exit(0)
}

fn run(inherited: Inherited) -> Result<(), Failure> {
    let Inherited {
        spec,
        input,
        sources,
        room,
        outside,
        orders,
        messages,
        filter,
        listener,
    } = inherited;
    go_first_when_memory_runs_out()?;
    if matches!(room, Room::Ours) {
        namespaces::leave_network()?;
    }
    wait_for_go(&orders)?;
    match room {
        Room::Stage(payload) => stage::take_identity(payload)?,
        Room::Ours | Room::Bubblewrap => credentials::take_identity()?,
    }
    tie_to_keeper(&orders, room)?;
    if matches!(room, Room::Ours) {
        build_view(&spec, sources)?;
    }
    if let Some(port) = spec.listen {
        bridge::offer(port, io::stdin())?;
    }
    let resolver = match room {
        Room::Stage(_) => Resolver::none(),
        Room::Ours | Room::Bubblewrap => Resolver::open(),
    };
    let decoys = Decoys::watch(&spec, !matches!(room, Room::Stage(_)));
    umask(Mode::from_bits_truncate(0o022));
    take_null_input()?;
    // Limits, filter and lost capabilities hold for this process as well, which needs nothing that
    // they refuse; the limits come before the filter, which protects one of them.
    let signals = watch_children()?;
    limits::apply(&spec.limits)?;
    match room {
        Room::Ours => credentials::drop_privileges()?,
        Room::Bubblewrap => credentials::give_up_gains()?,
        Room::Stage(payload) => stage::drop_privileges(payload)?,
    }
    let landlock = match room {
        Room::Stage(_) => stage::confine(&spec)?,
        Room::Ours | Room::Bubblewrap => second_layer::apply(&spec)?,
    };
    let reports = denials::install(filter, &listener)?;
    drop(listener);
    let mut enforcement = match room {
        Room::Stage(payload) => stage::verify(&spec.limits, payload)?,
        Room::Ours | Room::Bubblewrap => enforcement::verify(&outside, &spec.limits)?,
    };
    let reports = denials::qualified(reports, &decoys);
    enforcement.extend([landlock, reports]);
    let started = Instant::now();
    let send = |message| {
        wire::send(&messages, &message)
            .map_err(|error| Failure::io(Step::Supervise, "keeper", &error))
    };
    send(Message::Ready(enforcement))?;
    let mut post = Post {
        signals: &signals,
        orders: &orders,
        resolver,
    };
    let mut services = Services::default();
    let exit = match services_ready(&spec, &mut post, &mut services)? {
        Ok(()) => run_command(&spec, input, &mut post, &mut services)?,
        Err(not_ready) => not_ready,
    };
    let survivors = end_everything(&mut post, &mut services, spec.limits.grace)?;
    let usage = Usage {
        wall: started.elapsed(),
        ..usage()?
    };
    send(Message::Ended {
        exit,
        survivors,
        usage,
        seen: Seen::of(post.resolver, &decoys),
        services: services.report(),
    })
}

/// The view and the network of these namespaces, while there still are rights in them.
fn build_view(spec: &Spec, sources: Option<Sources>) -> Result<(), Failure> {
    let sources = match sources {
        Some(sources) => sources,
        None => view::open(
            spec,
            &Opener {
                payload: identity::inside(),
                shift: None,
            },
        )?,
    };
    view::build(sources)?;
    network::loopback_up()
}

/// When the whole machine runs out of memory, what is for the machine stays. Once this process
/// cannot be looked into, it may not write this about itself any more.
fn go_first_when_memory_runs_out() -> Result<(), Failure> {
    const SCORE: &str = "/proc/self/oom_score_adj";
    fs::write(SCORE, "500").map_err(|error| Failure::io(Step::ResourceLimit, SCORE, &error))
}

/// Without its id maps this process is nobody and can do nothing.
fn wait_for_go(mut orders: &File) -> Result<(), Failure> {
    let mut order = [0];
    match orders.read_exact(&mut order) {
        Ok(()) if order == [GO] => Ok(()),
        _ => Err(Failure::new(Step::IdMap, Errno::ECANCELED)),
    }
}

/// Taking on ids clears the death signal and may make a process dumpable, so both come after it. A
/// keeper that died before is noticed by its closed pipe, which has to do where nobody dies with init.
fn tie_to_keeper(orders: &File, room: Room) -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::DeathSignal, errno);
    let (operation, value) = match room {
        Room::Stage(_) => (libc::PR_SET_CHILD_SUBREAPER, 1),
        Room::Ours | Room::Bubblewrap => (libc::PR_SET_PDEATHSIG, libc::SIGKILL),
    };
    sys::prctl(operation, [value as libc::c_ulong, 0, 0, 0]).map_err(failed)?;
    sys::prctl(libc::PR_SET_DUMPABLE, [0; 4]).map_err(failed)?;
    let mut polled = [PollFd::new(orders.as_fd(), PollFlags::empty())];
    match poll(&mut polled, PollTimeout::ZERO).map_err(failed)? {
        0 => Ok(()),
        _ => Err(failed(Errno::EPIPE)),
    }
}

/// Replaces the caller's socket, which this process must not hold, by the view's own /dev/null.
fn take_null_input() -> Result<(), Failure> {
    let null = File::open("/dev/null")
        .map_err(|error| Failure::io(Step::Descriptors, "/dev/null", &error))?;
    dup2_stdin(&null).map_err(|errno| Failure::new(Step::Descriptors, errno))
}

/// Only the command holds its output, so that the caller sees its end.
fn release_output() -> Result<(), Failure> {
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .map_err(|error| Failure::io(Step::Descriptors, "/dev/null", &error))?;
    dup2_stdout(&null)
        .and_then(|()| dup2_stderr(&null))
        .map_err(|errno| Failure::new(Step::Descriptors, errno))
}

fn watch_children() -> Result<SignalFd, Failure> {
    let failed = |errno| Failure::new(Step::Supervise, errno);
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block().map_err(failed)?;
    SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(failed)
}

/// Starts the services, each once the one before it is ready.
fn services_ready(
    spec: &Spec,
    post: &mut Post<'_>,
    services: &mut Services,
) -> Result<Result<(), Exit>, Failure> {
    for (service, asked) in spec.services.iter().enumerate() {
        let not_ready = services.start(asked, |services, patience| {
            post.attend(
                services,
                PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO),
            )?;
            reap_until(None, services);
            Ok(())
        })?;
        if let Some(why) = not_ready {
            return Ok(Err(Exit::ServiceNotReady { service, why }));
        }
    }
    Ok(Ok(()))
}

/// From the start of the command to its end.
fn run_command(
    spec: &Spec,
    input: Option<OwnedFd>,
    post: &mut Post<'_>,
    services: &mut Services,
) -> Result<Exit, Failure> {
    let stdio = worker::Stdio {
        input,
        output: None,
    };
    let worker = worker::start(&spec.command, stdio)?;
    release_output()?;
    if let Err(not_started) = worker.executed()? {
        return Ok(not_started);
    }
    loop {
        if let Some(exit) = reap_until(Some(worker.pid), services) {
            return Ok(exit);
        }
        post.attend(services, PollTimeout::NONE)?;
    }
}

/// What wakes init while processes run.
struct Post<'a> {
    signals: &'a SignalFd,
    orders: &'a File,
    resolver: Resolver,
}

impl Post<'_> {
    /// Waits until something happens or the time is over; obeys the keeper, answers the resolver's
    /// questions, and listens to the services.
    fn attend(&mut self, services: &mut Services, patience: PollTimeout) -> Result<(), Failure> {
        let failed = |errno| Failure::new(Step::Supervise, errno);
        let mut polled = vec![
            PollFd::new(self.orders.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        polled.extend(services.logs());
        let questions = self.resolver.polled();
        polled.extend(questions.map(|socket| PollFd::new(socket, PollFlags::POLLIN)));
        match poll(&mut polled, patience) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let ordered = polled.first().and_then(PollFd::any).unwrap_or(false);
        while self.signals.read_signal().map_err(failed)?.is_some() {}
        if ordered {
            obey(self.orders);
        }
        services.listen();
        self.resolver.serve();
        Ok(())
    }
}

/// Everyone but this process is in reach of -1. A stopped process sees SIGTERM only once it
/// continues.
fn obey(mut orders: &File) {
    let mut order = [0];
    match orders.read_exact(&mut order) {
        Ok(()) if order == [TERMINATE] => {
            let _nobody = signal_all(Signal::SIGTERM).and_then(|()| signal_all(Signal::SIGCONT));
        }
        // The order to kill, or a keeper that is gone.
        _ => {
            let _nobody = signal_all(Signal::SIGKILL);
        }
    }
}

fn signal_all(signal: Signal) -> nix::Result<()> {
    kill(Pid::from_raw(-1), signal)
}

/// Reaps what has ended, to nobody's surprise but the services'; `Some` once the command is among it.
fn reap_until(command: Option<Pid>, services: &mut Services) -> Option<Exit> {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        let (pid, ended) = match status {
            WaitStatus::Exited(pid, code) => (pid, Ended::Exited(code)),
            WaitStatus::Signaled(pid, signal, _) => (pid, Ended::Signalled(signal as i32)),
            _ => return None,
        };
        if Some(pid) == command {
            return Some(ended.into());
        }
        services.note_end(pid, ended);
    }
    None
}

/// Whether anybody is left, dead or alive.
pub(crate) fn has_children() -> bool {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, look) != Err(Errno::ECHILD)
}

/// Asks the services to end, kills what is left of anything, and says how many processes the
/// command had left behind.
fn end_everything(
    post: &mut Post<'_>,
    services: &mut Services,
    grace: Duration,
) -> Result<u32, Failure> {
    services.terminate();
    let started = Instant::now();
    while has_children() {
        let patience = if services.any_runs() { grace } else { SETTLE };
        if started.elapsed() >= patience.max(SETTLE) {
            break;
        }
        post.attend(services, PollTimeout::from(2_u8))?;
        reap_until(None, services);
    }
    services.claim();
    let mut survivors = 0;
    kill_everybody(|status| {
        let counts = status.pid().is_none_or(|pid| !services.owns(pid));
        survivors += u32::from(counts);
    });
    Ok(survivors)
}

/// Kills and reaps until nobody is left.
fn kill_everybody(mut reaped: impl FnMut(WaitStatus)) {
    loop {
        let _nobody_left = signal_all(Signal::SIGKILL);
        match waitpid(None, None) {
            Ok(status) => reaped(status),
            Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// What the command and all its descendants used, without the wall clock.
fn usage() -> Result<Usage, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|errno| Failure::new(Step::Supervise, errno))?;
    let kibibytes = u64::try_from(usage.max_rss()).unwrap_or(0);
    Ok(Usage {
        wall: Duration::ZERO,
        user: duration(usage.user_time()),
        system: duration(usage.system_time()),
        max_rss: kibibytes << 10,
        ..Usage::default()
    })
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
}
