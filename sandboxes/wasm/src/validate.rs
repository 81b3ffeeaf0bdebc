//! Turns what a plugin returned into what a caller may rely on, or says why that cannot be.
//!
//! Names, paths and positions are refused when they are wrong: a caller keys and links by them. Prose is
//! shortened. Counts have limits of their own, so that no reader has to ask how long a list is.

use std::collections::HashSet;

use crate::bindings::{exported, types as wit};
use crate::limits::{EDIT_TEXT, EDITS, FIXES, LOCATIONS, METRICS, NAME, RULES, SCHEMA, TEXT, URI};
use crate::path::is_printable;
use crate::report::{Edit, Finding, Fix, Info, Location, Metric, Number, Region, Report, Rule};
use crate::text::{is_name, shortened};

/// Why a value cannot be used: the end of a sentence.
type Checked<T> = Result<T, String>;

/// At most `limit` of something.
fn at_most<T>(list: &[T], limit: usize, what: &str) -> Checked<()> {
    if list.len() <= limit {
        return Ok(());
    }
    Err(format!(
        "it has {} {what}, and at most {limit} are read",
        list.len()
    ))
}

fn name(text: String, what: &str) -> Checked<String> {
    if is_name(&text, NAME) {
        return Ok(text);
    }
    let shown = shortened(&text, 40);
    Err(format!(
        "the {what} {shown:?} is not one line of 1 to {NAME} bytes without control characters"
    ))
}

fn prose(text: &str, what: &str) -> Checked<String> {
    if text.trim().is_empty() {
        return Err(format!("the {what} is empty"));
    }
    Ok(shortened(text, TEXT))
}

/// What `describe` returned.
pub(crate) fn info(raw: exported::Info) -> Checked<Info> {
    at_most(&raw.rules, RULES, "rules")?;
    let rules: Vec<Rule> = raw.rules.into_iter().map(rule).collect::<Checked<_>>()?;
    let mut seen = HashSet::new();
    if let Some(twice) = rules.iter().find(|rule| !seen.insert(rule.id.as_str())) {
        return Err(format!("the rule {:?} is named twice", twice.id));
    }
    Ok(Info {
        name: plugin_name(raw.name)?,
        version: name(raw.version, "version")?,
        description: prose(&raw.description, "description")?,
        rules,
        config_schema: raw.config_schema.map(schema).transpose()?,
    })
}

fn plugin_name(text: String) -> Checked<String> {
    let fits = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    let text = name(text, "name")?;
    if text.chars().all(fits) {
        return Ok(text);
    }
    Err(format!(
        "the name {text:?} has something other than lower-case letters, digits and `-`"
    ))
}

fn rule(raw: exported::Rule) -> Checked<Rule> {
    let id = name(raw.id, "rule")?;
    Ok(Rule {
        summary: prose(&raw.summary, &format!("summary of rule {id:?}"))?,
        help_uri: raw.help_uri.map(uri).transpose()?,
        id,
    })
}

fn uri(text: String) -> Checked<String> {
    let known = ["https://", "http://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if known && is_name(&text, URI) && !text.contains(' ') {
        return Ok(text);
    }
    let shown = shortened(&text, 80);
    Err(format!(
        "the help-uri {shown:?} is no http or https address of at most {URI} bytes"
    ))
}

fn schema(text: String) -> Checked<String> {
    if text.len() <= SCHEMA {
        return Ok(text);
    }
    Err(format!(
        "the config-schema has {} bytes, and at most {SCHEMA} are read",
        text.len()
    ))
}

