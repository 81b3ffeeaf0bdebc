//! One source's product code with another one's tests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::items::ItemKind;
use super::spans::{Scope, Scopes, Source, Span, SpanKey};
use super::tokens::ParseError;

/// What [`splice`] does otherwise than it would by itself.
#[derive(Clone, Debug, Default)]
pub struct SpliceOptions {
    /// Spans of which the product's own version stays; where it has none, none is added.
    pub keep: BTreeSet<SpanKey>,
    /// Macros of other files whose invocations are tests: what [`super::test_macros`] found there,
    /// on either side.
    pub macros: BTreeSet<String>,
}

/// A spliced source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spliced {
    /// The source.
    pub text: String,
    /// Spans that are not the same on both sides, or on one of them alone; white space, comments
    /// and documentation do not count. In order, and whether they are kept or not.
    pub differing: Vec<SpanKey>,
    /// The spans in `text`, in its order.
    pub placed: Vec<Placed>,
    /// Spans of the tests whose module (or trait, or impl) the product does not have.
    pub unplaced: Vec<SpanKey>,
}

/// Where a span stands in a spliced source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The span.
    pub key: SpanKey,
    /// Its first line, from 1.
    pub first_line: usize,
    /// Its last line.
    pub last_line: usize,
}

impl Spliced {
    /// The span that holds a line of the text: what a compiler's error there is about.
    pub fn at_line(&self, line: usize) -> Option<&SpanKey> {
        let holds = |placed: &&Placed| (placed.first_line..=placed.last_line).contains(&line);
        self.placed.iter().find(holds).map(|placed| &placed.key)
    }
}

/// The text of `product` with each of its test spans replaced by the one of `tests` that goes by
/// the same key. Spans that `tests` alone has are added to their module, in the order in which
/// they stand there; those that `product` alone has are removed. Every other byte stays.
///
/// # Errors
/// When either source cannot be taken apart.
pub fn splice(product: &str, tests: &str, options: &SpliceOptions) -> Result<Spliced, ParseError> {
    let [product, tests] = [Source::read(product)?, Source::read(tests)?];
    let mut macros = options.macros.clone();
    for source in [&product, &tests] {
        macros.extend(source.test_macros(&options.macros));
    }
    let splicing = Splicing {
        sources: [&product, &tests],
        scopes: [product.scopes(&macros)?, tests.scopes(&macros)?],
        keep: &options.keep,
        new_line: if product.tokens.source.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        },
    };
    Ok(splicing.run())
}

/// Product and tests, in this order.
struct Splicing<'a> {
    sources: [&'a Source<'a>; 2],
    scopes: [Scopes<'a>; 2],
    keep: &'a BTreeSet<SpanKey>,
    /// The line ends of the product.
    new_line: &'static str,
}

/// Bytes of the product that become something else.
struct Edit<'a> {
    bytes: Range<usize>,
    pieces: Vec<Piece<'a>>,
}

enum Piece<'a> {
    White(String),
    Span(&'a SpanKey, &'a str),
}

impl<'a> Splicing<'a> {
    fn run(&'a self) -> Spliced {
        let differing = self.differing();
        if let Some(whole) = self.whole_file() {
            return Spliced { differing, ..whole };
        }
        let [product, tests] = &self.scopes;
        let mut edits = Vec::new();
        for (path, scope) in product {
            edits.extend(self.scope_edits(scope, tests.get(path)));
        }
        edits.sort_by_key(|edit| (edit.bytes.start, edit.bytes.end));
        let elsewhere = tests
            .iter()
            .filter(|(path, _)| !product.contains_key(*path));
        let unplaced = elsewhere.flat_map(|(_, scope)| &scope.spans);
        let unplaced = unplaced.filter(|span| !self.keep.contains(&span.key));
        Spliced {
            differing,
            unplaced: unplaced.map(|span| span.key.clone()).collect(),
            ..written(self.sources[0].tokens.source, &edits)
        }
    }

    /// The tests' text, where that is a span as a whole.
    fn whole_file(&self) -> Option<Spliced> {
        let root = self.scopes[1].first_key_value()?.1;
        let span = root
            .spans
            .first()
            .filter(|span| span.key.kind == ItemKind::File)?;
        let kept = usize::from(!self.keep.contains(&span.key));
        let text = self.sources[kept].tokens.source;
        let edit = Edit {
            bytes: 0..text.len(),
            pieces: vec![Piece::Span(&span.key, text)],
        };
        Some(written(text, &[edit]))
    }

    fn differing(&self) -> Vec<SpanKey> {
        let meanings = |side: usize| -> BTreeMap<&SpanKey, String> {
            let source = self.sources[side];
            let spans = self.scopes[side].values().flat_map(|scope| &scope.spans);
            spans
                .map(|span| (&span.key, source.meaning(span.item)))
                .collect()
        };
        let [product, tests] = [meanings(0), meanings(1)];
        let keys: BTreeSet<&SpanKey> = product.keys().chain(tests.keys()).copied().collect();
        let differs = |key: &&SpanKey| product.get(*key) != tests.get(*key);
        keys.into_iter().filter(differs).cloned().collect()
    }

