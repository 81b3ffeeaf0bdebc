//! The verdict as Markdown, for a comment on a pull request or a job's summary.
//!
//! Text of others stands in code alone: a code span, a fenced block, or `<code>` where Markdown is not read. There neither
//! markup nor links, mentions and references of a forge mean anything, and nothing ends it but what we write: a span and
//! a fence are longer than every run of backticks inside. Whole sections are left out where the text would grow too long.

use passmuster_policy::evidence::EnforcementState;
use passmuster_policy::finding::FindingLevel;
use passmuster_policy::text::{block, line};
use passmuster_policy::verdict::{CheckStatus, Decision, TestEntry, Verdict};

use super::place::Place;
use super::{attempts, findings, telling_tests, word};

/// Most bytes: GitHub takes 65,535 characters for a comment.
const BUDGET: usize = 60_000;
/// Tests of a class, findings and files that are listed.
const LISTED: usize = 20;
/// Most bytes of a quoted line.
const LINE: usize = 300;
/// Most bytes of what a framework printed.
const DETAIL: usize = 4000;

/// The text.
pub(super) fn text(verdict: &Verdict, run: &str) -> String {
    let mut sections = vec![headline(verdict)];
    sections.extend(reasons(verdict));
    sections.extend(checks(verdict));
    sections.extend(tests(verdict));
    sections.extend(listed_findings(verdict));
    sections.extend(next_steps(verdict));
    sections.extend(enforcement(verdict));
    fit(&sections, &footer(verdict, run))
}

/// Sections as far as they fit, in their order, and the last one in any case.
fn fit(sections: &[String], last: &str) -> String {
    const CUT: &str = "*More is left out here: see the JSON form.*\n\n";
    let mut text = String::new();
    let mut cut = "";
    for section in sections {
        if text.len() + section.len() + CUT.len() + last.len() > BUDGET {
            cut = CUT;
            continue;
        }
        text.push_str(section);
    }
    text + cut + last
}

fn headline(verdict: &Verdict) -> String {
    let (sign, meaning) = match verdict.verdict {
        Decision::Pass => ("✅", "every required check holds on the candidate"),
        Decision::Fail => ("❌", "the change is at fault"),
        Decision::Review => ("👀", "nothing failed, but a person has to look"),
        Decision::Inconclusive => ("❌", "it could not be verified"),
    };
    format!(
        "## {sign} passmuster: {}\n\n{meaning}\n\n",
        word(verdict.verdict)
    )
}

fn reasons(verdict: &Verdict) -> Vec<String> {
    let reasons = verdict.reasons.iter().map(|reason| {
        let check = reason.check.as_ref();
        let check = check
            .map(|name| format!(" ({})", code(name)))
            .unwrap_or_default();
        let (name, meaning) = (reason.code.name(), reason.code.entry().meaning);
        format!(
            "- **{name}**{check}: {meaning}  \n  {}\n",
            code(&reason.message)
        )
    });
    let review = verdict.review.iter().map(|review| {
        let (name, meaning) = (review.code.name(), review.code.entry().meaning);
        let files = review.files.iter().take(LISTED);
        let files: Vec<String> = files.map(|file| code(&file.to_string())).collect();
        let files = match files.is_empty() {
            true => String::new(),
            false => format!("  \n  {}", files.join(", ")),
        };
        format!(
            "- **{name}**: {meaning}  \n  {}{files}\n",
            code(&review.message)
        )
    });
    titled("", reasons.chain(review))
}

fn checks(verdict: &Verdict) -> Vec<String> {
    let rows = verdict.checks.iter().map(|check| {
        let status = match check.status {
            CheckStatus::Passed => "✅ passed",
            CheckStatus::Failed => "❌ failed",
            CheckStatus::Inconclusive => "❌ inconclusive",
            CheckStatus::NotApplicable => "does not apply",
            CheckStatus::NotRun => "❌ not run",
        };
        let required = if check.required {
            ""
        } else {
            " (not required)"
        };
        let tests = check.tests.map(|tests| tests.to_string());
        let found = findings::words(verdict, check);
        format!(
            "| {} | {status}{required} | {} | {} |\n",
            cell(&check.name),
            tests.unwrap_or_default(),
            found.unwrap_or_default()
        )
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "### Checks\n\n| check | result | tests | findings |\n|---|---|---|---|\n{rows}\n{}",
        counts(verdict)
    )]
}

