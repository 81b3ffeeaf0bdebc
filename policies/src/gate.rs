//! The gate: may this tree be merged, by these statements? Pure and total.
//!
//! Who asks has checked the signatures already and found out what is wanted by itself: the tree that is about to be merged, its base, the
//! policy of that base as it is now. Nothing of it is taken from a statement. Each thing that does not fit is a [`Refusal`] with a code
//! of its own, and all of them are listed; only an empty list lets a change through. An approval stands in for a person's look at a
//! review and for nothing else.

use std::fmt;

use crate::decide;
use crate::evidence::PolicySource;
use crate::moment::Moment;
use crate::policy::{Isolation, Policy, TimeLimit};
use crate::record::CheckRecord;
use crate::statement::{ApprovalStatement, VerdictStatement};
use crate::text;
use crate::verdict::{CheckStatus, Decision};

/// So far a signer's clock may be ahead of ours, in seconds.
const AHEAD: i64 = 300;

/// Most bytes of a word of a statement in a message: ids and digests are shorter.
const WORD: usize = 100;

/// What has to hold, found out by who asks.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Tree id of what is about to be merged.
    pub tree: &'a str,
    /// Tree id of its base.
    pub base: &'a str,
    /// Where the default branch has moved on since: its name and its commit. None where the base is its tip, or was pinned.
    pub moved_on: Option<(String, String)>,
    /// The policy that counts now.
    pub policy: &'a Policy,
    /// Its digest.
    pub policy_sha256: &'a str,
    /// Whether a policy that nobody wrote may have decided.
    pub allow_detected: bool,
    /// The time of who asks.
    pub now: Moment,
    /// How old a statement may be.
    pub max_age: TimeLimit,
}

/// Whose signature stands under an approval, by the operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approver {
    /// A key of the list that may approve now.
    Listed {
        /// The principals that the list names for it.
        principals: String,
    },
    /// Somebody else, or nobody at all; why, for people.
    Refused {
        /// What is wrong.
        why: String,
    },
}

/// An approval and who signed it.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedApproval {
    /// What was signed.
    pub statement: ApprovalStatement,
    /// By whom.
    pub approver: Approver,
}

/// Why something may not be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no attestation, or not one.
    Malformed(String),
    /// The signature is by a key that the operator did not name.
    UnknownKey(String),
    /// It bears the name of a known key, whose signature it is not.
    Tampered(String),
    /// The statement says one thing in two ways.
    Contradictory(Vec<&'static str>),
    /// It is about another tree.
    WrongTree {
        /// The tree that passed.
        attested: String,
        /// The tree that is about to be merged.
        wanted: String,
    },
    /// It was compared with another base.
    OtherBase {
        /// The base of the statement.
        attested: String,
        /// The base of what is about to be merged.
        wanted: String,
    },
    /// The default branch has other commits by now: a merge makes a tree that nobody verified.
    BaseMoved {
        /// The branch.
        branch: String,
        /// Where it is.
        tip: String,
    },
    /// Another policy decided.
    OtherPolicy {
        /// The policy of the statement.
        attested: String,
        /// The policy that counts.
        wanted: String,
    },
    /// A policy that nobody wrote decided.
    DetectedPolicy,
    /// What ran was kept less well than the policy asks for.
    WeakerIsolation {
        /// The isolation of the statement.
        attested: String,
        /// The least that the policy accepts.
        wanted: Isolation,
    },
    /// A check that the policy requires does not hold in it.
    CheckMissing(String),
    /// The verdict is fail or inconclusive.
    NotAPass(Decision),
    /// The verdict is a review that nobody approved; why not, for each approval that was given.
    UnapprovedReview(Vec<String>),
    /// It is older than it may be.
    Expired {
        /// When it was signed.
        issued: Moment,
        /// Its greatest age.
        max_age: TimeLimit,
    },
    /// It was signed later than now, or at no time.
    FutureDated(String),
}

impl Refusal {
    /// The code as it is printed: a contract.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownKey(_) => "unknown-key",
            Self::Tampered(_) => "tampered",
            Self::Contradictory(_) => "contradictory",
            Self::WrongTree { .. } => "wrong-tree",
            Self::OtherBase { .. } => "other-base",
            Self::BaseMoved { .. } => "base-moved",
            Self::OtherPolicy { .. } => "other-policy",
            Self::DetectedPolicy => "detected-policy",
            Self::WeakerIsolation { .. } => "weaker-isolation",
            Self::CheckMissing(_) => "check-missing",
            Self::NotAPass(_) => "not-a-pass",
            Self::UnapprovedReview(_) => "unapproved-review",
            Self::Expired { .. } => "expired",
            Self::FutureDated(_) => "future-dated",
        }
    }
}

