//! Trees: listings, lookups, differences, and the sizes of their blobs.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::{Git, GitError};

/// One entry of a tree that is not a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Where it is.
    pub path: RepoPath,
    /// Its kind.
    pub mode: Mode,
    /// Object id (of the commit for a gitlink).
    pub oid: String,
}

/// All entries of a tree, recursively, in git's order. Without their sizes: git opens every object
/// to tell them.
pub fn tree_entries(git: &Git, tree: &str) -> Result<Vec<TreeEntry>, GitError> {
    let purpose = "list the files of a tree";
    let listing = git
        .command(purpose, ["ls-tree", "-r", "-z", "--full-tree", tree])
        .run()?;
    records(&listing)
        .map(|record| entry(record).ok_or_else(|| GitError::malformed(purpose, record)))
        .collect()
}

/// Fails where the content of an entry is in no store.
pub fn require_blobs(git: &Git, entries: &[TreeEntry]) -> Result<(), GitError> {
    let blobs = entries.iter().filter(|entry| entry.mode != Mode::Gitlink);
    sizes(git, blobs.map(|entry| entry.oid.as_str())).map(drop)
}

/// Longest list of paths in one call, in bytes: far below every system's limit.
const PATHS_PER_CALL: usize = 64 * 1024;

/// The entries of a tree at these paths; with `below`, also all that is below them.
pub fn entries_at(
    git: &Git,
    tree: &str,
    paths: impl IntoIterator<Item = Vec<u8>>,
    below: bool,
) -> Result<Vec<TreeEntry>, GitError> {
    let purpose = "look up paths in a tree";
    let mut found = Vec::new();
    let mut paths = paths.into_iter().peekable();
    while paths.peek().is_some() {
        let mut room = PATHS_PER_CALL;
        let mut arguments: Vec<OsString> =
            Vec::from(["ls-tree", "-z", "--full-tree"].map(Into::into));
        arguments.extend(below.then(|| "-r".into()));
        arguments.extend([tree.into(), "--".into()]);
        while let Some(path) = paths.next_if(|path| path.len() < room) {
            room -= path.len();
            arguments.push(OsString::from_vec(path));
        }
        let listing = git.command(purpose, arguments).run()?;
        // What is left without a mode of ours is a tree.
        found.extend(records(&listing).filter_map(entry));
    }
    Ok(found)
}

/// `MODE TYPE OID\tPATH`
fn entry(record: &[u8]) -> Option<TreeEntry> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = (record.get(..tab)?, record.get(tab + 1..)?);
    let mut words = std::str::from_utf8(head).ok()?.split_ascii_whitespace();
    let mode = Mode::from_git(words.next()?)?;
    let oid = words.nth(1)?.to_owned();
    Some(TreeEntry {
        path: RepoPath::new(path),
        mode,
        oid,
    })
}

fn records(listing: &[u8]) -> impl Iterator<Item = &[u8]> {
    listing
        .split(|byte| *byte == 0)
        .filter(|record| !record.is_empty())
}

/// Mode and object id; none where there is no entry.
pub(crate) type Side = Option<(Mode, String)>;

/// Both sides of a raw record: `:MODE MODE OID OID STATUS`.
pub(crate) fn raw_sides(head: &[u8]) -> Option<(Side, Side)> {
    let text = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
    let words: Vec<&str> = text.split(' ').collect();
    let [before_mode, after_mode, before, after, _] = words.as_slice() else {
        return None;
    };
    Some((side(before_mode, before)?, side(after_mode, after)?))
}

fn side(mode: &str, oid: &str) -> Option<Side> {
    if mode == "000000" {
        return Some(None);
    }
    Some(Some((Mode::from_git(mode)?, oid.to_owned())))
}

/// The sizes of many blobs in one call.
pub fn sizes<'a>(
    git: &Git,
    oids: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, u64>, GitError> {
    let purpose = "ask for the sizes of blobs";
    let mut input = Vec::new();
    for oid in oids {
        input.extend(oid.bytes().chain(*b"\n"));
    }
    let arguments = ["cat-file", "--batch-check=%(objectname) %(objectsize)"];
    let answer = git.command(purpose, arguments).input(input).run()?;
    answer
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            let text = String::from_utf8_lossy(line);
            let (oid, size) = text.split_once(' ').unwrap_or((&text, ""));
            let size = size.parse().map_err(|_| git.missing(purpose, line))?;
            Ok((oid.to_owned(), size))
        })
        .collect()
}
