//! Reports as hostile code would write them: nothing makes a reader panic, or keep more than its caps.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, also where a fuzzer runs it"
)]

use passmuster_policy::lint::LintFinding;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::{Formatter, ReportFormat};

use super::place::Placer;
use super::{FINDINGS_CAP, Format, read};

/// Every format there is.
pub(crate) const FORMATS: [Format; 9] = [
    Format::Report(ReportFormat::Sarif),
    Format::Report(ReportFormat::CargoJson),
    Format::Report(ReportFormat::Rdjson),
    Format::Report(ReportFormat::Gitlab),
    Format::Report(ReportFormat::Checkstyle),
    Format::Report(ReportFormat::EslintJson),
    Format::Files(Formatter::Ruff),
    Format::Files(Formatter::Rustfmt),
    Format::Files(Formatter::Prettier),
];

/// Panics where a reader keeps more than it may or what could drive a terminal, names a file that is not of the tree, or
/// panics itself.
pub(crate) fn check(bytes: &[u8]) {
    let files = [RepoPath::from("a.py"), RepoPath::from("src/a.py")];
    for format in FORMATS {
        let Ok(report) = read(format, bytes) else {
            continue;
        };
        assert!(
            report.findings.len() <= FINDINGS_CAP && report.findings.len() as u64 <= report.entries
        );
        let mut content = |_: &RepoPath| Some(bytes.to_vec());
        let placed =
            Placer::new("/sandbox/tree", "src", files.iter(), &mut content).place(report.findings);
        for one in &placed.findings {
            assert!(one.message.len() <= LintFinding::MESSAGE_CAP + '…'.len_utf8());
            assert!(one.rule.len() <= LintFinding::RULE_CAP + '…'.len_utf8());
            assert!(one.path.as_ref().is_none_or(|path| files.contains(path)));
            let said = [
                &one.message,
                &one.rule,
                one.fix.as_ref().unwrap_or(&one.rule),
            ];
            assert!(!said.iter().any(|text| text.contains(char::is_control)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that the readers know, so that made-up reports get past the first check.
    const PIECES: [&str; 16] = [
        r#"{"version":"2.1.0","runs":[{"results":[{"ruleId":"R","message":{"text":"\u001b[2J"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py"},"region":{"startLine":4294967295,"endLine":1}}}]}]}]}"#,
        r#"{"version":"2.1.0","runs":[{"originalUriBaseIds":{"A":{"uri":"/","uriBaseId":"A"}},"results":[{"ruleIndex":-1,"locations":[{"physicalLocation":{"artifactLocation":{"uri":"..","uriBaseId":"A","index":9}}}]}]}]}"#,
        r#"{"reason":"compiler-message","message":{"message":"m","level":"error","code":null,"spans":[{"file_name":"a.py","line_start":0,"line_end":0,"column_start":0,"is_primary":false,"suggested_replacement":"\u0000"}],"children":[]}}"#,
        r#"{"reason":"build-finished","success":true}"#,
        r#"{"diagnostics":[{"message":"m","location":{"path":"file://%ff","range":{"start":{}}},"suggestions":[{}]}]}"#,
        r#"[{"description":"d","check_name":"","location":{"path":"../a.py","lines":{"begin":0}}}]"#,
        r#"[{"filePath":"/sandbox/tree/src/a.py","messages":[{"ruleId":null,"line":1,"suggestions":[{}]}]}]"#,
        "<checkstyle version='1'>",
        "<file name='a.py&#27;&x;'>",
        "<error line='-1' message='&#x1b;[2J' source='s'/>",
        "</file></checkstyle>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]>",
        "Would reformat: a.py\nWould reformat: \u{1b}",
        "Diff in a.py:1:\nDiff in :\nDiff in  at line :",
        "[warn] a.py\n[warn] ",
        "\n",
    ];

    fn report() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
            3 => (prop::sample::select(&PIECES[..]), any::<prop::sample::Index>(), any::<u8>()).prop_map(
                |(piece, at, byte)| {
                    let mut bytes = piece.as_bytes().to_vec();
                    let at = at.index(bytes.len());
                    bytes.splice(at..=at, [byte]);
                    bytes
                }
            ),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_report_makes_a_reader_panic_or_exceed_its_caps(bytes in report()) {
            check(&bytes);
        }
    }

    #[test]
    fn nothing_and_half_a_report_are_never_no_findings() {
        let sarif = br#"{"version":"2.1.0","runs":[{"results":[]}]}"#;
        assert!(read(FORMATS[0], sarif).is_ok());
        for format in FORMATS.into_iter().take(6) {
            for bytes in [
                &b""[..],
                b" \n",
                b"null",
                b"Traceback (most recent call last):",
                b"<a/>",
                &sarif[..20],
            ] {
                assert!(read(format, bytes).is_err(), "{format:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn more_findings_than_can_be_kept_are_no_report() {
        let one = r#"{"description":"d","location":{"path":"a.py"}}"#;
        let all = vec![one; FINDINGS_CAP + 1].join(",");
        assert!(read(FORMATS[3], format!("[{all}]").as_bytes()).is_err());
    }
}
