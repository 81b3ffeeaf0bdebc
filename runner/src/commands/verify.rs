//! `verify`: a change in, a verdict out.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::{outputs, palette, place, print};
use crate::cli::{self, Verify};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::policy_source::choice;
use crate::proposal::PATCH_CAP;
use crate::report::{self, Palette};
use crate::verify::{Proposed, Request, World, verify};

pub(super) async fn run(
    world: &World,
    arguments: &Verify,
    request: &Request,
) -> Result<Exit, UserError> {
    let verified = verify(world, request).await?;
    if verified.stored {
        world
            .progress
            .say("this change was verified before; --no-cache measures again");
    }
    let mut text = Vec::new();
    report::write(
        &mut text,
        arguments.format,
        palette(),
        &verified.verdict,
        &verified.run,
    )?;
    print(&text)?;
    for (format, path) in &arguments.outputs {
        let mut text = Vec::new();
        report::write(
            &mut text,
            *format,
            Palette::Plain,
            &verified.verdict,
            &verified.run,
        )?;
        outputs::write(path, &text)?;
    }
    world.cache.tend();
    Ok(Exit::of(verified.verdict.verdict))
}

/// Reads what the arguments name.
pub(super) fn request(arguments: &Verify) -> Result<Request, UserError> {
    outputs::check(&arguments.outputs)?;
    Ok(Request {
        repository: place(arguments.place.repo.as_ref())?,
        proposed: proposed(&arguments.change)?,
        base: arguments.place.base.clone().into(),
        policy: choice(arguments.place.policy.as_deref()),
        isolation: arguments.isolation,
        checks: arguments.checks.clone(),
        use_stored: !arguments.no_cache,
        trial: false,
    })
}

/// Reads what is proposed.
pub(super) fn proposed(arguments: &cli::Proposed) -> Result<Proposed, UserError> {
    match (&arguments.patch, &arguments.head, arguments.staged) {
        (Some(path), ..) => patch(path),
        (None, Some(revision), _) => Ok(Proposed::Head(revision.clone())),
        (None, None, true) => Ok(Proposed::Staged),
        (None, None, false) => Ok(Proposed::WorkingTree),
    }
}

fn patch(path: &Path) -> Result<Proposed, UserError> {
    let name = path.display().to_string();
    let unreadable =
        |source: io::Error| UserError::usage(format!("cannot read the patch {name}: {source}"));
    let mut bytes = Vec::new();
    // One byte more than allowed tells "too large" from "just fits", without reading an endless pipe.
    let cap = PATCH_CAP + 1;
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(cap)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        File::open(path)
            .and_then(|file| file.take(cap).read_to_end(&mut bytes))
            .map_err(unreadable)?;
    }
    Ok(Proposed::Patch { bytes, name })
}
