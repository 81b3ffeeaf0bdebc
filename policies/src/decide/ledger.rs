//! What speaks against a pass, collected.

use std::collections::{BTreeMap, BTreeSet};

use super::note;
use crate::finding::Finding;
use crate::policy::Check;
use crate::reason::{Level, Reason, ReasonCode, Review};
use crate::text;
use crate::verdict::Decision;

/// Reasons, review items and notes.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    reasons: Vec<Reason>,
    review: Vec<Review>,
    notes: Vec<Finding>,
}

impl Ledger {
    /// Writes down a reason.
    pub(super) fn reason(
        &mut self,
        code: ReasonCode,
        check: Option<&Check>,
        ids: impl IntoIterator<Item = String>,
        message: impl Into<String>,
    ) {
        let ids: BTreeSet<String> = ids.into_iter().collect();
        let check = check.map(|check| check.name.clone());
        self.at(
            true,
            Reason {
                code,
                check,
                ids: ids.into_iter().collect(),
                message: message.into(),
            },
        );
    }

    /// Writes down a review item.
    pub(super) fn review(&mut self, mut review: Review) {
        shown(&mut review.ids, &mut review.message);
        review.files.sort();
        self.review.push(review);
    }

    /// Writes down a reason that counts, or a note.
    pub(super) fn at(&mut self, counts: bool, mut reason: Reason) {
        shown(&mut reason.ids, &mut reason.message);
        if !counts {
            self.notes.push(note(&reason));
        } else if reason.code.level() == Level::Review {
            let Reason {
                code, ids, message, ..
            } = reason;
            self.review.push(Review {
                code,
                ids,
                files: Vec::new(),
                message,
            });
        } else {
            self.reasons.push(reason);
        }
    }

    /// Takes over another ledger; where it does not count, as notes.
    pub(super) fn absorb(&mut self, other: Self, counts: bool) {
        if counts {
            self.reasons.extend(other.reasons);
            self.review.extend(other.review);
        } else {
            self.notes.extend(other.reasons.iter().map(note));
            let as_reason = |review: Review| Reason {
                code: review.code,
                check: None,
                ids: review.ids,
                message: review.message,
            };
            self.notes.extend(
                other
                    .review
                    .into_iter()
                    .map(as_reason)
                    .map(|one| note(&one)),
            );
        }
        self.notes.extend(other.notes);
    }

    /// The strongest level among the entries.
    pub(super) fn strongest(&self) -> Option<Level> {
        let reasons = self.reasons.iter().map(|reason| reason.code.level());
        reasons
            .chain(self.review.first().map(|_| Level::Review))
            .max()
    }

    /// Whether a failure has been written down.
    pub(super) fn fails(&self) -> bool {
        self.reasons
            .iter()
            .any(|reason| reason.code.level() == Level::Fail)
    }

    /// All entries, in order, each once; review items of one code become one.
    pub(super) fn close(mut self) -> (Vec<Reason>, Vec<Review>, Vec<Finding>) {
        self.reasons.sort();
        self.reasons.dedup();
        (self.reasons, merge(self.review), self.notes)
    }
}

/// Most bytes of a reason's message.
const MESSAGE_CAP: usize = 2048;

/// Makes ids and message fit to be shown, whoever wrote them.
fn shown(ids: &mut [String], message: &mut String) {
    *message = text::line(message, MESSAGE_CAP);
    ids.iter_mut().for_each(|id| *id = text::id(id));
    ids.sort();
}

fn merge(items: Vec<Review>) -> Vec<Review> {
    let mut by_code: BTreeMap<ReasonCode, (BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)> =
        BTreeMap::new();
    for item in items {
        let (ids, files, messages) = by_code.entry(item.code).or_default();
        ids.extend(item.ids);
        files.extend(item.files);
        messages.insert(item.message);
    }
    let review = |(code, (ids, files, messages)): (_, (BTreeSet<_>, BTreeSet<_>, BTreeSet<_>))| {
        let messages: Vec<String> = messages.into_iter().collect();
        Review {
            code,
            ids: ids.into_iter().collect(),
            files: files.into_iter().collect(),
            message: messages.join("; "),
        }
    };
    by_code.into_iter().map(review).collect()
}

/// The verdict's word.
pub(super) fn word(reasons: &[Reason], review: &[Review]) -> Decision {
    let strongest = reasons.iter().map(|reason| reason.code.level()).max();
    match strongest {
        // A usage error leaves no verdict; where one comes here all the same, nothing was measured.
        _ if reasons
            .iter()
            .any(|reason| reason.code.level() == Level::Fail) =>
        {
            Decision::Fail
        }
        Some(_) => Decision::Inconclusive,
        None if !review.is_empty() => Decision::Review,
        None => Decision::Pass,
    }
}
