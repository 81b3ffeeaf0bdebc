//! The ways in: patch file, standard input, revision, index, working tree, plain directory.
//! All of them are one candidate, and none of them touches the user's repository.

use std::fs;

use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{Repository, TestEnv, Verdict, proposal};

const REPO: &str = "python-ledger";
const FIX: &str = "good-fix-lost-cents";

fn candidate(verdict: &Verdict) -> String {
    verdict.text("/subject/candidate_tree").to_string()
}

fn expected_tree(repo: &Repository<'_>) -> String {
    repo.git(["rev-parse", "HEAD^{tree}"]).trim().to_string()
}

#[test]
fn a_patch_by_name_or_by_standard_input_is_the_same_candidate() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let patch = proposal(REPO, FIX);
    let (named, by_name) = env.verify(&repo, [&patch]).verdict();
    let (piped, by_pipe) = env
        .verify(&repo, ["-"])
        .stdin(fs::read(&patch).unwrap())
        .verdict();
    named.assert_code(0);
    piped.assert_code(0);
    assert_eq!(candidate(&by_name), candidate(&by_pipe));
    assert_eq!(by_name.digest(), by_pipe.digest());
    repo.apply(&patch);
    repo.commit("The fix");
    assert_eq!(
        candidate(&by_name),
        expected_tree(&repo),
        "git itself makes the same tree"
    );
}

#[test]
fn a_revision_is_compared_with_where_it_left_the_default_branch() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let base = repo.git(["rev-parse", "HEAD"]).trim().to_string();
    repo.git(["switch", "--quiet", "--create", "fix"]);
    repo.apply(&proposal(REPO, FIX));
    repo.commit("The fix");
    let (finished, verdict) = env.verify(&repo, ["--head", "fix"]).verdict();
    finished.assert_code(0);
    assert_eq!(verdict.text("/subject/base_commit"), base);
    assert_eq!(candidate(&verdict), expected_tree(&repo));
    assert_eq!(verdict.text("/subject/base_trust"), "local");
}

#[test]
fn a_base_that_is_given_is_pinned() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, FIX));
    repo.commit("The fix");
    let (finished, verdict) = env
        .verify(&repo, ["--head", "HEAD", "--base", "HEAD~1"])
        .verdict();
    finished.assert_code(0);
    assert_eq!(verdict.text("/subject/base_trust"), "pinned");
}

#[test]
fn the_index_is_one_candidate_and_the_working_tree_another() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, FIX));
    repo.git(["add", "--all"]);
    repo.edit("tests/test_money.py", "(\"12\", 1200)", "(\"12\", 1300)");
    let (staged, in_index) = env.verify(&repo, ["--staged"]).verdict();
    let (working, in_tree) = env.verify(&repo, ["--worktree"]).verdict();
    staged.assert_code(0);
    working.assert_code(1);
    assert_ne!(candidate(&in_index), candidate(&in_tree));
}

#[test]
fn without_words_the_working_tree_is_meant_with_new_files_but_not_ignored_ones() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "good-feature-transfers"));
    repo.write("__pycache__/ignored.txt", "not part of it");
    let (finished, verdict) = env.verify(&repo, [] as [&str; 0]).verdict();
    finished.assert_code(0);
    repo.commit("The feature");
    assert_eq!(candidate(&verdict), expected_tree(&repo));
}

#[test]
fn a_plain_directory_needs_no_git() {
    let env = TestEnv::new();
    let directory = env.directory(REPO);
    let before = Snapshot::of(directory.root());
    let (good, _) = env.verify(&directory, [proposal(REPO, FIX)]).verdict();
    let (bad, verdict) = env
        .verify(&directory, [proposal(REPO, "gaming-delete-test")])
        .verdict();
    good.assert_code(0);
    bad.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-vanished"]);
    before.assert_unchanged(directory.root());
}

#[test]
fn mails_of_format_patch_apply_in_their_order() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.git(["switch", "--quiet", "--create", "work"]);
    repo.apply(&proposal(REPO, FIX));
    repo.commit("The fix");
    repo.edit("tests/test_money.py", "(2, [1, 1, 0])", "(5, [2, 2, 1])");
    repo.commit("Another number");
    let tree = expected_tree(&repo);
    let mails = repo.git(["format-patch", "--stdout", "main"]);
    repo.git(["switch", "--quiet", "main"]);
    let (finished, verdict) = env.verify(&repo, ["-"]).stdin(mails).verdict();
    finished.assert_code(0);
    assert_eq!(candidate(&verdict), tree);
}

