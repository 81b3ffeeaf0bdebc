//! Passmuster's runner.
#![forbid(unsafe_code)]

pub mod base;
pub mod git;
pub mod inspect;
pub mod proposal;
pub mod repository;
