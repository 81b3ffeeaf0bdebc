//! `package.json` and the lock files of npm, pnpm and Yarn.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::{Facts, Locked, Source, Table, git_source, path_source, table, text};
use crate::path::RepoPath;

const TABLES: [&str; 4] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
];

/// Tables that put another version, or another package, in the place of one that somebody asks for.
const OVERRIDES: [&[&str]; 3] = [&["overrides"], &["resolutions"], &["pnpm", "overrides"]];

pub(super) fn manifest(path: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = serde_json::from_str(content).ok()?;
    let mut facts = Facts::default();
    for (name, spec) in TABLES
        .iter()
        .filter_map(|key| table(&document, &[key]))
        .flatten()
    {
        declare(path, name, spec.as_str().unwrap_or_default(), &mut facts);
    }
    let mut open: Vec<&Table> = OVERRIDES
        .iter()
        .filter_map(|keys| table(&document, keys))
        .collect();
    while let Some(overrides) = open.pop() {
        for (key, value) in overrides.iter().filter(|(key, _)| *key != ".") {
            open.extend(value.as_object());
            let name = key
                .rsplit(['>', '/'])
                .next()
                .filter(|_| !key.contains('@'))
                .unwrap_or(key);
            if let Some(spec) = value.as_str() {
                declare(path, without_version(name), spec, &mut facts);
            }
        }
    }
    Some(facts)
}

/// `name@1` and `@scope/name@1` without the version.
fn without_version(spec: &str) -> &str {
    let at = spec.rfind('@').filter(|at| *at > 0);
    at.and_then(|at| spec.get(..at)).unwrap_or(spec)
}

fn declare(path: &RepoPath, name: &str, spec: &str, facts: &mut Facts) {
    match spec.strip_prefix("npm:") {
        Some(real) => facts.declare(without_version(real), Source::Registry),
        None => facts.declare(name, source(path, spec)),
    }
}

fn source(path: &RepoPath, spec: &str) -> Source {
    let (scheme, rest) = spec.split_once(':').unwrap_or(("", spec));
    match scheme {
        "workspace" | "catalog" => Source::Tree,
        "file" | "link" | "portal" => path_source(path, rest),
        "http" | "https" if !spec.ends_with(".git") => Source::Other(spec.to_owned()),
        "" if spec.starts_with(['.', '/', '~']) && spec.contains('/') => path_source(path, spec),
        "" if spec.contains('/') && !spec.starts_with('@') => git_source(&format!("github:{spec}")),
        "" | "patch" => Source::Registry,
        _ => git_source(spec),
    }
}

const REGISTRIES: [&str; 2] = [
    "https://registry.npmjs.org/",
    "https://registry.yarnpkg.com/",
];

/// Where a lock file's address leads.
fn resolved(path: &RepoPath, url: &str) -> Source {
    if url.is_empty() || REGISTRIES.iter().any(|registry| url.starts_with(registry)) {
        return Source::Registry;
    }
    match url.split_once("://") {
        Some(("http" | "https", rest)) if !url.contains(".git#") => {
            let host = rest.split('/').next().unwrap_or_default();
            // Without names and passwords in it.
            let host = host.rsplit('@').next().unwrap_or_default();
            Source::Other(format!("the host {host}"))
        }
        Some((scheme, _)) if scheme != "file" => git_source(url),
        _ => source(path, url),
    }
}

/// By algorithm: another one for the same file is no other file.
fn integrity(text: Option<&str>) -> BTreeMap<String, String> {
    let one = |hash: &str| {
        let (algorithm, sum) = hash.split_once('-').unwrap_or(("", hash));
        (algorithm.to_owned(), sum.to_owned())
    };
    text.into_iter()
        .flat_map(str::split_whitespace)
        .map(one)
        .collect()
}

pub(super) fn package_lock(path: &RepoPath, content: &str) -> Option<Facts> {
    let document: Table = serde_json::from_str(content).ok()?;
    let mut facts = Facts::default();
    for (key, package) in table(&document, &["packages"]).into_iter().flatten() {
        let name = key
            .rsplit_once("node_modules/")
            .map_or("", |(_, name)| name);
        if let Some(package) = package.as_object().filter(|_| !name.is_empty()) {
            facts.locked.push(npm_locked(path, name, package));
        }
    }
    // Version 1 nests.
    let mut open: Vec<&Table> = match facts.locked.is_empty() {
        true => table(&document, &["dependencies"]).into_iter().collect(),
        false => Vec::new(),
    };
    while let Some(level) = open.pop() {
        for (name, package) in level
            .iter()
            .filter_map(|(name, package)| Some((name, package.as_object()?)))
        {
            facts.locked.push(npm_locked(path, name, package));
            open.extend(table(package, &["dependencies"]));
        }
    }
    Some(facts)
}

