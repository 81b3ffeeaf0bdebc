//! The oracle run: the base's tests and harness on the candidate's product code.
//!
//! Only tests that a part of the change can concern run; for all others the candidate's own run has said
//! it. A unit of the base's tests that does not load there (a module that is gone, a signature that is
//! another one) is tried again with the candidate's version of just the parts that the tool named, so that
//! a wall stays where it stands and the tests beside it still count.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use passmuster_policy::classification::Classifier;
use passmuster_policy::comparison::{Oracle, OracleRun};
use passmuster_policy::evidence::TreeRole;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::TestCheck;
use passmuster_policy::run::{BrokenUnit, TestRun, Usage};
use passmuster_policy::rust_tests::SpanKey;
use passmuster_policy::tests::{TestId, TestResult, TestStatus};

use super::{Bench, Side, Site, Trees, Trouble};
use crate::layers::Snapshot;
use crate::parts::{Exchanged, Kind, Part, RustTests, Taken, module_path, test_prefix};
use crate::plan::CheckPlan;
use crate::reach::{Sources, covered};

/// How often a tree that does not load is tried again: a build stops at the first unit that does not
/// compile, so walls come to light one after the other.
const WALLS: usize = 6;

/// The first runs of a check on base and candidate.
#[derive(Clone, Copy)]
pub(super) struct Firsts<'r> {
    pub(super) base: &'r TestRun,
    pub(super) candidate: &'r TestRun,
}

impl<'r> Firsts<'r> {
    /// Files that tests of either run say they stand in.
    pub(super) fn holders(&self) -> BTreeSet<RepoPath> {
        let tests = self.base.tests.iter().chain(&self.candidate.tests);
        tests.filter_map(|test| test.id.file.clone()).collect()
    }

    /// The functions that are the base's tests.
    fn functions(&self) -> BTreeSet<String> {
        let names = self.base.tests.iter().map(|test| test.id.name.as_str());
        let names = names.filter_map(|name| name.rsplit("::").next());
        names.map(str::to_owned).collect()
    }

    /// Whether one of these passed on the base.
    fn passed_any(&self, ids: &BTreeSet<TestId>) -> bool {
        let passed = |test: &&TestResult| test.status == TestStatus::Passed;
        let mut passed = self.base.tests.iter().filter(passed);
        passed.any(|test| ids.contains(&test.id))
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

/// A test check whose first runs are known.
#[derive(Clone, Copy)]
pub(super) struct Suite<'s, 'a> {
    pub(super) plan: &'s CheckPlan<'a>,
    pub(super) test: &'s TestCheck,
    pub(super) trees: &'s Trees<'a>,
    pub(super) firsts: Firsts<'s>,
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
        suite: Suite<'_, 'a>,
        site: &mut Site<'_, '_>,
    ) -> Result<Asked<'a>, Trouble> {
        let Suite {
            plan,
            test,
            trees,
            firsts,
        } = suite;
        let sorter = self.sorter(suite, site)?;
        let Some(mut sorter) = sorter else {
            return Ok(Asked::only(Oracle::NotRun));
        };
        if let Some(rust) = sorter.rust.as_mut() {
            rust.names = firsts.functions();
        }
        let first = self.exchange(&sorter, Taken::All, &BTreeSet::new(), site.workshop)?;
        let sources = self.sources(trees);
        let influential = self.influential(&first.parts, site)?;
        let reached =
            |parts: &[Part]| covered(parts, &influential, firsts.base, firsts.candidate, &sources);
        let changed = first.parts.iter().map(|part| &part.path);
        let holds = |path: &RepoPath| {
            let mut files = firsts.base.tests.iter().map(|test| test.id.file.as_ref());
            files.any(|file| file == Some(path))
        };
        let assumed = changed.filter(|path| sorter.classifier.is_assumed(path) && !holds(path));
        let mut known = OracleRun {
            covered: reached(&first.parts),
            assumed: assumed.cloned().collect(),
            ..OracleRun::default()
        };
        if sorter.rust.is_some() {
            known.edited = self.edited_doctests(trees, firsts, site)?;
        } else if let Ok(classifier) = Classifier::new(plan.check, test) {
            // The sorter released them; what the command names must be asked afresh.
            let beside = self.beside(&classifier, firsts, &sources);
            known.edited = self.edited_beside(&beside, firsts, site)?;
        }
        let Some(tree) = first.tree.clone().filter(|_| !known.covered.is_empty()) else {
            return Ok(Asked::only(Oracle::Known(Box::new(known))));
        };
        let Some((mut side, mut run)) = self.ask(suite, tree, &known.covered, site).await? else {
            known.walled.clone_from(&known.covered);
            return Ok(Asked::only(Oracle::Known(Box::new(known))));
        };
        let (mut made, mut kept) = (first, BTreeSet::new());
        for _ in 0..WALLS {
            let wall = Wall::of(&run, firsts, &made);
            if wall.is_empty() {
                break;
            }
            let hidden = wall.tests(&known.covered, &sources, &run, firsts);
            // With a test behind it that held, a person is asked; without one nobody would be.
            if !firsts.passed_any(&hidden) {
                known.walled.extend(reached(&wall.parts(&made)));
            }
            known.walled.extend(hidden);
            wall.keep(&mut kept, sorter.rust.as_mut());
            made = self.exchange(&sorter, Taken::All, &kept, site.workshop)?;
            let Some(tree) = made.tree.clone() else {
                // Nothing is left to put back: the tree is the candidate's, and its run, which is paid for, too.
                run = TestRun {
                    usage: Usage::default(),
                    ..firsts.candidate.clone()
                };
                break;
            };
            match self.ask(suite, tree, &known.covered, site).await? {
                Some(again) => (side, run) = again,
                None => break,
            }
        }
        // What still does not load may have kept others from being run: of all that was not heard of,
        // nothing is known.
        if firsts.newly_broken(&run).next().is_some() {
            known.walled.extend(unheard(&known.covered, &run));
        }
        known.run = Some(run);
        Ok(Asked {
            oracle: Oracle::Known(Box::new(known)),
            side: Some(side),
        })
    }

