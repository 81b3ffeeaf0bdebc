//! Asking controls again that did not answer: by chance once, by intent every time.

use std::time::Duration;

use passmuster_policy::controls::is_to_be_asked_again;
use passmuster_policy::policy::{Check, TestCheck};
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::TestResult;

use super::{Bench, Side};
use crate::reruns::is_whole;
use crate::runs::{Ran, RunError};
use crate::turns::Turn;

impl Bench<'_> {
    /// One run of changed code. Of two, the later one counts, with all that it gave: the answers of one run
    /// vouch for no results of another.
    pub(super) async fn answered_test(
        &self,
        base: &TestRun,
        check: &Check,
        test: &TestCheck,
        side: &Side<'_>,
        wall: Duration,
        only: Option<Vec<TestResult>>,
    ) -> Result<Ran<TestRun>, RunError> {
        let first = self.one_test(check, test, side, wall, only.clone()).await?;
        if !is_to_be_asked_again(Some(base), &first.result) {
            return Ok(first);
        }
        let second = self.one_test(check, test, side, wall, only).await?;
        Ok(better(first, second))
    }

    /// The whole suite on the base, for whoever has a turn.
    pub(super) async fn answered_base(
        &self,
        turn: &Turn,
        check: &Check,
        test: &TestCheck,
        side: &Side<'_>,
    ) -> Result<Ran<TestRun>, RunError> {
        let wall = self.wall(check, None);
        let first = self
            .one_test_in(turn, check, test, side, wall, None)
            .await?;
        if !is_to_be_asked_again(None, &first.result) {
            return Ok(first);
        }
        let second = self
            .one_test_in(turn, check, test, side, wall, None)
            .await?;
        Ok(better(first, second))
    }
}

/// The second run, unless it broke off.
fn better(first: Ran<TestRun>, second: Ran<TestRun>) -> Ran<TestRun> {
    match is_whole(&second.result) {
        true => second,
        false => first,
    }
}
