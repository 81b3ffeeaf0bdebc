//! `make man`: a manual page for the program and one for each subcommand, from the types that the command line is parsed by.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        return ended("the directory that the pages go to is missing");
    };
    match pages(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => ended(&format!("{}: {error}", Path::new(&directory).display())),
    }
}

/// Writes all of them.
pub(crate) fn pages(directory: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let program = <passmuster::cli::Cli as clap::CommandFactory>::command();
    // Each `help` of a command would be a page that says nothing.
    clap_mangen::generate_to(program.disable_help_subcommand(true), directory)
}

#[expect(
    clippy::print_stderr,
    reason = "a message of a program that is run by hand"
)]
fn ended(why: &str) -> ExitCode {
    eprintln!("man: {why}");
    ExitCode::from(2)
}
