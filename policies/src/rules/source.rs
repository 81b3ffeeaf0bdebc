//! Sources as words, literals and comments: as much of a language as the rules need to tell code from text.
//!
//! One reader for all languages, tolerant and linear: what it cannot make sense of is punctuation. A
//! quote that nothing closes opens nothing, because a change could otherwise hide what stands behind it.

use std::ops::Range;

use crate::path::RepoPath;

mod reader;

/// How a language writes comments and literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Language {
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
            "php", "dart", "groovy", "proto", "css", "scss", "less",
        ],
    ),
    (
        Language::Hash,
        &[
            "rb", "sh", "bash", "zsh", "pl", "pm", "r", "jl", "nix", "ex", "exs",
        ],
    ),
];

impl Language {
    /// The language of a file by its name; none for what is no source.
    pub(crate) fn of(path: &RepoPath) -> Option<Self> {
        let name = std::str::from_utf8(path.file_name()).ok()?;
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        let row = ENDINGS
            .iter()
            .find(|(_, ends)| ends.contains(&ending.as_str()));
        row.map(|(language, _)| *language)
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Comment,
    /// A string, character, template or regular expression, with its quotes.
    Text,
    Number,
    Word,
    /// One character.
    Mark,
}

/// A token with its bytes in the source and the line, from 1, on which it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) bytes: Range<usize>,
    pub(crate) line: u32,
}

/// A source and its tokens.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) tokens: Vec<Token>,
}

impl<'a> Source<'a> {
    pub(crate) fn read(language: Language, text: &'a str) -> Self {
        Self {
            text,
            tokens: reader::read(language, text),
        }
    }

    /// The text of a token; empty where there is none.
    pub(crate) fn at(&self, index: usize) -> &'a str {
        let bytes = self.tokens.get(index).map(|token| token.bytes.clone());
        bytes
            .and_then(|bytes| self.text.get(bytes))
            .unwrap_or_default()
    }

    /// The token, where it is of this kind.
    pub(crate) fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// The line of a token; 0 where there is none.
    pub(crate) fn line(&self, index: usize) -> u32 {
        self.tokens.get(index).map_or(0, |token| token.line)
    }

    /// The tokens that are no comments: what a compiler sees.
    pub(crate) fn code(&self) -> Self {
        let tokens = self
            .tokens
            .iter()
            .filter(|token| token.kind != Kind::Comment);
        Self {
            text: self.text,
            tokens: tokens.cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
