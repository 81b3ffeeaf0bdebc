//! What configuration of test runners loads into the process of the tests, by name: set-up files, plugins,
//! environments. Such a file is product by its path, and can say of every test that it passed.
//!
//! How each tool's configuration says so is not known in full. So every word of it that leads to a file counts,
//! whatever stands around it, but for those that say what is tested, built or measured: `include`, `--cov`. A word
//! too many costs a look by a person when that very file is changed.

mod options;
mod python;
mod scripts;

use std::collections::BTreeSet;

use crate::path::RepoPath;
use crate::policy::Check;

/// What stands behind a module's name, or a script's that is named without an ending.
const ENDINGS: [&str; 10] = [
    "", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".tsx", ".py", ".json",
];
/// What stands for a directory that is named in a file's place.
const INDEXES: [&str; 5] = [
    "/index.js",
    "/index.cjs",
    "/index.mjs",
    "/index.ts",
    "/__init__.py",
];
/// Where the tree lies in a run.
const TREE: &str = "/sandbox/tree/";

/// A word that may lead to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word<'t> {
    text: &'t str,
    how: How,
}

/// How a word names a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// By a path or the name of a module, which must look like one: `src` is a word like any other.
    Looks,
    /// As what is loaded, whatever it looks like; a directory stands for the file that begins it.
    Loads,
}

/// Whether a file of this name can be such configuration.
#[must_use]
pub fn can_load(path: &RepoPath) -> bool {
    let name = String::from_utf8_lossy(path.file_name());
    scripts::is_configuration(&name) || python::is_configuration(&name)
}

/// The paths that a configuration's text names to be loaded, there or not; `roots` are directories in which modules
/// are looked for beside its own, the tree's and `src`.
#[must_use]
pub fn loaded(path: &RepoPath, text: &str, roots: &[String]) -> BTreeSet<RepoPath> {
    let name = String::from_utf8_lossy(path.file_name());
    let words = match &*name {
        name if python::is_configuration(name) => python::words(name, text),
        // Of another name where a command says that it is one.
        name => scripts::words(name, text),
    };
    let own = directory(path);
    match &*name {
        // A package knows of nothing around it.
        "package.json" => files(&[own].into(), &words),
        _ => paths(own, &words, roots),
    }
}

/// The directories that a configuration of pytest has modules looked for in.
#[must_use]
pub fn roots(path: &RepoPath, text: &str) -> Vec<String> {
    let name = String::from_utf8_lossy(path.file_name());
    let named = python::roots(&name, text);
    let roots = named
        .iter()
        .filter_map(|root| joined(directory(path), root));
    roots.collect()
}

/// What a check's command and its environment load.
#[must_use]
pub fn loaded_by_command(check: &Check, roots: &[String]) -> BTreeSet<RepoPath> {
    let run = options::words(check.run.iter().map(String::as_str));
    let environment = check.env.iter();
    let environment = environment.flat_map(|(name, value)| options::of_variable(name, value));
    let words: Vec<Word<'_>> = run.into_iter().chain(environment).collect();
    paths(&check.cwd, &words, roots)
}

/// The files that a check's command names as configuration, which may have any name.
#[must_use]
pub fn configurations(check: &Check) -> BTreeSet<RepoPath> {
    let named = options::configurations(&check.run);
    let paths = named.iter().filter_map(|name| joined(&check.cwd, name));
    paths.map(|path| RepoPath::from(path.as_str())).collect()
}

/// The directories that a check's environment has modules looked for in.
#[must_use]
pub fn roots_of_environment(check: &Check) -> Vec<String> {
    let paths = check
        .env
        .get("PYTHONPATH")
        .map(String::as_str)
        .unwrap_or_default();
    let paths = paths
        .split(':')
        .filter_map(|path| joined(&check.cwd, inside(path)));
    paths.collect()
}

fn directory(path: &RepoPath) -> &str {
    let directory = path.as_str().and_then(|path| path.rsplit_once('/'));
    directory.map_or("", |(directory, _)| directory)
}

/// A path without what stands for the tree's own place.
fn inside(path: &str) -> &str {
    let path = path.strip_prefix("<rootDir>").unwrap_or(path);
    path.strip_prefix(TREE).unwrap_or(path)
}

fn paths(directory: &str, words: &[Word<'_>], roots: &[String]) -> BTreeSet<RepoPath> {
    let places = [directory, "", "src"]
        .into_iter()
        .chain(roots.iter().map(String::as_str));
    files(&places.collect(), words)
}

fn files(places: &BTreeSet<&str>, words: &[Word<'_>]) -> BTreeSet<RepoPath> {
    let named = words
        .iter()
        .flat_map(|word| word.names().into_iter().map(|name| (name, word.how)));
    let mut found = BTreeSet::new();
    for (name, how) in named {
        for path in places.iter().filter_map(|place| joined(place, &name)) {
            let indexes = INDEXES.iter().filter(|_| how == How::Loads);
            let files = ENDINGS
                .iter()
                .chain(indexes)
                .map(|ending| format!("{path}{ending}"));
            found.extend(files.map(|file| RepoPath::from(file.as_str())));
        }
    }
    found
}

impl Word<'_> {
    /// The word as a path, and as the name of a module where it can be one; a part of a module behind a colon is left out.
    fn names(self) -> Vec<String> {
        let text = inside(self.text);
        let is_path = text.contains('/');
        let looks = is_path || text.trim_matches('.').contains('.');
        // pytest's `-p no:name` loads nothing.
        if text.is_empty() || text.starts_with("no:") || (self.how == How::Looks && !looks) {
            return Vec::new();
        }
        let module = text.split(':').next().unwrap_or_default();
        let module = (!is_path).then(|| module.replace('.', "/"));
        [Some(text.to_owned()), module]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A path from the tree's root; none where it leads out of the tree, or to all of it.
fn joined(directory: &str, path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests;
