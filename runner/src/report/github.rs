//! The verdict as annotations of a GitHub workflow: commands on standard output, one a line.
//!
//! GitHub shows ten errors and ten warnings of a step, so no more are written, the most important first; the last of them
//! says how many more there are. Every line begins with `::`, and nothing of a change can begin another one or end a
//! property: what would is escaped as the runner reads it.

use passmuster_policy::verdict::{Decision, Verdict};

use super::problems::{Problem, Weight, all};
use super::word;

/// Annotations of one kind that GitHub shows for a step.
const SHOWN: usize = 10;

/// The lines.
pub(super) fn text(verdict: &Verdict, run: &str) -> String {
    let problems = all(verdict);
    let of = |weights: &[Weight]| {
        let chosen = problems.iter().filter(|one| weights.contains(&one.weight));
        chosen.collect::<Vec<_>>()
    };
    let mut text = String::new();
    for (command, chosen) in [
        ("error", of(&[Weight::Fail, Weight::Inconclusive])),
        ("warning", of(&[Weight::Review])),
    ] {
        annotations(&mut text, command, &chosen, run);
    }
    if verdict.verdict == Decision::Pass {
        let notes = match problems.len() {
            0 => String::new(),
            1 => "; 1 note".to_owned(),
            more => format!("; {more} notes"),
        };
        let said = format!("{}{notes}; run {run}", word(verdict.verdict));
        text.push_str(&command("notice", &[("title", "passmuster")], &said));
    }
    text
}

/// At most [`SHOWN`] lines.
fn annotations(text: &mut String, kind: &str, problems: &[&Problem<'_>], run: &str) {
    let shown = match problems.len() > SHOWN {
        true => SHOWN - 1,
        false => problems.len(),
    };
    let (first, rest) = problems.split_at(shown);
    for problem in first {
        text.push_str(&annotation(kind, problem));
    }
    if !rest.is_empty() {
        let said = format!("and {} more: passmuster show {run}", rest.len());
        text.push_str(&command(kind, &[("title", "passmuster")], &said));
    }
}

fn annotation(kind: &str, problem: &Problem<'_>) -> String {
    let title = format!("passmuster: {}", problem.rule);
    let path = problem.place.as_ref().map(|place| place.text());
    let lines = problem.place.as_ref().and_then(|place| place.lines());
    let (start, end) = match lines {
        Some(lines) => (lines.start.to_string(), lines.end.to_string()),
        None => Default::default(),
    };
    let properties = [
        ("file", path.as_deref().unwrap_or_default()),
        ("line", &start),
        ("endLine", &end),
        ("title", &title),
    ];
    command(kind, &properties, &problem.message)
}

/// One workflow command; properties without a value are left out.
fn command(kind: &str, properties: &[(&str, &str)], message: &str) -> String {
    let written = properties.iter().filter(|(_, value)| !value.is_empty());
    let written: Vec<String> = written
        .map(|(name, value)| format!("{name}={}", property(value)))
        .collect();
    format!("::{kind} {}::{}\n", written.join(","), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_property_or_its_line() {
        let line = command(
            "error",
            &[("file", "a,line=9::b%\n"), ("line", ""), ("title", "t")],
            "x%0A\r\n::warning::y",
        );
        assert_eq!(
            line,
            "::error file=a%2Cline=9%3A%3Ab%25%0A,title=t::x%250A%0D%0A::warning::y\n"
        );
        assert_eq!(line.lines().count(), 1);
    }
}
