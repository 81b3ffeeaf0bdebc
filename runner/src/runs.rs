//! Runs: one check on one tree in one sandbox, and what it gave.

use std::path::{Path, PathBuf};

use passmuster_policy::policy::{Check, Framework};
use passmuster_policy::run::TestRun;
use passmuster_policy::tests::TestResult;
use passmuster_process::{Enforcement, Limits};
use thiserror::Error;

use crate::adapters::{self, AdapterError, CommandRun, Job, Places, Selection, run_command};
use crate::git::objects::TreeEntry;
use crate::grants::{Access, Grants, View};
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
}

/// Runs a test check, or the files or binaries that hold `only`.
pub async fn test(
    machine: &Machine,
    grants: &Grants,
    task: &Task<'_>,
    framework: Framework,
    only: Option<Vec<TestResult>>,
) -> Result<Ran<TestRun>, RunError> {
    let mut session = Session::open(
        machine,
        grants,
        &task.view,
        Access::Check,
        task.limits.clone(),
    )?;
    let select = only.map_or(Selection::All, Selection::Ids);
    let job = job(grants, task, select);
    let mut result = adapters::run(framework, &job, &places(), &mut session).await?;
    // A copy, of the whole tree or of a directory, does not tell what was written to it.
    if machine.overlay {
        result.provenance.rewritten = rewritten(&session.tree_upper(), task.tracked);
        result
            .provenance
            .rewritten
            .retain(|path| !grants.is_copied(path));
    }
    Ok(Ran {
        result,
        enforcement: session.enforcement,
    })
}

/// Runs a command check.
pub async fn command(
    machine: &Machine,
    grants: &Grants,
    task: &Task<'_>,
) -> Result<Ran<CommandRun>, RunError> {
    let mut session = Session::open(
        machine,
        grants,
        &task.view,
        Access::Check,
        task.limits.clone(),
    )?;
    let job = job(grants, task, Selection::All);
    let result = run_command(&job, &places(), &mut session)
        .await
        .map_err(RunError::from)?;
    Ok(Ran {
        result,
        enforcement: session.enforcement,
    })
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
