//! Plugin checks: a plugin can make a verdict worse and never better.

use super::*;
use crate::plugin::{PluginEvidence, PluginFinding, PluginOutcome, PluginReport, Severity};

fn text(more: &str) -> String {
    let digest = "a".repeat(64);
    format!(
        "version = 1\n[[check]]\nname = \"t\"\nkind = \"plugin\"\nplugin = \"layers\"\nsha256 = \"{digest}\"\n{more}"
    )
}

/// A finding by its first letters: severity, and `old` where the base has it.
fn finding(word: &str) -> PluginFinding {
    PluginFinding {
        rule: "forbidden".to_owned(),
        severity: match word.trim_end_matches("-old") {
            "note" => Severity::Note,
            "warning" => Severity::Warning,
            _ => Severity::Error,
        },
        message: word.to_owned(),
        path: Some("pkg/mod.py".into()),
        lines: None,
        related: Vec::new(),
        fix: None,
        fingerprint: None,
        preexisting: word.ends_with("-old"),
    }
}

fn verdict(more: &str, said: PluginEvidence) -> Verdict {
    let mut all = evidence(CheckResult::Plugin(said));
    all.checks[0].kind = KindName::Plugin;
    // Nothing ran in a sandbox of processes.
    all.isolation = None;
    decide(&policy(&text(more)), &all)
}

fn reported(more: &str, outcome: PluginOutcome, findings: &str) -> Verdict {
    let report = PluginReport {
        outcome,
        summary: Some("as it says".to_owned()),
        findings: findings.split_whitespace().map(finding).collect(),
        metrics: Vec::new(),
    };
    verdict(more, PluginEvidence::Reported(report))
}

fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict
        .reasons
        .iter()
        .map(|reason| reason.code.name())
        .collect()
}

#[test]
fn only_new_errors_and_a_fail_of_its_own_fail_and_nothing_takes_a_finding_back() {
    use PluginOutcome::{Fail, Pass, Skip};
    for (outcome, more, findings, expected, status) in [
        (Pass, "", "", &[][..], CheckStatus::Passed),
        (Pass, "", "note warning error-old", &[], CheckStatus::Passed),
        (
            Pass,
            "",
            "note error",
            &["plugin-failed"],
            CheckStatus::Failed,
        ),
        (Fail, "", "", &["plugin-failed"], CheckStatus::Failed),
        (Fail, "", "warning", &["plugin-failed"], CheckStatus::Failed),
        (Skip, "", "", &["plugin-error"], CheckStatus::Inconclusive),
        (Skip, "may-skip = true", "", &[], CheckStatus::NotApplicable),
        (
            Skip,
            "may-skip = true",
            "error",
            &["plugin-failed"],
            CheckStatus::Failed,
        ),
    ] {
        let verdict = reported(more, outcome, findings);
        let what = format!("{outcome:?} {more} {findings}");
        assert_eq!(codes(&verdict), expected, "{what}");
        assert_eq!(verdict.checks[0].status, status, "{what}");
        let count = findings.split_whitespace().count() as u64;
        assert_eq!(verdict.checks[0].findings, Some(count), "{what}");
        assert_eq!(verdict.checks[0].summary.as_deref(), Some("as it says"));
    }
}

#[test]
fn a_plugin_that_breaks_down_proves_nothing_and_says_why() {
    let why = "it called itself too deeply".to_owned();
    let broken = verdict("", PluginEvidence::Broken { why: why.clone() });
    assert_eq!(codes(&broken), ["plugin-error"]);
    assert_eq!(broken.reasons[0].message, why);
    assert_eq!(broken.verdict, Decision::Inconclusive);
    let optional = verdict("required = false", PluginEvidence::Broken { why });
    assert_eq!(codes(&optional), [] as [&str; 0]);
}

#[test]
fn a_fingerprint_is_the_plugins_own_or_made_of_what_does_not_move() {
    let print = |edit: &dyn Fn(&mut PluginFinding)| {
        let mut one = finding("error");
        edit(&mut one);
        let report = PluginReport {
            outcome: PluginOutcome::Pass,
            summary: None,
            findings: vec![one],
            metrics: Vec::new(),
        };
        let verdict = verdict("", PluginEvidence::Reported(report));
        verdict.findings[0].fingerprint.clone()
    };
    let moved = crate::finding::Lines { start: 7, end: 9 };
    assert_eq!(print(&|_| {}), print(&|one| one.lines = Some(moved)));
    assert_ne!(
        print(&|_| {}),
        print(&|one| one.message = "other".to_owned())
    );
    let own = |message: &'static str| {
        move |one: &mut PluginFinding| {
            one.message = message.to_owned();
            one.fingerprint = Some("a to b".to_owned());
        }
    };
    assert_eq!(print(&own("a")), print(&own("b")));
}
