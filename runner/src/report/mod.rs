//! Reports: one verdict, in the form that its reader needs.
//!
//! Whatever tests, tools or the patch could write passes through [`passmuster_policy::text`] before a person or
//! a model sees it; in JSON the serialiser's escapes do the rest.

mod agent;
mod cost;
mod denials;
mod findings;
mod human;

use std::io;

use passmuster_policy::verdict::{Decision, Verdict};

use crate::cli::Format;

pub use human::Palette;

/// Writes a verdict in this form. `run` is the id under which `show` finds it again.
pub fn write(
    out: &mut dyn io::Write,
    format: Format,
    palette: Palette,
    verdict: &Verdict,
    run: &str,
) -> io::Result<()> {
    match format {
        Format::Human => human::write(out, palette, verdict, run),
        Format::Agent => out.write_all(agent::text(verdict, run).as_bytes()),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, verdict)?;
            out.write_all(b"\n")
        }
    }
}

/// The word as the verdict document has it.
pub fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "pass",
        Decision::Fail => "fail",
        Decision::Review => "review",
        Decision::Inconclusive => "inconclusive",
    }
}

/// The heart of the report for a person: what was decided and why.
pub fn brief(
    out: &mut dyn io::Write,
    palette: Palette,
    verdict: &Verdict,
    run: &str,
) -> io::Result<()> {
    human::brief(out, palette, verdict, run)
}

/// How every check did on the base alone.
pub fn trial(out: &mut dyn io::Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    human::trial(out, palette, verdict)
}

/// The lists of a verdict in which tests speak against the change, with words for them, strongest
/// first.
fn failing_tests(
    verdict: &Verdict,
) -> Vec<(&'static str, &[passmuster_policy::verdict::TestEntry])> {
    let Some(tests) = &verdict.tests else {
        return Vec::new();
    };
    let lists: [(&'static str, &[_]); 5] = [
        ("passed before and fails now", &tests.regressed),
        (
            "fails now, though the base's version of it passes",
            tests.broken.as_deref().unwrap_or_default(),
        ),
        ("passed before and is gone", &tests.vanished),
        ("passed before and is skipped now", &tests.silenced),
        ("is new and fails", &tests.added_failing),
    ];
    lists
        .into_iter()
        .filter(|(_, entries)| !entries.is_empty())
        .collect()
}
