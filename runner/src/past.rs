//! Past verdicts: the second answer for the same candidate is the first one.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use passmuster_policy::evidence::{Evidence, Subject};
use passmuster_policy::policy::Isolation;
use passmuster_policy::reason::ReasonCode;
use passmuster_policy::verdict::{Decision, Verdict};
use serde::{Deserialize, Serialize};

use crate::attempts;
use crate::digest::digest;
use crate::error::UserError;
use crate::grants::Grants;
use crate::layers::Snapshot;
use crate::report::word;
use crate::store::{Store, VerdictRow};
use crate::verify::{Request, Verified};

/// Raised whenever the same evidence would lead to another verdict.
const FORMAT: u32 = 11;

/// What a patch made of a base.
#[derive(Debug, Serialize, Deserialize)]
pub struct KnownCandidate {
    /// The candidate's tree id.
    pub tree: String,
    /// Its content id.
    pub content: String,
}

/// The candidate that this patch made of this base in an earlier run. With it a stored verdict is
/// found before the patch is applied and the candidate is listed; it serves for nothing else.
pub fn known_candidate(
    store: &Store,
    base: &Snapshot,
    patch_sha256: &str,
) -> Result<Option<KnownCandidate>, UserError> {
    let json = store.result(&patch_key(base, patch_sha256))?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Keeps what a patch made of its base; where the candidate lacks other content than the base does,
/// that may be fetched any time, and the next run has to look again.
pub fn remember_candidate(
    store: &Store,
    [base, candidate]: [&Snapshot; 2],
    subject: &Subject,
) -> Result<(), UserError> {
    let Some(patch) = subject
        .patch_sha256
        .as_ref()
        .filter(|_| base.absent == candidate.absent)
    else {
        return Ok(());
    };
    let known = KnownCandidate {
        tree: candidate.id.clone(),
        content: candidate.content_id(),
    };
    let json = serde_json::to_string(&known).map_err(io::Error::from)?;
    Ok(store.put_result(&patch_key(base, patch), &json)?)
}

/// Keeps where a run's prepare steps wrote down what they reached. No verdict names a place of this
/// machine.
pub fn remember_network_logs(
    store: &Store,
    run: &str,
    logs: &BTreeSet<PathBuf>,
) -> Result<(), UserError> {
    if logs.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(logs).map_err(io::Error::from)?;
    Ok(store.put_result(&network_key(run), &json)?)
}

/// The files of a run that are still there: they go with their layers.
pub fn network_logs(store: &Store, run: &str) -> Result<Vec<PathBuf>, UserError> {
    let json = store.result(&network_key(run))?;
    let logs: Vec<PathBuf> = json
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default();
    Ok(logs.into_iter().filter(|log| log.is_file()).collect())
}

fn network_key(run: &str) -> String {
    digest(&("network logs", run))
}

/// All that a patch's candidate depends on.
fn patch_key(base: &Snapshot, patch_sha256: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    digest(&("patch", FORMAT, version, base.content_id(), patch_sha256))
}

/// All that a verdict depends on: the trees by their content ids, however they came to be, and what they were measured by.
/// The same candidate as a patch, a commit or a working tree is the same candidate.
pub fn verdict_key(
    request: &Request,
    trees: &[String; 2],
    evidence: &Evidence,
    grants: &Grants,
) -> String {
    let mut checks = request.checks.clone();
    checks.sort();
    checks.dedup();
    digest(&(
        FORMAT,
        env!("CARGO_PKG_VERSION"),
        trees,
        &evidence.policy.sha256,
        grants.digest(),
        &checks,
        // One that was reached with less is no answer to who asks for more.
        request.isolation.map(Isolation::name),
    ))
}

/// The verdict that counts for this key, unless the operator wants it measured again.
pub fn stored_verdict(
    store: &Store,
    request: &Request,
    evidence: &Evidence,
    key: &str,
) -> Result<Option<Verified>, UserError> {
    if !request.use_stored || request.trial {
        return Ok(None);
    }
    let Some(found) = store.verdict(key)? else {
        return Ok(None);
    };
    // What an older version wrote and this one cannot read is measured again.
    let Ok(verdict) = serde_json::from_str::<Verdict>(&found.json) else {
        return Ok(None);
    };
    Ok(Some(Verified {
        run: found.run,
        verdict: in_this_form(verdict, evidence),
        stored: true,
        offline: Vec::new(),
    }))
}

/// A stored verdict under the names that this request has for base, candidate and policy.
fn in_this_form(verdict: Verdict, evidence: &Evidence) -> Verdict {
    Verdict {
        subject: evidence.subject.clone(),
        policy: evidence.policy.clone(),
        reproduce: evidence.reproduce.clone(),
        ..verdict
    }
}

/// Settles what counts from now on and stores it. Measuring again may find something new; it never
/// takes back what was found. What another runner stored meanwhile counts as well: running several
/// at once is no way to choose among answers.
pub fn settle(
    store: &Store,
    repository: &Path,
    request: &Request,
    evidence: &Evidence,
    key: &str,
    fresh: Verdict,
) -> Result<Verified, UserError> {
    if request.trial {
        return keep(store, repository, None, fresh);
    }
    let begun = store.begin()?;
    let verdict = worse_of_stored(store, evidence, key, fresh)?;
    let verified = keep(store, repository, Some(key), verdict)?;
    begun.commit()?;
    Ok(verified)
}

fn worse_of_stored(
    store: &Store,
    evidence: &Evidence,
    key: &str,
    fresh: Verdict,
) -> Result<Verdict, UserError> {
    let stored: Option<Verdict> = store
        .verdict(key)?
        .and_then(|found| serde_json::from_str(&found.json).ok());
    Ok(stored
        .filter(|stored| stored.verdict > fresh.verdict)
        .map_or(fresh, |stored| in_this_form(stored, evidence)))
}

/// Stores the verdict under a new run id. `key` is none where there is nothing to find it by.
pub fn keep(
    store: &Store,
    repository: &Path,
    key: Option<&str>,
    mut verdict: Verdict,
) -> Result<Verified, UserError> {
    let run = new_run_id(&verdict);
    verdict.attempts = attempts::count(store, repository, &verdict)?;
    attempts::remember_flaky(store, repository, &verdict)?;
    let json = serde_json::to_string(&verdict).map_err(io::Error::from)?;
    let candidate = verdict.subject.candidate_tree.as_deref();
    let candidate = candidate.filter(|_| verdict.attempts.is_some());
    store.put_verdict(VerdictRow {
        run: &run,
        key: key.filter(|_| is_lasting(&verdict)).unwrap_or_default(),
        repository: &repository.to_string_lossy(),
        base: &verdict.subject.base_tree,
        candidate: candidate.unwrap_or_default(),
        verdict: word(verdict.verdict),
        json: &json,
    })?;
    Ok(Verified {
        run,
        verdict,
        stored: false,
        offline: Vec::new(),
    })
}

/// Whether the verdict is about the change. What only says that this machine lacked something is
/// measured again when it may have it.
fn is_lasting(verdict: &Verdict) -> bool {
    use ReasonCode::{BaselineUnhealthy, ChangedCodeNotTested, EmptyChange, NoTests, PartialRun};
    let about_change = [
        BaselineUnhealthy,
        ChangedCodeNotTested,
        EmptyChange,
        NoTests,
        PartialRun,
    ];
    verdict.verdict != Decision::Inconclusive
        || verdict
            .reasons
            .iter()
            .all(|reason| about_change.contains(&reason.code))
}

/// Sixteen hex digits: unique on this machine for all practical purposes, short enough to type.
fn new_run_id(verdict: &Verdict) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let id = digest(&(
        now.as_nanos().to_string(),
        std::process::id(),
        &verdict.digest,
    ));
    id.chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_source::Choice;
    use crate::verify::Proposed;

    fn verdict(word: &str) -> Verdict {
        let json = serde_json::json!({
            "schema": "", "verdict": word, "reasons": [], "review": [],
            "subject": { "base_tree": word, "candidate_tree": null, "base_commit": null, "base_ref": null,
                "base_trust": null, "patch_sha256": null },
            "policy": { "source": "base", "path": null, "sha256": "", "presets": [] },
            "enforcement": [], "isolation": null, "environment": { "runner": "", "os": "", "toolchains": [] },
            "checks": [], "tests": null, "controls": null, "findings": [], "next_steps": [],
            "reproduce": null, "timing": { "total_ms": 0, "setup_ms": null }, "digest": ""
        });
        serde_json::from_value(json).unwrap()
    }

    /// What counts when `stored` is there by the time that `fresh` is known.
    fn counts(use_stored: bool, trial: bool, stored: &str, fresh: &str) -> Verdict {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("history.db")).unwrap();
        let json = serde_json::to_string(&verdict(stored)).unwrap();
        let row = VerdictRow {
            run: "1",
            key: "key",
            repository: "",
            base: "",
            candidate: "",
            verdict: stored,
            json: &json,
        };
        store.put_verdict(row).unwrap();
        let request = Request {
            repository: dir.path().to_owned(),
            proposed: Proposed::WorkingTree,
            base: Default::default(),
            policy: Choice::Base,
            isolation: None,
            checks: Vec::new(),
            use_stored,
            trial,
        };
        let fresh = verdict(fresh);
        let evidence = Evidence {
            subject: fresh.subject.clone(),
            policy: fresh.policy.clone(),
            environment: fresh.environment.clone(),
            enforcement: Vec::new(),
            isolation: None,
            change: Default::default(),
            checks: Vec::new(),
            findings: Vec::new(),
            reasons: Vec::new(),
            review: Vec::new(),
            reproduce: None,
            timing: fresh.timing,
        };
        settle(&store, dir.path(), &request, &evidence, "key", fresh)
            .unwrap()
            .verdict
    }

    #[test]
    fn the_worse_of_two_answers_counts_however_they_came_to_be() {
        for (use_stored, trial, stored, fresh, expected) in [
            (true, false, "fail", "pass", Decision::Fail),
            (false, false, "fail", "pass", Decision::Fail),
            (true, false, "pass", "review", Decision::Review),
            (true, false, "pass", "pass", Decision::Pass),
            (true, true, "inconclusive", "pass", Decision::Pass),
        ] {
            let found = counts(use_stored, trial, stored, fresh);
            assert_eq!(
                found.verdict, expected,
                "{use_stored} {trial} {stored} {fresh}"
            );
            assert_eq!(
                found.subject.base_tree, fresh,
                "its subject is the request's own"
            );
        }
    }
}
