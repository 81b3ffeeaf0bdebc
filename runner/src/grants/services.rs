//! Services of a run: what the policy names, as the sandbox wants it told, and back again.
//!
//! A service is started in every launch of a run and ended with it. What it may write beside the
//! tree, home and `/tmp` are exactly the directories of the environments that its command names: a
//! database has to own its data. Each run gets them over layers of its own, so that what prepare
//! steps made stays as it was, and no run sees what another one stored; all launches of one run
//! share them, as they share the tree. Everything else of the environments stays read-only.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use passmuster_policy::policy;
use passmuster_policy::run::Outcome;
use passmuster_policy::text::{block, line};
use passmuster_process::{Command, Ended, NotReady, Ready, Service, ServiceReport};

use crate::places;
use crate::session::not_started;

/// How long a service may take to become ready. Databases take a second or two; a machine that is
/// busy with other runs, many times as long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes kept of what a service prints.
const LOG: u64 = 64 << 10;
/// Most bytes of its log that are shown.
const SHOWN: usize = 4 << 10;
/// Most bytes of its last line that a message quotes.
const QUOTE: usize = 300;

/// A service that a run gets, with its program as it is called inside the sandbox.
#[derive(Clone, Debug)]
pub struct Attendant {
    /// As the policy has it.
    pub service: policy::Service,
    /// Its first word, found.
    pub program: PathBuf,
}

impl Attendant {
    /// What the sandbox is to start; the environment is the one of all runs.
    pub(crate) fn spec(&self, env: &[(String, OsString)]) -> Service {
        let words = self.service.run.iter().skip(1);
        Service {
            name: self.service.name.clone(),
            command: Command {
                program: self.program.clone(),
                args: words.map(Into::into).collect(),
                env: env
                    .iter()
                    .map(|(name, value)| (name.into(), value.clone()))
                    .collect(),
                cwd: places::TREE.into(),
            },
            ready: self.service.ready.port.map_or(Ready::Started, Ready::Port),
            patience: PATIENCE,
            log: LOG,
        }
    }
}

/// The directories below the environments that these services' commands name, as paths below
/// [`places::ENV`]; none lies in another.
pub(crate) fn data_directories(services: &[Attendant]) -> Vec<PathBuf> {
    let words = services
        .iter()
        .flat_map(|attendant| attendant.service.run.iter().skip(1));
    let values = words.flat_map(|word| {
        let value = word.split_once('=').map(|(_, value)| value);
        [Some(word.as_str()), value].into_iter().flatten()
    });
    let mut named: Vec<PathBuf> = values.filter_map(below_environments).collect();
    named.sort();
    // Sorted, a directory comes before what lies in it.
    let mut outer: Vec<PathBuf> = Vec::new();
    for path in named {
        if !outer.iter().any(|known| path.starts_with(known)) {
            outer.push(path);
        }
    }
    outer
}

fn below_environments(word: &str) -> Option<PathBuf> {
    let below = Path::new(word).strip_prefix(places::ENV).ok()?;
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let names_one = below.components().next().is_some() && below.components().all(plain);
    names_one.then(|| below.components().collect())
}

/// A service that failed, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub how: String,
    /// The last of what it printed.
    pub log: String,
}

/// The outcome of a command that was not started because of a service.
pub(crate) fn not_ready(services: &[ServiceReport], position: usize, why: NotReady) -> Outcome {
    let service = services.get(position);
    let name = service.map_or_else(|| position.to_string(), |one| one.name.clone());
    let last = service.map(last_line).filter(|last| !last.is_empty());
    let why = match last {
        Some(last) => format!("{}; its last line: {last}", why_not(why)),
        None => why_not(why),
    };
    Outcome::ServiceNotReady { service: name, why }
}

