//! Layers: the base tree on disk, what prepare steps made for it, and what a candidate changes.
//!
//! # Keys
//!
//! A prepare step sees exactly what its key covers. With `inputs` it sees those files as they are
//! and every other tracked file empty; without, it sees the whole tree and its key holds the tree
//! id. So equal keys mean that the step could not have told the two trees apart, and a layer may be
//! used for every tree whose key is equal.
//!
//! What a step makes on a candidate's tree is private: its key holds the candidate's tree id. Which
//! steps that is, [`crate::uses`] decides.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use passmuster_policy::change::{Change, Mode};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Globs, Limits, Prepare};
use passmuster_policy::run::Outcome;
use serde::Serialize;

use crate::adapters::{Phase, PhaseEnd, Phases as _};
use crate::cache::LayerGuard;
use crate::digest::digest;
use crate::git::objects::TreeEntry;
use crate::grants::{Access, Grants, View, limits};
use crate::locate::{Programs, locate};
use crate::merged::show_below;
use crate::network::provision::sees_no_more;
use crate::network::{Provision, Unavailable};
use crate::places;
use crate::progress::Progress;
use crate::removal::remove_tree;
use crate::session::{Machine, Session, make_owned};
use crate::toolchains::Operator;
use crate::trees::{FileTime, TreeWriter, layer_plan};
use crate::turns::{self, Company};
use crate::uses::{Use, touched};

mod error;

pub use error::LayerError;

/// Raised whenever what a layer holds, or how it is mounted, changes its meaning.
const FORMAT: u32 = 1;

/// A tree: its id and all its entries, sorted as git sorts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Git tree id.
    pub id: String,
    /// Files, links and submodules of the whole tree.
    pub entries: Vec<TreeEntry>,
    /// Large files and submodules whose content is not here, sorted; what stands in their place is
    /// a pointer or an empty directory.
    pub absent: Vec<RepoPath>,
}

impl Snapshot {
    /// What the tree looks like on this disk: its id says which content it wants, not which is here.
    /// Keys hold this, so that content which is fetched later is seen.
    pub fn content_id(&self) -> String {
        if self.absent.is_empty() {
            return self.id.clone();
        }
        let absent: Vec<String> = self.absent.iter().map(ToString::to_string).collect();
        digest(&(&self.id, absent))
    }

    /// The file, link or submodule at a path.
    pub fn entry(&self, path: &RepoPath) -> Option<&TreeEntry> {
        let found = self.entries.binary_search_by(|entry| entry.path.cmp(path));
        self.entries.get(found.ok()?)
    }
}

/// What a prepare step made.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Name of the step.
    pub name: String,
    /// Digest of all that the step saw.
    pub key: String,
    /// The directory that holds `tree/` and `env/`.
    pub made: LayerGuard,
    /// Entries for PATH of all that comes after.
    pub prepends: Vec<PathBuf>,
    /// Variables of all that comes after.
    pub vars: BTreeMap<String, String>,
    /// The files that its step saw; none: all of them.
    pub inputs: Option<Globs>,
}

/// Makes and finds layers.
pub struct Workshop<'a> {
    /// What every run shares.
    pub machine: &'a Machine,
    /// What of the host is granted.
    pub grants: &'a Grants,
    /// Whose proxy, certificates and secrets steps with network use.
    pub operator: &'a Operator,
    /// The programs that steps name.
    pub programs: &'a Programs,
    /// Says what runs.
    pub progress: Progress,
    /// Limits of the policy.
    pub limits: &'a Limits,
    /// The bytes of an entry, as a checkout would have them.
    pub read_blob: &'a mut dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>>,
}

