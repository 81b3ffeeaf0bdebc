//! Which runs of a check were made or saved, and why.

use std::collections::BTreeSet;

use crate::comparison::Oracle;
use crate::controls::remark;
use crate::evidence::{CheckEvidence, CheckResult, CommandEvidence, TestEvidence, TreeRole};
use crate::run::TestRun;
use crate::text;
use crate::verdict::{RunExtent, RunNote};

/// Most bytes of a note about controls.
const REMARK_CAP: usize = 1024;

/// One note a tree that a check of this kind can run on; none for a check that did not run.
pub(super) fn notes(known: Option<&CheckEvidence>) -> Vec<RunNote> {
    match known.map(|known| (&known.cached, &known.result)) {
        Some((cached, CheckResult::Test(runs))) => tests(cached, runs),
        Some((cached, CheckResult::Command(outcomes))) => command(cached, outcomes),
        Some((cached, CheckResult::Lint(_))) => vec![base(cached), candidate_note()],
        // Nothing ran: a plugin looks at both trees.
        Some((_, CheckResult::NotRun(_) | CheckResult::Plugin(_))) | None => Vec::new(),
    }
}

fn tests(cached: &BTreeSet<TreeRole>, runs: &TestEvidence) -> Vec<RunNote> {
    let mut notes = vec![with_controls(base(cached), Some(&runs.base))];
    if let Some(candidate) = &runs.candidate {
        notes.push(with_controls(candidate_note(), Some(candidate)));
        notes.push(with_controls(oracle(runs, &runs.base), runs.oracle.run()));
        notes.push(probe(runs, candidate));
    }
    notes
}

fn command(cached: &BTreeSet<TreeRole>, outcomes: &CommandEvidence) -> Vec<RunNote> {
    let on_base = outcomes.base.as_ref().map(|_| base(cached));
    let on_candidate = outcomes.candidate.as_ref().map(|_| candidate_note());
    on_base.into_iter().chain(on_candidate).collect()
}

fn base(cached: &BTreeSet<TreeRole>) -> RunNote {
    match cached.contains(&TreeRole::Base) {
        true => note(
            TreeRole::Base,
            RunExtent::Saved,
            "this base was measured before",
        ),
        false => note(
            TreeRole::Base,
            RunExtent::Whole,
            "this base was not measured before",
        ),
    }
}

fn candidate_note() -> RunNote {
    note(
        TreeRole::Candidate,
        RunExtent::Whole,
        "every change is measured",
    )
}

fn oracle(runs: &TestEvidence, base: &TestRun) -> RunNote {
    let role = TreeRole::Oracle;
    match &runs.oracle {
        Oracle::NotRun => note(role, RunExtent::Saved, "the first runs cannot be compared"),
        Oracle::Known(known) if known.covered.is_empty() && !known.edited.is_empty() => {
            let why = "the change edits examples in documentation, which cannot be put back";
            note(role, RunExtent::Saved, why)
        }
        Oracle::Known(known) if known.covered.is_empty() => {
            let why = "the change edits no test of the base and nothing that steers it";
            note(role, RunExtent::Saved, why)
        }
        Oracle::Known(known) if known.run.is_none() => note(
            role,
            RunExtent::Saved,
            "the base's tests cannot be prepared beside the changed code",
        ),
        Oracle::Known(known) if known.covered.len() < base.tests.len() => {
            let why = format!(
                "the change edits what {} of {} tests are made of",
                known.covered.len(),
                base.tests.len()
            );
            note(role, RunExtent::Part, &why)
        }
        Oracle::Known(_) => {
            let why = "the change edits what steers the tests, or what all of them may use";
            note(role, RunExtent::Whole, why)
        }
    }
}

fn probe(runs: &TestEvidence, candidate: &TestRun) -> RunNote {
    let role = TreeRole::Probe;
    match &runs.probe {
        None => note(
            role,
            RunExtent::Saved,
            "there is no new test that passes, or it came to no end without the change",
        ),
        Some(run) if run.tests.len() < candidate.tests.len() => {
            note(role, RunExtent::Part, "do the new tests need the change?")
        }
        Some(_) => note(role, RunExtent::Whole, "do the new tests need the change?"),
    }
}

/// Controls that say nothing, or the wrong thing on the base too, accuse nobody; they are why less is known.
fn with_controls(mut note: RunNote, run: Option<&TestRun>) -> RunNote {
    if let Some(remark) = run.and_then(remark) {
        let why = format!("{}; {remark}", note.why);
        note.why = text::line(&why, REMARK_CAP);
    }
    note
}

fn note(tree: TreeRole, extent: RunExtent, why: &str) -> RunNote {
    RunNote {
        tree,
        extent,
        why: why.to_owned(),
    }
}
