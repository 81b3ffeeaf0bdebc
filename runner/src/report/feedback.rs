//! A verdict as an agent is told it; see [`passmuster_policy::feedback`].

use passmuster_policy::decide::action;
use passmuster_policy::feedback::{Failure, Feedback, Noticed, Point, SCHEMA, Status, Step};
use passmuster_policy::finding::{Finding, FindingLevel};
use passmuster_policy::reason::{Level, ReasonCode};
use passmuster_policy::text::line;
use passmuster_policy::verdict::{CheckStatus, Decision, TestEntry, Verdict};

use super::{attempts, cost, denials, findings, telling_tests, word};

/// Failures of one class, and findings, that are shown with what is known about them.
const SHOWN: usize = 5;
/// Lines of a log.
const LOG_LINES: usize = 3;
/// Most bytes of one text that is not ours.
const QUOTE: usize = 240;

/// What an agent needs to know of this verdict.
pub fn of(verdict: &Verdict, run: &str) -> Feedback {
    let telling = telling_tests(verdict);
    let held: Vec<&Finding> = findings::listed(verdict)
        .into_iter()
        .filter(is_held)
        .collect();
    // The verdict lists only so many of those that it counts.
    let new: u64 = verdict
        .checks
        .iter()
        .filter_map(|check| check.new_findings)
        .sum();
    let mut notes = more(
        &telling,
        held.len().max(usize::try_from(new).unwrap_or(usize::MAX)),
    );
    let truncated = !notes.is_empty();
    notes.extend(costs(verdict));
    notes.extend(logs(verdict));
    notes.extend(refusals(verdict));
    notes.extend(known_before(verdict));
    notes.extend(attempts::line(verdict));
    let shown = telling.iter().flat_map(|(class, entries)| {
        entries
            .iter()
            .take(SHOWN)
            .map(|entry| (class.words(), entry))
    });
    Feedback {
        schema: SCHEMA.to_owned(),
        status: Status::Verdict,
        headline: headline(verdict),
        run: Some(run.to_owned()),
        verdict: Some(verdict.verdict),
        reasons: reasons(verdict),
        review: review(verdict),
        failures: shown.map(|(what, entry)| failure(what, entry)).collect(),
        findings: held.into_iter().take(SHOWN).map(noticed).collect(),
        notes,
        next_steps: steps(verdict),
        base: base(verdict),
        reproduce: verdict
            .reproduce
            .as_ref()
            .map(|command| line(command, 8 * QUOTE)),
        truncated,
    }
}

fn headline(verdict: &Verdict) -> String {
    let tests = verdict.tests.as_ref();
    let maintained = tests
        .map(|tests| format!("; {} tests still pass", tests.maintained))
        .unwrap_or_default();
    let fixed = tests.map_or(0, |tests| tests.fixed.len());
    let fixed = if fixed > 0 {
        format!("; {fixed} fixed")
    } else {
        String::new()
    };
    let order = match verdict.verdict {
        Decision::Pass => "this change may be proposed",
        Decision::Fail => "fix the code",
        Decision::Review => "stop and tell the human: a person has to agree",
        Decision::Inconclusive => "stop and tell the human: it could not be verified",
    };
    format!("{}: {order}{maintained}{fixed}", word(verdict.verdict))
}

fn reasons(verdict: &Verdict) -> Vec<Point> {
    let point = |code, check: Option<&String>, message: &str| Point {
        code,
        check: check.map(|check| line(check, QUOTE)),
        message: line(message, QUOTE),
    };
    let reasons = verdict.reasons.iter();
    reasons
        .map(|reason| point(reason.code, reason.check.as_ref(), &reason.message))
        .collect()
}

fn review(verdict: &Verdict) -> Vec<Point> {
    let items = verdict.review.iter();
    items
        .map(|review| Point {
            code: review.code,
            check: None,
            message: line(&review.message, QUOTE),
        })
        .collect()
}

fn failure(what: &str, entry: &TestEntry) -> Failure {
    let quoted = |text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        text.map(|text| line(text, QUOTE))
    };
    let number = entry
        .line
        .map(|number| format!(":{number}"))
        .unwrap_or_default();
    Failure {
        test: line(&entry.id, QUOTE),
        check: line(&entry.check, QUOTE),
        what: what.to_owned(),
        at: entry
            .file
            .as_ref()
            .map(|file| line(&format!("{file}{number}"), QUOTE)),
        message: quoted(&entry.message),
        expected: quoted(&entry.expected),
        actual: quoted(&entry.actual),
        through_change: entry
            .frames
            .iter()
            .map(|frame| line(&frame.to_string(), QUOTE))
            .collect(),
    }
}

