//! Measuring: every planned check on the base and on the candidate, repeated where the two disagree.
//!
//! The base's result is stored and reused; the candidate's is measured each time that its verdict
//! is not stored. Whatever goes wrong on our side becomes a reason, never a test result.

mod base;
mod command_check;
mod services;
mod test_check;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use passmuster_policy::change::Change;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TreeRole, WhyNotRun};
use passmuster_policy::policy::{Check, Policy};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::run::Usage;
use passmuster_process::Limits;

use crate::cache::{LayerGuard, Scratch};
use crate::grants::{self, Attendant, Grants, View};
use crate::layers::{Layer, LayerError, Snapshot, Workshop, view};
use crate::locate::{Programs, locate};
use crate::measured::Measured;
use crate::obstacles::{run_reason, step_reason};
use crate::plan::CheckPlan;
use crate::progress::Progress;
use crate::runs::Task;
use crate::session::{Machine, make_owned};
use crate::store::Store;

use base::{Base, BaseRun};

/// Without a wall limit in the policy a candidate may take this many times as long as the base.
const PATIENCE: u32 = 3;

/// What measuring needs; nothing of it changes meanwhile.
pub struct Bench<'a> {
    /// What every run shares.
    pub machine: &'a Machine,
    /// What of the host is granted.
    pub grants: &'a Grants,
    /// The policy.
    pub policy: &'a Policy,
    /// The programs that checks and steps name.
    pub programs: &'a Programs,
    /// Stored results.
    pub store: &'a Store,
    /// The base tree.
    pub base: &'a Snapshot,
    /// The candidate tree.
    pub candidate: &'a Snapshot,
    /// What lies between them.
    pub change: &'a Change,
    /// Checks of which the change edits no test and no harness.
    pub own_tests: BTreeSet<String>,
    /// Says what runs.
    pub progress: Progress,
    /// Whether stored results count.
    pub use_stored: bool,
}

/// Both trees of a check, ready to run on.
struct Trees {
    base: Side,
    candidate: Side,
    /// Keeps the layers from being pruned.
    guards: Vec<LayerGuard>,
}

/// One tree of a check.
struct Side {
    role: TreeRole,
    view: View,
    program: PathBuf,
    services: Vec<Attendant>,
    /// What a result depends on besides the check: the tree and the layers over it.
    layers: Vec<String>,
}

