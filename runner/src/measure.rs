//! Measuring: every planned check on the base and on the candidate, repeated where the two disagree.
//!
//! The base's result is stored and reused; the candidate's is measured each time that its verdict
//! is not stored. Whatever goes wrong on our side becomes a reason, never a test result.

mod lint;
mod services;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use passmuster_policy::change::Change;
use passmuster_policy::comparison::{Context, Oracle, RERUN_CAP, compare, suspects};
use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{
    CheckEvidence, CheckResult, CommandEvidence, TestEvidence, TreeRole, WhyNotRun,
};
use passmuster_policy::policy::{Check, CheckKind, Policy, TestCheck};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::run::{Outcome, TestRun, Usage};
use passmuster_policy::tests::TestResult;
use passmuster_process::Limits;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::lint::LintTree;
use crate::adapters::CommandRun;
use crate::cache::{LayerGuard, Scratch};
use crate::digest::digest;
use crate::grants::{self, Attendant, Grants, View};
use crate::layers::{Layer, LayerError, Snapshot, Workshop, shadowed, view};
use crate::locate::{Programs, locate};
use crate::measured::Measured;
use crate::obstacles::{complaints, role_name, run_reason, shadowed_reason, step_reason};
use crate::plan::CheckPlan;
use crate::progress::Progress;
use crate::reruns::{Again, Counter, Extent, gone, is_whole, selected, unshared};
use crate::runs::{self, Ran, RunError, Task};
use crate::session::{Machine, make_owned};
use crate::store::Store;

/// Raised whenever a stored result would no longer be what a run gives.
const FORMAT: u32 = 2;
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

/// The base's tree and what prepare steps made over it.
struct BaseLayers {
    tree: LayerGuard,
    layers: Vec<Layer>,
}

/// Both trees of a check, ready to run on.
struct Trees {
    base: Side,
    candidate: Side,
    /// Keeps the layers from being pruned.
    guards: Vec<LayerGuard>,
}

