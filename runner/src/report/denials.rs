//! What the sandbox refused, in words: told where something failed, because it may be why.

use passmuster_policy::denial::{Denial, DenialKind, TreeDenial};
use passmuster_policy::evidence::TreeRole;
use passmuster_policy::verdict::{CheckStatus, CheckSummary, Verdict};

/// Refusals that are listed for one check; the JSON form has all of them.
const LISTED: usize = 8;

/// Whether something of this check failed, on either tree.
fn failed(verdict: &Verdict, check: &CheckSummary) -> bool {
    let red_before = verdict
        .tests
        .as_ref()
        .is_some_and(|tests| check.tests.is_some() && tests.preexisting > 0);
    red_before
        || matches!(
            check.status,
            CheckStatus::Failed | CheckStatus::Inconclusive
        )
}

/// Each thing once, and whether the base did it too.
fn distinct(denials: &[TreeDenial]) -> Vec<(&Denial, bool)> {
    let mut found: Vec<(&Denial, bool)> = Vec::new();
    for TreeDenial { tree, denial } in denials {
        let on_base = *tree == TreeRole::Base;
        let alike = |known: &Denial| {
            (known.kind, &known.target, &known.syscall)
                == (denial.kind, &denial.target, &denial.syscall)
        };
        match found.iter_mut().find(|(known, _)| alike(known)) {
            Some((_, base)) => *base |= on_base,
            None => found.push((denial, on_base)),
        }
    }
    found
}

/// The paragraph about one check for a person: what was refused, and what the operator can do.
pub(super) fn paragraph(verdict: &Verdict, check: &CheckSummary) -> Vec<String> {
    let refused = distinct(&check.denials);
    if refused.is_empty() || !failed(verdict, check) {
        return Vec::new();
    }
    let mut lines = vec!["refused in the sandbox, which may be why:".to_owned()];
    lines.extend(refused.iter().take(LISTED).map(|(denial, on_base)| {
        let too = if *on_base { " (on the base too)" } else { "" };
        format!("- {}{too}", denial.describe())
    }));
    if refused.len() > LISTED {
        lines.push(format!(
            "- and {} more: see --format json",
            refused.len() - LISTED
        ));
    }
    let needs_network = refused
        .iter()
        .any(|(denial, base)| *base && denial.is_network());
    if needs_network && check.tests.is_some() {
        lines.push("for whoever keeps the policy: tests that need a network cannot run here; name their ids in this check's `unavailable`".to_owned());
    }
    lines
}

/// One line a check for a model: the check's name, what it wants, and the strongest example.
pub(super) fn lines(verdict: &Verdict) -> Vec<(String, &'static str, String)> {
    let checks = verdict.checks.iter().filter(|check| failed(verdict, check));
    let line = |check: &CheckSummary| {
        let refused = distinct(&check.denials);
        let (first, on_base) = *refused.first()?;
        Some((
            check.name.clone(),
            wants(first.kind, on_base),
            first.describe(),
        ))
    };
    checks.filter_map(line).collect()
}

fn wants(kind: DenialKind, on_base: bool) -> &'static str {
    match (kind, on_base) {
        (DenialKind::Network | DenialKind::NameLookup, false) => {
            "needs the network, which the base did not and no check has"
        }
        (DenialKind::Network | DenialKind::NameLookup, true) => {
            "needs the network, on the base too, and no check has it"
        }
        (DenialKind::Decoy, _) => "looks for credentials",
        (DenialKind::Write, _) => "writes outside the tree",
        (DenialKind::SystemCall, _) => "was refused a system call",
    }
}
