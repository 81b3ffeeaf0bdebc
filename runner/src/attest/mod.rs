//! Attestations: signatures under verdicts and approvals, and what they are worth.
//!
//! # Theory of operation
//!
//! A signature answers one question for whoever merges: did *my* runner say this about *this* tree? So it binds the candidate's
//! tree id, the base's tree id, the policy's digest and the record of the verdict (`passmuster_policy::statement`); it travels in a DSSE
//! envelope ([`dsse`]), which in-toto's tools read, and for `ssh-keygen -Y verify` as SSHSIG as well ([`sshsig`]). The algorithm is ed25519,
//! the only one: nothing in an envelope chooses it.
//!
//! What may go wrong, and what stops it:
//!
//! - *Other bytes than those that were signed.* The signature covers type and payload; verification is strict (no malleable
//!   signature, no weak key); a payload has one canonical text; an envelope has no key but the known ones, and each once.
//! - *A right signature by the wrong key.* Keys come from the operator's command line ([`public`], [`signers`]), never from the envelope. Its `keyid` is
//!   held against the key that verified, and serves for messages.
//! - *A right statement about something else.* [`presented`] hands it to `passmuster_policy::gate`, which compares it with what
//!   [`wanted`] found in the repository; tree, base and policy of the statement are only ever compared.
//! - *The key in the wrong hands.* Signing takes a private key that others cannot read ([`key`]), or an agent that holds it
//!   ([`agent`]). No sandbox sees either: nothing of the host is granted but by the policy. What a process of the same user outside the
//!   sandbox can read, the runner cannot protect; SECURITY.md says where to keep the key.
//! - *Hostile files.* Whatever is read here has a cap, is read once, and is data: messages go through `passmuster_policy::text`.

pub mod agent;
pub mod dsse;
pub mod key;
pub mod presented;
pub mod public;
pub mod replay;
pub mod signers;
pub mod sshsig;
pub mod wanted;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use passmuster_policy::moment::Moment;

use crate::error::UserError;

/// The system's clock.
pub fn now() -> Result<Moment, UserError> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    i64::try_from(seconds)
        .ok()
        .and_then(Moment::from_seconds)
        .ok_or_else(|| UserError::usage("the system's clock tells no time that can be written"))
}

/// All of a small ordinary file: a pipe could keep us waiting for ever, and a huge one take all memory.
fn read_file(path: &Path, cap: u64) -> io::Result<Vec<u8>> {
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    if !std::fs::metadata(path)?.is_file() {
        return Err(invalid("not an ordinary file".to_owned()));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells "too large" from "just fits".
    File::open(path)?.take(cap + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        return Err(invalid(format!("larger than {cap} bytes")));
    }
    Ok(bytes)
}
