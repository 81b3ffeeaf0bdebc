//! From what the policy names to what the sandbox gets: the one place where both are known.
//!
//! A grant is something of the host that a sandboxed command may see. Whatever is not granted here
//! is not there: no home directory, no repository, no environment variable, no network but a prepare
//! step's door.

mod limits;
mod services;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Policy;
use passmuster_process::{Command, Limits, Lower, Mount, Spec};
use serde::Serialize;

use crate::adapters::Phase;
use crate::compiled_controls::CompiledControls;
use crate::denials;
use crate::digest::digest;
use crate::merged;
use crate::network::Door;
use crate::places;
use crate::session::{Machine, SessionError, make_owned};
use crate::toolchains::{Operator, Tool, Toolchain, search_path};

pub use limits::{Capacity, limits, wall};
pub use services::{Attendant, Failed};
pub(crate) use services::{failed, not_ready};

/// Size of the home directory, which lives in memory.
const HOME_SIZE: u64 = 1 << 30;
/// The layers that a run sees, top first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Layers of the tree.
    pub tree: Vec<PathBuf>,
    /// Layers of the environments.
    pub env: Vec<PathBuf>,
    /// Entries that prepare steps put in front of PATH, as seen inside.
    pub path: Vec<PathBuf>,
    /// Variables that prepare steps set for all that comes after them.
    pub vars: BTreeMap<String, String>,
}

/// What a run may write beside the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Environments are read-only.
    Check,
    /// Environments are what is being made.
    Prepare,
}

/// Everything of the host that the runs of one verification are granted.
#[derive(Clone, Debug)]
pub struct Grants {
    /// Host path → the same path inside.
    read: Vec<PathBuf>,
    /// Host directories that are changed for good, at the same path inside.
    write: Vec<PathBuf>,
    masked: Vec<PathBuf>,
    /// Host directory → where it is shown, read-only.
    shown: Vec<(PathBuf, PathBuf)>,
    /// Host directory → where it appears, copy-on-write.
    caches: Vec<(PathBuf, PathBuf)>,
    files: Vec<(PathBuf, Vec<u8>)>,
    links: Vec<(PathBuf, PathBuf)>,
    /// Directories of the tree that are copied, not overlaid.
    copy: Vec<PathBuf>,
    path: Vec<PathBuf>,
    env: BTreeMap<String, String>,
    digest: String,
}

/// What a grant set depends on besides the machine itself.
#[derive(Serialize)]
struct Identity<'a> {
    toolchains: Vec<&'a str>,
    tools: Vec<&'a Path>,
    read: &'a [PathBuf],
    caches: &'a [(PathBuf, PathBuf)],
    copy: &'a [PathBuf],
    path: &'a [PathBuf],
    env: &'a BTreeMap<String, String>,
}

impl Grants {
    /// Collects the grants of a policy.
    pub fn new(
        policy: &Policy,
        operator: &Operator,
        toolchains: &[Toolchain],
        tools: &[Tool],
    ) -> Self {
        let mut grants = Self {
            read: policy.sandbox.read.iter().map(PathBuf::from).collect(),
            write: Vec::new(),
            masked: Vec::new(),
            shown: Vec::new(),
            caches: policy
                .sandbox
                .caches
                .iter()
                .map(|cache| cache_grant(Path::new(cache), operator))
                .collect(),
            files: Vec::new(),
            links: Vec::new(),
            copy: policy.sandbox.copy.iter().map(PathBuf::from).collect(),
            path: search_path(toolchains, tools),
            env: places::environment(),
            digest: String::new(),
        };
        toolchains
            .iter()
            .for_each(|toolchain| grants.add_toolchain(toolchain));
        tools.iter().for_each(|tool| grants.add_tool(tool));
        grants.env.extend(policy.sandbox.env.clone());
        grants.read.sort();
        grants.read.dedup();
        grants.digest = digest(&Identity {
            toolchains: toolchains
                .iter()
                .map(|toolchain| toolchain.sha256.as_str())
                .collect(),
            tools: tools.iter().map(|tool| tool.program.as_path()).collect(),
            read: &grants.read,
            caches: &grants.caches,
            copy: &grants.copy,
            path: &grants.path,
            env: &grants.env,
        });
        grants
    }

