//! Content that git does not hold itself: large files (LFS) and submodules, looked up in the
//! repository's local stores. Nothing is fetched.

use std::path::{Path, PathBuf};

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::blobs::BlobReader;
use super::layout::Layout;
use super::objects::{TreeEntry, sizes};
use super::settings;
use super::{Git, GitError};

/// Largest pointer file; the format's own limit is 1024 bytes.
const POINTER_CAP: u64 = 1024;

/// What a pointer file stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LfsPointer {
    /// Sha256 of the content, hex.
    pub sha256: String,
    /// Bytes of the content.
    pub size: u64,
}

impl LfsPointer {
    /// Reads a pointer file; none for any other content.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > POINTER_CAP {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        text.strip_prefix("version https://git-lfs.github.com/spec/v1\n")?;
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        let sha256 = value("oid sha256:")?.to_owned();
        let hex = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then_some(Self {
            sha256,
            size: value("size ")?.parse().ok()?,
        })
    }
}

/// Which kind of content is held elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalKind {
    /// An LFS pointer; `oid` is the content's sha256.
    Lfs,
    /// A gitlink; `oid` is the commit.
    Submodule,
}

/// An entry whose content is not in the repository's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Which kind.
    pub kind: ExternalKind,
    /// Where it stands in the tree.
    pub path: RepoPath,
    /// Sha256 of the content (LFS) or commit (submodule).
    pub oid: String,
    /// The local file (LFS) or git directory (submodule) that holds it; none when it is missing.
    pub available_at: Option<PathBuf>,
}

/// All of a tree's entries that are held elsewhere. `layout` is the user's
/// repository.
pub fn externals(
    git: &Git,
    layout: Option<&Layout>,
    entries: &[TreeEntry],
) -> Result<Vec<External>, GitError> {
    let mut found = large_files(git, layout, entries)?;
    found.extend(submodules(git, layout, entries)?);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn large_files(
    git: &Git,
    layout: Option<&Layout>,
    entries: &[TreeEntry],
) -> Result<Vec<External>, GitError> {
    // Without a filter line nobody made pointers; this saves reading every small file.
    if !uses_lfs(git, entries)? {
        return Ok(Vec::new());
    }
    let files = || {
        entries
            .iter()
            .filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable))
    };
    let sizes = sizes(git, files().map(|entry| entry.oid.as_str()))?;
    let small = |entry: &&TreeEntry| {
        sizes
            .get(&entry.oid)
            .is_some_and(|size| *size <= POINTER_CAP)
    };
    let mut reader = BlobReader::start(git)?;
    let mut found = Vec::new();
    for entry in files().filter(small) {
        if let Some(pointer) = LfsPointer::parse(&reader.read(&entry.oid)?) {
            let available_at = layout.and_then(|layout| lfs_file(layout, &pointer));
            let (kind, path) = (ExternalKind::Lfs, entry.path.clone());
            found.push(External {
                kind,
                path,
                oid: pointer.sha256,
                available_at,
            });
        }
    }
    Ok(found)
}

fn uses_lfs(git: &Git, entries: &[TreeEntry]) -> Result<bool, GitError> {
    let mut reader = None;
    for entry in entries
        .iter()
        .filter(|entry| entry.path.file_name() == b".gitattributes")
    {
        let reader = match &mut reader {
            Some(reader) => reader,
            none => none.insert(BlobReader::start(git)?),
        };
        let bytes = reader.read(&entry.oid)?;
        if bytes
            .windows(b"filter=lfs".len())
            .any(|window| window == b"filter=lfs")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The content in the local store, when its size is right.
fn lfs_file(layout: &Layout, pointer: &LfsPointer) -> Option<PathBuf> {
    let (first, second) = (pointer.sha256.get(..2)?, pointer.sha256.get(2..4)?);
    let store = layout.common_dir.join("lfs/objects");
    let file = store.join(first).join(second).join(&pointer.sha256);
    file.metadata()
        .ok()
        .filter(|data| data.is_file() && data.len() == pointer.size)
        .map(|_| file)
}

fn submodules(
    git: &Git,
    layout: Option<&Layout>,
    entries: &[TreeEntry],
) -> Result<Vec<External>, GitError> {
    let links: Vec<_> = entries
        .iter()
        .filter(|entry| entry.mode == Mode::Gitlink)
        .collect();
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let names = submodule_names(git, entries)?;
    Ok(links
        .into_iter()
        .map(|link| {
            let name = names
                .iter()
                .find(|(_, path)| path.as_bytes() == link.path.as_bytes());
            let store = name.and_then(|(name, _)| module_store(layout?, name));
            External {
                kind: ExternalKind::Submodule,
                path: link.path.clone(),
                oid: link.oid.clone(),
                available_at: store.filter(|store| has_commit(git, store, &link.oid)),
            }
        })
        .collect())
}

/// Name and path of each submodule that the tree's own `.gitmodules` lists.
fn submodule_names(git: &Git, entries: &[TreeEntry]) -> Result<Vec<(String, String)>, GitError> {
    let Some(file) = entries
        .iter()
        .find(|entry| entry.path.as_bytes() == b".gitmodules")
    else {
        return Ok(Vec::new());
    };
    let purpose = "write .gitmodules to a temporary file";
    let mut copy =
        tempfile::NamedTempFile::new_in(git.directory()).map_err(GitError::io(purpose))?;
    BlobReader::start(git)?.copy_to(&file.oid, copy.as_file_mut())?;
    let listed = settings::entries(git, copy.path())?;
    Ok(listed
        .into_iter()
        .filter_map(|(key, path)| {
            let name = key.strip_prefix("submodule.")?.strip_suffix(".path")?;
            Some((name.to_owned(), path))
        })
        .collect())
}

/// The submodule's git directory in the repository; the name is checked as git checks it.
fn module_store(layout: &Layout, name: &str) -> Option<PathBuf> {
    let safe = !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let store = layout.common_dir.join("modules").join(name);
    (safe && store.join("objects").is_dir()).then_some(store)
}

fn has_commit(git: &Git, store: &Path, oid: &str) -> bool {
    git.borrowing(&store.join("objects"))
        .command(
            "look for a submodule's commit",
            ["cat-file", "-e", &format!("{oid}^{{commit}}")],
        )
        .run()
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_known_by_its_form() {
        let oid = "a".repeat(64);
        let text =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12\n");
        assert_eq!(
            LfsPointer::parse(text.as_bytes()),
            Some(LfsPointer {
                sha256: oid,
                size: 12
            })
        );
        assert_eq!(
            LfsPointer::parse(b"version https://git-lfs.github.com/spec/v1\nsize 12\n"),
            None
        );
    }
}
