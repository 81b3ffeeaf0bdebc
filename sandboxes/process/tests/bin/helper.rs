//! The sandbox helper of the tests, and a caller that can be killed: `run` reads a specification
//! from standard input, `enforcement` does the same and prints what was enforced.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that tests read from"
)]

use std::process::ExitCode;

use passmuster_process::{Launcher, Spec, init, run};

#[tokio::main(flavor = "current_thread")]
async fn caller() -> ExitCode {
    let Ok(spec) = serde_json::from_reader::<_, Spec>(std::io::stdin()) else {
        return ExitCode::from(2);
    };
    match run(&Launcher::this_program(), &spec, std::future::pending()).await {
        Ok(report) => {
            if std::env::args()
                .nth(1)
                .is_some_and(|word| word == "enforcement")
            {
                println!("{}", serde_json::json!(report.enforcement));
            } else {
                println!("{}", String::from_utf8_lossy(&report.stdout.bytes()));
            }
            eprintln!("{}", String::from_utf8_lossy(&report.stderr.bytes()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    init::take_over_if_asked();
    caller()
}
