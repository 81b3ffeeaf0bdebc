//! What only all sources of a Rust tree together tell: macros that make tests, files that are there for
//! tests alone, and examples in documentation that a change edits.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use passmuster_policy::path::RepoPath;
use passmuster_policy::rust_tests::{ModuleFiles, Reach, changed_doctests, crate_roots};
use passmuster_policy::tests::TestId;

use super::oracle::Firsts;
use super::{Bench, Site, Trees};
use crate::layers::{LayerError, Snapshot};
use crate::parts::{RustTests, TEXT_CAP};
use crate::reach::Sources;
use crate::uses::touched;

/// Both trees on disk.
struct Disk<'a> {
    base: PathBuf,
    candidate: &'a Snapshot,
    /// The candidate's layer, then the base.
    layers: [PathBuf; 2],
}

impl<'a> Bench<'a> {
    /// The changed sources.
    fn changed_sources(&self) -> BTreeSet<&RepoPath> {
        let changed = self.change.files.iter().flat_map(touched);
        changed.filter(|path| path.is_rust()).collect()
    }

    fn disk(&self, trees: &Trees<'a>, site: &mut Site<'_, '_>) -> Result<Disk<'a>, LayerError> {
        let own = self.layer_of(self.candidate, site.workshop, site.space)?;
        Ok(Disk {
            base: trees.base_tree.clone(),
            candidate: self.candidate,
            layers: [own, trees.base_tree.clone()],
        })
    }

    /// Macros of both trees, and the changed files that are there for tests alone: on the base, where
    /// they are on it.
    pub(super) fn rust_tests(
        &self,
        trees: &Trees<'a>,
        site: &mut Site<'_, '_>,
    ) -> Result<(RustTests, BTreeSet<RepoPath>), LayerError> {
        let changed = self.changed_sources();
        if changed.is_empty() {
            return Ok(Default::default());
        }
        let disk = self.disk(trees, site)?;
        let mut texts: Vec<String> = changed
            .iter()
            .filter_map(|path| disk.of_candidate(path))
            .collect();
        texts.extend(self.sources(trees).texts(&["rs"]));
        let rust = RustTests::of(texts.iter().map(String::as_str));
        let roots: BTreeSet<RepoPath> = changed.iter().flat_map(|path| crate_roots(path)).collect();
        let roots: Vec<RepoPath> = roots.into_iter().collect();
        let on_base = ModuleFiles::walk(&roots, &|path| disk.of_base(path));
        let on_candidate = ModuleFiles::walk(&roots, &|path| disk.of_candidate(path));
        let for_tests = |path: &&&RepoPath| {
            let known = on_base.reach(path).or_else(|| on_candidate.reach(path));
            known == Some(Reach::Tests)
        };
        let files = changed.iter().filter(for_tests);
        Ok((rust, files.map(|path| (*path).clone()).collect()))
    }

    /// The base's examples that the change edits or removes. They stand in product text, so no tree puts
    /// them back.
    pub(super) fn edited_doctests(
        &self,
        trees: &Trees<'a>,
        firsts: Firsts<'_>,
        site: &mut Site<'_, '_>,
    ) -> Result<BTreeSet<TestId>, LayerError> {
        let ids = firsts.base.tests.iter().map(|test| &test.id);
        let doctests: Vec<&TestId> = ids.filter(|id| id.file.is_some()).collect();
        if doctests.is_empty() {
            return Ok(BTreeSet::new());
        }
        let disk = self.disk(trees, site)?;
        let mut edited = BTreeSet::new();
        for path in self.changed_sources() {
            let texts = [disk.of_base(path), disk.of_candidate(path)];
            let [base, candidate] = texts.map(Option::unwrap_or_default);
            let found = changed_doctests(&base, &candidate).unwrap_or_default();
            let is_edited = |id: &&&TestId| {
                let same = |one: &passmuster_policy::rust_tests::Doctest| {
                    one.item == id.name && one.ordinal == id.ordinal + 1
                };
                id.file.as_ref() == Some(path) && found.iter().any(same)
            };
            edited.extend(doctests.iter().filter(is_edited).map(|id| (*id).clone()));
        }
        Ok(edited)
    }

    /// The base's files on disk.
    pub(super) fn sources<'s>(&'s self, trees: &Trees<'a>) -> Sources<'s> {
        Sources {
            entries: &self.base.entries,
            directory: trees.base_tree.clone(),
        }
    }
}

impl Disk<'_> {
    fn of_base(&self, path: &RepoPath) -> Option<String> {
        read(&self.base.join(path.as_str()?))
    }

    /// What the candidate's layer has, else the base's.
    fn of_candidate(&self, path: &RepoPath) -> Option<String> {
        self.candidate.entry(path)?;
        let path = path.as_str()?;
        let places = self.layers.iter().map(|layer| layer.join(path));
        let mut there = places.filter(|place| fs::symlink_metadata(place).is_ok());
        read(&there.next()?)
    }
}

fn read(path: &Path) -> Option<String> {
    let meta = fs::symlink_metadata(path).ok()?;
    let readable = meta.is_file() && meta.len() <= TEXT_CAP as u64;
    readable.then(|| fs::read_to_string(path).ok()).flatten()
}
