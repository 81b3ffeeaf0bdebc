//! From a comparison to the verdict's lists of tests.

use crate::comparison::{Class, Compared, Comparison};
use crate::policy::{Check, TestCheck};
use crate::verdict::{RerunCount, TestEntry, TestSummary};

/// Classes that a human decides about.
const CONTRACT: [Class; 6] = [
    Class::ContractChanged,
    Class::ContractRemoved,
    Class::FixedByTests,
    Class::FixedDropped,
    Class::DroppedFailing,
    Class::OracleUncompilable,
];

/// Adds one check's comparison to the summary of all.
pub(super) fn add(
    summary: &mut Option<TestSummary>,
    check: &Check,
    test: &TestCheck,
    comparison: &Comparison,
) {
    let first = summary.is_none();
    let all = summary.get_or_insert_with(TestSummary::default);
    let listed = |class| entries(check, available(test, comparison, class));
    all.regressed.extend(listed(Class::Regressed));
    all.vanished.extend(listed(Class::Vanished));
    all.silenced.extend(listed(Class::Silenced));
    all.fixed.extend(listed(Class::Fixed));
    all.added.extend(listed(Class::Added));
    all.added_failing.extend(listed(Class::AddedFailing));
    all.flaky.extend(entries(
        check,
        comparison.flaky.iter().chain(&comparison.base_flaky),
    ));
    all.preexisting += available(test, comparison, Class::Preexisting).count() as u64;
    all.maintained += comparison.of(Class::Maintained).len() as u64;
    all.unavailable += unavailable(test, comparison);
    add_contract(all, first, check, comparison);
}

/// Lists that only an oracle can fill are null as soon as one check had none.
fn add_contract(all: &mut TestSummary, first: bool, check: &Check, comparison: &Comparison) {
    let contract = CONTRACT.iter().flat_map(|class| comparison.of(*class));
    let known = comparison.oracle_known;
    let extend = |list: &mut Option<Vec<TestEntry>>, more: Vec<TestEntry>| {
        // What was found is listed in any case; an empty list says that nothing is there, and
        // only an oracle can say that.
        let before = if first {
            known.then(Vec::new)
        } else {
            list.take()
        };
        *list = match (before, more.is_empty()) {
            (Some(_), true) if !known => None,
            (before, true) => before,
            (before, false) => Some(before.into_iter().flatten().chain(more).collect()),
        };
    };
    extend(
        &mut all.broken,
        entries(check, comparison.of(Class::BrokenTest)).collect(),
    );
    extend(&mut all.contract, entries(check, contract).collect());
    let fixed = comparison.of(Class::Fixed).len() + comparison.of(Class::FixedByTests).len();
    let proven = known && !comparison.of(Class::Fixed).is_empty();
    all.fix_proven = match (first, all.fix_proven) {
        _ if proven => Some(true),
        (false, Some(true)) => Some(true),
        (true, _) => known.then_some(false),
        (false, before) => before.filter(|_| known || fixed == 0),
    };
}

/// The tests of a class without those that the policy knows to be unable to run here.
pub(super) fn available<'a>(
    test: &'a TestCheck,
    comparison: &'a Comparison,
    class: Class,
) -> impl Iterator<Item = &'a Compared> {
    comparison
        .of(class)
        .iter()
        .filter(move |one| !excused(test, one))
}

/// Only a test that did not pass on the base can be excused: one that passed there can run here.
fn excused(test: &TestCheck, compared: &Compared) -> bool {
    matches!(compared.class, Class::Preexisting | Class::AddedFailing)
        && test.unavailable.matches_text(&compared.id.to_string())
}

fn unavailable(test: &TestCheck, comparison: &Comparison) -> u64 {
    let all = comparison.classes.values().flatten();
    all.filter(|one| excused(test, one)).count() as u64
}

fn entries<'a>(
    check: &Check,
    tests: impl IntoIterator<Item = &'a Compared>,
) -> impl Iterator<Item = TestEntry> {
    tests.into_iter().map(|compared| entry(check, compared))
}

fn entry(check: &Check, compared: &Compared) -> TestEntry {
    let result = compared.result.as_ref();
    let failure = result.and_then(|result| result.failure.as_ref());
    let place = failure.and_then(|failure| failure.file.clone());
    TestEntry {
        check: check.name.clone(),
        id: compared.id.to_string(),
        class: compared.class,
        selector: result.map(|result| result.selector.clone()),
        line: failure
            .filter(|_| place.is_some())
            .and_then(|failure| failure.line),
        file: place.or_else(|| compared.id.file.clone()),
        message: failure.map(|failure| failure.message.clone()),
        expected: failure.and_then(|failure| failure.expected.clone()),
        actual: failure.and_then(|failure| failure.actual.clone()),
        detail: failure
            .map(|one| one.detail.clone())
            .filter(|detail| !detail.is_empty()),
        renamed_from: compared.renamed_from.as_ref().map(ToString::to_string),
        reruns: compared.rerun.as_ref().map(|rerun| RerunCount {
            runs: rerun.runs,
            base_failures: rerun.base_failures,
            candidate_failures: rerun.candidate_failures,
        }),
    }
}
