//! Contents of files: read from long-lived `git cat-file` processes, written as one stream.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::{ChildStdin, ChildStdout};

use super::command::Conversation;
use super::{Git, GitError};

/// Reads blobs from a long-lived `git cat-file --batch-command`. Its process is lent to the next reader of
/// the same objects when this one goes: starting one costs more than most reads.
#[derive(Debug)]
pub struct BlobReader {
    git: Git,
    /// None after a failure, which may leave half an answer in the pipe.
    process: Option<Process>,
}

/// One `git cat-file --batch-command`, at rest between two answers.
#[derive(Debug)]
pub(super) struct Process {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    // Ends the process when this goes.
    _conversation: Conversation,
}

const READ: &str = "read a blob";

impl Process {
    fn start(git: &Git) -> Result<Self, GitError> {
        let mut conversation = git.command(READ, ["cat-file", "--batch-command"]).talk()?;
        let requests = conversation.stdin().ok_or_else(closed)?;
        let answers = BufReader::new(conversation.stdout().ok_or_else(closed)?);
        Ok(Self {
            requests,
            answers,
            _conversation: conversation,
        })
    }
}

fn closed() -> GitError {
    GitError::malformed(READ, "its pipes are closed")
}

impl Drop for BlobReader {
    fn drop(&mut self) {
        self.git.readers().extend(self.process.take());
    }
}

impl BlobReader {
    /// Takes a process that is at rest, or starts one.
    pub fn start(git: &Git) -> Result<Self, GitError> {
        let at_rest = git.readers().pop();
        let process = match at_rest {
            Some(process) => process,
            None => Process::start(git)?,
        };
        Ok(Self {
            git: git.clone(),
            process: Some(process),
        })
    }

    /// The whole blob in memory.
    pub fn read(&mut self, oid: &str) -> Result<Vec<u8>, GitError> {
        let mut bytes = Vec::new();
        self.copy_to(oid, &mut bytes)?;
        Ok(bytes)
    }

    /// How many bytes the blob has.
    pub fn size(&mut self, oid: &str) -> Result<u64, GitError> {
        self.at_rest(|process, git| process.ask(git, "info", oid))
    }

    /// The blob when it has at most `cap` bytes; a larger one is passed over.
    pub fn read_small(&mut self, oid: &str, cap: u64) -> Result<Option<Vec<u8>>, GitError> {
        self.at_rest(|process, git| {
            let size = process.ask(git, "contents", oid)?;
            let mut bytes = Vec::new();
            if size <= cap {
                process.body(oid, size, &mut bytes)?;
                return Ok(Some(bytes));
            }
            process.body(oid, size, &mut io::sink())?;
            Ok(None)
        })
    }

    /// At most `length` bytes of the blob from `offset`. Nothing behind them is read: the rest stays in the pipe, and the process goes
    /// with this reader. Memory grows with the part alone, time with what lies before its end.
    pub fn read_part(mut self, oid: &str, offset: u64, length: u64) -> Result<Vec<u8>, GitError> {
        let mut process = self.process.take().ok_or_else(closed)?;
        let size = process.ask(&self.git, "contents", oid)?;
        let (offset, mut part) = (offset.min(size), Vec::new());
        let wanted = length.min(size - offset);
        let answers = &mut process.answers;
        io::copy(&mut answers.take(offset), &mut io::sink())
            .and_then(|_| answers.take(wanted).read_to_end(&mut part))
            .map_err(GitError::io(READ))?;
        match part.len() as u64 == wanted {
            true => Ok(part),
            false => Err(GitError::malformed(READ, "a short blob")),
        }
    }

    /// Streams the blob and returns its size. After an error of `writer` this reader is of no
    /// more use, because the rest of the blob is still in the pipe.
    pub fn copy_to(&mut self, oid: &str, writer: &mut impl Write) -> Result<u64, GitError> {
        self.at_rest(|process, git| {
            let size = process.ask(git, "contents", oid)?;
            process.body(oid, size, writer)?;
            Ok(size)
        })
    }

