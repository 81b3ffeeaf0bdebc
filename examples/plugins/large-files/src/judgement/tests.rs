use guest::testing::{MemoryTree, change};
use guest::{Outcome, Severity};

use super::*;

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 123456789\n";

type Files<'a> = &'a [(&'a str, Vec<u8>)];

fn judged(config: &str, base: Files<'_>, candidate: Files<'_>) -> Report {
    let (base, candidate) = (MemoryTree::new(base), MemoryTree::new(candidate));
    let change = change(&base, &candidate);
    judge(&change, &Config::read(config).unwrap(), &base, &candidate).unwrap()
}

fn of(size: usize) -> Vec<u8> {
    b"0123456789abcdef\n"
        .iter()
        .copied()
        .cycle()
        .take(size)
        .collect()
}

#[test]
fn a_file_that_the_change_makes_too_large_is_found() {
    let rows: &[(&str, Files<'_>, Files<'_>, &[bool])] = &[
        ("added within the limit", &[], &[("a", of(100))], &[]),
        ("added above it", &[], &[("a", of(101))], &[false]),
        (
            "grown above it",
            &[("a", of(50))],
            &[("a", of(101))],
            &[false],
        ),
        (
            "too large before, and a little larger",
            &[("a", of(150))],
            &[("a", of(160))],
            &[true],
        ),
        (
            "too large before, and by as much again",
            &[("a", of(150))],
            &[("a", of(251))],
            &[false],
        ),
        (
            "too large before, and smaller",
            &[("a", of(150))],
            &[("a", of(120))],
            &[],
        ),
        (
            "too large before, and untouched",
            &[("a", of(150))],
            &[("a", of(150)), ("b", of(1))],
            &[],
        ),
        ("moved as it is", &[("a", of(150))], &[("b", of(150))], &[]),
        ("deleted", &[("a", of(150))], &[], &[]),
        (
            "by a rule of its own",
            &[],
            &[("a.png", of(101)), ("b.png", of(300))],
            &[false],
        ),
        ("ignored", &[], &[("data/a", of(1_000))], &[]),
        (
            "moved from where it was ignored",
            &[("data/a", of(1_000))],
            &[("a", of(1_000))],
            &[false],
        ),
    ];
    let config =
        r#"{"limit": 100, "ignore": ["data/**"], "rules": [{"files": ["*.png"], "limit": 200}]}"#;
    for (name, base, candidate, preexisting) in rows {
        let report = judged(config, base, candidate);
        let found: Vec<bool> = report
            .findings
            .iter()
            .map(|finding| finding.preexisting)
            .collect();
        assert_eq!(found, *preexisting, "{name}: {report:?}");
        let fails = preexisting.contains(&false);
        assert_eq!(report.outcome == Outcome::Fail, fails, "{name}");
    }
}

#[test]
fn what_git_lfs_keeps_is_as_large_as_its_pointer() {
    let attributes = (".gitattributes", b"*.bin filter=lfs\n".to_vec());
    let config = r#"{"limit": 150}"#;
    let pointer = judged(
        config,
        &[],
        &[attributes.clone(), ("a.bin", POINTER.into())],
    );
    assert_eq!(pointer.findings.len(), 0, "{pointer:?}");
    assert_eq!(
        pointer.summary.as_deref(),
        Some("No file is too large; the tree grows by 17 B. In Git LFS: 1 file.")
    );
    // Without attributes as well.
    assert_eq!(
        judged(config, &[], &[("a.bin", POINTER.into())])
            .findings
            .len(),
        0
    );
    // A large file is none because it begins like one, nor because of its name.
    let disguised = [POINTER.as_bytes(), &of(2_000)].concat();
    assert_eq!(
        judged(config, &[], &[("a.bin", disguised)]).findings.len(),
        1
    );
    assert_eq!(
        judged(config, &[], &[attributes, ("a.bin", of(2_000))])
            .findings
            .len(),
        1
    );
}

#[test]
fn many_small_files_are_a_large_change() {
    let files: Vec<(&str, Vec<u8>)> = ["a", "b", "c"].map(|path| (path, of(90))).into();
    let report = judged(
        r#"{"limit": 100, "total": 200, "severity": "warning"}"#,
        &[],
        &files,
    );
    let finding = &report.findings[0];
    assert_eq!(
        (finding.rule.as_str(), finding.severity),
        (TOTAL, Severity::Warning)
    );
    assert_eq!(
        finding.message,
        "The change makes the tree grow by 270 B; the limit is 200 B."
    );
    assert_eq!(finding.locations.len(), 3);
    assert_eq!(
        judged(r#"{"limit": 100, "total": 270}"#, &[], &files)
            .findings
            .len(),
        0
    );
}

#[test]
fn links_and_submodules_have_no_size() {
    let base = MemoryTree::default();
    let mut candidate = MemoryTree::default();
    candidate.insert_as("link", Mode::Symlink, &of(500));
    candidate.insert_as("module", Mode::Submodule, &[]);
    let change = change(&base, &candidate);
    let report = judge(
        &change,
        &Config::read(r#"{"limit": 100}"#).unwrap(),
        &base,
        &candidate,
    );
    assert_eq!(report.unwrap().findings.len(), 0);
}

#[test]
fn a_finding_says_sizes_and_what_to_do() {
    let report = judged("{}", &[], &[("a", of(3 << 19))]);
    let expected =
        "`a` has 1.5 MiB; the limit is 1 MiB. Keep it out of the repository, or in Git LFS.";
    assert_eq!(report.findings[0].message, expected);
    let report = judged("{}", &[("a", of(512))], &[("a", of(3 << 19))]);
    assert_eq!(
        report.findings[0].message,
        "`a` grew from 512 B to 1.5 MiB; the limit is 1 MiB."
    );
}
