//! Readers of single values: each gives a typed value, or says where and why it cannot.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;

use super::fields::{Errors, list, suggest};
use super::glob::Globs;
use super::layers::{Field, Node, Value};

/// Reads one value and complains where it cannot.
pub(super) type Reader<T> = fn(&Node<'_>, &Errors) -> Option<T>;

pub(super) fn ill_typed(node: &Node<'_>, errors: &Errors, expected: &str) {
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
            let field = |(key, field): (&String, &Field<'_>)| {
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
            is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !good {
            let help = match text.contains('*') {
                true => "name each host: there are no patterns",
                false => "write `host:port`, such as `packages.example.org:443`",
            };
            let message = format!("`{text}` is not a host with a port");
            errors.at(item, message, help.to_owned());
        }
        good.then(|| text.to_owned())
    })
}

/// A name of DNS, an IPv4 address, or an IPv6 address in brackets.
fn is_host(text: &str) -> bool {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match bare {
        Some(bare) => bare.parse::<core::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.bytes().all(plain),
    }
}

/// Names of environment variables.
pub(super) fn variables(node: &Node<'_>, errors: &Errors) -> Option<Vec<String>> {
    array(node, errors, |item, errors| {
        let text = text_of(item, errors)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let good = text.bytes().all(plain) && text.starts_with(|c: char| !c.is_ascii_digit());
        if !good {
            let help = "write the variable's name, such as `REGISTRY_TOKEN`".to_owned();
            let message = "not the name of an environment variable".to_owned();
            errors.at(item, message, help);
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
