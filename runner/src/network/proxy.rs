//! The proxy that a step's processes talk to: CONNECT tunnels and plain HTTP in absolute form.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode, Uri, client, server};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;

use super::endpoint::{AllowList, Endpoint};
use super::journal::{Connection, Fate, Journal};
use super::out::{Metered, connect, connect_upstream, judge_unresolved};
use super::secrets::Secrets;
use super::upstream::{Carried, Route, Upstream, Upstreams};

/// Connections of one step at a time; more wait in the listener's queue.
const AT_ONCE: usize = 128;
/// Most bytes of a message's head.
const HEAD: usize = 64 << 10;
/// Most headers of a message.
const HEADERS: usize = 128;
/// How long a head may take to arrive.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long to wait after a connection could not be accepted: the process is out of descriptors.
const BREATH: Duration = Duration::from_millis(100);

type Body = BoxBody<Bytes, hyper::Error>;

/// The way out of one step.
#[derive(Debug)]
pub struct Proxy {
    allowed: AllowList,
    upstreams: Upstreams,
    journal: Arc<Journal>,
    slots: Arc<Semaphore>,
    /// All that is going on; gone with the step.
    tasks: Mutex<JoinSet<()>>,
}

/// What ends with the last part of a client's connection.
type Slot = Arc<OwnedSemaphorePermit>;

impl Proxy {
    /// A proxy that lets through what is listed, by the operator's own way out, and keeps no secret in
    /// its journal.
    pub fn new(allowed: AllowList, upstreams: Upstreams, secrets: Secrets) -> Arc<Self> {
        Arc::new(Self {
            allowed,
            upstreams,
            journal: Arc::new(Journal::without(secrets)),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            tasks: Mutex::new(JoinSet::new()),
        })
    }

