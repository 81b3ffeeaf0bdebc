//! How caller, helper and init speak to each other: JSON values, each preceded by its length as
//! four bytes.
//!
//! Both ends are the same binary, so the format has no version; paths and arguments cross as bytes
//! because they need not be UTF-8.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longer messages are a sign of a broken peer; the largest real one is a specification with
/// generated files.
const LONGEST: usize = 256 << 20;

/// What is read in one piece.
const AT_ONCE: usize = 64 << 10;

/// The bytes of one message, length included.
pub(crate) fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, value)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::ErrorKind::InvalidData)?;
    bytes.splice(..4, length.to_le_bytes());
    Ok(bytes)
}

/// The body's length that a message's first four bytes announce.
pub(crate) fn body_length(prefix: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > LONGEST {
        Err(io::ErrorKind::InvalidData.into())
    } else {
        Ok(length)
    }
}

/// The value that a message's body holds.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_slice(body)?)
}

/// Writes one message, blocking.
pub(crate) fn send<T: Serialize>(mut to: impl Write, value: &T) -> io::Result<()> {
    to.write_all(&encode(value)?)
}

/// Reads one message, blocking; a closed peer is `UnexpectedEof`.
pub(crate) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix)?;
    let length = body_length(prefix)?;
    // A length alone costs little memory: room is made for what really comes.
    let mut body = Vec::with_capacity(length.min(AT_ONCE));
    let came = from.take(length as u64).read_to_end(&mut body)?;
    if came < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    decode(&body)
}

/// Paths as bytes: serde's own form of `PathBuf` refuses what is not UTF-8.
pub(crate) mod path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

/// As [`path`], for a path that may be missing.
pub(crate) mod optional_path {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_ref().map(|path| path.as_os_str()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<OsString>::deserialize(from)?.map(PathBuf::from))
    }
}

/// An environment as a list of pairs: JSON's keys must be text.
pub(crate) mod pairs {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use serde::{Deserialize, Deserializer, Serializer};

    type Environment = BTreeMap<OsString, OsString>;

    pub(crate) fn serialize<S: Serializer>(map: &Environment, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Environment, D::Error> {
        Ok(Vec::<(OsString, OsString)>::deserialize(from)?
            .into_iter()
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use proptest::prelude::*;

    use super::*;
    use crate::report::{Exit, Message, Outcome, Usage};
    use crate::spec::{Command, Limits, Mount, Spec};

    fn text() -> impl Strategy<Value = OsString> {
        prop::collection::vec(any::<u8>(), 0..40).prop_map(OsString::from_vec)
    }

    fn spec() -> impl Strategy<Value = Spec> {
        let words = prop::collection::vec(text(), 0..6);
        let pairs = prop::collection::btree_map(text(), text(), 0..6);
        (
            text(),
            words,
            pairs,
            text(),
            prop::collection::vec(any::<u8>(), 0..99),
        )
            .prop_map(|(program, args, env, cwd, content)| Spec {
                command: Command {
                    program: program.into(),
                    args,
                    env,
                    cwd: cwd.clone().into(),
                },
                mounts: vec![
                    Mount::ReadOnly {
                        source: cwd.clone().into(),
                        target: cwd.clone().into(),
                    },
                    Mount::File {
                        target: cwd.into(),
                        content,
                        executable: true,
                    },
                ],
                listen: Some(3128),
                services: Vec::new(),
                limits: Limits::default(),
            })
    }

    fn ended(exit: Exit) -> Message {
        Message::Ended {
            exit,
            survivors: 3,
            seen: crate::denials::Seen {
                names: vec![("a.example.org".into(), 2)],
                decoys: vec!["/home/x".into()],
            },
            services: Vec::new(),
            usage: Usage::default(),
        }
    }

    proptest! {
        #[test]
        fn a_specification_arrives_as_it_was_sent_whatever_its_bytes(spec in spec()) {
            let sent = encode(&spec).unwrap();
            prop_assert_eq!(receive::<Spec>(sent.as_slice()).unwrap(), spec);
        }

        #[test]
        fn a_message_that_is_cut_anywhere_is_an_error(code in any::<i32>(), at in any::<prop::sample::Index>()) {
            let sent = encode(&ended(Exit::Exited(code))).unwrap();
            let cut = &sent[..at.index(sent.len())];
            prop_assert!(receive::<Message>(cut).is_err());
        }

        #[test]
        fn nothing_that_comes_makes_a_reader_panic_or_believe_more_than_was_said(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            length in 0..300_u32,
        ) {
            let mut message = length.to_le_bytes().to_vec();
            message.extend(&bytes);
            let _any_answer = receive::<Spec>(bytes.as_slice());
            prop_assert!(receive::<Outcome>(message.as_slice()).is_err());
            prop_assert!(receive::<Message>(message.as_slice()).is_err());
        }

        #[test]
        fn a_message_with_one_byte_changed_is_an_error_or_another_message_of_the_same_kind(
            code in any::<i32>(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut sent = encode(&ended(Exit::Exited(code))).unwrap();
            let at = at.index(sent.len());
            sent[at] = byte;
            let is_ended = |message| matches!(message, Message::Ended { .. });
            prop_assert!(receive::<Message>(sent.as_slice()).map_or(true, is_ended));
        }
    }

    #[test]
    fn a_length_that_is_out_of_all_proportion_is_refused_and_a_false_one_costs_nothing() {
        let refused = receive::<Spec>([0xff; 8].as_slice()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        let mut short = u32::try_from(LONGEST).unwrap().to_le_bytes().to_vec();
        short.extend(b"{}");
        let cut = receive::<Spec>(short.as_slice()).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }
}
