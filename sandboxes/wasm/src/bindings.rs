//! What the interface in `wit/` is in Rust: generated, and seen by nobody outside this crate.

wasmtime::component::bindgen!({
    path: "wit",
    world: "check",
    imports: { default: trappable },
    with: { "passmuster:check/trees.tree": crate::state::TreeHandle },
});

pub(crate) use exports::passmuster::check::checker as exported;
pub(crate) use passmuster::check::{change, log, prior, trees, types};
