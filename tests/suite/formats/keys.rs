//! What a form has a key for stands under that key: other places, lines, suggestions, reruns, what was there before.

use passmuster_tests::{TestEnv, proposal};
use serde_json::{Value, json};

use super::readers::{github, markdown};
use super::{in_history, ledger, shown};

/// What a linter found there before as well.
fn finding(level: &str) -> Value {
    json!({
        "rule": "R1", "level": level, "check": "tests", "path": "src/found.py", "path_b64": null,
        "lines": { "start": 3, "end": 5 }, "message": "found", "fix": "Mend it", "new": false, "fingerprint": "f", "related": [],
    })
}

/// A verdict with one thing of each kind.
fn one_of_each(from: &Value) -> Value {
    let mut verdict = from.clone();
    let mut test = verdict["tests"]["regressed"][0].clone();
    test["frames"] = json!([{ "file": "src/frame.py", "line": 7 }]);
    verdict["tests"]["regressed"] = json!([test.clone()]);
    test["id"] = json!("flaky one");
    test["class"] = json!("maintained");
    test["reruns"] = json!({ "runs": 3, "base_failures": 1, "candidate_failures": 1 });
    verdict["tests"]["flaky"] = json!([test]);
    verdict["review"] =
        json!([{ "code": "flaky", "ids": [], "files": [], "message": "one is flaky" }]);
    verdict["findings"] = json!([finding("deny")]);
    verdict["checks"][1]["required"] = json!(false);
    verdict["enforcement"] =
        json!([{ "protection": "network", "state": "degraded", "why": "it is a test" }]);
    verdict
}

#[test]
fn what_a_form_has_a_key_for_stands_under_it() {
    let env = TestEnv::new();
    let (repo, args) = ledger(&env, "faulty-regression");
    let (_, verdict) = env.verify(&repo, args).verdict();
    in_history(&env, &one_of_each(&verdict.0));
    let document = |form: &str| serde_json::from_str::<Value>(&shown(&env, form)).unwrap();

    let sarif = document("sarif");
    let run = &sarif["runs"][0];
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    let results = run["results"].as_array().unwrap();
    let of = |rule: &str| results.iter().find(|one| one["ruleId"] == rule).unwrap();
    let place = |uri: &str, line: u32| {
        json!({
            "artifactLocation": { "uri": uri, "uriBaseId": "%SRCROOT%" }, "region": { "startLine": line, "endLine": line },
        })
    };
    let related = &of("tests-regressed")["relatedLocations"][0]["physicalLocation"];
    assert_eq!(*related, place("src/frame.py", 7));
    let found = of("tests/R1");
    assert_eq!(found["baselineState"], "unchanged", "the base has it too");
    assert_eq!(found["properties"]["suggestion"], "Mend it");
    let policy = &of("flaky")["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(policy["uri"], "passmuster.toml");

    let rdjson = document("rdjson");
    let diagnostics = rdjson["diagnostics"].as_array().unwrap();
    let mut related = diagnostics.iter().map(|one| &one["related_locations"][0]);
    let related = related.find(|one| one.is_object()).unwrap();
    assert_eq!(related["location"]["path"], "src/frame.py");

    let gitlab = document("gitlab");
    let entries = gitlab.as_array().unwrap();
    let found = entries.iter().find(|one| one["check_name"] == "tests/R1");
    let lines = &found.unwrap()["location"]["lines"];
    assert_eq!(*lines, json!({ "begin": 3, "end": 5 }));

    let annotations = github(&shown(&env, "github"));
    let lines = ["3", "5"].map(str::to_owned);
    let has_lines = annotations.iter().any(|one| {
        let of = |name: &str| one.properties.iter().find(|(known, _)| known == name);
        let [line, end] = ["line", "endLine"].map(|name| of(name).map(|(_, value)| value));
        [line, end] == lines.each_ref().map(Some)
    });
    assert!(has_lines, "{annotations:#?}");
    let warnings = annotations.iter().filter(|one| one.kind == "warning");
    assert_eq!(warnings.count(), 1, "{annotations:#?}");

    let ctrf = document("ctrf");
    let tests = ctrf["results"]["tests"].as_array().unwrap();
    let flaky = tests.iter().find(|one| one["name"] == "flaky one").unwrap();
    assert_eq!(
        (&flaky["flaky"], &flaky["retries"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(ctrf["results"]["summary"]["flaky"], 1);

    let html = markdown(&env, &shown(&env, "markdown"));
    assert_eq!(html.matches("(not required)").count(), 1, "{html}");
    for words in [
        "<h3>Next</h3>",
        "<code>network</code> is degraded: <code>it is a test</code>",
        "suggested: <code>Mend it</code>",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    let agent = shown(&env, "agent");
    let frame = "\n  through the change at: \"src/frame.py:7\"\n";
    assert!(agent.contains(frame), "{agent}");
}

#[test]
fn a_pass_says_how_much_is_worth_knowing_about_it() {
    let env = TestEnv::new();
    let repo = env.repo("python-red");
    let fix = proposal("python-red", "good-fix-order");
    let (_, verdict) = env.verify(&repo, [fix]).verdict();
    let agent = shown(&env, "agent");
    let first = agent.lines().next().unwrap();
    let (said, counts) = first.split_once("; ").unwrap();
    assert_eq!(said, "pass: this change may be proposed");
    assert!(counts.ends_with(" tests still pass; 1 fixed"), "{first}");
    for (count, notes) in [(0, ""), (1, "; 1 note"), (2, "; 2 notes")] {
        let mut noted = verdict.0.clone();
        let mut note = finding("note");
        note["new"] = json!(true);
        noted["findings"] = json!(vec![note; count]);
        in_history(&env, &noted);
        let all = github(&shown(&env, "github"));
        assert_eq!(all.len(), 1, "{all:#?}");
        let start = format!("pass{notes}; run ");
        assert!(all[0].message.starts_with(&start), "{all:#?}");
    }
}
