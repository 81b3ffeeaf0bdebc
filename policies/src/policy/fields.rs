//! Walks the tables of a tree, collects every mistake, and names the nearest known key.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use super::availability;
use super::layers::{Node, Source, Table, Value, join};
use super::values::{Reader, ill_typed};

/// One mistake in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// How the text is called.
    pub source: String,
    /// Bytes of the text.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; empty where the message says it all.
    pub help: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.source, self.line, self.column, self.message
        )?;
        if !self.help.is_empty() {
            write!(f, " ({})", self.help)?;
        }
        Ok(())
    }
}

/// All mistakes in a policy, in the text's order; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors(pub Vec<PolicyError>);

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// Collects mistakes while a tree is read.
#[derive(Debug, Default)]
pub(super) struct Errors(RefCell<Vec<PolicyError>>);

impl Errors {
    pub(super) fn at(&self, node: &Node<'_>, message: String, help: String) {
        self.add(node.source, node.span.clone(), message, help);
    }

    pub(super) fn add(&self, source: &Source, span: Range<usize>, message: String, help: String) {
        let (line, column) = position(&source.text, span.start);
        let source = source.name.clone();
        let error = PolicyError {
            source,
            span,
            line,
            column,
            message,
            help,
        };
        let mut errors = self.0.borrow_mut();
        if !errors.contains(&error) {
            errors.push(error);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// All of them in the order of the text.
    pub(super) fn into_errors(self) -> PolicyErrors {
        let mut errors = self.0.into_inner();
        errors.sort_by_key(|error| (error.span.start, error.span.end));
        PolicyErrors(errors)
    }
}

/// Line and column, from 1, of a byte of the text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        line,
        before.get(start..).unwrap_or_default().chars().count() + 1,
    )
}

/// The fields of one table, read one by one; what is never asked for is unknown.
pub(super) struct Fields<'a, 's> {
    node: &'a Node<'s>,
    table: &'a Table<'s>,
    path: String,
    known: Vec<&'static str>,
    errors: &'a Errors,
}

impl<'a, 's> Fields<'a, 's> {
    /// The fields of a node that has to be a table.
    pub(super) fn of(node: &'a Node<'s>, path: &str, errors: &'a Errors) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            ill_typed(node, errors, "a table");
            return None;
        };
        Some(Self {
            node,
            table,
            path: path.to_owned(),
            known: Vec::new(),
            errors,
        })
    }

    /// The node under a key; says so where this version cannot do what it asks for.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node<'s>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let field = self.table.get(key)?;
        let text = match &field.node.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        if let Some(row) = availability::refused(&join(&self.path, key), text) {
            let what = text.map_or_else(
                || format!("`{key}`"),
                |text| format!("`{key} = \"{text}\"`"),
            );
            let message = format!("{what} is not available in this version");
            self.errors.at(&field.node, message, row.instead.to_owned());
        }
        Some(&field.node)
    }

    /// The value under a key, where there is one and it is well typed.
    pub(super) fn get<T>(&mut self, key: &'static str, read: Reader<T>) -> Option<T> {
        let node = self.node(key)?;
        read(node, self.errors)
    }

    /// The value under a key that has to be there.
    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        read: Reader<T>,
        help: &str,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            let message = format!("`{key}` is missing{}", self.whose());
            self.errors.at(self.node, message, help.to_owned());
        }
        self.get(key, read)
    }

    fn whose(&self) -> String {
        match (self.path.as_str(), self.node.name()) {
            ("", _) => String::new(),
            (path, Some(name)) => format!(" in {path} `{name}`"),
            (path, None) => format!(" in {path}"),
        }
    }

    /// The nested table under a key, with its path.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Fields<'a, 's>> {
        let path = join(&self.path, key);
        let node = self.node(key)?;
        Fields::of(node, &path, self.errors)
    }

    /// The tables of an array under a key.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Fields<'a, 's>> {
        let path = join(&self.path, key);
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        let Value::Array(items) = &node.value else {
            ill_typed(
                node,
                self.errors,
                &format!("an array of tables, `[[{key}]]`"),
            );
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| Fields::of(item, &path, self.errors))
            .collect()
    }

    /// The table's `name`.
    pub(super) fn name(&self) -> Option<&str> {
        self.node.name()
    }

    /// Complains about each name under a key that is not among the known ones.
    pub(super) fn refers_to(&mut self, key: &'static str, what: &str, known: &[&str]) {
        let Some(node) = self.node(key) else { return };
        let Value::Array(items) = &node.value else {
            return;
        };
        for item in items {
            if let Value::Text(name) = &item.value
                && !known.contains(&name.as_str())
            {
                let message = format!("there is no {what} `{name}`");
                self.errors.at(item, message, suggest(name, known));
            }
        }
    }

    /// Complains about the value of a key.
    pub(super) fn complain(&self, key: &str, message: String, help: &str) {
        let node = self.table.get(key).map_or(self.node, |field| &field.node);
        self.errors.at(node, message, help.to_owned());
    }

    /// Complains about every key that nobody asked for; `elsewhere` says where such a key belongs.
    pub(super) fn finish(self, elsewhere: fn(&str) -> Option<&'static str>) {
        for (key, field) in self.table {
            if self.known.contains(&key.as_str()) {
                continue;
            }
            let message = format!("unknown key `{key}`{}", self.whose());
            let place = elsewhere(key).map(str::to_owned);
            let help = place.unwrap_or_else(|| suggest(key, &self.known));
            self.errors
                .add(field.node.source, field.key_span.clone(), message, help);
        }
    }
}

/// The known word that the given one is a slip of, if one is near enough.
fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let normal = |text: &str| text.to_lowercase().replace('_', "-");
    let word = normal(word);
    let distance = |known: &&str| strsim::damerau_levenshtein(&word, &normal(known));
    let best = known.iter().copied().min_by_key(distance)?;
    (distance(&best) <= best.len().max(3) / 3).then_some(best)
}

/// The help for a word that is none of the known ones.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(known) => format!("did you mean `{known}`?"),
        None if known.is_empty() => "there is none at all".to_owned(),
        None => format!("one of {}", list(known)),
    }
}

pub(super) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