/// One sentence, with what others wrote made harmless.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Malformed(why) => why.clone(),
            Self::UnknownKey(key) => format!("it names `{key}` as the key that signed it, which is none of those in --key"),
            Self::Tampered(why) => why.clone(),
            Self::Contradictory(parts) => {
                format!("what the statement says of its {} does not agree with its own record", parts.join(", "))
            }
            Self::WrongTree { attested, wanted } => {
                format!("the tree that was verified is {attested}; what is about to be merged is {wanted}")
            }
            Self::OtherBase { attested, wanted } => {
                format!("it was compared with the base {attested}; the base of what is about to be merged is {wanted}")
            }
            Self::BaseMoved { branch, tip } => format!(
                "{branch} has moved on to {tip} since the change left it, so a merge makes a tree that nobody verified; verify the merge or the rebased change"
            ),
            Self::OtherPolicy { attested, wanted } => {
                format!("it was judged by the policy {attested}; the one that counts now is {wanted}")
            }
            Self::DetectedPolicy => {
                "the policy was made up from what the tree looks like (--policy auto), nobody wrote it; --allow-detected accepts that".to_owned()
            }
            Self::WeakerIsolation { attested, wanted } => {
                format!("its checks ran in the isolation `{attested}`; the policy accepts `{}` at least", wanted.name())
            }
            Self::CheckMissing(name) => format!("the policy requires the check `{name}`, which does not hold in it"),
            Self::NotAPass(word) => format!("the verdict is {}", decision(*word)),
            Self::UnapprovedReview(whys) if whys.is_empty() => {
                "the verdict is review: a person has to look, and no approval was given (`passmuster approve`)".to_owned()
            }
            Self::UnapprovedReview(whys) => {
                format!("the verdict is review, and no approval counts: {}", whys.join("; "))
            }
            Self::Expired { issued, max_age } => format!("it was signed at {issued}, longer ago than {}", age(*max_age)),
            Self::FutureDated(issued) => format!("it claims to be signed at {issued}, which is not now and not before"),
        };
        f.write_str(&text::line(&sentence, 2048))
    }
}

/// What speaks against a merge, in the order in which it is told.
#[must_use]
pub fn refusals(
    wanted: &Wanted<'_>,
    statement: &VerdictStatement,
    approvals: &[SignedApproval],
) -> Vec<Refusal> {
    let claim = &statement.predicate;
    let record = &claim.record;
    let mut found = Vec::new();
    let contradictions = statement.contradictions();
    found.extend((!contradictions.is_empty()).then_some(Refusal::Contradictory(contradictions)));
    found.extend(
        (statement.tree() != wanted.tree).then(|| Refusal::WrongTree {
            attested: word(statement.tree()),
            wanted: word(wanted.tree),
        }),
    );
    found.extend(
        (claim.base.tree != wanted.base).then(|| Refusal::OtherBase {
            attested: word(&claim.base.tree),
            wanted: word(wanted.base),
        }),
    );
    found.extend(
        wanted
            .moved_on
            .clone()
            .map(|(branch, tip)| Refusal::BaseMoved { branch, tip }),
    );
    found.extend(
        (claim.policy.sha256 != wanted.policy_sha256).then(|| Refusal::OtherPolicy {
            attested: word(&claim.policy.sha256),
            wanted: word(wanted.policy_sha256),
        }),
    );
    let detected = claim.policy.source == PolicySource::Detected && !wanted.allow_detected;
    found.extend(detected.then_some(Refusal::DetectedPolicy));
    found.extend(weaker_isolation(
        wanted,
        &record.checks,
        claim.isolation.as_deref(),
    ));
    found.extend(stale(wanted, &claim.issued_at));
    found.extend(undecided(wanted, statement, approvals));
    found
}

/// The approvals that let this review through.
pub fn accepted<'a>(
    wanted: &'a Wanted<'_>,
    statement: &'a VerdictStatement,
    approvals: &'a [SignedApproval],
) -> impl Iterator<Item = &'a SignedApproval> {
    approvals
        .iter()
        .filter(|one| objection(wanted, statement, one).is_none())
}

