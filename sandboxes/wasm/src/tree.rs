//! The trees that plugins look into: which paths there are, what the rules of paths are, and how much one
//! question may bring back.
//!
//! A [`Source`] lists the files of a tree once and reads ranges of them; everything that a plugin can ask is
//! answered here from that list, so that order, globs and limits are the same whether a tree is a directory
//! or a git object. What is not in the list does not exist: no path that a plugin makes up ever reaches
//! the file system.

mod directory;

use std::ops::Range;
use std::sync::OnceLock;

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

use crate::change::Mode;
use crate::limits::{GLOB, LIST, LIST_BYTES, READ};
use crate::path::is_well_formed;

pub use directory::Directory;

/// One file, link or submodule of a tree. Directories follow from the paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From the root, with `/` between the parts.
    pub path: String,
    /// What it is.
    pub mode: Mode,
}

/// A source failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// The content of this file is not on this machine.
    #[error("its content is not on this machine")]
    Absent,
    /// It could not be read. The step and the path are in the text.
    #[error("{0}")]
    Failed(String),
}

/// Where a tree comes from. It must stay the same while plugins look at it.
pub trait Source: Send + Sync {
    /// All files, links and submodules whose path is UTF-8, in any order.
    ///
    /// # Errors
    /// When the tree cannot be listed as a whole.
    fn list(&self) -> Result<Vec<Node>, SourceError>;

    /// Bytes of a listed file, or of a listed link's text.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    fn size(&self, path: &str) -> Result<u64, SourceError>;

    /// At most `length` bytes of a listed file from `offset`; fewer only at its end.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, SourceError>;
}

/// What a question about a tree can come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TreeError {
    NotFound,
    WrongKind,
    BadPath,
    TooLarge(u64),
    NotText,
    Absent,
    /// The host's fault; the plugin is not told.
    Failed(String),
}

impl From<SourceError> for TreeError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Absent => Self::Absent,
            SourceError::Failed(detail) => Self::Failed(detail),
        }
    }
}

/// A name in a directory; no mode is a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) mode: Option<Mode>,
}

/// An answer with the number of paths that were looked at for it.
pub(crate) type Counted<T> = (Result<T, TreeError>, u64);

/// A tree that plugins can look into. Listed when the first of them asks.
pub struct Tree {
    source: Box<dyn Source>,
    /// In byte order of the paths, each once.
    nodes: OnceLock<Result<Vec<Node>, SourceError>>,
}

impl Tree {
    /// The tree of this source.
    pub fn new(source: impl Source + 'static) -> Self {
        Self {
            source: Box::new(source),
            nodes: OnceLock::new(),
        }
    }

    fn nodes(&self) -> Result<&[Node], TreeError> {
        let listed = self.nodes.get_or_init(|| {
            let mut nodes = self.source.list()?;
            nodes.retain(|node| is_well_formed(&node.path));
            nodes.sort_by(|one, other| one.path.as_bytes().cmp(other.path.as_bytes()));
            nodes.dedup_by(|one, other| one.path == other.path);
            Ok(nodes)
        });
        listed.as_deref().map_err(|error| error.clone().into())
    }

    /// What a path is.
    fn mode(&self, path: &str) -> Result<Mode, TreeError> {
        if path.is_empty() {
            return Err(TreeError::WrongKind);
        }
        if !is_well_formed(path) {
            return Err(TreeError::BadPath);
        }
        let nodes = self.nodes()?;
        match nodes.binary_search_by(|node| node.path.as_bytes().cmp(path.as_bytes())) {
            Ok(at) => nodes
                .get(at)
                .map(|node| node.mode)
                .ok_or(TreeError::NotFound),
            Err(_) if below(nodes, path).is_empty() => Err(TreeError::NotFound),
            Err(_) => Err(TreeError::WrongKind),
        }
    }

    /// Kind and size.
    pub(crate) fn stat(&self, path: &str) -> Result<(Mode, u64), TreeError> {
        let mode = self.mode(path)?;
        let size = match mode {
            Mode::Submodule => 0,
            Mode::File | Mode::Executable | Mode::Symlink => self.source.size(path)?,
        };
        Ok((mode, size))
    }

    /// At most `length` bytes from `offset`.
    pub(crate) fn read(&self, path: &str, offset: u64, length: u64) -> Result<Vec<u8>, TreeError> {
        self.readable(path)?;
        let left = self.source.size(path)?.saturating_sub(offset);
        let wanted = left.min(length);
        if wanted > READ {
            return Err(TreeError::TooLarge(READ));
        }
        if wanted == 0 {
            return Ok(Vec::new());
        }
        // Within the bound above, which fits everywhere.
        let wanted = usize::try_from(wanted).unwrap_or_default();
        let mut bytes = self.source.read(path, offset, wanted)?;
        bytes.truncate(wanted);
        Ok(bytes)
    }

    /// A whole file as text.
    pub(crate) fn read_text(&self, path: &str) -> Result<String, TreeError> {
        let bytes = self.read(path, 0, u64::MAX)?;
        String::from_utf8(bytes).map_err(|_| TreeError::NotText)
    }

