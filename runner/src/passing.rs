//! The caller's streams on one side, a sandboxed command's pipes on the other.
//!
//! To a pipe or file, bytes go as they come. To a terminal, what could drive it is written as
//! escapes: the command may be anybody's, and a terminal can be made to show or type anything.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::str;

use passmuster_policy::text::shown;
use passmuster_process::{Sink, Streams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;

/// Bytes on their way to a terminal.
const ON_THE_WAY: usize = 16 << 10;

/// Streams that are passed on, and the work of doing so.
pub struct Passing {
    work: Vec<JoinHandle<()>>,
}

impl Passing {
    /// Connects the process's own standard streams. Whatever comes on standard input is read, also
    /// when the command reads nothing.
    pub fn start() -> io::Result<(Self, Streams)> {
        let mut passing = Self { work: Vec::new() };
        let streams = Streams {
            input: Some(input()?),
            stdout: Some(match io::stdout().is_terminal() {
                true => passing.terminal_sink(tokio::io::stdout()),
                false => Box::new(tokio::io::stdout()),
            }),
            stderr: Some(match io::stderr().is_terminal() {
                true => passing.terminal_sink(tokio::io::stderr()),
                false => Box::new(tokio::io::stderr()),
            }),
            listener: None,
        };
        Ok((passing, streams))
    }

    fn terminal_sink(
        &mut self,
        terminal: impl tokio::io::AsyncWrite + Send + Unpin + 'static,
    ) -> Sink {
        let (theirs, ours) = duplex(ON_THE_WAY);
        self.work.push(tokio::spawn(show(ours, terminal)));
        Box::new(theirs)
    }

    /// Waits until all that the command printed is written.
    pub async fn finish(self) {
        for work in self.work {
            // One that ended badly has nothing more to write.
            let _ = work.await;
        }
    }
}

/// A pipe that is fed with standard input. Its thread waits for whoever types, and is left to do so
/// when the command has ended.
fn input() -> io::Result<OwnedFd> {
    let (reading, mut writing) = io::pipe()?;
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = io::stdin().lock().read(&mut chunk) {
            let read = chunk.get(..count).unwrap_or_default();
            if writing.write_all(read).is_err() {
                break;
            }
        }
    });
    Ok(reading.into())
}

async fn show(mut from: DuplexStream, mut to: impl tokio::io::AsyncWrite + Unpin) {
    let mut text = Text::default();
    let mut chunk = [0; 4096];
    loop {
        let count = from.read(&mut chunk).await.unwrap_or(0);
        let seemly = match count {
            0 => text.rest(),
            _ => text.push(chunk.get(..count).unwrap_or_default()),
        };
        let taken = to.write_all(seemly.as_bytes()).await;
        if taken.is_err() || to.flush().await.is_err() || count == 0 {
            return;
        }
    }
}

/// Text that comes in pieces, which may end within a character.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn push(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let whole = match str::from_utf8(&self.0) {
            // Only an end that could still become a character is kept back.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.0.len(),
        };
        let rest = self.0.split_off(whole);
        let ready = std::mem::replace(&mut self.0, rest);
        shown(&String::from_utf8_lossy(&ready))
    }

    fn rest(&mut self) -> String {
        shown(&String::from_utf8_lossy(&std::mem::take(&mut self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn text_in_pieces_is_shown_like_text_in_one() {
        let whole = "é\u{1b}[2J—\u{9b}1m\n".as_bytes();
        let mut expected = Text::default();
        let expected = expected.push(whole) + &expected.rest();
        assert_eq!(expected, "é\\u{1b}[2J—\\u{9b}1m\n");
        for size in 1..whole.len() {
            let mut text = Text::default();
            let pieces: String = whole.chunks(size).map(|piece| text.push(piece)).collect();
            assert_eq!(pieces + &text.rest(), expected, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_text_is_replaced_and_not_waited_for() {
        let mut text = Text::default();
        assert_eq!(text.push(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(text.push(b"\xc3"), "");
        assert_eq!(text.rest(), "\u{fffd}");
    }
}
