//! Changes that are bad and want a pass: each was given one before, and none gets it now.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use passmuster_tests::{Repository, TestEnv};

const PYTEST: &str = "version = 1\nextends = [\"python\"]\n[sandbox]\ntoolchains = [\"python\"]\n\
    [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"pytest\"\nrun = [\"python\", \"-m\", \"pytest\"]\n";

const COMMAND: &str = "version = 1\n[[check]]\nname = \"gate\"\nkind = \"command\"\nrun = ";

/// Passes every test, whatever it says.
const PLUGIN: &str = "def pytest_pyfunc_call(pyfuncitem):\n    return True\n";

const GOOD: &str = "def total(x):\n    return x + 1\n";
const BAD: &str = "def total(x):\n    return 0\n";

fn python(env: &TestEnv) -> Repository<'_> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", PYTEST);
    repo.write("calc.py", GOOD);
    repo.write(
        "tests/test_a.py",
        "import calc\ndef test_total():\n    assert calc.total(1) == 2\n",
    );
    repo.commit("The base");
    repo
}

#[track_caller]
fn assert_review(env: &TestEnv, repo: &Repository<'_>, codes: &[&str]) {
    let (finished, verdict) = env.verify(repo, ["--worktree"]).verdict();
    finished.assert_code(4);
    assert_eq!(verdict.review(), codes, "{verdict}");
}

#[test]
fn a_test_that_another_files_tests_break_is_regressed_and_not_flaky() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write("passmuster.toml", PYTEST);
    repo.write(
        "calc.py",
        "RATE = 2\ndef rate(x):\n    return x * RATE\ndef total(x):\n    return x + 1\n",
    );
    repo.write(
        "tests/test_a.py",
        "import calc\ndef test_total():\n    assert calc.total(1) == 2\n",
    );
    repo.write(
        "tests/test_b.py",
        "import calc\ndef test_rate():\n    assert calc.rate(2) == 4\n",
    );
    repo.commit("The base");
    repo.edit(
        "calc.py",
        "def total(x):",
        "def total(x):\n    global RATE\n    RATE = 3",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    verdict.assert_tests("regressed", &["test_rate"]);
}

