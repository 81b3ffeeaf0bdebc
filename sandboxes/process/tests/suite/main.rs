//! Runs real sandboxes on this machine. One that cannot be built fails the test: a green run means
//! that all of it held.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bubblewrap;
mod containment;
mod denials;
mod endings;
mod files;
mod fork_server;
mod identities;
mod limits;
mod listener;
mod overlays;
mod second_layer;
mod services;
mod stage;
mod streams;
mod support;
mod system_calls;
mod useful;
