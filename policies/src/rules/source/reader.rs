//! From text to tokens, byte by byte. Bytes outside of ASCII are letters, so every token ends where a
//! character does.

use super::{Kind, Language, Token};

/// Words behind which a slash of JavaScript begins a regular expression.
const BEFORE_REGEX: &[&str] = &[
    "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else", "do",
    "await", "yield",
];

pub(super) fn read(language: Language, text: &str) -> Vec<Token> {
    let mut reader = Reader {
        language,
        text,
        bytes: text.as_bytes(),
        at: 0,
        line: 1,
        tokens: Vec::new(),
        templates: Vec::new(),
        hopeless: [0; 128],
    };
    while reader.at < reader.bytes.len() {
        reader.step();
    }
    reader.tokens
}

struct Reader<'a> {
    language: Language,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    tokens: Vec<Token>,
    /// Open braces within each template that is interrupted by `${`.
    templates: Vec<usize>,
    /// For each quote, the byte before which nothing closes it: a second search would be in vain.
    hopeless: [usize; 128],
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts_with(&self, start: &[u8]) -> bool {
        self.bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(start))
    }

    fn push(&mut self, kind: Kind, end: usize) {
        let end = end.min(self.bytes.len());
        if end <= self.at {
            return;
        }
        let bytes = self.at..end;
        let newlines = self.bytes.get(bytes.clone()).unwrap_or_default();
        let newlines = newlines.iter().filter(|byte| **byte == b'\n').count();
        self.tokens.push(Token {
            kind,
            bytes,
            line: self.line,
        });
        self.line = self
            .line
            .saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.at = end;
    }

    fn step(&mut self) {
        let byte = self.peek(0);
        if byte.is_ascii_whitespace() || byte < b' ' {
            self.line = self.line.saturating_add(u32::from(byte == b'\n'));
            self.at += 1;
        } else if byte == b'`' && self.language == Language::JavaScript {
            self.template(self.at + 1);
        } else if let Some(end) = self.comment() {
            self.push(Kind::Comment, end);
        } else if let Some(end) = self.text() {
            self.push(Kind::Text, end);
        } else if byte.is_ascii_digit() {
            self.push(Kind::Number, self.number());
        } else if is_letter(byte) {
            self.push(
                Kind::Word,
                self.while_from(self.at, |byte| is_letter(byte) || byte.is_ascii_digit()),
            );
        } else {
            self.mark(byte);
        }
    }

    fn mark(&mut self, byte: u8) {
        self.push(Kind::Mark, self.at + 1);
        match (byte, self.templates.last_mut()) {
            (b'{', Some(depth)) => *depth += 1,
            (b'}', Some(0)) => {
                self.templates.pop();
                self.template(self.at);
            }
            (b'}', Some(depth)) => *depth -= 1,
            _ => {}
        }
    }

    fn while_from(&self, from: usize, keep: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| keep(**byte)).count()
    }

    fn line_end(&self) -> usize {
        self.while_from(self.at, |byte| byte != b'\n')
    }

    fn comment(&self) -> Option<usize> {
        match self.language {
            Language::Python => (self.peek(0) == b'#').then(|| self.line_end()),
            Language::Hash => {
                let before = self.at.checked_sub(1).and_then(|at| self.bytes.get(at));
                let apart = before.is_none_or(u8::is_ascii_whitespace);
                (self.peek(0) == b'#' && apart).then(|| self.line_end())
            }
            _ if self.starts_with(b"//") => Some(self.line_end()),
            _ if self.starts_with(b"/*") => Some(self.block_comment()),
            _ => None,
        }
    }

    /// Rust's nest; others end at the first end.
    fn block_comment(&self) -> usize {
        let mut depth = 0_usize;
        let mut at = self.at;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with(b"*/") {
                depth = depth.saturating_sub(1);
                at += 2;
                if depth == 0 {
                    return at;
                }
            } else if rest.starts_with(b"/*") && (depth == 0 || self.language == Language::Rust) {
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        at
    }

    fn text(&mut self) -> Option<usize> {
        let quote = self.peek(0);
        match (self.language, quote) {
            (Language::Rust, b'r' | b'b' | b'c') => self.raw_text(),
            (Language::Rust | Language::Go, b'\'') => self.character(),
            (Language::Python, b'"' | b'\'') if self.peek(1) == quote && self.peek(2) == quote => {
                Some(
                    self.closed_by(&[quote; 3], true, true)
                        .unwrap_or(self.bytes.len()),
                )
            }
            (Language::Go, b'`') => Some(
                self.closed_by(b"`", true, false)
                    .unwrap_or(self.bytes.len()),
            ),
            (Language::JavaScript, b'/') if self.regex_may_begin() => self.regex(),
            (Language::Rust, b'"') => Some(
                self.closed_by(b"\"", true, true)
                    .unwrap_or(self.bytes.len()),
            ),
            (_, b'"' | b'\'') => self.closed_by(&[quote], false, true),
            _ => None,
        }
    }

    /// Where a text ends that begins here with this quote; none where nothing closes it.
    fn closed_by(&mut self, quote: &[u8], lines: bool, escapes: bool) -> Option<usize> {
        let first = *quote.first()?;
        if !lines && self.at < self.known_hopeless(first) {
            return None;
        }
        let mut at = self.at + quote.len();
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with(quote) {
                return Some(at + quote.len());
            }
            match rest.first() {
                Some(b'\\') if escapes => at += 1 + usize::from(rest.len() > 1),
                Some(b'\n') if !lines => break,
                _ => at += 1,
            }
        }
        self.remember_hopeless(first, at);
        None
    }

    fn known_hopeless(&self, quote: u8) -> usize {
        self.hopeless.get(usize::from(quote)).copied().unwrap_or(0)
    }

    fn remember_hopeless(&mut self, quote: u8, before: usize) {
        if let Some(slot) = self.hopeless.get_mut(usize::from(quote)) {
            *slot = before;
        }
    }

    /// A template from `from` up to its end or its next `${`.
    fn template(&mut self, from: usize) {
        let mut at = from;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match rest {
                [b'`', ..] => return self.push(Kind::Text, at + 1),
                [b'$', b'{', ..] => {
                    self.push(Kind::Text, at + 2);
                    return self.templates.push(0);
                }
                [b'\\', _, ..] => at += 2,
                _ => at += 1,
            }
        }
        self.push(Kind::Text, at);
    }

    /// Behind `<` a tag of JSX ends.
    fn regex_may_begin(&self) -> bool {
        let Some(last) = self
            .tokens
            .iter()
            .rev()
            .find(|token| token.kind != Kind::Comment)
        else {
            return true;
        };
        let text = self.bytes.get(last.bytes.clone()).unwrap_or_default();
        match last.kind {
            Kind::Mark => !matches!(text, b")" | b"]" | b"}" | b"<"),
            Kind::Word => BEFORE_REGEX.iter().any(|word| word.as_bytes() == text),
            _ => false,
        }
    }

    fn regex(&mut self) -> Option<usize> {
        if self.at < self.known_hopeless(b'/') {
            return None;
        }
        let mut class = false;
        let mut at = self.at + 1;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match rest {
                [b'\n', ..] => break,
                [b'\\', second, ..] if *second != b'\n' => at += 1,
                [b'[', ..] => class = true,
                [b']', ..] => class = false,
                [b'/', ..] if !class => return Some(at + 1),
                _ => {}
            }
            at += 1;
        }
        self.remember_hopeless(b'/', at);
        None
    }

    /// `r"…"`, `r#"…"#`, with `b` or `c` before them.
    fn raw_text(&self) -> Option<usize> {
        let prefix = self.while_from(self.at, |byte| matches!(byte, b'b' | b'c'));
        if self.bytes.get(prefix) != Some(&b'r') || prefix > self.at + 1 {
            return None;
        }
        let quote = self.while_from(prefix + 1, |byte| byte == b'#');
        let hashes = quote - prefix - 1;
        if self.bytes.get(quote) != Some(&b'"') {
            return None;
        }
        let end = format!("\"{}", "#".repeat(hashes));
        let closed = self.text.get(quote + 1..).and_then(|rest| rest.find(&end));
        Some(closed.map_or(self.bytes.len(), |at| quote + 1 + at + end.len()))
    }

    /// `'a'`, `'\n'`; a lifetime is none.
    fn character(&self) -> Option<usize> {
        let most = 12;
        let rest = self.bytes.get(self.at + 1..)?;
        let escaped = rest.first() == Some(&b'\\');
        let skip = if escaped { 2 } else { 1 };
        let found = rest
            .iter()
            .take(most)
            .skip(skip)
            .position(|byte| matches!(byte, b'\'' | b'\n'))?;
        let end = skip + found;
        let one = escaped
            || std::str::from_utf8(rest.get(..end)?).is_ok_and(|text| text.chars().count() == 1);
        (one && rest.get(end) == Some(&b'\'')).then_some(self.at + 1 + end + 1)
    }

    /// Digits with what may stand in them and behind them: `0xff_u8`, `1.5e-3`, `1_000n`.
    fn number(&self) -> usize {
        let mut at = self.at;
        let mut before = 0;
        while let Some(byte) = self.bytes.get(at).copied() {
            let next = self.bytes.get(at + 1).copied().unwrap_or(0);
            let part = match byte {
                b'.' => next.is_ascii_digit(),
                b'+' | b'-' => {
                    matches!(before, b'e' | b'E')
                        && next.is_ascii_digit()
                        && !self.starts_with(b"0x")
                }
                b'_' => true,
                byte => byte.is_ascii_alphanumeric(),
            };
            if !part {
                break;
            }
            before = byte;
            at += 1;
        }
        at
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}
