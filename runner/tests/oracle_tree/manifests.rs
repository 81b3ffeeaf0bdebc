//! Mixed manifests as values: what one says with the steering tables of another.

use serde_json::{Map, Value};

use crate::slow::File;

/// What a manifest says, whatever it looks like.
pub(crate) type Meaning = Value;

/// Whether a file of this path is one.
pub(crate) fn is_one(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap();
    ["pyproject.toml", "setup.cfg", "Cargo.toml", "package.json"].contains(&name)
}

/// What a file says; none where it is no such manifest.
pub(crate) fn meaning(path: &str, file: &File) -> Option<Meaning> {
    read(path, file.text()?)
}

fn read(path: &str, text: &str) -> Option<Value> {
    match path {
        _ if path.ends_with(".toml") => toml::from_str(text).ok(),
        _ if path.ends_with(".json") && text.is_empty() => Some(Value::Object(Map::new())),
        _ if path.ends_with(".json") => serde_json::from_str(text).ok(),
        _ => sections(text),
    }
}

/// The lines of an INI file by section; none where a heading does not end.
fn sections(text: &str) -> Option<Value> {
    let (mut found, mut name) = (Map::new(), String::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with('[') && !line.ends_with(']') {
            return None;
        }
        match line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(heading) => name = heading.to_owned(),
            None => {
                let lines = found
                    .entry(name.clone())
                    .or_insert(Value::Array(Vec::new()));
                lines.as_array_mut().unwrap().push(line.into());
            }
        }
    }
    Some(Value::Object(found))
}

/// What the manifest says with the other one's steering tables; none where one of them cannot be read.
pub(crate) fn merged(path: &str, own: &File, other: Option<&File>) -> Option<Meaning> {
    let mut own = meaning(path, own)?;
    let other = match other {
        Some(other) => meaning(path, other)?,
        None => read(path, "")?,
    };
    let table = own.as_object_mut()?;
    match path.rsplit('/').next().unwrap() {
        "pyproject.toml" => python(table, &other),
        "setup.cfg" => put_all(table, &other, |name| {
            name.starts_with("tool:") || name == "flake8" || name.split('-').next() == Some("mypy")
        }),
        "package.json" => put_all(table, &other, |name| {
            "scripts jest vitest mocha ava c8 nyc eslintConfig prettier"
                .split(' ')
                .any(|known| known == name)
        }),
        _ => cargo(table, &other),
    }
    Some(own)
}

/// Makes all keys of this kind what they are in the other table.
fn put_all(table: &mut Map<String, Value>, other: &Value, steers: impl Fn(&str) -> bool) {
    table.retain(|name, _| !steers(name));
    for (name, value) in other.as_object().unwrap() {
        if steers(name) {
            table.insert(name.clone(), value.clone());
        }
    }
}

fn at<'v>(value: &'v Value, name: &str) -> Option<&'v Map<String, Value>> {
    value.get(name)?.as_object()
}

fn python(table: &mut Map<String, Value>, other: &Value) {
    let nothing = Value::Object(Map::new());
    let mut tools = table.remove("tool").unwrap_or(nothing.clone());
    let builds = ["poetry", "hatch", "setuptools", "maturin", "uv", "pdm"];
    let other = other.get("tool").unwrap_or(&nothing);
    put_all(tools.as_object_mut().unwrap(), other, |name| {
        !builds.contains(&name)
    });
    if tools != nothing {
        table.insert("tool".to_owned(), tools);
    }
}

fn cargo(table: &mut Map<String, Value>, other: &Value) {
    put_all(table, other, |name| {
        ["test", "bench", "profile", "lints"].contains(&name)
    });
    let nothing = Value::Object(Map::new());
    if let Some(package) = table.get_mut("package").and_then(Value::as_object_mut) {
        let other = other.get("package").unwrap_or(&nothing);
        put_all(package, other, |name| name.starts_with("auto"));
    }
    if let Some(workspace) = table.get_mut("workspace").and_then(Value::as_object_mut) {
        let other = other.get("workspace").unwrap_or(&nothing);
        put_all(workspace, other, |name| name == "lints");
    }
    if let Some(library) = table.get_mut("lib").and_then(Value::as_object_mut) {
        let other = other.get("lib").unwrap_or(&nothing);
        put_all(library, other, |name| {
            ["test", "doctest", "harness"].contains(&name)
        });
    }
    let wanted = at(other, "dev-dependencies").cloned().unwrap_or_default();
    if !wanted.is_empty() {
        let own = table.entry("dev-dependencies").or_insert(nothing);
        own.as_object_mut().unwrap().extend(wanted);
    }
}
