//! The example proposals, and what must come of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::program::Finished;
use crate::workspace;

/// What must come of a proposal; the keys are explained in `examples/proposals/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// What the change is, in a few words.
    pub title: String,
    /// What it does and why its verdict is right.
    pub story: String,
    /// For changes that are made to look green: the number of the technique, by the list in the proposals' README.
    pub technique: Option<u32>,
    /// Whether the project's plain command ends with 0 on the changed tree; see [`crate::plain`].
    pub plain: bool,
    /// The verdict.
    pub verdict: String,
    /// The exit code.
    pub exit: i32,
    /// The reason codes, sorted.
    pub reasons: Vec<String>,
    /// The review codes, sorted.
    pub review: Vec<String>,
    /// Tests by class.
    #[serde(default)]
    pub tests: Tests,
}

/// Tests by class; a class that is absent is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tests {
    /// Failed on the base, pass now.
    pub fixed: Option<Vec<String>>,
    /// Passed on the base, fail now.
    pub regressed: Option<Vec<String>>,
    /// Passed on the base, are not there now.
    pub vanished: Option<Vec<String>>,
    /// Mean another thing than on the base, for a person to agree to.
    pub contract: Option<Vec<String>>,
    /// Passed on the base, are skipped now.
    pub silenced: Option<Vec<String>>,
    /// Were not there, pass.
    pub added: Option<Vec<String>>,
    /// Were not there, fail.
    pub added_failing: Option<Vec<String>>,
    /// How many failed before and still do.
    pub preexisting: Option<u64>,
}

/// The example projects.
pub const REPOS: [&str; 5] = [
    "rust-calculator",
    "python-ledger",
    "python-invoices",
    "node-slugs",
    "python-red",
];

/// What a proposal is, by the first word of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Honest, and passes.
    Good,
    /// Honest, and a person has to agree.
    Contract,
    /// An honest mistake.
    Faulty,
    /// Made to look green.
    Gaming,
}

/// An example proposal.
#[derive(Debug)]
pub struct Proposal {
    /// Its name, such as `good-fix-powers`.
    pub name: String,
    /// The patch.
    pub patch: PathBuf,
    /// What must come of it.
    pub expectation: Expectation,
}

impl Proposal {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.name.split('-').next() {
            Some("good") => Kind::Good,
            Some("contract") => Kind::Contract,
            Some("faulty") => Kind::Faulty,
            Some("gaming") => Kind::Gaming,
            _ => panic!("{}: no kind of proposal begins so", self.name),
        }
    }
}

/// The folder of the proposals for one example project.
pub fn folder(repo: &str) -> PathBuf {
    workspace().join("examples/proposals").join(repo)
}

/// All proposals for an example project, by name.
pub fn proposals(repo: &str) -> Vec<Proposal> {
    names(&folder(repo), ".patch")
        .into_iter()
        .map(|name| Proposal {
            patch: folder(repo).join(format!("{name}.patch")),
            expectation: read(&folder(repo).join(format!("{name}.expect.toml"))),
            name,
        })
        .collect()
}

fn read(path: &Path) -> Expectation {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// File names in a folder that end so, without the end, sorted.
pub fn names(folder: &Path, ending: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(ending).map(str::to_string))
        .collect();
    names.sort();
    names
}

impl Expectation {
    /// What differs from this, one line each; nothing when all is as it must be.
    pub fn differences(&self, finished: &Finished) -> Vec<String> {
        let verdict = match crate::Verdict::parse(&finished.stdout) {
            Ok(verdict) => verdict,
            Err(error) => return vec![format!("no verdict: {error}\n{}", finished.all())],
        };
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: String, actual: String| {
            if expected != actual {
                differences.push(format!("{what}: {actual} instead of {expected}"));
            }
        };
        compare(
            "exit code",
            format!("{:?}", Some(self.exit)),
            format!("{:?}", finished.code()),
        );
        compare(
            "verdict",
            self.verdict.clone(),
            verdict.decision().to_string(),
        );
        compare(
            "reasons",
            format!("{:?}", self.reasons),
            format!("{:?}", verdict.reasons()),
        );
        compare(
            "review",
            format!("{:?}", self.review),
            format!("{:?}", verdict.review()),
        );
        for (class, endings) in self.tests.classes() {
            let found = verdict.tests(class);
            if !same_tests(endings, &found) {
                compare(class, format!("{endings:?}"), format!("{found:?}"));
            }
        }
        if let Some(number) = self.tests.preexisting {
            let found = verdict.count("preexisting");
            compare("preexisting", number.to_string(), found.to_string());
        }
        differences
    }
}

impl Tests {
    fn classes(&self) -> BTreeMap<&'static str, &[String]> {
        [
            ("fixed", &self.fixed),
            ("regressed", &self.regressed),
            ("vanished", &self.vanished),
            ("contract", &self.contract),
            ("silenced", &self.silenced),
            ("added", &self.added),
            ("added_failing", &self.added_failing),
        ]
        .into_iter()
        .filter_map(|(class, ids)| Some((class, ids.as_deref()?)))
        .collect()
    }
}

/// True when each ending belongs to one id and each id to one ending.
fn same_tests(endings: &[String], ids: &[String]) -> bool {
    endings.len() == ids.len()
        && endings
            .iter()
            .all(|ending| ids.iter().filter(|id| id.ends_with(ending)).count() == 1)
}
