//! Changes made from texts, for the tests of rules that read them.

use super::texts::Sides;
use crate::change::{Change, ChangeKind, Entry, FileChange, Hunk, Mode};
use crate::finding::Finding;
use crate::mixed::Side;

/// A change of whole texts: path, the base's text, the candidate's; none where the file is not there.
pub(super) fn change(files: &[(&str, Option<&str>, Option<&str>)]) -> (Change, Vec<Sides>) {
    let mut made = Change::default();
    let mut sides = Vec::new();
    for (path, before, after) in files {
        made.files.push(file(path, *before, *after));
        let side = |text: &Option<&str>| {
            text.map_or(Side::Absent, |text| Side::Text(text.as_bytes().to_vec()))
        };
        sides.push(Sides {
            before: side(before),
            after: side(after),
        });
    }
    (made, sides)
}

fn file(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    let entry = |text: &str| Entry {
        mode: Mode::File,
        oid: text.len().to_string(),
        size: text.len() as u64,
        link_target: None,
    };
    FileChange {
        path: path.into(),
        kind: match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Deleted,
            _ => ChangeKind::Modified,
        },
        before: before.map(entry),
        after: after.map(entry),
        binary: false,
        hunks: hunks(&split(before), &split(after)),
        truncated: false,
    }
}

fn split(text: Option<&str>) -> Vec<&str> {
    text.unwrap_or_default().lines().collect()
}

/// The changed lines, by longest common subsequence.
fn hunks(before: &[&str], after: &[&str]) -> Vec<Hunk> {
    if before.is_empty() || after.is_empty() {
        let all = hunk(0, before, 0, after);
        return (before.len() + after.len() > 0)
            .then_some(all)
            .into_iter()
            .collect();
    }
    let mut common = vec![vec![0_usize; after.len() + 1]; before.len() + 1];
    for b in (0..before.len()).rev() {
        for a in (0..after.len()).rev() {
            common[b][a] = if before[b] == after[a] {
                common[b + 1][a + 1] + 1
            } else {
                common[b + 1][a].max(common[b][a + 1])
            };
        }
    }
    let (mut b, mut a, mut found) = (0, 0, Vec::new());
    while b < before.len() || a < after.len() {
        let (start_b, start_a) = (b, a);
        while (b < before.len() || a < after.len())
            && !(b < before.len() && a < after.len() && before[b] == after[a])
        {
            let remove =
                a == after.len() || (b < before.len() && common[b + 1][a] >= common[b][a + 1]);
            if remove { b += 1 } else { a += 1 }
        }
        if (start_b, start_a) != (b, a) {
            found.push(hunk(
                start_b,
                &before[start_b..b],
                start_a,
                &after[start_a..a],
            ));
        } else {
            b += 1;
            a += 1;
        }
    }
    found
}

fn hunk(before: usize, removed: &[&str], after: usize, added: &[&str]) -> Hunk {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    // Git names the line before, where a side has none.
    let start = |at: usize, lines: &[&str]| (at + usize::from(!lines.is_empty())) as u32;
    Hunk {
        before_start: start(before, removed),
        before_lines: removed.len() as u32,
        after_start: start(after, added),
        after_lines: added.len() as u32,
        added: owned(added),
        removed: owned(removed),
    }
}

/// `path:line: message` of each finding.
pub(super) fn said(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(Finding::placed).collect()
}
