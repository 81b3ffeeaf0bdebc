//! What an exit status says, framework by framework.

use super::Framework;

/// What the exit status alone says about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitMeaning {
    /// Every test that ran passed.
    Passed,
    /// At least one test failed, or, where a framework has one status for both, the run itself did.
    Failed,
    /// The framework ran no test.
    NoTests,
    /// The run did not get as far as a result: usage, internal error, interrupted, build failure.
    Error,
}

/// Reads an exit status as the framework's own documentation defines it; a status it does not define is an error.
pub fn exit_meaning(framework: Framework, status: i32) -> ExitMeaning {
    use ExitMeaning::{Error, Failed, NoTests, Passed};
    match (framework, status) {
        (_, 0) => Passed,
        // pytest.ExitCode: 1 tests failed, 2 interrupted, 3 internal, 4 usage, 5 nothing collected. A collection error is 2.
        (Framework::Pytest, 1) => Failed,
        (Framework::Pytest, 5) => NoTests,
        // unittest: 1 not successful; 5 no tests ran, since Python 3.12.
        (Framework::Unittest, 1) => Failed,
        (Framework::Unittest, 5) => NoTests,
        // cargo: 101 for a failed test and for a failed build; the report tells them apart.
        (Framework::CargoTest, 101) => Failed,
        // nextest-metadata NextestExitCode: 100 tests failed, 4 no tests, 101 build failed, 104 set-up script failed.
        (Framework::Nextest, 100) => Failed,
        (Framework::Nextest, 4) => NoTests,
        // node: 1 for failed tests.
        (Framework::NodeTest, 1) => Failed,
        // Any tool: only the report tells a failed test from a failed tool.
        (Framework::Junit, _) => Failed,
        _ => Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_framework_has_its_own_statuses() {
        let table = [
            (Framework::Pytest, [0, 1, 2, 5, 101], "PFENE"),
            (Framework::Unittest, [0, 1, 2, 5, 101], "PFENE"),
            (Framework::CargoTest, [0, 1, 4, 100, 101], "PEEEF"),
            (Framework::Nextest, [0, 1, 4, 100, 101], "PENFE"),
            (Framework::NodeTest, [0, 1, 2, 5, 101], "PFEEE"),
            (Framework::Junit, [0, 1, 2, 5, 101], "PFFFF"),
        ];
        for (framework, statuses, expected) in table {
            let read: String = statuses
                .iter()
                .map(|status| match exit_meaning(framework, *status) {
                    ExitMeaning::Passed => 'P',
                    ExitMeaning::Failed => 'F',
                    ExitMeaning::NoTests => 'N',
                    ExitMeaning::Error => 'E',
                })
                .collect();
            assert_eq!(read, expected, "{framework:?}");
        }
    }
}
