//! Measuring a lint check: the same linter, with the base's configuration, on both trees.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use passmuster_policy::denial::of_runs;
use passmuster_policy::evidence::{CheckEvidence, CheckResult, TreeRole};
use passmuster_policy::lint::{LintEvidence, LintReport, LintRun};
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Check, CheckKind, LintCheck};
use passmuster_policy::run::Outcome;

use super::{Bench, Candidate, Side, Trees};
use crate::adapters::LintOutput;
use crate::cache::Scratch;
use crate::git::objects::TreeEntry;
use crate::layers::{LayerError, Snapshot, Workshop};
use crate::lint::place::{Placed, Placer};
use crate::lint::tree::with_base_configuration;
use crate::lint::{Format, read};
use crate::measured::Measured;
use crate::obstacles::role_name;
use crate::places;
use crate::plan::CheckPlan;
use crate::runs::{self, RunError};
use crate::session::make_owned;

/// Gives the bytes of an entry.
type ReadBlob<'a> = dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>> + 'a;

/// The candidate with the base's configuration of linters, written.
pub(super) struct LintTree {
    tree: Snapshot,
    layer: PathBuf,
}

impl LintTree {
    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            tree: &self.tree,
            layer: &self.layer,
        }
    }
}

/// Both trees of a lint check.
pub(super) struct Sides<'t> {
    pub(super) trees: &'t Trees,
    /// What stands for the candidate.
    pub(super) candidate: &'t Snapshot,
}

impl<'a> Bench<'a> {
    /// What a lint check gets in the candidate's place; none where the candidate itself will do.
    pub(super) fn lint_tree(
        &self,
        plan: &CheckPlan<'a>,
        workshop: &mut Workshop<'_>,
        space: &Scratch,
    ) -> Result<Option<LintTree>, LayerError> {
        let check = plan.check;
        if plan.left_out.is_some() || !matches!(check.kind, CheckKind::Lint(_)) {
            return Ok(None);
        }
        let tree = with_base_configuration(check, self.base, self.candidate, workshop.read_blob);
        let Some(tree) = tree else { return Ok(None) };
        let layer = space.path().join(format!("lint-{}", tree.id));
        // Another lint check may look at the same tree.
        if !layer.exists() {
            make_owned(&layer, self.machine.owner)?;
            workshop.candidate_layer(self.base, &tree, &layer)?;
        }
        Ok(Some(LintTree { tree, layer }))
    }

    pub(super) async fn lint_check(
        &self,
        check: &Check,
        lint: &LintCheck,
        Sides { trees, candidate }: Sides<'_>,
        blobs: &mut ReadBlob<'_>,
        measured: &mut Measured,
    ) -> Result<CheckEvidence, RunError> {
        let stored: Option<LintRun> = self.stored(check, &trees.base);
        let cached = stored.is_some();
        let base = match stored {
            Some(run) => run,
            None => {
                let wall = self.wall(check, None);
                let output = self
                    .one_lint(check, lint, &trees.base, wall, measured)
                    .await?;
                let run = lint_run(check, lint, output, self.base, blobs);
                self.keep_whole(check, &trees.base, &run);
                run
            }
        };
        let candidate = if self.base.id == candidate.id {
            base.clone()
        } else {
            let wall = self.wall(check, Some(base.usage.wall_ms));
            let output = self
                .one_lint(check, lint, &trees.candidate, wall, measured)
                .await?;
            lint_run(check, lint, output, candidate, blobs)
        };
        measured.note_elsewhere(
            &format!("{} on the candidate", check.name),
            candidate.elsewhere,
        );
        let explains = match base.report {
            LintReport::Whole => &candidate,
            _ => &base,
        };
        let log = explains.log_tail.clone();
        Ok(CheckEvidence {
            name: check.name.clone(),
            kind: check.kind.name(),
            cached: cached.then_some(TreeRole::Base).into_iter().collect(),
            log: Some(log),
            usage: match cached {
                true => candidate.usage,
                false => candidate.usage.and(base.usage),
            },
            denials: of_runs(&base.denials, &candidate.denials),
            result: CheckResult::Lint(Box::new(LintEvidence { base, candidate })),
        })
    }

    /// A run that came to nothing is made again: the cause may be gone.
    fn keep_whole(&self, check: &Check, side: &Side, run: &LintRun) {
        let ended = matches!(run.outcome, Outcome::Exited { .. });
        if ended && run.report == LintReport::Whole {
            self.keep(check, side, run);
        }
    }

    async fn one_lint(
        &self,
        check: &Check,
        lint: &LintCheck,
        side: &Side,
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
    check: &Check,
    lint: &LintCheck,
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
    let at = tree
        .entries
        .binary_search_by(|entry| entry.path.cmp(path))
        .ok()?;
    blobs(tree.entries.get(at)?).ok()
}
