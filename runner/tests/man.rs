//! The manual pages that `make man` writes: one for each command, with each of its options, and nothing that `man` objects to.

#[expect(dead_code, reason = "the example's own entry")]
#[path = "../examples/man.rs"]
mod man;

use std::fs;
use std::path::Path;
use std::process::Command as Program;

use clap::{Command, CommandFactory as _};
use passmuster::cli::Cli;

/// Every command with the name of its page.
fn commands(name: &str, command: &Command) -> Vec<(String, Command)> {
    let mut all = vec![(name.to_owned(), command.clone())];
    for sub in command.get_subcommands() {
        all.extend(commands(&format!("{name}-{}", sub.get_name()), sub));
    }
    all
}

/// What a reader of the page sees of its source.
fn plain(page: &Path) -> String {
    let source =
        fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    source
        .replace("\\-", "-")
        .replace("\\fB", "")
        .replace("\\fR", "")
}

#[test]
fn every_command_has_a_page_that_names_each_of_its_options() {
    let directory = tempfile::tempdir().unwrap();
    man::pages(directory.path()).unwrap();
    let all = commands("passmuster", &Cli::command());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), all.len());
    for (name, command) in all {
        let text = plain(&directory.path().join(format!("{name}.1")));
        assert!(text.contains(&format!(".TH {name} 1")), "{text}");
        let shown = |argument: &&clap::Arg| !argument.is_hide_set();
        for argument in command.get_arguments().filter(shown) {
            let shown = match argument.get_long() {
                Some(long) => format!("--{long}"),
                None => argument
                    .get_value_names()
                    .map_or_else(String::new, |names| names[0].to_string()),
            };
            assert!(text.contains(&shown), "{shown} in {name}: {text}");
        }
    }
}

#[test]
fn the_pages_are_what_man_expects() {
    let directory = tempfile::tempdir().unwrap();
    man::pages(directory.path()).unwrap();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let page = entry.unwrap().path();
        // Where there is no man, the other test is all that can be said.
        let Ok(shown) = Program::new("man")
            .args(["--warnings", "--local-file"])
            .arg(&page)
            .output()
        else {
            return;
        };
        let warnings = String::from_utf8_lossy(&shown.stderr);
        assert!(
            shown.status.success() && warnings.is_empty(),
            "{}: {warnings}",
            page.display()
        );
        assert!(
            String::from_utf8_lossy(&shown.stdout).contains("SYNOPSIS"),
            "{}",
            page.display()
        );
    }
}
