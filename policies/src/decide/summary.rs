//! From a comparison to the verdict's lists of tests.

use crate::comparison::{Class, Compared, Comparison};
use crate::policy::{Check, TestCheck};
use crate::tests::Failure;
use crate::text;
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

/// One check's comparison.
pub(super) struct Judged<'a> {
    pub(super) check: &'a Check,
    pub(super) test: &'a TestCheck,
    pub(super) comparison: Comparison,
}

/// The lists of all checks together; none where nothing was compared.
pub(super) fn of(all: &[Judged<'_>]) -> Option<TestSummary> {
    if all.is_empty() {
        return None;
    }
    let listed = |class| {
        let of_one = |one: &Judged<'_>| entries(one, available(one.test, &one.comparison, class));
        all.iter().flat_map(of_one).collect::<Vec<_>>()
    };
    let count = |of_one: fn(&Judged<'_>) -> usize| all.iter().map(of_one).sum::<usize>() as u64;
    let flaky = |one: &Judged<'_>| {
        entries(
            one,
            one.comparison
                .flaky
                .iter()
                .chain(&one.comparison.base_flaky),
        )
    };
    Some(TestSummary {
        regressed: listed(Class::Regressed),
        broken: measured(all, listed(Class::BrokenTest)),
        vanished: listed(Class::Vanished),
        silenced: listed(Class::Silenced),
        contract: measured(all, CONTRACT.into_iter().flat_map(listed).collect()),
        fixed: listed(Class::Fixed),
        added: listed(Class::Added),
        added_failing: listed(Class::AddedFailing),
        flaky: all.iter().flat_map(flaky).collect(),
        preexisting: listed(Class::Preexisting).len() as u64,
        maintained: listed(Class::Maintained).len() as u64,
        unavailable: count(unavailable),
        fix_proven: fix_proven(all),
        proves: proves(all),
    })
}

/// Null as soon as one check with new tests did not measure it: an id that is missing would say that
/// its test proves nothing.
fn proves(all: &[Judged<'_>]) -> Option<Vec<String>> {
    let ids = all.iter().map(|one| one.comparison.proves.as_ref());
    let ids: Option<Vec<_>> = ids.collect();
    let texts = ids?
        .into_iter()
        .flatten()
        .map(|id| text::id(&id.to_string()));
    Some(texts.collect())
}

/// What was found is listed in any case; an empty list says that nothing is there, and that only
/// an oracle can say.
fn measured(all: &[Judged<'_>], entries: Vec<TestEntry>) -> Option<Vec<TestEntry>> {
    let known = all.iter().all(|one| one.comparison.oracle_known);
    (known || !entries.is_empty()).then_some(entries)
}

fn fix_proven(all: &[Judged<'_>]) -> Option<bool> {
    let proven = |one: &Judged<'_>| {
        one.comparison.oracle_known && !one.comparison.of(Class::Fixed).is_empty()
    };
    if all.iter().any(proven) {
        return Some(true);
    }
    all.iter()
        .all(|one| one.comparison.oracle_known)
        .then_some(false)
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

fn unavailable(one: &Judged<'_>) -> usize {
    let all = one.comparison.classes.values().flatten();
    all.filter(|compared| excused(one.test, compared)).count()
}

fn entries<'a>(one: &Judged<'_>, tests: impl IntoIterator<Item = &'a Compared>) -> Vec<TestEntry> {
    tests
        .into_iter()
        .map(|compared| entry(one.check, compared))
        .collect()
}

fn entry(check: &Check, compared: &Compared) -> TestEntry {
    let result = compared.result.as_ref();
    let failure = result.and_then(|result| result.failure.as_ref());
    let place = failure.and_then(|failure| failure.file.clone());
    let line = |value: &String| text::line(value, Failure::MESSAGE_CAP);
    TestEntry {
        check: check.name.clone(),
        id: text::id(&compared.id.to_string()),
        class: compared.class,
        selector: result.map(|result| text::id(&result.selector)),
        line: failure
            .filter(|_| place.is_some())
            .and_then(|failure| failure.line),
        file: place.or_else(|| compared.id.file.clone()),
        message: failure.map(|failure| line(&failure.message)),
        expected: failure.and_then(|failure| failure.expected.as_ref().map(line)),
        actual: failure.and_then(|failure| failure.actual.as_ref().map(line)),
        detail: failure
            .filter(|failure| !failure.detail.is_empty())
            .map(|failure| text::block(&failure.detail, Failure::DETAIL_CAP)),
        renamed_from: compared
            .renamed_from
            .as_ref()
            .map(|id| text::id(&id.to_string())),
        reruns: compared.rerun.as_ref().map(|rerun| RerunCount {
            runs: rerun.runs,
            base_failures: rerun.base_failures,
            candidate_failures: rerun.candidate_failures,
        }),
    }
}
