//! The process that becomes the command, or a service.

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::SigSet;
use nix::unistd::{Pid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, pipe2, setsid};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Step};
use crate::report::{Exit, Start};
use crate::spec::Command;
use crate::{stage, sys, wire};

/// The command's process, as init holds it.
pub(crate) struct Worker {
    pub(crate) pid: Pid,
    trouble: File,
}

/// What kept the worker from becoming the command.
#[derive(Serialize, Deserialize)]
enum Trouble {
    NotStarted(Exit),
    Failed(Failure),
}

impl Worker {
    /// Waits until the program runs, and says why it does not. Exec closes the pipe; a worker that
    /// failed writes to it first.
    pub(crate) fn executed(&self) -> Result<Result<(), Exit>, Failure> {
        let mut bytes = Vec::new();
        (&self.trouble)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::io(Step::StartWorker, "", &error))?;
        if bytes.is_empty() {
            return Ok(Ok(()));
        }
        match wire::receive(bytes.as_slice()) {
            Ok(Trouble::NotStarted(exit)) => Ok(Err(exit)),
            Ok(Trouble::Failed(failure)) => Err(failure),
            Err(error) => Err(Failure::io(Step::StartWorker, "", &error)),
        }
    }
}

/// The standard streams of a worker where they are not init's own.
pub(crate) struct Stdio {
    pub(crate) input: Option<OwnedFd>,
    /// For both output streams.
    pub(crate) output: Option<OwnedFd>,
}

/// Forks the worker. It inherits everything that init gave up. Nobody but the worker keeps the
/// streams that it is given, so that their other ends see when it is gone.
pub(crate) fn start(command: &Command, stdio: Stdio) -> Result<Worker, Failure> {
    let failed = |errno| Failure::new(Step::StartWorker, errno);
    let (trouble, report) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    match sys::fork().map_err(failed)? {
        Some(pid) => Ok(Worker {
            pid,
            trouble: trouble.into(),
        }),
        None => {
            let trouble = become_command(command, stdio);
            let _init_gone = wire::send(File::from(report), &trouble);
            sys::exit(127)
        }
    }
}

/// Returns only what went wrong.
fn become_command(command: &Command, stdio: Stdio) -> Trouble {
    if let Err(failure) = arrange(stdio) {
        return Trouble::Failed(failure);
    }
    let not_started = |start| {
        move |errno: Errno| {
            Trouble::NotStarted(Exit::NotStarted {
                errno: errno as i32,
                start,
            })
        }
    };
    if let Err(trouble) = chdir(&command.cwd).map_err(not_started(Start::Directory)) {
        return trouble;
    }
    match execute(command) {
        Ok(never) => match never {},
        Err(errno) => not_started(Start::Program)(errno),
    }
}

/// A session of its own without a terminal, default signals, no descriptor but the three.
fn arrange(stdio: Stdio) -> Result<(), Failure> {
    if let Some(input) = stdio.input {
        dup2_stdin(input).map_err(|errno| Failure::new(Step::Descriptors, errno))?;
    }
    setsid().map_err(|errno| Failure::new(Step::StartWorker, errno))?;
    if let Some(output) = stdio.output {
        dup2_stdout(&output)
            .and_then(|()| dup2_stderr(&output))
            .map_err(|errno| Failure::new(Step::Descriptors, errno))?;
    }
    sys::default_signals();
    SigSet::empty()
        .thread_set_mask()
        .map_err(|errno| Failure::new(Step::StartWorker, errno))?;
    sys::cloexec_from(3).map_err(|errno| Failure::new(Step::Descriptors, errno))?;
    verify_descriptors()
        .map_err(|error| Failure::io(Step::Descriptors, "/proc/self/fd", &error))?;
    if stage::is_confined() {
        stage::nest()?;
    }
    Ok(())
}

/// Looks that every other descriptor really closes on exec.
fn verify_descriptors() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let number: i32 = name
            .to_str()
            .and_then(|name| name.parse().ok())
            .ok_or(io::ErrorKind::InvalidData)?;
        if number > 2 && !sys::closes_on_exec(number)? {
            return Err(Errno::EBADFD.into());
        }
    }
    Ok(())
}

fn execute(command: &Command) -> Result<std::convert::Infallible, Errno> {
    let program = c_string(command.program.as_os_str())?;
    let arguments = std::iter::once(command.program.as_os_str())
        .chain(command.args.iter().map(|arg| arg.as_os_str()));
    let arguments = arguments.map(c_string).collect::<Result<Vec<_>, _>>()?;
    let environment = command.env.iter().map(|(name, value)| {
        let mut pair = name.clone();
        pair.push("=");
        pair.push(value);
        c_string(&pair)
    });
    execve(
        &program,
        &arguments,
        &environment.collect::<Result<Vec<_>, _>>()?,
    )
}

fn c_string(text: &OsStr) -> Result<CString, Errno> {
    CString::new(text.as_bytes()).map_err(|_| Errno::EINVAL)
}
