//! The sandbox helper of the tests, and a caller that can be killed: `run` reads a specification
//! from standard input, `enforcement` does the same and prints what was enforced, `stage` does it without namespaces.
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
    let word = std::env::args().nth(1).unwrap_or_default();
    let launcher = match word.as_str() {
        "stage" => Launcher::this_program().on_stage(),
        _ => Launcher::this_program(),
    };
    match run(&launcher, &spec, std::future::pending()).await {
        Ok(report) => {
            if word == "enforcement" {
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
