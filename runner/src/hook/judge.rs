//! The process that verifies for a hook, and outlives it when it has to.
//!
//! It tells what it knows in lines of JSON: first the candidate's tree, as soon as that is read, then the
//! verdict. One that comes while another works on the same tree waits for it, and then finds its verdict in the
//! store.
//!
//! It stands in a process group of its own. Reading a repository has no limit of its own as a verification has: where it takes too long
//! (a pipe in place of a file of git's holds git for ever), the group is killed, so that no judge is left behind for each event.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{getpgrp, getpid};
use passmuster_policy::verdict::Verdict;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use super::Options;
use super::decision::Known;
use crate::base::{self, Choice};
use crate::cache::{Cache, NameLock, Sharing};
use crate::cli::{CACHE_VARIABLE, Format};
use crate::error::UserError;
use crate::proposal::{self, Input};
use crate::report::{self, Palette};
use crate::repository::Repository;
use crate::verify::{Proposed, Request, World, verify_in};

/// So much longer than its hook waits may a judge read: later, no hook can have its answer.
const LATE: Duration = Duration::from_secs(10);

/// How often a judge looks whether another one is done.
const TURN: Duration = Duration::from_millis(50);

/// One line of the judge.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The candidate, and whether it differs from the base.
    Candidate { tree: String, changed: bool },
    /// How it ended.
    Verdict { run: String, verdict: Box<Verdict> },
    /// Why there is no verdict.
    Error { message: String },
}

/// Asks a judge about the working tree at a place, until `end` at the latest.
pub(super) async fn ask(
    cache: &Cache,
    options: &Options,
    place: Option<PathBuf>,
    end: Instant,
) -> Known {
    let mut lines = match start(cache, options, place.as_deref()) {
        Ok(lines) => lines,
        Err(error) => return Known::Failed(format!("the verifier cannot be started: {error}")),
    };
    let mut tree = None;
    loop {
        let line = tokio::time::timeout_at(end.into(), lines.next_line()).await;
        match line {
            Err(_) => return Known::Pending { tree },
            Ok(Err(error)) => return Known::Failed(error.to_string()),
            Ok(Ok(None)) => return Known::Failed("the verifier broke down".to_owned()),
            Ok(Ok(Some(line))) => match serde_json::from_str(&line) {
                Err(error) => return Known::Failed(error.to_string()),
                Ok(Line::Candidate { changed: false, .. }) => return Known::Unchanged,
                Ok(Line::Candidate { tree: read, .. }) => tree = Some(read),
                Ok(Line::Error { message }) => return Known::Failed(message),
                Ok(Line::Verdict { run, verdict }) => return known(&run, &verdict),
            },
        }
    }
}

fn known(run: &str, verdict: &Verdict) -> Known {
    let mut report = Vec::new();
    match report::write(&mut report, Format::Agent, Palette::Plain, verdict, run) {
        Err(error) => Known::Failed(error.to_string()),
        Ok(()) => Known::Verdict {
            tree: verdict.subject.candidate_tree.clone(),
            decision: verdict.verdict,
            report: String::from_utf8_lossy(&report).into_owned(),
        },
    }
}

/// In a group of its own, so that what ends the hook does not end it; nobody waits for its streams.
fn start(
    cache: &Cache,
    options: &Options,
    place: Option<&Path>,
) -> std::io::Result<Lines<BufReader<ChildStdout>>> {
    let mut command = Command::new(std::env::current_exe()?);
    let wait = options.wait.as_secs().to_string();
    command.args(["hook", &options.agent, "--judge", "--wait", &wait]);
    let arguments = [
        ("--repo", place.map(Path::as_os_str)),
        ("--base", options.base.as_ref().map(AsRef::as_ref)),
        (
            "--policy",
            options.policy_argument.as_ref().map(AsRef::as_ref),
        ),
    ];
    for (name, value) in arguments {
        // In one word: a value may look like an option.
        command.args(value.map(|value| [name.as_ref(), value].join(OsStr::new("="))));
    }
    command
        .env(CACHE_VARIABLE, cache.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let stdout = command.spawn()?.stdout.take();
    let stdout = stdout.ok_or_else(|| std::io::Error::other("it has no standard output"))?;
    Ok(BufReader::new(stdout).lines())
}

/// The judge itself. What it says may have no reader any more; its verdict is in the store.
pub async fn judge(world: &World, options: &Options, directory: &Path) {
    if let Err(error) = verdict(world, options, directory).await {
        let message = error.message;
        say(&Line::Error { message });
    }
}

async fn verdict(world: &World, options: &Options, directory: &Path) -> Result<(), UserError> {
    world.cache.sweep();
    let reading = read_within(options.wait + LATE);
    let repository = Repository::open(directory, &world.cache.git())?;
    let base = base::of_agent(&repository, options.base.as_deref())?;
    let read = proposal::with_base(&repository, Input::WorkingTree, base.clone())?;
    drop(reading);
    let tree = read.candidate_tree.clone();
    let changed = !read.is_empty();
    say(&Line::Candidate {
        tree: tree.clone(),
        changed,
    });
    if !changed {
        return Ok(());
    }
    let request = Request {
        repository: directory.to_owned(),
        proposed: Proposed::Read(Box::new(read)),
        base: Choice::Known(base),
        policy: options.policy.clone(),
        isolation: None,
        checks: Vec::new(),
        use_stored: true,
        trial: false,
    };
    let _same = alone_with(&world.cache, &tree, options.wait + LATE).await?;
    let verified = verify_in(world, &request, &repository).await?;
    say(&Line::Verdict {
        run: verified.run,
        verdict: Box::new(verified.verdict),
    });
    world.cache.tend();
    Ok(())
}

/// Waits while another judge works on the same tree, as long as somebody may listen: nobody needs two that wait.
async fn alone_with(cache: &Cache, tree: &str, limit: Duration) -> Result<NameLock, UserError> {
    let end = Instant::now() + limit;
    loop {
        if let Some(lock) = cache.try_lock(&format!("judged-{tree}"), Sharing::Exclusive)? {
            return Ok(lock);
        }
        if Instant::now() >= end {
            return Err(UserError::usage(
                "the change is being verified for another hook",
            ));
        }
        tokio::time::sleep(TURN).await;
    }
}

/// Ends the judge and the git that it waits for, unless what comes back is dropped in time.
fn read_within(limit: Duration) -> Sender<()> {
    let (reading, done) = mpsc::channel();
    std::thread::spawn(move || {
        if done.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let message = format!(
                "reading the repository takes longer than {} s",
                limit.as_secs()
            );
            say(&Line::Error { message });
            end_group();
        }
    });
    reading
}

/// Somebody who calls a judge by hand may have it in the group of a shell.
fn end_group() {
    if getpgrp() == getpid() {
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    }
}

fn say(line: &Line) {
    if let Ok(json) = serde_json::to_string(line) {
        let _ = writeln!(std::io::stdout(), "{json}");
    }
}
