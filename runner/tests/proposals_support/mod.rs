//! A scratch repository, the real git as oracle, and snapshots that show any write.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    reason = "a scratch repository that cannot be made is a failed test"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use passmuster::proposal::{self, Input, Proposal, ProposalError};
use passmuster::repository::Repository;
use tempfile::TempDir;

/// A repository in a temporary directory with a cache beside it.
pub(crate) struct Scratch {
    pub(crate) dir: TempDir,
    pub(crate) repo: PathBuf,
    pub(crate) cache: PathBuf,
}

impl Scratch {
    pub(crate) fn plain() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (repo, cache) = (dir.path().join("repo"), dir.path().join("cache"));
        fs::create_dir(&repo).unwrap();
        Self { dir, repo, cache }
    }

    pub(crate) fn new() -> Self {
        Self::with_format("sha1")
    }

    pub(crate) fn with_format(format: &str) -> Self {
        let scratch = Self::plain();
        scratch.git(["init", "-q", "-b", "main", "--object-format", format]);
        scratch
    }

    /// With one commit of a few files.
    pub(crate) fn seeded() -> Self {
        let scratch = Self::new();
        scratch.seed();
        scratch
    }

    pub(crate) fn seed(&self) {
        self.write("a.txt", "one\ntwo\nthree\nfour\nfive\n");
        self.write("src/b.py", "def b():\n    return 1\n");
        self.write("src/deep/c.txt", "c\n");
        self.commit("base");
    }

    pub(crate) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.repo.join(Path::new(name.as_ref()))
    }

    pub(crate) fn write(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.rev("HEAD")
    }

    pub(crate) fn rev(&self, revision: &str) -> String {
        self.git(["rev-parse", revision]).trim().to_owned()
    }

    pub(crate) fn git<I, S>(&self, arguments: I) -> String
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        String::from_utf8_lossy(&self.git_bytes(arguments)).into_owned()
    }

    pub(crate) fn git_bytes<I, S>(&self, arguments: I) -> Vec<u8>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let output = git_in(&self.repo, arguments, b"");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// The tree that git records for the working tree as it is, by way of a scratch clone's
    /// index, so that the repository's own index stays as it is.
    pub(crate) fn oracle_tree(&self) -> String {
        let index = self.dir.path().join("oracle-index");
        let _ = fs::remove_file(&index);
        let objects = self.dir.path().join("oracle-objects");
        fs::create_dir_all(&objects).unwrap();
        let run = |arguments: &[&str]| {
            let output = base_command(&self.repo)
                .env("GIT_INDEX_FILE", &index)
                .env("GIT_OBJECT_DIRECTORY", &objects)
                .env(
                    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
                    self.repo.join(".git/objects"),
                )
                .args(arguments)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        run(&["read-tree", "HEAD"]);
        run(&["add", "-A"]);
        run(&["write-tree"])
    }

    pub(crate) fn open(&self) -> Repository {
        Repository::open(&self.repo, &self.cache).unwrap()
    }

    pub(crate) fn resolve(&self, input: Input<'_>) -> Result<Proposal, ProposalError> {
        proposal::resolve(&self.open(), input, None)
    }

    pub(crate) fn patch(&self, bytes: impl AsRef<[u8]>) -> Result<Proposal, ProposalError> {
        self.resolve(Input::Patch {
            bytes: bytes.as_ref(),
            name: "fix.patch",
        })
    }

    /// Content, times, inode and mode of everything below the repository.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        snapshot(&self.repo, &mut all);
        all
    }
}

fn snapshot(path: &Path, all: &mut BTreeMap<PathBuf, String>) {
    let data = path.symlink_metadata().unwrap();
    let content = if data.is_file() {
        fs::read(path).unwrap_or_default()
    } else {
        Vec::new()
    };
    let line = format!(
        "{} {} {}.{} {}.{} {:o} {:?}",
        data.ino(),
        data.len(),
        data.mtime(),
        data.mtime_nsec(),
        data.ctime(),
        data.ctime_nsec(),
        data.mode(),
        passmuster::digest::sha256(&content)
    );
    all.insert(path.to_path_buf(), line);
    if data.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            snapshot(&entry.unwrap().path(), all);
        }
    }
}

fn base_command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .args([
            "-c",
            "protocol.file.allow=always",
            "-c",
            "advice.addEmbeddedRepo=false",
            // A repository under test must not be repacked behind its back.
            "-c",
            "gc.auto=0",
            "-c",
            "maintenance.auto=false",
        ]);
    command
}

/// The real git, hermetic.
pub(crate) fn git_in<I, S>(directory: &Path, arguments: I, input: &[u8]) -> Output
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut child = base_command(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}
