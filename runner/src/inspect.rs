//! The change from base to candidate as data, before anything of it runs.
//!
//! Read from git's objects, never from files on disk; attributes of either tree are not applied, so
//! `.gitattributes` cannot hide a file (`-diff`) or have it shown by a program (textconv).

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader};

use passmuster_policy::change::{Change, ChangeKind, Entry, FileChange, Hunk, Mode};
use passmuster_policy::path::RepoPath;

use crate::git::blobs::BlobReader;
use crate::git::objects::{Side, raw_sides, sizes};
use crate::git::{Git, GitError};

/// Most lines of one file whose text is kept: more than any file that a person reads.
pub const LINES_PER_FILE: usize = 50_000;

/// Most lines of the whole change whose text is kept.
pub const LINES_IN_TOTAL: usize = 1_000_000;

/// Most bytes of text of the whole change that are kept.
pub const BYTES_IN_TOTAL: usize = 64 << 20;

/// Most bytes of one line that are kept; the rest of a longer line is passed over.
pub const BYTES_PER_LINE: usize = 1 << 20;

/// Longest symlink target that is kept, Linux's own limit for a path.
const LINK_CAP: u64 = 4096;

/// Rename detection by similarity stops above this many candidates; equal contents are always
/// found. Git's own default.
const RENAMES: &str = "-l1000";

const COMPARE: &str = "compare base and candidate";

/// All that differs between two trees.
pub fn change(git: &Git, base_tree: &str, candidate_tree: &str) -> Result<Change, GitError> {
    if base_tree == candidate_tree {
        return Ok(Change::default());
    }
    let mut files = raw_changes(git, base_tree, candidate_tree)?;
    fill_entries(git, &mut files)?;
    fill_text(git, base_tree, candidate_tree, &mut files)?;
    // The raw listing is sorted for git's reading of file names; this is sorted for ours.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Change { files })
}

fn diff<'a>(form: &[&'a str], base: &'a str, candidate: &'a str) -> Vec<&'a str> {
    let mut arguments = vec![
        "diff-tree",
        "-r",
        "-M",
        RENAMES,
        "--no-ext-diff",
        "--no-textconv",
        // `.gitmodules` (ignore = all) must not hide a changed submodule.
        "--ignore-submodules=none",
    ];
    arguments.extend(form);
    arguments.extend([base, candidate]);
    arguments
}

/// The paths, kinds, modes and ids.
fn raw_changes(git: &Git, base: &str, candidate: &str) -> Result<Vec<FileChange>, GitError> {
    let arguments = diff(&["--raw", "-z", "--no-abbrev"], base, candidate);
    let output = git.command(COMPARE, arguments).run()?;
    let mut fields = output
        .split(|byte| *byte == 0)
        .filter(|field| !field.is_empty());
    let mut files = Vec::new();
    while let Some(head) = fields.next() {
        let malformed = || GitError::malformed(COMPARE, head);
        let status = head
            .rsplit(|byte| *byte == b' ')
            .next()
            .and_then(<[u8]>::first);
        let (before, after) = raw_sides(head).ok_or_else(malformed)?;
        let mut path = RepoPath::new(fields.next().ok_or_else(malformed)?);
        let kind = match status {
            Some(b'A') => ChangeKind::Added,
            Some(b'D') => ChangeKind::Deleted,
            Some(b'M') => ChangeKind::Modified,
            Some(b'T') => ChangeKind::TypeChanged,
            Some(b'R') => {
                let from = path;
                path = RepoPath::new(fields.next().ok_or_else(malformed)?);
                ChangeKind::Renamed(from)
            }
            _ => return Err(malformed()),
        };
        files.push(file_change(path, kind, before, after));
    }
    Ok(files)
}

fn file_change(path: RepoPath, kind: ChangeKind, before: Side, after: Side) -> FileChange {
    let entry = |(mode, oid)| Entry {
        mode,
        oid,
        size: 0,
        link_target: None,
    };
    let (before, after) = (before.map(entry), after.map(entry));
    FileChange {
        path,
        kind,
        before,
        after,
        binary: false,
        hunks: Vec::new(),
        truncated: false,
    }
}

