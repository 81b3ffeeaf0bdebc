//! Replay: does what an attestation says come out again, here?
//!
//! The statement names the two trees and the policy's digest; everything else is measured anew, and nothing that the statement says
//! of results is used. Its signature is not checked: a replay believes nothing of it.

use passmuster_policy::evidence::PolicySource;
use passmuster_policy::reason::ReasonCode;
use passmuster_policy::record::Record;
use passmuster_policy::statement::VerdictStatement;
use passmuster_policy::text;
use passmuster_policy::verdict::Verdict;

use crate::base;
use crate::cache::Cache;
use crate::error::UserError;
use crate::policy_source::{self, Choice};
use crate::repository::Repository;
use crate::toolchains::Operator;
use crate::verify::{Proposed, Request};

/// Most bytes of a word of the statement in a message.
const WORD: usize = 100;

/// What came out, beside what was attested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The same digest.
    Equal,
    /// Another one: these parts of the record differ.
    Differs(Vec<String>),
}

/// Turns a request into that of the statement: its trees, measured again.
pub fn request(statement: &VerdictStatement, request: Request) -> Request {
    Request {
        proposed: Proposed::Head(statement.tree().to_owned()),
        base: base::Choice::Revision(statement.predicate.base.tree.clone()),
        use_stored: false,
        ..request
    }
}

/// Refuses before anything runs what could not come out equal: trees that are not here, and another policy.
pub fn ready(
    statement: &VerdictStatement,
    request: &Request,
    (cache, operator): (&Cache, &Operator),
) -> Result<(), UserError> {
    let repository = Repository::open(&request.repository, &cache.git())?;
    let base = &statement.predicate.base.tree;
    for (what, tree) in [("base", base.as_str()), ("candidate", statement.tree())] {
        present(&repository, what, tree)?;
    }
    let loaded = policy_source::load_for(&repository, base, &request.policy, (cache, operator))?;
    let claim = &statement.predicate.policy;
    if loaded.reference.sha256 == claim.sha256 {
        return Ok(());
    }
    Err(UserError::usage(format!(
        "the attestation was made under the policy {}, and here it is {}; {}",
        text::line(&claim.sha256, WORD),
        loaded.reference.sha256,
        remedy(claim.source, &request.policy),
    )))
}

/// How the policy of an attestation is had.
fn remedy(source: PolicySource, given: &Choice) -> &'static str {
    match (source, given) {
        (PolicySource::Operator, _) => "it was the operator's: give that file with --policy",
        (PolicySource::Detected, Choice::Auto) => {
            "it was detected, and other programs are found here"
        }
        (PolicySource::Detected, _) => "it was detected: give --policy auto",
        (PolicySource::Base, Choice::Base) => {
            "another version of this program may read the base's policy in another way"
        }
        (PolicySource::Base, _) => "it was the base's: leave out --policy",
    }
}

/// A tree that is named by its whole id and is here.
fn present(repository: &Repository, what: &str, tree: &str) -> Result<(), UserError> {
    let shown = text::line(tree, WORD);
    if !repository.git().format().is_oid(tree) {
        return Err(UserError::usage(format!(
            "the attestation names `{shown}` as the tree of its {what}, which is no object id of this repository's kind"
        )));
    }
    match base::is_tree(repository, tree)? {
        true => Ok(()),
        false => Err(UserError::new(
            ReasonCode::ObjectsMissing,
            format!(
                "the tree {shown} of the attestation's {what} is not in this repository; fetch a commit or a branch that has it"
            ),
        )),
    }
}

/// Compares what came out with what was attested.
#[must_use]
pub fn compare(statement: &VerdictStatement, verdict: &Verdict) -> Replayed {
    let attested = &statement.predicate.record;
    let mut parts = Record::of(verdict).differences(attested);
    let same = verdict.digest == statement.predicate.digest;
    if !same && parts.is_empty() {
        // The record says one thing, the digest beside it another.
        parts.push("digest".to_owned());
    }
    match parts.is_empty() {
        true => Replayed::Equal,
        false => Replayed::Differs(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let verdict: Verdict = serde_json::from_str(include_str!("testdata/verdict.json")).unwrap();
        let now = passmuster_policy::moment::Moment::from_seconds(0).unwrap();
        let statement = VerdictStatement::of(&verdict, now).unwrap();
        assert_eq!(compare(&statement, &verdict), Replayed::Equal);
        let mut other = verdict.clone();
        other.isolation = None;
        other.digest = Record::of(&other).digest();
        let differs = |parts: &[&str]| {
            Replayed::Differs(parts.iter().map(|part| (*part).to_owned()).collect())
        };
        assert_eq!(compare(&statement, &other), differs(&["isolation"]));
        let mut statement = statement;
        statement.predicate.digest.push('0');
        assert_eq!(compare(&statement, &verdict), differs(&["digest"]));
        // A record that was changed under the digest of what was measured.
        statement.predicate.digest.pop();
        statement.predicate.record.isolation = None;
        assert_eq!(compare(&statement, &verdict), differs(&["isolation"]));
    }
}
