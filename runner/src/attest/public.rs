//! Public keys: those that the operator trusts, in OpenSSH's form or as PEM.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use ssh_key::public::{Ed25519PublicKey, KeyData};

use super::key::KeyError;
use super::read_file;

/// Largest file of keys.
pub(super) const FILE_CAP: u64 = 1 << 20;

/// An ed25519 key that signatures can be checked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Of a private one.
    pub(super) fn of(key: VerifyingKey) -> Self {
        Self(key)
    }

    /// From 32 bytes. Keys under which anybody's signature is valid are none.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// OpenSSH's form of the key.
    pub(super) fn data(&self) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey(self.0.to_bytes()))
    }

    /// The bytes by which SSH names the key: its algorithm and itself, each with its length.
    #[must_use]
    pub fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        for part in [b"ssh-ed25519".as_slice(), self.0.as_bytes()] {
            // Both are far below 4 GiB.
            blob.extend((part.len() as u32).to_be_bytes());
            blob.extend(part);
        }
        blob
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it; the `keyid` of envelopes.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.blob());
        format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(digest))
    }

    /// Whether this is a signature of these bytes by this key, in the one form that it has.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

/// The keys of a file: lines as in `id_ed25519.pub`, or PEM (`BEGIN PUBLIC KEY`), one or more.
pub fn read(path: &Path) -> Result<Vec<PublicKey>, KeyError> {
    let bytes = read_file(path, FILE_CAP).map_err(|source| KeyError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    parse(&String::from_utf8_lossy(&bytes)).map_err(|why| KeyError::NoPublicKey {
        path: path.to_owned(),
        why,
    })
}

/// The keys of a text, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Vec<PublicKey>, String> {
    if text.contains("PRIVATE KEY-----") {
        return Err("it is a private key; give the public one".to_owned());
    }
    let keys: Result<Vec<PublicKey>, String> = match text.contains("-----BEGIN") {
        true => pem_blocks(text).iter().map(|block| of_pem(block)).collect(),
        false => lines(text).map(of_line).collect(),
    };
    let keys = keys?;
    match keys.is_empty() {
        true => Err("there is no key in it".to_owned()),
        false => Ok(keys),
    }
}

/// Lines that say something.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A key as `ssh-keygen` writes it: algorithm, base64, comment.
pub(super) fn of_line(line: &str) -> Result<PublicKey, String> {
    let mut words = line.split_whitespace();
    let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
        return Err("a line is no public key of OpenSSH (`ssh-ed25519 AAAA… comment`)".to_owned());
    };
    if algorithm != "ssh-ed25519" {
        let algorithm = passmuster_policy::text::line(algorithm, 40);
        return Err(format!(
            "a key is `{algorithm}`; only ssh-ed25519 is known here"
        ));
    }
    let parsed = ssh_key::PublicKey::from_openssh(&format!("{algorithm} {base64}"))
        .map_err(|error| format!("a key does not parse: {error}"))?;
    let bytes = parsed.key_data().ed25519().map(|key| key.0);
    bytes
        .and_then(|bytes| PublicKey::from_bytes(&bytes))
        .ok_or_else(|| "a key is no point that can be signed by".to_owned())
}

fn of_pem(block: &str) -> Result<PublicKey, String> {
    VerifyingKey::from_public_key_pem(block)
        .ok()
        .filter(|key| !key.is_weak())
        .map(PublicKey)
        .ok_or_else(|| "a PEM block is no ed25519 public key (`BEGIN PUBLIC KEY`)".to_owned())
}

/// From each `-----BEGIN` to the end of the line of its `-----END`; what stands between blocks is a comment.
fn pem_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if line.starts_with("-----BEGIN") {
            open = Some(String::new());
        }
        if let Some(block) = &mut open {
            block.push_str(line.trim_end());
            block.push('\n');
        }
        if line.starts_with("-----END") {
            blocks.extend(open.take());
        }
    }
    // A block that never ends is read as one, and refused.
    blocks.extend(open);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both forms of one key, made by ssh-keygen and openssl, and its fingerprint by `ssh-keygen -l`.
    const LINE: &str = include_str!("testdata/ssh.pub");
    const PEM: &str = include_str!("testdata/spki.pem");
    const FINGERPRINT: &str = include_str!("testdata/fingerprint");

    #[test]
    fn both_forms_of_a_key_are_the_same_and_have_opensshs_fingerprint() {
        let both = [parse(LINE).unwrap(), parse(PEM).unwrap()];
        assert_eq!(both[0], both[1]);
        assert_eq!(both[0][0].fingerprint(), FINGERPRINT.trim());
        let many = parse(&format!("# ours\n\n{LINE}\n{LINE}")).unwrap();
        assert_eq!(many.len(), 2);
        assert_eq!(parse(&format!("{PEM}{PEM}")).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_key_of_the_kind_is_refused_in_words() {
        let weak = format!(
            "ssh-ed25519 {}",
            base64::prelude::BASE64_STANDARD
                .encode([b"\0\0\0\x0bssh-ed25519\0\0\0\x20\x01".as_slice(), &[0; 31]].concat())
        );
        // Its header, and the same point.
        let spki = [
            &b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\0\x01"[..],
            &[0; 31],
        ]
        .concat();
        let weak_pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            base64::prelude::BASE64_STANDARD.encode(spki)
        );
        for (text, said) in [
            ("", "no key"),
            ("# nothing\n", "no key"),
            ("ssh-rsa AAAAB3NzaC1yc2E x", "only ssh-ed25519"),
            ("ssh-ed25519", "no public key"),
            ("ssh-ed25519 AAAA", "does not parse"),
            (&weak, "no point"),
            (&weak_pem, "no ed25519"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n", "no ed25519"),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                "no ed25519",
            ),
        ] {
            let found = parse(text).unwrap_err();
            assert!(found.contains(said), "{text:?}: {found}");
        }
    }
}
