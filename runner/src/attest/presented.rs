//! What is presented to a gate: files of envelopes become one verdict's statement and the approvals beside it.
//!
//! Signatures are checked here, against the keys that the operator named; what remains is a statement that one of these keys made, and
//! the decision about it is the policies'. A verdict that no such key signed is not looked at any further.

use std::path::PathBuf;

use passmuster_policy::gate::{Approver, Refusal, SignedApproval};
use passmuster_policy::moment::Moment;
use passmuster_policy::statement::{self, AnyStatement, VerdictStatement};

use super::dsse::{self, Opened, Signed};
use super::public::PublicKey;
use super::signers::Signers;
use crate::error::UserError;

/// Whom the operator trusts.
#[derive(Debug)]
pub struct Trusted {
    /// Who may say what a verdict was.
    pub runners: Vec<PublicKey>,
    /// Who may approve.
    pub approvers: Signers,
    /// The time at which they are asked.
    pub now: Moment,
}

/// What the files hold.
#[derive(Debug, Default)]
pub struct Presented {
    /// The verdict's statement, and the fingerprint of the key that signed it.
    pub verdict: Option<(VerdictStatement, String)>,
    /// Approvals, with what the list says of their signers.
    pub approvals: Vec<SignedApproval>,
    /// What is wrong with the files.
    pub refusals: Vec<Refusal>,
}

impl Presented {
    /// Reads the files. One that is not there is the operator's mistake; whatever is in it is a reason to refuse.
    pub fn read(files: &[PathBuf], trusted: &Trusted) -> Result<Self, UserError> {
        let mut presented = Self::default();
        for envelope in envelopes(files)? {
            match envelope.and_then(|opened| presented.add(&opened, trusted)) {
                Ok(()) => {}
                Err(refusal) => presented.refusals.push(refusal),
            }
        }
        if presented.verdict.is_none() && presented.refusals.is_empty() {
            let why = "no verdict is among the statements".to_owned();
            presented.refusals.push(Refusal::Malformed(why));
        }
        Ok(presented)
    }

    fn add(&mut self, opened: &Opened, trusted: &Trusted) -> Result<(), Refusal> {
        let keys = trusted.runners.iter().chain(trusted.approvers.keys());
        let signed = opened.signer(keys);
        // Nothing that a known key did not sign is told apart any further than into its kind.
        let read = statement::read(&opened.payload);
        match (read, signed) {
            (Ok(AnyStatement::Verdict(statement)), signed) => {
                let key = by_a_runner(signed, trusted)?;
                let already = self.verdict.replace((*statement, key));
                already.map_or(Ok(()), |_| Err(Refusal::Malformed(TWO.to_owned())))
            }
            (Ok(AnyStatement::Approval(statement)), signed) => {
                self.approvals.push(SignedApproval {
                    statement: *statement,
                    approver: approver(signed, trusted),
                });
                Ok(())
            }
            (Err(error), Signed::By(_)) => Err(Refusal::Malformed(error.to_string())),
            (Err(_), signed) => by_a_runner(signed, trusted).map(drop),
        }
    }
}

/// Which of two counts is not ours to say.
const TWO: &str = "two verdicts are among the statements; give the one that counts";

/// All envelopes of the files, or what is wrong with a file.
fn envelopes(files: &[PathBuf]) -> Result<Vec<Result<Opened, Refusal>>, UserError> {
    let mut found = Vec::new();
    for file in files {
        let name = file.display();
        let read = dsse::read(file).map_err(|error| {
            UserError::usage(format!("cannot read the attestation {name}: {error}"))
        })?;
        match read {
            Ok(envelopes) => found.extend(envelopes.into_iter().map(Ok)),
            Err(why) => found.push(Err(Refusal::Malformed(why))),
        }
    }
    Ok(found)
}

/// The fingerprint of the runner's key that signed.
fn by_a_runner(signed: Signed<'_>, trusted: &Trusted) -> Result<String, Refusal> {
    match signed {
        Signed::By(key) if trusted.runners.contains(key) => Ok(key.fingerprint()),
        Signed::By(key) => Err(Refusal::UnknownKey(key.fingerprint())),
        Signed::Unknown(keyid) => Err(Refusal::UnknownKey(keyid)),
        Signed::Broken(keyid) => Err(Refusal::Tampered(format!(
            "its signature is not that of {keyid}, which it names, over what it holds"
        ))),
    }
}

fn approver(signed: Signed<'_>, trusted: &Trusted) -> Approver {
    let why = match signed {
        Signed::By(key) => return trusted.approvers.approver(key, trusted.now),
        Signed::Unknown(keyid) => {
            format!("one by {keyid}, which the list of approvers does not have")
        }
        Signed::Broken(keyid) => {
            format!("one whose signature is not that of {keyid}, which it names")
        }
    };
    Approver::Refused { why }
}

/// The one verdict among the statements of a file, whoever signed it: for those who do not rely on what it says.
pub fn unchecked(file: &std::path::Path) -> Result<VerdictStatement, UserError> {
    let wrong =
        |why: String| UserError::usage(format!("{} is no attestation: {why}", file.display()));
    let mut found = None;
    for envelope in envelopes(&[file.to_owned()])? {
        let opened = envelope.map_err(|refusal| wrong(refusal.to_string()))?;
        let read = statement::read(&opened.payload).map_err(|error| wrong(error.to_string()))?;
        if let AnyStatement::Verdict(statement) = read
            && found.replace(*statement).is_some()
        {
            return Err(wrong(TWO.to_owned()));
        }
    }
    found.ok_or_else(|| wrong("there is no verdict in it".to_owned()))
}
