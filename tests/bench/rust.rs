//! A one-line change of the example Rust project, whose base is built already, against building and
//! testing it from nothing.

use std::path::PathBuf;

use passmuster_tests::{TestEnv, tool};

use crate::project::Project;
use crate::table::{Row, Target};
use passmuster_tests::rounds::{compare, timed};

const ROUNDS: usize = 5;

pub(crate) fn rows(env: &TestEnv) -> Vec<Row> {
    let repo = env.repo("rust-calculator");
    let mut project = Project::new(env, repo, "src/lib.rs", "mod lexer;");
    let warm = project.patch("//");
    project.passes(&warm);
    let patches: Vec<PathBuf> = (0..=ROUNDS).map(|_| project.patch("//")).collect();
    let mut ours = |round: usize| project.passes(&patches[round]);
    let mut cold = |round: usize| {
        let mut cargo = env.command("cargo");
        cargo
            .args(["test", "--offline", "--quiet", "--target-dir"])
            .arg(env.work().join(format!("cold-{round}")))
            .current_dir(project.repo.root());
        timed(|| tool(&mut cargo))
    };
    let found = compare(ROUNDS, &mut ours, &mut cold);
    vec![Row::new(
        "one-line change of the example Rust project, warm layer",
        "`cargo test` from nothing",
        found,
        Target::Ratio(1.0 / 12.0),
    )]
}
