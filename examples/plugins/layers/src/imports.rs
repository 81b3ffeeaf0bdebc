//! What a source imports, as it is written: one reader for each language, all on tokens, so that comments and texts are not
//! mistaken for imports.

mod go;
mod javascript;
mod python;
mod rust;

use guest::index::Index;
use guest::source::{Kind, Language, Token, Tokens, column, decode};

/// What an import names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A module, or a name in one: `from ..a import b` goes up one folder more than its own and then `a`, `b`.
    Python {
        up: usize,
        path: Vec<String>,
    },
    /// A path, and the modules within the file that it stands in.
    Rust {
        path: Vec<String>,
        within: Vec<String>,
    },
    /// `mod name;`, with the file that an attribute gives it.
    RustModule {
        name: String,
        within: Vec<String>,
        file: Option<String>,
    },
    JavaScript(String),
    Go(String),
}

impl Target {
    /// As a reader knows it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Python { up, path } => format!("{}{}", ".".repeat(*up), path.join(".")),
            Self::Rust { path, .. } => path.join("::"),
            Self::RustModule { name, .. } => format!("mod {name}"),
            Self::JavaScript(name) | Self::Go(name) => name.clone(),
        }
    }
}

impl Target {
    /// What tells it from all others of its file.
    fn key(&self) -> String {
        match self {
            Self::Rust { within, .. } => format!("{} {}", within.join("::"), self.shown()),
            Self::RustModule { within, file, .. } => {
                let file = file.as_deref().unwrap_or_default();
                format!("{} {} {file}", within.join("::"), self.shown())
            }
            _ => self.shown(),
        }
    }
}

/// An import and where it stands, line and column from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) target: Target,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Whether imports of this language are read.
pub(crate) fn is_read(path: &str) -> bool {
    let language = Language::of(path);
    matches!(
        language,
        Some(Language::Python | Language::Rust | Language::JavaScript | Language::Go)
    )
}

/// With the ends of lines that a language knows beside `\n` and `\r\n` written as `\n`: a comment ends there, and a statement.
fn lines_ended(text: &str, language: Option<Language>) -> String {
    let ends: &[char] = match language {
        Some(Language::Python) => &['\r'],
        Some(Language::JavaScript) => &['\r', '\u{2028}', '\u{2029}'],
        _ => &[],
    };
    if !text.contains(ends) {
        return text.to_owned();
    }
    let mut ended = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_first_of_two = letter == '\r' && letters.peek() == Some(&'\n');
        match ends.contains(&letter) {
            true if is_first_of_two => {}
            true => ended.push('\n'),
            false => ended.push(letter),
        }
    }
    ended
}

/// The imports of a source, each target once, at its first place.
pub(crate) fn of(path: &str, bytes: &[u8]) -> Vec<Import> {
    let text = lines_ended(&decode(bytes), Language::of(path));
    let text = match path.rsplit_once('.') {
        Some((_, "vue" | "svelte")) => javascript::scripts(&text),
        _ => text,
    };
    let found = match Language::of(path) {
        Some(language @ Language::Python) => python::read(&Source::new(language, &text)),
        Some(language @ Language::Rust) => rust::read(&Source::new(language, &text)),
        Some(language @ Language::JavaScript) => javascript::read(&Source::new(language, &text)),
        Some(language @ Language::Go) => go::read(&Source::new(language, &text)),
        _ => Vec::new(),
    };
    let index = Index::new(found.iter().map(|(target, _)| target.key()).collect());
    let mut imports = Vec::new();
    for at in index.firsts() {
        if let Some((target, token)) = found.get(at) {
            let (line, column) = (token.line, column(&text, token.start));
            imports.push(Import {
                target: target.clone(),
                line,
                column,
            });
        }
    }
    imports
}

type Found = Vec<(Target, Token)>;

/// The tokens of a source, asked by number.
struct Source<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Source<'a> {
    fn new(language: Language, text: &'a str) -> Self {
        Self {
            text,
            tokens: Tokens::new(language, text).collect(),
        }
    }

    fn token(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    /// What a token says; empty where there is none.
    fn at(&self, at: usize) -> &'a str {
        self.token(at).map_or("", |token| token.text(self.text))
    }

    /// What the token before says.
    fn before(&self, at: usize) -> &'a str {
        at.checked_sub(1).map_or("", |before| self.at(before))
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.token(at).map(|token| token.kind)
    }

    fn word(&self, at: usize) -> Option<&'a str> {
        (self.kind(at) == Some(Kind::Word)).then(|| self.at(at))
    }

    /// The content of a plain string literal.
    fn string(&self, at: usize) -> Option<&'a str> {
        (self.kind(at) == Some(Kind::Text)).then(|| guest::source::unquoted(self.at(at)))
    }
}

#[cfg(test)]
mod tests;
