//! What this machine gives to sandboxes, what that means, and what to do about what is missing.
//!
//! 1. [`advice`]: from a cause to a sentence and ways out of it. Pure.
//! 2. [`look`]: tries and looks at everything.
//!
//! A verdict that lacks its sandbox is explained by the same two.

pub mod advice;
mod kernel;
mod look;
mod toolchains;

use passmuster_process::{Launcher, SandboxError, diagnose};

pub use look::look;

/// Why a sandbox could not be set up, with the nearest way out: for the reason of a verdict.
pub async fn explain(launcher: &Launcher, error: &SandboxError) -> String {
    let SandboxError::Setup(failure) = error else {
        return error.to_string();
    };
    let Ok(diagnosis) = diagnose(launcher).await else {
        return error.to_string();
    };
    // Everything works by itself, so the cause is what this sandbox was to hold.
    let Some(cause) = diagnosis.cause() else {
        return error.to_string();
    };
    let advice = advice::about(cause, &diagnosis.circumstances);
    let remedy = advice
        .remedies
        .iter()
        .find(|remedy| remedy.fits)
        .map(|remedy| format!("; {}", remedy.what))
        .unwrap_or_default();
    format!(
        "the sandbox could not be set up: {} ({cause}): {}{remedy}; `passmuster doctor --fix` has the details",
        failure.bare(),
        advice.what
    )
}
