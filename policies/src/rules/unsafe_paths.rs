//! `patch-unsafe`: paths and links that could escape the tree or reach git's own files.
//!
//! Git refuses most of these itself. They are refused here again because the tree is written by
//! our own code, may be checked out on other systems later, and because a wrong answer is an escape.

use crate::change::{Change, ChangeKind, Entry, FileChange, Mode};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::reason::ReasonCode;

pub(super) fn inspect(change: &Change) -> Vec<Finding> {
    let links: Vec<&RepoPath> = change
        .files
        .iter()
        .filter(|file| symlink(file).is_some())
        .map(|file| &file.path)
        .collect();
    change
        .files
        .iter()
        .filter_map(|file| inspect_file(file, &links))
        .collect()
}

fn inspect_file(file: &FileChange, links: &[&RepoPath]) -> Option<Finding> {
    let why = unsafe_path(&file.path)
        .or_else(|| from(file).and_then(unsafe_path))
        .or_else(|| beneath_link(file, links))
        .or_else(|| symlink(file).and_then(|entry| unsafe_link(&file.path, entry)))?;
    let message = format!("`{}`: {why}", file.path);
    let (code, level) = (ReasonCode::PatchUnsafe, FindingLevel::Deny);
    Some(Finding::built_in(
        code,
        level,
        Some(&file.path),
        &why,
        message,
    ))
}

fn from(file: &FileChange) -> Option<&RepoPath> {
    match &file.kind {
        ChangeKind::Renamed(from) | ChangeKind::Copied(from) => Some(from),
        _ => None,
    }
}

fn symlink(file: &FileChange) -> Option<&Entry> {
    file.after
        .as_ref()
        .filter(|entry| entry.mode == Mode::Symlink)
}

fn unsafe_path(path: &RepoPath) -> Option<String> {
    let why = if path.as_bytes().contains(&0) {
        "the path contains NUL"
    } else if path.as_bytes().starts_with(b"/") {
        "the path is absolute"
    } else if path.components().any(<[u8]>::is_empty) {
        "the path has an empty component"
    } else if path.components().any(|part| part == b".." || part == b".") {
        "the path has a component `.` or `..`"
    } else if path.components().any(names_git) {
        "the path names git's own directory, perhaps in disguise"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Whether a component is `.git` on some file system: in any case, with code points that HFS+
/// ignores, as NTFS's short name, with the trailing dots and spaces or the stream name that NTFS
/// drops, or behind a backslash.
fn names_git(component: &[u8]) -> bool {
    let text = String::from_utf8_lossy(component);
    let visible: String = text
        .chars()
        .filter(|character| !ignored_by_hfs(*character))
        .collect();
    visible.split('\\').any(|part| {
        let name = part.split(':').next().unwrap_or_default();
        let name = name.trim_end_matches(['.', ' ']).to_lowercase();
        name == ".git" || name == "git~1"
    })
}

fn ignored_by_hfs(character: char) -> bool {
    matches!(
        character,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
    )
}

fn beneath_link(file: &FileChange, links: &[&RepoPath]) -> Option<String> {
    file.after.as_ref()?;
    let beneath = |link: &&&RepoPath| {
        let rest = file.path.as_bytes().strip_prefix(link.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    links
        .iter()
        .find(beneath)
        .map(|link| format!("it lies beneath the symlink `{link}`"))
}

/// A link may climb with leading `..` as far as the root of the tree and then only descend: a
/// later `..` could climb out of whatever another link leads to.
fn unsafe_link(path: &RepoPath, entry: &Entry) -> Option<String> {
    let Some(target) = &entry.link_target else {
        return Some("the symlink's target is not known".to_owned());
    };
    let why = if target.as_bytes().is_empty() || target.as_bytes().contains(&0) {
        "the symlink's target is empty or contains NUL"
    } else if target.as_bytes().starts_with(b"/") {
        "the symlink's target is absolute"
    } else if target.components().any(names_git) {
        "the symlink points at git's own directory"
    } else if climbs_out(path, target) {
        "the symlink's target leaves the tree"
    } else if climbs_late(target) {
        "the symlink's target has `..` after a name"
    } else {
        return None;
    };
    Some(format!("{why} (`{target}`)"))
}

fn climbs_out(path: &RepoPath, target: &RepoPath) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            b"" | b"." => {}
            b".." if depth == 0 => return true,
            b".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

fn climbs_late(target: &RepoPath) -> bool {
    let real = target
        .components()
        .filter(|part| !part.is_empty() && *part != b".");
    real.skip_while(|part| *part == b"..")
        .any(|part| part == b"..")
}
