//! Between the words of the interface and those of this crate.

use crate::bindings::{change as wit_change, prior as wit_prior, trees as wit_trees, types as wit};
use crate::change::{ChangeSet, ChangedFile, Hunk, Mode, Side, Status};
use crate::prior::{CheckStatus, PriorCheck, PriorFinding, PriorTest, TestClass};
use crate::report::{Outcome, Position, Region, Severity};
use crate::tree::Entry;

impl From<Mode> for wit_change::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::File => Self::File,
            Mode::Executable => Self::Executable,
            Mode::Symlink => Self::Symlink,
            Mode::Submodule => Self::Submodule,
        }
    }
}

impl From<Status> for wit_change::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Added => Self::Added,
            Status::Modified => Self::Modified,
            Status::Deleted => Self::Deleted,
            Status::Renamed => Self::Renamed,
            Status::TypeChanged => Self::TypeChanged,
        }
    }
}

impl From<&Hunk> for wit_change::Hunk {
    fn from(hunk: &Hunk) -> Self {
        Self {
            old_start: hunk.old_start,
            old_lines: hunk.old_lines,
            new_start: hunk.new_start,
            new_lines: hunk.new_lines,
        }
    }
}

impl From<&ChangedFile> for wit_change::ChangedFile {
    fn from(file: &ChangedFile) -> Self {
        Self {
            path: file.path.clone(),
            old_path: file.old_path.clone(),
            status: file.status.into(),
            old_mode: file.old_mode.map(Into::into),
            new_mode: file.new_mode.map(Into::into),
            binary: file.binary,
            hunks: file.hunks.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ChangeSet> for wit_change::ChangeSet {
    fn from(change: &ChangeSet) -> Self {
        Self {
            files: change.files.iter().map(Into::into).collect(),
            unnamed: change.unnamed,
        }
    }
}

impl From<Entry> for wit_trees::Entry {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            mode: entry.mode.map(Into::into),
        }
    }
}

impl From<Side> for wit::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Base => Self::Base,
            Side::Candidate => Self::Candidate,
        }
    }
}

impl From<wit::Side> for Side {
    fn from(side: wit::Side) -> Self {
        match side {
            wit::Side::Base => Self::Base,
            wit::Side::Candidate => Self::Candidate,
        }
    }
}

impl From<Severity> for wit::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

impl From<wit::Severity> for Severity {
    fn from(severity: wit::Severity) -> Self {
        match severity {
            wit::Severity::Note => Self::Note,
            wit::Severity::Warning => Self::Warning,
            wit::Severity::Error => Self::Error,
        }
    }
}

impl From<wit::Outcome> for Outcome {
    fn from(outcome: wit::Outcome) -> Self {
        match outcome {
            wit::Outcome::Pass => Self::Pass,
            wit::Outcome::Fail => Self::Fail,
            wit::Outcome::Skip => Self::Skip,
        }
    }
}

impl From<wit::Position> for Position {
    fn from(position: wit::Position) -> Self {
        Self {
            line: position.line,
            column: position.column,
        }
    }
}

impl From<wit::Region> for Region {
    fn from(region: wit::Region) -> Self {
        Self {
            start: region.start.into(),
            end: region.end.map(Into::into),
        }
    }
}

impl From<CheckStatus> for wit_prior::CheckStatus {
    fn from(status: CheckStatus) -> Self {
        match status {
            CheckStatus::Passed => Self::Passed,
            CheckStatus::Failed => Self::Failed,
            CheckStatus::Review => Self::Review,
            CheckStatus::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<TestClass> for wit_prior::TestClass {
    fn from(class: TestClass) -> Self {
        match class {
            TestClass::Maintained => Self::Maintained,
            TestClass::Preexisting => Self::Preexisting,
            TestClass::Regressed => Self::Regressed,
            TestClass::Broken => Self::Broken,
            TestClass::Vanished => Self::Vanished,
            TestClass::Silenced => Self::Silenced,
            TestClass::Contract => Self::Contract,
            TestClass::Fixed => Self::Fixed,
            TestClass::Added => Self::Added,
            TestClass::AddedFailing => Self::AddedFailing,
            TestClass::Flaky => Self::Flaky,
            TestClass::Skipped => Self::Skipped,
            TestClass::Unavailable => Self::Unavailable,
        }
    }
}

impl From<&PriorTest> for wit_prior::Test {
    fn from(test: &PriorTest) -> Self {
        Self {
            id: test.id.clone(),
            class: test.class.into(),
        }
    }
}

impl From<&PriorFinding> for wit_prior::PriorFinding {
    fn from(finding: &PriorFinding) -> Self {
        Self {
            rule: finding.rule.clone(),
            severity: finding.severity.into(),
            side: finding.side.into(),
            path: finding.path.clone(),
            line: finding.line,
            message: finding.message.clone(),
            new: finding.new,
        }
    }
}

impl From<&PriorCheck> for wit_prior::Check {
    fn from(check: &PriorCheck) -> Self {
        Self {
            name: check.name.clone(),
            kind: check.kind.clone(),
            status: check.status.into(),
            tests: check.tests.iter().map(Into::into).collect(),
            findings: check.findings.iter().map(Into::into).collect(),
        }
    }
}
