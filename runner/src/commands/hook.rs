//! `hook`: from a client's message to one of the two ends that clients understand.

use std::io::Write as _;
use std::time::Duration;

use super::place;
use crate::cli::Hook;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::hook::{End, Options, answer, judge, notice};
use crate::policy_source::choice;
use crate::verify::World;

/// Claude Code names the project here to every hook, wherever the agent has gone.
const PROJECT_VARIABLE: &str = "CLAUDE_PROJECT_DIR";

/// Never an error: every status but those of an answer is consent to a client.
pub(super) async fn run(world: Result<World, UserError>, arguments: &Hook) -> Exit {
    let options = options(arguments);
    match (world, arguments.judge) {
        (Err(error), _) => end(&notice(&error.message)),
        (Ok(world), false) => end(&answer(&world, &options).await),
        (Ok(world), true) => {
            if let Ok(directory) = place(arguments.repo.as_ref()) {
                judge(&world, &options, &directory).await;
            }
            Exit::Pass
        }
    }
}

/// A hook whose command line does not parse, or that broke down.
pub(crate) fn unusable(why: &str) -> Exit {
    let first = why.lines().next().unwrap_or_default();
    end(&notice(&format!(
        "{first} (passmuster {})",
        env!("CARGO_PKG_VERSION")
    )))
}

fn options(arguments: &Hook) -> Options {
    Options {
        agent: arguments.agent.as_str().to_owned(),
        repository: arguments.repo.clone(),
        project: std::env::var_os(PROJECT_VARIABLE)
            .filter(|project| !project.is_empty())
            .map(Into::into),
        base: arguments.base.clone(),
        policy: choice(arguments.policy.as_deref()),
        policy_argument: arguments.policy.clone(),
        wait: Duration::from_secs(arguments.wait),
    }
}

fn end(end: &End) -> Exit {
    // A client that closed its ends is not told anything.
    let _ = std::io::stdout().write_all(end.out.as_bytes());
    let _ = std::io::stderr().write_all(end.err.as_bytes());
    Exit::Command(end.status)
}
