//! A command check: what two exit statuses say.

use super::ledger::Ledger;
use crate::agreement::last_line;
use crate::evidence::CommandEvidence;
use crate::policy::Check;
use crate::reason::ReasonCode;
use crate::run::Outcome;

/// The candidate's success needs no comparison. Its failure is held against the change only where
/// the base succeeds: a command that fails on both trees says nothing about the change.
pub(super) fn judge(
    check: &Check,
    outcomes: &CommandEvidence,
    log: Option<&str>,
    ledger: &mut Ledger,
) {
    let base = outcomes.base.as_ref();
    let Some(candidate) = &outcomes.candidate else {
        let (code, message) = match base {
            Some(base) if !succeeded(base) => {
                let code = machine(base).unwrap_or(ReasonCode::BaselineFailed);
                (code, format!("on the base, {}", base))
            }
            _ => (
                ReasonCode::CheckNotRun,
                "it did not run on the candidate".to_owned(),
            ),
        };
        ledger.reason(code, Some(check), [], message);
        return;
    };
    if succeeded(candidate) {
        return;
    }
    let code = code(base, candidate);
    let message = match base {
        Some(base) => format!("{}; on the base, {}", candidate, base),
        None => format!("{}; it did not run on the base", candidate),
    };
    let said = last_line(log.unwrap_or_default());
    let message = match said.is_empty() {
        true => message,
        false => format!("{message}; its last line: {said}"),
    };
    ledger.reason(code, Some(check), [], message);
}

fn code(base: Option<&Outcome>, candidate: &Outcome) -> ReasonCode {
    let neither = base
        .and_then(machine)
        .filter(|code| *code != ReasonCode::ToolMissing);
    let started = matches!(base, Some(Outcome::Exited { .. }));
    match (base, candidate) {
        _ if neither.is_some() => neither.unwrap_or(ReasonCode::CheckNotRun),
        (_, Outcome::SandboxError { .. }) => ReasonCode::SandboxUnavailable,
        (_, Outcome::Interrupted) => ReasonCode::Interrupted,
        (_, Outcome::NotStarted { .. }) if !started => ReasonCode::ToolMissing,
        (None, _) => ReasonCode::CheckNotRun,
        (Some(base), _) if !succeeded(base) => ReasonCode::BaselineFailed,
        (Some(_), Outcome::LimitExceeded { .. }) => ReasonCode::LimitExceeded,
        (Some(_), _) => ReasonCode::CommandFailed,
    }
}

fn succeeded(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Exited { status: 0 })
}

/// The code of an outcome that is not the doing of the base, which can judge nothing then.
pub(super) fn machine(outcome: &Outcome) -> Option<ReasonCode> {
    match outcome {
        Outcome::NotStarted { .. } => Some(ReasonCode::ToolMissing),
        Outcome::ServiceNotReady { .. } => Some(ReasonCode::ServiceUnavailable),
        Outcome::SandboxError { .. } => Some(ReasonCode::SandboxUnavailable),
        Outcome::Interrupted => Some(ReasonCode::Interrupted),
        Outcome::Exited { .. } | Outcome::Signalled { .. } | Outcome::LimitExceeded { .. } => None,
    }
}
