//! Which tests of the base fail for want of a network, as far as that can be told.
//!
//! Denials belong to a run, not to a test. A test counts as one that needs the network when the run
//! was refused one *and* the test's own failure says so: it names the address or name that was
//! refused, or is the error that comes of it. Any other failure of such a run may have the same cause
//! and may not.

use passmuster_policy::denial::Denial;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, Evidence};
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestResult, TestStatus};

/// What errors say that come of a missing network: the C library's, Python's, Node's, Rust's, Go's.
const SAYINGS: [&str; 9] = [
    "Network is unreachable",
    "network is unreachable",
    "ENETUNREACH",
    "Name or service not known",
    "Temporary failure in name resolution",
    "failed to lookup address",
    "ENOTFOUND",
    "EAI_AGAIN",
    "no such host",
];

/// The failed tests of one check whose base run was refused a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offline {
    /// The check.
    pub check: String,
    /// Ids of tests whose failure says that it is the network.
    pub certain: Vec<String>,
    /// Ids of the other tests that failed.
    pub possible: Vec<String>,
}

/// Each check that has such tests.
pub fn of(evidence: &Evidence) -> Vec<Offline> {
    evidence.checks.iter().filter_map(of_check).collect()
}

fn of_check(check: &CheckEvidence) -> Option<Offline> {
    match &check.result {
        CheckResult::Test(runs) => of_run(&check.name, &runs.base),
        CheckResult::Lint(_)
        | CheckResult::Command(_)
        | CheckResult::NotRun(_)
        | CheckResult::Plugin(_) => None,
    }
}

fn of_run(check: &str, base: &TestRun) -> Option<Offline> {
    let refused: Vec<&Denial> = base.denials.iter().filter(|one| one.is_network()).collect();
    let failed = base
        .tests
        .iter()
        .filter(|test| test.status == TestStatus::Failed);
    let (certain, possible): (Vec<_>, Vec<_>) = failed.partition(|test| says_so(test, &refused));
    if refused.is_empty() || certain.is_empty() && possible.is_empty() {
        return None;
    }
    let ids = |tests: Vec<&TestResult>| tests.iter().map(|test| test.id.to_string()).collect();
    Some(Offline {
        check: check.to_owned(),
        certain: ids(certain),
        possible: ids(possible),
    })
}

fn says_so(test: &TestResult, refused: &[&Denial]) -> bool {
    let Some(failure) = &test.failure else {
        return false;
    };
    let said = |words: &str| failure.message.contains(words) || failure.detail.contains(words);
    let targets = refused.iter().filter_map(|one| one.target.as_deref());
    SAYINGS.into_iter().any(said) || targets.map(without_port).any(said)
}

/// The host of an address; a name as it is.
fn without_port(target: &str) -> &str {
    target
        .parse::<std::net::SocketAddr>()
        .ok()
        .and_then(|_| target.rsplit_once(':'))
        .map_or(target, |(host, _)| host.trim_matches(['[', ']']))
}

/// The glob that matches exactly this id, or ids that differ from it in a letter that globs read in
/// their own way.
pub fn glob(id: &str) -> String {
    id.replace(['*', '[', ']', '{', '}', '\\'], "?")
}

#[cfg(test)]
mod tests {
    use passmuster_policy::denial::DenialKind;
    use passmuster_policy::policy::Globs;

    use super::*;

    #[test]
    fn the_host_of_an_address_is_looked_for_and_a_name_as_it_is() {
        for (target, expected) in [
            ("192.0.2.1:443", "192.0.2.1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("rates.example.org", "rates.example.org"),
        ] {
            assert_eq!(without_port(target), expected);
        }
    }

    #[test]
    fn the_glob_of_an_id_matches_it() {
        for id in ["tests/a.py::test[x*{1}]", "a::b#2", "é \\ [", "plain"] {
            let globs = Globs::new(&[glob(id)]).unwrap();
            assert!(globs.matches_text(id), "{id}");
            assert!(!globs.matches_text("tests/a.py::test_other"));
        }
    }

    fn test(name: &str, message: &str) -> TestResult {
        TestResult {
            id: passmuster_policy::tests::TestId {
                unit: String::new(),
                file: None,
                name: name.to_owned(),
                parameters: None,
                ordinal: 0,
            },
            status: TestStatus::Failed,
            selector: name.to_owned(),
            failure: Some(passmuster_policy::tests::Failure {
                message: message.to_owned(),
                ..Default::default()
            }),
            millis: None,
        }
    }

    #[test]
    fn only_a_failure_that_says_so_is_put_down_to_the_network_and_only_where_one_was_refused() {
        let refused = Denial {
            kind: DenialKind::Network,
            target: Some("192.0.2.1:443".to_owned()),
            syscall: None,
            process: None,
            count: 1,
        };
        let tests = vec![
            test("said", "OSError: [Errno 101] Network is unreachable"),
            test("named", "no answer from 192.0.2.1"),
            test("other", "assert 1 == 2"),
        ];
        let outcome = passmuster_policy::run::Outcome::Exited { status: 1 };
        let mut run = TestRun {
            denials: vec![refused],
            ..TestRun::plain(outcome, tests)
        };
        let found = of_run("t", &run).unwrap();
        assert_eq!(found.certain, ["said", "named"]);
        assert_eq!(found.possible, ["other"]);
        run.denials.clear();
        assert_eq!(of_run("t", &run), None, "nothing was refused");
    }
}
