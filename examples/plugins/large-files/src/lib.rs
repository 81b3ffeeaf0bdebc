//! `large-files`: what a change adds to a repository above a size, or lets grow above it.
//!
//! Git keeps each version of each file for ever. A file that Git LFS keeps elsewhere is as large as its pointer.

mod judgement;
mod limits;

use guest::identity::info;
use guest::{ChangeSet, CheckError, Guest, Info, Report, Side, trees};

pub use judgement::judge;
pub use limits::Config;

/// The configuration's schema.
pub const SCHEMA: &str = include_str!("../config.schema.json");

/// The check.
#[derive(Debug)]
pub struct LargeFiles;

impl Guest for LargeFiles {
    fn describe() -> Info {
        info(
            [
                "large-files",
                env!("CARGO_PKG_VERSION"),
                "Files that a change adds or grows above a size.",
            ],
            &[
                (judgement::LARGE, "A file is larger than it may be."),
                (
                    judgement::TOTAL,
                    "The change makes the tree grow by more than it may.",
                ),
            ],
            SCHEMA,
        )
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