    /// Runs the covered tests on one tree; none where its steps cannot be carried out there.
    async fn ask(
        &self,
        suite: Suite<'_, 'a>,
        tree: Snapshot,
        covered: &BTreeSet<TestId>,
        site: &mut Site<'_, '_>,
    ) -> Result<Option<(Side<'a>, TestRun)>, Trouble> {
        let Suite {
            plan,
            test,
            trees,
            firsts,
        } = suite;
        let made = self
            .side_of(plan, TreeRole::Oracle, Cow::Owned(tree), trees, site)
            .await?;
        let Ok(side) = made else {
            return Ok(None);
        };
        let only = selection(firsts.base, covered);
        let wall = self.wall(plan.check, Some(firsts.base.usage.wall_ms));
        let ran = self
            .answered_test(firsts.base, plan.check, test, &side, wall, only)
            .await?;
        Ok(Some((side, ran.result)))
    }
}

/// What selects these tests of a run; nothing where they are all of it.
pub(super) fn selection(run: &TestRun, ids: &BTreeSet<TestId>) -> Option<Vec<TestResult>> {
    let wanted = run.tests.iter().filter(|test| ids.contains(&test.id));
    let wanted: Vec<TestResult> = wanted.cloned().collect();
    (wanted.len() < run.tests.len()).then_some(wanted)
}

/// The parts that do not load beside the candidate's product code, as far as the tool names them.
#[derive(Default)]
struct Wall {
    files: BTreeSet<RepoPath>,
    items: BTreeMap<RepoPath, BTreeSet<SpanKey>>,
}

impl Wall {
    fn of(run: &TestRun, firsts: Firsts<'_>, made: &Exchanged) -> Self {
        let mut wall = Self::default();
        for unit in firsts.newly_broken(run) {
            for (file, line) in unit.places() {
                wall.add(file, line, made);
            }
        }
        // A build that fails before it compiles anything fails for a manifest.
        if run.broken_units.iter().any(|unit| unit.file.is_none()) {
            let tables = made.parts.iter().filter(|part| part.kind == Kind::Tables);
            wall.files.extend(tables.map(|part| part.path.clone()));
        }
        wall
    }

    fn add(&mut self, file: &RepoPath, line: Option<u32>, made: &Exchanged) {
        let Some(part) = made.parts.iter().find(|part| part.path == *file) else {
            return;
        };
        if part.kind != Kind::Items {
            self.files.insert(file.clone());
        } else if let Some(source) = made.sources.get(file)
            && let Some(key) = line.and_then(|line| source.at_line(line as usize))
        {
            let items = self.items.entry(file.clone()).or_default();
            items.insert(key.clone());
        }
    }