    /// What was reached and what was refused so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Answers whoever connects to the listener that comes, until `work` is done. Nothing of it goes
    /// on after that.
    pub async fn serve_during<T>(
        self: &Arc<Self>,
        listener: oneshot::Receiver<TcpListener>,
        work: impl Future<Output = T>,
    ) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.accept(listener) => match never {},
        };
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
        done
    }

    async fn accept(self: &Arc<Self>, listener: oneshot::Receiver<TcpListener>) -> Infallible {
        let listener = match listener.await.map(into_tokio) {
            Ok(Ok(listener)) => listener,
            // The sandbox failed before it had one; its own error says why.
            Ok(Err(_)) | Err(_) => std::future::pending().await,
        };
        loop {
            let Ok(slot) = self.slots.clone().acquire_owned().await else {
                std::future::pending().await
            };
            match listener.accept().await {
                Ok((stream, _)) => self.spawn(self.clone().talk(stream, Arc::new(slot))),
                Err(_) => tokio::time::sleep(BREATH).await,
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection of a client.
    async fn talk(self: Arc<Self>, stream: TcpStream, slot: Slot) {
        let service = service_fn(move |request| {
            let (proxy, slot) = (self.clone(), slot.clone());
            async move { Ok::<_, Infallible>(proxy.answer(request, slot).await) }
        });
        let mut connection = server::conn::http1::Builder::new();
        connection
            .timer(TokioTimer::new())
            // A client that has said everything still waits for the answer.
            .half_close(true)
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD)
            .max_headers(HEADERS);
        // A client that breaks the protocol or leaves is its own affair.
        let _ended = connection
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
    }

    async fn answer(&self, request: Request<Incoming>, slot: Slot) -> Response<Body> {
        let (carried, to) = match wanted(&request) {
            Ok(wanted) => wanted,
            Err(why) => {
                let target = request.uri().to_string();
                let refused = Connection::unmade(&target, Fate::Malformed(why));
                let answer = told(StatusCode::BAD_REQUEST, &refused);
                self.journal.add(refused);
                return answer;
            }
        };
        let answer = match carried {
            _ if !self.allowed.names(&to) => Err(Fate::NotListed),
            Carried::Tunnel => self.tunnel(request, &to, slot).await,
            Carried::Plain => self.forward(request, &to).await,
        };
        answer.unwrap_or_else(|fate| {
            let status = match fate {
                Fate::Failed(_) => StatusCode::BAD_GATEWAY,
                _ => StatusCode::FORBIDDEN,
            };
            self.journal.refuse(&to, fate.clone());
            told(status, &Connection::unmade(&to.to_string(), fate))
        })
    }

    /// Connects first and answers then, so that the client learns when it cannot be.
    async fn tunnel(
        &self,
        request: Request<Incoming>,
        to: &Endpoint,
        slot: Slot,
    ) -> Result<Response<Body>, Fate> {
        match self.upstreams.route(Carried::Tunnel, to) {
            Route::Blocked(why) => return Err(Fate::Failed(why.to_owned())),
            Route::Direct => {
                let there = connect(to, &self.allowed, &self.journal).await?;
                self.spawn(splice(hyper::upgrade::on(request), there, slot));
            }
            Route::Through(proxy) => {
                let there = self.tunnel_through(proxy, to).await?;
                self.spawn(splice(hyper::upgrade::on(request), there, slot));
            }
        }
        Ok(Response::new(empty()))
    }

    async fn tunnel_through(
        &self,
        proxy: &Upstream,
        to: &Endpoint,
    ) -> Result<TokioIo<Upgraded>, Fate> {
        judge_unresolved(to)?;
        let stream = connect_upstream(&proxy.endpoint, to, &self.journal).await?;
        let mut sender = self.handshake::<Empty<Bytes>>(stream).await?;
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = to.to_string().parse().map_err(broken)?;
        let host = HeaderValue::try_from(to.to_string()).map_err(broken)?;
        request.headers_mut().insert(header::HOST, host);
        authorize(request.headers_mut(), proxy)?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        if !answer.status().is_success() {
            let status = answer.status();
            return Err(Fate::Failed(format!("the operator's proxy says {status}")));
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(broken)?;
        Ok(TokioIo::new(upgraded))
    }

    /// One request of plain HTTP on a connection of its own.
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        to: &Endpoint,
    ) -> Result<Response<Body>, Fate> {
        let authority = request.uri().authority().map(|found| found.as_str());
        // What the client says the host is must be what was looked up in the list.
        let host = HeaderValue::try_from(authority.unwrap_or_default()).map_err(broken)?;
        strip(request.headers_mut());
        request.headers_mut().insert(header::HOST, host);
        let stream = match self.upstreams.route(Carried::Plain, to) {
            Route::Blocked(why) => return Err(Fate::Failed(why.to_owned())),
            Route::Direct => {
                let path = request.uri().path_and_query().cloned();
                *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
                connect(to, &self.allowed, &self.journal).await?
            }
            Route::Through(proxy) => {
                judge_unresolved(to)?;
                authorize(request.headers_mut(), proxy)?;
                connect_upstream(&proxy.endpoint, to, &self.journal).await?
            }
        };
        let mut sender = self.handshake(stream).await?;
        let mut answer = sender.send_request(request).await.map_err(broken)?;
        strip(answer.headers_mut());
        Ok(answer.map(BodyExt::boxed))
    }

    async fn handshake<B>(
        &self,
        stream: Metered,
    ) -> Result<client::conn::http1::SendRequest<B>, Fate>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
            + Send
            + 'static,
    {
        let (sender, connection) = client::conn::http1::Builder::new()
            .max_buf_size(HEAD)
            .max_headers(HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        self.spawn(async move {
            // Its end reaches the client through the answer's body.
            let _ended = connection.with_upgrades().await;
        });
        Ok(sender)
    }
}

fn into_tokio(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// What a request to a proxy asks for.
fn wanted(request: &Request<Incoming>) -> Result<(Carried, Endpoint), &'static str> {
    let uri = request.uri();
    let authority = uri
        .authority()
        .ok_or("a proxy is asked by CONNECT or by an absolute address")?;
    if authority.as_str().contains('@') {
        return Err("an address with a user is not passed on");
    }
    let (carried, port) = match (request.method(), uri.scheme_str()) {
        (&Method::CONNECT, _) => (Carried::Tunnel, authority.port_u16()),
        (_, Some("http")) => (Carried::Plain, Some(authority.port_u16().unwrap_or(80))),
        _ => return Err("only http:// is passed on in the clear; use CONNECT for the rest"),
    };
    let port = port.ok_or("CONNECT needs a port")?;
    let endpoint = Endpoint::new(authority.host(), port).ok_or("the host is no host name")?;
    Ok((carried, endpoint))
}

/// Carries bytes both ways until both sides have ended.
async fn splice(upgrade: OnUpgrade, mut there: impl AsyncRead + AsyncWrite + Unpin, _slot: Slot) {
    if let Ok(here) = upgrade.await {
        // Either side may break off; the journal has what went through.
        let _ended = copy_bidirectional(&mut TokioIo::new(here), &mut there).await;
    }
}

fn authorize(headers: &mut HeaderMap, proxy: &Upstream) -> Result<(), Fate> {
    if let Some(authorization) = &proxy.authorization {
        let mut value = HeaderValue::try_from(authorization).map_err(broken)?;
        value.set_sensitive(true);
        headers.insert(header::PROXY_AUTHORIZATION, value);
    }
    Ok(())
}

/// Headers that are about one connection only.
const OF_THE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // How long a message is, is not the sender's to hide.
        .filter(|name| name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING)
        .collect();
    for name in named.iter().chain(&OF_THE_CONNECTION) {
        headers.remove(name);
    }
}

fn broken(error: impl std::fmt::Display) -> Fate {
    Fate::Failed(error.to_string())
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// The answer that says why there is none. The text goes to whoever asked, who knows what it asked.
fn told(status: StatusCode, connection: &Connection) -> Response<Body> {
    let text = passmuster_policy::text::line(&connection.to_string(), 1000);
    let body = Full::new(Bytes::from(format!("passmuster: {text}\n")));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}
