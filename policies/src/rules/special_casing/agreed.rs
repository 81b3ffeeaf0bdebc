//! Agreed texts: whole lines with figures in them that product code shares with a golden file, or with a text in a
//! test.
//!
//! What a program computes stands in its expected output and not in its source. Lines without figures are left
//! alone, because headings and markup stand in both; so are files of tests that the change wrote too, because who
//! adds a text and its golden file shows both.

use std::collections::{BTreeMap, BTreeSet};

use super::super::source::{Kind, Language, Source};
use super::literals::{Value, content};
use super::{ProductFile, Text, quoted};
use crate::path::RepoPath;

/// So many lines are no accident.
const LINES: usize = 2;

/// Most lines that are counted: each is looked for in the whole product of the base.
const HELD: usize = 100;

/// Lines of tests with the file that has them.
pub(super) struct Agreed<'a> {
    lines: BTreeMap<String, &'a RepoPath>,
}

impl<'a> Agreed<'a> {
    /// Of golden files, and of the texts of several lines in tests of this language.
    pub(super) fn of(language: Language, tests: &[Text<'a>]) -> Self {
        let mut lines = BTreeMap::new();
        for (path, text) in tests {
            let found = match Language::of(path) {
                None => with_figures(text),
                Some(other) if other == language => {
                    in_literals(&Source::read(language, text).code())
                }
                Some(_) => Vec::new(),
            };
            found.into_iter().for_each(|line| {
                lines.entry(line).or_insert(*path);
            });
        }
        Self { lines }
    }

    /// The line on which product code begins to hold such a text, and what to say of it. `known` tells of what
    /// the base's product has already.
    pub(super) fn held_by(
        &self,
        file: &ProductFile<'_>,
        known: impl Fn(&str) -> bool,
    ) -> Option<(u32, String)> {
        let expected = |(_, line): &(u32, String)| self.lines.contains_key(line) && !known(line);
        let held: Vec<_> = written(file)
            .into_iter()
            .filter(expected)
            .take(HELD)
            .collect();
        let (at, first) = held.first()?;
        let path = self.lines.get(first).filter(|_| held.len() >= LINES)?;
        let message = format!(
            "holds {} lines of what {path} expects, {} first",
            held.len(),
            quoted(first)
        );
        Some((*at, message))
    }
}

/// Whether the change wrote lines that are worth being looked for.
pub(super) fn is_suspect(file: &ProductFile<'_>) -> bool {
    written(file).len() >= LINES
}

/// The lines with figures in the texts that the change wrote, each once.
fn written(file: &ProductFile<'_>) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, token) in file.code.tokens.iter().enumerate() {
        if token.kind != Kind::Text || !file.text.is_added(token.line) {
            continue;
        }
        for line in lines_of(file.code.at(at)) {
            if seen.insert(line.clone()) {
                found.push((token.line, line));
            }
        }
    }
    found
}

fn in_literals(code: &Source<'_>) -> Vec<String> {
    let texts = (0..code.tokens.len()).filter(|at| code.kind(*at) == Some(Kind::Text));
    texts
        .map(|at| lines_of(code.at(at)))
        .filter(|lines| lines.len() >= LINES)
        .flatten()
        .collect()
}

/// The lines with figures of one literal, its escapes for ends of lines and tabulators undone.
fn lines_of(literal: &str) -> Vec<String> {
    let Some(inside) = content(literal) else {
        return Vec::new();
    };
    with_figures(&inside.replace("\\n", "\n").replace("\\t", "\t"))
}

fn with_figures(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| Value::text(line).is_computed())
        .map(str::to_owned)
        .collect()
}
