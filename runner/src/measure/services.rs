//! Services of a check while it is measured: found, and held against the right tree when one fails.

use passmuster_policy::evidence::TreeRole;
use passmuster_policy::policy::{Check, TestCheck};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::run::{Outcome, TestRun};

use super::{Bench, Side, Trees};
use crate::adapters::CommandRun;
use crate::grants::Attendant;
use crate::layers::Layer;
use crate::locate::locate;
use crate::measured::Measured;
use crate::runs::{self, Ran, RunError};

/// What a service that was not ready on the candidate, while the base's result shows that it was
/// there, says.
enum Doubt {
    /// It is not ready on the base either now: nothing is known of the candidate.
    Base(Outcome),
    /// It is ready on the base: the candidate gets a second try.
    Candidate,
}

impl Bench<'_> {
    /// The services that the policy gives to this check, their programs found.
    pub(super) fn attendants(
        &self,
        check: &Check,
        layers: &[Layer],
    ) -> Result<Vec<Attendant>, Reason> {
        let needed = self.policy.service.iter().filter(|one| one.serves(check));
        needed
            .map(|service| {
                let word = service.run.first().map(String::as_str).unwrap_or_default();
                let found = locate(self.programs, word, "", layers);
                let program = found.map_err(|missing| Reason {
                    code: ReasonCode::ToolMissing,
                    check: Some(check.name.clone()),
                    ids: vec![missing.word.clone()],
                    message: format!("service `{}`: {missing}", service.name),
                })?;
                Ok(Attendant {
                    service: service.clone(),
                    program,
                })
            })
            .collect()
    }

    /// The two runs of a test check, once it is known whose doing it is that a service was not ready.
    pub(super) async fn settled_tests(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees<'_>,
        (mut base, candidate): (Ran<TestRun>, Ran<TestRun>),
    ) -> Result<(Ran<TestRun>, Ran<TestRun>), RunError> {
        let outcomes = [&base.result.outcome, &candidate.result.outcome];
        let candidate = match self.doubt(check, trees, outcomes).await? {
            Some(Doubt::Candidate) => {
                let wall = self.wall(check, Some(base.result.usage.wall_ms));
                self.one_test(check, test, &trees.candidate, wall, None)
                    .await?
            }
            Some(Doubt::Base(outcome)) => {
                base.result.outcome = outcome;
                candidate
            }
            None => candidate,
        };
        Ok((base, candidate))
    }

    /// As [`Bench::settled_tests`], for a command.
    pub(super) async fn settled_commands(
        &self,
        check: &Check,
        trees: &Trees<'_>,
        (mut base, candidate): (CommandRun, CommandRun),
        measured: &mut Measured,
    ) -> Result<(CommandRun, CommandRun), RunError> {
        let outcomes = [&base.outcome, &candidate.outcome];
        let candidate = match self.doubt(check, trees, outcomes).await? {
            Some(Doubt::Candidate) => self.one_command(check, &trees.candidate, measured).await?,
            Some(Doubt::Base(outcome)) => {
                base.outcome = outcome;
                candidate
            }
            None => candidate,
        };
        Ok((base, candidate))
    }

    /// A service that fails on the candidate alone is the change's doing: its program and data come
    /// from the base's policy and steps, so only the tree, or what the change made of the steps,
    /// can differ. But a machine that is out of memory today, while the base's result is of
    /// yesterday, looks the same; so the base's services are started once more.
    async fn doubt(
        &self,
        check: &Check,
        trees: &Trees<'_>,
        [base, candidate]: [&Outcome; 2],
    ) -> Result<Option<Doubt>, RunError> {
        if is_unready(base) || !is_unready(candidate) {
            return Ok(None);
        }
        let task = self.task(check, &trees.base, self.wall(check, None));
        let what = format!("the services of {} on the base", check.name);
        let _turn = self.turn(TreeRole::Base).await?;
        let now = runs::services(self.machine, self.grants, &task);
        let now = self.progress.during(&what, now).await?;
        Ok(Some(if is_unready(&now) {
            Doubt::Base(now)
        } else {
            Doubt::Candidate
        }))
    }
}

fn is_unready(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::ServiceNotReady { .. })
}

impl Side<'_> {
    /// What a stored result depends on by its services.
    pub(super) fn service_keys(
        &self,
    ) -> Vec<(&passmuster_policy::policy::Service, &std::path::Path)> {
        let keys = self.services.iter();
        keys.map(|one| (&one.service, one.program.as_path()))
            .collect()
    }
}
