//! `hook`: what a coding agent's client asks before the agent stops, commits or pushes.
//!
//! # Theory of operation
//!
//! Clients fail open. Of all the ways in which a hook can end, Claude Code and Codex let the agent go on after
//! every one but exit status 2 (Codex only where something stands on standard error too) or a JSON answer in
//! exactly the form that they know; another status, a crash and an exceeded time are consent. So there are two
//! ends and no third: status 2 with the reason on standard error, or status 0 with at most one key of JSON. What
//! cannot be found out ends in the second, on purpose and with a notice, a command line that does not parse
//! included: a hook is guidance for an agent that means well, and one that blocks for its own fault stops all
//! work. What must hold is held where the agent has no hand: `gate`, behind a protected branch.
//!
//! 1. `event`: what the client says is about to happen. Only the end of a turn, and commands that commit,
//!    push or propose, are of interest.
//! 2. `place`: which repository is judged.
//! 3. `judge`: a process of our own verifies the working tree against the base that `mcp` would use too. It
//!    answers from the store within milliseconds; when it takes longer than the hook may, the hook leaves it
//!    behind, and the next hook finds its verdict.
//! 4. `decision`: blocked is what the agent can mend: a failing verdict, and, once for a tree, one that is not
//!    known yet. `review` and `inconclusive` are for a human, and released with a notice. The end of a turn is
//!    blocked once for a tree and session: an agent that changed nothing since has no more to give.

mod decision;
mod event;
mod judge;
mod place;

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

pub use judge::judge;

use crate::digest::digest;
use crate::policy_source;
use crate::store::Store;
use crate::verify::World;
use decision::{Answer, Known, decide};
use event::{Event, Moment};

/// Longest message of a client. A command may carry a whole file.
const MESSAGE: u64 = 16 << 20;
/// So long the store may take to say what a session was told, and the file system which repository this is; all of it lies between
/// `--wait` and a client's limit.
const MEMORY: Duration = Duration::from_secs(10);
/// A client that says nothing for so long says nothing.
const SILENCE: Duration = Duration::from_secs(5);

/// What the operator wrote into the client's configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// The client's name, for the judge's command line.
    pub agent: String,
    /// The repository; none: where the client says that it is.
    pub repository: Option<PathBuf>,
    /// The project that the client was started in, where it says so.
    pub project: Option<PathBuf>,
    /// The base; none: where `HEAD` left the default branch of the remote.
    pub base: Option<String>,
    /// Where the policy comes from.
    pub policy: policy_source::Choice,
    /// The same as it was written.
    pub policy_argument: Option<String>,
    /// How long an answer may take.
    pub wait: Duration,
}

/// How a hook ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Exit status: 0 or 2.
    pub status: u8,
    /// All of standard output.
    pub out: String,
    /// All of standard error.
    pub err: String,
}

/// Reads the client's message and answers it.
pub async fn answer(world: &World, options: &Options) -> End {
    let end = Instant::now() + options.wait;
    match heard().await.and_then(|message| Event::parse(&message)) {
        Ok(Event {
            moment: Moment::Other,
            ..
        }) => Answer::Go.into(),
        Ok(event) => answer_event(world, options, &event, end).await.into(),
        Err(problem) => notice(&format!("the hook's input {problem}")),
    }
}

/// Releases the agent, and says why it was not held.
pub fn notice(text: &str) -> End {
    Answer::Notice(format!("nothing was verified: {text}")).into()
}

async fn answer_event(world: &World, options: &Options, event: &Event, end: Instant) -> Answer {
    let place = where_judged(options, event).await;
    let known = judge::ask(&world.cache, options, place, end).await;
    let tree = match &known {
        Known::Verdict { tree, .. } | Known::Pending { tree } => tree.clone().unwrap_or_default(),
        Known::Unchanged | Known::Failed(_) => String::new(),
    };
    let pending = matches!(known, Known::Pending { .. });
    let memory = Memory::of(event, &tree, pending);
    let was_blocked = memory.recalled(world).await;
    let answer = decide(event.moment, &known, was_blocked);
    if matches!(answer, Answer::Block(_)) {
        memory.remember(world).await;
    }
    answer
}

/// Where the client works, if git's files do not say in time which repository that is.
async fn where_judged(options: &Options, event: &Event) -> Option<PathBuf> {
    if options.repository.is_some() {
        return options.repository.clone();
    }
    let (cwd, moment, project) = (event.cwd.clone(), event.moment, options.project.clone());
    let chosen = within(MEMORY, move || place::judged(moment, cwd, project)).await;
    chosen.unwrap_or_else(|| event.cwd.clone())
}

/// What this session was told of this tree before.
struct Memory {
    key: String,
}

impl Memory {
    fn of(event: &Event, tree: &str, pending: bool) -> Self {
        let moment = matches!(event.moment, Moment::End);
        Self {
            key: digest(&("hook", &event.session, moment, pending, tree)),
        }
    }

    /// Where it cannot be read in time it counts as told: better released once too often than held for ever.
    async fn recalled(&self, world: &World) -> bool {
        let (path, key) = (world.cache.history(), self.key.clone());
        let found = within(MEMORY, move || Store::open(&path)?.result(&key));
        !matches!(found.await, Some(Ok(None)))
    }

    /// Where it cannot be written it could not be read either.
    async fn remember(&self, world: &World) {
        let (path, key) = (world.cache.history(), self.key.clone());
        let _ = within(MEMORY, move || Store::open(&path)?.put_result(&key, "true")).await;
    }
}

/// What blocking work comes to, if it does in time. Others may hold the store's locks for as long as they like.
async fn within<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let done = tokio::time::timeout(time, tokio::task::spawn_blocking(work)).await;
    done.ok().and_then(Result::ok)
}

async fn heard() -> Result<Vec<u8>, String> {
    let read = tokio::task::spawn_blocking(|| {
        let mut bytes = Vec::new();
        let mut input = std::io::stdin().lock().take(MESSAGE + 1);
        input.read_to_end(&mut bytes).map(|_| bytes)
    });
    match tokio::time::timeout(SILENCE, read).await {
        Err(_) => Err(format!("did not end within {} s", SILENCE.as_secs())),
        Ok(Err(error)) => Err(format!("cannot be read: {error}")),
        Ok(Ok(Err(error))) => Err(format!("cannot be read: {error}")),
        Ok(Ok(Ok(bytes))) if bytes.len() as u64 > MESSAGE => {
            Err(format!("is longer than {MESSAGE} bytes"))
        }
        Ok(Ok(Ok(bytes))) => Ok(bytes),
    }
}

impl From<Answer> for End {
    fn from(answer: Answer) -> Self {
        let (status, out, err) = match answer {
            Answer::Go => (0, String::new(), String::new()),
            // The one key that every client knows for this.
            Answer::Notice(text) => {
                let told = json!({ "systemMessage": format!("passmuster: {text}") });
                (0, format!("{told}\n"), String::new())
            }
            Answer::Block(text) => (2, String::new(), format!("{}\n", text.trim_end())),
        };
        Self { status, out, err }
    }
}
