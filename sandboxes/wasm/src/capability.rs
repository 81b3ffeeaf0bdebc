//! What a plugin may be granted: one word for each capability interface, and no other.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One capability: an interface that a plugin may import when it was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Base and candidate, read-only.
    Trees,
    /// What the checks said that ran before.
    Prior,
    /// Lines for whoever debugs the plugin.
    Log,
}

/// What one call is granted.
pub type Grants = BTreeSet<Capability>;

impl Capability {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Trees, Self::Prior, Self::Log];

    /// The word for it: the interface's name, and what is written in `grants`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Trees => "trees",
            Self::Prior => "prior",
            Self::Log => "log",
        }
    }

    /// The capability with this word.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
