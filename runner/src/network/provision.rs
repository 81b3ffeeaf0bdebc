//! What one step gets beyond an ordinary one: its way out, its secrets, its certificates; and what is
//! to be said of it afterwards.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use passmuster_policy::policy::{Globs, Prepare};

use super::endpoint::AllowList;
use super::journal::{Connection, Fate};
use super::secrets::Secrets;
use super::upstream::Upstreams;
use super::{Proxy, Unavailable, certificates, inside};
use crate::git::objects::TreeEntry;
use crate::places::CERTIFICATES;

/// The operator's environment; only named variables of it are read.
type Environment = BTreeMap<OsString, OsString>;

/// The file beside a layer that holds what its step was refused, one line each.
const REFUSED: &str = "refused";
/// The file beside a layer that holds all its step's connections, for people.
const LOG: &str = "network.log";

/// What a sandbox needs for a way out.
#[derive(Clone, Debug)]
pub struct Door {
    /// Answers on the sandbox's listener.
    pub proxy: Arc<Proxy>,
    /// Files for the clients: where, and what is in them.
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

/// The provision of one step; empty for a step that asks for nothing.
pub struct Provision {
    step: String,
    door: Option<Door>,
    allowed: AllowList,
    secrets: Secrets,
}

impl Provision {
    /// Gathers what a step asks for. `private`: it runs for one candidate alone.
    pub fn of(step: &Prepare, private: bool, env: &Environment) -> Result<Self, Unavailable> {
        if private && !step.secrets.is_empty() {
            return Err(Unavailable::SecretsWithheld);
        }
        let secrets = Secrets::of(&step.secrets, env)?;
        let allowed = AllowList::new(&step.network);
        let door = (!step.network.is_empty()).then(|| Door {
            proxy: Proxy::new(allowed.clone(), Upstreams::from_env(env), secrets.clone()),
            files: certificates::bundle(env)
                .map(|bundle| (CERTIFICATES.into(), bundle))
                .into_iter()
                .collect(),
        });
        Ok(Self {
            step: step.name.clone(),
            door,
            allowed,
            secrets,
        })
    }

    /// The sandbox's door; none: no network.
    pub fn door(&self) -> Option<Door> {
        self.door.clone()
    }

    /// The step's environment, from an ordinary one.
    pub fn environment(&self, ordinary: Vec<(String, OsString)>) -> Vec<(String, OsString)> {
        let mut env = match &self.door {
            Some(door) => inside::environment(ordinary, &self.allowed, !door.files.is_empty()),
            None => ordinary,
        };
        env.extend(self.secrets.variables());
        env
    }

    /// What must not stand in what a step printed.
    pub fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// Every connection, one a line; empty without any.
    pub fn log(&self) -> String {
        let log = self.door.as_ref().map(|door| door.proxy.journal().log());
        self.secrets.struck(log.unwrap_or_default())
    }

    /// What was refused or could not be reached, for people, each once.
    pub fn trouble(&self) -> Vec<String> {
        let told = |one: &Connection| self.secrets.struck(one.to_string());
        self.connections().iter().map(told).collect()
    }

    fn connections(&self) -> Vec<Connection> {
        let journal = self
            .door
            .as_ref()
            .map(|door| door.proxy.journal().trouble());
        journal.unwrap_or_default()
    }

    /// Fails when what the step made holds a secret; ends when `go_on` does.
    pub fn search(
        &self,
        made: &Path,
        go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<Result<(), Unavailable>> {
        let found = self.secrets.found_below(made, go_on)?;
        Ok(match found {
            Some((name, path)) => Err(Unavailable::SecretLeft { name, path }),
            None => Ok(()),
        })
    }

    /// Keeps beside the layer what was reached and what was refused.
    pub fn keep(&self, made: &Path) -> io::Result<()> {
        if self.door.is_none() {
            return Ok(());
        }
        fs::write(made.join(LOG), self.log())?;
        let refused: Vec<String> = self
            .connections()
            .into_iter()
            // A host that did not answer this time is no property of the layer.
            .filter(|one| !matches!(one.fate, Fate::Failed(_)))
            .map(|one| {
                let target = self.secrets.struck(one.target);
                format!(
                    "prepare step {} asked for {target} and was refused\n",
                    self.step
                )
            })
            .collect();
        fs::write(made.join(REFUSED), refused.concat())
    }
}

/// What the step that made a layer was refused: the same each time that the layer is used.
pub fn refused(made: &Path) -> Vec<String> {
    let text = fs::read_to_string(made.join(REFUSED)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Whether what lies beneath a step with network was made from nothing but what the step itself may
/// see: else sources could meet the network in what an earlier step made of them. `below`: name and
/// inputs of each earlier step.
pub fn sees_no_more<'a>(
    step: &Prepare,
    below: impl Iterator<Item = (&'a str, Option<&'a Globs>)>,
    entries: &[TreeEntry],
) -> Result<(), Unavailable> {
    if step.network.is_empty() {
        return Ok(());
    }
    let sees = |inputs: Option<&Globs>, entry: &TreeEntry| {
        inputs.is_none_or(|inputs| inputs.matches(&entry.path))
    };
    for (name, inputs) in below {
        let hidden = |entry: &&TreeEntry| sees(inputs, entry) && !sees(step.inputs.as_ref(), entry);
        if let Some(entry) = entries.iter().find(hidden) {
            return Err(Unavailable::SeesThrough {
                below: name.to_owned(),
                path: entry.path.clone(),
            });
        }
    }
    Ok(())
}
