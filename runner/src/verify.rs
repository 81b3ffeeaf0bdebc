//! The whole way of a change, from a request to a verdict.
//!
//! ```text
//! repository → base → policy → proposal → change → static rules
//!            → toolchains → plan → trees, layers, runs → evidence → decide → store
//! ```
//!
//! What is wrong with the request, the policy or the repository is an error; what is wrong with the
//! change, or could not be found out about it, is a verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use passmuster_policy::change::Change;
use passmuster_policy::decide::decide;
use passmuster_policy::evidence::{
    self, CheckEvidence, CheckResult, EnforcementState, Evidence, Subject, Timing, WhyNotRun,
};
use passmuster_policy::finding::{Finding, FindingLevel, fingerprint};
use passmuster_policy::policy::{Isolation, Policy};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::rules;
use passmuster_policy::verdict::Verdict;
use passmuster_process::{Enforcement, Launcher, State};

use crate::attempts;
use crate::base::{self, Base};
use crate::basis::{self, Basis};
use crate::cache::Cache;
use crate::content::Content;
use crate::digest::sha256;
use crate::error::UserError;
use crate::git::objects::TreeEntry;
use crate::host;
use crate::inspect;
use crate::interrupt::Stop;
use crate::layers::Snapshot;
use crate::loaded;
use crate::measure::Bench;
use crate::measured::Measured;
use crate::mixed;
use crate::obstacles::missing_content;
use crate::offline::{self, Offline};
use crate::parts::Texts;
use crate::past::{
    keep, known_candidate, remember_candidate, remember_network_logs, settle, stored_verdict,
    verdict_key,
};
use crate::plan::{CheckPlan, plan};
use crate::plugins;
use crate::policy_source::{self, Choice, Loaded};
use crate::progress::Progress;
use crate::proposal::{self, Input, Proposal, ProposalError};
use crate::repository::Repository;
use crate::reproduce::reproduce;
use crate::self_check::machine;
use crate::static_rules;
use crate::steering;
use crate::store::Store;
use crate::toolchains::Operator;

/// What is verified.
#[derive(Clone, Debug)]
pub enum Proposed {
    /// A patch, read already.
    Patch {
        /// Its bytes.
        bytes: Vec<u8>,
        /// File name, or `-`.
        name: String,
    },
    /// A revision.
    Head(String),
    /// The index.
    Staged,
    /// The working tree.
    WorkingTree,
    /// A proposal that was read before, through the repository that goes to [`verify_in`].
    Read(Box<Proposal>),
}

/// What the caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// A directory in the repository.
    pub repository: PathBuf,
    /// The change.
    pub proposed: Proposed,
    /// The base.
    pub base: base::Choice,
    /// Where the policy comes from.
    pub policy: Choice,
    /// The least isolation that the operator accepts, where that differs from the policy's.
    pub isolation: Option<Isolation>,
    /// Names given with `--check`.
    pub checks: Vec<String>,
    /// Whether stored results and verdicts count.
    pub use_stored: bool,
    /// Runs the checks although nothing changed, and stores no verdict: how does the base do?
    pub trial: bool,
}

/// What the program has to work with: authority, passed in.
#[derive(Clone, Debug)]
pub struct World {
    /// The cache.
    pub cache: Cache,
    /// What the process was started with.
    pub operator: Operator,
    /// Starts sandboxes.
    pub launcher: Launcher,
    /// Says what runs.
    pub progress: Progress,
    /// Ends everything.
    pub stop: Stop,
}

/// A verdict and the run that gave it.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The run's id, for `show`.
    pub run: String,
    /// The verdict.
    pub verdict: Verdict,
    /// True when it was stored before.
    pub stored: bool,
    /// Of a trial: tests of the base that the missing network may have failed.
    pub offline: Vec<Offline>,
}

/// Verifies a change.
pub async fn verify(world: &World, request: &Request) -> Result<Verified, UserError> {
    world.cache.sweep();
    let repository = Repository::open(&request.repository, &world.cache.git())?;
    verify_in(world, request, &repository).await
}