    fn scope_edits(
        &'a self,
        product: &'a Scope<'a>,
        tests: Option<&'a Scope<'a>>,
    ) -> Vec<Edit<'a>> {
        let tests = tests.map_or(&[][..], |scope| &scope.spans);
        let asked: HashSet<&SpanKey> = tests.iter().map(|span| &span.key).collect();
        let (slots, own): (Vec<&Span<'_>>, Vec<&Span<'_>>) = product
            .spans
            .iter()
            .partition(|span| asked.contains(&span.key));
        let mut edits = self.fill(&slots, tests, product.end);
        edits.extend(own.into_iter().map(|span| {
            let kept = self.keep.contains(&span.key);
            let kept = kept.then(|| Piece::Span(&span.key, self.sources[0].text(span.item)));
            Edit {
                bytes: self.bytes(span),
                pieces: kept.into_iter().collect(),
            }
        }));
        edits
    }

    /// Puts tests where the product has such ones, in the order of the tests; those between two of
    /// them go after the first.
    fn fill(&'a self, slots: &[&'a Span<'a>], tests: &'a [Span<'a>], end: usize) -> Vec<Edit<'a>> {
        let own: HashMap<&SpanKey, &Span<'_>> =
            slots.iter().map(|slot| (&slot.key, *slot)).collect();
        let mut free = slots.iter().map(|slot| self.bytes(slot));
        let mut edits: Vec<Edit<'_>> = Vec::with_capacity(slots.len());
        let mut added = Vec::new();
        for span in tests {
            let kept = self.keep.contains(&span.key);
            match own.get(&span.key) {
                Some(own) => {
                    let side = usize::from(!kept);
                    let text = self.sources[side].text([own.item, span.item][side]);
                    let bytes = free.next().unwrap_or(end..end);
                    let mut pieces = self.leading(&mut added, bytes.start);
                    pieces.push(Piece::Span(&span.key, text));
                    edits.push(Edit { bytes, pieces });
                }
                None if kept => {}
                None => match edits.last_mut() {
                    Some(last) => {
                        let gap = self.gap(last.bytes.start);
                        last.pieces.extend([gap, self.tests_piece(span)]);
                    }
                    None => added.push(span),
                },
            }
        }
        edits.extend(self.append(&added, end));
        edits
    }

    fn tests_piece(&self, span: &'a Span<'a>) -> Piece<'a> {
        Piece::Span(&span.key, self.sources[1].text(span.item))
    }

    /// Spans that go before the first one that the product has, with what separates them from it.
    fn leading(&'a self, added: &mut Vec<&'a Span<'a>>, at: usize) -> Vec<Piece<'a>> {
        let added = added.drain(..);
        added
            .flat_map(|span| [self.tests_piece(span), self.gap(at)])
            .collect()
    }

    fn bytes(&self, span: &Span<'_>) -> Range<usize> {
        self.sources[0].tokens.bytes(&span.item.tokens)
    }

    /// Adds spans before a module's closing brace, or at the end of the file.
    fn append(&'a self, added: &[&'a Span<'a>], end: usize) -> Option<Edit<'a>> {
        if added.is_empty() {
            return None;
        }
        let source = self.sources[0].tokens.source;
        let new_line = self.new_line;
        // White space before the brace is the brace's own, and stays before it.
        let before = source[..end]
            .strip_suffix(indent(source, end))
            .unwrap_or_default();
        let at = match before.ends_with('\n') && end < source.len() {
            true => before.len(),
            false => end,
        };
        let mut pieces = Vec::new();
        if at > 0 && !source[..at].ends_with('\n') {
            pieces.push(Piece::White(new_line.to_owned()));
        }
        for span in added {
            let tests = &self.sources[1].tokens;
            let indent = indent(tests.source, tests.bytes(&span.item.tokens).start);
            pieces.extend([
                Piece::White(format!("{new_line}{indent}")),
                self.tests_piece(span),
                Piece::White(new_line.to_owned()),
            ]);
        }
        Some(Edit {
            bytes: at..at,
            pieces,
        })
    }

    /// An empty line between a span of the product that begins here and another one.
    fn gap(&self, at: usize) -> Piece<'a> {
        let new_line = self.new_line;
        let indent = indent(self.sources[0].tokens.source, at);
        Piece::White(format!("{new_line}{new_line}{indent}"))
    }
}

/// The white space before this byte, if nothing else is on the line before it.
fn indent(source: &str, at: usize) -> &str {
    let before = &source[..at];
    let text = before.trim_end_matches([' ', '\t']);
    let alone = text.is_empty() || text.ends_with('\n');
    if alone { &before[text.len()..] } else { "" }
}

/// Applies edits, which are in order, and notes where spans come to stand.
fn written(source: &str, edits: &[Edit<'_>]) -> Spliced {
    let mut spliced = Spliced::default();
    let (mut line, mut at) = (1, 0);
    for edit in edits {
        line += push(&mut spliced.text, &source[at..edit.bytes.start]);
        for piece in &edit.pieces {
            line += match piece {
                Piece::White(white) => push(&mut spliced.text, white),
                Piece::Span(key, text) => {
                    let lines = push(&mut spliced.text, text);
                    spliced.placed.push(Placed {
                        key: (*key).clone(),
                        first_line: line,
                        last_line: line + lines,
                    });
                    lines
                }
            };
        }
        at = edit.bytes.end;
    }
    push(&mut spliced.text, &source[at..]);
    spliced
}

/// Adds text; how many lines it ends.
fn push(text: &mut String, more: &str) -> usize {
    text.push_str(more);
    more.bytes().filter(|byte| *byte == b'\n').count()
}