    /// What one command is granted beside what the policy grants. Results are kept by
    /// [`Grants::digest`], which these are no part of.
    pub fn add_paths(&mut self, read: &[PathBuf], write: &[PathBuf]) {
        self.read.extend_from_slice(read);
        self.write.extend_from_slice(write);
    }

    /// Shows what is planted into tests, and has every command build them with it.
    pub fn plant(&mut self, planted: &CompiledControls) {
        self.shown
            .push((planted.source().to_owned(), planted.target.clone()));
        self.env.extend([planted.variable()]);
        self.digest = digest(&(&self.digest, &planted.target));
    }

    fn add_toolchain(&mut self, toolchain: &Toolchain) {
        self.read.extend(toolchain.read.clone());
        self.masked.extend(toolchain.masked.clone());
        self.caches.extend(
            toolchain
                .caches
                .iter()
                .map(|cache| (cache.host.clone(), cache.target.clone())),
        );
        self.files.extend(
            toolchain
                .files
                .iter()
                .map(|file| (file.target.clone(), file.content.clone())),
        );
        self.links.extend(
            toolchain
                .links
                .iter()
                .map(|link| (link.path.clone(), link.to.clone())),
        );
        self.env.extend(toolchain.env.clone());
    }

    fn add_tool(&mut self, tool: &Tool) {
        self.read.extend(tool.read.clone());
        self.links.extend(
            tool.link
                .iter()
                .map(|link| (link.path.clone(), link.to.clone())),
        );
    }

    /// Whether a path of the tree lies in a directory that is copied, not overlaid.
    pub fn is_copied(&self, path: &RepoPath) -> bool {
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        self.copy
            .iter()
            .any(|directory| path.starts_with(directory))
    }

    /// Digest of what is granted, by content where the toolchains know it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The environment of a run over this view: nothing is inherited.
    pub fn environment(&self, view: &View) -> Vec<(String, OsString)> {
        let path = view
            .path
            .iter()
            .chain(&self.path)
            .map(|entry| entry.as_os_str());
        let path = path.collect::<Vec<_>>().join(std::ffi::OsStr::new(":"));
        let mut env: BTreeMap<String, OsString> = BTreeMap::new();
        env.extend(
            self.env
                .iter()
                .chain(&view.vars)
                .map(|(name, value)| (name.clone(), value.into())),
        );
        env.insert("PATH".to_owned(), path);
        env.into_iter().collect()
    }

    /// The sandbox of one phase.
    pub fn spec(&self, room: &Room, phase: &Phase, reports: &Path, limits: Limits) -> Spec {
        let mut words = phase.argv.iter().cloned();
        let program = words.next().map(PathBuf::from).unwrap_or_default();
        let report = Mount::Writable {
            source: reports.to_owned(),
            target: places::REPORT.into(),
        };
        let support = phase.support.iter().map(|support| Mount::File {
            target: Path::new(places::LIB).join(support.name),
            content: support.content.to_vec(),
            executable: support.executable,
        });
        let mounts = self
            .host_mounts(limits.tmp)
            .chain(room.mounts.clone())
            .chain([report])
            .chain(support);
        Spec {
            command: Command {
                program,
                args: words.collect(),
                env: phase
                    .env
                    .iter()
                    .map(|(name, value)| (name.into(), value.clone()))
                    .collect(),
                cwd: phase.cwd.clone().unwrap_or_else(|| places::TREE.into()),
            },
            mounts: mounts.collect(),
            limits,
            listen: None,
            services: Vec::new(),
        }
    }

