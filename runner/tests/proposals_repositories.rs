//! Repositories of every form: linked worktrees, submodules, clones that lack objects, other hashes.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod proposals_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use passmuster::base::{self, BaseTrust};
use passmuster::git::stores::ExternalKind;
use passmuster::proposal::{self, Input};
use passmuster::repository::Repository;
use proposals_support::{Scratch, git_in};

const PATCH: &str = "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = git_in(directory, arguments, b"");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The tree that the patch leads to in the seeded repository of this format.
fn patched(format: &str) -> String {
    let scratch = Scratch::with_format(format);
    scratch.seed();
    scratch.write("a.txt", "one\n2\nthree\nfour\nfive\n");
    scratch.oracle_tree()
}

fn candidate(repo: &Path, cache: &Path) -> String {
    let repository = Repository::open(repo, cache).unwrap();
    let input = Input::Patch {
        bytes: PATCH.as_bytes(),
        name: "p",
    };
    proposal::resolve(&repository, input, None)
        .unwrap()
        .candidate_tree
}

#[test]
fn a_sha256_repository_works_in_every_form() {
    let scratch = Scratch::with_format("sha256");
    scratch.seed();
    assert_eq!(candidate(&scratch.repo, &scratch.cache), patched("sha256"));
    scratch.write("a.txt", "one\n2\nthree\nfour\nfive\n");
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, patched("sha256"));
}

#[test]
fn linked_worktrees_bare_repositories_and_borrowed_objects_work() {
    let scratch = Scratch::seeded();
    let linked = scratch.dir.path().join("linked");
    scratch.git([
        "worktree",
        "add",
        "-q",
        "-b",
        "topic",
        linked.to_str().unwrap(),
    ]);
    let bare = scratch.dir.path().join("bare.git");
    let shared = scratch.dir.path().join("shared \"quoted\" #1");
    let again = scratch.dir.path().join("again");
    let repo = scratch.repo.to_str().unwrap();
    git(
        scratch.dir.path(),
        &["clone", "-q", "--bare", repo, bare.to_str().unwrap()],
    );
    git(
        scratch.dir.path(),
        &["clone", "-q", "--shared", repo, shared.to_str().unwrap()],
    );
    git(
        scratch.dir.path(),
        &[
            "clone",
            "-q",
            "--shared",
            shared.to_str().unwrap(),
            again.to_str().unwrap(),
        ],
    );
    for place in [&linked, &bare, &shared, &again, &scratch.path("src/deep")] {
        assert_eq!(
            candidate(place, &scratch.cache),
            patched("sha1"),
            "{}",
            place.display()
        );
    }
    fs::write(linked.join("a.txt"), "one\n2\nthree\nfour\nfive\n").unwrap();
    let repository = Repository::open(&linked, &scratch.cache).unwrap();
    let proposal = proposal::resolve(&repository, Input::WorkingTree, None).unwrap();
    assert_eq!(proposal.candidate_tree, patched("sha1"));
    assert_eq!(proposal.base.ref_name.as_deref(), Some("refs/heads/topic"));
    let staged = proposal::resolve(&repository, Input::Staged, None).unwrap();
    assert!(staged.is_empty());
}

#[test]
fn packed_references_and_objects_are_read() {
    let scratch = Scratch::seeded();
    scratch.git(["gc", "-q"]);
    assert_eq!(candidate(&scratch.repo, &scratch.cache), patched("sha1"));
}

#[test]
fn a_submodule_checkout_is_a_repository_and_its_commit_is_the_gitlink() {
    let (outer, inner) = (Scratch::seeded(), Scratch::seeded());
    let url = inner.repo.to_str().unwrap();
    outer.git(["submodule", "--quiet", "add", url, "sub"]);
    outer.commit("with a submodule");
    assert!(outer.resolve(Input::WorkingTree).unwrap().is_empty());
    let sub = outer.path("sub");
    assert_eq!(candidate(&sub, &outer.cache), patched("sha1"));
    git(&sub, &["commit", "-q", "--allow-empty", "-m", "next"]);
    let proposal = outer.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, outer.oracle_tree());
    assert!(!proposal.is_empty());
    let found = proposal.externals(&outer.open()).unwrap();
    assert_eq!(found[0].kind, ExternalKind::Submodule);
    assert!(
        found[0]
            .available_at
            .as_ref()
            .unwrap()
            .ends_with("modules/sub")
    );
}

#[test]
fn a_sparse_checkout_removes_nothing() {
    let scratch = Scratch::seeded();
    for form in ["--no-sparse-index", "--sparse-index"] {
        scratch.git(["sparse-checkout", "set", "--cone", form, "src/deep"]);
        assert!(!scratch.path("src/nothing").exists());
        scratch.git(["sparse-checkout", "set", "--cone", form]);
        assert!(!scratch.path("src/b.py").exists());
        assert!(
            scratch.resolve(Input::WorkingTree).unwrap().is_empty(),
            "{form}"
        );
        assert!(scratch.resolve(Input::Staged).unwrap().is_empty(), "{form}");
    }
}

