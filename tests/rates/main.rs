//! False passes and false blocks of Passmuster on the example proposals, next to those of running the tests and
//! looking at the exit status. Prints a table in Markdown; ends with 1 where a result is not the one written down.
//!
//! Not part of the ordinary tests, which take what plain commands do from the expectations: `make rates`.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::process::ExitCode;

use passmuster_tests::expectation::{REPOS, proposals};
use passmuster_tests::rates::{Measured, table};
use passmuster_tests::{TestEnv, plain};

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let mut measured = Vec::new();
    let mut wrong = 0;
    for repo in REPOS.into_iter().filter(|repo| is_chosen(repo)) {
        let env = TestEnv::new();
        let base = env.repo(repo);
        for proposal in proposals(repo) {
            let one = Measured {
                kind: proposal.kind(),
                plain: plain::is_green(&env, repo, &proposal.patch),
                exit: env.verify(&base, [&proposal.patch]).run().code(),
            };
            let expected = &proposal.expectation;
            if one.plain != expected.plain || one.exit != Some(expected.exit) {
                wrong += 1;
                eprintln!("{repo}/{}: {one:?}", proposal.name);
            }
            measured.push(one);
        }
    }
    println!("{}", table(&measured));
    match wrong {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
