//! Standard streams that are passed on while the command runs.
//!
//! The command never holds a descriptor of the caller's own streams. A terminal can be read and set
//! through the descriptor that is meant for writing, and a file may have been opened for more than
//! the command is to do. So each stream is a pipe, and the caller copies.

use std::io::{IoSlice, Result};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::output::Captured;

/// Takes what a command prints, as it comes.
pub type Sink = Box<dyn AsyncWrite + Send + Unpin>;

/// Where a command's standard streams lead; by default input is empty and output is kept for the
/// report.
#[derive(Default)]
pub struct Streams {
    /// What the command reads: the reading end of a pipe of the caller's. The command holds it.
    pub input: Option<OwnedFd>,
    /// Takes standard output instead of the report, all of it, whatever the limit on output says.
    pub stdout: Option<Sink>,
    /// The same for standard error.
    pub stderr: Option<Sink>,
    /// Gets the listener of [`crate::Spec::listen`] before the command starts. It is blocking, as
    /// the standard library makes them. Without a taker nobody answers.
    pub listener: Option<oneshot::Sender<TcpListener>>,
}

/// Copies a stream to its end. A sink that takes no more closes the stream, so that the command
/// sees a reader that is gone. The deadline is announced when all processes are dead: what lies in
/// the pipe by then is still written, however slowly the sink takes it, but an end that never comes
/// is not waited for.
pub(crate) async fn forward(
    stream: Option<impl AsyncRead + Unpin>,
    mut sink: Sink,
    deadline: oneshot::Receiver<Instant>,
    printed: &Notify,
) -> Captured {
    let mut captured = Captured::default();
    let Some(mut stream) = stream else {
        return captured;
    };
    let until = async {
        if let Ok(deadline) = deadline.await {
            sleep_until(deadline).await;
        }
    };
    tokio::pin!(until);
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = tokio::select! {
            biased;
            read = stream.read(&mut chunk) => read,
            () = &mut until => break,
        };
        let Ok(count @ 1..) = read else { break };
        captured.total += count as u64;
        printed.notify_one();
        let taken = sink.write_all(chunk.get(..count).unwrap_or_default()).await;
        if taken.is_err() || sink.flush().await.is_err() {
            break;
        }
    }
    captured
}

/// The first byte on a new socket, and with it the input, if there is one.
pub(crate) fn send_input(socket: &UnixStream, input: Option<OwnedFd>) -> Result<()> {
    let descriptors: Vec<_> = input.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let with = if descriptors.is_empty() {
        &[]
    } else {
        rights.as_slice()
    };
    let byte = [IoSlice::new(&[0])];
    sendmsg::<()>(socket.as_raw_fd(), &byte, with, MsgFlags::empty(), None)?;
    Ok(())
}
