//! The proxy of a prepare step, spoken to over real sockets on this machine's loopback: what it carries,
//! what it refuses, and what it writes down. Names are resolved by the machine, so only `localhost` occurs.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with its place and cause"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use passmuster::network::Proxy;
use passmuster::network::endpoint::AllowList;
use passmuster::network::journal::{Connection, Fate};
use passmuster::network::secrets::Secrets;
use passmuster::network::upstream::Upstreams;
use tokio::sync::oneshot;

/// Serves while `client` talks to the address it gets, and returns what was written down.
fn proxied(
    allowed: &[&str],
    env: &[(&str, &str)],
    client: impl FnOnce(SocketAddr) + Send + 'static,
) -> Vec<Connection> {
    let env: BTreeMap<_, _> = env
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let proxy = Proxy::new(
        AllowList::new(allowed),
        Upstreams::from_env(&env),
        Secrets::default(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (give, take) = oneshot::channel();
    give.send(listener).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let work = tokio::task::spawn_blocking(move || client(address));
        proxy.serve_during(take, work).await.unwrap();
    });
    assert!(
        TcpStream::connect(address).is_err(),
        "the listener is gone with the work"
    );
    Arc::clone(&proxy).journal().connections()
}

/// A server on loopback that hands each connection to a thread.
fn server(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            thread::spawn(move || answer(stream.unwrap()));
        }
    });
    address.to_string()
}

/// Sends back what it gets until its client has ended.
fn echo() -> String {
    server(|mut stream| {
        let mut copy = stream.try_clone().unwrap();
        let _ended = std::io::copy(&mut copy, &mut stream);
        let _gone = stream.shutdown(Shutdown::Both);
    })
}

/// Reads one head; answers with it as the body, and with what a proxy has to take out.
fn mirror() -> String {
    server(|mut stream| {
        let head = head_of(&mut stream);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\nContent-Length: {}\r\n\r\n{head}",
            head.len()
        );
        let _gone = stream.write_all(answer.as_bytes());
    })
}

fn head_of(stream: &mut TcpStream) -> String {
    let mut head = String::new();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            break;
        }
    }
    head
}

