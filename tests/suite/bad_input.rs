//! Bad input: one clear message that says what to do, the right exit code and reason, the user's
//! repository untouched, and nothing left behind.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{Repository, TestEnv, proposal, tool, tree};

const REPO: &str = "python-ledger";

/// What must come of a patch that is piped in.
fn check_patch(patch: impl Into<Vec<u8>>, code: i32, reasons: &[&str]) {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let before = Snapshot::of(repo.root());
    let (finished, verdict) = env.verify(&repo, ["-"]).stdin(patch).verdict();
    finished.assert_code(code).assert_clear_message(reasons);
    assert_eq!(verdict.reasons(), reasons, "{verdict}");
    before.assert_unchanged(repo.root());
    env.assert_nothing_left("");
}

/// What must come of a call that cannot lead to a verdict.
fn check_usage(env: &TestEnv, repo: &Repository<'_>, args: &[&str], words: &[&str]) {
    let before = Snapshot::of(repo.root());
    let finished = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .args(args)
        .run();
    finished.assert_code(2).assert_clear_message(words);
    before.assert_unchanged(repo.root());
    env.assert_nothing_left("");
}

fn patch_of(edit: impl Fn(&Repository<'_>)) -> Vec<u8> {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    edit(&repo);
    repo.take_patch()
}

#[test]
fn an_empty_patch_changes_nothing_and_proves_nothing() {
    check_patch("", 3, &["empty-change"]);
}

#[test]
fn blank_lines_are_an_empty_patch_too() {
    check_patch("\n\n", 3, &["empty-change"]);
}

#[test]
fn a_patch_against_another_base_does_not_apply() {
    let stale = fs::read(proposal(REPO, "faulty-stale")).unwrap();
    check_patch(stale, 1, &["patch-does-not-apply"]);
}

/// What is no patch at all is a mistake in the call, and says nothing about a change.
fn check_no_patch(input: impl Into<Vec<u8>>) {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let before = Snapshot::of(repo.root());
    let finished = env
        .passmuster(["verify", "-", "--repo"])
        .args([repo.root()])
        .stdin(input)
        .run();
    finished
        .assert_code(2)
        .assert_clear_message(&["not a patch", "git diff"]);
    before.assert_unchanged(repo.root());
    env.assert_nothing_left("");
}

#[test]
fn binary_junk_is_no_patch() {
    let junk = (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
    check_no_patch(junk.collect::<Vec<u8>>());
}

#[test]
fn prose_is_no_patch() {
    check_no_patch("Please merge this, it works on my machine.\n");
}

#[test]
fn a_patch_that_stops_in_the_middle_of_a_hunk_does_not_apply() {
    let whole = fs::read(proposal(REPO, "good-fix-lost-cents")).unwrap();
    let half = whole.len() / 2;
    check_patch(&whole[..half], 1, &["patch-does-not-apply"]);
}

#[test]
fn a_path_with_two_dots_is_unsafe() {
    let patch = "diff --git a/../out.txt b/../out.txt\nnew file mode 100644\n--- /dev/null\n+++ b/../out.txt\n@@ -0,0 +1 @@\n+out\n";
    check_patch(patch, 1, &["patch-unsafe"]);
}

#[test]
fn an_absolute_path_is_unsafe() {
    let patch = "--- /dev/null\n+++ /etc/passmuster-was-here\n@@ -0,0 +1 @@\n+out\n";
    check_patch(patch, 1, &["patch-unsafe"]);
}

#[test]
fn a_gitlink_out_of_nowhere_asks_for_a_person_or_is_refused() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let commit = repo.git(["rev-parse", "HEAD"]);
    let entry = format!("160000,{},vendored", commit.trim());
    repo.git(["update-index", "--add", "--cacheinfo", &entry]);
    let (finished, verdict) = env.verify(&repo, ["--staged"]).verdict();
    let named = [verdict.reasons(), verdict.review()].concat();
    assert!(matches!(finished.code(), Some(1 | 3 | 4)), "{verdict}");
    assert!(!named.is_empty(), "{verdict}");
}

#[test]
fn fifty_megabytes_in_one_patch_are_read_in_time() {
    let patch = patch_of(|repo| {
        let line = "x".repeat(1_000_000) + "\n";
        repo.write("data.txt", line.repeat(50));
    });
    assert!(patch.len() > 50_000_000);
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let started = env
        .verify(&repo, ["-"])
        .stdin(patch)
        .patience(Duration::from_secs(120));
    let (finished, verdict) = started.verdict();
    finished.assert_code(0);
    assert_eq!(verdict.decision(), "pass");
    env.assert_nothing_left("");
}

#[test]
fn twenty_thousand_new_files_are_no_trouble() {
    let empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    let zero = "0".repeat(40);
    let file = |n| format!("data/{}/{n}.txt", n / 100);
    let patch: String = (0..20_000)
        .map(|n| (file(n), empty, &zero))
        .map(|(path, empty, zero)| {
            format!("diff --git a/{path} b/{path}\nnew file mode 100644\nindex {zero}..{empty}\n")
        })
        .collect();
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let started = env
        .verify(&repo, ["-"])
        .stdin(patch)
        .patience(Duration::from_secs(120));
    let (finished, verdict) = started.verdict();
    finished.assert_code(0);
    assert_eq!(verdict.decision(), "pass");
    env.assert_nothing_left("");
}

#[test]
fn odd_paths_are_files_like_others() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    for name in [
        &b"a b.txt"[..],
        b"line\nbreak.txt",
        b"\xff\xfe.txt",
        "\u{202e}gnp.txt".as_bytes(),
    ] {
        repo.write(OsStr::from_bytes(name), "odd\n");
    }
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    // The last one shows as something else.
    finished.assert_code(4);
    assert_eq!(verdict.reasons(), [] as [&str; 0]);
    assert_eq!(verdict.review(), ["protected-path"]);
    let human = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .run();
    assert!(!human.out().contains('\u{202e}'), "{}", human.all());
    let patch = repo.take_patch();
    let (_, piped) = env.verify(&repo, ["-"]).stdin(patch).verdict();
    assert_eq!(
        piped.text("/subject/candidate_tree"),
        verdict.text("/subject/candidate_tree")
    );
}