fn counts(verdict: &Verdict) -> String {
    let Some(tests) = &verdict.tests else {
        return String::new();
    };
    let of = |count: u64, words: &str| (count > 0).then(|| format!("{count} {words}"));
    let length = |list: &[TestEntry]| list.len() as u64;
    let counts: Vec<String> = [
        of(tests.maintained, "tests pass as before"),
        of(length(&tests.fixed), "fixed"),
        of(length(&tests.added), "new and passing"),
        of(length(&tests.flaky), "flaky"),
        of(tests.preexisting, "failed before too"),
        of(tests.unavailable, "cannot run here"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!("{}\n\n", counts.join(", ")),
    }
}

fn tests(verdict: &Verdict) -> Vec<String> {
    let mut sections = Vec::new();
    for (number, (class, entries)) in telling_tests(verdict).into_iter().enumerate() {
        let title = if number == 0 { "### Tests\n\n" } else { "" };
        let number = match entries.len() {
            1 => "1 test".to_owned(),
            several => format!("{several} tests of which each"),
        };
        sections.push(format!("{title}{number} {}:\n\n", class.words()));
        sections.extend(entries.iter().take(LISTED).map(|entry| test(entry)));
        sections.extend(more(entries.len()));
    }
    sections
}

/// One test, closed until somebody opens it.
fn test(entry: &TestEntry) -> String {
    let place = entry.file.as_ref().map(|file| {
        let lines = entry
            .line
            .map(|start| passmuster_policy::finding::Lines { start, end: start });
        Place::of(file, lines).map_or_else(|| file.to_string(), |place| place.with_line())
    });
    let mut lines = Vec::new();
    let mut say = |name: &str, value: Option<&str>| {
        let value = value.filter(|value| !value.is_empty());
        lines.extend(value.map(|value| format!("- {name}: {}\n", code(value))));
    };
    say("at", place.as_deref());
    say("message", entry.message.as_deref());
    say("expected", entry.expected.as_deref());
    say("actual", entry.actual.as_deref());
    let frames: Vec<String> = entry.frames.iter().map(ToString::to_string).collect();
    say("through the change at", Some(&frames.join(", ")));
    let detail = entry.detail.as_deref().unwrap_or_default();
    let detail = match detail.trim().is_empty() {
        true => String::new(),
        false => format!("\n{}", fenced(detail)),
    };
    format!(
        "<details><summary><code>{}</code></summary>\n\n{}{detail}\n</details>\n\n",
        html(&entry.id),
        lines.concat()
    )
}

fn listed_findings(verdict: &Verdict) -> Vec<String> {
    let listed = findings::listed(verdict);
    let lines = listed.iter().take(LISTED).map(|finding| {
        let level = match finding.level {
            FindingLevel::Note => "note",
            FindingLevel::Review => "review",
            FindingLevel::Deny => "deny",
        };
        let fix = finding.fix.as_ref();
        let fix = fix
            .map(|fix| format!("  \n  suggested: {}", code(fix)))
            .unwrap_or_default();
        format!("- {level}: {}{fix}\n", code(&findings::said(finding)))
    });
    titled("### Findings\n\n", lines.chain(more(listed.len())))
}

fn next_steps(verdict: &Verdict) -> Vec<String> {
    let lines = verdict.next_steps.iter().map(|step| {
        let target = step.target.as_ref();
        let target = target
            .map(|target| format!(" {}", code(target)))
            .unwrap_or_default();
        let action = serde_json::to_value(step.action).unwrap_or_default();
        let action = action.as_str().unwrap_or_default().replace('-', " ");
        format!("- {action}{target}: {}\n", code(&step.why))
    });
    titled("### Next\n\n", lines)
}

/// What was not fully in force; what was is a number.
fn enforcement(verdict: &Verdict) -> Vec<String> {
    let all = &verdict.enforcement;
    let enforced = all
        .iter()
        .filter(|one| one.state == EnforcementState::Enforced);
    let first = format!(
        "{} of {} protections in force; isolation {}\n",
        enforced.count(),
        all.len(),
        code(verdict.isolation.as_deref().unwrap_or("none: nothing ran"))
    );
    let weaker = all
        .iter()
        .filter(|one| one.state != EnforcementState::Enforced);
    let lines = weaker.map(|one| {
        let state = match one.state {
            EnforcementState::Enforced => "enforced",
            EnforcementState::Degraded => "degraded",
            EnforcementState::Absent => "absent",
        };
        let why = one
            .why
            .as_ref()
            .map(|why| format!(": {}", code(why)))
            .unwrap_or_default();
        format!("- {} is {state}{why}\n", code(&one.protection))
    });
    let lines: String = lines.collect();
    vec![format!(
        "### Protections\n\n{first}\n{lines}{}",
        if lines.is_empty() { "" } else { "\n" }
    )]
}

fn footer(verdict: &Verdict, run: &str) -> String {
    let mut lines = vec![
        format!("digest {}", code(&verdict.digest)),
        format!("run {}", code(run)),
    ];
    lines.extend(attempts::line(verdict));
    let reproduce = verdict.reproduce.as_deref();
    let reproduce = reproduce.map(|command| format!("\n{}", fenced(&line(command, 8 * LINE))));
    format!("{}\n{}", lines.join("  \n"), reproduce.unwrap_or_default())
}

/// A title over lines, and nothing where there is no line.
fn titled(title: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let lines: String = lines.collect();
    match lines.is_empty() {
        true => Vec::new(),
        false => vec![format!("{title}{lines}\n")],
    }
}

fn more(count: usize) -> Option<String> {
    let more = count.saturating_sub(LISTED);
    (more > 0).then(|| format!("- … and {more} more: see the JSON form\n\n"))
}

/// A code span of one line.
fn code(text: &str) -> String {
    let text = line(text, LINE);
    if text.trim().is_empty() {
        return "(nothing)".to_owned();
    }
    let ticks = "`".repeat(longest_run(&text) + 1);
    // One space on either side is taken off again; without it a backtick at the border would join the fence.
    let at_border = |one: char| matches!(one, '`' | ' ');
    let space = match text.starts_with(at_border) || text.ends_with(at_border) {
        true => " ",
        false => "",
    };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// A code span in a table, where a bar ends a cell even inside a span, unless a backslash stands before it. A backslash
/// of the text's own would be taken for half of two, so it is moved away.
fn cell(text: &str) -> String {
    code(&line(text, LINE).replace("\\|", "\\ |")).replace('|', "\\|")
}

/// A block that nothing inside ends.
fn fenced(text: &str) -> String {
    let text = block(text, DETAIL);
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn longest_run(text: &str) -> usize {
    text.split(|one| one != '`')
        .map(str::len)
        .max()
        .unwrap_or_default()
}

/// Text inside an element, where Markdown is not read.
fn html(text: &str) -> String {
    line(text, LINE)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_longer_than_every_run_of_backticks_in_it() {
        for (text, span) in [
            ("plain", "`plain`"),
            ("a`b``c", "```a`b``c```"),
            ("`", "`` ` ``"),
            (" a ", "`  a  `"),
            ("a\n# b", "`a # b`"),
            ("", "(nothing)"),
            (" \t", "(nothing)"),
        ] {
            assert_eq!(code(text), span, "{text:?}");
        }
    }

    #[test]
    fn a_bar_in_a_cell_stands_behind_one_backslash() {
        for (text, written) in [
            ("a|b", "`a\\|b`"),
            ("a\\|b", "`a\\ \\|b`"),
            ("a\\\\|b", "`a\\\\ \\|b`"),
            ("a\\", "`a\\`"),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_those_inside() {
        assert_eq!(fenced("a\n````\nb\n"), "`````text\na\n````\nb\n`````\n");
        assert_eq!(fenced("a"), "```text\na\n```\n");
    }

    #[test]
    fn an_element_holds_no_other() {
        assert_eq!(html("</code>\n&\""), "&lt;/code&gt; &amp;&quot;");
    }

    #[test]
    fn what_does_not_fit_is_left_out_as_a_whole_and_the_end_is_kept() {
        let sections = [
            "a".repeat(BUDGET / 2),
            "b".repeat(BUDGET / 2),
            "c".to_owned(),
        ];
        let text = fit(&sections, "end\n");
        assert!(text.len() <= BUDGET);
        assert!(
            !text.contains('b') && text.contains("ac*More"),
            "{}",
            text.len()
        );
        assert!(text.ends_with("end\n"));
    }
}
