//! What a keeper has at hand before anybody asks for it: what is the same for all, and groups of its own.

use nix::unistd::setsid;

use crate::cgroup::{Leaf, Surroundings};
use crate::error::{Failure, Step};
use crate::identity::{self, Identity};
use crate::namespaces::Membership;
use crate::seccomp::Filter;

/// What is the same for every sandbox of a caller.
pub(crate) struct Common {
    pub(crate) filter: &'static Filter,
    /// The caller's namespaces.
    pub(crate) outside: Membership,
    /// Whom payloads run as: six files say so.
    pub(crate) payload: Result<Identity, Failure>,
    /// Where the caller's control groups are.
    around: Surroundings,
}

impl Common {
    pub(crate) fn read() -> Result<Self, Failure> {
        Ok(Self {
            filter: Filter::read()?,
            outside: Membership::of_self()?,
            payload: identity::find(),
            around: Surroundings::read(),
        })
    }
}

/// What a keeper has at hand before it is asked for anything.
pub(crate) struct Ready {
    pub(crate) common: Common,
    /// Three directories, made while nobody waits for them.
    pub(crate) leaf: Leaf,
}

impl Ready {
    pub(crate) fn new(common: Common) -> Result<Self, Failure> {
        // Apart from the caller's terminal and process group, and from every other keeper's.
        setsid().map_err(|errno| Failure::new(Step::TakeIdentity, errno))?;
        let leaf = Leaf::make(&common.around);
        Ok(Self { common, leaf })
    }

    /// Nobody asked.
    pub(crate) fn discard(self) {
        self.leaf.remove();
    }
}