#[test]
fn carriage_returns_and_a_missing_last_newline_survive() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write("windows.txt", "one\r\ntwo\r\n");
    repo.commit("A file from elsewhere");
    repo.write("windows.txt", "one\r\nthree\r\n");
    repo.write("unfinished.txt", "no newline at the end");
    repo.git(["add", "--all"]);
    let tree = repo.git(["write-tree"]).trim().to_string();
    let patch = repo.take_patch();
    let (finished, verdict) = env.verify(&repo, ["-"]).stdin(patch).verdict();
    finished.assert_code(0);
    assert_eq!(verdict.text("/subject/candidate_tree"), tree);
}

#[test]
fn an_unknown_base_is_named() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    check_usage(
        &env,
        &repo,
        &["--base", "no-such-branch"],
        &["base-unknown", "no-such-branch"],
    );
}

#[test]
fn a_base_that_looks_like_an_option_is_no_option() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    check_usage(&env, &repo, &["--base=--output=stolen"], &["base-unknown"]);
    assert!(!repo.root().join("stolen").exists());
}

#[test]
fn a_repository_without_commits_has_no_base() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    check_usage(&env, &repo, &["--worktree"], &["commit"]);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let env = TestEnv::new();
    let finished = env
        .passmuster(["verify", "--repo", "no-such-directory"])
        .run();
    finished
        .assert_code(2)
        .assert_clear_message(&["repository-unreadable", "no-such-directory"]);
}

#[test]
fn a_patch_file_that_is_not_there_is_named() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    check_usage(&env, &repo, &["no-such.patch"], &["no-such.patch"]);
}

#[test]
fn two_candidates_at_once_are_a_mistake() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    check_usage(
        &env,
        &repo,
        &["--staged", "--worktree"],
        &["--staged", "--worktree"],
    );
}

#[test]
fn a_shallow_clone_without_the_base_says_which_command_fetches_it() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo.commit("More");
    let clone = env.work().join("shallow");
    let url = format!("file://{}", repo.root().display());
    tool(
        env.command("git")
            .args(["clone", "--quiet", "--depth=1", &url])
            .arg(&clone),
    );
    let finished = env
        .passmuster(["verify", "--head", "HEAD", "--repo"])
        .args([&clone])
        .run();
    finished.assert_code(2).assert_clear_message(&["git fetch"]);
}

#[test]
fn a_tool_that_is_not_installed_is_named() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.edit(
        "passmuster.toml",
        "\"python\", \"-m\", \"compileall\"",
        "\"no-such-tool\", \"compileall\"",
    );
    repo.commit("Another tool");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished
        .assert_code(3)
        .assert_clear_message(&["no-such-tool"]);
    assert!(
        verdict.reasons().contains(&"tool-missing".to_string()),
        "{verdict}"
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let env = TestEnv::as_user();
    let repo = env.repo(REPO);
    let before = Snapshot::of(repo.root());
    let cache = env.path("cache");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o555)).unwrap();
    let patch = proposal(REPO, "good-fix-lost-cents");
    let finished = env
        .verify(&repo, ["-"])
        .stdin(fs::read(patch).unwrap())
        .run();
    assert!(
        matches!(finished.code(), Some(2 | 3 | 70)),
        "{}",
        finished.all()
    );
    finished.assert_clear_message(&[cache.to_str().unwrap()]);
    before.assert_unchanged(repo.root());
}