#[test]
fn without_file_modes_the_executable_bit_means_nothing() {
    let scratch = Scratch::seeded();
    scratch.git(["config", "core.fileMode", "false"]);
    fs::set_permissions(scratch.path("a.txt"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(scratch.resolve(Input::WorkingTree).unwrap().is_empty());
    scratch.git(["config", "core.fileMode", "true"]);
    assert!(!scratch.resolve(Input::WorkingTree).unwrap().is_empty());
}

#[test]
fn a_shallow_clone_works_until_history_is_needed_and_then_names_the_command() {
    let scratch = Scratch::seeded();
    scratch.git(["checkout", "-q", "-b", "topic"]);
    scratch.write("t.txt", "x\n");
    scratch.commit("topic");
    scratch.git(["checkout", "-q", "main"]);
    scratch.write("m.txt", "x\n");
    scratch.commit("main");
    let clone = scratch.dir.path().join("shallow");
    let url = format!("file://{}", scratch.repo.display());
    git(
        scratch.dir.path(),
        &[
            "clone",
            "-q",
            "--depth",
            "1",
            "--no-single-branch",
            &url,
            clone.to_str().unwrap(),
        ],
    );
    candidate(&clone, &scratch.cache);
    let repository = Repository::open(&clone, &scratch.cache).unwrap();
    let error = proposal::resolve(&repository, Input::Head("origin/topic"), None).unwrap_err();
    assert_eq!(error.code(), Some("objects-missing"), "{error}");
    assert!(
        error.to_string().contains("git fetch --unshallow"),
        "{error}"
    );
}

#[test]
fn a_partial_clone_names_the_command_and_the_command_helps() {
    let scratch = Scratch::seeded();
    scratch.git(["config", "uploadpack.allowFilter", "true"]);
    let clone = scratch.dir.path().join("partial");
    let url = format!("file://{}", scratch.repo.display());
    git(
        scratch.dir.path(),
        &[
            "clone",
            "-q",
            "--no-checkout",
            "--filter=blob:none",
            &url,
            clone.to_str().unwrap(),
        ],
    );
    let repository = Repository::open(&clone, &scratch.cache).unwrap();
    let input = Input::Patch {
        bytes: PATCH.as_bytes(),
        name: "p",
    };
    let error = proposal::resolve(&repository, input, None).unwrap_err();
    assert_eq!(error.code(), Some("objects-missing"), "{error}");
    let text = error.to_string();
    let command = text.split('`').nth(1).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    git(&clone, &words);
    assert_eq!(candidate(&clone, &scratch.cache), patched("sha1"));
}

#[test]
fn unreadable_and_empty_repositories_say_what_to_do() {
    let scratch = Scratch::new();
    for input in [
        Input::WorkingTree,
        Input::Staged,
        Input::Patch {
            bytes: b"x",
            name: "p",
        },
    ] {
        let error = scratch.resolve(input).unwrap_err();
        assert_eq!(error.code(), Some("base-unknown"), "{error}");
        assert!(error.to_string().contains("no commit yet"), "{error}");
    }
    let absent = Repository::open(&scratch.path("absent"), &scratch.cache).unwrap_err();
    assert_eq!(absent.code(), "repository-unreadable");
    let seeded = Scratch::seeded();
    let error = proposal::resolve(&seeded.open(), Input::WorkingTree, Some("nowhere")).unwrap_err();
    assert_eq!(error.code(), Some("base-unknown"), "{error}");
    let option = proposal::resolve(&seeded.open(), Input::WorkingTree, Some("--all")).unwrap_err();
    assert_eq!(option.code(), Some("base-unknown"), "{option}");
}

#[test]
fn the_remotes_branch_goes_before_a_local_one_of_the_same_name() {
    let scratch = Scratch::seeded();
    let first = scratch.rev("HEAD");
    scratch.git(["checkout", "-q", "-b", "topic"]);
    scratch.write("a.txt", "two\n");
    let topic = scratch.commit("topic");
    // As after `git init` and `git fetch`: no origin/HEAD, and a local main that nobody moves.
    scratch.git(["update-ref", "refs/remotes/origin/main", &topic]);
    scratch.git(["update-ref", "refs/heads/main", &first]);
    let base = base::of_revision(&scratch.open(), "topic").unwrap();
    assert_eq!(base.ref_name.as_deref(), Some("refs/remotes/origin/main"));
    assert_eq!(base.trust, BaseTrust::RemoteTracking);
}

/// Clones made by `git init` and `git fetch` do not know the default branch, and take every branch by the name that it was pushed under.
#[test]
fn whoever_may_push_a_branch_does_not_choose_the_base() {
    let scratch = Scratch::seeded();
    let first = scratch.rev("HEAD");
    scratch.write("a.txt", "two\n");
    let evil = scratch.commit("pushed by anybody");
    scratch.git(["checkout", "-q", "-b", "topic"]);
    scratch.write("a.txt", "three\n");
    scratch.commit("topic");
    scratch.git(["update-ref", "refs/heads/main", &first]);
    let base = |repository: &Repository| base::of_revision(repository, "topic");
    scratch.git(["update-ref", "refs/remotes/origin/HEAD", &evil]);
    let found = base(&scratch.open()).unwrap();
    assert_eq!(found.ref_name.as_deref(), Some("refs/heads/main"));
    assert_eq!(
        base::at_start(&scratch.open()).unwrap().trust,
        BaseTrust::Local
    );
    scratch.git(["update-ref", "refs/remotes/origin/master", &first]);
    assert_eq!(base(&scratch.open()).unwrap().commit, Some(first));
    assert!(base::default_branch_is_said(&scratch.open()).is_err());
    scratch.git(["update-ref", "refs/remotes/origin/main", &evil]);
    for refused in [base(&scratch.open()), base::at_start(&scratch.open())] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("set-head"), "{error}");
        assert_eq!(error.code(), "base-unknown");
    }
    scratch.git(["update-ref", "-d", "refs/remotes/origin/HEAD"]);
    scratch.git([
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/master",
    ]);
    let said = base(&scratch.open()).unwrap();
    assert_eq!(said.ref_name.as_deref(), Some("refs/remotes/origin/master"));
    base::default_branch_is_said(&scratch.open()).unwrap();
    // A repository without a working tree: its own HEAD says it, not a branch of the usual name.
    let bare = scratch.dir.path().join("bare.git");
    let (from, to) = (scratch.repo.to_str().unwrap(), bare.to_str().unwrap());
    git(scratch.dir.path(), &["clone", "-q", "--bare", from, to]);
    git(
        &bare,
        &["update-ref", "refs/heads/develop", "refs/heads/main"],
    );
    git(&bare, &["update-ref", "refs/heads/main", &evil]);
    git(&bare, &["symbolic-ref", "HEAD", "refs/heads/develop"]);
    let bare = Repository::open(&bare, &scratch.cache).unwrap();
    base::default_branch_is_said(&bare).unwrap();
    let found = base(&bare).unwrap();
    assert_eq!(found.ref_name.as_deref(), Some("refs/heads/develop"));
    // With branches of a remote by any name, a local one is a guess; and so is what was fetched into an empty repository.
    let other = Scratch::seeded();
    base::default_branch_is_said(&other.open()).unwrap();
    other.git(["remote", "add", "up", from]);
    assert!(base::default_branch_is_said(&other.open()).is_err());
    let empty = Scratch::seeded();
    empty.git(["symbolic-ref", "HEAD", "refs/heads/unborn"]);
    assert!(base::default_branch_is_said(&empty.open()).is_err());
}

