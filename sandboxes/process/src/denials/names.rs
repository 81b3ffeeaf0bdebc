//! A resolver that knows no name, and remembers what it was asked for.
//!
//! With an empty `resolv.conf` the C libraries, Go and c-ares ask 127.0.0.1. Without an answer there
//! they say that the resolver is broken; with this one that the name does not exist, at once, as on a
//! machine that is online and asked for a wrong name.

use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};

/// Different names that are kept.
const CAP: usize = 64;
/// Questions answered at a time, so that a flood of them does not keep init from its other work.
const BATCH: usize = 64;
/// The longest question over UDP.
const LONGEST: usize = 512;

/// Length of a message's header.
const HEADER: usize = 12;
/// The type that asks for an IPv6 address, which comes along with every question for an IPv4 one.
const AAAA: u16 = 28;

/// The resolver of a sandbox.
pub(crate) struct Resolver {
    socket: Option<UdpSocket>,
    asked: Vec<(String, u64)>,
}

impl Resolver {
    /// Takes the port, for which a capability is needed. Without it names are not found either.
    pub(crate) fn open() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").ok();
        let socket = socket.filter(|socket| socket.set_nonblocking(true).is_ok());
        Self {
            socket,
            asked: Vec::new(),
        }
    }

    /// Where there is no loopback of its own, nobody is asked: names are not found, and not known of.
    pub(crate) fn none() -> Self {
        Self {
            socket: None,
            asked: Vec::new(),
        }
    }

    /// What it does not see.
    pub(crate) fn blind(&self) -> Option<String> {
        let why = "names that are looked up are not seen: port 53 cannot be had here";
        self.socket.is_none().then(|| why.to_owned())
    }

    /// What to poll for questions.
    pub(crate) fn polled(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Answers what has come. Never waits.
    pub(crate) fn serve(&mut self) {
        let Some(socket) = &self.socket else { return };
        let mut buffer = [0; LONGEST];
        for _ in 0..BATCH {
            let Ok((length, asker)) = socket.recv_from(&mut buffer) else {
                return;
            };
            let question = buffer.get(..length).and_then(Question::read);
            if let Some(question) = question {
                // Whoever no longer listens needs no answer.
                let _gone = socket.send_to(&question.answer(), asker);
                note(&mut self.asked, &question);
            }
        }
    }

    /// The names in the order of their first time.
    pub(crate) fn into_asked(self) -> Vec<(String, u64)> {
        self.asked
    }
}

fn note(asked: &mut Vec<(String, u64)>, question: &Question<'_>) {
    let room = asked.len() < CAP;
    match asked.iter_mut().find(|(name, _)| *name == question.name) {
        Some((_, count)) if question.kind != AAAA => *count = count.saturating_add(1),
        Some(_) => {}
        None if room => asked.push((question.name.clone(), 1)),
        None => {}
    }
}

/// A message's one question (RFC 1035, 4.1).
struct Question<'a> {
    id: [u8; 2],
    flags: u8,
    /// The question as it came.
    bytes: &'a [u8],
    name: String,
    kind: u16,
}

impl<'a> Question<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let header = message.first_chunk::<HEADER>()?;
        let [id @ .., flags, _, 0, 1] = header.first_chunk::<6>()? else {
            return None;
        };
        let is_answer = flags & 0x80 != 0;
        let rest = message.get(HEADER..)?;
        let mut labels = Vec::new();
        let mut at = 0;
        loop {
            let length = usize::from(*rest.get(at)?);
            let label = rest.get(at + 1..at + 1 + length)?;
            at += 1 + length;
            match length {
                0 => break,
                // Pointers have nothing to point at in a question.
                1..64 => labels.push(String::from_utf8_lossy(label).to_lowercase()),
                _ => return None,
            }
        }
        let kind = u16::from_be_bytes(*rest.get(at..)?.first_chunk()?);
        (!is_answer).then_some(Self {
            id: *id,
            flags: *flags,
            bytes: rest.get(..at + 4)?,
            name: labels.join("."),
            kind,
        })
    }

    /// No such name.
    fn answer(&self) -> Vec<u8> {
        const RESPONSE: u8 = 0x80;
        const RECURSION_AVAILABLE_NO_SUCH_NAME: u8 = 0x83;
        let flags = [RESPONSE | self.flags, RECURSION_AVAILABLE_NO_SUCH_NAME];
        let counts = [0, 1, 0, 0, 0, 0, 0, 0];
        [&self.id, flags.as_slice(), &counts, self.bytes].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, (kind >> 8) as u8, kind as u8, 0, 1]);
        bytes
    }

    #[test]
    fn a_question_is_answered_with_no_such_name() {
        let bytes = question("Example.ORG", 1);
        let read = Question::read(&bytes).unwrap();
        assert_eq!((read.name.as_str(), read.kind), ("example.org", 1));
        let answer = read.answer();
        assert_eq!(answer[..12], [7, 9, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer[12..], bytes[12..]);
    }

    #[test]
    fn what_is_no_question_is_not_answered_and_breaks_nothing() {
        let whole = question("a.b", 1);
        for length in 0..whole.len() {
            assert!(Question::read(&whole[..length]).is_none(), "{length}");
        }
        let mut pointer = whole.clone();
        pointer[12] = 0xc0;
        let mut answer = whole.clone();
        answer[2] |= 0x80;
        let mut two = whole.clone();
        two[5] = 2;
        for wrong in [pointer, answer, two] {
            assert!(Question::read(&wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn both_address_types_of_one_lookup_count_once_and_names_are_bounded() {
        let mut asked = Vec::new();
        for number in 0..100 {
            for (name, kind) in [("a.b", 1), ("a.b", AAAA), (&format!("n{number}"), 1)] {
                note(&mut asked, &Question::read(&question(name, kind)).unwrap());
            }
        }
        assert_eq!(asked[0], ("a.b".to_owned(), 100));
        assert_eq!(asked.len(), CAP);
    }
}
