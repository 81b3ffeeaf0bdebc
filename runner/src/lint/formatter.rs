//! Formatters that only look: the files that they would change are what they found.

use std::collections::BTreeSet;

use passmuster_policy::policy::Formatter;

use super::{Raw, Reference, Report};

/// The rule of every such finding.
const RULE: &str = "format";

/// Reads standard output and error, one after the other. These are texts for people, which change: where the tool says how
/// many files it means, as many have to be found.
pub(super) fn read(formatter: Formatter, bytes: &[u8]) -> Result<Report, String> {
    let text = String::from_utf8_lossy(bytes);
    let before = std::iter::once("").chain(text.lines());
    let plain: BTreeSet<&str> = before
        .zip(text.lines())
        .filter_map(|(before, line)| file(formatter, before, line))
        .filter(|file| !file.is_empty())
        .collect();
    let broken = text.lines().find(|line| is_error(formatter, line));
    let promised = text.lines().find_map(|line| promised(formatter, line));
    let agree = match promised {
        Some(count) => count == plain.len(),
        None => formatter != Formatter::Ruff || plain.is_empty(),
    };
    if !agree {
        return Err("the files that it names are not as many as it says".to_owned());
    }
    Ok(Report {
        entries: plain.len() as u64,
        findings: plain.into_iter().map(finding).collect(),
        partial: broken.map(|line| format!("it could not read everything: {line}")),
    })
}

/// How many files a line says there are that would be changed.
fn promised(formatter: Formatter, line: &str) -> Option<usize> {
    match formatter {
        Formatter::Ruff => {
            let (count, _) = line.split_once(" would be reformatted")?;
            let (count, files) = count.split_once(' ')?;
            matches!(files, "file" | "files").then(|| count.parse().ok())?
        }
        Formatter::Rustfmt => None,
        Formatter::Prettier => {
            let files = line.strip_prefix("[warn] Code style issues found in ")?;
            match files.split_once(' ')? {
                ("the", _) => Some(1),
                (count, _) => count.parse().ok(),
            }
        }
    }
}

/// The file that a line is about, where it is one that would be changed; `before` is the line before it.
fn file<'a>(formatter: Formatter, before: &str, line: &'a str) -> Option<&'a str> {
    match formatter {
        Formatter::Ruff => match line.trim_start().strip_prefix("--> ") {
            Some(place) if before.starts_with("unformatted: ") => without_position(place),
            Some(_) => None,
            // What `concise` and what older versions write.
            None => match line.split_once(": unformatted: ") {
                Some((place, _)) => without_position(place),
                None => line.strip_prefix("Would reformat: "),
            },
        },
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

/// `FILE` of `FILE:LINE:COLUMN`.
fn without_position(place: &str) -> Option<&str> {
    let (place, _) = place.rsplit_once(':')?;
    Some(place.rsplit_once(':')?.0)
}

fn is_error(formatter: Formatter, line: &str) -> bool {
    match formatter {
        Formatter::Ruff => line.starts_with("error") || line.starts_with("invalid-syntax: "),
        Formatter::Rustfmt => line.starts_with("error"),
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
                Formatter::Ruff,
                "unformatted: File would be reformatted\n --> d é/b c.py:1:6\n  |\n  - x = [ 1 ]\n1 + x = [1]\n  |\n\n\
                 unformatted: File would be reformatted\n  --> a.py:11:6\n   |\n2 files would be reformatted\n",
                ["a.py", "d é/b c.py"],
            ),
            (
                Formatter::Ruff,
                "d é/b c.py:1:6: unformatted: File would be reformatted\n\
                 a.py:1:6: unformatted: File would be reformatted\n2 files would be reformatted, 1 file already formatted\n",
                ["a.py", "d é/b c.py"],
            ),
            (
                Formatter::Rustfmt,
                rustfmt,
                ["/sandbox/tree/src/a b.rs", "/sandbox/tree/src/main.rs"],
            ),
            (Formatter::Prettier, prettier, ["a b.js", "x.js"]),
        ] {
            let report = read(formatter, text.as_bytes()).unwrap();
            let paths = expected.map(|path| Some(Reference::Path(path.to_owned())));
            let found: Vec<_> = report.findings.into_iter().map(|one| one.place).collect();
            assert_eq!(found, paths, "{formatter:?}");
            assert_eq!(report.partial, None);
        }
    }

    #[test]
    fn words_that_changed_are_not_taken_for_a_clean_tree() {
        for (formatter, text) in [
            (
                Formatter::Ruff,
                "Restyle a.py\n1 file would be reformatted\n",
            ),
            (Formatter::Ruff, "Would reformat: a.py\n"),
            (
                Formatter::Prettier,
                "[warn] x.js\n[warn] Code style issues found in 2 files. Run\n",
            ),
        ] {
            assert!(read(formatter, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_that_does_not_parse_is_not_passed_over() {
        for (formatter, line) in [
            (
                Formatter::Ruff,
                "error: Failed to parse bad.py:1:5: Expected",
            ),
            (Formatter::Ruff, "invalid-syntax: Expected an identifier"),
            (
                Formatter::Rustfmt,
                "error: this file contains an unclosed delimiter",
            ),
            (
                Formatter::Prettier,
                "[error] y.js: SyntaxError: Unexpected token (1:7)",
            ),
        ] {
            assert!(
                read(formatter, line.as_bytes()).unwrap().partial.is_some(),
                "{line}"
            );
        }
    }
}
