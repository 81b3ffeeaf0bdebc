//! Test checks: the base's result, stored or measured, the candidate's, and more runs where they disagree.

use std::collections::BTreeSet;
use std::time::Duration;

use passmuster_policy::comparison::{Context, RERUN_CAP, compare, suspects};
use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TestEvidence, TreeRole};
use passmuster_policy::policy::{Check, TestCheck};
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestId, TestResult, TestStatus};

use super::base::{Known, nothing_enforced};
use super::oracle::{Asked, Firsts, Suite};
use super::{Bench, Side, Site, Trees, Trouble};
use crate::measured::Measured;
use crate::obstacles::{complaints, role_name};
use crate::plan::CheckPlan;
use crate::reruns::{Again, Counter, Extent, gone, is_whole, selected, unshared};
use crate::runs::{self, Ran, RunError};
use crate::turns::Turn;

impl<'a> Bench<'a> {
    pub(super) async fn test_check(
        &self,
        plan: &CheckPlan<'a>,
        test: &TestCheck,
        trees: &Trees<'a>,
        base: Known<Ran<TestRun>>,
        site: &mut Site<'_, '_>,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, Trouble> {
        let check = plan.check;
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
        let firsts = Firsts {
            base: &base,
            candidate: &candidate,
        };
        let suite = Suite {
            plan,
            test,
            trees,
            firsts,
        };
        let asked = self.oracle(suite, site).await?;
        let probe = self.probe(suite, site).await?;
        let again = self.again(suite, &asked).await?;
        let first = (!cached).then_some(&base);
        let others = [first, asked.oracle.run(), probe.as_ref()];
        let usage = others
            .into_iter()
            .flatten()
            .fold(candidate.usage, |all, run| all.and(run.usage));
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
                oracle: asked.oracle,
                probe,
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
        trees: &Trees<'_>,
        base: Ran<TestRun>,
    ) -> Result<(Ran<TestRun>, Ran<TestRun>), RunError> {
        if self.base.id == self.candidate.id {
            return Ok((nothing_enforced(base.result.clone()), base));
        }
        let wall = self.wall(check, Some(base.result.usage.wall_ms));
        let candidate = self
            .answered_test(&base.result, check, test, &trees.candidate, wall, None)
            .await?;
        Ok((base, candidate))
    }

    /// Runs again what passed on the base and does not pass on the candidate or on the oracle tree, on
    /// both trees alike.
    async fn again(&self, suite: Suite<'_, 'a>, asked: &Asked<'a>) -> Result<Again, RunError> {
        let Suite {
            plan,
            test,
            trees,
            firsts,
        } = suite;
        let check = plan.check;
        let Firsts { base, candidate } = firsts;
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
            probe: None,
        };
        if test.retries == 0 {
            return Ok(again);
        }
        let suspects = suspects(&compare(base, candidate, &asked.oracle, context));
        let passes = passing(candidate);
        let (by_oracle, by_candidate): (Vec<_>, Vec<_>) =
            suspects.into_iter().partition(|id| passes.contains(id));
        if !by_candidate.is_empty() {
            // Fifty tests at once are no matter of chance: one more run of the whole suite settles it.
            let rounds = match by_candidate.len() < RERUN_CAP {
                true => test.retries,
                false => 1,
            };
            let sides = [&trees.base, &trees.candidate];
            let counter = Counter::start(&by_candidate, base, candidate);
            let counter = self
                .rounds(check, test, sides, (base, &by_candidate), rounds, counter)
                .await?;
            again.reruns.extend(counter.finish());
        }
        if let (Some(side), Some(run), false) =
            (&asked.side, asked.oracle.run(), by_oracle.is_empty())
        {
            // A changed contract fails every time; one more look tells it from chance.
            let sides = [&trees.base, side];
            let counter = Counter::start(&by_oracle, base, run);
            let counter = self
                .rounds(check, test, sides, (base, &by_oracle), 1, counter)
                .await?;
            again.reruns.extend(counter.finish());
        }
        Ok(again)
    }

    /// More runs of both sides. The first one is whole: a test may fail for what another file's tests did
    /// before it, every time, and pass whenever its file runs alone.
    async fn rounds(
        &self,
        check: &Check,
        test: &TestCheck,
        [base, other]: [&Side<'a>; 2],
        (first, suspects): (&TestRun, &[TestId]),
        rounds: u32,
        mut counter: Counter,
    ) -> Result<Counter, RunError> {
        let only = selected(first, suspects);
        for round in 0..rounds {
            let (extent, select) = match round {
                0 => (Extent::Whole, None),
                _ => (Extent::Selected, Some(only.clone())),
            };
            let wall = self.wall(check, Some(first.usage.wall_ms));
            let on_base = self
                .one_test(check, test, base, wall, select.clone())
                .await?;
            let on_other = self.one_test(check, test, other, wall, select).await?;
            counter.round(extent, &on_base.result, &on_other.result);
        }
        Ok(counter)
    }

    pub(super) async fn one_test(
        &self,
        check: &Check,
        test: &TestCheck,
        side: &Side<'_>,
        wall: Duration,
        only: Option<Vec<TestResult>>,
    ) -> Result<Ran<TestRun>, RunError> {
        let turn = self.turn(side.role).await?;
        self.one_test_in(&turn, check, test, side, wall, only).await
    }

    /// As [`Bench::one_test`], for whoever has a turn.
    pub(super) async fn one_test_in(
        &self,
        _turn: &Turn,
        check: &Check,
        test: &TestCheck,
        side: &Side<'_>,
        wall: Duration,
        only: Option<Vec<TestResult>>,
    ) -> Result<Ran<TestRun>, RunError> {
        let task = self.task(check, side, wall);
        let what = format!("{} on the {}", check.name, role_name(side.role));
        let run = runs::test(self.machine, self.grants, &task, test.framework, only);
        self.progress.during(&what, run).await
    }
}

fn passing(run: &TestRun) -> BTreeSet<&TestId> {
    let tests = run.tests.iter();
    tests
        .filter(|test| test.status == TestStatus::Passed)
        .map(|test| &test.id)
        .collect()
}

/// The log that explains the outcome: of the base where that is what did not work.
fn log_of(base: &TestRun, candidate: &TestRun) -> String {
    let run = if is_whole(base) { candidate } else { base };
    run.log_tail.clone()
}
