//! What linters, rules and plugins found, in words.

use passmuster_policy::finding::{Finding, FindingLevel};
use passmuster_policy::verdict::{CheckSummary, Verdict};

/// The findings that a reader has to see, those that decide first. What a linter says of the base too and nobody holds
/// against the change is a number, not a list.
pub(super) fn listed(verdict: &Verdict) -> Vec<&Finding> {
    let known = |one: &&Finding| one.new || one.level != FindingLevel::Note;
    let mut listed: Vec<&Finding> = verdict.findings.iter().filter(known).collect();
    listed.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    listed
}

/// What a finding says, with its place and its rule.
pub(super) fn said(finding: &Finding) -> String {
    let before = if finding.new {
        ""
    } else {
        ", was there before"
    };
    match (&finding.check, finding.rule.is_empty()) {
        (Some(_), false) => format!("{} ({}{before})", finding.placed(), finding.rule),
        _ => finding.placed(),
    }
}

/// How many findings of a check were there before and are not held against the change.
pub(super) fn forgiven(verdict: &Verdict, check: &CheckSummary) -> u64 {
    let held = |one: &Finding| {
        one.check.as_ref() == Some(&check.name) && !one.new && one.level != FindingLevel::Note
    };
    match (check.findings, check.new_findings) {
        (Some(all), Some(new)) if !verdict.findings.iter().any(held) => all.saturating_sub(new),
        _ => 0,
    }
}

/// `2 new findings, 3 were there before, not yours`; nothing where there is none.
pub(super) fn words(verdict: &Verdict, check: &CheckSummary) -> Option<String> {
    let new = match check.new_findings? {
        0 => None,
        1 => Some("1 new finding".to_owned()),
        new => Some(format!("{new} new findings")),
    };
    let before = match forgiven(verdict, check) {
        0 => None,
        1 => Some("1 finding was there before, not yours".to_owned()),
        before => Some(format!("{before} findings were there before, not yours")),
    };
    let words: Vec<String> = new.into_iter().chain(before).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
