//! What the probe is set upon: victims that the test makes, and the look at them afterwards.
//!
//! Outside, stand-ins play what only a sandbox may be let loose on: a directory plays `/usr`, a listener the internet, a
//! process init. Inside the probe is given the real places, and the paths, ids and addresses of victims on the host.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{OpenptyResult, openpty};
use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{TestEnv, tool};

use super::listeners::Listeners;
use super::shared_objects::SharedObjects;
use super::victims::Victims;

/// What the operator has typed and the probe must not read.
const TYPED: &[u8] = b"typed by the operator\n";

/// Where the control groups' own files may lie, by kind of hierarchy.
const CONTROL_GROUPS: [&str; 3] = [
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/unified/cgroup.procs",
    "/sys/fs/cgroup/memory/cgroup.procs",
];

/// Files in the caller's home that hold secrets by custom.
const SECRETS: [&str; 4] = [
    ".ssh/id_ed25519",
    ".netrc",
    ".git-credentials",
    ".cargo/credentials.toml",
];

/// Which of the two the stage is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Outside,
    Inside,
}

/// How well the sandbox can be built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    Full,
    /// Namespaces are refused.
    Landlock,
}

/// Everything that the probe may be after, in one place of the test's directory.
pub(super) struct Stage<'env> {
    env: &'env TestEnv,
    place: PathBuf,
    listeners: Listeners,
    victims: Victims,
    objects: SharedObjects<'env>,
    terminal: OpenptyResult,
    before: Vec<(PathBuf, Snapshot)>,
    machine: Vec<String>,
}

impl<'env> Stage<'env> {
    pub(super) fn set(env: &'env TestEnv, repository: &Path, side: Side) -> Self {
        let place = env.path(match side {
            Side::Outside => "stage-outside",
            Side::Inside => "stage-inside",
        });
        fs::create_dir(&place).unwrap();
        fill(env, &place);
        let terminal = openpty(None, None).unwrap();
        let slave = nix::unistd::ttyname(&terminal.slave).unwrap();
        env.give(&slave);
        nix::unistd::write(&terminal.master, TYPED).unwrap();
        let stage = Self {
            listeners: Listeners::open(&place.join("victim")),
            victims: Victims::start(env),
            objects: SharedObjects::make(env, &place.join("grant/call")),
            terminal,
            before: Vec::new(),
            machine: machine(),
            env,
            place,
        };
        stage.write_scene(repository, &slave, side);
        env.give(&stage.place);
        set_user_id(&stage.place.join("grant"));
        Self {
            before: [stage.place.clone(), env.path("home")]
                .map(|path| (path.clone(), Snapshot::of(&path)))
                .into(),
            ..stage
        }
    }

    /// The directory that a policy grants for reading.
    pub(super) fn grant(&self) -> PathBuf {
        self.place.join("grant")
    }

    pub(super) fn probe(&self) -> PathBuf {
        self.grant().join("probe")
    }

    pub(super) fn scene(&self) -> PathBuf {
        self.grant().join("scene")
    }

    /// A program of the caller's: on a terminal of its own, a directory open as descriptor 9, secrets in the environment.
    pub(super) fn command(&self, program: &Path, tier: Tier) -> Command {
        let victim = self.place.join("victim");
        let mut command = match tier {
            Tier::Full => self.env.command("setsid"),
            Tier::Landlock => self.env.without_namespaces("setsid"),
        };
        command
            .args([
                "--ctty",
                "--wait",
                "sh",
                "-c",
                "exec 9< \"$0\"; exec \"$@\"",
            ])
            .arg(&victim)
            .arg(program)
            .env("PROBE_SECRET", "secret")
            .env("SSH_AUTH_SOCK", victim.join("daemon.sock"))
            .stdin(self.terminal.slave.try_clone().unwrap());
        command
    }

