//! The one door to the `git` program: cleared environment, nothing of anyone's configuration,
//! capped answers, errors that say which step failed.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::error::sanitise;
use super::{GitError, ObjectFormat, blobs};
use crate::digest::sha256;
use crate::memory;

/// The oldest git that works.
const MINIMUM: (&str, u32, u32) = ("2.39", 2, 39);

/// Largest answer that is kept in memory: a listing of several million paths.
const ANSWER_CAP: u64 = 1 << 30;

/// Largest piece of standard error that is read; the rest is drained.
const STDERR_CAP: usize = 64 * 1024;

/// Settings that hold for every call. Hooks, helpers, transports and attribute programs are off;
/// paths that any file system would take for `.git` are refused.
const SETTINGS: [&str; 15] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.quotePath=true",
    "core.symlinks=true",
    "core.autocrlf=false",
    "core.safecrlf=false",
    "protocol.allow=never",
    // A cache: after a power failure a damaged object is an error, never a wrong answer.
    "core.fsync=none",
    // One pack for a stream of objects, even of a single one: no second process that unpacks them.
    "fastimport.unpackLimit=0",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// Git's words for an object that is in no store.
const MISSING: [&str; 9] = [
    "bad object",
    "invalid object",
    "missing blob",
    "missing tree",
    "missing object",
    "unable to read tree",
    "unable to read",
    "Could not read",
    "failed to traverse parents",
];

/// The git program, found and asked for its version once.
#[derive(Clone, Debug)]
pub struct Program(PathBuf);

impl Program {
    /// Finds `git` on the operator's PATH; relative PATH entries do not count.
    pub fn find() -> Result<Self, GitError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join("git"))
            .find(|candidate| candidate.is_file())
            .ok_or(GitError::NotFound { minimum: MINIMUM.0 })?;
        Self(program).checked()
    }

    fn checked(self) -> Result<Self, GitError> {
        let answer = self.answer()?;
        if version(&answer).is_some_and(|version| version >= (MINIMUM.1, MINIMUM.2)) {
            return Ok(self);
        }
        let program = self.0.display().to_string();
        Err(GitError::TooOld {
            program,
            found: answer,
            minimum: MINIMUM.0,
        })
    }
}

impl Program {
    /// What it says of its version.
    pub fn answer(&self) -> Result<String, GitError> {
        memory::recall(self.stamped("git version"), || self.ask_version())
    }

    fn ask_version(&self) -> Result<String, GitError> {
        const PURPOSE: &str = "ask git for its version";
        let output = Command::new(&self.0)
            .arg("version")
            .env_clear()
            .process_group(0)
            .output()
            .map_err(GitError::io(PURPOSE))?;
        if output.status.success() {
            return Ok(sanitise(&output.stdout));
        }
        // What was interrupted has said nothing that is worth being remembered.
        Err(GitError::Failed {
            purpose: PURPOSE.to_owned(),
            status: output.status.to_string(),
            stderr: sanitise(&output.stderr),
        })
    }

    /// A key for something that depends on this very program; none when it changed just now.
    fn stamped(&self, what: &str) -> Option<String> {
        let stamp = memory::stamp_of(&self.0)?;
        Some(format!("{what} {} {stamp}", self.0.display()))
    }
}

