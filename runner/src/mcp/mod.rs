//! `mcp`: the verifier as tools of a coding agent, over standard input and output.
//!
//! # Theory of operation
//!
//! The client is an agent, and the agent is never the operator. It chooses *what* is verified: a patch, or the
//! working tree as it is at that moment. Everything else was settled by whoever started the server: the
//! repositories (`places`), the base of each, found once at the start and never again, because an agent moves
//! branches as it goes; the policy, which is the base's or the operator's; the least isolation. None of these
//! is an argument of a tool, and an argument that no tool has is refused by name.
//!
//! A verification takes longer than clients wait, so each is a run of its own (`runs`) that a call starts or
//! finds, waits for at most `tools::LONGEST_WAIT`, and leaves to go on: `verify_wait` takes it up again. The
//! same request while one is under way is the same run; afterwards the stored verdict is the answer. A call that
//! is cancelled ends the wait, never the run, whose verdict the next call finds. When the client goes, what
//! still runs ends with it.
//!
//! Answers (`answers`) are structured: that is all that clients show their model. They hold what an agent can
//! act on within a fixed budget, and no advice that would weaken a test or the policy.

mod answers;
mod places;
mod runs;
mod server;
mod tools;

pub use server::{Options, serve};
