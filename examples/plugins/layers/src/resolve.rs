//! From an import to the file that it means. What is not in the tree belongs to no part: a library, the standard library, or
//! something that is generated.

mod go;
mod javascript;
mod python;
mod rust;

use crate::imports::Target;
use crate::project::Project;

/// The path of what a file imports. A folder that is a module without a file of its own is given as a path in it.
pub(crate) fn resolve(project: &Project, from: &str, target: &Target) -> Option<String> {
    match target {
        Target::Python { up, path } => python::resolve(project, from, *up, path),
        Target::Rust { path, within } => rust::resolve(project, from, path, within),
        Target::RustModule { name, within, file } => {
            rust::module(project, from, name, within, file.as_deref())
        }
        Target::JavaScript(name) => javascript::resolve(project, from, name),
        Target::Go(path) => go::resolve(project, path),
    }
}

#[cfg(test)]
mod tests;
