//! What a verification stands on before anything of the candidate is looked at: policy, toolchains,
//! programs and grants.
//!
//! All of it comes from the base tree and the operator; the candidate has no say in any of it.

use std::io;
use std::path::Path;

use passmuster_policy::policy::{Isolation, Policy};
use passmuster_policy::reason::ReasonCode;

use crate::cache::Cache;
use crate::compiled_controls::{self, CompiledControls};
use crate::error::UserError;
use crate::git::objects::TreeEntry;
use crate::grants::{self, Grants};
use crate::host::{self, Found};
use crate::layers::{Snapshot, Workshop};
use crate::locate::Programs;
use crate::policy_source::{self, Choice, Loaded};
use crate::progress::Progress;
use crate::repository::Repository;
use crate::session::Machine;
pub use crate::toolchains::covers;
use crate::toolchains::{Operator, Pins};

/// The basis of one verification.
#[derive(Debug)]
pub struct Basis {
    /// The policy and where it came from.
    pub loaded: Loaded,
    /// What the process was started with, less what lies in the repository.
    pub operator: Operator,
    /// The toolchains that the base pins.
    pub found: Found,
    /// The programs that the policy's commands name.
    pub programs: Programs,
    /// What the sandboxes are granted.
    pub grants: Grants,
    /// What is planted into the tests where they are built.
    pub planted: Option<CompiledControls>,
}

impl Basis {
    /// Reads the policy and finds what it needs on this machine.
    pub fn find(
        repository: &Repository,
        base: &Snapshot,
        choice: &Choice,
        operator: &Operator,
        cache: &Cache,
    ) -> Result<Self, UserError> {
        let outside = operator.outside(repository.root());
        let loaded = policy_source::load(choice, repository.git(), base, &outside)?;
        refuse_cache_inside(cache, repository)?;
        refuse_wide_grants(&loaded.policy, operator, repository)?;
        let found = host::find(&loaded.policy, &outside, &pins(repository, base));
        let programs = Programs::find(
            &loaded.policy,
            &outside,
            &found.toolchains,
            repository.root(),
        );
        let planted = compiled_controls::find(
            &loaded.policy,
            &found.toolchains,
            &outside,
            cache,
            &cargo_configurations(repository, base, &loaded.policy, &found)?,
        )?;
        let mut grants = Grants::new(
            &loaded.policy,
            &outside,
            &found.toolchains,
            &programs.tools(),
        );
        planted.iter().for_each(|planted| grants.plant(planted));
        Ok(Self {
            loaded,
            operator: outside,
            found,
            programs,
            grants,
            planted,
        })
    }

    /// The operator's word on the least isolation goes before the policy's.
    pub fn accept(&mut self, isolation: Option<Isolation>) {
        let written = self.loaded.policy.sandbox.isolation;
        self.loaded.policy.sandbox.isolation = isolation.unwrap_or(written);
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.loaded.policy
    }

    /// Makes trees and layers on this machine; `read_blob` gives the bytes of an entry, as a checkout
    /// would have them.
    pub fn workshop<'a>(
        &'a self,
        machine: &'a Machine,
        progress: Progress,
        read_blob: &'a mut dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>>,
    ) -> Workshop<'a> {
        Workshop {
            machine,
            grants: &self.grants,
            operator: &self.operator,
            programs: &self.programs,
            progress,
            limits: &self.policy().limits,
            read_blob,
        }
    }
}

/// The versions that the files of a tree ask for.
pub fn pins(repository: &Repository, tree: &Snapshot) -> Pins {
    let git = repository.git();
    Pins::read(|path| policy_source::file_of(git, tree, path).ok().flatten())
}

/// All that cargo may read as its configuration: the operator's, and the base's at whatever directory. Nothing where
/// nobody asks.
fn cargo_configurations(
    repository: &Repository,
    base: &Snapshot,
    policy: &Policy,
    found: &Found,
) -> Result<Vec<String>, UserError> {
    if !policy.runs_rust_tests() {
        return Ok(Vec::new());
    }
    let granted = found
        .toolchains
        .iter()
        .flat_map(|toolchain| &toolchain.files);
    let granted = granted.map(|file| String::from_utf8_lossy(&file.content).into_owned());
    let mut texts: Vec<String> = granted.collect();
    for entry in &base.entries {
        let path = entry
            .path
            .as_str()
            .filter(|path| is_cargo_configuration(path));
        if let Some(path) = path {
            texts.extend(policy_source::file_of(repository.git(), base, path)?);
        }
    }
    Ok(texts)
}

fn is_cargo_configuration(path: &str) -> bool {
    let path = Path::new(path);
    path.ends_with(".cargo/config.toml") || path.ends_with(".cargo/config")
}

/// Nothing is ever written into the user's repository, the cache included.
fn refuse_cache_inside(cache: &Cache, repository: &Repository) -> Result<(), UserError> {
    if !cache.root().starts_with(repository.root()) {
        return Ok(());
    }
    Err(UserError::usage(format!(
        "the cache {} lies in the repository; name another place with --cache-dir",
        cache.root().display()
    )))
}

fn refuse_wide_grants(
    policy: &Policy,
    operator: &Operator,
    repository: &Repository,
) -> Result<(), UserError> {
    let written = policy.sandbox.read.iter().chain(&policy.sandbox.caches);
    let mut paths = written.map(|grant| grants::cache_grant(Path::new(grant), operator).0);
    paths.try_for_each(|path| refuse_wide_grant(&path, repository))
}

/// A grant that holds the repository would show the candidate what a sandbox must not see.
pub fn refuse_wide_grant(path: &Path, repository: &Repository) -> Result<(), UserError> {
    if covers(path, repository.root()) {
        return Err(UserError::new(
            ReasonCode::GrantCoversRepository,
            format!(
                "the grant {} lies in or above the repository {}",
                path.display(),
                repository.root().display()
            ),
        ));
    }
    Ok(())
}
