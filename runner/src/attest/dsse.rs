//! DSSE envelopes: a payload, its type, and one signature over both.
//!
//! A file holds one or more, one a line (in-toto's bundle) or spread over lines. Ours have exactly one signature; more are refused,
//! since what a second one says would be for somebody else to judge.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use passmuster_policy::statement::PAYLOAD_TYPE;
use passmuster_policy::text;
use serde::{Deserialize, Serialize};

use super::key::{KeyError, Signer};
use super::public::PublicKey;
use super::read_file;

/// Largest file of envelopes: a record with a hundred thousand findings.
const FILE_CAP: u64 = 32 << 20;

/// Most envelopes in one file.
const ENVELOPES: usize = 64;

/// Most bytes of a key's name in a message.
const KEYID: usize = 100;

/// An envelope as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Base64 of the statement.
    pub payload: String,
    /// [`PAYLOAD_TYPE`].
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// One signature.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The key's fingerprint.
    pub keyid: String,
    /// Base64 of 64 bytes.
    pub sig: String,
}

/// An envelope of the right form. What is in it is not to be believed before [`Opened::signer`] said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The bytes that may have been signed.
    pub payload: Vec<u8>,
    keyid: String,
    signature: Vec<u8>,
}

/// Who signed an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed<'a> {
    /// This key did.
    By(&'a PublicKey),
    /// It names none of the keys.
    Unknown(String),
    /// It names one of the keys, whose signature it is not.
    Broken(String),
}

/// The bytes that are signed: type and payload, each with its length (DSSE's pre-authentication encoding).
fn to_be_signed(payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {PAYLOAD_TYPE} {} ",
        PAYLOAD_TYPE.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

/// Signs a payload. The text is one line and ends with it, so that files can be put together.
pub fn seal(signer: &Signer, payload: &[u8]) -> Result<String, KeyError> {
    let envelope = Envelope {
        payload: BASE64_STANDARD.encode(payload),
        payload_type: PAYLOAD_TYPE.to_owned(),
        signatures: vec![EnvelopeSignature {
            keyid: signer.public().fingerprint(),
            sig: BASE64_STANDARD.encode(signer.sign(&to_be_signed(payload))?),
        }],
    };
    // Plain texts: nothing in it can fail.
    let text = serde_json::to_string(&envelope).unwrap_or_default();
    Ok(format!("{text}\n"))
}

/// A file of envelopes. The outer error is the operator's (no such file), the inner one the file's.
pub fn read(path: &Path) -> io::Result<Result<Vec<Opened>, String>> {
    Ok(parse(&read_file(path, FILE_CAP)?))
}

/// The envelopes of a file's text, or what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Vec<Opened>, String> {
    let mut found = Vec::new();
    for envelope in serde_json::Deserializer::from_slice(bytes).into_iter::<Envelope>() {
        let envelope = envelope.map_err(|error| {
            let why = text::line(&error.to_string(), 200);
            format!("it is no DSSE envelope: {why}")
        })?;
        if found.len() == ENVELOPES {
            return Err(format!("it has more than {ENVELOPES} envelopes"));
        }
        found.push(open(&envelope)?);
    }
    match found.is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(found),
    }
}

fn open(envelope: &Envelope) -> Result<Opened, String> {
    if envelope.payload_type != PAYLOAD_TYPE {
        let found = text::line(&envelope.payload_type, KEYID);
        return Err(format!(
            "its payloadType is `{found}` and not {PAYLOAD_TYPE}"
        ));
    }
    let [signature] = envelope.signatures.as_slice() else {
        let count = envelope.signatures.len();
        return Err(format!("it has {count} signatures where one belongs"));
    };
    Ok(Opened {
        payload: decode(&envelope.payload).ok_or("its payload is no base64")?,
        keyid: signature.keyid.clone(),
        signature: decode(&signature.sig).ok_or("its signature is no base64")?,
    })
}

/// Either alphabet, as DSSE has it; padding and the last bits have to be right.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD
        .decode(text)
        .or_else(|_| BASE64_URL_SAFE.decode(text))
        .ok()
}

