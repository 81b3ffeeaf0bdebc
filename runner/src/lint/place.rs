//! Where a report says that something is: a path of the tree, and the line's text.

use std::collections::{BTreeMap, BTreeSet};

use passmuster_policy::finding::fingerprint;
use passmuster_policy::lint::LintFinding;
use passmuster_policy::path::RepoPath;
use passmuster_policy::text::line;
use percent_encoding::percent_decode_str;

use super::{Raw, Reference};

/// Longest text of a line that is kept as it is; of a longer one its digest is.
const TEXT_CAP: usize = 120;

/// Turns what a report names into what the tree has.
pub struct Placer<'a> {
    /// The tree's root as the linter saw it.
    tree: &'a str,
    /// Where the linter ran, below the root.
    cwd: &'a str,
    /// All files of the tree.
    files: BTreeSet<&'a RepoPath>,
    /// A file's bytes; none where they cannot be had.
    read: &'a mut dyn FnMut(&RepoPath) -> Option<Vec<u8>>,
    /// The lines of the files that were asked for.
    texts: BTreeMap<RepoPath, Vec<String>>,
}

/// What a report comes to.
#[derive(Debug, Default)]
pub struct Placed {
    /// Findings in files of the tree, and those about none of them, sorted.
    pub findings: Vec<LintFinding>,
    /// How many of these are about files that are not of the tree.
    pub elsewhere: u64,
}

impl<'a> Placer<'a> {
    /// For one tree, in which a linter ran at `cwd`.
    pub fn new(
        tree: &'a str,
        cwd: &'a str,
        files: impl Iterator<Item = &'a RepoPath>,
        read: &'a mut dyn FnMut(&RepoPath) -> Option<Vec<u8>>,
    ) -> Self {
        Self {
            tree,
            cwd,
            files: files.collect(),
            read,
            texts: BTreeMap::new(),
        }
    }

    /// Places every finding of a report.
    pub fn place(&mut self, raw: Vec<Raw>) -> Placed {
        let mut placed = Placed::default();
        for one in raw {
            let path = match &one.place {
                None => None,
                Some(reference) => match self.path(reference) {
                    Some(path) => Some(path),
                    None => {
                        placed.elsewhere += 1;
                        placed.findings.push(elsewhere(one));
                        continue;
                    }
                },
            };
            let start = one.lines.map(|lines| lines.start);
            let text = path
                .as_ref()
                .zip(start)
                .map(|(path, line)| self.text(path, line));
            placed.findings.push(LintFinding {
                path,
                lines: one.lines,
                rule: one.rule,
                message: one.message,
                fix: one.fix,
                text: text.unwrap_or_default(),
            });
        }
        placed.findings.sort();
        placed
    }

    /// The file of the tree that a reference means. A relative one is looked for where the linter ran, then in
    /// each directory above it: cargo's are relative to the workspace, whichever member it was started in.
    fn path(&self, reference: &Reference) -> Option<RepoPath> {
        self.readings(reference).into_iter().find_map(|bytes| {
            let tree = [self.tree.as_bytes(), b"/"].concat();
            if let Some(below) = bytes.strip_prefix(tree.as_slice()) {
                return self.known(&normal(below)?);
            }
            if bytes.starts_with(b"/") {
                return None;
            }
            self.above().find_map(|directory| {
                self.known(&normal(&[directory.as_bytes(), b"/", &bytes].concat())?)
            })
        })
    }

    fn known(&self, path: &[u8]) -> Option<RepoPath> {
        self.files.get(&RepoPath::new(path)).copied().cloned()
    }

    /// The linter's directory and those above it, the tree's root last.
    fn above(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.cwd), |directory| {
            match directory.rsplit_once('/') {
                Some((above, _)) => Some(above),
                None => (!directory.is_empty()).then_some(""),
            }
        })
    }

    /// What a reference may stand for: not every tool that writes a URI encodes the path in it.
    fn readings(&self, reference: &Reference) -> Vec<Vec<u8>> {
        let text = match reference {
            Reference::Path(text) if !text.starts_with("file:") => {
                return vec![text.as_bytes().to_vec()];
            }
            Reference::Path(text) | Reference::Uri(text) => text,
        };
        let local = match text.strip_prefix("file:") {
            Some(rest) => match rest.strip_prefix("//") {
                // A host may stand before the path, and it is this one.
                Some(rest) => rest.find('/').and_then(|at| rest.get(at..)),
                None => Some(rest),
            },
            None if text.contains("://") => None,
            None => Some(text.as_str()),
        };
        let Some(local) = local else {
            return Vec::new();
        };
        vec![
            percent_decode_str(local).collect(),
            local.as_bytes().to_vec(),
        ]
    }

    /// A line without its white space; empty where the file has no such line.
    fn text(&mut self, path: &RepoPath, line: u32) -> String {
        if !self.texts.contains_key(path) {
            let bytes = (self.read)(path).unwrap_or_default();
            let lines = bytes.split(|byte| *byte == b'\n').map(seemly).collect();
            self.texts.insert(path.clone(), lines);
        }
        let at = usize::try_from(line)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let lines = self.texts.get(path);
        lines
            .and_then(|lines| lines.get(at))
            .cloned()
            .unwrap_or_default()
    }
}

