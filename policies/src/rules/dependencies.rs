//! `new-dependency`: code of others that the change brings in, or takes from another place.
//!
//! What the base knows is the measure: its manifests and lock files together. A name that none of them has, a
//! place that differs from the base's, another checksum for the same version, and a locked package that nothing
//! asks for are findings; another version from the same place is none.

use std::collections::{BTreeMap, BTreeSet};

use super::texts::ChangedText;
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::reason::ReasonCode;
use crate::text;

mod cargo;
mod facts;
mod go;
mod lookalike;
mod npm;
mod python;

use facts::{Declared, Ecosystem, Facts, Locked, Source};

/// Longest name or address that is shown.
const SHOWN: usize = 120;

/// Reads a file's text; none for text that is not of its format.
type Reader = fn(&RepoPath, &str) -> Option<Facts>;

fn reader(path: &RepoPath) -> Option<(Ecosystem, Reader)> {
    use Ecosystem::{Cargo, Go, Npm, Python};
    let name = std::str::from_utf8(path.file_name()).ok()?;
    let found: (Ecosystem, Reader) = match name {
        "Cargo.toml" => (Cargo, cargo::manifest),
        "Cargo.lock" => (Cargo, cargo::lock),
        "pyproject.toml" => (Python, python::pyproject),
        "setup.cfg" => (Python, python::setup_cfg),
        "setup.py" => (Python, python::setup_py),
        "Pipfile" => (Python, python::pipfile),
        "uv.lock" | "poetry.lock" | "pdm.lock" | "pylock.toml" => (Python, python::lock),
        "package.json" => (Npm, npm::manifest),
        "package-lock.json" | "npm-shrinkwrap.json" => (Npm, npm::package_lock),
        "pnpm-lock.yaml" => (Npm, npm::pnpm_lock),
        "yarn.lock" => (Npm, npm::yarn_lock),
        "go.mod" => (Go, go::manifest),
        "go.sum" => (Go, go::sums),
        _ if is_requirements(path, name) => (Python, python::requirements_file),
        _ => return None,
    };
    Some(found)
}

fn is_requirements(path: &RepoPath, name: &str) -> bool {
    let text = name.ends_with(".txt") || name.ends_with(".in");
    let named = ["requirements", "constraints"]
        .iter()
        .any(|word| name.contains(word));
    let folder = path.components().rev().nth(1) == Some(b"requirements");
    text && (named || folder)
}

/// Whether a file says which dependencies there are. What is installed or vendored says it of itself.
pub(super) fn is_manifest(path: &RepoPath) -> bool {
    let installed = |part: &[u8]| matches!(part, b"node_modules" | b"vendor" | b"site-packages");
    reader(path).is_some() && !path.components().any(installed)
}

/// A manifest or lock file of the base that the change does not touch.
pub(super) type Known<'a> = (&'a RepoPath, &'a str);

pub(super) fn inspect(
    texts: &[ChangedText<'_>],
    known: &[Known<'_>],
    level: FindingLevel,
) -> Vec<Finding> {
    let manifests: Vec<&ChangedText<'_>> = texts
        .iter()
        .filter(|text| is_manifest(&text.change.path))
        .collect();
    if manifests.is_empty() {
        return Vec::new();
    }
    let mut base: BTreeMap<Ecosystem, Packages> = BTreeMap::new();
    let mut candidate = base.clone();
    for (path, content) in known {
        let facts = reader(path).and_then(|(kind, read)| Some((kind, read(path, content)?)));
        if let Some((ecosystem, facts)) = facts {
            base.entry(ecosystem).or_default().add(&facts);
            candidate.entry(ecosystem).or_default().add(&facts);
        }
    }
    let read: Vec<Read<'_>> = manifests.into_iter().filter_map(Read::of).collect();
    for one in &read {
        base.entry(one.ecosystem).or_default().add(&one.before);
        candidate
            .entry(one.ecosystem)
            .or_default()
            .add(one.after.as_ref().unwrap_or(&one.before));
    }
    let mut findings = Vec::new();
    for one in &read {
        let empty = Packages::default();
        let comparison = Comparison {
            file: one,
            base: base.get(&one.ecosystem).unwrap_or(&empty),
            candidate: candidate.get(&one.ecosystem).unwrap_or(&empty),
        };
        for (name, message) in comparison.findings() {
            // A flood of them is not looked up line by line.
            let line = (findings.len() < super::LISTED).then(|| line_of(one.text, &name));
            findings.push(finding(one.text, message, level, line.flatten()));
        }
    }
    findings
}

/// All packages of one ecosystem that one tree knows.
#[derive(Clone, Debug, Default)]
struct Packages {
    /// Of manifests and lock files together.
    sources: BTreeMap<String, BTreeSet<Source>>,
    /// Of manifests alone, without what a tool wrote there.
    declared: BTreeMap<String, BTreeSet<Source>>,
}

impl Packages {
    fn add(&mut self, facts: &Facts) {
        for (name, one) in &facts.declared {
            self.sources
                .entry(name.clone())
                .or_default()
                .insert(one.source.clone());
            if !one.indirect {
                self.declared
                    .entry(name.clone())
                    .or_default()
                    .insert(one.source.clone());
            }
        }
        for one in &facts.locked {
            self.sources
                .entry(one.name.clone())
                .or_default()
                .insert(one.source.clone());
        }
    }

    fn has(&self, name: &str, source: &Source) -> bool {
        self.sources
            .get(name)
            .is_some_and(|sources| sources.contains(source))
    }
}

/// A changed manifest or lock file.
struct Read<'a> {
    text: &'a ChangedText<'a>,
    ecosystem: Ecosystem,
    before: Facts,
    /// None where it cannot be read.
    after: Option<Facts>,
}

impl<'a> Read<'a> {
    /// None where the file is gone.
    fn of(text: &'a ChangedText<'a>) -> Option<Self> {
        let path = &text.change.path;
        let (ecosystem, read) = reader(path)?;
        text.change.after.as_ref()?;
        let before = text.before.and_then(|before| read(path, before));
        Some(Self {
            text,
            ecosystem,
            before: before.unwrap_or_default(),
            after: text.after.and_then(|after| read(path, after)),
        })
    }
}

struct Comparison<'a> {
    file: &'a Read<'a>,
    base: &'a Packages,
    candidate: &'a Packages,
}

