//! Signed verdicts: read by other people's programs, and merged by the gate only where everything is as it was signed.

mod approvals;
mod keys;
mod replay;
mod support;
mod tampered;

use std::fs;

use passmuster_tests::{TestEnv, proposal, testdata, tool, workspace};
use serde_json::Value;

use support::*;

fn validator(name: &str) -> jsonschema::Validator {
    let path = workspace().join("policies/schema").join(name);
    jsonschema::validator_for(&serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).unwrap()
}

#[test]
fn every_verdict_is_signed_and_other_peoples_programs_verify_it() {
    let env = TestEnv::new();
    let openssh = ssh_key(&env, "key", "");
    let (pem, _, pem_public) = pem_key(&env, "other");
    let agent = Agent::start(&env);
    let kept = ssh_key(&env, "kept", "");
    agent.add(&env, &kept);
    fs::remove_file(&kept).unwrap();
    let schema = validator("attestation.schema.json");
    let repo = env.repo(REPO);
    for (word, code, change, key, public) in [
        (
            "pass",
            0,
            "good-fix-lost-cents",
            openssh.clone(),
            public(&openssh),
        ),
        ("fail", 1, "faulty-regression", pem, pem_public),
        ("review", 4, "gaming-edit-ci", public(&kept), public(&kept)),
        ("inconclusive", 3, "", openssh.clone(), public(&openssh)),
    ] {
        let file = |name: &str| env.work().join(format!("{word}.{name}"));
        let (attestation, signature, payload) = (file("json"), file("sig"), file("payload"));
        let outputs = [
            format!("attestation={}", attestation.display()),
            format!("sshsig={}", signature.display()),
        ];
        let patch = match change {
            "" => Vec::new(),
            name => fs::read(proposal(REPO, name)).unwrap(),
        };
        let (finished, verdict) = env
            .verify(
                &repo,
                [
                    "-",
                    "--output",
                    &outputs[0],
                    "--output",
                    &outputs[1],
                    "--attest",
                ],
            )
            .args([key])
            .stdin(patch)
            .variable("SSH_AUTH_SOCK", &agent.socket)
            .verdict();
        finished.assert_code(code);

        // By securesystemslib and in-toto-attestation.
        let script = testdata("attestations/read.py");
        let said = tool(
            env.command("python")
                .arg(script)
                .args([&attestation, &public, &payload]),
        );
        let tree = verdict.text("/subject/candidate_tree");
        assert_eq!(said, format!("{tree} urn:passmuster:verdict:1\n"));
        // By ssh-keygen.
        let allowed = env.work().join("allowed");
        fs::write(
            &allowed,
            format!("runner {}", fs::read_to_string(&public).unwrap()),
        )
        .unwrap();
        let verify = |namespace: &str| {
            let mut command = env.command("ssh-keygen");
            command
                .args(["-Y", "verify", "-I", "runner", "-n", namespace, "-f"])
                .arg(&allowed)
                .arg("-s")
                .arg(&signature);
            command
                .stdin(fs::File::open(&payload).unwrap())
                .output()
                .unwrap()
        };
        assert!(verify("passmuster").status.success(), "{word}");
        assert!(!verify("git").status.success(), "{word}");

        // It says what the verdict says.
        let statement: Value = serde_json::from_slice(&fs::read(&payload).unwrap()).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&statement)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{word}: {errors:?}");
        let claim = &statement["predicate"];
        assert_eq!(claim["verdict"], word);
        for (ours, theirs) in [
            ("/digest", "/digest"),
            ("/base/tree", "/subject/base_tree"),
            ("/base/trust", "/subject/base_trust"),
            ("/policy/sha256", "/policy/sha256"),
            ("/policy/source", "/policy/source"),
            ("/isolation", "/isolation"),
            ("/enforcement", "/enforcement"),
            ("/toolchains", "/environment/toolchains"),
            ("/patch_sha256", "/subject/patch_sha256"),
        ] {
            assert_eq!(
                claim.pointer(ours),
                verdict.0.pointer(theirs),
                "{word} {ours}"
            );
        }
    }
}

/// The README says so; a script in any language can do it.
#[test]
fn the_digest_follows_from_the_record_alone() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let repo = proposed(&env, "good-fix-lost-cents");
    let (file, finished) = attested(&env, &repo, &key);
    let script = "import base64, hashlib, json, sys\n\
                  p = json.loads(base64.b64decode(json.load(open(sys.argv[1]))['payload']))['predicate']\n\
                  text = json.dumps(p['record'], sort_keys=True, separators=(',', ':'), ensure_ascii=False)\n\
                  print(hashlib.sha256(text.encode()).hexdigest(), p['digest'])";
    let said = tool(env.command("python").args(["-c", script]).arg(&file));
    let digest = finished.verdict().digest().to_owned();
    assert_eq!(said, format!("{digest} {digest}\n"));
}

