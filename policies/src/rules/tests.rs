//! The static rules, change by change.

use super::*;
use crate::change::{ChangeKind, Entry, FileChange, Hunk, Mode};
use crate::path::RepoPath;
use crate::policy::parse;

fn entry(mode: Mode, oid: &str, target: Option<&str>) -> Entry {
    Entry {
        mode,
        oid: oid.to_owned(),
        size: 1,
        link_target: target.map(RepoPath::from),
    }
}

fn file(path: &str) -> FileChange {
    FileChange {
        path: path.into(),
        kind: ChangeKind::Added,
        before: None,
        after: Some(entry(Mode::File, "1", None)),
        binary: false,
        truncated: false,
        hunks: Vec::new(),
    }
}

fn link(path: &str, target: &str) -> FileChange {
    FileChange {
        after: Some(entry(Mode::Symlink, "1", Some(target))),
        ..file(path)
    }
}

const POLICY: &str = "version = 1\nextends = [\"python\"]\n[[check]]\nname = \"t\"\nkind = \"test\"\n\
    framework = \"pytest\"\nrun = [\"pytest\"]\n[rules]\nmax-changed-lines = 10\nprotected = [\"locked/**\"]\n";

/// The one door: the files of a change; gives `rule path` lines.
fn found(files: Vec<FileChange>) -> Vec<String> {
    found_beside(files, &[])
}

