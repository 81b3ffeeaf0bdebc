//! `install` and `uninstall`: show what would change, ask, write.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use passmuster_policy::text;

use super::{place, print, say};
use crate::cli::Install;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::install::{Client, Direction, InstallError, Options, Project};
use crate::report::log::without_orders;

impl From<InstallError> for UserError {
    fn from(error: InstallError) -> Self {
        Self::usage(error.to_string())
    }
}

pub(super) fn run(arguments: &Install, direction: Direction) -> Result<Exit, UserError> {
    for word in [&arguments.base, &arguments.policy].into_iter().flatten() {
        if word.contains(char::is_control) {
            return Err(UserError::usage(format!(
                "{word:?} is no word that a configuration can hold"
            )));
        }
    }
    let root = root(arguments)?;
    let project = Project::open(&root)?;
    let options = Options {
        program: program()?,
        base: arguments.base.clone(),
        policy: arguments.policy.clone(),
    };
    let changes = project.changes(arguments.client, direction, &options)?;
    if changes.is_empty() {
        say("nothing to change");
        return Ok(Exit::Pass);
    }
    let shown: String = changes.iter().map(|change| change.difference()).collect();
    // What files hold is no order to the terminal at which somebody is about to agree.
    print(without_orders(&text::shown(&shown)).as_bytes())?;
    if !(arguments.yes || agreed(&root)?) {
        say("nothing was written; --yes writes it");
        return Ok(Exit::Pass);
    }
    project.apply(&changes)?;
    for change in &changes {
        let done = if change.after.is_some() {
            "written"
        } else {
            "removed"
        };
        say(&format!("{done}: {}", root.join(&change.path).display()));
    }
    if let Some(next) = next(arguments.client, direction) {
        say(next);
    }
    Ok(Exit::Pass)
}

/// The project's directory; for git the directory of its hooks, wherever its configuration has it.
fn root(arguments: &Install) -> Result<PathBuf, UserError> {
    let start = place(arguments.repo.as_ref())?;
    let question = match arguments.client {
        Client::Git => ["rev-parse", "--git-path", "hooks"].as_slice(),
        _ => &["rev-parse", "--show-toplevel"],
    };
    let found = ask_git(&start, question)?;
    let shared = || ask_git(&start, &["config", "--get", "core.hooksPath"]).is_ok();
    if arguments.client == Client::Git && shared() {
        say(&format!(
            "core.hooksPath has git's hooks in {}: every repository with this setting runs them",
            found.display()
        ));
    }
    Ok(found)
}

fn ask_git(directory: &Path, question: &[&str]) -> Result<PathBuf, UserError> {
    let shown = directory.display();
    let mut git = Command::new("git");
    // Set for every hook of git's: the directory says which repository is meant, not who called.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_PREFIX"] {
        git.env_remove(variable);
    }
    let answer = git
        .arg("-C")
        .arg(directory)
        .args(question)
        .output()
        .map_err(|error| UserError::usage(format!("git cannot be started: {error}")))?;
    let said = String::from_utf8_lossy(&answer.stdout);
    match said.trim_end_matches('\n') {
        "" => Err(UserError::usage(format!(
            "{shown} is in no git repository: {}",
            String::from_utf8_lossy(&answer.stderr).trim()
        ))),
        path => Ok(directory.join(path)),
    }
}

/// `passmuster` where a client finds this program by that name, else its path.
fn program() -> Result<String, UserError> {
    let this = std::env::current_exe()?.canonicalize()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path)
        .map(|directory| directory.join("passmuster"))
        .find(|file| file.is_file());
    let same = first.is_some_and(|file| file.canonicalize().is_ok_and(|file| file == this));
    if same {
        return Ok("passmuster".to_owned());
    }
    say(
        "`passmuster` on PATH is not this program, so its path is written; put it on PATH where others share this configuration",
    );
    this.into_os_string().into_string().map_err(|path| {
        UserError::usage(format!(
            "{} is no name that a configuration can hold",
            path.display()
        ))
    })
}

/// Asks at a terminal; elsewhere nobody agrees.
fn agreed(root: &Path) -> Result<bool, UserError> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut out = io::stderr();
    write!(out, "change these files below {}? [y/N] ", root.display())?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What is left to the operator.
fn next(client: Client, direction: Direction) -> Option<&'static str> {
    match (client, direction) {
        (_, Direction::Uninstall) | (Client::Git | Client::Opencode, _) => None,
        (Client::Claude, _) => Some(
            "Claude Code asks once whether it may use the server of this project: start it here and agree",
        ),
        (Client::Codex, _) => Some(
            "Codex reads this in trusted projects only, and runs hooks once they are trusted: start it here and open /hooks",
        ),
    }
}
