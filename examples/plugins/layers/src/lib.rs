//! `layers`: imports between the parts of a tree.
//!
//! Parts are declared by globs. Each source of Python, Rust, JavaScript, TypeScript and Go that lies in one is read for what it
//! imports (`imports`); each import is followed to the file that it means (`resolve`); what remains is a graph of parts
//! whose forbidden edges and new circles are told. Both trees are read, and what the change leaves alone only once: an import
//! that was forbidden on the base already is told and fails nothing.

mod cycles;
mod imports;
mod judgement;
mod links;
mod parts;
mod project;
mod resolve;
mod settings;

use guest::identity::info;
use guest::{ChangeSet, CheckError, Guest, Info, Report, Side, trees};

pub use judgement::judge;
pub use settings::Settings;

/// The configuration's schema.
pub const SCHEMA: &str = include_str!("../config.schema.json");

/// The check.
#[derive(Debug)]
pub struct Layers;

impl Guest for Layers {
    fn describe() -> Info {
        info(
            [
                "layers",
                env!("CARGO_PKG_VERSION"),
                "Imports between parts of the tree that must not import each other, and new circles of parts.",
            ],
            judgement::RULES,
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
    use super::Layers;

    guest::bindings::export!(Layers with_types_in guest::bindings);
}
