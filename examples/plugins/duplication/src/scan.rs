//! One source passes by, and what stands in it as well as in the index is noted.

use crate::added::Added;
use crate::settings::Settings;
use crate::tokens::Sequence;

/// Tables of data repeat themselves without being code: a block has at least one different token for each so many.
const TOKENS_FOR_EACH_KIND: usize = 6;

/// Tokens from a place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) at: usize,
    pub(crate) tokens: usize,
}

impl Block {
    pub(crate) fn end(&self) -> usize {
        self.at + self.tokens
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.at < other.end() && other.at < self.end()
    }
}

/// A block that the change adds, in a changed file, and the same tokens in the source that passed by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match {
    pub(crate) file: usize,
    pub(crate) block: Block,
    pub(crate) here: Block,
}

/// Compares a source with what the change adds. `number` is its own among the changed files.
///
/// What was matched is passed over as a whole, so that a token is compared no more than a few times, whatever repeats itself.
pub(crate) fn scan(
    source: &Sequence,
    number: Option<usize>,
    added: &Added<'_>,
    settings: &Settings,
) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut next = 0;
    for (at, window) in source.windows(settings.min_tokens) {
        if at < next {
            continue;
        }
        let mut longest = 0;
        for (file, place) in added.places(window) {
            let Some(found) = matched(source, at, number, added, (file, place)) else {
                continue;
            };
            longest = longest.max(found.here.tokens);
            if is_worth(&found, source, added, settings) {
                matches.push(found);
            }
        }
        // A block that begins within the last tokens of this one is found from its own beginning.
        next = at + longest.saturating_sub(settings.min_tokens - 1).max(1);
    }
    matches
}

/// As many equal tokens as there are from two places, unless they are the same place.
fn matched(
    source: &Sequence,
    at: usize,
    number: Option<usize>,
    added: &Added<'_>,
    (file, place): (usize, usize),
) -> Option<Match> {
    // Before anything is compared: a source equals itself to its end.
    if number == Some(file) && place == at {
        return None;
    }
    let changed = added.files.get(file)?;
    let here = source.digests.get(at..)?;
    let there = changed.candidate.digests.get(place..)?;
    let mut tokens = here
        .iter()
        .zip(there)
        .take_while(|(one, other)| one == other)
        .count();
    if number == Some(file) {
        // What repeats itself is compared with what follows it, not with itself.
        tokens = tokens.min(place.abs_diff(at));
    }
    let (block, here) = (Block { at: place, tokens }, Block { at, tokens });
    let apart = number != Some(file) || !block.overlaps(&here);
    (tokens > 0 && apart).then_some(Match { file, block, here })
}

/// Whether the change adds enough of it, over enough lines, and enough of it is different.
fn is_worth(found: &Match, source: &Sequence, added: &Added<'_>, settings: &Settings) -> bool {
    let Some(changed) = added.files.get(found.file) else {
        return false;
    };
    let Block { at, tokens } = found.block;
    // Whoever writes a copy can write it on one line.
    let spans = [
        changed.candidate.span(at, tokens),
        source.span(found.here.at, tokens),
    ];
    let lines = spans.map(|(first, last)| last.saturating_sub(first) + 1);
    tokens >= settings.min_tokens
        && lines.iter().any(|lines| *lines >= settings.min_lines)
        && changed.added(at, tokens) >= settings.min_tokens
        && kinds(
            changed
                .candidate
                .digests
                .get(at..at + tokens)
                .unwrap_or_default(),
        ) >= settings.min_tokens / TOKENS_FOR_EACH_KIND
}

/// Different tokens among the first of a block.
fn kinds(block: &[u64]) -> usize {
    let mut some: Vec<u64> = block.iter().copied().take(1_000).collect();
    some.sort_unstable();
    some.dedup();
    some.len()
}
