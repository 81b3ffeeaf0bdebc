//! Services as init holds them: started one after the other before the command, listened to while
//! it runs, ended after it.
//!
//! # Theory of operation
//!
//! A service is a worker like the command (`worker`): same filter, no rights, a session of its own.
//! The one difference is its output, a pipe to init, so that nothing of it can appear in the
//! command's. Init has one thread and must never wait for a service: the pipes do not block, and
//! init empties them whenever it wakes up, into a bounded [`Capture`].
//!
//! Whether a process belongs to a service or to the command matters once, when what the command
//! left is counted. Sessions and parents tell: nobody can join a session, so whoever is in a
//! service's session, or descends from one that is, is the service's. What a service detaches twice
//! over counts as left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pipe2};

use crate::error::{Failure, Step};
use crate::output::Capture;
use crate::report::Exit;
use crate::service::{Ended, NotReady, Ready, Service, ServiceReport};
use crate::worker;

/// How often a port is tried: services take tens of milliseconds to seconds to start.
pub(crate) const TRY: Duration = Duration::from_millis(10);
/// How long one try may take; only a full backlog makes a connection on loopback wait.
const CONNECT: Duration = Duration::from_millis(200);
/// Most bytes taken from one log at a time, so that a service that never stops printing cannot keep
/// init from everything else.
const MOUTHFUL: usize = 64 << 10;

/// A service whose process was created.
struct Running {
    name: String,
    pid: Pid,
    /// Its first process is gone.
    gone: bool,
    /// How it ended, when that was before the command had ended.
    ended: Option<Ended>,
    /// Closed once nobody writes to it any more.
    log: Option<File>,
    kept: Capture,
}

/// All services that were started, in their order.
#[derive(Default)]
pub(crate) struct Services {
    running: Vec<Running>,
    /// The command has ended: what services do from here on is our doing.
    closing: bool,
    /// Processes that are known to be a service's.
    own: BTreeSet<Pid>,
}

impl Services {
    /// Starts one, and waits until it is ready: `turn` attends to everything else for at most the
    /// given time, and reaps. `Some` says why it is not ready.
    pub(crate) fn start(
        &mut self,
        service: &Service,
        mut turn: impl FnMut(&mut Self, Duration) -> Result<(), Failure>,
    ) -> Result<Option<NotReady>, Failure> {
        let started = Instant::now();
        let taken = accepts(service.ready) == Some(true);
        if let Some(why) = self.execute(service)? {
            return Ok(Some(why));
        }
        if taken {
            return Ok(Some(NotReady::PortTaken));
        }
        loop {
            turn(self, TRY)?;
            if let Some(ended) = self.running.last().and_then(|service| service.ended) {
                return Ok(Some(NotReady::Ended(ended)));
            }
            if accepts(service.ready) != Some(false) {
                return Ok(None);
            }
            if started.elapsed() >= service.patience {
                return Ok(Some(NotReady::Late));
            }
        }
    }

    fn execute(&mut self, service: &Service) -> Result<Option<NotReady>, Failure> {
        let failed = |errno| Failure::at(Step::StartService, &service.name, errno);
        let (log, output) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
        fcntl(&log, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(failed)?;
        let stdio = worker::Stdio {
            input: None,
            output: Some(output),
        };
        let worker = worker::start(&service.command, stdio)?;
        self.running.push(Running {
            name: service.name.clone(),
            pid: worker.pid,
            gone: false,
            ended: None,
            log: Some(log.into()),
            kept: Capture::new(service.log),
        });
        Ok(match worker.executed()? {
            Err(Exit::NotStarted { errno, start }) => Some(NotReady::NotStarted { errno, start }),
            _ => None,
        })
    }

    /// What init watches beside signals and orders.
    pub(crate) fn logs(&self) -> impl Iterator<Item = PollFd<'_>> {
        let open = self.running.iter().filter_map(|one| one.log.as_ref());
        open.map(|log| PollFd::new(log.as_fd(), PollFlags::POLLIN))
    }

