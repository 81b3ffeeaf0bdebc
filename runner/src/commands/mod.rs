//! The subcommands, one file each: from parsed arguments to an exit status.

mod approve;
mod attest;
mod cache;
mod completions;
mod demo;
mod doctor;
mod explain;
mod gate;
mod history;
pub(crate) mod hook;
mod init;
mod install;
mod mcp;
mod outputs;
mod plugin;
mod policy;
mod sandbox;
mod show;
mod verify;

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use passmuster_policy::text::shown;
use passmuster_process::Launcher;

use crate::cache::Cache;
use crate::cli::{Cli, Command};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::install::Direction;
use crate::interrupt::Stop;
use crate::memory;
use crate::progress::Progress;
use crate::report::Palette;
use crate::report::log::{json_without_orders, without_orders};
use crate::toolchains::Operator;
use crate::verify::World;

/// So long an error waits for a signal that explains it: on a busy machine a thread that has one to take
/// may stand still for some turns of the scheduler, 10 ms and less each.
const SIGNALS_TAKE: Duration = Duration::from_millis(100);

/// Runs a command and says on standard error why it could not be carried out.
pub fn run(cli: &Cli) -> Exit {
    match start(cli) {
        Ok(exit) => exit,
        Err(error) => {
            let code = error
                .code
                .map(|code| format!(" [{code}]"))
                .unwrap_or_default();
            say(&format!("error{code}: {error}"));
            error.exit
        }
    }
}

fn start(cli: &Cli) -> Result<Exit, UserError> {
    remembering(cli, || run_to_end(cli))
}

/// What was learnt about the host is kept for the next start; without it all is learnt anew.
fn remembering(
    cli: &Cli,
    work: impl FnOnce() -> Result<Exit, UserError>,
) -> Result<Exit, UserError> {
    let file = cache_of(cli)
        .ok()
        .map(|cache| cache.root().join("memory.json"));
    file.iter().for_each(|file| memory::load(file));
    let done = work();
    let _ = file.map(|file| memory::save(&file));
    done
}

fn run_to_end(cli: &Cli) -> Result<Exit, UserError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let exit = runtime.block_on(dispatch(cli));
    // Sandboxes are dead when a command returns; a reader that waits for a pipe need not hold us up.
    runtime.shutdown_background();
    exit
}

async fn dispatch(cli: &Cli) -> Result<Exit, UserError> {
    match &cli.command {
        Command::Verify(arguments) => {
            // A patch from a pipe may never come. Until the world takes over the signals, one ends us.
            let request = verify::request(arguments)?;
            let world = world(cli)?;
            heeding(&world, verify::run(&world, arguments, &request).await).await
        }
        Command::Init(arguments) => {
            let world = world(cli)?;
            heeding(&world, init::run(&world, arguments).await).await
        }
        Command::Demo(arguments) => {
            let world = world(cli)?;
            heeding(&world, demo::run(&world, arguments).await).await
        }
        Command::Show(arguments) => show::run(&cache_of(cli)?, arguments),
        Command::History(arguments) => history::run(&cache_of(cli)?, arguments),
        Command::Hook(arguments) => Ok(hook::run(world(cli), arguments).await),
        Command::Install(arguments) => install::run(arguments, Direction::Install),
        Command::Uninstall(arguments) => install::run(arguments, Direction::Uninstall),
        Command::Mcp(arguments) => mcp::run(&world(cli)?, arguments).await,
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Doctor(arguments) => doctor::run(cli, arguments).await,
        Command::Sandbox(arguments) => sandbox::run(&world(cli)?, arguments).await,
        Command::Policy(command) => policy::run(cli, command),
        Command::Plugin(command) => plugin::run(cli, command),
        Command::Completions { shell } => completions::run(*shell),
        Command::Cache(command) => cache::run(&cache_of(cli)?, command),
        Command::Approve(arguments) => approve::run(cli, arguments),
        Command::Gate(arguments) => gate::run(cli, arguments),
    }
}

/// What fails once the program was asked to stop may have failed for that: a process that is just being
/// started is still in our group, and a Ctrl-C ends it before it is in its own. Its end may be known before
/// our own signal is.
async fn heeding(world: &World, result: Result<Exit, UserError>) -> Result<Exit, UserError> {
    let Err(error) = result else {
        return result;
    };
    let asked = tokio::time::timeout(SIGNALS_TAKE, world.stop.clone().requested()).await;
    Err(match asked {
        Ok(()) => error.interrupted(),
        Err(_) => error,
    })
}

/// Everything that the process was started with; the only place that reads it.
fn world(cli: &Cli) -> Result<World, UserError> {
    Ok(World {
        cache: cache_of(cli)?,
        operator: Operator::from_env(std::env::vars_os()),
        launcher: Launcher::this_program(),
        progress: Progress::new(cli.quiet),
        stop: Stop::on_signals()?,
    })
}

fn cache_of(cli: &Cli) -> Result<Cache, UserError> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let standard = || {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(home)
    };
    let root = match &cli.cache_dir {
        Some(given) => given.clone(),
        None => standard()
            .ok_or_else(|| {
                UserError::usage(
                    "neither HOME nor XDG_CACHE_HOME is set; name a directory with --cache-dir",
                )
            })?
            .join("passmuster"),
    };
    Ok(Cache::open(&root)?)
}

/// The directory that a command is about.
fn place(repo: Option<&PathBuf>) -> Result<PathBuf, UserError> {
    match repo {
        Some(given) => Ok(given.clone()),
        None => Ok(std::env::current_dir()?),
    }
}

/// Colours on a terminal, unless NO_COLOR says otherwise (no-color.org: any value that is not empty).
fn palette() -> Palette {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stdout().is_terminal() && !refused && !dumb {
        Palette::Colour
    } else {
        Palette::Plain
    }
}

/// A document for `--json`. It may quote what a change or somebody else wrote.
fn document_text(document: &serde_json::Value) -> String {
    json_without_orders(&format!("{document:#}\n"))
}

/// Writes a result. A reader that has seen enough is no error.
fn print(text: &[u8]) -> Result<(), UserError> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(UserError::usage(format!(
            "cannot write to standard output: {error}"
        ))),
        Ok(()) => Ok(()),
    }
}

/// Writes a message. It may quote a policy, a revision, a name: no order to a terminal or to a CI service.
fn say(text: &str) {
    // Where messages cannot be written there is nobody to tell.
    let _ = writeln!(io::stderr(), "passmuster: {}", without_orders(&shown(text)));
}