    /// The probe's knowledge of the places, for the side that it runs on.
    fn write_scene(&self, repository: &Path, slave: &Path, side: Side) {
        let own = |name: &str| self.place.join(name).display().to_string();
        let cgroup = CONTROL_GROUPS.iter().find(|path| Path::new(path).exists());
        let mut scene: Vec<(&str, String)> = [
            ("victim", own("victim")),
            ("grant", own("grant")),
            ("home", self.env.path("home").display().to_string()),
            ("repository", repository.display().to_string()),
            ("terminal", slave.display().to_string()),
            ("hostname", hostname()),
            (
                "cgroup",
                (*cgroup.expect("control groups are mounted")).to_owned(),
            ),
        ]
        .into();
        scene.extend(self.victims.scene(side));
        scene.extend(self.listeners.scene(side));
        scene.extend(self.objects.scene());
        let places = match side {
            Side::Outside => [
                ("usr", own("usr")),
                ("etc", own("etc")),
                ("root", own("root")),
                ("dev", own("dev")),
                ("cache", own("cache")),
                ("scratch", own("scratch")),
                ("scratch-file", own("scratch/file")),
                ("masked", own("scratch")),
                ("accounts", "none".to_owned()),
                ("resolver", "unknown".to_owned()),
            ],
            Side::Inside => [
                ("usr", "/usr".to_owned()),
                ("etc", "/etc".to_owned()),
                ("root", "/".to_owned()),
                ("dev", "/dev".to_owned()),
                (
                    "cache",
                    self.env.path("cache/passmuster").display().to_string(),
                ),
                ("scratch", "/sandbox/tree".to_owned()),
                ("scratch-file", "/sandbox/tree/README.md".to_owned()),
                ("masked", "/proc/sys".to_owned()),
                ("accounts", "one".to_owned()),
                ("resolver", "none".to_owned()),
            ],
        };
        scene.extend(places);
        let lines = scene.iter().map(|(key, value)| format!("{key}={value}\n"));
        fs::write(self.scene(), lines.collect::<String>()).unwrap();
    }

    /// What the probe reached, whatever it said of itself.
    pub(super) fn touched(&self) -> Vec<&'static str> {
        let files = self
            .before
            .iter()
            .any(|(path, before)| Snapshot::of(path) != *before);
        let looks = [
            ("files", files),
            ("processes", self.victims.are_touched()),
            ("listeners", self.listeners.had_visitors()),
            ("shared objects", self.objects.are_not_alone()),
            ("terminal", waiting(&self.terminal.slave) != TYPED),
            ("machine", machine() != self.machine),
        ];
        looks
            .into_iter()
            .filter(|(_, touched)| *touched)
            .map(|(what, _)| what)
            .collect()
    }
}

/// Victims and stand-ins as files.
fn fill(env: &TestEnv, place: &Path) {
    for directory in [
        "victim", "usr/bin", "etc", "root", "dev", "cache", "scratch", "grant",
    ] {
        fs::create_dir_all(place.join(directory)).unwrap();
    }
    let files = [
        ("victim/file", "file\n"),
        ("victim/raced", ""),
        ("victim/secret", "secret\n"),
        ("usr/bin/env", "program\n"),
        ("usr/bin/cc", "program\n"),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("etc/shadow", "root:*:1::::::\n"),
        ("etc/hostname", "host\n"),
        ("etc/resolv.conf", "nameserver 127.0.0.1\n"),
        ("dev/null", ""),
        ("cache/history.db", ""),
        ("scratch/file", ""),
    ];
    for (path, content) in files {
        fs::write(place.join(path), content).unwrap();
    }
    for path in SECRETS {
        let path = env.path("home").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "secret\n").unwrap();
    }
    env.give(&env.path("home"));
    fs::copy(env!("CARGO_BIN_EXE_probe"), place.join("grant/probe")).unwrap();
    compile(&place.join("grant/call"));
}

/// The program that makes bare system calls.
fn compile(program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("probe/call.c");
    tool(
        Command::new("cc")
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(program)
            .arg(source),
    );
}

/// A program that runs as another user than the one who starts it, where the filesystem may say so: its owner is root where
/// an ordinary user is the caller, and somebody else where root is.
fn set_user_id(grant: &Path) {
    let program = grant.join("set-user-id");
    fs::copy(grant.join("call"), &program).unwrap();
    if nix::unistd::geteuid().is_root() {
        let callers = std::os::unix::fs::MetadataExt::uid(&fs::metadata(grant).unwrap());
        let owner = if callers == 0 { 65_000 } else { 0 };
        chown(&program, Some(owner), None).unwrap();
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
}

fn hostname() -> String {
    nix::unistd::gethostname().unwrap().into_string().unwrap()
}

/// What the probe tries to change of the machine itself.
fn machine() -> Vec<String> {
    let files = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/kernel/domainname",
        "/proc/sys/fs/file-max",
        "/proc/sys/vm/overcommit_memory",
    ];
    files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// What can be read from a terminal without waiting.
fn waiting(terminal: &OwnedFd) -> Vec<u8> {
    fcntl(terminal, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut all = Vec::new();
    let mut buffer = [0; 256];
    loop {
        match nix::unistd::read(terminal, &mut buffer) {
            Ok(0) | Err(Errno::EAGAIN) => return all,
            Ok(count) => all.extend(&buffer[..count]),
            Err(errno) => panic!("reading the terminal: {errno}"),
        }
    }
}
