//! `doctor`, and verdicts where sandboxes are not to be had: each obstacle is made here and told
//! precisely, with its remedy.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use passmuster_tests::{TestEnv, proposal, testdata, workspace};
use serde_json::Value;

const REPO: &str = "python-ledger";

/// The words that start the program inside an obstacle.
type Words = Vec<String>;

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The launcher that refuses namespaces, where the caller can read it.
fn refusing(env: &TestEnv, options: &[&str]) -> Words {
    let launcher = env.path("refuse_namespaces.py");
    fs::copy(testdata("launchers/refuse_namespaces.py"), &launcher).unwrap();
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).unwrap();
    let start = ["/usr/bin/python3", launcher.to_str().unwrap()];
    words(&[&start, options].concat())
}

fn start(env: &TestEnv, obstacle: &Words, args: &[&str]) -> std::process::Output {
    let mut line = obstacle.iter().cloned();
    let mut command = match line.next() {
        Some(first) => {
            let mut command = env.command(first);
            command.args(line).arg(env.binary());
            command
        }
        None => env.command(env.binary()),
    };
    command.args(args).output().unwrap()
}

fn said(output: &std::process::Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The JSON diagnosis, which always fits its schema.
#[track_caller]
fn diagnosis(env: &TestEnv, obstacle: &Words) -> (Option<i32>, Value) {
    let output = start(env, obstacle, &["doctor", "--json"]);
    let diagnosis: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let schema = workspace().join("policies/schema/doctor.schema.json");
    let schema = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&diagnosis).collect();
    assert!(errors.is_empty(), "{errors:?}");
    (output.status.code(), diagnosis)
}

fn state<'d>(diagnosis: &'d Value, area: &str, name: &str) -> &'d str {
    diagnosis["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["area"] == area && one["name"] == name)
        .and_then(|one| one["state"].as_str())
        .unwrap_or_else(|| panic!("{area} {name}"))
}

/// Only bubblewrap may create namespaces, as under Ubuntu's AppArmor profile for it.
fn only_bubblewrap(env: &TestEnv) -> Words {
    refusing(env, &["--except", "/usr/bin/bwrap"])
}

#[test]
fn where_only_bubblewrap_may_create_namespaces_the_lower_tier_has_to_be_accepted() {
    let env = TestEnv::as_user();
    let obstacle = only_bubblewrap(&env);
    let (code, found) = diagnosis(&env, &obstacle);
    assert_eq!(code, Some(3), "{found:#}");
    assert_eq!(found["isolation"], "full-bwrap", "{found:#}");
    assert_eq!(state(&found, "sandbox", "seccomp"), "ok");
    assert_eq!(state(&found, "sandbox", "overlay"), "degraded");
    let fix = said(&start(&env, &obstacle, &["doctor", "--fix"]));
    assert!(fix.contains("--isolation full-bwrap"), "{fix}");
    let repo = env.repo(REPO);
    let root = repo.root().to_str().unwrap().to_owned();
    let patch = |name: &str| {
        let shared = env.work().join(format!("{name}.patch"));
        fs::copy(proposal(REPO, name), &shared).unwrap();
        env.give(&shared);
        shared.to_str().unwrap().to_owned()
    };
    let verify = |patch: &str, options: &[&str]| {
        let args = ["verify", "--format", "json", "--repo", &root, patch];
        let output = start(&env, &obstacle, &[&args, options].concat());
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", said(&output)))
    };
    let (good, bad) = (patch("good-fix-lost-cents"), patch("gaming-skip-test"));
    let refused = verify(&good, &[]);
    assert_eq!(
        refused["reasons"][0]["code"], "sandbox-unavailable",
        "{refused:#}"
    );
    let message = refused["reasons"][0]["message"].as_str().unwrap();
    assert!(message.contains("--isolation full-bwrap"), "{message}");
    let accepted = ["--isolation", "full-bwrap"];
    let passed = verify(&good, &accepted);
    assert_eq!(passed["verdict"], "pass", "{passed:#}");
    assert_eq!(passed["isolation"], "full-bwrap");
    let reproduce = passed["reproduce"].as_str().unwrap();
    assert!(reproduce.contains("--isolation full-bwrap"), "{reproduce}");
    for protection in [
        "user-namespace",
        "network",
        "seccomp",
        "read-only-root",
        "capabilities",
    ] {
        let list = passed["enforcement"].as_array().unwrap();
        let one = list.iter().find(|one| one["protection"] == protection);
        assert_eq!(one.unwrap()["state"], "enforced", "{protection}");
    }
    let policy = "version = 1\n[sandbox]\nisolation = \"full-bwrap\"\n\
        [[prepare]]\nname = \"one\"\nrun = [\"sh\", \"-c\", \"echo one > /sandbox/env/one\"]\n\
        [[prepare]]\nname = \"two\"\nrun = [\"sh\", \"-c\", \"cat /sandbox/env/one > /sandbox/env/two\"]\n";
    let layered = env.repo(REPO);
    layered.write("passmuster.toml", policy);
    layered.commit("Steps over each other");
    let layered = layered.root().to_str().unwrap().to_owned();
    let command = [
        "--",
        "sh",
        "-c",
        "cat /sandbox/env/one /sandbox/env/two; touch /sandbox/env/x",
    ];
    let args = [&["sandbox", "--quiet", "--repo", &layered], &command[..]].concat();
    let said = said(&start(&env, &obstacle, &args));
    assert!(
        said.contains("one\none\n") && said.contains("Read-only"),
        "{said}"
    );
    let failed = verify(&bad, &accepted);
    assert_eq!(failed["reasons"][0]["code"], "tests-silenced", "{failed:#}");
    env.assert_nothing_left("");
}

