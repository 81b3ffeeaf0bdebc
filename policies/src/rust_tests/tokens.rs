//! The tokens of a source with their bytes, in one flat list: whatever the nesting of the source,
//! nothing that reads the list recurses because of it.

use std::ops::Range;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree, token_stream};

/// Larger sources are refused.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// More tokens are refused: places of tokens are what costs time.
const MAX_TOKENS: usize = 1 << 20;
/// Brackets within brackets beyond that are refused: items are read recursively.
pub(super) const MAX_DEPTH: usize = 200;

/// Why a source cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More bytes than any source that people write.
    #[error("the source has {bytes} bytes; at most {MAX_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More tokens than any source that people write.
    #[error("the source has more than {MAX_TOKENS} tokens")]
    TooManyTokens,
    /// More brackets within brackets than any source that people write.
    #[error("line {line}: more than {MAX_DEPTH} brackets within each other")]
    TooDeep {
        /// Line in the source, from 1.
        line: usize,
    },
    /// Not Rust's tokens: an unclosed bracket, string or comment, a stray character.
    #[error("line {line}: not a token of Rust, or a bracket without its other half")]
    Token {
        /// Line in the source, from 1.
        line: usize,
    },
    /// Not an item where one must stand.
    #[error("line {line}: not an item of Rust")]
    Item {
        /// Line in the source, from 1.
        line: usize,
    },
}

/// What a token is, as far as items need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Identifier or keyword; also the name in a lifetime.
    Word,
    /// One character; true when the next token is punctuation that adjoins it.
    Punct(bool),
    Literal,
    /// An opening bracket, with the index of the closing one.
    Open(usize),
    Close,
    /// A doc comment; true when it belongs to what it stands in (`//!`, `/*!`).
    Doc(bool),
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Bytes in the source.
    pub(super) bytes: Range<usize>,
}

/// A source and its tokens.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pub(super) source: &'a str,
    list: Vec<Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn read(source: &'a str) -> Result<Self, ParseError> {
        if source.len() > MAX_BYTES {
            return Err(ParseError::TooLarge {
                bytes: source.len(),
            });
        }
        let start = prefix(source);
        // What was read on this thread before is flattened and dropped: no span of it is left, and
        // their table would grow for ever.
        proc_macro2::extra::invalidate_current_thread_spans();
        let stream: TokenStream = source[start..].parse().map_err(|error| {
            let error: proc_macro2::LexError = error;
            ParseError::Token {
                line: line_of(source, start + error.span().byte_range().start),
            }
        })?;
        let list = Flattening::new(source, start).run(stream)?;
        Ok(Self { source, list })
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.list.get(at).map(|token| token.kind)
    }

    /// A token's text; nothing beyond the end.
    pub(super) fn text(&self, at: usize) -> &'a str {
        let token = self.list.get(at);
        token.map_or("", |token| &self.source[token.bytes.clone()])
    }

    pub(super) fn is(&self, at: usize, text: &str) -> bool {
        self.text(at) == text
    }

    /// The word here, without the mark of a raw identifier; none for other tokens.
    pub(super) fn word(&self, at: usize) -> Option<&'a str> {
        let text = self.text(at);
        (self.kind(at) == Some(Kind::Word)).then(|| text.strip_prefix("r#").unwrap_or(text))
    }

    /// The tokens within the brackets that open here.
    pub(super) fn group(&self, at: usize, bracket: &str) -> Option<Range<usize>> {
        match self.kind(at) {
            Some(Kind::Open(close)) if self.is(at, bracket) => Some(at + 1..close),
            _ => None,
        }
    }

    /// The index after this token, or after the brackets that open here.
    pub(super) fn after(&self, at: usize) -> usize {
        match self.kind(at) {
            Some(Kind::Open(close)) => close + 1,
            _ => at + 1,
        }
    }

    /// The bytes from the first token to the last.
    pub(super) fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        let tokens = self.list.get(range.clone()).unwrap_or_default();
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
            _ => 0..0,
        }
    }

    pub(super) fn not_an_item(&self, at: usize) -> ParseError {
        let end = self.source.len();
        let byte = self.list.get(at).map_or(end, |token| token.bytes.start);
        ParseError::Item {
            line: line_of(self.source, byte),
        }
    }

    /// The tokens as one text that does not depend on white space and comments.
    pub(super) fn normalised(&self, range: Range<usize>) -> String {
        let mut text = String::new();
        let mut glued = true;
        for at in range {
            if !glued {
                text.push(' ');
            }
            text.push_str(&self.text(at).replace("\r\n", "\n"));
            glued = self.kind(at) == Some(Kind::Punct(true));
        }
        text
    }
}

