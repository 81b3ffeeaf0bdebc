//! Asking a program of the operator about itself: in `/`, with a small environment, for a bounded time.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Name, Operator, ToolchainError};

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

/// Runs `program` on the host and gives its standard output, trimmed.
///
/// The working directory is `/`, so that no file of a repository can steer the answer.
pub(super) fn ask(
    name: Name,
    operator: &Operator,
    program: &Path,
    arguments: &[&str],
    env: &[(&str, &str)],
) -> Result<String, ToolchainError> {
    let failed = |why: String| ToolchainError::Ask {
        name,
        program: program.to_path_buf(),
        why,
    };
    let child = command(operator, program, arguments, env)
        .spawn()
        .map_err(|error| failed(format!("does not start: {error}")))?;
    let (text, ok) = answer(child).map_err(failed)?;
    if ok {
        Ok(text.trim().to_owned())
    } else {
        Err(failed(format!("fails when asked {}", arguments.join(" "))))
    }
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
