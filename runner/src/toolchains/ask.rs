//! Asking a program of the operator about itself: in `/`, with a small environment, for a bounded time.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Name, Operator, ToolchainError};
use crate::memory;

/// Longer than any healthy program needs to state its version, on a very busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Variables that say where a version manager keeps its versions.
const PASSED_ON: [&str; 12] = [
    "PATH",
    "HOME",
    "PYENV_ROOT",
    "RUSTUP_HOME",
    "CARGO_HOME",
    "VOLTA_HOME",
    "ASDF_DIR",
    "ASDF_DATA_DIR",
    "MISE_DATA_DIR",
    "GOPATH",
    "GOMODCACHE",
    "LD_LIBRARY_PATH",
];

/// Whether an answer can be remembered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until<'a> {
    /// The program can change its mind at any time.
    Now,
    /// It gives the same answer until it or one of these files or directories changes.
    Changed(&'a [PathBuf]),
    /// The same, if it is a binary: a script may be a wrapper that decides anew each time.
    Rebuilt(&'a [PathBuf]),
}

/// Runs `program` on the host and gives its standard output, trimmed.
///
/// The working directory is `/`, so that no file of a repository can steer the answer.
pub(super) fn ask(
    name: Name,
    operator: &Operator,
    program: &Path,
    arguments: &[&str],
    env: &[(&str, &str)],
    until: Until<'_>,
) -> Result<String, ToolchainError> {
    let failed = |why: String| ToolchainError::Ask {
        name,
        program: program.to_path_buf(),
        why,
    };
    let mut command = command(operator, program, arguments, env);
    memory::recall(key(&command, until), || {
        let child = command
            .spawn()
            .map_err(|error| failed(format!("does not start: {error}")))?;
        let (text, ok) = answer(child).map_err(failed)?;
        if ok {
            Ok(text.trim().to_owned())
        } else {
            Err(failed(format!("fails when asked {}", arguments.join(" "))))
        }
    })
}

/// All that decides the answer: the command line, its environment, the stamps of the files.
fn key(command: &Command, until: Until<'_>) -> Option<String> {
    let program = Path::new(command.get_program());
    let files = match until {
        Until::Changed(files) => files,
        Until::Rebuilt(files) if is_binary(program) => files,
        Until::Now | Until::Rebuilt(_) => return None,
    };
    let stamps: Option<Vec<String>> = std::iter::once(program)
        .chain(files.iter().map(PathBuf::as_path))
        .map(memory::stamp_of)
        .collect();
    let environment: Vec<_> = command.get_envs().collect();
    let arguments: Vec<_> = command.get_args().collect();
    Some(format!(
        "ask {program:?} {arguments:?} {environment:?} {:?}",
        stamps?
    ))
}

fn is_binary(program: &Path) -> bool {
    let mut magic = [0; 4];
    let read = std::fs::File::open(program).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && &magic == b"\x7fELF"
}

fn command(
    operator: &Operator,
    program: &Path,
    arguments: &[&str],
    env: &[(&str, &str)],
) -> Command {
    let passed_on = PASSED_ON
        .iter()
        .filter_map(|key| operator.env.get(OsStr::new(key)).map(|value| (key, value)));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir("/")
        // A Ctrl-C at the terminal is ours to handle.
        .process_group(0)
        .env_clear()
        .envs(passed_on)
        .env("LC_ALL", "C")
        // Asking for a version must never install one.
        .env("RUSTUP_AUTO_INSTALL", "0")
        .env("GOTOOLCHAIN", "local")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn answer(mut child: Child) -> Result<(String, bool), String> {
    let stdout = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stdout) = stdout {
            // What is not UTF-8 is no answer that we could use.
            let _ = stdout.read_to_string(&mut text);
        }
        text
    });
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let text = reader
                    .join()
                    .map_err(|_| "gave an unreadable answer".to_owned())?;
                return Ok((text, status.success()));
            }
            Ok(None) if started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1))
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("gave no answer in {} s", PATIENCE.as_secs()));
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
}
