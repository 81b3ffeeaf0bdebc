//! What `verify` does with signatures: --attest signs its verdict, --replay takes one apart.

use std::path::{Path, PathBuf};

use passmuster_policy::statement::VerdictStatement;
use passmuster_policy::verdict::Verdict;

use super::{outputs, print, say};
use crate::attest::key::Signer;
use crate::attest::replay::{self, Replayed};
use crate::attest::{dsse, now, presented, sshsig};
use crate::cli::{Form, Format, Verify};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::policy_source::Choice;
use crate::toolchains::Operator;
use crate::verify::{Request, World};

/// What is to be signed, and where it goes. Made before anything runs: a key that does not sign should not cost a whole verification.
#[derive(Debug)]
pub(super) struct Order {
    signer: Signer,
    attestation: PathBuf,
    sshsig: Option<PathBuf>,
}

impl Order {
    /// What the arguments ask for; none where they ask for no signature.
    pub(super) fn of(arguments: &Verify, world: &World) -> Result<Option<Self>, UserError> {
        let file = |wanted: Form| {
            let mut found = arguments.outputs.iter().filter(|(form, _)| *form == wanted);
            found.next_back().map(|(_, path)| path.clone())
        };
        let (attestation, sshsig) = (file(Form::Attestation), file(Form::Sshsig));
        let Some(key) = &arguments.attest else {
            return match attestation.or(sshsig) {
                None => Ok(None),
                Some(_) => Err(UserError::usage(
                    "--output attestation= and sshsig= need a key that signs: --attest KEY",
                )),
            };
        };
        refuse_detected(arguments)?;
        let attestation = attestation.ok_or_else(|| {
            UserError::usage(
                "--attest signs a statement, and nothing says where it goes: --output attestation=FILE (sshsig=FILE is a second signature of the same)",
            )
        })?;
        Ok(Some(Self {
            signer: Signer::open(key, agent(&world.operator).as_deref())?,
            attestation,
            sshsig,
        }))
    }

    /// Signs the verdict.
    pub(super) fn carry_out(&self, verdict: &Verdict) -> Result<(), UserError> {
        let statement = match VerdictStatement::of(verdict, now()?) {
            Ok(statement) => statement,
            Err(nothing) => {
                say(&format!("no attestation was written: {nothing}"));
                return Ok(());
            }
        };
        // A stored verdict comes from a file.
        let wrong = statement.contradictions();
        if !wrong.is_empty() {
            return Err(UserError::usage(format!(
                "nothing was signed: the verdict contradicts itself ({}), so the cache was damaged or changed; verify with another --cache-dir",
                wrong.join(", ")
            )));
        }
        let payload = statement.payload();
        write(&self.attestation, &dsse::seal(&self.signer, &payload)?)?;
        match &self.sshsig {
            Some(path) => write(path, &sshsig::sign(&self.signer, &payload)?),
            None => Ok(()),
        }
    }
}

/// Nobody wrote such a policy, so nobody vouches for it.
fn refuse_detected(arguments: &Verify) -> Result<(), UserError> {
    let choice = crate::policy_source::choice(arguments.place.policy.as_deref());
    if choice != Choice::Auto || arguments.allow_detected {
        return Ok(());
    }
    Err(UserError::usage(
        "--attest does not sign what a detected policy (--policy auto) came to: nobody wrote it. `passmuster init` writes one to commit; --allow-detected signs all the same, and `gate` asks for the same word",
    ))
}

/// Where the operator's agent listens.
pub(super) fn agent(operator: &Operator) -> Option<PathBuf> {
    let socket = operator.env.get(std::ffi::OsStr::new("SSH_AUTH_SOCK"))?;
    (!socket.is_empty()).then(|| PathBuf::from(socket))
}

/// Writes what was signed.
pub(super) fn write(path: &Path, text: &str) -> Result<(), UserError> {
    outputs::write(path, text.as_bytes())
}

/// A replay that can begin.
#[derive(Debug)]
pub(super) struct Replay {
    statement: VerdictStatement,
    /// What is verified instead of what the arguments say.
    pub(super) request: Request,
}

/// The replay that the arguments ask for.
pub(super) fn replayed(
    arguments: &Verify,
    world: &World,
    request: &Request,
) -> Result<Option<Replay>, UserError> {
    let Some(file) = &arguments.replay else {
        return Ok(None);
    };
    let statement = presented::unchecked(file)?;
    replay::ready(&statement, request, (&world.cache, &world.operator))?;
    Ok(Some(Replay {
        request: replay::request(&statement, request.clone()),
        statement,
    }))
}

impl Replay {
    /// Says what came of it. Equal: the verdict's own exit status. Not equal: 1, as what was attested does not hold here, whatever the
    /// verdict was this time.
    pub(super) fn tell(&self, verdict: &Verdict, format: Format) -> Result<Exit, UserError> {
        let (text, ending) = match replay::compare(&self.statement, verdict) {
            Replayed::Equal => {
                let text = format!("replay: equal, digest {}", verdict.digest);
                (text, Exit::of(verdict.verdict))
            }
            Replayed::Differs(parts) => (
                format!("replay: differs in {}", parts.join(", ")),
                Exit::Fail,
            ),
        };
        let text = format!("{text} (the signature was not checked; `passmuster gate` does that)");
        match format {
            Format::Human => print(format!("{text}\n").as_bytes())?,
            // Standard output belongs to the document.
            _ => say(&text),
        }
        Ok(ending)
    }
}
