//! `use`, `mod name;`, `extern crate` and paths in the code itself.

use guest::source::{Kind, Token};

use super::{Found, Source, Target};

/// Braces in braces of one `use`, and parts of one path.
const DEEPEST: usize = 64;

pub(super) fn read(source: &Source<'_>) -> Found {
    let mut reader = Reader {
        source,
        at: 0,
        depth: 0,
        modules: Vec::new(),
        file: None,
        found: Found::new(),
    };
    while reader.at < source.tokens.len() {
        reader.step();
    }
    reader.found
}

struct Reader<'a> {
    source: &'a Source<'a>,
    at: usize,
    depth: usize,
    /// Modules that are open in this file, with the depth of their braces.
    modules: Vec<(String, usize)>,
    /// What a `#[path = "…"]` just said.
    file: Option<String>,
    found: Found,
}

impl Reader<'_> {
    fn step(&mut self) {
        let at = self.at;
        self.at += 1;
        match (self.source.kind(at), self.source.at(at)) {
            (Some(Kind::Mark), "{") => self.depth += 1,
            (Some(Kind::Mark), "}") => {
                self.depth = self.depth.saturating_sub(1);
                let depth = self.depth;
                self.modules.retain(|(_, open)| *open < depth + 1);
            }
            (Some(Kind::Mark), "#") => self.attribute(at),
            (Some(Kind::Mark), ";") => self.file = None,
            (Some(Kind::Word), "mod") => self.module(at),
            (Some(Kind::Word), "use") if !self.is_macro_word(at) => self.tree(at + 1),
            (Some(Kind::Word), "crate") if self.source.before(at) == "extern" => self.external(at),
            (Some(Kind::Word), _) => self.path(at),
            _ => {}
        }
    }

    /// `use<'a>` in the bounds of a type captures lifetimes.
    fn is_macro_word(&self, at: usize) -> bool {
        self.source.at(at + 1) == "<"
    }

    fn within(&self) -> Vec<String> {
        self.modules.iter().map(|(name, _)| name.clone()).collect()
    }

    fn push(&mut self, path: Vec<String>, token: Token) {
        let target = Target::Rust {
            path,
            within: self.within(),
        };
        self.found.push((target, token));
    }

    fn attribute(&mut self, at: usize) {
        let says = (1..=3).map(|ahead| self.source.at(at + ahead));
        if says.eq(["[", "path", "="]) {
            self.file = self.source.string(at + 4).map(str::to_owned);
        }
    }

    fn module(&mut self, at: usize) {
        let (Some(name), Some(token)) = (self.source.word(at + 1), self.source.token(at + 1))
        else {
            return;
        };
        match self.source.at(at + 2) {
            "{" if self.modules.len() < DEEPEST => self.modules.push((plain(name), self.depth + 1)),
            ";" => {
                let target = Target::RustModule {
                    name: plain(name),
                    within: self.within(),
                    file: self.file.take(),
                };
                self.found.push((target, token));
            }
            _ => {}
        }
        self.at = at + 2;
    }

    fn external(&mut self, at: usize) {
        if let (Some(name), Some(token)) = (self.source.word(at + 1), self.source.token(at + 1)) {
            self.push(vec![String::new(), plain(name)], token);
            self.at = at + 2;
        }
    }

    /// A path outside of `use`: at least two names with `::` between them. Types begin with a capital and are no modules.
    fn path(&mut self, start: usize) {
        let Some(token) = self.source.token(start) else {
            return;
        };
        let mut path = self.root(start);
        let mut at = start;
        while let Some(name) = self.source.word(at) {
            if path.len() < DEEPEST {
                path.push(plain(name));
            }
            at += 1;
            if !self.is_separator(at) {
                break;
            }
            at += 2;
        }
        self.at = at.max(start + 1);
        let first = path.iter().find(|name| !name.is_empty());
        if path.len() > 1
            && first
                .is_some_and(|name| !name.starts_with(|letter: char| letter.is_ascii_uppercase()))
        {
            self.push(path, token);
        }
    }

    /// A path that begins with `::` begins with a crate: an empty name stands for that.
    fn root(&self, start: usize) -> Vec<String> {
        let begins = start >= 2 && self.is_separator(start - 2);
        let before = start.checked_sub(3).map(|before| self.source.at(before));
        let is_more = before.is_some_and(|before| {
            before == ">" || before.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        });
        if begins && !is_more {
            vec![String::new()]
        } else {
            Vec::new()
        }
    }

    fn is_separator(&self, at: usize) -> bool {
        self.source.at(at) == ":" && self.source.at(at + 1) == ":"
    }

    /// The tree of a `use`, up to its semicolon.
    fn tree(&mut self, start: usize) {
        let mut prefixes: Vec<Vec<String>> = vec![Vec::new()];
        let mut path: Vec<String> = Vec::new();
        let mut first = None;
        let mut at = start;
        while let Some(token) = self.source.token(at) {
            match (token.kind, self.source.at(at)) {
                (Kind::Word, "as") => at += 1,
                (Kind::Word, name) => {
                    first = first.or(Some(token));
                    if path.len() < DEEPEST {
                        path.push(plain(name));
                    }
                }
                (Kind::Mark, ":") => {
                    if at == start {
                        path.push(String::new());
                    }
                    at += 1;
                }
                (Kind::Mark, "*") => first = first.or(Some(token)),
                (Kind::Mark, "{") => {
                    first = None;
                    if prefixes.len() < DEEPEST {
                        prefixes.push(path.clone());
                    }
                }
                (Kind::Mark, "," | "}" | ";") => {
                    if let Some(token) = first.take() {
                        self.leaf(&path, token);
                    }
                    match self.source.at(at) {
                        ";" => break,
                        "}" if prefixes.len() > 1 => {
                            prefixes.pop();
                        }
                        _ => {}
                    }
                    path = prefixes.last().cloned().unwrap_or_default();
                }
                // Nothing else stands in a `use`: it is none, or does not compile.
                _ => break,
            }
            at += 1;
        }
        self.at = at.max(start);
    }

    fn leaf(&mut self, path: &[String], token: Token) {
        let mut path = path.to_vec();
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        self.push(path, token);
    }
}

/// Without the mark of a raw name, and a macro's `$crate` as the crate that it is in.
fn plain(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    name.strip_prefix('$').unwrap_or(name).to_owned()
}
