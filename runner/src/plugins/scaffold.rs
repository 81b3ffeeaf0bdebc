//! A project of somebody's own custom check, from a template: it builds with the ordinary tools of its language.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};

use crate::error::UserError;

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../examples/plugins/templates");

/// The project's world, the same in each language.
const WORLD: &str = include_str!("../../../examples/plugins/templates/world.wit");

/// The interface, as every project gets it: a package of its own beside the project's world.
const INTERFACE: &str = include_str!("../../../sandboxes/wasm/wit/check.wit");

/// What the templates are called, in each way in which their languages write it.
const NAME: [&str; 3] = ["my-check", "my_check", "MyCheck"];

/// Longest name: it stands in file names.
const LONGEST: usize = 64;

/// Writes the project of this name and language below `parent`, and returns its directory.
///
/// # Errors
/// When the name is none, or the directory is there already or cannot be written.
pub fn write(language: &str, name: &str, parent: &Path) -> Result<PathBuf, UserError> {
    let names = names(name)?;
    let template = TEMPLATES
        .get_dir(language)
        .ok_or_else(|| UserError::internal(format!("no template for {language}")))?;
    let root = parent.join(name);
    let failed = |path: &Path, error: std::io::Error| {
        UserError::usage(format!("cannot write {}: {error}", path.display()))
    };
    // Also where it is empty: whoever names a directory by mistake keeps it as it is.
    fs::create_dir(&root).map_err(|error| failed(&root, error))?;
    let mut files = Vec::new();
    collect(template, &mut files);
    let texts = files.into_iter().map(|(path, text)| {
        let path = path.strip_prefix(language).unwrap_or(path);
        (
            root.join(renamed(&path.to_string_lossy(), &names)),
            renamed(text, &names),
        )
    });
    let world = (root.join("wit/world.wit"), renamed(WORLD, &names));
    let interface = (
        root.join("wit/deps/passmuster-check/check.wit"),
        INTERFACE.to_owned(),
    );
    for (path, text) in texts.chain([world, interface]) {
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .map_err(|error| failed(&path, error))?;
    }
    Ok(root)
}

fn collect<'d>(directory: &'d Dir<'d>, files: &mut Vec<(&'d Path, &'d str)>) {
    for entry in directory.entries() {
        match entry {
            DirEntry::Dir(inner) => collect(inner, files),
            DirEntry::File(file) => {
                files.extend(file.contents_utf8().map(|text| (file.path(), text)));
            }
        }
    }
}

/// The name in each of the three ways.
fn names(name: &str) -> Result<[String; 3], UserError> {
    let plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    let good = name.starts_with(|one: char| one.is_ascii_lowercase())
        && name.chars().all(plain)
        && !name.ends_with('-')
        && !name.contains("--")
        && name.len() <= LONGEST;
    if !good {
        return Err(UserError::usage(format!(
            "{name:?} is no name for a plugin: write lower-case letters, digits and single `-` between them, at most {LONGEST}"
        )));
    }
    let parts = name.split('-').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|one| one.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    Ok([name.to_owned(), name.replace('-', "_"), parts.collect()])
}

fn renamed(text: &str, names: &[String; 3]) -> String {
    let pairs = NAME.iter().zip(names);
    pairs.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_each_language_writes_it() {
        assert_eq!(
            names("no-todo2").unwrap(),
            ["no-todo2", "no_todo2", "NoTodo2"]
        );
        for bad in ["", "-a", "a-", "a--b", "A", "ä", "a/b", "../a", "1a"] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }
}
