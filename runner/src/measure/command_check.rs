//! Command checks: how the command ends on each tree.

use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, CommandEvidence, TreeRole};
use passmuster_policy::policy::Check;

use super::base::Known;
use super::{Bench, Side, Trees};
use crate::adapters::CommandRun;
use crate::measured::Measured;
use crate::obstacles::role_name;
use crate::runs::{self, RunError};
use crate::turns::Turn;

impl Bench<'_> {
    pub(super) async fn command_check(
        &self,
        check: &Check,
        trees: &Trees<'_>,
        base: Known<CommandRun>,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, RunError> {
        let Known {
            result: base,
            cached,
        } = base;
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

    pub(super) async fn one_command(
        &self,
        check: &Check,
        side: &Side<'_>,
        measured: &mut Measured,
    ) -> Result<CommandRun, RunError> {
        let turn = self.turn(side.role).await?;
        self.one_command_in(&turn, check, side, measured).await
    }

    /// As [`Bench::one_command`], for whoever has a turn.
    pub(super) async fn one_command_in(
        &self,
        _turn: &Turn,
        check: &Check,
        side: &Side<'_>,
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
}
