//! The slow and obvious construction: both trees checked out into directories, files copied from one to the
//! other. Knows nothing of the program but what its design says, in plain comparisons of text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::{manifests, sources};

/// What a file of a tree holds, and of which kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Plain(Vec<u8>),
    Executable(Vec<u8>),
    Link(Vec<u8>),
}

impl File {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) | Self::Executable(bytes) | Self::Link(bytes) => bytes,
        }
    }

    /// The text of a regular file.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Plain(bytes) | Self::Executable(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Link(_) => None,
        }
    }
}

pub(crate) type Tree = BTreeMap<String, File>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    Rust,
    Node,
}

/// What is taken from the other tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Named,
    Harness,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Product,
    Test,
    Harness,
}

/// The file that every check's command here names.
pub(crate) const NAMED: &str = "scripts/start.py";
/// A file in which tests of a run say that they stand.
pub(crate) const HOLDER: &str = "checks/acceptance.py";

/// The table "What is test, what is harness" of the design, for whole files.
pub(crate) fn class(language: Language, path: &str) -> Class {
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", path));
    let inside = |known: &[&str]| directories.split('/').any(|part| known.contains(&part));
    let begins = |known: &[&str]| known.iter().any(|start| name.starts_with(start));
    let ends = |known: &[&str]| known.iter().any(|end| name.ends_with(end));
    let common = ["Makefile", "justfile", ".gitattributes"].contains(&name)
        || path == "passmuster.toml"
        || path.starts_with(".github/")
        || path == NAMED;
    let (harness, test) = match language {
        Language::Python => (
            [
                "conftest.py",
                "pytest.ini",
                "tox.ini",
                "noxfile.py",
                "sitecustomize.py",
                ".coveragerc",
                ".python-version",
            ]
            .contains(&name)
                || ends(&[".pth"])
                // The standard library's names, where Python looks first.
                || ["json.py", "random.py"].contains(&path.strip_prefix("src/").unwrap_or(path)),
            inside(&["tests", "test", "testing", "__snapshots__"])
                || ends(&["_test.py", ".ambr"])
                || (begins(&["test_"]) && ends(&[".py"]))
                || path == HOLDER,
        ),
        Language::Rust => (
            inside(&[".cargo"])
                || begins(&["rust-toolchain"])
                || path.ends_with(".config/nextest.toml")
                || ["clippy.toml", "rustfmt.toml"].contains(&name),
            inside(&["tests", "benches", "testdata"]) || ends(&[".snap"]),
        ),
        Language::Node => (
            begins(&[
                "jest.config.",
                "vitest.config.",
                "babel.config.",
                "eslint.config.",
                ".mocharc",
                ".eslintrc",
            ]) || (begins(&["tsconfig"]) && ends(&[".json"]))
                || [".npmrc", ".nvmrc"].contains(&name),
            name.contains(".test.")
                || name.contains(".spec.")
                // What `node --test` takes for tests by itself.
                || (ends(&[".js", ".cjs", ".mjs", ".ts", ".mts"])
                    && (begins(&["test-", "test."])
                        || name.contains("-test.")
                        || name.contains("_test.")))
                || inside(&["__tests__", "__mocks__", "test", "tests"])
                || ends(&[".snap"]),
        ),
    };
    match () {
        () if harness || common => Class::Harness,
        () if test => Class::Test,
        () => Class::Product,
    }
}

/// What has to be made of a file.
#[derive(Debug)]
pub(crate) enum Expected {
    /// These very bytes.
    Same(File),
    /// A manifest that says this, with the kind of this file.
    Manifest(manifests::Meaning, File),
    /// A source with the product of the first and the tests of the second.
    Source(File, String),
}

