//! `Cargo.toml` and `Cargo.lock`.

use serde_json::Value;

use super::facts::{
    Facts, Locked, Source, Table, entries, git_source, path_source, table, tables, text,
};
use crate::path::RepoPath;

const TABLES: [&str; 5] = [
    "dependencies",
    "dev-dependencies",
    "dev_dependencies",
    "build-dependencies",
    "build_dependencies",
];

pub(super) fn manifest(path: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = toml::from_str(content).ok()?;
    let mut facts = Facts::default();
    let targets = tables(table(&document, &["target"]));
    let sections = std::iter::once(&document).chain(targets);
    let mut found: Vec<&Table> = sections
        .flat_map(|section| TABLES.iter().filter_map(|name| table(section, &[name])))
        .collect();
    found.extend(table(&document, &["workspace", "dependencies"]));
    for (key, value) in found.into_iter().flatten() {
        let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
        if value.get("workspace") != Some(&Value::Bool(true)) {
            facts.declare(name, source(path, value));
        }
    }
    let patches = tables(table(&document, &["patch"])).flatten();
    for (key, value) in patches.chain(table(&document, &["replace"]).into_iter().flatten()) {
        let from = match source(path, value) {
            Source::Tree => format!("the path {}", text_of(value, "path")),
            Source::Registry => "another version".to_owned(),
            Source::Other(from) => from,
        };
        facts.settings.push(format!("{key} is replaced by {from}"));
    }
    Some(facts)
}

fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn source(path: &RepoPath, value: &Value) -> Source {
    let Some(table) = value.as_object() else {
        return Source::Registry;
    };
    if let Some(url) = text(table, "git") {
        return git_source(url);
    }
    if let Some(named) = text(table, "path") {
        return path_source(path, named);
    }
    let registry = text(table, "registry").or_else(|| text(table, "registry-index"));
    registry.map_or(Source::Registry, |name| {
        Source::Other(format!("the registry {name}"))
    })
}

pub(super) fn lock(_: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = toml::from_str(content).ok()?;
    let package = |package: &Table| {
        let needs = package.get("dependencies").and_then(Value::as_array);
        let needs = needs.into_iter().flatten().filter_map(Value::as_str);
        let checksum = text(package, "checksum").map(|sum| (String::new(), sum.to_owned()));
        Some(Locked {
            name: text(package, "name")?.to_owned(),
            version: text(package, "version")?.to_owned(),
            source: locked_source(text(package, "source")),
            hashes: checksum.into_iter().collect(),
            needs: needs
                .filter_map(|need| need.split(' ').next())
                .map(str::to_owned)
                .collect(),
        })
    };
    Some(Facts {
        locked: entries(&document, "package").filter_map(package).collect(),
        ..Facts::default()
    })
}

fn locked_source(source: Option<&str>) -> Source {
    match source.map(|source| source.split_once('+').unwrap_or(("", source))) {
        None => Source::Tree,
        Some((_, url))
            if url.contains("github.com/rust-lang/crates.io-index")
                || url.contains("index.crates.io") =>
        {
            Source::Registry
        }
        Some(("git", url)) => git_source(url),
        Some((_, url)) => Source::Other(format!("the registry {url}")),
    }
}
