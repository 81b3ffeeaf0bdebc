//! The listener that a sandbox hands to its caller, and that it opens nothing else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use passmuster_process::{Exit, Launcher, Report, Streams, run_with};
use tokio::sync::oneshot;

use crate::support::{Sandbox, helper, stderr, stdout};

const PORT: u16 = 3128;

/// Asks the caller for its word and prints it; then tries everything that is not the listener.
const ASK: &str = "
import socket
def talk(family, kind, address):
    s = socket.socket(family, kind)
    s.settimeout(5)
    try:
        s.connect(address); s.send(b'hello'); return s.recv(100).decode()
    except OSError as e:
        return 'refused'
print(talk(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 3128)))";

fn run_answering(sandbox: &Sandbox, answer: impl FnOnce(TcpListener)) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let launcher = Launcher::new(helper());
    let (give, take) = oneshot::channel();
    let streams = Streams {
        listener: Some(give),
        ..Streams::default()
    };
    runtime.block_on(async {
        let run = run_with(&launcher, &sandbox.0, streams, std::future::pending());
        let answered = async {
            if let Ok(listener) = take.await {
                answer(listener);
            }
        };
        tokio::join!(run, answered).0.unwrap()
    })
}

fn listening(script: &str) -> Sandbox {
    let mut sandbox = Sandbox::python(script);
    sandbox.0.listen = Some(PORT);
    sandbox
}

/// Answers one connection with `word`, from a thread of its own.
fn answer_once(word: &'static str) -> impl FnOnce(TcpListener) {
    move |listener| {
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut heard = [0; 5];
            connection.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"hello");
            connection.write_all(word.as_bytes()).unwrap();
        });
    }
}

#[test]
fn what_the_command_connects_to_is_answered_by_the_caller() {
    let report = run_answering(&listening(ASK), answer_once("from outside"));
    assert_eq!(report.exit, Exit::Exited(0), "{}", stderr(&report));
    assert_eq!(stdout(&report), "from outside");
}

#[test]
fn a_listener_adds_no_route_and_no_other_port() {
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    let script = format!(
        "{ASK}
print(talk(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {port})))
print(talk(socket.AF_INET, socket.SOCK_STREAM, ('192.0.2.1', 80)))
print(talk(socket.AF_INET, socket.SOCK_DGRAM, ('192.0.2.1', 53)))
print(talk(socket.AF_INET6, socket.SOCK_STREAM, ('2001:db8::1', 80)))
print(sorted(name for _, name in socket.if_nameindex()))"
    );
    let report = run_answering(&listening(&script), answer_once("yes"));
    let printed = stdout(&report);
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("yes"), "control: the listener answers");
    assert!(lines.by_ref().take(4).eq(["refused"; 4]), "{printed}");
    let network = report
        .enforcement
        .iter()
        .find(|one| one.protection == passmuster_process::Protection::Network);
    assert!(network.is_some_and(|one| one.state == passmuster_process::State::Enforced));
}

#[test]
fn no_other_sandbox_and_not_the_host_reaches_a_listener() {
    let (give, take) = mpsc::channel();
    let (done, wait) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let script = "import sys; sys.stdin.read(); import time; time.sleep(2)";
        run_answering(&listening(script), |listener| {
            listener.set_nonblocking(true).unwrap();
            give.send(listener).unwrap();
        });
        done.send(()).unwrap();
    });
    let listener = take.recv().unwrap();
    assert_eq!(Sandbox::python(ASK).output(), "refused");
    assert!(std::net::TcpStream::connect(("127.0.0.1", PORT)).is_err());
    assert!(listener.accept().is_err(), "nobody came");
    wait.recv().unwrap();
    holder.join().unwrap();
}

#[test]
fn a_caller_that_does_not_answer_leaves_a_dead_port() {
    let report = run_answering(&listening(ASK), drop);
    assert_eq!(stdout(&report), "refused", "{}", stderr(&report));
}

#[test]
fn a_sandbox_that_cannot_be_built_still_says_why_when_it_was_to_listen() {
    let mut sandbox = listening("print(1)");
    sandbox.0.mounts.push(passmuster_process::Mount::ReadOnly {
        source: "/nonexistent-source".into(),
        target: "/data".into(),
    });
    let error = sandbox.try_run().unwrap_err();
    assert!(error.to_string().contains("/nonexistent-source"), "{error}");
}
