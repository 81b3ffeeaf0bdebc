//! Product files that hold tests, where nothing tells the two apart: examples in a Python module's
//! documentation, tests below the code that they test.
//!
//! Such a file is the candidate's on every tree, or the oracle would ask the base's own code. What it says of
//! itself is then no evidence where the change edits its tests.

use std::collections::BTreeSet;

use passmuster_policy::change::ChangeKind;
use passmuster_policy::classification::Classifier;
use passmuster_policy::path::RepoPath;
use passmuster_policy::python_tests::examples_kept;
use passmuster_policy::tests::TestId;

use super::oracle::Firsts;
use super::{Bench, Site, unread};
use crate::layers::{LayerError, Snapshot};
use crate::reach::Sources;
use crate::uses::touched;

impl Bench<'_> {
    /// Changed files that hold tests and are product by their paths: examples stand in them, or others load
    /// them.
    pub(super) fn beside(
        &self,
        classifier: &Classifier,
        firsts: Firsts<'_>,
        sources: &Sources<'_>,
    ) -> BTreeSet<RepoPath> {
        let holders = firsts.holders();
        let changed: BTreeSet<&RepoPath> = self.change.files.iter().flat_map(touched).collect();
        let tests = firsts.base.tests.iter().chain(&firsts.candidate.tests);
        let examples = tests.map(|test| &test.id).filter(|id| is_example(id));
        let documented: BTreeSet<&RepoPath> = examples.filter_map(|id| id.file.as_ref()).collect();
        let beside = changed.into_iter().filter(|path| {
            holders.contains(path)
                && !classifier.is_test_by_path(path)
                && (documented.contains(path) || sources.load(path))
        });
        beside.cloned().collect()
    }

    /// The base's tests in such files, as far as the change may have edited them.
    pub(super) fn edited_beside(
        &self,
        beside: &BTreeSet<RepoPath>,
        firsts: Firsts<'_>,
        site: &mut Site<'_, '_>,
    ) -> Result<BTreeSet<TestId>, LayerError> {
        let mut edited = BTreeSet::new();
        for file in &self.change.files {
            // The examples of a renamed module go by other names: a person compares them.
            let (before, moved) = match &file.kind {
                ChangeKind::Renamed(from) => (from, true),
                _ => (&file.path, false),
            };
            if !beside.contains(before) {
                continue;
            }
            let base = content(self.base, before, site)?;
            let candidate = content(self.candidate, &file.path, site)?;
            let kept = !moved && examples_kept(&base, &candidate);
            let ids = firsts.base.tests.iter().map(|test| &test.id);
            let inside = ids.filter(|id| id.file.as_ref() == Some(before));
            edited.extend(inside.filter(|id| !(kept && is_example(id))).cloned());
        }
        Ok(edited)
    }
}

/// The examples of `pkg/calc.py` go by `pkg.calc` and what follows; other tests have no dotted names.
fn is_example(id: &TestId) -> bool {
    let stem = id.file.as_ref().and_then(|file| {
        let name = file.file_name().strip_suffix(b".py")?;
        std::str::from_utf8(name).ok()
    });
    stem.is_some_and(|stem| id.name == stem || id.name.contains('.'))
}

/// A file's text as far as it is text; nothing where it is not there.
pub(super) fn content(
    tree: &Snapshot,
    path: &RepoPath,
    site: &mut Site<'_, '_>,
) -> Result<String, LayerError> {
    let entry = tree.entry(path);
    let bytes = entry.map(|entry| (site.workshop.read_blob)(entry));
    let bytes = bytes.transpose().map_err(unread)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
