//! Examples in documentation that rustdoc runs, and which of them a change edits.
//!
//! What a macro's expansion documents, and what `include_str!` brings, is not seen.

use std::collections::HashMap;
use std::ops::Range;

use super::attributes::{Meta, meta};
use super::items::{Item, attribute};
use super::spans::{PATH_BYTES, Source, short};
use super::tokens::{ParseError, Tokens};

/// Words after a fence with which an example is still one of Rust.
const RUST_WORDS: [&str; 7] = [
    "rust",
    "should_panic",
    "no_run",
    "compile_fail",
    "test_harness",
    "standalone",
    "standalone_crate",
];
/// Words that may stand before the name of what is documented.
const BEFORE_NAMES: [&str; 18] = [
    "pub", "fn", "mod", "struct", "enum", "union", "type", "trait", "static", "const", "mut",
    "async", "unsafe", "extern", "default", "macro", "safe", "crate",
];

/// An example that rustdoc runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Doctest {
    /// The item within the file, as rustdoc names it: `inner::Type<T>::method`; empty for the
    /// file's own documentation.
    pub item: String,
    /// Which one of the item's examples, from 1.
    pub ordinal: u32,
    /// The words after the fence and the code, without common indentation.
    pub text: String,
}

/// The examples of a source, in the order of their items.
///
/// # Errors
/// When the source cannot be taken apart.
pub fn doctests(source: &str) -> Result<Vec<Doctest>, ParseError> {
    let source = Source::read(source)?;
    let mut search = Search {
        tokens: &source.tokens,
        found: Vec::new(),
        counts: HashMap::new(),
    };
    search.within(&source.file, "");
    Ok(search.found)
}

/// The examples of the base that are gone or another in the candidate. Those that the candidate
/// adds are none of them, and neither are those that only moved within their item.
///
/// # Errors
/// When either source cannot be taken apart.
pub fn changed_doctests(base: &str, candidate: &str) -> Result<Vec<Doctest>, ParseError> {
    let mut left: HashMap<(String, String), usize> = HashMap::new();
    for one in doctests(candidate)? {
        *left.entry((one.item, one.text)).or_default() += 1;
    }
    let mut changed = doctests(base)?;
    changed.retain(
        |one| match left.get_mut(&(one.item.clone(), one.text.clone())) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        },
    );
    Ok(changed)
}

struct Search<'a> {
    tokens: &'a Tokens<'a>,
    found: Vec<Doctest>,
    counts: HashMap<String, u32>,
}

impl Search<'_> {
    /// What stands in an item: its inner documentation, its items, and whatever else has
    /// documentation (fields, variants, items in functions).
    fn within(&mut self, item: &Item, path: &str) {
        let Some(body) = item.body.clone() else {
            return;
        };
        let start = self.documented(body.start, body.end, true, path);
        if item.children.is_empty() {
            return self.anything(start..body.end, path);
        }
        for child in &item.children {
            let name = joined(path, &name_of(child));
            self.documented(child.tokens.start, child.head.start, false, &name);
            self.within(child, &name);
        }
    }

    /// Documentation anywhere among some tokens, for the name that follows it.
    fn anything(&mut self, range: Range<usize>, path: &str) {
        let mut at = range.start;
        while at < range.end {
            if attribute(self.tokens, at, false).is_none() {
                at += 1;
                continue;
            }
            let mut name = at;
            while let Some((_, next)) = attribute(self.tokens, name, false) {
                name = next;
            }
            let path = joined(path, self.name_at(name, range.end));
            at = self.documented(at, name, false, &path);
        }
    }

    /// The name in the declaration that begins here.
    fn name_at(&self, at: usize, end: usize) -> &str {
        let skipped = |at: &usize| {
            let word = self.tokens.word(*at);
            word.is_some_and(|word| BEFORE_NAMES.contains(&word))
        };
        let mut at = at;
        while at < end && (skipped(&at) || self.tokens.is(at, "(")) {
            at = self.tokens.after(at);
        }
        self.tokens.word(at).unwrap_or_default()
    }

    /// Reads the attributes and doc comments that begin here as one text; the index after them.
    fn documented(&mut self, start: usize, end: usize, inner: bool, path: &str) -> usize {
        let mut text = String::new();
        let mut at = start;
        while let Some((brackets, next)) = attribute(self.tokens, at, inner).filter(|_| at < end) {
            let part = match brackets {
                None => comment(self.tokens.text(at)),
                Some(brackets) => self.doc(brackets).unwrap_or_default(),
            };
            text.push_str(&part);
            at = next;
        }
        for text in examples(&text) {
            let ordinal = self.counts.entry(path.to_owned()).or_default();
            *ordinal += 1;
            self.found.push(Doctest {
                item: path.to_owned(),
                ordinal: *ordinal,
                text,
            });
        }
        at
    }

    /// The text of `doc = "…"`, as lines.
    fn doc(&self, brackets: Range<usize>) -> Option<String> {
        match meta(self.tokens, brackets)? {
            Meta {
                name: "doc",
                plain: true,
                value: Some(value),
                ..
            } => Some(value + "\n"),
            _ => None,
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => short(name),
        // Nobody looks for an item down there, and each of its neighbours has the same path.
        (path, _) if path.len() > PATH_BYTES => path.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}::{name}"),
    }
}

/// An item's name in the paths of rustdoc: of an impl, the type that it is for.
fn name_of(item: &Item) -> String {
    use super::items::ItemKind::{Foreign, Impl, Use};
    match item.kind {
        Impl => short(&implemented(&item.name)),
        Use | Foreign => String::new(),
        _ => short(item.name.split(' ').next().unwrap_or_default()),
    }
}

