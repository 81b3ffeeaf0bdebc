//! Starting the program as a user would, and what came of it.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::environment::TestEnv;
use crate::repository::Repository;
use crate::verdict::Verdict;

/// Long enough for a cold build on a busy machine, short enough to notice a hang.
const PATIENCE: Duration = Duration::from_secs(300);

/// A command line that is not yet started.
#[derive(Debug)]
pub struct Invocation<'env> {
    env: &'env TestEnv,
    command: std::process::Command,
    input: Vec<u8>,
    patience: Duration,
}

impl TestEnv {
    /// The program with these arguments.
    pub fn passmuster(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Invocation<'_> {
        let mut command = self.command(self.binary());
        command.args(args);
        Invocation {
            env: self,
            command,
            input: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// `passmuster verify` on a repository, answering in JSON.
    pub fn verify(
        &self,
        repo: &Repository<'_>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Invocation<'_> {
        let own: [OsString; 5] = [
            "verify".into(),
            "--repo".into(),
            repo.root().into(),
            "--format".into(),
            "json".into(),
        ];
        self.passmuster(own).args(args)
    }
}

impl Invocation<'_> {
    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// What comes on standard input.
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// One more variable of the environment.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Another working directory.
    pub fn cwd(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// How long it may take at most.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it in a process group of its own, as a shell does.
    pub fn start(mut self) -> Running {
        self.command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.env.binary().display()));
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let input = self.input;
        // A program that does not read its input must not block the test.
        thread::spawn(move || stdin.write_all(&input));
        Running {
            stdout: reader(child.stdout.take().expect("standard output is a pipe")),
            stderr: reader(child.stderr.take().expect("standard error is a pipe")),
            started: Instant::now(),
            patience: self.patience,
            child,
        }
    }

    /// Starts it and waits for its end.
    pub fn run(self) -> Finished {
        self.start().wait()
    }

    /// Starts it, waits, and reads the verdict; panics with all output where there is none.
    pub fn verdict(self) -> (Finished, Verdict) {
        let finished = self.run();
        let verdict = finished.verdict();
        (finished, verdict)
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until an error is all that there is to show.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// The program while it runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    started: Instant,
    patience: Duration,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// True when it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal to its whole process group, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        killpg(self.group(), signal).unwrap();
    }

    /// Kills the program alone; whatever it started is not told.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("process ids are small"))
    }

    /// Waits for the end; a program that takes too long is killed, and the test fails.
    pub fn wait(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > self.patience {
                let _ = killpg(self.group(), Signal::SIGKILL);
                let _ = self.child.wait();
                let stderr = self.stderr.join().unwrap();
                let said = String::from_utf8_lossy(&stderr).into_owned();
                panic!("no end after {:?}; standard error:\n{said}", self.patience);
            }
            thread::sleep(Duration::from_millis(5));
        };
        Finished {
            status,
            elapsed: self.started.elapsed(),
            stdout: self.stdout.join().unwrap(),
            stderr: self.stderr.join().unwrap(),
        }
    }
}

/// The program after its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// From start to end.
    pub elapsed: Duration,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// The exit code; none when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Everything that was said, for the message of an assertion.
    pub fn all(&self) -> String {
        format!(
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.out(),
            self.err()
        )
    }

    /// The verdict on standard output.
    pub fn verdict(&self) -> Verdict {
        Verdict::parse(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}", self.all()))
    }

    /// Fails unless the exit code is this one.
    #[track_caller]
    pub fn assert_code(&self, expected: i32) -> &Self {
        assert_eq!(self.code(), Some(expected), "{}", self.all());
        self
    }

    /// Fails unless everything that was said is one clear, short message.
    #[track_caller]
    pub fn assert_clear_message(&self, words: &[&str]) -> &Self {
        let said = format!("{}{}", self.out(), self.err());
        for word in words {
            assert!(said.contains(word), "{word:?} is said: {}", self.all());
        }
        for noise in ["panicked", "RUST_BACKTRACE", "Error {", "Os {"] {
            assert!(
                !said.contains(noise),
                "{noise:?} is not said: {}",
                self.all()
            );
        }
        assert!(
            self.err().lines().count() <= 20,
            "a message is short: {}",
            self.all()
        );
        self
    }
}
