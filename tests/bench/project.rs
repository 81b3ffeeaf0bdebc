//! A repository to be verified, one-line changes to it, and the program run on them.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use passmuster_tests::{Repository, TestEnv, Verdict};

use passmuster_tests::rounds::timed;

/// A repository with a file of which one line is changed, to something else each time.
pub(crate) struct Project<'env> {
    pub(crate) env: &'env TestEnv,
    pub(crate) repo: Repository<'env>,
    /// The file that changes.
    file: &'static str,
    /// A line of it.
    line: &'static str,
    patches: usize,
}

impl<'env> Project<'env> {
    /// The repository as it is now, committed.
    pub(crate) fn new(
        env: &'env TestEnv,
        repo: Repository<'env>,
        file: &'static str,
        line: &'static str,
    ) -> Self {
        Self {
            env,
            repo,
            file,
            line,
            patches: 0,
        }
    }

    /// A patch that was never seen before: the line, followed by a comment with a number.
    pub(crate) fn patch(&mut self, comment: &str) -> PathBuf {
        self.patches += 1;
        let changed = format!("{} {comment} {}", self.line, self.patches);
        self.repo.edit(self.file, self.line, &changed);
        let name = format!("{}.patch", self.patches);
        let path = self.repo.root().with_extension(name);
        std::fs::write(&path, self.repo.take_patch()).unwrap();
        path
    }

    /// The same, with a file beside it that is new.
    pub(crate) fn patch_with(&mut self, comment: &str, file: &str, text: &str) -> PathBuf {
        self.repo.write(file, text);
        self.patch(comment)
    }

    /// `passmuster verify` on a patch.
    pub(crate) fn verify(&self, patch: &PathBuf) -> Command {
        let mut command = self.env.command(self.env.binary());
        command
            .args(["--quiet", "verify", "--format", "json", "--repo"])
            .arg(self.repo.root())
            .arg(patch);
        command
    }

    /// The time of a verification of a patch that passes.
    pub(crate) fn passes(&self, patch: &PathBuf) -> Duration {
        let mut command = self.verify(patch);
        let mut output = None;
        let time = timed(|| output = Some(command.output().unwrap()));
        assert_passed(&output.unwrap());
        time
    }

    /// The time of two verifications at once.
    pub(crate) fn both_pass(&self, patches: &[PathBuf; 2]) -> Duration {
        timed(|| {
            let started = patches.each_ref().map(|patch| {
                let mut command = self.verify(patch);
                let pipes = command.stdout(Stdio::piped()).stderr(Stdio::piped());
                pipes.spawn().unwrap()
            });
            for child in started {
                assert_passed(&child.wait_with_output().unwrap());
            }
        })
    }
}

fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    let verdict = Verdict::parse(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"));
    assert_eq!(verdict.decision(), "pass", "{verdict}");
}
