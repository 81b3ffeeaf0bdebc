//! Measuring: every planned check on the base and on the candidate, repeated where the two disagree;
//! tests also on the oracle tree and on the probe tree, where the change edits any.
//!
//! The base's result is stored and reused; the candidate's is measured each time that its verdict
//! is not stored. Whatever goes wrong on our side becomes a reason, never a test result.

mod base;
mod beside;
mod command_check;
mod controls;
mod influence;
mod lint_check;
mod oracle;
mod probe;
mod rust_sources;
mod searched;
mod services;
mod sorter;
mod test_check;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use passmuster_policy::change::Change;
use passmuster_policy::classification::Classifier;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TreeRole, WhyNotRun};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Check, CheckKind, Policy};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::run::Usage;
use passmuster_process::Limits;

use crate::cache::{LayerGuard, Scratch};
use crate::digest::digest;
use crate::grants::{self, Attendant, Grants, View};
use crate::layers::{Layer, LayerError, Snapshot, Workshop, view};
use crate::locate::{Programs, locate};
use crate::measured::Measured;
use crate::obstacles::{run_reason, step_reason};
use crate::parts::{Exchange, Exchanged, Sorter, Taken, Texts};
use crate::plan::CheckPlan;
use crate::progress::Progress;
use crate::runs::{RunError, Task};
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
    /// Takes the content of files that are put together here.
    pub texts: &'a Texts,
    /// Says what runs.
    pub progress: Progress,
    /// Whether stored results count.
    pub use_stored: bool,
}

/// Both trees of a check, ready to run on.
struct Trees<'a> {
    base: Side<'a>,
    candidate: Side<'a>,
    /// Where the base's tree lies.
    base_tree: PathBuf,
    /// What steps made on the base.
    base_layers: Vec<Layer>,
    /// Keeps the base's tree from being pruned.
    _guard: LayerGuard,
}

/// One tree of a check.
#[derive(Clone)]
struct Side<'a> {
    role: TreeRole,
    tree: Cow<'a, Snapshot>,
    view: View,
    program: PathBuf,
    services: Vec<Attendant>,
    /// What a result depends on besides the check: the tree and the layers over it.
    layers: Vec<String>,
    /// Keeps the layers that it sees from being pruned.
    guards: Vec<LayerGuard>,
}

/// Where more trees of a check are made.
struct Site<'w, 's> {
    workshop: &'s mut Workshop<'w>,
    space: &'s Scratch,
}

