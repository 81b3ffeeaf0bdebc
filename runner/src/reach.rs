//! Which of the base's tests a part can concern: those alone have to run on the oracle tree.
//!
//! For every other test the oracle's result equals the candidate's by construction, because all that it
//! runs is equal. So this errs on the side of more: a harness concerns all tests; a test file its own
//! tests, and all others too as soon as any file of the base names it; a file below the tests that holds
//! none itself (helpers, data) all of them. In Rust it goes by what is compiled as one: a file of a
//! package's own `tests/` is its target, a source's test items concern the whole package.

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
const CODE: [&[&str]; 2] = [
    &["py", "pyi"],
    &["js", "cjs", "mjs", "jsx", "ts", "cts", "mts", "tsx"],
];

/// Names that stand for their directory, which others name.
const DIRECTORY_FILES: [&str; 3] = ["__init__", "index", "__main__"];

/// The base's files on disk.
#[derive(Debug)]
pub struct Sources<'a> {
    /// All of them.
    pub entries: &'a [TreeEntry],
    /// Where they lie.
    pub directory: PathBuf,
}

/// The base's tests that one of these parts can concern; `influential` are those whose candidate's version
/// may have changed what all tests saw.
pub fn covered(
    parts: &[Part],
    influential: &BTreeSet<RepoPath>,
    base: &TestRun,
    candidate: &TestRun,
    sources: &Sources<'_>,
) -> BTreeSet<TestId> {
    let mut covered = BTreeSet::new();
    for part in parts {
        let reach = match part.path.is_rust() {
            true => reach_of_rust(part, base, candidate, sources),
            false if influential.contains(&part.path) => Reach::All,
            false => reach(part, base, candidate, sources),
        };
        let ids = base.tests.iter().map(|test| &test.id);
        covered.extend(ids.filter(|id| reach.holds(id)).cloned());
    }
    covered
}

/// How far a part reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    /// The tests of a file.
    File(RepoPath),
    /// The tests of a unit.
    Unit(String),
    /// The tests of all units of a package. Its doctests stand in product text that no part puts back.
    Package(String),
    All,
}

impl Reach {
    fn holds(&self, id: &TestId) -> bool {
        match self {
            Self::Nothing => false,
            Self::File(file) => id.file.as_ref() == Some(file),
            Self::Unit(unit) => id.unit == *unit,
            Self::Package(package) => {
                let rest = id.unit.strip_prefix(package.as_str());
                id.file.is_none()
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            }
            Self::All => true,
        }
    }

    /// Whether a run has any such test.
    fn is_in(&self, run: &TestRun) -> bool {
        run.tests.iter().any(|test| self.holds(&test.id))
    }
}

fn reach(part: &Part, base: &TestRun, candidate: &TestRun, sources: &Sources<'_>) -> Reach {
    if part.harness || part.kind != Kind::File {
        return Reach::All;
    }
    let own = Reach::File(part.path.clone());
    match (own.is_in(base) || own.is_in(candidate), part.there) {
        (true, _) if !sources.name(&part.path) => own,
        // New, and nothing that was there before can load it.
        (false, false) if is_code(&part.path) && !sources.name(&part.path) => Reach::Nothing,
        _ => Reach::All,
    }
}

/// A file below `tests/` is a target of its own, or shared by its package's; test items stand in a
/// package's sources.
fn reach_of_rust(part: &Part, base: &TestRun, candidate: &TestRun, sources: &Sources<'_>) -> Reach {
    let Some((directory, package)) = sources.package_of(&part.path).filter(|_| !part.harness)
    else {
        return Reach::All;
    };
    let named = sources.other_files("rs", &part.path, |text| {
        memmem::find(text, part.path.file_name()).is_some()
    });
    match (part.kind, target_of(&directory, &part.path)) {
        (Kind::File, _) if named => Reach::All,
        (Kind::File, Some(target)) => {
            let own = Reach::Unit(format!("{package}::{target}"));
            match own.is_in(base) || own.is_in(candidate) {
                true => own,
                false => Reach::Package(package),
            }
        }
        _ => Reach::Package(package),
    }
}

/// The target that a file is, as cargo finds them: `tests/NAME.rs`, `tests/NAME/main.rs`.
fn target_of<'p>(directory: &[u8], path: &'p RepoPath) -> Option<&'p str> {
    let inside = path.as_bytes().strip_prefix(directory)?;
    let inside = std::str::from_utf8(inside).ok()?.strip_prefix("tests/")?;
    let name = inside
        .strip_suffix("/main.rs")
        .or_else(|| inside.strip_suffix(".rs"))?;
    (!name.contains('/')).then_some(name)
}

