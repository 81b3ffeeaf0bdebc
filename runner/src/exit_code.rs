//! Exit statuses of the program: a contract with whatever calls it.

use std::process::ExitCode;

use passmuster_policy::verdict::Decision;

/// Every way in which the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The change passed, or the command did what it was asked.
    Pass,
    /// The change is at fault.
    Fail,
    /// The command line, the policy or the repository is at fault; nothing was verified.
    Usage,
    /// It could not be found out. The same word is printed when the runner is interrupted.
    Inconclusive,
    /// A person has to look before the change may be merged.
    Review,
    /// Passmuster itself is at fault.
    Internal,
    /// What the sandboxed command ended with.
    Command(u8),
}

impl Exit {
    /// What `verify` ends with for a decision.
    pub fn of(decision: Decision) -> Self {
        match decision {
            Decision::Pass => Self::Pass,
            Decision::Fail => Self::Fail,
            Decision::Review => Self::Review,
            Decision::Inconclusive => Self::Inconclusive,
        }
    }

    /// The status that the process ends with.
    pub fn status(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Review => 4,
            // EX_SOFTWARE of sysexits.h
            Self::Internal => 70,
            Self::Command(status) => status,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}
