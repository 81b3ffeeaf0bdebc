//! What is a test, what is harness: for one check, once its first runs are known.

use std::collections::BTreeSet;

use passmuster_policy::classification::Classifier;
use passmuster_policy::policy::{Check, Framework, TestCheck};

use super::oracle::Firsts;
use super::{Bench, Site, Trees, unread};
use crate::layers::LayerError;
use crate::parts::{RustTests, Sorter, text};
use crate::reach::Sources;
use crate::reruns::is_whole;
use crate::uses::touched;

impl<'a> Bench<'a> {
    /// Tells the parts of a check's trees apart; none where nothing will be compared, because one of the
    /// runs cannot be used.
    pub(super) fn sorter(
        &self,
        check: &Check,
        test: &TestCheck,
        trees: &Trees<'a>,
        firsts: Firsts<'_>,
        site: &mut Site<'_, '_>,
    ) -> Result<Option<Sorter>, LayerError> {
        let classifier = Classifier::new(check, test);
        let (true, Ok(mut classifier)) = (
            is_whole(firsts.base) && is_whole(firsts.candidate),
            classifier,
        ) else {
            return Ok(None);
        };
        let in_sources = in_sources(test.framework);
        let mut holders = firsts.holders();
        if !in_sources {
            let beside = self.beside(&classifier, firsts, &self.sources(trees));
            holders.retain(|path| !beside.contains(path));
            classifier.release(&beside);
        }
        Ok(Some(Sorter {
            classifier,
            // Where tests stand in product sources, the whole file is no test.
            holders: match in_sources {
                true => BTreeSet::new(),
                false => holders,
            },
            rust: match in_sources {
                true => Some(self.rust_tests(trees, site)?),
                false => None,
            },
        }))
    }

    /// What all sources of both trees say of macros; nothing where no source changed.
    fn rust_tests(
        &self,
        trees: &Trees<'a>,
        site: &mut Site<'_, '_>,
    ) -> Result<RustTests, LayerError> {
        let changed: BTreeSet<_> = self.change.files.iter().flat_map(touched).collect();
        let mut changed = changed
            .into_iter()
            .filter(|path| path.as_bytes().ends_with(b".rs"))
            .peekable();
        if changed.peek().is_none() {
            return Ok(RustTests::default());
        }
        let mut texts = Vec::new();
        for path in changed {
            let entry = self.candidate.entry(path);
            texts.extend(text(entry, site.workshop.read_blob).map_err(unread)?);
        }
        texts.extend(self.sources(trees).texts(&["rs"]));
        Ok(RustTests::of(texts.iter().map(String::as_str)))
    }

    /// The base's files on disk.
    pub(super) fn sources<'s>(&'s self, trees: &Trees<'a>) -> Sources<'s> {
        Sources {
            entries: &self.base.entries,
            directory: trees.base_tree.clone(),
        }
    }
}

/// Whether a framework's tests stand in product sources.
pub(super) fn in_sources(framework: Framework) -> bool {
    matches!(framework, Framework::CargoTest | Framework::Nextest)
}
