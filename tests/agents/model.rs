//! A model that follows a script, behind HTTP on the loopback address: what a client would send to its maker's servers it gets
//! answered here, one turn for each request that offers tools. Requests without tools (titles, counts) get a word.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::dialect::Dialect;

/// What the model does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Calls the tool `verify` of Passmuster.
    Verify,
    /// Runs `git commit`.
    Commit,
    /// Says that it is done.
    End,
}

/// A model that listens.
pub(crate) struct Model {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Turn>,
    heard: Vec<Value>,
    others: Vec<String>,
}

/// One request.
struct Request {
    path: String,
    body: Value,
}

impl Model {
    /// Listens until the process ends.
    pub(crate) fn new(script: &[Turn]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            script: script.iter().copied().collect(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that hangs up in the middle ends its own connection only.
                thread::spawn(move || serve(stream, &state).ok());
            }
        });
        Self { port, state }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The requests that offered tools, in their order.
    pub(crate) fn heard(&self) -> Vec<Value> {
        self.state.lock().unwrap().heard.clone()
    }

    /// The paths of all other requests.
    pub(crate) fn others(&self) -> Vec<String> {
        self.state.lock().unwrap().others.clone()
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let request = read(&stream)?;
    let answer = match Dialect::of(&request.path) {
        Some(dialect) => {
            let turn = state.lock().unwrap().turn(&request);
            ok("text/event-stream", &dialect.answer(turn, &request.body))
        }
        None => {
            state.lock().unwrap().others.push(request.path);
            "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_owned()
        }
    };
    stream.write_all(answer.as_bytes())
}

impl State {
    fn turn(&mut self, request: &Request) -> Turn {
        let tools = request.body["tools"].as_array();
        if tools.is_none_or(Vec::is_empty) {
            self.others.push(request.path.clone());
            return Turn::End;
        }
        self.heard.push(request.body.clone());
        self.script.pop_front().unwrap_or(Turn::End)
    }
}

fn ok(kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Request { path, body })
}
