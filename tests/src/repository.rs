//! The repositories that are verified: a tree copied to the test's directory and committed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environment::TestEnv;
use crate::{tool, tree};

/// A repository (or a plain directory) that belongs to the caller.
#[derive(Debug)]
pub struct Repository<'env> {
    env: &'env TestEnv,
    root: PathBuf,
}

impl TestEnv {
    /// A copy of a tree as a plain directory, without git.
    pub fn directory(&self, name: &str) -> Repository<'_> {
        self.directory_from(&tree(name), name)
    }

    fn directory_from(&self, source: &Path, name: &str) -> Repository<'_> {
        let root = self.fresh_path(name);
        copy(source, &root);
        self.give(&root);
        Repository { env: self, root }
    }

    /// A copy of a tree as a repository with one commit on the branch `main`.
    pub fn repo(&self, name: &str) -> Repository<'_> {
        self.repo_from(&tree(name), name)
    }

    /// The same of any directory.
    pub fn repo_from(&self, source: &Path, name: &str) -> Repository<'_> {
        let repo = self.directory_from(source, name);
        repo.git(["init", "--quiet", "--initial-branch=main"]);
        repo.commit("The base");
        repo
    }

    /// A repository without any commit or file.
    pub fn empty_repo(&self) -> Repository<'_> {
        let root = self.fresh_path("empty");
        fs::create_dir(&root).unwrap();
        self.give(&root);
        let repo = Repository { env: self, root };
        repo.git(["init", "--quiet", "--initial-branch=main"]);
        repo
    }

    fn fresh_path(&self, name: &str) -> PathBuf {
        let place = |number: u32| match number {
            1 => self.work().join(name),
            _ => self.work().join(format!("{name}-{number}")),
        };
        (1..)
            .map(place)
            .find(|path| !path.exists())
            .expect("there is always a next number")
    }
}

impl Repository<'_> {
    /// Its root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file, its directories included.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        self.env.give(&self.root);
    }

    /// Replaces text that stands exactly once in a file.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.root.join(path)).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{path} holds {old:?} once");
        self.write(path, text.replace(old, new));
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.root.join(path)).unwrap();
    }

    /// Applies an example proposal to the working tree.
    pub fn apply(&self, patch: &Path) {
        let patch = fs::canonicalize(patch).unwrap();
        let copy = self.env.path("tmp").join("applied.patch");
        fs::copy(patch, &copy).unwrap();
        self.env.give(&copy);
        self.git([OsStr::new("apply"), copy.as_os_str()]);
        fs::remove_file(copy).unwrap();
    }

    /// Applies a patch to working tree and index; false, and nothing changed, where git does not take it.
    pub fn try_apply(&self, patch: &Path) -> bool {
        let mut git = self.git_command(["apply", "--index"]);
        let output = git.arg(patch).output().unwrap();
        output.status.success()
    }

    /// Runs git as the caller, with a fixed author and date.
    pub fn git(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        tool(&mut self.git_command(args))
    }

    fn git_command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = self.env.command("git");
        command.args(args).current_dir(&self.root);
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Ada Example")
                .env(format!("GIT_{role}_EMAIL"), "ada@example.org")
                .env(format!("GIT_{role}_DATE"), "2026-01-02T03:04:05Z");
        }
        command
    }

    /// Commits everything, and gives the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(["rev-parse", "HEAD"]).trim().to_string()
    }

    /// The uncommitted changes as a patch, and the working tree back to what it was.
    pub fn take_patch(&self) -> Vec<u8> {
        self.git(["add", "--all"]);
        let output = self
            .git_command(["diff", "--cached", "--binary"])
            .output()
            .unwrap();
        assert!(output.status.success());
        self.git(["reset", "--quiet", "--hard"]);
        output.stdout
    }
}

fn copy(from: &Path, to: &Path) {
    tool(Command::new("cp").arg("-R").arg(from).arg(to));
    for made in ["target", "node_modules", ".pytest_cache"] {
        let path = to.join(made);
        if path.exists() {
            fs::remove_dir_all(path).unwrap();
        }
    }
}
