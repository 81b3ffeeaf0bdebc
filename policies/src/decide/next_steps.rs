//! What to do next, from the codes alone: nothing that a test printed gets here.

use std::collections::BTreeSet;

use crate::evidence::TreeRole;
use crate::reason::{Level, Reason, ReasonCode, Review};
use crate::verdict::{Action, CheckStatus, CheckSummary, NextStep};

/// Most steps of one verdict; the reasons list everything.
const CAP: usize = 20;

pub(super) fn of(reasons: &[Reason], review: &[Review], checks: &[CheckSummary]) -> Vec<NextStep> {
    let fails = reasons
        .iter()
        .any(|reason| reason.code.level() == Level::Fail);
    // While the code is at fault, the agent's own work comes first.
    let now = |code: ReasonCode| !fails || code.level() == Level::Fail;
    let mut seen = BTreeSet::new();
    let from_reasons = reasons
        .iter()
        .filter(|reason| now(reason.code))
        .flat_map(of_reason);
    let from_review = review
        .iter()
        .filter(|review| now(review.code))
        .map(of_review);
    let wanting = checks.iter().filter(|check| wants_network_on_base(check));
    let steps = from_reasons
        .chain(from_review)
        .chain(wanting.map(for_the_operator));
    steps
        .filter(|step| seen.insert(step.clone()))
        .take(CAP)
        .collect()
}

fn of_reason(reason: &Reason) -> Vec<NextStep> {
    let step = |target: Option<&String>| NextStep {
        action: action(reason.code),
        target: target.cloned(),
        why: reason.code.entry().meaning.to_owned(),
    };
    if reason.ids.is_empty() {
        return vec![step(reason.check.as_ref())];
    }
    reason.ids.iter().map(|id| step(Some(id))).collect()
}

/// A check that could not tell, and whose base tried to reach a network.
fn wants_network_on_base(check: &CheckSummary) -> bool {
    let on_base = |denial: &crate::denial::TreeDenial| {
        denial.tree == TreeRole::Base && denial.denial.is_network()
    };
    check.status == CheckStatus::Inconclusive
        && check.tests.is_some()
        && check.denials.iter().any(on_base)
}

/// Not for an agent: what a policy says is the operator's.
fn for_the_operator(check: &CheckSummary) -> NextStep {
    NextStep {
        action: Action::AskHuman,
        target: Some(check.name.clone()),
        why: "tests of the base need a network, which no check has; the operator may list them as unavailable"
            .to_owned(),
    }
}

fn of_review(review: &Review) -> NextStep {
    NextStep {
        action: Action::AskHuman,
        target: review
            .files
            .first()
            .map(ToString::to_string)
            .or(review.ids.first().cloned()),
        why: review.code.entry().meaning.to_owned(),
    }
}

/// What has to be done about a code.
pub fn action(code: ReasonCode) -> Action {
    use ReasonCode as C;
    match code {
        C::PatchDoesNotApply => Action::Rebase,
        C::PatchUnsafe | C::EnvironmentShadowed | C::PolicyInvalidInCandidate | C::RuleDenied => {
            Action::ReviseChange
        }
        C::SandboxUnavailable => Action::RunDoctor,
        C::ToolMissing | C::ToolchainMismatch => Action::InstallTool,
        C::PrepareUnavailable | C::SubmoduleMissing | C::LfsMissing => Action::RunPrepare,
        C::BaselineFailed | C::BaselineUnhealthy => Action::FixBase,
        C::PartialRun => Action::VerifyAll,
        C::Interrupted | C::EmptyChange => Action::VerifyAgain,
        other if other.level() == Level::Fail => Action::FixCode,
        _ => Action::AskHuman,
    }
}
