//! Which prepared layers a candidate may use, and which have to be made again for it.
//!
//! A step that is affected by the change runs again on the candidate's tree, and so do the steps
//! after it. A `warm` step is a build cache, made from the base only; it is used while nothing below
//! it is private.

use passmuster_policy::change::{Change, ChangeKind, FileChange};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Prepare;
use serde::Serialize;

/// How one step is made available to a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// The base's layer fits.
    Shared,
    /// It runs again on the candidate's tree.
    Private,
    /// A build cache that does not fit any more: the check builds from nothing.
    LeftOut,
}

/// How each step is made available to the candidate of this change.
pub fn uses(steps: &[&Prepare], change: &Change) -> Vec<Use> {
    let mut private = false;
    steps
        .iter()
        .map(|step| {
            let affected = private || is_affected(step, change);
            match (affected, step.warm) {
                (false, _) => Use::Shared,
                (true, true) => Use::LeftOut,
                (true, false) => {
                    private = true;
                    Use::Private
                }
            }
        })
        .collect()
}

fn is_affected(step: &Prepare, change: &Change) -> bool {
    if change.files.is_empty() {
        return false;
    }
    match &step.inputs {
        Some(inputs) => change
            .files
            .iter()
            .flat_map(touched)
            .any(|path| inputs.matches(path)),
        // It sees the whole tree. A build cache is brought up to date by the check itself.
        None => !step.warm,
    }
}

/// The paths that an entry of a change is about.
pub(crate) fn touched(file: &FileChange) -> impl Iterator<Item = &RepoPath> {
    let old = match &file.kind {
        ChangeKind::Renamed(old) | ChangeKind::Copied(old) => Some(old),
        _ => None,
    };
    old.into_iter().chain([&file.path])
}

#[cfg(test)]
mod tests {
    use super::*;
    use passmuster_policy::policy::Globs;

    fn step(inputs: Option<&[&str]>, warm: bool) -> Prepare {
        let inputs = inputs.map(|globs| Globs::new(globs).unwrap());
        Prepare {
            name: "step".to_owned(),
            inputs,
            warm,
            ..Prepare::default()
        }
    }

    fn change(paths: &[&str]) -> Change {
        let file = |path: &&str| FileChange {
            path: RepoPath::from(*path),
            kind: ChangeKind::Modified,
            before: None,
            after: None,
            binary: false,
            truncated: false,
            hunks: Vec::new(),
        };
        Change {
            files: paths.iter().map(file).collect(),
        }
    }

    fn check(steps: &[Prepare], changed: &[&str], expected: &[Use]) {
        let steps: Vec<&Prepare> = steps.iter().collect();
        assert_eq!(uses(&steps, &change(changed)), expected, "{changed:?}");
    }

    #[test]
    fn a_step_runs_again_when_the_change_touches_what_it_sees_and_so_do_the_ones_after_it() {
        let steps = [
            step(Some(&["uv.lock"]), false),
            step(Some(&["src/**"]), false),
            step(None, true),
        ];
        check(&steps, &[], &[Use::Shared, Use::Shared, Use::Shared]);
        check(
            &steps,
            &["README"],
            &[Use::Shared, Use::Shared, Use::Shared],
        );
        check(
            &steps,
            &["src/a"],
            &[Use::Shared, Use::Private, Use::LeftOut],
        );
        check(
            &steps,
            &["uv.lock"],
            &[Use::Private, Use::Private, Use::LeftOut],
        );
    }

    #[test]
    fn a_step_that_sees_the_whole_tree_runs_again_for_every_change() {
        check(&[step(None, false)], &["README"], &[Use::Private]);
        check(&[step(None, true)], &["README"], &[Use::Shared]);
    }
}
