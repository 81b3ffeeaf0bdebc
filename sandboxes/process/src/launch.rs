//! The caller's side: has a keeper forked, hands it the specification, reads the output, waits for
//! the report.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Command;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::error::SandboxError;
use crate::fork_server::{ForkServer, Forked};
use crate::init::PROBE;
use crate::keeper::Way;
use crate::output::{self, Captured};
use crate::report::{Outcome, Report};
use crate::spec::{Mount, Spec};
use crate::streams::{self, Sink, Streams};
use crate::{bridge, view, wire};

/// How long output is still read once every process is dead: what lies in the pipes takes no
/// longer.
const DRAIN: Duration = Duration::from_secs(2);

/// Shortest time between two notes to the helper that the command has printed.
const TELLING: Duration = Duration::from_millis(50);

/// How long the helper may take to kill everything and report. It gives init five seconds.
const ANSWER: Duration = Duration::from_secs(10);

/// Starts sandboxes by executing a program whose `main` begins with
/// [`crate::init::take_over_if_asked`]: once for all that this value and its clones start.
#[derive(Debug, Clone)]
pub struct Launcher {
    program: PathBuf,
    way: Way,
    server: Arc<Mutex<Option<ForkServer>>>,
}

impl Launcher {
    /// The running program is its own helper: there is no second version to disagree with.
    #[must_use]
    pub fn this_program() -> Self {
        Self::new("/proc/self/exe")
    }

    /// Another program that begins the same way.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            way: Way::Own,
            server: Arc::default(),
        }
    }

    /// The same, with bubblewrap creating the namespaces.
    #[must_use]
    pub fn through_bubblewrap(self) -> Self {
        Self {
            way: Way::Bubblewrap,
            ..self
        }
    }

    /// The same without namespaces, on the directory `/sandbox`.
    #[must_use]
    pub fn on_stage(self) -> Self {
        Self {
            way: Way::Stage,
            ..self
        }
    }

    fn failed(&self) -> impl Fn(io::Error) -> SandboxError + '_ {
        |source| SandboxError::Helper {
            program: self.program.clone(),
            source,
        }
    }

    /// What the program says when it is asked what works here.
    pub(crate) async fn ask_probe(&self) -> Result<Output, SandboxError> {
        Command::new(&self.program)
            .arg(PROBE)
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(self.failed())
    }

    /// A keeper from the server that runs; at first, and where that was killed, from a new one.
    fn fork(&self) -> io::Result<Forked> {
        let mut place = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = place.take()
            && let Ok(forked) = server.fork(self.way)
        {
            *place = Some(server);
            return Ok(forked);
        }
        let server = place.insert(ForkServer::start(&self.program)?);
        server.fork(self.way)
    }
}

/// Runs a command in a sandbox. When `stop` resolves, everything is killed and the report says so;
/// when the returned future is dropped, everything is killed as well. Returns only when every
/// process of the sandbox is dead.
///
/// # Errors
/// When the sandbox could not be set up or lost its helper; a command that fails, or cannot be
/// started, is a report.
pub async fn run(
    launcher: &Launcher,
    spec: &Spec,
    stop: impl Future<Output = ()>,
) -> Result<Report, SandboxError> {
    run_with(launcher, spec, Streams::default(), stop).await
}