    fn readable(&self, path: &str) -> Result<(), TreeError> {
        match self.mode(path)? {
            Mode::File | Mode::Executable => Ok(()),
            Mode::Symlink => Err(TreeError::WrongKind),
            Mode::Submodule => Err(TreeError::Absent),
        }
    }

    /// What a directory holds, in byte order.
    pub(crate) fn entries(&self, path: &str) -> Counted<Vec<Entry>> {
        let mut looked = 0;
        let answer = self.entries_of(path, &mut looked);
        (answer, looked)
    }

    fn entries_of(&self, path: &str, looked: &mut u64) -> Result<Vec<Entry>, TreeError> {
        let nodes = self.nodes()?;
        let (mut rest, prefix) = if path.is_empty() {
            (nodes, 0)
        } else {
            (self.directory(nodes, path)?, path.len() + 1)
        };
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some(first) = rest.first() {
            *looked += 1;
            let inside = first.path.get(prefix..).unwrap_or_default();
            let (entry, skipped) = match inside.split_once('/') {
                None => (entry(inside, Some(first.mode)), 1),
                Some((name, _)) => {
                    let start = prefix + name.len() + 1;
                    let directory = first.path.get(..start).unwrap_or_default();
                    let same = rest.partition_point(|node| node.path.starts_with(directory));
                    (entry(name, None), same.max(1))
                }
            };
            bytes += entry.name.len();
            if found.len() == LIST || bytes > LIST_BYTES {
                return Err(TreeError::TooLarge(found.len() as u64));
            }
            found.push(entry);
            rest = rest.get(skipped..).unwrap_or_default();
        }
        // In the list `a-b` stands before `a/c`, and `a` before `a-b` among the names.
        found.sort_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
        Ok(found)
    }

    /// All that lies below a directory.
    fn directory<'a>(&self, nodes: &'a [Node], path: &str) -> Result<&'a [Node], TreeError> {
        match self.mode(path) {
            Ok(_) => Err(TreeError::WrongKind),
            Err(TreeError::WrongKind) => Ok(below(nodes, path)),
            Err(other) => Err(other),
        }
    }

    /// The paths that match a glob, from after a path, at most `limit`.
    pub(crate) fn find(&self, glob: &str, after: Option<&str>, limit: u32) -> Counted<Vec<String>> {
        let mut looked = 0;
        let answer = self.find_by(glob, after, limit, &mut looked);
        (answer, looked)
    }

    fn find_by(
        &self,
        glob: &str,
        after: Option<&str>,
        limit: u32,
        looked: &mut u64,
    ) -> Result<Vec<String>, TreeError> {
        let matcher = matcher(glob)?;
        let nodes = self.nodes()?;
        let range = span(nodes, literal_prefix(glob), after);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut found, mut bytes) = (Vec::new(), 0);
        for node in nodes.get(range).unwrap_or_default() {
            *looked += 1;
            if node.mode == Mode::Submodule || !matcher.is_match(&node.path) {
                continue;
            }
            if found.len() == limit {
                break;
            }
            bytes += node.path.len();
            if found.len() == LIST || bytes > LIST_BYTES {
                return Err(TreeError::TooLarge(found.len() as u64));
            }
            found.push(node.path.clone());
        }
        Ok(found)
    }
}

fn entry(name: &str, mode: Option<Mode>) -> Entry {
    Entry {
        name: name.to_owned(),
        mode,
    }
}

/// The nodes below this directory: neighbours in the list.
fn below<'a>(nodes: &'a [Node], directory: &str) -> &'a [Node] {
    let prefix = format!("{directory}/");
    let from = nodes.partition_point(|node| node.path.as_bytes() < prefix.as_bytes());
    let rest = nodes.get(from..).unwrap_or_default();
    let to = rest.partition_point(|node| node.path.starts_with(&prefix));
    rest.get(..to).unwrap_or_default()
}

/// A bad glob is a bad path: there is no other word for it in the interface.
fn matcher(glob: &str) -> Result<GlobMatcher, TreeError> {
    if glob.len() > GLOB {
        return Err(TreeError::BadPath);
    }
    let built = GlobBuilder::new(glob)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    built
        .map(|glob| glob.compile_matcher())
        .map_err(|_| TreeError::BadPath)
}

/// What every match begins with.
fn literal_prefix(glob: &str) -> &str {
    let end = glob.find(['*', '?', '[', ']', '{', '}', '\\', '!', ',']);
    glob.get(..end.unwrap_or(glob.len())).unwrap_or_default()
}

/// Where in the list the paths with this prefix and after this path stand.
fn span(nodes: &[Node], prefix: &str, after: Option<&str>) -> Range<usize> {
    let first = nodes.partition_point(|node| node.path.as_bytes() < prefix.as_bytes());
    let behind = after.map_or(0, |after| {
        nodes.partition_point(|node| node.path.as_bytes() <= after.as_bytes())
    });
    let rest = nodes.get(first..).unwrap_or_default();
    let end = first + rest.partition_point(|node| node.path.starts_with(prefix));
    first.max(behind).min(end)..end
}

#[cfg(test)]
mod tests;
