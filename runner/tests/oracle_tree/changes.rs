//! Trees, and changes to them, made up from a number: the same number makes the same change.

use std::fmt::Write as _;

use crate::slow::{File, Language, Tree};

/// Numbers in an order that only looks like chance.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    pub(crate) fn one_of<'t, T: ?Sized>(&mut self, all: &[&'t T]) -> &'t T {
        all[self.roll(all.len())]
    }
}

const PYTHON: &[&str] = &[
    "src/shop/__init__.py",
    "src/shop/cart.py",
    "src/shop/data/prices.json",
    "src/shop/testing/fake.py",
    "src/shop/cart_test.py",
    "src/random.py",
    "json.py",
    "contest.py",
    "conftest.py",
    "tests/conftest.py",
    "tests/test_cart.py",
    "tests/helpers.py",
    "tests/data/order.json",
    "tests/__snapshots__/test_cart.ambr",
    "docs/testing.md",
    "checks/acceptance.py",
    "scripts/start.py",
    "scripts/other.py",
    "tox.ini",
    "shop.pth",
    "setup.py",
    "Makefile",
    ".github/workflows/ci.yml",
    "pyproject.toml",
    "setup.cfg",
    "plugins/extra/pyproject.toml",
];

const RUST: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
    "rust-toolchain.toml",
    "clippy.toml",
    ".cargo/config.toml",
    ".config/nextest.toml",
    "src/lib.rs",
    "src/shape.rs",
    "src/shape/round.rs",
    "src/latest.rs",
    "tests/whole.rs",
    "tests/common/mod.rs",
    "tests/testdata/shapes.txt",
    "benches/speed.rs",
    "src/snapshots/shape.snap",
    "crates/units/Cargo.toml",
    "crates/units/src/lib.rs",
    "crates/units/src/length.rs",
    "crates/units/tests/units.rs",
    "examples/draw.rs",
    "justfile",
    "README.md",
];

const NODE: &[&str] = &[
    "package.json",
    "index.js",
    "lib/slug.js",
    "lib/slug.test.js",
    "lib/slug.spec.mts",
    "lib/latest.js",
    "lib/__tests__/deep.js",
    "lib/__mocks__/fs.js",
    "lib/__snapshots__/slug.snap",
    "test/whole.js",
    "test/support/words.json",
    "jest.config.cjs",
    "tsconfig.json",
    "tsconfig.build.json",
    ".npmrc",
    ".eslintrc.json",
    ".mocharc.yml",
    "packages/words/package.json",
    "packages/words/index.mjs",
    "packages/words/words.test.mjs",
    "scripts/start.py",
    ".gitattributes",
    "README.md",
];

fn paths(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => PYTHON,
        Language::Rust => RUST,
        Language::Node => NODE,
    }
}

/// A tree with most of the language's files.
pub(crate) fn tree(language: Language, dice: &mut Dice) -> Tree {
    let mut tree = Tree::new();
    for path in paths(language) {
        if dice.roll(8) > 0 {
            tree.insert((*path).to_owned(), File::Plain(content(path, dice)));
        }
    }
    tree
}

