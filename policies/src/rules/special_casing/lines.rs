//! Added lines of product code by their words and texts.

use super::super::source::Kind;
use super::ProductFile;

/// One line of code.
pub(super) struct Line<'a> {
    pub(super) number: u32,
    /// Whether the change wrote it, and did not only move it.
    pub(super) is_new: bool,
    pub(super) words: Vec<&'a str>,
    /// Texts with their quotes.
    pub(super) texts: Vec<&'a str>,
}

impl Line<'_> {
    pub(super) fn has_word(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(word))
    }

    /// A text that is one of these.
    pub(super) fn has_text(&self, texts: &[&str]) -> bool {
        let plain = |text: &str| text.trim_matches(['"', '\'', '`']).to_owned();
        self.texts
            .iter()
            .any(|text| texts.contains(&plain(text).as_str()))
    }

    /// A text that has one of these in it.
    pub(super) fn has_part(&self, parts: &[&str]) -> bool {
        self.texts
            .iter()
            .any(|text| parts.iter().any(|part| text.contains(part)))
    }
}

/// The lines of a file that hold code.
pub(super) fn of<'a>(file: &ProductFile<'a>) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    let all: Vec<&str> = file.code.text.lines().collect();
    let removed: std::collections::BTreeSet<&str> = file
        .text
        .change
        .hunks
        .iter()
        .flat_map(|hunk| &hunk.removed)
        .map(|line| line.trim())
        .collect();
    for (at, token) in file.code.tokens.iter().enumerate() {
        if lines.last().is_none_or(|last| last.number != token.line) {
            let whole = all
                .get(token.line as usize - 1)
                .map_or("", |line| line.trim());
            lines.push(Line {
                number: token.line,
                is_new: file.text.is_added(token.line) && !removed.contains(whole),
                words: Vec::new(),
                texts: Vec::new(),
            });
        }
        let (Some(line), text) = (lines.last_mut(), file.code.at(at)) else {
            continue;
        };
        match token.kind {
            Kind::Word => line.words.push(text),
            Kind::Text => line.texts.push(text),
            _ => {}
        }
    }
    lines
}
