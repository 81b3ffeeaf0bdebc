//! From matches to what is told: each block of the change once, with the places where it stands as well.

use std::collections::HashSet;

use crate::added::{Added, Changed};
use crate::scan::{Block, Match};
use crate::settings::Settings;
use crate::tokens::{Sequence, windows};

/// Lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// A block of the change that stands elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Duplicate {
    /// The number of its file among the changed ones.
    pub(crate) file: usize,
    pub(crate) block: Block,
    pub(crate) place: Place,
    pub(crate) others: Vec<Place>,
    /// Whether both places were alike on the base.
    pub(crate) preexisting: bool,
}

/// Turns the matches of one source into duplicates. Of two blocks that the change adds the later one is the copy.
pub(crate) fn duplicates(
    matches: &[Match],
    path: &str,
    source: &Sequence,
    number: Option<usize>,
    added: &Added<'_>,
    settings: &Settings,
) -> Vec<Duplicate> {
    let place = |path: &str, sequence: &Sequence, block: Block| {
        let (first, last) = sequence.span(block.at, block.tokens);
        Place {
            path: path.to_owned(),
            first,
            last,
        }
    };
    let each = matches.iter().filter_map(|found| {
        let changed = added.files.get(found.file)?;
        let there = place(&changed.file.path, &changed.candidate, found.block);
        let here = place(path, source, found.here);
        let other = number.and_then(|number| added.files.get(number));
        let preexisting = stood_on_base(changed, &there, other, &here, source, settings);
        let is_new = |changed: &Changed<'_>| {
            changed.added(found.here.at, found.here.tokens) >= settings.min_tokens
        };
        let (file, block, place, other) = match (number, other.is_some_and(is_new)) {
            (Some(number), true) if (number, found.here.at) < (found.file, found.block.at) => {
                return None;
            }
            (Some(number), true) => (number, found.here, here, there),
            _ => (found.file, found.block, there, here),
        };
        Some(Duplicate {
            file,
            block,
            place,
            others: vec![other],
            preexisting,
        })
    });
    each.collect()
}

/// Whether the base had the same tokens at both places: then the change alters two copies and makes none.
fn stood_on_base(
    changed: &Changed<'_>,
    there: &Place,
    other: Option<&Changed<'_>>,
    here: &Place,
    source: &Sequence,
    settings: &Settings,
) -> bool {
    let before = changed.on_base(there.first, there.last);
    let before: HashSet<u64> = windows(before, settings.min_tokens).collect();
    if before.is_empty() {
        return false;
    }
    let beside = match other {
        Some(other) => other.on_base(here.first, here.last),
        None => source.on_lines(here.first, here.last),
    };
    windows(beside, settings.min_tokens).any(|window| before.contains(&window))
}

/// One duplicate for each block: what lies within another one only adds its places.
pub(crate) fn merged(mut all: Vec<Duplicate>) -> Vec<Duplicate> {
    all.sort_by_key(|one| (one.file, one.block.at, std::cmp::Reverse(one.block.tokens)));
    let mut merged: Vec<Duplicate> = Vec::new();
    for one in all {
        match merged
            .last_mut()
            .filter(|last| last.file == one.file && covers(&last.block, &one.block))
        {
            Some(last) => {
                last.preexisting &= one.preexisting;
                for other in one.others {
                    if !last.others.contains(&other) {
                        last.others.push(other);
                    }
                }
            }
            None => merged.push(one),
        }
    }
    merged
}

/// Whether at least half of a block lies within another.
fn covers(outer: &Block, inner: &Block) -> bool {
    let common = outer
        .end()
        .min(inner.end())
        .saturating_sub(inner.at.max(outer.at));
    common * 2 >= inner.tokens
}
