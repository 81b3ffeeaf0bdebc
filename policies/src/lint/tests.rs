//! Which findings are new: moved, renamed, doubled, edited.

use super::*;
use crate::change::Change;

/// A finding from `rule path:line text` or, with another message, `rule path:line text | message`.
fn finding(words: &str) -> LintFinding {
    let (words, message) = words.split_once(" | ").unwrap_or((words, "it is wrong"));
    let mut parts = words.splitn(3, ' ');
    let (rule, place) = (parts.next().unwrap(), parts.next().unwrap());
    let (path, line) = place.split_once(':').unwrap();
    let line: u32 = line.parse().unwrap();
    LintFinding {
        path: Some(path.into()),
        lines: (line > 0).then_some(Lines {
            start: line,
            end: line,
        }),
        rule: rule.to_owned(),
        message: message.to_owned(),
        fix: None,
        text: parts.next().unwrap_or_default().to_owned(),
    }
}

/// A changed file from `path -start,lines +start,lines …` or `old>new …`.
fn changed(words: &str) -> FileChange {
    let mut parts = words.split(' ');
    let path = parts.next().unwrap();
    let (path, kind) = match path.split_once('>') {
        Some((old, new)) => (new, ChangeKind::Renamed(old.into())),
        None => (path, ChangeKind::Modified),
    };
    let ranges: Vec<(u32, u32)> = parts
        .map(|range| range[1..].split_once(',').unwrap())
        .map(|(start, lines)| (start.parse().unwrap(), lines.parse().unwrap()))
        .collect();
    let hunk = |pair: &[(u32, u32)]| Hunk {
        before_start: pair[0].0,
        before_lines: pair[0].1,
        after_start: pair[1].0,
        after_lines: pair[1].1,
        added: Vec::new(),
        removed: Vec::new(),
    };
    FileChange {
        path: path.into(),
        kind,
        before: None,
        after: None,
        binary: false,
        hunks: ranges.chunks(2).map(hunk).collect(),
        truncated: false,
    }
}

/// The lines of the new findings.
fn new(base: &[&str], candidate: &[&str], files: &[&str]) -> Vec<String> {
    let read = |all: &[&str]| {
        let mut all: Vec<LintFinding> = all.iter().map(|words| finding(words)).collect();
        all.sort();
        all
    };
    let change = Change {
        files: files.iter().map(|words| changed(words)).collect(),
    };
    let candidate = read(candidate);
    let compared = compare(&read(base), &candidate, &change);
    let new = compared.iter().filter(|one| one.new).map(|one| one.finding);
    new.map(|one| {
        let path = one.path.as_ref().map(ToString::to_string);
        let line = one.lines.map_or(0, |lines| lines.start);
        format!("{}:{line}", path.unwrap_or_default())
    })
    .collect()
}

