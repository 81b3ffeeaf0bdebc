//! Changed Python test files whose candidate's version may have changed what all tests of the run saw, for
//! they share a process. Then the candidate's own run says nothing of the base's tests in other files, and
//! all of them run again without it.

use std::collections::BTreeSet;

use passmuster_policy::path::RepoPath;
use passmuster_policy::python_tests::may_influence;

use super::beside::content;
use super::{Bench, Site};
use crate::layers::LayerError;
use crate::parts::{Kind, Part};

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
                && may_influence(&content(self.candidate, path, site)?)
            {
                found.insert(path.clone());
            }
        }
        Ok(found)
    }
}
