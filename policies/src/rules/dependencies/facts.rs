//! What manifests and lock files say, whatever the package manager.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::path::RepoPath;

/// Whose packages they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ecosystem {
    Cargo,
    Python,
    Npm,
    Go,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The ecosystem's own registry.
    Registry,
    /// This tree.
    Tree,
    /// Anywhere else, in words.
    Other(String),
}

/// A dependency that a manifest asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Declared {
    pub(super) source: Source,
    /// Written by a tool for what others need.
    pub(super) indirect: bool,
}

/// A package in a lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Locked {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) source: Source,
    /// Checksums by file, or by their algorithm where there is one file.
    pub(super) hashes: BTreeMap<String, String>,
    /// Names of the packages that it needs.
    pub(super) needs: Vec<String>,
}

/// All of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// By name.
    pub(super) declared: BTreeMap<String, Declared>,
    pub(super) locked: Vec<Locked>,
    /// Direct requirements with their versions, where only those explain the indirect ones.
    pub(super) required: BTreeSet<String>,
    /// Lines that change where packages come from.
    pub(super) settings: Vec<String>,
}

impl Facts {
    pub(super) fn declare(&mut self, name: &str, source: Source) {
        // Where a second table says where it comes from, that counts.
        let one = self.declared.entry(name.to_owned()).or_insert(Declared {
            source: Source::Registry,
            indirect: false,
        });
        if one.source == Source::Registry {
            one.source = source;
        }
    }
}

pub(super) type Table = Map<String, Value>;

/// The table below these keys; an empty one where there is none.
pub(super) fn table<'a>(mut table: &'a Table, keys: &[&str]) -> Option<&'a Table> {
    for key in keys {
        table = table.get(*key)?.as_object()?;
    }
    Some(table)
}

/// Every table among the values of a table.
pub(super) fn tables(table: Option<&Table>) -> impl Iterator<Item = &Table> {
    table
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_object)
}

/// The tables of an array.
pub(super) fn entries<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    let array = table.get(key).and_then(Value::as_array);
    array.into_iter().flatten().filter_map(Value::as_object)
}

pub(super) fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(Value::as_str)
}

/// A path that a file names: part of the tree, or outside of it.
pub(super) fn path_source(file: &RepoPath, named: &str) -> Source {
    let mut depth = file.components().count().saturating_sub(1);
    let outside = || Source::Other(format!("the path {named}, outside of the repository"));
    if named.starts_with(['/', '~']) {
        return outside();
    }
    for part in named.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return outside(),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    Source::Tree
}

/// A repository's address without the commit that is taken from it.
pub(super) fn git_source(url: &str) -> Source {
    let url = url.split(['#', '?']).next().unwrap_or_default();
    Source::Other(format!("git {}", url.trim_start_matches("git+")))
}
