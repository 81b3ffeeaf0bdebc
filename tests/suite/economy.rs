//! What is not done again: git's processes are what a verdict that is known already costs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use passmuster_tests::{TestEnv, proposal, tool};

/// A git that writes down each call, in front of the real one.
struct Watched<'env> {
    env: &'env TestEnv,
    path: String,
    log: PathBuf,
}

impl<'env> Watched<'env> {
    fn new(env: &'env TestEnv) -> Self {
        let real = tool(env.command("sh").args(["-c", "command -v git"]));
        let (directory, log) = (env.path("work").join("watched"), env.path("work/git-calls"));
        let git = directory.join("git");
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nexec '{}' \"$@\"\n",
            log.display(),
            real.trim()
        );
        fs::create_dir(&directory).unwrap();
        fs::write(&git, script).unwrap();
        fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
        let inherited = env
            .variables()
            .iter()
            .find(|(name, _)| name == "PATH")
            .map(|(_, value)| value.to_string_lossy().into_owned());
        let path = format!("{}:{}", directory.display(), inherited.unwrap_or_default());
        Self { env, path, log }
    }

    /// The verdict's digest, and the git commands that were run for it.
    fn verify(&self, repo: &passmuster_tests::Repository<'_>, args: &[&str]) -> (String, Calls) {
        let _first_call = fs::remove_file(&self.log);
        let run = self.env.verify(repo, args).variable("PATH", &self.path);
        let (_, verdict) = run.verdict();
        let calls = fs::read_to_string(&self.log).unwrap();
        (verdict.digest().to_owned(), Calls(calls))
    }
}

struct Calls(String);

impl Calls {
    fn of(&self, command: &str) -> usize {
        let word = format!(" {command} ");
        self.0.lines().filter(|line| line.contains(&word)).count()
    }
}

#[test]
fn a_known_patch_is_neither_applied_nor_compared_again() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    let git = Watched::new(&env);
    let patch = proposal("python-ledger", "good-fix-lost-cents");
    let patch = patch.to_str().unwrap();
    let (first, fresh) = git.verify(&repo, &[patch]);
    assert!(fresh.of("apply") > 0 && fresh.of("diff-tree") > 0);
    let (second, known) = git.verify(&repo, &[patch]);
    assert_eq!(first, second);
    for command in ["apply", "fast-import", "update-index", "diff-tree"] {
        assert_eq!(known.of(command), 0, "{command}\n{}", known.0);
    }
}

#[test]
fn a_tree_is_listed_as_a_whole_once() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    let git = Watched::new(&env);
    let patch = proposal("python-ledger", "good-fix-lost-cents");
    let (_, calls) = git.verify(&repo, &[patch.to_str().unwrap()]);
    // The base and the candidate, neither with sizes.
    assert_eq!(calls.of("ls-tree -r -z --full-tree -l"), 0, "{}", calls.0);
    assert_eq!(calls.of("ls-tree -r -z --full-tree"), 2, "{}", calls.0);
}

#[test]
fn the_known_verdict_of_one_patch_is_not_that_of_another_or_of_another_base() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    let git = Watched::new(&env);
    let good = proposal("python-ledger", "good-fix-lost-cents");
    let bad = proposal("python-ledger", "faulty-regression");
    let (first, _) = git.verify(&repo, &[good.to_str().unwrap()]);
    let (other, calls) = git.verify(&repo, &[bad.to_str().unwrap()]);
    assert_ne!(first, other);
    assert_eq!(calls.of("apply"), 1, "{}", calls.0);
    repo.write("NOTES.md", "a new base\n");
    repo.commit("Another base");
    let (moved, calls) = git.verify(&repo, &[good.to_str().unwrap()]);
    assert_ne!(first, moved);
    assert_eq!(calls.of("apply"), 1, "{}", calls.0);
}
