//! Toolchains: what a run may see of the machine's languages, found before anything runs.
//!
//! A toolchain is a bundle of grants with a digest. It comes from the operator's PATH and the
//! base's pin files and from nothing else: a proposal cannot choose which program the host starts.
//! Read in this order: `operator` and `pins` (what decides), `ask` and `shims` (how the
//! host is asked), one file per language, `tools` (a check's first word), `grants` (what may
//! never be granted), `digest`.

mod ask;
mod cc;
mod credentials;
mod digest;
mod go;
mod grants;
mod java;
mod node;
mod operator;
mod pins;
mod python;
mod rust;
pub(crate) mod rust_controls;
mod shims;
mod tools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use passmuster_policy::policy::Toolchain as Name;

pub use grants::{covers, is_system};
pub use operator::Operator;
pub use pins::Pins;
pub use tools::{Tool, ToolMissing, resolve_command, resolve_tool, search_path};

/// Everything that one language needs inside a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// Which language.
    pub name: Name,
    /// As the tool states it, without the tool's own name: `3.11.7`, `1.95.0`.
    pub version: String,
    /// The main executable, as it must be called inside: real, never a shim.
    pub program: PathBuf,
    /// Hex digest of everything that decides what the toolchain does: name, version, path, main
    /// executable, and for Python the installed distributions.
    pub sha256: String,
    /// Host paths to mount read-only at the same place. A path may be a symbolic link: its target
    /// is what to mount, its own name is where. Nothing under the always present system directories.
    pub read: Vec<PathBuf>,
    /// Files inside `read` that may hold credentials: to be hidden.
    pub masked: Vec<PathBuf>,
    /// PATH entries inside, in order.
    pub path: Vec<PathBuf>,
    /// Environment inside.
    pub env: BTreeMap<String, String>,
    /// Host directories that runs see copy-on-write.
    pub caches: Vec<Cache>,
    /// Generated files.
    pub files: Vec<File>,
    /// Generated symbolic links.
    pub links: Vec<Link>,
}

impl Toolchain {
    /// A toolchain that grants nothing yet.
    fn new(name: Name, version: String, program: PathBuf) -> Self {
        Self {
            name,
            version,
            program,
            sha256: String::new(),
            read: Vec::new(),
            masked: Vec::new(),
            path: Vec::new(),
            env: BTreeMap::new(),
            caches: Vec::new(),
            files: Vec::new(),
            links: Vec::new(),
        }
    }

    fn set(&mut self, key: &str, value: impl Into<String>) {
        self.env.insert(key.to_owned(), value.into());
    }

    /// Offers a host directory copy-on-write, when it is there.
    fn cache(&mut self, host: PathBuf, target: impl Into<PathBuf>) {
        if host.is_dir() {
            self.caches.push(Cache {
                host,
                target: target.into(),
            });
        }
    }
}

/// A host directory that a run sees copy-on-write: its own writes vanish with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Where it is on the host.
    pub host: PathBuf,
    /// Where it appears inside.
    pub target: PathBuf,
}

/// A generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it appears inside.
    pub target: PathBuf,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A generated symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Where the link is, inside.
    pub path: PathBuf,
    /// What it points at, inside.
    pub to: PathBuf,
}

/// Why a toolchain cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No program of that name; reason code `tool-missing`.
    #[error("{name}: no {program:?} in {}; {hint}", show(looked_in))]
    Missing {
        /// The toolchain.
        name: Name,
        /// The program that was looked for.
        program: String,
        /// The directories that were searched.
        looked_in: Vec<PathBuf>,
        /// What to do.
        hint: String,
    },
    /// A pin file asks for what is not installed; reason code `toolchain-mismatch`.
    #[error("{name}: {pin_file} asks for {wanted:?}, installed: {}; install it or change the pin",
        if installed.is_empty() { "none".to_owned() } else { installed.join(", ") })]
    Mismatch {
        /// The toolchain.
        name: Name,
        /// The pin file, by its path in the tree.
        pin_file: String,
        /// What it asks for.
        wanted: String,
        /// What is there.
        installed: Vec<String>,
    },
    /// The program did not answer a plain question about itself; reason code `tool-error`.
    #[error("{name}: {} {why}", program.display())]
    Ask {
        /// The toolchain.
        name: Name,
        /// The program asked.
        program: PathBuf,
        /// What it did instead.
        why: String,
    },
    /// A file of the toolchain cannot be read; reason code `tool-error`.
    #[error("{name}: {}: {source}", path.display())]
    Io {
        /// The toolchain.
        name: Name,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Mounting it would show far more than a toolchain.
    #[error("{name}: {} is or holds the home directory or the whole system; install it below a directory of its own", grant.display())]
    TooWide {
        /// The toolchain.
        name: Name,
        /// The directory that would have been mounted.
        grant: PathBuf,
    },
}

fn show(directories: &[PathBuf]) -> String {
    let shown: Vec<_> = directories
        .iter()
        .map(|dir| dir.display().to_string())
        .collect();
    shown.join(":")
}

/// Finds a toolchain for a tree with these pin files.
///
/// Starts programs of the operator's PATH, in `/` and with a small environment, never anything of a repository.
///
/// # Errors
/// When the toolchain or the pinned version is not installed, does not answer, or cannot be
/// granted without showing the home directory.
pub fn discover(name: Name, operator: &Operator, pins: &Pins) -> Result<Toolchain, ToolchainError> {
    let mut found = match name {
        Name::Python => python::discover(operator, pins),
        Name::Rust => rust::discover(operator, pins),
        Name::Node => node::discover(operator, pins),
        Name::Go => go::discover(operator, pins),
        Name::Java => java::discover(operator),
        Name::Cc => cc::discover(operator),
    }?;
    found.read = grants::minimal(std::mem::take(&mut found.read));
    match found
        .read
        .iter()
        .find(|grant| grants::too_wide(grant, operator))
    {
        Some(grant) => Err(ToolchainError::TooWide {
            name,
            grant: grant.clone(),
        }),
        None => Ok(found),
    }
}

/// Finds several toolchains at once, in the given order: most of the time is spent waiting for the
/// programs asked. Errors as [`discover`] has them, one by one.
pub fn discover_all(
    names: &[Name],
    operator: &Operator,
    pins: &Pins,
) -> Vec<Result<Toolchain, ToolchainError>> {
    std::thread::scope(|scope| {
        let started: Vec<_> = names
            .iter()
            .map(|name| scope.spawn(|| discover(*name, operator, pins)))
            .collect();
        let joined = started.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })
}

/// The error for a program that is nowhere on the operator's PATH.
fn missing(name: Name, program: &str, operator: &Operator, hint: &str) -> ToolchainError {
    ToolchainError::Missing {
        name,
        program: program.to_owned(),
        looked_in: operator.path.clone(),
        hint: hint.to_owned(),
    }
}

/// The real path of a program; the path itself where that cannot be told.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}
