//! `sandbox`: any command in the sandbox of a check; streams, exit status, limits and report.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use passmuster_tests::leftovers::processes;
use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{Invocation, Repository, TestEnv, workspace};

const REPO: &str = "python-ledger";

/// A command in the sandbox of a repository.
fn sandbox<'env>(
    env: &'env TestEnv,
    repo: &Repository<'_>,
    options: &[&str],
    command: &[&str],
) -> Invocation<'env> {
    env.passmuster(["sandbox", "--quiet", "--repo"])
        .args([repo.root()])
        .args(options)
        .args(["--"])
        .args(command)
}

#[test]
fn a_command_sees_the_working_tree_and_what_it_writes_vanishes() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo.write("new.txt", "new");
    let before = Snapshot::of(repo.root());
    let script = "pwd; head -3 README.md | tail -1; cat new.txt; echo; python --version; \
                  echo more >> README.md; rm new.txt; touch ~/x /tmp/x; ls /sandbox";
    let finished = sandbox(&env, &repo, &[], &["sh", "-c", script]).run();
    finished.assert_code(0);
    let out = finished.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "/sandbox/tree");
    assert!(lines[1].contains("Common expenses"), "{out}");
    assert_eq!(lines[2], "new");
    assert!(lines[3].starts_with("Python 3"), "{out}");
    before.assert_unchanged(repo.root());
    env.assert_nothing_left("");
}

#[test]
fn an_ordinary_user_has_the_same_sandbox_and_a_plain_directory_will_do() {
    let env = TestEnv::as_user();
    let directory = env.directory(REPO);
    let script = "id -u; test ! -e /etc/shadow && ! touch /usr/x 2>/dev/null && cat README.md";
    let finished = sandbox(&env, &directory, &[], &["sh", "-c", script]).run();
    finished.assert_code(0);
    assert!(finished.out().starts_with("1000\n"), "{}", finished.all());
    assert!(finished.out().contains("Shared expenses"));
}

#[test]
fn streams_and_exit_status_are_passed_on() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let finished = sandbox(
        &env,
        &repo,
        &[],
        &["sh", "-c", "cat; echo err >&2; exit 41"],
    )
    .stdin("in \u{1b}[2J")
    .run();
    finished.assert_code(41);
    assert_eq!(finished.stdout, "in \u{1b}[2J".as_bytes());
    assert_eq!(finished.err(), "err\n");
    let flood = "head -c 100000000 /dev/zero";
    let finished = sandbox(&env, &repo, &[], &["sh", "-c", flood]).run();
    assert_eq!(finished.stdout.len(), 100_000_000, "output has no cap");
}

