//! Trees that are directories, and how a plugin sees them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use passmuster_wasm::{
    Directory, Failure, Mode, Node, Outcome, Report, Side, Source, SourceError, Tree,
};
use tempfile::TempDir;

use crate::guest::{Guest, RawReport};
use crate::support::{Memory, answer, inputs, limits};

/// A tree with one of everything, beside a secret.
fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("tree");
    fs::create_dir_all(root.join("src/deep")).unwrap();
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::write(place.path().join("secret"), "secret").unwrap();
    fs::write(root.join(".git/HEAD"), "ref").unwrap();
    fs::write(root.join("src/a.rs"), "fn a() {}").unwrap();
    fs::write(root.join("src/deep/run.sh"), "#!/bin/sh").unwrap();
    fs::write(root.join("binary"), b"\xff\xfe").unwrap();
    fs::write(root.join(std::ffi::OsStr::new("größe")), "ü").unwrap();
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(root.join("src/deep/run.sh"), executable).unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink("src/a.rs", root.join("in")).unwrap();
    symlink("src", root.join("directory")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let made = Command::new("mkfifo")
        .arg(root.join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    place
}

fn directory(place: &TempDir) -> Directory {
    let root = Dir::open_ambient_dir(place.path().join("tree"), ambient_authority()).unwrap();
    Directory::new(root)
}

#[test]
fn a_directory_lists_files_and_links_and_nothing_else() {
    let place = place();
    let mut nodes = directory(&place).list().unwrap();
    nodes.sort_by(|one, other| one.path.cmp(&other.path));
    let expected = [
        ("binary", Mode::File),
        ("directory", Mode::Symlink),
        ("größe", Mode::File),
        ("in", Mode::Symlink),
        ("loop", Mode::Symlink),
        ("out", Mode::Symlink),
        ("src/a.rs", Mode::File),
        ("src/deep/run.sh", Mode::Executable),
    ];
    let expected = expected.map(|(path, mode)| Node {
        path: path.to_owned(),
        mode,
    });
    assert_eq!(nodes, expected);
}

#[test]
fn a_file_that_became_something_else_is_not_read_and_holds_up_nobody() {
    let place = place();
    for path in ["pipe", "out", "in", "loop", "src", "nothing", "../secret"] {
        let source = directory(&place);
        let (done, reads) = mpsc::channel();
        thread::spawn(move || done.send(source.read(path, 0, 10)));
        let read = reads.recv_timeout(Duration::from_secs(10)).expect(path);
        assert!(
            matches!(read, Err(SourceError::Failed(_))),
            "{path}: {read:?}"
        );
    }
    // A directory of the tree that is a link by now: still nothing outside.
    fs::rename(place.path().join("tree/src"), place.path().join("moved")).unwrap();
    fs::write(place.path().join("moved/a.rs"), "outside").unwrap();
    symlink("../moved", place.path().join("tree/src")).unwrap();
    assert!(directory(&place).read("src/a.rs", 0, 10).is_err());
}

/// Asks a tree for something about the path in the configuration and reports what came of it: the text as the
/// summary, the number of list elements as a metric would be, or fails with the number of the error.
fn asking(question: &str) -> Guest {
    let mut guest = Guest::default().with_trees();
    let errors: Vec<u32> = [
        "not-found",
        "wrong-kind",
        "bad-path",
        "too-large",
        "not-text",
        "absent",
    ]
    .map(|word| {
        guest.image.report(&RawReport {
            outcome: 1,
            summary: Some(word.into()),
            ..RawReport::default()
        })
    })
    .to_vec();
    let table = guest.image.words(&errors);
    let report = guest.image.report(&RawReport {
        summary: Some(b"?".to_vec()),
        ..RawReport::default()
    });
    guest.check = format!(
        "(local $tree i32) (local $result i32)
         (local.set $tree (call $open (i32.const 1)))
         (local.set $result (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 32)))
         {question}
         (call $drop (local.get $tree))
         (if (result i32) (i32.load8_u (local.get $result))
           (then (i32.load (i32.add (i32.const {table})
             (i32.mul (i32.load8_u offset=8 (local.get $result)) (i32.const 4)))))
           (else
             (i32.store (i32.const {}) (i32.load offset=8 (local.get $result)))
             (i32.store (i32.const {}) (i32.load offset=12 (local.get $result)))
             (i32.const {report})))",
        report + 12,
        report + 16
    );
    guest
}

const PATH: &str = "(local.get $tree) (local.get $config) (local.get $length)";