    fn host_mounts(&self, most: u64) -> impl Iterator<Item = Mount> {
        let home = Mount::Tmpfs {
            target: places::HOME.into(),
            size: HOME_SIZE.min(most),
        };
        let read = self.read.iter().filter_map(|path| {
            // A link is granted as what it points at, under its own name.
            let source = path.canonicalize().ok()?;
            Some(Mount::ReadOnly {
                source,
                target: path.clone(),
            })
        });
        let masked = self
            .masked
            .iter()
            .filter(|path| path.exists())
            .map(|path| file(path, b""));
        let files = self
            .files
            .iter()
            .map(|(target, content)| file(target, content));
        let write = self.write.iter().map(|path| Mount::Writable {
            source: path.clone(),
            target: path.clone(),
        });
        let shown = self.shown.iter().map(|(source, target)| Mount::ReadOnly {
            source: source.clone(),
            target: target.clone(),
        });
        let links = self.links.iter().map(|(path, to)| Mount::Symlink {
            path: path.clone(),
            to: to.clone(),
        });
        [home]
            .into_iter()
            .chain(denials::decoys())
            .chain(read)
            .chain(masked)
            .chain(files)
            .chain(shown)
            .chain(links)
            .chain(write)
    }
}

/// The directories of one run and how they are mounted; the same for all its phases.
#[derive(Clone, Debug)]
pub struct Room {
    mounts: Vec<Mount>,
    tree: PathBuf,
    env: PathBuf,
}

impl Room {
    /// Makes the run's writable layers below `scratch`.
    pub fn prepare(
        machine: &Machine,
        grants: &Grants,
        view: &View,
        access: Access,
        scratch: &Path,
    ) -> Result<Self, SessionError> {
        let mut room = Self {
            mounts: Vec::new(),
            tree: scratch.join("tree"),
            env: scratch.join("env"),
        };
        let tree = room.tree.clone();
        room.layer(machine, &view.tree, &tree, places::TREE.into())?;
        room.copy_directories(machine, grants, view)?;
        match access {
            Access::Check => room.mount_env(machine, view)?,
            Access::Prepare => {
                let env = room.env.clone();
                room.layer(machine, &view.env, &env, places::ENV.into())?;
            }
        }
        for (number, (host, target)) in grants
            .caches
            .iter()
            .enumerate()
            .filter(|(_, (host, _))| host.is_dir())
        {
            let space = scratch.join(format!("cache-{number}"));
            room.cache(machine, host, &space, target.clone())?;
        }
        Ok(room)
    }

    /// Host directory of what the run wrote into the tree.
    pub fn tree_upper(&self) -> PathBuf {
        self.tree.join("upper")
    }

    /// Host directory of what the run wrote into the environments.
    pub fn env_upper(&self) -> PathBuf {
        self.env.join("upper")
    }

    /// Layers that the run can write over.
    fn layer(
        &mut self,
        machine: &Machine,
        layers: &[PathBuf],
        space: &Path,
        target: PathBuf,
    ) -> Result<(), SessionError> {
        let upper = space.join("upper");
        make_owned(space, machine.owner)?;
        make_owned(&upper, machine.owner)?;
        if machine.overlay && !layers.is_empty() {
            let lowers = layers.iter().map(|layer| lower(layer, false)).collect();
            self.mounts.push(Mount::Overlay {
                lowers,
                scratch: space.to_owned(),
                target,
            });
            return Ok(());
        }
        merged::copy(layers, Path::new(""), &upper, machine.owner)?;
        self.mounts.push(Mount::Writable {
            source: upper,
            target,
        });
        Ok(())
    }

