//! Tests inside Rust sources: which items they are, one source's product with another one's tests,
//! and whether a change leaves them as they were.
//!
//! A *test span* is an item that no build but one of tests has (`#[cfg(test)]`, or a predicate that
//! requires it), an item that an attribute makes a test of (`#[test]`, `#[tokio::test]`), or a
//! macro that makes tests and its invocations. Spans are found from the outside: all of
//! `#[cfg(test)] mod tests { … }` is one. What stands in the body of a function is no span.
//!
//! Nothing is expanded or resolved here, and what does not compile may be read all the same: only
//! brackets, attributes and the heads of items must be in order.

mod attributes;
mod doctests;
mod items;
mod literals;
mod modules;
mod spans;
mod splice;
mod steering;
mod tokens;
mod unchanged;

use std::collections::BTreeSet;
use std::ops::Range;

pub use doctests::{Doctest, changed_doctests, doctests};
pub use items::ItemKind;
pub use modules::{ModuleFiles, Reach, TestModule, crate_roots, is_test_file, test_modules};
pub use spans::SpanKey;
pub use splice::{Placed, SpliceOptions, Spliced, splice};
pub use steering::steering;
pub use tokens::ParseError;
pub use unchanged::tests_unchanged;

/// Names of the macros defined in a source that make tests, for [`SpliceOptions::macros`] of other
/// sources. `known` are such macros of other sources: one that invokes them makes tests, too.
///
/// # Errors
/// When the source cannot be taken apart.
pub fn test_macros(source: &str, known: &BTreeSet<String>) -> Result<BTreeSet<String>, ParseError> {
    Ok(spans::Source::read(source)?.test_macros(known))
}

/// The keys of a source's test spans, in order.
///
/// # Errors
/// When the source cannot be taken apart.
pub fn test_spans(source: &str, macros: &BTreeSet<String>) -> Result<Vec<SpanKey>, ParseError> {
    let source = spans::Source::read(source)?;
    let mut macros = macros.clone();
    macros.extend(source.test_macros(&macros));
    let scopes = source.scopes(&macros)?;
    let spans = scopes.values().flat_map(|scope| &scope.spans);
    Ok(spans.map(|span| span.key.clone()).collect())
}

/// The bytes of a source's test spans, in order.
///
/// # Errors
/// When the source cannot be taken apart.
pub fn test_ranges(source: &str) -> Result<Vec<Range<usize>>, ParseError> {
    let source = spans::Source::read(source)?;
    let macros = source.test_macros(&BTreeSet::new());
    let scopes = source.scopes(&macros)?;
    let spans = scopes.values().flat_map(|scope| &scope.spans);
    let mut ranges: Vec<_> = spans
        .map(|span| source.tokens.bytes(&span.item.tokens))
        .collect();
    ranges.sort_by_key(|range| range.start);
    Ok(ranges)
}

#[cfg(test)]
mod tests;