impl Workshop<'_> {
    /// The layer of a tree, made once; its directory `tree` is the tree. Files that every step with inputs has seen carry the
    /// fixed past time, all others the time of writing.
    pub fn base_layer(
        &mut self,
        tree: &Snapshot,
        steps: &[&Prepare],
    ) -> Result<LayerGuard, LayerError> {
        let masks: Vec<&Prepare> = steps
            .iter()
            .copied()
            .filter(|step| step.inputs.is_some())
            .collect();
        let key = digest(&(
            "base",
            FORMAT,
            tree.content_id(),
            self.machine.owner.uid,
            masks_of(&masks),
        ));
        if let Some(found) = self.find(&key) {
            return Ok(found);
        }
        let _making = self.machine.cache.lock(&key)?;
        if let Some(found) = self.find(&key) {
            return Ok(found);
        }
        let scratch = self.machine.cache.scratch()?;
        let root = self.empty(scratch.path(), "made/tree")?;
        let time = |entry: &TreeEntry| {
            let seen = masks.iter().all(|step| sees(step, &entry.path));
            if seen { FileTime::Past } else { FileTime::Now }
        };
        self.writer(&root)?.write_all(&tree.entries, &time)?;
        Ok(self
            .machine
            .cache
            .publish(&scratch.path().join("made"), &key)?)
    }

    /// Writes what differs from the base into the empty directory `root`, with current times.
    pub fn candidate_layer(
        &mut self,
        base: &Snapshot,
        candidate: &Snapshot,
        root: &Path,
    ) -> Result<(), LayerError> {
        let plan = layer_plan(&base.entries, &candidate.entries);
        let mut writer = self.writer(root)?;
        writer.write_all(&plan.write, &|_| FileTime::Now)?;
        for path in &plan.hide {
            writer.hide(path)?;
        }
        Ok(())
    }

    /// The base's layers of these steps; `tree_layers` are the base's directories, top first.
    pub async fn prepare_base(
        &mut self,
        base: &Snapshot,
        tree_layers: &[PathBuf],
        steps: &[&Prepare],
    ) -> Result<Vec<Layer>, LayerError> {
        let mut layers: Vec<Layer> = Vec::new();
        for step in steps {
            let layer = self.step(step, base, tree_layers, &layers, None).await?;
            layers.push(layer);
        }
        Ok(layers)
    }

    /// A candidate's layers: the base's where they fit, else made on the candidate for it alone.
    pub async fn prepare_candidate(
        &mut self,
        candidate: &Snapshot,
        tree_layers: &[PathBuf],
        steps: &[(&Prepare, Use)],
        base: &[Layer],
    ) -> Result<Vec<Layer>, LayerError> {
        let mut layers: Vec<Layer> = Vec::new();
        for ((step, used), shared) in steps.iter().zip(base) {
            match used {
                Use::LeftOut => {}
                Use::Shared => layers.push(shared.clone()),
                Use::Private => {
                    let private = Some(candidate.id.as_str());
                    let layer = self
                        .step(step, candidate, tree_layers, &layers, private)
                        .await?;
                    layers.push(layer);
                }
            }
        }
        Ok(layers)
    }

    async fn step(
        &mut self,
        step: &Prepare,
        tree: &Snapshot,
        tree_layers: &[PathBuf],
        below: &[Layer],
        private: Option<&str>,
    ) -> Result<Layer, LayerError> {
        let key = self.step_key(step, tree, below, private);
        let layer = |made| Layer {
            name: step.name.clone(),
            key: key.clone(),
            made,
            prepends: step.path.iter().map(PathBuf::from).collect(),
            vars: step.env.clone(),
            inputs: step.inputs.clone(),
        };
        if let Some(found) = self.find(&key) {
            return Ok(layer(found));
        }
        let seen = below
            .iter()
            .map(|layer| (layer.name.as_str(), layer.inputs.as_ref()));
        let provision = sees_no_more(step, seen, &tree.entries)
            .and_then(|()| Provision::of(step, private.is_some(), &self.operator.env))
            .map_err(unavailable(step))?;
        let cache = self.machine.cache.clone();
        let lock_name = key.clone();
        // Another runner may take minutes to make it; waiting must not hold up the runtime.
        let _making = tokio::task::block_in_place(|| cache.lock(&lock_name))?;
        if let Some(found) = self.find(&key) {
            return Ok(layer(found));
        }
        let company = match private {
            None => Company::Alone,
            Some(_) => Company::Any,
        };
        let _turn = turns::take(&cache, company, &self.machine.stop, self.progress).await?;
        let made = self
            .run_step(step, tree, tree_layers, below, &provision)
            .await?;
        Ok(layer(
            self.machine
                .cache
                .publish(&made.path().join("made"), &key)?,
        ))
    }

    async fn run_step(
        &mut self,
        step: &Prepare,
        tree: &Snapshot,
        tree_layers: &[PathBuf],
        below: &[Layer],
        provision: &Provision,
    ) -> Result<crate::cache::Scratch, LayerError> {
        let scratch = self.machine.cache.scratch()?;
        let shown = match &step.inputs {
            None => tree_layers.to_vec(),
            Some(_) => vec![self.inputs_only(step, tree, scratch.path())?],
        };
        let view = view(&shown, below);
        let program = locate(
            self.programs,
            step.run.first().map_or("", String::as_str),
            &step.cwd,
            below,
        )
        .map_err(|missing| LayerError::Missing {
            step: step.name.clone(),
            missing,
        })?;
        let limits = limits(&step.limits.over(self.limits), &self.machine.capacity());
        let mut session = Session::open(self.machine, self.grants, &view, Access::Prepare, limits)?;
        session.door = provision.door();
        session.secrets = provision.secrets();
        let env = provision.environment(self.grants.environment(&view));
        let phase = phase(step, program, env);
        let end = self
            .progress
            .during(
                &format!("prepare step {}", step.name),
                session.launch(phase),
            )
            .await?;
        if end.outcome != (Outcome::Exited { status: 0 }) {
            return Err(LayerError::Failed {
                step: step.name.clone(),
                outcome: end.outcome.clone(),
                network: provision.trouble(),
                log: log_tail(&provision.log(), &end),
            });
        }
        let made = scratch.path().join("made");
        fs::create_dir(&made).map_err(failed("make", &made))?;
        let tree_made = session.tree_upper();
        drop_tracked(&tree_made, &tree.entries)?;
        for (from, name) in [(tree_made, "tree"), (session.env_upper(), "env")] {
            fs::rename(&from, made.join(name)).map_err(failed("move", &from))?;
        }
        // Every byte is read, on a thread that others wait for.
        let searched = tokio::task::block_in_place(|| provision.search(&made, &|| session.go_on()));
        searched
            .map_err(|source| LayerError::unsearched(&step.name, &made, source))?
            .map_err(unavailable(step))?;
        provision.keep(&made).map_err(failed("write", &made))?;
        Ok(scratch)
    }

    /// A tree in which only the step's inputs have content.
    fn inputs_only(
        &mut self,
        step: &Prepare,
        tree: &Snapshot,
        scratch: &Path,
    ) -> Result<PathBuf, LayerError> {
        let root = self.empty(scratch, "inputs")?;
        let (seen, hidden): (Vec<TreeEntry>, Vec<TreeEntry>) = tree
            .entries
            .iter()
            .cloned()
            .partition(|entry| sees(step, &entry.path));
        let mut writer = self.writer(&root)?;
        writer.write_all(&seen, &|_| FileTime::Past)?;
        writer.write_blank(&hidden)?;
        Ok(root)
    }

    fn step_key(
        &self,
        step: &Prepare,
        tree: &Snapshot,
        below: &[Layer],
        private: Option<&str>,
    ) -> String {
        let whole = tree.content_id();
        let absent = tree.absent.iter().filter(|path| sees(step, path));
        let inputs: Vec<(String, &str, &str)> = match &step.inputs {
            None => vec![(String::new(), "tree", whole.as_str())],
            Some(_) => tree
                .entries
                .iter()
                .filter(|entry| sees(step, &entry.path))
                .map(identity)
                .chain(absent.map(|path| (path.to_string(), "absent", "")))
                .collect(),
        };
        // A step with inputs sees which other files there are, though not what they say.
        let names = step.inputs.is_some().then(|| names_digest(&tree.entries));
        let below: Vec<&str> = below.iter().map(|layer| layer.key.as_str()).collect();
        digest(&KeyParts {
            format: FORMAT,
            step,
            grants: self.grants.digest().to_owned(),
            owner: self.machine.owner.uid,
            below,
            names,
            inputs,
            private,
        })
    }

    fn find(&self, key: &str) -> Option<LayerGuard> {
        self.machine.cache.find(key)
    }

    fn empty(&self, scratch: &Path, name: &str) -> Result<PathBuf, LayerError> {
        let path = scratch.join(name);
        make_owned(&path, self.machine.owner)?;
        Ok(path)
    }

    fn writer(&mut self, root: &Path) -> Result<TreeWriter<'_>, LayerError> {
        TreeWriter::new(root, self.machine.owner, self.read_blob).map_err(failed("open", root))
    }
}

