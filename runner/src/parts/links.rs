//! Files that go by other names: what a link of the tree leads to is a test, or harness, where the link is.

use std::collections::BTreeSet;
use std::io;

use passmuster_policy::change::Mode;
use passmuster_policy::mixed::is_mixed;
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

/// Endings of files that configure and are not code.
const CONFIGURES: [&str; 7] = [".toml", ".json", ".jsonc", ".yml", ".yaml", ".ini", ".cfg"];

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

    /// Adds what configuration extends: it steers as the file does that names it.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub(super) fn extended(
        mut self,
        entries: &[TreeEntry],
        configures: impl Fn(&TreeEntry) -> bool,
        read: &mut Read<'_>,
    ) -> io::Result<Self> {
        let mut open: Vec<&TreeEntry> = entries.iter().filter(|entry| configures(entry)).collect();
        let mut seen: BTreeSet<&RepoPath> = open.iter().map(|entry| &entry.path).collect();
        // What is extended may extend another one.
        for _ in 0..HOPS {
            let mut named = BTreeSet::new();
            for entry in open {
                let text = super::text(Some(entry), read)?.unwrap_or_default();
                named.extend(self.extends(&entry.path, &text));
            }
            let next = entries.iter().filter(|entry| named.contains(&entry.path));
            open = next.filter(|entry| seen.insert(&entry.path)).collect();
        }
        Ok(self)
    }

    /// Adds what one text extends, and says what that is.
    fn extends(&mut self, at: &RepoPath, text: &str) -> Vec<RepoPath> {
        let named = extensions(text).filter_map(|to| target_of(at, to.as_bytes()));
        // Manifests are product but for their tables.
        let named: Vec<RepoPath> = named.filter(|to| !is_mixed(to)).collect();
        self.0.extend(named.iter().map(|to| Link {
            at: at.clone(),
            to: to.clone(),
        }));
        named
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

/// Whether a file can be configuration by its ending, or by having none.
pub(super) fn configures(path: &RepoPath) -> bool {
    let name = String::from_utf8_lossy(path.file_name());
    let rest = name.trim_start_matches('.');
    !rest.contains('.') || CONFIGURES.iter().any(|ending| rest.ends_with(ending))
}

/// What stands in quotes on lines that say `extend`.
fn extensions(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| line.contains("extend"));
    let words = lines.flat_map(|line| line.split(['"', '\'']).skip(1));
    words.filter(|word| CONFIGURES.iter().any(|ending| word.ends_with(ending)))
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
    fn configuration_extends_what_it_quotes() {
        let of = |text: &'static str| extensions(text).collect::<Vec<_>>();
        assert_eq!(of("extend = \"../base.toml\" # why"), ["../base.toml"]);
        assert_eq!(of("{ \"extends\": \"./base.json\" }"), ["./base.json"]);
        assert!(of("select = \"a.toml\"\nextend-select = [\"E\"]").is_empty());
    }

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
