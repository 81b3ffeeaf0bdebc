//! `completions`: what a shell needs to complete the command line.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::print;
use crate::cli::Cli;
use crate::error::UserError;
use crate::exit_code::Exit;

pub(super) fn run(shell: Shell) -> Result<Exit, UserError> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), "passmuster", &mut text);
    print(&text)?;
    Ok(Exit::Pass)
}
