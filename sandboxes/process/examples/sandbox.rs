//! Runs one command in a sandbox that grants nothing:
//! `cargo run -p passmuster-process --example sandbox -- /bin/true`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use passmuster_process::{Command, Launcher, Limits, Spec, init, run};

fn main() -> ExitCode {
    init::take_over_if_asked();
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next().map(PathBuf::from) else {
        return ExitCode::from(2);
    };
    let command = Command {
        program,
        args: words.collect(),
        env: BTreeMap::new(),
        cwd: "/tmp".into(),
    };
    let spec = Spec {
        command,
        mounts: Vec::new(),
        limits: Limits::default(),
        listen: None,
        services: Vec::new(),
    };
    match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => report(runtime.block_on(run(
            &Launcher::this_program(),
            &spec,
            std::future::pending(),
        ))),
        Err(_) => ExitCode::FAILURE,
    }
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people to try"
)]
fn report(
    result: Result<passmuster_process::Report, passmuster_process::SandboxError>,
) -> ExitCode {
    match result {
        Ok(report) => {
            print!("{}", String::from_utf8_lossy(&report.stdout.bytes()));
            eprint!("{}", String::from_utf8_lossy(&report.stderr.bytes()));
            eprintln!(
                "{:?}, {} survivors, {:?}",
                report.exit, report.survivors, report.usage
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
