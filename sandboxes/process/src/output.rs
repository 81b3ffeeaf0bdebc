//! What a command printed: head and tail kept, all of it read and counted.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// One output stream of a finished command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Captured {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes, where more came than the head holds; what lay between is gone if `total`
    /// says so.
    pub tail: Vec<u8>,
    /// All bytes that were written.
    pub total: u64,
}

impl Captured {
    /// Bytes that came and were not kept.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.total
            .saturating_sub((self.head.len() + self.tail.len()) as u64)
    }

    /// Head and tail with a line between them that tells how much is missing.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if self.dropped() > 0 {
            bytes.extend(format!("\n[… {} bytes left out …]\n", self.dropped()).into_bytes());
        }
        bytes.extend(&self.tail);
        bytes
    }
}

/// Collects a stream within a number of bytes.
pub(crate) struct Capture {
    head: Vec<u8>,
    head_limit: usize,
    tail: VecDeque<u8>,
    tail_limit: usize,
    total: u64,
}

impl Capture {
    /// Keeps at most `limit` bytes, half of them for the end: that is where programs say what went
    /// wrong.
    pub(crate) fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let head_limit = limit / 2;
        Self {
            head: Vec::new(),
            head_limit,
            tail: VecDeque::new(),
            tail_limit: limit - head_limit,
            total: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (to_head, rest) = bytes.split_at(bytes.len().min(self.head_limit - self.head.len()));
        self.head.extend_from_slice(to_head);
        let rest = rest
            .get(rest.len().saturating_sub(self.tail_limit)..)
            .unwrap_or_default();
        let surplus = (self.tail.len() + rest.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// Reads until the end or an error of the stream, and notes that something came. Cancelling
    /// loses nothing that was pushed.
    pub(crate) async fn drain(&mut self, mut stream: impl AsyncRead + Unpin, printed: &Notify) {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            self.push(chunk.get(..count).unwrap_or_default());
            printed.notify_one();
        }
    }

    pub(crate) fn finish(self) -> Captured {
        Captured {
            head: self.head,
            tail: self.tail.into(),
            total: self.total,
        }
    }
}

/// Drains a stream to its end, or to the deadline that may be announced while it runs: an end that
/// never comes must not hold anyone.
pub(crate) async fn capture(
    stream: Option<impl AsyncRead + Unpin>,
    limit: u64,
    deadline: oneshot::Receiver<Instant>,
    printed: &Notify,
) -> Captured {
    let mut capture = Capture::new(limit);
    if let Some(stream) = stream {
        let until = async {
            match deadline.await {
                Ok(deadline) => tokio::time::sleep_until(deadline).await,
                Err(_) => tokio::time::sleep_until(Instant::now()).await,
            }
        };
        tokio::select! {
            () = capture.drain(stream, printed) => {}
            () = until => {}
        }
    }
    capture.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Capture;

    fn captured(limit: u64, pieces: &[&str]) -> (String, String, u64) {
        let mut capture = Capture::new(limit);
        pieces
            .iter()
            .for_each(|piece| capture.push(piece.as_bytes()));
        let captured = capture.finish();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            text(&captured.head),
            text(&captured.tail),
            captured.dropped(),
        )
    }

    #[test]
    fn head_and_tail_are_kept_and_everything_is_counted() {
        let cases: [(u64, &[&str], &str, &str, u64); 7] = [
            (4, &[], "", "", 0),
            (4, &["a"], "a", "", 0),
            (4, &["abcd"], "ab", "cd", 0),
            (4, &["abcdef"], "ab", "ef", 2),
            (4, &["a", "b", "c", "d", "e"], "ab", "de", 1),
            (4, &["abc", "defghijk", "l"], "ab", "kl", 8),
            (0, &["abc"], "", "", 3),
        ];
        for (limit, pieces, head, tail, dropped) in cases {
            let expected = (head.to_owned(), tail.to_owned(), dropped);
            assert_eq!(captured(limit, pieces), expected, "{limit} {pieces:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_whatever_pieces_no_more_is_kept_than_the_limit_and_it_is_the_beginning_and_the_end(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20),
            limit in 0..200_u64,
        ) {
            let mut capture = Capture::new(limit);
            pieces.iter().for_each(|piece| capture.push(piece));
            let (captured, all) = (capture.finish(), pieces.concat());
            let kept = captured.head.len() + captured.tail.len();
            prop_assert_eq!(captured.total, all.len() as u64);
            prop_assert_eq!(kept as u64, captured.total.min(limit));
            prop_assert!(all.starts_with(&captured.head) && all.ends_with(&captured.tail));
            prop_assert_eq!(captured.dropped() > 0, kept < all.len());
        }
    }
}