/// Kernel resources that no limit covers are shared by all sandboxes of one caller.
#[test]
fn a_candidate_cannot_starve_the_base_that_it_is_compared_with() {
    let env = TestEnv::new();
    let repo = python(&env);
    repo.write(
        "watch.py",
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef limit():\n    return 3\n",
    );
    repo.write(
        "tests/test_watch.py",
        "import time, watch\ndef test_a_slow():\n    time.sleep(2)\ndef test_watch():\n    assert watch.libc.inotify_init1(0) >= 0\n    assert watch.limit() == 3\n",
    );
    repo.commit("The base");
    repo.write(
        "watch.py",
        "import ctypes\nlibc = ctypes.CDLL(None)\nhogs = [libc.inotify_init1(0) for _ in range(3000)]\ndef limit():\n    return 4\n",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
    // Nor is a base that was starved kept for the next candidate.
    repo.write(
        "watch.py",
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef limit():\n    return 4\n",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
}

/// A command of `sandbox` that lasts until it is let go.
struct Held(Child);

impl Held {
    fn start(env: &TestEnv, repo: &Repository<'_>) -> Self {
        let mut child = env
            .command(env.binary())
            .args(["sandbox", "--quiet", "--repo"])
            .arg(repo.root())
            .args(["--", "sh", "-c", "echo up; cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "up");
        Self(child)
    }

    fn let_go(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn no_sandbox_of_any_repository_runs_beside_a_base_and_a_known_base_waits_for_none() {
    let env = TestEnv::new();
    let (repo, other) = (python(&env), python(&env));
    let held = Held::start(&env, &other);
    repo.write("calc.py", BAD);
    let mut running = env.verify(&repo, ["--worktree"]).start();
    std::thread::sleep(Duration::from_secs(4));
    assert!(running.is_running(), "the base did not wait");
    held.let_go();
    let finished = running.wait();
    let verdict = finished.verdict();
    assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
    assert!(
        finished.err().contains("the base runs alone"),
        "{}",
        finished.all()
    );
    let held = Held::start(&env, &other);
    repo.write("calc.py", format!("{GOOD}# more\n"));
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_eq!(verdict.decision(), "pass", "{verdict}");
    held.let_go();
}

#[test]
fn the_base_is_measured_before_a_step_of_the_candidate_leaves_anything() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        "version = 1\n\
         [[prepare]]\nname = \"made\"\ninputs = [\"step\"]\nrun = [\"sh\", \"-c\", \". ./step\"]\n\
         [[check]]\nname = \"used\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \". ./check\"]\n",
    );
    repo.write("step", "true");
    repo.write("check", "sleep 2.1");
    repo.commit("The base");
    repo.write("step", "sleep 2.1");
    repo.write("check", "true");
    let (finished, _) = env.verify(&repo, ["--worktree"]).verdict();
    let said = finished.err();
    let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what}: {said}"));
    assert!(at("used on the base") < at("prepare step made"), "{said}");
}

#[test]
fn a_renamed_test_file_does_not_excuse_what_its_tests_find() {
    let env = TestEnv::new();
    let repo = python(&env);
    repo.git(["mv", "tests/test_a.py", "tests/test_b.py"]);
    repo.write("calc.py", BAD);
    repo.commit("The change");
    let (finished, verdict) = env
        .verify(&repo, ["--head", "HEAD", "--base", "HEAD~1"])
        .verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
}

#[test]
fn a_candidate_that_removes_the_last_tests_is_not_measured_though_none_of_them_ran() {
    let env = TestEnv::new();
    let repo = python(&env);
    repo.write(
        "tests/test_a.py",
        "import pytest\n@pytest.mark.skip\ndef test_total():\n    pass\n",
    );
    repo.commit("The base");
    repo.write("tests/test_a.py", "");
    repo.write("calc.py", BAD);
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["no-tests"], "{verdict}");
}

#[test]
fn a_command_runs_the_base_s_own_script_whatever_the_change_makes_of_it() {
    let env = TestEnv::new();
    for (run, file, before, after) in [
        (
            r#"["sh", "scripts/check.sh"]"#,
            "scripts/check.sh",
            "grep -q good data\n",
            "true\n",
        ),
        (
            r#"["sh", "-c", "exec sh ./check.sh"]"#,
            "check.sh",
            "grep -q good data\n",
            "true\n",
        ),
    ] {
        let repo = env.empty_repo();
        repo.write("passmuster.toml", format!("{COMMAND}{run}\n"));
        repo.write(file, before);
        repo.write("data", "good\n");
        repo.commit("The base");
        repo.write("data", "bad\n");
        repo.write(file, after);
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["command-failed"], "{verdict}");
        repo.write("data", "good\n");
        assert_review(&env, &repo, &["harness-changed"]);
    }
}

#[test]
fn what_makes_pytest_load_a_plugin_is_seen_and_what_the_plugin_does_fails() {
    let env = TestEnv::new();
    for (file, content) in [
        (
            "helper-1.0.dist-info/entry_points.txt",
            "[pytest11]\nhelper = helper\n",
        ),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = \"-p helper\"\n",
        ),
        ("setup.cfg", "[tool:pytest]\naddopts = -p helper\n"),
    ] {
        let repo = python(&env);
        repo.write("calc.py", BAD);
        repo.write("helper.py", PLUGIN);
        repo.write(
            "helper-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: helper\nVersion: 1.0\n",
        );
        repo.write(file, content);
        let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["controls-violated"], "{verdict}");
        assert!(
            verdict.review().contains(&"harness-changed".to_owned()),
            "{verdict}"
        );
    }
}

#[test]
fn compiled_python_that_stands_in_for_its_source_is_reviewed() {
    let env = TestEnv::new();
    let repo = python(&env);
    repo.write("calc.py", BAD);
    repo.write("__pycache__/calc.cpython-311.pyc", b"whatever it holds");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert!(
        verdict.review().contains(&"harness-changed".to_owned()),
        "{verdict}"
    );
}

fn rust(env: &TestEnv) -> Repository<'_> {
    let repo = env.repo("rust-calculator");
    repo.write(
        "tests/attack.rs",
        "#[test]\nfn holds() {\n    assert!(include_str!(\"../data\").starts_with(\"good\"));\n}\n",
    );
    repo.write("data", "good\n");
    repo.commit("A test of data");
    repo.write("data", "bad\n");
    repo
}

