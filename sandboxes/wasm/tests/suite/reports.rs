//! What a plugin may report, and what is refused with the number of the finding.

use passmuster_wasm::limits::{
    EDIT_TEXT, EDITS, FIXES, LOCATIONS, METRICS, NAME, RULES, TEXT, URI,
};
use passmuster_wasm::{Failure, Limits};

use crate::guest::{Guest, RawFinding, RawInfo, RawNumber, RawReport, Span};
use crate::support::{check, failing, load};

fn with_finding(finding: RawFinding) -> Guest {
    Guest::reporting(&RawReport {
        findings: vec![RawFinding::default(), finding],
        ..RawReport::default()
    })
}

fn at(path: &str, span: Option<Span>) -> Guest {
    with_finding(RawFinding {
        locations: vec![(1, path.to_owned(), span)],
        ..RawFinding::default()
    })
}

fn edited(path: &str, span: Span, text: &str, edits: usize) -> RawFinding {
    let edit = (path.to_owned(), span, text.to_owned());
    RawFinding {
        fixes: vec![("Do it.".to_owned(), vec![edit; edits])],
        ..RawFinding::default()
    }
}

#[track_caller]
fn assert_invalid(guest: &Guest, words: &str) {
    let failure = failing(guest, words);
    assert!(
        matches!(failure, Failure::InvalidReport { .. }),
        "{failure:?}"
    );
}

#[test]
fn paths_that_leave_the_tree_are_refused() {
    for path in [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "a/..",
        "./a",
        "a//b",
        "a/",
        "",
        "..",
        "a\0b",
        "a\nb",
        "a\u{1b}[2Jb",
    ] {
        assert_invalid(&at(path, None), "finding 1: the path");
        let fixed = with_finding(edited(path, (1, None, None), "", 1));
        assert_invalid(&fixed, "finding 1: the path");
    }
    assert_invalid(&at(&"a/".repeat(3_000), None), "finding 1: the path");
}

#[test]
fn positions_count_from_one_and_regions_do_not_run_backwards() {
    for (span, words) in [
        ((0, None, None), "count from 1"),
        ((1, Some(0), None), "count from 1"),
        ((1, None, Some((0, None))), "count from 1"),
        ((5, None, Some((4, None))), "ends before its start"),
        ((5, Some(9), Some((5, Some(8)))), "ends before its start"),
    ] {
        assert_invalid(&at("a", Some(span)), words);
        assert_invalid(&with_finding(edited("a", span, "", 1)), words);
    }
    for span in [
        (5, Some(9), Some((6, Some(1)))),
        (5, Some(9), Some((5, None))),
    ] {
        assert!(check(&at("a", Some(span))).is_ok());
    }
}

#[test]
fn names_are_known_short_and_of_one_line() {
    let finding = |rule, fingerprint: Option<&str>| {
        with_finding(RawFinding {
            rule,
            fingerprint: fingerprint.map(str::to_owned),
            ..RawFinding::default()
        })
    };
    assert_invalid(
        &finding("unheard", None),
        "the rule \"unheard\" is none that `describe` named",
    );
    for bad in ["", "a\nb", &"x".repeat(NAME + 1)] {
        assert_invalid(&finding("rule", Some(bad)), "the fingerprint");
        let metric = |name: &str, unit: Option<&str>| {
            let value = RawNumber::Integer(1);
            Guest::reporting(&RawReport {
                metrics: vec![(name.to_owned(), value, unit.map(str::to_owned))],
                ..RawReport::default()
            })
        };
        assert_invalid(&metric(bad, None), "the metric");
        assert_invalid(&metric("m", Some(bad)), "the unit");
    }
}

#[test]
fn a_metric_is_a_number() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let guest = Guest::reporting(&RawReport {
            metrics: vec![("m".to_owned(), RawNumber::Decimal(value), None)],
            ..RawReport::default()
        });
        assert_invalid(&guest, "which is no number");
    }
}

