//! The user's references read as data: `HEAD`, loose files, `packed-refs`.
//!
//! They are copied into our own directory, so that git itself resolves every way of naming a commit
//! (`HEAD~2`, `origin/main`, `v1^{}`, short ids) without ever opening the user's configuration.
//! Replacement refs are left out: what an object is must not depend on them. Reflogs are not
//! copied, so `HEAD@{1}` does not resolve.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::layout::{Layout, read_line_file};
use super::{GitError, ObjectFormat};

/// Deepest nesting of directories under `refs/` that is followed.
const DEPTH: usize = 32;

/// What a reference holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An object id.
    Oid(String),
    /// Another reference's name.
    Symbolic(String),
}

/// All references of one repository, as they were at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refs {
    /// What is checked out.
    pub head: Target,
    /// By full name, `refs/…`.
    pub named: BTreeMap<String, Target>,
}

impl Refs {
    /// Reads the references of `layout`; names or contents that git would refuse are left out.
    pub fn read(layout: &Layout, format: ObjectFormat) -> Result<Self, GitError> {
        let head_file = layout.git_dir.join("HEAD");
        let head = read_line_file(&head_file)?
            .and_then(|line| target(&line, format))
            .ok_or_else(|| {
                GitError::malformed(read_purpose(&head_file), "HEAD names no reference")
            })?;
        let mut named = BTreeMap::new();
        packed(&layout.common_dir.join("packed-refs"), format, &mut named)?;
        loose(&layout.common_dir, "refs", format, DEPTH, &mut named)?;
        Ok(Self { head, named })
    }

    /// The object that `HEAD` leads to; none on a branch without commits.
    pub fn head_oid(&self) -> Option<&str> {
        let mut current = &self.head;
        for _ in 0..8 {
            match current {
                Target::Oid(oid) => return Some(oid),
                Target::Symbolic(name) => current = self.named.get(name)?,
            }
        }
        None
    }

    /// Writes everything into `directory`, which is ours and fresh.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        fs::write(directory.join("HEAD"), line(&self.head))?;
        let mut packed = Vec::new();
        for (name, target) in &self.named {
            match target {
                Target::Oid(oid) => packed.extend(format!("{oid} {name}\n").into_bytes()),
                Target::Symbolic(_) => {
                    let file = directory.join(name);
                    fs::create_dir_all(file.parent().unwrap_or(directory))?;
                    fs::write(file, line(target))?;
                }
            }
        }
        fs::write(directory.join("packed-refs"), packed)
    }
}

fn read_purpose(path: &Path) -> String {
    format!("read {}", path.display())
}

fn line(target: &Target) -> String {
    match target {
        Target::Oid(oid) => format!("{oid}\n"),
        Target::Symbolic(name) => format!("ref: {name}\n"),
    }
}

fn target(line: &[u8], format: ObjectFormat) -> Option<Target> {
    let text = std::str::from_utf8(line).ok()?;
    if let Some(name) = text.strip_prefix("ref:").map(str::trim) {
        return is_ref_name(name).then(|| Target::Symbolic(name.to_owned()));
    }
    format.is_oid(text).then(|| Target::Oid(text.to_owned()))
}

fn packed(
    file: &Path,
    format: ObjectFormat,
    named: &mut BTreeMap<String, Target>,
) -> Result<(), GitError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(GitError::io(read_purpose(file))(error)),
    };
    for line in bytes.split(|byte| *byte == b'\n') {
        let text = std::str::from_utf8(line).unwrap_or_default();
        if let Some((oid, name)) = text.split_once(' ')
            && format.is_oid(oid)
            && is_ref_name(name)
        {
            named.insert(name.to_owned(), Target::Oid(oid.to_owned()));
        }
    }
    Ok(())
}

fn loose(
    common: &Path,
    name: &str,
    format: ObjectFormat,
    depth: usize,
    named: &mut BTreeMap<String, Target>,
) -> Result<(), GitError> {
    let directory = common.join(name);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(GitError::io(read_purpose(&directory))(error)),
    };
    for entry in entries {
        let entry = entry.map_err(GitError::io(read_purpose(&directory)))?;
        let Ok(file_name) = entry.file_name().into_string() else {
            continue;
        };
        let child = format!("{name}/{file_name}");
        let kind = entry
            .file_type()
            .map_err(GitError::io(read_purpose(&entry.path())))?;
        if kind.is_dir() && depth > 0 {
            loose(common, &child, format, depth - 1, named)?;
        } else if kind.is_file() && is_ref_name(&child) {
            let found = read_line_file(&entry.path())?.and_then(|line| target(&line, format));
            if let Some(found) = found {
                named.insert(child, found);
            }
        }
    }
    Ok(())
}

/// Git's rules for a reference name, and no replacement refs.
fn is_ref_name(name: &str) -> bool {
    let bad = |character: char| {
        character.is_ascii_control()
            || matches!(character, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    name.starts_with("refs/")
        && !name.starts_with("refs/replace/")
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && !part.ends_with(".lock")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_directory_or_replace_objects_are_refused() {
        for name in [
            "refs/heads/../../x",
            "refs/replace/abc",
            "HEAD",
            "refs//a",
            "refs/a.lock",
            "refs/a b",
        ] {
            assert!(!is_ref_name(name), "{name}");
        }
        assert!(is_ref_name("refs/heads/feature/ünï"));
    }
}
