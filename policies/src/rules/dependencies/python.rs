//! `pyproject.toml`, `setup.cfg`, `setup.py`, `Pipfile`, requirements, and the lock files of uv, Poetry, PDM and PEP 751.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::source::{Kind, Language, Source as Code};
use super::facts::{
    Facts, Locked, Source, Table, entries, git_source, path_source, table, tables, text,
};
use crate::path::RepoPath;

/// Names that pip takes for the same.
fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

pub(super) fn pyproject(path: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = toml::from_str(content).ok()?;
    let mut facts = Facts::default();
    let own = table(&document, &["project"])
        .and_then(|project| text(project, "name"))
        .map(normal);
    for requirement in requirements(&document) {
        requirement_of(path, requirement, &mut facts);
    }
    for dependencies in poetry_tables(&document) {
        facts.declare_each(path, dependencies);
    }
    if let Some(sources) = table(&document, &["tool", "uv", "sources"]) {
        facts.declare_each(path, sources);
    }
    for (tool, key) in [("uv", "index"), ("poetry", "source"), ("pdm", "source")] {
        let tool = table(&document, &["tool", tool]);
        let urls = tool
            .into_iter()
            .flat_map(|tool| entries(tool, key))
            .filter_map(|index| text(index, "url"));
        facts
            .settings
            .extend(urls.map(|url| format!("packages can come from {url}")));
    }
    facts.declared.retain(|name, _| Some(name) != own.as_ref());
    Some(facts)
}

/// Every requirement in the words of PEP 508.
fn requirements(document: &Table) -> Vec<&str> {
    let project = table(document, &["project"]);
    let lists = [
        project.and_then(|project| project.get("dependencies")),
        table(document, &["build-system"]).and_then(|build| build.get("requires")),
        table(document, &["tool", "uv"]).and_then(|uv| uv.get("dev-dependencies")),
    ];
    let groups = [
        table(document, &["project", "optional-dependencies"]),
        table(document, &["dependency-groups"]),
        table(document, &["tool", "pdm", "dev-dependencies"]),
    ];
    let groups = groups
        .into_iter()
        .flatten()
        .flat_map(serde_json::Map::values);
    let lists = lists
        .into_iter()
        .flatten()
        .chain(groups)
        .filter_map(Value::as_array);
    lists.flatten().filter_map(Value::as_str).collect()
}

fn poetry_tables(document: &Table) -> Vec<&Table> {
    let poetry = ["dependencies", "dev-dependencies"];
    let plain = poetry
        .iter()
        .filter_map(|key| table(document, &["tool", "poetry", key]));
    let groups = tables(table(document, &["tool", "poetry", "group"]));
    plain
        .chain(groups.filter_map(|group| table(group, &["dependencies"])))
        .collect()
}

impl Facts {
    /// Tables in which a name leads to a version or to a place.
    fn declare_each(&mut self, path: &RepoPath, dependencies: &Table) {
        for (name, value) in dependencies.iter().filter(|(name, _)| *name != "python") {
            let value = match value {
                Value::Array(choices) => choices
                    .iter()
                    .find(|one| place(path, one) != Source::Registry)
                    .unwrap_or(value),
                one => one,
            };
            self.declare(&normal(name), place(path, value));
        }
    }
}

fn place(path: &RepoPath, value: &Value) -> Source {
    let Some(table) = value.as_object() else {
        return Source::Registry;
    };
    if let Some(url) = text(table, "git") {
        return git_source(url);
    }
    if let Some(named) = text(table, "path").or_else(|| text(table, "file")) {
        return path_source(path, named);
    }
    if table.get("workspace") == Some(&Value::Bool(true)) {
        return Source::Tree;
    }
    let other = ["url", "index", "source"]
        .iter()
        .find_map(|key| text(table, key));
    other.map_or(Source::Registry, |other| Source::Other(other.to_owned()))
}

