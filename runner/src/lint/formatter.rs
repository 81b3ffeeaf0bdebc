//! Formatters that only look: the files that they would change are what they found.

use std::collections::BTreeSet;

use passmuster_policy::policy::Formatter;

use super::{Raw, Reference, Report};

/// The rule of every such finding.
const RULE: &str = "format";

/// Reads standard output and error, one after the other.
pub(super) fn read(formatter: Formatter, bytes: &[u8]) -> Report {
    let text = String::from_utf8_lossy(bytes);
    let plain: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| file(formatter, line))
        .filter(|file| !file.is_empty())
        .collect();
    let broken = text.lines().find(|line| is_error(formatter, line));
    Report {
        entries: plain.len() as u64,
        findings: plain.into_iter().map(finding).collect(),
        partial: broken.map(|line| format!("it could not read everything: {line}")),
    }
}

/// The file that a line is about, where it is one that would be changed.
fn file(formatter: Formatter, line: &str) -> Option<&str> {
    match formatter {
        Formatter::Ruff => line.strip_prefix("Would reformat: "),
        Formatter::Rustfmt => {
            let place = line.strip_prefix("Diff in ")?;
            // `FILE:LINE:`, before 2024 `FILE at line LINE:`.
            let (place, _) = place.strip_suffix(':')?.rsplit_once([':', ' '])?;
            Some(place.strip_suffix(" at line").unwrap_or(place))
        }
        Formatter::Prettier => {
            let rest = line.strip_prefix("[warn] ")?;
            let summary = rest.starts_with("Code style issues ");
            (!summary).then_some(rest)
        }
    }
}

fn is_error(formatter: Formatter, line: &str) -> bool {
    match formatter {
        Formatter::Ruff | Formatter::Rustfmt => line.starts_with("error"),
        Formatter::Prettier => line.starts_with("[error] "),
    }
}

fn finding(file: &str) -> Raw {
    Raw {
        rule: RULE.to_owned(),
        place: Some(Reference::Path(file.to_owned())),
        lines: None,
        message: "the formatter would change this file".to_owned(),
        fix: Some("run the formatter on it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_formatter_names_the_files_in_its_own_words() {
        let rustfmt = "Diff in /sandbox/tree/src/main.rs:1:\n-fn  main( ) { }\n+fn main() {}\n\
                       Diff in /sandbox/tree/src/main.rs:9:\nDiff in /sandbox/tree/src/a b.rs at line 2:\n";
        let prettier = "Checking formatting...\n[warn] x.js\n[warn] a b.js\n\
                        [warn] Code style issues found in 2 files. Run Prettier with --write to fix.\n";
        for (formatter, text, expected) in [
            (
                Formatter::Ruff,
                "Would reformat: a.py\nWould reformat: d é/b c.py\n2 files would be reformatted\n",
                ["a.py", "d é/b c.py"],
            ),
            (
                Formatter::Rustfmt,
                rustfmt,
                ["/sandbox/tree/src/a b.rs", "/sandbox/tree/src/main.rs"],
            ),
            (Formatter::Prettier, prettier, ["a b.js", "x.js"]),
        ] {
            let report = read(formatter, text.as_bytes());
            let paths = expected.map(|path| Some(Reference::Path(path.to_owned())));
            let found: Vec<_> = report.findings.into_iter().map(|one| one.place).collect();
            assert_eq!(found, paths, "{formatter:?}");
            assert_eq!(report.partial, None);
        }
    }

    #[test]
    fn a_file_that_does_not_parse_is_not_passed_over() {
        for (formatter, line) in [
            (
                Formatter::Ruff,
                "error: Failed to parse bad.py:1:5: Expected",
            ),
            (
                Formatter::Rustfmt,
                "error: this file contains an unclosed delimiter",
            ),
            (
                Formatter::Prettier,
                "[error] y.js: SyntaxError: Unexpected token (1:7)",
            ),
        ] {
            assert!(read(formatter, line.as_bytes()).partial.is_some(), "{line}");
        }
    }
}
