//! Lint checks: the same linter, with the base's configuration, on both trees.

use std::io;
use std::time::Duration;

use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TreeRole};
use passmuster_policy::lint::{LintEvidence, LintReport, LintRun};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Check, LintCheck};
use passmuster_policy::run::Outcome;

use super::base::Known;
use super::{Bench, Side, Trees};
use crate::adapters::LintOutput;
use crate::git::objects::TreeEntry;
use crate::layers::Snapshot;
use crate::lint::place::{Placed, Placer};
use crate::lint::{Format, read};
use crate::measured::Measured;
use crate::obstacles::role_name;
use crate::places;
use crate::runs::{self, RunError};
use crate::turns::Turn;

/// Gives the bytes of an entry.
pub(super) type ReadBlob<'a> = dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>> + 'a;

/// A check, and its keys as a lint check.
type Linter<'c> = (&'c Check, &'c LintCheck);

impl Bench<'_> {
    pub(super) async fn base_lint(
        &self,
        linter: Linter<'_>,
        side: &Side<'_>,
        blobs: &mut ReadBlob<'_>,
        measured: &mut Measured,
    ) -> Result<Known<LintRun>, RunError> {
        let (check, _) = linter;
        let known = || {
            self.stored(check, side).map(|result| Known {
                result,
                cached: true,
            })
        };
        if let Some(known) = known() {
            return Ok(known);
        }
        let turn = self.turn(TreeRole::Base).await?;
        // Another runner may have measured it meanwhile.
        if let Some(known) = known() {
            return Ok(known);
        }
        let wall = self.wall(check, None);
        let output = self.one_lint(&turn, linter, side, wall, measured).await?;
        let result = lint_run(linter, output, &side.tree, blobs);
        // A run that came to nothing is made again: its cause may be gone.
        let ended = matches!(result.outcome, Outcome::Exited { .. });
        if ended && result.report == LintReport::Whole {
            self.keep(check, side, &result);
        }
        Ok(Known {
            result,
            cached: false,
        })
    }

    pub(super) async fn lint_check(
        &self,
        linter: Linter<'_>,
        trees: &Trees<'_>,
        base: Known<LintRun>,
        blobs: &mut ReadBlob<'_>,
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
    blobs: &mut ReadBlob<'_>,
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

fn content(tree: &Snapshot, path: &RepoPath, blobs: &mut ReadBlob<'_>) -> Option<Vec<u8>> {
    let entries = &tree.entries;
    let at = entries
        .binary_search_by(|entry| entry.path.cmp(path))
        .ok()?;
    blobs(entries.get(at)?).ok()
}
