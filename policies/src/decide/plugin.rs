//! A plugin check: what its findings count for. A plugin can make a verdict worse and never better: whatever it says
//! beside a finding that counts, the finding counts, and a plugin that does not report proves nothing.

use super::findings::Found;
use super::ledger::Ledger;
use crate::evidence::{CheckResult, Evidence};
use crate::finding::{Finding, FindingLevel, base64_unless_utf8, fingerprint};
use crate::lint::LintFinding;
use crate::plugin::{PluginEvidence, PluginFinding, PluginOutcome, PluginReport, Severity};
use crate::policy::{Check, CheckKind, PluginCheck};
use crate::reason::ReasonCode;
use crate::text;
use crate::verdict::CheckStatus;

/// The findings of a plugin check; none for every other check.
pub(super) fn findings(check: &Check, evidence: &Evidence) -> Option<Found> {
    let known = evidence.checks.iter().find(|one| one.name == check.name);
    let (CheckKind::Plugin(_), Some(CheckResult::Plugin(PluginEvidence::Reported(report)))) =
        (&check.kind, known.map(|known| &known.result))
    else {
        return None;
    };
    let mut findings: Vec<Finding> = report
        .findings
        .iter()
        .map(|one| finding(check, one))
        .collect();
    findings.sort_by_key(|one| std::cmp::Reverse(one.level));
    Some(Found {
        reported: Some(findings.len() as u64),
        new: Some(findings.iter().filter(|one| one.new).count() as u64),
        findings,
    })
}

/// Writes down what findings do not say.
pub(super) fn judge(
    check: &Check,
    asked: &PluginCheck,
    evidence: &PluginEvidence,
    found: &Found,
    ledger: &mut Ledger,
) -> CheckStatus {
    let report = match evidence {
        PluginEvidence::Reported(report) => report,
        PluginEvidence::Broken { why } => {
            ledger.reason(ReasonCode::PluginError, Some(check), [], why.clone());
            return CheckStatus::Passed;
        }
    };
    if found
        .findings
        .iter()
        .any(|one| one.level == FindingLevel::Deny)
    {
        return CheckStatus::Failed;
    }
    match report.outcome {
        PluginOutcome::Pass => CheckStatus::Passed,
        PluginOutcome::Fail => {
            ledger.reason(
                ReasonCode::PluginFailed,
                Some(check),
                [],
                said(report, "it says that the change is not in order"),
            );
            CheckStatus::Failed
        }
        PluginOutcome::Skip if asked.may_skip => CheckStatus::NotApplicable,
        PluginOutcome::Skip => {
            let why = said(report, "it says that it does not apply to this change");
            let message = format!("{why}, which counts only with `may-skip = true`");
            ledger.reason(ReasonCode::PluginError, Some(check), [], message);
            CheckStatus::Passed
        }
    }
}

/// The plugin's own sentence, else ours.
fn said(report: &PluginReport, otherwise: &str) -> String {
    report.summary.as_deref().map_or_else(
        || otherwise.to_owned(),
        |summary| text::line(summary, LintFinding::MESSAGE_CAP),
    )
}

fn finding(check: &Check, found: &PluginFinding) -> Finding {
    let counts = found.severity == Severity::Error && !found.preexisting;
    let place = found.path.as_ref().map_or(&[][..], |path| path.as_bytes());
    let stable = [check.name.as_bytes(), found.rule.as_bytes()];
    let fingerprint = match &found.fingerprint {
        Some(own) => fingerprint(&[stable[0], stable[1], own.as_bytes()]),
        None => fingerprint(&[stable[0], stable[1], place, found.message.as_bytes()]),
    };
    Finding {
        rule: found.rule.clone(),
        level: if counts {
            FindingLevel::Deny
        } else {
            FindingLevel::Note
        },
        check: Some(check.name.clone()),
        path: found.path.clone(),
        path_b64: found.path.as_ref().and_then(base64_unless_utf8),
        lines: found.lines,
        related: found.related.clone(),
        message: text::line(&found.message, LintFinding::MESSAGE_CAP),
        fix: found
            .fix
            .as_ref()
            .map(|fix| text::line(fix, LintFinding::MESSAGE_CAP)),
        new: !found.preexisting,
        fingerprint,
    }
}
