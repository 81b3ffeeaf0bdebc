//! A check that is only a command: its exit status is all there is.

use passmuster_policy::denial::Denial;
use passmuster_policy::run::{Outcome, Usage};
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::{AdapterError, Job, Launch, Phases, Places};

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRun {
    /// The exit status, or what kept it from having one.
    pub outcome: Outcome,
    /// Processes that were still alive when the command had ended.
    pub leaked_processes: u32,
    /// What it cost.
    pub usage: Usage,
    /// What the sandbox refused.
    #[serde(default)]
    pub denials: Vec<Denial>,
    /// The last part of standard output and error, for people.
    pub log_tail: String,
}

/// Runs the job's command once, as it is.
pub async fn run_command<P: Phases>(
    job: &Job,
    places: &Places,
    phases: &mut P,
) -> Result<CommandRun, AdapterError<P::Error>> {
    let mut launch = Launch {
        job,
        places,
        phases,
    };
    let phase = launch.phase(job.argv.clone(), Vec::new());
    let end = launch.launch(phase).await?;
    let mut draft = Draft::default();
    draft.phase(&end);
    let run = draft.finish();
    Ok(CommandRun {
        outcome: run.outcome,
        leaked_processes: run.leaked_processes,
        usage: run.usage,
        denials: Vec::new(),
        log_tail: run.log_tail,
    })
}