fn entries_of(files: &mut [FileChange]) -> impl Iterator<Item = &mut Entry> {
    files
        .iter_mut()
        .flat_map(|file| file.before.iter_mut().chain(file.after.iter_mut()))
}

/// Sizes of all blobs in one call, and the targets of symlinks.
fn fill_entries(git: &Git, files: &mut [FileChange]) -> Result<(), GitError> {
    let blobs: HashSet<String> = entries_of(files)
        .filter(|entry| entry.mode != Mode::Gitlink)
        .map(|entry| entry.oid.clone())
        .collect();
    let sizes = sizes(git, blobs.iter().map(String::as_str))?;
    let mut links = Links {
        git,
        reader: None,
        known: HashMap::new(),
    };
    for entry in entries_of(files) {
        entry.size = sizes.get(&entry.oid).copied().unwrap_or(0);
        if entry.mode == Mode::Symlink {
            entry.link_target = Some(links.target(&entry.oid)?);
        }
    }
    Ok(())
}

/// Reads symlinks; the process is started for the first one only.
struct Links<'a> {
    git: &'a Git,
    reader: Option<BlobReader>,
    known: HashMap<String, RepoPath>,
}

impl Links<'_> {
    fn target(&mut self, oid: &str) -> Result<RepoPath, GitError> {
        if let Some(target) = self.known.get(oid) {
            return Ok(target.clone());
        }
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(BlobReader::start(self.git)?),
        };
        // No system follows a longer target; an absolute path that is no path says so to the rules.
        let bytes = reader.read_small(oid, LINK_CAP)?;
        let target = RepoPath::new(bytes.unwrap_or_else(|| b"/(target too long)".to_vec()));
        self.known.insert(oid.to_owned(), target.clone());
        Ok(target)
    }
}

/// Reads the hunks of all files from one stream of patch text.
///
/// The sections of the patch come in the order of the raw listing; a change of type has two (the
/// removal, then the addition). Paths are quoted, so that no name can pass for a line of the patch.
fn fill_text(
    git: &Git,
    base: &str,
    candidate: &str,
    files: &mut [FileChange],
) -> Result<(), GitError> {
    let form = [
        "-p",
        "-U0",
        "--no-color",
        "--full-index",
        "--diff-algorithm=histogram",
    ];
    let mut conversation = git.command(COMPARE, diff(&form, base, candidate)).talk()?;
    drop(conversation.stdin());
    let output = conversation
        .stdout()
        .ok_or_else(|| GitError::malformed(COMPARE, "no output"))?;
    let mut sections = Vec::new();
    for (position, file) in files.iter().enumerate() {
        let parts = if file.kind == ChangeKind::TypeChanged {
            2
        } else {
            1
        };
        sections.extend(std::iter::repeat_n(position, parts));
    }
    let mut reading = Reading::new(files, sections);
    let mut lines = Lines {
        source: BufReader::with_capacity(1 << 16, output),
    };
    while let Some(line) = lines.next().map_err(GitError::io(COMPARE))? {
        reading.line(&line)?;
    }
    conversation.finish()?;
    reading.finish()
}

/// Lines of a stream, each cut to [`BYTES_PER_LINE`].
struct Lines<R> {
    source: R,
}

