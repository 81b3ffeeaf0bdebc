//! What the shipped plugins share.
//!
//! A plugin is two things: a pure judgement over a change and, where it needs them, the trees, and a handful of lines that
//! export it as a component. This crate holds the interface's bindings ([`bindings`]) and whatever more than one plugin needs.
//! A component imports only what its code reaches: a plugin that never opens a tree needs no grant, although the bindings
//! could open one.
//!
//! Nothing here panics on what a tree, a change or a configuration holds: a panic ends the whole check.

pub mod bindings;
pub mod changes;
pub mod config;
pub mod globs;
pub mod identity;
pub mod index;
pub mod json;
pub mod report;
pub mod source;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trees;

pub use bindings::exports::passmuster::check::checker::{Guest, Info, Rule};
pub use bindings::passmuster::check::change::{ChangeSet, ChangedFile, Hunk, Mode, Status};
pub use bindings::passmuster::check::types::{
    CheckError, Finding, Location, Metric, Number, Outcome, Position, Region, Report, Severity,
    Side,
};
