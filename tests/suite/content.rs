//! Content that git does not hold itself.

use passmuster_tests::TestEnv;

/// Of a thousand zero bytes.
const SHA256: &str = "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53";

const POLICY: &str = r#"version = 1
extends = ["python"]

[[check]]
name = "size"
kind = "test"
framework = "unittest"
run = ["python", "-m", "unittest"]
"#;

const TEST: &str = r#"import pathlib
import unittest

if pathlib.Path("data.bin").stat().st_size != 1000:
    raise RuntimeError("the data are not there")


class Size(unittest.TestCase):
    def test_size(self):
        pass
"#;

/// What the message says to do has to help: neither tree nor result of the base may be remembered
/// from when its content was not there.
#[test]
fn large_files_that_are_fetched_after_a_verdict_are_seen_by_the_next() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write("passmuster.toml", POLICY);
    repo.write("test_size.py", TEST);
    repo.write("size.py", "UNIT = 1\n");
    repo.write(".gitattributes", "data.bin filter=lfs -text\n");
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{SHA256}\nsize 1000\n");
    repo.write("data.bin", pointer);
    repo.commit("The base");
    repo.edit("size.py", "1", "2");

    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert!(
        verdict.reasons().contains(&"lfs-missing".to_string()),
        "{verdict}"
    );

    repo.write(format!(".git/lfs/objects/54/1b/{SHA256}"), vec![0; 1000]);
    let (finished, _) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
}
