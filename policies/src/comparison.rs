//! Base, candidate and oracle results, test by test.
//!
//! [`classify`] is the design's table and nothing else; [`compare`] walks the ids of the runs
//! through it and adds what the table cannot know: renamed files, ids that do not even repeat on
//! one tree, and tests that fail now and then.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::path::RepoPath;
use crate::run::{BrokenUnit, TestRun};
use crate::tests::{Failure, TestId, TestResult, TestStatus};

mod renames;
mod words;

use renames::{Renames, renames};

/// What a test did on one tree; the table's columns B and A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Ran and held.
    Pass,
    /// Ran and did not hold.
    Fail,
    /// Skipped, expected failure, ignored.
    Skip,
    /// Not there.
    Absent,
}

/// What a test did on the oracle tree; the table's column T.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OracleState {
    /// It ran there, or is known not to be there.
    Known(State),
    /// The unit that holds it does not compile against the candidate's product code.
    Wall,
}

/// What the three results say together.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Passed and passes.
    Maintained,
    /// Passed; fails now, with the base's tests too.
    Regressed,
    /// Passed; fails now, while the base's version of the test passes.
    BrokenTest,
    /// Passes, but the base's version of the test does not.
    ContractChanged,
    /// Passes, but the base's version of the test does not compile.
    OracleUncompilable,
    /// Passed; gone, while the base's version still passes.
    Vanished,
    /// Passed; gone, and the base's version does not pass.
    ContractRemoved,
    /// Passed; skipped now.
    Silenced,
    /// Failed; passes now, with the base's tests too.
    Fixed,
    /// Failed; passes now, but not with the base's tests.
    FixedByTests,
    /// Failed on both.
    Preexisting,
    /// Failed; skipped or gone now, while the base's version passes.
    FixedDropped,
    /// Failed; skipped or gone now, and the base's version does not pass.
    DroppedFailing,
    /// Skipped; passes now.
    Unskipped,
    /// Skipped on both.
    Skipped,
    /// Skipped; gone now.
    SkippedGone,
    /// New or skipped; fails now.
    AddedFailing,
    /// New; passes.
    Added,
    /// New; skipped.
    AddedSkipped,
    /// On neither tree: the id is known from the oracle alone.
    Nowhere,
}

/// The table of the design: total over every combination.
pub fn classify(base: State, candidate: State, oracle: OracleState) -> Class {
    use State::{Absent, Fail, Pass, Skip};
    let oracle_passes = oracle == OracleState::Known(Pass);
    match (base, candidate) {
        (Pass, Pass) if oracle_passes => Class::Maintained,
        (Pass, Pass) if oracle == OracleState::Wall => Class::OracleUncompilable,
        (Pass, Pass) => Class::ContractChanged,
        (Pass, Fail) if oracle_passes => Class::BrokenTest,
        (Pass, Fail) => Class::Regressed,
        (Pass, Absent) if oracle_passes => Class::Vanished,
        (Pass, Absent) => Class::ContractRemoved,
        (Pass, Skip) => Class::Silenced,
        (Fail, Pass) if oracle_passes => Class::Fixed,
        (Fail, Pass) => Class::FixedByTests,
        (Fail, Fail) => Class::Preexisting,
        (Fail, Skip | Absent) if oracle_passes => Class::FixedDropped,
        (Fail, Skip | Absent) => Class::DroppedFailing,
        (Skip | Absent, Fail) => Class::AddedFailing,
        (Skip, Pass) => Class::Unskipped,
        (Skip, Skip) => Class::Skipped,
        (Skip, Absent) => Class::SkippedGone,
        (Absent, Pass) => Class::Added,
        (Absent, Skip) => Class::AddedSkipped,
        (Absent, Absent) => Class::Nowhere,
    }
}

/// What is known of the base's tests on the candidate's product code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oracle {
    /// Nothing: T is taken to equal A, so tests that the change edits vouch for themselves.
    NotRun,
    /// T is known; where no test is named, it equals A by construction.
    Known(Box<OracleRun>),
}

/// Column T where it may differ from A.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OracleRun {
    /// The run on the oracle tree; none where nothing had to run.
    pub run: Option<TestRun>,
    /// The tests that took part; for every other one T equals A.
    pub covered: BTreeSet<TestId>,
    /// Tests whose base version does not compile there.
    pub walled: BTreeSet<TestId>,
    /// Tests that the change edits and that cannot be put back: doctests.
    pub edited: BTreeSet<TestId>,
    /// Changed files that were put back only because tests are looked for where they lie. They may be
    /// product, which nothing tells for certain.
    pub assumed: BTreeSet<RepoPath>,
}

