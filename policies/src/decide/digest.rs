//! The digest: sha256 of the canonical JSON of the verdict's [`Record`], which has what has to repeat. Times,
//! messages, logs, costs and the machine are no part of it.

use crate::record::Record;
use crate::verdict::Verdict;

pub(super) fn of(verdict: &Verdict) -> String {
    Record::of(verdict).digest()
}