    /// Keeps the process only when `work` went through, so that it is at rest again.
    fn at_rest<T>(
        &mut self,
        work: impl FnOnce(&mut Process, &Git) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let mut process = self.process.take().ok_or_else(closed)?;
        let done = work(&mut process, &self.git);
        // That an object is missing is a whole answer too.
        if matches!(&done, Ok(_) | Err(GitError::ObjectsMissing { .. })) {
            self.process = Some(process);
        }
        done
    }
}

impl Process {
    /// The bytes that [`Self::ask`] announced, and the line end after them.
    fn body(&mut self, oid: &str, size: u64, writer: &mut impl Write) -> Result<(), GitError> {
        let copied = io::copy(&mut (&mut self.answers).take(size), writer)
            .map_err(GitError::io(format!("copy blob {oid}")))?;
        let mut line_end = [0];
        self.answers
            .read_exact(&mut line_end)
            .map_err(GitError::io(READ))?;
        if copied == size {
            Ok(())
        } else {
            Err(GitError::malformed(READ, "a short blob"))
        }
    }

    /// Asks about a blob (`info`) or for it (`contents`) and reads the line that both answers begin with: `OID blob SIZE`.
    fn ask(&mut self, git: &Git, what: &str, oid: &str) -> Result<u64, GitError> {
        writeln!(self.requests, "{what} {oid}").map_err(GitError::io(READ))?;
        let mut head = String::new();
        self.answers
            .read_line(&mut head)
            .map_err(GitError::io(READ))?;
        let words: Vec<&str> = head.split_ascii_whitespace().collect();
        match words.as_slice() {
            [_, "blob", size] => size.parse().map_err(|_| GitError::malformed(READ, &head)),
            [_, "missing"] => Err(git.missing(READ, oid)),
            _ => Err(GitError::malformed(READ, &head)),
        }
    }
}

/// Writes many blobs through one `git fast-import`, into our objects only.
#[derive(Debug)]
pub struct BlobWriter {
    stream: BufWriter<ChildStdin>,
    conversation: Conversation,
}

const WRITE: &str = "store new file contents";

impl BlobWriter {
    /// Starts the process.
    pub fn start(git: &Git) -> Result<Self, GitError> {
        let arguments = ["fast-import", "--quiet", "--done"];
        let mut conversation = git.command(WRITE, arguments).talk()?;
        drop(conversation.stdout());
        let pipe = conversation.stdin();
        let stream = pipe.ok_or_else(|| GitError::malformed(WRITE, "its pipe is closed"))?;
        Ok(Self {
            stream: BufWriter::new(stream),
            conversation,
        })
    }

    /// Adds a blob.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), GitError> {
        self.add_from(bytes.len() as u64, &mut &*bytes)
    }

    /// Adds a blob of exactly `size` bytes from `source`.
    pub fn add_from(&mut self, size: u64, source: &mut impl Read) -> Result<(), GitError> {
        let copied = write!(self.stream, "blob\ndata {size}\n")
            .and_then(|()| io::copy(&mut source.take(size), &mut self.stream))
            .and_then(|copied| self.stream.write_all(b"\n").map(|()| copied))
            .map_err(GitError::io(WRITE))?;
        if copied == size {
            Ok(())
        } else {
            Err(GitError::malformed(WRITE, "a short source"))
        }
    }

    /// Ends the stream; after this the blobs can be read.
    pub fn finish(self) -> Result<(), GitError> {
        let Self {
            mut stream,
            conversation,
        } = self;
        let ended = stream.write_all(b"done\n").and_then(|()| stream.flush());
        drop(stream);
        // Git's own words explain more than a broken pipe does.
        conversation.finish()?;
        ended.map_err(GitError::io(WRITE))
    }
}
