//! The ledger of attempts: every candidate of a base is counted, once, and shown.

use passmuster_tests::{TestEnv, proposal};
use serde_json::json;

const REPO: &str = "python-ledger";

#[test]
fn every_candidate_of_a_base_is_counted_once_and_shown() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let counted = |name: &str| {
        let (_, verdict) = env.verify(&repo, [&proposal(REPO, name)]).verdict();
        verdict.0["attempts"].clone()
    };
    let of = |candidates, passed, failed| json!({"candidates": candidates, "passed": passed, "failed": failed, "review": 0, "inconclusive": 0});
    assert_eq!(counted("faulty-regression"), of(1, 0, 1));
    assert_eq!(counted("gaming-skip-test"), of(2, 0, 2));
    assert_eq!(
        counted("gaming-skip-test"),
        of(2, 0, 2),
        "a stored answer is no attempt"
    );
    assert_eq!(counted("good-fix-lost-cents"), of(3, 1, 2));
    let shown = env.passmuster(["show"]).run();
    let said = "3 candidates on this base so far: 1 passed, 2 failed";
    assert!(shown.out().contains(said), "{}", shown.all());
    // The user's own commits make another base.
    repo.write("notes.txt", "something else\n");
    repo.commit("Another base");
    assert_eq!(counted("faulty-regression"), of(1, 0, 1));
}