/// The same in a repository that is open.
pub async fn verify_in(
    world: &World,
    request: &Request,
    repository: &Repository,
) -> Result<Verified, UserError> {
    let start = Instant::now();
    let store = Store::open(&world.cache.history())?;
    let input = request.proposed.as_input();
    let base = match &request.base {
        base::Choice::ByForm => proposal::base_of(repository, input, None)?,
        base::Choice::Revision(revision) => proposal::base_of(repository, input, Some(revision))?,
        base::Choice::Known(base) => base.clone(),
    };
    let mut content = Content::new(repository.git(), &world.cache.git());
    let (base_tree, missing) = content.snapshot(repository, &base.tree)?;
    let mut basis = Basis::find(
        repository,
        &base_tree,
        &request.policy,
        &world.operator,
        &world.cache,
    )?;
    basis.accept(request.isolation);
    check_names(basis.policy(), &request.checks)?;
    let mut evidence = empty_evidence(request, &basis.loaded, subject(&base));
    if let Some(stored) = known_verdict(&store, request, &basis, &base_tree, &mut evidence)? {
        return Ok(stored);
    }
    let proposal = match proposal::with_base(repository, input, base) {
        Ok(proposal) => proposal,
        Err(error) if error.is_verdict() => {
            evidence.reasons.push(rejection(&error));
            let plans = plan(basis.policy(), &evidence.change, &request.checks);
            add_unmeasured(&mut evidence, &plans);
            evidence.timing.total_ms = millis(start.elapsed());
            let verdict = decide(basis.policy(), &evidence);
            return keep(&store, repository.root(), None, verdict);
        }
        Err(error) => return Err(error.into()),
    };
    let (candidate_tree, candidate_missing) =
        content.snapshot(repository, &proposal.candidate_tree)?;
    let trees = [&base_tree, &candidate_tree];
    add_proposal(&mut evidence, proposal);
    add_inspection(&mut evidence, repository, &basis, trees)?;
    remember_candidate(&store, trees, &evidence.subject)?;
    let key = verdict_key(
        request,
        &trees.map(Snapshot::content_id),
        &evidence,
        &basis.grants,
    );
    if let Some(stored) = stored_verdict(&store, request, &evidence, &key)? {
        return Ok(stored);
    }
    let (git, change) = (repository.git(), &evidence.change);
    let mut found = static_rules::inspect(git, change, basis.policy(), trees)?;
    found.extend(loaded::inspect(git, change, basis.policy(), &base_tree)?);
    evidence.findings.extend(found);
    let plans = plan(basis.policy(), &evidence.change, &request.checks);
    let mut network_logs = BTreeSet::new();
    if may_run(&evidence, request) {
        let case = Case {
            world,
            request,
            basis: &basis,
            store: &store,
        };
        let plugins = plugins::ready(&world.cache, git, &base_tree, &basis.loaded, &plans)?;
        let processes: Vec<CheckPlan<'_>> = plans
            .iter()
            .filter(|plan| !plugins::is_one(plan.check))
            .cloned()
            .collect();
        let mut measured = case
            .measure(&processes, trees, &evidence.change, &mut content)
            .await?;
        network_logs = std::mem::take(&mut measured.network_logs);
        add_measured(&mut evidence, measured);
        let scene = plugins::Scene {
            policy: basis.policy(),
            git,
            trees,
            evidence: &evidence,
            stop: &world.stop,
        };
        let answers = plugins::ask(plugins, &scene).await;
        evidence.checks.extend(answers);
    }
    add_unmeasured(&mut evidence, &plans);
    evidence
        .reasons
        .extend(world.stop.is_requested().then(interrupted));
    let new = candidate_missing
        .iter()
        .filter(|one| !missing.contains(one));
    evidence.reasons.extend(missing_content(new));
    if blames_base(&decide(basis.policy(), &evidence)) {
        evidence.reasons.extend(missing_content(missing.iter()));
    }
    evidence.timing.total_ms = millis(start.elapsed());
    let mut verdict = decide(basis.policy(), &evidence);
    let root = repository.root();
    if let Some(again) = attempts::flaky_again(&store, root, basis.policy(), &verdict)? {
        evidence.review.push(again);
        verdict = decide(basis.policy(), &evidence);
    }
    let verified = settle(&store, root, request, &evidence, &key, verdict)?;
    remember_network_logs(&store, &verified.run, &network_logs)?;
    let offline = match request.trial {
        true => offline::of(&evidence),
        false => Vec::new(),
    };
    Ok(Verified {
        offline,
        ..verified
    })
}

/// The stored verdict of a patch that this base has seen before: nothing is applied for it.
fn known_verdict(
    store: &Store,
    request: &Request,
    basis: &Basis,
    base: &Snapshot,
    evidence: &mut Evidence,
) -> Result<Option<Verified>, UserError> {
    let Some(patch) = request.proposed.patch_sha256() else {
        return Ok(None);
    };
    let Some(known) = known_candidate(store, base, &patch)? else {
        return Ok(None);
    };
    let trees = [base.content_id(), known.content];
    let key = verdict_key(request, &trees, evidence, &basis.grants);
    evidence.subject.candidate_tree = Some(known.tree);
    evidence.subject.patch_sha256 = Some(patch);
    stored_verdict(store, request, evidence, &key)
}