struct Case {
    what: &'static str,
    base: &'static [&'static str],
    candidate: &'static [&'static str],
    change: &'static [&'static str],
    new: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        what: "a finding on an added line",
        base: &[],
        candidate: &["F401 a.py:3 import os"],
        change: &["a.py -2,0 +3,1"],
        new: &["a.py:3"],
    },
    Case {
        what: "lines above it move it down",
        base: &["F401 a.py:3 import os"],
        candidate: &["F401 a.py:13 import os"],
        change: &["a.py -0,0 +1,10"],
        new: &[],
    },
    Case {
        what: "its file is renamed",
        base: &["F401 a.py:3 import os"],
        candidate: &["F401 pkg/b.py:3 import os"],
        change: &["a.py>pkg/b.py"],
        new: &[],
    },
    Case {
        what: "its line is there twice now: the copy is the new one",
        base: &["E711 a.py:3 if x == None:"],
        candidate: &["E711 a.py:1 if x == None:", "E711 a.py:5 if x == None:"],
        change: &["a.py -0,0 +1,2"],
        new: &["a.py:1"],
    },
    Case {
        what: "the copy stands behind",
        base: &["E711 a.py:3 if x == None:"],
        candidate: &["E711 a.py:3 if x == None:", "E711 a.py:5 if x == None:"],
        change: &["a.py -4,0 +5,2"],
        new: &["a.py:5"],
    },
    Case {
        what: "one of two equal lines is repaired",
        base: &["E711 a.py:3 x", "E711 a.py:5 x"],
        candidate: &["E711 a.py:3 x"],
        change: &["a.py -5,1 +5,1"],
        new: &[],
    },
    Case {
        what: "two findings of one rule on one line, and a third",
        base: &[
            "F401 a.py:1 import a, b | `a` unused",
            "F401 a.py:1 import a, b | `b` unused",
        ],
        candidate: &[
            "F401 a.py:1 import a, b, c | `a` unused",
            "F401 a.py:1 import a, b, c | `b` unused",
            "F401 a.py:1 import a, b, c | `c` unused",
        ],
        change: &["a.py -1,1 +1,1"],
        new: &["a.py:1"],
    },
    Case {
        what: "the flagged line is edited",
        base: &["E501 a.py:3 a very long line"],
        candidate: &["E501 a.py:3 another very long line"],
        change: &["a.py -3,1 +3,1"],
        new: &[],
    },
    Case {
        what: "a flagged line goes and one of the same rule comes elsewhere",
        base: &["E501 a.py:3 a very long line"],
        candidate: &["E501 a.py:9 another very long line"],
        change: &["a.py -3,1 +3,1 -9,1 +9,1"],
        new: &["a.py:9"],
    },
    Case {
        what: "the flagged line is edited, and what is said of it",
        base: &["F841 a.py:3 total = price + tax | `total` unused"],
        candidate: &["F841 a.py:3 amount = price + tax | `amount` unused"],
        change: &["a.py -3,1 +3,1"],
        new: &[],
    },
    Case {
        what: "another line takes the flagged one's place",
        base: &["F401 a.py:3 import os | `os` unused"],
        candidate: &["F401 a.py:3 import subprocess | `subprocess` unused"],
        change: &["a.py -3,1 +3,1"],
        new: &["a.py:3"],
    },
    Case {
        what: "one old line does not stand for two edited ones",
        base: &["F841 a.py:3 total = price + tax | `total` unused"],
        candidate: &[
            "F841 a.py:3 amount = price + tax | `amount` unused",
            "F841 a.py:4 sum = price + tax | `sum` unused",
        ],
        change: &["a.py -3,1 +3,2"],
        new: &["a.py:4"],
    },
    Case {
        what: "the edited line breaks another rule",
        base: &["E501 a.py:3 a very long line"],
        candidate: &["S307 a.py:3 eval(line)"],
        change: &["a.py -3,1 +3,1"],
        new: &["a.py:3"],
    },
    Case {
        what: "an unchanged line gets a new finding: what it calls has changed",
        base: &[],
        candidate: &["arg-type a.py:3 f(x)"],
        change: &["b.py -1,1 +1,1"],
        new: &["a.py:3"],
    },
    Case {
        what: "the same rule says something else about an unchanged line",
        base: &["arg-type a.py:3 f(x) | expected int, found str"],
        candidate: &["arg-type a.py:3 f(x) | expected bytes, found str"],
        change: &["b.py -1,1 +1,1"],
        new: &["a.py:3"],
    },
    Case {
        what: "numbers in the message follow the code",
        base: &["C901 a.py:3 def f(): | too complex (12 > 10), see line 7"],
        candidate: &["C901 a.py:3 def f(): | too complex (13 > 10), see line 8"],
        change: &["a.py -5,1 +5,2"],
        new: &[],
    },
    Case {
        what: "code moves to another file and takes its finding along",
        base: &["E711 a.py:3 if x == None:"],
        candidate: &["E711 b.py:7 if x == None:"],
        change: &["a.py -1,9 +0,0", "b.py -6,0 +7,9"],
        new: &[],
    },
    Case {
        what: "code is copied to another file",
        base: &["E711 a.py:3 if x == None:"],
        candidate: &["E711 a.py:3 if x == None:", "E711 b.py:7 if x == None:"],
        change: &["b.py -6,0 +7,9"],
        new: &["b.py:7"],
    },
    Case {
        what: "a formatter's finding is the file",
        base: &["format a.py:0"],
        candidate: &["format a.py:0", "format b.py:0"],
        change: &["a.py -1,1 +1,1", "b.py -1,1 +1,1"],
        new: &["b.py:0"],
    },
];

#[test]
fn what_the_base_has_is_not_new_wherever_it_moved() {
    for case in CASES {
        let found = new(case.base, case.candidate, case.change);
        assert_eq!(found, case.new, "{}", case.what);
    }
}

#[test]
fn a_fingerprint_holds_no_line_and_tells_equal_lines_apart() {
    let all = ["E711 a.py:3 x", "E711 a.py:5 x", "E711 b.py:5 x"].map(finding);
    let moved = ["E711 a.py:13 x", "E711 a.py:15 x", "E711 b.py:15 x"].map(finding);
    let prints = |all: &[LintFinding]| {
        let compared = compare(&[], all, &Change::default());
        compared
            .into_iter()
            .map(|one| one.fingerprint)
            .collect::<Vec<_>>()
    };
    assert_eq!(prints(&all), prints(&moved));
    let different: BTreeSet<String> = prints(&all).into_iter().collect();
    assert_eq!(different.len(), 3);
}

#[test]
fn however_findings_are_shuffled_the_counts_agree() {
    use proptest::prelude::*;
    let one = (0..3_u32, 0..3_u32, 1..9_u32, 0..3_u32);
    let all = || prop::collection::vec(one.clone(), 0..12);
    let words = |(rule, path, line, text): &(u32, u32, u32, u32)| {
        finding(&format!("r{rule} p{path}:{line} t{text}"))
    };
    proptest!(|(base in all(), candidate in all())| {
        let (base, candidate): (Vec<_>, Vec<_>) =
            (base.iter().map(words).collect(), candidate.iter().map(words).collect());
        let change = Change { files: vec![changed("p0 -2,3 +2,5"), changed("p1>p2 -1,1 +1,2")] };
        let new = |base: &[LintFinding], candidate: &[LintFinding]| {
            compare(base, candidate, &change).iter().filter(|one| one.new).count()
        };
        let found = new(&base, &candidate);
        prop_assert!(found >= candidate.len().saturating_sub(base.len()));
        prop_assert!(found <= candidate.len());
        prop_assert_eq!(compare(&base, &base, &Change::default()).iter().filter(|one| one.new).count(), 0);
    });
}