/// Where anything but a plugin ran, it ran in a sandbox of the policy's.
fn weaker_isolation(
    wanted: &Wanted<'_>,
    checks: &[CheckRecord],
    reached: Option<&str>,
) -> Option<Refusal> {
    let required = wanted.policy.sandbox.isolation;
    let in_a_sandbox = |check: &&CheckRecord| check.kind != crate::policy::KindName::Plugin;
    let ran = |check: &CheckRecord| {
        !matches!(
            check.status,
            CheckStatus::NotApplicable | CheckStatus::NotRun
        )
    };
    let needs = checks.iter().filter(in_a_sandbox).any(ran) || reached.is_some();
    (needs && !decide::isolated(required, reached)).then(|| Refusal::WeakerIsolation {
        attested: word(reached.unwrap_or("none")),
        wanted: required,
    })
}

/// A statement that is too old, from the future, or of no time.
fn stale(wanted: &Wanted<'_>, issued_at: &str) -> Option<Refusal> {
    let Some(issued) = Moment::parse(issued_at) else {
        return Some(Refusal::FutureDated(word(issued_at)));
    };
    let age = wanted.now.seconds() - issued.seconds();
    match wanted.max_age {
        _ if age < -AHEAD => Some(Refusal::FutureDated(issued.to_string())),
        TimeLimit::Seconds(most) if u64::try_from(age).is_ok_and(|age| age > most) => {
            Some(Refusal::Expired {
                issued,
                max_age: wanted.max_age,
            })
        }
        _ => None,
    }
}

/// What speaks against a merge in the verdict itself. The record counts, not the word beside it.
fn undecided(
    wanted: &Wanted<'_>,
    statement: &VerdictStatement,
    approvals: &[SignedApproval],
) -> Vec<Refusal> {
    let record = &statement.predicate.record;
    let worst = record
        .verdict
        .max(record.word())
        .max(statement.predicate.verdict);
    match worst {
        Decision::Fail | Decision::Inconclusive => return vec![Refusal::NotAPass(worst)],
        Decision::Pass => {}
        Decision::Review => {
            let objections: Vec<Option<String>> = approvals
                .iter()
                .map(|one| objection(wanted, statement, one))
                .collect();
            if objections.iter().all(Option::is_some) {
                return vec![Refusal::UnapprovedReview(
                    objections.into_iter().flatten().collect(),
                )];
            }
        }
    }
    // Another policy has other checks; that it is another one is said already.
    match statement.predicate.policy.sha256 == wanted.policy_sha256 {
        true => missing_checks(wanted.policy, &record.checks),
        false => Vec::new(),
    }
}

/// Checks that the policy requires and the record does not have as held.
fn missing_checks(policy: &Policy, checks: &[CheckRecord]) -> Vec<Refusal> {
    let holds = |name: &str| {
        let mut found = checks.iter().filter(|check| check.name == name);
        let status = found.next().map(|check| check.status);
        matches!(
            status,
            Some(CheckStatus::Passed | CheckStatus::NotApplicable)
        ) && found.next().is_none()
    };
    let required = policy.check.iter().filter(|check| check.required);
    required
        .filter(|check| !holds(&check.name))
        .map(|check| Refusal::CheckMissing(word(&check.name)))
        .collect()
}

/// Why an approval does not count for this verdict; none where it does.
fn objection(
    wanted: &Wanted<'_>,
    statement: &VerdictStatement,
    approval: &SignedApproval,
) -> Option<String> {
    let said = &approval.statement.predicate;
    if let Approver::Refused { why } = &approval.approver {
        return Some(why.clone());
    }
    let other = [
        ("tree", approval.statement.tree() != statement.tree()),
        ("base", said.base_tree != statement.predicate.base.tree),
        (
            "policy",
            said.policy.sha256 != statement.predicate.policy.sha256,
        ),
        ("verdict", said.verdict_digest != statement.predicate.digest),
    ];
    if let Some((what, _)) = other.into_iter().find(|(_, differs)| *differs) {
        return Some(format!("one is for another {what}"));
    }
    if said.reason.trim().is_empty() {
        return Some("one gives no reason".to_owned());
    }
    stale(wanted, &said.issued_at).map(|refusal| format!("of one: {refusal}"))
}

/// A greatest age as it was given: days where it is whole days.
fn age(limit: TimeLimit) -> String {
    match limit {
        TimeLimit::Seconds(seconds) if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        other => other.to_string(),
    }
}

/// A word of a statement, made harmless.
fn word(said: &str) -> String {
    text::line(said, WORD)
}

fn decision(word: Decision) -> &'static str {
    match word {
        Decision::Pass => "pass",
        Decision::Review => "review",
        Decision::Inconclusive => "inconclusive",
        Decision::Fail => "fail",
    }
}

#[cfg(test)]
mod tests;