/// Everything that comes back for these bytes.
fn ask(proxy: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // A connection that is reset in the middle or afterwards may have answered before.
    let _reset = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(proxy: SocketAddr, url: &str) -> String {
    ask(
        proxy,
        &format!("GET {url} HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n"),
    )
}

/// Opens a tunnel, or gives the answer that is none.
fn tunnel(proxy: SocketAddr, to: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .write_all(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes())
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    if head.starts_with("HTTP/1.1 200") {
        return Ok(stream);
    }
    let mut body = String::new();
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let length = length.unwrap().trim().parse().unwrap();
    stream.take(length).read_to_string(&mut body).unwrap();
    Err(head + &body)
}

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

#[test]
fn a_tunnel_carries_bytes_both_ways_and_they_are_counted() {
    let origin = echo();
    let to = origin.clone();
    let seen = proxied(&[&origin], &[], move |proxy| {
        let mut stream = tunnel(proxy, &to).unwrap();
        let sent = vec![7; 300_000];
        let (mut out, copy) = (stream.try_clone().unwrap(), sent.clone());
        let writer = thread::spawn(move || {
            out.write_all(&copy).unwrap();
            out.shutdown(Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        stream.read_to_end(&mut back).unwrap();
        writer.join().unwrap();
        assert!(back == sent, "{} bytes came back", back.len());
    });
    let expected = Connection {
        address: Some("127.0.0.1".parse().unwrap()),
        sent: 300_000,
        received: 300_000,
        ..Connection::unmade(&origin, Fate::Carried)
    };
    assert_eq!(seen, [expected]);
}

#[test]
fn plain_http_is_passed_on_in_the_name_of_what_was_checked() {
    let origin = mirror();
    let to = origin.clone();
    let seen = proxied(&[&origin], &[], move |proxy| {
        let answer = ask(
            proxy,
            &format!(
                "GET http://{to}/a?b=c HTTP/1.1\r\nHost: other.example\r\nConnection: close, X-Mine\r\n\
                 X-Mine: 1\r\nProxy-Authorization: Basic eA==\r\nX-Other: 2\r\n\r\n"
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("GET /a?b=c HTTP/1.1\r\n"), "{answer}");
        let lower = answer.to_lowercase();
        assert!(lower.contains(&format!("host: {to}\r\n")), "{answer}");
        for gone in ["other.example", "x-mine", "proxy-authorization", "x-hop"] {
            assert!(!lower.contains(gone), "{gone} in {answer}");
        }
        assert!(
            lower.contains("x-other: 2") && lower.contains("x-kept: 2"),
            "{answer}"
        );
    });
    assert_eq!(seen.len(), 1);
    assert_eq!((&seen[0].target, &seen[0].fate), (&origin, &Fate::Carried));
}

#[test]
fn what_the_list_does_not_name_is_refused_and_the_answer_says_what_to_write() {
    let (listed, other) = (echo(), echo());
    let (to, not) = (listed.clone(), other.clone());
    let seen = proxied(&[&listed], &[], move |proxy| {
        assert!(
            tunnel(proxy, &to).is_ok(),
            "control: the listed one answers"
        );
        let refused = tunnel(proxy, &not).unwrap_err();
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
        assert!(refused.contains(&format!("add `{not}` there")), "{refused}");
        for url in [
            format!("http://{not}/"),
            format!("http://elsewhere.example:{}/", port(&to)),
            "http://127.0.0.1/".to_owned(),
        ] {
            let refused = get(proxy, &url);
            assert!(refused.starts_with("HTTP/1.1 403"), "{url}: {refused}");
        }
    });
    let refused = seen.iter().filter(|one| one.fate == Fate::NotListed);
    assert_eq!(refused.count(), 4, "{seen:?}");
}

#[test]
fn a_listed_name_that_leads_to_this_machine_is_refused_unless_its_address_is_listed() {
    let origin = echo();
    let name = format!("localhost:{}", port(&origin));
    let to = name.clone();
    let seen = proxied(&[&name], &[], move |proxy| {
        let refused = tunnel(proxy, &to).unwrap_err();
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
        assert!(refused.contains("a loopback address"), "{refused}");
        let refused = get(proxy, &format!("http://{to}/"));
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    });
    assert!(
        seen.iter()
            .all(|one| matches!(one.fate, Fate::NotPublic(_, _)))
            && seen.len() == 2,
        "{seen:?}"
    );
    let to = name.clone();
    let seen = proxied(&[&name, &origin], &[], move |proxy| {
        assert!(tunnel(proxy, &to).is_ok());
    });
    assert_eq!(seen[0].fate, Fate::Carried);
}

#[test]
fn a_host_that_does_not_answer_is_a_failure_with_its_name() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = closed.local_addr().unwrap().to_string();
    drop(closed);
    let asked = to.clone();
    let seen = proxied(&[&to], &[], move |proxy| {
        let answer = tunnel(proxy, &asked).unwrap_err();
        assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    });
    assert!(
        seen[0]
            .to_string()
            .starts_with(&format!("failed to reach {to}: "))
    );
}

/// A proxy of the operator: tells the first line and the headers of what it is asked.
fn upstream(answer: &'static str) -> (String, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel();
    let address = server(move |mut stream| {
        tell.send(head_of(&mut stream)).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        let mut copy = stream.try_clone().unwrap();
        let _ended = std::io::copy(&mut copy, &mut stream);
        let _gone = stream.shutdown(Shutdown::Both);
    });
    (address, told)
}

#[test]
fn the_operators_proxy_is_used_and_resolves_names_itself() {
    let (way_out, told) = upstream("HTTP/1.1 200 Connection established\r\n\r\n");
    let url = format!("http://user:pass@{way_out}");
    let allowed = ["only-there.invalid:443", "localhost:443"];
    let seen = proxied(&allowed, &[("HTTPS_PROXY", &url)], |proxy| {
        let mut stream = tunnel(proxy, "only-there.invalid:443").unwrap();
        stream.write_all(b"hello").unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"hello");
        // The list still decides, and the proxy's own machine is nobody's target.
        assert!(tunnel(proxy, "elsewhere.invalid:443").is_err());
        assert!(tunnel(proxy, "localhost:443").is_err());
    });
    let asked = told.recv().unwrap();
    assert!(
        asked.starts_with("CONNECT only-there.invalid:443 HTTP/1.1\r\n"),
        "{asked}"
    );
    let lower = asked.to_lowercase();
    assert!(lower.contains("proxy-authorization: basic "), "{asked}");
    assert!(told.try_recv().is_err(), "nothing else was asked");
    assert_eq!(seen.len(), 3);
}

#[test]
fn plain_http_goes_to_the_operators_proxy_in_absolute_form() {
    let (way_out, told) = upstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let allowed = ["only-there.invalid:80"];
    proxied(&allowed, &[("http_proxy", &way_out)], |proxy| {
        let answer = get(proxy, "http://only-there.invalid/x");
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    });
    let asked = told.recv().unwrap();
    assert!(
        asked.starts_with("GET http://only-there.invalid/x HTTP/1.1\r\n"),
        "{asked}"
    );
}

#[test]
fn a_refusal_of_the_operators_proxy_is_told_and_not_gone_around() {
    let (way_out, _told) =
        upstream("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let origin = echo();
    let to = origin.clone();
    let seen = proxied(&[&origin], &[("all_proxy", &way_out)], move |proxy| {
        let answer = tunnel(proxy, &to).unwrap_err();
        assert!(
            answer.starts_with("HTTP/1.1 502") && answer.contains("407"),
            "{answer}"
        );
    });
    assert!(
        seen.iter()
            .any(|one| matches!(&one.fate, Fate::Failed(why) if why.contains("407")))
    );
}

#[test]
fn requests_that_no_proxy_serves_are_refused_and_harm_nobody() {
    let origin = echo();
    let to = origin.clone();
    let seen = proxied(&[&origin], &[], move |proxy| {
        for (request, status) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400"),
            (
                format!("GET https://{to}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
                "400",
            ),
            (
                format!("GET http://user@{to}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
                "400",
            ),
            (
                "CONNECT host.example HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
                "400",
            ),
            (
                "CONNECT host.example:0 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
                "400",
            ),
            ("nonsense\r\n\r\n".to_owned(), "400"),
            (
                format!(
                    "GET http://{to}/ HTTP/1.1\r\nX: {}\r\n\r\n",
                    "a".repeat(1 << 20)
                ),
                "431",
            ),
        ] {
            let answer = ask(proxy, &request);
            // A head that is far too long may be answered by a reset alone.
            let refused = answer.starts_with(&format!("HTTP/1.1 {status}"))
                || (status == "431" && answer.is_empty());
            assert!(
                refused,
                "{}: {answer}",
                request.get(..60).unwrap_or(&request)
            );
        }
        assert!(tunnel(proxy, &to).is_ok(), "and the next one is served");
    });
    assert!(
        seen.iter().filter(|one| one.fate == Fate::Carried).count() == 1,
        "{seen:?}"
    );
}

#[test]
fn more_connections_than_there_are_places_wait_their_turn() {
    let origin = echo();
    let to = origin.clone();
    let seen = proxied(&[&origin], &[], move |proxy| {
        let held: Vec<TcpStream> = (0..128).map(|_| tunnel(proxy, &to).unwrap()).collect();
        let mut waiting = TcpStream::connect(proxy).unwrap();
        waiting
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        waiting
            .write_all(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes())
            .unwrap();
        let mut byte = [0];
        assert!(waiting.read_exact(&mut byte).is_err(), "it waits");
        drop(held);
        waiting
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        waiting.read_exact(&mut byte).unwrap();
    });
    assert_eq!(seen.len(), 129);
}

#[test]
fn what_is_going_on_ends_with_the_work_and_is_written_down() {
    let origin = echo();
    let to = origin.clone();
    let (give, take) = mpsc::channel();
    let seen = proxied(&[&origin], &[], move |proxy| {
        let mut stream = tunnel(proxy, &to).unwrap();
        stream.write_all(b"abc").unwrap();
        let mut back = [0; 3];
        stream.read_exact(&mut back).unwrap();
        give.send(stream).unwrap();
    });
    assert_eq!((seen[0].sent, seen[0].received), (3, 3));
    let mut stream = take.recv().unwrap();
    assert!(
        matches!(stream.read(&mut [0]), Ok(0) | Err(_)),
        "it is closed"
    );
}
