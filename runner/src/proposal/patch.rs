//! A patch applied to the base on a temporary index: no file is ever checked out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

use passmuster_policy::path::RepoPath;

use super::patch_text::{PATCH_CAP, Survey, mails, survey, with_lf};
use super::touched::Touched;
use super::{Misfit, Note, Proposal, ProposalError, TemporaryIndex};
use crate::base::Base;
use crate::digest::sha256;
use crate::git::command::Answer;
use crate::git::error::sanitise;
use crate::git::objects::entries_at;
use crate::git::{Git, GitError, quarantine};
use crate::repository::Repository;

/// How many older commits are tried for a hint when a patch does not apply.
const OLDER_COMMITS: &str = "10";

const APPLY: &str = "apply the patch";

/// One way of reading a patch.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    lf: bool,
    no_prefix: bool,
    recount: bool,
}

impl Reading {
    /// All readings worth trying, the plainest first.
    fn all(survey: &Survey) -> Vec<Self> {
        let mut readings = Vec::new();
        for recount in [false, true] {
            for lf in [false, true].into_iter().filter(|lf| !lf || survey.crlf) {
                for no_prefix in [survey.no_prefix, !survey.no_prefix] {
                    // A new file fits anywhere: only files that must be there show the other form.
                    if no_prefix != survey.no_prefix && !survey.changes_files {
                        continue;
                    }
                    readings.push(Self {
                        lf,
                        no_prefix,
                        recount,
                    });
                }
            }
        }
        readings
    }

    fn notes(self) -> Vec<Note> {
        let taken = [
            (self.lf, Note::LineEndsConverted),
            (self.no_prefix, Note::NoPathPrefix),
            (self.recount, Note::Recounted),
        ];
        taken
            .into_iter()
            .filter_map(|(taken, note)| taken.then_some(note))
            .collect()
    }

    fn arguments(self) -> Vec<&'static str> {
        let mut arguments = vec!["apply", "--cached", "--binary", "--whitespace=nowarn"];
        arguments.extend(self.recount.then_some("--recount"));
        arguments.push(if self.no_prefix { "-p0" } else { "-p1" });
        arguments
    }
}

/// What git had against a patch.
#[derive(Debug, Default)]
struct Refusal {
    path: Option<RepoPath>,
    line: Option<u32>,
    reason: String,
}

pub(super) fn resolve(
    repository: &Repository,
    bytes: &[u8],
    name: &str,
    base: Base,
) -> Result<Proposal, ProposalError> {
    let git = repository.git();
    let patch_sha256 = Some(sha256(bytes));
    if bytes.trim_ascii().is_empty() {
        let candidate_tree = base.tree.clone();
        return Ok(Proposal {
            base,
            candidate_tree,
            patch_sha256,
            notes: Vec::new(),
        });
    }
    let survey = inspect(bytes, name)?;
    let patch = Patch {
        git,
        name,
        parts: decoded(git, bytes)?,
        readings: Reading::all(&survey),
    };
    let (candidate_tree, reading) = patch.candidate(&base)?;
    let notes = reading.notes();
    Ok(Proposal {
        base,
        candidate_tree,
        patch_sha256,
        notes,
    })
}

/// A patch that passed inspection, and the ways to read it.
struct Patch<'a> {
    git: &'a Git,
    name: &'a str,
    parts: Vec<Cow<'a, [u8]>>,
    readings: Vec<Reading>,
}

