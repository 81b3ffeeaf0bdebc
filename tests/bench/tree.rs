//! The tree of a candidate: from a one-file patch to the verdict of a check that does nothing,
//! against git's own way to a second tree, and against a repository with few files.

use std::path::PathBuf;

use passmuster_tests::{TestEnv, tool};

use crate::project::Project;
use crate::table::{Row, Target};
use passmuster_tests::rounds::{compare, timed};

const ROUNDS: usize = 7;
const MANY: usize = 11_000;
const FEW: usize = 100;

/// How much slower many files may be before size counts: what two equal repositories differ by.
const INDEPENDENT: f64 = 1.1;

const POLICY: &str = r#"version = 1

[[check]]
name = "nothing"
kind = "command"
run = ["true"]
"#;

pub(crate) fn rows(env: &TestEnv) -> Vec<Row> {
    let mut many = generate(env, MANY);
    let mut few = generate(env, FEW);
    vec![
        against_worktrees(&mut many),
        against_few(&mut many, &mut few),
    ]
}

/// Files of about ten kilobytes, a hundred in each directory.
fn generate(env: &TestEnv, files: usize) -> Project<'_> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", POLICY);
    for number in 0..files {
        let path = repo.root().join(format!("src/part_{}", number / 100));
        if number % 100 == 0 {
            std::fs::create_dir_all(&path).unwrap();
        }
        let text = format!("the first line of file {number}\n").repeat(300);
        std::fs::write(path.join(format!("file_{number}.txt")), text).unwrap();
    }
    repo.write("src/changing.txt", "the line that changes\n");
    repo.commit("Many files");
    let mut project = Project::new(env, repo, "src/changing.txt", "the line that changes");
    // The base becomes known.
    let warm = project.patch("");
    project.passes(&warm);
    project
}

fn patches(project: &mut Project<'_>) -> Vec<PathBuf> {
    (0..=ROUNDS).map(|_| project.patch("")).collect()
}

/// Every worktree is a new directory, and none is removed in between: on some file systems that
/// alone makes the next one several times slower.
fn against_worktrees(many: &mut Project<'_>) -> Row {
    let patches = patches(many);
    let mut ours = |round: usize| many.passes(&patches[round]);
    let mut worktree = |round: usize| {
        let path = many.env.work().join(format!("worktree-{round}"));
        let mut git = many.env.command("git");
        git.args(["worktree", "add", "--quiet", "--detach"])
            .arg(path)
            .current_dir(many.repo.root());
        timed(|| tool(&mut git))
    };
    let found = compare(ROUNDS, &mut ours, &mut worktree);
    Row::new(
        "one-file patch on 11,000 files, to the verdict of `true`",
        "`git worktree add`",
        found,
        Target::Ratio(1.0 / 50.0),
    )
}

fn against_few(many: &mut Project<'_>, few: &mut Project<'_>) -> Row {
    let (many_patches, few_patches) = (patches(many), patches(few));
    let found = compare(
        ROUNDS,
        &mut |round| many.passes(&many_patches[round]),
        &mut |round| few.passes(&few_patches[round]),
    );
    Row::new(
        "the same",
        "the same on 100 files",
        found,
        Target::Ratio(INDEPENDENT),
    )
}
