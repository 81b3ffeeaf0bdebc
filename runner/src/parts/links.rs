//! Files that go by other names: what a link of the tree leads to is a test, or harness, where the link is.

use std::collections::BTreeSet;
use std::io;

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;

use super::Read;
use crate::git::objects::TreeEntry;

/// The links of a tree that lead to another place in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(Vec<Link>);

#[derive(Clone, Debug)]
struct Link {
    at: RepoPath,
    to: RepoPath,
}

/// Most links that are followed from one name to the next.
const HOPS: usize = 8;

impl Links {
    /// Reads the links of a tree.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub(super) fn of(entries: &[TreeEntry], read: &mut Read<'_>) -> io::Result<Self> {
        let mut links = Vec::new();
        for entry in entries.iter().filter(|entry| entry.mode == Mode::Symlink) {
            let target = read(entry)?;
            let to = target_of(&entry.path, &target);
            links.extend(to.map(|to| Link {
                at: entry.path.clone(),
                to,
            }));
        }
        Ok(Self(links))
    }

    /// The other names of a file.
    pub(super) fn names(&self, path: &RepoPath) -> BTreeSet<RepoPath> {
        let mut known = BTreeSet::from([path.clone()]);
        for _ in 0..HOPS {
            let more = known.iter().flat_map(|name| self.step(name));
            let more: Vec<RepoPath> = more.filter(|name| !known.contains(name)).collect();
            if more.is_empty() {
                break;
            }
            known.extend(more);
        }
        known.remove(path);
        known
    }

    fn step(&self, path: &RepoPath) -> impl Iterator<Item = RepoPath> {
        self.0.iter().filter_map(|link| {
            let rest = path.as_bytes().strip_prefix(link.to.as_bytes())?;
            let inside = rest.is_empty() || rest.starts_with(b"/");
            inside.then(|| RepoPath::new([link.at.as_bytes(), rest].concat()))
        })
    }
}

/// Where a link leads, from the tree's root; none where that is outside, or the root.
fn target_of(at: &RepoPath, target: &[u8]) -> Option<RepoPath> {
    if target.starts_with(b"/") {
        return None;
    }
    let mut parts: Vec<&[u8]> = at.as_bytes().split(|byte| *byte == b'/').collect();
    parts.pop();
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| RepoPath::new(parts.join(&b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_names_that_links_give_it() {
        let links = [
            ("tests/test_a.py", "../shared/cases.py"),
            ("spec", "shared"),
            ("more", "spec"),
            ("loop/a", "../loop"),
            ("out", "../../shared"),
            ("host", "/shared"),
        ];
        let entries = links.map(|(path, target)| TreeEntry {
            path: path.into(),
            mode: Mode::Symlink,
            oid: target.to_owned(),
        });
        let links = Links::of(&entries, &mut |entry| Ok(entry.oid.clone().into_bytes())).unwrap();
        for (path, expected) in [
            (
                "shared/cases.py",
                &["more/cases.py", "spec/cases.py", "tests/test_a.py"][..],
            ),
            ("shared/b", &["more/b", "spec/b"]),
            ("sharedness", &[]),
        ] {
            let names = links.names(&path.into());
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(names, expected, "{path}");
        }
        assert_eq!(links.names(&"loop/x".into()).len(), HOPS);
    }
}