#[test]
fn every_list_has_an_end() {
    let place = (1, "a".to_owned(), None);
    let fix = ("Do it.".to_owned(), Vec::new());
    let locations = |count| RawFinding {
        locations: vec![place.clone(); count],
        ..RawFinding::default()
    };
    let fixes = |count| RawFinding {
        fixes: vec![fix.clone(); count],
        ..RawFinding::default()
    };
    let edits = |count| edited("a", (1, None, None), "", count);
    let text = |count| edited("a", (1, None, None), &"x".repeat(count), 1);
    type Make<'a> = &'a dyn Fn(usize) -> RawFinding;
    let cases: [(Make, usize, &str); 4] = [
        (&locations, LOCATIONS, "locations"),
        (&fixes, FIXES, "fixes"),
        (&edits, EDITS, "edits"),
        (&text, EDIT_TEXT, "bytes of text"),
    ];
    for (make, most, word) in cases {
        assert!(check(&with_finding(make(most))).is_ok(), "{word}");
        assert_invalid(&with_finding(make(most + 1)), word);
    }
    let metrics = |count| {
        let metric = ("m".to_owned(), RawNumber::Integer(1), None);
        Guest::reporting(&RawReport {
            metrics: vec![metric; count],
            ..RawReport::default()
        })
    };
    assert!(check(&metrics(METRICS)).is_ok());
    assert_invalid(&metrics(METRICS + 1), "metrics");
}

#[test]
fn prose_is_shortened_and_not_empty() {
    let message = |text: &str| {
        with_finding(RawFinding {
            message: text.into(),
            ..RawFinding::default()
        })
    };
    let report = check(&message(&"ä".repeat(TEXT))).unwrap();
    assert!(report.findings[1].message.len() <= TEXT);
    assert!(report.findings[1].message.ends_with('…'));
    assert_invalid(&message(" \n"), "the message is empty");
}

#[test]
fn what_describe_says_is_checked_as_well() {
    let many: Vec<_> = (0..=RULES)
        .map(|number| (&*format!("r{number}").leak(), "It is.", None))
        .collect();
    let address: &str = format!("https://e.org/{}", "x".repeat(URI)).leak();
    let cases = [
        (
            RawInfo {
                rules: vec![("a", "A.", Some(address))],
                ..RawInfo::default()
            },
            "help-uri",
        ),
        (
            RawInfo {
                name: "Not Lower",
                ..RawInfo::default()
            },
            "lower-case letters",
        ),
        (
            RawInfo {
                name: "",
                ..RawInfo::default()
            },
            "the name",
        ),
        (
            RawInfo {
                version: "1\n2",
                ..RawInfo::default()
            },
            "the version",
        ),
        (
            RawInfo {
                description: "",
                ..RawInfo::default()
            },
            "the description is empty",
        ),
        (
            RawInfo {
                rules: vec![("a", "A.", None), ("a", "B.", None)],
                ..RawInfo::default()
            },
            "named twice",
        ),
        (
            RawInfo {
                rules: vec![("", "A.", None)],
                ..RawInfo::default()
            },
            "the rule",
        ),
        (
            RawInfo {
                rules: vec![("a", "", None)],
                ..RawInfo::default()
            },
            "summary of rule \"a\"",
        ),
        (
            RawInfo {
                rules: vec![("a", "A.", Some("javascript:alert(1)"))],
                ..RawInfo::default()
            },
            "help-uri",
        ),
        (
            RawInfo {
                rules: many,
                ..RawInfo::default()
            },
            "rules",
        ),
        (
            RawInfo {
                schema: Some("x".repeat(300 << 10).leak()),
                ..RawInfo::default()
            },
            "config-schema",
        ),
    ];
    for (info, words) in cases {
        let answer = load(&Guest::describing(&info)).describe(&Limits::for_describe());
        let failure = answer.result.unwrap_err();
        assert!(
            matches!(failure, Failure::InvalidInfo { .. }),
            "{failure:?}"
        );
        assert!(failure.to_string().contains(words), "{failure}");
    }
}
