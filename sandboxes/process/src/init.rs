//! The first process inside: builds the view, gives up every right, starts the command, reaps, and
//! reports.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::sys::time::TimeVal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout};

use crate::enforcement;
use crate::error::{Failure, Step};
use crate::keeper::{self, GO, TERMINATE};
use crate::namespaces::Membership;
use crate::report::{Exit, Message, Usage};
use crate::spec::Spec;
use crate::view::{self, Opener, Sources};
use crate::worker::{self, Worker};
use crate::{bridge, credentials, identity, limits, network, seccomp, sys, wire};

/// The word that makes this program its own sandbox helper.
pub(crate) const ASKED: &str = "__passmuster-sandbox";

/// How long processes that outlive the command get to end by themselves before they count as left
/// behind; helpers of interpreters (Python's resource tracker, for one) end only after seeing their
/// parent gone.
const SETTLE: Duration = Duration::from_millis(250);

/// Must be the first statement of `main` in every program that is to be its own helper (see
/// [`crate::Launcher`]): when this process was started as one, it acts as that and never returns.
/// Nothing has started a thread by then.
pub fn take_over_if_asked() {
    if std::env::args_os().nth(1).is_some_and(|word| word == ASKED) {
        keeper::keep();
        process::exit(0);
    }
}

/// What init has from the keeper: a copy of its memory, and these.
pub(crate) struct Inherited {
    pub(crate) spec: Spec,
    /// Already opened when the caller is root.
    pub(crate) sources: Option<Sources>,
    pub(crate) outside: Membership,
    pub(crate) orders: File,
    pub(crate) messages: File,
}

/// The whole life of init.
pub(crate) fn live(inherited: Inherited) -> ! {
    let messages = match inherited.messages.try_clone() {
        Ok(messages) => messages,
        Err(_) => process::exit(1),
    };
    if let Err(failure) = run(inherited) {
        let _keeper_gone = wire::send(&messages, &Message::Failed(failure));
    }
    // The kernel kills whatever is left when the first process of a pid namespace ends.
    process::exit(0)
}

fn run(inherited: Inherited) -> Result<(), Failure> {
    let Inherited {
        spec,
        sources,
        outside,
        orders,
        messages,
    } = inherited;
    wait_for_go(&orders)?;
    credentials::take_identity()?;
    tie_to_keeper(&orders)?;
    let sources = match sources {
        Some(sources) => sources,
        None => view::open(
            &spec,
            &Opener {
                payload: identity::inside(),
                shift: None,
            },
        )?,
    };
    view::build(sources)?;
    network::loopback_up()?;
    if let Some(port) = spec.listen {
        bridge::offer(port, io::stdin())?;
    }
    umask(Mode::from_bits_truncate(0o022));
    take_null_input()?;
    // Limits, filter and lost capabilities hold for this process as well, which needs nothing that
    // they refuse; the limits come before the filter, which protects one of them.
    let signals = watch_children()?;
    limits::apply(&spec.limits)?;
    let filter = seccomp::filter()?;
    credentials::drop_privileges()?;
    sys::seccomp(&filter).map_err(|errno| Failure::new(Step::Seccomp, errno))?;
    let enforcement = enforcement::verify(&outside, &spec.limits)?;
    let started = Instant::now();
    let send = |message| {
        wire::send(&messages, &message)
            .map_err(|error| Failure::io(Step::Supervise, "keeper", &error))
    };
    let worker = worker::start(&spec)?;
    release_output()?;
    let (exit, survivors) = supervise(&worker, &signals, &orders, || {
        send(Message::Ready(enforcement))
    })?;
    let usage = Usage {
        wall: started.elapsed(),
        ..usage()?
    };
    send(Message::Ended {
        exit,
        survivors,
        usage,
    })
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
/// keeper that died before is noticed by its closed pipe.
fn tie_to_keeper(orders: &File) -> Result<(), Failure> {
    let failed = |errno| Failure::new(Step::DeathSignal, errno);
    sys::prctl(
        libc::PR_SET_PDEATHSIG,
        [libc::SIGKILL as libc::c_ulong, 0, 0, 0],
    )
    .map_err(failed)?;
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

/// From the start of the command to the end of the last process.
fn supervise(
    worker: &Worker,
    signals: &SignalFd,
    orders: &File,
    announce: impl FnOnce() -> Result<(), Failure>,
) -> Result<(Exit, u32), Failure> {
    let executed = worker.executed()?;
    announce()?;
    let exit = match executed {
        Ok(()) => wait_for_end(worker.pid, signals, orders)?,
        Err(not_started) => not_started,
    };
    Ok((exit, end_everything()))
}

/// Reaps whoever ends, until it is the command; obeys the keeper meanwhile.
fn wait_for_end(command: Pid, signals: &SignalFd, orders: &File) -> Result<Exit, Failure> {
    let failed = |errno| Failure::new(Step::Supervise, errno);
    loop {
        if let Some(exit) = reap_until(command) {
            return Ok(exit);
        }
        let mut polled = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(orders.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let ordered = polled.get(1).and_then(PollFd::any).unwrap_or(false);
        while signals.read_signal().map_err(failed)?.is_some() {}
        if ordered {
            obey(orders);
        }
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

/// Reaps what has ended; `Some` once the command is among it.
fn reap_until(command: Pid) -> Option<Exit> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == command => return Some(Exit::Exited(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == command => {
                return Some(Exit::Signalled(signal as i32));
            }
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {}
            _ => return None,
        }
    }
}

/// Kills what the command left, and says how many that were.
fn end_everything() -> u32 {
    let deadline = Instant::now() + SETTLE;
    while Instant::now() < deadline {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return 0,
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(2)),
            _ => {}
        }
    }
    let mut survivors = 0;
    loop {
        let _nobody_left = signal_all(Signal::SIGKILL);
        match waitpid(None, None) {
            Ok(_) => survivors += 1,
            Err(Errno::EINTR) => {}
            Err(_) => return survivors,
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
    })
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
}