impl Patch<'_> {
    /// The candidate's tree and how the patch had to be read.
    fn candidate(&self, base: &Base) -> Result<(String, Reading), ProposalError> {
        let git = self.git;
        let names = self
            .parts
            .iter()
            .flat_map(|part| survey(part).names)
            .collect();
        let touched = Touched::read(git, &base.tree, names)?;
        if let Ok((trial, reading)) = self.try_all(&base.tree, &touched.index)?
            && let Some(tree) = touched.tree(git, &base.tree, &trial.file())?
        {
            return Ok((tree, reading));
        }
        // Before the patch is refused, it is tried on the whole base: what is said then is true
        // whatever our own survey of its headers missed.
        let whole = TemporaryIndex::of_tree(git, &base.tree)?;
        match self.try_all(&base.tree, &whole)? {
            Ok((trial, reading)) => Ok((trial.write_tree(git)?, reading)),
            Err(refusals) => Err(self.refused(base, &whole, refusals)),
        }
    }

    /// The first reading that applies to a copy of `pristine`, with that copy.
    fn try_all(
        &self,
        base: &str,
        pristine: &TemporaryIndex,
    ) -> Result<Result<(TemporaryIndex, Reading), Vec<Refusal>>, ProposalError> {
        let mut refusals = Vec::new();
        for reading in &self.readings {
            let trial = TemporaryIndex::empty(self.git)?;
            copy(&pristine.file(), &trial.file())?;
            match self.apply(base, *reading, &trial.file())? {
                Ok(()) => return Ok(Ok((trial, *reading))),
                Err(refusal) => refusals.push(refusal),
            }
        }
        Ok(Err(refusals))
    }

    /// Applies all parts, or says what stood in the way. The outer error is ours, not the patch's.
    fn apply(
        &self,
        base: &str,
        reading: Reading,
        index: &Path,
    ) -> Result<Result<(), Refusal>, ProposalError> {
        // A cover letter carries no patch.
        let carries = |part: &&Cow<'_, [u8]>| self.parts.len() == 1 || survey(part).has_files;
        for part in self.parts.iter().filter(carries) {
            let text = if reading.lf {
                with_lf(part)
            } else {
                part.to_vec()
            };
            let answer = self.apply_text(base, reading, index, &text)?;
            if !answer.status.success() {
                let status = answer.status.to_string();
                return classify(&answer.stderr, &status, self.name).map(Err);
            }
        }
        Ok(Ok(()))
    }

    fn apply_text(
        &self,
        base: &str,
        reading: Reading,
        index: &Path,
        text: &[u8],
    ) -> Result<Answer, GitError> {
        let quarantined = self.git.quarantined();
        let mut admitted = HashSet::new();
        loop {
            let command = quarantined.command(APPLY, reading.arguments());
            let answer = command.index(index).input(text).answer()?;
            // Git reads a file that our survey of the headers did not see: it is let in, once.
            match unread(&answer.stderr) {
                Some(path) if admitted.insert(path.clone()) => {
                    let entries = entries_at(self.git, base, [path], false)?;
                    quarantine::admit(self.git, entries.iter().map(|entry| entry.oid.as_str()))?;
                }
                _ => return Ok(answer),
            }
        }
    }

    fn refused(
        &self,
        base: &Base,
        whole: &TemporaryIndex,
        refusals: Vec<Refusal>,
    ) -> ProposalError {
        does_not_apply(
            self.git,
            &self.parts,
            self.name,
            base,
            &whole.file(),
            refusals,
        )
    }
}

/// Refuses what is no patch, too large, or names what no patch may name.
fn inspect(bytes: &[u8], name: &str) -> Result<Survey, ProposalError> {
    let name = sanitise(name.as_bytes());
    let size = bytes.len() as u64;
    if size > PATCH_CAP {
        return Err(ProposalError::TooLarge { name, size });
    }
    let survey = survey(bytes);
    if !survey.has_files {
        let reason = if bytes.contains(&0) {
            "binary data"
        } else {
            "it changes no file"
        };
        return Err(ProposalError::NotAPatch { name, reason });
    }
    match survey.danger {
        Some((path, reason)) => Err(ProposalError::Unsafe { name, path, reason }),
        None => Ok(survey),
    }
}

/// The patch's parts in order, out of the mails that carry them.
fn decoded<'a>(git: &Git, bytes: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, GitError> {
    mails(bytes)
        .into_iter()
        .map(|mail| {
            if is_encoded(mail) {
                decode(git, mail)
            } else {
                Ok(Cow::Borrowed(mail))
            }
        })
        .collect()
}

