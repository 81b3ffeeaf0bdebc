//! An end at any moment leaves nothing: no process, no mount, no file; the next run is as the first.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use passmuster_tests::leftovers::processes;
use passmuster_tests::program::Running;
use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{Repository, TestEnv, tool};

/// A repository whose only test sleeps, on the candidate, in a process that carries the marker.
fn sleeper<'env>(env: &'env TestEnv, marker: &str) -> Repository<'env> {
    let repo = env.repo("python-sleeper");
    repo.write("marker.txt", marker);
    repo.write("seconds.txt", "600");
    repo
}

/// A word that no other test has.
fn marker(name: &str) -> String {
    format!("marker-{name}-{}", std::process::id())
}

#[track_caller]
fn wait_for_payload(running: &mut Running, marker: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while processes(&[marker]).is_empty() {
        assert!(running.is_running(), "the run ended before its test slept");
        assert!(Instant::now() < deadline, "the test never slept");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Of all that was started nothing is alive any more, or will be soon.
#[track_caller]
fn assert_no_process(marker: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !processes(&[marker]).is_empty() {
        let alive = processes(&[marker]);
        assert!(Instant::now() < deadline, "alive: {alive:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// After whatever happened, an ordinary run gives its verdict and cleans up.
fn assert_next_run_is_clean(env: &TestEnv, repo: &Repository<'_>, marker: &str) {
    repo.write("seconds.txt", "0.1");
    let (finished, _) = env.verify(repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    env.assert_nothing_left(marker);
}

#[test]
fn control_c_ends_everything_and_says_so() {
    let env = TestEnv::new();
    let marker = marker("int");
    let repo = sleeper(&env, &marker);
    let before = Snapshot::of(repo.root());
    let mut running = env.verify(&repo, ["--worktree"]).start();
    wait_for_payload(&mut running, &marker);
    running.signal_group(Signal::SIGINT);
    let finished = running.wait();
    assert!(
        finished.elapsed < Duration::from_secs(90),
        "{}",
        finished.all()
    );
    assert!(
        matches!(finished.code(), Some(3 | 130)) || finished.signal() == Some(2),
        "{}",
        finished.all()
    );
    assert!(finished.all().contains("interrupted"), "{}", finished.all());
    env.assert_nothing_left(&marker);
    before.assert_unchanged(repo.root());
    assert_next_run_is_clean(&env, &repo, &marker);
}

/// While git lists and writes trees, toolchains are asked, and the sandbox starts.
#[test]
fn control_c_at_any_early_moment_is_no_error_of_the_repository() {
    let env = TestEnv::new();
    let repo = env.repo("python-sleeper");
    repo.write("seconds.txt", "600");
    for moment in (0..30).map(|step| Duration::from_millis(step * 15)) {
        let running = env.verify(&repo, ["--worktree", "--no-cache"]).start();
        thread::sleep(moment);
        running.signal_group(Signal::SIGINT);
        let finished = running.wait();
        // Before it listens, the signal ends it.
        let interrupted = matches!(finished.code(), Some(3 | 130)) || finished.signal() == Some(2);
        assert!(interrupted, "after {moment:?}: {}", finished.all());
    }
}

#[test]
fn an_interrupted_run_is_no_stored_answer() {
    let env = TestEnv::new();
    let marker = marker("again");
    let repo = sleeper(&env, &marker);
    repo.write("seconds.txt", "15");
    let mut running = env.verify(&repo, ["--worktree"]).start();
    wait_for_payload(&mut running, &marker);
    running.signal_group(Signal::SIGINT);
    running.wait();
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    assert_eq!(verdict.decision(), "pass");
}

#[test]
fn terminating_the_runner_ends_everything() {
    let env = TestEnv::new();
    let marker = marker("term");
    let repo = sleeper(&env, &marker);
    let mut running = env.verify(&repo, ["--worktree"]).start();
    wait_for_payload(&mut running, &marker);
    running.signal_group(Signal::SIGTERM);
    running.wait();
    env.assert_nothing_left(&marker);
}

#[test]
fn killing_the_runner_alone_ends_all_that_it_started() {
    let env = TestEnv::new();
    let marker = marker("kill");
    let repo = sleeper(&env, &marker);
    let before = Snapshot::of(repo.root());
    let mut running = env.verify(&repo, ["--worktree"]).start();
    wait_for_payload(&mut running, &marker);
    running.kill();
    assert_eq!(running.wait().signal(), Some(9));
    assert_no_process(&marker);
    before.assert_unchanged(repo.root());
    assert_next_run_is_clean(&env, &repo, &marker);
}

#[test]
fn killing_the_runner_early_leaves_a_cache_that_works() {
    let env = TestEnv::new();
    let marker = marker("early");
    let repo = sleeper(&env, &marker);
    for millis in [1, 5, 20, 60, 150, 400, 900] {
        let mut running = env.verify(&repo, ["--worktree"]).start();
        thread::sleep(Duration::from_millis(millis));
        running.kill();
        running.wait();
    }
    assert_next_run_is_clean(&env, &repo, &marker);
}

/// Pauses where its file says so, in a process that carries the marker and which run it is of.
const PAUSE: &str = "import pathlib, subprocess, sys\nHERE = pathlib.Path(__file__).parent\ndef pause(run):\n    \
    seconds = '600' if run == (HERE / 'slow.txt').read_text().strip() else '0'\n    \
    name = (HERE / 'marker.txt').read_text() + '-' + run\n    \
    subprocess.run([sys.executable, '-c', 'import sys, time; time.sleep(float(sys.argv[1]))', seconds, name])\n";
const ASKED: &str = "version = 1\nextends = [\"python\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
    framework = \"pytest\"\nrun = [\"python\", \"-m\", \"pytest\"]\n";

/// Whose tests, and on whose product code.
fn pausing(tests: &str) -> String {
    format!(
        "import calc, pause\ndef test_{tests}():\n    pause.pause('{tests}-' + calc.CODE)\n    assert calc.one() == 1\n"
    )
}

/// A repository and a change that edits a test and adds one, of which one run is slow.
fn asked<'env>(env: &'env TestEnv, marker: &str, slow: &str) -> Repository<'env> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", ASKED);
    repo.write("pause.py", PAUSE);
    repo.write("marker.txt", marker);
    repo.write("slow.txt", slow);
    repo.write("calc.py", "CODE = 'base'\ndef one():\n    return 1\n");
    repo.write("tests/test_a.py", pausing("old"));
    repo.commit("The base");
    repo.write(
        "calc.py",
        "CODE = 'candidate'\ndef one():\n    return 2 - 1\n",
    );
    let edited = pausing("old").replace("'old-'", "'edited-'");
    repo.write("tests/test_a.py", edited);
    repo.write("tests/test_b.py", pausing("added"));
    repo
}

/// The base's tests on the candidate's code, and the candidate's on the base's.
#[test]
fn an_end_while_tests_are_held_against_the_other_tree_leaves_nothing() {
    let env = TestEnv::new();
    for run in ["old-candidate", "added-base"] {
        for signal in [Signal::SIGKILL, Signal::SIGINT] {
            let marker = marker(&format!("{run}-{signal}"));
            let repo = asked(&env, &marker, run);
            let before = Snapshot::of(repo.root());
            let mut running = env.verify(&repo, ["--worktree"]).start();
            wait_for_payload(&mut running, &format!("{marker}-{run}"));
            match signal {
                Signal::SIGKILL => running.kill(),
                other => running.signal_group(other),
            }
            let finished = running.wait();
            match signal {
                Signal::SIGKILL => assert_eq!(finished.signal(), Some(9)),
                _ => assert!(finished.all().contains("interrupted"), "{}", finished.all()),
            }
            assert_no_process(&marker);
            before.assert_unchanged(repo.root());
            // The same change, on a base that is not slow.
            repo.write("slow.txt", "");
            repo.git(["commit", "--quiet", "--message", "Faster", "slow.txt"]);
            let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
            assert_eq!(finished.code(), Some(0), "{run} {signal}: {verdict}");
            verdict.assert_tests("added", &["test_added"]);
            env.assert_nothing_left(&marker);
            let left = std::fs::read_dir(env.path("cache/passmuster/tmp")).unwrap();
            assert_eq!(left.count(), 0, "{run} {signal}");
        }
    }
}

/// Deeper than a path can name, and than the runner may have files open.
#[test]
fn a_nest_of_directories_that_a_run_makes_goes_with_it() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    let nest =
        "import os\\nfor _ in range(3000):\\n    os.mkdir(\\\"d\\\")\\n    os.chdir(\\\"d\\\")";
    repo.write(
        "passmuster.toml",
        format!(
            "version = 1\n[[check]]\nname = \"nest\"\nkind = \"command\"\nrun = [\"/usr/bin/python3\", \"-c\", \"{nest}\"]\n"
        ),
    );
    repo.commit("The base");
    repo.write("file", "");
    let mut few_files = env.command("sh");
    few_files
        .args(["-c", "ulimit -n 1024; exec \"$@\"", "sh"])
        .arg(env.binary())
        .args(["verify", "--repo"])
        .arg(repo.root());
    let said = tool(&mut few_files);
    assert!(said.starts_with("PASS"), "{said}");
    env.assert_nothing_left("");
    let left = std::fs::read_dir(env.path("cache/passmuster/tmp")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