#[test]
fn exactly_what_passed_may_be_merged_by_whatever_name_it_has() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let repo = proposed(&env, "good-fix-lost-cents");
    let (file, finished) = attested(&env, &repo, &key);
    finished.assert_code(0);
    let public = public(&key);
    let with = ["--attestation", text(&file), "--key", text(&public)];
    let told = gate(&env, &repo, "topic", &with);
    assert_merges(&told);
    let tree = repo.git(["rev-parse", "topic^{tree}"]);
    let base = repo.git(["rev-parse", "main^{tree}"]);
    let verdict = finished.verdict();
    for line in [
        format!("tree {} on base {} (", tree.trim(), base.trim()),
        format!("policy {}", verdict.text("/policy/sha256")),
        format!("verdict pass {}", verdict.digest()),
        format!("signed by {} at 2", Parts::read(&file).keyid),
    ] {
        assert!(
            told.out().contains(&format!("\n{line}")),
            "{line}: {}",
            told.all()
        );
    }
    let pinned = [&with[..], &["--base", "main"]].concat();
    assert_merges(&gate(&env, &repo, tree.trim(), &pinned));
    gate(&env, &repo, tree.trim(), &with)
        .assert_code(2)
        .assert_clear_message(&["base-unknown"]);

    // A merge commit that is on no branch yet, and after the branch was moved to it.
    repo.git(["checkout", "--quiet", "--detach", "main"]);
    repo.git(["merge", "--quiet", "--no-ff", "--message", "Merge", "topic"]);
    let merge = repo.git(["rev-parse", "HEAD"]);
    assert_merges(&gate(&env, &repo, merge.trim(), &with));
    repo.git(["branch", "--force", "main", merge.trim()]);
    assert_merges(&gate(&env, &repo, "main", &with));

    let json = json_of(&gate(
        &env,
        &repo,
        "main",
        &[&with[..], &["--json"]].concat(),
    ));
    assert_eq!(json["schema"], "passmuster.gate/1");
    assert_eq!(
        (&json["may_merge"], &json["revision"], &json["tree"]),
        (
            &Value::Bool(true),
            &Value::from(merge.trim()),
            &Value::from(tree.trim())
        )
    );
}

#[test]
fn another_tree_base_or_policy_than_the_one_that_passed_is_refused() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let repo = proposed(&env, "good-fix-lost-cents");
    let (file, _) = attested(&env, &repo, &key);
    let public = public(&key);
    let with = ["--attestation", text(&file), "--key", text(&public)];
    let root = repo.git(["rev-parse", "main"]).trim().to_owned();

    // One more change after the verdict.
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo.commit("And one more thing");
    assert_refused(&gate(&env, &repo, "topic", &with), &["wrong-tree"]);
    repo.git(["reset", "--quiet", "--hard", "HEAD~"]);

    // Another policy of the operator.
    let policy = env.work().join("other.toml");
    let text_of = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    fs::write(&policy, text_of + "\n[rules]\nmax-changed-lines = 1\n").unwrap();
    assert_refused(
        &gate(
            &env,
            &repo,
            "topic",
            &[&with[..], &["--policy", text(&policy)]].concat(),
        ),
        &["other-policy"],
    );

    // The default branch moves on: the merge would be something else, and rebased it has another base.
    repo.git(["checkout", "--quiet", "main"]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo.commit("Meanwhile");
    assert_refused(&gate(&env, &repo, "topic", &with), &["base-moved"]);
    // A default branch that is only guessed by its name decides nothing.
    repo.git(["update-ref", "refs/remotes/origin/main", "main"]);
    gate(&env, &repo, "topic", &with)
        .assert_code(2)
        .assert_clear_message(&["base-unknown", "set-head", "--base"]);
    repo.git(["update-ref", "-d", "refs/remotes/origin/main"]);
    assert_merges(&gate(
        &env,
        &repo,
        "topic",
        &[&with[..], &["--base", &root]].concat(),
    ));
    repo.git(["merge", "--quiet", "--no-ff", "--message", "Merge", "topic"]);
    assert_refused(
        &gate(&env, &repo, "main", &with),
        &["wrong-tree", "other-base"],
    );
    // Moving the branch back to what passed would take back what came since.
    assert_refused(&gate(&env, &repo, "topic", &with), &["base-moved"]);
    // The policy of the base as it is now counts, not the one of then.
    repo.git(["reset", "--quiet", "--hard", &root]);
    let stricter = fs::read_to_string(&policy).unwrap();
    repo.write("passmuster.toml", stricter);
    repo.commit("A stricter policy");
    repo.git(["checkout", "--quiet", "topic"]);
    repo.git(["rebase", "--quiet", "main"]);
    assert_refused(
        &gate(&env, &repo, "topic", &with),
        &["wrong-tree", "other-base", "other-policy"],
    );
}

