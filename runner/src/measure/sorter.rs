//! What is a test, what is harness: for one check, once its first runs are known.

use passmuster_policy::classification::Classifier;
use passmuster_policy::policy::{Check, Framework, TestCheck};

use super::oracle::Firsts;
use super::{Bench, Site, Trees};
use crate::layers::LayerError;
use crate::parts::Sorter;
use crate::reruns::is_whole;

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
        if in_sources(test.framework) {
            // A file that holds some tests is none: they stand in product sources.
            let (rust, holders) = self.rust_tests(trees, site)?;
            return Ok(Some(Sorter {
                classifier,
                holders,
                rust: Some(rust),
            }));
        }
        let beside = self.beside(&classifier, firsts, &self.sources(trees));
        let mut holders = firsts.holders();
        holders.retain(|path| !beside.contains(path));
        classifier.release(&beside);
        Ok(Some(Sorter {
            classifier,
            holders,
            rust: None,
        }))
    }
}

/// Whether a framework's tests stand in product sources.
pub(super) fn in_sources(framework: Framework) -> bool {
    matches!(framework, Framework::CargoTest | Framework::Nextest)
}
