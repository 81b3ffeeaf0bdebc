//! The program from outside, as its users drive it; and the promises of the documents.
//!
//! A machine on which the sandbox cannot work fails these tests: none of them is skipped.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "all of this is test code, in which an error ends the test with its place and cause"
)]

mod architecture;
mod attacks;
mod attacks_controls;
mod attacks_node;
mod attacks_oracle;
mod attacks_rust;
mod attestations;
mod bad_input;
mod combinations;
mod comparison;
mod compiled_controls;
mod completions;
mod concurrency;
mod content;
mod denials;
mod docs;
mod doctor;
mod economy;
mod examples;
mod formats;
mod frameworks;
mod history;
mod hooks;
mod install;
mod integrations;
mod interrupt;
mod landlock;
mod layers;
mod ledger;
mod limits;
mod lint;
mod mcp;
mod network;
mod plugins;
mod policy;
mod probe;
mod proposals;
mod reports;
mod rules;
mod sandbox;
mod services;
mod unprivileged;
mod verdicts;
