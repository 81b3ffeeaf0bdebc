//! The decision: evidence and policy in, one verdict out. Pure and total.
//!
//! Each check is judged by itself; what it found goes into one ledger. The word follows the
//! strongest entry, every entry stays listed. Only an empty ledger is a pass, so whatever could
//! not be measured has to leave an entry.

mod command;
mod controls;
mod digest;
mod findings;
mod frames;
mod ledger;
mod lint;
mod next_steps;
mod plugin;
mod provenance;
mod runs;
mod summary;
mod test_check;

pub use next_steps::action;

use std::collections::BTreeSet;

use crate::change::Change;
use crate::evidence::{CheckEvidence, CheckResult, Evidence, TreeRole, WhyNotRun};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::plugin::PluginEvidence;
use crate::policy::{Check, CheckKind, Isolation, Policy};
use crate::reason::{Level, Reason, ReasonCode};
use crate::run::Usage;
use crate::text;
use crate::verdict::{CheckStatus, CheckSummary, SCHEMA, Verdict};

use findings::Found;
use ledger::Ledger;
use summary::Judged;

/// Most bytes of a check's log in the verdict; the rest is not kept.
const LOG_CAP: usize = 64 * 1024;

/// Most bytes of what a plugin says of itself in the verdict.
const SUMMARY_CAP: usize = 1024;

/// Gives the verdict.
pub fn decide(policy: &Policy, evidence: &Evidence) -> Verdict {
    let mut ledger = Ledger::default();
    about_the_whole(policy, evidence, &mut ledger);
    let mut judged = Vec::new();
    let mut checks = Vec::new();
    let mut findings = evidence.findings.clone();
    for check in &policy.check {
        let found =
            plugin::findings(check, evidence).unwrap_or_else(|| lint::findings(check, evidence));
        findings::judge(policy, &found.findings, &mut ledger);
        checks.push(judge(
            policy,
            check,
            evidence,
            &found,
            &mut ledger,
            &mut judged,
        ));
        findings.extend(found.findings);
    }
    let (reasons, review, notes) = ledger.close();
    findings.extend(notes);
    findings.sort();
    findings.dedup();
    let mut environment = evidence.environment.clone();
    environment.toolchains.sort();
    let mut verdict = Verdict {
        schema: SCHEMA.to_owned(),
        verdict: ledger::word(&reasons, &review),
        next_steps: next_steps::of(&reasons, &review, &checks),
        reasons,
        review,
        subject: evidence.subject.clone(),
        policy: evidence.policy.clone(),
        enforcement: evidence.enforcement.clone(),
        isolation: evidence.isolation.clone(),
        environment,
        checks,
        tests: summary::of(&judged, &changed_files(&evidence.change)),
        controls: controls::summary(evidence),
        findings,
        reproduce: evidence.reproduce.clone(),
        attempts: None,
        timing: evidence.timing,
        digest: String::new(),
    };
    verdict.digest = digest::of(&verdict);
    verdict
}

/// The files that the change writes.
fn changed_files(change: &Change) -> BTreeSet<&RepoPath> {
    change.files.iter().map(|file| &file.path).collect()
}

/// Everything that belongs to no single check.
fn about_the_whole(policy: &Policy, evidence: &Evidence, ledger: &mut Ledger) {
    for reason in &evidence.reasons {
        ledger.at(counts(policy, reason.check.as_deref()), reason.clone());
    }
    evidence
        .review
        .iter()
        .for_each(|review| ledger.review(review.clone()));
    findings::judge(policy, &evidence.findings, ledger);
    if is_empty(evidence) {
        ledger.reason(
            ReasonCode::EmptyChange,
            None,
            [],
            "the candidate equals the base",
        );
    }
    if policy.check.is_empty() {
        ledger.reason(ReasonCode::CheckNotRun, None, [], "the policy has no check");
    }
    let ran = evidence.checks.iter().any(|check| {
        !matches!(
            check.result,
            CheckResult::NotRun(_) | CheckResult::Plugin(_)
        )
    });
    // Plugins need no sandbox of processes: they have their own.
    if ran && !isolated(policy.sandbox.isolation, evidence.isolation.as_deref()) {
        let reached = evidence.isolation.as_deref().unwrap_or("none");
        let message =
            format!("the isolation that was reached is `{reached}`, weaker than required");
        ledger.reason(ReasonCode::SandboxUnavailable, None, [], message);
    }
}

