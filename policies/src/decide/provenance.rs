//! Contrary evidence that the changed code was what ran.
//!
//! Silence proves nothing and is no reason: not every changed file is one that a test can load.

use crate::change::Change;
use crate::classification::{Classifier, FileClass};
use crate::path::RepoPath;
use crate::rules::written_by_a_tool;
use crate::run::Provenance;

/// What shows that another copy of changed product code was used, one sentence each.
pub(super) fn contrary(
    change: &Change,
    classifier: &Classifier,
    provenance: &Provenance,
    rewritten_on_base: &[RepoPath],
) -> Vec<String> {
    let there = change
        .files
        .iter()
        .filter(|file| file.after.is_some())
        .map(|file| &file.path);
    let product: Vec<&RepoPath> = there
        .filter(|path| classifier.classify(path) == FileClass::Product)
        .collect();
    let foreign = provenance
        .foreign
        .iter()
        .filter(|module| belongs(module, &product));
    let fresh = provenance.fresh.iter().filter_map(|package| {
        let stale = product
            .iter()
            .find(|path| stale(package, path, provenance))?;
        Some(format!(
            "package `{package}` was not built again, although `{stale}` changed"
        ))
    });
    // A lock file is brought up to date by the tool that reads it.
    let rewritten = provenance
        .rewritten
        .iter()
        .filter(|path| product.contains(path) && !rewritten_on_base.contains(path))
        .filter(|path| !written_by_a_tool(path))
        .map(|path| format!("the run itself wrote to `{path}`"));
    foreign
        .map(|module| format!("module {module}"))
        .chain(fresh)
        .chain(rewritten)
        .collect()
}

/// Whether a module (`name from path`) is of the same top-level package as a changed file.
fn belongs(module: &str, product: &[&RepoPath]) -> bool {
    let name = module.split_whitespace().next().unwrap_or_default();
    let package = name.split('.').next().unwrap_or_default().as_bytes();
    !package.is_empty() && product.iter().any(|path| within_package(path, package))
}

fn within_package(path: &RepoPath, package: &[u8]) -> bool {
    let Some(module) = path.as_bytes().strip_suffix(b".py") else {
        return false;
    };
    module
        .split(|byte| *byte == b'/')
        .any(|part| part == package)
}

/// Whether a source of the package changed and was not compiled. Only `src/` and `build.rs` count:
/// what else lies below a manifest may belong to a nested package.
fn stale(package: &RepoPath, path: &RepoPath, provenance: &Provenance) -> bool {
    let inside = match package.as_bytes() {
        b"" | b"." => Some(path.as_bytes()),
        package => path
            .as_bytes()
            .strip_prefix(package)
            .and_then(|rest| rest.strip_prefix(b"/")),
    };
    let source = inside.is_some_and(|rest| {
        rest == b"build.rs" || (rest.starts_with(b"src/") && rest.ends_with(b".rs"))
    });
    let compiled = provenance
        .used
        .as_ref()
        .is_some_and(|used| used.contains(path));
    source && !compiled
}
