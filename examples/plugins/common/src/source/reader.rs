//! From text to tokens, byte by byte. Bytes outside of ASCII are letters, so every token ends where a character does.

use super::{Kind, Language, Token, find};

/// Words behind which a slash of JavaScript begins a regular expression.
const BEFORE_REGEX: &[&str] = &[
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "delete",
    "void",
    "throw",
    "new",
    "else",
    "do",
    "await",
    "yield",
    "instanceof",
];

/// A literal over several lines whose end was looked for in vain. Looking again further on would be as vain, and would make the
/// reader quadratic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Block,
    Multiline(u8),
    Triple(u8),
    Raw(usize),
    Template,
}

/// The tokens of a source, in their order.
pub struct Tokens<'a> {
    language: Language,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    /// Open braces within each template that is interrupted by `${`.
    templates: Vec<usize>,
    hopeless: Vec<Open>,
    /// Whether a slash would divide: the last token was a value.
    after_value: bool,
}

impl<'a> Tokens<'a> {
    /// Reads a source.
    #[must_use]
    pub fn new(language: Language, text: &'a str) -> Self {
        Self {
            language,
            text,
            bytes: text.as_bytes(),
            at: 0,
            line: 1,
            templates: Vec::new(),
            hopeless: Vec::new(),
            after_value: false,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..).unwrap_or_default()
    }

    fn starts_with(&self, start: &[u8]) -> bool {
        self.rest(self.at).starts_with(start)
    }

    /// Moves on to `end`, counting lines.
    fn advance(&mut self, end: usize) {
        let end = end.clamp(self.at + 1, self.bytes.len().max(self.at + 1));
        let passed = self.bytes.get(self.at..end).unwrap_or_default();
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self
            .line
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.at = end;
    }

    fn token(&mut self, kind: Kind, end: usize) -> Token {
        let (start, line) = (self.at, self.line);
        self.advance(end);
        let token = Token {
            kind,
            start,
            end: self.at.min(self.bytes.len()),
            line,
        };
        self.after_value = match kind {
            Kind::Word => !BEFORE_REGEX.contains(&token.text(self.text)),
            Kind::Number | Kind::Text => true,
            Kind::Mark => matches!(self.bytes.get(start), Some(b')' | b']' | b'}')),
        };
        token
    }