/// Whether a file is loaded by name.
pub fn is_code(path: &RepoPath) -> bool {
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
    /// Whether this may be code that another file loads.
    pub fn load(&self, path: &RepoPath) -> bool {
        is_code(path) && self.name(path)
    }

    /// Whether another file of the same language names this one: imports go by the stem of a file's name.
    /// True also where that cannot be told.
    fn name(&self, path: &RepoPath) -> bool {
        let (Some((stem, _)), Some(endings)) = (stem_and_ending(path), language(path)) else {
            return true;
        };
        let named = |text: &[u8]| names(text, stem.as_bytes());
        DIRECTORY_FILES.contains(&stem)
            || endings
                .iter()
                .any(|ending| self.other_files(ending, path, named))
    }

    /// Whether one of these Python files imports a module by one of these names; true also where that cannot
    /// be told.
    pub fn import(&self, among: impl Fn(&RepoPath) -> bool, names: &BTreeSet<&[u8]>) -> bool {
        self.any_file("py", among, |text| imports(text, names))
    }

    /// Whether one of the other files with this ending holds something; true also where that cannot be
    /// told.
    fn other_files(&self, ending: &str, path: &RepoPath, holds: impl Fn(&[u8]) -> bool) -> bool {
        self.any_file(ending, |other| other != path, holds)
    }

    fn any_file(
        &self,
        ending: &str,
        among: impl Fn(&RepoPath) -> bool,
        holds: impl Fn(&[u8]) -> bool,
    ) -> bool {
        let mut room = SEARCHED;
        let mut files = self.ending_with(ending).filter(|entry| among(&entry.path));
        files.any(|entry| match self.read(entry, &mut room) {
            Some(text) => holds(&text),
            None => true,
        })
    }

    fn ending_with(&self, wanted: &str) -> impl Iterator<Item = &TreeEntry> {
        let ends = move |entry: &&TreeEntry| {
            stem_and_ending(&entry.path).is_some_and(|(_, ending)| ending == wanted)
        };
        self.entries.iter().filter(ends)
    }

    /// The texts of all files with one of these endings, as far as they can be read.
    pub fn texts(&self, endings: &[&str]) -> Vec<String> {
        let mut room = SEARCHED;
        let entries = endings.iter().flat_map(|ending| self.ending_with(ending));
        let text = |entry: &TreeEntry| String::from_utf8(self.read(entry, &mut room)?).ok();
        entries.filter_map(text).collect()
    }

    /// The name of the innermost package that a file lies in.
    pub fn package(&self, path: &RepoPath) -> Option<String> {
        self.package_of(path).map(|(_, name)| name)
    }

    /// The unit of a file that is a target of its own.
    pub fn unit_of(&self, path: &RepoPath) -> Option<String> {
        let (directory, package) = self.package_of(path).filter(|_| path.is_rust())?;
        target_of(&directory, path).map(|target| format!("{package}::{target}"))
    }

    /// The innermost package that a file lies in: its directory, with a slash at the end unless it is
    /// the root, and its name.
    fn package_of(&self, path: &RepoPath) -> Option<(Vec<u8>, String)> {
        let bytes = path.as_bytes();
        let slashes = bytes.iter().enumerate().rev();
        let directories = slashes
            .filter(|(_, byte)| **byte == b'/')
            .filter_map(|(at, _)| bytes.get(..=at));
        directories
            .chain([&b""[..]])
            .find_map(|directory| Some((directory.to_owned(), self.package_at(directory)?)))
    }

    fn package_at(&self, directory: &[u8]) -> Option<String> {
        let manifest = RepoPath::new([directory, b"Cargo.toml"].concat());
        let entry = self.entries.iter().find(|entry| entry.path == manifest)?;
        let text = self.read(entry, &mut SEARCHED.clone())?;
        let manifest: toml::Table = toml::from_str(std::str::from_utf8(&text).ok()?).ok()?;
        Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
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

/// Whether a line of Python begins as an import does and has one of these names in it.
fn imports(text: &[u8], wanted: &BTreeSet<&[u8]>) -> bool {
    let lines = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_start);
    let mut imports =
        lines.filter(|line| line.starts_with(b"import ") || line.starts_with(b"from "));
    imports.any(|line| wanted.iter().any(|name| names(line, name)))
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
    use passmuster_policy::run::Outcome;
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
        TestRun::plain(
            Outcome::Exited { status: 0 },
            tests.iter().map(result).collect(),
        )
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
        let covered = covered(&[part], &BTreeSet::new(), &base, &candidate, &sources);
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
    fn only_an_import_imports() {
        let wanted = BTreeSet::from([&b"lib"[..]]);
        for (text, expected) in [
            ("import lib\n", true),
            ("def f():\n    from pkg import lib, other\n", true),
            ("from pkg.lib import name", true),
            ("# see lib\nlib = 1\n", false),
            ("import libs\n", false),
        ] {
            assert_eq!(imports(text.as_bytes(), &wanted), expected, "{text}");
        }
    }

    #[test]
    fn a_name_within_another_is_none() {
        assert!(names(b"import lib\n", b"lib"));
        assert!(names(b"./lib.js", b"lib"));
        assert!(!names(b"import libs, mylib, lib_a", b"lib"));
    }
}
