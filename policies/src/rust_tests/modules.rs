//! Which files of a crate are there for tests alone: what only modules under `#[cfg(test)]` lead to.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::attributes::{expanded, meta, requires_test};
use super::items::{Item, ItemKind};
use super::literals::string_value;
use super::spans::Source;
use super::tokens::{ParseError, Tokens};
use crate::path::RepoPath;

/// Files that declarations name, there or not, beyond which no more are looked for.
const MAX_FILES: usize = 16_384;
/// Text of one crate, in bytes, beyond which no more is read.
const MAX_TEXT: usize = 64 << 20;
/// Longer paths lead nowhere.
const MAX_PATH: usize = 4096;

/// `#[cfg(test)] mod name;`, whose file holds nothing but tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestModule {
    /// The modules of this file that the declaration stands in, then its own name.
    pub path: Vec<String>,
    /// What `#[path]` says of its file.
    pub file: Option<String>,
}

/// The modules for tests that a source declares and that lie in files of their own.
///
/// # Errors
/// When the source cannot be taken apart.
pub fn test_modules(source: &str) -> Result<Vec<TestModule>, ParseError> {
    let found = declarations(source)?.into_iter();
    let tests = found.filter(|one| one.test && !one.included);
    Ok(tests
        .map(|one| TestModule {
            path: one
                .inline
                .into_iter()
                .map(|(name, _)| name)
                .chain([one.name])
                .collect(),
            file: one.files.into_iter().next(),
        })
        .collect())
}

/// What a file is to its crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Only modules for tests lead to it.
    Tests,
    /// A build without tests has it.
    Product,
}

/// The files of crates that module declarations and `include!` lead to.
#[derive(Clone, Debug, Default)]
pub struct ModuleFiles {
    files: BTreeMap<RepoPath, Reach>,
    /// Set when there were more files than are read: then no file is known to be of tests alone.
    incomplete: bool,
}

/// The files that are a crate's root by their name and could lead to this one, the nearest first.
pub fn crate_roots(path: &RepoPath) -> Vec<RepoPath> {
    let mut roots = Vec::new();
    let mut directory = path.as_str().map(parent);
    while let Some(here) = directory {
        roots.extend(
            ["lib.rs", "main.rs"]
                .iter()
                .filter_map(|name| join(here, name)),
        );
        directory = (!here.is_empty()).then(|| parent(here));
    }
    roots
}

/// Whether a file is there for tests alone, as far as crates with the usual names of their roots
/// tell. `read` gives the text of a file of the tree.
pub fn is_test_file(path: &RepoPath, read: &dyn Fn(&RepoPath) -> Option<String>) -> bool {
    let files = ModuleFiles::walk(&crate_roots(path), read);
    files.reach(path) == Some(Reach::Tests)
}

impl ModuleFiles {
    /// Follows the declarations from the roots of crates. Roots that are not there are passed
    /// over, and so is what cannot be read or taken apart.
    pub fn walk(roots: &[RepoPath], read: &dyn Fn(&RepoPath) -> Option<String>) -> Self {
        let root = |path: &RepoPath| File {
            path: path.clone(),
            owns_directory: true,
            reach: Reach::Product,
        };
        let mut walk = Walk {
            read,
            open: roots.iter().map(root).collect(),
            text: 0,
            seen: HashSet::new(),
            found: Self::default(),
        };
        walk.run();
        walk.found
    }

    /// What a file is; none where no declaration leads to it.
    pub fn reach(&self, path: &RepoPath) -> Option<Reach> {
        let reach = self.files.get(path).copied()?;
        (reach == Reach::Product || !self.incomplete).then_some(reach)
    }
}

/// A file on the way.
#[derive(Clone, PartialEq, Eq, Hash)]
struct File {
    path: RepoPath,
    /// Whether its modules lie beside it (a root, `mod.rs`, what `#[path]` names) and not in the
    /// directory that has its name.
    owns_directory: bool,
    reach: Reach,
}

struct Walk<'a> {
    read: &'a dyn Fn(&RepoPath) -> Option<String>,
    open: VecDeque<File>,
    text: usize,
    seen: HashSet<File>,
    found: ModuleFiles,
}

impl Walk<'_> {
    fn run(&mut self) {
        while let Some(file) = self.open.pop_front() {
            if self.text > MAX_TEXT || self.seen.len() > MAX_FILES {
                self.found.incomplete = true;
                return;
            }
            if let Some(text) = (self.read)(&file.path) {
                self.text += text.len();
                self.visit(file, &text);
            }
        }
    }

    fn visit(&mut self, mut file: File, text: &str) {
        let source = Source::read(text).ok();
        if source
            .as_ref()
            .is_some_and(|source| gated(&source.tokens, &source.file))
        {
            file.reach = Reach::Tests;
        }
        let known = self
            .found
            .files
            .entry(file.path.clone())
            .or_insert(file.reach);
        *known = file.reach.max(*known);
        for declaration in source.iter().flat_map(declared) {
            let reach = match declaration.test {
                true => Reach::Tests,
                false => file.reach,
            };
            for found in declaration.files_from(&file) {
                let found = File { reach, ..found };
                if self.seen.insert(found.clone()) {
                    self.open.push_back(found);
                }
            }
        }
    }
}

