//! A package of Go is a folder below the one of its module.

use crate::project::{Project, is_in, joined};

pub(super) fn resolve(project: &Project, path: &str) -> Option<String> {
    let modules = project
        .go_modules
        .iter()
        .filter(|(module, _)| path == module || is_in(path, module));
    let (module, folder) = modules.max_by_key(|(module, _)| module.len())?;
    let inside = path
        .get(module.len()..)
        .unwrap_or_default()
        .trim_start_matches('/');
    // Any name: the part is that of the folder.
    Some(joined(&joined(folder, inside), "package.go"))
}
