//! Passmuster's runner.
#![forbid(unsafe_code)]

pub mod adapters;
pub mod base;
pub mod git;
pub mod inspect;
pub mod proposal;
pub mod repository;
pub mod toolchains;