/// A finding about generated code, or where the code itself says that it is from elsewhere (`#line`). Of the
/// file only its name is told: the rest may be another one in every run.
fn elsewhere(one: Raw) -> LintFinding {
    let file = match &one.place {
        Some(Reference::Path(text) | Reference::Uri(text)) => text.rsplit(['/', '\\']).next(),
        None => None,
    };
    let name = line(file.unwrap_or_default(), LintFinding::RULE_CAP);
    let message = format!("{} (in {name}, which is not of the tree)", one.message);
    LintFinding {
        path: None,
        lines: None,
        rule: one.rule,
        message: line(&message, LintFinding::MESSAGE_CAP),
        fix: one.fix,
        text: String::new(),
    }
}

fn seemly(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.len() <= TEXT_CAP {
        true => text,
        false => fingerprint(&[text.as_bytes()]),
    }
}

/// A path without `.`, `..` and empty parts; none where it leaves the tree.
fn normal(path: &[u8]) -> Option<Vec<u8>> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::lines;

    fn placed(cwd: &str, reference: Reference) -> Option<String> {
        let files = [
            "a b.py",
            "src/a.py",
            "crates/x/src/lib.rs",
            "src/lib.rs",
            "100%.py",
        ];
        let files: Vec<RepoPath> = files.into_iter().map(RepoPath::from).collect();
        let mut read = |_: &RepoPath| None;
        let raw = Raw {
            place: Some(reference),
            ..Raw::default()
        };
        let found = Placer::new("/sandbox/tree", cwd, files.iter(), &mut read).place(vec![raw]);
        assert_eq!(found.findings.len(), 1);
        let of_tree = found.findings.iter().all(|one| one.path.is_some());
        assert_eq!(of_tree, found.elsewhere == 0);
        Some(found.findings.first()?.path.as_ref()?.to_string())
    }

    #[test]
    fn paths_of_every_kind_are_found_in_the_tree_and_only_there() {
        let path = |cwd, text: &str| placed(cwd, Reference::Path(text.to_owned()));
        let uri = |cwd, text: &str| placed(cwd, Reference::Uri(text.to_owned()));
        for (found, expected) in [
            (path("", "src/a.py"), Some("src/a.py")),
            (path("", "./src/../src//a.py"), Some("src/a.py")),
            (path("src", "a.py"), Some("src/a.py")),
            (path("", "/sandbox/tree/src/a.py"), Some("src/a.py")),
            (
                path("crates/x", "crates/x/src/lib.rs"),
                Some("crates/x/src/lib.rs"),
            ),
            (path("crates/x", "src/lib.rs"), Some("crates/x/src/lib.rs")),
            (path("", "file:///sandbox/tree/src/a.py"), Some("src/a.py")),
            (uri("", "file:///sandbox/tree/a%20b.py"), Some("a b.py")),
            (
                uri("", "file://localhost/sandbox/tree/a%20b.py"),
                Some("a b.py"),
            ),
            (uri("", "file:/sandbox/tree/a%20b.py"), Some("a b.py")),
            (uri("", "a%20b.py"), Some("a b.py")),
            (uri("", "a b.py"), Some("a b.py")),
            (uri("", "100%.py"), Some("100%.py")),
            (path("", "100%.py"), Some("100%.py")),
            (path("", "a%20b.py"), None),
            (path("", "/sandbox/tree/../tree/src/a.py"), None),
            (path("", "../src/a.py"), None),
            (path("", "/sandbox/treeish/src/a.py"), None),
            (path("", "/etc/passwd"), None),
            (path("", ""), None),
            (uri("", "https://example.org/src/a.py"), None),
            (uri("", "file:%zz"), None),
        ] {
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn the_text_is_the_first_flagged_line_without_its_white_space() {
        let path = RepoPath::from("a.py");
        let long = "x".repeat(500);
        let mut read =
            |_: &RepoPath| Some(format!("one\r\n\t two   words \n{long}\n").into_bytes());
        let at = |line: u32| Raw {
            place: Some(Reference::Path("a.py".to_owned())),
            lines: lines(Some(line), None),
            ..Raw::default()
        };
        let raw = vec![at(1), at(2), at(3), at(9)];
        let placed = Placer::new("/t", "", std::iter::once(&path), &mut read).place(raw);
        let texts: Vec<_> = placed
            .findings
            .iter()
            .map(|one| one.text.as_str())
            .collect();
        let digest = fingerprint(&[long.as_bytes()]);
        assert_eq!(texts, ["one", "two words", digest.as_str(), ""]);
    }
}
