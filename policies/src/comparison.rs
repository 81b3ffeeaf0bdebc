//! Base, candidate and oracle results, test by test.
//!
//! [`classify`] is the design's table and nothing else; [`compare`] walks the ids of the runs
//! through it and adds what the table cannot know: renamed files, ids that do not even repeat on
//! one tree, and tests that fail now and then.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::{Change, ChangeKind};
use crate::path::RepoPath;
use crate::run::TestRun;
use crate::tests::{TestId, TestResult, TestStatus};

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

/// The base's tests on the candidate's product code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "oracle")]
pub enum Oracle {
    /// No oracle was run: T is taken to equal A, so tests that the change edits vouch for
    /// themselves.
    NotRun,
    /// The change edits no test and no harness: T equals A by construction.
    NotNeeded,
    /// The oracle ran.
    Ran {
        /// Its results.
        run: TestRun,
        /// The tests that took part; for every other one T equals A.
        covered: BTreeSet<TestId>,
        /// Units that do not compile there.
        walls: BTreeSet<String>,
    },
}

/// Runs of one test beyond the first, on both trees: failures among `runs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// Which test.
    pub id: TestId,
    /// Runs on each tree, the first one included: 1 + `retries`.
    pub runs: u32,
    /// How many of them did not pass on the base.
    pub base_failures: u32,
    /// How many of them did not pass on the candidate (or the oracle).
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
    /// Its id on the base where a renamed file gave it another one.
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
    /// Every stable id, by class; flaky ones are in [`Comparison::flaky`] instead.
    pub classes: BTreeMap<Class, Vec<Compared>>,
    /// Passed on the base, failed once among several runs on the candidate.
    pub flaky: Vec<Compared>,
    /// Passed first on the base and then failed there too: noted, never held against the change.
    pub base_flaky: Vec<Compared>,
    /// Files whose ids do not repeat.
    pub unstable: Vec<UnstableCount>,
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
}
