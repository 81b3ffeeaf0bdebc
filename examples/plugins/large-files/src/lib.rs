//! `large-files`: what a change adds to a repository above a size, or lets grow above it.
//!
//! Git keeps each version of each file for ever. A file that Git LFS keeps elsewhere is as large as its pointer.

mod judgement;
mod limits;

use guest::{ChangeSet, CheckError, Guest, Info, Report, Rule, Side, trees};

pub use judgement::judge;
pub use limits::Config;

/// The configuration's schema.
pub const SCHEMA: &str = include_str!("../config.schema.json");

/// The check.
#[derive(Debug)]
pub struct LargeFiles;

impl Guest for LargeFiles {
    fn describe() -> Info {
        let rule = |id: &str, summary: &str| Rule {
            id: id.to_owned(),
            summary: summary.to_owned(),
            help_uri: None,
        };
        Info {
            name: "large-files".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "Files that a change adds or grows above a size.".to_owned(),
            rules: vec![
                rule(judgement::LARGE, "A file is larger than it may be."),
                rule(
                    judgement::TOTAL,
                    "The change makes the tree grow by more than it may.",
                ),
            ],
            config_schema: Some(SCHEMA.to_owned()),
        }
    }

    fn check(change: ChangeSet, config: String) -> Result<Report, CheckError> {
        let config = Config::read(&config)?;
        judge(
            &change,
            &config,
            &trees::open(Side::Base),
            &trees::open(Side::Candidate),
        )
    }
}

/// What makes a component of it. Elsewhere than in WebAssembly the names of its functions are none.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
mod component {
    use super::LargeFiles;

    guest::bindings::export!(LargeFiles with_types_in guest::bindings);
}
