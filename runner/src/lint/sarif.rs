//! SARIF 2.1.0, from any tool.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Raw, Reference, Report, json, lines, replacement};

#[derive(Deserialize)]
struct Log {
    version: String,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    /// Absent: nothing was looked at.
    results: Option<Vec<Finding>>,
    #[serde(default)]
    invocations: Vec<Invocation>,
    #[serde(default)]
    original_uri_base_ids: BTreeMap<String, Location>,
    #[serde(default)]
    artifacts: Vec<Artifact>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: Option<bool>,
    exit_code_description: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    location: Option<Location>,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    driver: Driver,
}

#[derive(Default, Deserialize)]
struct Driver {
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: Option<String>,
    #[serde(default)]
    message_strings: BTreeMap<String, Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: Option<String>,
    rule_index: Option<i64>,
    rule: Option<RuleReference>,
    kind: Option<String>,
    #[serde(default)]
    message: Text,
    #[serde(default)]
    locations: Vec<Physical>,
    #[serde(default)]
    suppressions: Vec<Suppression>,
    baseline_state: Option<String>,
    #[serde(default)]
    fixes: Vec<Fix>,
}

#[derive(Deserialize)]
struct RuleReference {
    id: Option<String>,
    index: Option<i64>,
}

#[derive(Deserialize)]
struct Suppression {
    status: Option<String>,
}

#[derive(Default, Deserialize)]
struct Text {
    text: Option<String>,
    markdown: Option<String>,
    id: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    physical_location: Option<Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    artifact_location: Option<Location>,
    region: Option<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    uri: Option<String>,
    uri_base_id: Option<String>,
    index: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: Option<u32>,
    end_line: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fix {
    description: Option<Text>,
    #[serde(default)]
    artifact_changes: Vec<ArtifactChange>,
}

#[derive(Deserialize)]
struct ArtifactChange {
    #[serde(default)]
    replacements: Vec<Replacement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    inserted_content: Option<Text>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let log: Log = json(bytes)?;
    if !log.version.starts_with("2.") {
        return Err("its report is SARIF of another version than 2".to_owned());
    }
    if log.runs.is_empty() {
        return Err("its report holds no run".to_owned());
    }
    let mut report = Report::default();
    for run in &log.runs {
        let Some(results) = &run.results else {
            return Err(
                "its report says that nothing was looked at: a run without results".to_owned(),
            );
        };
        report.entries += results.len() as u64;
        let counted = results.iter().filter(|result| counts(result));
        report
            .findings
            .extend(counted.map(|result| run.finding(result)));
        let failed = run
            .invocations
            .iter()
            .find(|one| one.execution_successful == Some(false));
        if let Some(failed) = failed {
            let why = failed.exit_code_description.as_deref().unwrap_or_default();
            report.partial = Some(format!("its report says that it did not succeed {why}"));
        }
    }
    Ok(report)
}

/// A result can also say that a rule holds, or that somebody accepted its violation.
fn counts(result: &Finding) -> bool {
    let passed = ["pass", "notApplicable", "informational"];
    let suppressed =
        |one: &Suppression| !matches!(one.status.as_deref(), Some("underReview" | "rejected"));
    !result
        .kind
        .as_deref()
        .is_some_and(|kind| passed.contains(&kind))
        && result.baseline_state.as_deref() != Some("absent")
        && !result.suppressions.iter().any(suppressed)
}

impl Run {
    fn finding(&self, result: &Finding) -> Raw {
        let rule = self.rule(result);
        let named = result
            .rule_id
            .clone()
            .or_else(|| result.rule.as_ref()?.id.clone());
        let place = result
            .locations
            .iter()
            .find_map(|one| one.physical_location.as_ref());
        let region = place.and_then(|place| place.region.as_ref());
        Raw {
            rule: named.or_else(|| rule?.id.clone()).unwrap_or_default(),
            place: place
                .and_then(|place| place.artifact_location.as_ref())
                .and_then(|location| self.reference(location)),
            lines: region.and_then(|region| lines(region.start_line, region.end_line)),
            message: message(&result.message, rule),
            fix: result.fixes.iter().find_map(fix),
        }
    }

    fn rule(&self, result: &Finding) -> Option<&Rule> {
        let index = result.rule_index.or_else(|| result.rule.as_ref()?.index);
        let rules = &self.tool.driver.rules;
        let by_index = index.and_then(|index| rules.get(usize::try_from(index).ok()?));
        by_index.or_else(|| rules.iter().find(|rule| rule.id == result.rule_id))
    }

