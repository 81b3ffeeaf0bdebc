//! Trees from parts, held against a slow and obvious construction that shares no code with them: on made-up
//! changes to a Python, a Rust and a Node tree, for the oracle and for the probe.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test code: an error ends the test with its place and cause"
)]

mod changes;
mod manifests;
mod slow;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use passmuster::git::objects::TreeEntry;
use passmuster::layers::Snapshot;
use passmuster::parts::{Exchange, RustTests, Sorter, Taken, Texts};
use passmuster_policy::change::Mode;
use passmuster_policy::classification::Classifier;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{CheckKind, parse};

use changes::Dice;
use slow::{Expected, File, HOLDER, Language, NAMED, Tree, Wanted};
use sources::Way;

/// How many changes are tried for each language.
const CHANGES: u64 = 40;

#[test]
fn python_trees_equal_those_that_are_copied_together() {
    try_all(Language::Python);
}

#[test]
fn rust_trees_equal_those_that_are_copied_together() {
    let ways = try_all(Language::Rust);
    let often = |way: Way| ways.get(&way).copied().unwrap_or_default() > 5;
    assert!(often(Way::Spliced) && often(Way::LeftAlone), "{ways:?}");
}

#[test]
fn node_trees_equal_those_that_are_copied_together() {
    try_all(Language::Node);
}

/// Tries all changes of a language; how the sources among them turned out.
fn try_all(language: Language) -> BTreeMap<Way, usize> {
    let mut ways = BTreeMap::new();
    let mut found = 0;
    for seed in 0..CHANGES {
        let mut dice = Dice::new(seed);
        let base = changes::tree(language, &mut dice);
        let candidate = changes::changed(language, &base, &mut dice);
        let kept = kept(&base, &mut dice);
        for (name, product, steering, wanted) in [
            ("oracle", &candidate, &base, Wanted::All),
            ("probe", &base, &candidate, Wanted::All),
            ("steered", &candidate, &base, Wanted::Harness),
            ("named", &candidate, &base, Wanted::Named),
        ] {
            let trial = Trial {
                language,
                product,
                steering,
                wanted,
                kept: &kept,
            };
            match trial.compare() {
                Ok((more, differs)) => {
                    more.into_iter()
                        .for_each(|way| *ways.entry(way).or_default() += 1);
                    found += usize::from(differs);
                }
                Err(why) => panic!("{language:?}, change {seed}, {name} tree: {why}"),
            }
        }
    }
    // Where nothing was exchanged, nothing was tried.
    assert!(
        found as u64 > CHANGES * 2,
        "{found} trees differ from their product"
    );
    ways
}

/// Now and then a part that stays the product's.
fn kept(base: &Tree, dice: &mut Dice) -> BTreeSet<String> {
    let names: Vec<&String> = base.keys().collect();
    match dice.roll(3) {
        0 => BTreeSet::from([names[dice.roll(names.len())].clone()]),
        _ => BTreeSet::new(),
    }
}

struct Trial<'a> {
    language: Language,
    product: &'a Tree,
    steering: &'a Tree,
    wanted: Wanted,
    kept: &'a BTreeSet<String>,
}

