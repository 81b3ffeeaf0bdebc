//! `duplication`: code that a change adds although it stands elsewhere in the tree.
//!
//! Sources are read as tokens: comments, white space and imports do not count, names do. Only what the change adds is indexed, by
//! each run of so many tokens; then every source of the candidate passes by once and is looked up in it. Memory therefore grows
//! with the change and not with the tree, and time with both together.

mod added;
mod blocks;
mod judgement;
mod scan;
mod settings;
mod tokens;

use guest::identity::info;
use guest::{ChangeSet, CheckError, Guest, Info, Report, Side, trees};

pub use judgement::judge;
pub use settings::Settings;

/// The configuration's schema.
pub const SCHEMA: &str = include_str!("../config.schema.json");

/// The check.
#[derive(Debug)]
pub struct Duplication;

impl Guest for Duplication {
    fn describe() -> Info {
        info(
            [
                "duplication",
                env!("CARGO_PKG_VERSION"),
                "Code that a change adds although it stands elsewhere.",
            ],
            &[
                (
                    judgement::DUPLICATE,
                    "The change adds a block that stands elsewhere in the tree.",
                ),
                (judgement::NOT_COMPARED, "Files were not compared."),
            ],
            SCHEMA,
        )
    }

    fn check(change: ChangeSet, config: String) -> Result<Report, CheckError> {
        let settings = Settings::read(&config)?;
        judge(
            &change,
            &settings,
            &trees::open(Side::Base),
            &trees::open(Side::Candidate),
        )
    }
}

/// What makes a component of it. Elsewhere than in WebAssembly the names of its functions are none.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
mod component {
    use super::Duplication;

    guest::bindings::export!(Duplication with_types_in guest::bindings);
}
