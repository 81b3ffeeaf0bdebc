//! Custom checks: from a policy's words to what each plugin says of a change.
//!
//! # Theory of operation
//!
//! A plugin's bytes come from the base tree, from a file of the operator's or from this program (`source`), never from the
//! candidate, and are what the policy pinned by digest. They are compiled and asked what they are before anything of the
//! candidate runs, so that a configuration which the plugin's own schema refuses is a mistake in the policy with its place
//! (`configuration`), and no verdict. Then, after all other checks, every plugin is asked about the change at once, each on a
//! thread of its own, with no more than its grants: the change by value (`change`), the trees as git has them (`tree`), and
//! what the other checks came to (`prior`). What can go wrong on the way, the plugin's faults included, becomes evidence that
//! the plugin did not speak, which is never a pass; what it says is judged in the policies' package.

mod change;
mod configuration;
mod prior;
mod report;
pub mod scaffold;
mod schema;
pub mod shipped;
mod source;
mod tree;
pub mod trial;

use std::sync::Arc;

use passmuster_policy::evidence::{CheckEvidence, CheckResult, Evidence, PolicyRef};
use passmuster_policy::plugin::PluginEvidence;
use passmuster_policy::policy::{
    Check, CheckKind, ConfigurationError, Grant, KindName, PluginCheck, Policy, Size, TimeLimit,
};
use passmuster_policy::run::Usage;
use passmuster_wasm::{
    Capability, Cost, Grants, Host, HostError, Info, Inputs, Limits, Log, Plugin,
};
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::error::UserError;
use crate::git::Git;
use crate::interrupt::Stop;
use crate::layers::Snapshot;
use crate::plan::CheckPlan;
use crate::policy_source;

pub use source::{Origin, SourceError, bytes_of};

/// A plugin check that will run, and its plugin, or why there is none.
pub struct Ready<'a> {
    check: &'a Check,
    asked: &'a PluginCheck,
    plugin: Result<Loaded, String>,
}

/// A plugin that has said what it is.
struct Loaded {
    plugin: Arc<Plugin>,
    info: Info,
}

/// Where plugins come from.
struct Place<'a> {
    /// The base's objects.
    git: &'a Git,
    base: &'a Snapshot,
    /// Whose policy it is.
    policy: &'a PolicyRef,
}

/// Whether a check asks a plugin.
#[must_use]
pub fn is_one(check: &Check) -> bool {
    matches!(check.kind, CheckKind::Plugin(_))
}

/// Loads the plugins of the checks that will run.
///
/// # Errors
/// When this machine cannot run any, or a configuration is wrong: that is a mistake in the policy.
pub fn ready<'a>(
    cache: &Cache,
    git: &Git,
    base: &Snapshot,
    loaded: &policy_source::Loaded,
    plans: &[CheckPlan<'a>],
) -> Result<Vec<Ready<'a>>, UserError> {
    if !plans.iter().any(|plan| is_one(plan.check)) {
        return Ok(Vec::new());
    }
    let place = Place {
        git,
        base,
        policy: &loaded.reference,
    };
    let (ready, mistakes) = load(&host(cache)?, &place, plans);
    match mistakes.is_empty() {
        true => Ok(ready),
        false => Err(loaded.misconfigured(&mistakes).into()),
    }
}

/// The plugins, and what is wrong with their configurations.
fn load<'a>(
    host: &Host,
    place: &Place<'_>,
    plans: &[CheckPlan<'a>],
) -> (Vec<Ready<'a>>, Vec<ConfigurationError>) {
    let mut mistakes = Vec::new();
    let mut ready = Vec::new();
    for plan in plans.iter().filter(|plan| plan.left_out.is_none()) {
        let CheckKind::Plugin(asked) = &plan.check.kind else {
            continue;
        };
        let plugin = loaded(host, place, asked);
        if let Ok(loaded) = &plugin {
            mistakes.extend(configuration::mistakes(
                &plan.check.name,
                &loaded.info,
                &asked.config,
            ));
        }
        ready.push(Ready {
            check: plan.check,
            asked,
            plugin,
        });
    }
    (ready, mistakes)
}

fn loaded(host: &Host, place: &Place<'_>, asked: &PluginCheck) -> Result<Loaded, String> {
    let bytes = source::pinned(place, asked).map_err(|error| error.to_string())?;
    let plugin = host
        .load(&bytes, asked.fuel)
        .map_err(|failure| failure.to_string())?;
    let described = plugin.describe(&Limits::for_describe());
    let info = described.result.map_err(|failure| failure.to_string())?;
    Ok(Loaded {
        plugin: Arc::new(plugin),
        info,
    })
}

/// A host whose compiled code is kept below the cache.
///
/// # Errors
/// When plugins cannot be compiled here.
pub fn host(cache: &Cache) -> Result<Host, HostError> {
    Host::new(Some(&cache.root().join("plugins")))
}

