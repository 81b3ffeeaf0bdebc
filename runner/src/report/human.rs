//! The verdict for a person: what was decided, why, what to do, how to see it again.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use passmuster_policy::comparison::Class;
use passmuster_policy::evidence::{BaseTrust, EnforcementState, PolicySource};
use passmuster_policy::finding::FindingLevel;
use passmuster_policy::reason::ReasonCode;
use passmuster_policy::verdict::{
    CheckStatus, CheckSummary, Decision, TestEntry, TestSummary, Verdict,
};

use super::{attempts, cost, denials, findings, telling_tests, word};
use crate::obstacles::role_name;
use passmuster_policy::text::{block, line};

/// Tests listed in full under each heading; the JSON form has all of them.
const LISTED: usize = 20;
/// Lines of a traceback.
const DETAIL_LINES: usize = 12;
/// Longest line.
const LINE: usize = 300;

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// On a terminal that has them.
    Colour,
    /// Anywhere else.
    Plain,
}

impl Palette {
    fn paint(self, style: Style, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("{style}{text}{style:#}"),
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    fn decision(self, decision: Decision) -> String {
        let colour = match decision {
            Decision::Pass => AnsiColor::Green,
            Decision::Fail => AnsiColor::Red,
            Decision::Review | Decision::Inconclusive => AnsiColor::Yellow,
        };
        self.paint(
            Style::new().bold().fg_color(Some(colour.into())),
            &word(decision).to_uppercase(),
        )
    }
}

/// Writes the whole report.
pub(super) fn write(
    out: &mut dyn Write,
    palette: Palette,
    verdict: &Verdict,
    run: &str,
) -> io::Result<()> {
    heart(out, palette, verdict)?;
    list_findings(out, palette, verdict)?;
    checks(out, palette, verdict)?;
    next_steps(out, palette, verdict)?;
    footer(out, palette, verdict, run)
}

/// The heart of it, and where the rest is.
pub(super) fn brief(
    out: &mut dyn Write,
    palette: Palette,
    verdict: &Verdict,
    run: &str,
) -> io::Result<()> {
    heart(out, palette, verdict)?;
    writeln!(
        out,
        "{}",
        palette.dim(&format!("all of it: passmuster show {run}"))
    )
}

/// The decision, the reasons and the tests.
fn heart(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    writeln!(
        out,
        "{}  {}",
        palette.decision(verdict.verdict),
        summary(verdict)
    )?;
    reasons(out, palette, verdict)?;
    tests(out, palette, verdict)?;
    good_news(out, palette, verdict)
}

/// The checks, and what is in the way of any of them.
pub(super) fn trial(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    let in_the_way = verdict
        .reasons
        .iter()
        .filter(|reason| reason.code != ReasonCode::EmptyChange);
    for reason in in_the_way {
        writeln!(
            out,
            "{}: {}",
            palette.bold(reason.code.name()),
            line(&reason.message, 4 * LINE)
        )?;
    }
    checks(out, palette, verdict)
}

/// One line that says what the word means here.
fn summary(verdict: &Verdict) -> String {
    let strongest = verdict
        .reasons
        .first()
        .map(|reason| reason.code.entry().meaning);
    let review = verdict
        .review
        .first()
        .map(|review| review.code.entry().meaning);
    let text = match (verdict.verdict, strongest, review) {
        (Decision::Pass, ..) => "every required check holds on the candidate",
        (_, Some(meaning), _) | (_, None, Some(meaning)) => meaning,
        (_, None, None) => "",
    };
    text.to_owned()
}

fn reasons(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    for reason in &verdict.reasons {
        let check = reason
            .check
            .as_ref()
            .map(|check| format!(" ({})", line(check, LINE)))
            .unwrap_or_default();
        writeln!(out, "\n{}{check}", palette.bold(reason.code.name()))?;
        writeln!(out, "  {}", line(&reason.message, 4 * LINE))?;
    }
    for review in &verdict.review {
        writeln!(out, "\n{}", palette.bold(review.code.name()))?;
        writeln!(out, "  {}", line(&review.message, 4 * LINE))?;
        for file in review.files.iter().take(LISTED) {
            writeln!(out, "  - {}", line(&file.to_string(), LINE))?;
        }
    }
    Ok(())
}

fn tests(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    for (class, entries) in telling_tests(verdict) {
        for entry in entries.iter().take(LISTED) {
            test(out, palette, class.words(), entry)?;
        }
        if entries.len() > LISTED {
            writeln!(
                out,
                "  … and {} more: see --format json",
                entries.len() - LISTED
            )?;
        }
    }
    Ok(())
}

fn test(out: &mut dyn Write, palette: Palette, what: &str, entry: &TestEntry) -> io::Result<()> {
    writeln!(out, "\n{}", palette.bold(&line(&entry.id, LINE)))?;
    let place = place(entry)
        .map(|place| format!("  at {place}"))
        .unwrap_or_default();
    writeln!(out, "  {what}{place}")?;
    if let Some(message) = entry
        .message
        .as_deref()
        .filter(|message| !message.is_empty())
    {
        writeln!(out, "  {}", line(message, LINE))?;
    }
    for (name, value) in [("expected", &entry.expected), ("actual  ", &entry.actual)] {
        if let Some(value) = value {
            writeln!(out, "  {name}: {}", line(value, LINE))?;
        }
    }
    if !entry.frames.is_empty() {
        let frames: Vec<_> = entry.frames.iter().map(ToString::to_string).collect();
        writeln!(
            out,
            "  through the change at {}",
            line(&frames.join(", "), LINE)
        )?;
    }
    let detail = block(entry.detail.as_deref().unwrap_or_default(), 16 * LINE);
    let lines: Vec<&str> = detail
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    for line in lines.iter().skip(lines.len().saturating_sub(DETAIL_LINES)) {
        writeln!(
            out,
            "  {}",
            palette.dim(&format!("| {}", block(line, LINE)))
        )?;
    }
    Ok(())
}

fn place(entry: &TestEntry) -> Option<String> {
    let file = line(&entry.file.as_ref()?.to_string(), LINE);
    Some(
        entry
            .line
            .map_or_else(|| file.clone(), |line| format!("{file}:{line}")),
    )
}

fn good_news(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    let Some(tests) = &verdict.tests else {
        return Ok(());
    };
    for (what, entries) in [
        ("fixed", &tests.fixed),
        ("new and passing", &tests.added),
        ("flaky", &tests.flaky),
    ] {
        if entries.is_empty() {
            continue;
        }
        writeln!(
            out,
            "\n{}",
            palette.bold(&format!("{what}: {}", entries.len()))
        )?;
        for entry in entries.iter().take(LISTED) {
            writeln!(out, "  + {}{}", line(&entry.id, LINE), worth(tests, entry))?;
        }
    }
    Ok(())
}

/// What a new test is worth, where that was measured.
fn worth(tests: &TestSummary, entry: &TestEntry) -> &'static str {
    match &tests.proves {
        Some(proves) if entry.class == Class::Added => match proves.contains(&entry.id) {
            true => "  (fails without the change)",
            false => "  (passes without the change too)",
        },
        _ => "",
    }
}

