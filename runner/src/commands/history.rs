//! `history`: the verdicts of a repository that are kept here, and the tests that were flaky in it.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passmuster_policy::text::line;
use passmuster_policy::verdict::Verdict;
use serde_json::{Value, json};

use super::{document_text, place, print};
use crate::cache::Cache;
use crate::cli::History;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::report;
use crate::repository::Repository;
use crate::store::{FlakyTest, PastVerdict, Store};

const SCHEMA: &str = "passmuster.history/1";
/// Longest id of a test that is printed.
const ID: usize = 200;
/// Characters of an id that are enough for `show`.
const SHORT: usize = 12;

pub(super) fn run(cache: &Cache, arguments: &History) -> Result<Exit, UserError> {
    let repository = Repository::open(&place(arguments.repo.as_ref())?, &cache.git())?;
    let store = Store::open(&cache.history())?;
    let root = repository.root().to_string_lossy().into_owned();
    let runs: Vec<Run> = store
        .verdicts(&root, arguments.limit)?
        .into_iter()
        .map(Run::from)
        .collect();
    let flaky = store.flaky(&root)?;
    let text = match arguments.json {
        true => document_text(&document(&root, &runs, &flaky)),
        false => listing(&runs, &flaky, now()),
    };
    print(text.as_bytes())?;
    Ok(Exit::Pass)
}

/// A run, and its verdict where this version can read it.
struct Run {
    id: String,
    at: i64,
    verdict: Option<Verdict>,
}

impl From<PastVerdict> for Run {
    fn from(past: PastVerdict) -> Self {
        Self {
            id: past.run,
            at: past.at,
            verdict: serde_json::from_str(&past.json).ok(),
        }
    }
}

/// The codes of a verdict, each once, those that decide first.
fn codes(verdict: &Verdict) -> Vec<&'static str> {
    let reasons = verdict.reasons.iter().map(|reason| reason.code);
    let mut codes = Vec::new();
    for code in reasons.chain(verdict.review.iter().map(|item| item.code)) {
        let name = code.entry().name;
        if !codes.contains(&name) {
            codes.push(name);
        }
    }
    codes
}

fn document(repository: &str, runs: &[Run], flaky: &[FlakyTest]) -> Value {
    let run = |run: &Run| {
        let Some(verdict) = &run.verdict else {
            return json!({"run": run.id, "at": run.at, "verdict": null});
        };
        json!({
            "run": run.id,
            "at": run.at,
            "verdict": report::word(verdict.verdict),
            "codes": codes(verdict),
            "base_tree": verdict.subject.base_tree,
            "candidate_tree": verdict.subject.candidate_tree,
            "took_ms": verdict.timing.total_ms,
            "digest": verdict.digest,
        })
    };
    let test = |one: &FlakyTest| json!({"check": one.check, "test": one.test, "candidates": one.candidates});
    json!({
        "schema": SCHEMA,
        "repository": repository,
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
        "flaky": flaky.iter().map(test).collect::<Vec<_>>(),
    })
}

fn listing(runs: &[Run], flaky: &[FlakyTest], now: i64) -> String {
    let mut text = String::new();
    if runs.is_empty() {
        text += "nothing was verified in this repository yet; `passmuster verify` does\n";
    }
    for run in runs {
        let id: String = run.id.chars().take(SHORT).collect();
        let age = age(now.saturating_sub(run.at));
        let _ = match &run.verdict {
            None => writeln!(text, "{id}  {age:>9}  stored by another version"),
            Some(verdict) => writeln!(
                text,
                "{id}  {age:>9}  {:12}  {:>9}  {}",
                report::word(verdict.verdict),
                format!("{:.1} s", seconds(verdict.timing.total_ms)),
                codes(verdict).join(", ")
            ),
        };
    }
    if !flaky.is_empty() {
        text += "\nflaky tests, and in how many candidates\n";
    }
    for one in flaky {
        let _ = writeln!(
            text,
            "{:>4}  {}: {}",
            one.candidates,
            line(&one.check, ID),
            line(&one.test, ID)
        );
    }
    let lines = text.lines().map(str::trim_end);
    lines.fold(String::new(), |all, one| all + one + "\n")
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

/// How long ago, in the largest unit that fits.
fn age(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let fits = units.into_iter().find(|(length, _)| seconds >= *length);
    match fits {
        Some((length, unit)) => format!("{} {unit} ago", seconds / length),
        None => format!("{} s ago", seconds.max(0)),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_the_largest_unit_that_fits() {
        for (seconds, expected) in [
            (-5, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7_199, "1 h ago"),
            (200_000, "2 d ago"),
        ] {
            assert_eq!(age(seconds), expected);
        }
    }
}