/// Whether what is said of a check, or of the whole run, counts: only a check that the policy says is
/// not required is left to a note.
fn counts(policy: &Policy, check: Option<&str>) -> bool {
    let optional = |one: &Check| Some(one.name.as_str()) == check && !one.required;
    !policy.check.iter().any(optional)
}

/// Whether there is nothing to verify. The trees say so; a change that lists no file only shows that
/// nobody looked.
fn is_empty(evidence: &Evidence) -> bool {
    evidence.subject.candidate_tree.as_ref() == Some(&evidence.subject.base_tree)
}

/// Whether the isolation that was reached is at least the required one.
pub(crate) fn isolated(required: Isolation, reached: Option<&str>) -> bool {
    let accepted = |tier: &Isolation| *tier <= required && Some(tier.name()) == reached;
    Isolation::ALL.iter().any(accepted)
}

/// Judges one check and writes down what came out.
fn judge<'a>(
    policy: &Policy,
    check: &'a Check,
    evidence: &Evidence,
    found: &Found,
    ledger: &mut Ledger,
    judged: &mut Vec<Judged<'a>>,
) -> CheckSummary {
    let known = evidence
        .checks
        .iter()
        .find(|known| known.name == check.name);
    let mut own = Ledger::default();
    let ran = match known.map(|known| &known.result) {
        None => not_run(
            check,
            evidence,
            &WhyNotRun::Other("nothing is known of it".into()),
            &mut own,
        ),
        Some(CheckResult::NotRun(why)) => not_run(check, evidence, why, &mut own),
        Some(CheckResult::Command(outcomes)) if check.kind == CheckKind::Command => {
            let log = known.and_then(|known| known.log.as_deref());
            command::judge(check, outcomes, log, &mut own);
            CheckStatus::Passed
        }
        Some(CheckResult::Test(runs)) => match &check.kind {
            CheckKind::Test(test) => {
                let change = &evidence.change;
                let comparison = test_check::judge(policy, check, test, runs, change, &mut own);
                judged.extend(comparison.map(|comparison| Judged {
                    check,
                    test,
                    comparison,
                }));
                CheckStatus::Passed
            }
            _ => mismatch(check, &mut own),
        },
        Some(CheckResult::Lint(runs)) => match &check.kind {
            CheckKind::Lint(tool) => lint::judge(check, tool, runs, found, &mut own),
            _ => mismatch(check, &mut own),
        },
        Some(CheckResult::Plugin(said)) => match &check.kind {
            CheckKind::Plugin(asked) => plugin::judge(check, asked, said, found, &mut own),
            _ => mismatch(check, &mut own),
        },
        Some(CheckResult::Command(_)) => mismatch(check, &mut own),
    };
    let blocked = evidence
        .reasons
        .iter()
        .any(|reason| reason.check.as_ref() == Some(&check.name));
    let status = match own.strongest() {
        Some(Level::Fail) if ran == CheckStatus::Passed => CheckStatus::Failed,
        Some(Level::Inconclusive | Level::Usage) if ran == CheckStatus::Passed => {
            CheckStatus::Inconclusive
        }
        _ if blocked && ran == CheckStatus::Passed => CheckStatus::Inconclusive,
        _ => ran,
    };
    ledger.absorb(own, check.required);
    summary_of(check, known, status, found)
}

fn mismatch(check: &Check, own: &mut Ledger) -> CheckStatus {
    let message = "the evidence is of another kind than the check";
    own.reason(ReasonCode::CheckNotRun, Some(check), [], message);
    CheckStatus::NotRun
}