    fn skip_blank(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte > b' ' {
                match self.comment() {
                    Some(end) => self.advance(end),
                    None => return,
                }
            } else {
                self.line = self.line.saturating_add(u32::from(*byte == b'\n'));
                self.at += 1;
            }
        }
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.rest(from);
        from + rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len())
    }

    fn comment(&mut self) -> Option<usize> {
        match self.language {
            Language::Python => (self.peek(0) == b'#').then(|| self.line_end(self.at)),
            Language::Hash => {
                let before = self.at.checked_sub(1).and_then(|at| self.bytes.get(at));
                let apart = before.is_none_or(u8::is_ascii_whitespace);
                (self.peek(0) == b'#' && apart).then(|| self.line_end(self.at))
            }
            _ if self.starts_with(b"//") => Some(self.line_end(self.at)),
            _ if self.starts_with(b"/*") => self.block_comment(),
            _ => None,
        }
    }

    /// Rust's nest; others end at the first end.
    fn block_comment(&mut self) -> Option<usize> {
        if self.hopeless.contains(&Open::Block) {
            return None;
        }
        let nests = self.language == Language::Rust;
        let (mut depth, mut at) = (1_usize, self.at + 2);
        while let Some(pair) = self.bytes.get(at..at + 2) {
            match pair {
                b"*/" => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                b"/*" if nests => {
                    depth += 1;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.hopeless.push(Open::Block);
        None
    }

    /// The end of the literal that starts here, behind a prefix of letters or not.
    fn literal(&mut self) -> Option<usize> {
        let quote = self.peek(0);
        match (self.language, quote) {
            (Language::Python, b'"' | b'\'') => {
                self.triple(self.at).or_else(|| self.one_line(self.at))
            }
            (Language::Rust, b'"') => self.until_quote(self.at, Open::Multiline(b'"')),
            (Language::Rust, b'\'') => self.rust_character(),
            (Language::Go, b'`') => self.raw(self.at + 1, "`", Open::Multiline(b'`')),
            (Language::Slashes, b'"') => self.triple(self.at).or_else(|| self.one_line(self.at)),
            (_, b'"' | b'\'') => self.one_line(self.at),
            (Language::JavaScript, b'/') if !self.after_value => self.regex(),
            _ => None,
        }
    }

    /// Ends on the line, unless a backslash takes the newline.
    fn one_line(&self, at: usize) -> Option<usize> {
        let quote = *self.bytes.get(at)?;
        let mut at = at + 1;
        loop {
            match *self.bytes.get(at)? {
                b'\\' => at += 2,
                b'\n' => return None,
                byte if byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    fn triple(&mut self, at: usize) -> Option<usize> {
        let quote = *self.bytes.get(at)?;
        let open = Open::Triple(quote);
        let three = [quote; 3];
        if !self.rest(at).starts_with(&three) || self.hopeless.contains(&open) {
            return None;
        }
        let mut end = at + 3;
        while end < self.bytes.len() {
            match self.bytes.get(end) {
                Some(b'\\') => end += 2,
                _ if self.rest(end).starts_with(&three) => return Some(end + 3),
                _ => end += 1,
            }
        }
        self.hopeless.push(open);
        None
    }

    /// Ends at the quote, on whichever line.
    fn until_quote(&mut self, at: usize, open: Open) -> Option<usize> {
        let quote = *self.bytes.get(at)?;
        if self.hopeless.contains(&open) {
            return None;
        }
        let mut end = at + 1;
        while let Some(byte) = self.bytes.get(end) {
            match byte {
                b'\\' => end += 2,
                byte if *byte == quote => return Some(end + 1),
                _ => end += 1,
            }
        }
        self.hopeless.push(open);
        None
    }

    /// Ends at a closing that no backslash can take.
    fn raw(&mut self, from: usize, closing: &str, open: Open) -> Option<usize> {
        if self.hopeless.contains(&open) {
            return None;
        }
        match self.text.get(from..).and_then(|rest| find(rest, closing)) {
            Some(at) => Some(from + at + closing.len()),
            None => {
                self.hopeless.push(open);
                None
            }
        }
    }

    /// A character; a lifetime is none.
    fn rust_character(&self) -> Option<usize> {
        if self.peek(1) == b'\\' {
            return self.one_line(self.at);
        }
        let rest = self.text.get(self.at + 1..)?;
        let letter = rest
            .chars()
            .next()
            .filter(|letter| !matches!(letter, '\'' | '\n'))?;
        let end = self.at + 1 + letter.len_utf8();
        (self.bytes.get(end) == Some(&b'\'')).then_some(end + 1)
    }

    fn regex(&self) -> Option<usize> {
        let (mut at, mut in_class) = (self.at + 1, false);
        loop {
            match *self.bytes.get(at)? {
                b'\n' => return None,
                b'\\' => at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                _ => {}
            }
            at += 1;
        }
        let flags = self
            .rest(at + 1)
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic());
        Some(at + 1 + flags.count())
    }

    /// A piece of a template: up to its end, or to the `${` that interrupts it.
    fn template(&mut self) -> Option<usize> {
        if self.hopeless.contains(&Open::Template) {
            return None;
        }
        let mut at = self.at + 1;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'\\' => at += 2,
                b'`' => return Some(at + 1),
                b'$' if self.bytes.get(at + 1) == Some(&b'{') => {
                    self.templates.push(0);
                    return Some(at + 2);
                }
                _ => at += 1,
            }
        }
        self.hopeless.push(Open::Template);
        None
    }

    fn word(&mut self) -> Token {
        let letters = self
            .rest(self.at)
            .iter()
            .take_while(|byte| is_letter(**byte) || byte.is_ascii_digit());
        let end = self.at + letters.count();
        match self.prefixed(end) {
            Some(end) => self.token(Kind::Text, end),
            None if self.language == Language::Rust && self.is_raw_name(end) => {
                let name = self
                    .rest(end + 1)
                    .iter()
                    .take_while(|byte| is_letter(**byte) || byte.is_ascii_digit());
                let end = end + 1 + name.count();
                self.token(Kind::Word, end)
            }
            None => self.token(Kind::Word, end),
        }
    }

    fn is_raw_name(&self, end: usize) -> bool {
        let next = self.bytes.get(end + 1).copied().unwrap_or(0);
        self.text.get(self.at..end) == Some("r")
            && self.bytes.get(end) == Some(&b'#')
            && is_letter(next)
    }

    /// The end of a literal whose prefix is the word that ends at `end`.
    fn prefixed(&mut self, end: usize) -> Option<usize> {
        let prefix = self.text.get(self.at..end)?;
        let next = *self.bytes.get(end)?;
        match self.language {
            Language::Python if prefix.len() <= 2 && matches!(next, b'"' | b'\'') => {
                let known = prefix.bytes().all(|byte| b"rRbBuUfFtT".contains(&byte));
                known
                    .then(|| self.triple(end).or_else(|| self.one_line(end)))
                    .flatten()
            }
            Language::Rust if matches!(prefix, "r" | "br" | "cr") => {
                let hashes = self
                    .rest(end)
                    .iter()
                    .take_while(|byte| **byte == b'#')
                    .count();
                if self.bytes.get(end + hashes) != Some(&b'"') {
                    return None;
                }
                let closing = format!("\"{}", "#".repeat(hashes));
                self.raw(end + hashes + 1, &closing, Open::Raw(hashes))
            }
            Language::Rust if matches!(prefix, "b" | "c") && next == b'"' => {
                self.until_quote(end, Open::Multiline(b'"'))
            }
            Language::Rust if prefix == "b" && next == b'\'' => self.one_line(end),
            _ => None,
        }
    }

    fn number(&self) -> usize {
        let mut at = self.at + 1;
        while let Some(byte) = self.bytes.get(at) {
            let digit_next = self.bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            if byte.is_ascii_alphanumeric() || *byte == b'_' || (*byte == b'.' && digit_next) {
                at += 1;
            } else {
                break;
            }
        }
        at
    }

    fn mark(&mut self, byte: u8) -> Token {
        match (byte, self.templates.last_mut()) {
            (b'{', Some(depth)) => *depth += 1,
            (b'}', Some(0)) => {
                self.templates.pop();
                if let Some(end) = self.template() {
                    return self.token(Kind::Text, end);
                }
            }
            (b'}', Some(depth)) => *depth -= 1,
            _ => {}
        }
        self.token(Kind::Mark, self.at + 1)
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let byte = *self.bytes.get(self.at)?;
        if byte == b'`' && self.language == Language::JavaScript {
            if let Some(end) = self.template() {
                return Some(self.token(Kind::Text, end));
            }
        } else if let Some(end) = self.literal() {
            return Some(self.token(Kind::Text, end));
        }
        if byte.is_ascii_digit() {
            let end = self.number();
            Some(self.token(Kind::Number, end))
        } else if is_letter(byte) {
            Some(self.word())
        } else {
            Some(self.mark(byte))
        }
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}
