//! What controls and the inventory of tests cost: one-line changes of real projects, each with its whole verdict, beside
//! the plain tool on the same change. The same command as a check of `kind = "command"` runs in the same sandbox without
//! either, so the difference of the two is theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use passmuster_tests::rounds::{Compared, compare, timed};
use passmuster_tests::{Repository, TestEnv, Verdict, tool};

use crate::fetch::{Surroundings, policy};
use crate::projects::{Change, Project};

/// Rounds that count; the median of them is what is printed.
const ROUNDS: usize = 9;

/// A line of the table: the verdict with controls and inventory, and without, over the plain run.
pub(crate) fn row(project: &'static Project) -> String {
    let env = TestEnv::new();
    let surroundings = Surroundings::new(&env, project);
    let source = surroundings.fetch(project);
    let site = Site {
        repo: env.repo_from(&source, project.name),
        env: &env,
        surroundings: &surroundings,
        project,
    };
    let [tests, command] = ["tests", "command"].map(|name| env.path(format!("{name}.toml")));
    fs::write(&tests, policy(project)).unwrap();
    fs::write(&command, unasked(&policy(project))).unwrap();
    let [with, without] = [&tests, &command].map(|policy| site.over_plain(policy));
    format!(
        "| {} {} | {} | {:.0} ms | {:.2} × | {:.2} × |",
        project.name,
        project.version,
        project.framework,
        with.peer(),
        without.ratio(),
        with.ratio()
    )
}

/// The same policy with nothing asked about single tests.
fn unasked(policy: &str) -> String {
    let lines = policy.lines().filter(|line| !line.starts_with("framework"));
    let kind = |line: &str| line.replace("kind = \"test\"", "kind = \"command\"") + "\n";
    lines.map(kind).collect()
}

struct Site<'a> {
    env: &'a TestEnv,
    repo: Repository<'a>,
    surroundings: &'a Surroundings<'a>,
    project: &'static Project,
}

impl Site<'_> {
    /// The base known, the plain tool warm.
    fn over_plain(&self, policy: &Path) -> Compared {
        let name = policy.file_stem().unwrap().to_string_lossy();
        let changes: Vec<String> = (0..=ROUNDS)
            .map(|round| format!("{name} {round}"))
            .collect();
        self.verdict(policy, &self.patch("warm"));
        let patches: Vec<PathBuf> = changes.iter().map(|what| self.patch(what)).collect();
        let mut ours = |round: usize| self.verdict(policy, &patches[round]);
        let mut plain = |round: usize| self.plain(&changes[round]);
        compare(ROUNDS, &mut ours, &mut plain)
    }

    /// Adds a comment to a file of the product.
    fn touch(&self, what: &str) {
        let Change::Edit { file, .. } = self.project.honest else {
            panic!("{}: the honest change edits a file", self.project.name);
        };
        let mark = if file.ends_with(".py") { "#" } else { "//" };
        let path = self.repo.root().join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{text}{mark} {what}\n")).unwrap();
    }

    fn patch(&self, what: &str) -> PathBuf {
        self.touch(what);
        let path = self.env.path(format!("{what}.patch"));
        fs::write(&path, self.repo.take_patch()).unwrap();
        path
    }

    fn verdict(&self, policy: &Path, patch: &Path) -> Duration {
        let mut command = self.env.command(self.env.binary());
        command
            .args(["--quiet", "verify", "--format", "json", "--repo"])
            .arg(self.repo.root())
            .arg("--policy")
            .arg(policy)
            .arg(patch)
            .envs(self.surroundings.variables());
        let mut output = None;
        let time = timed(|| output = Some(command.output().unwrap()));
        let verdict = Verdict::parse(&output.unwrap().stdout).unwrap();
        assert_eq!(verdict.decision(), "pass", "{verdict}");
        time
    }

    /// The plain tool on a change, which then is undone.
    fn plain(&self, what: &str) -> Duration {
        self.touch(what);
        let (program, args) = self.project.command.split_first().unwrap();
        let mut command = self.env.command(program);
        command
            .args(args)
            .current_dir(self.repo.root())
            .envs(self.surroundings.variables());
        let time = timed(|| tool(&mut command));
        self.repo.git(["checkout", "--quiet", "--", "."]);
        time
    }
}