fn add_proposal(evidence: &mut Evidence, proposal: Proposal) {
    evidence.subject.candidate_tree = Some(proposal.candidate_tree);
    evidence.subject.patch_sha256 = proposal.patch_sha256;
    let notes = proposal.notes.iter().map(|note| remark(&note.to_string()));
    evidence.findings.extend(notes);
}

/// All that is known of the change before anything runs.
fn add_inspection(
    evidence: &mut Evidence,
    repository: &Repository,
    basis: &Basis,
    [base, candidate]: [&Snapshot; 2],
) -> Result<(), UserError> {
    let git = repository.git();
    let policy = basis.policy();
    evidence.change = inspect::change(git, &base.id, &candidate.id)?;
    let change = &evidence.change;
    evidence.findings.extend(rules::inspect(change, policy));
    evidence
        .findings
        .extend(mixed::inspect(git, change, policy)?);
    evidence
        .findings
        .extend(steering::inspect(git, change, policy)?);
    evidence.environment = host::environment(&basis.found.toolchains);
    let reasons = &mut evidence.reasons;
    reasons.extend(policy_source::candidate_problem(git, base, candidate)?);
    reasons.extend(basis.found.reasons.clone());
    reasons.extend(host::missing_for_candidate(
        policy,
        &basis.operator,
        &basis::pins(repository, candidate),
        change,
    ));
    reasons.sort();
    reasons.dedup();
    Ok(())
}

/// Whether there is a point in running anything of the candidate.
fn may_run(evidence: &Evidence, request: &Request) -> bool {
    evidence.reasons.is_empty()
        && !is_denied(evidence)
        && (request.trial || !evidence.change.files.is_empty())
}

/// What the runs of one verification need besides the trees.
struct Case<'a> {
    world: &'a World,
    request: &'a Request,
    basis: &'a Basis,
    store: &'a Store,
}

impl Case<'_> {
    /// Runs what the plan says on both trees. A machine on which nothing can run is a reason, not
    /// an error.
    async fn measure(
        &self,
        plans: &[CheckPlan<'_>],
        [base, candidate]: [&Snapshot; 2],
        change: &Change,
        content: &mut Content,
    ) -> Result<Measured, UserError> {
        if plans.iter().all(|plan| plan.left_out.is_some()) {
            return Ok(Measured::default());
        }
        let policy = self.basis.policy();
        let machine =
            match machine(self.world, &self.basis.grants, policy.sandbox.isolation).await? {
                Ok(machine) => machine,
                Err(reason) => {
                    return Ok(Measured {
                        reasons: vec![reason],
                        ..Measured::default()
                    });
                }
            };
        let texts = Texts::default();
        let bench = Bench {
            machine: &machine,
            grants: &self.basis.grants,
            policy,
            programs: &self.basis.programs,
            store: self.store,
            base,
            candidate,
            change,
            texts: &texts,
            progress: self.world.progress,
            use_stored: self.request.use_stored,
        };
        let mut read_blob = |entry: &TreeEntry| match texts.get(&entry.oid) {
            Some(made) => Ok(made),
            None => content.read(entry),
        };
        let mut workshop = self
            .basis
            .workshop(&machine, self.world.progress, &mut read_blob);
        let measured = bench.measure(plans, &mut workshop).await?;
        Ok(Measured {
            copied: !machine.overlay,
            isolation: Some(machine.isolation),
            ..measured
        })
    }
}

impl Proposed {
    /// Names a patch by its bytes as they came; the other forms have none.
    fn patch_sha256(&self) -> Option<String> {
        match self {
            Self::Patch { bytes, .. } => Some(sha256(bytes)),
            _ => None,
        }
    }

    /// The same, borrowed.
    #[must_use]
    pub fn as_input(&self) -> Input<'_> {
        match self {
            Self::Patch { bytes, name } => Input::Patch { bytes, name },
            Self::Head(revision) => Input::Head(revision),
            Self::Staged => Input::Staged,
            Self::WorkingTree => Input::WorkingTree,
            Self::Read(proposal) => Input::Read(proposal),
        }
    }
}

fn subject(base: &Base) -> Subject {
    Subject {
        base_tree: base.tree.clone(),
        candidate_tree: None,
        base_commit: base.commit.clone(),
        base_ref: base.ref_name.clone(),
        base_trust: Some(base.trust),
        patch_sha256: None,
    }
}