    /// Makes these parts the candidate's own.
    fn keep(self, files: &mut BTreeSet<RepoPath>, rust: Option<&mut RustTests>) {
        files.extend(self.files);
        if let Some(rust) = rust {
            for (path, keys) in self.items {
                rust.kept.entry(path).or_default().extend(keys);
            }
        }
    }

    /// Its files of tests, and those that hold its items. Who else uses one ran beside the candidate's
    /// version of it, even where the base's would have loaded: product code can fail for the first who asks,
    /// and for nobody after. Nextest does not say for which unit an item failed.
    fn parts(&self, made: &Exchanged) -> Vec<Part> {
        let named = |part: &&Part| match part.kind {
            Kind::File => self.files.contains(&part.path),
            Kind::Items => self.items.contains_key(&part.path),
            Kind::Tables => false,
        };
        let parts = made.parts.iter().filter(|part| !part.harness);
        parts.filter(named).cloned().collect()
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.items.is_empty()
    }

    /// The tests that stand behind it: those of the items and files that are named, and with a file
    /// whatever did not load for it, because others may use what is in it. So do those around items that
    /// hold no test of their own.
    fn tests(
        &self,
        covered: &BTreeSet<TestId>,
        sources: &Sources<'_>,
        run: &TestRun,
        firsts: Firsts<'_>,
    ) -> BTreeSet<TestId> {
        let mut hidden = BTreeSet::new();
        for (file, behind) in self.behind(sources) {
            let held = covered.iter().filter(|id| behind.holds(id)).cloned();
            let held: BTreeSet<TestId> = held.collect();
            if !(matches!(behind, Behind::Module(..)) && firsts.passed_any(&held)) {
                let names = |unit: &&BrokenUnit| unit.places().any(|(place, _)| place == file);
                let broken = firsts.newly_broken(run).filter(names);
                hidden.extend(loaded_with(covered, broken));
            }
            hidden.extend(held);
        }
        hidden
    }

    /// What stands behind each of its parts, with the file that the part stands in.
    fn behind<'w>(&'w self, sources: &'w Sources<'_>) -> Vec<(&'w RepoPath, Behind)> {
        let module =
            |file: &RepoPath, module: Option<String>| match sources.package(file).zip(module) {
                Some((package, module)) => Behind::Module(package, module),
                None => Behind::Unit(file.to_string()),
            };
        let files = self.files.iter().map(|file| match sources.unit_of(file) {
            Some(unit) => (file, Behind::Unit(unit)),
            None => (file, module(file, module_path(file))),
        });
        let items = self.items.iter().flat_map(|(file, keys)| {
            let prefixes = keys.iter().map(|key| test_prefix(file, key));
            prefixes.map(move |prefix| (file, module(file, prefix)))
        });
        files.chain(items).collect()
    }
}

/// What stands behind a wall.
enum Behind {
    /// A target, or a file that is loaded by itself.
    Unit(String),
    /// A module of a package; the empty one is all of it.
    Module(String, String),
}

impl Behind {
    fn holds(&self, id: &TestId) -> bool {
        match self {
            Self::Unit(unit) => is_loaded_with(id, &BTreeSet::from([unit.clone()])),
            Self::Module(package, module) => {
                within(&id.unit, package) && (module.is_empty() || within(&id.name, module))
            }
        }
    }
}

/// Whether a path of words separated by `::` lies in another one.
fn within(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The tests that a run says nothing of.
fn unheard(covered: &BTreeSet<TestId>, run: &TestRun) -> BTreeSet<TestId> {
    let heard: BTreeSet<&TestId> = run.tests.iter().map(|test| &test.id).collect();
    let silent = covered.iter().filter(|id| !heard.contains(id));
    silent.cloned().collect()
}

/// The tests that are loaded with one of these units.
fn loaded_with<'t>(
    covered: &BTreeSet<TestId>,
    units: impl Iterator<Item = &'t BrokenUnit>,
) -> BTreeSet<TestId> {
    let units = units.map(|unit| unit.unit.clone()).collect();
    let inside = |id: &&TestId| is_loaded_with(id, &units);
    covered.iter().filter(inside).cloned().collect()
}

fn is_loaded_with(id: &TestId, units: &BTreeSet<String>) -> bool {
    let file = id.file.as_ref().map(ToString::to_string);
    units.contains(&id.unit) || file.is_some_and(|file| units.contains(&file))
}