/// True for a mail whose body is base64 or quoted-printable.
fn is_encoded(mail: &[u8]) -> bool {
    let key = b"content-transfer-encoding:";
    mail.split(|byte| *byte == b'\n')
        .take_while(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"diff "))
        .filter(|line| {
            line.get(..key.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(key))
        })
        .any(|line| {
            let encoding = line.get(key.len()..).unwrap_or_default().trim_ascii();
            [&b"base64"[..], b"quoted-printable"]
                .iter()
                .any(|known| encoding.eq_ignore_ascii_case(known))
        })
}

fn decode(git: &Git, mail: &[u8]) -> Result<Cow<'static, [u8]>, GitError> {
    let purpose = "decode the mail that carries the patch";
    let scratch = tempfile::tempdir_in(git.directory()).map_err(GitError::io(purpose))?;
    let (message, patch) = (scratch.path().join("message"), scratch.path().join("patch"));
    let arguments = [
        "mailinfo".as_ref(),
        "-n".as_ref(),
        message.as_os_str(),
        patch.as_os_str(),
    ];
    git.command(purpose, arguments).input(mail).run()?;
    fs::read(&patch)
        .map(Cow::Owned)
        .map_err(GitError::io(purpose))
}

fn copy(from: &Path, to: &Path) -> Result<(), GitError> {
    // An index of the empty tree may not have been written at all.
    if !from.exists() {
        return Ok(());
    }
    fs::copy(from, to)
        .map(drop)
        .map_err(GitError::io("copy a temporary index"))
}

/// The file that git could not read, where that was the complaint.
fn unread(stderr: &[u8]) -> Option<Vec<u8>> {
    let line = stderr.split(|byte| *byte == b'\n').next()?;
    line.strip_prefix(b"error: failed to read ")
        .map(<[u8]>::to_vec)
}

/// Sorts git's complaint: the patch's fault (inner), an unsafe path, or trouble of the machine.
fn classify(stderr: &[u8], status: &str, name: &str) -> Result<Refusal, ProposalError> {
    let name = || sanitise(name.as_bytes());
    for line in stderr.split(|byte| *byte == b'\n') {
        if let Some(path) = between(line, b"error: invalid path '", b"'") {
            let reason = "git does not allow this path";
            return Err(ProposalError::Unsafe {
                name: name(),
                path,
                reason,
            });
        }
        if let Some(path) = between(
            line,
            b"error: affected file '",
            b"' is beyond a symbolic link",
        ) {
            let reason = "it is reached through a symbolic link";
            return Err(ProposalError::Unsafe {
                name: name(),
                path,
                reason,
            });
        }
    }
    let words = sanitise(stderr);
    if words.contains("No valid patches in input") {
        return Err(ProposalError::NotAPatch {
            name: name(),
            reason: "git finds no change in it",
        });
    }
    let machine = [
        "nable to write",
        "nable to create",
        "No space left",
        "Read-only",
        "out of memory",
    ];
    if machine.iter().any(|phrase| words.contains(phrase)) || words.is_empty() {
        let (purpose, status) = (APPLY.to_owned(), status.to_owned());
        return Err(GitError::Failed {
            purpose,
            status,
            stderr: words,
        }
        .into());
    }
    Ok(refusal(stderr))
}

fn between(line: &[u8], start: &[u8], end: &[u8]) -> Option<RepoPath> {
    line.strip_prefix(start)?
        .strip_suffix(end)
        .map(RepoPath::new)
}

/// The first complaint, with the place when git names one.
fn refusal(stderr: &[u8]) -> Refusal {
    let complaints = || {
        stderr
            .split(|byte| *byte == b'\n')
            .filter_map(|l| l.strip_prefix(b"error: "))
    };
    for complaint in complaints() {
        if let Some(place) = complaint.strip_prefix(b"patch failed: ") {
            let colon = place
                .iter()
                .rposition(|byte| *byte == b':')
                .unwrap_or(place.len());
            let line = place
                .get(colon + 1..)
                .and_then(|text| std::str::from_utf8(text).ok());
            return Refusal {
                path: place.get(..colon).map(RepoPath::new),
                line: line.and_then(|text| text.parse().ok()),
                reason: "the lines that the patch expects are not there".to_owned(),
            };
        }
    }
    let first = complaints().next().unwrap_or(stderr);
    let known = [
        (
            &b": does not exist in index"[..],
            "the file is not in the base",
        ),
        (
            b": already exists in index",
            "the file is in the base already",
        ),
        (
            b": patch does not apply",
            "the change does not fit the file",
        ),
        (
            b": No such file or directory",
            "the file is not in the base",
        ),
    ];
    for (end, reason) in known {
        if let Some(path) = first.strip_suffix(end) {
            let path = Some(RepoPath::new(path));
            return Refusal {
                path,
                line: None,
                reason: reason.to_owned(),
            };
        }
    }
    Refusal {
        path: None,
        line: None,
        reason: sanitise(first),
    }
}