fn empty_evidence(request: &Request, loaded: &Loaded, subject: Subject) -> Evidence {
    Evidence {
        reproduce: Some(reproduce(request, &subject)),
        subject,
        policy: loaded.reference.clone(),
        environment: host::environment(&[]),
        enforcement: Vec::new(),
        isolation: None,
        change: Change::default(),
        checks: Vec::new(),
        findings: Vec::new(),
        reasons: Vec::new(),
        review: Vec::new(),
        timing: Timing::default(),
    }
}

fn rejection(error: &ProposalError) -> Reason {
    let code = error
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or(ReasonCode::PatchDoesNotApply);
    let hint = error
        .hint()
        .map(|hint| format!("; {hint}"))
        .unwrap_or_default();
    Reason {
        code,
        check: None,
        ids: Vec::new(),
        message: format!("{error}{hint}"),
    }
}

/// Something worth knowing that changes nothing.
fn remark(text: &str) -> Finding {
    Finding {
        rule: "proposal".to_owned(),
        level: FindingLevel::Note,
        check: None,
        path: None,
        path_b64: None,
        lines: None,
        related: Vec::new(),
        message: text.to_owned(),
        fix: None,
        new: true,
        fingerprint: fingerprint(&[b"proposal", text.as_bytes()]),
    }
}

/// A static rule already settles it, so nothing of the candidate needs to run.
fn is_denied(evidence: &Evidence) -> bool {
    evidence
        .findings
        .iter()
        .any(|finding| finding.level == FindingLevel::Deny)
}

fn add_measured(evidence: &mut Evidence, measured: Measured) {
    // Stored results were made in the same tier: it is in their key.
    evidence.isolation = measured.isolation.map(|tier| tier.name().to_owned());
    evidence.enforcement = measured.enforcement.iter().map(enforcement).collect();
    evidence
        .enforcement
        .extend(measured.copied.then(writes_unseen));
    evidence.checks = measured.checks;
    evidence
        .findings
        .extend(measured.remarks.iter().map(|text| remark(text)));
    evidence.reasons.extend(measured.reasons);
    evidence.reasons.sort();
    evidence.reasons.dedup();
}

/// Without overlays nothing tells which tracked files a run wrote to.
fn writes_unseen() -> evidence::Enforcement {
    evidence::Enforcement {
        protection: "tracked-file-writes".to_owned(),
        state: EnforcementState::Absent,
        why: Some("the kernel refuses overlays here, so trees are copies".to_owned()),
    }
}

/// A protection in the words of results.
pub fn enforcement(one: &Enforcement) -> evidence::Enforcement {
    evidence::Enforcement {
        protection: one.protection.to_string(),
        state: match one.state {
            State::Enforced => EnforcementState::Enforced,
            State::Degraded => EnforcementState::Degraded,
            State::Absent => EnforcementState::Absent,
        },
        why: one.why.clone(),
    }
}

/// Checks that never came to be measured are part of the evidence too, which is in the order of the policy.
fn add_unmeasured(evidence: &mut Evidence, plans: &[CheckPlan<'_>]) {
    let mut known: BTreeMap<String, CheckEvidence> = std::mem::take(&mut evidence.checks)
        .into_iter()
        .map(|check| (check.name.clone(), check))
        .collect();
    let not_run = |plan: &CheckPlan<'_>| CheckEvidence {
        name: plan.check.name.clone(),
        kind: plan.check.kind.name(),
        cached: Default::default(),
        log: None,
        usage: Default::default(),
        denials: Vec::new(),
        result: CheckResult::NotRun(plan.left_out.clone().unwrap_or(WhyNotRun::Blocked)),
    };
    evidence.checks = plans
        .iter()
        .map(|plan| {
            known
                .remove(&plan.check.name)
                .unwrap_or_else(|| not_run(plan))
        })
        .collect();
}

/// Whether a check does not work on the base; content that is not here would explain it.
fn blames_base(verdict: &Verdict) -> bool {
    let codes = [ReasonCode::BaselineFailed, ReasonCode::BaselineUnhealthy];
    verdict
        .reasons
        .iter()
        .any(|reason| codes.contains(&reason.code))
}

fn interrupted() -> Reason {
    Reason {
        code: ReasonCode::Interrupted,
        check: None,
        ids: Vec::new(),
        message: "the runner was asked to stop".to_owned(),
    }
}

fn check_names(policy: &Policy, names: &[String]) -> Result<(), UserError> {
    let unknown = names
        .iter()
        .find(|name| policy.check.iter().all(|check| check.name != **name));
    match unknown {
        None => Ok(()),
        Some(name) => {
            let known = policy
                .check
                .iter()
                .map(|check| check.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            Err(UserError::usage(format!(
                "the policy has no check `{name}`; it has: {known}"
            )))
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