#[test]
fn a_name_of_two_things_is_refused_whatever_stands_in_it() {
    let scratch = Scratch::seeded();
    let first = scratch.rev("HEAD");
    scratch.write("a.txt", "two\n");
    let second = scratch.commit("second");
    for (one, other, name) in [
        ("refs/heads/dep@1", "refs/tags/dep@1", "dep@1"),
        ("refs/heads/dep", "refs/dep", "dep"),
        ("refs/heads/v1", "refs/tags/v1", "v1"),
    ] {
        scratch.git(["update-ref", one, &first]);
        scratch.git(["update-ref", other, &second]);
        for revision in [
            name.to_owned(),
            format!("{name}~0"),
            format!("{name}^{{commit}}"),
        ] {
            let error = base::pinned(&scratch.open(), &revision).unwrap_err();
            assert!(
                error.to_string().contains("more than one thing"),
                "{revision}: {error}"
            );
        }
        assert_eq!(base::commit_of(&scratch.open(), one).unwrap(), first);
    }
    // An abbreviated id, and what `git describe` prints.
    for short in [second[..7].to_owned(), format!("v0-1-g{}", &second[..7])] {
        assert_eq!(base::commit_of(&scratch.open(), &short).unwrap(), second);
        scratch.git(["update-ref", &format!("refs/heads/{short}"), &first]);
        let error = base::commit_of(&scratch.open(), &short).unwrap_err();
        assert!(error.to_string().contains("abbreviated id"), "{error}");
    }
    scratch.git(["update-ref", "refs/heads/cafe", &first]);
    assert_eq!(base::commit_of(&scratch.open(), "cafe").unwrap(), first);
}

