//! `gate`: may this be merged?

use std::fmt::Write as _;

use passmuster_policy::gate::{self, Approver, Refusal, SignedApproval, Wanted};
use passmuster_policy::statement::VerdictStatement;
use passmuster_policy::text;
use serde_json::json;

use super::{cache_of, document_text, place, print};
use crate::attest::presented::{Presented, Trusted};
use crate::attest::signers::Signers;
use crate::attest::wanted::Merge;
use crate::attest::{now, public};
use crate::cli::{Cli, Gate};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::policy_source::choice;
use crate::report::log::without_orders;
use crate::report::word;
use crate::repository::Repository;
use crate::toolchains::Operator;

const SCHEMA: &str = "passmuster.gate/1";

/// Most bytes of an approver's reason that are printed.
const REASON: usize = 400;

pub(super) fn run(cli: &Cli, arguments: &Gate) -> Result<Exit, UserError> {
    let cache = cache_of(cli)?;
    let trusted = Trusted {
        runners: public::read(&arguments.key)?,
        approvers: match &arguments.approvers {
            Some(file) => Signers::read(file)?,
            None => Signers::default(),
        },
        now: now()?,
    };
    let presented = Presented::read(&arguments.attestations, &trusted)?;
    let repository = Repository::open(&place(arguments.repo.as_ref())?, &cache.git())?;
    let operator = Operator::from_env(std::env::vars_os());
    let merge = Merge::of(
        &repository,
        &arguments.revision,
        arguments.base.as_deref(),
        &choice(arguments.policy.as_deref()),
        (&cache, &operator),
    )?;
    let decision = Decision::of(&merge, &presented, &wanted(arguments, &trusted, &merge));
    let answer = match arguments.json {
        true => document_text(&decision.document()),
        false => without_orders(&decision.listing()),
    };
    print(answer.as_bytes())?;
    Ok(match decision.refusals.is_empty() {
        true => Exit::Pass,
        false => Exit::Fail,
    })
}

fn wanted<'a>(arguments: &Gate, trusted: &Trusted, merge: &'a Merge) -> Wanted<'a> {
    Wanted {
        tree: &merge.tree,
        base: &merge.base.tree,
        moved_on: merge.moved_on.clone(),
        policy: &merge.loaded.policy,
        policy_sha256: &merge.loaded.reference.sha256,
        allow_detected: arguments.allow_detected,
        now: trusted.now,
        max_age: arguments.max_age,
    }
}

/// What was decided, and all that it stands on.
struct Decision<'a> {
    merge: &'a Merge,
    refusals: Vec<Refusal>,
    verdict: Option<&'a (VerdictStatement, String)>,
    approvals: Vec<&'a SignedApproval>,
}

impl<'a> Decision<'a> {
    /// Nothing is decided by a statement while something is wrong with the files that it came in.
    fn of(merge: &'a Merge, presented: &'a Presented, wanted: &Wanted<'_>) -> Self {
        let mut refusals = presented.refusals.clone();
        let verdict = presented.verdict.as_ref();
        let mut approvals = Vec::new();
        if let Some((statement, _)) = verdict {
            let all = &presented.approvals;
            refusals.extend(gate::refusals(wanted, statement, all));
            let counting = all.iter().filter(|one| {
                gate::accepted(wanted, statement, std::slice::from_ref(*one))
                    .next()
                    .is_some()
            });
            approvals = counting.collect();
        }
        Self {
            merge,
            refusals,
            verdict,
            approvals,
        }
    }

    fn listing(&self) -> String {
        let mut text = String::new();
        if !self.refusals.is_empty() {
            text += "may not be merged\n";
            for refusal in &self.refusals {
                let _ = writeln!(text, "{}: {refusal}", refusal.code());
            }
            return text;
        }
        let (base, policy) = (&self.merge.base, &self.merge.loaded.reference);
        let name = base.ref_name.as_deref().unwrap_or("no reference");
        let _ = writeln!(text, "may be merged");
        let _ = writeln!(text, "revision {}", self.merge.object);
        let _ = writeln!(
            text,
            "tree {} on base {} ({})",
            self.merge.tree,
            base.tree,
            text::line(name, 200)
        );
        let _ = writeln!(text, "policy {}", policy.sha256);
        if let Some((statement, key)) = self.verdict {
            let claim = &statement.predicate;
            let _ = writeln!(
                text,
                "verdict {} {}",
                word(claim.verdict),
                text::line(&claim.digest, 100)
            );
            let isolation = claim.isolation.as_deref().unwrap_or("none");
            let _ = writeln!(
                text,
                "isolation {}, runner {}",
                text::line(isolation, 40),
                text::line(&claim.runner, 40)
            );
            let _ = writeln!(
                text,
                "signed by {key} at {}",
                text::line(&claim.issued_at, 40)
            );
        }
        for approval in &self.approvals {
            let reason = text::line(&approval.statement.predicate.reason, REASON);
            let _ = writeln!(text, "approved by {}: {reason}", principals(approval));
        }
        text
    }

    fn document(&self) -> serde_json::Value {
        let refusal = |one: &Refusal| json!({"code": one.code(), "message": one.to_string()});
        let approval = |one: &&SignedApproval| {
            json!({
                "by": principals(one),
                "reason": text::block(&one.statement.predicate.reason, REASON),
            })
        };
        json!({
            "schema": SCHEMA,
            "may_merge": self.refusals.is_empty(),
            "refusals": self.refusals.iter().map(refusal).collect::<Vec<_>>(),
            "revision": self.merge.object,
            "tree": self.merge.tree,
            "base": { "tree": self.merge.base.tree, "commit": self.merge.base.commit, "ref": self.merge.base.ref_name },
            "policy": { "sha256": self.merge.loaded.reference.sha256 },
            "signed_by": self.verdict.map(|(_, key)| key),
            "approvals": self.approvals.iter().map(approval).collect::<Vec<_>>(),
        })
    }
}

fn principals(approval: &SignedApproval) -> &str {
    match &approval.approver {
        Approver::Listed { principals } => principals,
        Approver::Refused { .. } => "nobody",
    }
}
