//! Directories of tests that no name tells, only that the framework was told to look there: pytest's
//! `testpaths`, or paths in the command. What helpers and data lie in them belongs to the tests.
//!
//! Some projects name their product that way, because tests or examples stand in it; putting that back
//! would put back what is to be judged. So such a directory counts only where the base's own run shows the
//! product elsewhere: tests outnumber what else can be imported in it, code was loaded from outside of all
//! such directories, and nothing there imports anything from it. All of that is the base's word, and none of
//! it is proof: product can lie beside more tests than modules. So what is put back for it also asks for a
//! person ([`passmuster_policy::comparison::OracleRun::assumed`]).

use std::collections::BTreeSet;

use passmuster_policy::classification::{Classifier, FileClass};
use passmuster_policy::path::RepoPath;

use super::Bench;
use super::oracle::Firsts;
use crate::reach::Sources;
use crate::uses::touched;

/// Names that are no module of their own.
const NO_MODULES: [&[u8]; 2] = [b"__init__.py", b"__main__.py"];

impl Bench<'_> {
    /// Those that the change reaches into.
    pub(super) fn directories_of_tests(
        &self,
        classifier: &Classifier,
        firsts: Firsts<'_>,
        sources: &Sources<'_>,
    ) -> Vec<RepoPath> {
        let searched = Searched {
            directories: &firsts.base.searched,
            holders: firsts
                .base
                .tests
                .iter()
                .filter_map(|test| test.id.file.as_ref())
                .collect(),
            used: firsts.base.provenance.used.as_deref().unwrap_or_default(),
            classifier,
            sources,
        };
        let changed: Vec<&RepoPath> = self.change.files.iter().flat_map(touched).collect();
        let changed = |directory: &&RepoPath| {
            let mut inside = changed.iter().filter(|path| path.is_below(directory));
            inside.any(|path| classifier.classify(path) == FileClass::Product)
        };
        let directories = searched.directories.iter().filter(changed);
        directories
            .filter(|one| searched.holds_only_tests(one))
            .cloned()
            .collect()
    }
}

/// Where the base's run looked for tests, and what it found.
struct Searched<'a> {
    directories: &'a [RepoPath],
    /// Files that tests stand in.
    holders: BTreeSet<&'a RepoPath>,
    /// Files that were loaded.
    used: &'a [RepoPath],
    classifier: &'a Classifier,
    sources: &'a Sources<'a>,
}

impl Searched<'_> {
    fn holds_only_tests(&self, directory: &RepoPath) -> bool {
        let entries = self.sources.entries.iter().map(|entry| &entry.path);
        let others = entries.filter(|path| {
            path.is_below(directory) && path.as_bytes().ends_with(b".py") && !self.is_test(path)
        });
        let others: Vec<&RepoPath> = others
            .filter(|path| !NO_MODULES.contains(&path.file_name()))
            .collect();
        let tests = self.holders.iter().filter(|path| path.is_below(directory));
        let names = others.iter().map(|path| stem(path));
        let names: BTreeSet<&[u8]> = names.chain([directory.file_name()]).collect();
        tests.count() > others.len()
            && self.used.iter().any(|path| self.is_product(path))
            && !self.sources.import(|path| self.is_product(path), &names)
    }

    fn is_test(&self, path: &RepoPath) -> bool {
        self.holders.contains(path) || self.classifier.classify(path) != FileClass::Product
    }

    /// Product without a doubt.
    fn is_product(&self, path: &RepoPath) -> bool {
        let searched = |directory: &RepoPath| path == directory || path.is_below(directory);
        !self.is_test(path) && !self.directories.iter().any(searched)
    }
}

fn stem(path: &RepoPath) -> &[u8] {
    let name = path.file_name();
    name.strip_suffix(b".py").unwrap_or(name)
}