fn not_run(check: &Check, evidence: &Evidence, why: &WhyNotRun, own: &mut Ledger) -> CheckStatus {
    let touched = |paths: &crate::policy::Globs| {
        evidence
            .change
            .files
            .iter()
            .any(|file| crate::rules::touches(file, paths))
    };
    match why {
        WhyNotRun::NotTouched if check.paths.as_ref().is_some_and(|paths| !touched(paths)) => {
            return CheckStatus::NotApplicable;
        }
        WhyNotRun::NotTouched => {
            let message = "left out, although the change touches its paths";
            own.reason(ReasonCode::CheckNotRun, Some(check), [], message);
        }
        WhyNotRun::NotSelected => {
            own.reason(
                ReasonCode::PartialRun,
                Some(check),
                [],
                "it was not asked for",
            );
        }
        WhyNotRun::Blocked if explained(check, evidence) => {}
        WhyNotRun::Blocked => {
            own.reason(
                ReasonCode::CheckNotRun,
                Some(check),
                [],
                "nothing says what blocked it",
            );
        }
        WhyNotRun::Other(why) => {
            own.reason(ReasonCode::CheckNotRun, Some(check), [], why.clone());
        }
    }
    CheckStatus::NotRun
}

/// Whether it is known why the check did not run: a reason names it or the whole run, a rule denied
/// the change before anything ran, or there is no change.
fn explained(check: &Check, evidence: &Evidence) -> bool {
    let names = |reason: &&Reason| reason.check.as_ref().is_none_or(|name| *name == check.name);
    // What a check itself found may be a mere note.
    let denied = |finding: &Finding| finding.level == FindingLevel::Deny && finding.check.is_none();
    let reasons = evidence.reasons.iter().filter(names);
    is_empty(evidence)
        || evidence.findings.iter().any(denied)
        || reasons
            .map(|reason| reason.code.level())
            .any(|level| level >= Level::Inconclusive)
}

fn summary_of(
    check: &Check,
    known: Option<&CheckEvidence>,
    status: CheckStatus,
    found: &Found,
) -> CheckSummary {
    let result = known.map(|known| &known.result);
    let mut assurance = None;
    let (trees, tests) = match result {
        Some(CheckResult::Test(runs)) => {
            let ran = runs.candidate.as_ref();
            assurance = ran.map(|_| controls::assurance_of(runs));
            let mut trees = vec![TreeRole::Base];
            trees.extend(runs.candidate.as_ref().map(|_| TreeRole::Candidate));
            trees.extend(runs.oracle.run().map(|_| TreeRole::Oracle));
            trees.extend(runs.probe.as_ref().map(|_| TreeRole::Probe));
            (
                trees,
                runs.candidate.as_ref().map(|run| run.tests.len() as u64),
            )
        }
        Some(CheckResult::Command(outcomes)) => {
            let base = outcomes.base.as_ref().map(|_| TreeRole::Base);
            let candidate = outcomes.candidate.as_ref().map(|_| TreeRole::Candidate);
            (base.into_iter().chain(candidate).collect(), None)
        }
        Some(CheckResult::Lint(_)) => (vec![TreeRole::Base, TreeRole::Candidate], None),
        Some(CheckResult::NotRun(_) | CheckResult::Plugin(_)) | None => (Vec::new(), None),
    };
    let report = match result {
        Some(CheckResult::Plugin(PluginEvidence::Reported(report))) => Some(report),
        _ => None,
    };
    CheckSummary {
        name: check.name.clone(),
        kind: check.kind.name(),
        required: check.required,
        status,
        assurance,
        cached: known
            .map(|known| known.cached.iter().copied().collect())
            .unwrap_or_default(),
        trees,
        runs: runs::notes(known),
        findings: found.reported,
        new_findings: found.new,
        summary: report
            .and_then(|report| report.summary.as_ref())
            .map(|summary| text::line(summary, SUMMARY_CAP)),
        metrics: report.map_or_else(Vec::new, |report| report.metrics.clone()),
        tests,
        usage: known.map_or_else(Usage::default, |known| known.usage),
        denials: known.map_or_else(Vec::new, |known| known.denials.clone()),
        log: known
            .and_then(|known| known.log.as_ref())
            .map(|log| text::block(log, LOG_CAP)),
    }
}

/// The note that a check which is not required leaves instead of a reason.
fn note(reason: &Reason) -> Finding {
    let mut note = Finding::built_in(
        reason.code,
        FindingLevel::Note,
        None,
        &format!(
            "{}\0{}",
            reason.check.as_deref().unwrap_or_default(),
            reason.ids.join("\0")
        ),
        reason.message.clone(),
    );
    note.check = reason.check.clone();
    note
}

#[cfg(test)]
mod tests;
