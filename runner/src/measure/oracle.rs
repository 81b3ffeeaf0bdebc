//! The oracle run: the base's tests and harness on the candidate's product code.
//!
//! Only tests that a part of the change can concern run; for all others the candidate's own run has said
//! it. A unit of the base's tests that does not load there (a module that is gone, a signature that is
//! another one) is tried once more with the candidate's version of just the parts that the tool named, so
//! that a wall stays where it stands and the tests beside it still count.

use std::borrow::Cow;
use std::collections::BTreeSet;

use passmuster_policy::classification::Classifier;
use passmuster_policy::comparison::{Oracle, OracleRun};
use passmuster_policy::evidence::TreeRole;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Framework, TestCheck};
use passmuster_policy::run::{BrokenUnit, TestRun};
use passmuster_policy::tests::{TestId, TestResult};

use super::{Bench, Side, Site, Trees, Trouble};
use crate::layers::Snapshot;
use crate::parts::{Exchanged, Part, Sorter, Taken};
use crate::plan::CheckPlan;
use crate::reach::{Sources, covered};
use crate::reruns::is_whole;

/// The first runs of a check on base and candidate.
#[derive(Clone, Copy)]
pub(super) struct Firsts<'r> {
    pub(super) base: &'r TestRun,
    pub(super) candidate: &'r TestRun,
}

impl<'r> Firsts<'r> {
    /// Files that tests of either run say they stand in. Where tests stand in product sources (Rust), the
    /// whole file is none.
    pub(super) fn holders(&self, framework: Framework) -> BTreeSet<RepoPath> {
        if in_sources(framework) {
            return BTreeSet::new();
        }
        let tests = self.base.tests.iter().chain(&self.candidate.tests);
        tests.filter_map(|test| test.id.file.clone()).collect()
    }

    fn newly_broken<'t>(&self, run: &'t TestRun) -> impl Iterator<Item = &'t BrokenUnit> + use<'t> {
        let known: BTreeSet<String> = self
            .candidate
            .broken_units
            .iter()
            .map(|unit| unit.unit.clone())
            .collect();
        run.broken_units
            .iter()
            .filter(move |unit| !known.contains(&unit.unit))
    }
}

/// What the oracle gave, and where it can be asked again.
pub(super) struct Asked<'a> {
    pub(super) oracle: Oracle,
    pub(super) side: Option<Side<'a>>,
}

impl<'a> Asked<'a> {
    fn only(oracle: Oracle) -> Self {
        Self { oracle, side: None }
    }
}

impl<'a> Bench<'a> {
    /// Column T of the comparison.
    pub(super) async fn oracle(
        &self,
        plan: &CheckPlan<'a>,
        test: &TestCheck,
        trees: &Trees<'a>,
        firsts: Firsts<'_>,
        site: &mut Site<'_, '_>,
    ) -> Result<Asked<'a>, Trouble> {
        let classifier = Classifier::new(plan.check, test);
        // Nothing is compared where one of the runs cannot be used.
        let (true, Ok(classifier)) = (
            is_whole(firsts.base) && is_whole(firsts.candidate),
            classifier,
        ) else {
            return Ok(Asked::only(Oracle::NotRun));
        };
        let sorter = Sorter {
            classifier: &classifier,
            holders: firsts.holders(test.framework),
        };
        let Exchanged { tree, parts } =
            self.exchange(&sorter, Taken::All, &BTreeSet::new(), site.workshop)?;
        let sources = Sources {
            entries: &self.base.entries,
            directory: trees.base_tree.clone(),
        };
        let covered = covered(&parts, firsts.base, firsts.candidate, &sources);
        let Some(tree) = tree.filter(|_| !covered.is_empty()) else {
            return Ok(Asked::only(Oracle::needless()));
        };
        let mut known = OracleRun {
            covered,
            ..OracleRun::default()
        };
        let Some((mut side, mut run)) = self
            .ask(plan, test, trees, tree, firsts, &known, site)
            .await?
        else {
            known.walled.clone_from(&known.covered);
            return Ok(Asked::only(Oracle::Known(Box::new(known))));
        };
        let behind = behind_wall(&run, firsts, &parts);
        if !behind.is_empty() {
            known.walled = walled(&known.covered, firsts.newly_broken(&run));
            let tree = self
                .exchange(&sorter, Taken::All, &behind, site.workshop)?
                .tree;
            if let Some(tree) = tree
                && let Some(again) = self
                    .ask(plan, test, trees, tree, firsts, &known, site)
                    .await?
            {
                (side, run) = again;
            }
        }
        known
            .walled
            .extend(walled(&known.covered, firsts.newly_broken(&run)));
        known.run = Some(run);
        Ok(Asked {
            oracle: Oracle::Known(Box::new(known)),
            side: Some(side),
        })
    }

    /// Runs the covered tests on one tree; none where its steps cannot be carried out there.
    #[expect(clippy::too_many_arguments)]
    async fn ask(
        &self,
        plan: &CheckPlan<'a>,
        test: &TestCheck,
        trees: &Trees<'a>,
        tree: Snapshot,
        firsts: Firsts<'_>,
        known: &OracleRun,
        site: &mut Site<'_, '_>,
    ) -> Result<Option<(Side<'a>, TestRun)>, Trouble> {
        let made = self
            .side_of(plan, TreeRole::Oracle, Cow::Owned(tree), trees, site)
            .await?;
        let Ok((side, _guards)) = made else {
            return Ok(None);
        };
        let only = selection(firsts.base, &known.covered);
        let wall = self.wall(plan.check, Some(firsts.base.usage.wall_ms));
        let ran = self.one_test(plan.check, test, &side, wall, only).await?;
        Ok(Some((side, ran.result)))
    }
}

/// Whether a framework's tests stand in product sources.
fn in_sources(framework: Framework) -> bool {
    matches!(framework, Framework::CargoTest | Framework::Nextest)
}

/// What selects these tests of a run; nothing where they are all of it.
pub(super) fn selection(run: &TestRun, ids: &BTreeSet<TestId>) -> Option<Vec<TestResult>> {
    let wanted = run.tests.iter().filter(|test| ids.contains(&test.id));
    let wanted: Vec<TestResult> = wanted.cloned().collect();
    (wanted.len() < run.tests.len()).then_some(wanted)
}

/// The files of parts in which the tool found what does not load.
fn behind_wall(run: &TestRun, firsts: Firsts<'_>, parts: &[Part]) -> BTreeSet<RepoPath> {
    let named = firsts
        .newly_broken(run)
        .filter_map(|unit| unit.file.as_ref());
    named
        .filter(|file| parts.iter().any(|part| part.path == **file))
        .cloned()
        .collect()
}

/// The tests that are loaded with one of these units.
fn walled<'t>(
    covered: &BTreeSet<TestId>,
    units: impl Iterator<Item = &'t BrokenUnit>,
) -> BTreeSet<TestId> {
    let units: BTreeSet<&str> = units.map(|unit| unit.unit.as_str()).collect();
    let inside = |id: &&TestId| {
        let file = id.file.as_ref().map(ToString::to_string);
        let unit = if id.unit.is_empty() {
            None
        } else {
            Some(id.unit.clone())
        };
        [file, unit]
            .into_iter()
            .flatten()
            .any(|name| units.contains(name.as_str()))
    };
    covered.iter().filter(inside).cloned().collect()
}
