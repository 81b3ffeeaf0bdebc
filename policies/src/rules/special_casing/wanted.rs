//! What tests hold, and which branches lead from one value of a test to another.

use std::collections::{BTreeMap, BTreeSet};

use super::super::source::{Language, Source};
use super::branches::Branch;
use super::literals::{Value, Weight, value};
use super::{ProductFile, Text, is_within, quoted, sequences};
use crate::path::RepoPath;
use crate::rust_tests::test_ranges;

/// Lines between a value that a test gives and the one that it expects.
const NEAR: u32 = 2;
/// Lines between the entries of one table.
const APART: u32 = 3;
/// From this many entries on it is their number that tells.
const TABLE: usize = 4;
/// Most places of one value that are looked at. The base's tests come first, so that no file that a change brings can
/// take them.
const PLACES: usize = 256;

/// Where values stand in tests.
pub(super) struct Wanted<'a> {
    places: BTreeMap<String, Vec<Place<'a>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    file: &'a RepoPath,
    line: u32,
}

/// A branch that a test explains.
pub(super) struct Suspect<'a> {
    pub(super) file: &'a ProductFile<'a>,
    pub(super) key: &'a Value,
    pub(super) line: u32,
    result: Option<&'a Value>,
    compared: bool,
    place: String,
    /// How many entries of its table tests explain.
    entries: usize,
}

impl Suspect<'_> {
    pub(super) fn message(&self) -> String {
        let (key, place) = (quoted(&self.key.raw), &self.place);
        let more = match self.entries {
            0 | 1 => String::new(),
            entries => format!(", and so do {} more entries", entries - 1),
        };
        match (self.compared, self.result) {
            (true, Some(result)) => format!(
                "leads from {key} to {}, as the test at {place} wants{more}",
                quoted(&result.raw)
            ),
            (true, None) => format!("decides on {key}, a value of the test at {place}"),
            (false, _) => format!("always gives {key}, which the test at {place} expects"),
        }
    }
}

impl<'a> Wanted<'a> {
    /// Of test files, and of the tests within the sources that the change touches.
    pub(super) fn of(language: Language, tests: &[Text<'a>], files: &'a [ProductFile<'a>]) -> Self {
        let mut wanted = Self {
            places: BTreeMap::new(),
        };
        for (path, text) in tests
            .iter()
            .filter(|(path, _)| Language::of(path) == Some(language))
        {
            wanted.add(path, &Source::read(language, text), None);
        }
        if language == Language::Rust {
            for file in files.iter().filter(|file| file.language == Language::Rust) {
                let text = file.code.text;
                let ranges = test_ranges(text).unwrap_or_default();
                wanted.add(
                    &file.text.change.path,
                    &Source::read(language, text),
                    Some(&ranges),
                );
            }
        }
        wanted
    }

    fn add(
        &mut self,
        file: &'a RepoPath,
        source: &Source<'_>,
        inside: Option<&[std::ops::Range<usize>]>,
    ) {
        let code = source.code();
        let alone = (0..code.tokens.len()).filter_map(|at| Some((at, value(&code, at)?)));
        for (at, value) in alone.chain(sequences::all(&code)) {
            let byte = code.tokens.get(at).map_or(0, |token| token.bytes.start);
            let counts = inside.is_none_or(|ranges| is_within(ranges, byte));
            if !counts || value.weight() == Weight::Nothing {
                continue;
            }
            let places = self.places.entry(value.text).or_default();
            if places.len() < PLACES {
                places.push(Place {
                    file,
                    line: code.line(at),
                });
            }
        }
    }

    fn at(&self, value: &Value) -> &[Place<'a>] {
        self.places.get(&value.text).map_or(&[], Vec::as_slice)
    }

    /// Where a test has a key and its result together.
    fn pair(&self, key: &Value, result: &Value) -> Option<Place<'a>> {
        if key.text == result.text {
            return None;
        }
        let results = self.at(result);
        let near = |place: &&Place<'_>| {
            results
                .iter()
                .any(|other| other.file == place.file && other.line.abs_diff(place.line) <= NEAR)
        };
        self.at(key).iter().find(near).copied()
    }

    /// The branches of a file that the change wrote and that tests explain.
    pub(super) fn suspects(&self, file: &'a ProductFile<'a>) -> Vec<Suspect<'a>> {
        let mut found = Vec::new();
        for table in tables(&file.branches) {
            found.extend(self.of_table(file, table));
        }
        let alone = file
            .branches
            .iter()
            .filter(|branch| branch.is_new && branch.is_telling());
        found.extend(alone.filter_map(|branch| self.alone(file, branch)));
        let mut seen = BTreeSet::new();
        found.retain(|one: &Suspect<'_>| seen.insert(one.line));
        found
    }

    /// A table most of whose entries are in tests was made from them; one that has more is a table.
    fn of_table(&self, file: &'a ProductFile<'a>, table: &'a [Branch]) -> Option<Suspect<'a>> {
        let explained = |branch: &'a Branch| {
            let (key, result) = (branch.key.as_ref()?, branch.result.as_ref()?);
            Some((branch, key, result, self.pair(key, result)?))
        };
        let found: Vec<_> = table.iter().filter_map(explained).collect();
        // An entry that says nothing says nothing about the table either.
        let says = |value: &Option<Value>| {
            value
                .as_ref()
                .is_some_and(|value| value.weight() > Weight::Nothing)
        };
        let entries = table
            .iter()
            .filter(|branch| says(&branch.key) && says(&branch.result))
            .count();
        let most = found.len() * 4 >= entries * 3;
        let by_number = found.len() >= TABLE && found.len() * 10 >= entries * 9;
        let telling = |branch: &Branch, key: &Value, result: &Value| {
            let data = key.weight() == Weight::Data && result.weight() > Weight::Nothing;
            branch.is_new
                && (data || result.is_computed() && key.weight() > Weight::Nothing || by_number)
        };
        let (branch, key, result, place) = found
            .iter()
            .find(|(branch, key, result, _)| most && telling(branch, key, result))?;
        Some(Suspect {
            file,
            key,
            line: branch.line,
            result: Some(result),
            compared: true,
            place: shown(place),
            entries: found.len(),
        })
    }

    /// A decision on data of a test whose result is no literal, or a computed value that is always given.
    fn alone(&self, file: &'a ProductFile<'a>, branch: &'a Branch) -> Option<Suspect<'a>> {
        let (key, compared) = match (&branch.key, &branch.result) {
            (Some(key), None) if key.weight() == Weight::Data => (key, true),
            (None, Some(result)) if result.is_computed() => (result, false),
            _ => return None,
        };
        let place = self.at(key).first()?;
        Some(Suspect {
            file,
            key,
            line: branch.line,
            result: None,
            compared,
            place: shown(place),
            entries: 1,
        })
    }
}

fn shown(place: &Place<'_>) -> String {
    format!("{}:{}", place.file, place.line)
}

/// Branches that lead from literals to literals and follow one another closely.
fn tables(branches: &[Branch]) -> Vec<&[Branch]> {
    branches
        .chunk_by(|one, next| {
            let both = one.key.is_some()
                && next.key.is_some()
                && one.result.is_some()
                && next.result.is_some();
            both && next.line.abs_diff(one.line) <= APART
        })
        .collect()
}