#[test]
fn renames_modes_and_binary_content_survive_the_way() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.git(["mv", "README.md", "READ ME.md"]);
    repo.write("logo.png", (0..=255).collect::<Vec<u8>>());
    repo.write("tool.sh", "#!/bin/sh\n");
    repo.git(["add", "--all"]);
    repo.git(["update-index", "--chmod=+x", "tool.sh"]);
    let tree = repo.git(["write-tree"]).trim().to_string();
    let patch = repo.git(["diff", "--cached", "--binary", "-M"]);
    repo.git(["reset", "--quiet", "--hard"]);
    let (finished, verdict) = env.verify(&repo, ["-"]).stdin(patch).verdict();
    finished.assert_code(0);
    assert_eq!(candidate(&verdict), tree);
}

#[test]
fn the_users_repository_stays_as_it_was_byte_for_byte() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.apply(&proposal(REPO, "faulty-regression"));
    let before = Snapshot::of(repo.root());
    for (way, code) in [("--worktree", 1), ("--staged", 3)] {
        env.verify(&repo, [way]).run().assert_code(code);
        before.assert_unchanged(repo.root());
    }
    env.verify(&repo, [proposal(REPO, "gaming-skip-test")])
        .run()
        .assert_code(1);
    env.verify(&repo, [proposal(REPO, "gaming-symlink-outside")])
        .run()
        .assert_code(1);
    before.assert_unchanged(repo.root());
}

#[test]
fn the_repositorys_own_hooks_and_filters_never_run() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let witness = env.path("witness");
    let script = format!("#!/bin/sh\ntouch {}\ncat\n", witness.display());
    let program = env.path("home").join("witness.sh");
    fs::write(&program, script).unwrap();
    make_executable(&program);
    repo.git(["config", "filter.spy.clean", program.to_str().unwrap()]);
    repo.git(["config", "filter.spy.smudge", program.to_str().unwrap()]);
    repo.git(["config", "core.fsmonitor", program.to_str().unwrap()]);
    repo.git(["config", "diff.external", program.to_str().unwrap()]);
    repo.write(".git/info/attributes", "*.py filter=spy\n");
    // The setting up itself may have run them.
    let _ = fs::remove_file(&witness);
    repo.edit(
        "src/ledger/money.py",
        "\"\"\"Amounts of money",
        "\"\"\"Amounts of  money",
    );
    env.verify(&repo, ["--worktree"]).run();
    env.verify(&repo, [proposal(REPO, FIX)]).run();
    assert!(
        !witness.exists(),
        "a program of the repository's configuration ran"
    );
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_second_answer_is_the_first_one_again() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let patch = proposal(REPO, "faulty-regression");
    let (_, first) = env.verify(&repo, [&patch]).verdict();
    let (_, second) = env.verify(&repo, [&patch]).verdict();
    let (_, anew) = env.verify(&repo, ["--no-cache"]).args([&patch]).verdict();
    assert_eq!(first.digest(), second.digest());
    assert_eq!(first.digest(), anew.digest());
    let elsewhere = TestEnv::new();
    let other = elsewhere.repo(REPO);
    let (_, verdict) = elsewhere.verify(&other, [&patch]).verdict();
    assert_eq!(
        first.digest(),
        verdict.digest(),
        "another home, cache and path give the same"
    );
}

#[test]
fn the_same_candidate_in_another_form_gets_the_stored_verdict_under_its_own_name() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    repo.apply(&proposal("python-ledger", "gaming-skip-test"));
    let (_, as_tree) = env.verify(&repo, ["--worktree"]).verdict();
    let patch = repo.take_patch();
    let finished = env.verify(&repo, ["-"]).stdin(patch).run();
    finished.assert_code(1);
    assert!(
        finished.err().contains("verified before"),
        "{}",
        finished.all()
    );
    let as_patch = finished.verdict();
    assert_eq!(as_patch.0["digest"], as_tree.0["digest"]);
    assert!(
        as_patch.0["subject"]["patch_sha256"].is_string(),
        "{as_patch}"
    );
    assert!(as_tree.0["subject"]["patch_sha256"].is_null(), "{as_tree}");
}
