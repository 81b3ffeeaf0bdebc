//! A source as a sequence of digests, one for each token, and the digests of its windows: so many tokens in a row.
//!
//! Imports are left out. Files that use the same things begin alike, and nobody can put that in one place.

use guest::report::digest;
use guest::source::{Kind, Language, Token, Tokens};

/// Tokens of one import at most; behind them it is none.
const LONGEST_IMPORT: usize = 2_000;

/// An odd number without a pattern: the factor of the windows' digests.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The tokens of a source, without imports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) digests: Vec<u64>,
    /// The line of each, from 1.
    pub(crate) lines: Vec<u32>,
    /// Bytes of the source.
    pub(crate) bytes: u64,
}

impl Sequence {
    /// Reads a source.
    pub(crate) fn read(language: Language, text: &str) -> Self {
        let bytes = text.len() as u64;
        let mut sequence = Self {
            bytes,
            ..Self::default()
        };
        let mut tokens = Tokens::new(language, text).peekable();
        let mut line = 0;
        while let Some(token) = tokens.next() {
            let first_of_line = token.line != line;
            line = token.line;
            if first_of_line && starts_import(language, token, text) {
                line = skip_import(language, token, text, &mut tokens);
                continue;
            }
            sequence.digests.push(digest(token.text(text).as_bytes()));
            sequence.lines.push(token.line);
        }
        sequence
    }

    pub(crate) fn len(&self) -> usize {
        self.digests.len()
    }

    pub(crate) fn line(&self, at: usize) -> u32 {
        self.lines.get(at).copied().unwrap_or(0)
    }

    /// The first and the last line of so many tokens from a place.
    pub(crate) fn span(&self, at: usize, tokens: usize) -> (u32, u32) {
        (self.line(at), self.line(at + tokens.saturating_sub(1)))
    }

    /// The tokens that stand on these lines.
    pub(crate) fn on_lines(&self, first: u32, last: u32) -> &[u64] {
        let from = self.lines.partition_point(|line| *line < first);
        let to = self.lines.partition_point(|line| *line <= last);
        self.digests.get(from..to).unwrap_or_default()
    }

    /// The digest of each window, by the place of its first token.
    pub(crate) fn windows(&self, tokens: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        windows(&self.digests, tokens).enumerate()
    }
}

/// The digests of all windows, each made from the one before it.
pub(crate) fn windows(digests: &[u64], tokens: usize) -> impl Iterator<Item = u64> + '_ {
    let leaving = (1..tokens).fold(1_u64, |power, _| power.wrapping_mul(FACTOR));
    let start = digests.get(..tokens.saturating_sub(1)).unwrap_or_default();
    let mut rolling = start.iter().fold(0_u64, |sum, one| {
        sum.wrapping_mul(FACTOR).wrapping_add(*one)
    });
    let entering = digests.get(tokens.saturating_sub(1)..).unwrap_or_default();
    entering.iter().zip(digests).map(move |(enters, leaves)| {
        let whole = rolling.wrapping_mul(FACTOR).wrapping_add(*enters);
        rolling = whole.wrapping_sub(leaves.wrapping_mul(leaving));
        whole
    })
}

fn starts_import(language: Language, token: Token, text: &str) -> bool {
    let word = token.text(text);
    match language {
        Language::Python => matches!(word, "import" | "from"),
        Language::Rust => {
            (word == "use" && !follows(text, token, '<'))
                || (word == "pub" && is_public_use(text, token))
        }
        // `import.meta` and `import(…)` are expressions.
        Language::JavaScript => {
            word == "import" && !['.', '('].iter().any(|mark| follows(text, token, *mark))
        }
        Language::Go => matches!(word, "import" | "package"),
        Language::Slashes => matches!(word, "import" | "package" | "using" | "#"),
        Language::Hash => matches!(word, "require" | "require_relative" | "use" | "library"),
    }
}

/// Whether this mark is the next thing behind a token.
fn follows(text: &str, token: Token, mark: char) -> bool {
    text.get(token.end..)
        .is_some_and(|rest| rest.trim_start().starts_with(mark))
}

fn is_public_use(text: &str, token: Token) -> bool {
    let rest = text.get(token.end..).unwrap_or_default();
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('(') {
        Some(inside) => inside
            .split_once(')')
            .map_or("", |(_, behind)| behind)
            .trim_start(),
        None => rest,
    };
    rest.starts_with("use ")
}

/// Passes over an import and gives the line on which it ends: at a semicolon in Rust, elsewhere at the end of a line on which no
/// bracket is open.
fn skip_import(
    language: Language,
    first: Token,
    text: &str,
    tokens: &mut std::iter::Peekable<Tokens<'_>>,
) -> u32 {
    let mut depth = 0_usize;
    let mut line = first.line;
    for _ in 0..LONGEST_IMPORT {
        let on = |token: &Token| language == Language::Rust || depth > 0 || token.line == line;
        let Some(token) = tokens.next_if(on) else {
            break;
        };
        line = token.line;
        match (token.kind, token.text(text)) {
            (Kind::Mark, "(" | "{" | "[") => depth += 1,
            (Kind::Mark, ")" | "}" | "]") => depth = depth.saturating_sub(1),
            (Kind::Mark, ";") if depth == 0 => break,
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(language: Language, text: &str) -> Vec<u64> {
        Sequence::read(language, text).digests
    }

    #[test]
    fn comments_white_space_and_imports_do_not_count() {
        use Language::{Go, JavaScript, Python, Rust, Slashes};
        for (language, one, other) in [
            (
                Python,
                "import a\nfrom b import (\n  c,\n  d)\nx = 1 # one\n",
                "x=1",
            ),
            (
                Rust,
                "use a::{b,\n  c};\npub(crate) use d;\nlet x = 1;",
                "let x = 1 /* one */ ;",
            ),
            (
                JavaScript,
                "import {\n a } from 'b'\nimport 'c'\nx()",
                "x ( )",
            ),
            (Go, "package a\nimport (\n \"b\"\n)\nvar x int", "var x int"),
            (Slashes, "#include <a>\nint x;", "int x;"),
        ] {
            assert_eq!(read(language, one), read(language, other), "{language:?}");
        }
        assert_ne!(read(Python, "x = 1"), read(Python, "y = 1"));
        assert_eq!(read(Rust, "pub fn use_it() {}").len(), 7);
    }

    #[test]
    fn a_window_has_the_same_digest_wherever_it_stands() {
        let digests: Vec<u64> = (0..50)
            .map(|at: u64| digest(&(at % 20).to_le_bytes()))
            .collect();
        let all: Vec<u64> = windows(&digests, 5).collect();
        assert_eq!(all.len(), 46);
        for (at, window) in all.iter().enumerate() {
            let alone: Vec<u64> = windows(&digests[at..at + 5], 5).collect();
            assert_eq!(alone, [*window]);
            assert_eq!(all[at % 20], *window);
        }
        assert_eq!(windows(&digests[..4], 5).count(), 0);
    }
}
