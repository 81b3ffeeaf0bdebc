//! `companions`: files that must change together.
//!
//! A migration and its model, an interface and the changelog, a manifest and its lock file. The change alone says whether they
//! did, so this check opens no tree and needs no grant.

mod rules;

use guest::identity::info;
use guest::{ChangeSet, CheckError, Guest, Info, Report};

pub use rules::{Config, judge};

/// The configuration's schema.
pub const SCHEMA: &str = include_str!("../config.schema.json");

/// The check.
#[derive(Debug)]
pub struct Companions;

impl Guest for Companions {
    fn describe() -> Info {
        info(
            [
                "companions",
                env!("CARGO_PKG_VERSION"),
                "Files that must change together.",
            ],
            &[(
                rules::MISSING,
                "A file changed without the file that belongs to it.",
            )],
            SCHEMA,
        )
    }

    fn check(change: ChangeSet, config: String) -> Result<Report, CheckError> {
        judge(&change, &Config::read(&config)?)
    }
}

/// What makes a component of it. Elsewhere than in WebAssembly the names of its functions are none.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
mod component {
    use super::Companions;

    guest::bindings::export!(Companions with_types_in guest::bindings);
}
