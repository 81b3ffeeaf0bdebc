//! `plugin`: for whoever writes a custom check.

use std::fmt::Write as _;
use std::path::Path;

use passmuster_policy::policy::Grant;
use passmuster_policy::text::line;
use passmuster_wasm::{Answer, Capability, INTERFACE, Location, Outcome, Report, Severity, Side};
use serde_json::{Map, Value, json};

use super::{cache_of, document_text, place, print, say};
use crate::cli::{Cli, Language, PluginCommand, PluginRun};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::plugins;
use crate::plugins::scaffold;
use crate::plugins::trial::{self, Known, Question};

/// Longest line that is printed of what a plugin says.
const LINE: usize = 400;

pub(super) fn run(cli: &Cli, command: &PluginCommand) -> Result<Exit, UserError> {
    match command {
        PluginCommand::New { name, lang } => {
            let template = match lang {
                Language::Rust => "rust",
                Language::C => "c",
            };
            let root = scaffold::write(template, name, &std::env::current_dir()?)?;
            say(&format!(
                "wrote {}; its README.md says how it is built",
                root.display()
            ));
            Ok(Exit::Pass)
        }
        PluginCommand::Inspect { plugin, json } => {
            let known = load(cli, plugin)?;
            let text = match json {
                true => document_text(&metadata(&known)),
                false => card(plugin, &known),
            };
            print(text.as_bytes())?;
            Ok(Exit::Pass)
        }
        PluginCommand::Run(arguments) => judge(cli, arguments),
    }
}

fn load(cli: &Cli, plugin: &str) -> Result<Known, UserError> {
    Known::load(&plugins::host(&cache_of(cli)?)?, plugin)
}

fn metadata(known: &Known) -> Value {
    let needs: Vec<&str> = known.plugin.needs().iter().map(|one| one.key()).collect();
    json!({
        "info": known.info, "needs": needs, "sha256": known.plugin.sha256(), "size": known.size, "interface": INTERFACE,
    })
}

/// What it is, what it needs, and the lines of a policy that use it.
fn card(word: &str, known: &Known) -> String {
    let info = &known.info;
    let needs: Vec<Capability> = known.plugin.needs().iter().copied().collect();
    let quoted: Vec<String> = needs.iter().map(|one| format!("{:?}", one.key())).collect();
    let grants = format!("[{}]", quoted.join(", "));
    let mut text = format!(
        "{} {}: {}\n\nsha256     {}\nsize       {} bytes\ninterface  {INTERFACE}\nneeds      {}\n",
        line(&info.name, LINE),
        line(&info.version, LINE),
        line(&info.description, LINE),
        known.plugin.sha256(),
        known.size,
        if needs.is_empty() { "nothing" } else { &grants },
    );
    text += "\nrules\n";
    for rule in &info.rules {
        let _ = writeln!(
            text,
            "  {}  {}",
            line(&rule.id, LINE),
            line(&rule.summary, LINE)
        );
    }
    if let Some(schema) = &info.config_schema {
        let shown = serde_json::from_str(schema)
            .map_or_else(|_| schema.clone(), |schema: Value| format!("{schema:#}"));
        let _ = writeln!(
            text,
            "\nits configuration, as JSON Schema\n{}",
            indented(&shown)
        );
    }
    let _ = write!(
        text,
        "\nin a policy\n  [[check]]\n  name = \"{}\"\n  kind = \"plugin\"\n  plugin = {:?}\n  sha256 = \"{}\"\n",
        line(&info.name, LINE),
        word,
        known.plugin.sha256()
    );
    if !needs.is_empty() {
        let _ = writeln!(text, "  grants = {grants}");
    }
    text
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|one| format!("  {}", line(one, LINE)));
    lines.collect::<Vec<_>>().join("\n")
}

fn judge(cli: &Cli, arguments: &PluginRun) -> Result<Exit, UserError> {
    let known = load(cli, &arguments.plugin)?;
    let config = config(arguments.config.as_deref())?;
    let mistakes = known.mistakes(&config);
    if !mistakes.is_empty() {
        return Err(UserError::usage(format!(
            "--config: {}",
            mistakes.join("; ")
        )));
    }
    let proposed = super::verify::proposed(&arguments.change)?;
    let question = Question {
        repository: &place(arguments.repo.as_ref())?,
        input: proposed.as_input(),
        base: arguments.base.as_deref(),
        config,
        grants: grants(&known, arguments),
        cache: &cache_of(cli)?.git(),
    };
    let answer = trial::ask(&known, question)?;
    let text = match arguments.json {
        true => document_text(&as_json(&answer)),
        false => shown(&answer),
    };
    print(text.as_bytes())?;
    Ok(match answer.result {
        Ok(report) if counts(&report) => Exit::Fail,
        Ok(_) => Exit::Pass,
        Err(_) => Exit::Inconclusive,
    })
}

