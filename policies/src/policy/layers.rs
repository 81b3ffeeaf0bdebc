//! A policy text as a tree of values that know their place, and the merge of two such trees.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A text with the name that messages give it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// A value and where it is written.
#[derive(Clone, Debug)]
pub(super) struct Node<'s> {
    pub(super) source: &'s Source,
    pub(super) span: Range<usize>,
    pub(super) value: Value<'s>,
}

/// The values of TOML; dates are of no use in a policy and keep only their type's name.
#[derive(Clone, Debug)]
pub(super) enum Value<'s> {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Other(&'static str),
    Array(Vec<Node<'s>>),
    Table(Table<'s>),
}

pub(super) type Table<'s> = BTreeMap<String, Field<'s>>;

/// A key of a table with its value.
#[derive(Clone, Debug)]
pub(super) struct Field<'s> {
    pub(super) key_span: Range<usize>,
    pub(super) node: Node<'s>,
}

/// A mistake in the syntax, and where.
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) span: Range<usize>,
}

/// Reads the text; what can be read is there even beside errors.
pub(super) fn read(source: &Source) -> (Node<'_>, Vec<SyntaxError>) {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let errors = errors.iter().map(|error| SyntaxError {
        message: error.message().to_owned(),
        span: error.span().unwrap_or(0..0),
    });
    let errors = errors.collect();
    let span = table.span();
    let value = Value::Table(fields(source, table.get_ref()));
    (
        Node {
            source,
            span,
            value,
        },
        errors,
    )
}

fn fields<'s>(source: &'s Source, table: &DeTable<'_>) -> Table<'s> {
    let field = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let field = Field {
            key_span: key.span(),
            node: node(source, value),
        };
        (key.get_ref().to_string(), field)
    };
    table.iter().map(field).collect()
}

fn node<'s>(source: &'s Source, spanned: &Spanned<DeValue<'_>>) -> Node<'s> {
    let value = match spanned.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other("integer beyond 64 bits"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => Value::Other("float"),
        },
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(_) => Value::Other("date"),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| node(source, item)).collect())
        }
        DeValue::Table(table) => Value::Table(fields(source, table)),
    };
    Node {
        source,
        span: spanned.span(),
        value,
    }
}

/// Arrays of tables that merge by the value of `name`.
const NAMED: [&str; 3] = ["check", "prepare", "service"];

/// The one array that is joined instead of replaced.
const JOINED: &str = "rules.protected";

/// Lays one tree over another: tables merge by key, arrays are replaced.
pub(super) fn merge<'s>(under: Node<'s>, over: Node<'s>) -> Node<'s> {
    merge_at("", under, over)
}

fn merge_at<'s>(path: &str, under: Node<'s>, over: Node<'s>) -> Node<'s> {
    let value = match (under.value, over.value) {
        (Value::Table(under), Value::Table(over)) => Value::Table(merge_tables(path, under, over)),
        (Value::Array(under), Value::Array(over)) if path == JOINED => {
            Value::Array(under.into_iter().chain(over).collect())
        }
        (Value::Array(under), Value::Array(over)) if NAMED.contains(&path) => {
            Value::Array(merge_named(under, over))
        }
        (_, over) => over,
    };
    Node {
        source: over.source,
        span: over.span,
        value,
    }
}

fn merge_tables<'s>(path: &str, mut under: Table<'s>, over: Table<'s>) -> Table<'s> {
    for (key, mut field) in over {
        if let Some(below) = under.remove(&key) {
            field.node = merge_at(&join(path, &key), below.node, field.node);
        }
        under.insert(key, field);
    }
    under
}

fn merge_named<'s>(mut under: Vec<Node<'s>>, over: Vec<Node<'s>>) -> Vec<Node<'s>> {
    let inherited = under.len();
    for node in over {
        let name = node.name().map(str::to_owned);
        let same = |below: &&mut Node<'s>| name.is_some() && below.name() == name.as_deref();
        // Only against what lies beneath: two of one name in one file stay two, and are an error.
        match under.iter_mut().take(inherited).find(same) {
            Some(below) => *below = merge_at("", below.clone(), node),
            None => under.push(node),
        }
    }
    under
}

impl Node<'_> {
    /// Whether a table has the key.
    pub(super) fn has(&self, key: &str) -> bool {
        matches!(&self.value, Value::Table(table) if table.contains_key(key))
    }

    /// The same node, pointing at its first byte.
    pub(super) fn start(&self) -> Self {
        Self {
            span: self.span.start..self.span.start,
            ..self.clone()
        }
    }

    /// The value of `name` in a table.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.value {
            Value::Table(table) => match &table.get("name")?.node.value {
                Value::Text(name) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A key's path from the root.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