/// The type in `< T > Trait for Type < T > where …`, without white space.
fn implemented(head: &str) -> String {
    let head = head.split(" where ").next().unwrap_or_default();
    let own = match head.rsplit_once(" for ") {
        Some((_, own)) => own,
        None => after_generics(head),
    };
    own.replace(' ', "")
}

fn after_generics(head: &str) -> &str {
    let mut depth = 0_i32;
    for (at, letter) in head.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if !head[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth <= 0 {
            let end = if letter == '>' { at + 1 } else { 0 };
            return &head[end..];
        }
    }
    head
}

/// The text of a doc comment, as lines.
fn comment(source: &str) -> String {
    let inside = source.get(3..).unwrap_or_default();
    let Some(block) = inside
        .strip_suffix("*/")
        .filter(|_| source.starts_with("/*"))
    else {
        return inside.trim_end_matches('\r').to_owned() + "\n";
    };
    let line = |line: &str| {
        let starred = line.trim_start().strip_prefix('*');
        starred.unwrap_or(line).to_owned() + "\n"
    };
    block.lines().map(line).collect()
}

/// The examples in a text: fenced blocks of Rust, and indented ones.
fn examples(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let common = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| indent(line))
        .min();
    let mut lines = lines
        .iter()
        .map(|line| line.get(common.unwrap_or(0)..).unwrap_or_default());
    let mut found = Vec::new();
    let mut prose = Prose::default();
    while let Some(line) = lines.next() {
        let Some((mark, words)) = fence(line) else {
            found.extend(prose.line(line));
            continue;
        };
        found.extend(prose.end());
        let code: Vec<&str> = lines
            .by_ref()
            .take_while(|line| !closes(line, mark))
            .collect();
        if is_rust(words) {
            found.push(block(words, &code));
        }
    }
    found.extend(prose.end());
    found
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// The code of a block without the indentation that all its lines have, after the fence's words.
fn block(words: &str, code: &[&str]) -> String {
    let filled = code.iter().filter(|line| !line.trim().is_empty());
    let common = filled.map(|line| indent(line)).min().unwrap_or(0);
    let mut text = words.trim().to_owned() + "\n";
    for line in code {
        text.push_str(line.get(common..).unwrap_or_default().trim_end());
        text.push('\n');
    }
    text
}

/// The marks of a fence, and the words after it. Fences in quotes and lists are fences.
fn fence(line: &str) -> Option<(&str, &str)> {
    let start = line.trim_start_matches([' ', '\t', '>', '*', '-', '+']);
    let mark = start
        .chars()
        .next()
        .filter(|mark| ['`', '~'].contains(mark))?;
    let words = start.trim_start_matches(mark);
    let marks = &start[..start.len() - words.len()];
    (marks.len() >= 3 && !(mark == '`' && words.contains('`'))).then_some((marks, words))
}

fn closes(line: &str, marks: &str) -> bool {
    let rest = line.trim_start_matches([' ', '\t', '>']);
    rest.strip_prefix(marks).is_some_and(|rest| {
        let mark = marks.chars().next().unwrap_or_default();
        rest.trim_start_matches(mark).trim().is_empty()
    })
}

/// Whether rustdoc runs a block with these words after its fence.
fn is_rust(words: &str) -> bool {
    let words: Vec<&str> = words
        .split([',', ' ', '\t'])
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    let rust = |word: &&str| {
        let code = word.strip_prefix('E').is_some_and(|rest| {
            rest.len() == 4 && rest.bytes().all(|digit| digit.is_ascii_digit())
        });
        RUST_WORDS.contains(word) || word.starts_with("edition20") || code
    };
    let ignored = words
        .iter()
        .any(|word| *word == "ignore" || word.starts_with("ignore-"));
    let custom = words.contains(&"custom");
    !ignored && !custom && (words.iter().all(rust) || words.contains(&"rust"))
}

/// Text between fences, in which indented lines after an empty one are code, except in lists.
#[derive(Default)]
struct Prose<'a> {
    code: Vec<&'a str>,
    in_paragraph: bool,
    in_list: bool,
}

impl<'a> Prose<'a> {
    /// Takes a line; the example that ends before it.
    fn line(&mut self, line: &'a str) -> Option<String> {
        let empty = line.trim().is_empty();
        let indented = indent(line) >= 4 || line.starts_with('\t');
        if (empty && !self.code.is_empty())
            || (!empty && indented && !self.in_paragraph && !self.in_list)
        {
            self.code.push(line);
            return None;
        }
        let example = self.end();
        self.in_paragraph = !empty;
        if !empty && (!indented || is_list(line)) {
            self.in_list = is_list(line) || (self.in_list && indent(line) > 0);
        }
        example
    }

    fn end(&mut self) -> Option<String> {
        self.in_paragraph = false;
        let mut code = std::mem::take(&mut self.code);
        while code.last().is_some_and(|line| line.trim().is_empty()) {
            code.pop();
        }
        (!code.is_empty()).then(|| block("", &code))
    }
}

fn is_list(line: &str) -> bool {
    let start = line.trim_start();
    let rest = start.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let numbered = rest.len() < start.len() && (rest.starts_with(". ") || rest.starts_with(") "));
    numbered
        || ["* ", "- ", "+ "]
            .iter()
            .any(|mark| start.starts_with(mark))
}
