//! A keeper, as the caller holds it: a child that the runtime did not start.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;

use crate::sys;

/// A child of this process that has not been waited for.
pub(crate) struct Helper {
    /// None once it has been.
    pidfd: Option<AsyncFd<OwnedFd>>,
}

impl Helper {
    pub(crate) fn new(child: Pid) -> io::Result<Self> {
        let pidfd = sys::watch_readable(sys::pidfd_open(child)?)?;
        Ok(Self { pidfd: Some(pidfd) })
    }

    /// Kills it; one that has ended is dead already.
    pub(crate) fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            let _ended = sys::pidfd_kill(pidfd.as_fd(), libc::SIGKILL);
        }
    }

    /// Waits for its end, and says how it was.
    pub(crate) async fn wait(&mut self) -> String {
        let status = match &self.pidfd {
            Some(pidfd) => wait(pidfd).await,
            None => Err(io::ErrorKind::NotFound.into()),
        };
        self.pidfd = None;
        match status {
            Ok(WaitStatus::Exited(_, code)) => format!("exit status: {code}"),
            Ok(WaitStatus::Signaled(_, signal, _)) => format!("signal: {signal}"),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Helper {
    /// A run that was given up: its keeper ends by itself, having lost its caller, but somebody must
    /// wait for it. Where the runtime ends as well, so does this process.
    fn drop(&mut self) {
        if let (Some(pidfd), Ok(runtime)) = (self.pidfd.take(), Handle::try_current()) {
            runtime.spawn(async move { wait(&pidfd).await });
        }
    }
}

async fn wait(pidfd: &AsyncFd<OwnedFd>) -> io::Result<WaitStatus> {
    loop {
        // Readable means ended.
        let mut ended = pidfd.readable().await?;
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        match waitid(Id::PIDFd(pidfd.as_fd()), look) {
            Ok(WaitStatus::StillAlive) => ended.clear_ready(),
            Err(Errno::EINTR) => {}
            status => return Ok(status?),
        }
    }
}
