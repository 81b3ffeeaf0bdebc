//! The file system that a payload sees: a new root on tmpfs that holds what was granted and nothing
//! else.
//!
//! Two stages, because they need different rights. [`sources::open`] turns every host path into a
//! detached mount while host paths still mean something; a root caller does that before the
//! namespaces exist, with root's reach. [`root::build`] then runs in the new mount namespace, moves
//! into an empty tmpfs, lets go of the host and attaches the detached mounts, so that no link
//! inside can lead a mount point outside.

mod attach;
mod overlay;
mod proc;
mod root;
mod sources;
mod system;
mod writable;

pub(crate) use overlay::remove_work;
pub(crate) use proc::{HIDDEN_DIRECTORIES, HIDDEN_FILES, READ_ONLY};
pub(crate) use root::build;
pub(crate) use sources::{Opener, Sources, open};
pub(crate) use system::{HOSTNAME, mounts as system_mounts};
pub(crate) use writable::writable;