fn ask(guest: &Guest, tree: &Arc<Tree>, path: &str) -> Result<Report, Failure> {
    let mut inputs = inputs();
    inputs.config = path.to_owned();
    inputs.candidate = Arc::clone(tree);
    answer(guest, &inputs, &limits()).result
}

#[test]
fn a_plugin_reads_what_is_there_and_is_told_what_is_not() {
    let place = place();
    let tree = Arc::new(Tree::new(directory(&place)));
    let text = asking(&format!("(call $read_text {PATH} (local.get $result))"));
    let bytes = asking(&format!(
        "(call $read {PATH} (i64.const 3) (i32.const 4) (local.get $result))"
    ));
    let entries = asking(&format!("(call $entries {PATH} (local.get $result))"));
    let find = asking(&format!(
        "(call $find {PATH} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5) (local.get $result))"
    ));
    let cases = [
        (&text, "src/a.rs", Ok("fn a() {}")),
        (&text, "größe", Ok("ü")),
        (&bytes, "src/a.rs", Ok("a() ")),
        (&text, "binary", Err("not-text")),
        (&text, "out", Err("wrong-kind")),
        (&text, "in", Err("wrong-kind")),
        (&text, "loop", Err("wrong-kind")),
        (&text, "src", Err("wrong-kind")),
        (&bytes, "directory/a.rs", Err("not-found")),
        (&text, "pipe", Err("not-found")),
        (&text, ".git/HEAD", Err("not-found")),
        (&text, "../secret", Err("bad-path")),
        (&text, "src/../../secret", Err("bad-path")),
        (&text, "/etc/passwd", Err("bad-path")),
        (&text, "", Err("wrong-kind")),
        (&entries, "src/a.rs", Err("wrong-kind")),
        (&entries, "directory", Err("wrong-kind")),
        (&entries, "..", Err("bad-path")),
        (&entries, ".git", Err("not-found")),
        (&find, "[", Err("bad-path")),
    ];
    for (guest, path, expected) in cases {
        let report = ask(guest, &tree, path).unwrap();
        let summary = report.summary.unwrap();
        let outcome = if expected.is_ok() {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        assert_eq!(
            (report.outcome, summary.as_str()),
            (outcome, expected.unwrap_or_else(|e| e)),
            "{path}"
        );
    }
}

/// Passes when there are five entries or matches.
fn five(question: &str) -> Guest {
    let mut guest = Guest::default().with_trees();
    let fail = guest.image.report(&RawReport {
        outcome: 1,
        ..RawReport::default()
    });
    guest.check = format!(
        "(local $tree i32) (local $result i32)
         (local.set $tree (call $open (i32.const 1)))
         (local.set $result (i32.const 16))
         {question}
         (if (result i32) (i32.eq (i32.load offset=12 (local.get $result)) (i32.const 5))
           (then {}) (else (i32.const {fail})))",
        guest.check
    );
    guest
}

#[test]
fn lists_arrive_with_their_length() {
    let tree = Memory::of(&[
        ("a", ""),
        ("b/x", ""),
        ("c", ""),
        ("d/y", ""),
        ("e", ""),
        ("d/z", ""),
    ]);
    let entries = five(&format!("(call $entries {PATH} (local.get $result))"));
    let find = five(&format!(
        "(call $find {PATH} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5) (local.get $result))"
    ));
    for (guest, path, outcome) in [
        (&entries, "", Outcome::Pass),
        (&entries, "d", Outcome::Fail),
        (&find, "**", Outcome::Pass),
        (&find, "d/*", Outcome::Fail),
    ] {
        assert_eq!(ask(guest, &tree, path).unwrap().outcome, outcome, "{path}");
    }
}

/// A tree that cannot be read.
struct Broken;

impl Source for Broken {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        Err(SourceError::Failed("the disk is gone".to_owned()))
    }

    fn size(&self, _path: &str) -> Result<u64, SourceError> {
        Err(SourceError::Absent)
    }

    fn read(&self, _path: &str, _offset: u64, _length: usize) -> Result<Vec<u8>, SourceError> {
        Err(SourceError::Absent)
    }
}

#[test]
fn a_tree_that_the_host_cannot_read_ends_the_call_and_is_not_the_plugins_fault() {
    let guest = asking(&format!("(call $read_text {PATH} (local.get $result))"));
    let tree = Arc::new(Tree::new(Broken));
    let ended = ask(&guest, &tree, "a").unwrap_err();
    let detail = "the disk is gone".to_owned();
    let side = Side::Candidate;
    assert_eq!(ended, Failure::Tree { side, detail });
}