/// What stands for the candidate in a check.
#[derive(Clone, Copy)]
struct Candidate<'t> {
    tree: &'t Snapshot,
    /// What it has over the base.
    layer: &'t Path,
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
    /// All of the base's layers are made before the candidate is written. Build tools go by times:
    /// a changed file that is older than a build cache would pass for built already.
    pub async fn measure(
        &self,
        plans: &[CheckPlan<'a>],
        workshop: &mut Workshop<'_>,
    ) -> Result<Measured, LayerError> {
        let mut measured = Measured::default();
        let mut bases = Vec::new();
        for plan in plans {
            bases.push(self.base_layers(plan, workshop).await?);
        }
        let space = self.machine.cache.scratch()?;
        let candidate = self.candidate_layer(workshop, &space)?;
        for (plan, base) in plans.iter().zip(bases) {
            let own = self.lint_tree(plan, workshop, &space)?;
            let candidate = own.as_ref().map_or(
                Candidate {
                    tree: self.candidate,
                    layer: &candidate,
                },
                LintTree::candidate,
            );
            let evidence = self
                .check(plan, base, workshop, candidate, &mut measured)
                .await?;
            measured.checks.push(evidence);
        }
        Ok(measured)
    }

    /// What the base of a check needs; a reason where it cannot be had, nothing where it need not.
    async fn base_layers(
        &self,
        plan: &CheckPlan<'a>,
        workshop: &mut Workshop<'_>,
    ) -> Result<Option<Result<BaseLayers, Reason>>, LayerError> {
        if plan.left_out.is_some() || self.machine.stop.is_requested() {
            return Ok(None);
        }
        let steps: Vec<_> = plan.steps.iter().map(|(step, _)| *step).collect();
        let tree = workshop.base_layer(self.base, &steps)?;
        let directories = [tree.path().join("tree")];
        match workshop.prepare_base(self.base, &directories, &steps).await {
            Ok(layers) => Ok(Some(Ok(BaseLayers { tree, layers }))),
            Err(error) => {
                step_reason(plan.check, TreeRole::Base, error).map(|reason| Some(Err(reason)))
            }
        }
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
        base: Option<Result<BaseLayers, Reason>>,
        workshop: &mut Workshop<'_>,
        candidate: Candidate<'_>,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, LayerError> {
        let check = plan.check;
        if let Some(why) = &plan.left_out {
            return Ok(not_run(check, why.clone()));
        }
        let Some(base) = base.filter(|_| !self.machine.stop.is_requested()) else {
            return Ok(not_run(check, WhyNotRun::Blocked));
        };
        let trees = match base {
            Ok(base) => self.trees(plan, base, workshop, candidate).await?,
            Err(reason) => Err(reason),
        };
        let trees = match trees {
            Ok(trees) => trees,
            Err(reason) => {
                measured.reasons.push(reason);
                return Ok(not_run(check, WhyNotRun::Blocked));
            }
        };
        measured.note_refused(&trees.guards);
        let outcome = match &check.kind {
            CheckKind::Test(test) => self.test_check(check, test, &trees, measured).await,
            CheckKind::Lint(lint) => {
                let sides = lint::Sides {
                    trees: &trees,
                    candidate: candidate.tree,
                };
                self.lint_check(check, lint, sides, workshop.read_blob, measured)
                    .await
            }
            _ => self.command_check(check, &trees, measured).await,
        };
        Ok(outcome.unwrap_or_else(|error| {
            measured.reasons.push(run_reason(check, &error));
            not_run(check, WhyNotRun::Blocked)
        }))
    }

    /// Makes what both sides of a check need. The inner error is a reason for the verdict.
    async fn trees(
        &self,
        plan: &CheckPlan<'a>,
        base: BaseLayers,
        workshop: &mut Workshop<'_>,
        candidate: Candidate<'_>,
    ) -> Result<Result<Trees, Reason>, LayerError> {
        let check = plan.check;
        let BaseLayers {
            tree: base_guard,
            layers: base,
        } = base;
        let base_tree = base_guard.path().join("tree");
        let base_layers = [base_tree.clone()];
        let shadowed = shadowed(self.change, self.base, &base);
        if !shadowed.is_empty() {
            return Ok(Err(shadowed_reason(check, &shadowed)));
        }
        let candidate_layers = [candidate.layer.to_owned(), base_tree];
        let made = workshop
            .prepare_candidate(candidate.tree, &candidate_layers, &plan.steps, &base)
            .await;
        let private = match made.map_err(|error| step_reason(check, TreeRole::Candidate, error)) {
            Ok(layers) => layers,
            Err(step) => return step.map(Err),
        };
        let made = base.iter().chain(&private).map(|layer| layer.made.clone());
        let guards = made.chain([base_guard]).collect();
        let base = self.side(check, TreeRole::Base, &base_layers, &base);
        let candidate = self.side(check, TreeRole::Candidate, &candidate_layers, &private);
        Ok(base.and_then(|base| {
            Ok(Trees {
                base,
                candidate: candidate?,
                guards,
            })
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

    async fn test_check(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, RunError> {
        let stored: Option<TestRun> = self.stored(check, &trees.base);
        let cached = stored.is_some();
        let (base, candidate) = self.both_tests(check, test, trees, stored).await?;
        let ran = (base, candidate);
        let (base, candidate) = self.settled_tests(check, test, trees, ran).await?;
        measured.note(&candidate.enforcement);
        for (ran, role) in [(&base, TreeRole::Base), (&candidate, TreeRole::Candidate)] {
            let what = format!("{} on the {}", check.name, role_name(role));
            measured.note_services(&what, &ran.failed_services);
            if self.machine.overlay {
                measured.note_rename(&what, &ran.result.outcome, complaints(&ran.result));
            }
        }
        let (base, candidate) = (base.result, candidate.result);
        if base.leaked_processes == 0 {
            let what = format!("{} on the candidate", check.name);
            measured.note_leaked(&what, candidate.leaked_processes);
        }
        if !cached && is_whole(&base) {
            self.keep(check, &trees.base, &base);
        }
        let again = self.again(check, test, trees, &base, &candidate).await?;
        let mut usage = candidate.usage;
        if !cached {
            usage = usage.and(base.usage);
        }
        Ok(CheckEvidence {
            name: check.name.clone(),
            kind: check.kind.name(),
            cached: cached.then_some(TreeRole::Base).into_iter().collect(),
            log: Some(log_of(&base, &candidate)),
            usage,
            denials: of_runs(&base.denials, &candidate.denials),
            result: CheckResult::Test(Box::new(TestEvidence {
                exit: test.framework.exit_meaning(),
                base,
                candidate: Some(candidate),
                oracle: if self.own_tests.contains(&check.name) {
                    Oracle::NotNeeded
                } else {
                    Oracle::NotRun
                },
                reruns: again.reruns,
                unstable: again.unstable,
            })),
        })
    }

    /// The base's result, stored or measured, and the candidate's.
    async fn both_tests(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees,
        stored: Option<TestRun>,
    ) -> Result<(Ran<TestRun>, Ran<TestRun>), RunError> {
        if let Some(base) = stored {
            if self.base.id == self.candidate.id {
                return Ok((nothing_enforced(base.clone()), nothing_enforced(base)));
            }
            let wall = self.wall(check, Some(base.usage.wall_ms));
            let candidate = self
                .one_test(check, test, &trees.candidate, wall, None)
                .await?;
            return Ok((nothing_enforced(base), candidate));
        }
        // Alone: a candidate beside it could take what both draw on (inotify instances, terminals,
        // pipe pages, disk), and a base that fails for that excuses the candidate.
        let wall = self.wall(check, None);
        let base = self.one_test(check, test, &trees.base, wall, None).await?;
        if self.base.id == self.candidate.id {
            return Ok((nothing_enforced(base.result.clone()), base));
        }
        let wall = self.wall(check, Some(base.result.usage.wall_ms));
        let candidate = self
            .one_test(check, test, &trees.candidate, wall, None)
            .await?;
        Ok((base, candidate))
    }

    /// Runs again what passed on the base and does not pass on the candidate, on both trees alike.
    async fn again(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees,
        base: &TestRun,
        candidate: &TestRun,
    ) -> Result<Again, RunError> {
        if !(is_whole(base) && is_whole(candidate)) {
            return Ok(Again::default());
        }
        let mut again = Again::default();
        if gone(base, candidate) {
            let second = self
                .one_test(check, test, &trees.base, self.wall(check, None), None)
                .await?;
            again.unstable = unshared(base, &second.result);
        }
        let context = Context {
            change: self.change,
            reruns: &[],
            unstable: &again.unstable,
        };
        let suspects = suspects(&compare(base, candidate, &Oracle::NotRun, context));
        if suspects.is_empty() || test.retries == 0 {
            return Ok(again);
        }
        let only = selected(base, &suspects);
        let mut counter = Counter::start(&suspects, base, candidate);
        // Fifty tests at once are no matter of chance: one more run of the whole suite settles it.
        let rounds = if suspects.len() < RERUN_CAP {
            test.retries
        } else {
            1
        };
        for round in 0..rounds {
            // Once whole: a test may fail for what another file's tests did before it, every time,
            // and pass whenever its file runs alone.
            let (extent, select) = match round {
                0 => (Extent::Whole, None),
                _ => (Extent::Selected, Some(only.clone())),
            };
            let wall = self.wall(check, Some(base.usage.wall_ms));
            let on_base = self
                .one_test(check, test, &trees.base, wall, select.clone())
                .await?;
            let on_candidate = self
                .one_test(check, test, &trees.candidate, wall, select)
                .await?;
            counter.round(extent, &on_base.result, &on_candidate.result);
        }
        again.reruns = counter.finish();
        Ok(again)
    }

    async fn one_test(
        &self,
        check: &Check,
        test: &TestCheck,
        side: &Side,
        wall: Duration,
        only: Option<Vec<TestResult>>,
    ) -> Result<Ran<TestRun>, RunError> {
        let task = self.task(check, side, wall);
        let what = format!("{} on the {}", check.name, role_name(side.role));
        let run = runs::test(self.machine, self.grants, &task, test.framework, only);
        self.progress.during(&what, run).await
    }

    async fn command_check(
        &self,
        check: &Check,
        trees: &Trees,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, RunError> {
        let stored: Option<CommandRun> = self.stored(check, &trees.base);
        let cached = stored.is_some();
        let base = match stored {
            Some(run) => run,
            None => self.one_command(check, &trees.base, measured).await?,
        };
        if !cached && matches!(base.outcome, Outcome::Exited { .. }) {
            self.keep(check, &trees.base, &base);
        }
        let candidate = if self.base.id == self.candidate.id {
            base.clone()
        } else {
            self.one_command(check, &trees.candidate, measured).await?
        };
        let ran = (base, candidate);
        let (base, candidate) = self.settled_commands(check, trees, ran, measured).await?;
        Ok(CheckEvidence {
            name: check.name.clone(),
            kind: check.kind.name(),
            cached: cached.then_some(TreeRole::Base).into_iter().collect(),
            log: Some(candidate.log_tail.clone()),
            usage: candidate.usage,
            denials: of_runs(&base.denials, &candidate.denials),
            result: CheckResult::Command(CommandEvidence {
                base: Some(base.outcome),
                candidate: Some(candidate.outcome),
            }),
        })
    }

    async fn one_command(
        &self,
        check: &Check,
        side: &Side,
        measured: &mut Measured,
    ) -> Result<CommandRun, RunError> {
        let task = self.task(check, side, self.wall(check, None));
        let what = format!("{} on the {}", check.name, role_name(side.role));
        let ran = self
            .progress
            .during(&what, runs::command(self.machine, self.grants, &task))
            .await?;
        measured.note(&ran.enforcement);
        measured.note_leaked(&what, ran.result.leaked_processes);
        measured.note_services(&what, &ran.failed_services);
        if self.machine.overlay {
            measured.note_rename(&what, &ran.result.outcome, [ran.result.log_tail.as_str()]);
        }
        Ok(ran.result)
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

    fn stored<T: DeserializeOwned>(&self, check: &Check, side: &Side) -> Option<T> {
        let json = self
            .use_stored
            .then(|| self.store.result(&self.key(check, side)))?;
        // A history that cannot be read costs time, not truth.
        serde_json::from_str(&json.ok()??).ok()
    }

    fn keep<T: Serialize>(&self, check: &Check, side: &Side, run: &T) {
        if let Ok(json) = serde_json::to_string(run) {
            let kept = self.store.put_result(&self.key(check, side), &json);
            if let Err(error) = kept {
                self.progress.say(&error.to_string());
            }
        }
    }

    /// All that a base result depends on.
    fn key(&self, check: &Check, side: &Side) -> String {
        let version = env!("CARGO_PKG_VERSION");
        digest(&(
            FORMAT,
            version,
            check,
            &self.policy.limits,
            self.grants.digest(),
            &side.layers,
            &side.program,
            side.service_keys(),
            self.machine.isolation.name(),
        ))
    }
}

/// The log that explains the outcome: of the base where that is what did not work.
fn log_of(base: &TestRun, candidate: &TestRun) -> String {
    let run = if is_whole(base) { candidate } else { base };
    run.log_tail.clone()
}

/// A result that no sandbox was started for.
fn nothing_enforced<T>(result: T) -> Ran<T> {
    Ran {
        result,
        enforcement: Vec::new(),
        failed_services: Vec::new(),
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
