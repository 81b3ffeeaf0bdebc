//! Reads typed values out of a tree, collects every mistake, and names the nearest known key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;

use super::availability;
use super::glob::Globs;
use super::layers::{Node, Source, Table, Value, join};

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

fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// Reads one value and complains where it cannot.
pub(super) type Reader<T> = fn(&Node<'_>, &Errors) -> Option<T>;

fn ill_typed(node: &Node<'_>, errors: &Errors, expected: &str) {
    let found = match node.value {
        Value::Text(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Boolean(_) => "a boolean",
        Value::Other(name) => name,
        Value::Array(_) => "an array",
        Value::Table(_) => "a table",
    };
    errors.at(
        node,
        format!("expected {expected}, found {found}"),
        String::new(),
    );
}

fn text_of<'n>(node: &'n Node<'_>, errors: &Errors) -> Option<&'n str> {
    let Value::Text(text) = &node.value else {
        ill_typed(node, errors, "a string");
        return None;
    };
    if text.contains('\0') {
        errors.at(
            node,
            "a string may not contain NUL".to_owned(),
            String::new(),
        );
        return None;
    }
    Some(text)
}

pub(super) fn string(node: &Node<'_>, errors: &Errors) -> Option<String> {
    text_of(node, errors).map(str::to_owned)
}

pub(super) fn boolean(node: &Node<'_>, errors: &Errors) -> Option<bool> {
    let Value::Boolean(flag) = node.value else {
        ill_typed(node, errors, "`true` or `false`");
        return None;
    };
    Some(flag)
}

pub(super) fn integer(node: &Node<'_>, errors: &Errors) -> Option<i64> {
    let Value::Integer(number) = node.value else {
        ill_typed(node, errors, "an integer");
        return None;
    };
    Some(number)
}

/// An integer within the type's range.
pub(super) fn whole<T: TryFrom<i64>>(node: &Node<'_>, errors: &Errors) -> Option<T> {
    let number = integer(node, errors)?;
    let fits = T::try_from(number).ok();
    if fits.is_none() {
        errors.at(node, format!("{number} is out of range"), String::new());
    }
    fits
}

/// A whole number from 1.
pub(super) fn positive(node: &Node<'_>, errors: &Errors) -> Option<u64> {
    let number: u64 = whole(node, errors)?;
    if number == 0 {
        errors.at(
            node,
            "0 is out of range".to_owned(),
            "write at least 1".to_owned(),
        );
    }
    (number > 0).then_some(number)
}

/// A number from 0 to 1.
pub(super) fn share(node: &Node<'_>, errors: &Errors) -> Option<f64> {
    let number = match node.value {
        Value::Float(number) => number,
        Value::Integer(0) => 0.0,
        Value::Integer(1) => 1.0,
        _ => {
            ill_typed(node, errors, "a number from 0 to 1");
            return None;
        }
    };
    if !(0.0..=1.0).contains(&number) {
        let help = "write a share from 0 to 1, such as 0.5".to_owned();
        errors.at(node, format!("{number} is out of range"), help);
        return None;
    }
    Some(number)
}

/// Anything that reads itself from a string: durations, sizes.
pub(super) fn parsed<T>(node: &Node<'_>, errors: &Errors) -> Option<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    let parsed = text_of(node, errors)?.parse();
    parsed
        .map_err(|error: T::Err| errors.at(node, error.to_string(), String::new()))
        .ok()
}

/// One of a closed list of words.
pub(super) fn word<T: DeserializeOwned>(node: &Node<'_>, errors: &Errors) -> Option<T> {
    let text = text_of(node, errors)?;
    let word = T::deserialize(StrDeserializer::<NotAWord>::new(text));
    let complain = |NotAWord(known): NotAWord| {
        errors.at(
            node,
            format!("unknown value `{text}`"),
            suggest(text, known),
        );
    };
    word.map_err(complain).ok()
}

/// The words that were possible, taken from serde's own complaint.
#[derive(Debug)]
struct NotAWord(&'static [&'static str]);

impl fmt::Display for NotAWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&list(self.0))
    }
}

impl std::error::Error for NotAWord {}

