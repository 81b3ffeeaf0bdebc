//! What is a test, what is harness: for one check, once its first runs are known.

use passmuster_policy::classification::Classifier;

use super::oracle::Suite;
use super::{Bench, Site};
use crate::layers::LayerError;
use crate::parts::Sorter;
use crate::reruns::is_whole;

impl<'a> Bench<'a> {
    /// Tells the parts of a check's trees apart; none where nothing will be compared, because one of the
    /// runs cannot be used.
    pub(super) fn sorter(
        &self,
        suite: Suite<'_, 'a>,
        site: &mut Site<'_, '_>,
    ) -> Result<Option<Sorter>, LayerError> {
        let Suite {
            plan,
            test,
            trees,
            firsts,
        } = suite;
        let classifier = Classifier::new(plan.check, test);
        let (true, Ok(mut classifier)) = (
            is_whole(firsts.base) && is_whole(firsts.candidate),
            classifier,
        ) else {
            return Ok(None);
        };
        if test.framework.tests_in_sources() {
            // A file that holds some tests is none: they stand in product sources.
            let (rust, holders) = self.rust_tests(trees, site)?;
            return Ok(Some(Sorter {
                classifier,
                holders,
                rust: Some(rust),
            }));
        }
        let sources = self.sources(trees);
        let directories = self.directories_of_tests(&classifier, firsts, &sources);
        classifier.count_as_tests(directories);
        let beside = self.beside(&classifier, firsts, &sources);
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
