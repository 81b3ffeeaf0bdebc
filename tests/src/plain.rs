//! "Run the tests and look at the exit status": what an ordinary runner does with a change.
//!
//! The changes are hostile, so the command runs in a sandbox; nothing of a verdict's logic has to do with it.

use std::path::Path;

use crate::{Repository, TestEnv};

/// The command by which the people of an example project run its tests.
pub fn command(repo: &str) -> &'static [&'static str] {
    match repo.split('-').next() {
        Some("rust") => &["cargo", "test", "--offline"],
        Some("node") => &["npm", "test", "--silent"],
        _ if repo == "python-invoices" => &["python", "-m", "unittest"],
        _ => &["python", "-m", "pytest", "-q"],
    }
}

/// Whether the plain command ends with 0 on the project with this change; a change that git does not take is not green.
pub fn is_green(env: &TestEnv, repo: &str, patch: &Path) -> bool {
    let tree = env.repo(repo);
    tree.try_apply(patch) && ends_well(env, &tree, repo)
}

fn ends_well(env: &TestEnv, tree: &Repository<'_>, repo: &str) -> bool {
    // Committed, so that files of a change count that git would ignore.
    tree.git(["commit", "--quiet", "--message", "The change"]);
    let finished = env
        .passmuster(["sandbox", "--quiet", "--repo"])
        .args([tree.root()])
        .args(["--"])
        .args(command(repo))
        .run();
    finished.code() == Some(0)
}