/// What `check` returned, held against the rules that `describe` named.
pub(crate) fn report(raw: wit::Report, info: &Info) -> Checked<Report> {
    at_most(&raw.metrics, METRICS, "metrics")?;
    let rules: HashSet<&str> = info.rules.iter().map(|rule| rule.id.as_str()).collect();
    let numbered = raw.findings.into_iter().enumerate();
    let findings = numbered.map(|(number, raw)| {
        finding(raw, &rules).map_err(|why| format!("finding {number}: {why}"))
    });
    Ok(Report {
        outcome: raw.outcome.into(),
        summary: raw.summary.map(|text| shortened(&text, TEXT)),
        findings: findings.collect::<Checked<_>>()?,
        metrics: raw
            .metrics
            .into_iter()
            .map(metric)
            .collect::<Checked<_>>()?,
    })
}

fn finding(raw: wit::Finding, rules: &HashSet<&str>) -> Checked<Finding> {
    if !rules.contains(raw.rule.as_str()) {
        let shown = shortened(&raw.rule, 40);
        return Err(format!("the rule {shown:?} is none that `describe` named"));
    }
    at_most(&raw.locations, LOCATIONS, "locations")?;
    at_most(&raw.fixes, FIXES, "fixes")?;
    Ok(Finding {
        rule: raw.rule,
        severity: raw.severity.into(),
        message: prose(&raw.message, "message")?,
        locations: raw
            .locations
            .into_iter()
            .map(location)
            .collect::<Checked<_>>()?,
        fixes: raw.fixes.into_iter().map(fix).collect::<Checked<_>>()?,
        fingerprint: raw
            .fingerprint
            .map(|text| name(text, "fingerprint"))
            .transpose()?,
        preexisting: raw.preexisting,
    })
}

fn location(raw: wit::Location) -> Checked<Location> {
    Ok(Location {
        side: raw.side.into(),
        path: path(raw.path)?,
        region: raw.region.map(region).transpose()?,
    })
}

fn path(text: String) -> Checked<String> {
    if is_printable(&text) {
        return Ok(text);
    }
    let shown = shortened(&text, 80);
    Err(format!(
        "the path {shown:?} is not one from the root of the tree: relative, with `/` between parts that are not empty, `.` or `..`"
    ))
}

fn region(raw: wit::Region) -> Checked<Region> {
    let region = Region::from(raw);
    let ends = [Some(region.start), region.end];
    if ends
        .into_iter()
        .flatten()
        .any(|at| at.line == 0 || at.column == Some(0))
    {
        return Err("a line or column is 0, and they count from 1".to_owned());
    }
    let is_before = |end: &crate::report::Position| {
        let same_line = end.line == region.start.line;
        end.line < region.start.line
            || same_line
                && end
                    .column
                    .zip(region.start.column)
                    .is_some_and(|(end, start)| end < start)
    };
    if region.end.as_ref().is_some_and(is_before) {
        return Err("a region ends before its start".to_owned());
    }
    Ok(region)
}

fn fix(raw: wit::Fix) -> Checked<Fix> {
    at_most(&raw.edits, EDITS, "edits")?;
    Ok(Fix {
        description: prose(&raw.description, "description of a fix")?,
        edits: raw.edits.into_iter().map(edit).collect::<Checked<_>>()?,
    })
}

fn edit(raw: wit::Edit) -> Checked<Edit> {
    if raw.text.len() > EDIT_TEXT {
        let bytes = raw.text.len();
        return Err(format!(
            "an edit has {bytes} bytes of text, and at most {EDIT_TEXT} are read"
        ));
    }
    Ok(Edit {
        path: path(raw.path)?,
        region: region(raw.region)?,
        text: raw.text,
    })
}

fn metric(raw: wit::Metric) -> Checked<Metric> {
    let name_of_it = name(raw.name, "metric")?;
    let value = match raw.value {
        wit::Number::Integer(value) => Number::Integer(value),
        wit::Number::Decimal(value) if value.is_finite() => Number::Decimal(value),
        wit::Number::Decimal(value) => {
            return Err(format!(
                "the metric {name_of_it:?} is {value}, which is no number"
            ));
        }
    };
    Ok(Metric {
        name: name_of_it,
        value,
        unit: raw.unit.map(|text| name(text, "unit")).transpose()?,
    })
}
