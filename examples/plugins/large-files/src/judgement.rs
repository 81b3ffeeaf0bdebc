//! Which of the changed files are too large, and whether all of them together are.

use guest::changes::old_path;
use guest::report;
use guest::trees::{self, Tree};
use guest::{ChangeSet, ChangedFile, CheckError, Finding, Mode, Report};

use crate::limits::Config;

pub(crate) const LARGE: &str = "large-file";
pub(crate) const TOTAL: &str = "large-change";

/// The first line of every pointer.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// A pointer has three lines, and one more for each of its rare extensions; its specification allows no more bytes.
const LARGEST_POINTER: u64 = 1024;

/// A file that the change leaves in the tree.
struct Sized<'a> {
    file: &'a ChangedFile,
    limit: u64,
    before: u64,
    now: u64,
}

impl Sized<'_> {
    fn growth(&self) -> u64 {
        self.now.saturating_sub(self.before)
    }

    /// Whether the change made the file too large: it was not before, or it grew by as much again.
    fn is_too_large(&self) -> bool {
        self.now > self.limit && (self.before <= self.limit || self.growth() > self.limit)
    }

    /// Whether the file grew, while it was too large already.
    fn was_too_large(&self) -> bool {
        self.now > self.limit && self.growth() > 0
    }

    fn finding(&self, config: &Config) -> Finding {
        let path = &self.file.path;
        let (now, before, limit) = (
            report::size(self.now),
            report::size(self.before),
            report::size(self.limit),
        );
        let message = match self.before {
            0 => format!(
                "`{path}` has {now}; the limit is {limit}. Keep it out of the repository, or in Git LFS."
            ),
            _ => format!("`{path}` grew from {before} to {now}; the limit is {limit}."),
        };
        let mut finding = report::finding(LARGE, config.severity, message, report::file(path));
        finding.fingerprint = Some(report::fingerprint(&[path]));
        finding.preexisting = !self.is_too_large();
        finding
    }
}

/// Judges the sizes of the changed files.
///
/// # Errors
/// `internal` where the host does not know its own trees.
pub fn judge(
    change: &ChangeSet,
    config: &Config,
    base: &impl Tree,
    candidate: &impl Tree,
) -> Result<Report, CheckError> {
    let mut lfs = 0;
    let mut sized = Vec::new();
    for file in &change.files {
        match measure(file, config, base, candidate)? {
            Measured::Size(measured) => sized.push(measured),
            Measured::InLfs => lfs += 1,
            Measured::Nothing => {}
        }
    }
    let large = sized
        .iter()
        .filter(|file| file.is_too_large() || file.was_too_large());
    let mut findings: Vec<Finding> = large.map(|file| file.finding(config)).collect();
    let growth = sized
        .iter()
        .fold(0_u64, |sum, file| sum.saturating_add(file.growth()));
    findings.extend(total(growth, &sized, config));
    let summary = summary(&findings, growth, lfs, change.unnamed);
    let metrics = vec![
        report::count("files-measured", sized.len(), None),
        report::count("files-in-lfs", lfs, None),
        report::count(
            "growth",
            usize::try_from(growth).unwrap_or(usize::MAX),
            Some("bytes"),
        ),
    ];
    Ok(report::conclude(findings, summary, metrics))
}

enum Measured<'a> {
    Size(Sized<'a>),
    InLfs,
    Nothing,
}

fn measure<'a>(
    file: &'a ChangedFile,
    config: &Config,
    base: &impl Tree,
    candidate: &impl Tree,
) -> Result<Measured<'a>, CheckError> {
    let Some(limit) = config.limit_of(&file.path) else {
        return Ok(Measured::Nothing);
    };
    let is_file = matches!(file.new_mode, Some(Mode::File | Mode::Executable));
    let Some(now) = trees::stat(candidate, &file.path)?.filter(|_| is_file) else {
        return Ok(Measured::Nothing);
    };
    if is_in_lfs(file, now.size, candidate) {
        return Ok(Measured::InLfs);
    }
    let before = match file.old_mode {
        Some(Mode::File | Mode::Executable) => trees::stat(base, old_path(file))?,
        _ => None,
    };
    // A file that comes from where it was allowed to be larger is new here.
    let known = config
        .limit_of(old_path(file))
        .is_some_and(|old| old <= limit);
    let before = before.filter(|_| known).map_or(0, |stat| stat.size);
    Ok(Measured::Size(Sized {
        file,
        limit,
        before,
        now: now.size,
    }))
}

/// Whether what git stores of this file is a pointer of Git LFS. The trees have git's own bytes.
fn is_in_lfs(file: &ChangedFile, size: u64, candidate: &impl Tree) -> bool {
    let start = candidate.read(&file.path, 0, POINTER.len() as u32);
    size <= LARGEST_POINTER && start.is_ok_and(|bytes| bytes == POINTER)
}

fn total(growth: u64, sized: &[Sized<'_>], config: &Config) -> Option<Finding> {
    let limit = config.total.filter(|limit| growth > *limit)?;
    let mut largest: Vec<&Sized<'_>> = sized.iter().filter(|file| file.growth() > 0).collect();
    largest.sort_by_key(|file| std::cmp::Reverse(file.growth()));
    let message = format!(
        "The change makes the tree grow by {}; the limit is {}.",
        report::size(growth),
        report::size(limit)
    );
    let mut locations = largest
        .iter()
        .take(5)
        .map(|file| report::file(&file.file.path));
    let mut finding = report::finding(TOTAL, config.severity, message, locations.next()?);
    finding.locations.extend(locations);
    finding.fingerprint = Some(TOTAL.to_owned());
    Some(finding)
}

fn summary(findings: &[Finding], growth: u64, lfs: usize, unnamed: u32) -> String {
    let large = findings
        .iter()
        .filter(|finding| finding.rule == LARGE && !finding.preexisting);
    let mut summary = match large.count() {
        0 => format!(
            "No file is too large; the tree grows by {}.",
            report::size(growth)
        ),
        large => format!(
            "{} too large.",
            match large {
                1 => "1 file is".to_owned(),
                many => format!("{many} files are"),
            }
        ),
    };
    if lfs > 0 {
        summary.push_str(&format!(" In Git LFS: {}.", report::counted(lfs, "file")));
    }
    if unnamed > 0 {
        let files = report::counted(unnamed as usize, "file");
        summary.push_str(&format!(" Not looked at: {files} whose path is not UTF-8."));
    }
    summary
}

#[cfg(test)]
mod tests;
