//! What a sandbox must refuse, by class.

mod descriptors;
mod environment;
mod files;
mod identity;
mod ipc;
mod kernel;
mod machine;
mod namespaces;
mod network;
mod proc;
mod resources;
mod signals;
mod terminal;

use crate::entry::Entry;

/// Every violation.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    [
        files::ALL,
        proc::ALL,
        namespaces::ALL,
        kernel::ALL,
        machine::ALL,
        network::ALL,
        ipc::ALL,
        descriptors::ALL,
        environment::ALL,
        identity::ALL,
        resources::ALL,
        terminal::ALL,
        signals::ALL,
    ]
    .into_iter()
    .flatten()
}
