//! A listener of the sandbox that the caller answers: the only way to offer something from outside.
//!
//! # Theory of operation
//!
//! A socket belongs to the network namespace in which it was created, whoever holds it. So nothing
//! has to be connected to anything: init, while it still has its rights, creates a TCP listener on
//! the sandbox's own 127.0.0.1 and sends the descriptor over the caller's socket, as a message
//! without a body, before it lets go of that socket. The caller accepts connections from inside on
//! it, as from any listener. There is no route, no address and no process in between; the command
//! sees a port on loopback.
//!
//! The listener is reachable from this one network namespace and from nowhere else. Init closes its
//! own descriptor, so the port is dead as soon as the caller drops its end, and unreachable as soon
//! as the sandbox's processes are dead. What is said on the connections is the caller's business;
//! this crate knows of no protocol.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::error::{Failure, Step};
use crate::sys;

/// The message that carries the descriptor: a length of nothing, which no other message has.
const FRAME: [u8; 4] = [0; 4];

/// Init's part: creates the listener and sends it to whoever holds the other end of `caller`.
pub(crate) fn offer(port: u16, caller: impl AsFd) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| Failure::io(Step::Listener, "127.0.0.1", &error))?;
    let descriptors = [listener.as_raw_fd()];
    sendmsg::<()>(
        caller.as_fd().as_raw_fd(),
        &[IoSlice::new(&FRAME)],
        &[ControlMessage::ScmRights(&descriptors)],
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .map(drop)
    .map_err(|errno| Failure::new(Step::Listener, errno))
}

/// The caller's part: reads the first four bytes that come. A listener comes with [`FRAME`];
/// without one the bytes begin the outcome.
pub(crate) async fn receive(socket: &UnixStream) -> io::Result<([u8; 4], Option<TcpListener>)> {
    let mut bytes = [0; 4];
    let mut filled = 0;
    let mut listener = None;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let (read, descriptor) = socket
            .async_io(Interest::READABLE, || {
                Ok(sys::receive_with_descriptor(socket.as_fd(), rest)?)
            })
            .await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        listener = listener.or(descriptor.map(TcpListener::from));
    }
    Ok((bytes, listener))
}
