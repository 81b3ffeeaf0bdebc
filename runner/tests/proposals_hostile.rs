//! Repositories and patches that want more than to be read.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod proposals_support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use passmuster::inspect;
use passmuster::proposal::{Input, Note, ProposalError};
use passmuster_policy::change::{ChangeKind, Mode};
use proposals_support::{Scratch, git_in};

/// A repository whose every hook and helper leaves a canary when it runs.
fn hostile() -> (Scratch, std::path::PathBuf) {
    let scratch = Scratch::seeded();
    let canary = scratch.dir.path().join("canary");
    let script = scratch.dir.path().join("evil.sh");
    fs::write(
        &script,
        format!("#!/bin/sh\ntouch {}\ncat\n", canary.display()),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let evil = script.display().to_string();
    scratch.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    scratch.git(["add", "-A"]);
    scratch.git(["commit", "-q", "-m", "attributes"]);
    let included = scratch.dir.path().join("included");
    fs::write(&included, format!("[core]\n\tfsmonitor = {evil}\n")).unwrap();
    scratch.write(
        ".git/config",
        format!(
            "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {evil}\n\tsshCommand = {evil}\n\
             \tpager = {evil}\n\teditor = {evil}\n\tgitProxy = {evil}\n\talternateRefsCommand = {evil}\n\
             \thooksPath = {hooks}\n[include]\n\tpath = {included}\n\
             [filter \"evil\"]\n\tsmudge = {evil}\n\tclean = {evil}\n\tprocess = {evil}\n\trequired\n\
             [diff]\n\texternal = {evil}\n[diff \"evil\"]\n\ttextconv = {evil}\n\tcommand = {evil}\n\
             [merge \"evil\"]\n\tdriver = {evil}\n[credential]\n\thelper = {evil}\n\
             [uploadpack]\n\tpackObjectsHook = {evil}\n[alias]\n\tapply = !{evil}\n\tls-files = !{evil}\n",
            hooks = scratch.dir.path().join("hooks").display(),
            included = included.display(),
        ),
    );
    for directory in [scratch.path(".git/hooks"), scratch.dir.path().join("hooks")] {
        fs::create_dir_all(&directory).unwrap();
        for hook in [
            "post-checkout",
            "post-index-change",
            "reference-transaction",
            "pre-commit",
        ] {
            fs::copy(&script, directory.join(hook)).unwrap();
        }
    }
    (scratch, canary)
}

#[test]
fn nothing_of_a_hostile_repository_runs() {
    let (scratch, canary) = hostile();
    scratch.write("a.txt", "changed\n");
    scratch.write("new.txt", "new\n");
    let patch = "--- a/src/deep/c.txt\n+++ b/src/deep/c.txt\n@@ -1 +1 @@\n-c\n+C\n";
    for input in [
        Input::Patch {
            bytes: patch.as_bytes(),
            name: "p",
        },
        Input::Head("HEAD"),
        Input::Staged,
        Input::WorkingTree,
    ] {
        let proposal = scratch.resolve(input).unwrap();
        let repository = scratch.open();
        let (git, base) = (repository.git(), &proposal.base.tree);
        inspect::change(git, base, &proposal.candidate_tree).unwrap();
        proposal.externals(&repository).unwrap();
        let entries = passmuster::git::objects::tree_entries(git, base).unwrap();
        passmuster::git::attributes::crlf_paths(git, base, &entries).unwrap();
        assert!(!canary.exists(), "{input:?}");
    }
    // The trap works: git itself springs it.
    git_in(&scratch.repo, ["status"], b"");
    assert!(canary.exists());
}

#[test]
fn unsafe_patches_are_refused_with_the_path() {
    let scratch = Scratch::seeded();
    let new = |path: &str| {
        format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
        )
    };
    symlink("/tmp", scratch.path("out")).unwrap();
    scratch.commit("a link");
    for (patch, path) in [
        (new(".git/hooks/x"), ".git/hooks/x"),
        (new("a/.GIT/config"), ".GIT/config"),
        (new("../escape"), "../escape"),
        (new("git~1/config"), "git~1"),
        (new(".g\u{200c}it/config"), "it/config"),
        (new("out/x"), "out/x"),
        (
            "--- /dev/null\n+++ /etc/passwd\n@@ -0,0 +1 @@\n+x\n".to_owned(),
            "/etc/passwd",
        ),
        (new("x").replace("100644", "104755"), "mode 104755"),
        (new("x").replace("100644", "040000"), "mode 040000"),
    ] {
        let error = scratch.patch(&patch).unwrap_err();
        assert_eq!(error.code(), Some("patch-unsafe"), "{error}\n{patch}");
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn what_is_no_patch_is_an_error_of_usage() {
    let scratch = Scratch::seeded();
    for bytes in [
        &b"\x7fELF\0\0junk\n\xff"[..],
        b"hello\n",
        b"--- a/x\n+++ b/x\n",
        b"From me\n\nhi\n",
    ] {
        let error = scratch.patch(bytes).unwrap_err();
        assert!(matches!(error, ProposalError::NotAPatch { .. }), "{error}");
        assert!(!error.is_verdict());
    }
}

#[test]
fn a_patch_that_does_not_apply_names_the_place_and_the_commit_that_fits() {
    let scratch = Scratch::seeded();
    let patch = "--- a/a.txt\n+++ b/a.txt\n@@ -3,3 +3,3 @@\n three\n-four\n+4\n five\n";
    let before = scratch.rev("HEAD");
    scratch.write("a.txt", "one\ntwo\nthree\nvier\nfive\n");
    scratch.commit("in the way");
    let error = scratch.patch(patch).unwrap_err();
    assert_eq!(error.code(), Some("patch-does-not-apply"));
    assert!(error.to_string().contains("a.txt:3"), "{error}");
    assert!(
        error.hint().unwrap().contains(&before[..12]),
        "{:?}",
        error.hint()
    );
    scratch.write("a.txt", "one\ntwo\nthree\n4\nfive\n");
    scratch.commit("applied");
    let error = scratch.patch(patch).unwrap_err();
    assert!(
        error.hint().unwrap().contains("already"),
        "{:?}",
        error.hint()
    );
    let absent = patch.replace("a.txt", "absent.txt");
    assert!(
        scratch
            .patch(absent)
            .unwrap_err()
            .to_string()
            .contains("absent.txt: ")
    );
}

#[test]
fn special_files_and_nested_repositories_are_left_out_and_named() {
    let scratch = Scratch::seeded();
    nix::unistd::mkfifo(&scratch.path("a-fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::remove_file(scratch.path("a.txt")).unwrap();
    nix::unistd::mkfifo(&scratch.path("a.txt"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(scratch.path("nested")).unwrap();
    git_in(&scratch.path("nested"), ["init", "-q"], b"");
    fs::write(scratch.path("nested/x"), "x").unwrap();
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert!(
        proposal
            .notes
            .contains(&Note::SpecialFileSkipped("a.txt".into())),
        "{:?}",
        proposal.notes
    );
    assert!(
        proposal
            .notes
            .contains(&Note::NestedRepositorySkipped("nested".into()))
    );
    let repository = scratch.open();
    let change = inspect::change(
        repository.git(),
        &proposal.base.tree,
        &proposal.candidate_tree,
    )
    .unwrap();
    assert_eq!(change.files.len(), 1);
    assert_eq!(change.files[0].kind, ChangeKind::Deleted);
}

#[test]
fn attributes_and_gitmodules_cannot_hide_a_change() {
    let scratch = Scratch::seeded();
    let other = Scratch::seeded();
    let oid = other.rev("HEAD");
    scratch.write(".gitattributes", "* -diff -text linguist-generated\n");
    scratch.write(
        ".gitmodules",
        "[submodule \"s\"]\n\tpath = sub\n\turl = ./x\n\tignore = all\n",
    );
    scratch.git(["add", "-A"]);
    scratch.git([
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{oid},sub"),
    ]);
    scratch.git(["commit", "-q", "-m", "hiding"]);
    let base = scratch.rev("HEAD^{tree}");
    scratch.write("a.txt", "one\nEVIL\nthree\nfour\nfive\n");
    scratch.git(["add", "a.txt"]);
    let next = "1".repeat(40);
    scratch.git(["update-index", "--cacheinfo", &format!("160000,{next},sub")]);
    let candidate = scratch.resolve(Input::Staged).unwrap().candidate_tree;
    let repository = scratch.open();
    let change = inspect::change(repository.git(), &base, &candidate).unwrap();
    let paths: Vec<_> = change
        .files
        .iter()
        .map(|file| file.path.to_string())
        .collect();
    assert_eq!(paths, ["a.txt", "sub"]);
    assert_eq!(change.files[0].hunks[0].added, ["EVIL"]);
    assert_eq!(change.files[1].after.as_ref().unwrap().mode, Mode::Gitlink);
}

#[test]
fn the_change_is_told_in_full() {
    let scratch = Scratch::seeded();
    let base = scratch.rev("HEAD^{tree}");
    scratch.write("a.txt", "one\n-- two\nthree\nfour\n+++ five");
    fs::rename(scratch.path("src/b.py"), scratch.path("src/renamed.py")).unwrap();
    fs::remove_file(scratch.path("src/deep/c.txt")).unwrap();
    symlink("/etc/passwd", scratch.path("src/deep/c.txt")).unwrap();
    scratch.write("evil\n@@ -1 +1 @@\n-x", "content\n");
    scratch.write("bin", b"a\0b");
    scratch.write("r\u{e9}sum\u{e9}", "x\n");
    let candidate = scratch.resolve(Input::WorkingTree).unwrap().candidate_tree;
    let repository = scratch.open();
    let change = inspect::change(repository.git(), &base, &candidate).unwrap();
    let told: Vec<_> = change
        .files
        .iter()
        .map(|file| {
            (
                file.path.to_string(),
                file.kind.clone(),
                file.binary,
                file.hunks.len(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a.txt".to_owned(), ChangeKind::Modified, false, 2),
            ("bin".to_owned(), ChangeKind::Added, true, 0),
            (
                r"evil\x0a@@ -1 +1 @@\x0a-x".to_owned(),
                ChangeKind::Added,
                false,
                1
            ),
            ("r\u{e9}sum\u{e9}".to_owned(), ChangeKind::Added, false, 1),
            (
                "src/deep/c.txt".to_owned(),
                ChangeKind::TypeChanged,
                false,
                2
            ),
            (
                "src/renamed.py".to_owned(),
                ChangeKind::Renamed("src/b.py".into()),
                false,
                0
            ),
        ]
    );
    let hunks = &change.files[0].hunks;
    assert_eq!(
        (hunks[0].removed.as_slice(), hunks[0].added.as_slice()),
        (&["two".to_owned()][..], &["-- two".to_owned()][..])
    );
    assert_eq!(hunks[1].added, ["+++ five"]);
    let link = change.files[4].after.as_ref().unwrap();
    assert_eq!(link.link_target, Some("/etc/passwd".into()));
}

#[test]
fn a_fifty_megabyte_patch_is_read() {
    let scratch = Scratch::seeded();
    let line = "+0123456789012345678901234567890123456789012345678901234567890123456789\n";
    let lines = (50 << 20) / line.len();
    let mut patch = format!("--- /dev/null\n+++ b/big.txt\n@@ -0,0 +1,{lines} @@\n");
    patch.extend(std::iter::repeat_n(line, lines));
    let proposal = scratch.patch(&patch).unwrap();
    scratch.write("big.txt", line.trim_start_matches('+').repeat(lines));
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
    let repository = scratch.open();
    let change = inspect::change(
        repository.git(),
        &proposal.base.tree,
        &proposal.candidate_tree,
    )
    .unwrap();
    let file = &change.files[0];
    assert!(file.truncated);
    assert_eq!(file.hunks[0].after_lines as usize, lines);
    assert_eq!(file.hunks[0].added.len(), inspect::LINES_PER_FILE);
}

/// Writes a tree object that git's own commands would refuse to make.
fn forged_tree(scratch: &Scratch, name: &str, mode: &str, oid: &str) -> String {
    let mut tree = format!("{mode} {name}\0").into_bytes();
    tree.extend(
        oid.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()),
    );
    let arguments = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
    let output = git_in(&scratch.repo, arguments, &tree);
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_recorded_tree_with_paths_of_a_git_directory_is_unsafe() {
    let scratch = Scratch::seeded();
    let blob = scratch.rev("HEAD:a.txt");
    for name in [".git", "..", ".GIT", "git~1"] {
        let inner = forged_tree(&scratch, "config", "100644", &blob);
        let tree = forged_tree(&scratch, name, "40000", &inner);
        let commit = scratch.git(["commit-tree", &tree, "-p", "HEAD", "-m", "forged"]);
        let error = scratch.resolve(Input::Head(commit.trim())).unwrap_err();
        assert_eq!(error.code(), Some("patch-unsafe"), "{error}");
        assert!(
            error.to_string().contains(&format!("{name}/config")),
            "{error}"
        );
    }
}
