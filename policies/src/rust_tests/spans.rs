//! Which items of a source are test spans, under which keys, and where others could be added.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::attributes::{holds_test, makes_test, meta, requires_test};
use super::items::{self, Item, ItemKind};
use super::tokens::{Kind, ParseError, Tokens};

/// Macros whose invocations are tests wherever they are defined.
const TEST_MACROS: [&str; 2] = ["proptest", "quickcheck"];
/// Longer names (of imports, say) are shortened to a digest.
const NAME_BYTES: usize = 160;
/// Bytes of a module path beyond which a source is refused: each span has one.
pub(super) const PATH_BYTES: usize = 2048;

/// What a test span goes by: the same key in two sources is the same span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanKey {
    /// The modules, traits and impls that it stands in, from the outside. Impls are as they are
    /// written, and a second module of one name is `name#2`.
    pub path: Arc<[String]>,
    /// What it is.
    pub kind: ItemKind,
    /// Its name; of an import or impl the tokens, of a macro's call the macro and its first word.
    pub name: String,
    /// Which one of those that are alike in all this, from 1.
    pub ordinal: u32,
}

impl fmt::Display for SpanKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.path.iter() {
            write!(f, "{part}::")?;
        }
        match self.kind {
            ItemKind::File => f.write_str("the whole file")?,
            ItemKind::Use => write!(f, "use {}", self.name)?,
            ItemKind::Impl => write!(f, "impl {}", self.name)?,
            ItemKind::Foreign => f.write_str("extern")?,
            ItemKind::Macro | ItemKind::Call => write!(f, "{}!", self.name)?,
            _ => f.write_str(&self.name)?,
        }
        match self.ordinal {
            1 => Ok(()),
            more => write!(f, "#{more}"),
        }
    }
}

/// A source, taken apart into items.
pub(super) struct Source<'a> {
    pub(super) tokens: Tokens<'a>,
    pub(super) file: Item,
}

/// A test span: an item and its key.
pub(super) struct Span<'a> {
    pub(super) key: SpanKey,
    pub(super) item: &'a Item,
}

/// What may hold spans and is none: the file, a module, a trait, the impls of one type and trait.
pub(super) struct Scope<'a> {
    /// The byte before which items can be added.
    pub(super) end: usize,
    pub(super) spans: Vec<Span<'a>>,
}

/// Scopes by path; the file itself is the first.
pub(super) type Scopes<'a> = BTreeMap<Arc<[String]>, Scope<'a>>;

impl<'a> Source<'a> {
    pub(super) fn read(source: &'a str) -> Result<Self, ParseError> {
        let tokens = Tokens::read(source)?;
        let file = items::read(&tokens)?;
        Ok(Self { tokens, file })
    }

    /// Names of the macros in this source that make tests, themselves or through other macros.
    pub(super) fn test_macros(&self, known: &BTreeSet<String>) -> BTreeSet<String> {
        let mut found = TestMacros::default();
        found.collect(&self.tokens, &self.file);
        found.close(known)
    }

    /// The scopes of this source with their spans.
    pub(super) fn scopes<'b>(
        &'b self,
        macros: &'b BTreeSet<String>,
    ) -> Result<Scopes<'b>, ParseError> {
        let mut finder = Finder {
            tokens: &self.tokens,
            macros,
            scopes: BTreeMap::new(),
        };
        finder.file(&self.file)?;
        Ok(finder.scopes)
    }

    /// The source of an item, from its first attribute or doc comment to its last token.
    pub(super) fn text(&self, item: &Item) -> &'a str {
        &self.tokens.source[self.tokens.bytes(&item.tokens)]
    }

    /// What of an item counts: its tokens but for white space, comments and its documentation.
    pub(super) fn meaning(&self, item: &Item) -> String {
        let mut text = self.header(item);
        match (&item.body, item.kind) {
            (Some(_), ItemKind::Module | ItemKind::File) => {
                let inside = item.children.iter().map(|child| self.meaning(child));
                text.extend(["{ "].into_iter().map(str::to_owned).chain(inside));
                text.push_str(" }");
            }
            _ => text.push_str(&self.tokens.normalised(item.head.end..item.tokens.end)),
        }
        text
    }

    /// The part of an item's meaning that is not in its body.
    pub(super) fn header(&self, item: &Item) -> String {
        let mut text = String::new();
        for attribute in &item.attributes {
            let attribute = attribute.clone();
            if meta(&self.tokens, attribute.clone()).is_none_or(|meta| meta.name != "doc") {
                let tokens = self.tokens.normalised(attribute);
                text.extend(["#[", tokens.as_str(), "] "]);
            }
        }
        text + &self.tokens.normalised(item.head.clone()) + " "
    }
}

/// The macros of a source, and which of them invoke which.
#[derive(Default)]
struct TestMacros<'a> {
    tests: Vec<&'a str>,
    callers: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> TestMacros<'a> {
    fn collect(&mut self, tokens: &Tokens<'a>, item: &'a Item) {
        if item.kind == ItemKind::Macro {
            self.define(tokens, item);
        }
        for child in &item.children {
            self.collect(tokens, child);
        }
    }

    fn define(&mut self, tokens: &Tokens<'a>, item: &'a Item) {
        let range = item.head.start..item.tokens.end;
        if holds_test(tokens, range.clone()) {
            self.tests.push(&item.name);
        }
        let called = |at: &usize| tokens.is(at + 1, "!");
        for word in range.filter(called).filter_map(|at| tokens.word(at)) {
            self.callers.entry(word).or_default().push(&item.name);
        }
    }

    fn close(mut self, known: &'a BTreeSet<String>) -> BTreeSet<String> {
        let known = known.iter().map(String::as_str);
        let mut open: Vec<&str> = known.chain(TEST_MACROS).collect();
        open.append(&mut self.tests);
        let mut found: HashSet<&str> = open.iter().copied().collect();
        while let Some(name) = open.pop() {
            let callers = self.callers.remove(name).unwrap_or_default();
            open.extend(callers.into_iter().filter(|caller| found.insert(caller)));
        }
        found.into_iter().map(str::to_owned).collect()
    }
}

