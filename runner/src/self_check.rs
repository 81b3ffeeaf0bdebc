//! A look at the sandbox before the first real command: does it start here, and with overlays?

use std::ffi::OsString;
use std::time::Duration;

use passmuster_policy::reason::Reason;
use passmuster_policy::run::Outcome;
use passmuster_process::Limits;

use crate::adapters::{Phase, Phases as _};
use crate::error::UserError;
use crate::grants::{Access, Grants, View, limits};
use crate::obstacles::sandbox_reason;
use crate::session::{Machine, Session, SessionError, make_owned};

/// Time for a command that does nothing.
const WALL: Duration = Duration::from_secs(30);

/// What was found.
#[derive(Debug)]
pub enum SelfCheck {
    /// Sandboxes start.
    Ready {
        /// Whether trees can be overlays; otherwise they are copied.
        overlay: bool,
    },
    /// They do not, so nothing may run.
    Unavailable(Reason),
}

/// Runs `/bin/true` as a check would run: first over an overlay, then over a copy.
pub async fn self_check(machine: &Machine, grants: &Grants) -> Result<SelfCheck, UserError> {
    let mut problem = None;
    for overlay in [true, false] {
        let machine = Machine {
            overlay,
            ..machine.clone()
        };
        match attempt(&machine, grants).await {
            Ok(Outcome::Exited { status: 0 } | Outcome::Interrupted) => {
                return Ok(SelfCheck::Ready { overlay });
            }
            Ok(other) => {
                problem.get_or_insert(format!("/bin/true did not work in the sandbox: {other:?}"));
            }
            Err(SessionError::Sandbox(error)) => {
                problem.get_or_insert(error.to_string());
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(SelfCheck::Unavailable(sandbox_reason(
        &problem.unwrap_or_default(),
    )))
}

async fn attempt(machine: &Machine, grants: &Grants) -> Result<Outcome, SessionError> {
    let scratch = machine.cache.scratch()?;
    let tree = scratch.path().join("tree");
    make_owned(&tree, machine.owner)?;
    let view = View {
        tree: vec![tree],
        ..View::default()
    };
    let limits = Limits {
        wall: WALL,
        ..limits(&Default::default(), &machine.capacity())
    };
    let mut session = Session::open(machine, grants, &view, Access::Check, limits)?;
    let argv = vec![OsString::from("/bin/true")];
    let phase = Phase {
        argv,
        env: grants.environment(&view),
        cwd: None,
        support: Vec::new(),
    };
    Ok(session.launch(phase).await?.outcome)
}
