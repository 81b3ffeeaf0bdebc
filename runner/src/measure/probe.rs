//! The probe run: the candidate's new tests on the base's product code.
//!
//! A new test that passes there too says nothing about the change. That is worth knowing and never held
//! against anybody, so whatever keeps the probe from running is no obstacle.

use std::borrow::Cow;
use std::collections::BTreeSet;

use passmuster_policy::classification::Classifier;
use passmuster_policy::evidence::TreeRole;
use passmuster_policy::policy::TestCheck;
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestId, TestStatus};

use super::oracle::{Firsts, selection};
use super::{Bench, Site, Trees, Trouble, unread};
use crate::parts::{Exchange, Sorter, Taken};
use crate::plan::CheckPlan;
use crate::reruns::is_whole;

impl<'a> Bench<'a> {
    /// Runs the files that hold new tests; none where there are no such tests, or they cannot run there.
    pub(super) async fn probe(
        &self,
        plan: &CheckPlan<'a>,
        test: &TestCheck,
        trees: &Trees<'a>,
        firsts: Firsts<'_>,
        site: &mut Site<'_, '_>,
    ) -> Result<Option<TestRun>, Trouble> {
        let added = added(firsts);
        let classifier = Classifier::new(plan.check, test);
        let (false, Ok(classifier)) = (added.is_empty(), classifier) else {
            return Ok(None);
        };
        let sorter = Sorter {
            classifier: &classifier,
            holders: firsts.holders(test.framework),
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
        let Ok((side, _guards)) = made else {
            return Ok(None);
        };
        let only = selection(firsts.candidate, &added);
        let wall = self.wall(plan.check, Some(firsts.base.usage.wall_ms));
        let ran = self.one_test(plan.check, test, &side, wall, only).await?;
        Ok(Some(ran.result))
    }
}

/// Tests that pass on the candidate and are not on the base; none unless both runs are whole.
fn added(firsts: Firsts<'_>) -> BTreeSet<TestId> {
    if !(is_whole(firsts.base) && is_whole(firsts.candidate)) {
        return BTreeSet::new();
    }
    let known: BTreeSet<&TestId> = firsts.base.tests.iter().map(|test| &test.id).collect();
    let passing = |status| status == TestStatus::Passed;
    let tests = firsts.candidate.tests.iter();
    tests
        .filter(|test| passing(test.status) && !known.contains(&test.id))
        .map(|test| test.id.clone())
        .collect()
}