    /// Takes what lies in the pipes.
    pub(crate) fn listen(&mut self) {
        self.running.iter_mut().for_each(Running::listen);
    }

    /// Notes that a process has ended, where it is a service's.
    pub(crate) fn note_end(&mut self, pid: Pid, ended: Ended) {
        let of = |service: &&mut Running| service.pid == pid && !service.gone;
        if let Some(service) = self.running.iter_mut().find(of) {
            service.gone = true;
            service.ended = (!self.closing).then_some(ended);
        }
    }

    /// The command has ended: asks every service that still runs to end. Only its first process:
    /// that one knows how to end its own, and what it forgets is killed.
    pub(crate) fn terminate(&mut self) {
        self.closing = true;
        self.claim();
        for service in self.running.iter().filter(|service| !service.gone) {
            let _gone = kill(service.pid, Signal::SIGTERM)
                .and_then(|()| kill(service.pid, Signal::SIGCONT));
        }
    }

    /// Whether any service's first process is still there.
    pub(crate) fn any_runs(&self) -> bool {
        self.running.iter().any(|service| !service.gone)
    }

    /// Looks which processes belong to services, by session and descent.
    pub(crate) fn claim(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let all = process_table();
        let leaders: BTreeSet<i32> = self.running.iter().map(|one| one.pid.as_raw()).collect();
        let leads = |pid: &i32| {
            let session = all.get(pid).map(|kin| kin.session);
            leaders.contains(pid) || session.is_some_and(|session| leaders.contains(&session))
        };
        let belongs = |pid: &&i32| {
            let lineage =
                std::iter::successors(Some(**pid), |pid| all.get(pid).map(|kin| kin.parent));
            // A table that was read while it changed must not lead in a circle.
            lineage.take(all.len() + 1).any(|pid| leads(&pid))
        };
        let own = all.keys().filter(belongs).map(|pid| Pid::from_raw(*pid));
        self.own.extend(own);
    }

    /// Whether a process was seen to be a service's.
    pub(crate) fn owns(&self, pid: Pid) -> bool {
        self.own.contains(&pid)
    }

    /// What is to be told, once every process is dead.
    pub(crate) fn report(mut self) -> Vec<ServiceReport> {
        self.listen();
        let known = self.running.into_iter().map(|service| ServiceReport {
            name: service.name,
            ended: service.ended,
            log: service.kept.finish(),
        });
        known.collect()
    }
}

impl Running {
    fn listen(&mut self) {
        let mut chunk = [0; 8 << 10];
        let mut taken = 0;
        while let Some(log) = &mut self.log
            && taken < MOUTHFUL
        {
            match log.read(&mut chunk) {
                Ok(count @ 1..) => {
                    self.kept.push(chunk.get(..count).unwrap_or_default());
                    taken += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => self.log = None,
            }
        }
    }
}

/// Whether the port accepts; nothing where there is none to try.
fn accepts(ready: Ready) -> Option<bool> {
    let Ready::Port(port) = ready else {
        return None;
    };
    let addresses = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ];
    let accepts = |address| TcpStream::connect_timeout(address, CONNECT).is_ok();
    Some(addresses.iter().any(accepts))
}

/// What /proc says of one process.
struct Kin {
    parent: i32,
    session: i32,
}

/// Every process of this pid namespace. One that ends meanwhile is left out.
fn process_table() -> BTreeMap<i32, Kin> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let kin = |pid| {
        Some((
            pid,
            kin_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
        ))
    };
    pids.filter_map(kin).collect()
}

/// Fields 4 and 6 of a stat line; the name before them is in parentheses and may hold anything.
fn kin_of(stat: &str) -> Option<Kin> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Kin { parent, session })
}

#[cfg(test)]
mod tests {
    use super::kin_of;

    #[test]
    fn parent_and_session_are_read_behind_any_name() {
        let stat = "12 (a) 7 (b) S 3 12 9 0 -1 4194304 97 0 0 0";
        let kin = kin_of(stat).unwrap();
        assert_eq!((kin.parent, kin.session), (3, 9));
        assert!(kin_of("12 (a").is_none());
    }
}
