//! Statements: what is signed, in in-toto's form (Statement v1).
//!
//! Two kinds. A verdict's statement is the runner's: this candidate's tree, against this base, under this policy, came to this
//! verdict. An approval's statement is a person's: I saw that review, and the change may be merged all the same. Both name the
//! candidate's tree as their subject (`gitTree`) and have one text: RFC 8785 JSON of exactly the keys below. A payload that
//! is anything else is refused, so no two readers can see two things in one signature.
//!
//! A verdict's statement embeds the [`Record`], not the whole verdict: what decides is there, the digest can be computed
//! from it, and logs and messages of tests, which may hold what nobody meant to publish, stay at home.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::evidence::{BaseTrust, Enforcement, PolicySource, Toolchain};
use crate::moment::Moment;
use crate::record::{PolicyDigest, Record, ToolchainVersion};
use crate::verdict::{Decision, Verdict};

/// `_type` of every statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of a verdict.
pub const VERDICT: &str = "urn:passmuster:verdict:1";
/// `predicateType` of an approval.
pub const APPROVAL: &str = "urn:passmuster:approval:1";
/// The type of the payload in its envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Most bytes of an approver's reason.
pub const REASON_CAP: usize = 4096;

/// The name of the one subject.
const SUBJECT: &str = "candidate";

/// An in-toto statement about one tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement<P> {
    /// [`STATEMENT`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The candidate's tree.
    pub subject: [SubjectTree; 1],
    /// [`VERDICT`] or [`APPROVAL`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said of it.
    pub predicate: P,
}

/// The subject of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectTree {
    /// `candidate`.
    pub name: String,
    /// By which it is known.
    pub digest: TreeDigest,
}

/// in-toto's digest set with the one algorithm that counts here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeDigest {
    /// The id of a git tree.
    #[serde(rename = "gitTree")]
    pub git_tree: String,
}

/// What a runner says of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerdictClaim {
    /// When it was signed: that the verdict counted then, not when it was measured. RFC 3339, UTC, whole seconds.
    pub issued_at: String,
    /// Version of the runner.
    pub runner: String,
    /// Operating system and kernel of the runner.
    pub os: String,
    /// The word.
    pub verdict: Decision,
    /// The verdict's digest, which `record` gives as well.
    pub digest: String,
    /// What the candidate was compared with.
    pub base: BaseClaim,
    /// By which policy.
    pub policy: PolicyClaim,
    /// The isolation that was reached; null where nothing ran.
    pub isolation: Option<String>,
    /// For each protection, whether it was in force.
    pub enforcement: Vec<Enforcement>,
    /// What the checks could use.
    pub toolchains: Vec<Toolchain>,
    /// Sha256 of the patch as given; null without a patch.
    pub patch_sha256: Option<String>,
    /// All that the digest covers.
    pub record: Record,
}

/// The base, as the runner found it. Who decides on a merge finds it anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaseClaim {
    /// Its tree id.
    pub tree: String,
    /// Its commit; null for a plain directory or a tree without one.
    pub commit: Option<String>,
    /// The name by which it was found.
    #[serde(rename = "ref")]
    pub ref_name: Option<String>,
    /// Why it could be trusted.
    pub trust: Option<BaseTrust>,
}

/// The policy. Paths of the operator's machine are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyClaim {
    /// Who wrote it.
    pub source: PolicySource,
    /// [`crate::policy::Policy::digest`].
    pub sha256: String,
    /// The presets that it extends.
    pub presets: Vec<String>,
}

/// What a person says of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalClaim {
    /// When it was signed. RFC 3339, UTC, whole seconds.
    pub issued_at: String,
    /// Version of the program that wrote it.
    pub runner: String,
    /// Why the change may be merged, in the approver's words.
    pub reason: String,
    /// The digest of the verdict that was looked at.
    pub verdict_digest: String,
    /// Tree id of the base of that verdict.
    pub base_tree: String,
    /// The policy of that verdict.
    pub policy: PolicyDigest,
}

/// A runner's statement.
pub type VerdictStatement = Statement<VerdictClaim>;
/// A person's statement.
pub type ApprovalStatement = Statement<ApprovalClaim>;

/// A statement of either kind.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyStatement {
    /// A runner's.
    Verdict(Box<VerdictStatement>),
    /// A person's.
    Approval(Box<ApprovalStatement>),
}

/// A payload that is no statement of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is no JSON, or a key is missing, unknown, there twice or of another type.
    #[error("its payload is no statement of this program: {0}")]
    Unreadable(String),
    /// It says something that this program does not know.
    #[error("its payload is of a kind that is not known here: {0}")]
    OtherKind(&'static str),
    /// Equal data in another text.
    #[error("its payload is not in the one form that is signed (canonical JSON)")]
    NotCanonical,
}

/// There is nothing to attest: the change gave no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the change gave no tree, so there is nothing that a signature could be about")]
pub struct NoCandidate;