impl Oracle {
    /// The change edits no test and no harness.
    #[must_use]
    pub fn needless() -> Self {
        Self::Known(Box::default())
    }

    /// The run on the oracle tree, where there was one.
    #[must_use]
    pub fn run(&self) -> Option<&TestRun> {
        match self {
            Self::NotRun => None,
            Self::Known(known) => known.run.as_ref(),
        }
    }
}

/// Runs of one test beyond the first, on both trees: failures among `runs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// Which test.
    pub id: TestId,
    /// Runs on each tree, the first one included: 1 + `retries`.
    pub runs: u32,
    /// How many of them failed or skipped the test on the base; a run there that says nothing of it
    /// excuses nothing.
    pub base_failures: u32,
    /// How many of them did not pass it on the candidate (or the oracle), for whatever reason.
    pub candidate_failures: u32,
}

/// What repeated runs say about a test that passed on the base and then did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stability {
    /// It fails on the base too, now and then: noted.
    BaseFlaky,
    /// It never failed on the base and failed repeatedly on the candidate.
    Regressed,
    /// It never failed on the base and failed once on the candidate.
    Flaky,
}

/// The rule for flaky tests: k failures of n runs on each tree.
///
/// Without a second run on the candidate nothing can excuse its failure.
pub fn stability(rerun: &Rerun) -> Stability {
    match (rerun.base_failures, rerun.candidate_failures) {
        (1.., _) => Stability::BaseFlaky,
        (0, 0 | 1) if rerun.runs > 1 => Stability::Flaky,
        (0, _) => Stability::Regressed,
    }
}

/// Most tests that are run again for one check.
pub const RERUN_CAP: usize = 50;

/// One test in a [`Comparison`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Its id, on the candidate where it is there, else on the base.
    pub id: TestId,
    /// Its id on the base where that is another one.
    pub renamed_from: Option<TestId>,
    /// The class.
    pub class: Class,
    /// What repeated runs said; none where it was not run again.
    pub rerun: Option<Rerun>,
    /// The result that explains the class: the candidate's, else the base's.
    pub result: Option<TestResult>,
}

/// Tests whose ids do not repeat on one tree, counted for one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnstableCount {
    /// The file; none where the framework does not say.
    pub file: Option<RepoPath>,
    /// Passing tests on the base.
    pub base: u64,
    /// Passing tests on the candidate.
    pub candidate: u64,
}

/// All tests of one check, each in exactly one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// True when column T is known: the oracle ran, or the change edits neither test nor harness.
    pub oracle_known: bool,
    /// Units that are broken on the candidate and were not on the base.
    pub broken_units: Vec<BrokenUnit>,
    /// Every stable id, by class; flaky ones are in [`Comparison::flaky`] instead.
    pub classes: BTreeMap<Class, Vec<Compared>>,
    /// Passed on the base, failed once among several runs on the candidate.
    pub flaky: Vec<Compared>,
    /// Passed first on the base and then failed there too: noted, never held against the change.
    pub base_flaky: Vec<Compared>,
    /// Files whose ids do not repeat.
    pub unstable: Vec<UnstableCount>,
    /// Of the new tests that pass, those that do not pass without the change; none where that was
    /// not measured.
    pub proves: Option<Vec<TestId>>,
}

/// What [`compare`] needs beside the runs.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The change, for renamed files.
    pub change: &'a Change,
    /// Repeated runs.
    pub reruns: &'a [Rerun],
    /// Ids that two base runs do not share.
    pub unstable: &'a BTreeSet<TestId>,
    /// The new tests on the base's product code.
    pub probe: Option<&'a TestRun>,
}

impl Comparison {
    /// The tests of a class, in the order of their ids.
    pub fn of(&self, class: Class) -> &[Compared] {
        self.classes.get(&class).map_or(&[], Vec::as_slice)
    }
}

/// Compares a candidate's run with the base's, test by test.
pub fn compare(
    base: &TestRun,
    candidate: &TestRun,
    oracle: &Oracle,
    context: Context<'_>,
) -> Comparison {
    let sides = Sides::new(base, candidate, oracle, context);
    let mut comparison = Comparison {
        oracle_known: !matches!(oracle, Oracle::NotRun),
        broken_units: sides
            .newly_broken
            .iter()
            .map(|unit| (*unit).clone())
            .collect(),
        unstable: sides.unstable_counts(),
        ..Comparison::default()
    };
    for id in sides.ids() {
        let compared = sides.compared(id);
        let list = match compared.rerun.as_ref().map(stability) {
            Some(Stability::Flaky) => &mut comparison.flaky,
            Some(Stability::BaseFlaky) => &mut comparison.base_flaky,
            Some(Stability::Regressed) | None => {
                comparison.classes.entry(compared.class).or_default()
            }
        };
        list.push(compared);
    }
    comparison.proves = proves(comparison.of(Class::Added), context.probe);
    comparison
}

