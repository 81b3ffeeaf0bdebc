//! The keeper's part: has the stage, starts init on it, and leaves nothing of either.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setgroups};

use super::claim::Stage;
use super::place::Placed;
use super::{Payload, writable};
use crate::cgroup::{Leaf, Surroundings};
use crate::denials::Supervisor;
use crate::error::{Failure, Step};
use crate::identity;
use crate::init::{self, Inherited, Room};
use crate::keeper::{self, GO, Init};
use crate::namespaces::Membership;
use crate::report::Outcome;
use crate::seccomp::Filter;
use crate::spec::Spec;
use crate::sys::{self, Cloned};
use crate::tree;
use crate::watch::Watch;

/// How long orphans of an init that was killed are hunted for. A storm of forks loses one generation a
/// look.
const HUNT: Duration = Duration::from_secs(10);

/// The whole sandbox, from the claim to the empty stage.
pub(crate) fn run(spec: &Spec, input: Option<OwnedFd>) -> Result<Outcome, Failure> {
    refuse_what_needs_a_network(spec)?;
    let payload = Payload {
        ids: identity::find()?,
        of_root: identity::is_root(),
    };
    if payload.of_root {
        // Root's groups would stay with the payload.
        setgroups(&[]).map_err(|errno| Failure::new(Step::TakeIdentity, errno))?;
    }
    // Whoever loses init comes to this process.
    sys::prctl(libc::PR_SET_CHILD_SUBREAPER, [1, 0, 0, 0])
        .map_err(|errno| Failure::new(Step::Supervise, errno))?;
    let stage = Stage::claim(caller_has_gone)?;
    let outcome = perform_on(spec, input, payload);
    stage.leave();
    outcome
}

fn refuse_what_needs_a_network(spec: &Spec) -> Result<(), Failure> {
    if spec.listen.is_some() {
        return Err(Failure::new(Step::Listener, Errno::EOPNOTSUPP));
    }
    if !spec.services.is_empty() {
        return Err(Failure::new(Step::StartService, Errno::EOPNOTSUPP));
    }
    Ok(())
}

fn caller_has_gone() -> bool {
    let input = io::stdin();
    let mut polled = [PollFd::new(
        input.as_fd(),
        PollFlags::from_bits_retain(libc::POLLRDHUP),
    )];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|events| events > 0)
}

fn perform_on(spec: &Spec, input: Option<OwnedFd>, payload: Payload) -> Result<Outcome, Failure> {
    let placed = Placed::on_stage(spec, payload.ids)?;
    let outcome = supervise(&placed.spec, input, payload);
    let back = placed.bring_back();
    outcome.and_then(|outcome| back.map(|()| outcome))
}

fn supervise(spec: &Spec, input: Option<OwnedFd>, payload: Payload) -> Result<Outcome, Failure> {
    let outside = Membership::of_self()?;
    let (orders_in, orders_out) = keeper::pipe()?;
    let (messages_in, messages_out) = keeper::pipe()?;
    let (channel, listener) =
        UnixStream::pair().map_err(|error| Failure::io(Step::Descriptors, "listener", &error))?;
    let filter = || Filter::without_namespaces(!payload.of_root);
    let (leaf, cloned) = create()?;
    match cloned {
        Cloned::Child => {
            drop((orders_out, messages_in, channel, leaf));
            let Ok(filter) = filter() else {
                process::exit(1)
            };
            init::live(Inherited {
                spec: spec.clone(),
                input,
                sources: None,
                room: Room::Stage(payload),
                outside,
                orders: File::from(orders_in),
                messages: File::from(messages_out),
                filter,
                listener,
            })
        }
        Cloned::Parent { pid, pidfd } => {
            drop((input, orders_in, messages_out, listener));
            let init = Init {
                pid,
                pidfd,
                orders: File::from(orders_out),
                messages: File::from(messages_in),
            };
            let mut watch = Watch::new(spec, leaf, pid).with_nothing_in_memory();
            let mut supervisor = Supervisor::new(channel, filter()?, pid, writable(spec));
            keeper::release_output();
            let outcome = sys::prctl(libc::PR_SET_DUMPABLE, [0; 4])
                .map_err(|errno| Failure::new(Step::DropPrivileges, errno))
                .and_then(|()| watch.confine())
                .and_then(|()| {
                    init.order(GO);
                    init.watch(&spec.limits, &mut watch, &mut supervisor)
                });
            init.finish();
            let ended = end_orphans();
            watch.end();
            ended.and(outcome)
        }
    }
}

/// Init in a control group, or by a plain fork where a container's filter leaves no other way.
fn create() -> Result<(Leaf, Cloned), Failure> {
    if let Ok(created) = keeper::clone_into_leaf(Leaf::make(&Surroundings::read()), 0) {
        return Ok(created);
    }
    let failed = |errno| Failure::new(Step::Namespaces, errno);
    let leaf = Leaf::none("the call that creates a process in a group is refused here");
    let cloned = match sys::fork().map_err(failed)? {
        None => Cloned::Child,
        Some(pid) => Cloned::Parent {
            pid,
            pidfd: sys::pidfd_open(pid).map_err(failed)?,
        },
    };
    Ok((leaf, cloned))
}

/// Ends whatever came to this process because init is dead: usually nothing. Everybody found is
/// stopped, so that what forks becomes less with each look; and the children of this process, whose
/// numbers are nobody else's before it waits for them, are killed, by which theirs become its own.
fn end_orphans() -> Result<(), Failure> {
    let deadline = Instant::now() + HUNT;
    while init::has_children() {
        let descendants = tree::sample(Pid::this()).processes;
        for pid in descendants.into_iter().filter(|pid| *pid != Pid::this()) {
            let _ended = kill(pid, Signal::SIGSTOP);
        }
        for pid in children() {
            let _ended = kill(pid, Signal::SIGKILL);
        }
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
        }
        if Instant::now() > deadline {
            return Err(Failure::new(Step::Supervise, Errno::EBUSY));
        }
    }
    Ok(())
}

fn children() -> Vec<Pid> {
    let listed = fs::read_to_string(format!("/proc/self/task/{}/children", Pid::this()));
    let listed = listed.unwrap_or_default();
    let numbers = listed.split_whitespace().filter_map(|pid| pid.parse().ok());
    numbers.map(Pid::from_raw).collect()
}
