//! What Git LFS keeps. In the repository such a file is a pointer of three lines; a tree may hold the pointer, or the content that
//! it points to.

use guest::globs::Globs;
use guest::trees::{Tree, text};
use guest::{ChangedFile, CheckError};

/// The first line of every pointer.
const START: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// A pointer has three lines, and one more for each of its rare extensions.
const LINES: u32 = 8;
/// Attributes that are read of one file.
const ATTRIBUTES: u64 = 1 << 20;

/// Whether bytes are those of a pointer.
pub(crate) fn is_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(START)
}

/// Whether what git stores of a changed file can be a pointer: a text whose changed lines are all among its first. That is how a
/// change shows a file whose content lies in the tree.
pub(crate) fn is_stored_as_pointer(file: &ChangedFile) -> bool {
    let within = |start: u32, lines: u32| start.saturating_add(lines) <= LINES + 1;
    let mut hunks = file.hunks.iter();
    !file.binary
        && !file.hunks.is_empty()
        && hunks.all(|hunk| within(hunk.new_start, hunk.new_lines))
}

/// Whether the tree's attributes give a path to Git LFS. The deepest `.gitattributes` counts most, and in it the last line.
pub(crate) fn is_given_to_lfs(tree: &impl Tree, path: &str) -> Result<bool, CheckError> {
    let mut folder = path;
    while let Some((parent, _)) = folder.rsplit_once('/') {
        folder = parent;
        if let Some(given) = given_by(
            tree,
            &format!("{folder}/.gitattributes"),
            path,
            folder.len() + 1,
        )? {
            return Ok(given);
        }
    }
    Ok(given_by(tree, ".gitattributes", path, 0)?.unwrap_or(false))
}

/// What one file of attributes says, if anything. Its patterns start in its folder.
fn given_by(
    tree: &impl Tree,
    file: &str,
    path: &str,
    folder: usize,
) -> Result<Option<bool>, CheckError> {
    if guest::trees::stat(tree, file)?.is_none() {
        return Ok(None);
    }
    let Ok(bytes) = text(tree, file, ATTRIBUTES)? else {
        return Ok(None);
    };
    let text = guest::source::decode(&bytes);
    let inside = path.get(folder..).unwrap_or_default();
    let mut said = text.lines().filter_map(|line| filter(line, inside));
    Ok(said.next_back())
}

/// Whether a line of attributes gives this path to Git LFS or takes it away.
fn filter(line: &str, path: &str) -> Option<bool> {
    let mut words = line.split_ascii_whitespace();
    let pattern = words
        .next()
        .filter(|pattern| !pattern.starts_with(['#', '[']))?;
    let mut said = words.filter_map(|word| match word {
        "filter=lfs" => Some(true),
        "-filter" | "!filter" => Some(false),
        _ => word.starts_with("filter=").then_some(false),
    });
    let said = said.next_back()?;
    // A pattern without a slash names files in every folder.
    let glob = match pattern.strip_prefix('/') {
        Some(rooted) => rooted.to_owned(),
        None if pattern.contains('/') => pattern.to_owned(),
        None => format!("**/{pattern}"),
    };
    let globs = Globs::new([glob]).ok()?;
    globs.matches(path).then_some(said)
}

#[cfg(test)]
mod tests {
    use guest::testing::MemoryTree;

    use super::*;

    #[test]
    fn attributes_are_read_as_git_reads_them() {
        let tree = MemoryTree::new(&[
            (
                ".gitattributes",
                "# a comment\n*.bin filter=lfs diff=lfs merge=lfs -text\n/top.dat filter=lfs\nart/*.psd filter=lfs\nraw.bin -filter\n[attr]x filter=lfs\n",
            ),
            (
                "own/.gitattributes",
                "*.bin filter=other\n*.iso filter=lfs\n",
            ),
        ]);
        for (path, given) in [
            ("a.bin", true),
            ("deep/er/a.bin", true),
            ("top.dat", true),
            ("deep/top.dat", false),
            ("art/a.psd", true),
            ("art/old/a.psd", false),
            ("raw.bin", false),
            ("own/a.bin", false),
            ("own/deep/a.iso", true),
            ("a.iso", false),
        ] {
            assert_eq!(is_given_to_lfs(&tree, path).unwrap(), given, "{path}");
        }
    }
}
