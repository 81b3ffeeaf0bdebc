//! What a path of Rust means: a module of the own crate by `crate`, `self`, `super` or its name, or another crate of the tree.
//!
//! A path is followed as far as there are files for it. What comes behind are modules within a file, types and functions.

use crate::project::{Crate, Project, folder, is_in, joined, normalized};

/// A file's place in its crate.
struct Place<'a> {
    own: Option<&'a Crate>,
    /// The folder that the modules of the crate's root lie in.
    root: String,
    /// The path of the file's module.
    module: Vec<String>,
}

pub(super) fn resolve(
    project: &Project,
    from: &str,
    path: &[String],
    within: &[String],
) -> Option<String> {
    let named = path.iter().find(|name| !name.is_empty())?;
    if !matches!(named.as_str(), "crate" | "self" | "super") && !project.knows(named) {
        return None;
    }
    let place = place(project, from);
    let here: Vec<String> = place.module.iter().chain(within).cloned().collect();
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => deepest(project, from, &place.root, rest),
        "self" => deepest(project, from, &place.root, &[here, rest.to_vec()].concat()),
        "super" => above(project, from, &place, here, path),
        "" => other_crate(project, &place, rest),
        _ => {
            let child = [here, path.to_vec()].concat();
            let known = child.len() - path.len() + 1;
            let is_child =
                module_file(project, &place.root, child.get(..known).unwrap_or_default()).is_some();
            if is_child {
                return deepest(project, from, &place.root, &child);
            }
            other_crate(project, &place, path)
        }
    }
}

fn above(
    project: &Project,
    from: &str,
    place: &Place<'_>,
    mut module: Vec<String>,
    path: &[String],
) -> Option<String> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    for _ in 0..ups {
        module.pop()?;
    }
    module.extend(path.iter().skip(ups).cloned());
    deepest(project, from, &place.root, &module)
}

/// The file of `mod name;`.
pub(super) fn module(
    project: &Project,
    from: &str,
    name: &str,
    within: &[String],
    file: Option<&str>,
) -> Option<String> {
    if let Some(file) = file {
        let folder = joined(folder(from), &within.join("/"));
        return normalized(&joined(&folder, file));
    }
    let place = place(project, from);
    let path: Vec<String> = place
        .module
        .iter()
        .chain(within)
        .cloned()
        .chain([name.to_owned()])
        .collect();
    module_file(project, &place.root, &path)
}

fn other_crate(project: &Project, place: &Place<'_>, path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let own = place.own.into_iter().flat_map(|own| &own.aliases);
    let shared = project
        .crates
        .iter()
        .filter(|known| known.name.is_empty())
        .flat_map(|known| &known.aliases);
    let name = own
        .chain(shared)
        .find(|(alias, _)| alias == first)
        .map_or(first, |(_, name)| name);
    let found = project
        .crates
        .iter()
        .find(|known| !name.is_empty() && known.name == *name)?;
    deepest(project, &found.root, folder(&found.root), rest).or_else(|| Some(found.root.clone()))
}

/// The file of the longest beginning of a path that has one; of none of it, the crate's root.
fn deepest(project: &Project, from: &str, root: &str, path: &[String]) -> Option<String> {
    let lengths = (1..=path.len()).rev();
    let mut modules = lengths.filter_map(|length| module_file(project, root, path.get(..length)?));
    let found = modules.next();
    found.or_else(|| {
        let roots = ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .map(|name| joined(root, name));
        roots
            .into_iter()
            .find(|path| project.has(path))
            .or_else(|| Some(from.to_owned()))
    })
}

fn module_file(project: &Project, root: &str, path: &[String]) -> Option<String> {
    let module = joined(root, &path.join("/"));
    let files = [format!("{module}.rs"), format!("{module}/mod.rs")];
    files.into_iter().find(|path| project.has(path))
}

fn place<'a>(project: &'a Project, from: &str) -> Place<'a> {
    let own = project
        .crates
        .iter()
        .filter(|known| !known.name.is_empty() && is_in(from, &known.folder));
    let own = own.max_by_key(|known| known.folder.len());
    let base = own.map_or("", |own| own.folder.as_str());
    let library = own.map_or("src", |own| folder(&own.root));
    let root = match own {
        Some(_) if is_in(from, library) && !library.is_empty() => library.to_owned(),
        _ => target_folder(base, from),
    };
    let root = match binary(&root, from) {
        Some(binary) => binary,
        None => root,
    };
    let inside = if root.is_empty() {
        from
    } else {
        from.get(root.len() + 1..).unwrap_or(from)
    };
    let mut module: Vec<String> = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    let is_root = own.is_some_and(|own| own.root == from)
        || (module.len() == 1 && !is_module_of(project, &root, from));
    if is_root || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    Place { own, root, module }
}

/// `src`, `tests`, `benches`, `examples`: the folder below that of the manifest.
fn target_folder(base: &str, from: &str) -> String {
    let inside = if base.is_empty() {
        from
    } else {
        from.get(base.len() + 1..).unwrap_or(from)
    };
    match inside.split_once('/') {
        Some((first, _)) => joined(base, first),
        None => base.to_owned(),
    }
}

/// Programs in `src/bin` are crates of their own.
fn binary(root: &str, from: &str) -> Option<String> {
    let bin = joined(root, "bin");
    let inside = from.strip_prefix(&format!("{bin}/"))?;
    Some(match inside.split_once('/') {
        Some((name, _)) => joined(&bin, name),
        None => bin,
    })
}

/// Whether a file right below a root is a module and not the root itself: there is a root beside it.
fn is_module_of(project: &Project, root: &str, from: &str) -> bool {
    let name = from.rsplit('/').next().unwrap_or(from);
    let is_target = root.ends_with("bin")
        || ["tests", "benches", "examples"]
            .iter()
            .any(|kind| root.ends_with(kind));
    let has_root = ["lib.rs", "main.rs"]
        .iter()
        .any(|name| project.has(&joined(root, name)));
    !matches!(name, "lib.rs" | "main.rs" | "build.rs") && (has_root || !is_target)
}