/// Major and minor of `git version 2.47.3 (vendor)`.
fn version(answer: &str) -> Option<(u32, u32)> {
    let mut numbers = answer.strip_prefix("git version ")?.split(['.', ' ', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Git on one isolated directory.
#[derive(Clone, Debug)]
pub struct Git {
    program: Program,
    directory: PathBuf,
    objects: PathBuf,
    format: ObjectFormat,
    remedy: String,
    /// Shared by all clones: processes that read these objects and have nothing to do.
    readers: Arc<Mutex<Vec<blobs::Process>>>,
}

impl Git {
    /// Git on `directory` (ours, never the user's), with new objects going to `objects`. `remedy`
    /// is the way out when an object is missing.
    pub fn new(
        program: Program,
        directory: PathBuf,
        objects: PathBuf,
        format: ObjectFormat,
        remedy: String,
    ) -> Self {
        Self {
            program,
            directory,
            objects,
            format,
            remedy,
            readers: Arc::default(),
        }
    }

    /// A key for what this very git makes of these bytes.
    pub fn reading_of(&self, bytes: &[u8]) -> Option<String> {
        self.program
            .stamped(&format!("git reads {}", sha256(bytes)))
    }

    /// How objects are named here.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The private directory: temporary indexes may be made in it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Prepares `git ARGUMENTS`; `purpose` completes the sentence "could not …".
    pub fn command<I, S>(&self, purpose: impl Into<String>, arguments: I) -> GitCommand<'_>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.program.0);
        command
            .env_clear()
            .envs(self.environment())
            // A Ctrl-C at the terminal is ours to handle: a git that it ends looks like one that failed.
            .process_group(0)
            .current_dir(&self.directory);
        command
            .arg("-c")
            .arg(format!("attr.tree={}", self.format.empty_tree()));
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        GitCommand {
            git: self,
            command,
            purpose: purpose.into(),
            input: Vec::new(),
        }
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut path = self
            .program
            .0
            .parent()
            .map(OsString::from)
            .unwrap_or_default();
        path.push(":/usr/bin:/bin");
        let null = || OsString::from("/dev/null");
        let word = |text: &str| OsString::from(text);
        vec![
            ("PATH", path),
            ("HOME", self.directory.clone().into_os_string()),
            ("XDG_CONFIG_HOME", self.directory.clone().into_os_string()),
            ("LC_ALL", word("C")),
            ("GIT_DIR", self.directory.clone().into_os_string()),
            (
                "GIT_OBJECT_DIRECTORY",
                self.objects.clone().into_os_string(),
            ),
            ("GIT_CONFIG_GLOBAL", null()),
            ("GIT_CONFIG_SYSTEM", null()),
            ("GIT_CONFIG_NOSYSTEM", word("1")),
            ("GIT_ATTR_NOSYSTEM", word("1")),
            ("GIT_TERMINAL_PROMPT", word("0")),
            ("GIT_OPTIONAL_LOCKS", word("0")),
            ("GIT_NO_LAZY_FETCH", word("1")),
            ("GIT_NO_REPLACE_OBJECTS", word("1")),
            ("GIT_LITERAL_PATHSPECS", word("1")),
        ]
    }

    /// Where new objects go.
    pub fn objects(&self) -> &Path {
        &self.objects
    }

    /// The same git, writing into an object directory that nothing else is seen from.
    pub fn quarantined(&self) -> Self {
        self.borrowing(&self.directory.join("objects"))
    }

    /// The same git on other objects.
    pub fn borrowing(&self, objects: &Path) -> Self {
        Self {
            objects: objects.to_path_buf(),
            readers: Arc::default(),
            ..self.clone()
        }
    }

    /// Readers at rest.
    pub(super) fn readers(&self) -> MutexGuard<'_, Vec<blobs::Process>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error for an object that is in no store.
    pub fn missing(&self, purpose: impl Into<String>, detail: impl AsRef<[u8]>) -> GitError {
        GitError::ObjectsMissing {
            purpose: purpose.into(),
            detail: sanitise(detail.as_ref()),
            remedy: self.remedy.clone(),
        }
    }
}

/// What git answered.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// The first part of standard error, as it came.
    pub stderr: Vec<u8>,
}

/// One prepared call.
pub struct GitCommand<'a> {
    git: &'a Git,
    command: Command,
    purpose: String,
    input: Vec<u8>,
}