fn list_findings(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    let listed = findings::listed(verdict);
    if listed.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", palette.bold("findings"))?;
    for finding in listed.iter().take(LISTED) {
        let level = match finding.level {
            FindingLevel::Note => "note",
            FindingLevel::Review => "review",
            FindingLevel::Deny => "deny",
        };
        writeln!(out, "  {level}: {}", line(&findings::said(finding), LINE))?;
        if let Some(fix) = &finding.fix {
            writeln!(out, "    suggested: {}", line(fix, LINE))?;
        }
    }
    match listed.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more: see --format json"),
    }
}

fn checks(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    if verdict.checks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", palette.bold("checks"))?;
    for check in &verdict.checks {
        writeln!(out, "  {}", check_line(verdict, check))?;
        if let Some(summary) = &check.summary {
            writeln!(out, "    it says: {}", line(summary, LINE))?;
        }
        log(out, palette, check, is_listed(verdict, check))?;
        for run in &check.runs {
            let tree = role_name(run.tree);
            writeln!(out, "    {tree}: {}", line(&run.why, LINE))?;
        }
        for text in denials::paragraph(verdict, check) {
            writeln!(out, "    {}", line(&text, 2 * LINE))?;
        }
    }
    if let Some(tests) = &verdict.tests {
        writeln!(out, "  tests: {}", counts(tests))?;
    }
    Ok(())
}

/// Whether tests or findings say what a check holds against the change.
fn is_listed(verdict: &Verdict, check: &CheckSummary) -> bool {
    check.findings.is_some() || !telling_tests(verdict).is_empty()
}

fn check_line(verdict: &Verdict, check: &CheckSummary) -> String {
    let status = match check.status {
        CheckStatus::Passed => "passed",
        CheckStatus::Failed => "failed",
        CheckStatus::Inconclusive => "inconclusive",
        CheckStatus::NotApplicable => "does not apply to the change",
        CheckStatus::NotRun => "not run",
    };
    let tests = check
        .tests
        .map(|tests| format!(", {tests} tests"))
        .unwrap_or_default();
    let findings = findings::words(verdict, check)
        .map(|found| format!(", {found}"))
        .unwrap_or_default();
    let cached = if check.cached.is_empty() {
        ""
    } else {
        ", base result from the store"
    };
    let optional = if check.required { "" } else { ", not required" };
    let cost = cost::words(&check.usage)
        .map(|words| format!(" ({words})"))
        .unwrap_or_default();
    format!(
        "{}: {status}{tests}{findings}{cached}{optional}{cost}",
        line(&check.name, LINE)
    )
}

