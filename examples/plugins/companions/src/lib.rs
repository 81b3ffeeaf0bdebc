//! `companions`: files that must change together.
//!
//! A migration and its model, an interface and the changelog, a manifest and its lock file. The change alone says whether they
//! did, so this check opens no tree and needs no grant.

mod rules;

use guest::{ChangeSet, CheckError, Guest, Info, Report, Rule};

pub use rules::{Config, judge};

/// The configuration's schema.
pub const SCHEMA: &str = include_str!("../config.schema.json");

/// The check.
#[derive(Debug)]
pub struct Companions;

impl Guest for Companions {
    fn describe() -> Info {
        Info {
            name: "companions".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "Files that must change together.".to_owned(),
            rules: vec![Rule {
                id: rules::MISSING.to_owned(),
                summary: "A file changed without the file that belongs to it.".to_owned(),
                help_uri: None,
            }],
            config_schema: Some(SCHEMA.to_owned()),
        }
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
