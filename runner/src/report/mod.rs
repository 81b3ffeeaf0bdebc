//! Reports: one verdict, in the form that its reader needs.
//!
//! Whatever tests, tools or the patch could write passes through [`passmuster_policy::text`] before a person or
//! a model sees it; in JSON the serialiser's escapes do the rest.

mod agent;
mod attempts;
mod cases;
mod cost;
mod ctrf;
mod denials;
pub mod feedback;
mod findings;
mod github;
mod gitlab;
mod human;
mod junit;
pub(crate) mod log;
mod markdown;
mod place;
mod problems;
mod rdjson;
mod sarif;
#[cfg(test)]
mod testing;

use std::io;

use passmuster_policy::comparison::Class;
use passmuster_policy::verdict::{Decision, TestEntry, Verdict};

use crate::cli::Format;

pub use human::Palette;

/// Most bytes of a longer text of others in the formats of forges; the JSON form has all of it.
const QUOTED: usize = 2000;

/// Writes a verdict in this form. `run` is the id under which `show` finds it again.
pub fn write(
    out: &mut dyn io::Write,
    format: Format,
    palette: Palette,
    verdict: &Verdict,
    run: &str,
) -> io::Result<()> {
    match format {
        Format::Human => {
            let mut text = Vec::new();
            human::write(&mut text, palette, verdict, run)?;
            out.write_all(log::without_orders(&String::from_utf8_lossy(&text)).as_bytes())
        }
        Format::Agent => out.write_all(log::without_orders(&agent::text(verdict, run)).as_bytes()),
        Format::Json => json(out, verdict),
        Format::Sarif => json(out, &sarif::document(verdict, run)),
        Format::Junit => {
            let mut document = Vec::new();
            junit::write(&mut document, verdict, run)?;
            let document = log::xml_without_orders(&String::from_utf8_lossy(&document));
            out.write_all(document.as_bytes())
        }
        Format::Ctrf => json(out, &ctrf::document(verdict, run)),
        Format::Markdown => {
            out.write_all(log::without_orders(&markdown::text(verdict, run)).as_bytes())
        }
        Format::Github => out.write_all(github::text(verdict, run).as_bytes()),
        Format::Gitlab => json(out, &gitlab::document(verdict)),
        Format::Rdjson => json(out, &rdjson::document(verdict)),
    }
}

fn json(out: &mut dyn io::Write, document: &impl serde::Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    out.write_all(log::json_without_orders(&text).as_bytes())?;
    out.write_all(b"\n")
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

/// Tests that speak against the change or need a person's word, one list a class, strongest first.
fn telling_tests(verdict: &Verdict) -> Vec<(Class, Vec<&TestEntry>)> {
    let Some(tests) = &verdict.tests else {
        return Vec::new();
    };
    let lists = [
        tests.regressed.as_slice(),
        tests.broken.as_deref().unwrap_or_default(),
        &tests.vanished,
        &tests.silenced,
        &tests.added_failing,
        tests.contract.as_deref().unwrap_or_default(),
    ];
    let mut telling: Vec<(Class, Vec<&TestEntry>)> = Vec::new();
    for entry in lists.into_iter().flatten() {
        match telling.iter_mut().find(|(class, _)| *class == entry.class) {
            Some((_, entries)) => entries.push(entry),
            None => telling.push((entry.class, vec![entry])),
        }
    }
    telling
}