struct Line {
    /// Without the line feed.
    bytes: Vec<u8>,
    cut: bool,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line {
            bytes: Vec::new(),
            cut: false,
        };
        let mut any = false;
        loop {
            let chunk = self.source.fill_buf()?;
            if chunk.is_empty() {
                return Ok(any.then_some(line));
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let (text, used) = match end {
                Some(end) => (chunk.get(..end), end + 1),
                None => (Some(chunk), chunk.len()),
            };
            let text = text.unwrap_or_default();
            let room = BYTES_PER_LINE.saturating_sub(line.bytes.len());
            line.cut |= text.len() > room;
            line.bytes.extend(text.iter().take(room));
            self.source.consume(used);
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }
}

/// Where we are in the patch text.
struct Reading<'a> {
    files: &'a mut [FileChange],
    /// Positions in `files`, one a section.
    sections: std::vec::IntoIter<usize>,
    current: Option<usize>,
    /// Lines of the current hunk that are still to come.
    removed: u32,
    added: u32,
    lines_of_file: usize,
    lines: usize,
    bytes: usize,
}

impl<'a> Reading<'a> {
    fn new(files: &'a mut [FileChange], sections: Vec<usize>) -> Self {
        Self {
            files,
            sections: sections.into_iter(),
            current: None,
            removed: 0,
            added: 0,
            lines_of_file: 0,
            lines: 0,
            bytes: 0,
        }
    }

    fn line(&mut self, line: &Line) -> Result<(), GitError> {
        let text = line.bytes.as_slice();
        match text.first() {
            Some(b'-') if self.removed > 0 => self.removed -= 1,
            Some(b'+') if self.added > 0 => self.added -= 1,
            _ => return self.header(text),
        }
        self.keep(text, line.cut);
        Ok(())
    }

    fn header(&mut self, text: &[u8]) -> Result<(), GitError> {
        if text.starts_with(b"diff --git ") {
            self.current = self.sections.next();
            self.lines_of_file = 0;
            return match self.current {
                Some(_) => Ok(()),
                None => Err(GitError::malformed(
                    COMPARE,
                    "more files in the patch than listed",
                )),
            };
        }
        let Some(file) = self
            .current
            .and_then(|position| self.files.get_mut(position))
        else {
            return Ok(());
        };
        if text.starts_with(b"Binary files ") {
            file.binary = true;
            file.hunks.clear();
        } else if text.starts_with(b"@@ -") {
            let hunk = parse_hunk(text).ok_or_else(|| GitError::malformed(COMPARE, text))?;
            (self.removed, self.added) = (hunk.before_lines, hunk.after_lines);
            file.hunks.push(hunk);
        }
        Ok(())
    }

    fn keep(&mut self, text: &[u8], cut: bool) {
        let Some(file) = self
            .current
            .and_then(|position| self.files.get_mut(position))
        else {
            return;
        };
        self.lines_of_file += 1;
        self.lines += 1;
        let full = self.lines_of_file > LINES_PER_FILE
            || self.lines > LINES_IN_TOTAL
            || self.bytes + text.len() > BYTES_IN_TOTAL;
        file.truncated |= full || cut;
        let (Some((sign, content)), Some(hunk), false) =
            (text.split_first(), file.hunks.last_mut(), full)
        else {
            return;
        };
        self.bytes += content.len();
        let side = if *sign == b'-' {
            &mut hunk.removed
        } else {
            &mut hunk.added
        };
        side.push(String::from_utf8_lossy(content).into_owned());
    }

    fn finish(mut self) -> Result<(), GitError> {
        match self.sections.next() {
            None => Ok(()),
            Some(_) => Err(GitError::malformed(
                COMPARE,
                "fewer files in the patch than listed",
            )),
        }
    }
}

/// `@@ -A[,B] +C[,D] @@…`
fn parse_hunk(line: &[u8]) -> Option<Hunk> {
    let end = line
        .get(4..)?
        .windows(3)
        .position(|window| window == b" @@")?;
    let ranges = std::str::from_utf8(line.get(4..4 + end)?).ok()?;
    let (before, after) = ranges.split_once(" +")?;
    let (before_start, before_lines) = range(before)?;
    let (after_start, after_lines) = range(after)?;
    let (added, removed) = (Vec::new(), Vec::new());
    Some(Hunk {
        before_start,
        before_lines,
        after_start,
        after_lines,
        added,
        removed,
    })
}

fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, lines)) => Some((start.parse().ok()?, lines.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}
