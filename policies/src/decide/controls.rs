//! What planted tests say: for or against the change, and how far the results of its runs can be trusted.

use super::ledger::Ledger;
use crate::controls::{Answer, Control, assurance, violations};
use crate::evidence::{CheckResult, Evidence, TestEvidence};
use crate::policy::{Assurance, Check, Policy};
use crate::reason::ReasonCode;
use crate::run::TestRun;
use crate::text;
use crate::verdict::Controls;

/// Most bytes of one entry of the verdict's list.
const ENTRY_CAP: usize = 512;

/// Holds the answers in runs of changed code against the change.
pub(super) fn judge(check: &Check, runs: &TestEvidence, ledger: &mut Ledger) {
    for (place, run) in changed(runs) {
        let found = violations(&runs.base, run);
        if let Some(first) = found.first() {
            let kinds = found.iter().map(|control| control.kind.name().to_owned());
            let message = format!(
                "{place}, {} of {} planted tests did not answer as they do on the base; {first}",
                found.len(),
                run.controls.len()
            );
            ledger.reason(ReasonCode::ControlsViolated, Some(check), kinds, message);
        }
    }
}

/// Leaves a reason where the results are less trusted than the policy accepts.
pub(super) fn floor(policy: &Policy, check: &Check, runs: &TestEvidence, ledger: &mut Ledger) {
    let (least, reached) = (policy.tests.assurance, assurance_of(runs));
    if reached < least {
        let message = format!(
            "its results are `{}`; the policy accepts no less than `{}`",
            reached.name(),
            least.name()
        );
        ledger.reason(ReasonCode::CheckNotRun, Some(check), [], message);
    }
}

/// The least of all runs whose results decide.
pub(super) fn assurance_of(runs: &TestEvidence) -> Assurance {
    let changed = changed(runs).map(|(_, run)| assurance(run));
    changed.fold(assurance(&runs.base), Ord::min)
}

/// The controls of all runs of changed code; none where none were planted.
pub(super) fn summary(evidence: &Evidence) -> Option<Controls> {
    let mut all = Controls::default();
    for check in &evidence.checks {
        let CheckResult::Test(runs) = &check.result else {
            continue;
        };
        for (_, run) in changed(runs) {
            all.planted += run.controls.len() as u64;
            all.answered += run.controls.iter().filter(|one| answered(one)).count() as u64;
            let violated = violations(&runs.base, run).into_iter();
            let entry = |control| text::line(&format!("{}: {control}", check.name), ENTRY_CAP);
            all.violated.extend(violated.map(entry));
        }
    }
    all.violated.sort();
    all.violated.dedup();
    (all.planted > 0).then_some(all)
}

fn answered(control: &Control) -> bool {
    matches!(control.answer, Answer::Right | Answer::Wrong { .. })
}

/// The runs of changed code that decide, and where they ran. The probe's results are advice.
fn changed(runs: &TestEvidence) -> impl Iterator<Item = (&'static str, &TestRun)> {
    let candidate = runs.candidate.iter().map(|run| ("on the candidate", run));
    let oracle = runs.oracle.run();
    candidate.chain(oracle.map(|run| ("with the base's tests put back", run)))
}
