//! The lines of changed files that a traceback goes through.
//!
//! Every framework prints frames in words of its own; common to all is the file's path, and its line
//! close behind it: `a/b.py:12:`, `File "a/b.py", line 12`, `at f (a/b.js:12:3)`, `--> src/b.rs:12:3`.

use std::collections::BTreeSet;

use crate::path::RepoPath;
use crate::verdict::Frame;

/// Most frames that are kept of one failure.
const FRAMES: usize = 5;
/// Most characters between a path and its line.
const GAP: usize = 8;

/// The frames in a traceback that stand in one of these files, each line once.
pub(super) fn frames(detail: &str, changed: &BTreeSet<&RepoPath>) -> Vec<Frame> {
    let mut found = Vec::new();
    for text in detail.lines() {
        // A longer path may end in a shorter one: the longest is the one that is meant.
        let in_text = changed
            .iter()
            .filter_map(|path| Some((*path, at(text, path)?)));
        if let Some((file, line)) = in_text.max_by_key(|(path, _)| path.as_bytes().len()) {
            let frame = Frame {
                file: file.clone(),
                line,
            };
            if !found.contains(&frame) {
                found.push(frame);
            }
        }
    }
    found.truncate(FRAMES);
    found
}

/// The number that stands close behind a path.
fn at(text: &str, path: &RepoPath) -> Option<u32> {
    let path = path.as_str()?;
    let start = text.find(path)?;
    let before = text.get(..start)?.chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || "_-.".contains(c)) {
        return None;
    }
    let rest = text.get(start + path.len()..)?;
    let digits = rest
        .find(|c: char| c.is_ascii_digit())
        .filter(|at| *at > 0 && *at <= GAP)?;
    let number = rest.get(digits..)?;
    let end = number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len());
    number.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_frames_in_changed_files_are_kept_in_the_words_of_each_framework() {
        let changed: [RepoPath; 2] = ["src/calc.py".into(), "calc.py".into()];
        let changed = changed.iter().collect();
        for (detail, expected) in [
            ("src/calc.py:12: AssertionError", vec!["src/calc.py:12"]),
            (
                "  File \"/sandbox/tree/src/calc.py\", line 7, in f",
                vec!["src/calc.py:7"],
            ),
            (
                "    at f (file:///sandbox/tree/calc.py:3:9)",
                vec!["calc.py:3"],
            ),
            (
                "other.py:1\ncalc.py:2: in g\ncalc.py:2: in g\nmycalc.py:4",
                vec!["calc.py:2"],
            ),
            ("calc.py is 12 lines long", vec!["calc.py:12"]),
            ("calc.py has more than a few: 12", vec![]),
        ] {
            let found: Vec<String> = frames(detail, &changed)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(found, expected, "{detail}");
        }
    }
}
