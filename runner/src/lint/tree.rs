//! The candidate with the base's configuration of linters: what a lint check looks at.
//!
//! Whole files, for now: of a manifest that holds tables of tools, the base's version counts where those tables differ,
//! except for `Cargo.toml`, without whose other half nothing builds; there the change is up for review. Finer parts
//! belong to the oracle tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use passmuster_policy::change::Mode;
use passmuster_policy::classification::LintHarness;
use passmuster_policy::mixed::{Side, is_mixed, steering_changed};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Check;

use crate::digest::digest;
use crate::git::objects::TreeEntry;
use crate::layers::{Snapshot, parents};

/// Gives the bytes of an entry.
pub type Read<'a> = dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>> + 'a;

/// The tree for one lint check; none where the candidate's own is the same.
pub fn with_base_configuration(
    check: &Check,
    base: &Snapshot,
    candidate: &Snapshot,
    read: &mut Read<'_>,
) -> Option<Snapshot> {
    // The policy's globs were compiled when it was parsed, and a test compiles the tables.
    let harness = LintHarness::new(check).ok()?;
    let old = by_path(base);
    let new = by_path(candidate);
    let mut entries = new.clone();
    let mut restored = BTreeSet::new();
    for path in old.keys().chain(new.keys()) {
        let (before, after) = (old.get(path), new.get(path));
        if identity(before) == identity(after)
            || !(harness.holds(path) || steers(path, before.copied(), after.copied(), read))
        {
            continue;
        }
        entries.remove(path);
        if let Some(before) = before {
            entries.insert(path, before);
            restored.insert(path.as_bytes());
        }
    }
    make_room(&mut entries, &restored);
    let entries: Vec<TreeEntry> = entries.into_values().cloned().collect();
    (entries != candidate.entries).then(|| Snapshot {
        id: digest(&("lint", &base.id, &candidate.id, listing(&entries))),
        entries,
        absent: candidate.absent.clone(),
    })
}

/// Where the candidate has a directory in place of a restored file, or the other way round, the restored one stays.
fn make_room(entries: &mut BTreeMap<&RepoPath, &TreeEntry>, restored: &BTreeSet<&[u8]>) {
    let above: BTreeSet<Vec<u8>> = restored
        .iter()
        .flat_map(|path| parents(path).map(<[u8]>::to_vec))
        .collect();
    entries.retain(|path, _| {
        let path = path.as_bytes();
        let beneath = || parents(path).any(|parent| restored.contains(parent));
        restored.contains(path) || !(above.contains(path) || beneath())
    });
}

fn by_path(tree: &Snapshot) -> BTreeMap<&RepoPath, &TreeEntry> {
    tree.entries
        .iter()
        .map(|entry| (&entry.path, entry))
        .collect()
}

fn identity<'a>(entry: Option<&&'a TreeEntry>) -> Option<(Mode, &'a str)> {
    entry.map(|entry| (entry.mode, entry.oid.as_str()))
}

fn listing(entries: &[TreeEntry]) -> Vec<(String, &str, &str)> {
    let shown = |entry: &TreeEntry| entry.path.to_string();
    let one = entries
        .iter()
        .map(|entry| (shown(entry), entry.mode.as_git(), entry.oid.as_str()));
    one.collect()
}

/// Whether tables of tools differ in a manifest that can be taken from the base as a whole.
fn steers(
    path: &RepoPath,
    before: Option<&TreeEntry>,
    after: Option<&TreeEntry>,
    read: &mut Read<'_>,
) -> bool {
    if !is_mixed(path) || path.file_name() == b"Cargo.toml" {
        return false;
    }
    let mut side = |entry: Option<&TreeEntry>| match entry {
        None => Side::Absent,
        Some(entry) if matches!(entry.mode, Mode::File | Mode::Executable) => {
            read(entry).map_or(Side::Opaque, Side::Text)
        }
        Some(_) => Side::Opaque,
    };
    steering_changed(path, &side(before), &side(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use passmuster_policy::policy::parse;

    fn snapshot(id: &str, files: &[(&str, &str)]) -> Snapshot {
        let entry = |(path, content): &(&str, &str)| TreeEntry {
            path: RepoPath::from(*path),
            mode: Mode::File,
            oid: (*content).to_owned(),
        };
        let mut entries: Vec<TreeEntry> = files.iter().map(entry).collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Snapshot {
            id: id.to_owned(),
            entries,
            absent: Vec::new(),
        }
    }

    /// The tree that is looked at; an entry's object id is its content.
    fn restored(base: &[(&str, &str)], candidate: &[(&str, &str)]) -> Option<Vec<String>> {
        let text = "version = 1\n[[check]]\nname = \"l\"\nkind = \"lint\"\nreport = \"sarif\"\nrun = [\"ruff\"]\n";
        let policy = parse(text, "p").unwrap();
        let mut read = |entry: &TreeEntry| Ok(entry.oid.clone().into_bytes());
        let (base, candidate) = (snapshot("b", base), snapshot("c", candidate));
        let tree = with_base_configuration(&policy.check[0], &base, &candidate, &mut read)?;
        let shown = |entry: &TreeEntry| format!("{}={}", entry.path, entry.oid);
        Some(tree.entries.iter().map(shown).collect())
    }

    #[test]
    fn configuration_is_the_bases_and_everything_else_the_candidates() {
        let strict = "[tool.ruff]\nselect = ['ALL']";
        let lax = "[tool.ruff]\nselect = []";
        let expected = |files: &[&str]| Some(files.iter().map(|file| (*file).to_owned()).collect());
        assert_eq!(restored(&[("a.py", "1")], &[("a.py", "2")]), None);
        assert_eq!(
            restored(
                &[("a.py", "1"), ("ruff.toml", "1")],
                &[("a.py", "2"), ("ruff.toml", "2")]
            ),
            expected(&["a.py=2", "ruff.toml=1"])
        );
        assert_eq!(
            restored(
                &[("ruff.toml", "1")],
                &[("a.py", "2"), ("sub/ruff.toml", "2")]
            ),
            expected(&["a.py=2", "ruff.toml=1"])
        );
        assert_eq!(
            restored(&[("pyproject.toml", strict)], &[("pyproject.toml", lax)]),
            Some(vec![format!("pyproject.toml={strict}")])
        );
        assert_eq!(
            restored(
                &[("pyproject.toml", strict)],
                &[("pyproject.toml", &format!("version = 2\n{strict}"))]
            ),
            None
        );
        assert_eq!(
            restored(&[("Cargo.toml", "[lints]\na = 1")], &[("Cargo.toml", "")]),
            None
        );
    }

    #[test]
    fn a_directory_in_the_place_of_configuration_gives_way() {
        for (base, candidate, expected) in [
            ("ruff.toml", "ruff.toml/x.py", "ruff.toml=1"),
            (".cargo/config.toml", ".cargo", ".cargo/config.toml=1"),
        ] {
            let found = restored(&[(base, "1")], &[(candidate, "2")]);
            assert_eq!(found, Some(vec![expected.to_owned()]), "{candidate}");
        }
    }
}