/// What all plugins of one verification look at.
pub struct Scene<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The objects of both trees.
    pub git: &'a Git,
    /// The base and the candidate.
    pub trees: [&'a Snapshot; 2],
    /// What is known by now: the change, and how the other checks came out.
    pub evidence: &'a Evidence,
    /// Ends the waiting.
    pub stop: &'a Stop,
}

/// Asks all plugins; the answers are in the order of the policy. None are there when the program was asked to stop.
pub async fn ask(ready: Vec<Ready<'_>>, scene: &Scene<'_>) -> Vec<CheckEvidence> {
    let [base, candidate] = scene
        .trees
        .map(|tree| Arc::new(tree::tree(scene.git, tree)));
    let change = change::set(&scene.evidence.change);
    let prior = Arc::new(prior::checks(scene.policy, scene.evidence));
    let mut running = JoinSet::new();
    let mut answers: Vec<(usize, CheckEvidence)> = Vec::new();
    for (position, ready) in ready.into_iter().enumerate() {
        let name = ready.check.name.clone();
        match ready.plugin {
            Err(why) => answers.push((position, broken(name, why))),
            Ok(loaded) => {
                let call = Call {
                    name,
                    grants: ready
                        .asked
                        .grants
                        .iter()
                        .map(|grant| capability(*grant))
                        .collect(),
                    limits: limits(ready.check),
                    inputs: Inputs {
                        change: change.clone(),
                        config: serde_json::Value::Object(ready.asked.config.clone()).to_string(),
                        base: Arc::clone(&base),
                        candidate: Arc::clone(&candidate),
                        prior: Arc::clone(&prior),
                    },
                    loaded,
                };
                running.spawn_blocking(move || (position, call.answer()));
            }
        }
    }
    let all = async {
        while let Some(joined) = running.join_next().await {
            // A panic of ours is a bug, and the check stays without evidence: it counts as not run.
            answers.extend(joined.ok());
        }
        answers.sort_by_key(|(position, _)| *position);
        answers.into_iter().map(|(_, answer)| answer).collect()
    };
    tokio::select! {
        answers = all => answers,
        () = scene.stop.clone().requested() => Vec::new(),
    }
}

/// One question to one plugin.
struct Call {
    name: String,
    loaded: Loaded,
    grants: Grants,
    limits: Limits,
    inputs: Inputs,
}

impl Call {
    fn answer(self) -> CheckEvidence {
        let Loaded { plugin, info } = &self.loaded;
        let answer = plugin.check(info, &self.inputs, &self.grants, &self.limits);
        let said = match answer.result {
            Ok(report) => PluginEvidence::Reported(report::of(report)),
            Err(failure) => PluginEvidence::Broken {
                why: failure.to_string(),
            },
        };
        CheckEvidence {
            usage: usage(&answer.cost),
            log: log(&answer.log),
            ..evidence(self.name, said)
        }
    }
}

fn broken(name: String, why: String) -> CheckEvidence {
    evidence(name, PluginEvidence::Broken { why })
}

fn evidence(name: String, said: PluginEvidence) -> CheckEvidence {
    CheckEvidence {
        name,
        kind: KindName::Plugin,
        cached: Default::default(),
        log: None,
        usage: Usage::default(),
        denials: Vec::new(),
        result: CheckResult::Plugin(said),
    }
}

fn capability(grant: Grant) -> Capability {
    match grant {
        Grant::Trees => Capability::Trees,
        Grant::Prior => Capability::Prior,
        Grant::Log => Capability::Log,
    }
}

/// The policies' word for a capability.
#[must_use]
pub fn grant(capability: Capability) -> Grant {
    match capability {
        Capability::Trees => Grant::Trees,
        Capability::Prior => Grant::Prior,
        Capability::Log => Grant::Log,
    }
}

/// The limits that the check itself has; those of runs are for processes.
fn limits(check: &Check) -> Limits {
    let mut limits = Limits::default();
    if let Some(TimeLimit::Seconds(seconds)) = check.limits.wall {
        limits.wall = std::time::Duration::from_secs(seconds);
    }
    if let Some(Size::Bytes(bytes)) = check.limits.memory {
        limits.memory = bytes;
    }
    limits
}

fn usage(cost: &Cost) -> Usage {
    Usage {
        wall_ms: u64::try_from(cost.wall.as_millis()).unwrap_or(u64::MAX),
        memory: Some(cost.memory),
        ..Usage::default()
    }
}

/// The lines as one text; none where it logged nothing.
fn log(log: &Log) -> Option<String> {
    let mut lines: Vec<String> = log
        .lines
        .iter()
        .map(|line| format!("{}: {}", line.level, line.message))
        .collect();
    if log.dropped > 0 {
        lines.push(format!("… and {} more lines", log.dropped));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
