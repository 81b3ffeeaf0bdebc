//! The items of a source: where each begins and ends, what it is and what it is called.
//!
//! Bodies of functions, types and macros are left unread: they hold no item that another file or
//! module can name. So what is read here changes little from one edition of Rust to the next, and
//! no expression, however deep, costs any stack.

use std::ops::Range;

use super::tokens::{Kind, ParseError, Tokens};

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A whole source file (`#![cfg(test)]`).
    File,
    /// `mod`
    Module,
    /// `fn`
    Function,
    /// `struct`, `enum`, `union` or `type`
    Type,
    /// `trait`
    Trait,
    /// `impl`
    Impl,
    /// `use` or `extern crate`
    Use,
    /// `const` or `static`
    Constant,
    /// `extern { … }`
    Foreign,
    /// `macro_rules!` or `macro`
    Macro,
    /// A macro invoked where items stand.
    Call,
}

/// One item.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: ItemKind,
    /// Its name; of an `impl` or `use` the tokens that say what it is for, of a call the macro.
    pub(super) name: String,
    /// Its tokens, attributes included.
    pub(super) tokens: Range<usize>,
    /// Its own attributes, those inside its braces included: the tokens within the brackets.
    pub(super) attributes: Vec<Range<usize>>,
    /// The tokens from where its attributes end to where its braces open, or to its end.
    pub(super) head: Range<usize>,
    /// The tokens within its braces or, for macros, its brackets.
    pub(super) body: Option<Range<usize>>,
    /// The items of a module, trait or impl.
    pub(super) children: Vec<Item>,
}

/// Reads the items of a whole source; its attributes are those of an item of kind `File`.
pub(super) fn read(tokens: &Tokens<'_>) -> Result<Item, ParseError> {
    let all = 0..tokens.len();
    let mut file = Item {
        kind: ItemKind::File,
        name: String::new(),
        tokens: all.clone(),
        attributes: Vec::new(),
        head: 0..0,
        body: Some(all),
        children: Vec::new(),
    };
    read_children(tokens, &mut file)?;
    Ok(file)
}

/// Reads what stands in an item's braces: its inner attributes, then items.
fn read_children(tokens: &Tokens<'_>, item: &mut Item) -> Result<(), ParseError> {
    let Some(body) = item.body.clone() else {
        return Ok(());
    };
    let mut at = body.start;
    while let Some((attribute, next)) = attribute(tokens, at, true).filter(|_| at < body.end) {
        item.attributes.extend(attribute);
        at = next;
    }
    while at < body.end {
        if tokens.is(at, ";") {
            at += 1;
            continue;
        }
        let child = Reader {
            tokens,
            body: &body,
        }
        .item(at)?;
        at = child.tokens.end;
        item.children.push(child);
    }
    Ok(())
}

/// The attribute that begins here, if one does: what stands in its brackets (nothing for a doc
/// comment) and the index after it.
pub(super) fn attribute(
    tokens: &Tokens<'_>,
    at: usize,
    inner: bool,
) -> Option<(Option<Range<usize>>, usize)> {
    if tokens.kind(at) == Some(Kind::Doc(inner)) {
        return Some((None, at + 1));
    }
    let open = at + 1 + usize::from(inner);
    let marked = tokens.is(at, "#") && (!inner || tokens.is(at + 1, "!"));
    let group = tokens.group(open, "[").filter(|_| marked)?;
    Some((Some(group), tokens.after(open)))
}

/// Reads one item within a body.
struct Reader<'a> {
    tokens: &'a Tokens<'a>,
    body: &'a Range<usize>,
}

/// What the first words of an item tell.
enum Start {
    /// An item of this kind, whose name or type begins here.
    Named(ItemKind, usize),
    /// A macro invocation, whose `!` stands here.
    Call(usize),
}