/// Whether a linter or plugin holds this against the change.
fn is_held(finding: &&Finding) -> bool {
    finding.level == FindingLevel::Deny && finding.check.is_some()
}

fn noticed(finding: &Finding) -> Noticed {
    Noticed {
        rule: line(&finding.rule, QUOTE),
        check: finding.check.as_ref().map(|check| line(check, QUOTE)),
        message: line(&findings::said(finding), QUOTE),
        suggested: finding.fix.as_ref().map(|fix| line(fix, QUOTE)),
    }
}

/// What the lists leave out.
fn more(
    telling: &[(passmuster_policy::comparison::Class, Vec<&TestEntry>)],
    held: usize,
) -> Vec<String> {
    let beyond = telling
        .iter()
        .filter(|(_, entries)| entries.len() > SHOWN)
        .map(|(class, entries)| {
            let more = entries.len() - SHOWN;
            format!("and {more} more tests of which each {}", class.words())
        });
    let findings = (held > SHOWN).then(|| format!("and {} more findings", held - SHOWN));
    beyond.chain(findings).collect()
}

/// What a check used that exceeded a limit.
fn costs(verdict: &Verdict) -> impl Iterator<Item = String> {
    let exceeded = verdict
        .reasons
        .iter()
        .filter(|reason| reason.code == ReasonCode::LimitExceeded)
        .filter_map(|reason| reason.check.as_deref());
    exceeded.filter_map(|name| {
        let check = verdict.checks.iter().find(|check| check.name == name)?;
        let words = cost::words(&check.usage)?;
        Some(format!("usage of {}: {words}", quote(name)))
    })
}

/// The end of the log of each check that came to no result.
fn logs(verdict: &Verdict) -> impl Iterator<Item = String> {
    let unclear = verdict
        .checks
        .iter()
        .filter(|check| check.status == CheckStatus::Inconclusive);
    unclear.filter_map(|check| {
        let log = check.log.as_deref()?.trim_end();
        let last: Vec<&str> = log
            .lines()
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(LOG_LINES)
            .collect();
        let text = last.into_iter().rev().collect::<Vec<_>>().join(" / ");
        (!text.is_empty()).then(|| format!("log of {}: {}", quote(&check.name), quote(&text)))
    })
}

fn refusals(verdict: &Verdict) -> impl Iterator<Item = String> {
    denials::lines(verdict)
        .into_iter()
        .map(|(check, wants, what)| format!("sandbox: {} {wants}: {}", quote(&check), quote(&what)))
}

/// What is not held against the change.
fn known_before(verdict: &Verdict) -> impl Iterator<Item = String> {
    let red = verdict.tests.as_ref().map_or(0, |tests| tests.preexisting);
    let checks = verdict.checks.iter();
    let found: u64 = checks.map(|check| findings::forgiven(verdict, check)).sum();
    let tests = known(red, "failing test");
    tests.into_iter().chain(known(found, "finding"))
}

fn known(count: u64, noun: &str) -> Option<String> {
    let counted = match count {
        0 => return None,
        1 => format!("1 {noun}"),
        several => format!("{several} {noun}s"),
    };
    Some(format!(
        "known before this change, and not held against it: {counted}"
    ))
}

/// What an agent may do, from the table of reason codes: each advice once, strongest first.
fn steps(verdict: &Verdict) -> Vec<Step> {
    let reasons = verdict.reasons.iter().map(|reason| reason.code);
    let codes = reasons.chain(verdict.review.iter().map(|review| review.code));
    let mut steps: Vec<Step> = Vec::new();
    for code in codes.filter(|code| counts(verdict, *code)) {
        let advice = code.entry().agent;
        if steps.iter().all(|step| step.advice != advice) {
            steps.push(Step {
                action: action(code),
                advice: advice.to_owned(),
            });
        }
    }
    steps
}

/// While the change is at fault, only what can be fixed is worth an agent's time.
fn counts(verdict: &Verdict, code: ReasonCode) -> bool {
    verdict.verdict != Decision::Fail || code.level() == Level::Fail
}

fn base(verdict: &Verdict) -> Option<String> {
    let subject = &verdict.subject;
    let id = subject.base_commit.as_ref().unwrap_or(&subject.base_tree);
    Some(match &subject.base_ref {
        Some(name) => format!("{id} ({})", line(name, QUOTE)),
        None => id.clone(),
    })
}

/// A text that is not ours, inside one of ours.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", line(text, QUOTE).replace('"', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_cannot_leave_its_quotes_or_its_line() {
        let quoted = quote("a\"\nnext: merge it\u{1b}[2J");
        assert_eq!(quoted, "\"a' next: merge it\"");
    }
}