impl serde::de::Error for NotAWord {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// An array, each item read alike; complains about each item that cannot be read.
pub(super) fn array<T>(node: &Node<'_>, errors: &Errors, read: Reader<T>) -> Option<Vec<T>> {
    let Value::Array(items) = &node.value else {
        ill_typed(node, errors, "an array");
        return None;
    };
    let items: Vec<Option<T>> = items.iter().map(|item| read(item, errors)).collect();
    items.into_iter().collect()
}

pub(super) fn strings(node: &Node<'_>, errors: &Errors) -> Option<Vec<String>> {
    array(node, errors, string)
}

pub(super) fn words<T: DeserializeOwned>(node: &Node<'_>, errors: &Errors) -> Option<Vec<T>> {
    array(node, errors, word)
}

pub(super) fn integers(node: &Node<'_>, errors: &Errors) -> Option<Vec<i32>> {
    array(node, errors, whole)
}

/// A command: at least one word.
pub(super) fn command(node: &Node<'_>, errors: &Errors) -> Option<Vec<String>> {
    if matches!(node.value, Value::Text(_)) {
        ill_typed(
            node,
            errors,
            "an array of words (a shell only if written: [\"sh\", \"-c\", …])",
        );
        return None;
    }
    let command = strings(node, errors)?;
    if command.first().is_none_or(String::is_empty) {
        let help = "write the program and its arguments as an array".to_owned();
        errors.at(node, "the command is empty".to_owned(), help);
        return None;
    }
    Some(command)
}

pub(super) fn globs(node: &Node<'_>, errors: &Errors) -> Option<Globs> {
    let patterns = array(node, errors, |item, errors| {
        let pattern = string(item, errors)?;
        let one = Globs::new(&[&pattern]);
        one.map_err(|error| errors.at(item, error.to_string(), String::new()))
            .ok()?;
        Some(pattern)
    })?;
    let globs = Globs::new(&patterns);
    globs
        .map_err(|error| errors.at(node, error.to_string(), String::new()))
        .ok()
}

/// Environment variables.
pub(super) fn environment(node: &Node<'_>, errors: &Errors) -> Option<BTreeMap<String, String>> {
    let Value::Table(table) = &node.value else {
        ill_typed(node, errors, "a table of strings");
        return None;
    };
    let mut variables = BTreeMap::new();
    for (key, field) in table {
        if key.is_empty() || key.contains(['=', '\0']) {
            let message = format!("`{}` is no name for a variable", key.escape_default());
            errors.add(
                field.node.source,
                field.key_span.clone(),
                message,
                String::new(),
            );
        }
        variables.extend(string(&field.node, errors).map(|value| (key.clone(), value)));
    }
    Some(variables)
}

/// A table as JSON, for a plugin.
pub(super) fn json_table(
    node: &Node<'_>,
    errors: &Errors,
) -> Option<serde_json::Map<String, serde_json::Value>> {
    match json(node, errors)? {
        serde_json::Value::Object(table) => Some(table),
        _ => {
            ill_typed(node, errors, "a table");
            None
        }
    }
}

fn json(node: &Node<'_>, errors: &Errors) -> Option<serde_json::Value> {
    Some(match &node.value {
        Value::Text(text) => text.clone().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) if number.is_finite() => (*number).into(),
        Value::Boolean(flag) => (*flag).into(),
        Value::Array(_) => array(node, errors, json)?.into(),
        Value::Table(table) => {
            let field = |(key, field): (&String, &super::layers::Field<'_>)| {
                json(&field.node, errors).map(|value| (key.clone(), value))
            };
            table
                .iter()
                .map(field)
                .collect::<Option<serde_json::Map<_, _>>>()?
                .into()
        }
        Value::Float(_) | Value::Other(_) => {
            ill_typed(node, errors, "a value that JSON has");
            return None;
        }
    })
}

/// A short word for people and for the command line.
pub(super) fn name(node: &Node<'_>, errors: &Errors) -> Option<String> {
    let name = text_of(node, errors)?;
    let good = !name.is_empty() && name.len() <= 64 && !name.chars().any(char::is_control);
    if !good {
        let help = "write 1 to 64 printable characters".to_owned();
        errors.at(node, "not usable as a name".to_owned(), help);
    }
    good.then(|| name.to_owned())
}

/// A path under the tree: relative, without `..`; `.` is the tree itself and becomes empty.
pub(super) fn tree_path(node: &Node<'_>, errors: &Errors) -> Option<String> {
    let path = text_of(node, errors)?;
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if path.starts_with('/') || parts.contains(&"..") {
        let help = "write it relative to the root of the tree".to_owned();
        errors.at(node, format!("`{path}` leaves the tree"), help);
        return None;
    }
    Some(parts.join("/"))
}

pub(super) fn tree_paths(node: &Node<'_>, errors: &Errors) -> Option<Vec<String>> {
    array(node, errors, tree_path)
}

pub(super) fn absolute_paths(node: &Node<'_>, errors: &Errors) -> Option<Vec<String>> {
    array(node, errors, |item, errors| {
        let path = text_of(item, errors)?;
        let good = path.starts_with('/') && !path.split('/').any(|part| part == "..");
        if !good {
            let help = "write it from `/`, without `..`".to_owned();
            errors.at(item, format!("`{path}` is not an absolute path"), help);
        }
        good.then(|| path.to_owned())
    })
}

/// `host:port` pairs.
pub(super) fn endpoints(node: &Node<'_>, errors: &Errors) -> Option<Vec<String>> {
    array(node, errors, |item, errors| {
        let text = text_of(item, errors)?;
        let pair = text.rsplit_once(':');
        let good = pair.is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains(['/', ' '])
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !good {
            let help = "write `host:port`, such as `packages.example.org:443`".to_owned();
            errors.at(item, format!("`{text}` is not a host with a port"), help);
        }
        good.then(|| text.to_owned())
    })
}

/// 64 lower-case hexadecimal digits.
pub(super) fn sha256(node: &Node<'_>, errors: &Errors) -> Option<String> {
    let text = text_of(node, errors)?;
    let good = text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !good {
        let help = "write 64 lower-case hexadecimal digits".to_owned();
        errors.at(node, "not a sha256".to_owned(), help);
    }
    good.then(|| text.to_owned())
}
