//! Going out: a name becomes an address, the address is judged, and that very address is connected
//! to. Nothing is resolved twice, so a name cannot mean one thing to the judge and another to the
//! kernel.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::address::why_not_public;
use super::endpoint::{AllowList, Endpoint, Host};
use super::journal::{Connection, Fate, Journal};

/// How long a name may take to resolve, and each address to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection may lie idle in both directions.
const IDLE: Duration = Duration::from_secs(300);
/// Most addresses of a name that are tried.
const TRIED: usize = 8;

/// Connects to what a step asked for.
pub(super) async fn connect(
    to: &Endpoint,
    allowed: &AllowList,
    journal: &Arc<Journal>,
) -> Result<Metered, Fate> {
    let addresses = judge(resolve(to).await?, allowed)?;
    open(&addresses, to, journal).await
}

/// Connects to the operator's own proxy, wherever it is, for what a step asked for.
pub(super) async fn connect_upstream(
    proxy: &Endpoint,
    to: &Endpoint,
    journal: &Arc<Journal>,
) -> Result<Metered, Fate> {
    let addresses = resolve(proxy).await?;
    open(&addresses, to, journal).await
}

/// A name that goes to the operator's proxy unresolved cannot be judged by its address; but some
/// names mean the proxy's own machine, whoever resolves them.
pub(super) fn judge_unresolved(to: &Endpoint) -> Result<(), Fate> {
    let loopback = |name: &str| name == "localhost" || name.ends_with(".localhost");
    match &to.host {
        Host::Name(name) if loopback(name) => Err(Fate::NotPublic(
            "127.0.0.1".to_owned(),
            "the machine of the operator's proxy",
        )),
        _ => Ok(()),
    }
}

async fn resolve(to: &Endpoint) -> Result<Vec<SocketAddr>, Fate> {
    let name = match &to.host {
        Host::Address(address) => return Ok(vec![SocketAddr::new(*address, to.port)]),
        Host::Name(name) => name,
    };
    match timeout(PATIENCE, lookup_host((name.as_str(), to.port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(Fate::Failed(format!("the name does not resolve: {error}"))),
        Err(_) => Err(Fate::Failed("the name does not resolve in time".to_owned())),
    }
}

/// The addresses that may be connected to: public ones, and those that the list names as addresses.
fn judge(found: Vec<SocketAddr>, allowed: &AllowList) -> Result<Vec<SocketAddr>, Fate> {
    let mut good = Vec::new();
    let mut bad = Fate::Failed("the name has no address".to_owned());
    for socket in found {
        match why_not_public(socket.ip()) {
            Some(why) if !allowed.names_address(socket.ip(), socket.port()) => {
                bad = Fate::NotPublic(socket.ip().to_canonical().to_string(), why);
            }
            _ => good.push(socket),
        }
    }
    if good.is_empty() { Err(bad) } else { Ok(good) }
}

async fn open(
    addresses: &[SocketAddr],
    to: &Endpoint,
    journal: &Arc<Journal>,
) -> Result<Metered, Fate> {
    let mut last = "the name has no address".to_owned();
    for address in addresses.iter().take(TRIED) {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(Metered::new(stream, address.ip(), to, journal.clone())),
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_) => last = format!("{address}: no answer in time"),
        }
    }
    Err(Fate::Failed(last))
}

/// A connection that counts its bytes, gives up when nothing moves, and is written into the journal
/// when it ends, however it ends.
#[derive(Debug)]
pub(super) struct Metered {
    stream: TcpStream,
    told: Connection,
    journal: Arc<Journal>,
    moved: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Metered {
    fn new(stream: TcpStream, address: IpAddr, to: &Endpoint, journal: Arc<Journal>) -> Self {
        let told = Connection {
            address: Some(address),
            ..Connection::unmade(&to.to_string(), Fate::Carried)
        };
        Self {
            stream,
            told,
            journal,
            moved: Instant::now(),
            alarm: Box::pin(sleep(IDLE)),
        }
    }

    /// Ready once nothing has moved for too long.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let due = self.moved + IDLE;
            if due <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(due);
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.journal.add(self.told.clone());
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(done) => {
                self.told.received += (buffer.filled().len() - before) as u64;
                self.moved = Instant::now();
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_idle(context).map(Err),
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(done) => {
                self.told.sent += done.as_ref().map_or(0, |count| *count as u64);
                self.moved = Instant::now();
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_idle(context).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses
            .iter()
            .map(|address| SocketAddr::new(address.parse().unwrap(), 443))
            .collect()
    }

    #[test]
    fn only_public_addresses_of_a_name_are_left_and_none_is_a_refusal() {
        let list = AllowList::new(&["host.example:443"]);
        let mixed = sockets(&["10.0.0.1", "1.1.1.1", "::1"]);
        assert_eq!(judge(mixed, &list), Ok(sockets(&["1.1.1.1"])));
        let private = judge(sockets(&["10.0.0.1"]), &list);
        let expected = Fate::NotPublic("10.0.0.1".to_owned(), "a private address");
        assert_eq!(private, Err(expected));
    }

    #[test]
    fn a_private_address_counts_when_it_is_named_with_this_port() {
        let list = AllowList::new(&["host.example:443", "10.0.0.1:443", "10.0.0.2:80"]);
        let found = sockets(&["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1"]);
        let expected = sockets(&["10.0.0.1", "::ffff:10.0.0.1"]);
        assert_eq!(judge(found, &list), Ok(expected));
    }

    #[test]
    fn the_proxys_own_machine_is_not_reached_by_name() {
        for name in ["localhost:80", "LOCALHOST.:80", "a.localhost:80"] {
            assert!(judge_unresolved(&Endpoint::parse(name).unwrap()).is_err());
        }
        assert!(judge_unresolved(&Endpoint::parse("example.org:80").unwrap()).is_ok());
    }
}
