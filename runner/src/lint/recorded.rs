//! What real tools wrote: ruff 0.17, ty 0.0, clippy of Rust 1.95, ESLint 10 and its Checkstyle formatter, each run on a
//! few lines with known mistakes below `/sandbox/tree`.

use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::ReportFormat;

use super::place::Placer;
use super::{Format, read};

/// The findings as `path:line rule: message [suggestion]`.
fn shown(format: ReportFormat, report: &[u8]) -> Vec<String> {
    let files = ["a.py", "d é/b c.py", "src/lib.rs", "x.js", "y.js"];
    let files: Vec<RepoPath> = files.into_iter().map(RepoPath::from).collect();
    let report = read(Format::Report(format), report).unwrap();
    let mut none = |_: &RepoPath| None;
    let placed = Placer::new("/sandbox/tree", "", files.iter(), &mut none).place(report.findings);
    assert_eq!((placed.elsewhere, report.partial), (0, None));
    let line = |one: &passmuster_policy::lint::LintFinding| {
        let path = one
            .path
            .as_ref()
            .and_then(RepoPath::as_str)
            .unwrap_or_default();
        let line = one.lines.map_or(0, |lines| lines.start);
        let fix = one.fix.as_ref().map(|fix| format!(" [{fix}]"));
        let fix = fix.unwrap_or_default();
        format!("{path}:{line} {}: {}{fix}", one.rule, one.message)
    };
    placed.findings.iter().map(line).collect()
}

#[test]
fn what_real_tools_write_is_read() {
    let cases: [(ReportFormat, &[u8], &[&str]); 6] = [
        (
            ReportFormat::Sarif,
            include_bytes!("recorded/ruff.sarif"),
            &[
                "a.py:1 F401: `os` imported but unused [Remove unused import: `os`]",
                "d é/b c.py:1 F401: `os` imported but unused [Remove unused import: `os`]",
            ],
        ),
        (
            ReportFormat::Rdjson,
            include_bytes!("recorded/ruff.rdjson"),
            &[
                "a.py:1 F401: `os` imported but unused [remove it]",
                "d é/b c.py:1 F401: `os` imported but unused [remove it]",
            ],
        ),
        (
            ReportFormat::Gitlab,
            include_bytes!("recorded/ty.gitlab.json"),
            &[
                "a.py:5 invalid-explicit-return: Return type does not match returned value: expected `str`, found `int`",
                "d é/b c.py:5 invalid-explicit-return: Return type does not match returned value: expected `str`, found `int`",
            ],
        ),
        (
            ReportFormat::CargoJson,
            include_bytes!("recorded/clippy.jsonl"),
            &[
                "src/lib.rs:1 clippy::ptr_arg: writing `&Vec` instead of `&[_]` involves a new object where a slice will do \
                 [change this to: write `&[u32]`]",
                "src/lib.rs:2 unused_variables: unused variable: `unused` \
                 [if this is intentional, prefix it with an underscore: write `_unused`]",
                "src/lib.rs:3 clippy::needless_return: unneeded `return` statement [remove `return`: write `v.len()`]",
            ],
        ),
        (
            ReportFormat::EslintJson,
            include_bytes!("recorded/eslint.json"),
            &[
                "x.js:1 no-var: Unexpected var, use let or const instead. [write `let a = 1;`]",
                "x.js:2 eqeqeq: Expected '===' and instead saw '=='. [Use '===' instead of '=='.]",
                "x.js:2 no-unused-vars: 'b' is assigned a value but never used. [Remove unused variable 'b'.]",
                "y.js:1 eslint: Parsing error: The keyword 'let' is reserved",
            ],
        ),
        (
            ReportFormat::Checkstyle,
            include_bytes!("recorded/checkstyle.xml"),
            &[
                "x.js:1 eslint.rules.no-var: Unexpected var, use let or const instead. (no-var)",
                "x.js:2 eslint.rules.eqeqeq: Expected '===' and instead saw '=='. (eqeqeq)",
                "x.js:2 eslint.rules.no-unused-vars: 'b' is assigned a value but never used. (no-unused-vars)",
                "y.js:1 : Parsing error: The keyword 'let' is reserved",
            ],
        ),
    ];
    for (format, report, expected) in cases {
        assert_eq!(shown(format, report), expected, "{format:?}");
    }
}
