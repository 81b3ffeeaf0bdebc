//! Running again what the two trees disagree about: is it the change, or does the test not know?

use std::collections::{BTreeMap, BTreeSet};

use passmuster_policy::comparison::{RERUN_CAP, Rerun};
use passmuster_policy::controls::violations;
use passmuster_policy::run::{Outcome, ReportState, TestRun};
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
    tests: BTreeMap<TestId, Counts>,
}

/// Failures of one test, kept apart by what ran with it.
#[derive(Debug, Default)]
struct Counts {
    /// In runs of the whole suite.
    whole: Tally,
    /// In runs of only the files that hold suspects.
    alone: Tally,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    runs: u32,
    base: u32,
    candidate: u32,
}

/// How much of the suite ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// The files that hold suspects.
    Selected,
}

impl Counter {
    /// Starts with the first run of each tree. At most [`RERUN_CAP`] tests are followed.
    pub fn start(suspects: &[TestId], base: &TestRun, candidate: &TestRun) -> Self {
        let followed = suspects.iter().take(RERUN_CAP);
        let mut counter = Self {
            tests: followed.map(|id| (id.clone(), Counts::default())).collect(),
        };
        counter.round(Extent::Whole, base, candidate);
        counter
    }

    /// Adds one more run of each tree.
    pub fn round(&mut self, extent: Extent, base: &TestRun, candidate: &TestRun) {
        let (on_base, on_candidate) = (states(base), states(candidate));
        let vouched = violations(base, candidate).is_empty();
        for (id, counts) in &mut self.tests {
            let tally = match extent {
                Extent::Whole => &mut counts.whole,
                Extent::Selected => &mut counts.alone,
            };
            // What the base does excuses the candidate, so only a result counts there: a run that
            // broke off, or in which the test is not found, says nothing.
            let failed = on_base
                .get(id)
                .is_some_and(|state| *state != TestStatus::Passed);
            // A run of the candidate that does not get as far as the test is no pass either, nor is one
            // whose results its own controls speak against.
            let passed = on_candidate.get(id) == Some(&TestStatus::Passed) && vouched;
            tally.runs += 1;
            tally.base += u32::from(failed && is_whole(base));
            tally.candidate += u32::from(!passed);
        }
    }

    /// The counts.
    pub fn finish(self) -> Vec<Rerun> {
        self.tests
            .into_iter()
            .map(|(id, counts)| counts.rerun(id))
            .collect()
    }
}

impl Counts {
    /// A test that never passes on the base when its file runs alone needs what another file does;
    /// it is not flaky, and such runs say nothing about either tree.
    fn rerun(self, id: TestId) -> Rerun {
        let Self { whole, alone } = self;
        let counted = match alone.base < alone.runs {
            true => alone,
            false => Tally::default(),
        };
        Rerun {
            id,
            runs: whole.runs + counted.runs,
            base_failures: whole.base + counted.base,
            candidate_failures: whole.candidate + counted.candidate,
        }
    }
}

fn states(run: &TestRun) -> BTreeMap<&TestId, TestStatus> {
    let tests = run.tests.iter();
    tests.map(|test| (&test.id, test.status)).collect()
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

/// Whether a run can stand for its tree: it ended by itself and its report is whole.
pub fn is_whole(run: &TestRun) -> bool {
    matches!(run.outcome, Outcome::Exited { .. }) && run.report == ReportState::Complete
}

/// Ids that only one of two runs of the same tree has; none unless both runs are whole. Such ids are
/// merely counted, so a run that broke off must not make any.
pub fn unshared(one: &TestRun, other: &TestRun) -> BTreeSet<TestId> {
    if !(is_whole(one) && is_whole(other)) {
        return BTreeSet::new();
    }
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
    use passmuster_policy::controls::{Answer, Control, Kind};

    fn run(tests: &[(&str, TestStatus)]) -> TestRun {
        let result = |(name, status): &(&str, TestStatus)| TestResult {
            id: id(name),
            status: *status,
            selector: (*name).to_owned(),
            failure: None,
            millis: None,
        };
        TestRun::plain(
            Outcome::Exited { status: 0 },
            tests.iter().map(result).collect(),
        )
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

    fn cut_short(tests: &[(&str, TestStatus)]) -> TestRun {
        TestRun {
            outcome: Outcome::LimitExceeded {
                limit: "wall".to_owned(),
            },
            ..run(tests)
        }
    }

    #[test]
    fn a_run_of_the_base_that_says_nothing_of_a_test_excuses_nothing() {
        use TestStatus::{Failed, Passed};
        let candidate = run(&[("a", Failed)]);
        let mut counter = Counter::start(&[id("a")], &run(&[("a", Passed)]), &candidate);
        for base in [run(&[]), cut_short(&[]), cut_short(&[("a", Failed)])] {
            counter.round(Extent::Selected, &base, &candidate);
        }
        let counted = counter.finish();
        assert_eq!(
            (counted[0].base_failures, counted[0].candidate_failures),
            (0, 4)
        );
    }

    #[test]
    fn a_run_whose_controls_speak_against_it_shows_no_pass() {
        use TestStatus::{Failed, Passed};
        let planted = |run: TestRun, answer| {
            let (place, kind) = ("the end".to_owned(), Kind::MustFail);
            TestRun {
                controls: vec![Control {
                    place,
                    kind,
                    answer,
                }],
                ..run
            }
        };
        let said = "passed".to_owned();
        let base = planted(run(&[("a", Passed)]), Answer::Right);
        let forged = planted(run(&[("a", Passed)]), Answer::Wrong { said });
        let mut counter = Counter::start(&[id("a")], &base, &run(&[("a", Failed)]));
        counter.round(Extent::Whole, &base, &forged);
        assert_eq!(counter.finish()[0].candidate_failures, 2);
    }

    #[test]
    fn a_test_that_needs_another_file_is_not_flaky_because_it_fails_alone() {
        use TestStatus::{Failed, Passed};
        let (passed, failed) = (run(&[("a", Passed)]), run(&[("a", Failed)]));
        let counts = |alone: [&TestRun; 2]| {
            let mut counter = Counter::start(&[id("a")], &passed, &failed);
            counter.round(Extent::Whole, &passed, &failed);
            for base in alone {
                counter.round(Extent::Selected, base, &failed);
            }
            let found = counter.finish().remove(0);
            (found.runs, found.base_failures, found.candidate_failures)
        };
        assert_eq!(counts([&failed, &failed]), (2, 0, 2));
        assert_eq!(
            counts([&failed, &passed]),
            (4, 1, 4),
            "now and then is flaky"
        );
    }

    #[test]
    fn failures_are_counted_on_both_trees_and_a_test_missing_on_the_candidate_counts_as_one() {
        use TestStatus::{Failed, Passed};
        let mut counter = Counter::start(
            &[id("a"), id("b")],
            &run(&[("a", Passed), ("b", Passed)]),
            &run(&[("a", Failed)]),
        );
        counter.round(
            Extent::Whole,
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
        assert_eq!(unshared(&one, &cut_short(&[])), BTreeSet::new());
        assert!(gone(&one, &other));
        assert!(!gone(&run(&[("b", TestStatus::Failed)]), &other));
    }
}
