//! Servers and clients of one test run, and the ways to wait for them.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::EventFd;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use super::{holds, run};
use crate::entry::{Attempt, Control, Entry, works};
use crate::scene::Scene;

const COMMUNICATION: &str = "communication";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    works(COMMUNICATION, "serve-by-ipv4", |_| serve(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into())),
    works(COMMUNICATION, "serve-by-ipv6", |_| serve(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into())),
    works(COMMUNICATION, "serve-both-by-one-socket", |_| serve(Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into())),
    works(COMMUNICATION, "serve-on-every-address", |_| serve(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(127, 0, 0, 2).into())),
    works(COMMUNICATION, "send-datagrams", |_| datagrams()),
    works(COMMUNICATION, "look-localhost-up", |_| holds(("localhost", 80).to_socket_addrs()?.all(|address| address.ip().is_loopback()))),
    works(COMMUNICATION, "fail-fast-for-other-names", fail_fast),
    works(COMMUNICATION, "list-interfaces", |_| super::python("import socket\nprint('ok' if 'lo' in [name for _, name in socket.if_nameindex()] else 'no')")),
    works(COMMUNICATION, "serve-by-a-unix-socket", |_| unix()),
    works(COMMUNICATION, "serve-by-an-abstract-socket", |_| abstract_socket()),
    works(COMMUNICATION, "use-a-socket-pair", |_| pair()),
    works(COMMUNICATION, "send-unix-datagrams", |_| unix_datagrams()),
    works(COMMUNICATION, "use-a-pipe", |_| pipe()),
    works(COMMUNICATION, "pass-a-descriptor", |_| pass_a_descriptor()),
    works(COMMUNICATION, "open-a-terminal-of-ones-own", |_| terminal()),
    works(COMMUNICATION, "run-under-a-terminal-of-ones-own", |_| holds(run(std::process::Command::new("/usr/bin/python3").args(["-c", "import os, pty, sys\npty.spawn(['/bin/sh', '-c', 'tty -s < /dev/tty && echo ok'])"]))? == "ok")),
    works(COMMUNICATION, "wait-by-epoll-for-an-event", |_| event()),
    works(COMMUNICATION, "wait-for-a-timer-descriptor", |_| timer()),
    works(COMMUNICATION, "wait-by-poll", |_| wait_by_poll()),
    Entry { class: COMMUNICATION, name: "make-shared-memory", control: Control::Works, inside: "ok", attempt: Attempt::Call("", nix::libc::SYS_shmget, "{own-key} 4096 0x380") },
];

fn serve(bind: IpAddr, connect: IpAddr) -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::new(bind, 0))?;
    let port = listener.local_addr()?.port();
    let server = std::thread::spawn(move || listener.accept()?.0.write_all(b"answer"));
    let mut answer = String::new();
    TcpStream::connect(SocketAddr::new(connect, port))?.read_to_string(&mut answer)?;
    holds(server.join().is_ok_and(|served| served.is_ok()) && answer == "answer")
}

fn datagrams() -> io::Result<()> {
    let (one, other) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    one.send_to(b"word", other.local_addr()?)?;
    other.set_read_timeout(Some(Duration::from_secs(5)))?;
    holds(other.recv(&mut [0; 8])? == 4)
}

/// Without a resolver an unknown name must not cost a time-out. (Outside there may be one, so only the time counts.)
fn fail_fast(scene: &Scene) -> io::Result<()> {
    if scene.text("resolver")? != "none" {
        return Ok(());
    }
    let started = std::time::Instant::now();
    let found = ("probe.invalid", 80).to_socket_addrs().is_ok();
    holds(!found && started.elapsed() < Duration::from_secs(1))
}

fn unix() -> io::Result<()> {
    // The kernel takes short paths only.
    let path = std::env::temp_dir().join(format!("probe-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    let answered = answer(UnixStream::connect(&path)?, listener);
    std::fs::remove_file(path)?;
    answered
}

fn abstract_socket() -> io::Result<()> {
    let name = format!("probe-use-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let listener = UnixListener::bind_addr(&address)?;
    answer(UnixStream::connect_addr(&address)?, listener)
}

fn answer(mut client: UnixStream, listener: UnixListener) -> io::Result<()> {
    listener.accept()?.0.write_all(b"answer")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    holds(answer == "answer")
}

fn pair() -> io::Result<()> {
    let (mut one, mut other) = UnixStream::pair()?;
    one.write_all(b"word")?;
    let mut word = [0; 4];
    other.read_exact(&mut word)?;
    holds(&word == b"word")
}

fn unix_datagrams() -> io::Result<()> {
    let (one, other) = UnixDatagram::pair()?;
    one.send(b"word")?;
    holds(other.recv(&mut [0; 8])? == 4)
}

fn pipe() -> io::Result<()> {
    let (mut reader, mut writer) = io::pipe()?;
    writer.write_all(b"word")?;
    drop(writer);
    let mut word = String::new();
    reader.read_to_string(&mut word)?;
    holds(word == "word")
}

fn pass_a_descriptor() -> io::Result<()> {
    let (one, other) = UnixStream::pair()?;
    let (reader, _writer) = io::pipe()?;
    let passed = [reader.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&passed)];
    sendmsg::<()>(
        one.as_raw_fd(),
        &[IoSlice::new(b"x")],
        &message,
        MsgFlags::empty(),
        None,
    )?;
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut byte = [0];
    let mut slices = [IoSliceMut::new(&mut byte)];
    let received = recvmsg::<()>(
        other.as_raw_fd(),
        &mut slices,
        Some(&mut space),
        MsgFlags::empty(),
    )?;
    let mut messages = received.cmsgs()?;
    holds(
        messages.any(
            |message| matches!(message, ControlMessageOwned::ScmRights(all) if all.len() == 1),
        ),
    )
}

fn terminal() -> io::Result<()> {
    let pair = openpty(None, None)?;
    nix::unistd::write(&pair.slave, b"word")?;
    let mut word = [0; 4];
    holds(nix::unistd::read(&pair.master, &mut word)? == 4 && &word == b"word")
}

fn event() -> io::Result<()> {
    let (event, epoll) = (
        EventFd::new()?,
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
    );
    epoll.add(&event, EpollEvent::new(EpollFlags::EPOLLIN, 7))?;
    event.write(3)?;
    let mut events = [EpollEvent::empty()];
    let count = epoll.wait(&mut events, 1000_u16)?;
    holds(count == 1 && events.first().is_some_and(|event| event.data() == 7) && event.read()? == 3)
}

fn timer() -> io::Result<()> {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    timer.set(
        Expiration::OneShot(Duration::from_millis(5).into()),
        TimerSetTimeFlags::empty(),
    )?;
    Ok(timer.wait()?)
}

fn wait_by_poll() -> io::Result<()> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(b"x")?;
    let mut polled = [PollFd::new(
        std::os::fd::AsFd::as_fd(&reader),
        PollFlags::POLLIN,
    )];
    holds(poll(&mut polled, PollTimeout::from(1000_u16))? == 1)
}
