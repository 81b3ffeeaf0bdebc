//! What findings do to the verdict.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use crate::finding::Finding;
use crate::policy::Policy;
use crate::reason::{Level, Reason, ReasonCode, Review};

/// What the findings of a linter or a plugin come to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// For the verdict; those that count first to be kept.
    pub(super) findings: Vec<Finding>,
    /// How many the candidate has; none where its report cannot be used.
    pub(super) reported: Option<u64>,
    /// How many of them the base does not have.
    pub(super) new: Option<u64>,
}

/// Findings of one code become one entry.
pub(super) fn judge(policy: &Policy, findings: &[Finding], ledger: &mut Ledger) {
    let mut groups: BTreeMap<(ReasonCode, Option<&str>), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if let Some(code) = code(policy, finding) {
            groups
                .entry((code, finding.check.as_deref()))
                .or_default()
                .push(finding);
        }
    }
    for ((code, check), group) in groups {
        enter(code, check, &group, super::counts(policy, check), ledger);
    }
}

fn enter(
    code: ReasonCode,
    check: Option<&str>,
    group: &[&Finding],
    counts: bool,
    ledger: &mut Ledger,
) {
    let message = message(group);
    if code.level() == Level::Review && counts {
        let files = group
            .iter()
            .filter_map(|finding| finding.path.clone())
            .collect();
        ledger.review(Review {
            code,
            ids: Vec::new(),
            files,
            message,
        });
        return;
    }
    let place = |finding: &&Finding| match &finding.path {
        Some(path) => path.to_string(),
        None => finding.rule.clone(),
    };
    let ids = group
        .iter()
        .map(place)
        .collect::<std::collections::BTreeSet<_>>();
    let check = check.map(str::to_owned);
    ledger.at(
        counts,
        Reason {
            code,
            check,
            ids: ids.into_iter().collect(),
            message,
        },
    );
}

/// The first message, and how many more there are.
fn message(group: &[&Finding]) -> String {
    let mut messages: Vec<String> = group.iter().map(|finding| said(finding)).collect();
    messages.sort_unstable();
    match messages.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
    }
}

/// A rule of ours names its file itself, unless it knows a line.
fn said(finding: &Finding) -> String {
    match (&finding.check, finding.lines) {
        (Some(_), _) => format!("{} ({})", finding.placed(), finding.rule),
        (None, Some(_)) => finding.placed(),
        (None, None) => finding.message.clone(),
    }
}

fn code(policy: &Policy, finding: &Finding) -> Option<ReasonCode> {
    let mut checks = policy.check.iter();
    let check = checks.find(|check| Some(&check.name) == finding.check.as_ref());
    finding.leads_to(check.map(|check| check.kind.name()))
}
