//! What `doctor --json` writes: what a machine gives to sandboxes, what that means, what to do.

use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::Environment;
use crate::policy::Isolation;

/// Names the format and its version.
pub const SCHEMA: &str = "passmuster.doctor/1";

/// The whole diagnosis.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The best isolation that works here; null where none does.
    pub isolation: Option<Isolation>,
    /// Every tier, best first.
    pub tiers: Vec<Tier>,
    /// Why the best tier does not work; null where it does.
    pub obstacle: Option<Obstacle>,
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
    /// The machine and its toolchains.
    pub environment: Environment,
}

/// One tier.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tier {
    /// Which.
    pub isolation: Isolation,
    /// Whether a sandbox of this tier was started and held.
    pub works: bool,
    /// Why not.
    pub why: Option<String>,
}

/// What stands in the way of the best tier.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Obstacle {
    /// A word for it: `apparmor`, `container-filter` …
    pub cause: String,
    /// The same in a sentence.
    pub what: String,
    /// Ways out of it, the one that fits this machine best first.
    pub remedies: Vec<Remedy>,
}

/// One way out of an obstacle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Remedy {
    /// Whether it is the one for this machine.
    pub fits: bool,
    /// What it does, and what it costs.
    pub what: String,
    /// Commands, a file or options, as they are to be used.
    pub text: String,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Which part of the machine it belongs to.
    pub area: Area,
    /// A word for it: `user-namespace`, `git` …
    pub name: String,
    /// How it is.
    pub state: Health,
    /// What was found.
    pub found: Option<String>,
    /// What it means that it is not as it should be; null where it is.
    pub means: Option<String>,
}

/// Parts of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// What the kernel can do.
    Kernel,
    /// What held in a sandbox that was started.
    Sandbox,
    /// Programs, directories, space.
    Host,
    /// Toolchains that policies can name.
    Toolchain,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// There, in a weaker form.
    Degraded,
    /// Not there.
    Missing,
}
