//! A linter: its command as it is, and the report that it leaves on standard output or at `{report}`.

use passmuster_policy::policy::{LintCheck, ReportFrom};

use super::draft::Draft;
use super::reports::{Reports, Unreadable};
use super::{AdapterError, CommandRun, Job, Launch, PhaseEnd, Phases, Places};

/// What `{report}` stands for, below the report directory.
const REPORT: &str = "lint";

/// What a linter left.
#[derive(Clone, Debug)]
pub struct LintOutput {
    /// How it ended; the log is what it printed beside its report.
    pub run: CommandRun,
    /// Its report, or why there is none.
    pub report: Result<Vec<u8>, String>,
}

/// Runs the job's command once.
pub async fn run_lint<P: Phases>(
    lint: &LintCheck,
    job: &Job,
    places: &Places,
    phases: &mut P,
) -> Result<LintOutput, AdapterError<P::Error>> {
    let mut launch = Launch {
        job,
        places,
        phases,
    };
    let place = launch.report(REPORT);
    let mut phase = launch.reporting(&place.to_string_lossy());
    // A directory of the tree must not become part of a linter that Python runs.
    if super::get(&phase.env, SAFE_PATH).is_none() {
        super::set(&mut phase.env, SAFE_PATH, "1");
    }
    let end = launch.launch(phase).await?;
    let report = report(lint, &end);
    let mut draft = Draft::default();
    match (lint.report, lint.report_from) {
        (Some(_), ReportFrom::Stdout) => draft.phase_with_log(&end, &[&end.stderr]),
        _ => draft.phase(&end),
    }
    let run = draft.finish();
    Ok(LintOutput {
        run: CommandRun {
            outcome: run.outcome,
            leaked_processes: run.leaked_processes,
            usage: run.usage,
            denials: Vec::new(),
            log_tail: run.log_tail,
        },
        report,
    })
}

/// Python 3.11 and later look for modules in the working directory only without it.
const SAFE_PATH: &str = "PYTHONSAFEPATH";

fn report(lint: &LintCheck, end: &PhaseEnd) -> Result<Vec<u8>, String> {
    match (lint.report, lint.report_from) {
        (_, ReportFrom::File) => {
            let read = Reports::default().read(&end.reports.join(REPORT));
            read.map_err(|unreadable| match unreadable {
                Unreadable::Missing => "it wrote no report".to_owned(),
                Unreadable::Refused(why) => why,
            })
        }
        _ if end.stdout_truncated => Err("its report is longer than the limit `output`".to_owned()),
        (Some(_), ReportFrom::Stdout) => Ok(end.stdout.clone()),
        (None, ReportFrom::Stdout) => Ok([end.stdout.as_slice(), b"\n", &end.stderr].concat()),
    }
}
