//! One command in a sandbox, started by a process that is running already: against the same command
//! without one, and against bubblewrap.

use std::collections::BTreeMap;
use std::future::pending;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};

use passmuster_process::{Exit, Launcher, Limits, Spec};
use passmuster_tests::TestEnv;
use tokio::runtime::Runtime;

use crate::table::{Row, Target};
use passmuster_tests::rounds::{compare, timed};

const ROUNDS: usize = 101;
const BWRAP: &str = "/usr/bin/bwrap";

/// Memory of a verification of a big repository; a fork that copies page tables shows at once.
const LARGE: usize = 500 << 20;

pub(crate) fn rows(env: &TestEnv) -> Vec<Row> {
    let mut rows = against_peers(env, "sandboxed `/bin/true`");
    let ballast = black_box(vec![1_u8; LARGE]);
    rows.extend(against_peers(
        env,
        "the same from a process with 500 MB resident",
    ));
    drop(black_box(ballast));
    rows
}

fn against_peers(env: &TestEnv, what: &str) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let launcher = Launcher::new(env.binary());
    let mut ours = |_| timed(|| sandboxed(&runtime, &launcher));
    let found = compare(ROUNDS, &mut ours, &mut |_| timed(|| succeed(&mut bare())));
    let plain = Row::new(what, "`/bin/true` by posix_spawn", found, Target::None);
    let (peer, target) = ("`bwrap --unshare-all`", Target::Ratio(1.0));
    let against_bwrap = if Path::new(BWRAP).is_file() {
        let found = compare(ROUNDS, &mut ours, &mut |_| timed(|| succeed(&mut bwrap())));
        Row::new(what, peer, found, target)
    } else {
        Row::missing(what, peer, "bwrap is not installed", target)
    };
    vec![plain, against_bwrap]
}

fn sandboxed(runtime: &Runtime, launcher: &Launcher) {
    let spec = Spec {
        command: passmuster_process::Command {
            program: "/bin/true".into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: "/".into(),
        },
        mounts: Vec::new(),
        limits: Limits::default(),
        listen: None,
        services: Vec::new(),
    };
    let report = runtime
        .block_on(passmuster_process::run(launcher, &spec, pending()))
        .unwrap();
    assert_eq!(report.exit, Exit::Exited(0));
}

fn bare() -> Command {
    Command::new("/bin/true")
}

fn bwrap() -> Command {
    let mut command = Command::new(BWRAP);
    command
        .args(["--ro-bind", "/", "/", "--tmpfs", "/tmp", "--dev", "/dev"])
        .args(["--proc", "/proc", "--unshare-all", "--die-with-parent"])
        .arg("/bin/true");
    command
}

/// Without anything to run between fork and exec, the standard library uses posix_spawn.
fn succeed(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
