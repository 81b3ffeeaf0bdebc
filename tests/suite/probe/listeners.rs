//! Servers of the host that must hear nothing from a sandbox; for the control they play every address there is.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::stage::Side;

pub(super) struct Listeners {
    tcp4: TcpListener,
    tcp6: TcpListener,
    echo: Echo,
    by_path: UnixListener,
    by_name: UnixListener,
    name: String,
}

impl Listeners {
    /// All of them; the one with a path lies in the directory of victims.
    pub(super) fn open(victim: &Path) -> Self {
        // Two stages of one process have their own names.
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("passmuster-probe-{}-{number}", std::process::id());
        let by_name = SocketAddr::from_abstract_name(&name).unwrap();
        let listeners = Self {
            tcp4: TcpListener::bind("127.0.0.1:0").unwrap(),
            tcp6: TcpListener::bind("[::1]:0").unwrap(),
            echo: Echo::start(),
            by_path: UnixListener::bind(victim.join("daemon.sock")).unwrap(),
            by_name: UnixListener::bind_addr(&by_name).unwrap(),
            name,
        };
        listeners.tcp4.set_nonblocking(true).unwrap();
        listeners.tcp6.set_nonblocking(true).unwrap();
        listeners.by_path.set_nonblocking(true).unwrap();
        listeners.by_name.set_nonblocking(true).unwrap();
        listeners
    }

    pub(super) fn scene(&self, side: Side) -> Vec<(&'static str, String)> {
        let tcp4 = self.tcp4.local_addr().unwrap();
        let tcp6 = self.tcp6.local_addr().unwrap().to_string();
        let udp = self.echo.address.clone();
        // Addresses for documentation, and the one at which clouds keep their machines' credentials.
        let (internet4, internet6, metadata, nameserver) = match side {
            Side::Outside => (
                tcp4.to_string(),
                tcp6.clone(),
                tcp4.to_string(),
                udp.clone(),
            ),
            Side::Inside => (
                "192.0.2.1:80".to_owned(),
                "[2001:db8::1]:80".to_owned(),
                "169.254.169.254:80".to_owned(),
                "192.0.2.1:53".to_owned(),
            ),
        };
        vec![
            ("tcp4", tcp4.to_string()),
            ("tcp6", tcp6),
            ("mapped", format!("[::ffff:127.0.0.1]:{}", tcp4.port())),
            ("udp", udp),
            ("internet4", internet4),
            ("internet6", internet6),
            ("metadata", metadata),
            ("nameserver", nameserver),
            ("abstract", self.name.clone()),
        ]
    }

    pub(super) fn had_visitors(&self) -> bool {
        let accepted = [
            self.tcp4.accept().map(drop),
            self.tcp6.accept().map(drop),
            self.by_path.accept().map(drop),
            self.by_name.accept().map(drop),
        ];
        let nobody = |error: &std::io::Error| error.kind() == ErrorKind::WouldBlock;
        let silent = accepted.iter().all(|one| one.as_ref().is_err_and(nobody));
        !silent || self.echo.heard.load(Ordering::SeqCst) > 0
    }
}

/// Answers each datagram with itself.
struct Echo {
    address: String,
    heard: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let (heard, stop) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, until) = (Arc::clone(&heard), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while !until.load(Ordering::SeqCst) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    count.fetch_add(1, Ordering::SeqCst);
                    socket.send_to(&buffer[..length], from).unwrap();
                }
            }
        });
        Self {
            address,
            heard,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}
