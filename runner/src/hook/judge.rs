//! The process that verifies for a hook, and outlives it when it has to.
//!
//! It tells what it knows in lines of JSON: first the candidate's tree, as soon as that is read, then the
//! verdict. One that comes while another works on the same tree waits for it, and then finds its verdict in the
//! store.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use passmuster_policy::verdict::Verdict;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

use super::Options;
use super::decision::Known;
use super::event::Event;
use crate::base::{self, Choice};
use crate::cache::Cache;
use crate::cli::{CACHE_VARIABLE, Format};
use crate::error::UserError;
use crate::proposal::{self, Input};
use crate::report::{self, Palette};
use crate::repository::Repository;
use crate::verify::{Proposed, Request, World, verify_in};

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

/// Asks a judge about the working tree, until `end` at the latest.
pub(super) async fn ask(cache: &Cache, options: &Options, event: &Event, end: Instant) -> Known {
    let mut lines = match start(cache, options, event) {
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
    event: &Event,
) -> std::io::Result<Lines<BufReader<ChildStdout>>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["hook", &options.agent, "--judge"]);
    let place = options.repository.as_ref().or(event.cwd.as_ref());
    let arguments = [
        ("--repo", place.map(|place| place.as_os_str())),
        ("--base", options.base.as_ref().map(AsRef::as_ref)),
        (
            "--policy",
            options.policy_argument.as_ref().map(AsRef::as_ref),
        ),
    ];
    for (name, value) in arguments {
        command.args(
            value
                .map(|value| [name.as_ref(), value])
                .into_iter()
                .flatten(),
        );
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
    let repository = Repository::open(directory, &world.cache.git())?;
    let base = base::of_agent(&repository, options.base.as_deref())?;
    let read = proposal::with_base(&repository, Input::WorkingTree, base.clone())?;
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
    let _same = world.cache.lock(&format!("judged-{tree}"))?;
    let verified = verify_in(world, &request, &repository).await?;
    say(&Line::Verdict {
        run: verified.run,
        verdict: Box::new(verified.verdict),
    });
    world.cache.tend();
    Ok(())
}

fn say(line: &Line) {
    if let Ok(json) = serde_json::to_string(line) {
        let _ = writeln!(std::io::stdout(), "{json}");
    }
}
