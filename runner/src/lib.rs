//! Passmuster's runner.
#![forbid(unsafe_code)]

pub mod adapters;
