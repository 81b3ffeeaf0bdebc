//! `change-too-large`: more lines than the policy lets through unseen.

use crate::change::{Change, FileChange};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::policy::Policy;
use crate::reason::ReasonCode;

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

pub(super) fn inspect(change: &Change, policy: &Policy) -> Option<Finding> {
    let counted = change
        .files
        .iter()
        .filter(|file| !written_by_a_tool(&file.path));
    let lines: u64 = counted.map(changed_lines).sum();
    let most = policy.rules.max_changed_lines;
    let message = || format!("{lines} changed lines; the policy lets {most} through");
    (lines > most).then(|| {
        let (code, level) = (ReasonCode::ChangeTooLarge, FindingLevel::Review);
        Finding::built_in(code, level, None, "", message())
    })
}

pub(crate) fn written_by_a_tool(path: &RepoPath) -> bool {
    let name = path.file_name();
    LOCKS.iter().any(|lock| name == lock.as_bytes())
        || GENERATED.iter().any(|end| name.ends_with(end.as_bytes()))
}

/// Removed and added lines.
fn changed_lines(file: &FileChange) -> u64 {
    file.hunks
        .iter()
        .map(|hunk| u64::from(hunk.before_lines) + u64::from(hunk.after_lines))
        .sum()
}
