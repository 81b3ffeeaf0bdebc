//! What a name of JavaScript or TypeScript means: a path, a mapped name, or a package of the same tree.

use crate::project::{Mapping, Project, folder, joined, normalized};

const ENDINGS: &[&str] = &[
    ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte",
    ".json",
];

/// Endings of what is built, and of the sources that it is built from: TypeScript imports `a.js` and means `a.ts`.
const BUILT: &[(&str, &[&str])] = &[
    (".js", &[".ts", ".tsx"]),
    (".jsx", &[".tsx"]),
    (".mjs", &[".mts"]),
    (".cjs", &[".cts"]),
];

pub(super) fn resolve(project: &Project, from: &str, name: &str) -> Option<String> {
    // What bundlers put behind a name.
    let name = name
        .split(['?', '#'])
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or(name);
    if name == "." || name == ".." || name.starts_with("./") || name.starts_with("../") {
        let path = normalized(&joined(folder(from), name))?;
        // Also what is not there, such as a file that is generated: its place says the part.
        return Some(file(project, &path).unwrap_or(path));
    }
    let mapped = mapping(project, from).and_then(|mapping| map(project, mapping, name));
    mapped.or_else(|| package(project, name))
}

/// The mapping of the nearest configuration.
fn mapping<'a>(project: &'a Project, from: &str) -> Option<&'a Mapping> {
    let mut around = folder(from);
    loop {
        if let Some(mapping) = project.mappings.get(around) {
            return Some(mapping);
        }
        if around.is_empty() {
            return None;
        }
        around = folder(around);
    }
}

/// The pattern that says most of the name decides; a file has to be there.
fn map(project: &Project, mapping: &Mapping, name: &str) -> Option<String> {
    let patterns = mapping.paths.iter().filter_map(|(pattern, targets)| {
        let star = starred(pattern, name)?;
        Some((pattern.find('*').unwrap_or(usize::MAX), star, targets))
    });
    if let Some((_, star, targets)) = patterns.max_by_key(|(said, ..)| *said) {
        let found = targets
            .iter()
            .find_map(|target| file(project, &target.replacen('*', star, 1)));
        if found.is_some() {
            return found;
        }
    }
    let base = mapping.base.as_ref()?;
    file(project, &joined(base, name))
}

/// What the star of a pattern stands for.
fn starred<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((before, after)) => name.strip_prefix(before)?.strip_suffix(after),
    }
}

/// A package of the same tree: the longest one whose name the import begins with.
fn package(project: &Project, name: &str) -> Option<String> {
    let mut package = name;
    let place = loop {
        if let Some(place) = project.packages.get(package) {
            break place;
        }
        package = package.rsplit_once('/')?.0;
    };
    let inside = name
        .get(package.len()..)
        .unwrap_or_default()
        .trim_start_matches('/');
    let places = [joined(place, inside), joined(&joined(place, "src"), inside)];
    let found = places.iter().find_map(|path| file(project, path));
    // Its manifest may lead anywhere in it.
    found.or_else(|| Some(joined(&joined(place, inside), "package.json")))
}

fn file(project: &Project, path: &str) -> Option<String> {
    if project.has(path) {
        return Some(path.to_owned());
    }
    let built = BUILT
        .iter()
        .filter_map(|(ending, sources)| Some((path.strip_suffix(ending)?, sources)));
    let sources = built
        .flat_map(|(stem, sources)| sources.iter().map(move |ending| format!("{stem}{ending}")));
    let complete = ENDINGS.iter().map(|ending| format!("{path}{ending}"));
    let index = ENDINGS
        .iter()
        .map(|ending| joined(path, &format!("index{ending}")));
    sources
        .chain(complete)
        .chain(index)
        .find(|path| project.has(path))
}
