//! Whether a change edits any test or harness of a check. If not, the base's tests *are* the
//! candidate's, so the oracle's results equal the candidate's without running anything.

use std::io;

use passmuster_policy::change::Change;
use passmuster_policy::classification::{Classifier, FileClass};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Check, Framework, TestCheck};

use crate::git::objects::TreeEntry;
use crate::layers::Snapshot;
use crate::uses::touched;

/// What a Rust source says where it holds tests. Broader than the language: a needless doubt costs
/// a proof, a missed test would be a false one.
const RUST_TESTS: [&[u8]; 3] = [b"test]", b"cfg(test", b"cfg(all(test"];

/// True when no changed file is, or holds, a test or part of the harness.
pub fn is_needless(
    change: &Change,
    check: &Check,
    test: &TestCheck,
    trees: [&Snapshot; 2],
    read: &mut dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>>,
) -> bool {
    // The policy's globs were compiled when it was parsed; without a classification nothing is known.
    let Ok(classifier) = Classifier::new(check, test) else {
        return false;
    };
    let in_sources = matches!(test.framework, Framework::CargoTest | Framework::Nextest);
    change.files.iter().flat_map(touched).all(|path| {
        classifier.classify(path) == FileClass::Product
            && !(in_sources && path.as_bytes().ends_with(b".rs") && holds_tests(path, trees, read))
    })
}

/// Whether the file mentions tests on either tree; also when it cannot be read.
fn holds_tests(
    path: &RepoPath,
    trees: [&Snapshot; 2],
    read: &mut dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>>,
) -> bool {
    let entries = trees
        .into_iter()
        .filter_map(|tree| tree.entries.iter().find(|entry| entry.path == *path));
    entries.into_iter().any(|entry| match read(entry) {
        Ok(bytes) => RUST_TESTS
            .iter()
            .any(|mark| bytes.windows(mark.len()).any(|window| window == *mark)),
        Err(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use passmuster_policy::change::{ChangeKind, FileChange, Mode};
    use passmuster_policy::policy::{CheckKind, parse};

    fn change(path: &str) -> Change {
        let file = FileChange {
            path: RepoPath::from(path),
            kind: ChangeKind::Modified,
            before: None,
            after: None,
            binary: false,
            truncated: false,
            hunks: Vec::new(),
        };
        Change { files: vec![file] }
    }

    fn check(framework: &str, path: &str, content: &str) -> bool {
        let text = format!(
            "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = [\"x\"]\n"
        );
        let policy = parse(&text, "p").unwrap();
        let CheckKind::Test(test) = &policy.check[0].kind else {
            panic!()
        };
        let entry = TreeEntry {
            path: RepoPath::from(path),
            mode: Mode::File,
            oid: String::new(),
        };
        let tree = Snapshot {
            id: String::new(),
            entries: vec![entry],
            absent: Vec::new(),
        };
        let mut read = |_: &TreeEntry| Ok(content.as_bytes().to_vec());
        is_needless(
            &change(path),
            &policy.check[0],
            test,
            [&tree, &tree],
            &mut read,
        )
    }

    #[test]
    fn a_change_of_product_files_alone_needs_no_oracle() {
        let cases = [
            ("pytest", "src/a.py", "", true),
            ("pytest", "tests/test_a.py", "", false),
            ("pytest", "conftest.py", "", false),
            ("cargo-test", "src/a.rs", "fn a() {}", true),
            ("cargo-test", "src/a.rs", "#[test]\nfn a() {}", false),
            ("cargo-test", "src/a.rs", "#[cfg(test)]\nmod tests;", false),
            (
                "cargo-test",
                "src/a.rs",
                "#[tokio::test]\nasync fn a() {}",
                false,
            ),
            ("cargo-test", "tests/a.rs", "", false),
        ];
        for (framework, path, content, expected) in cases {
            assert_eq!(
                check(framework, path, content),
                expected,
                "{framework} {path} {content}"
            );
        }
    }
}
