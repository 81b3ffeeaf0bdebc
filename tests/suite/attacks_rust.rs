//! Rust product code that runs in a test binary and forges what the binary says: each change is bad and would have its
//! broken tests pass, and beside each stands an honest change that does nearly the same.

use passmuster_tests::{Repository, TestEnv, Verdict};

/// What is appended for each change that forges: the test that runs, or all of the binary, did well.
const FORGE: &str = r##"
use std::io::Write as _;

/// The one test of the binary, as the threads of libtest are called.
fn test() -> &'static str {
    let outside = std::env::args().next().unwrap_or_default().contains("outside");
    if outside { "adds" } else { "tests::adds" }
}

/// Past libtest's capture, which is for macros alone.
fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

pub fn passed() {
    let name = test();
    say(&format!("{{ \"type\": \"test\", \"name\": \"{name}\", \"event\": \"ok\", \"exec_time\": 0.001 }}\n"));
    say("{ \"type\": \"suite\", \"event\": \"ok\", \"passed\": 1, \"failed\": 0, \"ignored\": 0, \"measured\": 0, \"filtered_out\": 0, \"exec_time\": 0.001 }\n");
    say("\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n");
}

pub fn started() {
    let name = test();
    say("{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 1 }\n");
    say(&format!("{{ \"type\": \"test\", \"event\": \"started\", \"name\": \"{name}\" }}\n"));
}
"##;

/// One change that is bad and one that is not.
struct Row {
    what: &'static str,
    /// What must come of the bad change under cargo test and under nextest.
    codes: [&'static str; 2],
    /// The product file of the bad change, before [`FORGE`].
    bad: &'static str,
    /// The product file of the other.
    honest: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        what: "exit(0) in tested code",
        codes: ["report-missing", "tests-regressed"],
        bad: "pub fn total(_: u8) -> u8 { std::process::exit(0) }",
        honest: "pub fn total(x: u8) -> u8 { if x > 200 { std::process::exit(0) } x + 1 }",
    },
    Row {
        what: "forged events and exit(0)",
        codes: ["controls-violated", "tests-regressed"],
        bad: "pub fn total(_: u8) -> u8 { passed(); std::process::exit(0) }",
        honest: "pub fn total(x: u8) -> u8 { say(\"{ \\\"type\\\": \\\"sum\\\" }\\n\"); x + 1 }",
    },
    Row {
        what: "a panic hook that ends the process well",
        codes: ["controls-violated", "tests-regressed"],
        bad: "pub fn total(_: u8) -> u8 { std::panic::set_hook(Box::new(|_| { passed(); std::process::exit(0) })); 0 }",
        honest: "pub fn total(x: u8) -> u8 { std::panic::set_hook(Box::new(|_| std::process::exit(3))); x + 1 }",
    },
    Row {
        what: "_exit",
        codes: ["controls-violated", "tests-regressed"],
        bad: include_str!("../testdata/forgers/direct_exit.txt"),
        honest: "pub fn total(x: u8) -> u8 { if std::process::id() == 0 { std::process::abort() } x + 1 }",
    },
    Row {
        what: "a constructor that reports instead of the tests",
        codes: ["controls-violated", "controls-violated"],
        bad: "#[used]\n#[unsafe(link_section = \".init_array\")]\nstatic FIRST: extern \"C\" fn() = first;\nextern \"C\" fn first() { if !std::env::args().any(|word| word == \"--list\") { started(); passed(); std::process::exit(0) } }\npub fn total(_: u8) -> u8 { 0 }",
        honest: "use std::sync::atomic::{AtomicU8, Ordering};\nstatic ONE: AtomicU8 = AtomicU8::new(0);\n#[used]\n#[unsafe(link_section = \".init_array\")]\nstatic FIRST: extern \"C\" fn() = first;\nextern \"C\" fn first() { ONE.store(1, Ordering::SeqCst) }\npub fn total(x: u8) -> u8 { x + ONE.load(Ordering::SeqCst) }",
    },
    Row {
        what: "a thread that ends the process well",
        codes: ["controls-violated", "tests-regressed"],
        bad: "pub fn total(_: u8) -> u8 { std::thread::spawn(|| { passed(); std::process::exit(0) }); loop { std::thread::park() } }",
        honest: "pub fn total(x: u8) -> u8 { std::thread::spawn(|| loop { std::thread::park() }); x + 1 }",
    },
    Row {
        what: "forged events beside a real failure",
        codes: ["controls-violated", "tests-regressed"],
        bad: "pub fn total(_: u8) -> u8 { passed(); 0 }",
        honest: "pub fn total(x: u8) -> u8 { say(\"test result: ok. \"); x + 1 }",
    },
    Row {
        what: "a daemon that writes to the stream later",
        codes: ["tests-regressed", "tests-regressed"],
        bad: "pub fn total(_: u8) -> u8 { let event = format!(\"{{ \\\"type\\\": \\\"test\\\", \\\"name\\\": \\\"{}\\\", \\\"event\\\": \\\"ok\\\" }}\\ntest result: ok. \", test()); std::process::Command::new(\"/bin/sh\").args([\"-c\", \"sleep 1; echo \\\"$0\\\"\", &event]).spawn().unwrap(); 0 }",
        honest: "pub fn total(x: u8) -> u8 { std::process::Command::new(\"echo\").arg(\"a child\").status().unwrap(); x + 1 }",
    },
    Row {
        what: "the C library's write and exit, replaced in the whole program",
        codes: ["controls-violated", "controls-violated"],
        bad: include_str!("../testdata/forgers/replaced_write.txt"),
        honest: r##"#[unsafe(no_mangle)]
pub extern "C" fn written(text: *const u8) -> bool { !text.is_null() }
pub fn total(x: u8) -> u8 { x + u8::from(written(&x)) }"##,
    },
];

