//! The rules of trees on a list in memory; `tests/suite/trees.rs` has directories.

use super::*;

/// Files whose content is their own path.
struct Listed(Vec<Node>);

impl Source for Listed {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        Ok(self.0.clone())
    }

    fn size(&self, path: &str) -> Result<u64, SourceError> {
        Ok(path.len() as u64)
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        let from = usize::try_from(offset).unwrap();
        Ok(path.as_bytes()[from..(from + length).min(path.len())].to_vec())
    }
}

fn tree(paths: &[&str]) -> Tree {
    let node = |path: &&str| Node {
        path: (*path).to_owned(),
        mode: match *path {
            path if path.ends_with("link") => Mode::Symlink,
            path if path.ends_with("module") => Mode::Submodule,
            _ => Mode::File,
        },
    };
    Tree::new(Listed(paths.iter().map(node).collect()))
}

fn sample() -> Tree {
    tree(&[
        "src/lib.rs",
        "a/c",
        "a-b",
        "src/deep/x.rs",
        "src/deep/y.py",
        "link",
        "module",
        "a/d/e",
    ])
}

#[test]
fn find_gives_matches_in_byte_order_and_continues_after_a_path() {
    let all = [
        "a-b",
        "a/c",
        "a/d/e",
        "link",
        "src/deep/x.rs",
        "src/deep/y.py",
        "src/lib.rs",
    ];
    let cases: [(&str, Option<&str>, u32, &[&str]); 9] = [
        ("**", None, 100, &all),
        ("**", None, 2, &all[..2]),
        ("**", Some("a/c"), 2, &all[2..4]),
        ("**", Some("zzz"), 2, &[]),
        ("*", None, 100, &["a-b", "link"]),
        ("src/**/*.rs", None, 100, &["src/deep/x.rs", "src/lib.rs"]),
        (
            "src/**/*.{rs,py}",
            Some("src/deep/x.rs"),
            9,
            &["src/deep/y.py", "src/lib.rs"],
        ),
        ("a/[a-c]", None, 9, &["a/c"]),
        ("**", None, 0, &[]),
    ];
    for (glob, after, limit, expected) in cases {
        let found = sample().find(glob, after, limit).0.unwrap();
        assert_eq!(found, expected, "{glob} after {after:?}, {limit}");
    }
}

#[test]
fn a_globs_fixed_beginning_saves_looking_at_the_rest() {
    assert_eq!(sample().find("src/**", None, 9).1, 3);
    assert_eq!(sample().find("nowhere/**", None, 9).1, 0);
}

#[test]
fn entries_are_the_names_of_one_directory() {
    let names = |path: &str| -> Vec<(String, bool)> {
        let entries = sample().entries(path).0.unwrap();
        entries
            .into_iter()
            .map(|one| (one.name, one.mode.is_none()))
            .collect()
    };
    let expected = [
        ("a", true),
        ("a-b", false),
        ("link", false),
        ("module", false),
        ("src", true),
    ];
    assert_eq!(names(""), expected.map(|(name, is)| (name.to_owned(), is)));
    assert_eq!(
        names("a"),
        [("c".to_owned(), false), ("d".to_owned(), true)]
    );
}

#[test]
fn each_kind_of_path_has_its_answer() {
    use TreeError::{Absent, BadPath, NotFound, WrongKind};
    for (path, read, entries) in [
        ("nothing", NotFound, NotFound),
        ("src", WrongKind, NotFound),
        ("src/", BadPath, BadPath),
        ("link", WrongKind, WrongKind),
        ("module", Absent, WrongKind),
        ("../a", BadPath, BadPath),
        ("/a-b", BadPath, BadPath),
        ("a/../a-b", BadPath, BadPath),
    ] {
        assert_eq!(sample().read(path, 0, 9), Err(read), "{path}");
        if path != "src" {
            assert_eq!(sample().entries(path).0, Err(entries), "{path}");
        }
    }
    assert_eq!(sample().entries("a-b").0, Err(WrongKind));
    assert_eq!(sample().stat("link"), Ok((Mode::Symlink, 4)));
    assert_eq!(sample().stat("module"), Ok((Mode::Submodule, 0)));
    assert_eq!(sample().stat("src"), Err(WrongKind));
    assert_eq!(sample().find("[", None, 1).0, Err(BadPath));
}

#[test]
fn a_read_is_a_range_that_ends_with_the_file() {
    for (offset, length, expected) in [
        (0, 99, "a/d/e"),
        (2, 1, "d"),
        (4, 9, "e"),
        (5, 9, ""),
        (99, 9, ""),
    ] {
        let bytes = sample().read("a/d/e", offset, length).unwrap();
        assert_eq!(bytes, expected.as_bytes(), "{offset} {length}");
    }
}

#[test]
fn what_one_answer_may_hold_is_bounded() {
    let many: Vec<String> = (0..=LIST).map(|number| format!("d/{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let tree = tree(&many);
    let limit = LIST as u64;
    assert_eq!(
        tree.find("**", None, u32::MAX).0,
        Err(TreeError::TooLarge(limit))
    );
    assert_eq!(tree.entries("d").0, Err(TreeError::TooLarge(limit)));
    let page = u32::try_from(LIST).unwrap();
    assert_eq!(tree.find("**", None, page).0.unwrap().len(), LIST);
}

#[test]
fn what_a_source_lists_wrongly_does_not_exist() {
    let tree = tree(&["ok", "../out", "/abs", "ok"]);
    assert_eq!(tree.find("**", None, 9).0.unwrap(), ["ok"]);
}

#[test]
fn what_one_answer_may_hold_is_bounded_in_bytes_as_well() {
    let part = "x".repeat(200);
    let long: Vec<String> = (0..3_000)
        .map(|number| format!("d/{number}/{}", [part.as_str(); 18].join("/")))
        .collect();
    let tree = tree(&long.iter().map(String::as_str).collect::<Vec<_>>());
    let found = tree.find("**", None, 10_000).0;
    let is = matches!(found, Err(TreeError::TooLarge(fit)) if fit > 2_000 && fit < 3_000);
    assert!(is, "{found:?}");
    assert_eq!(tree.find("**", None, 2_000).0.unwrap().len(), 2_000);
}

/// One file that is larger than anything that is read at once.
struct Huge;

impl Source for Huge {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        let path = "huge".to_owned();
        Ok(vec![Node {
            path,
            mode: Mode::File,
        }])
    }

    fn size(&self, _path: &str) -> Result<u64, SourceError> {
        Ok(u64::MAX)
    }

    fn read(&self, _path: &str, _offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        // More than was asked for.
        Ok(vec![b'x'; length + 5])
    }
}

#[test]
fn one_read_is_bounded() {
    let tree = Tree::new(Huge);
    let too_large = Some(TreeError::TooLarge(READ));
    assert_eq!(tree.read_text("huge").err(), too_large);
    assert_eq!(tree.read("huge", 0, READ + 1).err(), too_large);
    assert_eq!(tree.read("huge", u64::MAX - 9, READ + 1).unwrap().len(), 9);
    assert_eq!(tree.read("huge", 0, READ).unwrap().len() as u64, READ);
}

#[test]
fn a_long_glob_is_no_glob() {
    let glob = "*".repeat(GLOB + 1);
    assert_eq!(sample().find(&glob, None, 1).0, Err(TreeError::BadPath));
}