#[test]
fn a_command_is_spoken_with_while_it_runs() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let script = "echo who; read name; echo hello $name";
    let mut child = env
        .command(env.binary())
        .args(["sandbox", "--quiet", "--repo"])
        .arg(repo.root())
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "who");
    child.stdin.as_mut().unwrap().write_all(b"you\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "hello you");
    // Its standard input is still open, and nobody waits for it to end.
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_terminal_is_neither_held_nor_driven_by_the_command() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let script = "printf '\\033[2Jred\\n'; test -t 0 || test -t 1 || test -t 2 || echo no terminal";
    let line = format!(
        "{} sandbox --quiet --repo {} -- sh -c \"{}\"",
        env.binary().display(),
        repo.root().display(),
        script.replace('\\', "\\\\"),
    );
    let output = env
        .command("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("\\u{1b}[2Jred"), "{text}");
    assert!(text.contains("no terminal"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn how_a_command_ended_is_the_exit_code_in_the_shells_way() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write("data.txt", "no program");
    let cases: [(&[&str], &[&str], i32, &str); 6] = [
        (&[], &["sh", "-c", "kill -9 $$"], 137, ""),
        (&["--limit", "wall=1s"], &["sleep", "60"], 124, "`wall`"),
        (&[], &["no-such-program"], 127, "no-such-program"),
        (&[], &["./missing"], 127, "No such file"),
        (&[], &["./data.txt"], 126, "Permission denied"),
        (&["--limit", "wal=1s"], &["true"], 2, "did you mean `wall`"),
    ];
    for (options, command, code, said) in cases {
        let finished = sandbox(&env, &repo, options, command).run();
        finished.assert_code(code);
        assert!(finished.err().contains(said), "{}", finished.all());
    }
}

#[test]
fn limits_of_the_command_line_go_before_the_policys() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write(
        "passmuster.toml",
        "version = 1\n[limits]\nopen-files = 100\n",
    );
    repo.commit("A policy without a check");
    let ulimit = |options: &[&str]| {
        let finished = sandbox(&env, &repo, options, &["sh", "-c", "ulimit -n"]).run();
        finished.assert_code(0);
        finished.out().trim().to_owned()
    };
    assert_eq!(ulimit(&[]), "100");
    assert_eq!(ulimit(&["--limit", "open-files=50"]), "50");
}

#[test]
fn prepared_layers_are_there_and_shared_with_verification() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let policy = "version = 1\n\
        [[prepare]]\nname = \"once\"\ninputs = [\"wanted\"]\npath = [\"/sandbox/env/bin\"]\nenv = { MADE = \"yes\" }\n\
        run = [\"sh\", \"-c\", \"mkdir /sandbox/env/bin && date +%N > /sandbox/env/stamp && ln -s /bin/cat /sandbox/env/bin/made-tool\"]\n\
        [[check]]\nname = \"holds\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"test -s /sandbox/env/stamp\"]\n";
    repo.write("passmuster.toml", policy);
    repo.write("wanted", "1");
    repo.commit("A policy with a step");
    repo.write("README.md", "changed");
    let stamp = || {
        let command = ["made-tool", "/sandbox/env/stamp"];
        let finished = sandbox(&env, &repo, &[], &command).run();
        finished.assert_code(0);
        finished.out()
    };
    let first = stamp();
    env.verify(&repo, ["--worktree"]).run().assert_code(0);
    assert_eq!(stamp(), first, "made once");
    repo.write("wanted", "2");
    assert_ne!(stamp(), first, "made again for a change of its inputs");
    let fails = policy.replace("mkdir", "echo broken; exit 9; mkdir");
    repo.write("passmuster.toml", fails);
    repo.commit("A step that fails");
    let finished = sandbox(&env, &repo, &[], &["true"]).run();
    finished
        .assert_code(3)
        .assert_clear_message(&["once", "broken"]);
}

#[test]
fn host_paths_are_seen_and_changed_only_where_the_caller_says_so() {
    let env = TestEnv::as_user();
    let repo = env.repo(REPO);
    let (seen, made) = (env.work().join("seen"), env.work().join("made"));
    fs::create_dir(&seen).unwrap();
    fs::write(seen.join("file"), "seen").unwrap();
    env.give(&seen);
    let [seen, made] = [seen, made].map(|path| path.display().to_string());
    let script = format!("cat {seen}/file; touch {seen}/x; echo kept > {made}/out");
    let command = ["sh", "-c", &script];
    let finished = sandbox(&env, &repo, &[], &command).run();
    assert!(!finished.out().contains("seen"), "{}", finished.all());
    assert!(!Path::new(&made).exists());
    let options = ["--read", &seen, "--write", &made];
    let finished = sandbox(&env, &repo, &options, &command).run();
    finished.assert_code(0);
    assert_eq!(finished.out(), "seen");
    assert!(finished.err().contains("Read-only"), "{}", finished.all());
    assert_eq!(fs::read(format!("{made}/out")).unwrap(), b"kept\n");
    let inside = repo.root().join("out").display().to_string();
    let cache = env.path("cache").display().to_string();
    let above = repo.root().parent().unwrap().display().to_string();
    for (option, path, said) in [
        ("--write", &inside, "grant-covers-repository"),
        ("--write", &above, "grant-covers-repository"),
        ("--read", &inside, "No such file"),
        ("--read", &above, "grant-covers-repository"),
        ("--read", &cache, "cache"),
    ] {
        let finished = sandbox(&env, &repo, &[option, path], &["true"]).run();
        finished.assert_code(2).assert_clear_message(&[said]);
        assert!(!Path::new(&inside).exists());
    }
}

#[test]
fn root_gives_a_directory_to_the_command_or_is_told_how() {
    if !nix::unistd::geteuid().is_root() {
        return; // An ordinary user's command has the user's own id.
    }
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let own = env.work().join("own");
    fs::create_dir(&own).unwrap();
    let own = own.display().to_string();
    let finished = sandbox(&env, &repo, &["--write", &own], &["true"]).run();
    finished.assert_code(2).assert_clear_message(&["chown"]);
    let new = env.work().join("new").display().to_string();
    let script = format!("touch {new}/file");
    let finished = sandbox(&env, &repo, &["--write", &new], &["sh", "-c", &script]).run();
    finished.assert_code(0);
    assert!(Path::new(&new).join("file").exists());
}

#[test]
fn the_report_tells_what_happened_and_fits_its_schema() {
    let schema = workspace().join("policies/schema/sandbox.schema.json");
    let schema = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let file = env.work().join("report.json").display().to_string();
    let report = |options: &[&str], command: &[&str]| {
        let options: Vec<&str> = ["--report", &file].iter().chain(options).copied().collect();
        sandbox(&env, &repo, &options, command).run();
        let report: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&report).collect();
        assert!(errors.is_empty(), "{errors:?}\n{report:#}");
        report
    };
    let ended = report(&[], &["sh", "-c", "exit 3"]);
    assert_eq!(ended["outcome"]["outcome"], "exited");
    assert_eq!(
        (&ended["outcome"]["status"], &ended["exit_code"]),
        (&3.into(), &3.into())
    );
    assert_eq!(ended["isolation"], "full");
    assert!(ended["usage"]["max_rss"].as_u64() > Some(0));
    let held = ended["enforcement"].as_array().unwrap();
    assert!(
        held.iter()
            .any(|one| one["protection"] == "seccomp" && one["state"] == "enforced")
    );
    assert_eq!(ended["denials"], serde_json::json!([]));
    let connect = "import socket; socket.socket().connect_ex((\"192.0.2.1\", 443))";
    let refused = report(&[], &["python", "-c", connect]);
    assert_eq!(refused["denials"][0]["kind"], "network");
    assert_eq!(refused["denials"][0]["target"], "192.0.2.1:443");
    let limited = report(&["--limit", "wall=1s"], &["sleep", "60"]);
    assert_eq!(limited["outcome"]["limit"], "wall");
    assert_eq!(limited["exit_code"], 124);
    let missing = report(&[], &["no-such-program"]);
    assert_eq!(missing["outcome"], serde_json::Value::Null);
    assert_eq!(missing["reasons"][0]["code"], "tool-missing");
}

#[test]
fn control_c_ends_the_command_and_all_that_it_started() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let marker = format!("marker-sandbox-{}", std::process::id());
    let script =
        format!("setsid sh -c 'sleep 600; : {marker}' & trap '' INT TERM; sleep 600; : {marker}");
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut running = sandbox(&env, &repo, &[], &["sh", "-c", &script]).start();
        let inside = || processes(&[&format!("; : {marker}")]).len();
        let deadline = Instant::now() + Duration::from_secs(60);
        // The program's own command line holds the word as well, and so does the outer shell's.
        while inside() < 3 {
            assert!(
                running.is_running() && Instant::now() < deadline,
                "never started"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        running.signal_group(signal);
        let finished = running.wait();
        finished.assert_code(code);
        assert!(finished.elapsed < Duration::from_secs(30));
        env.assert_nothing_left(&marker);
    }
}