impl<P: Serialize> Statement<P> {
    fn about(tree: &str, predicate_type: &str, predicate: P) -> Self {
        Self {
            kind: STATEMENT.to_owned(),
            subject: [SubjectTree {
                name: SUBJECT.to_owned(),
                digest: TreeDigest {
                    git_tree: tree.to_owned(),
                },
            }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// The candidate's tree.
    #[must_use]
    pub fn tree(&self) -> &str {
        &self.subject[0].digest.git_tree
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        // Plain data: no map with keys that are not strings, the only way to fail.
        canonical::text(&serde_json::to_value(self).unwrap_or_default()).into_bytes()
    }
}

impl VerdictStatement {
    /// What a runner says of a verdict at this moment.
    pub fn of(verdict: &Verdict, now: Moment) -> Result<Self, NoCandidate> {
        let (subject, policy) = (&verdict.subject, &verdict.policy);
        let tree = subject.candidate_tree.as_deref().ok_or(NoCandidate)?;
        let claim = VerdictClaim {
            issued_at: now.to_string(),
            runner: verdict.environment.runner.clone(),
            os: verdict.environment.os.clone(),
            verdict: verdict.verdict,
            digest: verdict.digest.clone(),
            base: BaseClaim {
                tree: subject.base_tree.clone(),
                commit: subject.base_commit.clone(),
                ref_name: subject.base_ref.clone(),
                trust: subject.base_trust,
            },
            policy: PolicyClaim {
                source: policy.source,
                sha256: policy.sha256.clone(),
                presets: policy.presets.clone(),
            },
            isolation: verdict.isolation.clone(),
            enforcement: verdict.enforcement.clone(),
            toolchains: verdict.environment.toolchains.clone(),
            patch_sha256: subject.patch_sha256.clone(),
            record: Record::of(verdict),
        };
        Ok(Self::about(tree, VERDICT, claim))
    }

    /// What the statement says in two places and not alike; empty for every statement that a runner makes.
    #[must_use]
    pub fn contradictions(&self) -> Vec<&'static str> {
        let (claim, record) = (&self.predicate, &self.predicate.record);
        let subject = record.subject.candidate_tree.as_deref();
        [
            ("digest", claim.digest == record.digest()),
            ("verdict", claim.verdict == record.verdict),
            ("reasons", record.verdict == record.word()),
            ("candidate", subject == Some(self.tree())),
            ("base", claim.base.tree == record.subject.base_tree),
            ("policy", claim.policy.sha256 == record.policy.sha256),
            ("isolation", claim.isolation == record.isolation),
            ("toolchains", same_versions(claim)),
            ("schema", record.schema == crate::verdict::SCHEMA),
        ]
        .into_iter()
        .filter_map(|(what, agrees)| (!agrees).then_some(what))
        .collect()
    }
}

/// Whether the toolchains are those of the record, each with a digest.
fn same_versions(claim: &VerdictClaim) -> bool {
    let names = |one: &Toolchain| ToolchainVersion {
        name: one.name.clone(),
        version: one.version.clone(),
    };
    let told: Vec<ToolchainVersion> = claim.toolchains.iter().map(names).collect();
    let known = &claim.record.toolchains;
    told.iter().all(|one| known.contains(one)) && known.iter().all(|one| told.contains(one))
}

impl ApprovalStatement {
    /// What a person says of a verdict at this moment.
    #[must_use]
    pub fn of(reviewed: &VerdictStatement, reason: &str, runner: &str, now: Moment) -> Self {
        let claim = ApprovalClaim {
            issued_at: now.to_string(),
            runner: runner.to_owned(),
            reason: reason.to_owned(),
            verdict_digest: reviewed.predicate.digest.clone(),
            base_tree: reviewed.predicate.base.tree.clone(),
            policy: PolicyDigest {
                sha256: reviewed.predicate.policy.sha256.clone(),
            },
        };
        Self::about(reviewed.tree(), APPROVAL, claim)
    }
}

/// Reads a payload.
pub fn read(payload: &[u8]) -> Result<AnyStatement, StatementError> {
    /// Of any statement, enough to know which.
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "_type")]
        kind: String,
        #[serde(rename = "predicateType")]
        predicate_type: String,
    }
    let kind: Kind = parse(payload)?;
    match (kind.kind.as_str(), kind.predicate_type.as_str()) {
        (STATEMENT, VERDICT) => whole(payload).map(AnyStatement::Verdict),
        (STATEMENT, APPROVAL) => whole(payload).map(AnyStatement::Approval),
        (STATEMENT, _) => Err(StatementError::OtherKind("predicateType")),
        _ => Err(StatementError::OtherKind("_type")),
    }
}

fn whole<P: Serialize + DeserializeOwned>(
    payload: &[u8],
) -> Result<Box<Statement<P>>, StatementError> {
    let statement: Statement<P> = parse(payload)?;
    if statement.payload() != payload {
        return Err(StatementError::NotCanonical);
    }
    match statement.subject[0].name == SUBJECT {
        true => Ok(Box::new(statement)),
        false => Err(StatementError::OtherKind("the subject's name")),
    }
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, StatementError> {
    serde_json::from_slice(payload)
        .map_err(|error| StatementError::Unreadable(crate::text::line(&error.to_string(), 200)))
}

#[cfg(test)]
pub(crate) mod tests;
