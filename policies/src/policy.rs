//! The policy: what is checked, in which environment, and what the results do to the verdict.
//!
//! One file in TOML, version 1. [`parse`] reads it over its presets and collects every mistake with
//! its place; the result is complete: every default is filled in, and printing it gives a policy
//! file that means the same.

pub mod availability;
mod check;
mod configuration;
mod fields;
mod formatter;
mod glob;
mod layers;
mod preset;
mod quantity;
mod read;
mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::finding::FindingLevel;

pub use check::{
    Check, CheckKind, Framework, Gate, Grant, KindName, LintCheck, PluginCheck, ReportFormat,
    ReportFrom, TestCheck,
};
pub use configuration::{ConfigurationError, placed};
pub use fields::{PolicyError, PolicyErrors};
pub use formatter::Formatter;
pub use glob::{GlobError, Globs};
pub use preset::{PRESETS, Preset};
pub use quantity::{QuantityError, Size, TimeLimit};

/// Where the policy lies in a tree.
pub const FILE_NAME: &str = "passmuster.toml";

/// A complete policy.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// Version of the format: 1.
    pub version: u32,
    /// Presets that the file names, in order; each gives defaults, never a check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<String>,
    /// What every run may see.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Limits of every run: they protect the machine, they do not judge.
    #[serde(default)]
    pub limits: Limits,
    /// Steps that build the environment, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepare: Vec<Prepare>,
    /// Programs that run beside a check, inside its sandbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Service>,
    /// What must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub check: Vec<Check>,
    /// What test results do to the verdict.
    #[serde(default)]
    pub tests: Tests,
    /// What the change itself may do.
    #[serde(default)]
    pub rules: Rules,
}

/// What every run may see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Sandbox {
    /// The least isolation that is accepted.
    pub isolation: Isolation,
    /// Toolchains to grant, by name.
    pub toolchains: Vec<Toolchain>,
    /// More host paths to read, absolute.
    pub read: Vec<String>,
    /// Environment variables of every run.
    pub env: BTreeMap<String, String>,
    /// More host caches, absolute; writes go to a copy.
    pub caches: Vec<String>,
    /// Directories of the tree that are copied, not overlaid.
    pub copy: Vec<String>,
}

/// How a run is kept apart from the host; the best first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Namespaces, a new root, a system call filter.
    #[default]
    Full,
    /// The same by way of bubblewrap.
    FullBwrap,
    /// Landlock alone.
    Landlock,
}

impl Isolation {
    /// Every tier, the best first.
    pub const ALL: [Self; 3] = [Self::Full, Self::FullBwrap, Self::Landlock];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::FullBwrap => "full-bwrap",
            Self::Landlock => "landlock",
        }
    }
}

/// A toolchain that Passmuster knows how to find.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Toolchain {
    /// Interpreter, prefixes, site directories.
    Python,
    /// Sysroot, a private CARGO_HOME.
    Rust,
    /// Prefix, npm cache.
    Node,
    /// GOROOT, module cache.
    Go,
    /// JDK.
    Java,
    /// C and C++ compiler.
    Cc,
}

/// Limits of a run. For a check, a key that is not written is inherited from the policy's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Limits {
    /// Wall-clock time. Not written: the greater of 60 minutes and 3 × the base's measured time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall: Option<TimeLimit>,
    /// Processor time of all processes together. Not written: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<TimeLimit>,
    /// Time without output and next to no use of the processor. Not written: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<TimeLimit>,
    /// Memory of all processes together, swap and what lies in /tmp included; a share is one of the machine's
    /// memory, or of what the surrounding control group may use. Not written: 75 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Processes and threads at a time. Not written: 8192.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<u64>,
    /// Open files of each process. Not written: 4096.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// Bytes written below the tree, home and /tmp; a share is one of the disk that the cache lies on. Not
    /// written: 32 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<Size>,
    /// Bytes of each output stream that are kept. Not written: 64 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Size>,
}

impl Limits {
    /// These limits where they are written, the given ones elsewhere.
    pub fn over(&self, inherited: &Self) -> Self {
        Self {
            wall: self.wall.or(inherited.wall),
            cpu: self.cpu.or(inherited.cpu),
            idle: self.idle.or(inherited.idle),
            memory: self.memory.or(inherited.memory),
            processes: self.processes.or(inherited.processes),
            open_files: self.open_files.or(inherited.open_files),
            disk: self.disk.or(inherited.disk),
            output: self.output.or(inherited.output),
        }
    }
}

/// A step that builds a layer of the environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prepare {
    /// Unique among steps.
    pub name: String,
    /// Command and arguments; no shell.
    pub run: Vec<String>,
    /// Where it runs, under the tree; empty for its root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cwd: String,
    /// Files that the step sees; none: the whole tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Globs>,
    /// `host:port` pairs that it may reach; only with `inputs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<String>,
    /// Operator variables for this step only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Environment variables of this step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Directories put before PATH in the steps after it and in every check that needs it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// A build cache that the check's own command brings up to date; made from the base only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub warm: bool,
    /// A synthetic repository in the tree.
    #[serde(default, skip_serializing_if = "Git::is_none")]
    pub git: Git,
    /// Limits that differ from the policy's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
}