fn npm_locked(path: &RepoPath, name: &str, package: &Table) -> Locked {
    let link = package.get("link") == Some(&Value::Bool(true));
    let needs = [
        "dependencies",
        "optionalDependencies",
        "peerDependencies",
        "requires",
    ];
    let needs = needs
        .iter()
        .filter_map(|key| table(package, &[key]))
        .flat_map(serde_json::Map::keys);
    Locked {
        name: text(package, "name").unwrap_or(name).to_owned(),
        version: text(package, "version").unwrap_or_default().to_owned(),
        source: match link {
            true => Source::Tree,
            false => resolved(path, text(package, "resolved").unwrap_or_default()),
        },
        hashes: integrity(text(package, "integrity")),
        needs: needs.cloned().collect(),
    }
}

fn fresh(name: &str, version: &str) -> Locked {
    Locked {
        name: name.to_owned(),
        version: version.to_owned(),
        source: Source::Registry,
        hashes: BTreeMap::new(),
        needs: Vec::new(),
    }
}

/// A line without its quotes, its colon, and how far it is indented.
fn yaml_line(line: &str) -> (usize, &str) {
    let plain = line.trim_start();
    (line.len() - plain.len(), plain.trim_end())
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

/// The two tables in which pnpm says what a package is and what it needs.
pub(super) fn pnpm_lock(path: &RepoPath, content: &str) -> Option<Facts> {
    let mut packages: BTreeMap<(&str, &str), Locked> = BTreeMap::new();
    let (mut inside, mut needs, mut key) = (false, false, ("", ""));
    for (indent, line) in content
        .lines()
        .map(yaml_line)
        .filter(|(_, line)| !line.is_empty())
    {
        match indent {
            0 => inside = matches!(line, "packages:" | "snapshots:"),
            2 if inside => {
                key = pnpm_key(unquoted(line.trim_end_matches(" {}").trim_end_matches(':')));
                packages.entry(key).or_insert_with(|| fresh(key.0, key.1));
                needs = false;
            }
            _ if !inside => {}
            4 => {
                needs = line.ends_with("ependencies:");
                if let (Some(resolution), Some(package)) =
                    (line.strip_prefix("resolution:"), packages.get_mut(&key))
                {
                    pnpm_resolution(path, resolution, package);
                }
            }
            _ => {
                let name = line.split_once(": ").filter(|_| needs);
                if let (Some((name, _)), Some(package)) = (name, packages.get_mut(&key)) {
                    package.needs.push(unquoted(name).to_owned());
                }
            }
        }
    }
    Some(Facts {
        locked: packages.into_values().collect(),
        ..Facts::default()
    })
}

/// `{integrity: …, tarball: …}`
fn pnpm_resolution(path: &RepoPath, resolution: &str, package: &mut Locked) {
    let field = |key: &str| {
        let from = resolution.split_once(key)?.1;
        from.split([',', '}']).next().map(unquoted)
    };
    package.hashes = integrity(field("integrity:"));
    let place = field("tarball:").or_else(|| field("repo:"));
    package.source = resolved(path, place.unwrap_or_default());
}

/// `name@1.0.0(peer@2.0.0)`, with a slash before it in older files.
fn pnpm_key(key: &str) -> (&str, &str) {
    let key = key
        .split('(')
        .next()
        .unwrap_or_default()
        .trim_start_matches('/');
    let at = key
        .rfind('@')
        .filter(|at| *at > 0)
        .or_else(|| key.rfind('/'));
    at.map_or((key, ""), |at| {
        (
            key.get(..at).unwrap_or_default(),
            key.get(at + 1..).unwrap_or_default(),
        )
    })
}

/// Both forms of Yarn's: its own and YAML.
pub(super) fn yarn_lock(path: &RepoPath, content: &str) -> Option<Facts> {
    let mut facts = Facts::default();
    let mut needs = false;
    for (indent, line) in content.lines().map(yaml_line) {
        if indent == 0 && line.ends_with(':') && line.contains('@') {
            let spec = unquoted(
                line.trim_end_matches(':')
                    .split(", ")
                    .next()
                    .unwrap_or_default(),
            );
            let real = spec
                .split_once("@npm:")
                .map(|(_, real)| real)
                .filter(|real| real.rfind('@').is_some_and(|at| at > 0));
            let mut package = fresh(
                without_version(real.unwrap_or_else(|| spec.split("@npm:").next().unwrap_or(spec))),
                "",
            );
            if spec.contains("@workspace:") {
                package = Locked {
                    source: Source::Tree,
                    ..fresh(spec.split("@workspace:").next().unwrap_or_default(), "")
                };
            }
            facts.locked.push(package);
            needs = false;
            continue;
        }
        let Some(last) = facts.locked.last_mut() else {
            continue;
        };
        let (key, value) = line.split_once([' ', ':']).unwrap_or((line, ""));
        let value = unquoted(value.trim_start_matches([':', ' ']));
        match (indent, unquoted(key)) {
            (2, "version") => last.version = value.to_owned(),
            (2, "resolved") => last.source = resolved(path, value),
            (2, "integrity") => last.hashes = integrity(Some(value)),
            (2, "checksum") => {
                last.hashes = integrity(Some(value.rsplit('/').next().unwrap_or_default()))
            }
            (2, _) => {}
            (4, name) if needs => last.needs.push(name.to_owned()),
            _ => {}
        }
        if indent == 2 {
            needs = line.ends_with("ependencies:");
        }
    }
    Some(facts)
}