#[test]
fn the_policy_may_accept_a_lower_tier_and_the_best_one_is_used() {
    let env = TestEnv::as_user();
    let repo = env.repo(REPO);
    let policy = fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    repo.write(
        "passmuster.toml",
        policy.replace("[sandbox]", "[sandbox]\nisolation = \"landlock\""),
    );
    repo.commit("Less is accepted");
    let patch = proposal(REPO, "good-fix-lost-cents");
    let (finished, verdict) = env.verify(&repo, [&patch]).verdict();
    finished.assert_code(0);
    assert_eq!(verdict.0["isolation"], "full");
    let (_, verdict) = env
        .verify(&repo, [patch.as_os_str()])
        .args(["--isolation", "full"])
        .verdict();
    assert_eq!(verdict.0["isolation"], "full");
    let args = [
        "verify",
        "--isolation",
        "none",
        "--repo",
        repo.root().to_str().unwrap(),
    ];
    let output = start(&env, &Vec::new(), &args);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("full-bwrap"), "{}", said(&output));
}

/// Under an obstacle: the cause and the remedy are told by `doctor`, by a verdict and by `sandbox`,
/// and nothing runs.
#[track_caller]
fn assert_told(env: &TestEnv, obstacle: &Words, cause: &str, remedy: &str) {
    assert_told_with(env, obstacle, cause, remedy, None);
}