/// What is written, else what it needs.
fn grants(known: &Known, arguments: &PluginRun) -> Vec<Grant> {
    match arguments.grants.is_empty() {
        true => known
            .plugin
            .needs()
            .iter()
            .copied()
            .map(plugins::grant)
            .collect(),
        false => arguments.grants.clone(),
    }
}

/// JSON, or `@FILE` with JSON in it.
fn config(argument: Option<&str>) -> Result<Map<String, Value>, UserError> {
    let Some(argument) = argument else {
        return Ok(Map::new());
    };
    let text = match argument.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(Path::new(file))
            .map_err(|error| UserError::usage(format!("--config: cannot read {file}: {error}")))?,
        None => argument.to_owned(),
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(table)) => Ok(table),
        Ok(_) => Err(UserError::usage("--config: write a JSON object")),
        Err(error) => Err(UserError::usage(format!("--config: no JSON: {error}"))),
    }
}

fn counts(report: &Report) -> bool {
    let new_error =
        |found: &passmuster_wasm::Finding| found.severity == Severity::Error && !found.preexisting;
    report.outcome == Outcome::Fail || report.findings.iter().any(new_error)
}

fn as_json(answer: &Answer<Report>) -> Value {
    let (report, failure) = match &answer.result {
        Ok(report) => (json!(report), Value::Null),
        Err(failure) => (Value::Null, json!(failure.to_string())),
    };
    let cost = json!({
        "wall_ms": answer.cost.wall.as_secs_f64() * 1000.0, "memory": answer.cost.memory, "tree_bytes": answer.cost.tree_bytes,
    });
    json!({"report": report, "failure": failure, "log": answer.log, "cost": cost})
}

/// The answer for people.
fn shown(answer: &Answer<Report>) -> String {
    let mut text = String::new();
    match &answer.result {
        Ok(report) => add_report(&mut text, report),
        Err(failure) => {
            let _ = writeln!(
                text,
                "it did not report: {}",
                line(&failure.to_string(), 4 * LINE)
            );
        }
    }
    for one in &answer.log.lines {
        let _ = writeln!(text, "log {}: {}", one.level, line(&one.message, LINE));
    }
    if answer.log.dropped > 0 {
        let _ = writeln!(text, "log: {} more lines", answer.log.dropped);
    }
    let cost = &answer.cost;
    let _ = writeln!(
        text,
        "took {:.1} ms, {} KiB of memory, read {} KiB of the trees",
        cost.wall.as_secs_f64() * 1000.0,
        cost.memory >> 10,
        cost.tree_bytes >> 10
    );
    text
}

fn add_report(text: &mut String, report: &Report) {
    let outcome = match (report.outcome, counts(report)) {
        (Outcome::Fail, _) => "fail",
        (Outcome::Pass, false) => "pass",
        (Outcome::Skip, false) => "skip",
        (Outcome::Pass, true) => "fail (it says pass, but a new error counts)",
        (Outcome::Skip, true) => "fail (it says skip, but a new error counts)",
    };
    let summary = report.summary.as_deref().unwrap_or_default();
    let _ = writeln!(
        text,
        "{}",
        format!("{outcome}  {}", line(summary, LINE)).trim_end()
    );
    for found in &report.findings {
        let severity = match found.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let old = if found.preexisting {
            ", on the base as well"
        } else {
            ""
        };
        let place = found.locations.first().map(placed).unwrap_or_default();
        let _ = writeln!(
            text,
            "{place}{severity}: {} ({}{old})",
            line(&found.message, LINE),
            line(&found.rule, LINE)
        );
        for other in found.locations.iter().skip(1) {
            let _ = writeln!(text, "    also {}", placed(other).trim_end_matches(": "));
        }
    }
    for metric in &report.metrics {
        let unit = metric.unit.as_deref().unwrap_or_default();
        let value = json!(metric.value);
        let _ = writeln!(
            text,
            "{}",
            format!(
                "{} = {value} {}",
                line(&metric.name, LINE),
                line(unit, LINE)
            )
            .trim_end()
        );
    }
}

/// `file:line:column: `
fn placed(location: &Location) -> String {
    let mut place = line(&location.path, LINE);
    if let Some(region) = location.region {
        let _ = write!(place, ":{}", region.start.line);
        if let Some(column) = region.start.column {
            let _ = write!(place, ":{column}");
        }
    }
    match location.side {
        Side::Base => format!("{place} (base): "),
        Side::Candidate => format!("{place}: "),
    }
}