impl Trial<'_> {
    /// How its sources turned out, and whether the tree differs from the product's; or what is wrong.
    fn compare(&self) -> Result<(Vec<Way>, bool), String> {
        let expected = slow::construct(
            self.language,
            self.product,
            self.steering,
            self.wanted,
            self.kept,
        );
        let (made, listed) = self.exchanged();
        let [found, wanted] = [
            made.keys().collect(),
            expected.keys().collect::<BTreeSet<_>>(),
        ];
        if found != wanted {
            let more: Vec<_> = found.difference(&wanted).collect();
            let missing: Vec<_> = wanted.difference(&found).collect();
            return Err(format!(
                "too many files {more:?}, missing files {missing:?}"
            ));
        }
        let macros = sources::test_macros(
            self.product
                .values()
                .chain(self.steering.values())
                .filter_map(File::text),
        );
        let mut ways = Vec::new();
        for (path, expected) in &expected {
            let found = &made[path];
            let wrong = |why: String| format!("{path}: {why}");
            ways.extend(agree(path, found, expected, &macros).map_err(wrong)?);
            if self.product.get(path) != Some(found) && !listed.contains(path) {
                return Err(format!("{path} differs, and is not among the parts"));
            }
        }
        Ok((ways, made != *self.product))
    }

    /// What the program makes: the tree, and the paths of its parts.
    fn exchanged(&self) -> (Tree, BTreeSet<String>) {
        let mut objects = BTreeMap::new();
        let product = snapshot(self.product, &mut objects);
        let steering = snapshot(self.steering, &mut objects);
        let texts = Texts::default();
        let kept = self.kept.iter().map(|path| path.as_str().into()).collect();
        let exchange = Exchange {
            product: &product,
            steering: &steering,
            sorter: &self.sorter(),
            taken: match self.wanted {
                Wanted::Named => Taken::Named,
                Wanted::Harness => Taken::Harness,
                Wanted::All => Taken::All,
            },
            kept: &kept,
            texts: &texts,
        };
        let mut read =
            |entry: &TreeEntry| -> io::Result<Vec<u8>> { Ok(objects[&entry.oid].clone()) };
        let made = exchange.build(&mut read).unwrap();
        let paths = made.parts.iter().map(|part| part.path.to_string());
        let paths = paths.collect();
        let Some(tree) = made.tree else {
            return (self.product.clone(), paths);
        };
        let sorted = tree.entries.windows(2).all(|two| two[0].path < two[1].path);
        assert!(sorted, "a tree is sorted");
        let file = |entry: &TreeEntry| {
            let bytes = texts
                .get(&entry.oid)
                .unwrap_or_else(|| objects[&entry.oid].clone());
            let file = match entry.mode {
                Mode::Executable => File::Executable(bytes),
                Mode::Symlink => File::Link(bytes),
                Mode::File | Mode::Gitlink => File::Plain(bytes),
            };
            (entry.path.to_string(), file)
        };
        (tree.entries.iter().map(file).collect(), paths)
    }

    fn sorter(&self) -> Sorter {
        let texts = self.product.iter().chain(self.steering);
        let texts = texts.filter(|(path, _)| path.ends_with(".rs"));
        let texts = texts.filter_map(|(_, file)| file.text());
        let (holders, rust) = match self.language {
            Language::Python => (BTreeSet::from([HOLDER.into()]), None),
            Language::Rust => (BTreeSet::new(), Some(RustTests::of(texts))),
            Language::Node => (BTreeSet::new(), None),
        };
        Sorter {
            classifier: classifier(self.language),
            holders,
            rust,
        }
    }
}

fn classifier(language: Language) -> Classifier {
    let framework = match language {
        Language::Python => "pytest",
        Language::Rust => "cargo-test",
        Language::Node => "node-test",
    };
    let text = format!(
        "version = 1\n[[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = [\"python\", \"{NAMED}\"]\n"
    );
    let policy = parse(&text, "policy").unwrap();
    let check = &policy.check[0];
    let CheckKind::Test(test) = &check.kind else {
        panic!("it is a check of tests");
    };
    Classifier::new(check, test).unwrap()
}

/// A tree as the program has it; contents go by an id that says nothing of them.
fn snapshot(tree: &Tree, objects: &mut BTreeMap<String, Vec<u8>>) -> Snapshot {
    let entry = |(path, file): (&String, &File)| {
        let known = objects.iter().find(|(_, bytes)| *bytes == file.bytes());
        let known = known.map(|(oid, _)| oid.clone());
        let oid = known.unwrap_or_else(|| format!("object {}", objects.len()));
        objects.insert(oid.clone(), file.bytes().to_vec());
        let mode = match file {
            File::Plain(_) => Mode::File,
            File::Executable(_) => Mode::Executable,
            File::Link(_) => Mode::Symlink,
        };
        TreeEntry {
            path: RepoPath::from(path.as_str()),
            mode,
            oid,
        }
    };
    Snapshot {
        id: "made up".to_owned(),
        entries: tree.iter().map(entry).collect(),
        absent: Vec::new(),
    }
}

/// Whether a file is as the slow construction wants it; how a source turned out.
fn agree(
    path: &str,
    found: &File,
    expected: &Expected,
    macros: &BTreeSet<String>,
) -> Result<Option<Way>, String> {
    let same_kind = |one: &File| std::mem::discriminant(one) == std::mem::discriminant(found);
    match expected {
        Expected::Same(file) if file == found => Ok(None),
        Expected::Same(file) => Err(format!("found {found:?}, wanted {file:?}")),
        Expected::Manifest(_, own) | Expected::Source(own, _) if !same_kind(own) => {
            Err(format!("found {found:?}, of another kind than {own:?}"))
        }
        Expected::Manifest(meaning, _) => {
            let found = manifests::meaning(path, found);
            match found.as_ref() == Some(meaning) {
                true => Ok(None),
                false => Err(format!("found {found:#?}, wanted {meaning:#?}")),
            }
        }
        Expected::Source(own, tests) => {
            let [found, own] = [found, own].map(|file| file.text().unwrap_or_default());
            sources::compare(found, own, tests, macros).map(Some)
        }
    }
}
