//! What stands in the way of measuring, as reasons of a verdict.

use std::collections::BTreeSet;

use passmuster_policy::evidence::TreeRole;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Check;
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::run::{Outcome, TestRun};

use crate::adapters::AdapterError;
use crate::git::stores::{External, ExternalKind};
use crate::layers::LayerError;
use crate::runs::RunError;
use crate::session::SessionError;
use passmuster_policy::text::{block, line};

/// Most bytes of a log that a reason quotes.
const QUOTE: usize = 1000;
/// Most paths that a reason names in its message; its ids hold all of them.
const NAMED: usize = 5;

/// What package managers say when they need something that is not there and may not fetch it.
const OFFLINE: [&str; 9] = [
    "--offline was specified",
    "offline mode",
    "Network connectivity is disabled",
    "network was disabled",
    "ENOTCACHED",
    "Could not resolve host",
    "Temporary failure in name resolution",
    "failed to lookup address information",
    "No matching distribution found",
];

/// True when a log says that something could not be had without the network. A candidate can print
/// the same words: that turns its fail into inconclusive, never into a pass.
pub fn needs_network(log: &str) -> bool {
    OFFLINE.iter().any(|phrase| log.contains(phrase))
}

/// True when a text says that something could not be renamed from one file system to another, in
/// the words of C libraries and language runtimes. Within the tree that means: a directory of a
/// lower layer, which an overlay cannot rename.
pub fn rename_refused(text: &str) -> bool {
    text.contains("EXDEV") || text.to_ascii_lowercase().contains("cross-device link")
}

/// All that a test run says about what went wrong.
pub fn complaints(run: &TestRun) -> impl Iterator<Item = &str> {
    let failures = run.tests.iter().filter_map(|test| test.failure.as_ref());
    let failures = failures.flat_map(|one| [one.message.as_str(), one.detail.as_str()]);
    let broken = run.broken_units.iter().map(|unit| unit.message.as_str());
    failures.chain(broken).chain([run.log_tail.as_str()])
}

/// A prepare step that did not work, as a reason; the error itself where it is ours.
pub fn step_reason(check: &Check, role: TreeRole, error: LayerError) -> Result<Reason, LayerError> {
    let reason = |code, step: &str, message: String| {
        Ok(Reason {
            code,
            check: Some(check.name.clone()),
            ids: vec![step.to_owned()],
            message,
        })
    };
    match error {
        LayerError::Failed {
            ref step,
            ref outcome,
            ref network,
            ref log,
        } => {
            let code = match network.is_empty() || *outcome == Outcome::Interrupted {
                true => step_code(role, outcome, log),
                false => ReasonCode::PrepareUnavailable,
            };
            let named = network.iter().take(NAMED).map(|one| format!("; {one}"));
            let message = format!(
                "{error} on the {}{}: {}",
                role_name(role),
                named.collect::<String>(),
                quote(log)
            );
            reason(code, step, message)
        }
        LayerError::Unavailable { ref step, .. } => {
            reason(ReasonCode::PrepareUnavailable, step, error.to_string())
        }
        LayerError::Missing {
            ref step,
            ref missing,
        } => reason(
            ReasonCode::ToolMissing,
            step,
            format!("prepare step `{step}`: {missing}"),
        ),
        LayerError::Session(SessionError::Sandbox(_) | SessionError::NeverAlone) => {
            Ok(sandbox_reason(&error.to_string()))
        }
        other => Err(other),
    }
}

fn step_code(role: TreeRole, outcome: &Outcome, log: &str) -> ReasonCode {
    match (outcome, role) {
        (Outcome::Interrupted, _) => ReasonCode::Interrupted,
        _ if needs_network(log) => ReasonCode::PrepareUnavailable,
        (_, TreeRole::Base) => ReasonCode::BaselineFailed,
        _ => ReasonCode::PrepareFailed,
    }
}

/// A run that could not be carried out, as a reason.
pub fn run_reason(check: &Check, error: &RunError) -> Reason {
    match error {
        RunError::Session(SessionError::Sandbox(problem))
        | RunError::Adapter(AdapterError::Launch(SessionError::Sandbox(problem))) => {
            sandbox_reason(&problem.to_string())
        }
        RunError::Session(SessionError::NeverAlone) => sandbox_reason(&error.to_string()),
        other => Reason {
            code: ReasonCode::ToolError,
            check: Some(check.name.clone()),
            ids: Vec::new(),
            message: other.to_string(),
        },
    }
}

