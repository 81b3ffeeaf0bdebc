//! Changed Python test files whose candidate's version may have changed what all tests of the run saw, for
//! they share a process. Then the candidate's own run says nothing of the base's tests in other files, and
//! all of them run again without it.

use std::collections::BTreeSet;

use passmuster_policy::change::Mode;
use passmuster_policy::path::RepoPath;
use passmuster_policy::python_tests::may_influence;

use super::beside::content;
use super::{Bench, Site};
use crate::layers::{LayerError, Snapshot};
use crate::parts::{Kind, Part};

/// Where pytest looks for the fixtures of a directory.
const CONFTEST: &[u8] = b"conftest.py";

impl Bench<'_> {
    /// Those among the parts.
    pub(super) fn influential(
        &self,
        parts: &[Part],
        site: &mut Site<'_, '_>,
    ) -> Result<BTreeSet<RepoPath>, LayerError> {
        let mut found = BTreeSet::new();
        for Part { path, kind, .. } in parts {
            if *kind == Kind::File
                && path.as_bytes().ends_with(b".py")
                && self.is_influential(path, site)?
            {
                found.insert(path.clone());
            }
        }
        Ok(found)
    }

    fn is_influential(&self, path: &RepoPath, site: &mut Site<'_, '_>) -> Result<bool, LayerError> {
        match self.candidate.entry(path).map(|entry| entry.mode) {
            None => Ok(false),
            Some(Mode::File | Mode::Executable) => {
                let conftests = conftests(self.candidate, path).into_iter();
                let conftests = conftests.map(|path| content(self.candidate, path, site));
                let conftests: Vec<String> = conftests.collect::<Result<_, _>>()?;
                let text = content(self.candidate, path, site)?;
                Ok(may_influence(&text, &conftests))
            }
            // What a link leads to stands in another file, or in none.
            Some(_) => Ok(true),
        }
    }
}

/// The files that give fixtures to the tests of a file.
fn conftests<'t>(tree: &'t Snapshot, path: &RepoPath) -> Vec<&'t RepoPath> {
    let above = |other: &&RepoPath| {
        let directory = other.as_bytes().strip_suffix(CONFTEST);
        other.file_name() == CONFTEST
            && directory.is_some_and(|directory| path.as_bytes().starts_with(directory))
    };
    tree.entries
        .iter()
        .map(|entry| &entry.path)
        .filter(above)
        .collect()
}
