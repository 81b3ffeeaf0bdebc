//! The part of the base that a patch names, as a small index: git spends its time on the index, not
//! on the patch, and most of the base has nothing to do with it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::TemporaryIndex;
use crate::git::objects::{TreeEntry, entries_at};
use crate::git::quarantine::{self, Update};
use crate::git::{Git, GitError};

/// Longest name that is looked up; Linux has no longer path.
const NAME_CAP: usize = 4096;

/// All that the base has at the names of a patch, below them, and on the way to them.
pub(super) struct Touched {
    names: HashSet<Vec<u8>>,
    before: BTreeMap<RepoPath, (Mode, String)>,
    pub(super) index: TemporaryIndex,
}

impl Touched {
    /// `names` as they stand in the patch's headers: each is looked up with and without its first
    /// directory.
    pub(super) fn read(git: &Git, base: &str, names: Vec<Vec<u8>>) -> Result<Self, GitError> {
        let names = both_forms(names);
        let parents: HashSet<Vec<u8>> = names.iter().flat_map(|name| parents(name)).collect();
        let mut before = BTreeMap::new();
        let mut entries = entries_at(git, base, names.iter().cloned(), true)?;
        // A file or symlink where the patch has a directory.
        entries.extend(entries_at(git, base, parents, false)?);
        for TreeEntry { path, mode, oid } in entries {
            before.insert(path, (mode, oid));
        }
        let blobs = before.values().filter(|(mode, _)| *mode != Mode::Gitlink);
        quarantine::admit(git, blobs.map(|(_, oid)| oid.as_str()))?;
        let index = TemporaryIndex::empty(git)?;
        let entries: Vec<_> = before
            .iter()
            .map(|(path, entry)| (path.clone(), Some(entry.clone())))
            .collect();
        index.update(git, &entries)?;
        Ok(Self {
            names,
            before,
            index,
        })
    }

    /// The base with what the patch made of this part; none when it changed a path that we did not
    /// see named, because then this part was not all it needed.
    pub(super) fn tree(
        &self,
        git: &Git,
        base: &str,
        index: &Path,
    ) -> Result<Option<String>, GitError> {
        let after = entries_of(git, index)?;
        let removed = self.before.keys().filter(|path| !after.contains_key(*path));
        let mut updates: Vec<(RepoPath, Update)> =
            removed.map(|path| (path.clone(), None)).collect();
        for (path, entry) in after {
            if self.before.get(&path) != Some(&entry) {
                updates.push((path, Some(entry)));
            }
        }
        let covered = |path: &RepoPath| {
            self.before.contains_key(path) || self.names.contains(path.as_bytes())
        };
        if !updates.iter().all(|(path, _)| covered(path)) {
            return Ok(None);
        }
        if updates.is_empty() {
            return Ok(Some(base.to_owned()));
        }
        quarantine::tree_with(git, base, &updates).map(Some)
    }
}

fn both_forms(names: Vec<Vec<u8>>) -> HashSet<Vec<u8>> {
    let mut forms = HashSet::new();
    for name in names {
        let slash = name.iter().position(|byte| *byte == b'/');
        forms.extend(
            slash
                .and_then(|slash| name.get(slash + 1..))
                .map(<[u8]>::to_vec),
        );
        forms.insert(name);
    }
    forms.retain(|name| is_plain(name));
    forms
}

/// True for a name that a tree can have; all others are left to git.
fn is_plain(name: &[u8]) -> bool {
    let plain = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    name.len() <= NAME_CAP && !name.contains(&0) && name.split(|byte| *byte == b'/').all(plain)
}

fn parents(name: &[u8]) -> Vec<Vec<u8>> {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes
        .filter_map(|(at, _)| name.get(..at).map(<[u8]>::to_vec))
        .collect()
}

/// All entries of an index: `MODE OID STAGE\tPATH`.
fn entries_of(git: &Git, index: &Path) -> Result<BTreeMap<RepoPath, (Mode, String)>, GitError> {
    let purpose = "read the patched index";
    let listing = git
        .command(purpose, ["ls-files", "-s", "-z"])
        .index(index)
        .run()?;
    let records = listing
        .split(|byte| *byte == 0)
        .filter(|record| !record.is_empty());
    let parse = |record: &[u8]| {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let mut words = std::str::from_utf8(record.get(..tab)?).ok()?.split(' ');
        let entry = (Mode::from_git(words.next()?)?, words.next()?.to_owned());
        Some((RepoPath::new(record.get(tab + 1..)?), entry))
    };
    records
        .map(|record| parse(record).ok_or_else(|| GitError::malformed(purpose, record)))
        .collect()
}