    /// A URI with the bases that it is relative to before it.
    fn reference(&self, location: &Location) -> Option<Reference> {
        let listed = || {
            let index = usize::try_from(location.index?).ok()?;
            self.artifacts.get(index)?.location.as_ref()
        };
        let location = match location.uri {
            Some(_) => location,
            None => listed()?,
        };
        let mut uri = location.uri.clone()?;
        let mut base = location.uri_base_id.as_ref();
        // Bases may be relative to one another, in a circle even.
        for _ in 0..=self.original_uri_base_ids.len() {
            let Some(known) = base.and_then(|id| self.original_uri_base_ids.get(id)) else {
                break;
            };
            uri = joined(known.uri.as_deref().unwrap_or_default(), &uri);
            base = known.uri_base_id.as_ref();
        }
        Some(Reference::Uri(uri))
    }
}

fn joined(base: &str, uri: &str) -> String {
    let absolute = uri.starts_with('/') || uri.contains("://") || uri.starts_with("file:");
    match (absolute || base.is_empty(), base.ends_with('/')) {
        (true, _) => uri.to_owned(),
        (false, true) => format!("{base}{uri}"),
        (false, false) => format!("{base}/{uri}"),
    }
}

/// The message itself, or the one that the rule keeps under its id.
fn message(message: &Text, rule: Option<&Rule>) -> String {
    let kept = || {
        rule?
            .message_strings
            .get(message.id.as_ref()?)?
            .text
            .clone()
    };
    let own = message.text.clone().or_else(|| message.markdown.clone());
    let text = own.or_else(kept).unwrap_or_default();
    let arguments = message.arguments.iter().take(10).enumerate();
    arguments.fold(text, |text, (at, argument)| {
        text.replace(&format!("{{{at}}}"), argument)
    })
}

fn fix(fix: &Fix) -> Option<String> {
    let described = fix.description.as_ref().and_then(|text| text.text.clone());
    described.or_else(|| {
        let first = fix.artifact_changes.first()?.replacements.first()?;
        let text = first
            .inserted_content
            .as_ref()
            .and_then(|content| content.text.as_deref());
        Some(replacement(text.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_rules_by_index_and_kept_messages_are_followed() {
        let report = read(
            br#"{"version": "2.1.0", "runs": [{
              "tool": {"driver": {"name": "t", "rules": [
                {"id": "R0"}, {"id": "R1", "messageStrings": {"m": {"text": "no {0} in {1}"}}}]}},
              "originalUriBaseIds": {"ROOT": {"uri": "file:///sandbox/tree/"}, "SRC": {"uri": "src/", "uriBaseId": "ROOT"}},
              "artifacts": [{"location": {"uri": "a%20b.c", "uriBaseId": "SRC"}}],
              "results": [
                {"ruleIndex": 1, "message": {"id": "m", "arguments": ["x", "y"]},
                 "locations": [{"physicalLocation": {"artifactLocation": {"index": 0}, "region": {"startLine": 3}}}],
                 "fixes": [{"artifactChanges": [{"replacements": [{"insertedContent": {"text": "z"}}]}]}]},
                {"ruleId": "R0", "kind": "pass", "message": {"text": "fine"}},
                {"ruleId": "R0", "message": {"text": "accepted"}, "suppressions": [{"kind": "inSource"}]},
                {"ruleId": "R0", "message": {"text": "gone"}, "baselineState": "absent"},
                {"rule": {"id": "R9"}, "message": {"markdown": "*bad*"}, "suppressions": [{"status": "rejected"}]}
              ]}]}"#,
        )
        .unwrap();
        assert_eq!(report.entries, 5);
        let shown = |raw: &Raw| (raw.rule.clone(), raw.message.clone(), raw.place.clone());
        let uri = "file:///sandbox/tree/src/a%20b.c";
        assert_eq!(
            report.findings.iter().map(shown).collect::<Vec<_>>(),
            [
                (
                    "R1".to_owned(),
                    "no x in y".to_owned(),
                    Some(Reference::Uri(uri.to_owned()))
                ),
                ("R9".to_owned(), "*bad*".to_owned(), None),
            ]
        );
        assert_eq!(report.findings[0].fix.as_deref(), Some("write `z`"));
    }

    #[test]
    fn what_looked_at_nothing_is_no_empty_list() {
        for (text, why) in [
            (r#"{"version": "2.1.0", "runs": []}"#, "no run"),
            (
                r#"{"version": "2.1.0", "runs": [{"results": null}]}"#,
                "nothing was looked at",
            ),
            (
                r#"{"version": "1.0.0", "runs": [{"results": []}]}"#,
                "another version",
            ),
            (
                r#"{"version": "2.1.0", "runs": [{"results": []}"#,
                "cannot be read",
            ),
            (
                r#"{"version": "2.1.0", "runs": [{"results": []}]} {}"#,
                "cannot be read",
            ),
            (r#"{}"#, "cannot be read"),
        ] {
            let said = read(text.as_bytes()).expect_err(text);
            assert!(said.contains(why), "{said}");
        }
        let crashed = br#"{"version": "2.1.0", "runs": [{"results": [], "invocations": [{"executionSuccessful": false}]}]}"#;
        assert!(read(crashed).unwrap().partial.is_some());
    }

    #[test]
    fn bases_in_a_circle_end() {
        let text = br#"{"version": "2.1.0", "runs": [{"originalUriBaseIds": {"A": {"uri": "a/", "uriBaseId": "B"}, "B": {"uri": "b/", "uriBaseId": "A"}},
            "results": [{"locations": [{"physicalLocation": {"artifactLocation": {"uri": "x", "uriBaseId": "A"}}}]}]}]}"#;
        assert!(read(text).unwrap().findings[0].place.is_some());
    }
}