/// Where the tokens begin: after a byte order mark and the line that names an interpreter.
fn prefix(source: &str) -> usize {
    let mark = if source.starts_with('\u{feff}') { 3 } else { 0 };
    let rest = &source[mark..];
    if !rest.starts_with("#!") || is_attribute(&rest[2..]) {
        return mark;
    }
    mark + rest.find('\n').unwrap_or(rest.len())
}

/// Whether `[` is the first thing that is neither white space nor a comment.
fn is_attribute(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        let after = if rest.starts_with("//") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else {
            return rest.starts_with('[');
        };
        let Some(after) = after else { return false };
        rest = rest[after..].trim_start();
    }
}

/// The length of the block comment that begins a text; they nest.
fn block_comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = text.as_bytes().get(at..at + 2) {
        match pair {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The line of a byte, from 1.
pub(super) fn line_of(source: &str, byte: usize) -> usize {
    let before = source.as_bytes().get(..byte).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// Turns trees of tokens into a list, on a stack of its own.
struct Flattening<'a> {
    source: &'a str,
    start: usize,
    list: Vec<Token>,
    open: Vec<Frame>,
}

/// Brackets that are not closed yet: what is still to come of them, and where they opened.
struct Frame {
    rest: token_stream::IntoIter,
    opened: Option<(usize, Group)>,
}

impl<'a> Flattening<'a> {
    fn new(source: &'a str, start: usize) -> Self {
        Self {
            source,
            start,
            list: Vec::new(),
            open: Vec::new(),
        }
    }

    fn run(mut self, stream: TokenStream) -> Result<Vec<Token>, ParseError> {
        self.open.push(Frame {
            rest: stream.into_iter(),
            opened: None,
        });
        while let Some(frame) = self.open.last_mut() {
            match frame.rest.next() {
                Some(_) if self.list.len() >= MAX_TOKENS => return Err(ParseError::TooManyTokens),
                Some(tree) => self.take(tree)?,
                None => self.close(),
            }
        }
        Ok(self.list)
    }

    fn push(&mut self, kind: Kind, span: proc_macro2::Span) {
        let bytes = span.byte_range();
        let bytes = self.start + bytes.start..self.start + bytes.end;
        self.list.push(Token { kind, bytes });
    }

    fn take(&mut self, tree: TokenTree) -> Result<(), ParseError> {
        match tree {
            TokenTree::Ident(word) => self.push(Kind::Word, word.span()),
            TokenTree::Literal(literal) => self.push(Kind::Literal, literal.span()),
            TokenTree::Punct(punct) => {
                self.push(Kind::Punct(punct.spacing() == Spacing::Joint), punct.span());
                self.doc_comment();
            }
            TokenTree::Group(group) => return self.enter(group),
        }
        Ok(())
    }

    /// A doc comment comes as the tokens of an attribute, each with the whole comment as its
    /// place: it becomes one token, and the others are skipped.
    fn doc_comment(&mut self) {
        let Some(last) = self.list.last_mut().filter(|last| last.bytes.len() > 1) else {
            return;
        };
        let text = &self.source[last.bytes.clone()];
        let inner = text.starts_with("//!") || text.starts_with("/*!");
        last.kind = Kind::Doc(inner);
        if let Some(frame) = self.open.last_mut() {
            for _ in 0..1 + usize::from(inner) {
                frame.rest.next();
            }
        }
    }

    fn enter(&mut self, group: Group) -> Result<(), ParseError> {
        if group.delimiter() == Delimiter::None {
            return Ok(());
        }
        if self.open.len() > MAX_DEPTH {
            let byte = self.start + group.span_open().byte_range().start;
            let line = line_of(self.source, byte);
            return Err(ParseError::TooDeep { line });
        }
        let at = self.list.len();
        self.push(Kind::Open(at), group.span_open());
        self.open.push(Frame {
            rest: group.stream().into_iter(),
            opened: Some((at, group)),
        });
        Ok(())
    }

    fn close(&mut self) {
        let Some((at, group)) = self.open.pop().and_then(|frame| frame.opened) else {
            return;
        };
        let close = self.list.len();
        self.push(Kind::Close, group.span_close());
        if let Some(open) = self.list.get_mut(at) {
            open.kind = Kind::Open(close);
        }
    }
}