/// The tree that has the product of one and what is wanted of the other.
pub(crate) fn construct(
    language: Language,
    product: &Tree,
    steering: &Tree,
    wanted: Wanted,
    kept: &BTreeSet<String>,
) -> BTreeMap<String, Expected> {
    let room = tempfile::tempdir().unwrap();
    check_out(product, room.path());
    let mut special = BTreeMap::new();
    let paths: BTreeSet<&String> = product.keys().chain(steering.keys()).collect();
    for path in paths.into_iter().filter(|path| !kept.contains(*path)) {
        let (own, other) = (product.get(path), steering.get(path));
        if own == other {
            continue;
        }
        match (class(language, path), wanted) {
            _ if path == NAMED => exchange(room.path(), path, other),
            (Class::Harness, Wanted::Harness | Wanted::All) | (Class::Test, Wanted::All) => {
                exchange(room.path(), path, other);
            }
            (Class::Product, Wanted::Harness | Wanted::All) if manifests::is_one(path) => {
                let Some(own) = own else { continue };
                match manifests::merged(path, own, other) {
                    Some(meaning) if manifests::meaning(path, own) == Some(meaning.clone()) => {}
                    Some(meaning) => {
                        special.insert(path.clone(), Expected::Manifest(meaning, own.clone()));
                    }
                    None => exchange(room.path(), path, other),
                }
            }
            (Class::Product, Wanted::All)
                if language == Language::Rust && path.ends_with(".rs") =>
            {
                let [product, tests] = [own, other].map(|file| file.map_or(Some(""), File::text));
                let says = |text: Option<&str>| text.is_none_or(|text| text.contains("test"));
                if sources::are_whole([product, tests]) {
                    let made =
                        |own: &File| Expected::Source(own.clone(), tests.unwrap().to_owned());
                    special.extend(own.map(|own| (path.clone(), made(own))));
                } else if says(product) || says(tests) {
                    // What cannot be read may hold tests, and nothing that needs it is believed.
                    exchange(room.path(), path, None);
                }
            }
            _ => {}
        }
    }
    let mut made: BTreeMap<String, Expected> = read_back(room.path())
        .into_iter()
        .map(|(path, file)| (path, Expected::Same(file)))
        .collect();
    // What a file of the other tree took the place of is gone.
    special.retain(|path, _| made.contains_key(path));
    made.extend(special);
    made
}

/// A file of the other tree in the place of one's own, or its absence.
fn exchange(root: &Path, path: &str, file: Option<&File>) {
    let place = root.join(path);
    match file {
        Some(file) => write(root, path, file),
        None if place.symlink_metadata().is_ok_and(|found| !found.is_dir()) => {
            fs::remove_file(place).unwrap();
        }
        None => {}
    }
}

pub(crate) fn check_out(tree: &Tree, root: &Path) {
    for (path, file) in tree {
        write(root, path, file);
    }
}

fn write(root: &Path, path: &str, file: &File) {
    let place = root.join(path);
    clear(root, path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    match file {
        File::Link(target) => symlink(std::str::from_utf8(target).unwrap(), place).unwrap(),
        regular => {
            fs::write(&place, regular.bytes()).unwrap();
            let bits = if matches!(file, File::Executable(_)) {
                0o755
            } else {
                0o644
            };
            fs::set_permissions(place, fs::Permissions::from_mode(bits)).unwrap();
        }
    }
}

/// Removes a directory where the file shall be, and files where its directories shall be.
fn clear(root: &Path, path: &str) {
    let slashes = path.match_indices('/').map(|(at, _)| &path[..at]);
    for part in slashes.chain([path]) {
        let place = root.join(part);
        let Ok(found) = place.symlink_metadata() else {
            return;
        };
        match (part == path, found.is_dir()) {
            (true, true) => fs::remove_dir_all(place).unwrap(),
            (_, false) => fs::remove_file(place).unwrap(),
            (false, true) => {}
        }
    }
}

fn read_back(root: &Path) -> Tree {
    let (mut tree, mut open) = (Tree::new(), vec![root.to_path_buf()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let place = entry.unwrap().path();
            let found = place.symlink_metadata().unwrap();
            let path = place
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if found.is_dir() {
                open.push(place);
            } else if found.is_symlink() {
                let target = fs::read_link(place).unwrap();
                tree.insert(path, File::Link(target.to_str().unwrap().into()));
            } else if found.permissions().mode() & 0o100 != 0 {
                tree.insert(path, File::Executable(fs::read(place).unwrap()));
            } else {
                tree.insert(path, File::Plain(fs::read(place).unwrap()));
            }
        }
    }
    tree
}
