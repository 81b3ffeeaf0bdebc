//! Tries and looks at everything, and puts it together.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use passmuster_policy::diagnosis::{
    Area, Diagnosis, Finding, Health, Obstacle, Remedy, SCHEMA, Tier,
};
use passmuster_policy::policy::Isolation;
use passmuster_process::{
    Cause, Circumstances, Enforcement, Failure, Launcher, SandboxError, State, Support, diagnose,
    probe,
};

use super::{advice, kernel, toolchains};
use crate::cache::Cache;
use crate::error::UserError;
use crate::git::command::Program;
use crate::toolchains::Operator;

/// Less free space than this is soon used up by one build.
const ROOM: u64 = 2 << 30;

/// The diagnosis of this machine. A cache that cannot be used is a finding, and then overlays are
/// not tried.
pub async fn look(
    launcher: &Launcher,
    operator: &Operator,
    cache: Result<&Cache, &UserError>,
) -> Diagnosis {
    let kernel = diagnose(launcher).await;
    let full = support(launcher, cache).await;
    let bubblewrap = support(&launcher.clone().through_bubblewrap(), cache).await;
    let stage = support(&launcher.clone().on_stage(), cache).await;
    let (tools, environment) = toolchains::findings(operator);
    let mut findings = match &kernel {
        Ok(kernel) => kernel::findings(kernel),
        Err(error) => vec![missing(Area::Kernel, "helper", error.to_string())],
    };
    findings.extend(sandbox(match (&full, &bubblewrap, &stage) {
        (Err(_), Ok(_), _) => &bubblewrap,
        (Err(_), Err(_), Ok(_)) => &stage,
        _ => &full,
    }));
    findings.push(git());
    findings.extend(cache_findings(cache));
    findings.extend(tools);
    let obstacle = full.as_ref().err().map(|error| {
        let known = kernel.as_ref().ok();
        let cause = known.and_then(|kernel| kernel.cause());
        let around = known.map(|kernel| kernel.circumstances.clone());
        let mut obstacle = obstacle(cause, &around.unwrap_or_default(), error);
        obstacle.remedies.extend(lower_tier(&bubblewrap, &stage));
        obstacle
    });
    let tiers = vec![
        tier(Isolation::Full, &full),
        tier(Isolation::FullBwrap, &bubblewrap),
        tier(Isolation::Landlock, &stage),
    ];
    Diagnosis {
        schema: SCHEMA,
        isolation: tiers
            .iter()
            .find(|tier| tier.works)
            .map(|tier| tier.isolation),
        tiers,
        obstacle,
        findings,
        environment,
    }
}

/// A sandbox and its overlays, started as a verification starts them.
async fn support(
    launcher: &Launcher,
    cache: Result<&Cache, &UserError>,
) -> Result<Support, SandboxError> {
    match cache.ok().and_then(|cache| cache.scratch().ok()) {
        Some(scratch) => probe(launcher, scratch.path()).await,
        None => probe(launcher, &std::env::temp_dir()).await,
    }
}

fn obstacle(cause: Option<Cause>, around: &Circumstances, error: &SandboxError) -> Obstacle {
    let cause = cause.unwrap_or(Cause::Other);
    let advice = advice::about(cause, around);
    Obstacle {
        cause: cause.to_string(),
        what: match cause {
            Cause::Other => error.to_string(),
            _ => advice.what.to_owned(),
        },
        remedies: advice.remedies,
    }
}

/// The best of what works for less, or how to have the least.
fn lower_tier(
    bubblewrap: &Result<Support, SandboxError>,
    stage: &Result<Support, SandboxError>,
) -> Option<Remedy> {
    match (bubblewrap, stage) {
        (Ok(_), _) => Some(advice::through_bubblewrap()),
        (_, Ok(_)) => Some(advice::without_namespaces()),
        (_, Err(SandboxError::Setup(failure))) if failure.is_the_stage() => Some(advice::stage()),
        _ => None,
    }
}

fn tier(isolation: Isolation, support: &Result<Support, SandboxError>) -> Tier {
    Tier {
        isolation,
        works: support.is_ok(),
        why: support.as_ref().err().map(bare),
    }
}

/// Without the hint: the obstacle says more.
fn bare(error: &SandboxError) -> String {
    match error {
        SandboxError::Setup(failure) => failure.bare(),
        other => other.to_string(),
    }
}

/// What held in a sandbox that was started, or that none could be.
fn sandbox(support: &Result<Support, SandboxError>) -> Vec<Finding> {
    let support = match support {
        Ok(support) => support,
        Err(error) => return vec![missing(Area::Sandbox, "start", bare(error))],
    };
    let overlay = |name: &str, tried: &Result<(), Failure>, means: &str| Finding {
        area: Area::Sandbox,
        name: name.to_owned(),
        state: match tried {
            Ok(()) => Health::Ok,
            Err(_) => Health::Degraded,
        },
        found: tried.as_ref().err().map(Failure::bare),
        means: tried.as_ref().err().map(|_| means.to_owned()),
    };
    let mut findings = vec![
        overlay(
            "overlay",
            &support.overlay,
            "trees are copied for each run, and what a run writes to tracked files goes unseen",
        ),
        overlay(
            "owner-shift",
            &support.owner_shift,
            "root's package caches are shown read-only where their files belong to root",
        ),
    ];
    findings.extend(support.enforcement.iter().map(protection));
    findings
}

fn protection(one: &Enforcement) -> Finding {
    let state = match one.state {
        State::Enforced => Health::Ok,
        State::Degraded => Health::Degraded,
        State::Absent => Health::Missing,
    };
    Finding {
        area: Area::Sandbox,
        name: one.protection.to_string(),
        state,
        found: one.why.clone(),
        means: (state != Health::Ok).then(|| "every verdict says so".to_owned()),
    }
}

fn git() -> Finding {
    match Program::find().and_then(|program| program.answer()) {
        Ok(answer) => Finding {
            area: Area::Host,
            name: "git".to_owned(),
            state: Health::Ok,
            found: Some(answer),
            means: None,
        },
        Err(error) => missing(Area::Host, "git", error.to_string()),
    }
}

fn cache_findings(cache: Result<&Cache, &UserError>) -> Vec<Finding> {
    let cache = match cache {
        Ok(cache) => cache,
        Err(error) => return vec![missing(Area::Host, "cache", error.to_string())],
    };
    let found = |name: &str, state, found: String, means: Option<&str>| Finding {
        area: Area::Host,
        name: name.to_owned(),
        state,
        found: Some(found),
        means: means.map(str::to_owned),
    };
    let place = cache.root().display().to_string();
    let writable = match cache.scratch() {
        Ok(_) => found("cache", Health::Ok, place, None),
        Err(error) => missing(Area::Host, "cache", error.to_string()),
    };
    let space = match free(cache.root()) {
        Ok(bytes) => {
            let (state, means) = match bytes {
                0..ROOM => (Health::Degraded, Some("builds may fail for want of space")),
                _ => (Health::Ok, None),
            };
            let text = format!("{} MiB free", bytes >> 20);
            found("disk-space", state, text, means)
        }
        Err(error) => missing(Area::Host, "disk-space", error.to_string()),
    };
    vec![writable, space]
}

fn free(place: &Path) -> nix::Result<u64> {
    let disk = statvfs(place)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

fn missing(area: Area, name: &str, found: String) -> Finding {
    Finding {
        area,
        name: name.to_owned(),
        state: Health::Missing,
        found: Some(found),
        means: Some("nothing can be verified".to_owned()),
    }
}