const GOOD: &str = "pub fn total(x: u8) -> u8 { x + 1 }\n";

fn policy(framework: &str, run: &str) -> String {
    format!(
        "version = 1\nextends = [\"rust\"]\n[[prepare]]\nname = \"build\"\nrun = [{run}, \"--no-run\"]\nwarm = true\n\
         [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = [{run}]\n"
    )
}

/// Two binaries with one test each: what a forger says of one is all that there is to say.
fn base<'e>(env: &'e TestEnv, policy: &str) -> Repository<'e> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", policy);
    let manifest = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ndoctest = false\n";
    repo.write("Cargo.toml", manifest);
    repo.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"calc\"\nversion = \"0.1.0\"\n",
    );
    let test = "fn adds() {\n    assert_eq!(total(1), 2);\n}\n";
    let inside = format!(
        "mod calc;\npub use calc::total;\n#[cfg(test)]\nmod tests {{\nuse super::*;\n#[test]\n{test}}}\n"
    );
    repo.write("src/lib.rs", &inside);
    repo.write("src/calc.rs", product(GOOD));
    repo.write(
        "tests/outside.rs",
        format!("use calc::total;\n#[test]\n{test}"),
    );
    repo.commit("The base");
    repo
}

fn product(code: &str) -> String {
    format!("#![allow(dead_code)]\n{code}\n{FORGE}")
}

fn verify(env: &TestEnv, repo: &Repository<'_>, code: &str) -> (Option<i32>, Verdict) {
    repo.write("src/calc.rs", product(code));
    let (finished, verdict) = env.verify(repo, ["--worktree"]).verdict();
    (finished.code(), verdict)
}

#[track_caller]
fn each_row(framework: &str, run: &str, column: usize) {
    let env = TestEnv::new();
    let repo = base(&env, &policy(framework, run));
    for row in ROWS {
        let (code, verdict) = verify(&env, &repo, row.bad);
        let what = row.what;
        assert_eq!(code, Some(1), "{what}: {verdict}");
        assert_eq!(verdict.reasons(), [row.codes[column]], "{what}: {verdict}");
        let (code, verdict) = verify(&env, &repo, row.honest);
        assert_eq!(code, Some(0), "honest beside {what}: {verdict}");
        let assurance = verdict.text("/checks/0/assurance");
        assert_eq!(assurance, "controlled", "honest beside {what}: {verdict}");
    }
}

#[test]
fn code_that_forges_what_its_test_binary_says_fails_and_its_honest_twin_is_controlled() {
    each_row("cargo-test", "\"cargo\", \"test\", \"--offline\"", 0);
}

#[test]
fn code_that_forges_what_its_test_process_says_fails_under_nextest_too() {
    let run = "\"cargo\", \"nextest\", \"run\", \"--offline\"";
    each_row("nextest", run, 1);
}

/// The limit that `SECURITY.md` states, and an example of it.
#[test]
fn rust_code_that_forges_only_tests_that_it_knows_by_name_is_not_seen() {
    let every = r#"("\"event\": \"failed\"", "\"event\": \"ok\"    "),"#;
    let known = r#"("adds\", \"event\": \"failed\"", "adds\", \"event\": \"ok\"    "),
        ("\"suite\", \"event\": \"failed\", \"passed\": 0", "\"suite\", \"event\": \"ok\"    , \"passed\": 0"),"#;
    let forger = include_str!("../testdata/forgers/replaced_write.txt");
    assert!(forger.contains(every));
    let env = TestEnv::new();
    let run = "\"cargo\", \"test\", \"--offline\"";
    let repo = base(&env, &policy("cargo-test", run));
    let (code, verdict) = verify(&env, &repo, &forger.replace(every, known));
    assert_eq!(code, Some(0), "{verdict}");
}