#[test]
fn a_build_script_that_writes_to_the_tests_violates_the_controls() {
    let env = TestEnv::new();
    let repo = rust(&env);
    repo.write("build.rs", "fn main() {\n    std::fs::write(\"tests/attack.rs\", \"#[test]\\nfn holds() {}\\n\").unwrap();\n}\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["controls-violated"], "{verdict}");
}

#[test]
fn a_build_script_that_writes_to_unit_tests_violates_the_controls() {
    let env = TestEnv::new();
    let repo = env.repo("rust-calculator");
    repo.write(
        "src/attack.rs",
        "#[test]\nfn holds() {\n    assert!(include_str!(\"../data\").starts_with(\"good\"));\n}\n",
    );
    repo.write("data", "good\n");
    let library = std::fs::read_to_string(repo.root().join("src/lib.rs")).unwrap();
    repo.write(
        "src/lib.rs",
        format!("{library}\n#[cfg(test)]\nmod attack;\n"),
    );
    repo.commit("A unit test of data");
    repo.write("data", "bad\n");
    repo.write("build.rs", "fn main() {\n    std::fs::write(\"src/attack.rs\", \"#[test]\\nfn holds() {}\\n\").unwrap();\n}\n");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["controls-violated"], "{verdict}");
}

#[test]
fn code_that_ends_its_process_well_fails_its_test_under_nextest_too() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        "version = 1\n[sandbox]\ntoolchains = [\"rust\", \"cc\"]\n[[check]]\nname = \"tests\"\n\
         kind = \"test\"\nframework = \"nextest\"\nrun = [\"cargo\", \"nextest\", \"run\", \"--offline\"]\n",
    );
    repo.write(
        "Cargo.toml",
        "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    repo.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"calc\"\nversion = \"0.1.0\"\n",
    );
    repo.write("src/lib.rs", "pub fn total(x: u8) -> u8 {\n    x + 1\n}\n");
    repo.write(
        "tests/total.rs",
        "#[test]\nfn adds() {\n    assert_eq!(calc::total(1), 2);\n}\n",
    );
    repo.commit("The base");
    repo.edit("src/lib.rs", "x + 1", "std::process::exit(x as i32 - 1)");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    verdict.assert_tests("regressed", &["adds"]);
}

#[test]
fn a_test_file_of_any_name_that_the_run_replaces_violates_the_controls() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        "version = 1\n[sandbox]\ntoolchains = [\"node\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"node-test\"\n\
         run = [\"npm\", \"test\"]\n",
    );
    repo.write(
        "package.json",
        r#"{"name":"x","scripts":{"test":"node --test --test-concurrency=1 checks/a.js checks/b.js"}}"#,
    );
    repo.write("calc.js", "exports.one = 1;\nexports.two = 2;\n");
    let test = |name: &str, number: u8| {
        format!(
            "const {{ test }} = require('node:test');\nconst calc = require('../calc.js');\n\
             test('{name}', () => require('node:assert').equal(calc.{name}, {number}));\n"
        )
    };
    repo.write("checks/a.js", test("one", 1));
    repo.write("checks/b.js", test("two", 2));
    repo.commit("The base");
    repo.write(
        "calc.js",
        "exports.one = 1;\nexports.two = 3;\n\
         require('node:fs').writeFileSync(`${__dirname}/checks/b.js`, \"require('node:test').test('two', () => {})\");\n",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["controls-violated"], "{verdict}");
}

#[test]
fn a_fix_is_not_proven_by_tests_that_the_change_edits_whatever_their_file_is_called() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        PYTEST.replace(
            "\"pytest\"]",
            "\"pytest\", \"checks.py\", \"more/expect.py\"]",
        ),
    );
    repo.write("calc.py", BAD);
    for (file, name) in [("checks.py", "one"), ("more/expect.py", "other")] {
        repo.write(
            file,
            format!("import calc\ndef test_{name}():\n    assert calc.total(1) == 2\ndef test_same():\n    pass\n"),
        );
    }
    repo.commit("The base");
    repo.edit("more/expect.py", "== 2", "== 0");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    verdict.assert_tests("fixed", &[] as &[&str]);
    verdict.assert_tests("contract", &["test_other"]);
    assert_eq!(verdict.0["tests"]["fix_proven"], false, "{verdict}");
}