    /// Copies the directories that the policy wants to be no overlay, so that a rename works there.
    fn copy_directories(
        &mut self,
        machine: &Machine,
        grants: &Grants,
        view: &View,
    ) -> Result<(), SessionError> {
        for directory in grants.copy.iter().filter(|_| machine.overlay) {
            let to = self.tree_upper().join(directory);
            if !view.tree.iter().any(|layer| layer.join(directory).is_dir()) || to.exists() {
                continue;
            }
            let mut made = self.tree_upper();
            for part in directory.components() {
                made.push(part);
                make_owned(&made, machine.owner)?;
            }
            merged::copy(&view.tree, directory, &to, machine.owner)?;
            merged::make_opaque(&to).map_err(|source| SessionError::Io {
                path: to.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn mount_env(&mut self, machine: &Machine, view: &View) -> Result<(), SessionError> {
        let target = PathBuf::from(places::ENV);
        let copied = !machine.overlay && view.env.len() > 1;
        if copied {
            make_owned(&self.env, machine.owner)?;
            merged::copy(&view.env, Path::new(""), &self.env, machine.owner)?;
        }
        self.mounts.push(if copied {
            let source = self.env.clone();
            Mount::ReadOnly { source, target }
        } else if view.env.is_empty() {
            Mount::Directory { target }
        } else {
            let lowers = view.env.iter().map(|layer| lower(layer, false)).collect();
            Mount::ReadOnlyOverlay { lowers, target }
        });
        Ok(())
    }

    /// Lets the run write to the environments' directories that its services name.
    pub(crate) fn serve(
        &mut self,
        machine: &Machine,
        services: &[Attendant],
        view: &View,
        scratch: &Path,
    ) -> Result<(), SessionError> {
        let named = services::data_directories(services);
        for (number, directory) in named.iter().enumerate() {
            let layers = merged::visible_directories(&view.env, directory);
            let Some(top) = layers.first() else {
                continue;
            };
            let space = scratch.join(format!("service-{number}"));
            self.layer(
                machine,
                &layers,
                &space,
                Path::new(places::ENV).join(directory),
            )?;
            // The root of an overlay has its upper layer's mode, and a database wants its own.
            let upper = space.join("upper");
            fs::metadata(top)
                .and_then(|found| fs::set_permissions(&upper, found.permissions()))
                .map_err(|source| SessionError::Io {
                    path: upper.clone(),
                    source,
                })?;
        }
        Ok(())
    }

    /// A directory of the host that the run may change without changing it.
    fn cache(
        &mut self,
        machine: &Machine,
        host: &Path,
        space: &Path,
        target: PathBuf,
    ) -> Result<(), SessionError> {
        if !machine.overlay {
            self.mounts.push(Mount::ReadOnly {
                source: host.to_owned(),
                target,
            });
            return Ok(());
        }
        make_owned(space, machine.owner)?;
        make_owned(&space.join("upper"), machine.owner)?;
        let lowers = vec![lower(host, passmuster_process::identity::is_root())];
        self.mounts.push(Mount::Overlay {
            lowers,
            scratch: space.to_owned(),
            target,
        });
        Ok(())
    }
}

fn lower(source: &Path, owner_shift: bool) -> Lower {
    Lower {
        source: source.to_owned(),
        owner_shift,
    }
}

fn file(target: &Path, content: &[u8]) -> Mount {
    Mount::File {
        target: target.to_owned(),
        content: content.to_vec(),
        executable: false,
    }
}

/// Opens a sandbox's door to the runner's proxy.
pub fn open(spec: &mut Spec, door: &Door) {
    spec.listen = Some(places::PROXY_PORT);
    let files = door.files.iter();
    spec.mounts
        .extend(files.map(|(target, content)| file(target, content)));
}

/// A cache of the operator's home appears at the same place of the sandbox's home.
pub(crate) fn cache_grant(cache: &Path, operator: &Operator) -> (PathBuf, PathBuf) {
    let below_home = cache.strip_prefix("~").ok().map(Path::to_owned);
    let below_home =
        below_home.or_else(|| Some(cache.strip_prefix(operator.home.as_ref()?).ok()?.to_owned()));
    match (below_home, &operator.home) {
        (Some(below), Some(home)) => (home.join(&below), Path::new(places::HOME).join(below)),
        _ => (cache.to_owned(), cache.to_owned()),
    }
}