/// The tree with a few changes.
pub(crate) fn changed(language: Language, base: &Tree, dice: &mut Dice) -> Tree {
    let mut tree = base.clone();
    for _ in 0..3 + dice.roll(9) {
        let names: Vec<String> = tree.keys().cloned().collect();
        let path = names[dice.roll(names.len())].clone();
        match dice.roll(14) {
            0 => drop(tree.remove(&path)),
            1 => {
                let file = tree.remove(&path).unwrap();
                let name = path.rsplit('/').next().unwrap();
                let directory = dice.one_of(&["", "moved/", "tests/", "src/", "lib/"]);
                put(&mut tree, &format!("{directory}{name}"), file);
            }
            2 => {
                let file = tree.remove(&path).unwrap();
                let ending = path.rsplit_once('.').map_or("txt", |(_, ending)| ending);
                let name =
                    dice.one_of(&["renamed", "test_renamed", "renamed.test", "renamed_test"]);
                let (directory, _) = path.rsplit_once('/').unwrap_or(("other", ""));
                put(&mut tree, &format!("{directory}/{name}.{ending}"), file);
            }
            3 => {
                let bytes = match dice.roll(2) {
                    0 => tree[&path].bytes().to_vec(),
                    _ => content(&path, dice),
                };
                let file = match tree[&path] {
                    File::Executable(_) => File::Plain(bytes),
                    _ => File::Executable(bytes),
                };
                put(&mut tree, &path, file);
            }
            4 => put(&mut tree, &path, File::Link(b"nowhere/at-all".to_vec())),
            // A file where a directory was, and the other way round.
            5 => {
                if let Some((directory, _)) = path.split_once('/') {
                    put(&mut tree, directory, File::Plain(b"a file now\n".to_vec()));
                }
            }
            6 => put(
                &mut tree,
                &format!("{path}/inside.txt"),
                File::Plain(b"below\n".to_vec()),
            ),
            7 => {
                let broken = [&b"\xff\xfe no text"[..], b"fn broken( {", b"[broken"][dice.roll(3)];
                put(&mut tree, &path, File::Plain(broken.to_vec()));
            }
            8 => {
                let all = paths(language);
                let path = all[dice.roll(all.len())];
                put(&mut tree, path, File::Plain(content(path, dice)));
            }
            // One more test, or more product, beside what is there.
            9..=11 if path.ends_with(".rs") => {
                let number = dice.roll(1000);
                let more = match dice.roll(3) {
                    0 => format!("\npub fn more_{number}() {{}}\n"),
                    _ => format!("\n#[test]\nfn one_more_{number}() {{ assert!(true); }}\n"),
                };
                let mut bytes = tree[&path].bytes().to_vec();
                bytes.extend(more.into_bytes());
                put(&mut tree, &path, File::Plain(bytes));
            }
            _ => put(&mut tree, &path, File::Plain(content(&path, dice))),
        }
    }
    tree
}

/// Puts a file where it may be that another one, or a directory, has to give way.
fn put(tree: &mut Tree, path: &str, file: File) {
    let inside = |one: &str, other: &str| {
        one.strip_prefix(other)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    tree.retain(|known, _| !inside(known, path) && !inside(path, known));
    tree.insert(path.to_owned(), file);
}

/// A file's content, of some versions one.
fn content(path: &str, dice: &mut Dice) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap();
    let text = match name {
        "Cargo.toml" => cargo_manifest(dice),
        "pyproject.toml" => python_manifest(dice),
        "setup.cfg" => python_sections(dice),
        "package.json" => node_manifest(dice),
        _ if name.ends_with(".rs") => source(dice),
        _ => format!("{path}\nversion {}\n", dice.roll(4)),
    };
    text.into_bytes()
}

/// Some of these lines, `%` replaced by a digit.
fn some(lines: &[&str], dice: &mut Dice) -> String {
    let mut text = String::new();
    for line in lines {
        if dice.roll(4) > 0 {
            let digit = dice.roll(3).to_string();
            writeln!(text, "{}", line.replace('%', &digit)).unwrap();
        }
    }
    text
}

fn python_manifest(dice: &mut Dice) -> String {
    let parts = [
        "[project]\nname = \"shop\" # mine\nversion = \"%\"\n",
        "[build-system]\nrequires = [\"hatchling>=%\"]\n",
        "[dependency-groups]\ndev = [\"pytest>=%\"]\n",
        "[tool.pytest.ini_options]\naddopts = \"-q\"\nminversion = \"%\"\n",
        "[tool.ruff]\nline-length = 9%\n",
        "[tool.ruff.lint]\nselect = [\"E%\"]\n",
        "[tool.uv]\npackage = true\nindex-strategy = \"%\"\n",
        "[tool.hatch.build]\ninclude = [\"%\"]\n",
        "[tool.mypy]\nstrict = true\npython_version = \"3.%\"\n",
        "[[tool.mypy.overrides]]\nmodule = \"m%\"\n",
        "[tool.coverage]\nrun.branch = true\nreport = { fail_under = % }\n",
    ];
    some(&parts, dice)
}

fn python_sections(dice: &mut Dice) -> String {
    let parts = [
        "[metadata]\nname = shop%\n",
        "[tool:pytest]\naddopts = -q\n    --maxfail=%\n",
        "[options]\npackages = find:\nzip = %\n",
        "[flake8]\nignore = E%\n",
        "[mypy]\nstrict = %\n",
        "[mypy-shop.*]\nstrict = %\n",
        "[options.extras_require]\nfast = orjson>%\n",
    ];
    some(&parts, dice)
}