/// A declaration that leads to another file.
struct Declaration {
    /// The inline modules around it, each with what `#[path]` says of its directory.
    inline: Vec<(String, Option<String>)>,
    name: String,
    /// What `#[path]` or `include!` names.
    files: Vec<String>,
    /// Whether a file by the module's own name counts, too.
    by_name: bool,
    included: bool,
    test: bool,
}

fn declarations(source: &str) -> Result<Vec<Declaration>, ParseError> {
    Ok(declared(&Source::read(source)?))
}

fn declared(source: &Source<'_>) -> Vec<Declaration> {
    let mut search = Search {
        tokens: &source.tokens,
        inline: Vec::new(),
        found: Vec::new(),
    };
    search.items(&source.file, gated(&source.tokens, &source.file));
    search.found
}

/// Whether an item's own attributes leave it to builds of tests.
fn gated(tokens: &Tokens<'_>, item: &Item) -> bool {
    let mut attributes = item.attributes.iter();
    attributes.any(|attribute| requires_test(tokens, attribute.clone()))
}

struct Search<'a> {
    tokens: &'a Tokens<'a>,
    inline: Vec<(String, Option<String>)>,
    found: Vec<Declaration>,
}

impl Search<'_> {
    fn items(&mut self, item: &Item, test: bool) {
        for child in &item.children {
            let test = test || gated(self.tokens, child);
            match (child.kind, &child.body) {
                (ItemKind::Module, None) => self.module(child, test),
                (ItemKind::Module, Some(_)) if self.depth(&child.name) <= MAX_PATH => {
                    let directory = self.paths(child).into_iter().next();
                    self.inline.push((child.name.clone(), directory));
                    self.items(child, test);
                    self.inline.pop();
                }
                (ItemKind::Call, Some(_)) => self.call(child, test),
                _ => {}
            }
        }
    }

    /// How long the names of the modules around this place are, with one more.
    fn depth(&self, name: &str) -> usize {
        let around = self.inline.iter().map(|(name, _)| name.len());
        around.sum::<usize>() + name.len()
    }

    fn module(&mut self, item: &Item, test: bool) {
        let certain = |attribute: &std::ops::Range<usize>| {
            meta(self.tokens, attribute.clone()).is_some_and(|meta| meta.name == "path")
        };
        let by_name = !item.attributes.iter().any(certain);
        let files = self.paths(item);
        self.declare(item.name.clone(), files, by_name, test);
    }

    fn declare(&mut self, name: String, files: Vec<String>, by_name: bool, test: bool) {
        self.found.push(Declaration {
            inline: self.inline.clone(),
            name,
            files,
            by_name,
            included: false,
            test,
        });
    }

    fn paths(&self, item: &Item) -> Vec<String> {
        let attributes = item.attributes.iter();
        let metas = attributes.flat_map(|attribute| expanded(self.tokens, attribute.clone()));
        let paths = metas.filter(|meta| meta.name == "path" && meta.plain);
        paths.filter_map(|meta| meta.value).collect()
    }

    /// `include!`, and modules that a macro's arguments declare (`cfg_if!`).
    fn call(&mut self, item: &Item, test: bool) {
        let Some(body) = item.body.clone() else {
            return;
        };
        if item.name == "include" || item.name.ends_with("::include") {
            let file = string_value(self.tokens.text(body.start));
            let inline = std::mem::take(&mut self.inline);
            self.declare(String::new(), file.into_iter().collect(), false, test);
            self.inline = inline;
            if let Some(last) = self.found.last_mut() {
                last.included = true;
            }
            return;
        }
        for at in body {
            let declares = self.tokens.is(at, "mod") && self.tokens.is(at + 2, ";");
            if let Some(name) = self.tokens.word(at + 1).filter(|_| declares) {
                self.declare(name.to_owned(), Vec::new(), true, test);
            }
        }
    }
}

impl Declaration {
    /// The files that this declaration means when it stands in the given one.
    fn files_from(&self, file: &File) -> Vec<File> {
        let Some(path) = file.path.as_str() else {
            return Vec::new();
        };
        let mut directory = Some(parent(path).to_owned());
        // The directory of a file's modules is the one with its name, until `#[path]` says another.
        let mut stem = (!file.owns_directory).then(|| stem(path));
        for (name, other) in &self.inline {
            let own = stem.take().filter(|_| other.is_none());
            let parts = own.into_iter().chain([other.as_deref().unwrap_or(name)]);
            directory = parts.fold(directory, joined);
        }
        let mut found = Vec::new();
        let mut add = |directory: &Option<String>, part: &str, owns_directory| {
            let path = joined(directory.clone(), part);
            found.extend(path.map(|path| File {
                path: RepoPath::from(path.as_str()),
                owns_directory,
                reach: file.reach,
            }));
        };
        for named in &self.files {
            add(&directory, named, true);
        }
        if self.by_name {
            let directory = match stem {
                Some(stem) => joined(directory, stem),
                None => directory,
            };
            add(&directory, &format!("{}.rs", self.name), false);
            add(&directory, &format!("{}/mod.rs", self.name), true);
        }
        found
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".rs").unwrap_or(name)
}

fn join(directory: &str, part: &str) -> Option<RepoPath> {
    joined(Some(directory.to_owned()), part).map(|path| RepoPath::from(path.as_str()))
}

/// A path below a directory of the tree; none where it leads out of the tree.
fn joined(directory: Option<String>, part: &str) -> Option<String> {
    let directory = directory.filter(|_| !part.starts_with('/'))?;
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for step in part.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/")).filter(|path| path.len() <= MAX_PATH)
}