/// A name to look for in the file, and what is to be said of it.
type Found = (String, String);

impl Comparison<'_> {
    fn findings(&self) -> Vec<Found> {
        let Some(after) = &self.file.after else {
            return vec![(
                String::new(),
                "cannot be read, so nobody knows which dependencies it brings".to_owned(),
            )];
        };
        let mut found = Vec::new();
        let declared = after
            .declared
            .iter()
            .filter_map(|(name, one)| self.declared(name, one, after));
        for (at, (name, mut message, is_new)) in declared.enumerate() {
            // The names of a flood are not compared with all others.
            if is_new && at < super::LISTED {
                message.push_str(&self.lookalike(&name));
            }
            found.push((name, message));
        }
        let known: BTreeSet<&String> = self.file.before.settings.iter().collect();
        let new = after
            .settings
            .iter()
            .filter(|setting| !known.contains(setting));
        found.extend(new.map(|setting| {
            let mut words = setting.split(' ');
            let first = words.next().unwrap_or_default();
            let address = words.find(|word| word.contains("://"));
            (address.unwrap_or(first).to_owned(), shown(setting))
        }));
        found.extend(self.locked(after));
        found
    }

    /// What is to be said of a dependency of a manifest, and whether its name is a new one.
    fn declared(
        &self,
        name: &str,
        one: &Declared,
        after: &Facts,
    ) -> Option<(String, String, bool)> {
        let known = self.base.sources.get(name);
        let short = shown(name);
        let message = match (&one.source, known) {
            (source, Some(known)) if known.contains(source) => return None,
            (Source::Tree, None) => return None,
            (Source::Registry, None)
                if one.indirect && after.required != self.file.before.required =>
            {
                return None;
            }
            (Source::Registry, None) => format!("`{short}` is a new dependency"),
            (Source::Other(from), None) => {
                format!("`{short}` is a new dependency, from {}", shown(from))
            }
            (source, Some(_)) => format!("`{short}` comes from {} now", place(source)),
        };
        Some((name.to_owned(), message, known.is_none()))
    }

    fn lookalike(&self, name: &str) -> String {
        let known: BTreeSet<&str> = self.base.declared.keys().map(String::as_str).collect();
        let like = lookalike::of(self.file.ecosystem, name, &known);
        like.map_or(String::new(), |like| {
            format!("; its name looks like `{like}`")
        })
    }

    fn locked(&self, after: &Facts) -> Vec<Found> {
        let mut before: BTreeMap<(&str, &str), Vec<&Locked>> = BTreeMap::new();
        for one in &self.file.before.locked {
            before
                .entry((&one.name, &one.version))
                .or_default()
                .push(one);
        }
        let is_kept =
            |one: &&Locked| before.contains_key(&(one.name.as_str(), one.version.as_str()));
        let moved = after
            .locked
            .iter()
            .filter(|one| !is_kept(one) && one.source != Source::Tree);
        let needed: BTreeSet<&str> = moved
            .flat_map(|one| &one.needs)
            .map(String::as_str)
            .collect();
        // Of go.sum nobody can tell why a line stands there; go.mod says it.
        let explains = self.file.ecosystem != Ecosystem::Go && !self.file.before.locked.is_empty();
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for one in after.locked.iter().filter(|one| one.source != Source::Tree) {
            let twins = before.get(&(one.name.as_str(), one.version.as_str()));
            let message = match twins {
                Some(twins) => self.twin(one, twins),
                None => self.placed(one).or_else(|| {
                    let known = self.base.sources.contains_key(&one.name);
                    let asked = self.candidate.declared.contains_key(&one.name)
                        || needed.contains(one.name.as_str());
                    let message = || {
                        format!(
                            "nothing that changed asks for `{}`, which is new in the lock",
                            shown(&one.name)
                        )
                    };
                    (explains && !known && !asked).then(message)
                }),
            };
            found.extend(
                message
                    .filter(|_| seen.insert(&one.name))
                    .map(|message| (one.name.clone(), message)),
            );
        }
        found
    }

    /// A package that the base has in the same version.
    fn twin(&self, one: &Locked, twins: &[&Locked]) -> Option<String> {
        let version = format!("`{} {}`", shown(&one.name), shown(&one.version));
        if twins.iter().all(|twin| twin.source != one.source) && !self.asked_from(one) {
            return Some(format!(
                "{version} comes from {} now, and no manifest says so",
                place(&one.source)
            ));
        }
        let conflicts = |twin: &&Locked| {
            let both = one
                .hashes
                .iter()
                .filter_map(|(file, hash)| Some((hash, twin.hashes.get(file)?)));
            both.into_iter().any(|(new, old)| new != old)
        };
        twins
            .iter()
            .all(conflicts)
            .then(|| format!("{version} has another checksum than before"))
    }

    /// A package in a new version, or a new one: is its place one that somebody asked for?
    fn placed(&self, one: &Locked) -> Option<String> {
        let strange = matches!(one.source, Source::Other(_)) && !self.established(&one.source);
        let moved =
            self.base.sources.contains_key(&one.name) && !self.base.has(&one.name, &one.source);
        let message = || {
            format!(
                "`{}` comes from {}, and no manifest says so",
                shown(&one.name),
                place(&one.source)
            )
        };
        ((strange || moved) && !self.asked_from(one)).then(message)
    }

    /// Whether a manifest of the candidate says that the package comes from there. An address in a lock file
    /// may be one that the manifest's words lead to, so any other place is taken for it.
    fn asked_from(&self, one: &Locked) -> bool {
        let elsewhere = |source: &Source| matches!(source, Source::Other(_));
        match self.candidate.declared.get(&one.name) {
            Some(sources) => {
                sources.contains(&one.source)
                    || elsewhere(&one.source) && sources.iter().any(elsewhere)
            }
            None => {
                self.candidate
                    .declared
                    .values()
                    .any(|sources| sources.contains(&one.source))
                    && elsewhere(&one.source)
            }
        }
    }

    /// Whether the base takes packages from there.
    fn established(&self, source: &Source) -> bool {
        self.base
            .sources
            .values()
            .any(|sources| sources.contains(source))
    }
}