/// The sandbox cannot be had.
pub fn sandbox_reason(problem: &str) -> Reason {
    Reason {
        code: ReasonCode::SandboxUnavailable,
        check: None,
        ids: Vec::new(),
        message: problem.to_owned(),
    }
}

/// The change writes into what a prepare step made.
pub fn shadowed_reason(check: &Check, paths: &[RepoPath]) -> Reason {
    let ids: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let named = ids
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    Reason {
        code: ReasonCode::EnvironmentShadowed,
        check: Some(check.name.clone()),
        message: format!("the change touches files that a prepare step makes: {named}"),
        ids,
    }
}

/// Large files and submodules that are not on this machine: without them nothing that a check says
/// is about the tree.
pub fn missing_content<'a>(missing: impl Iterator<Item = &'a External> + Clone) -> Vec<Reason> {
    let of = |kind, code, message: &str| {
        let here = missing.clone().filter(|one| one.kind == kind);
        let ids: BTreeSet<String> = here.map(|one| one.path.to_string()).collect();
        (!ids.is_empty()).then(|| Reason {
            code,
            check: None,
            ids: ids.into_iter().collect(),
            message: message.to_owned(),
        })
    };
    let large = "large files are not here; `git lfs fetch` gets them";
    let submodules = "submodules are not here; `git submodule update --init --recursive` gets them";
    let lfs = of(ExternalKind::Lfs, ReasonCode::LfsMissing, large);
    lfs.into_iter()
        .chain(of(
            ExternalKind::Submodule,
            ReasonCode::SubmoduleMissing,
            submodules,
        ))
        .collect()
}

/// How a tree is called in messages.
pub fn role_name(role: TreeRole) -> &'static str {
    match role {
        TreeRole::Base => "base",
        TreeRole::Candidate => "candidate",
        TreeRole::Oracle => "oracle",
        TreeRole::Probe => "probe",
    }
}

/// The first error of a log and what follows it, on one line; else its end, where errors mostly are.
fn quote(log: &str) -> String {
    let log = block(log, usize::MAX);
    let error = log
        .lines()
        .position(|text| text.to_ascii_lowercase().contains("error:"));
    if let Some(first) = error {
        let rest: Vec<&str> = log.lines().skip(first).collect();
        return line(&rest.join(" "), QUOTE);
    }
    let start = log.len().saturating_sub(QUOTE);
    let start = (start..=log.len())
        .find(|at| log.is_char_boundary(*at))
        .unwrap_or(0);
    line(log.get(start..).unwrap_or_default(), QUOTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_package_managers_say_without_a_network_is_recognised() {
        let said = [
            "error: no matching package named `left-pad` found … As a reminder, you're using offline mode (--offline)",
            "npm error code ENOTCACHED",
            "  ├─▶ Network connectivity is disabled, but the requested data wasn't found in the cache",
            "error: failed to download `x`: attempting to make an HTTP request, but --offline was specified",
        ];
        for log in said {
            assert!(needs_network(log), "{log}");
        }
        assert!(!needs_network("assert 1 == 2"));
    }

    #[test]
    fn a_rename_across_layers_is_recognised_in_the_words_of_each_runtime() {
        let said = [
            "OSError: [Errno 18] Invalid cross-device link: 'src' -> 'moved'",
            "Error: EXDEV: cross-device link not permitted, rename 'a' -> 'b'",
            "rename a b: invalid cross-device link",
            "called `Result::unwrap()` on an `Err` value: Os { code: 18, kind: CrossesDevices, message: \"Invalid cross-device link\" }",
        ];
        assert!(said.iter().all(|text| rename_refused(text)));
        assert!(!rename_refused("OSError: [Errno 13] Permission denied"));
    }

    #[test]
    fn a_quote_begins_at_the_first_error() {
        let log = format!(
            "building\nm.c:3: error: no such type\n{}",
            "advice\n".repeat(300)
        );
        assert!(quote(&log).starts_with("m.c:3: error: no such type advice"));
    }

    #[test]
    fn a_quote_without_an_error_keeps_the_end_of_a_log() {
        let log = format!("{}\nthe error", "x\n".repeat(2000));
        assert!(quote(&log).ends_with("the error"));
        assert!(quote(&log).len() <= QUOTE);
    }
}
