//! What a step reached, and what it was refused.
//!
//! Names come from the step's processes: they are stripped of control characters before they are
//! kept, and there is an end to how many are.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use passmuster_policy::text::line;

use super::endpoint::Endpoint;
use super::secrets::Secrets;

/// Most connections kept one by one; further ones are counted.
const KEPT: usize = 1000;
/// Most characters of a name or an error that are kept.
const LONGEST: usize = 300;

/// What became of one connection, or one request of plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It was made.
    Carried,
    /// The list does not name it.
    NotListed,
    /// Its name leads to an address that is not public; the address and what it is.
    NotPublic(String, &'static str),
    /// It is no request that a proxy can serve.
    Malformed(&'static str),
    /// It could not be made.
    Failed(String),
}

/// One connection, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Host and port as the client named them.
    pub target: String,
    /// The address that was connected to: the target's own, or the operator's proxy's.
    pub address: Option<IpAddr>,
    /// Bytes from the step to the target.
    pub sent: u64,
    /// Bytes from the target to the step.
    pub received: u64,
    /// What became of it.
    pub fate: Fate,
}

impl Connection {
    /// A connection that was not made.
    pub fn unmade(target: &str, fate: Fate) -> Self {
        Self {
            target: target.to_owned(),
            address: None,
            sent: 0,
            received: 0,
            fate,
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.target;
        match &self.fate {
            Fate::Carried => {
                f.write_str(target)?;
                if let Some(address) = self.address {
                    write!(f, " ({address})")?;
                }
                write!(f, ": {} B out, {} B in", self.sent, self.received)
            }
            Fate::NotListed => write!(
                f,
                "refused {target}: it is not in the step's `network`; add `{target}` there if the step needs it"
            ),
            Fate::NotPublic(address, why) => {
                let port = target.rsplit_once(':').map_or("", |(_, port)| port);
                let named = match address.contains(':') {
                    true => format!("[{address}]:{port}"),
                    false => format!("{address}:{port}"),
                };
                write!(
                    f,
                    "refused {target}: it leads to {address}, {why}; add `{named}` to the step's `network` as well if that is meant"
                )
            }
            Fate::Malformed(why) => write!(f, "refused {target}: {why}"),
            Fate::Failed(why) => write!(f, "failed to reach {target}: {why}"),
        }
    }
}

/// The connections of one step.
#[derive(Debug, Default)]
pub struct Journal {
    secrets: Secrets,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    kept: Vec<Connection>,
    more: u64,
}

impl Journal {
    /// One from which these are struck.
    pub fn without(secrets: Secrets) -> Self {
        Self {
            secrets,
            ..Self::default()
        }
    }

    /// Keeps one. Secrets go first: of one that is cut a part would stay.
    pub fn add(&self, mut connection: Connection) {
        let short = |text: &mut String| {
            *text = line(&self.secrets.struck(std::mem::take(text)), LONGEST);
        };
        short(&mut connection.target);
        if let Fate::Failed(why) = &mut connection.fate {
            short(why);
        }
        let mut entries = self.lock();
        if entries.kept.len() < KEPT {
            entries.kept.push(connection);
        } else {
            entries.more += 1;
        }
    }

    /// Keeps one that was not made.
    pub fn refuse(&self, target: &Endpoint, fate: Fate) {
        self.add(Connection::unmade(&target.to_string(), fate));
    }

    /// All that was kept, in the order in which it ended.
    pub fn connections(&self) -> Vec<Connection> {
        self.lock().kept.clone()
    }

    /// One line a connection.
    pub fn log(&self) -> String {
        let entries = self.lock();
        let mut lines: Vec<String> = entries
            .kept
            .iter()
            .map(|connection| format!("network: {connection}"))
            .collect();
        if entries.more > 0 {
            lines.push(format!("network: and {} more", entries.more));
        }
        lines.join("\n")
    }

    /// What was refused or could not be reached, each once.
    pub fn trouble(&self) -> Vec<Connection> {
        let entries = self.lock();
        let mut each = BTreeMap::new();
        for one in &entries.kept {
            if one.fate != Fate::Carried {
                each.entry((&one.target, &one.fate)).or_insert(one);
            }
        }
        each.into_values().cloned().collect()
    }

    /// A list that one writer left half-way is still a list.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_log_cannot_drive_a_terminal() {
        let journal = Journal::default();
        journal.add(Connection::unmade("a\u{1b}[2Jb\nc:1", Fate::NotListed));
        let log = journal.log();
        assert!(!log.contains(['\u{1b}', '\n']), "{log:?}");
    }

    #[test]
    fn no_part_of_a_secret_is_left_where_a_long_name_is_cut() {
        let env = BTreeMap::from([("TOKEN".into(), "long-token".into())]);
        let secrets = Secrets::of(&["TOKEN".to_owned()], &env).unwrap();
        let journal = Journal::without(secrets);
        for before in LONGEST - 20..LONGEST + 20 {
            let target = format!("{}long-token", "x".repeat(before));
            journal.add(Connection::unmade(&target, Fate::NotListed));
        }
        assert!(!journal.log().contains("xlo"), "{}", journal.log());
    }

    #[test]
    fn a_flood_is_counted_and_each_trouble_told_once() {
        let journal = Journal::default();
        for _ in 0..KEPT + 5 {
            journal.add(Connection::unmade("host:1", Fate::NotListed));
        }
        assert_eq!(journal.connections().len(), KEPT);
        assert!(journal.log().ends_with("network: and 5 more"));
        assert_eq!(journal.trouble().len(), 1);
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let private = Fate::NotPublic("10.0.0.1".to_owned(), "a private address");
        let told = Connection::unmade("host.example:443", private).to_string();
        assert!(told.contains("`10.0.0.1:443`"), "{told}");
        let told = Connection::unmade("host.example:443", Fate::NotListed).to_string();
        assert!(told.contains("`host.example:443`"), "{told}");
    }
}