impl GitCommand<'_> {
    /// Works on this index file in place of the directory's own.
    pub fn index(mut self, index: &Path) -> Self {
        self.command.env("GIT_INDEX_FILE", index);
        self
    }

    /// Lists files of this directory, as git's working tree.
    pub fn work_tree(mut self, directory: &Path) -> Self {
        self.command
            .env("GIT_WORK_TREE", directory)
            .current_dir(directory);
        self
    }

    /// Reads from these objects as well.
    pub fn reading(mut self, objects: &Path) -> Self {
        let quoted = c_quoted(path_bytes(objects));
        self.command.env(
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            OsStr::from_bytes(&quoted),
        );
        self
    }

    /// Gives these bytes on standard input.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs to the end, whatever the exit status.
    pub fn answer(mut self) -> Result<Answer, GitError> {
        let purpose = self.purpose.clone();
        let input = std::mem::take(&mut self.input);
        let mut child = self.spawn()?;
        let feeder = child
            .stdin
            .take()
            .map(|pipe| thread::spawn(move || feed(pipe, &input)));
        let complaints = child
            .stderr
            .take()
            .map(|pipe| thread::spawn(move || drain(pipe)));
        let read = child
            .stdout
            .take()
            .map(|pipe| read_capped(pipe, ANSWER_CAP));
        let stdout = read
            .transpose()
            .map_err(GitError::io(purpose.clone()))?
            .unwrap_or_default();
        if stdout.len() as u64 > ANSWER_CAP {
            // A failing kill means that the process is gone already, which is what it is for.
            let _ = child.kill();
            let _ = child.wait();
            return Err(GitError::TooLarge {
                purpose,
                cap: ANSWER_CAP,
            });
        }
        let status = child.wait().map_err(GitError::io(purpose))?;
        if let Some(feeder) = feeder {
            // Git may end without reading its input; then its status tells what was wrong.
            let _ = feeder.join();
        }
        let stderr = complaints
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default();
        Ok(Answer {
            status,
            stdout,
            stderr,
        })
    }

    /// Runs to the end and demands success.
    pub fn run(self) -> Result<Vec<u8>, GitError> {
        let (git, purpose) = (self.git, self.purpose.clone());
        let answer = self.answer()?;
        if answer.status.success() {
            return Ok(answer.stdout);
        }
        Err(git.refusal(purpose, &answer.status.to_string(), &answer.stderr))
    }

    /// Runs to the end, demands success, and returns the first line.
    pub fn line(self) -> Result<String, GitError> {
        let purpose = self.purpose.clone();
        let stdout = self.run()?;
        let line = stdout
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        String::from_utf8(line.to_vec()).map_err(|_| GitError::malformed(purpose, line))
    }

    /// Starts with standard input and output piped and lets the caller talk; for the objects'
    /// reader and writer.
    pub fn talk(mut self) -> Result<Conversation, GitError> {
        // With readers of its own: one that is kept among those of its own git would never go.
        let git = self.git.borrowing(self.git.objects());
        let purpose = self.purpose.clone();
        let mut child = self.spawn()?;
        let complaints = child
            .stderr
            .take()
            .map(|pipe| thread::spawn(move || drain(pipe)));
        Ok(Conversation {
            git,
            purpose,
            child,
            complaints,
        })
    }

    fn spawn(&mut self) -> Result<Child, GitError> {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::io(self.purpose.clone()))
    }
}

impl Git {
    fn refusal(&self, purpose: String, status: &str, stderr: &[u8]) -> GitError {
        let words = sanitise(stderr);
        if MISSING.iter().any(|phrase| words.contains(phrase)) {
            return self.missing(purpose, stderr);
        }
        GitError::Failed {
            purpose,
            status: status.to_owned(),
            stderr: words,
        }
    }
}

/// A git process that is talked to over its standard input and output.
#[derive(Debug)]
pub struct Conversation {
    git: Git,
    purpose: String,
    child: Child,
    complaints: Option<thread::JoinHandle<Vec<u8>>>,
}

impl Conversation {
    /// Git's standard input; none once it was taken or closed.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Git's standard output; none once it was taken.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the end and demands success. Both pipes must be closed or drained by then.
    pub fn finish(mut self) -> Result<(), GitError> {
        drop(self.child.stdin.take());
        let status = self
            .child
            .wait()
            .map_err(GitError::io(self.purpose.clone()))?;
        let stderr = self.complaints.take().and_then(|reader| reader.join().ok());
        if status.success() {
            return Ok(());
        }
        let purpose = std::mem::take(&mut self.purpose);
        Err(self
            .git
            .refusal(purpose, &status.to_string(), &stderr.unwrap_or_default()))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn feed(mut pipe: ChildStdin, bytes: &[u8]) -> io::Result<()> {
    pipe.write_all(bytes)
}

fn read_capped(pipe: impl Read, cap: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(cap + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads to the end so that git never blocks, and keeps the beginning.
fn drain(mut pipe: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut buffer) {
        let room = STDERR_CAP.saturating_sub(kept.len());
        kept.extend(buffer.iter().take(read.min(room)));
    }
    kept
}

/// Bytes in C quotes, as git reads paths in its own formats.
pub fn c_quoted(raw: &[u8]) -> Vec<u8> {
    let mut line = vec![b'"'];
    for byte in raw {
        match byte {
            b'"' | b'\\' => line.extend([b'\\', *byte]),
            control if control.is_ascii_control() => {
                line.extend(format!("\\{control:03o}").into_bytes());
            }
            plain => line.push(*plain),
        }
    }
    line.push(b'"');
    line
}

/// A path argument as git wants it in a listing: raw bytes.
pub fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_that_was_ended_has_no_version() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("git");
        std::fs::write(&script, "#!/bin/sh\nkill -INT $$\n").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, executable).unwrap();
        let refused = Program(script).ask_version().unwrap_err().to_string();
        assert!(refused.contains("signal: 2"), "{refused}");
    }

    #[test]
    fn versions_of_every_vendor_are_understood() {
        for (answer, expected) in [
            ("git version 2.47.3", Some((2, 47))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39))),
            ("git version 2.50.0-rc1", Some((2, 50))),
            ("something else", None),
        ] {
            assert_eq!(version(answer), expected, "{answer}");
        }
    }
}