/// The services that did not become ready, or ended before the command did.
pub(crate) fn failed(
    services: &[ServiceReport],
    not_ready: Option<(usize, NotReady)>,
) -> Vec<Failed> {
    let how = |position: usize, service: &ServiceReport| match (not_ready, service.ended) {
        (Some((failed, why)), _) if failed == position => Some(why_not(why)),
        (_, Some(ended)) => Some(format!("{} before the command did", how_ended(ended))),
        (_, None) => None,
    };
    let known = services.iter().enumerate();
    known
        .filter_map(|(position, service)| {
            Some(Failed {
                name: service.name.clone(),
                how: how(position, service)?,
                log: log_tail(service),
            })
        })
        .collect()
}

fn why_not(why: NotReady) -> String {
    match why {
        NotReady::Late => format!(
            "it did not accept on its port within {} s",
            PATIENCE.as_secs()
        ),
        NotReady::Ended(ended) => how_ended(ended),
        NotReady::NotStarted { errno, start } => not_started(errno, start),
        NotReady::PortTaken => "something else listens on its port already".to_owned(),
    }
}

fn how_ended(ended: Ended) -> String {
    match ended {
        Ended::Exited(status) => format!("it ended with status {status}"),
        Ended::Signalled(signal) => format!("signal {signal} ended it"),
    }
}

fn text(service: &ServiceReport) -> String {
    block(&String::from_utf8_lossy(&service.log.bytes()), usize::MAX)
}

fn log_tail(service: &ServiceReport) -> String {
    let text = text(service);
    let start = text.ceil_char_boundary(text.len().saturating_sub(SHOWN));
    text.get(start..).unwrap_or_default().trim().to_owned()
}

fn last_line(service: &ServiceReport) -> String {
    line(
        text(service).trim().lines().next_back().unwrap_or_default(),
        QUOTE,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(run: &[&str]) -> Vec<String> {
        let service = policy::Service {
            run: run.iter().map(|word| (*word).to_owned()).collect(),
            ..policy::Service::default()
        };
        let attendant = Attendant {
            service,
            program: "/usr/bin/db".into(),
        };
        let found = data_directories(&[attendant.clone(), attendant]);
        found
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn a_directory_is_named_by_a_whole_word_or_by_the_value_of_one() {
        let cases: [(&[&str], &[&str]); 7] = [
            (&["db", "-D", "/sandbox/env/pg"], &["pg"]),
            (&["db", "--data=/sandbox/env/a/b/"], &["a/b"]),
            (&["db", "-c", "dir=/sandbox/env/x"], &["x"]),
            (
                &[
                    "db",
                    "/sandbox/env/pg/wal",
                    "/sandbox/env/pg",
                    "/sandbox/env/pgx",
                ],
                &["pg", "pgx"],
            ),
            (&["/sandbox/env/bin/db", "serve"], &[]),
            (
                &[
                    "db",
                    "/sandbox/env",
                    "/sandbox/env/../tree",
                    "/sandbox/environ/x",
                    "env/pg",
                ],
                &[],
            ),
            (&["sh", "-c", "db -D /sandbox/env/pg"], &[]),
        ];
        for (run, expected) in cases {
            assert_eq!(data(run), expected, "{run:?}");
        }
    }

    #[test]
    fn the_service_that_kept_a_command_from_starting_is_named_with_its_last_line() {
        let log = |text: &str| passmuster_process::Captured {
            head: text.as_bytes().to_vec(),
            ..Default::default()
        };
        let report = |name: &str, ended, text| ServiceReport {
            name: name.to_owned(),
            ended,
            log: log(text),
        };
        let why = NotReady::Ended(Ended::Exited(1));
        let services = [
            report("cache", None, "up"),
            report(
                "db",
                Some(Ended::Exited(1)),
                "starting\nFATAL: \u{1b}[31mno data\n\n",
            ),
        ];
        let Outcome::ServiceNotReady { service, why: text } = not_ready(&services, 1, why) else {
            panic!("another outcome");
        };
        assert_eq!(service, "db");
        assert!(text.starts_with("it ended with status 1; its last line: FATAL:"));
        assert!(!text.contains('\u{1b}'));
        let failed = failed(&services, Some((1, why)));
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].how, "it ended with status 1");
        assert!(failed[0].log.starts_with("starting\nFATAL"));
    }
}