impl Reader<'_> {
    fn item(&self, start: usize) -> Result<Item, ParseError> {
        let mut attributes = Vec::new();
        let mut at = start;
        while let Some((attribute, next)) = attribute(self.tokens, at, false) {
            attributes.extend(attribute);
            at = next;
        }
        let head = self.after_visibility(at);
        let start_of_head = self.start(head);
        let (kind, name, body, end) = match start_of_head {
            Some(Start::Named(kind, name)) => self.named(kind, name),
            Some(Start::Call(bang)) => self.call(head, bang),
            None => None,
        }
        .ok_or_else(|| self.tokens.not_an_item(head.min(self.body.end)))?;
        let mut item = Item {
            kind,
            name,
            tokens: start..end,
            attributes,
            head: at..body.as_ref().map_or(end, |body| body.start - 1),
            body,
            children: Vec::new(),
        };
        if matches!(kind, ItemKind::Module | ItemKind::Trait | ItemKind::Impl) {
            read_children(self.tokens, &mut item)?;
        }
        Ok(item)
    }

    fn after_visibility(&self, at: usize) -> usize {
        if !self.tokens.is(at, "pub") {
            return at;
        }
        let next = at + 1;
        match self.tokens.group(next, "(") {
            Some(_) => self.tokens.after(next),
            None => next,
        }
    }

    /// Reads on to the word that says what the item is.
    fn start(&self, from: usize) -> Option<Start> {
        let mut at = from;
        while at < self.body.end {
            let next_is_word = self.tokens.kind(at + 1) == Some(Kind::Word);
            let kind = match self.tokens.text(at) {
                "fn" => ItemKind::Function,
                "mod" => ItemKind::Module,
                "struct" | "enum" | "type" => ItemKind::Type,
                "union" if next_is_word => ItemKind::Type,
                "trait" => ItemKind::Trait,
                "impl" => ItemKind::Impl,
                "use" => ItemKind::Use,
                "static" => ItemKind::Constant,
                "const" if !self.modifies(at + 1) => ItemKind::Constant,
                "macro" if next_is_word => ItemKind::Macro,
                "macro_rules" if self.is_definition(at) => {
                    return Some(Start::Named(ItemKind::Macro, at + 2));
                }
                "extern" if self.tokens.is(at + 1, "crate") => {
                    return Some(Start::Named(ItemKind::Use, at + 2));
                }
                "extern" => {
                    let abi = self.tokens.kind(at + 1) == Some(Kind::Literal);
                    at += 1 + usize::from(abi);
                    if self.tokens.is(at, "{") {
                        return Some(Start::Named(ItemKind::Foreign, at));
                    }
                    continue;
                }
                "const" | "async" | "unsafe" | "default" | "auto" | "safe" | "gen" | "final"
                    if next_is_word =>
                {
                    at += 1;
                    continue;
                }
                _ => return self.bang(at).filter(|_| at == from).map(Start::Call),
            };
            return Some(Start::Named(kind, at + 1));
        }
        None
    }

    /// Whether `const` before this word belongs to a function or another item.
    fn modifies(&self, at: usize) -> bool {
        let next_is_word = self.tokens.kind(at + 1) == Some(Kind::Word);
        match self.tokens.text(at) {
            "fn" | "trait" | "impl" | "extern" => true,
            "unsafe" | "async" | "safe" | "gen" => next_is_word,
            _ => false,
        }
    }

    fn is_definition(&self, at: usize) -> bool {
        self.tokens.is(at + 1, "!") && self.tokens.kind(at + 2) == Some(Kind::Word)
    }

    /// The `!` after the path that begins here.
    fn bang(&self, at: usize) -> Option<usize> {
        let path = |at: &usize| {
            self.tokens.word(*at).is_some() || self.tokens.is(*at, ":") || self.tokens.is(*at, "$")
        };
        let end = (at..self.body.end).find(|at| !path(at))?;
        (end > at && self.tokens.is(end, "!")).then_some(end)
    }

    fn named(&self, kind: ItemKind, name: usize) -> Option<Parts> {
        let end = match kind {
            ItemKind::Use | ItemKind::Constant => self.semicolon(name)?,
            ItemKind::Type if self.tokens.is(name - 1, "type") => self.semicolon(name)?,
            ItemKind::Macro => self.macro_end(name + 1, self.tokens.text(name - 1))?,
            _ => self.body_or_semicolon(name)?,
        };
        let last = end - 1;
        let braces = self.tokens.is(last, "}");
        let body = (braces && !matches!(kind, ItemKind::Use | ItemKind::Constant))
            .then(|| (name..last).find(|at| self.tokens.kind(*at) == Some(Kind::Open(last))))
            .flatten();
        let name = match kind {
            ItemKind::Use => self.tokens.normalised(name..last),
            ItemKind::Impl => self.tokens.normalised(name..body?),
            ItemKind::Foreign => String::new(),
            ItemKind::Constant if self.tokens.is(name, "mut") => {
                self.tokens.word(name + 1)?.to_owned()
            }
            _ => self.tokens.word(name)?.to_owned(),
        };
        Some((kind, name, body.map(|open| open + 1..last), end))
    }

    fn call(&self, head: usize, bang: usize) -> Option<Parts> {
        let named = self.tokens.word(bang + 1).is_some();
        let open = bang + 1 + usize::from(named);
        let end = self.macro_end(open, "")?;
        let name = self.tokens.normalised(head..bang).replace(' ', "");
        // Calls of one macro are told apart by what they define, where that comes first.
        let first = self.tokens.word(open + 1);
        let name = first.map_or(name.clone(), |first| format!("{name} {first}"));
        Some((
            ItemKind::Call,
            name,
            Some(open + 1..self.tokens.after(open) - 1),
            end,
        ))
    }

    fn semicolon(&self, from: usize) -> Option<usize> {
        let mut at = from;
        while at < self.body.end {
            if self.tokens.is(at, ";") {
                return Some(at + 1);
            }
            at = self.tokens.after(at);
        }
        None
    }

    /// The end of an item that has braces or ends at a semicolon. Braces within `<…>` are
    /// arguments of a type.
    fn body_or_semicolon(&self, from: usize) -> Option<usize> {
        let mut angles = 0_i64;
        let mut at = from;
        while at < self.body.end {
            match self.tokens.text(at) {
                ";" => return Some(at + 1),
                "{" if angles <= 0 => return Some(self.tokens.after(at)),
                "<" => angles += 1,
                ">" if !self.is_arrow(at) => angles -= 1,
                _ => {}
            }
            at = self.tokens.after(at);
        }
        None
    }

    fn is_arrow(&self, at: usize) -> bool {
        let before = at.saturating_sub(1);
        matches!(self.tokens.text(before), "-" | "=")
            && self.tokens.kind(before) == Some(Kind::Punct(true))
    }

    /// The end of a macro's definition or invocation, whose first bracket opens here: `macro` has
    /// its arguments before its braces, and a bracket that is not a brace has a semicolon.
    fn macro_end(&self, open: usize, keyword: &str) -> Option<usize> {
        let close = |open: usize| match self.tokens.kind(open) {
            Some(Kind::Open(close)) if close < self.body.end => Some(close + 1),
            _ => None,
        };
        let end = close(open)?;
        if keyword == "macro" && self.tokens.is(open, "(") {
            return close(end);
        }
        let semicolon =
            !self.tokens.is(open, "{") && end < self.body.end && self.tokens.is(end, ";");
        Some(end + usize::from(semicolon))
    }
}

/// Kind, name, body and end of an item.
type Parts = (ItemKind, String, Option<Range<usize>>, usize);