/// A program that runs beside a check, inside its sandbox.
///
/// A directory of the environments that is a whole argument of `run`, or the value of one
/// (`--data=/sandbox/env/db`), is the service's to write: each run gets a copy of its own, and
/// throws it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// Unique among services.
    pub name: String,
    /// Command and arguments; no shell.
    pub run: Vec<String>,
    /// How to tell that it is ready.
    #[serde(default)]
    pub ready: Ready,
    /// Checks that need it; not written: every test check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<String>>,
}

/// How to tell that a service is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ready {
    /// A TCP port on loopback that accepts; not written: it is ready as soon as it runs.
    pub port: Option<u16>,
}

impl Service {
    /// Whether this check needs it.
    pub fn serves(&self, check: &Check) -> bool {
        match &self.checks {
            Some(names) => names.contains(&check.name),
            None => matches!(check.kind, CheckKind::Test(_)),
        }
    }
}

/// Whether a run finds a git repository in its tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Git {
    /// None.
    #[default]
    None,
    /// One commit with fixed author and date.
    Synthetic,
}

impl Git {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// How far a test result can be trusted; ordered from least.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Nothing but the exit status.
    ExitStatus,
    /// A structured report that agrees with exit status and inventory.
    #[default]
    Reported,
    /// Planted controls answered as they should.
    Controlled,
}

impl Assurance {
    /// The policy's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ExitStatus => "exit-status",
            Self::Reported => "reported",
            Self::Controlled => "controlled",
        }
    }
}

/// What test results do to the verdict.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Tests {
    /// The least assurance that is accepted.
    pub assurance: Assurance,
    /// Share of tests that may fail on both trees, 0 to 1.
    pub max_preexisting: f64,
    /// What a flaky test does.
    pub flaky: FlakyEffect,
    /// What a changed contract does; not written: `review`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractEffect>,
}

impl Default for Tests {
    fn default() -> Self {
        Self {
            assurance: Assurance::Reported,
            max_preexisting: 0.5,
            flaky: FlakyEffect::Note,
            contract: None,
        }
    }
}

/// What a flaky test does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlakyEffect {
    /// It is listed.
    #[default]
    Note,
    /// A human has to look.
    Review,
    /// It counts as regressed.
    Fail,
}

/// What a changed contract does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContractEffect {
    /// A human has to look.
    #[default]
    Review,
    /// It is denied.
    Deny,
}

/// What the change itself may do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Rules {
    /// Files that a human has to look at.
    pub protected: Globs,
    /// Changed lines beyond which a human has to look; lock and generated files do not count.
    pub max_changed_lines: u64,
    /// A dependency is added, or comes from another place.
    pub new_dependencies: RuleEffect,
    /// A comment or attribute that silences a tool is added.
    pub new_suppressions: RuleEffect,
    /// Product code treats a value of a test specially.
    pub special_casing: RuleEffect,
    /// The change contains something that looks like a credential.
    pub secrets: RuleEffect,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            protected: Globs::default(),
            max_changed_lines: 2000,
            new_dependencies: RuleEffect::Review,
            new_suppressions: RuleEffect::Review,
            special_casing: RuleEffect::Review,
            secrets: RuleEffect::Deny,
        }
    }
}

/// What a rule does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleEffect {
    /// Nothing.
    Allow,
    /// A human has to look.
    Review,
    /// The change is at fault.
    Deny,
}

impl RuleEffect {
    /// The level of the rule's findings; none where it has none.
    #[must_use]
    pub fn level(self) -> Option<FindingLevel> {
        match self {
            Self::Allow => None,
            Self::Review => Some(FindingLevel::Review),
            Self::Deny => Some(FindingLevel::Deny),
        }
    }
}

/// As a policy writes it.
impl std::fmt::Display for Framework {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// As a policy writes it.
impl std::fmt::Display for KindName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// As a policy writes it.
impl std::fmt::Display for Toolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a policy over its presets. `source_name` is how messages call the file.
///
/// # Errors
/// Every mistake in the text, in its order, each with its place.
pub fn parse(text: &str, source_name: &str) -> Result<Policy, PolicyErrors> {
    read::policy(text, source_name)
}

impl Policy {
    /// Whether a check runs tests that stand in Rust sources.
    #[must_use]
    pub fn runs_rust_tests(&self) -> bool {
        let rust = |check: &Check| matches!(&check.kind, CheckKind::Test(test) if test.framework.tests_in_sources());
        self.check.iter().any(rust)
    }

    /// The policy as JSON, presets resolved: what the digest covers.
    pub fn to_json(&self) -> serde_json::Value {
        let effective = Self {
            extends: Vec::new(),
            ..self.clone()
        };
        // Nothing in a policy can fail to be JSON: its keys are strings and its numbers finite.
        serde_json::to_value(effective).unwrap_or_default()
    }

    /// Sha256, in hex, of the canonical JSON of the effective policy.
    pub fn digest(&self) -> String {
        canonical::sha256(&self.to_json())
    }

    /// The effective policy as a policy file: it parses to a policy with the same digest.
    ///
    /// # Errors
    /// When a plugin's configuration holds a null, which a policy file cannot have brought in.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let effective = Self {
            extends: Vec::new(),
            ..self.clone()
        };
        toml::to_string(&effective)
    }
}

#[cfg(test)]
mod tests;
