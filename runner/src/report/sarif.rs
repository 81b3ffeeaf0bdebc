//! The verdict as SARIF 2.1.0, one run: what code scanning of forges and editors read.
//!
//! Within the limits of GitHub's code scanning: the results that count most are kept, and the run says how many are
//! missing. A verdict that is no pass has at least one result, with a place: what has none of its own is told at the policy of the base, or
//! at the root, because code scanning drops results without one.

use passmuster_policy::reason::{Entry, Level, ReasonCode};
use passmuster_policy::verdict::{Decision, Verdict};
use serde_json::{Map, Value, json};

use super::place::Place;
use super::problems::{Problem, Source, Weight, all, elsewhere};
use crate::exit_code::Exit;

/// Where the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Results of a run that GitHub keeps, of 25,000 that it takes.
const RESULTS: usize = 5000;
/// Places of a result that GitHub keeps, of 1000 that it takes; the first one is the result's own.
const PLACES: usize = 100;
/// What all paths are relative to.
const ROOT: &str = "%SRCROOT%";

/// The document.
pub(super) fn document(verdict: &Verdict, run: &str) -> Value {
    let mut problems = all(verdict);
    let missing = problems.len().saturating_sub(RESULTS);
    problems.truncate(RESULTS);
    let rules = rules(&problems);
    let home = elsewhere(verdict);
    let results = problems.iter().map(|one| result(one, &rules, &home));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "passmuster",
                "version": verdict.environment.runner,
                "rules": rules.iter().map(|problem| rule(problem)).collect::<Vec<_>>(),
            } },
            // All before the last slash is the category, under which a forge replaces the run before.
            "automationDetails": { "id": format!("passmuster/{run}") },
            "invocations": [invocation(verdict, missing)],
            "originalUriBaseIds": { ROOT: { "description": { "text": "the root of the repository" } } },
            "results": results.collect::<Vec<_>>(),
            "properties": properties(verdict),
        }],
    })
}

/// The first problem of each rule, in the order of their names.
fn rules<'a>(problems: &'a [Problem<'a>]) -> Vec<&'a Problem<'a>> {
    let mut rules: Vec<&Problem<'_>> = problems.iter().collect();
    rules.sort_by(|one, other| one.rule.cmp(&other.rule));
    rules.dedup_by(|one, other| one.rule == other.rule);
    rules
}

fn rule(problem: &Problem<'_>) -> Value {
    match problem.rule.parse::<ReasonCode>() {
        Ok(code) => own_rule(code.entry()),
        Err(_) => json!({
            "id": problem.rule,
            "shortDescription": { "text": match &problem.check {
                Some(check) => format!("reported by the check {check}"),
                None => "reported by a rule".to_owned(),
            } },
        }),
    }
}

fn own_rule(entry: &Entry) -> Value {
    let level = match entry.level {
        Level::Review => Weight::Review,
        Level::Inconclusive => Weight::Inconclusive,
        Level::Fail | Level::Usage => Weight::Fail,
    };
    json!({
        "id": entry.name,
        "shortDescription": { "text": entry.meaning },
        "help": { "text": format!(
            "If you are the agent: {}.\nIf you are a person: {}.\nMore: passmuster explain {}",
            entry.agent, entry.human, entry.name
        ) },
        "defaultConfiguration": { "level": self::level(level) },
        "properties": { "tags": [level.word()] },
    })
}

fn result(problem: &Problem<'_>, rules: &[&Problem<'_>], home: &Place) -> Value {
    let mut result = Map::new();
    let mut put = |name: &str, value: Value| result.insert(name.to_owned(), value);
    let index = rules.iter().position(|rule| rule.rule == problem.rule);
    put("ruleId", json!(problem.rule));
    put("ruleIndex", json!(index));
    put("level", json!(level(problem.weight)));
    put("message", json!({ "text": problem.message }));
    let place = problem.place.as_ref().unwrap_or(home);
    put(
        "locations",
        json!([{ "physicalLocation": location(place) }]),
    );
    let related = problem.related.iter().take(PLACES - 1);
    let related: Vec<Value> = related
        .map(|place| json!({ "physicalLocation": location(place), "message": { "text": "see also" } }))
        .collect();
    if !related.is_empty() {
        put("relatedLocations", json!(related));
    }
    let fingerprint = json!({ "primaryLocationLineHash": problem.fingerprint });
    put("partialFingerprints", fingerprint);
    let state = if problem.new { "new" } else { "unchanged" };
    put("baselineState", json!(state));
    if let Source::Finding(finding) = problem.source
        && let Some(fix) = &finding.fix
    {
        let fix = passmuster_policy::text::block(fix, super::QUOTED);
        put("properties", json!({ "suggestion": fix }));
    }
    Value::Object(result)
}

fn location(place: &Place) -> Value {
    let file = json!({ "uri": place.uri(), "uriBaseId": ROOT });
    match place.lines() {
        None => json!({ "artifactLocation": file }),
        Some(lines) => json!({
            "artifactLocation": file,
            "region": { "startLine": lines.start, "endLine": lines.end },
        }),
    }
}

/// Whether the tool could do its work: it could not where something was not measured.
fn invocation(verdict: &Verdict, missing: usize) -> Value {
    let unmeasured = verdict
        .reasons
        .iter()
        .filter(|reason| reason.code.level() == Level::Inconclusive);
    let mut notifications: Vec<Value> = unmeasured
        .map(|reason| {
            let message = passmuster_policy::text::line(&reason.message, super::QUOTED);
            json!({ "level": "error", "message": { "text": format!("{}: {message}", reason.code) } })
        })
        .collect();
    if missing > 0 {
        let said = format!("{missing} more results that count no more than these were left out");
        notifications.push(json!({ "level": "warning", "message": { "text": said } }));
    }
    let exit = Exit::of(verdict.verdict).status();
    json!({
        "executionSuccessful": verdict.verdict != Decision::Inconclusive,
        "exitCode": exit,
        "toolExecutionNotifications": notifications,
    })
}

/// What has no place of its own in the format.
fn properties(verdict: &Verdict) -> Value {
    json!({
        "verdict": super::word(verdict.verdict),
        "digest": verdict.digest,
        "baseTree": verdict.subject.base_tree,
        "candidateTree": verdict.subject.candidate_tree,
    })
}

fn level(weight: Weight) -> &'static str {
    match weight {
        Weight::Fail | Weight::Inconclusive => "error",
        Weight::Review => "warning",
        Weight::Note => "note",
    }
}
