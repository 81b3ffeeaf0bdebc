//! Sources as words, numbers, texts and marks, without their comments: as much of a language as a check needs to tell code
//! from what is written in it.
//!
//! One reader for all languages, tolerant and linear. A quote that nothing closes opens nothing: a change could otherwise
//! hide what stands behind it.

mod reader;

use std::borrow::Cow;

pub use reader::Tokens;

/// How a language writes comments and literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, TypeScript and what holds them.
    JavaScript,
    /// Go.
    Go,
    /// Others with `//` and `/* */`.
    Slashes,
    /// Others with `#`.
    Hash,
}

const ENDINGS: &[(Language, &[&str])] = &[
    (Language::Python, &["py", "pyi", "pyx"]),
    (Language::Rust, &["rs"]),
    (
        Language::JavaScript,
        &[
            "js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx", "vue", "svelte",
        ],
    ),
    (Language::Go, &["go"]),
    (
        Language::Slashes,
        &[
            "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "java", "kt", "kts", "cs", "swift", "scala",
            "php", "dart", "groovy", "proto", "css", "scss", "less", "zig",
        ],
    ),
    (
        Language::Hash,
        &[
            "rb", "sh", "bash", "zsh", "pl", "pm", "r", "jl", "ex", "exs",
        ],
    ),
];

impl Language {
    /// The language of a file by the ending of its name; none for what is no source.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        let row = ENDINGS
            .iter()
            .find(|(_, endings)| endings.contains(&ending.as_str()));
        row.map(|(language, _)| *language)
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// A string, character, regular expression or a piece of a template, with its quotes.
    Text,
    /// One character.
    Mark,
}

/// A token, by its bytes in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// The line on which it starts, from 1.
    pub line: u32,
}

impl Token {
    /// What it says, quotes included.
    #[must_use]
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

/// Bytes as text. What is not UTF-8 becomes a character that no language knows, so that all the rest can be read.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

/// The column of a byte, from 1, in characters.
#[must_use]
pub fn column(source: &str, byte: usize) -> u32 {
    let before = source.get(..byte).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    u32::try_from(line.chars().count())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

/// Where a text first stands in another one. The library's own search keeps tables for long texts, which are two kilobytes of a
/// component; these are short.
#[must_use]
pub fn find(text: &str, what: &str) -> Option<usize> {
    let mut windows = text.as_bytes().windows(what.len().max(1));
    windows.position(|window| window == what.as_bytes())
}

/// What a string literal holds, without prefix and quotes. Escapes stay as they are written: names of modules have none.
#[must_use]
pub fn unquoted(literal: &str) -> &str {
    let start = literal.find(['"', '\'', '`']).unwrap_or(0);
    let body = literal.get(start..).unwrap_or_default();
    body.trim_end_matches('#').trim_matches(['"', '\'', '`'])
}

#[cfg(test)]
mod tests;