/// As [`run`], with streams that are passed on while the command runs.
///
/// # Errors
/// As [`run`].
pub async fn run_with(
    launcher: &Launcher,
    spec: &Spec,
    streams: Streams,
    stop: impl Future<Output = ()>,
) -> Result<Report, SandboxError> {
    spec.check()?;
    let Forked {
        mut helper,
        socket,
        stdout,
        stderr,
    } = launcher.fork().map_err(launcher.failed())?;
    streams::send_input(&socket, streams.input).map_err(launcher.failed())?;
    let socket = UnixStream::from_std(socket).map_err(launcher.failed())?;
    let (deadline_out, stdout_deadline) = oneshot::channel();
    let (deadline_err, stderr_deadline) = oneshot::channel();
    let printed = Notify::new();
    let limit = spec.limits.output;
    let stdout = drain(
        Some(stdout),
        streams.stdout,
        limit,
        stdout_deadline,
        &printed,
    );
    let stderr = drain(
        Some(stderr),
        streams.stderr,
        limit,
        stderr_deadline,
        &printed,
    );
    let outcome = async {
        let outcome = converse(socket, spec, streams.listener, stop, &printed).await;
        if outcome.is_err() {
            // Init is tied to the helper's life, and everything inside to init's.
            helper.kill();
        }
        // The helper ends after its report, and not before everything inside is dead.
        let status = helper.wait().await;
        for deadline in [deadline_out, deadline_err] {
            let _drained_already = deadline.send(Instant::now() + DRAIN);
        }
        (outcome, status)
    };
    let ((outcome, status), stdout, stderr) = tokio::join!(outcome, stdout, stderr);
    clean_scratch(spec);
    let lost = |error| SandboxError::HelperLost(format!("{error}; {status}"));
    match outcome.map_err(lost)? {
        Outcome::Failed(failure) => Err(SandboxError::Setup(failure)),
        Outcome::Ended {
            exit,
            survivors,
            usage,
            enforcement,
            denials,
            services,
        } => Ok(Report {
            exit,
            survivors,
            usage,
            stdout,
            stderr,
            enforcement,
            denials,
            services,
        }),
    }
}

/// Passes a stream on, or keeps it within the limit; notes that something came.
async fn drain(
    stream: Option<impl AsyncRead + Unpin>,
    sink: Option<Sink>,
    limit: u64,
    deadline: oneshot::Receiver<Instant>,
    printed: &Notify,
) -> Captured {
    match sink {
        Some(sink) => streams::forward(stream, sink, deadline, printed).await,
        None => output::capture(stream, limit, deadline, printed).await,
    }
}

/// Sends the specification, then reads the outcome; closing the sending half is the order to stop.
async fn converse(
    socket: UnixStream,
    spec: &Spec,
    listener: Option<oneshot::Sender<TcpListener>>,
    stop: impl Future<Output = ()>,
    printed: &Notify,
) -> io::Result<Outcome> {
    let (mut from, mut to) = socket.into_split();
    // A helper that died early has its status told below; the write error would say less.
    let sent = to.write_all(&wire::encode(spec)?).await;
    let outcome = receive(&mut from, listener);
    tokio::pin!(outcome);
    let outcome = tokio::select! {
        outcome = &mut outcome => outcome,
        never = tell(&to, printed), if spec.limits.idle.is_some() => match never {},
        () = stop => {
            // A helper that has gone already closed its end, which is told by the reading half.
            let _gone = to.shutdown().await;
            timeout(ANSWER, outcome).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        }
    };
    outcome.or_else(|error| sent.and(Err(error)))
}

/// Tells the helper, which does not see the output, that there was some; once in a while is enough.
async fn tell(to: &OwnedWriteHalf, printed: &Notify) -> Infallible {
    loop {
        printed.notified().await;
        // A full socket holds enough of the same news, and a closed one is told elsewhere.
        let _told = to.try_write(b"o");
        sleep(TELLING).await;
    }
}

async fn receive(
    from: &mut OwnedReadHalf,
    answer: Option<oneshot::Sender<TcpListener>>,
) -> io::Result<Outcome> {
    let (mut prefix, listener) = bridge::receive(from.as_ref()).await?;
    if let Some(listener) = listener {
        // A caller that does not want it closes it: the port inside is dead.
        let _unwanted = answer.map(|answer| answer.send(listener));
        from.read_exact(&mut prefix).await?;
    }
    let mut body = vec![0; wire::body_length(prefix)?];
    from.read_exact(&mut body).await?;
    wire::decode(&body)
}

/// What overlays left beside their upper layers. A failure leaves an empty directory to the next
/// launch, which removes it or fails.
fn clean_scratch(spec: &Spec) {
    for mount in &spec.mounts {
        if let Mount::Overlay { scratch, .. } = mount {
            let _left_to_the_next = view::remove_work(scratch);
        }
    }
}
