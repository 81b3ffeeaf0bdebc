//! What the change does to the imports between parts.

use guest::changes::Changes;
use guest::index::Index;
use guest::report;
use guest::trees::Tree;
use guest::{ChangeSet, CheckError, Finding, Report, Severity};

use crate::cycles::Graph;
use crate::links::{Known, Link, Links};
use crate::settings::Settings;

const FORBIDDEN: &str = "forbidden-import";
const CYCLE: &str = "import-cycle";
const EMPTY: &str = "empty-part";
const UNREAD: &str = "unread-source";

/// The rules and what each is about.
pub(crate) const RULES: &[(&str, &str)] = &[
    (
        FORBIDDEN,
        "A part imports another one that it must not import.",
    ),
    (CYCLE, "Parts import each other in a circle."),
    (
        EMPTY,
        "A part has no source, so that no rule about it means anything.",
    ),
    (UNREAD, "The imports of a source were not read."),
];

/// Judges the imports of the candidate against those of the base.
///
/// # Errors
/// `internal` where the host does not know its own trees.
pub fn judge(
    change: &ChangeSet,
    settings: &Settings,
    base: &impl Tree,
    candidate: &impl Tree,
) -> Result<Report, CheckError> {
    let changes = Changes::new(change);
    let (now, known) = Links::read(candidate, settings, &changes, &Known::default())?;
    let (before, _) = Links::read(base, settings, &changes, &known)?;
    let mut findings = forbidden(&now, &before, settings, &changes);
    if settings.cycles {
        findings.extend(cycles(&now, &before, settings));
    }
    findings.extend(empty(&now, &before, settings));
    findings.extend(unread(&now, &changes, settings));
    let summary = summary(&findings, &now, change.unnamed);
    let metrics = vec![
        report::count("sources", now.sources.iter().sum(), None),
        report::count("imports-between-parts", now.links.len(), None),
        report::count("sources-unread", now.unread.len(), None),
    ];
    Ok(report::conclude(findings, summary, metrics))
}

/// What stays the same when lines move: parts, file and module, the file by its path on the candidate.
fn key(link: &Link, path: &str) -> String {
    format!("{}\0{}\0{path}\0{}", link.from, link.to, link.module)
}

fn forbidden(
    now: &Links,
    before: &Links,
    settings: &Settings,
    changes: &Changes<'_>,
) -> Vec<Finding> {
    let is_forbidden = |link: &&Link| settings.forbidden.contains(&(link.from, link.to));
    let old = before.links.iter().filter(is_forbidden);
    let old = Index::new(
        old.map(|link| key(link, changes.on_candidate(&link.path)))
            .collect(),
    );
    let links: Vec<&Link> = now.links.iter().filter(is_forbidden).collect();
    let index = Index::new(links.iter().map(|link| key(link, &link.path)).collect());
    let mut findings = Vec::new();
    for link in index.firsts().into_iter().filter_map(|at| links.get(at)) {
        let (from, to) = (settings.parts.name(link.from), settings.parts.name(link.to));
        let (path, module) = (&link.path, &link.module);
        let message = format!(
            "`{path}` of part `{from}` imports `{module}` of part `{to}`, which is forbidden."
        );
        let mut finding = report::finding(FORBIDDEN, settings.severity, message, place(link));
        finding.fingerprint = Some(report::fingerprint(&[from, to, path, module]));
        finding.preexisting = old.has(&key(link, path));
        findings.push(finding);
    }
    findings
}

fn place(link: &Link) -> guest::Location {
    report::point(&link.path, link.line, Some(link.column))
}

/// Imports of parts that lie on a circle: a new one closes it. Those that are forbidden are told as such.
fn cycles(now: &Links, before: &Links, settings: &Settings) -> Vec<Finding> {
    let parts = settings.parts.names().len();
    let (graph, old) = (graph(now, settings), graph(before, settings));
    let mut findings = Vec::new();
    for from in 0..parts {
        for to in (0..parts).filter(|to| graph.has((from, *to))) {
            let was_closed = old.has((from, to)) && old.way(to, from).is_some();
            // What stood on the base is not what closes a new circle.
            let is_new = !old.has((from, to));
            let Some(way) = graph.way(to, from).filter(|_| is_new || was_closed) else {
                continue;
            };
            let circle: Vec<usize> = std::iter::once(from).chain(way).collect();
            findings.extend(cycle(&circle, now, was_closed, settings));
        }
    }
    findings
}