/// The same, where the base has generated files with these endings.
fn found_beside(files: Vec<FileChange>, generated: &[&'static str]) -> Vec<String> {
    let (change, policy) = (Change { files }, parse(POLICY, "p").unwrap());
    let material = Material {
        generated: generated.iter().copied().collect(),
        ..Material::default()
    };
    let mut findings = inspect(&change, &policy);
    findings.extend(inspect_texts(&change, &policy, &material));
    let path = |finding: &Finding| {
        finding
            .path
            .as_ref()
            .map_or("-".into(), ToString::to_string)
    };
    findings
        .iter()
        .map(|finding| format!("{} {}", finding.rule, path(finding)))
        .collect()
}

#[test]
fn paths_that_name_git_or_leave_the_tree_are_unsafe() {
    for path in [
        ".git/config",
        "sub/.GIT/hooks/pre-commit",
        "GIT~1/x",
        "git~1",
        ".git./x",
        ".git /x",
        ".g\u{200c}it/x",
        "\u{feff}.git/x",
        ".git::$INDEX_ALLOCATION/x",
        "a/.git\\config",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/",
        "a\0b",
        "",
    ] {
        let found = found(vec![file(path)]);
        assert_eq!(
            found.first(),
            Some(&format!("patch-unsafe {}", RepoPath::from(path))),
            "{path:?}"
        );
    }
}

#[test]
fn paths_that_only_look_alike_are_fine() {
    for path in [
        ".gitignore",
        ".github2/x",
        "a/.gitkeep",
        "git/x",
        "..a",
        "a..b/c",
        ".git~2",
        "git~12",
    ] {
        assert!(found(vec![file(path)]).is_empty(), "{path}");
    }
}

#[test]
fn links_stay_in_the_tree() {
    for (path, target, safe) in [
        ("a/b/link", "../../c", true),
        ("a/link", "b/c", true),
        ("link", "a", true),
        ("a/link", "..", true),
        ("link", "..", false),
        ("a/b/link", "../../../c", false),
        ("link", "/etc/passwd", false),
        ("a/link", "b/../../../c", false),
        ("link", "s/d/../..", false),
        ("link", "s/../x", false),
        ("link", "", false),
        ("link", ".git/config", false),
    ] {
        let found = found(vec![link(path, target)]);
        assert_eq!(found.is_empty(), safe, "{path} → {target}: {found:?}");
    }
}

#[test]
fn a_link_without_a_known_target_and_a_path_beneath_a_link_are_unsafe() {
    let blind = FileChange {
        after: Some(entry(Mode::Symlink, "1", None)),
        ..file("l")
    };
    assert_eq!(found(vec![blind]), ["patch-unsafe l"]);
    assert_eq!(
        found(vec![link("l", "a"), file("l/x"), file("lx")]),
        ["patch-unsafe l/x"]
    );
}

#[test]
fn a_rename_out_of_git_is_unsafe_too() {
    let kind = ChangeKind::Renamed(".git/config".into());
    assert_eq!(
        found(vec![FileChange { kind, ..file("a") }]),
        ["patch-unsafe a"]
    );
}

#[test]
fn only_an_unsafe_path_keeps_the_candidate_from_being_written() {
    let policy = parse(POLICY, "p").unwrap();
    for (path, expected) in [(".git/x", true), ("locked/a", false), ("Makefile", false)] {
        let change = Change {
            files: vec![file(path)],
        };
        assert_eq!(
            unsafe_to_write(&inspect(&change, &policy)),
            expected,
            "{path}"
        );
    }
}

#[test]
fn a_submodule_that_moves_is_up_for_review() {
    let before = Some(entry(Mode::Gitlink, "1", None));
    let moved = |after: Option<Entry>| FileChange {
        before: before.clone(),
        after,
        ..file("sub")
    };
    assert_eq!(
        found(vec![moved(Some(entry(Mode::Gitlink, "2", None)))]),
        ["submodule-changed sub"]
    );
    assert_eq!(found(vec![moved(None)]), ["submodule-changed sub"]);
    assert!(found(vec![moved(before.clone())]).is_empty());
    assert_eq!(
        found(vec![file(".gitmodules"), file("docs/.gitmodules")]),
        ["submodule-changed .gitmodules"]
    );
    let away = FileChange {
        kind: ChangeKind::Renamed(".gitmodules".into()),
        ..file("notes")
    };
    assert_eq!(found(vec![away]), ["submodule-changed notes"]);
}

#[test]
fn protected_paths_and_harness_files_are_up_for_review_once() {
    assert_eq!(found(vec![file("locked/a")]), ["protected-path locked/a"]);
    assert_eq!(
        found(vec![file("passmuster.toml")]),
        ["protected-path passmuster.toml"]
    );
    assert_eq!(
        found(vec![file("tests/conftest.py")]),
        ["harness-changed tests/conftest.py"]
    );
    assert_eq!(found(vec![file("Makefile")]), ["harness-changed Makefile"]);
    let kind = ChangeKind::Renamed("locked/a".into());
    assert_eq!(
        found(vec![FileChange { kind, ..file("b") }]),
        ["protected-path locked/a"]
    );
    assert!(
        found(vec![
            file("tests/test_a.py"),
            file("src/a.py"),
            file(".cargo/config")
        ])
        .is_empty()
    );
}

#[test]
fn a_module_that_another_one_stands_in_for_is_up_for_review() {
    let text = "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"go-test\"\n\
        run = [\"go\", \"test\", \"./...\"]\n";
    let policy = parse(text, "p").unwrap();
    for (path, line, expected) in [
        ("a/go.mod", "\texample.org/assert => ./fake", 1),
        ("go.mod", "require example.org/other v1.2.0", 0),
        ("notes.md", "a => b", 0),
    ] {
        let hunk = Hunk {
            added: vec![line.to_owned()],
            ..lines(path, 0, 1).hunks[0].clone()
        };
        let file = FileChange {
            hunks: vec![hunk],
            ..file(path)
        };
        let findings = inspect(&Change { files: vec![file] }, &policy);
        assert_eq!(findings.len(), expected, "{path}: {findings:?}");
    }
}

fn lines(path: &str, before_lines: u32, after_lines: u32) -> FileChange {
    let hunk = Hunk {
        before_start: 1,
        before_lines,
        after_start: 1,
        after_lines,
        added: Vec::new(),
        removed: Vec::new(),
    };
    FileChange {
        hunks: vec![hunk],
        ..file(path)
    }
}

#[test]
fn a_change_is_too_large_beyond_the_policys_lines_without_those_of_tools() {
    assert!(found(vec![lines("a", 4, 6)]).is_empty());
    assert_eq!(
        found(vec![lines("a", 4, 6), lines("b", 0, 1)]),
        ["change-too-large -"]
    );
    assert!(found(vec![lines("uv.lock", 900, 900)]).is_empty());
}

#[test]
fn a_generated_name_counts_for_nothing_only_where_the_base_has_such_files() {
    let minified = || lines("x/a.min.js", 0, 99);
    let kind = |kind| FileChange { kind, ..minified() };
    assert_eq!(found(vec![minified()]), ["change-too-large -"]);
    assert!(found_beside(vec![minified()], &[".min.js"]).is_empty());
    assert_eq!(
        found_beside(vec![minified()], &["_pb2.py"]),
        ["change-too-large -"]
    );
    assert!(found(vec![kind(ChangeKind::Modified)]).is_empty());
    assert!(found(vec![kind(ChangeKind::Renamed("b.min.js".into()))]).is_empty());
    assert_eq!(
        found(vec![kind(ChangeKind::Renamed("a.js".into()))]),
        ["change-too-large -"]
    );
}

#[test]
fn what_nobody_can_read_is_named_and_counts_by_its_size() {
    let binary = |path: &str, size: u64| FileChange {
        binary: true,
        after: Some(Entry {
            size,
            ..entry(Mode::File, "1", None)
        }),
        ..file(path)
    };
    let source = |path: &str, length: usize| {
        let mut one = lines(path, 0, 1);
        one.hunks[0].added = vec!["x".repeat(length)];
        one
    };
    for (what, files, expected) in [
        (
            "a program",
            vec![binary("bin/tool.so", 99)],
            &["change-too-large bin/tool.so"][..],
        ),
        ("an archive of tests", vec![binary("tests/a.zip", 799)], &[]),
        ("a picture", vec![binary("logo.PNG", 1 << 30)], &[]),
        ("small data", vec![binary("a.dat", 799)], &[]),
        (
            "large data",
            vec![binary("a.dat", 8000)],
            &["change-too-large -"],
        ),
        (
            "a minified source",
            vec![source("a.js", 5001)],
            &["change-too-large a.js", "change-too-large -"],
        ),
        ("a long line", vec![source("a.js", 4000)], &[]),
        ("a long line of data", vec![source("a.json", 90_000)], &[]),
        (
            "a program that is gone",
            vec![FileChange {
                after: None,
                ..binary("a.so", 9)
            }],
            &[],
        ),
    ] {
        assert_eq!(found(files), expected, "{what}");
    }
}

#[test]
fn a_fingerprint_stays_when_lines_move_and_differs_between_files() {
    let policy = parse(POLICY, "p").unwrap();
    let of = |path| {
        inspect(
            &Change {
                files: vec![lines(path, 1, 1)],
            },
            &policy,
        )[0]
        .fingerprint
        .clone()
    };
    assert_eq!(of("locked/a"), of("locked/a"));
    assert_ne!(of("locked/a"), of("locked/b"));
}

#[test]
fn a_path_outside_utf8_is_given_in_base64_too() {
    let path = RepoPath::new(&b"locked/\xff"[..]);
    let findings = inspect(
        &Change {
            files: vec![FileChange { path, ..file("") }],
        },
        &parse(POLICY, "p").unwrap(),
    );
    assert_eq!(findings[0].path_b64.as_deref(), Some("bG9ja2VkL/8="));
}
