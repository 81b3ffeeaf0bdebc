//! `protected-path`: files that a human has to look at.

use crate::change::{Change, ChangeKind, FileChange};
use crate::finding::{Finding, FindingLevel};
use crate::path::RepoPath;
use crate::plugin::PATH;
use crate::policy::{Check, CheckKind, Policy};
use crate::reason::ReasonCode;

pub(super) fn inspect(change: &Change, policy: &Policy) -> Vec<Finding> {
    let touched = change.files.iter().flat_map(touched);
    touched
        .filter_map(|path| Some(finding(path, why(policy, path)?)))
        .collect()
}

/// Why a person has to look at a path. A plugin's file steers the next change, as the policy does that names it.
fn why(policy: &Policy, path: &RepoPath) -> Option<String> {
    let is_plugin = |check: &&Check| matches!(&check.kind, CheckKind::Plugin(asked) if asked.plugin.as_bytes() == path.as_bytes());
    let asks = policy
        .check
        .iter()
        .any(|check| matches!(check.kind, CheckKind::Plugin(_)));
    if asks && path.as_str().is_none() {
        return Some(format!(
            "plugins cannot be told of `{path}`, whose name is no UTF-8"
        ));
    }
    if asks && path.as_bytes().len() > PATH {
        return Some(format!(
            "plugins cannot be told of a path of more than {PATH} bytes"
        ));
    }
    match policy.check.iter().find(is_plugin) {
        Some(check) => Some(format!("`{path}` is the plugin of check `{}`", check.name)),
        None => {
            (policy.rules.protected.matches(path)).then(|| format!("the policy protects `{path}`"))
        }
    }
}

fn finding(path: &RepoPath, message: String) -> Finding {
    let level = FindingLevel::Review;
    Finding::built_in(ReasonCode::ProtectedPath, level, Some(path), "", message)
}

/// The paths that a file's change touches: where it is, and where it was moved from.
pub(crate) fn touched(file: &FileChange) -> impl Iterator<Item = &RepoPath> {
    let from = match &file.kind {
        ChangeKind::Renamed(from) => Some(from),
        _ => None,
    };
    std::iter::once(&file.path).chain(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parse;

    #[test]
    fn plugins_and_what_they_cannot_be_told_of_ask_for_a_person() {
        let digest = "a".repeat(64);
        let with = format!(
            "version = 1\n[[check]]\nname = \"c\"\nkind = \"plugin\"\nplugin = \"checks/c.wasm\"\nsha256 = \"{digest}\"\n"
        );
        let odd = RepoPath::new(b"src/\xff.py".as_slice());
        for (policy, path, expected) in [
            (with.as_str(), "checks/c.wasm".into(), true),
            (&with, "checks/d.wasm".into(), false),
            (&with, odd.clone(), true),
            (&with, "a/".repeat(PATH).as_str().into(), true),
            ("version = 1\n", odd, false),
        ] {
            let policy = parse(policy, "p").unwrap();
            assert_eq!(why(&policy, &path).is_some(), expected, "{path}");
        }
    }
}
