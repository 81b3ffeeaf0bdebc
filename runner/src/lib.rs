//! Passmuster's runner.
#![forbid(unsafe_code)]

pub mod detect;
pub mod toolchains;