#[test]
fn what_a_test_compares_with_is_reviewed_when_the_run_writes_it() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write("passmuster.toml", PYTEST);
    repo.write("calc.py", GOOD);
    repo.write("golden/total", "2");
    repo.write(
        "tests/test_a.py",
        "import calc\ndef test_total():\n    assert calc.total(1) == int(open('golden/total').read())\n",
    );
    repo.commit("The base");
    repo.write(
        "calc.py",
        format!("{BAD}open('golden/total', 'w').write('0')\n"),
    );
    assert_review(&env, &repo, &["harness-changed"]);
}

#[test]
fn a_report_says_that_a_local_base_is_only_as_trusted_as_who_commits() {
    let env = TestEnv::new();
    let repo = python(&env);
    repo.write("calc.py", format!("{GOOD}# more\n"));
    let local = env
        .passmuster(["verify", "--worktree", "--repo"])
        .args([repo.root()]);
    let said = local.run();
    assert!(
        said.out().contains("as trusted as whoever commits here"),
        "{}",
        said.all()
    );
    let pinned = env.passmuster(["verify", "--worktree", "--base", "HEAD", "--repo"]);
    let said = pinned.args([repo.root()]).run();
    assert!(!said.out().contains("as trusted as"), "{}", said.all());
}

#[test]
fn a_manifest_that_names_other_tests_is_reviewed() {
    let env = TestEnv::new();
    let repo = rust(&env);
    repo.write("other/attack.rs", "#[test]\nfn holds() {}\n");
    let manifest = std::fs::read_to_string(repo.root().join("Cargo.toml")).unwrap();
    repo.write(
        "Cargo.toml",
        format!("{manifest}\n[[test]]\nname = \"attack\"\npath = \"other/attack.rs\"\n"),
    );
    assert_review(&env, &repo, &["contract-changed", "harness-changed"]);
}

/// Contents and their sha256.
const LARGE: [(&str, &str); 2] = [
    (
        "good one",
        "bc4159bea41e075d65cfb0acf9cc2ea377f7d2284ce8e1109d73d0d4ccf5f8f5",
    ),
    (
        "bad two",
        "c9b21b18e49f2b0f9cfc89731f9d35b9d44a8d243b8f5ffcb62c7a54e0cab584",
    ),
];

/// Stores a large file as LFS does and leaves its pointer in the tree.
fn large(repo: &Repository<'_>, (content, oid): (&str, &str)) {
    let store = format!(".git/lfs/objects/{}/{}/{oid}", &oid[..2], &oid[2..4]);
    repo.write(store, content);
    let size = content.len();
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n");
    repo.write("large", pointer);
}

#[test]
fn each_tree_is_run_with_its_own_large_files() {
    let env = TestEnv::new();
    for large_again in [true, false] {
        let repo = env.empty_repo();
        repo.write(
            "passmuster.toml",
            format!(
                "{COMMAND}[\"sh\", \"-c\", \"grep -q good lar*\"]
"
            ),
        );
        repo.write(".gitattributes", "large filter=lfs\n");
        large(&repo, LARGE[0]);
        repo.commit("The base");
        match large_again {
            true => large(&repo, LARGE[1]),
            false => repo.write("large", "bad"),
        }
        repo.commit("The change");
        let (finished, verdict) = env
            .verify(&repo, ["--head", "HEAD", "--base", "HEAD~1"])
            .verdict();
        finished.assert_code(1);
        assert_eq!(verdict.reasons(), ["command-failed"], "{verdict}");
    }
}

#[test]
fn a_patch_that_never_comes_can_be_interrupted() {
    let env = TestEnv::new();
    let repo = python(&env);
    let pipe = env.work().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let running = env.verify(&repo, [&pipe]).start();
    std::thread::sleep(std::time::Duration::from_millis(500));
    running.signal_group(nix::sys::signal::Signal::SIGTERM);
    let finished = running.wait();
    assert_eq!(finished.signal(), Some(15), "{}", finished.all());
}