/// What keeps a check from being measured.
enum Trouble {
    /// A run gave nothing.
    Run(RunError),
    /// A tree or a layer could not be made.
    Layer(LayerError),
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<LayerError> for Trouble {
    fn from(error: LayerError) -> Self {
        Self::Layer(error)
    }
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
                Some(Ok(made)) => Some(
                    self.base(plan, made, workshop.read_blob, &mut measured)
                        .await,
                ),
                Some(Err(reason)) => Some(Err(reason)),
                None => None,
            });
        }
        let space = self.machine.cache.scratch()?;
        for (plan, base) in plans.iter().zip(bases) {
            let evidence = self
                .check(plan, base, workshop, &space, &mut measured)
                .await?;
            measured.checks.push(evidence);
        }
        Ok(measured)
    }

    /// The layer over the base that shows this tree, written once.
    fn layer_of(
        &self,
        tree: &Snapshot,
        workshop: &mut Workshop<'_>,
        space: &Scratch,
    ) -> Result<PathBuf, LayerError> {
        let root = space.path().join(digest(&tree.id));
        if !root.is_dir() {
            make_owned(&root, self.machine.owner)?;
            workshop.candidate_layer(self.base, tree, &root)?;
        }
        Ok(root)
    }

    async fn check(
        &self,
        plan: &CheckPlan<'a>,
        base: Option<Result<Base<'a>, Reason>>,
        workshop: &mut Workshop<'_>,
        space: &Scratch,
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
            Ok(base) => self.trees(plan, base, workshop, space).await?,
            Err(reason) => Err(reason),
        };
        let (trees, base) = match ready {
            Ok(ready) => ready,
            Err(reason) => {
                measured.reasons.push(reason);
                return Ok(not_run(check, WhyNotRun::Blocked));
            }
        };
        measured.note_network(&trees.base.guards);
        measured.note_network(&trees.candidate.guards);
        let outcome = match base {
            BaseRun::Test(test, base) => {
                let mut site = Site { workshop, space };
                self.test_check(plan, test, &trees, *base, &mut site, measured)
                    .await
            }
            BaseRun::Lint(lint, base) => self
                .lint_check((check, lint), &trees, *base, workshop.read_blob, measured)
                .await
                .map_err(Trouble::Run),
            BaseRun::Command(base) => self
                .command_check(check, &trees, base, measured)
                .await
                .map_err(Trouble::Run),
        };
        match outcome {
            Ok(evidence) => Ok(evidence),
            Err(Trouble::Layer(error)) => Err(error),
            Err(Trouble::Run(error)) => {
                measured.reasons.push(run_reason(check, &error));
                Ok(not_run(check, WhyNotRun::Blocked))
            }
        }
    }

    /// Makes what the candidate's side of a check needs. The inner error is a reason for the verdict.
    async fn trees(
        &self,
        plan: &CheckPlan<'a>,
        base: Base<'a>,
        workshop: &mut Workshop<'_>,
        space: &Scratch,
    ) -> Result<Result<(Trees<'a>, BaseRun<'a>), Reason>, LayerError> {
        let Base { made, side, run } = base;
        let mut trees = Trees {
            candidate: side.clone(),
            base: side,
            base_tree: made.tree.path().join("tree"),
            _guard: made.tree,
            base_layers: made.layers,
        };
        let tree = self.judged(plan.check, workshop)?;
        let mut site = Site { workshop, space };
        let made = self
            .side_of(plan, TreeRole::Candidate, tree, &trees, &mut site)
            .await?;
        Ok(made.map(|candidate| {
            trees.candidate = candidate;
            (trees, run)
        }))
    }

    /// The candidate as a check sees it: files that the check's command names are the base's, and so is
    /// the whole harness of a check that no oracle stands beside.
    fn judged(
        &self,
        check: &Check,
        workshop: &mut Workshop<'_>,
    ) -> Result<Cow<'a, Snapshot>, LayerError> {
        let (classifier, taken) = match &check.kind {
            CheckKind::Test(test) => (Classifier::new(check, test), Taken::Named),
            CheckKind::Lint(_) => (Classifier::of_linter(check), Taken::Harness),
            _ => (Classifier::of_command(check), Taken::Harness),
        };
        // The policy's globs were compiled when it was parsed.
        let Ok(classifier) = classifier else {
            return Ok(Cow::Borrowed(self.candidate));
        };
        let sorter = Sorter {
            classifier,
            holders: BTreeSet::new(),
            rust: None,
        };
        let made = self.exchange(&sorter, taken, &BTreeSet::new(), workshop)?;
        Ok(made.tree.map_or(Cow::Borrowed(self.candidate), Cow::Owned))
    }

    /// The candidate with parts of the base.
    fn exchange(
        &self,
        sorter: &Sorter,
        taken: Taken,
        kept: &BTreeSet<RepoPath>,
        workshop: &mut Workshop<'_>,
    ) -> Result<Exchanged, LayerError> {
        let exchange = Exchange {
            product: self.candidate,
            steering: self.base,
            sorter,
            taken,
            kept,
            texts: self.texts,
        };
        exchange.build(workshop.read_blob).map_err(unread)
    }

    /// One more tree of a check, with the layers that it needs. The inner error is a reason for the
    /// verdict.
    async fn side_of(
        &self,
        plan: &CheckPlan<'a>,
        role: TreeRole,
        tree: Cow<'a, Snapshot>,
        trees: &Trees<'a>,
        site: &mut Site<'_, '_>,
    ) -> Result<Result<Side<'a>, Reason>, LayerError> {
        let check = plan.check;
        let own = self.layer_of(&tree, site.workshop, site.space)?;
        let directories = [own, trees.base_tree.clone()];
        let made = site
            .workshop
            .prepare_candidate(&tree, &directories, &plan.steps, &trees.base_layers)
            .await;
        match made.map_err(|error| step_reason(check, role, error)) {
            Ok(layers) => Ok(self.side(check, (role, tree), &directories, &layers)),
            Err(step) => step.map(Err),
        }
    }

    fn side(
        &self,
        check: &Check,
        (role, tree): (TreeRole, Cow<'a, Snapshot>),
        directories: &[PathBuf],
        layers: &[Layer],
    ) -> Result<Side<'a>, Reason> {
        let word = check.run.first().map(String::as_str).unwrap_or_default();
        let program =
            locate(self.programs, word, &check.cwd, layers).map_err(|missing| Reason {
                code: ReasonCode::ToolMissing,
                check: Some(check.name.clone()),
                ids: vec![missing.word.clone()],
                message: missing.to_string(),
            })?;
        let keys = layers.iter().map(|layer| layer.key.clone());
        let content = std::iter::once(tree.content_id());
        Ok(Side {
            role,
            view: view(directories, layers),
            program,
            services: self.attendants(check, layers)?,
            layers: content.chain(keys).collect(),
            guards: layers.iter().map(|layer| layer.made.clone()).collect(),
            tree,
        })
    }

    fn task<'t>(&'t self, check: &'t Check, side: &'t Side<'_>, wall: Duration) -> Task<'t> {
        Task {
            check,
            tracked: &side.tree.entries,
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

fn unread(source: io::Error) -> LayerError {
    LayerError::Io {
        step: "read",
        path: PathBuf::from("the repository's objects"),
        source,
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
