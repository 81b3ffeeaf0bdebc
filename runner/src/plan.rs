//! The plan: which checks run, on which trees, over which prepare steps. Pure, and printable.

use passmuster_policy::change::Change;
use passmuster_policy::evidence::WhyNotRun;
use passmuster_policy::policy::{Check, Policy, Prepare};

use crate::uses::{Use, touched, uses};

/// What will be done about one check.
#[derive(Clone, Debug)]
pub struct CheckPlan<'a> {
    /// The check.
    pub check: &'a Check,
    /// Why it does not run; none when it does.
    pub left_out: Option<WhyNotRun>,
    /// The prepare steps that it sees, in the policy's order, and how the candidate gets them.
    pub steps: Vec<(&'a Prepare, Use)>,
}

/// Plans every check of the policy. `selected` holds the names of `--check`; empty means all.
pub fn plan<'a>(policy: &'a Policy, change: &Change, selected: &[String]) -> Vec<CheckPlan<'a>> {
    policy
        .check
        .iter()
        .map(|check| {
            let steps = steps_of(policy, check);
            let used = uses(&steps, change);
            CheckPlan {
                check,
                left_out: left_out(check, change, selected),
                steps: steps.into_iter().zip(used).collect(),
            }
        })
        .collect()
}

/// The prepare steps that a check needs: those it names, else all.
fn steps_of<'a>(policy: &'a Policy, check: &Check) -> Vec<&'a Prepare> {
    let needed = |step: &&Prepare| {
        check
            .needs
            .as_ref()
            .is_none_or(|names| names.contains(&step.name))
    };
    policy.prepare.iter().filter(needed).collect()
}

fn left_out(check: &Check, change: &Change, selected: &[String]) -> Option<WhyNotRun> {
    if !selected.is_empty() && !selected.contains(&check.name) {
        return Some(WhyNotRun::NotSelected);
    }
    let paths = check.paths.as_ref()?;
    let is_touched = change
        .files
        .iter()
        .flat_map(touched)
        .any(|path| paths.matches(path));
    (!is_touched).then_some(WhyNotRun::NotTouched)
}
