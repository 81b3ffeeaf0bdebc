//! The command line that gives a verdict again.

use passmuster_policy::evidence::Subject;

use crate::base;
use crate::policy_source::Choice;
use crate::verify::{Proposed, Request};

/// The command that gives the same verdict again.
pub fn reproduce(request: &Request, subject: &Subject) -> String {
    let mut words = vec!["passmuster".to_owned(), "verify".to_owned()];
    match &request.proposed {
        Proposed::Patch { name, .. } => words.push(name.clone()),
        Proposed::Head(revision) => words.extend(["--head".to_owned(), revision.clone()]),
        Proposed::Staged => words.push("--staged".to_owned()),
        Proposed::WorkingTree | Proposed::Read(_) => words.push("--worktree".to_owned()),
    }
    words.extend([
        "--repo".to_owned(),
        request.repository.display().to_string(),
    ]);
    // A base that was named as a tree has no commit.
    let pinned = (request.base != base::Choice::ByForm).then_some(&subject.base_tree);
    if let Some(base) = subject.base_commit.as_ref().or(pinned) {
        words.extend(["--base".to_owned(), base.clone()]);
    }
    match &request.policy {
        Choice::Base => {}
        Choice::Auto => words.extend(["--policy".to_owned(), "auto".to_owned()]),
        Choice::Preset(name) => words.extend(["--policy".to_owned(), format!("preset:{name}")]),
        Choice::File(file) => words.extend(["--policy".to_owned(), file.display().to_string()]),
    }
    if let Some(isolation) = request.isolation {
        words.extend(["--isolation".to_owned(), isolation.name().to_owned()]);
    }
    words.extend(
        request
            .checks
            .iter()
            .flat_map(|name| ["--check".to_owned(), name.clone()]),
    );
    words
        .iter()
        .map(|word| quoted(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, shell) in [
            ("a.patch", "a.patch"),
            ("it's", r"'it'\''s'"),
            ("a b", "'a b'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shell);
        }
    }
}
