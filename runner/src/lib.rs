//! Passmuster's runner: the library behind the one binary.
//!
//! [`verify`] is the straight list of steps; read it beside this one. The modules, in the order in
//! which a change goes through them:
//!
//! 1. [`cli`], [`commands`]: what was asked for.
//! 2. [`repository`], [`git`], [`base`]: the trusted tree, through a git directory of our own.
//! 3. [`content`]: what a checkout of a tree would hold.
//! 4. [`policy_source`], [`detect`]: the policy that counts.
//! 5. [`proposal`], [`inspect`]: the candidate's tree, and the change as data for the static rules
//!    of `passmuster-policy`.
//! 6. [`basis`], [`host`], [`toolchains`], [`locate`], [`grants`]: what the base and the operator
//!    settle, and what of the host a sandbox gets.
//! 7. [`plan`], [`uses`]: which checks run, over which prepare steps, and who may share what they make.
//! 8. [`self_check`]: whether sandboxes work here.
//! 9. [`trees`], [`merged`], [`layers`]: the trees on disk and what prepare steps make for them.
//! 10. [`measure`], [`measured`], [`reruns`], [`parts`], [`reach`], [`obstacles`]: both trees of every check, and what was in the way.
//! 11. [`runs`], [`session`], [`adapters`], [`lint`]: one check in one sandbox, and how test frameworks
//!     and linters are read.
//! 12. [`report`], [`reproduce`], [`past`], [`attempts`], [`store`]: the verdict for its readers, and the history.
//! 13. [`attest`]: signatures under verdicts and approvals, and whether they let a change be merged.
//!
//! [`mcp`] offers [`verify`] to an agent as tools, [`hook`] asks for it before an agent stops or commits,
//! and [`install`] puts both into the clients' configuration. [`doctor`] says what the machine gives to all of it. [`errand`] takes the same way with one command and no decision; [`passing`] connects its streams.
//!
//! [`cache`] owns the directory that all of this lives in, and [`removal`] empties it; [`places`] names the paths inside a
//! sandbox; [`digest`], [`memory`], [`progress`], [`interrupt`], [`error`] and
//! [`exit_code`] serve all.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;

pub mod adapters;
pub mod attempts;
pub mod attest;
pub mod base;
pub mod basis;
pub mod cache;
pub mod cli;
pub mod commands;
pub mod compiled_controls;
pub mod content;
mod denials;
pub mod detect;
pub mod digest;
pub mod doctor;
pub mod errand;
pub mod error;
pub mod exit_code;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod git;
pub mod grants;
pub mod hook;
pub mod host;
#[cfg(any(test, fuzzing))]
mod hostile_layers;
pub mod inspect;
pub mod install;
pub mod interrupt;
pub mod layers;
pub mod lint;
pub mod loaded;
pub mod locate;
pub mod mcp;
pub mod measure;
pub mod measured;
pub mod memory;
pub mod merged;
pub mod mixed;
pub mod network;
pub mod obstacles;
pub mod offline;
pub mod parts;
pub mod passing;
pub mod past;
pub mod places;
pub mod plan;

pub mod plugins;
pub mod policy_source;
pub mod progress;
pub mod proposal;
pub mod reach;
pub mod removal;
pub mod report;
pub mod repository;
pub mod reproduce;
pub mod reruns;
pub mod rewritten;
pub mod runs;
pub mod self_check;
pub mod session;
pub mod static_rules;
pub mod steering;
pub mod store;
pub mod toolchains;
pub mod trees;
pub mod turns;
pub mod uses;
pub mod verify;

/// The program. Becomes the sandbox's helper when it was started as such; that has to come before
/// anything starts a thread.
pub fn main() -> ExitCode {
    passmuster_process::init::take_over_if_asked();
    let hook = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "hook");
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // To a hook's client the status of a wrong command line would be a verdict.
        Err(error) if hook && error.use_stderr() => {
            return commands::hook::unusable(&error.to_string()).into();
        }
        Err(error) => error.exit(),
    };
    // A panic is a bug of ours: it must not look like a verdict.
    let ended = std::panic::catch_unwind(|| commands::run(&cli));
    let broken = || match hook {
        true => commands::hook::unusable("the hook broke down"),
        false => exit_code::Exit::Internal,
    };
    ended.unwrap_or_else(|_| broken()).into()
}
