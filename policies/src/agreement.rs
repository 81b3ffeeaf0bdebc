//! Whether exit status, report and inventory of a test run agree.
//!
//! Code under test lives in the process that writes the report and can forge it. One channel alone
//! is therefore never believed: what one says, no other may contradict.

use serde::{Deserialize, Serialize};

use crate::run::{Outcome, ReportState, TestRun};
use crate::tests::TestStatus;

/// What a framework's exit statuses mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMeaning {
    /// Statuses that say that every test that ran passed.
    pub passed: Vec<i32>,
    /// Statuses that say that the suite ran to its end and some test failed.
    pub failed: Vec<i32>,
    /// Statuses that say that there was no test.
    pub no_tests: Vec<i32>,
}
