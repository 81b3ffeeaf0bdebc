//! A look at the sandbox before the first real command: does it start here, and with overlays?
//!
//! A success is remembered for as long as nothing changes that decides it: the boot, this program,
//! the caller and what it may do, the settings that restrict namespaces, the cache's file system.
//! That saves a sandbox a verdict and costs no safety: every sandbox checks itself from inside
//! before its command starts, and one that fails then is `sandbox-unavailable` all the same.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use passmuster_policy::policy::Isolation;
use passmuster_policy::reason::Reason;
use passmuster_policy::run::Outcome;
use passmuster_process::{Limits, identity};

use crate::adapters::{Phase, Phases as _};
use crate::digest::digest;
use crate::doctor::explain;
use crate::error::UserError;
use crate::grants::{Access, Grants, View, limits};
use crate::memory;
use crate::obstacles::sandbox_reason;
use crate::session::{Machine, Session, SessionError, make_owned};
use crate::trees::Owner;
use crate::verify::World;

/// Time for a command that does nothing.
const WALL: Duration = Duration::from_secs(30);

/// How a command ends that does nothing.
const WORKED: Outcome = Outcome::Exited { status: 0 };

/// What is remembered: how trees are made writable.
const OVERLAY: &str = "overlay";
const COPY: &str = "copy";
const BUBBLEWRAP: &str = "bubblewrap";
const STAGE: &str = "stage";
/// Fields of a process's status that say what it may do.
const RIGHTS: [&str; 6] = [
    "Uid",
    "Gid",
    "CapEff",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
];
/// Inside another sandbox these are others.
const NAMESPACES: [&str; 3] = ["user", "mnt", "pid"];
/// What administrators restrict namespaces by; each may be absent.
const SETTINGS: [&str; 4] = [
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
];

/// What runs are made on here, or why there is none; found out by a run unless it is known.
pub async fn machine(
    world: &World,
    grants: &Grants,
    least: Isolation,
) -> Result<Result<Machine, Reason>, UserError> {
    let owner = match identity::host() {
        Ok(ids) => Owner {
            uid: ids.uid,
            gid: ids.gid,
        },
        Err(problem) => {
            let why = explain(&world.launcher, &problem).await;
            return Ok(Err(sandbox_reason(&why)));
        }
    };
    let machine = Machine {
        launcher: world.launcher.clone(),
        cache: world.cache.clone(),
        owner,
        isolation: Isolation::Full,
        overlay: true,
        stop: world.stop.clone(),
    };
    let key = circumstances(world, grants, least);
    if let Some(known) = key.as_deref().and_then(memory::answer_to) {
        return Ok(Ok(as_answered(machine, &known)));
    }
    try_out(machine, grants, least, key).await
}

/// The machine as it was found, or is to be tried.
fn as_answered(machine: Machine, answer: &str) -> Machine {
    match answer {
        BUBBLEWRAP => Machine {
            launcher: machine.launcher.through_bubblewrap(),
            isolation: Isolation::FullBwrap,
            overlay: false,
            ..machine
        },
        STAGE => Machine {
            launcher: machine.launcher.on_stage(),
            isolation: Isolation::Landlock,
            overlay: false,
            ..machine
        },
        _ => Machine {
            overlay: answer == OVERLAY,
            ..machine
        },
    }
}

/// What may be tried where no less than `least` is accepted, the best first.
fn ways(least: Isolation) -> &'static [&'static str] {
    match least {
        Isolation::Full => &[OVERLAY, COPY],
        Isolation::FullBwrap => &[OVERLAY, COPY, BUBBLEWRAP],
        Isolation::Landlock => &[OVERLAY, COPY, BUBBLEWRAP, STAGE],
    }
}

/// What else there is, for less than is accepted.
fn lower_ways(least: Isolation) -> &'static [&'static str] {
    match least {
        Isolation::Full => &[BUBBLEWRAP, STAGE],
        Isolation::FullBwrap => &[STAGE],
        Isolation::Landlock => &[],
    }
}

/// All that decides whether a sandbox starts; none when some of it cannot be told.
fn circumstances(world: &World, grants: &Grants, least: Isolation) -> Option<String> {
    let program = memory::stamp_of(&std::env::current_exe().ok()?)?;
    let bubblewrap = memory::stamp_of(Path::new(passmuster_process::BUBBLEWRAP))?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let rights = status.lines().filter(|line| {
        RIGHTS
            .iter()
            .any(|field| line.starts_with(&format!("{field}:")))
    });
    let rights: Vec<&str> = rights.collect();
    let namespaces = NAMESPACES.map(|name| fs::read_link(format!("/proc/self/ns/{name}")).ok());
    let settings = SETTINGS.map(|path| fs::read_to_string(path).ok());
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let disk = fs::metadata(world.cache.root()).ok()?.dev();
    let stage = fs::symlink_metadata(passmuster_process::STAGE).ok();
    let stage = stage.map(|stage| (stage.uid(), stage.mode()));
    Some(format!(
        "sandbox {}",
        digest(&(
            program,
            bubblewrap,
            rights,
            namespaces,
            settings,
            boot,
            disk,
            stage,
            grants.digest(),
            least.name()
        ))
    ))
}

/// Runs `/bin/true` as a check would run: over an overlay, over a copy, through bubblewrap, without
/// namespaces.
async fn try_out(
    machine: Machine,
    grants: &Grants,
    least: Isolation,
    key: Option<String>,
) -> Result<Result<Machine, Reason>, UserError> {
    let mut problem = None;
    for answer in ways(least) {
        let machine = as_answered(machine.clone(), answer);
        match attempt(&machine, grants).await {
            Ok(WORKED) => {
                key.into_iter()
                    .for_each(|key| memory::remember(key, (*answer).to_owned()));
                return Ok(Ok(machine));
            }
            Ok(Outcome::Interrupted) => return Ok(Ok(machine)),
            Ok(other) => {
                problem.get_or_insert(format!("/bin/true did not work in the sandbox: {other:?}"));
            }
            Err(SessionError::Sandbox(error)) => match &mut problem {
                None => problem = Some(explain(&machine.launcher, &error).await),
                Some(problem) if *answer == STAGE => {
                    *problem += &format!("; the tier `landlock`: {error}");
                }
                Some(_) => {}
            },
            Err(other) => return Err(other.into()),
        }
    }
    let mut problem = problem.unwrap_or_default();
    for answer in lower_ways(least) {
        let lower = as_answered(machine.clone(), answer);
        if matches!(attempt(&lower, grants).await, Ok(WORKED)) {
            let tier = lower.isolation.name();
            problem +=
                &format!("; the tier `{tier}` works here, and `--isolation {tier}` accepts it");
            break;
        }
    }
    Ok(Err(sandbox_reason(&problem)))
}

async fn attempt(machine: &Machine, grants: &Grants) -> Result<Outcome, SessionError> {
    let scratch = machine.cache.scratch()?;
    let tree = scratch.path().join("tree");
    make_owned(&tree, machine.owner)?;
    let view = View {
        tree: vec![tree],
        ..View::default()
    };
    let limits = Limits {
        wall: WALL,
        ..limits(&Default::default(), &machine.capacity())
    };
    let mut session = Session::open(machine, grants, &view, Access::Check, limits)?;
    let argv = vec![OsString::from("/bin/true")];
    let phase = Phase {
        argv,
        env: grants.environment(&view),
        ..Phase::default()
    };
    Ok(session.launch(phase).await?.outcome)
}
