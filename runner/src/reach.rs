//! Which of the base's tests a part can concern: those alone have to run on the oracle tree.
//!
//! For every other test the oracle's result equals the candidate's by construction, because all that it
//! runs is equal. So this errs on the side of more: a harness concerns all tests; a test file its own
//! tests, and all others too as soon as any file of the base names it; a file below the tests that holds
//! none itself (helpers, data) all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use memchr::memmem;
use passmuster_policy::path::RepoPath;
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::TestId;

use crate::git::objects::TreeEntry;
use crate::parts::{Kind, Part};

/// Most bytes of the base that are searched for the names of changed test files; a larger tree is taken
/// to name them.
const SEARCHED: u64 = 256 << 20;

/// Endings of files that are loaded by name, language by language.
const CODE: [&[&str]; 3] = [
    &["py", "pyi"],
    &["js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx"],
    &["rs"],
];

/// Names that stand for their directory, which others name.
const DIRECTORY_FILES: [&str; 4] = ["__init__", "index", "mod", "main"];

/// The base's files on disk.
#[derive(Debug)]
pub struct Sources<'a> {
    /// All of them.
    pub entries: &'a [TreeEntry],
    /// Where they lie.
    pub directory: PathBuf,
}

/// The base's tests that one of these parts can concern.
pub fn covered(
    parts: &[Part],
    base: &TestRun,
    candidate: &TestRun,
    sources: &Sources<'_>,
) -> BTreeSet<TestId> {
    let mut covered = BTreeSet::new();
    for part in parts {
        match reach(part, base, candidate, sources) {
            Reach::Nothing => {}
            Reach::Own => covered.extend(own(base, &part.path).cloned()),
            Reach::All => return base.tests.iter().map(|test| test.id.clone()).collect(),
        }
    }
    covered
}

/// How far a part reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    Own,
    All,
}

fn reach(part: &Part, base: &TestRun, candidate: &TestRun, sources: &Sources<'_>) -> Reach {
    if part.harness || part.kind != Kind::File {
        return Reach::All;
    }
    let holds_tests = [base, candidate]
        .iter()
        .any(|run| own(run, &part.path).next().is_some());
    match (holds_tests, part.there) {
        (true, _) if !sources.name(&part.path) => Reach::Own,
        // New, and nothing that was there before can load it.
        (false, false) if is_code(&part.path) && !sources.name(&part.path) => Reach::Nothing,
        _ => Reach::All,
    }
}

/// The tests of a run that stand in a file.
fn own<'a>(run: &'a TestRun, path: &RepoPath) -> impl Iterator<Item = &'a TestId> {
    let ids = run.tests.iter().map(|test| &test.id);
    ids.filter(move |id| id.file.as_ref() == Some(path))
}

fn is_code(path: &RepoPath) -> bool {
    language(path).is_some()
}

fn language(path: &RepoPath) -> Option<&'static [&'static str]> {
    let (_, ending) = stem_and_ending(path)?;
    CODE.into_iter().find(|endings| endings.contains(&ending))
}

fn stem_and_ending(path: &RepoPath) -> Option<(&str, &str)> {
    std::str::from_utf8(path.file_name()).ok()?.rsplit_once('.')
}

impl Sources<'_> {
    /// Whether another file of the same language names this one: imports go by the stem of a file's name.
    /// True also where that cannot be told.
    fn name(&self, path: &RepoPath) -> bool {
        let (Some((stem, _)), Some(endings)) = (stem_and_ending(path), language(path)) else {
            return true;
        };
        if DIRECTORY_FILES.contains(&stem) {
            return true;
        }
        let same = |entry: &&TreeEntry| {
            entry.path != *path
                && stem_and_ending(&entry.path).is_some_and(|(_, ending)| endings.contains(&ending))
        };
        let mut room = SEARCHED;
        self.entries
            .iter()
            .filter(same)
            .any(|entry| match self.read(entry, &mut room) {
                Some(text) => names(&text, stem.as_bytes()),
                None => true,
            })
    }

    fn read(&self, entry: &TreeEntry, room: &mut u64) -> Option<Vec<u8>> {
        let path = self.directory.join(os_path(&entry.path));
        let meta = fs::symlink_metadata(&path).ok()?;
        // A link leads to a file that is searched by itself, or out of the tree.
        if !meta.is_file() {
            return Some(Vec::new());
        }
        *room = room.checked_sub(meta.len())?;
        fs::read(&path).ok()
    }
}

