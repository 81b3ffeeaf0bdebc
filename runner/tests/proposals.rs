//! Every form of a proposal becomes the tree that git itself would make of it.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod proposals_support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use passmuster::proposal::{self, Input, Note, ProposalError};
use passmuster::repository::Repository;
use proposals_support::{Scratch, git_in};

/// Edits of every kind, on top of the seed.
fn edit(scratch: &Scratch) {
    scratch.write("a.txt", "one\nTWO\nthree\nfour\nfive\n");
    fs::rename(scratch.path("src/deep/c.txt"), scratch.path("moved.txt")).unwrap();
    scratch.write("bin.dat", b"\0\x01\xff binary\0");
    scratch.write("with space \u{fc} \"quote\".txt", "x\n");
    scratch.write("line\nfeed", "x\n");
    scratch.write(OsStr::from_bytes(b"not-utf8-\xff\xfe"), "x\n");
    scratch.write("no-end", "no newline at the end");
    scratch.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(scratch.path("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a.txt", scratch.path("link")).unwrap();
    fs::set_permissions(scratch.path("src/b.py"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// The seed, the patch `git diff` makes of all edits, and the tree that they lead to.
fn edited(diff: &[&str]) -> (Scratch, Vec<u8>, String) {
    let scratch = Scratch::seeded();
    edit(&scratch);
    scratch.commit("edit");
    let patch = scratch.git_bytes([&["diff", "HEAD~1", "HEAD"], diff].concat());
    let tree = scratch.rev("HEAD^{tree}");
    scratch.git(["reset", "-q", "--hard", "HEAD~1"]);
    (scratch, patch, tree)
}

#[test]
fn a_git_diff_of_every_kind_of_edit_leads_to_gits_own_tree() {
    for options in [
        &["--binary"][..],
        &["--binary", "--no-renames"],
        &["--binary", "--no-prefix"],
    ] {
        let (scratch, patch, tree) = edited(options);
        let proposal = scratch.patch(patch).unwrap();
        assert_eq!(proposal.candidate_tree, tree, "{options:?}");
        assert_eq!(proposal.base.tree, scratch.rev("HEAD^{tree}"));
    }
}

#[test]
fn mails_of_format_patch_apply_one_after_another() {
    let scratch = Scratch::seeded();
    let base = scratch.rev("HEAD");
    scratch.write("a.txt", "one\n2\nthree\nfour\nfive\n");
    scratch.commit("first");
    scratch.git(["mv", "a.txt", "z.txt"]);
    scratch.commit("second renames");
    scratch.write("z.txt", "one\n2\nthree\nfour\n5\n");
    scratch.commit("third edits under the new name");
    let mails = scratch.git_bytes(["format-patch", "--stdout", "--cover-letter", &base]);
    let tree = scratch.rev("HEAD^{tree}");
    scratch.git(["reset", "-q", "--hard", &base]);
    assert_eq!(scratch.patch(mails).unwrap().candidate_tree, tree);
}

#[test]
fn a_quoted_printable_mail_is_decoded() {
    let scratch = Scratch::seeded();
    let mail = "From: a <a@example.org>\nSubject: [PATCH] x\nMIME-Version: 1.0\n\
        Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n\
        message\n---\n\ndiff --git a/src/deep/c.txt b/src/deep/c.txt\n--- a/src/deep/c.txt\n\
        +++ b/src/deep/c.txt\n@@ -1 +1 @@\n-c\n+a=3Db=C3=BC\n";
    let proposal = scratch.patch(mail).unwrap();
    scratch.write("src/deep/c.txt", "a=b\u{fc}\n");
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
}

#[test]
fn the_same_edit_in_every_dialect_leads_to_the_same_tree() {
    let scratch = Scratch::seeded();
    let git = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
    let plain = git
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect::<String>();
    let bare = plain
        .replace("a/a.txt", "a.txt")
        .replace("b/a.txt", "a.txt");
    let recount = git.replace("-1,3 +1,3", "-1,9 +1,9");
    let crlf = git.replace('\n', "\r\n");
    scratch.write("a.txt", "one\n2\nthree\nfour\nfive\n");
    let tree = scratch.oracle_tree();
    for (patch, notes) in [
        (git.to_owned(), vec![]),
        (plain, vec![]),
        (bare, vec![Note::NoPathPrefix]),
        (recount, vec![Note::Recounted]),
        (crlf, vec![Note::LineEndsConverted]),
        (git.trim_end().to_owned() + "\n", vec![]),
    ] {
        let proposal = scratch
            .patch(&patch)
            .unwrap_or_else(|error| panic!("{error}\n{patch}"));
        assert_eq!(
            (proposal.candidate_tree, proposal.notes),
            (tree.clone(), notes),
            "{patch}"
        );
    }
}

#[test]
fn paths_are_read_with_and_without_a_prefix() {
    let scratch = Scratch::new();
    for name in ["a/b.txt", "b.txt", "orig/b.txt"] {
        scratch.write(name, format!("{name}\n"));
    }
    scratch.commit("base");
    let change = |header: [&str; 2], old: &str| {
        format!(
            "--- {}\n+++ {}\n@@ -1 +1 @@\n-{old}\n+new\n",
            header[0], header[1]
        )
    };
    for (header, changed, notes) in [
        (["a/b.txt", "b/b.txt"], "b.txt", vec![]),
        (["a/b.txt", "a/b.txt"], "a/b.txt", vec![Note::NoPathPrefix]),
        (["b.txt", "b.txt"], "b.txt", vec![Note::NoPathPrefix]),
        (["orig/b.txt", "new/b.txt"], "b.txt", vec![]),
        (
            ["orig/b.txt", "orig/b.txt"],
            "orig/b.txt",
            vec![Note::NoPathPrefix],
        ),
    ] {
        let proposal = scratch.patch(change(header, changed)).unwrap();
        scratch.git(["checkout", "-q", "."]);
        scratch.write(changed, "new\n");
        assert_eq!(proposal.candidate_tree, scratch.oracle_tree(), "{header:?}");
        assert_eq!(proposal.notes, notes, "{header:?}");
    }
    // A new file that is there already must not land in another place.
    let new = "--- /dev/null\n+++ b/b.txt\n@@ -0,0 +1 @@\n+x\n";
    let error = scratch.patch(new).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("b.txt: the file is in the base already"),
        "{error}"
    );
}

/// A small generator: the same edits on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

const NAMES: [&str; 8] = [
    "a",
    "b c",
    "d/e",
    "d/\u{fc}",
    "q\"uote",
    "tab\tbed",
    "deep/er/f",
    "-dash",
];

fn random_edit(scratch: &Scratch, dice: &mut Dice) {
    for name in NAMES {
        let path = scratch.path(name);
        match dice.roll(6) {
            0 => drop(fs::remove_file(path)),
            1 | 2 => {
                let end = ["", "\n", "\r\n"][dice.roll(3) as usize];
                let lines: Vec<_> = (0..dice.roll(12))
                    .map(|_| format!("line {}", dice.roll(5)))
                    .collect();
                let _ = fs::remove_file(&path);
                scratch.write(name, lines.join("\n") + end);
            }
            3 => {
                let _ = fs::remove_file(&path);
                let bytes: Vec<u8> = (0..dice.roll(300)).map(|_| dice.roll(256) as u8).collect();
                scratch.write(name, bytes);
            }
            4 if path.is_file() => {
                let bits = if dice.roll(2) == 0 { 0o644 } else { 0o755 };
                fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
            }
            5 => {
                let _ = fs::remove_file(&path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(format!("target {}", dice.roll(3)), path).unwrap();
            }
            _ => {}
        }
    }
}

#[test]
fn random_edits_lead_to_the_same_tree_by_every_way() {
    let scratch = Scratch::seeded();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for round in 0..25 {
        random_edit(&scratch, &mut dice);
        let tree = scratch.oracle_tree();
        let by_files = scratch.resolve(Input::WorkingTree).unwrap();
        assert_eq!(by_files.candidate_tree, tree, "files, round {round}");
        scratch.git(["add", "-A"]);
        let by_index = scratch.resolve(Input::Staged).unwrap();
        assert_eq!(by_index.candidate_tree, tree, "index, round {round}");
        let patch = scratch.git_bytes(["diff", "--cached", "--binary", "-M"]);
        let by_patch = scratch.patch(&patch).unwrap_or_else(|error| {
            panic!(
                "round {round}: {error}\n{}",
                String::from_utf8_lossy(&patch)
            )
        });
        assert_eq!(by_patch.candidate_tree, tree, "patch, round {round}");
        scratch.commit("next");
    }
}

#[test]
fn a_crlf_file_keeps_its_line_ends() {
    let scratch = Scratch::new();
    scratch.write("dos.txt", "one\r\ntwo\r\n");
    scratch.commit("base");
    scratch.write("dos.txt", "one\r\n2\r\n");
    let (patch, tree) = (scratch.git_bytes(["diff"]), scratch.oracle_tree());
    let proposal = scratch.patch(&patch).unwrap();
    assert_eq!((proposal.candidate_tree, proposal.notes), (tree, vec![]));
}

#[test]
fn the_working_tree_leads_to_gits_own_tree() {
    let scratch = Scratch::seeded();
    edit(&scratch);
    scratch.write(".gitignore", "*.log\n");
    scratch.write("noise.log", "ignored");
    scratch.write("excluded.tmp", "ignored");
    scratch.write(".git/info/exclude", "*.tmp\n");
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
}

#[test]
fn files_that_become_directories_and_back_are_followed() {
    let scratch = Scratch::seeded();
    fs::remove_file(scratch.path("a.txt")).unwrap();
    scratch.write("a.txt/inner", "x\n");
    fs::remove_dir_all(scratch.path("src")).unwrap();
    scratch.write("src", "now a file\n");
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
}

#[test]
fn a_directory_replaced_by_a_symlink_hides_what_was_below_it() {
    let scratch = Scratch::seeded();
    let outside = scratch.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::rename(scratch.path("src"), outside.join("src")).unwrap();
    symlink(outside.join("src"), scratch.path("src")).unwrap();
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
}

#[test]
fn an_untouched_working_tree_is_an_empty_change() {
    let scratch = Scratch::seeded();
    assert!(scratch.resolve(Input::WorkingTree).unwrap().is_empty());
    assert!(scratch.patch("").unwrap().is_empty());
    assert!(scratch.resolve(Input::Staged).unwrap().is_empty());
}

#[test]
fn line_ends_follow_the_attributes_of_the_base() {
    let scratch = Scratch::new();
    scratch.write(
        ".gitattributes",
        "*.txt text eol=crlf\n*.auto text=auto\n*.raw -text\n",
    );
    for name in ["a.txt", "b.auto", "c.raw"] {
        scratch.write(name, "one\ntwo\n");
    }
    scratch.commit("base");
    scratch.write("a.txt", "one\r\ntwo\r\n");
    assert!(scratch.resolve(Input::WorkingTree).unwrap().is_empty());
    for name in ["a.txt", "b.auto", "c.raw"] {
        scratch.write(name, "one\r\n2\r\n");
    }
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
}

#[test]
fn an_unchanged_lfs_file_is_unchanged_and_a_changed_one_is_noted() {
    let scratch = Scratch::new();
    let content = b"large content";
    let sha256 = passmuster::digest::sha256(content);
    let size = content.len();
    scratch.write(
        ".gitattributes",
        "*.big filter=lfs diff=lfs merge=lfs -text\n",
    );
    scratch.write(
        "x.big",
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"),
    );
    scratch.commit("base");
    scratch.write("x.big", content);
    assert!(scratch.resolve(Input::WorkingTree).unwrap().is_empty());
    scratch.write("x.big", b"other content");
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.notes, [Note::LfsContentTaken("x.big".into())]);
    let missing = proposal.externals(&scratch.open()).unwrap();
    assert!(missing.is_empty(), "{missing:?}");

    let base = scratch.patch("").unwrap();
    let externals = base.externals(&scratch.open()).unwrap();
    assert_eq!(externals.len(), 1);
    assert_eq!(externals[0].available_at, None);
    let store = format!(
        ".git/lfs/objects/{}/{}/{sha256}",
        &sha256[..2],
        &sha256[2..4]
    );
    scratch.write(&store, content);
    let externals = base.externals(&scratch.open()).unwrap();
    assert!(
        externals[0]
            .available_at
            .as_ref()
            .unwrap()
            .ends_with(&sha256)
    );
}

#[test]
fn the_index_leads_to_the_tree_that_a_commit_records() {
    let scratch = Scratch::seeded();
    scratch.write("a.txt", "staged\n");
    scratch.git(["add", "a.txt"]);
    scratch.write("a.txt", "not staged\n");
    scratch.write("intended", "x\n");
    scratch.git(["add", "-N", "intended"]);
    for form in [
        &["update-index", "--no-split-index"],
        &["update-index", "--split-index"],
    ] {
        scratch.git(form);
        let proposal = scratch.resolve(Input::Staged).unwrap();
        scratch.write("probe", "");
        let copy = Scratch::plain();
        fs::remove_dir(&copy.repo).unwrap();
        let status = std::process::Command::new("cp")
            .arg("-a")
            .arg(&scratch.repo)
            .arg(&copy.repo)
            .status();
        assert!(status.unwrap().success());
        copy.git(["commit", "-q", "-m", "staged"]);
        assert_eq!(proposal.candidate_tree, copy.rev("HEAD^{tree}"), "{form:?}");
    }
}

#[test]
fn a_conflict_in_the_index_is_named() {
    let scratch = Scratch::seeded();
    scratch.git(["checkout", "-q", "-b", "other"]);
    scratch.write("a.txt", "other\n");
    scratch.commit("other");
    scratch.git(["checkout", "-q", "main"]);
    scratch.write("a.txt", "main\n");
    scratch.commit("main");
    git_in(&scratch.repo, ["merge", "-q", "other"], b"");
    let error = scratch.resolve(Input::Staged).unwrap_err();
    assert!(
        matches!(&error, ProposalError::Conflict { path } if *path == "a.txt".into()),
        "{error}"
    );
}

#[test]
fn a_revision_is_measured_from_where_it_left_the_default_branch() {
    let scratch = Scratch::seeded();
    let base = scratch.rev("HEAD");
    scratch.git(["checkout", "-q", "-b", "topic"]);
    scratch.write("a.txt", "topic\n");
    let topic = scratch.commit("topic");
    scratch.git(["checkout", "-q", "main"]);
    scratch.write("b.txt", "main\n");
    scratch.commit("main goes on");
    let proposal = scratch.resolve(Input::Head("topic")).unwrap();
    assert_eq!(proposal.base.commit.as_deref(), Some(base.as_str()));
    assert_eq!(
        proposal.candidate_tree,
        scratch.rev(&format!("{topic}^{{tree}}"))
    );
    let on_main = scratch.resolve(Input::Head("main")).unwrap();
    assert_eq!(on_main.base.commit.as_deref(), Some(base.as_str()));
}

#[test]
fn a_plain_directory_takes_a_patch() {
    let scratch = Scratch::plain();
    scratch.write("a.txt", "one\n");
    scratch.write("skip.log", "x");
    scratch.write(".gitignore", "*.log\n");
    let before = scratch.snapshot();
    let patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n";
    let proposal = scratch.patch(patch).unwrap();
    assert_eq!(before, scratch.snapshot());
    let oracle = Scratch::new();
    oracle.write("a.txt", "one\n");
    oracle.write(".gitignore", "*.log\n");
    assert_eq!(proposal.base.tree, {
        oracle.commit("x");
        oracle.rev("HEAD^{tree}")
    });
    oracle.write("a.txt", "two\n");
    assert_eq!(proposal.candidate_tree, oracle.oracle_tree());
}

#[test]
fn the_repository_stays_byte_for_byte_as_it_was() {
    let (scratch, patch, _) = edited(&["--binary"]);
    edit(&scratch);
    let before = scratch.snapshot();
    for input in [
        Input::Patch {
            bytes: &patch,
            name: "p",
        },
        Input::Patch {
            bytes: b"junk",
            name: "p",
        },
        Input::Head("HEAD"),
        Input::Staged,
        Input::WorkingTree,
    ] {
        let _ = scratch.resolve(input);
        let now = scratch.snapshot();
        let differing: Vec<_> = now
            .iter()
            .filter(|(path, state)| before.get(*path) != Some(state))
            .collect();
        assert!(
            differing.is_empty(),
            "{:?} {differing:?}",
            std::mem::discriminant(&input)
        );
        assert_eq!(before.len(), now.len());
    }
}

#[test]
fn many_runners_at_once_get_the_same_tree_and_leave_no_view() {
    let (scratch, patch, tree) = edited(&["--binary"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(scratch.patch(&patch).unwrap().candidate_tree, tree));
        }
    });
    for key in fs::read_dir(scratch.cache.join("git")).unwrap() {
        let views = fs::read_dir(key.unwrap().path().join("views")).unwrap();
        assert_eq!(views.count(), 0);
    }
}

#[test]
fn the_view_of_a_killed_run_is_removed_by_the_next() {
    let scratch = Scratch::seeded();
    let leaked = scratch.open();
    let view = leaked.git().directory().to_path_buf();
    // What a killed run leaves: the directory, and nobody who holds its lock.
    let abandoned = view.with_file_name("view-abandoned");
    fs::create_dir(&abandoned).unwrap();
    fs::write(abandoned.join("alive"), "").unwrap();
    let _next = scratch.open();
    assert!(!abandoned.exists());
    assert!(view.exists(), "a living run keeps its view");
}

#[test]
fn twenty_thousand_changed_files_take_seconds() {
    let scratch = Scratch::seeded();
    for number in 0..20_000 {
        scratch.write(
            format!("many/{}/{number}.txt", number % 100),
            format!("{number}\n"),
        );
    }
    let start = std::time::Instant::now();
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    let resolved = start.elapsed();
    let repository = scratch.open();
    let change = passmuster::inspect::change(
        repository.git(),
        &proposal.base.tree,
        &proposal.candidate_tree,
    );
    let all = start.elapsed();
    println!("resolve {resolved:?}, with inspection {all:?}");
    assert_eq!(change.unwrap().files.len(), 20_000);
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
    assert!(all.as_secs() < 60, "{all:?}");
}

#[test]
fn a_pinned_base_is_the_operators() {
    let scratch = Scratch::seeded();
    let first = scratch.rev("HEAD");
    scratch.write("a.txt", "later\n");
    scratch.commit("later");
    let repository = Repository::open(&scratch.repo, &scratch.cache).unwrap();
    let proposal = proposal::resolve(&repository, Input::WorkingTree, Some(&first)).unwrap();
    assert_eq!(proposal.base.trust, passmuster::base::BaseTrust::Pinned);
    assert_eq!(proposal.base.commit, Some(first));
    assert_eq!(proposal.candidate_tree, scratch.rev("HEAD^{tree}"));
}
