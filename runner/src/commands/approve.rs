//! `approve`: a person's signature under a review.
//!
//! For operators alone: no hook and no tool of an agent leads here, and the key is one that no agent can read.

use passmuster_policy::statement::{ApprovalStatement, REASON_CAP, VerdictStatement};
use passmuster_policy::text;
use passmuster_policy::verdict::{Decision, Verdict};

use super::attest::{agent, write};
use super::show::stored;
use super::{cache_of, print, say};
use crate::attest::key::Signer;
use crate::attest::{dsse, now, presented};
use crate::cli::{Approve, Cli};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::report::word;
use crate::toolchains::Operator;

pub(super) fn run(cli: &Cli, arguments: &Approve) -> Result<Exit, UserError> {
    check_reason(&arguments.reason)?;
    let reviewed = reviewed(cli, arguments)?;
    let operator = Operator::from_env(std::env::vars_os());
    let signer = Signer::open(&arguments.key, agent(&operator).as_deref())?;
    tell(&reviewed, &signer);
    let version = env!("CARGO_PKG_VERSION");
    let approval = ApprovalStatement::of(&reviewed, &arguments.reason, version, now()?);
    let envelope = dsse::seal(&signer, &approval.payload())?;
    match &arguments.output {
        Some(path) => write(path, &envelope)?,
        None => print(envelope.as_bytes())?,
    }
    Ok(Exit::Pass)
}

/// What is to be approved, and only a review can be.
fn reviewed(cli: &Cli, arguments: &Approve) -> Result<VerdictStatement, UserError> {
    let statement = match &arguments.attestation {
        Some(file) => presented::unchecked(file)?,
        None => of_run(cli, named(arguments)?)?,
    };
    let decision = statement.predicate.record.word();
    if decision == Decision::Review && statement.contradictions().is_empty() {
        return Ok(statement);
    }
    Err(UserError::usage(format!(
        "only a review can be approved, and the verdict is {}; {}",
        word(decision),
        match decision {
            Decision::Pass => "a pass needs no approval",
            Decision::Review => "its statement contradicts itself",
            _ => "an approval stands in for a person's look, not for a check that holds",
        }
    )))
}

/// Elsewhere an empty id means the latest run; a signature takes no default.
fn named(arguments: &Approve) -> Result<&str, UserError> {
    let run = arguments.run.as_deref().filter(|run| !run.is_empty());
    run.ok_or_else(|| UserError::usage("name the run whose verdict you looked at: RUN is empty"))
}

fn of_run(cli: &Cli, run: &str) -> Result<VerdictStatement, UserError> {
    let (_, verdict): (_, Verdict) = stored(&cache_of(cli)?, run)?;
    VerdictStatement::of(&verdict, now()?).map_err(|nothing| UserError::usage(nothing.to_string()))
}

fn check_reason(reason: &str) -> Result<(), UserError> {
    if reason.trim().is_empty() || reason.len() > REASON_CAP {
        return Err(UserError::usage(format!(
            "--reason says in 1 to {REASON_CAP} bytes why the change may be merged"
        )));
    }
    Ok(())
}

/// Whoever signs sees what.
fn tell(reviewed: &VerdictStatement, signer: &Signer) {
    let record = &reviewed.predicate.record;
    for item in &record.review {
        let files: Vec<String> = item.files.iter().map(ToString::to_string).collect();
        let about: Vec<String> = item.ids.iter().cloned().chain(files).collect();
        let about = text::line(&about.join(", "), 400);
        say(&format!("approved: {} {about}", item.code));
    }
    say(&format!(
        "approved: tree {} on base {}, verdict {}, signed by {}",
        text::line(reviewed.tree(), 100),
        text::line(&reviewed.predicate.base.tree, 100),
        text::line(&reviewed.predicate.digest, 100),
        signer.public().fingerprint()
    ));
}
