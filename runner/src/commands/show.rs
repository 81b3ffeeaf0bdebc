//! `show`: a verdict again.

use passmuster_policy::verdict::Verdict;

use super::{palette, print, say};
use crate::cache::Cache;
use crate::cli::Show;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::past;
use crate::report;
use crate::store::Store;

/// Ends with 0 whatever the verdict was: it was shown.
pub(super) fn run(cache: &Cache, arguments: &Show) -> Result<Exit, UserError> {
    let (run, verdict) = stored(cache, arguments.run.as_deref().unwrap_or_default())?;
    let mut text = Vec::new();
    report::write(&mut text, arguments.format, palette(), &verdict, &run)?;
    print(&text)?;
    let store = Store::open(&cache.history())?;
    // Beside the verdict, which names no place of this machine in any form.
    for log in past::network_logs(&store, &run)? {
        say(&format!(
            "what a prepare step reached through the network: {}",
            log.display()
        ));
    }
    Ok(Exit::Pass)
}

/// The run whose id begins so, and its verdict.
pub(super) fn stored(cache: &Cache, wanted: &str) -> Result<(String, Verdict), UserError> {
    let store = Store::open(&cache.history())?;
    let found = store.run(wanted)?.ok_or_else(|| missing(wanted))?;
    let verdict = serde_json::from_str(&found.json).map_err(|_| {
        UserError::usage(format!(
            "run {} was stored by another version; verify the change again",
            found.run
        ))
    })?;
    Ok((found.run, verdict))
}

fn missing(wanted: &str) -> UserError {
    UserError::usage(match wanted {
        "" => "nothing was verified here yet; `passmuster verify` does".to_owned(),
        _ => format!("no run's id begins with `{wanted}`, or more than one does"),
    })
}