/// The new tests that the base's product code does not pass. A test that does not even load there
/// needs the change as well.
fn proves(added: &[Compared], probe: Option<&TestRun>) -> Option<Vec<TestId>> {
    if added.is_empty() {
        return Some(Vec::new());
    }
    let results = index(probe?);
    let needs_change = |id: &&TestId| state(results.get(id).copied()) != State::Pass;
    let ids = added.iter().map(|test| &test.id);
    Some(ids.filter(needs_change).cloned().collect())
}

/// The tests to run again on both trees: they passed on the base and then did not pass. Tests
/// that are gone or went by another id on the base are left out, because nothing can select them
/// on both trees alike.
pub fn suspects(comparison: &Comparison) -> Vec<TestId> {
    let classes = [
        Class::Regressed,
        Class::BrokenTest,
        Class::ContractChanged,
        Class::Silenced,
    ];
    let tests = classes.iter().flat_map(|class| comparison.of(*class));
    let same_id = |test: &&Compared| test.renamed_from.is_none();
    // A test whose unit does not load fails for a reason that no repetition changes.
    let loaded = |test: &&Compared| {
        !comparison
            .broken_units
            .iter()
            .any(|unit| holds(unit, &test.id))
    };
    tests
        .filter(same_id)
        .filter(loaded)
        .take(RERUN_CAP)
        .map(|test| test.id.clone())
        .collect()
}

/// Whether a broken unit is the one that holds a test.
fn holds(unit: &BrokenUnit, id: &TestId) -> bool {
    let file = id.file.as_ref().map(ToString::to_string);
    (!unit.unit.is_empty() && unit.unit == id.unit) || file.is_some_and(|file| file == unit.unit)
}

type Results<'a> = BTreeMap<&'a TestId, &'a TestResult>;

/// The runs, indexed.
struct Sides<'a> {
    base: Results<'a>,
    candidate: Results<'a>,
    oracle: &'a Oracle,
    oracle_results: Results<'a>,
    context: Context<'a>,
    newly_broken: Vec<&'a BrokenUnit>,
    /// Units (or files, where there is no unit) of which the candidate has any result.
    heard_of: BTreeSet<Group<'a>>,
    /// Id on the base → id on the candidate.
    renamed: BTreeMap<TestId, TestId>,
    renamed_back: BTreeMap<TestId, TestId>,
    /// Ids on the base whose new id no file of their own shows.
    guessed: BTreeSet<TestId>,
    reruns: BTreeMap<&'a TestId, &'a Rerun>,
    unstable_files: BTreeSet<Option<&'a RepoPath>>,
}

type Group<'a> = (&'a str, Option<&'a RepoPath>);

/// What is loaded as one with a test: its unit, or its file where there is no unit.
fn group(id: &TestId) -> Group<'_> {
    let file = if id.unit.is_empty() {
        id.file.as_ref()
    } else {
        None
    };
    (&id.unit, file)
}

fn index(run: &TestRun) -> Results<'_> {
    run.tests
        .iter()
        .map(|result| (&result.id, result))
        .collect()
}

impl<'a> Sides<'a> {
    fn new(
        base: &'a TestRun,
        candidate: &'a TestRun,
        oracle: &'a Oracle,
        context: Context<'a>,
    ) -> Self {
        let before: BTreeSet<&str> = base
            .broken_units
            .iter()
            .map(|unit| unit.unit.as_str())
            .collect();
        let newly_broken = candidate
            .broken_units
            .iter()
            .filter(|unit| !before.contains(unit.unit.as_str()));
        let oracle_results = oracle.run().map(index).unwrap_or_default();
        let (base, candidate) = (index(base), index(candidate));
        let Renames {
            to: renamed,
            guessed,
        } = renames(context.change, &base, &candidate);
        Self {
            oracle,
            oracle_results,
            context,
            newly_broken: newly_broken.collect(),
            heard_of: candidate.keys().map(|id| group(id)).collect(),
            renamed_back: renamed
                .iter()
                .map(|(old, new)| (new.clone(), old.clone()))
                .collect(),
            renamed,
            guessed,
            reruns: context
                .reruns
                .iter()
                .map(|rerun| (&rerun.id, rerun))
                .collect(),
            unstable_files: context.unstable.iter().map(|id| id.file.as_ref()).collect(),
            base,
            candidate,
        }
    }