fn requirement_of(path: &RepoPath, requirement: &str, facts: &mut Facts) {
    let requirement = requirement.trim();
    let end = requirement.find(|one: char| !(one.is_ascii_alphanumeric() || "-_.".contains(one)));
    let (name, rest) = requirement.split_at(end.unwrap_or(requirement.len()));
    if name.is_empty() {
        return;
    }
    let url = rest
        .split(';')
        .next()
        .and_then(|rest| rest.split_once('@'))
        .map(|(_, url)| url.trim());
    facts.declare(
        &normal(name),
        url.map_or(Source::Registry, |url| url_source(path, url)),
    );
}

fn url_source(path: &RepoPath, url: &str) -> Source {
    if url.starts_with("git+") {
        return git_source(url);
    }
    match url.strip_prefix("file:") {
        Some(named) => path_source(path, named.trim_start_matches("//")),
        None => Source::Other(url.split('#').next().unwrap_or_default().to_owned()),
    }
}

/// Options of requirements files that say where packages come from.
const INDEX_OPTIONS: [&str; 7] = [
    "-i",
    "--index-url",
    "--extra-index-url",
    "-f",
    "--find-links",
    "--trusted-host",
    "--no-index",
];

pub(super) fn requirements_file(path: &RepoPath, content: &str) -> Option<Facts> {
    let mut facts = Facts::default();
    for line in content.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let word = line.split([' ', '=']).next().unwrap_or_default();
        let editable = line
            .strip_prefix("-e ")
            .or_else(|| line.strip_prefix("--editable "));
        let line = editable.unwrap_or(line).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if INDEX_OPTIONS.contains(&word) {
            facts
                .settings
                .push(format!("packages can come from elsewhere: {line}"));
        } else if line.starts_with("git+") || line.contains("://") && !line.contains('@') {
            let name = line.rsplit_once("egg=").map_or(line, |(_, name)| name);
            facts.declare(&normal(name), url_source(path, line));
        } else if line.starts_with(['.', '/']) {
            facts.declare(line, path_source(path, line));
        } else if !line.starts_with('-') {
            requirement_of(path, line, &mut facts);
        }
    }
    Some(facts)
}

/// The lists of `setup.cfg`: lines below `install_requires` and its kin.
pub(super) fn setup_cfg(path: &RepoPath, content: &str) -> Option<Facts> {
    let mut facts = Facts::default();
    let (mut section, mut listed) = ("", false);
    for line in content.lines() {
        let plain = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            section = plain;
            listed = false;
        } else if !line.starts_with([' ', '\t']) && !plain.is_empty() {
            let (key, value) = plain.split_once('=').unwrap_or((plain, ""));
            let key = key.trim();
            listed = section == "[options.extras_require]"
                || section == "[options]" && key.ends_with("_requires");
            listed &= key != "python_requires";
            if listed {
                value
                    .split(';')
                    .next()
                    .into_iter()
                    .for_each(|one| requirement_of(path, one, &mut facts));
            }
        } else if listed {
            requirement_of(path, plain, &mut facts);
        }
    }
    Some(facts)
}

/// The texts in what `setup.py` gives to names such as `install_requires`: as far as they are literals.
pub(super) fn setup_py(path: &RepoPath, content: &str) -> Option<Facts> {
    let mut facts = Facts::default();
    let code = Code::read(Language::Python, content).code();
    let named = |at: usize| {
        let name = code.at(at).to_ascii_lowercase();
        let list = ["requires", "require", "requirements"]
            .iter()
            .any(|end| name.ends_with(end));
        list && name != "python_requires" && code.at(at + 1) == "="
    };
    let mut at = 0;
    while at < code.tokens.len() {
        at = match named(at) {
            true => assigned(path, &code, at + 2, &mut facts),
            false => at + 1,
        };
    }
    Some(facts)
}

