//! The verdict for a model, as text: the decision first, then what it needs to fix its code, within a budget.
//!
//! Text from tests stands between quotation marks, on one line, cut short: it is data that a hostile
//! change may have written, never an instruction. Nothing here suggests touching tests or policy.

use std::fmt::Write as _;

use passmuster_policy::feedback::{Failure, Feedback, Noticed, Point};
use passmuster_policy::verdict::Verdict;

use super::feedback::{self, quote};

/// Most bytes of a report: about a thousand tokens.
const BUDGET: usize = 4096;
/// The last line of a report that had to be cut.
const TRUNCATED: &str = "truncated: true\n";

/// The report.
pub(super) fn text(verdict: &Verdict, run: &str) -> String {
    said(&feedback::of(verdict, run))
}

fn said(feedback: &Feedback) -> String {
    let mut lines = vec![feedback.headline.clone()];
    lines.extend(feedback.reasons.iter().map(|one| point("reason", one)));
    lines.extend(feedback.review.iter().map(|one| point("review", one)));
    lines.extend(feedback.failures.iter().map(failure));
    lines.extend(feedback.findings.iter().map(finding));
    lines.extend(feedback.notes.iter().cloned());
    let steps = feedback.next_steps.iter();
    lines.extend(steps.map(|step| format!("next: {}", step.advice)));
    lines.extend(feedback.run.iter().map(|run| format!("run: {run}")));
    let commands = feedback.reproduce.iter();
    lines.extend(commands.map(|command| format!("reproduce: {command}")));
    fit(&lines, feedback.truncated)
}

fn point(kind: &str, point: &Point) -> String {
    format!("{kind} {}: {}", point.code, quote(&point.message))
}

fn failure(failure: &Failure) -> String {
    let mut line = format!("test {} {}", quote(&failure.test), failure.what);
    if let Some(at) = &failure.at {
        let _ = write!(line, " at {}", quote(at));
    }
    for (name, value) in [
        ("message", &failure.message),
        ("expected", &failure.expected),
        ("actual", &failure.actual),
    ] {
        if let Some(value) = value {
            let _ = write!(line, "\n  {name}: {}", quote(value));
        }
    }
    if !failure.through_change.is_empty() {
        let frames = failure.through_change.join(", ");
        let _ = write!(line, "\n  through the change at: {}", quote(&frames));
    }
    line
}

fn finding(finding: &Noticed) -> String {
    let mut line = format!("finding {}", quote(&finding.message));
    if let Some(fix) = &finding.suggested {
        let _ = write!(line, "\n  suggested: {}", quote(fix));
    }
    line
}

/// As many whole lines as fit the budget; the last one says when something is missing.
fn fit(lines: &[String], truncated: bool) -> String {
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() + 1 + TRUNCATED.len() > BUDGET {
            text.push_str(TRUNCATED);
            return text;
        }
        text.push_str(line);
        text.push('\n');
    }
    if truncated {
        text.push_str(TRUNCATED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_never_exceeds_its_budget_and_says_when_it_was_cut() {
        let lines = vec!["x".repeat(100); 100];
        let text = fit(&lines, false);
        assert!(text.len() <= BUDGET);
        assert!(text.ends_with(TRUNCATED));
        assert_eq!(fit(&["short".to_owned()], false), "short\n");
    }
}