fn counts(tests: &TestSummary) -> String {
    let all = [
        (tests.maintained, "maintained"),
        (tests.fixed.len() as u64, "fixed"),
        (tests.added.len() as u64, "added"),
        (tests.regressed.len() as u64, "regressed"),
        (tests.vanished.len() as u64, "vanished"),
        (tests.silenced.len() as u64, "silenced"),
        (tests.added_failing.len() as u64, "added and failing"),
        (
            tests.contract.as_ref().map_or(0, Vec::len) as u64,
            "for a person to agree to",
        ),
        (tests.flaky.len() as u64, "flaky"),
        (
            tests.preexisting,
            "failing before and after (not held against the change)",
        ),
        (tests.unavailable, "unavailable here"),
    ];
    let some = all
        .into_iter()
        .filter(|(count, name)| *count > 0 || *name == "maintained");
    some.map(|(count, name)| format!("{count} {name}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The table's advice for a person, each once, strongest first.
fn next_steps(out: &mut dyn Write, palette: Palette, verdict: &Verdict) -> io::Result<()> {
    let reasons = verdict.reasons.iter().map(|reason| reason.code);
    let codes = reasons.chain(verdict.review.iter().map(|review| review.code));
    let mut advice: Vec<&str> = Vec::new();
    for code in codes {
        if !advice.contains(&code.entry().human) {
            advice.push(code.entry().human);
        }
    }
    if !advice.is_empty() {
        writeln!(out, "\n{}", palette.bold("what to do"))?;
    }
    advice
        .iter()
        .try_for_each(|advice| writeln!(out, "  - {advice}"))
}

/// Said only where it limits what the verdict is worth.
fn trust(base: Option<BaseTrust>) -> &'static str {
    match base {
        Some(BaseTrust::Local) => ", local: as trusted as whoever commits here",
        _ => "",
    }
}

fn footer(out: &mut dyn Write, palette: Palette, verdict: &Verdict, run: &str) -> io::Result<()> {
    let subject = &verdict.subject;
    let base_ref = subject
        .base_ref
        .as_ref()
        .map(|name| format!(" ({}{})", line(name, LINE), trust(subject.base_trust)))
        .unwrap_or_default();
    let candidate = subject.candidate_tree.as_deref().map_or("none", short);
    let in_state = |state| {
        let entries = verdict.enforcement.iter();
        let names = entries.filter(|one| one.state == state);
        names
            .map(|one| one.protection.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut lines = vec![
        format!(
            "base {}{base_ref} → candidate {candidate}",
            short(&subject.base_tree)
        ),
        format!(
            "policy {} {}",
            policy_name(verdict),
            short(&verdict.policy.sha256)
        ),
    ];
    for (words, state) in [
        ("not enforced here", EnforcementState::Absent),
        (
            "enforced by a weaker means here",
            EnforcementState::Degraded,
        ),
    ] {
        let names = in_state(state);
        if !names.is_empty() {
            lines.push(format!("{words}: {names}"));
        }
    }
    lines.extend(attempts::line(verdict));
    lines.push(format!("digest {}", verdict.digest));
    lines.push(format!("run {run}, again: passmuster show {run}"));
    lines.extend(
        verdict
            .reproduce
            .iter()
            .map(|command| format!("reproduce: {}", line(command, 8 * LINE))),
    );
    writeln!(out)?;
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{}", palette.dim(line)))
}

/// Where the policy came from, as its reader would call it.
fn policy_name(verdict: &Verdict) -> &str {
    match (&verdict.policy.path, verdict.policy.source) {
        (Some(path), _) => path,
        (None, PolicySource::Detected) => "detected",
        (None, PolicySource::Base | PolicySource::Operator) => "of a preset",
    }
}

/// The end of the log where nothing else explains how a check came out.
fn log(
    out: &mut dyn Write,
    palette: Palette,
    check: &CheckSummary,
    listed: bool,
) -> io::Result<()> {
    let explained = match check.status {
        CheckStatus::Failed => listed,
        CheckStatus::Inconclusive => false,
        CheckStatus::Passed | CheckStatus::NotApplicable | CheckStatus::NotRun => true,
    };
    let Some(text) = check.log.as_deref().filter(|_| !explained) else {
        return Ok(());
    };
    let text = block(text, usize::MAX);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    for text in lines.iter().skip(lines.len().saturating_sub(DETAIL_LINES)) {
        writeln!(
            out,
            "    {}",
            palette.dim(&format!("| {}", line(text, LINE)))
        )?;
    }
    Ok(())
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