/// Reads the requirements of the value that begins at a token, and gives the token behind it.
fn assigned(path: &RepoPath, code: &Code<'_>, start: usize, facts: &mut Facts) -> usize {
    let mut depth = 0_usize;
    for at in start..code.tokens.len() {
        match code.at(at) {
            "[" | "(" | "{" => depth += 1,
            "]" | ")" | "}" => depth = depth.saturating_sub(1),
            // What stands before a colon is the name of a group.
            text if code.kind(at) == Some(Kind::Text) && code.at(at + 1) != ":" => {
                requirement_of(path, text.trim_matches(['"', '\'']), facts);
            }
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.tokens.len()
}

pub(super) fn pipfile(path: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = toml::from_str(content).ok()?;
    let mut facts = Facts::default();
    for dependencies in ["packages", "dev-packages"]
        .iter()
        .filter_map(|key| table(&document, &[key]))
    {
        facts.declare_each(path, dependencies);
    }
    let urls = entries(&document, "source").filter_map(|source| text(source, "url"));
    facts
        .settings
        .extend(urls.map(|url| format!("packages can come from {url}")));
    Some(facts)
}

pub(super) fn lock(path: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = toml::from_str(content).ok()?;
    let packages = entries(&document, "package").chain(entries(&document, "packages"));
    Some(Facts {
        locked: packages
            .filter_map(|package| locked(path, package))
            .collect(),
        ..Facts::default()
    })
}

fn locked(path: &RepoPath, package: &Table) -> Option<Locked> {
    Some(Locked {
        name: normal(text(package, "name")?),
        version: text(package, "version").unwrap_or_default().to_owned(),
        source: locked_source(path, package),
        hashes: hashes(package),
        needs: needs(package),
    })
}

fn locked_source(path: &RepoPath, package: &Table) -> Source {
    let vcs = table(package, &["vcs"]).and_then(|vcs| text(vcs, "url"));
    if let Some(url) = vcs.or_else(|| text(package, "git")) {
        return git_source(url);
    }
    let index = text(package, "index");
    let Some(source) = table(package, &["source"]) else {
        return index.map_or(Source::Registry, index_source);
    };
    let url = ["url", "registry"].iter().find_map(|key| text(source, key));
    match (text(source, "type"), url) {
        (Some("git"), Some(url)) => git_source(url),
        (Some("directory" | "file"), _) => Source::Tree,
        (Some(_), Some(url)) => index_source(url),
        (None, Some(url)) if text(source, "registry").is_some() => index_source(url),
        (None, Some(url)) => Source::Other(url.to_owned()),
        _ => {
            let inside = ["editable", "virtual", "directory", "path"]
                .iter()
                .find_map(|key| text(source, key));
            inside.map_or_else(
                || place(path, &Value::Object(source.clone())),
                |named| path_source(path, named),
            )
        }
    }
}

fn index_source(url: &str) -> Source {
    match url.contains("//pypi.org/") {
        true => Source::Registry,
        false => Source::Other(format!("the index {url}")),
    }
}

/// Checksums by the names of the files.
fn hashes(package: &Table) -> BTreeMap<String, String> {
    let sdist = table(package, &["sdist"]);
    let files = ["files", "wheels"]
        .iter()
        .flat_map(|key| entries(package, key))
        .chain(sdist);
    let one = |file: &Table| {
        let name = ["file", "name", "url"]
            .iter()
            .find_map(|key| text(file, key))?;
        let hash = text(file, "hash").map(str::to_owned);
        let hash = hash.or_else(|| {
            Some(
                table(file, &["hashes"])?
                    .get("sha256")?
                    .as_str()?
                    .to_owned(),
            )
        })?;
        Some((name.rsplit('/').next().unwrap_or_default().to_owned(), hash))
    };
    files.filter_map(one).collect()
}

fn needs(package: &Table) -> Vec<String> {
    let optional = table(package, &["optional-dependencies"])
        .into_iter()
        .flat_map(serde_json::Map::values);
    let lists = package.get("dependencies").into_iter().chain(optional);
    let mut names = Vec::new();
    for list in lists {
        match list {
            Value::Object(table) => names.extend(table.keys().map(|name| normal(name))),
            Value::Array(list) => names.extend(list.iter().filter_map(|need| {
                let name = need.as_str().or_else(|| need.get("name")?.as_str())?;
                let end =
                    name.find(|one: char| !(one.is_ascii_alphanumeric() || "-_.".contains(one)));
                Some(normal(name.get(..end.unwrap_or(name.len()))?))
            })),
            _ => {}
        }
    }
    names
}
