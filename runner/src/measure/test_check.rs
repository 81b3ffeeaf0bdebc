//! Test checks: the base's result, stored or measured, the candidate's, and more runs where they disagree.

use std::time::Duration;

use passmuster_policy::comparison::{Context, Oracle, RERUN_CAP, compare, suspects};
use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TestEvidence, TreeRole};
use passmuster_policy::policy::{Check, TestCheck};
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::TestResult;

use super::base::{Known, nothing_enforced};
use super::{Bench, Side, Trees};
use crate::measured::Measured;
use crate::obstacles::{complaints, role_name};
use crate::reruns::{Again, Counter, Extent, gone, is_whole, selected, unshared};
use crate::runs::{self, Ran, RunError};
use crate::turns::Turn;

impl Bench<'_> {
    pub(super) async fn test_check(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees,
        base: Known<Ran<TestRun>>,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, RunError> {
        let cached = base.cached;
        let ran = self.both_tests(check, test, trees, base.result).await?;
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

    /// The base's result and the candidate's, which is the base's where the trees are the same.
    async fn both_tests(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees,
        base: Ran<TestRun>,
    ) -> Result<(Ran<TestRun>, Ran<TestRun>), RunError> {
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

    pub(super) async fn one_test(
        &self,
        check: &Check,
        test: &TestCheck,
        side: &Side,
        wall: Duration,
        only: Option<Vec<TestResult>>,
    ) -> Result<Ran<TestRun>, RunError> {
        let turn = self.turn(side.role).await?;
        self.one_test_in(&turn, check, test, side, wall, only).await
    }

    pub(super) async fn one_test_in(
        &self,
        _turn: &Turn,
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
}

/// The log that explains the outcome: of the base where that is what did not work.
fn log_of(base: &TestRun, candidate: &TestRun) -> String {
    let run = if is_whole(base) { candidate } else { base };
    run.log_tail.clone()
}
