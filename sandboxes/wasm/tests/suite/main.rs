//! Drives plugins that are made as they are needed, from text: no compiler for WebAssembly has to be there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod cache;
mod calls;
mod capabilities;
mod endings;
mod guest;
mod limits;
mod loading;
mod reports;
mod support;
mod trees;
