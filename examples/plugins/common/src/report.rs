//! Findings, locations and reports in the fewest words.

use crate::{Finding, Location, Metric, Number, Outcome, Position, Region, Report, Severity, Side};

/// A file of the candidate.
#[must_use]
pub fn file(path: &str) -> Location {
    place(Side::Candidate, path, None)
}

/// A file of either tree.
#[must_use]
pub fn file_of(side: Side, path: &str) -> Location {
    place(side, path, None)
}

/// A point in a file of the candidate: line and column from 1.
#[must_use]
pub fn point(path: &str, line: u32, column: Option<u32>) -> Location {
    point_of(Side::Candidate, path, line, column)
}

/// A point in a file of either tree.
#[must_use]
pub fn point_of(side: Side, path: &str, line: u32, column: Option<u32>) -> Location {
    let start = Position { line, column };
    place(side, path, Some(Region { start, end: None }))
}

/// Whole lines of a file of the candidate, the last included.
#[must_use]
pub fn lines(path: &str, first: u32, last: u32) -> Location {
    let at = |line| Position { line, column: None };
    let end = (last > first).then(|| at(last));
    let start = at(first);
    place(Side::Candidate, path, Some(Region { start, end }))
}

fn place(side: Side, path: &str, region: Option<Region>) -> Location {
    Location {
        side,
        path: path.to_owned(),
        region,
    }
}

/// A finding that the change brought, at one place.
#[must_use]
pub fn finding(rule: &str, severity: Severity, message: String, location: Location) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        message,
        locations: vec![location],
        fixes: Vec::new(),
        fingerprint: None,
        preexisting: false,
    }
}

/// A count.
#[must_use]
pub fn count(name: &str, value: usize, unit: Option<&str>) -> Metric {
    Metric {
        name: name.to_owned(),
        value: Number::Integer(i64::try_from(value).unwrap_or(i64::MAX)),
        unit: unit.map(str::to_owned),
    }
}

/// What hosts take of a report, which is more than anybody reads.
const MOST_FINDINGS: usize = 1_000;
const MOST_LOCATIONS: usize = 32;
const MOST_FINGERPRINT: usize = 128;

/// What the findings come to: failed where the change brought an error. The worst come first, and of very many only those.
#[must_use]
pub fn conclude(mut findings: Vec<Finding>, mut summary: String, metrics: Vec<Metric>) -> Report {
    let fails = |finding: &Finding| finding.severity == Severity::Error && !finding.preexisting;
    let outcome = match findings.iter().any(fails) {
        true => Outcome::Fail,
        false => Outcome::Pass,
    };
    findings.sort_by_key(|finding| {
        (
            finding.preexisting,
            std::cmp::Reverse(finding.severity as u8),
        )
    });
    if findings.len() > MOST_FINDINGS {
        let more = findings.len() - MOST_FINDINGS;
        summary.push_str(&format!(" {more} more findings are left out."));
        findings.truncate(MOST_FINDINGS);
    }
    findings.iter_mut().for_each(tidy);
    Report {
        outcome,
        summary: Some(summary),
        findings,
        metrics,
    }
}

/// A path with a control character in it can be told in a message, without it, but not linked to.
fn tidy(finding: &mut Finding) {
    for location in &finding.locations {
        if location.path.contains(char::is_control) {
            let path = location.path.replace(char::is_control, "\u{fffd}");
            finding.message.push_str(&format!(" (In `{path}`.)"));
        }
    }
    finding
        .locations
        .retain(|location| !location.path.contains(char::is_control));
    finding.locations.truncate(MOST_LOCATIONS);
}

/// A fingerprint of names: as they are where they are few and plain, else shortened by a digest of all.
#[must_use]
pub fn fingerprint(names: &[&str]) -> String {
    let whole = names.join(" ");
    if whole.len() <= MOST_FINGERPRINT && !whole.contains(char::is_control) {
        return whole;
    }
    let plain = whole
        .chars()
        .filter(|letter| letter.is_ascii_graphic() || *letter == ' ');
    let start: String = plain.take(MOST_FINGERPRINT / 2).collect();
    format!("{start} {:016x}", digest(whole.as_bytes()))
}

/// 64 bits of some bytes (FNV-1a with a last mixing), the same on every machine. No defence against those who look for two texts
/// with one digest.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

/// A size as people write it: `512 B`, `1.5 MiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = "B";
    for larger in units {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = larger;
    }
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

/// The first few of a list in one sentence, and how many more there are.
#[must_use]
pub fn some_of(items: &[&str], most: usize) -> String {
    let shown = items.iter().take(most).map(|item| format!("`{item}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match items.len().checked_sub(most) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_people_do() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (5 << 20, "5 MiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn fingerprints_are_short_and_plain() {
        assert_eq!(fingerprint(&["domain", "web"]), "domain web");
        let (long, other) = ("a".repeat(200), format!("{}b", "a".repeat(200)));
        assert_ne!(fingerprint(&[&long]), fingerprint(&[&other]));
        for name in [long.as_str(), "a\nb", "ä\0"] {
            let made = fingerprint(&[name]);
            assert!(
                made.len() <= MOST_FINGERPRINT && !made.contains(char::is_control),
                "{made:?}"
            );
        }
    }

    #[test]
    fn a_report_stays_within_what_hosts_take() {
        let mut many: Vec<Finding> = (0..2_000)
            .map(|_| finding("rule", Severity::Note, "note".into(), file("a\nb")))
            .collect();
        many[1_999].severity = Severity::Error;
        many[1_998].locations = vec![file("a"); 100];
        let report = conclude(many, "Much.".into(), Vec::new());
        assert_eq!(report.outcome, Outcome::Fail);
        assert_eq!(report.findings[0].severity, Severity::Error);
        assert_eq!(report.findings.len(), MOST_FINDINGS);
        assert_eq!(report.findings[1].message, "note (In `a\u{fffd}b`.)");
        assert!(
            report
                .findings
                .iter()
                .all(|finding| finding.locations.len() <= MOST_LOCATIONS)
        );
        assert_eq!(
            report.summary.as_deref(),
            Some("Much. 1000 more findings are left out.")
        );
    }
}