fn cargo_manifest(dice: &mut Dice) -> String {
    let package = [
        "name = \"shapes\"",
        "version = \"0.%.0\"",
        "autotests = false",
        "autobenches = true",
    ];
    let parts = [
        "[features]\nx = []\ny% = []\n",
        "[lib]\npath = \"src/lib%.rs\"\ndoctest = false\n",
        "[dependencies]\nserde = \"1.%\"\n",
        "[dependencies.units]\npath = \"crates/units\"\n",
        "[dev-dependencies]\nproptest = \"1.%\"\n",
        "[dev-dependencies.insta]\nversion = \"%\"\nfeatures = [\"yaml\"]\n",
        "[[test]]\nname = \"whole\"\nharness = false\nrequired-features = [\"y%\"]\n",
        "[[test]]\nname = \"more%\"\n",
        "[[bench]]\nname = \"speed\"\nharness = false\n",
        "[profile.test]\nopt-level = %\n",
        "[profile.release.package.units]\nopt-level = %\n",
        "[lints]\nworkspace = true\n",
        "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"%\"]\n",
        "[workspace.lints.rust]\nunused = { level = \"warn\", priority = % }\n",
        "[workspace.dependencies]\nserde = \"1.%\"\n",
    ];
    let package = some(&package, dice);
    format!("[package]\n{package}\n{}", some(&parts, dice))
        .replace("[workspace.lints", "# lints\n[workspace.lints")
}

fn node_manifest(dice: &mut Dice) -> String {
    let members = [
        "\"name\": \"slugs\"",
        "\"version\": \"1.%.0\"",
        "\"scripts\": { \"test\": \"node --test\", \"pretest\": \"echo %\" }",
        "\"exports\": { \"b\": %, \"a\": 2 }",
        "\"jest\": { \"bail\": % }",
        "\"devDependencies\": { \"c8\": \"^%.0.0\" }",
        "\"c8\": { \"lines\": 9% }",
        "\"dependencies\": {\"ms\": \"%\"}",
        "\"eslintConfig\": {\"rules\": {\"semi\": %}}",
        "\"type\": \"module\"",
    ];
    let members = some(&members, dice);
    let members: Vec<&str> = members.lines().collect();
    format!("{{\n\t{}\n}}\n", members.join(",\n\t"))
}

fn source(dice: &mut Dice) -> String {
    let inner = [
        "    use super::*;\n",
        "    fn helper() -> u8 { % }\n",
        "    /// Says %.\n    #[test]\n    fn first() {\n        assert_eq!(helper(), %); // why\n    }\n",
        "    #[test]\n    #[should_panic]\n    fn second() { panic!(\"}%\") }\n",
        "    #[test]\n    fn fresh_one() { let c = '{'; let _ = (c, %); }\n",
        "    mod deeper {\n        #[test]\n        fn third() { let _ = r#\"fn x() {%\"#; }\n    }\n",
    ];
    let module = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", some(&inner, dice));
    let featured = format!(
        "#[cfg(all(test, feature = \"x\"))]\nmod more_tests {{\n{}}}\n",
        some(&inner[1..4], dice)
    );
    let parts = [
        "//! A module.\n",
        "use std::fmt;\n",
        "/// How large, %.\npub fn area(side: u32) -> u32 {\n    side * %\n}\n",
        "#[test]\nfn alone() { assert!(% < 9); }\n",
        "#[cfg(test)]\nconst CASES: u8 = %;\n",
        "pub struct Shape { side: u% }\n",
        "impl Shape {\n    pub fn new() -> Self { Shape { side: % } }\n    #[cfg(test)]\n    fn fake() -> Self { Shape { side: 1% } }\n    fn side(&self) -> u8 { % }\n}\n",
        "pub mod inner {\n    pub fn deep() -> u8 { % }\n    #[test]\n    fn at_depth() { assert_eq!(deep(), %); }\n}\n",
        "#[tokio::test(flavor = \"current_thread\")]\nasync fn waits() { let _ = %; }\n",
        "macro_rules! cases { ($name:ident) => { #[test] fn $name() { let _ = %; } } }\n",
        "cases!(made_%);\n",
        "macro_rules! no_cases { () => { % } }\n",
        "#[cfg(any(test, feature = \"x\"))]\nfn in_both() -> u8 { % }\n",
        "#[cfg(not(test))]\nfn never_in_tests() -> u8 { % }\n",
        &module,
        &featured,
        "#[cfg(test)]\nimpl fmt::Debug for Shape { fn fmt(&self) { % } }\n",
    ];
    let whole = if dice.roll(12) == 0 {
        "#![cfg(test)]\n"
    } else {
        ""
    };
    let text = some(&parts, dice);
    match text.strip_prefix("//! A module.\n") {
        Some(rest) => format!("//! A module.\n{whole}{rest}"),
        None => format!("{whole}{text}"),
    }
}
