//! A lint check: whether each run can be used, and which findings count.

use super::command::machine;
use super::findings::Found;
use super::ledger::Ledger;
use crate::evidence::{CheckResult, Evidence};
use crate::finding::{Finding, FindingLevel, base64_unless_utf8, fingerprint};
use crate::lint::{Compared, LintEvidence, LintFinding, LintReport, LintRun, compare};
use crate::policy::{Check, CheckKind, Gate, LintCheck};
use crate::reason::ReasonCode;
use crate::run::Outcome;
use crate::text;
use crate::verdict::CheckStatus;

/// Most findings of one check that the verdict lists of those that count, and of those that do not.
const LISTED: usize = 1000;

/// The findings of a lint check; none where a run cannot be used, and for every other check.
pub(super) fn findings(check: &Check, evidence: &Evidence) -> Found {
    let known = evidence.checks.iter().find(|one| one.name == check.name);
    let (CheckKind::Lint(tool), Some(CheckResult::Lint(runs))) =
        (&check.kind, known.map(|known| &known.result))
    else {
        return Found::default();
    };
    let base = trouble(&runs.base, tool);
    let candidate = trouble(&runs.candidate, tool);
    if base.is_some() || candidate.is_some_and(|trouble| !trouble.partial) {
        return Found::default();
    }
    let compared = compare(
        &runs.base.findings,
        &runs.candidate.findings,
        &evidence.change,
    );
    let new = compared.iter().filter(|one| one.new).count() as u64;
    let counts = |one: &&Compared<'_>| one.new || tool.gate == Gate::All;
    let deny = compared.iter().filter(counts).take(LISTED);
    let note = compared.iter().filter(|one| !counts(one)).take(LISTED);
    Found {
        findings: deny
            .map(|one| finding(check, one, FindingLevel::Deny))
            .chain(note.map(|one| finding(check, one, FindingLevel::Note)))
            .collect(),
        reported: Some(compared.len() as u64),
        new: Some(new),
    }
}

/// Writes down what is wrong with the runs themselves. The candidate's findings speak for themselves
/// where its report is only incomplete.
pub(super) fn judge(
    check: &Check,
    tool: &LintCheck,
    runs: &LintEvidence,
    linted: &Found,
    ledger: &mut Ledger,
) -> CheckStatus {
    let base = trouble(&runs.base, tool);
    let candidate = trouble(&runs.candidate, tool);
    if let Some(Trouble { code, why, partial }) = base {
        let code = match code {
            // It works nowhere: nothing is wrong with the base in particular.
            ReasonCode::ToolError if candidate.is_some() && !partial => code,
            ReasonCode::ToolError | ReasonCode::LimitExceeded => ReasonCode::BaselineFailed,
            other => other,
        };
        ledger.reason(code, Some(check), [], format!("on the base, {why}"));
    } else if let Some(Trouble { code, why, .. }) = candidate {
        ledger.reason(code, Some(check), [], format!("{why}; not so on the base"));
    }
    let counts = |one: &Finding| one.level == FindingLevel::Deny;
    match linted.findings.iter().any(counts) {
        true => CheckStatus::Failed,
        false => CheckStatus::Passed,
    }
}

/// Why a run says less than it should.
struct Trouble {
    code: ReasonCode,
    why: String,
    /// What it does say is true.
    partial: bool,
}

/// What is wrong with a run: a tool that broke down never means that there is nothing to find.
fn trouble(run: &LintRun, tool: &LintCheck) -> Option<Trouble> {
    let whole = |code, why: String| {
        Some(Trouble {
            code,
            why,
            partial: false,
        })
    };
    let broken = |why: String| whole(ReasonCode::ToolError, why);
    let outcome = &run.outcome;
    match (outcome, &run.report) {
        (Outcome::LimitExceeded { .. }, _) => whole(ReasonCode::LimitExceeded, outcome.to_string()),
        (Outcome::Exited { status }, _) if !tool.ok_exit.contains(status) => broken(format!(
            "{outcome}, which `ok-exit` does not list{}",
            said(run)
        )),
        (Outcome::Exited { .. }, LintReport::Unusable { why }) => {
            broken(format!("{why} ({outcome}){}", said(run)))
        }
        (Outcome::Exited { status }, LintReport::Whole) if *status != 0 && run.entries == 0 => {
            broken(format!("{outcome} and reports nothing{}", said(run)))
        }
        (Outcome::Exited { .. }, LintReport::Partial { why }) => Some(Trouble {
            code: ReasonCode::ToolError,
            why: why.clone(),
            partial: true,
        }),
        (Outcome::Exited { .. }, LintReport::Whole) => None,
        _ => whole(
            machine(outcome).unwrap_or(ReasonCode::ToolError),
            outcome.to_string(),
        ),
    }
}

/// The last line of what the tool printed beside its report.
fn said(run: &LintRun) -> String {
    match crate::agreement::last_line(&run.log_tail) {
        "" => String::new(),
        line => format!("; its last line: {line}"),
    }
}

fn finding(check: &Check, compared: &Compared<'_>, level: FindingLevel) -> Finding {
    let LintFinding {
        path,
        lines,
        rule,
        message,
        fix,
        ..
    } = compared.finding;
    Finding {
        rule: rule.clone(),
        level,
        check: Some(check.name.clone()),
        path: path.clone(),
        path_b64: path.as_ref().and_then(base64_unless_utf8),
        lines: *lines,
        related: Vec::new(),
        message: text::line(message, LintFinding::MESSAGE_CAP),
        fix: fix.clone(),
        new: compared.new,
        fingerprint: fingerprint(&[check.name.as_bytes(), compared.fingerprint.as_bytes()]),
    }
}
