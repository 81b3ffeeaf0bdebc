//! Which blocks the change adds although they stand elsewhere.

use guest::report::{self, digest};
use guest::trees::{self, Tree, Unread};
use guest::{ChangeSet, CheckError, Finding, Metric, Report, Severity};

use crate::added::{Added, Changed, sequence};
use crate::blocks::{Duplicate, Place, duplicates, merged};
use crate::scan::scan;
use crate::settings::Settings;

pub(crate) const DUPLICATE: &str = "duplicate-block";
pub(crate) const NOT_COMPARED: &str = "not-compared";

/// Other places that one finding links to.
const SHOWN: usize = 8;
/// Duplicates that are kept in memory.
const MOST: usize = 20_000;

/// What was compared, for the report.
#[derive(Default)]
struct Compared {
    files: usize,
    bytes: u64,
    /// Sources that were left out, with the reason.
    left_out: Vec<(String, Unread)>,
    /// Sources behind the last that could be read.
    beyond: usize,
}

/// Judges what the change adds.
///
/// # Errors
/// `internal` where the host does not know its own trees.
pub fn judge(
    change: &ChangeSet,
    settings: &Settings,
    base: &impl Tree,
    candidate: &impl Tree,
) -> Result<Report, CheckError> {
    let added = Added::read(change, settings, base, candidate)?;
    let mut compared = Compared::default();
    let found = match added.is_empty() {
        true => Vec::new(),
        false => compare(&added, settings, candidate, &mut compared)?,
    };
    let found = merged(found);
    let mut findings: Vec<Finding> = found
        .iter()
        .filter_map(|one| finding(one, &added, settings))
        .collect();
    let summary = summary(&findings, &compared, change.unnamed);
    let metrics = metrics(&found, &compared);
    findings.extend(not_compared(&added, &compared, settings));
    Ok(report::conclude(findings, summary, metrics))
}

/// All sources of the candidate pass by.
fn compare(
    added: &Added<'_>,
    settings: &Settings,
    candidate: &impl Tree,
    compared: &mut Compared,
) -> Result<Vec<Duplicate>, CheckError> {
    let mut found = Vec::new();
    for path in trees::paths(candidate)? {
        if settings.language_of(&path).is_none() {
            continue;
        }
        if compared.bytes >= settings.bounds.total || found.len() >= MOST {
            compared.beyond += 1;
            continue;
        }
        let number = added.number_of(&path);
        let read;
        let source = match number.and_then(|number| added.files.get(number)) {
            Some(changed) => &changed.candidate,
            None => match sequence(candidate, &path, true, settings)? {
                Ok(sequence) => {
                    read = sequence;
                    &read
                }
                Err(why) => {
                    compared.left_out.push((path, why));
                    continue;
                }
            },
        };
        compared.files += 1;
        compared.bytes += source.bytes;
        let matches = scan(source, number, added, settings);
        found.extend(duplicates(&matches, &path, source, number, added, settings));
    }
    Ok(found)
}

fn finding(one: &Duplicate, added: &Added<'_>, settings: &Settings) -> Option<Finding> {
    let changed = added.files.get(one.file)?;
    let other = one.others.first()?;
    let Place { path, first, last } = &one.place;
    let more = match one.others.len() - 1 {
        0 => String::new(),
        more => format!(" and in {}", report::counted(more, "more place")),
    };
    let message = format!(
        "These {} ({} tokens) stand in `{}` as well, lines {} to {}{more}. Use them from one place.",
        report::counted((last - first + 1) as usize, "line"),
        one.block.tokens,
        other.path,
        other.first,
        other.last,
    );
    let place = report::lines(path, *first, *last);
    let mut finding = report::finding(DUPLICATE, settings.severity, message, place);
    let others = one.others.iter().take(SHOWN);
    finding
        .locations
        .extend(others.map(|place| report::lines(&place.path, place.first, place.last)));
    finding.fingerprint = Some(report::fingerprint(&[path, &content(changed, one)]));
    finding.preexisting = one.preexisting;
    Some(finding)
}

/// The block by what it says, so that it is the same when it moves.
fn content(changed: &Changed<'_>, one: &Duplicate) -> String {
    let tokens = changed
        .candidate
        .digests
        .get(one.block.at..one.block.end())
        .unwrap_or_default();
    let bytes: Vec<u8> = tokens
        .iter()
        .flat_map(|token| token.to_le_bytes())
        .collect();
    format!("{:016x}", digest(&bytes))
}

fn summary(findings: &[Finding], compared: &Compared, unnamed: u32) -> String {
    let new = findings
        .iter()
        .filter(|finding| !finding.preexisting)
        .count();
    let mut summary = match new {
        0 => "The change adds no block that stands elsewhere.".to_owned(),
        1 => "The change adds 1 block that stands elsewhere.".to_owned(),
        _ => format!("The change adds {new} blocks that stand elsewhere."),
    };
    let left_out = compared.left_out.len() + compared.beyond;
    if left_out > 0 {
        let files = report::counted(left_out, "source");
        summary.push_str(&format!(" Not compared with: {files}."));
    }
    if unnamed > 0 {
        let files = report::counted(unnamed as usize, "file");
        summary.push_str(&format!(" Not looked at: {files} whose path is not UTF-8."));
    }
    summary
}

fn metrics(found: &[Duplicate], compared: &Compared) -> Vec<Metric> {
    let new = found.iter().filter(|one| !one.preexisting);
    let lines: u32 = new.map(|one| one.place.last - one.place.first + 1).sum();
    vec![
        report::count("files-compared", compared.files, None),
        report::count(
            "files-left-out",
            compared.left_out.len() + compared.beyond,
            None,
        ),
        report::count("duplicated-lines", lines as usize, Some("lines")),
    ]
}

/// What could not be judged is told: a warning for a file of the change, a note for others.
fn not_compared(added: &Added<'_>, compared: &Compared, settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = added
        .unread
        .iter()
        .map(|(path, why)| left_out(path, *why, settings.severity))
        .collect();
    let others = compared
        .left_out
        .iter()
        .filter(|(path, _)| added.unread.iter().all(|(own, _)| own != path));
    findings.extend(others.map(|(path, why)| {
        let mut finding = left_out(path, *why, Severity::Note);
        finding.preexisting = true;
        finding
    }));
    if compared.beyond > 0 {
        let files = report::counted(compared.beyond, "source");
        let message = format!(
            "{files} were not compared: the tree is larger than this check reads. Narrow `include`."
        );
        findings.push(Finding {
            rule: NOT_COMPARED.to_owned(),
            severity: Severity::Warning,
            message,
            locations: Vec::new(),
            fixes: Vec::new(),
            fingerprint: Some(NOT_COMPARED.to_owned()),
            preexisting: false,
        });
    }
    findings
}

fn left_out(path: &str, why: Unread, severity: Severity) -> Finding {
    let message = format!("`{path}` was not compared: {}.", why.reason());
    let mut finding = report::finding(NOT_COMPARED, severity, message, report::file(path));
    finding.fingerprint = Some(report::fingerprint(&[path]));
    finding
}

#[cfg(test)]
mod tests;