/// All that a prepared layer depends on.
#[derive(Serialize)]
struct KeyParts<'a> {
    format: u32,
    step: &'a Prepare,
    grants: String,
    owner: u32,
    below: Vec<&'a str>,
    names: Option<String>,
    inputs: Vec<(String, &'a str, &'a str)>,
    private: Option<&'a str>,
}

/// What a run sees over these layers, the last step's on top, the candidate's above all of them.
pub fn view(tree_layers: &[PathBuf], prepared: &[Layer]) -> View {
    let (candidate, base) = tree_layers.split_at(tree_layers.len().saturating_sub(1));
    let top_first = || prepared.iter().rev();
    let tree = candidate
        .iter()
        .cloned()
        .chain(top_first().map(|layer| layer.made.path().join("tree")))
        .chain(base.iter().cloned());
    View {
        tree: tree.collect(),
        env: top_first()
            .map(|layer| layer.made.path().join("env"))
            .collect(),
        path: top_first()
            .flat_map(|layer| layer.prepends.clone())
            .collect(),
        vars: prepared
            .iter()
            .flat_map(|layer| layer.vars.clone())
            .collect(),
    }
}

/// Changed paths that lie in what a step made: there a candidate would steer what the step's output
/// is taken for, so it is refused before anything runs.
pub fn shadowed(change: &Change, base: &Snapshot, layers: &[Layer]) -> Vec<RepoPath> {
    let tracked: BTreeSet<&[u8]> = base
        .entries
        .iter()
        .flat_map(|entry| parents(&entry.path))
        .collect();
    let made_by_step = |path: &RepoPath| {
        layers.iter().any(|layer| {
            let tree = layer.made.path().join("tree");
            let at =
                |path: &[u8]| fs::symlink_metadata(tree.join(std::ffi::OsStr::from_bytes(path)));
            let own = !tracked.contains(path.as_bytes());
            let itself = at(path.as_bytes()).is_ok_and(|meta| own || !meta.is_dir());
            itself || parents(path).any(|parent| !tracked.contains(parent) && at(parent).is_ok())
        })
    };
    change
        .files
        .iter()
        .flat_map(touched)
        .filter(|path| made_by_step(path))
        .cloned()
        .collect()
}

