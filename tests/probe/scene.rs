//! The places, processes and sockets that the test has prepared, by name.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// What the scene file says, one `key=value` a line.
pub(crate) struct Scene(BTreeMap<String, String>);

impl Scene {
    pub(crate) fn read(path: &str) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(Self(
            pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        ))
    }

    /// A value; a scene without it is an error of the test, not an answer of the sandbox.
    pub(crate) fn text(&self, key: &str) -> io::Result<&str> {
        let value = self.0.get(key).map(String::as_str);
        value.ok_or_else(|| io::Error::other(format!("no {key} in the scene")))
    }

    pub(crate) fn path(&self, key: &str, below: &str) -> io::Result<PathBuf> {
        Ok(PathBuf::from(self.text(key)?).join(below))
    }

    pub(crate) fn number(&self, key: &str) -> io::Result<i32> {
        self.text(key)?
            .parse()
            .map_err(|_| io::Error::other(format!("{key} is no number")))
    }

    /// A fresh path in a directory that may be written to.
    pub(crate) fn scratch(&self, name: &str) -> io::Result<PathBuf> {
        let directory = self.path("scratch", "probe-scratch")?;
        std::fs::create_dir_all(&directory)?;
        Ok(directory.join(format!("{name}-{}", std::process::id())))
    }

    /// Words for `call.c`, with values of the scene filled in.
    pub(crate) fn fill(&self, words: &str) -> String {
        self.0.iter().fold(words.to_owned(), |text, (key, value)| {
            text.replace(&format!("{{{key}}}"), value)
        })
    }

    /// Runs `call.c`; its exit status is an error number.
    pub(crate) fn call(&self, words: &str) -> io::Result<()> {
        let mut command = Command::new(self.path("grant", "call")?);
        let status = command
            .args(self.fill(words).split(' '))
            .stdout(Stdio::null())
            .status()?;
        ended(status)
    }
}

/// The end of a helper as a result: its exit status is an error number.
fn ended(status: ExitStatus) -> io::Result<()> {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(number), _) => Err(io::Error::from_raw_os_error(number)),
        (None, signal) => Err(io::Error::other(signal_name(signal))),
    }
}

/// A signal's name.
pub(crate) fn signal_name(signal: Option<i32>) -> String {
    let known = signal.and_then(|number| nix::sys::signal::Signal::try_from(number).ok());
    known.map_or_else(|| "unknown end".to_owned(), |signal| signal.to_string())
}
