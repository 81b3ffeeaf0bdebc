//! A review may be merged once a person signed that they looked; nothing else changes by that.

use std::fs;
use std::path::{Path, PathBuf};

use passmuster_tests::{TestEnv, tool};
use serde_json::json;

use super::support::*;

/// The run's id that the last verdict ends with.
fn last_run(env: &TestEnv, repo: &Path) -> String {
    let listed = env
        .passmuster(["history", "--json", "--limit", "1", "--repo"])
        .args([repo])
        .run();
    let json: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    json["runs"][0]["run"].as_str().unwrap().to_owned()
}

/// A list of approvers with this key.
fn approvers(env: &TestEnv, name: &str, options: &str, key: &Path) -> PathBuf {
    let file = env.work().join(name);
    let key = fs::read_to_string(public(key)).unwrap();
    fs::write(
        &file,
        format!("# who may approve\nana@example.org {options} {key}"),
    )
    .unwrap();
    file
}

#[test]
fn a_review_may_be_merged_with_an_approval_by_a_listed_key_and_not_without() {
    let env = TestEnv::new();
    let [key, ana, bob] = ["key", "ana", "bob"].map(|name| ssh_key(&env, name, ""));
    let repo = proposed(&env, "gaming-edit-ci");
    let (file, finished) = attested(&env, &repo, &key);
    finished.assert_code(4);
    let run = last_run(&env, repo.root());
    let public_key = public(&key);
    let with = |more: &[&str]| {
        let args = ["--attestation", text(&file), "--key", text(&public_key)];
        gate(&env, &repo, "topic", &[&args[..], more].concat())
    };
    let list = approvers(&env, "approvers", "", &ana);
    let listed = ["--approvers", text(&list)];
    assert_refused(&with(&listed), &["unapproved-review"]);

    let approval = env.work().join("approval.json");
    let approve = |key: &Path, output: &Path| {
        let args = [
            "approve",
            &run,
            "--reason",
            "I read\u{1b}[2J the workflow",
            "--key",
            text(key),
            "--output",
            text(output),
        ];
        env.passmuster(args).run()
    };
    let said = approve(&ana, &approval);
    said.assert_code(0)
        .assert_clear_message(&["approved: protected-path", "signed by SHA256:"]);
    let both = [&listed[..], &["--attestation", text(&approval)]].concat();
    let merged = with(&both);
    assert_merges(&merged);
    assert!(
        merged
            .out()
            .contains("approved by ana@example.org: I read the workflow"),
        "{}",
        merged.all()
    );

    // One that does not count is not named as a reason for the merge.
    let other = env.work().join("other.json");
    approve(&bob, &other).assert_code(0);
    let three = [&both[..], &["--attestation", text(&other)]].concat();
    let merged = with(&three);
    assert_merges(&merged);
    assert_eq!(
        merged.out().matches("approved by ").count(),
        1,
        "{}",
        merged.all()
    );
    let json = json_of(&with(&[&three[..], &["--json"]].concat()));
    let ana_alone = json!([{ "by": "ana@example.org", "reason": "I read the workflow" }]);
    assert_eq!(json["approvals"], ana_alone);

    // In the same file, as in-toto's bundles are.
    let bundle = env.work().join("bundle.jsonl");
    fs::write(
        &bundle,
        [fs::read(&file).unwrap(), fs::read(&approval).unwrap()].concat(),
    )
    .unwrap();
    assert_merges(&gate(
        &env,
        &repo,
        "topic",
        &[
            "--attestation",
            text(&bundle),
            "--key",
            text(&public_key),
            "--approvers",
            text(&list),
        ],
    ));

    // To standard output, and by somebody who has the attestation and not the run.
    let elsewhere = TestEnv::new();
    let copy = elsewhere.work().join("copy.json");
    fs::copy(&file, &copy).unwrap();
    let args = [
        "approve",
        "--attestation",
        text(&copy),
        "--key",
        text(&ana),
        "--reason",
        "looked at it",
    ];
    let printed = elsewhere.passmuster(args).run();
    printed.assert_code(0);
    fs::write(&approval, &printed.stdout).unwrap();
    assert_merges(&with(&both));

    // Not without a list, by others, or by a key that the list keeps from it.
    assert_refused(
        &with(&["--attestation", text(&approval)]),
        &["unapproved-review"],
    );
    for (name, options, approver) in [
        ("others", "", &bob),
        ("git", "namespaces=\"git\"", &ana),
        ("old", "valid-before=\"20200101\"", &ana),
        ("young", "valid-after=\"20990101\"", &ana),
        ("authority", "cert-authority", &ana),
    ] {
        let list = approvers(&env, name, options, approver);
        assert_refused(
            &with(&["--approvers", text(&list), "--attestation", text(&approval)]),
            &["unapproved-review"],
        );
    }
    let broken = approvers(&env, "broken", "valid-before=\"soon\"", &ana);
    with(&["--approvers", text(&broken)])
        .assert_code(2)
        .assert_clear_message(&["no time"]);
    // Who may approve may not say what the verdict was.
    let (file, _) = attested(&env, &repo, &ana);
    let args = [
        "--attestation",
        text(&file),
        "--key",
        text(&public_key),
        "--approvers",
        text(&list),
    ];
    assert_refused(&gate(&env, &repo, "topic", &args), &["unknown-key"]);
}