    /// Every id that is compared by itself, once, in order.
    fn ids(&self) -> BTreeSet<&TestId> {
        let base = self
            .base
            .keys()
            .filter(|id| !self.renamed.contains_key(**id));
        let all = base.chain(self.candidate.keys());
        all.copied().filter(|id| !self.counted_only(id)).collect()
    }

    /// Whether an id is only counted: it does not repeat on the base, or it appears beside such
    /// ids and does not fail.
    fn counted_only(&self, id: &TestId) -> bool {
        let appears = !self.base.contains_key(id)
            && !self.renamed_back.contains_key(id)
            && self.unstable_files.contains(&id.file.as_ref());
        let fails = self
            .candidate
            .get(id)
            .is_some_and(|one| one.status == TestStatus::Failed);
        self.context.unstable.contains(id) || (appears && !fails)
    }

    fn unstable_counts(&self) -> Vec<UnstableCount> {
        let passing = |results: &Results<'_>, file: Option<&RepoPath>| {
            let here = |one: &&&TestResult| {
                one.id.file.as_ref() == file
                    && one.status == TestStatus::Passed
                    && self.counted_only(&one.id)
            };
            results.values().filter(here).count() as u64
        };
        let count = |file: &Option<&RepoPath>| UnstableCount {
            file: file.cloned(),
            base: passing(&self.base, *file),
            candidate: passing(&self.candidate, *file),
        };
        self.unstable_files.iter().map(count).collect()
    }

    fn compared(&self, id: &TestId) -> Compared {
        let old = self.renamed_back.get(id).unwrap_or(id);
        let base = self.base.get(old).copied();
        let candidate = self.candidate.get(id).copied();
        let broken = if candidate.is_none() {
            self.broken_unit_of(id)
        } else {
            None
        };
        let before = state(base);
        let after = if broken.is_some() {
            State::Fail
        } else {
            state(candidate)
        };
        let result = match (broken, base) {
            (Some(unit), Some(base)) => Some(broken_result(base, unit)),
            _ => candidate.or(base).cloned(),
        };
        Compared {
            id: id.clone(),
            renamed_from: (old != id).then(|| old.clone()),
            class: classify(before, after, self.oracle_state(id, old, before, after)),
            // Only a pass that did not last can be flaky; nothing excuses another class.
            rerun: self
                .reruns
                .get(id)
                .filter(|_| before == State::Pass)
                .map(|one| (*one).clone()),
            result,
        }
    }

    /// The unit whose failure explains that a test is not there: its own, or any one where
    /// nothing at all was heard of the test's own (a build stops at its first error).
    fn broken_unit_of(&self, id: &TestId) -> Option<&'a BrokenUnit> {
        let own = self.newly_broken.iter().find(|unit| holds(unit, id));
        let silent = !self.heard_of.contains(&group(id));
        own.or_else(|| self.newly_broken.first().filter(|_| silent))
            .copied()
    }

    /// Column T. For a test that no oracle covers T is A, except that one which is gone is presumed
    /// to pass: nothing shows that the product would fail it, so its removal counts as vanished. One that
    /// is only guessed to have another id is gone by its own: the product alone took it away.
    fn oracle_state(&self, id: &TestId, old: &TestId, before: State, after: State) -> OracleState {
        let among = |ids: &BTreeSet<TestId>| ids.contains(old) || ids.contains(id);
        match self.oracle {
            Oracle::Known(known) if among(&known.walled) => OracleState::Wall,
            Oracle::Known(known) if among(&known.edited) => OracleState::Known(State::Absent),
            Oracle::Known(known) if among(&known.covered) => {
                OracleState::Known(state(self.oracle_results.get(old).copied()))
            }
            Oracle::Known(_) if self.guessed.contains(old) => OracleState::Known(State::Absent),
            _ if (before, after) == (State::Pass, State::Absent) => OracleState::Known(State::Pass),
            _ => OracleState::Known(after),
        }
    }
}

fn state(result: Option<&TestResult>) -> State {
    match result.map(|result| result.status) {
        Some(TestStatus::Passed) => State::Pass,
        Some(TestStatus::Failed) => State::Fail,
        Some(TestStatus::Skipped) => State::Skip,
        None => State::Absent,
    }
}

/// A test's failure as far as the unit that holds it tells.
fn broken_result(base: &TestResult, unit: &BrokenUnit) -> TestResult {
    let failure = Failure {
        message: format!("{} does not load: {}", unit.unit, unit.message),
        file: unit.file.clone(),
        line: unit.line,
        ..Failure::default()
    };
    TestResult {
        status: TestStatus::Failed,
        failure: Some(failure),
        millis: None,
        ..base.clone()
    }
}

#[cfg(test)]
mod tests;