impl Opened {
    /// Which of these keys signed it. Only the key that it names is tried: a file from anywhere must not cost as many verifications as
    /// there are keys. That name alone decides nothing, for the signature has to be this key's.
    pub fn signer<'a>(&self, keys: impl IntoIterator<Item = &'a PublicKey>) -> Signed<'a> {
        let named = keys.into_iter().find(|key| key.fingerprint() == self.keyid);
        match named {
            None => Signed::Unknown(self.shown()),
            Some(key) if key.verifies(&to_be_signed(&self.payload), &self.signature) => {
                Signed::By(key)
            }
            Some(_) => Signed::Broken(self.shown()),
        }
    }

    /// The name of the key, made harmless.
    fn shown(&self) -> String {
        text::line(&self.keyid, KEYID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let mut value = serde_json::json!({
            "payload": "e30=", "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "keyid": "SHA256:x", "sig": BASE64_STANDARD.encode([0; 64]) }]
        });
        edit(&mut value);
        value.to_string().into_bytes()
    }

    #[test]
    fn what_is_signed_is_what_dsse_says() {
        let expected = b"DSSEv1 28 application/vnd.in-toto+json 2 {}";
        assert_eq!(to_be_signed(b"{}"), expected);
    }

    #[test]
    fn one_envelope_or_several_are_read_in_either_alphabet() {
        let one = text(|_| {});
        assert_eq!(parse(&one).unwrap().len(), 1);
        let pretty =
            serde_json::to_vec_pretty(&serde_json::from_slice::<serde_json::Value>(&one).unwrap())
                .unwrap();
        let several = [one.as_slice(), b"\n", &pretty, b"\n", &one].concat();
        assert_eq!(parse(&several).unwrap().len(), 3);
        let payload = |text: &str| decode(text).unwrap();
        assert_eq!(payload("-_8="), payload("+/8="));
    }

    #[test]
    fn anything_else_is_no_envelope_and_is_told_in_words() {
        let cut = text(|_| {});
        let twice = String::from_utf8(text(|_| {})).unwrap().replacen(
            "{\"payload\"",
            "{\"payload\":\"e30=\",\"payload\"",
            1,
        );
        for (bytes, said) in [
            (Vec::new(), "empty"),
            (b" \n".to_vec(), "empty"),
            (b"no".to_vec(), "no DSSE envelope"),
            (b"\xff\xfe".to_vec(), "no DSSE envelope"),
            (cut.get(..cut.len() - 2).unwrap().to_vec(), "EOF"),
            (twice.into_bytes(), "duplicate field"),
            (text(|one| one["more"] = 1.into()), "unknown field"),
            (
                text(|one| one["signatures"][0]["more"] = 1.into()),
                "unknown field",
            ),
            (
                text(|one| drop(one.as_object_mut().unwrap().remove("payload"))),
                "missing field",
            ),
            (
                text(|one| one["payloadType"] = "text/plain\u{1b}".into()),
                "text/plain",
            ),
            (text(|one| one["payload"] = "e30".into()), "no base64"),
            (text(|one| one["payload"] = "e31=".into()), "no base64"),
            (text(|one| one["payload"] = "e3 0=".into()), "no base64"),
            (text(|one| one["payload"] = "+_8=".into()), "no base64"),
            (
                text(|one| one["signatures"][0]["sig"] = "?".into()),
                "no base64",
            ),
            (
                text(|one| one["signatures"] = serde_json::json!([])),
                "0 signatures",
            ),
            (
                text(|one| {
                    let again = one["signatures"][0].clone();
                    one["signatures"].as_array_mut().unwrap().push(again);
                }),
                "2 signatures",
            ),
            (text(|_| {}).repeat(ENVELOPES + 1), "more than"),
            (b"[".repeat(1 << 20), "no DSSE envelope"),
        ] {
            let found = parse(&bytes).unwrap_err();
            assert!(found.contains(said), "{said}: {found}");
            assert!(!found.contains('\u{1b}'), "{found:?}");
        }
    }
}