fn graph(links: &Links, settings: &Settings) -> Graph {
    let edges = links.links.iter().map(|link| (link.from, link.to));
    let allowed = edges.filter(|edge| !settings.forbidden.contains(edge));
    Graph::new(settings.parts.names().len(), allowed)
}

fn cycle(circle: &[usize], now: &Links, was_closed: bool, settings: &Settings) -> Option<Finding> {
    // Of each step the first import that makes it.
    let links = circle
        .windows(2)
        .filter_map(|pair| now.links.iter().find(|link| [link.from, link.to] == *pair));
    let links: Vec<&Link> = links.collect();
    let link = links.first()?;
    let names: Vec<String> = circle
        .iter()
        .map(|part| format!("`{}`", settings.parts.name(*part)))
        .collect();
    let message = format!(
        "`{}` imports `{}`, which closes a circle of parts: {}.",
        link.path,
        link.module,
        names.join(" → ")
    );
    let mut finding = report::finding(CYCLE, settings.severity, message, place(link));
    finding
        .locations
        .extend(links.iter().skip(1).map(|link| place(link)));
    let (from, to) = (settings.parts.name(link.from), settings.parts.name(link.to));
    finding.fingerprint = Some(report::fingerprint(&[from, to]));
    finding.preexisting = was_closed;
    Some(finding)
}

/// A part without sources makes every rule about it void: by a mistyped glob, or because the change moved all of it away.
fn empty(now: &Links, before: &Links, settings: &Settings) -> Vec<Finding> {
    let parts = settings.parts.names().iter().enumerate();
    let empty = parts.filter(|(part, _)| !has_sources(now, *part));
    let each = empty.map(|(part, name)| {
        let emptied = has_sources(before, part);
        let message = match emptied {
            true => format!("The change leaves no source in part `{name}`: rules about it mean nothing any more."),
            false => format!("Part `{name}` has no source: rules about it mean nothing. Is it mistyped?"),
        };
        Finding {
            rule: EMPTY.to_owned(),
            severity: if emptied { settings.severity } else { Severity::Warning },
            message,
            locations: Vec::new(),
            fixes: Vec::new(),
            fingerprint: Some(report::fingerprint(&[name])),
            preexisting: !emptied,
        }
    });
    each.collect()
}

fn has_sources(links: &Links, part: usize) -> bool {
    links.sources.get(part).is_some_and(|sources| *sources > 0)
}

/// What could not be judged is told: a note for a source that the change leaves alone.
fn unread(now: &Links, changes: &Changes<'_>, settings: &Settings) -> Vec<Finding> {
    let each = now.unread.iter().map(|(path, why)| {
        let untouched = changes.leaves(path);
        let severity = if untouched {
            Severity::Note
        } else {
            // Whoever writes a source that cannot be read hides what it imports.
            settings.severity
        };
        let message = format!("The imports of `{path}` were not read: {}.", why.reason());
        let mut finding = report::finding(UNREAD, severity, message, report::file(path));
        finding.fingerprint = Some(report::fingerprint(&[path]));
        finding.preexisting = untouched;
        finding
    });
    each.collect()
}

fn summary(findings: &[Finding], now: &Links, unnamed: u32) -> String {
    let new = |rule: &str| {
        findings
            .iter()
            .filter(|finding| finding.rule == rule && !finding.preexisting)
            .count()
    };
    let old = findings
        .iter()
        .filter(|finding| finding.rule == FORBIDDEN && finding.preexisting)
        .count();
    let mut summary = format!(
        "{}: {} new ({old} stood before), {} new.",
        report::counted(now.links.len(), "import") + " between parts",
        report::counted(new(FORBIDDEN), "forbidden import"),
        report::counted(new(CYCLE), "circle"),
    );
    if !now.unread.is_empty() {
        let sources = report::counted(now.unread.len(), "source");
        summary.push_str(&format!(" Not read: {sources}."));
    }
    if unnamed > 0 {
        let files = report::counted(unnamed as usize, "file");
        summary.push_str(&format!(" Not looked at: {files} whose path is not UTF-8."));
    }
    summary
}

#[cfg(test)]
mod tests;
