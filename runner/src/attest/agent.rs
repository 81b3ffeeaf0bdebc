//! An ssh-agent: asked whether it holds a key, and to sign.
//!
//! Two of the protocol's messages (draft-ietf-sshm-ssh-agent), each a length, a type and fields with their lengths. The agent is the
//! operator's; its answers are capped and checked all the same, and a signature counts only when it verifies.

use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::key::SIGNATURE;
use super::public::PublicKey;

/// Largest answer, the agent's own limit for messages.
const ANSWER_CAP: u32 = 256 << 10;

/// An agent may ask its user to confirm, or for a touch of a hardware key.
const PATIENCE: Duration = Duration::from_secs(120);

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Most keys of an answer that are looked at.
const IDENTITIES: u32 = 2048;

/// The agent did not sign.
#[derive(Debug, Error)]
pub enum AgentError {
    /// It cannot be talked to.
    #[error("cannot talk to the ssh-agent at {} (SSH_AUTH_SOCK): {source}", socket.display())]
    Unreachable {
        /// Where.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It answers in a way that the protocol does not have.
    #[error("the ssh-agent at {} gives no answer of its protocol", socket.display())]
    Malformed {
        /// Where.
        socket: PathBuf,
    },
    /// It does not have the key.
    #[error("the ssh-agent does not hold {fingerprint}; `ssh-add` its private key")]
    Unknown {
        /// Which.
        fingerprint: String,
    },
    /// It has the key and did not sign.
    #[error("the ssh-agent refused to sign with {fingerprint} (locked, or its user said no)")]
    Refused {
        /// Which.
        fingerprint: String,
    },
}

/// Where an agent listens.
#[derive(Debug)]
pub struct Agent {
    socket: PathBuf,
}

impl Agent {
    /// An agent at this socket; it is not spoken to yet.
    pub fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Whether it holds the private half of this key.
    pub fn holds(&self, key: &PublicKey) -> Result<(), AgentError> {
        let answer = self.ask(&[REQUEST_IDENTITIES])?;
        let blobs = identities(&answer).ok_or_else(|| self.malformed())?;
        if blobs.contains(&key.blob().as_slice()) {
            return Ok(());
        }
        Err(AgentError::Unknown {
            fingerprint: key.fingerprint(),
        })
    }

    /// Has these bytes signed.
    pub fn sign(&self, key: &PublicKey, message: &[u8]) -> Result<[u8; SIGNATURE], AgentError> {
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, &key.blob());
        put(&mut request, message);
        // No flags: they choose among hashes of RSA.
        request.extend([0; 4]);
        let answer = self.ask(&request)?;
        if answer.first() != Some(&SIGN_RESPONSE) {
            return Err(AgentError::Refused {
                fingerprint: key.fingerprint(),
            });
        }
        let signature = signature(&answer).filter(|signature| key.verifies(message, signature));
        signature.ok_or_else(|| self.malformed())
    }

    fn malformed(&self) -> AgentError {
        AgentError::Malformed {
            socket: self.socket.clone(),
        }
    }

    /// One request and its answer, each on a connection of its own.
    fn ask(&self, request: &[u8]) -> Result<Vec<u8>, AgentError> {
        exchange(&self.socket, request).map_err(|source| AgentError::Unreachable {
            socket: self.socket.clone(),
            source,
        })
    }
}

fn exchange(socket: &Path, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut framed = Vec::new();
    put(&mut framed, request);
    stream.write_all(&framed)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > ANSWER_CAP {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its answer is too long",
        ));
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// A field: its length and its bytes. Messages are a few MiB at most.
fn put(message: &mut Vec<u8>, field: &[u8]) {
    message.extend((field.len() as u32).to_be_bytes());
    message.extend(field);
}

/// The next field, taken off.
fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (field, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = tail;
    Some(field)
}

/// The keys of an answer: each is followed by its comment.
fn identities(answer: &[u8]) -> Option<Vec<&[u8]>> {
    let (&IDENTITIES_ANSWER, rest) = answer.split_first()? else {
        return None;
    };
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::from_be_bytes(*count).min(IDENTITIES);
    let mut one = || {
        let blob = take(&mut rest)?;
        take(&mut rest)?;
        Some(blob)
    };
    (0..count).map(|_| one()).collect()
}

/// The signature of an answer: algorithm and 64 bytes, within one field.
fn signature(answer: &[u8]) -> Option<[u8; SIGNATURE]> {
    let mut rest = answer.get(1..)?;
    let mut inner = take(&mut rest)?;
    let algorithm = take(&mut inner)?;
    let bytes = take(&mut inner)?;
    (algorithm == b"ssh-ed25519" && inner.is_empty() && rest.is_empty())
        .then(|| bytes.try_into().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(start: &[u8], fields: &[&[u8]]) -> Vec<u8> {
        let mut message = start.to_vec();
        fields.iter().for_each(|field| put(&mut message, field));
        message
    }

    #[test]
    fn answers_of_the_protocol_are_read_and_others_are_none() {
        let two = fields(&[12, 0, 0, 0, 2], &[b"key", b"comment", b"other", b""]);
        assert_eq!(identities(&two), Some(vec![b"key".as_slice(), b"other"]));
        for wrong in [
            b"".as_slice(),
            &[5],
            &[12],
            &[12, 0, 0, 0, 3],
            two.get(..9).unwrap(),
            &[12, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            assert_eq!(identities(wrong), None, "{wrong:?}");
        }
        let inner = fields(&[], &[b"ssh-ed25519", &[7; SIGNATURE]]);
        assert_eq!(signature(&fields(&[14], &[&inner])), Some([7; SIGNATURE]));
        let rsa = fields(&[], &[b"ssh-rsa", &[7; SIGNATURE]]);
        let short = fields(&[], &[b"ssh-ed25519", &[7; SIGNATURE - 1]]);
        for wrong in [
            fields(&[14], &[&rsa]),
            fields(&[14], &[&short]),
            fields(&[14], &[&inner, b""]),
            vec![14],
            vec![14, 255, 255, 255, 255],
        ] {
            assert_eq!(signature(&wrong), None, "{wrong:?}");
        }
    }
}
