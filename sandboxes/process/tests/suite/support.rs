//! One door to the sandbox for every test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use passmuster_process::{
    Command, Launcher, Limits, Mount, Report, SandboxError, Spec, identity, run,
};
use tempfile::TempDir;

/// The helper binary; a run as another user names a copy that this user can read.
pub(crate) fn helper() -> PathBuf {
    std::env::var_os("SANDBOX_TEST_HELPER").map_or_else(
        || env!("CARGO_BIN_EXE_passmuster-process-helper").into(),
        PathBuf::from,
    )
}

/// A specification under construction.
pub(crate) struct Sandbox(pub(crate) Spec);

impl Sandbox {
    /// A program that sees only the system view.
    pub(crate) fn program(program: &str, args: &[&str]) -> Self {
        let command = Command {
            program: program.into(),
            args: args.iter().map(Into::into).collect(),
            env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            cwd: "/tmp".into(),
        };
        let limits = Limits {
            wall: Duration::from_secs(60),
            grace: Duration::from_millis(300),
            ..Limits::default()
        };
        Self(Spec {
            command,
            mounts: Vec::new(),
            limits,
            listen: None,
            services: Vec::new(),
        })
    }

    pub(crate) fn shell(script: &str) -> Self {
        Self::program("/bin/sh", &["-c", script])
    }

    pub(crate) fn python(script: &str) -> Self {
        Self::program("/usr/bin/python3", &["-c", script])
    }

    pub(crate) fn mount(mut self, mount: Mount) -> Self {
        self.0.mounts.push(mount);
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.0.limits);
        self
    }

    /// Runs it; a sandbox that cannot be set up fails the test, whatever the reason.
    pub(crate) fn run(&self) -> Report {
        self.try_run().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_run(&self) -> Result<Report, SandboxError> {
        self.run_until(std::future::pending())
    }

    pub(crate) fn run_until(&self, stop: impl Future<Output = ()>) -> Result<Report, SandboxError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(&Launcher::new(helper()), &self.0, stop))
    }

    /// What it printed, trimmed; anything but a clean end fails the test.
    pub(crate) fn output(&self) -> String {
        let report = self.run();
        assert_eq!(
            report.exit,
            passmuster_process::Exit::Exited(0),
            "{}",
            stderr(&report)
        );
        stdout(&report)
    }
}

pub(crate) fn stdout(report: &Report) -> String {
    String::from_utf8_lossy(&report.stdout.bytes())
        .trim()
        .to_owned()
}

pub(crate) fn stderr(report: &Report) -> String {
    String::from_utf8_lossy(&report.stderr.bytes())
        .trim()
        .to_owned()
}

/// A temporary directory that belongs to the payload, as a caller's scratch directories do.
pub(crate) fn payload_directory() -> TempDir {
    let directory = TempDir::new().unwrap();
    give_to_payload(directory.path());
    directory
}

/// Hands a directory and all in it to the payload.
pub(crate) fn give_to_payload(path: &Path) {
    let payload = identity::host().unwrap();
    std::os::unix::fs::lchown(path, Some(payload.uid), Some(payload.gid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).unwrap() {
            give_to_payload(&entry.unwrap().path());
        }
    }
}

/// The processes whose command line holds a word that only one test uses.
pub(crate) fn processes_with(word: &str) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes
        .filter(|pid| *pid != std::process::id() as i32)
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(word))
        })
        .collect()
}

/// Waits for something that must come about in bounded time.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("after ten seconds still not: {what}");
}
