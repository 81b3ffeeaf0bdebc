//! The history: what was decided in a repository, for people and as data.

use passmuster_tests::{TestEnv, proposal};
use serde_json::{Value, json};

const REPO: &str = "python-ledger";

#[test]
fn the_history_lists_the_verdicts_of_its_repository_the_newest_first() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let history = |more: &[&str]| {
        env.passmuster(["history"])
            .args(more)
            .cwd(repo.root())
            .run()
    };
    let nothing = history(&[]);
    nothing.assert_code(0);
    assert!(
        nothing
            .out()
            .starts_with("nothing was verified in this repository yet")
    );
    for name in ["faulty-regression", "good-fix-lost-cents"] {
        env.verify(&repo, [&proposal(REPO, name)]).verdict();
    }
    let listed = history(&[]);
    listed.assert_code(0);
    let said = listed.out();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains(" pass "), "{said}");
    assert!(
        lines[1].contains(" fail ") && lines[1].ends_with("tests-regressed"),
        "{said}"
    );
    // What is printed of a run's id is enough to see it again.
    let run = lines[1].split(' ').next().unwrap();
    let shown = env.passmuster(["show", run]).run();
    shown.assert_code(0);
    let document = |more: &[&str]| -> Value {
        let finished = history(&[&["--json"], more].concat());
        finished.assert_code(0);
        serde_json::from_str(&finished.out()).unwrap()
    };
    let all = document(&[]);
    assert_eq!(all["schema"], json!("passmuster.history/1"));
    assert_eq!(all["runs"][1]["codes"], json!(["tests-regressed"]));
    assert_eq!(all["runs"][0]["verdict"], json!("pass"));
    assert!(
        all["runs"][0]["took_ms"].is_u64() && all["flaky"] == json!([]),
        "{all}"
    );
    assert_eq!(document(&["--limit", "1"])["runs"], json!([all["runs"][0]]));
    // Another repository has another history.
    let other = env.empty_repo();
    let elsewhere = env.passmuster(["history"]).cwd(other.root()).run();
    assert!(
        elsewhere.out().starts_with("nothing was verified"),
        "{}",
        elsewhere.all()
    );
    let refused = env.passmuster(["history", "--repo", "/nowhere"]).run();
    refused.assert_code(2);
}
