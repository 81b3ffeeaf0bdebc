//! What may run, what counts as passing, and why: the pure half of Passmuster.
//!
//! Read the modules in the order in which the data flows:
//!
//! 1. [`policy`]: the policy file, its presets and its digest.
//! 2. [`path`] and [`change`]: what the proposal changes, as data.
//! 3. [`classification`], [`mixed`] and [`rust_tests`]: test, harness or product, of files and
//!    within them; [`rules`]: [`finding`]s about the change itself, before anything runs.
//! 4. [`run`], [`tests`] and [`denial`]: what happened in a run, what each test did, and what the
//!    sandbox refused.
//! 5. [`agreement`], [`controls`] and [`comparison`]: whether a run's channels agree, and its planted
//!    tests; base, candidate and oracle results, test by test. [`lint`]: which findings of a linter the base does not have;
//!    [`plugin`]: what a custom check said.
//! 6. [`evidence`] and [`reason`]: everything known, the closed list of reasons.
//! 7. [`decide`] and [`verdict`]: the decision and its JSON; its digest is that of a [`record`], over [`canonical`] JSON,
//!    and what others wrote goes through [`text`].
//! 8. [`statement`] and [`gate`]: what is signed of a verdict, and whether that lets a change be merged; [`moment`] is
//!    the time that they tell.
//!
//! Beside them, [`account`] is the JSON of a single sandboxed command, [`feedback`] what an agent is told,
//! and [`diagnosis`] that of a machine.
//!
//! Nothing here reads a file, a clock, an environment variable or the network.
#![forbid(unsafe_code)]

pub mod account;
pub mod agreement;
pub mod canonical;
pub mod change;
pub mod classification;
pub mod comparison;
pub mod controls;
pub mod decide;
pub mod denial;
pub mod diagnosis;
pub mod evidence;
pub mod feedback;
pub mod finding;
pub mod gate;
pub mod lint;
pub mod loaded;
pub mod mixed;
pub mod moment;
pub mod path;
pub mod plugin;
pub mod policy;
pub mod python_tests;
pub mod reason;
pub mod record;
pub mod rules;
pub mod run;
pub mod rust_tests;
pub mod schema;
pub mod statement;
pub mod tests;
pub mod text;
pub mod verdict;

#[cfg(test)]
mod testing;
