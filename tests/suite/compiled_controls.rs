//! What is compiled into Rust tests, seen from a project: it costs no rebuild, nothing inside can write to it, and who has
//! such a wrapper already keeps it.

use passmuster_tests::{Repository, TestEnv, Verdict};

const BUILD: &str = "[[prepare]]\nname = \"build\"\nrun = [\"cargo\", \"test\", \"--offline\", \"--no-run\", \"--workspace\", \"--lib\"]\nwarm = true\n";
const TESTS: &str = "[[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"cargo-test\"\nrun = [\"cargo\", \"test\", \"--offline\", \"--workspace\", \"--lib\"]\n";
const SOURCE: &str =
    "pub fn one() -> u8 {\n    1\n}\n#[test]\nfn is_one() {\n    assert_eq!(one(), 1);\n}\n";

/// Two packages, and what else a test wants.
fn workspace<'e>(env: &'e TestEnv, policy: &str, files: &[(&str, &str)]) -> Repository<'e> {
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        format!("version = 1\nextends = [\"rust\"]\n{policy}{TESTS}"),
    );
    repo.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"3\"\n",
    );
    repo.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"b\"\nversion = \"0.1.0\"\n");
    for name in ["a", "b"] {
        let manifest =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        repo.write(format!("{name}/Cargo.toml").as_str(), manifest);
        repo.write(format!("{name}/src/lib.rs").as_str(), SOURCE);
    }
    for (path, text) in files {
        repo.write(path, text);
    }
    repo.commit("The base");
    repo.edit("a/src/lib.rs", "    1\n", "    2 - 1\n");
    repo
}

/// The check of the tests passed, and says what it did.
#[track_caller]
fn passed<'v>(verdict: &'v Verdict, assurance: &str) -> &'v str {
    assert_eq!(verdict.decision(), "pass", "{verdict}");
    let checks = verdict.0["checks"].as_array().unwrap();
    let tests = checks
        .iter()
        .find(|check| check["name"] == "tests")
        .unwrap();
    assert_eq!(tests["assurance"], assurance, "{verdict}");
    tests["log"].as_str().unwrap()
}

#[test]
fn a_package_that_a_step_built_with_controls_is_not_built_again() {
    let env = TestEnv::new();
    let repo = workspace(&env, BUILD, &[]);
    let verdict = env.verify(&repo, ["--worktree"]).verdict().1;
    let log = passed(&verdict, "controlled");
    assert!(
        log.contains("Compiling a ") && !log.contains("Compiling b "),
        "{log}"
    );
}

#[test]
fn what_tests_are_built_with_can_be_written_neither_by_a_step_nor_by_a_check() {
    let env = TestEnv::new();
    let script = "cd \"${RUSTC_WORKSPACE_WRAPPER%/*}\" && test -s libpassmuster_controls.rlib && ! touch libpassmuster_controls.rlib && ! touch new && ! mv passmuster_rustc.sh old";
    let policy = format!(
        "[[prepare]]\nname = \"tries\"\nrun = [\"sh\", \"-c\", '''{script}''']\n[[check]]\nname = \"tries\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", '''{script}''']\n"
    );
    let repo = workspace(&env, &policy, &[]);
    let verdict = env.verify(&repo, ["--worktree"]).verdict().1;
    passed(&verdict, "controlled");
}

#[test]
fn a_project_with_a_wrapper_of_its_own_keeps_it_and_is_reported() {
    let env = TestEnv::new();
    let own = "#!/bin/sh\necho 'warning: our own wrapper' >&2\nexec \"$@\"\n";
    let config = "[build]\nrustc-workspace-wrapper = \"./own.sh\"\n";
    let repo = workspace(&env, "", &[("own.sh", own), (".cargo/config.toml", config)]);
    std::fs::set_permissions(
        repo.root().join("own.sh"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    repo.edit("a/src/lib.rs", "    2 - 1\n", "    1\n");
    repo.commit("A program");
    repo.edit("a/src/lib.rs", "    1\n", "    2 - 1\n");
    let verdict = env.verify(&repo, ["--worktree"]).verdict().1;
    let log = passed(&verdict, "reported");
    assert!(log.contains("our own wrapper"), "{log}");
    assert!(verdict.0["controls"].is_null(), "{verdict}");
}