impl<'a> Bench<'a> {
    /// Measures every planned check, one after the other: they share the machine.
    ///
    /// The base comes first, in all checks, before anything of the candidate runs or is written: what its
    /// prepare steps leave on the disk could make the base fail. And build tools go by times: a
    /// changed file that is older than a build cache would pass for built already.
    pub async fn measure(
        &self,
        plans: &[CheckPlan<'a>],
        workshop: &mut Workshop<'_>,
    ) -> Result<Measured, LayerError> {
        let mut measured = Measured::default();
        let mut layers = Vec::new();
        for plan in plans {
            layers.push(self.base_layers(plan, workshop).await?);
        }
        let mut bases = Vec::new();
        for (plan, made) in plans.iter().zip(layers) {
            bases.push(match made.filter(|_| !self.machine.stop.is_requested()) {
                Some(Ok(made)) => Some(self.base(plan, made, &mut measured).await),
                Some(Err(reason)) => Some(Err(reason)),
                None => None,
            });
        }
        let space = self.machine.cache.scratch()?;
        let candidate = self.candidate_layer(workshop, &space)?;
        for (plan, base) in plans.iter().zip(bases) {
            let evidence = self
                .check(plan, base, workshop, &candidate, &mut measured)
                .await?;
            measured.checks.push(evidence);
        }
        Ok(measured)
    }

    fn candidate_layer(
        &self,
        workshop: &mut Workshop<'_>,
        space: &Scratch,
    ) -> Result<PathBuf, LayerError> {
        let root = space.path().join("candidate");
        make_owned(&root, self.machine.owner)?;
        workshop.candidate_layer(self.base, self.candidate, &root)?;
        Ok(root)
    }

    async fn check(
        &self,
        plan: &CheckPlan<'a>,
        base: Option<Result<Base<'a>, Reason>>,
        workshop: &mut Workshop<'_>,
        candidate: &Path,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, LayerError> {
        let check = plan.check;
        if let Some(why) = &plan.left_out {
            return Ok(not_run(check, why.clone()));
        }
        let Some(base) = base.filter(|_| !self.machine.stop.is_requested()) else {
            return Ok(not_run(check, WhyNotRun::Blocked));
        };
        let ready = match base {
            Ok(base) => self.trees(plan, base, workshop, candidate).await?,
            Err(reason) => Err(reason),
        };
        let (trees, base) = match ready {
            Ok(ready) => ready,
            Err(reason) => {
                measured.reasons.push(reason);
                return Ok(not_run(check, WhyNotRun::Blocked));
            }
        };
        measured.note_network(&trees.guards);
        let outcome = match base {
            BaseRun::Test(test, base) => {
                self.test_check(check, test, &trees, *base, measured).await
            }
            BaseRun::Command(base) => self.command_check(check, &trees, base, measured).await,
        };
        Ok(outcome.unwrap_or_else(|error| {
            measured.reasons.push(run_reason(check, &error));
            not_run(check, WhyNotRun::Blocked)
        }))
    }

    /// Makes what the candidate's side of a check needs. The inner error is a reason for the verdict.
    async fn trees(
        &self,
        plan: &CheckPlan<'a>,
        base: Base<'a>,
        workshop: &mut Workshop<'_>,
        candidate: &Path,
    ) -> Result<Result<(Trees, BaseRun<'a>), Reason>, LayerError> {
        let check = plan.check;
        let Base { made, side, run } = base;
        let directories = [candidate.to_owned(), made.tree.path().join("tree")];
        let private = workshop
            .prepare_candidate(self.candidate, &directories, &plan.steps, &made.layers)
            .await;
        let private = match private.map_err(|error| step_reason(check, TreeRole::Candidate, error))
        {
            Ok(layers) => layers,
            Err(step) => return step.map(Err),
        };
        let all = made.layers.iter().chain(&private);
        let guards = all.map(|layer| layer.made.clone());
        let guards = guards.chain([made.tree]).collect();
        let candidate = self.side(check, TreeRole::Candidate, &directories, &private);
        Ok(candidate.map(|candidate| {
            let trees = Trees {
                base: side,
                candidate,
                guards,
            };
            (trees, run)
        }))
    }

    fn side(
        &self,
        check: &Check,
        role: TreeRole,
        tree: &[PathBuf],
        layers: &[Layer],
    ) -> Result<Side, Reason> {
        let word = check.run.first().map(String::as_str).unwrap_or_default();
        let program =
            locate(self.programs, word, &check.cwd, layers).map_err(|missing| Reason {
                code: ReasonCode::ToolMissing,
                check: Some(check.name.clone()),
                ids: vec![missing.word.clone()],
                message: missing.to_string(),
            })?;
        let snapshot = if role == TreeRole::Base {
            self.base
        } else {
            self.candidate
        };
        let keys = layers.iter().map(|layer| layer.key.clone());
        Ok(Side {
            role,
            view: view(tree, layers),
            program,
            services: self.attendants(check, layers)?,
            layers: std::iter::once(snapshot.content_id()).chain(keys).collect(),
        })
    }

    fn task<'t>(&'t self, check: &'t Check, side: &Side, wall: Duration) -> Task<'t> {
        let tree = match side.role {
            TreeRole::Base => self.base,
            _ => self.candidate,
        };
        Task {
            check,
            tracked: &tree.entries,
            program: side.program.clone(),
            view: side.view.clone(),
            services: side.services.clone(),
            limits: Limits {
                wall,
                ..grants::limits(
                    &check.limits.over(&self.policy.limits),
                    &self.machine.capacity(),
                )
            },
        }
    }

    /// The wall-clock limit: the policy's; else an hour, or what the base's time suggests.
    fn wall(&self, check: &Check, base_ms: Option<u64>) -> Duration {
        match check.limits.over(&self.policy.limits).wall {
            Some(limit) => grants::wall(Some(limit)),
            None => grants::wall(None).max(PATIENCE * Duration::from_millis(base_ms.unwrap_or(0))),
        }
    }
}

fn not_run(check: &Check, why: WhyNotRun) -> CheckEvidence {
    CheckEvidence {
        name: check.name.clone(),
        kind: check.kind.name(),
        cached: Default::default(),
        log: None,
        usage: Usage::default(),
        denials: Vec::new(),
        result: CheckResult::NotRun(why),
    }
}