#[test]
fn the_base_of_a_clone_is_remote_tracking() {
    let scratch = Scratch::seeded();
    let published = scratch.rev("HEAD");
    let clone = scratch.dir.path().join("clone");
    let repo = scratch.repo.to_str().unwrap();
    git(
        scratch.dir.path(),
        &["clone", "-q", repo, clone.to_str().unwrap()],
    );
    for number in 0..2 {
        fs::write(clone.join("a.txt"), format!("{number}\n")).unwrap();
        git(
            &clone,
            &["commit", "-q", "-a", "-m", "an agent commits as it goes"],
        );
    }
    let repository = Repository::open(&clone, &scratch.cache).unwrap();
    for found in [
        base::at_start(&repository),
        base::of_revision(&repository, "HEAD"),
    ] {
        let found = found.unwrap();
        assert_eq!(found.commit.as_deref(), Some(published.as_str()));
        assert_eq!(found.trust, BaseTrust::RemoteTracking);
        assert_eq!(found.ref_name.as_deref(), Some("refs/remotes/origin/main"));
    }
    assert_eq!(base::head(&repository).unwrap().trust, BaseTrust::Local);
    assert_eq!(
        base::at_start(&scratch.open()).unwrap().trust,
        BaseTrust::Local
    );
}

#[test]
fn a_tag_cannot_take_the_place_of_the_branch_that_names_the_base() {
    let scratch = Scratch::seeded();
    let trusted = scratch.rev("HEAD");
    scratch.git(["tag", "main"]);
    let named = |name: &str| base::pinned(&scratch.open(), name).map(|base| base.commit);
    assert_eq!(named("main").unwrap().as_ref(), Some(&trusted));
    scratch.git(["checkout", "-q", "-b", "agent"]);
    scratch.write("a.txt", "weaker\n");
    scratch.commit("an agent's own base");
    scratch.git(["tag", "-f", "main"]);
    for name in ["main", "main~0", "main^{commit}"] {
        let said = named(name).unwrap_err().to_string();
        assert!(said.contains("refs/tags/main, refs/heads/main"), "{said}");
    }
    assert_eq!(named("refs/heads/main").unwrap(), Some(trusted));
}

#[test]
fn replacement_objects_do_not_change_what_is_verified() {
    let scratch = Scratch::seeded();
    let tree = scratch.rev("HEAD^{tree}");
    let first = scratch.rev("HEAD");
    scratch.write("a.txt", "fake\n");
    let fake = scratch.commit("fake");
    scratch.git(["reset", "-q", "--hard", &first]);
    scratch.git(["replace", &first, &fake]);
    assert_eq!(base::head(&scratch.open()).unwrap().tree, tree);
}

#[test]
fn reftable_names_the_command_that_converts() {
    let scratch = Scratch::plain();
    let made = git_in(&scratch.repo, ["init", "-q", "--ref-format=reftable"], b"");
    if !made.status.success() {
        // Git before 2.45 cannot make one, so it cannot meet one either.
        scratch.git(["init", "-q"]);
        scratch.git(["config", "core.repositoryFormatVersion", "1"]);
        scratch.git(["config", "extensions.refStorage", "reftable"]);
    }
    let error = Repository::open(&scratch.repo, &scratch.cache).unwrap_err();
    assert_eq!(error.code(), "repository-unreadable");
    assert!(
        error
            .to_string()
            .contains("git refs migrate --ref-format=files"),
        "{error}"
    );
}

#[test]
fn a_cache_that_cannot_be_made_is_named() {
    let scratch = Scratch::seeded();
    let cache = scratch.path("a.txt/cache");
    let error = Repository::open(&scratch.repo, &cache).unwrap_err();
    assert!(error.to_string().contains("a.txt/cache"), "{error}");
}

#[test]
fn personal_settings_of_the_runners_user_do_not_change_the_tree() {
    // `git` of this test and of the runner have other homes; both must see the same files.
    let scratch = Scratch::seeded();
    scratch.write("core.excludesFile is data", "x\n");
    scratch.write("patterns", "ignored-*\n");
    scratch.git([
        "config",
        "core.excludesFile",
        scratch.path("patterns").to_str().unwrap(),
    ]);
    scratch.write("ignored-file", "x\n");
    let proposal = scratch.resolve(Input::WorkingTree).unwrap();
    assert_eq!(proposal.candidate_tree, scratch.oracle_tree());
    scratch.git(["add", "-f", "ignored-file"]);
    let forced = scratch.resolve(Input::WorkingTree).unwrap();
    assert_ne!(
        forced.candidate_tree, proposal.candidate_tree,
        "added by force is tracked"
    );
}

#[test]
fn the_cache_is_private() {
    let scratch = Scratch::seeded();
    let repository = scratch.open();
    let view = repository.git().directory().to_path_buf();
    for directory in view
        .ancestors()
        .take_while(|above| above.starts_with(&scratch.cache))
    {
        let mode = directory.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", directory.display());
    }
}
