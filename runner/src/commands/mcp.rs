//! `mcp`: the options of the server.

use super::place;
use crate::cli::Mcp;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::mcp::{Options, serve};
use crate::policy_source::choice;
use crate::verify::World;

pub(super) async fn run(world: &World, arguments: &Mcp) -> Result<Exit, UserError> {
    let repositories = match arguments.repositories.as_slice() {
        [] => vec![place(None)?],
        given => given.to_vec(),
    };
    let options = Options {
        repositories,
        base: arguments.base.clone(),
        policy: choice(arguments.policy.as_deref()),
        isolation: arguments.isolation,
    };
    serve(world, options).await?;
    Ok(Exit::Pass)
}