#[test]
fn a_failure_and_a_policy_that_nobody_wrote_are_refused() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let public = public(&key);
    let repo = proposed(&env, "faulty-regression");
    let (file, finished) = attested(&env, &repo, &key);
    finished.assert_code(1);
    let with = ["--attestation", text(&file), "--key", text(&public)];
    assert_refused(&gate(&env, &repo, "topic", &with), &["not-a-pass"]);
    let refused = gate(&env, &repo, "topic", &[&with[..], &["--json"]].concat());
    refused.assert_code(1);
    let json = json_of(&refused);
    assert_eq!(json["may_merge"], false);
    let told = &json["refusals"][0];
    assert_eq!(
        told,
        &serde_json::json!({ "code": "not-a-pass", "message": "the verdict is fail" })
    );

    let repo = proposed(&env, "good-fix-lost-cents");
    let output = format!("attestation={}", file.display());
    let detected = |more: &[&str]| {
        env.verify(
            &repo,
            [
                "--head", "topic", "--policy", "auto", "--output", &output, "--attest",
            ],
        )
        .args([&key])
        .args(more)
        .run()
    };
    let refused = detected(&[]);
    refused
        .assert_code(2)
        .assert_clear_message(&["detected", "--allow-detected"]);
    detected(&["--allow-detected"]).assert_code(0);
    let auto = [&with[..], &["--policy", "auto"]].concat();
    assert_refused(&gate(&env, &repo, "topic", &auto), &["detected-policy"]);
    assert_refused(
        &gate(&env, &repo, "topic", &with),
        &["other-policy", "detected-policy"],
    );
    assert_merges(&gate(
        &env,
        &repo,
        "topic",
        &[&auto[..], &["--allow-detected"]].concat(),
    ));
}

#[test]
fn a_verdict_on_some_of_the_checks_is_signed_and_never_merged() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let repo = proposed(&env, "good-fix-lost-cents");
    let file = env.work().join("partial.json");
    let output = format!("attestation={}", file.display());
    let args = [
        "--head", "topic", "--check", "syntax", "--output", &output, "--attest",
    ];
    env.verify(&repo, args).args([&key]).run().assert_code(3);
    let public = public(&key);
    assert_refused(
        &gate(
            &env,
            &repo,
            "topic",
            &["--attestation", text(&file), "--key", text(&public)],
        ),
        &["not-a-pass"],
    );
}

#[test]
fn an_ordinary_user_signs_and_merges_as_well() {
    let env = TestEnv::as_user();
    let key = ssh_key(&env, "key", "");
    let repo = proposed(&env, "good-fix-lost-cents");
    let (file, finished) = attested(&env, &repo, &key);
    finished.assert_code(0);
    let public = public(&key);
    assert_merges(&gate(
        &env,
        &repo,
        "topic",
        &["--attestation", text(&file), "--key", text(&public)],
    ));
}

#[test]
fn no_sandbox_sees_the_key_or_the_agent() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let agent = Agent::start(&env);
    agent.add(&env, &key);
    let repo = env.repo(REPO);
    let script = format!(
        "test -z \"$SSH_AUTH_SOCK\" && ! test -e {} && ! test -e {}",
        key.display(),
        agent.socket.display()
    );
    repo.write(
        "passmuster.toml",
        format!("version = 1\n\n[[check]]\nname = \"look\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", {script:?}]\n"),
    );
    repo.commit("Look around");
    repo.git(["checkout", "--quiet", "-b", "topic"]);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo.commit("A change");
    for signs in [key.clone(), public(&key)] {
        let output = format!("attestation={}", env.work().join("a.json").display());
        let finished = env
            .verify(
                &repo,
                [
                    "--head",
                    "topic",
                    "--no-cache",
                    "--output",
                    &output,
                    "--attest",
                ],
            )
            .args([signs])
            .variable("SSH_AUTH_SOCK", &agent.socket)
            .run();
        finished.assert_code(0);
    }
}
