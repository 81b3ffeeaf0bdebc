//! `sandbox`: any command in the sandbox of a check, its streams and exit status passed on.

use std::fs;
use std::path::Path;

use passmuster_policy::account::{Account, SCHEMA};
use passmuster_policy::policy::{Limits, parse};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_policy::run::Outcome;
use passmuster_process::{Exit as End, Report};

use super::{place, say};
use crate::cli::Sandbox;
use crate::denials;
use crate::errand::{self, Done, Errand};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::interrupt::Stop;
use crate::passing::Passing;
use crate::session::{outcome, usage};
use crate::verify::{World, enforcement};

/// The statuses of `timeout`, `env` and the shells.
const LIMIT: u8 = 124;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
const SIGNAL: i32 = 128;

pub(super) async fn run(world: &World, arguments: &Sandbox) -> Result<Exit, UserError> {
    let errand = Errand {
        repository: place(arguments.repo.as_ref())?,
        command: arguments.command.clone(),
        read: arguments.read.clone(),
        write: arguments.write.clone(),
        limits: limits(&arguments.limits)?,
    };
    let (passing, streams) = Passing::start()?;
    let done = errand::run(world, &errand, streams).await?;
    passing.finish().await;
    done.remarks
        .iter()
        .for_each(|text| world.progress.say(text));
    let status = match &done.end {
        Ok(report) => status(report, &world.stop),
        Err(reasons) => blocked(reasons),
    };
    if let Some(path) = &arguments.report {
        write(path, &account(&errand, &done, status))?;
    }
    Ok(Exit::Command(status))
}

/// Read as a policy's table for one check, so that keys, values and mistakes are the same, and what
/// is not given is inherited.
fn limits(given: &[String]) -> Result<Limits, UserError> {
    let mut text = String::from(
        "version = 1\n[[check]]\nname = \"command\"\nkind = \"command\"\nrun = [\"command\"]\n[check.limits]\n",
    );
    for one in given {
        let (key, value) = one.split_once('=').ok_or_else(|| {
            UserError::usage(format!(
                "--limit {one}: write it as KEY=VALUE, e.g. wall=10m"
            ))
        })?;
        let is_word = |key: &str| {
            key.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        if key.is_empty() || !is_word(key) {
            return Err(UserError::usage(format!(
                "--limit {one}: {key:?} is no key"
            )));
        }
        let value = match value.parse::<u64>() {
            Ok(number) => number.to_string(),
            Err(_) => toml::Value::from(value).to_string(),
        };
        text += &format!("{key} = {value}\n");
    }
    let policy = parse(&text, "--limit").map_err(|errors| {
        let said: Vec<String> = errors
            .0
            .iter()
            .map(|error| match error.help.as_str() {
                "" => error.message.clone(),
                help => format!("{} ({help})", error.message),
            })
            .collect();
        UserError::usage(format!("--limit: {}", said.join("; ")))
    })?;
    let check = policy.check.into_iter().next();
    Ok(check.map(|check| check.limits).unwrap_or_default())
}

/// How we end for the way in which the command ended; what its own status cannot tell is said.
fn status(report: &Report, stop: &Stop) -> u8 {
    let byte = |status: i32| u8::try_from(status).unwrap_or(u8::MAX);
    if report.survivors > 0 {
        say(&format!(
            "{} processes outlived the command and were killed",
            report.survivors
        ));
    }
    match (&report.exit, outcome(report)) {
        (End::Exited(status), _) => byte(*status),
        (End::Signalled(signal), _) => byte(SIGNAL + signal),
        (_, Outcome::LimitExceeded { limit }) => {
            say(&format!(
                "the command was ended: it reached the limit `{limit}`"
            ));
            LIMIT
        }
        (End::NotStarted { errno, .. }, Outcome::NotStarted { why }) => {
            say(&why);
            match std::io::Error::from_raw_os_error(*errno).kind() {
                std::io::ErrorKind::NotFound => NOT_FOUND,
                _ => NOT_EXECUTABLE,
            }
        }
        _ => {
            say("interrupted");
            stop.signal()
                .map_or(Exit::Inconclusive.status(), |signal| byte(SIGNAL + signal))
        }
    }
}

/// How we end when the command was never started.
fn blocked(reasons: &[Reason]) -> u8 {
    for reason in reasons {
        say(&format!("error [{}]: {}", reason.code, reason.message));
    }
    let named = |reason: &Reason| reason.code == ReasonCode::ToolMissing && reason.check.is_some();
    if reasons.iter().all(named) {
        NOT_FOUND
    } else {
        Exit::Inconclusive.status()
    }
}

fn account(errand: &Errand, done: &Done, exit_code: u8) -> Account {
    let report = done.end.as_ref().ok();
    let words = errand.command.iter();
    Account {
        schema: SCHEMA,
        command: words
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        tree: done.tree.clone(),
        policy: done.policy.clone(),
        outcome: report.map(outcome),
        exit_code,
        reasons: done.end.as_ref().err().cloned().unwrap_or_default(),
        usage: report.map(usage),
        leaked_processes: report.map_or(0, |report| report.survivors),
        isolation: report
            .and(done.isolation)
            .map(|tier| tier.name().to_owned()),
        enforcement: report
            .map(|report| report.enforcement.iter().map(enforcement).collect())
            .unwrap_or_default(),
        denials: report.and_then(denials::told),
    }
}

fn write(path: &Path, account: &Account) -> Result<(), UserError> {
    let text = serde_json::to_vec_pretty(account)
        .map_err(|error| UserError::internal(error.to_string()))?;
    fs::write(path, [text.as_slice(), b"\n"].concat())
        .map_err(|error| UserError::usage(format!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::limits;
    use passmuster_policy::policy::TimeLimit;

    #[test]
    fn limits_are_those_of_the_policy() {
        let given = ["wall=90s", "processes=100"].map(str::to_owned);
        let read = limits(&given).unwrap();
        assert_eq!(read.wall, Some(TimeLimit::Seconds(90)));
        assert_eq!(read.processes, Some(100));
        assert_eq!(read.open_files, None, "inherited");
        for (wrong, said) in [
            ("wall", "KEY=VALUE"),
            ("wal=1m", "did you mean `wall`"),
            ("wall=soon", "not a duration"),
            ("wall=1\"\nx=1", "not a duration"),
            ("a b=1", "no key"),
        ] {
            let error = limits(&[wrong.to_owned()]).unwrap_err();
            assert!(error.message.contains(said), "{wrong}: {}", error.message);
        }
    }
}
