//! A replay measures again, anywhere, and says whether the same came out.

use std::fs;
use std::path::Path;

use passmuster_tests::program::Finished;
use passmuster_tests::{Repository, TestEnv};
use serde_json::json;

use super::support::*;

#[test]
fn another_machine_comes_to_the_same_digest() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    for (change, code) in [
        ("good-fix-lost-cents", 0),
        ("faulty-regression", 1),
        ("gaming-edit-ci", 4),
    ] {
        let repo = proposed(&env, change);
        let (file, finished) = attested(&env, &repo, &key);
        finished.assert_code(code);
        let digest = finished.verdict().digest().to_owned();

        // Another home, cache and clone; another user, where the tests may be one.
        let other = TestEnv::as_user();
        let clone = other.empty_repo();
        let copy = other.work().join("attestation.json");
        fs::copy(&file, &copy).unwrap();
        other.give(&copy);
        let replay = |format: &str| {
            other
                .passmuster([
                    "verify",
                    "--format",
                    format,
                    "--replay",
                    text(&copy),
                    "--repo",
                ])
                .args([clone.root()])
                .run()
        };
        clone.write("README.md", "Something else");
        clone.commit("Another history");
        replay("human")
            .assert_code(2)
            .assert_clear_message(&["objects-missing"]);
        let bundle = env.work().join("history.bundle");
        repo.git([
            "bundle",
            "create",
            "--quiet",
            text(&bundle),
            "main",
            "topic",
        ]);
        let shared = other.work().join("history.bundle");
        fs::copy(&bundle, &shared).unwrap();
        other.give(&shared);
        clone.git(["fetch", "--quiet", text(&shared), "topic"]);

        let human = replay("human");
        human.assert_code(code);
        assert!(
            human
                .out()
                .contains(&format!("\nreplay: equal, digest {digest}")),
            "{}",
            human.all()
        );
        assert!(
            human.out().contains("signature was not checked"),
            "{}",
            human.all()
        );
        let again = replay("json");
        again.assert_code(code);
        assert_eq!(
            again.verdict().digest(),
            digest,
            "standard output stays one document"
        );
        assert!(again.err().contains("replay: equal"), "{}", again.all());
        // The second measured again as well, though the store has the first.
        let history = other.passmuster(["history", "--json", "--repo"]);
        let history = json_of(&history.args([clone.root()]).run());
        assert_eq!(history["runs"].as_array().unwrap().len(), 2, "{history}");
        let reproduce = again.verdict().text("/reproduce").to_owned();
        assert!(
            reproduce.contains(" --head ") && reproduce.contains(" --base "),
            "{reproduce}"
        );
    }
}

/// What a person at a terminal is told.
fn replayed(env: &TestEnv, repo: &Repository<'_>, file: &Path) -> Finished {
    let repository = ["verify", "--repo", text(repo.root())];
    let replay = env.passmuster(repository).args(["--replay", text(file)]);
    replay.run()
}

#[test]
fn a_replay_believes_no_result_of_the_attestation_and_names_what_differs() {
    let env = TestEnv::new();
    let (private, _, _) = pem_key(&env, "key");
    let repo = proposed(&env, "faulty-regression");
    let (file, _) = attested(&env, &repo, &private);
    let forged = Parts::read(&file).edited(&signing_key(&private), |one| {
        let claim = &mut one["predicate"];
        claim["verdict"] = json!("pass");
        claim["digest"] = json!("0");
        claim["record"]["verdict"] = json!("pass");
        claim["record"]["reasons"] = json!([]);
        claim["record"]["tests"]["regressed"] = json!([]);
    });
    fs::write(&file, forged.envelope().to_string()).unwrap();
    let finished = replayed(&env, &repo, &file);
    finished.assert_code(1);
    assert!(
        finished
            .out()
            .contains("replay: differs in reasons, tests.regressed, verdict"),
        "{}",
        finished.all()
    );
    // What was signed as a failure and is a pass here is not equal either, and ends as no.
    let repo = proposed(&env, "good-fix-lost-cents");
    let (file, _) = attested(&env, &repo, &private);
    let forged = Parts::read(&file).edited(&signing_key(&private), |one| {
        one["predicate"]["digest"] = json!("0")
    });
    fs::write(&file, forged.envelope().to_string()).unwrap();
    let finished = replayed(&env, &repo, &file);
    finished.assert_code(1);
    assert!(
        finished.out().contains("replay: differs in digest"),
        "{}",
        finished.all()
    );
}

#[test]
fn a_replay_under_another_policy_or_of_no_trees_does_not_begin() {
    let env = TestEnv::new();
    let (private, _, _) = pem_key(&env, "key");
    let repo = proposed(&env, "good-fix-lost-cents");
    let policy = env.work().join("operator.toml");
    let text_of = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    fs::write(
        &policy,
        format!("{text_of}\n[rules]\nmax-changed-lines = 1999\n"),
    )
    .unwrap();
    let file = env.work().join("operator.json");
    let output = format!("attestation={}", file.display());
    let args = [
        "--head",
        "topic",
        "--policy",
        text(&policy),
        "--output",
        &output,
        "--attest",
    ];
    env.verify(&repo, args)
        .args([&private])
        .run()
        .assert_code(0);
    let replay = |more: &[&str]| {
        env.verify(&repo, ["--replay", text(&file)])
            .args(more)
            .run()
    };
    replay(&[])
        .assert_code(2)
        .assert_clear_message(&["operator", "--policy"]);
    replay(&["--policy", text(&policy)]).assert_code(0);
    for (tree, said) in [
        ("main", "no object id"),
        (
            "0123456789012345678901234567890123456789",
            "objects-missing",
        ),
        ("--help", "no object id"),
        ("\u{1b}[2J", "no object id"),
    ] {
        let forged = Parts::read(&file).edited(&signing_key(&private), |one| {
            one["subject"][0]["digest"]["gitTree"] = json!(tree)
        });
        let other = env.work().join("forged.json");
        fs::write(&other, forged.envelope().to_string()).unwrap();
        let finished = env.verify(&repo, ["--replay", text(&other)]).run();
        finished.assert_code(2).assert_clear_message(&[said]);
        assert!(!finished.err().contains('\u{1b}'), "{:?}", finished.err());
    }
}
