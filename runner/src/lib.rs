//! Passmuster's runner: the library behind the one binary.
//!
//! The modules, in the order in which a change goes through them:
//!
//! 1. [`cli`], [`commands`]: what was asked for.
//! 2. [`repository`], [`git`], [`base`], [`proposal`]: base and candidate as two tree ids, through a git directory of our own.
//! 3. [`policy_source`], [`detect`]: the policy that counts.
//! 4. [`inspect`]: the change as data, for the static rules of `passmuster-policy`.
//! 5. [`toolchains`], [`host`], [`locate`], [`grants`]: what of the host a sandbox gets.
//! 6. [`plan`]: which checks run on which trees.
//! 7. [`content`], [`trees`], [`merged`], [`layers`]: the trees on disk and what prepare steps make for them.
//! 8. [`self_check`], [`session`], [`runs`], [`adapters`]: checks in sandboxes, and how test frameworks are read.
//! 9. [`measure`], [`reruns`], [`obstacles`]: both trees of every check, and what was in the way.
//! 10. [`verify`]: all of it together, up to the decision.
//! 11. [`report`], [`store`]: the verdict for its readers, and the history.
//!
//! [`cache`] owns the directory that all of this lives in; [`places`] names the paths inside a
//! sandbox; [`text`] makes foreign text harmless; [`progress`], [`interrupt`], [`error`] and
//! [`exit_code`] serve all.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;

pub mod adapters;
pub mod base;
pub mod cache;
pub mod cli;
pub mod commands;
pub mod content;
pub mod detect;
pub mod error;
pub mod exit_code;
pub mod git;
pub mod grants;
pub mod host;
pub mod inspect;
pub mod interrupt;
pub mod layers;
pub mod locate;
pub mod measure;
pub mod merged;
pub mod mixed;
pub mod obstacles;
pub mod places;
pub mod plan;
pub mod policy_source;
pub mod progress;
pub mod proposal;
pub mod report;
pub mod repository;
pub mod reruns;
pub mod rewritten;
pub mod runs;
pub mod self_check;
pub mod session;
pub mod store;
pub mod text;
pub mod toolchains;
pub mod trees;
pub mod verify;

/// The program. Becomes the sandbox's helper when it was started as such; that has to come before
/// anything starts a thread.
pub fn main() -> ExitCode {
    passmuster_process::init::take_over_if_asked();
    let cli = cli::Cli::parse();
    // A panic is a bug of ours: it must not look like a verdict.
    let ended = std::panic::catch_unwind(|| commands::run(&cli));
    ended.unwrap_or(exit_code::Exit::Internal).into()
}