struct Finder<'a> {
    tokens: &'a Tokens<'a>,
    macros: &'a BTreeSet<String>,
    scopes: Scopes<'a>,
}

impl<'a> Finder<'a> {
    fn file(&mut self, file: &'a Item) -> Result<(), ParseError> {
        if !self.is_span(file) {
            return self.scope(file, Vec::new());
        }
        let path: Arc<[String]> = Vec::new().into();
        let key = SpanKey {
            path: path.clone(),
            kind: ItemKind::File,
            name: String::new(),
            ordinal: 1,
        };
        let scope = Scope {
            end: self.tokens.source.len(),
            spans: vec![Span { key, item: file }],
        };
        self.scopes.insert(path, scope);
        Ok(())
    }

    fn scope(&mut self, item: &'a Item, path: Vec<String>) -> Result<(), ParseError> {
        if path.iter().map(String::len).sum::<usize>() > PATH_BYTES {
            let byte = self.tokens.bytes(&item.tokens).start;
            let line = super::tokens::line_of(self.tokens.source, byte);
            return Err(ParseError::TooDeep { line });
        }
        let key: Arc<[String]> = path.clone().into();
        let end = self.end(item);
        let scope = self.scopes.entry(key.clone()).or_insert(Scope {
            end,
            spans: Vec::new(),
        });
        let mut spans = std::mem::take(&mut scope.spans);
        let mut modules = HashMap::new();
        let mut alike: HashMap<(ItemKind, String), u32> = HashMap::new();
        for span in &spans {
            *alike
                .entry((span.key.kind, span.key.name.clone()))
                .or_default() += 1;
        }
        for child in &item.children {
            if self.is_span(child) {
                let name = short(&child.name);
                let ordinal = alike.entry((child.kind, name.clone())).or_default();
                *ordinal += 1;
                let key = SpanKey {
                    path: key.clone(),
                    kind: child.kind,
                    name,
                    ordinal: *ordinal,
                };
                spans.push(Span { key, item: child });
            } else if let Some(segment) = segment(child, &mut modules) {
                let inner = path.iter().cloned().chain([segment]).collect();
                self.scope(child, inner)?;
            }
        }
        if let Some(scope) = self.scopes.get_mut(&key) {
            scope.spans = spans;
        }
        Ok(())
    }

    /// Where items can be added at the end of an item's braces.
    fn end(&self, item: &Item) -> usize {
        match (item.kind, &item.body) {
            (ItemKind::File, _) | (_, None) => self.tokens.source.len(),
            (_, Some(body)) => self.tokens.bytes(&(body.end..body.end + 1)).start,
        }
    }

    fn is_span(&self, item: &Item) -> bool {
        let marked = item.attributes.iter().any(|attribute| {
            requires_test(self.tokens, attribute.clone())
                || makes_test(self.tokens, attribute.clone())
        });
        marked || self.makes_tests(item)
    }

    /// Whether an item is a macro, or a call of one, that makes tests.
    fn makes_tests(&self, item: &Item) -> bool {
        let name = match item.kind {
            ItemKind::Macro => item.name.as_str(),
            ItemKind::Call => macro_name(&item.name),
            _ => return false,
        };
        self.macros.contains(name) || holds_test(self.tokens, item.head.start..item.tokens.end)
    }
}

/// The last word of the path in a call's name.
fn macro_name(call: &str) -> &str {
    let path = call.split(' ').next().unwrap_or_default();
    path.rsplit(':').next().unwrap_or_default()
}

/// What the path of the items within an item has for it; none where nothing within is looked at.
fn segment<'a>(item: &'a Item, modules: &mut HashMap<&'a str, u32>) -> Option<String> {
    item.body.as_ref()?;
    match item.kind {
        ItemKind::Module => {
            let ordinal = modules.entry(&item.name).or_default();
            *ordinal += 1;
            Some(match ordinal {
                1 => short(&item.name),
                more => format!("{}#{more}", short(&item.name)),
            })
        }
        ItemKind::Impl => Some(format!("impl {}", short(&item.name))),
        ItemKind::Trait => Some(format!("trait {}", short(&item.name))),
        _ => None,
    }
}

/// A name as it is, or its beginning and a digest.
pub(super) fn short(name: &str) -> String {
    if name.len() <= NAME_BYTES {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let digest: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let start: String = name.chars().take(NAME_BYTES / 8).collect();
    format!("{start}… {digest}")
}

/// The words among some tokens, marks of raw identifiers left out.
pub(super) fn words<'a>(
    tokens: &Tokens<'a>,
    range: Range<usize>,
) -> impl Iterator<Item = (usize, &'a str)> {
    range.filter_map(|at| match tokens.kind(at) {
        Some(Kind::Word) => Some((at, tokens.word(at)?)),
        _ => None,
    })
}
