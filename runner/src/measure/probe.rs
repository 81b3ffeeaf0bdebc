//! The probe run: the candidate's new tests on the base's product code.
//!
//! A new test that passes there too says nothing about the change. That is worth knowing and never held
//! against anybody, so whatever keeps the probe from running is no obstacle.

use std::borrow::Cow;
use std::collections::BTreeSet;

use passmuster_policy::comparison::{Class, Context, Oracle, compare};
use passmuster_policy::evidence::TreeRole;
use passmuster_policy::run::{Outcome, TestRun};
use passmuster_policy::tests::TestId;

use super::oracle::{Firsts, Suite, selection};
use super::{Bench, Site, Trouble, unread};
use crate::parts::{Exchange, Taken};
use crate::reruns::is_whole;

impl<'a> Bench<'a> {
    /// Runs the files that hold new tests; none where there are no such tests, or they cannot run there.
    pub(super) async fn probe(
        &self,
        suite: Suite<'_, 'a>,
        site: &mut Site<'_, '_>,
    ) -> Result<Option<TestRun>, Trouble> {
        let Suite {
            plan,
            test,
            trees,
            firsts,
        } = suite;
        let added = self.added(firsts);
        if added.is_empty() {
            return Ok(None);
        }
        let Some(sorter) = self.sorter(suite, site)? else {
            return Ok(None);
        };
        let exchange = Exchange {
            product: self.base,
            steering: self.candidate,
            sorter: &sorter,
            taken: Taken::All,
            kept: &BTreeSet::new(),
            texts: self.texts,
        };
        let made = exchange.build(site.workshop.read_blob).map_err(unread)?;
        let Some(tree) = made.tree else {
            return Ok(None);
        };
        let made = self
            .side_of(plan, TreeRole::Probe, Cow::Owned(tree), trees, site)
            .await?;
        let Ok(side) = made else {
            return Ok(None);
        };
        let only = selection(firsts.candidate, &added);
        let wall = self.wall(plan.check, Some(firsts.base.usage.wall_ms));
        let ran = self.one_test(plan.check, test, &side, wall, only).await?;
        Ok(Some(ran.result).filter(says))
    }

    /// New tests that pass on the candidate; none that a renamed file took along.
    fn added(&self, firsts: Firsts<'_>) -> BTreeSet<TestId> {
        let context = Context {
            change: self.change,
            reruns: &[],
            unstable: &BTreeSet::new(),
            probe: None,
        };
        let compared = compare(firsts.base, firsts.candidate, &Oracle::NotRun, context);
        let added = compared.of(Class::Added).iter();
        added.map(|test| test.id.clone()).collect()
    }
}

/// Whether a run says of each test whether it needs the change: all were run, or did not load. One that
/// met a limit, say, is silent about what it did not get to.
fn says(run: &TestRun) -> bool {
    let ended = matches!(run.outcome, Outcome::Exited { .. });
    is_whole(run) || (ended && !run.broken_units.is_empty())
}