#[test]
fn only_a_review_can_be_approved_and_an_approval_lets_nothing_else_through() {
    let env = TestEnv::new();
    let (private, _, _) = pem_key(&env, "key");
    let ana = ssh_key(&env, "ana", "");
    let list = approvers(&env, "approvers", "", &ana);
    let public_key = public(&private);
    // The approval of a review ...
    let review = proposed(&env, "gaming-edit-ci");
    let (reviewed, _) = attested(&env, &review, &private);
    let approval = env.work().join("approval.json");
    let approve = |file: &Path| {
        let args = [
            "approve",
            "--attestation",
            text(file),
            "--reason",
            "fine",
            "--key",
            text(&ana),
            "--output",
            text(&approval),
        ];
        env.passmuster(args).run()
    };
    approve(&reviewed).assert_code(0);
    // ... and of none that says another digest than its record has.
    let signs = signing_key(&private);
    let contradictory = Parts::read(&reviewed).edited(&signs, |one| {
        one["predicate"]["digest"] = json!("0");
    });
    let forged = env.work().join("contradictory.json");
    fs::write(&forged, contradictory.envelope().to_string()).unwrap();
    approve(&forged)
        .assert_code(2)
        .assert_clear_message(&["contradicts itself"]);
    // ... beside another verdict.
    for (change, code) in [
        ("faulty-regression", "not-a-pass"),
        ("gaming-delete-test", "not-a-pass"),
        ("contract-remove-report", "unapproved-review"),
    ] {
        let repo = proposed(&env, change);
        let (file, finished) = attested(&env, &repo, &private);
        let args = [
            "--attestation",
            text(&file),
            "--attestation",
            text(&approval),
            "--key",
            text(&public_key),
            "--approvers",
            text(&list),
        ];
        let refused = gate(&env, &repo, "topic", &args);
        assert_refused(&refused, &[code]);
        if code == "not-a-pass" {
            finished.assert_code(1);
            approve(&file)
                .assert_code(2)
                .assert_clear_message(&["only a review can be approved"]);
        } else {
            assert!(
                refused.out().contains("one is for another tree"),
                "{}",
                refused.all()
            );
        }
    }
    // A statement that calls a failure a review is not approved either.
    let failing = proposed(&env, "faulty-regression");
    let (file, _) = attested(&env, &failing, &private);
    let forged = Parts::read(&file).edited(&signing_key(&private), |one| {
        one["predicate"]["verdict"] = json!("review");
        one["predicate"]["record"]["verdict"] = json!("review");
    });
    fs::write(&file, forged.envelope().to_string()).unwrap();
    approve(&file)
        .assert_code(2)
        .assert_clear_message(&["only a review can be approved"]);
}

#[test]
fn an_approval_is_read_by_other_peoples_programs_and_has_a_schema() {
    let env = TestEnv::new();
    let [key, ana] = ["key", "ana"].map(|name| ssh_key(&env, name, ""));
    let repo = proposed(&env, "gaming-edit-ci");
    let (file, _) = attested(&env, &repo, &key);
    let approval = env.work().join("approval.json");
    let args = [
        "approve",
        "--attestation",
        text(&file),
        "--reason",
        "fine",
        "--key",
        text(&ana),
        "--output",
        text(&approval),
    ];
    env.passmuster(args).run().assert_code(0);
    let payload = env.work().join("payload");
    let script = passmuster_tests::testdata("attestations/read.py");
    let said = tool(
        env.command("python")
            .arg(script)
            .args([&approval, &public(&ana), &payload]),
    );
    let tree = repo.git(["rev-parse", "topic^{tree}"]);
    assert_eq!(said, format!("{} urn:passmuster:approval:1\n", tree.trim()));
    let statement: serde_json::Value = serde_json::from_slice(&fs::read(payload).unwrap()).unwrap();
    assert!(
        super::validator("approval.schema.json").is_valid(&statement),
        "{statement}"
    );
    assert_eq!(statement["predicate"]["reason"], "fine");
    assert_eq!(
        statement["predicate"]["verdict_digest"],
        Parts::read(&file).statement()["predicate"]["digest"]
    );
}

/// Neither a hook nor a tool of an agent may lead to a signature: one file makes approvals, and one subcommand calls it.
#[test]
fn one_command_alone_makes_approvals() {
    let mut open = vec![passmuster_tests::workspace().join("runner/src")];
    let mut makers = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let source = fs::read_to_string(&path).unwrap_or_default();
        if source.contains("ApprovalStatement::of") || source.contains("approve::run") {
            makers.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    makers.sort();
    assert_eq!(makers, ["approve.rs", "mod.rs"]);
}