/// The directories above a path.
fn parents(path: &RepoPath) -> impl Iterator<Item = &[u8]> {
    let bytes = path.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .filter_map(move |(at, _)| bytes.get(..at))
}

/// Removes tracked files, and the marks that hide them, from what a step wrote: a layer adds to
/// trees, it never says what a tracked file contains.
pub(crate) fn drop_tracked(upper: &Path, entries: &[TreeEntry]) -> Result<(), LayerError> {
    let tracked: BTreeMap<&[u8], Mode> = entries
        .iter()
        .map(|entry| (entry.path.as_bytes(), entry.mode))
        .collect();
    let directories: BTreeSet<&[u8]> = entries
        .iter()
        .flat_map(|entry| parents(&entry.path))
        .collect();
    show_below(upper).map_err(failed("open up", upper))?;
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let directory = upper.join(&below);
        for entry in fs::read_dir(&directory).map_err(failed("list", &directory))? {
            let entry = entry.map_err(failed("list", &directory))?;
            let path = entry.path();
            let name = below.join(entry.file_name());
            let bytes = name.as_os_str().as_bytes();
            let meta = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
            if tracked.contains_key(bytes) || (directories.contains(bytes) && !meta.is_dir()) {
                remove_entry(&path, &meta).map_err(failed("remove", &path))?;
            } else if directories.contains(bytes) {
                show_below(&path).map_err(failed("open up", &path))?;
                pending.push(name);
            }
        }
    }
    Ok(())
}

fn remove_entry(path: &Path, meta: &fs::Metadata) -> io::Result<()> {
    if meta.is_dir() {
        remove_tree(path)
    } else {
        fs::remove_file(path)
    }
}

fn phase(step: &Prepare, program: PathBuf, environment: Vec<(String, OsString)>) -> Phase {
    let inherited = environment
        .into_iter()
        .filter(|(name, _)| !step.env.contains_key(name));
    let own = step
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.into()));
    Phase {
        argv: std::iter::once(program.into_os_string())
            .chain(step.run.iter().skip(1).map(Into::into))
            .collect(),
        env: inherited.chain(own).collect(),
        cwd: Some(Path::new(places::TREE).join(&step.cwd)),
        ..Phase::default()
    }
}

/// What a step reached, then the last of what it printed.
fn log_tail(network: &str, end: &PhaseEnd) -> String {
    let both = [
        network.as_bytes(),
        b"\n",
        end.stdout.as_slice(),
        b"\n",
        end.stderr.as_slice(),
    ]
    .concat();
    let start = both.len().saturating_sub(4096);
    String::from_utf8_lossy(both.get(start..).unwrap_or_default())
        .trim()
        .to_owned()
}

fn sees(step: &Prepare, path: &RepoPath) -> bool {
    step.inputs
        .as_ref()
        .is_none_or(|inputs| inputs.matches(path))
}

fn masks_of<'a>(steps: &[&'a Prepare]) -> Vec<&'a Globs> {
    steps
        .iter()
        .filter_map(|step| step.inputs.as_ref())
        .collect()
}

fn identity(entry: &TreeEntry) -> (String, &str, &str) {
    (
        entry.path.to_string(),
        entry.mode.as_git(),
        entry.oid.as_str(),
    )
}

fn names_digest(entries: &[TreeEntry]) -> String {
    let names: Vec<(String, &str)> = entries
        .iter()
        .map(|entry| (entry.path.to_string(), entry.mode.as_git()))
        .collect();
    digest(&names)
}

fn unavailable(step: &Prepare) -> impl Fn(Unavailable) -> LayerError + use<> {
    let step = step.name.clone();
    move |why| LayerError::Unavailable {
        step: step.clone(),
        why,
    }
}

fn failed(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LayerError + use<> {
    let path = path.to_owned();
    move |source| LayerError::Io { step, path, source }
}
