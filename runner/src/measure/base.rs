//! The base of a check: its layers, and what the check gives on it, stored or measured.

use std::borrow::Cow;

use passmuster_policy::evidence::TreeRole;
use passmuster_policy::lint::LintRun;
use passmuster_policy::policy::{Check, CheckKind, LintCheck, TestCheck};
use passmuster_policy::reason::Reason;
use passmuster_policy::run::{Outcome, TestRun};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Bench, Side};
use crate::adapters::CommandRun;
use crate::cache::LayerGuard;
use crate::digest::digest;
use crate::layers::{Layer, LayerError, Workshop, shadowed};
use crate::measured::Measured;
use crate::obstacles::{run_reason, shadowed_reason, step_reason};
use crate::parts::Read;
use crate::plan::CheckPlan;
use crate::reruns::is_whole;
use crate::runs::{Ran, RunError};
use crate::session::SessionError;
use crate::turns::{self, Company, Turn};

/// Raised whenever a stored result would no longer be what a run gives.
const FORMAT: u32 = 4;

/// The base's tree and what prepare steps made over it.
pub(super) struct BaseLayers {
    pub(super) tree: LayerGuard,
    pub(super) layers: Vec<Layer>,
}

/// A base that was measured.
pub(super) struct Base<'a> {
    pub(super) made: BaseLayers,
    pub(super) side: Side<'a>,
    pub(super) run: BaseRun<'a>,
}

/// What a check gave on the base.
pub(super) enum BaseRun<'a> {
    /// A test check.
    Test(&'a TestCheck, Box<Known<Ran<TestRun>>>),
    /// A lint check.
    Lint(&'a LintCheck, Box<Known<LintRun>>),
    /// Any other one.
    Command(Known<CommandRun>),
}

/// A result, and whether it was known before.
pub(super) struct Known<T> {
    pub(super) result: T,
    pub(super) cached: bool,
}

impl<T> Known<T> {
    pub(super) fn stored(result: T) -> Self {
        Self {
            result,
            cached: true,
        }
    }

    pub(super) fn new(result: T) -> Self {
        Self {
            result,
            cached: false,
        }
    }
}

/// A result that is known, or the right to find it out.
pub(super) enum Either<T> {
    Known(T),
    Turn(Turn),
}

impl<'a> Bench<'a> {
    /// What the base of a check needs; a reason where it cannot be had, nothing where it need not.
    pub(super) async fn base_layers(
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

    /// Measures the base, unless the change must not be measured on what its steps made.
    pub(super) async fn base(
        &self,
        plan: &CheckPlan<'a>,
        made: BaseLayers,
        blobs: &mut Read<'_>,
        measured: &mut Measured,
    ) -> Result<Base<'a>, Reason> {
        let check = plan.check;
        let shadowed = shadowed(self.change, self.base, &made.layers);
        if !shadowed.is_empty() {
            return Err(shadowed_reason(check, &shadowed));
        }
        let tree = [made.tree.path().join("tree")];
        let snapshot = Cow::Borrowed(self.base);
        let side = self.side(check, (TreeRole::Base, snapshot), &tree, &made.layers)?;
        let run = match &check.kind {
            CheckKind::Test(test) => self
                .base_tests(check, test, &side)
                .await
                .map(|ran| BaseRun::Test(test, Box::new(ran))),
            CheckKind::Lint(lint) => self
                .base_lint((check, lint), &side, blobs, measured)
                .await
                .map(|run| BaseRun::Lint(lint, Box::new(run))),
            _ => self
                .base_command(check, &side, measured)
                .await
                .map(BaseRun::Command),
        };
        let run = run.map_err(|error| run_reason(check, &error))?;
        Ok(Base { made, side, run })
    }

    async fn base_tests(
        &self,
        check: &Check,
        test: &TestCheck,
        side: &Side<'_>,
    ) -> Result<Known<Ran<TestRun>>, RunError> {
        let turn = match self.known_or_turn(check, side).await? {
            Either::Known(run) => return Ok(Known::stored(nothing_enforced(run))),
            Either::Turn(turn) => turn,
        };
        let ran = self.answered_base(&turn, check, test, side).await?;
        if is_whole(&ran.result) {
            self.keep(check, side, &ran.result);
        }
        Ok(Known::new(ran))
    }

    async fn base_command(
        &self,
        check: &Check,
        side: &Side<'_>,
        measured: &mut Measured,
    ) -> Result<Known<CommandRun>, RunError> {
        let turn = match self.known_or_turn(check, side).await? {
            Either::Known(run) => return Ok(Known::stored(run)),
            Either::Turn(turn) => turn,
        };
        let run = self.one_command_in(&turn, check, side, measured).await?;
        if matches!(run.outcome, Outcome::Exited { .. }) {
            self.keep(check, side, &run);
        }
        Ok(Known::new(run))
    }

    /// What is stored of a base, else the right to measure it.
    pub(super) async fn known_or_turn<T: DeserializeOwned>(
        &self,
        check: &Check,
        side: &Side<'_>,
    ) -> Result<Either<T>, RunError> {
        if let Some(known) = self.stored(check, side) {
            return Ok(Either::Known(known));
        }
        let turn = self.turn(TreeRole::Base).await?;
        // Another runner may have measured it meanwhile.
        let known = self.stored(check, side);
        Ok(known.map_or(Either::Turn(turn), Either::Known))
    }

    /// The right to run a tree: the base's runs have no company.
    pub(super) async fn turn(&self, role: TreeRole) -> Result<Turn, SessionError> {
        let company = match role {
            TreeRole::Base => Company::Alone,
            _ => Company::Any,
        };
        let machine = self.machine;
        turns::take(&machine.cache, company, &machine.stop, self.progress).await
    }

    pub(super) fn stored<T: DeserializeOwned>(&self, check: &Check, side: &Side<'_>) -> Option<T> {
        let json = self
            .use_stored
            .then(|| self.store.result(&self.key(check, side)))?;
        // A history that cannot be read costs time, not truth.
        serde_json::from_str(&json.ok()??).ok()
    }

    pub(super) fn keep<T: Serialize>(&self, check: &Check, side: &Side<'_>, run: &T) {
        if let Ok(json) = serde_json::to_string(run) {
            let kept = self.store.put_result(&self.key(check, side), &json);
            if let Err(error) = kept {
                self.progress.say(&error.to_string());
            }
        }
    }

    /// All that a base result depends on.
    fn key(&self, check: &Check, side: &Side<'_>) -> String {
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

/// A result that no sandbox was started for.
pub(super) fn nothing_enforced<T>(result: T) -> Ran<T> {
    Ran {
        result,
        enforcement: Vec::new(),
        failed_services: Vec::new(),
    }
}