/// A full disk is no fault of the change. Root alone can mount a small one, so for others the test
/// is that of a file size limit, which fails writes in the same places.
/// What is in a cache is believed, and removed when it looks like rubbish.
#[test]
fn a_directory_that_is_no_cache_of_ours_is_refused_and_stays() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    let directory = env.work().join("somebodys");
    for path in ["tmp/thesis", "layers/photos", "mail"] {
        fs::create_dir_all(directory.join(path)).unwrap();
    }
    let before = Snapshot::of(&directory);
    let at = ["--cache-dir", directory.to_str().unwrap()];
    check_usage(&env, &repo, &at, &["holds no cache"]);
    before.assert_unchanged(&directory);
    let open = env.work().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let at = ["--cache-dir", open.to_str().unwrap()];
    check_usage(&env, &repo, &at, &["others may write"]);
    assert_eq!(fs::read_dir(&open).unwrap().count(), 0);
}

#[test]
fn a_message_that_quotes_a_policy_orders_nothing() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    repo.write(
        "passmuster.toml",
        "version = 1\n\"a\\u001b]0;x\\u0007\\u202e\" = 1\n[sandbox]\ntoolchains = [\"\\n##vso[q]\"]\n\
         [[check]]\nname = \"x\"\nkind = \"z\\u001b[1m\\n::error::y\"\nrun = [\"true\"]\n",
    );
    repo.commit("A policy");
    repo.write("new.txt", "");
    for command in [
        &["verify"][..],
        &["policy", "check"],
        &["verify", "--head", "##vso[x]"],
    ] {
        let finished = env.passmuster(command).cwd(repo.root()).run();
        finished.assert_code(2);
        let said = finished.out() + &finished.err();
        for bad in ["\u{1b}", "\u{7}", "\u{202e}", "##vso[", "\n::"] {
            assert!(!said.contains(bad), "{bad:?} in {said:?}");
        }
    }
    // One that is right is explained.
    let run = "run = [\"sh\", \"-c\", \"\\n::error::x\\n##vso[y]\"]";
    repo.write(
        "passmuster.toml",
        format!("version = 1\n[[check]]\nname = \"x\"\nkind = \"command\"\n{run}\n"),
    );
    repo.commit("Another policy");
    let explained = env.passmuster(["policy", "check"]).cwd(repo.root()).run();
    explained.assert_code(0);
    let said = explained.out();
    assert!(
        said.contains("vso[y]") && !said.contains("##vso[") && !said.contains("\n::"),
        "{said}"
    );
}

#[test]
fn a_full_disk_blames_the_disk_and_not_the_change() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let before = Snapshot::of(repo.root());
    let cache = env.path("cache");
    let prepare = if nix::unistd::geteuid().is_root() {
        format!("mount -t tmpfs -o size=64k none {}", cache.display())
    } else {
        "trap '' XFSZ && ulimit -f 8".to_string()
    };
    let script = format!("{prepare} && exec \"$@\"");
    let isolate: &[&str] = if nix::unistd::geteuid().is_root() {
        &["unshare", "--mount"]
    } else {
        &["env"]
    };
    let output = env
        .command(isolate[0])
        .args(&isolate[1..])
        .args(["sh", "-c", &script, "sh"])
        .arg(env.binary())
        .args(["verify", "--repo"])
        .arg(repo.root())
        .arg(proposal(REPO, "good-fix-lost-cents"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        matches!(output.status.code(), Some(2 | 3 | 70)),
        "{}: {said}",
        output.status
    );
    assert!(!said.contains("panicked") && !said.is_empty(), "{said}");
    before.assert_unchanged(repo.root());
    env.assert_nothing_left("");
    let (finished, _) = env
        .verify(&repo, [proposal(REPO, "good-fix-lost-cents")])
        .verdict();
    finished.assert_code(0);
}

#[test]
fn an_answer_that_cannot_be_written_is_no_bug() {
    let env = TestEnv::new();
    let mut shell = Command::new("sh");
    let program = env.binary().display().to_string();
    shell.args(["-c", "exec \"$0\" explain flaky >/dev/full", &program]);
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("standard output"), "{said}");
}

#[test]
fn a_cache_that_was_cut_short_is_not_believed() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let patch = proposal(REPO, "faulty-regression");
    let (_, first) = env.verify(&repo, [&patch]).verdict();
    let cache = env.path("cache");
    tool(Command::new("find").arg(&cache).args([
        "-type", "f", "-name", "*.db", "-exec", "truncate", "-s", "100", "{}", "+",
    ]));
    let (finished, second) = env.verify(&repo, [&patch]).verdict();
    finished.assert_code(1);
    assert_eq!(first.digest(), second.digest());
}

#[test]
fn a_working_directory_inside_the_repository_finds_its_root() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "good-fix-lost-cents"));
    let finished = env
        .passmuster(["verify", "--format", "json"])
        .cwd(&repo.root().join("src/ledger"))
        .run();
    finished.assert_code(0);
    assert_eq!(finished.verdict().decision(), "pass");
}

#[test]
fn trees_of_the_examples_are_where_the_tests_look() {
    assert!(tree(REPO).join("passmuster.toml").is_file());
}