/// The same where something lower works, and is not accepted.
#[track_caller]
fn assert_told_with(
    env: &TestEnv,
    obstacle: &Words,
    cause: &str,
    remedy: &str,
    lower: Option<&str>,
) {
    let (code, diagnosis) = diagnosis(env, obstacle);
    assert_eq!(code, Some(3));
    assert_eq!(diagnosis["isolation"], Value::from(lower), "{diagnosis:#}");
    assert_eq!(diagnosis["obstacle"]["cause"], cause, "{diagnosis:#}");
    let fix = start(env, obstacle, &["doctor", "--fix"]);
    let fix = said(&fix);
    assert!(
        fix.contains("fits this machine") && fix.contains(remedy),
        "{fix}"
    );
    let repo = env.repo(REPO);
    let root = repo.root().to_str().unwrap().to_owned();
    let patch = proposal(REPO, "good-fix-lost-cents");
    let shared = env.work().join("change.patch");
    fs::copy(patch, &shared).unwrap();
    env.give(&shared);
    let verify = [
        "verify",
        "--format",
        "json",
        "--repo",
        &root,
        shared.to_str().unwrap(),
    ];
    let output = start(env, obstacle, &verify);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    let reason = &verdict["reasons"][0];
    assert_eq!(reason["code"], "sandbox-unavailable", "{verdict:#}");
    let message = reason["message"].as_str().unwrap();
    assert!(message.contains(&format!("({cause})")), "{message}");
    assert!(message.contains("doctor --fix"), "{message}");
    assert!(
        verdict["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["status"] == "not-run")
    );
    let output = start(env, obstacle, &["sandbox", "--repo", &root, "--", "true"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(
        said(&output).contains(&format!("({cause})")),
        "{}",
        said(&output)
    );
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn this_machine_has_all_that_a_sandbox_needs_for_root_and_for_an_ordinary_user() {
    for env in [TestEnv::new(), TestEnv::as_user()] {
        let (code, found) = diagnosis(&env, &Vec::new());
        assert_eq!(code, Some(0), "{found:#}");
        assert_eq!(found["isolation"], "full");
        assert_eq!(found["obstacle"], Value::Null);
        for name in [
            "user-namespace",
            "namespace-rights",
            "proc",
            "seccomp",
            "loopback",
        ] {
            assert_eq!(state(&found, "kernel", name), "ok", "{name}");
        }
        assert_eq!(state(&found, "sandbox", "overlay"), "ok");
        assert_eq!(state(&found, "host", "git"), "ok");
        assert_eq!(state(&found, "host", "cache"), "ok");
        assert_eq!(state(&found, "toolchain", "python"), "ok");
        let people = said(&start(&env, &Vec::new(), &["doctor"]));
        assert!(people.contains("works     full"), "{people}");
        env.assert_nothing_left("");
    }
}

#[test]
fn a_cache_that_cannot_be_used_is_a_finding() {
    let env = TestEnv::new();
    fs::write(env.work().join("file"), "").unwrap();
    let output = start(
        &env,
        &Vec::new(),
        &["doctor", "--json", "--cache-dir", "file/cache"],
    );
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(state(&found, "host", "cache"), "missing");
}

#[test]
fn a_filter_that_refuses_namespaces_is_named() {
    let env = TestEnv::as_user();
    let obstacle = refusing(&env, &[]);
    // Whoever gave up privileges is in a sandbox of somebody's, an agent's for example.
    assert_told(&env, &obstacle, "outer-sandbox", "a hook or an MCP server");
    let fix = said(&start(&env, &obstacle, &["doctor", "--fix"]));
    assert!(fix.contains("install -d -m 0700"), "{fix}");
    let (_, found) = diagnosis(&env, &obstacle);
    assert_eq!(state(&found, "kernel", "clone3"), "missing");
    assert_eq!(
        state(&found, "kernel", "seccomp"),
        "ok",
        "that has nothing to do with it"
    );
    if is_root() {
        let env = TestEnv::new();
        let obstacle = refusing(&env, &["--keep-privileges"]);
        // Root can make what the tier without namespaces needs.
        let remedy = "--cap-add SYS_ADMIN";
        assert_told_with(&env, &obstacle, "filter", remedy, Some("landlock"));
    }
}

#[test]
fn a_namespace_that_comes_without_rights_is_found_by_its_first_mount() {
    if !is_root() {
        return; // Only root can be filtered without giving up privileges.
    }
    let env = TestEnv::new();
    let obstacle = refusing(&env, &["--keep-privileges", "--mounts-only"]);
    let remedy = "--cap-add SYS_ADMIN";
    let cause = "namespace-without-rights";
    assert_told_with(&env, &obstacle, cause, remedy, Some("landlock"));
    let (_, found) = diagnosis(&env, &obstacle);
    assert_eq!(state(&found, "kernel", "user-namespace"), "ok");
    assert_eq!(state(&found, "kernel", "namespace-rights"), "missing");
}

#[test]
fn the_limit_of_user_namespaces_is_named() {
    if !is_root() {
        return; // Only root can map enough ids into a namespace with a limit of its own.
    }
    let env = TestEnv::new();
    let launcher = testdata("launchers/no_more_namespaces.py");
    let obstacle = words(&["/usr/bin/python3", launcher.to_str().unwrap()]);
    let remedy = "sysctl -w user.max_user_namespaces";
    let cause = "max-user-namespaces";
    assert_told_with(&env, &obstacle, cause, remedy, Some("landlock"));
}

#[test]
fn root_with_one_id_is_told_that_it_needs_another() {
    let env = TestEnv::as_user();
    let obstacle = words(&["unshare", "--user", "--map-root-user"]);
    assert_told(&env, &obstacle, "one-id", "--user 1000");
    let (_, found) = diagnosis(&env, &obstacle);
    assert!(
        found.to_string().contains("it maps no id that is free"),
        "{found:#}"
    );
}

#[test]
fn a_covered_proc_is_named() {
    if !is_root() {
        return; // Only root can cover parts of /proc.
    }
    let env = TestEnv::new();
    let script = "mount --bind /dev/null /proc/uptime && exec \"$@\"";
    let obstacle = words(&["unshare", "--mount", "sh", "-c", script, "sh"]);
    let remedy = "systempaths=unconfined";
    assert_told_with(&env, &obstacle, "proc-covered", remedy, Some("landlock"));
}

#[test]
fn inside_bubblewrap_it_works_unless_that_allows_no_namespaces_and_then_it_says_so() {
    let env = TestEnv::as_user();
    let line = |option: &str| {
        let start = [
            "bwrap",
            "--unshare-all",
            "--unshare-user",
            option,
            "--bind",
            "/",
            "/",
        ];
        words(&[&start[..], &["--dev", "/dev", "--proc", "/proc", "--"]].concat())
    };
    let (code, found) = diagnosis(&env, &line("--die-with-parent"));
    assert_eq!(code, Some(0), "{found:#}");
    let remedy = "a hook or an MCP server";
    assert_told(&env, &line("--disable-userns"), "outer-sandbox", remedy);
}

#[test]
fn inside_our_own_sandbox_it_says_where_it_is() {
    let env = TestEnv::as_user();
    let directory = env.directory(REPO);
    let shared = env.path("program");
    fs::create_dir(&shared).unwrap();
    fs::copy(env.binary(), shared.join("passmuster")).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    let program = shared.join("passmuster").display().to_string();
    let inside = |script: &str| {
        let finished = env
            .passmuster(["sandbox", "--quiet", "--repo"])
            .args([directory.root()])
            .args(["--read", shared.to_str().unwrap(), "--", "sh", "-c", script])
            .run();
        assert_eq!(finished.code(), Some(3), "{}", finished.all());
        finished.all()
    };
    let doctor = inside(&format!("{program} doctor --fix"));
    assert!(doctor.contains("inside another sandbox"), "{doctor}");
    assert!(doctor.contains("a hook or an MCP server"), "{doctor}");
    let nested = inside(&format!("{program} sandbox --repo . -- true"));
    assert!(nested.contains("(outer-sandbox)"), "{nested}");
}

#[test]
fn the_launcher_of_these_tests_refuses_what_it_says() {
    let env = TestEnv::as_user();
    let refused = |obstacle: &[String], program: &[&str]| {
        let mut line = obstacle.iter().cloned().chain(words(program));
        let mut command: Command = env.command(line.next().unwrap());
        !command.args(line).output().unwrap().status.success()
    };
    let unshare = ["/usr/bin/unshare", "--user", "true"];
    assert!(!refused(&words(&["env"]), &unshare));
    assert!(refused(&refusing(&env, &[]), &unshare));
    assert!(!refused(&refusing(&env, &[]), &["/bin/true"]));
    let except = refusing(&env, &["--except", "/usr/bin/bwrap"]);
    assert!(refused(&except, &unshare));
    let bwrap = [
        "/usr/bin/bwrap",
        "--unshare-all",
        "--ro-bind",
        "/",
        "/",
        "true",
    ];
    assert!(!refused(&except, &bwrap));
}
