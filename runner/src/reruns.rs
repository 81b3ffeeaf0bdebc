//! Running again what the two trees disagree about: is it the change, or does the test not know?

use std::collections::{BTreeMap, BTreeSet};

use passmuster_policy::comparison::{RERUN_CAP, Rerun};
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestId, TestResult, TestStatus};

/// What repeated runs gave.
#[derive(Debug, Default)]
pub struct Again {
    /// Failures of each repeated test on both trees.
    pub reruns: Vec<Rerun>,
    /// Ids that two runs on the base do not share.
    pub unstable: BTreeSet<TestId>,
}

/// Counts the failures of some tests over several runs of two trees.
#[derive(Debug)]
pub struct Counter {
    runs: u32,
    failures: BTreeMap<TestId, [u32; 2]>,
}

/// Which of the two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// The base.
    Base,
    /// The candidate.
    Candidate,
}

impl Counter {
    /// Starts with the first run of each tree. At most [`RERUN_CAP`] tests are followed.
    pub fn start(suspects: &[TestId], base: &TestRun, candidate: &TestRun) -> Self {
        let failures = suspects
            .iter()
            .take(RERUN_CAP)
            .map(|id| (id.clone(), [0, 0]))
            .collect();
        let mut counter = Self { runs: 0, failures };
        counter.round(base, candidate);
        counter
    }

    /// Adds one more run of each tree.
    pub fn round(&mut self, base: &TestRun, candidate: &TestRun) {
        self.runs += 1;
        self.add(Tree::Base, base);
        self.add(Tree::Candidate, candidate);
    }

    fn add(&mut self, tree: Tree, run: &TestRun) {
        let passed: BTreeSet<&TestId> = run
            .tests
            .iter()
            .filter(|test| test.status == TestStatus::Passed)
            .map(|test| &test.id)
            .collect();
        for (id, counts) in &mut self.failures {
            let [base, candidate] = counts;
            let count = if tree == Tree::Base { base } else { candidate };
            // A run that does not get as far as the test is no pass either.
            *count += u32::from(!passed.contains(id));
        }
    }

    /// The counts.
    pub fn finish(self) -> Vec<Rerun> {
        let runs = self.runs;
        let rerun = |(id, [base_failures, candidate_failures]): (TestId, [u32; 2])| Rerun {
            id,
            runs,
            base_failures,
            candidate_failures,
        };
        self.failures.into_iter().map(rerun).collect()
    }
}

/// The results of these ids in a run: what selects them again.
pub fn selected(run: &TestRun, ids: &[TestId]) -> Vec<TestResult> {
    let wanted: BTreeSet<&TestId> = ids.iter().take(RERUN_CAP).collect();
    run.tests
        .iter()
        .filter(|test| wanted.contains(&test.id))
        .cloned()
        .collect()
}

/// Ids that only one of two runs has.
pub fn unshared(one: &TestRun, other: &TestRun) -> BTreeSet<TestId> {
    let ids = |run: &TestRun| {
        run.tests
            .iter()
            .map(|test| test.id.clone())
            .collect::<BTreeSet<_>>()
    };
    ids(one)
        .symmetric_difference(&ids(other))
        .cloned()
        .collect()
}

/// Ids that passed in `one` and are not in `other`.
pub fn gone(one: &TestRun, other: &TestRun) -> bool {
    let there: BTreeSet<&TestId> = other.tests.iter().map(|test| &test.id).collect();
    one.tests
        .iter()
        .any(|test| test.status == TestStatus::Passed && !there.contains(&test.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use passmuster_policy::run::{Outcome, Provenance, ReportState, Usage};

    fn run(tests: &[(&str, TestStatus)]) -> TestRun {
        let result = |(name, status): &(&str, TestStatus)| TestResult {
            id: id(name),
            status: *status,
            selector: (*name).to_owned(),
            failure: None,
            millis: None,
        };
        TestRun {
            outcome: Outcome::Exited { status: 0 },
            report: ReportState::Complete,
            tests: tests.iter().map(result).collect(),
            contradictions: Vec::new(),
            broken_units: Vec::new(),
            provenance: Provenance::default(),
            leaked_processes: 0,
            usage: Usage::default(),
            log_tail: String::new(),
        }
    }

    fn id(name: &str) -> TestId {
        TestId {
            unit: String::new(),
            file: None,
            name: name.to_owned(),
            parameters: None,
            ordinal: 0,
        }
    }

    #[test]
    fn failures_are_counted_on_both_trees_and_a_missing_test_counts_as_one() {
        use TestStatus::{Failed, Passed};
        let mut counter = Counter::start(
            &[id("a"), id("b")],
            &run(&[("a", Passed), ("b", Passed)]),
            &run(&[("a", Failed)]),
        );
        counter.round(
            &run(&[("a", Failed), ("b", Passed)]),
            &run(&[("a", Passed), ("b", Passed)]),
        );
        let counts: Vec<_> = counter
            .finish()
            .iter()
            .map(|rerun| (rerun.runs, rerun.base_failures, rerun.candidate_failures))
            .collect();
        assert_eq!(counts, [(2, 1, 1), (2, 0, 1)]);
    }

    #[test]
    fn ids_that_two_runs_do_not_share_are_found() {
        let (one, other) = (
            run(&[("a", TestStatus::Passed), ("b", TestStatus::Failed)]),
            run(&[("c", TestStatus::Passed)]),
        );
        assert_eq!(unshared(&one, &other), [id("a"), id("b"), id("c")].into());
        assert!(gone(&one, &other));
        assert!(!gone(&run(&[("b", TestStatus::Failed)]), &other));
    }
}
