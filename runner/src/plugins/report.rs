//! What a plugin reported, in the policies' words.

use passmuster_policy::evidence::TreeRole;
use passmuster_policy::finding::{Lines, Related};
use passmuster_policy::plugin::{Metric, PluginFinding, PluginOutcome, PluginReport, Severity};
use passmuster_wasm::{self as wasm, Fix, Location, Number, Region, Side};

/// The report of a plugin.
pub(super) fn of(report: wasm::Report) -> PluginReport {
    PluginReport {
        outcome: match report.outcome {
            wasm::Outcome::Pass => PluginOutcome::Pass,
            wasm::Outcome::Fail => PluginOutcome::Fail,
            wasm::Outcome::Skip => PluginOutcome::Skip,
        },
        summary: report.summary,
        findings: report.findings.into_iter().map(finding).collect(),
        metrics: report.metrics.into_iter().map(metric).collect(),
    }
}

fn finding(found: wasm::Finding) -> PluginFinding {
    let mut places: Vec<Related> = found.locations.iter().map(related).collect();
    // It is shown where the candidate has it, else where the base had it.
    let shown = places
        .iter()
        .position(|place| place.tree == TreeRole::Candidate);
    let (path, lines) = match shown.map(|at| places.remove(at)) {
        Some(place) => (Some(place.path), place.lines),
        None => (places.first().map(|place| place.path.clone()), None),
    };
    PluginFinding {
        rule: found.rule,
        severity: match found.severity {
            wasm::Severity::Note => Severity::Note,
            wasm::Severity::Warning => Severity::Warning,
            wasm::Severity::Error => Severity::Error,
        },
        message: found.message,
        path,
        lines,
        related: places,
        fix: found.fixes.first().map(fix),
        fingerprint: found.fingerprint,
        preexisting: found.preexisting,
    }
}

fn related(location: &Location) -> Related {
    Related {
        tree: match location.side {
            Side::Base => TreeRole::Base,
            Side::Candidate => TreeRole::Candidate,
        },
        path: location.path.as_str().into(),
        lines: location.region.map(lines),
    }
}

fn lines(region: Region) -> Lines {
    let start = region.start.line;
    Lines {
        start,
        end: region.end.map_or(start, |end| end.line),
    }
}

/// What the first of its fixes would do, with the text where it is one piece.
fn fix(fix: &Fix) -> String {
    match fix.edits.as_slice() {
        [edit] => format!("{}: {}", fix.description, edit.text),
        _ => fix.description.clone(),
    }
}

fn metric(metric: wasm::Metric) -> Metric {
    Metric {
        name: metric.name,
        value: match metric.value {
            #[allow(
                clippy::cast_precision_loss,
                reason = "a number for people; JSON's have no more"
            )]
            Number::Integer(number) => number as f64,
            Number::Decimal(number) => number,
        },
        unit: metric.unit,
    }
}
