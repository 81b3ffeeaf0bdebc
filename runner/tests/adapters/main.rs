//! The adapters against the real tools, launched as plain processes on small projects in temporary directories.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on must fail the test that called it"
)]

mod cargo;
mod controls;
mod go;
mod javascript;
mod node;
mod plain;
mod python;
mod rust_controls;
