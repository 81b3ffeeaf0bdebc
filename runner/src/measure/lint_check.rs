//! Lint checks: the same linter, with the base's configuration, on both trees.

use std::time::Duration;

use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TreeRole};
use passmuster_policy::lint::{LintEvidence, LintReport, LintRun};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Check, LintCheck};
use passmuster_policy::run::Outcome;

use super::base::{Either, Known};
use super::{Bench, Side, Trees};
use crate::adapters::LintOutput;
use crate::layers::Snapshot;
use crate::lint::place::{Placed, Placer};
use crate::lint::{Format, read};
use crate::measured::Measured;
use crate::obstacles::role_name;
use crate::parts::Read;
use crate::places;
use crate::runs::{self, RunError};
use crate::turns::Turn;

/// A check, and its keys as a lint check.
type Linter<'c> = (&'c Check, &'c LintCheck);

impl Bench<'_> {
    pub(super) async fn base_lint(
        &self,
        linter: Linter<'_>,
        side: &Side<'_>,
        blobs: &mut Read<'_>,
        measured: &mut Measured,
    ) -> Result<Known<LintRun>, RunError> {
        let (check, _) = linter;
        let turn = match self.known_or_turn(check, side).await? {
            Either::Known(run) => return Ok(Known::stored(run)),
            Either::Turn(turn) => turn,
        };
        let wall = self.wall(check, None);
        let output = self.one_lint(&turn, linter, side, wall, measured).await?;
        let result = lint_run(linter, output, &side.tree, blobs);
        // A run that came to nothing is made again: its cause may be gone.
        let ended = matches!(result.outcome, Outcome::Exited { .. });
        if ended && result.report == LintReport::Whole {
            self.keep(check, side, &result);
        }
        Ok(Known::new(result))
    }

    pub(super) async fn lint_check(
        &self,
        linter: Linter<'_>,
        trees: &Trees<'_>,
        base: Known<LintRun>,
        blobs: &mut Read<'_>,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, RunError> {
        let (check, _) = linter;
        let Known {
            result: base,
            cached,
        } = base;
        let candidate = if self.base.id == self.candidate.id {
            base.clone()
        } else {
            let side = &trees.candidate;
            let wall = self.wall(check, Some(base.usage.wall_ms));
            let turn = self.turn(side.role).await?;
            let output = self.one_lint(&turn, linter, side, wall, measured).await?;
            lint_run(linter, output, &side.tree, blobs)
        };
        let what = format!("{} on the candidate", check.name);
        measured.note_elsewhere(&what, candidate.elsewhere);
        let explains = match base.report {
            LintReport::Whole => &candidate,
            _ => &base,
        };
        Ok(CheckEvidence {
            name: check.name.clone(),
            kind: check.kind.name(),
            cached: cached.then_some(TreeRole::Base).into_iter().collect(),
            log: Some(explains.log_tail.clone()),
            usage: match cached {
                true => candidate.usage,
                false => candidate.usage.and(base.usage),
            },
            denials: of_runs(&base.denials, &candidate.denials),
            result: CheckResult::Lint(Box::new(LintEvidence { base, candidate })),
        })
    }

    async fn one_lint(
        &self,
        _turn: &Turn,
        (check, lint): Linter<'_>,
        side: &Side<'_>,
        wall: Duration,
        measured: &mut Measured,
    ) -> Result<LintOutput, RunError> {
        let task = self.task(check, side, wall);
        let what = format!("{} on the {}", check.name, role_name(side.role));
        let run = runs::lint(self.machine, self.grants, &task, lint);
        let ran = self.progress.during(&what, run).await?;
        measured.note(&ran.enforcement);
        measured.note_leaked(&what, ran.result.run.leaked_processes);
        measured.note_services(&what, &ran.failed_services);
        Ok(ran.result)
    }
}

/// What a linter left on one tree, read.
fn lint_run(
    (check, lint): Linter<'_>,
    output: LintOutput,
    tree: &Snapshot,
    blobs: &mut Read<'_>,
) -> LintRun {
    let LintOutput { run, report } = output;
    let report = report.and_then(|bytes| {
        let format = Format::of(check, lint).ok_or("nothing says how to read its report")?;
        read(format, &bytes)
    });
    let (placed, entries, state) = match report {
        Err(why) => (Placed::default(), 0, LintReport::Unusable { why }),
        Ok(report) => {
            let mut content = |path: &RepoPath| content(tree, path, blobs);
            let files = tree.entries.iter().map(|entry| &entry.path);
            let mut placer = Placer::new(places::TREE, &check.cwd, files, &mut content);
            let state = match report.partial {
                None => LintReport::Whole,
                Some(why) => LintReport::Partial { why },
            };
            (placer.place(report.findings), report.entries, state)
        }
    };
    LintRun {
        outcome: run.outcome,
        report: state,
        findings: placed.findings,
        entries,
        elsewhere: placed.elsewhere,
        leaked_processes: run.leaked_processes,
        usage: run.usage,
        denials: run.denials,
        log_tail: run.log_tail,
    }
}

fn content(tree: &Snapshot, path: &RepoPath, blobs: &mut Read<'_>) -> Option<Vec<u8>> {
    blobs(tree.entry(path)?).ok()
}