fn os_path(path: &RepoPath) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

/// Whether a word stands in a text by itself.
fn names(text: &[u8], word: &[u8]) -> bool {
    let part_of_word =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    memmem::find_iter(text, word).any(|at| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        !part_of_word(before) && !part_of_word(text.get(at + word.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use passmuster_policy::change::Mode;
    use passmuster_policy::run::{Outcome, Provenance, ReportState, Usage};
    use passmuster_policy::tests::{TestResult, TestStatus};

    fn run(tests: &[&str]) -> TestRun {
        let result = |text: &&str| {
            let (file, name) = text.split_once("::").unwrap();
            TestResult {
                id: TestId {
                    unit: String::new(),
                    file: Some(file.into()),
                    name: name.to_owned(),
                    parameters: None,
                    ordinal: 0,
                },
                status: TestStatus::Passed,
                selector: String::new(),
                failure: None,
                millis: None,
            }
        };
        TestRun {
            outcome: Outcome::Exited { status: 0 },
            report: ReportState::Complete,
            tests: tests.iter().map(result).collect(),
            contradictions: Vec::new(),
            broken_units: Vec::new(),
            provenance: Provenance::default(),
            leaked_processes: 0,
            usage: Usage::default(),
            denials: Vec::new(),
            log_tail: String::new(),
        }
    }

    fn part(path: &str, kind: Kind, harness: bool, there: bool) -> Part {
        Part {
            path: path.into(),
            kind,
            harness,
            there,
        }
    }

    /// The one door: a part, and the ids that it reaches in a base of three test files.
    fn reached(part: Part) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            ("tests/test_a.py", "import lib"),
            ("tests/test_b.py", "from tests.test_c import Base"),
            ("tests/test_c.py", "class Base: ..."),
            ("tests/helpers.py", ""),
        ];
        let entry = |(path, text): (&str, &str)| {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
            TreeEntry {
                path: path.into(),
                mode: Mode::File,
                oid: String::new(),
            }
        };
        let entries = files.map(entry);
        let sources = Sources {
            entries: &entries,
            directory: dir.path().to_owned(),
        };
        let base = run(&[
            "tests/test_a.py::x",
            "tests/test_b.py::x",
            "tests/test_c.py::x",
        ]);
        let candidate = run(&["tests/test_new.py::x"]);
        let covered = covered(&[part], &base, &candidate, &sources);
        covered.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_part_reaches_no_further_than_what_names_it() {
        let all: &[&str] = &[
            "tests/test_a.py::x",
            "tests/test_b.py::x",
            "tests/test_c.py::x",
        ];
        let file = |path, there| part(path, Kind::File, false, there);
        for (part, expected) in [
            (file("tests/test_a.py", true), &all[..1]),
            // Deleted and edited alike; another file's tests inherit from this one.
            (file("tests/test_c.py", true), all),
            (file("tests/helpers.py", true), all),
            (file("tests/test_new.py", false), &[]),
            (file("tests/more_helpers.py", false), &[]),
            // It would take the place of what is imported by that name.
            (file("tests/lib.py", false), all),
            (file("tests/__init__.py", false), all),
            (file("tests/data.json", false), all),
            (part("tests/conftest.py", Kind::File, true, false), all),
            (part("pyproject.toml", Kind::Tables, true, true), all),
        ] {
            assert_eq!(reached(part.clone()), expected, "{part:?}");
        }
    }

    #[test]
    fn a_name_within_another_is_none() {
        assert!(names(b"import lib\n", b"lib"));
        assert!(names(b"./lib.js", b"lib"));
        assert!(!names(b"import libs, mylib, lib_a", b"lib"));
    }
}
