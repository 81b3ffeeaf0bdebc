//! The policy comes from the base or the operator, and a wrong one is explained to the character.

use passmuster_tests::{Repository, TestEnv, proposal};

const REPO: &str = "python-ledger";

fn with_policy<'env>(env: &'env TestEnv, text: Option<&str>) -> Repository<'env> {
    let repo = env.repo(REPO);
    match text {
        Some(text) => repo.write("passmuster.toml", text),
        None => repo.remove("passmuster.toml"),
    }
    repo.commit("Another policy");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo
}

#[test]
fn without_a_policy_both_ways_on_are_named() {
    let env = TestEnv::new();
    let repo = with_policy(&env, None);
    let finished = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .run();
    finished.assert_code(2);
    finished.assert_clear_message(&["policy-missing", "passmuster init", "--policy auto"]);
}

#[test]
fn a_policy_that_is_a_link_is_refused_in_words() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let root = repo.root();
    std::fs::rename(root.join("passmuster.toml"), root.join("other.toml")).unwrap();
    std::os::unix::fs::symlink("other.toml", root.join("passmuster.toml")).unwrap();
    repo.commit("A link");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let finished = env.verify(&repo, ["--worktree"]).run();
    finished.assert_code(2);
    finished.assert_clear_message(&["policy-invalid", "symbolic link"]);
}

#[test]
fn a_policy_that_only_the_candidate_has_does_not_count() {
    let env = TestEnv::new();
    let repo = with_policy(&env, None);
    repo.write(
        "passmuster.toml",
        "version = 1\n\n[[check]]\nname = \"all\"\nkind = \"command\"\nrun = [\"true\"]\n",
    );
    let finished = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .run();
    finished
        .assert_code(2)
        .assert_clear_message(&["policy-missing"]);
}

#[test]
fn a_policy_that_is_no_toml_is_shown_with_its_line() {
    let env = TestEnv::new();
    let repo = with_policy(&env, Some("version = 1\n\n[sandbox\n"));
    let finished = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .run();
    finished
        .assert_code(2)
        .assert_clear_message(&["policy-invalid", "passmuster.toml:3"]);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let env = TestEnv::new();
    let repo = with_policy(
        &env,
        Some("version = 1\n\n[sandbox]\ntoolchain = [\"python\"]\n"),
    );
    let finished = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .run();
    finished.assert_code(2).assert_clear_message(&[
        "policy-invalid",
        "toolchain",
        "passmuster.toml:4",
    ]);
}

#[test]
fn a_version_of_the_future_is_refused() {
    let env = TestEnv::new();
    let repo = with_policy(&env, Some("version = 99\n"));
    let finished = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .run();
    finished
        .assert_code(2)
        .assert_clear_message(&["policy-invalid", "99"]);
}

#[test]
fn a_candidate_whose_own_policy_is_broken_fails() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write("passmuster.toml", "version = \"one\"\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert!(
        verdict
            .reasons()
            .contains(&"policy-invalid-in-candidate".to_string()),
        "{verdict}"
    );
}

#[test]
fn a_policy_of_the_operator_counts_instead_of_the_bases() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let policy = env.work().join("operator.toml");
    std::fs::write(
        &policy,
        "version = 1\nextends = [\"python\"]\n\n[sandbox]\ntoolchains = [\"python\"]\n\n[[check]]\nname = \"never\"\nkind = \"command\"\nrun = [\"python\", \"-c\", \"import README\"]\n",
    )
    .unwrap();
    let patch = proposal(REPO, "good-fix-lost-cents");
    let (_, verdict) = env
        .verify(&repo, ["--policy"])
        .args([&policy, &patch])
        .verdict();
    assert_eq!(verdict.text("/policy/source"), "operator");
    assert_eq!(verdict.text("/checks/0/name"), "never");
    assert_ne!(verdict.decision(), "pass");
}

#[test]
fn a_first_try_needs_no_policy() {
    let env = TestEnv::new();
    let repo = with_policy(&env, None);
    let (finished, verdict) = env.verify(&repo, ["--policy", "auto"]).verdict();
    finished.assert_code(0);
    assert_eq!(verdict.text("/policy/source"), "detected");
}

#[test]
fn init_writes_a_policy_that_the_next_change_passes() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.remove("passmuster.toml");
    repo.commit("No policy");
    env.passmuster(["init"])
        .cwd(repo.root())
        .run()
        .assert_code(0);
    let text = std::fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    assert!(
        text.contains("framework = \"pytest\"") && text.contains('#'),
        "{text}"
    );
    repo.commit("The policy");
    let (finished, _) = env
        .verify(&repo, [proposal(REPO, "good-fix-lost-cents")])
        .verdict();
    finished.assert_code(0);
}

#[test]
fn init_says_the_same_of_a_base_that_is_known() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let init = || {
        repo.remove("passmuster.toml");
        let finished = env.passmuster(["init"]).cwd(repo.root()).run();
        finished.assert_code(0);
        finished.out().to_owned()
    };
    let (first, second) = (init(), init());
    assert!(first.contains("tests"), "{first}");
    assert!(!second.contains("sandbox-unavailable"), "{second}");
}

#[test]
fn policy_check_says_what_would_run_where() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let finished = env.passmuster(["policy", "check"]).cwd(repo.root()).run();
    finished.assert_code(0);
    for word in ["tests", "pytest", "syntax", "compileall"] {
        assert!(finished.out().contains(word), "{}", finished.all());
    }
}

/// The shipped policies: those to start from, and those of the example projects.
fn shipped() -> Vec<std::path::PathBuf> {
    let examples = passmuster_tests::workspace().join("examples");
    let of = |folder: &str| {
        let entries = std::fs::read_dir(examples.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let projects = of("repos").map(|project| project.join("passmuster.toml"));
    let all: Vec<_> = of("policies").chain(projects).collect();
    assert!(all.len() >= 10, "{all:?}");
    all
}

#[test]
fn the_schema_means_the_same_to_editors_as_to_the_program() {
    let env = TestEnv::new();
    let said = env.passmuster(["policy", "schema"]).run();
    said.assert_code(0);
    let schema: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    // Taplo, and with it the editors, read every schema by draft 7, in which a `$ref` silences its neighbours.
    let readers = [
        jsonschema::draft202012::new(&schema).unwrap(),
        jsonschema::draft7::new(&schema).unwrap(),
    ];
    let document = |text: &str| -> serde_json::Value { toml::from_str(text).unwrap() };
    for path in shipped() {
        let document = document(&std::fs::read_to_string(&path).unwrap());
        for reader in &readers {
            let errors: Vec<String> = reader
                .iter_errors(&document)
                .map(|one| one.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        }
    }
    let check =
        |more: &str| format!("version = 1\n[[check]]\nname = \"c\"\nrun = [\"x\"]\n{more}\n");
    for wrong in [
        "version = \"1\"".to_owned(),
        "version = 1\nno-such-table = {}".to_owned(),
        check("kind = \"no-such-kind\""),
        check("kind = \"test\"\nframework = \"no-such-framework\""),
        check("kind = \"command\"\nlimits = { wall = \"10m\", no-such-limit = 1 }"),
    ] {
        for reader in &readers {
            assert!(!reader.is_valid(&document(&wrong)), "{wrong}");
        }
    }
}