fn place(source: &Source) -> String {
    match source {
        Source::Registry => "the registry".to_owned(),
        Source::Tree => "this repository".to_owned(),
        Source::Other(from) => shown(from),
    }
}

fn shown(text: &str) -> String {
    text::line(text, SHOWN)
}

fn finding(
    file: &ChangedText<'_>,
    message: String,
    level: FindingLevel,
    line: Option<u32>,
) -> Finding {
    let path = Some(&file.change.path);
    let finding = Finding::built_in(
        ReasonCode::NewDependency,
        level,
        path,
        &message.clone(),
        message,
    );
    match line {
        Some(line) => finding.on_line(line),
        None => finding,
    }
}

/// The first line that the change wrote and that has the name as a word.
fn line_of(file: &ChangedText<'_>, name: &str) -> Option<u32> {
    let name = plain(name);
    if name.is_empty() {
        return None;
    }
    let lines = (1_u32..).zip(file.after.unwrap_or_default().lines());
    let mut added = lines.filter(|(number, _)| file.is_added(*number));
    let line = added.find(|(_, line)| has_word(&plain(line), &name));
    line.map(|(number, _)| number)
}

/// As far as all package managers tell names apart.
fn plain(text: &str) -> String {
    text.to_ascii_lowercase().replace('_', "-")
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |one: Option<char>| one.is_some_and(|one| one.is_ascii_alphanumeric() || one == '-');
    line.match_indices(word).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.get(word.len()..).unwrap_or_default();
        !part(before.chars().next_back()) && !part(after.chars().next())
    })
}

#[cfg(test)]
mod tests;