fn does_not_apply(
    git: &Git,
    parts: &[Cow<'_, [u8]>],
    name: &str,
    base: &Base,
    pristine: &Path,
    refusals: Vec<Refusal>,
) -> ProposalError {
    let placed = refusals
        .iter()
        .position(|refusal| refusal.line.is_some())
        .unwrap_or(0);
    let refusal = refusals.into_iter().nth(placed).unwrap_or_default();
    ProposalError::DoesNotApply(Box::new(Misfit {
        name: sanitise(name.as_bytes()),
        base: base_words(base),
        hint: hint(git, parts, base, pristine),
        path: refusal.path,
        line: refusal.line,
        reason: refusal.reason,
    }))
}

fn base_words(base: &Base) -> String {
    let short = |commit: &String| commit.chars().take(12).collect::<String>();
    match (&base.ref_name, base.commit.as_ref().map(short)) {
        (Some(name), Some(commit)) => format!("{} ({commit})", sanitise(name.as_bytes())),
        (Some(name), None) => sanitise(name.as_bytes()),
        (None, Some(commit)) => commit,
        (None, None) => "the directory".to_owned(),
    }
}

/// Looks for what would help; trouble on the way only means that there is no hint.
fn hint(git: &Git, parts: &[Cow<'_, [u8]>], base: &Base, pristine: &Path) -> Option<String> {
    let whole = parts.concat();
    if fits(git, &whole, pristine, true) {
        return Some("the base has this change already".to_owned());
    }
    let commit = older_that_fits(git, &whole, base.commit.as_deref()?)?;
    Some(format!(
        "it applies to {commit}: update the patch, or verify it with --base {commit}"
    ))
}

fn older_that_fits(git: &Git, patch: &[u8], commit: &str) -> Option<String> {
    let arguments = [
        "rev-list",
        "--first-parent",
        "--skip=1",
        "-n",
        OLDER_COMMITS,
        commit,
    ];
    let listing = git.command("list older commits", arguments).run().ok()?;
    let listing = String::from_utf8(listing).ok()?;
    let fitting = listing.lines().find(|older| {
        TemporaryIndex::of_tree(git, older)
            .is_ok_and(|index| fits(git, patch, &index.file(), false))
    });
    fitting.map(|oid| oid.chars().take(12).collect())
}

fn fits(git: &Git, patch: &[u8], index: &Path, reverse: bool) -> bool {
    let mut arguments = vec!["apply", "--cached", "--check", "--whitespace=nowarn"];
    arguments.extend(reverse.then_some("--reverse"));
    let command = git
        .command("try the patch elsewhere", arguments)
        .index(index);
    command
        .input(patch)
        .answer()
        .is_ok_and(|answer| answer.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gits_complaints_become_a_place_and_a_reason() {
        for (text, path, line) in [
            (
                "error: patch failed: src/a b:c.py:12\nerror: src/a b:c.py: patch does not apply\n",
                "src/a b:c.py",
                Some(12),
            ),
            ("error: x.py: does not exist in index\n", "x.py", None),
            ("error: x.py: already exists in index\n", "x.py", None),
        ] {
            let found = refusal(text.as_bytes());
            assert_eq!(found.path, Some(RepoPath::from(path)), "{text}");
            assert_eq!(found.line, line, "{text}");
        }
    }

    #[test]
    fn a_full_disk_is_not_the_patchs_fault() {
        let found = classify(
            b"error: unable to write file: No space left on device\n",
            "1",
            "p",
        );
        assert!(matches!(found, Err(ProposalError::Git(_))), "{found:?}");
    }
}
