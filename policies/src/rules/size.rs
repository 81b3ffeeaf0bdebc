//! `change-too-large`: more than the policy lets through unseen, and files that nobody can read.
//!
//! Lock files and generated files do not count, as far as the base has files of that kind: a name alone would be
//! a way around it. What nobody reads line by line, a minified source or a binary file, counts by its size.

use std::collections::BTreeSet;

use crate::change::{Change, ChangeKind, FileChange, Mode};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::policy::Policy;
use crate::reason::ReasonCode;

use super::source::Language;

/// Files that a package manager writes.
const LOCKS: &[&str] = &[
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "bun.lock",
    "composer.lock",
    "flake.lock",
    "go.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pylock.toml",
    "uv.lock",
    "yarn.lock",
];

/// Ends of names that code generators give. A marker inside the file does not count: the author
/// of the change could write it.
const GENERATED: &[&str] = &[
    ".min.js",
    ".min.css",
    ".js.map",
    ".css.map",
    ".pb.go",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    ".pb.cc",
    ".pb.h",
    ".snap",
];

/// Programs and archives: they can do anything, and nobody sees what.
const OPAQUE: &[&str] = &[
    ".so", ".dll", ".dylib", ".exe", ".pyc", ".pyd", ".class", ".jar", ".war", ".wasm", ".node",
    ".o", ".a", ".lib", ".bin", ".whl", ".egg", ".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2",
    ".zst", ".7z", ".rar", ".deb", ".rpm", ".apk", ".dmg", ".msi",
];

/// Pictures, sounds, fonts and papers: looked at, not read.
const MEDIA: &[&str] = &[
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".icns", ".bmp", ".tiff", ".mp3",
    ".mp4", ".wav", ".ogg", ".webm", ".mov", ".woff", ".woff2", ".ttf", ".otf", ".eot", ".pdf",
    ".psd", ".ai", ".sketch",
];

/// Bytes of what nobody reads that count as one line.
const BYTES_A_LINE: u64 = 80;

/// Longer lines of a source were not written to be read.
const LONGEST_LINE: usize = 5000;

/// Binary data of tests is no finding up to this size.
const TEST_DATA: u64 = 256 * 1024;

/// The end of a generated file's name.
#[must_use]
pub fn generated_ending(path: &RepoPath) -> Option<&'static str> {
    let name = path.file_name();
    GENERATED
        .iter()
        .copied()
        .find(|end| name.ends_with(end.as_bytes()))
}

pub(crate) fn written_by_a_tool(path: &RepoPath) -> bool {
    let name = path.file_name();
    LOCKS.iter().any(|lock| name == lock.as_bytes()) || generated_ending(path).is_some()
}

/// `generated` are the endings of generated files that the base has.
pub(super) fn inspect(
    change: &Change,
    policy: &Policy,
    generated: &BTreeSet<&'static str>,
    is_test: &dyn Fn(&RepoPath) -> bool,
) -> Vec<Finding> {
    let counted = || {
        change
            .files
            .iter()
            .filter(|file| !is_exempt(file, generated))
    };
    let mut findings: Vec<Finding> = counted()
        .filter_map(|file| unreadable(file, is_test(&file.path)))
        .collect();
    let lines: u64 = counted().map(weight).sum();
    let most = policy.rules.max_changed_lines;
    if lines > most {
        let message = format!("{lines} changed lines; the policy lets {most} through");
        let (code, level) = (ReasonCode::ChangeTooLarge, FindingLevel::Review);
        findings.push(Finding::built_in(code, level, None, "", message));
    }
    findings
}

fn is_exempt(file: &FileChange, generated: &BTreeSet<&'static str>) -> bool {
    let before = match &file.kind {
        ChangeKind::Added => None,
        ChangeKind::Renamed(from) | ChangeKind::Copied(from) => Some(from),
        _ => Some(&file.path),
    };
    match generated_ending(&file.path) {
        Some(ending) => {
            generated.contains(ending)
                || before.is_some_and(|path| generated_ending(path) == Some(ending))
        }
        None => written_by_a_tool(&file.path),
    }
}

/// Removed and added lines; of what nobody reads line by line, its size in lines.
fn weight(file: &FileChange) -> u64 {
    let hunks = file.hunks.iter();
    let lines: u64 = hunks
        .map(|hunk| u64::from(hunk.before_lines) + u64::from(hunk.after_lines))
        .sum();
    let source = Language::of(&file.path).is_some();
    let long = added(file).filter(|(_, line)| source && line.len() > LONGEST_LINE);
    let long: u64 = long.map(|(_, line)| line.len() as u64 / BYTES_A_LINE).sum();
    lines + long + binary_size(file) / BYTES_A_LINE
}

fn added(file: &FileChange) -> impl Iterator<Item = (u32, &String)> {
    file.hunks
        .iter()
        .flat_map(|hunk| (hunk.after_start..).zip(&hunk.added))
}

/// Bytes of a binary file that is not there to be looked at.
fn binary_size(file: &FileChange) -> u64 {
    let after = file
        .after
        .as_ref()
        .filter(|_| file.binary && !ends_with(&file.path, MEDIA));
    after.map_or(0, |after| after.size)
}

fn ends_with(path: &RepoPath, endings: &[&str]) -> bool {
    let name = path.file_name().to_ascii_lowercase();
    endings.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// A file that nobody can read, whatever its size.
fn unreadable(file: &FileChange, test: bool) -> Option<Finding> {
    let path = Some(&file.path);
    let (code, level) = (ReasonCode::ChangeTooLarge, FindingLevel::Review);
    let after = file.after.as_ref()?;
    let runs = ends_with(&file.path, OPAQUE) || after.mode == Mode::Executable;
    if file.binary && runs && !(test && after.size <= TEST_DATA) {
        let message = format!(
            "`{}` is a program or an archive of {} bytes, which nobody can read",
            file.path, after.size
        );
        return Some(Finding::built_in(code, level, path, "binary", message));
    }
    let source = Language::of(&file.path).is_some() && !test;
    let (line, content) = added(file).find(|(_, line)| source && line.len() > LONGEST_LINE)?;
    let message = format!("a line of {} bytes, which nobody can read", content.len());
    Some(Finding::built_in(code, level, path, "long line", message).on_line(line))
}
