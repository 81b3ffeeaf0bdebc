//! `explain`: what a reason code means and what to do about it.

use std::fmt::Write as _;

use passmuster_policy::reason::{Entry, Level, ReasonCode, TABLE};

use super::print;
use crate::error::UserError;
use crate::exit_code::Exit;

pub(super) fn run(code: Option<&str>) -> Result<Exit, UserError> {
    let text = match code {
        None => list(),
        Some(code) => {
            let code: ReasonCode = code.parse().map_err(|error| {
                UserError::usage(format!("{error}; `passmuster explain` lists all codes"))
            })?;
            explanation(code.entry())
        }
    };
    print(text.as_bytes())?;
    Ok(Exit::Pass)
}

fn list() -> String {
    let width = TABLE
        .iter()
        .map(|entry| entry.name.len())
        .max()
        .unwrap_or_default();
    TABLE.iter().fold(String::new(), |mut text, entry| {
        let _ = writeln!(
            text,
            "{:width$}  {:12}  {}",
            entry.name,
            level(entry.level),
            entry.meaning
        );
        text
    })
}

fn explanation(entry: &Entry) -> String {
    let example = entry.example.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  {line}");
        text
    });
    format!(
        "{}: {}\n\nMeaning: {}.\nIf you are the agent: {}.\nIf you are a person: {}.\n\nExample:\n{example}",
        entry.name,
        level(entry.level),
        entry.meaning,
        entry.agent,
        entry.human
    )
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Fail => "fail",
        Level::Inconclusive => "inconclusive",
        Level::Review => "review",
        Level::Usage => "usage",
    }
}
