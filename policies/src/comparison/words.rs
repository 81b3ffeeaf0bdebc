//! What a class means, said to whoever made the change.

use super::Class;

impl Class {
    /// The rest of a sentence about one test.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Maintained => "passed before and passes now",
            Self::Regressed => "passed before and fails now",
            Self::BrokenTest => {
                "fails as the change edits it, though the base's version of it passes on the changed code"
            }
            Self::ContractChanged => {
                "passes only as the change edits it: what it expects is another thing now, and a person must agree"
            }
            Self::OracleUncompilable => {
                "was edited, and the base's version of it does not load beside the changed code: a person must agree"
            }
            Self::Vanished => "passed before and is gone, though it would still pass",
            Self::ContractRemoved => {
                "passed before, is gone, and would not pass any more: a person must agree"
            }
            Self::Silenced => "passed before and is skipped now",
            Self::Fixed => "failed before and passes now",
            Self::FixedByTests => {
                "failed before and passes only because the change edits it: a person must agree"
            }
            Self::Preexisting => "failed before too: not held against the change",
            Self::FixedDropped => {
                "failed before and would pass now, but is gone or skipped: a person must agree"
            }
            Self::DroppedFailing => {
                "failed before and is gone or skipped instead of fixed: a person must agree"
            }
            Self::Unskipped => "was skipped before and passes now",
            Self::Skipped => "is skipped as before",
            Self::SkippedGone => "was skipped before and is gone",
            Self::AddedFailing => "is new, or was skipped before, and fails",
            Self::Added => "is new and passes",
            Self::AddedSkipped => "is new and skipped",
            Self::Nowhere => "is on neither tree",
        }
    }
}
