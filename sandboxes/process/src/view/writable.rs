//! Which places of the view can be written.

use std::path::PathBuf;

use super::system;
use crate::spec::{Mount, Spec};

/// The directories below which a payload can write, as seen inside. What is mounted read-only beneath
/// one of them stays read-only by its mount.
pub(crate) fn writable(spec: &Spec) -> Vec<PathBuf> {
    let granted = spec.mounts.iter().filter_map(|mount| match mount {
        Mount::Writable { target, .. }
        | Mount::Overlay { target, .. }
        | Mount::Tmpfs { target, .. } => Some(target.clone()),
        Mount::ReadOnly { .. }
        | Mount::ReadOnlyOverlay { .. }
        | Mount::File { .. }
        | Mount::Symlink { .. }
        | Mount::Decoy { .. }
        | Mount::Directory { .. } => None,
    });
    system::MEMORY
        .into_iter()
        .map(PathBuf::from)
        .chain(granted)
        .collect()
}
