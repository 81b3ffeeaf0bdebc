//! Runs: one check on one tree in one sandbox, and what it gave.

use std::path::{Path, PathBuf};

use passmuster_policy::policy::{Check, Framework, LintCheck};
use passmuster_policy::run::{Outcome, TestRun};
use passmuster_policy::tests::TestResult;
use passmuster_process::{Enforcement, Limits};
use thiserror::Error;

use crate::adapters::{
    self, AdapterError, CommandRun, Job, LintOutput, Phase, Phases as _, Places, Selection,
    run_command, run_lint,
};
use crate::git::objects::TreeEntry;
use crate::grants::{Access, Attendant, Failed, Grants, View};
use crate::places;
use crate::rewritten::rewritten;
use crate::session::{Machine, Session, SessionError};

/// A run that gave nothing.
#[derive(Debug, Error)]
pub enum RunError {
    /// It could not be carried out.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The framework's adapter could not use the command, or a launch failed.
    #[error(transparent)]
    Adapter(#[from] AdapterError<SessionError>),
}

/// One check on one tree.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// The check.
    pub check: &'a Check,
    /// Its first word as it is called inside the sandbox.
    pub program: PathBuf,
    /// The layers it sees.
    pub view: View,
    /// What runs beside it.
    pub services: Vec<Attendant>,
    /// How much it may use.
    pub limits: Limits,
    /// All files of the tree.
    pub tracked: &'a [TreeEntry],
}

/// What a run gave, and what protected the host meanwhile.
#[derive(Debug)]
pub struct Ran<T> {
    /// What it gave.
    pub result: T,
    /// What was enforced.
    pub enforcement: Vec<Enforcement>,
    /// Services that failed.
    pub failed_services: Vec<Failed>,
}

/// Runs a test check, or the files or binaries that hold `only`.
pub async fn test(
    machine: &Machine,
    grants: &Grants,
    task: &Task<'_>,
    framework: Framework,
    only: Option<Vec<TestResult>>,
) -> Result<Ran<TestRun>, RunError> {
    let mut session = open(machine, grants, task)?;
    let select = only.map_or(Selection::All, Selection::Ids);
    let job = job(grants, task, select);
    let mut result = adapters::run(framework, &job, &places(), &mut session).await?;
    add_logs(&mut result.log_tail, &session.failed_services);
    // A copy, of the whole tree or of a directory, does not tell what was written to it.
    if machine.overlay {
        result.provenance.rewritten = rewritten(&session.tree_upper(), task.tracked);
        result
            .provenance
            .rewritten
            .retain(|path| !grants.is_copied(path));
    }
    result.denials = session.denials;
    Ok(Ran {
        result,
        enforcement: session.enforcement,
        failed_services: session.failed_services,
    })
}

/// Runs a command check.
pub async fn command(
    machine: &Machine,
    grants: &Grants,
    task: &Task<'_>,
) -> Result<Ran<CommandRun>, RunError> {
    let mut session = open(machine, grants, task)?;
    let job = job(grants, task, Selection::All);
    let mut result = run_command(&job, &places(), &mut session)
        .await
        .map_err(RunError::from)?;
    add_logs(&mut result.log_tail, &session.failed_services);
    result.denials = session.denials;
    Ok(Ran {
        result,
        enforcement: session.enforcement,
        failed_services: session.failed_services,
    })
}

/// Runs a lint check.
pub async fn lint(
    machine: &Machine,
    grants: &Grants,
    task: &Task<'_>,
    lint: &LintCheck,
) -> Result<Ran<LintOutput>, RunError> {
    let mut session = open(machine, grants, task)?;
    let job = job(grants, task, Selection::All);
    let mut result = run_lint(lint, &job, &places(), &mut session)
        .await
        .map_err(RunError::from)?;
    add_logs(&mut result.run.log_tail, &session.failed_services);
    result.run.denials = session.denials;
    Ok(Ran {
        result,
        enforcement: session.enforcement,
        failed_services: session.failed_services,
    })
}

/// Starts the services of a check and nothing beside them: can they be had?
pub async fn services(
    machine: &Machine,
    grants: &Grants,
    task: &Task<'_>,
) -> Result<Outcome, RunError> {
    let phase = Phase {
        argv: vec!["/bin/true".into()],
        env: grants.environment(&task.view),
        ..Phase::default()
    };
    Ok(open(machine, grants, task)?.launch(phase).await?.outcome)
}

fn open<'a>(
    machine: &'a Machine,
    grants: &'a Grants,
    task: &Task<'_>,
) -> Result<Session<'a>, SessionError> {
    let limits = task.limits.clone();
    Session::open(machine, grants, &task.view, Access::Check, limits)?
        .with_services(&task.services, &task.view)
}

/// What services that failed had to say belongs to the log that explains a run.
fn add_logs(log: &mut String, failed: &[Failed]) {
    for Failed {
        name,
        how,
        log: said,
    } in failed
    {
        log.push_str(&format!("\nservice {name}: {how}\n{said}\n"));
    }
}

fn places() -> Places {
    Places {
        tree: places::TREE.into(),
        lib: places::LIB.into(),
        report: places::REPORT.into(),
    }
}

fn job(grants: &Grants, task: &Task<'_>, select: Selection) -> Job {
    let mut env = grants.environment(&task.view);
    let own = &task.check.env;
    env.retain(|(name, _)| !own.contains_key(name));
    env.extend(own.iter().map(|(name, value)| (name.clone(), value.into())));
    let program = task.program.to_string_lossy().into_owned();
    Job {
        argv: std::iter::once(program)
            .chain(task.check.run.iter().skip(1).cloned())
            .collect(),
        env,
        cwd: Some(Path::new(places::TREE).join(&task.check.cwd)),
        select,
    }
}
