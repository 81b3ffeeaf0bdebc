//! What an honest plugin gets and gives.

use std::sync::Arc;
use std::thread;

use passmuster_wasm::{Outcome, Severity, Side};

use crate::guest::{Guest, RawFinding, RawInfo, RawNumber, RawReport};
use crate::support::{answer, changed, check, host, info, inputs, limits, load};

#[test]
fn a_plugin_says_what_it_is() {
    let raw = RawInfo {
        rules: vec![
            ("a", "First.", None),
            ("b", "Second.", Some("https://example.org/b")),
        ],
        schema: Some("{\"type\":\"object\"}"),
        ..RawInfo::default()
    };
    let plugin = load(&Guest::describing(&raw));
    let info = plugin.describe(&limits()).result.unwrap();
    assert_eq!(
        (info.name.as_str(), info.version.as_str()),
        ("sample", "1.0")
    );
    assert_eq!(info.rules.len(), 2);
    assert_eq!(
        info.rules[1].help_uri.as_deref(),
        Some("https://example.org/b")
    );
    assert_eq!(info.config_schema.as_deref(), raw.schema);
    assert!(plugin.needs().is_empty());
}

#[test]
fn a_report_comes_back_whole() {
    let finding = RawFinding {
        message: "größer ✓".into(),
        locations: vec![
            (
                1,
                "src/lib.rs".to_owned(),
                Some((3, Some(4), Some((5, Some(6))))),
            ),
            (0, "old.rs".to_owned(), None),
        ],
        fixes: vec![(
            "Take it out.".to_owned(),
            vec![(
                "src/lib.rs".to_owned(),
                (3, None, None),
                "new text".to_owned(),
            )],
        )],
        fingerprint: Some("a::b".to_owned()),
        preexisting: 1,
        ..RawFinding::default()
    };
    let report = check(&Guest::reporting(&RawReport {
        outcome: 1,
        summary: Some(b"One.".to_vec()),
        findings: vec![RawFinding::default(), finding],
        metrics: vec![
            ("files".to_owned(), RawNumber::Integer(-7), None),
            (
                "share".to_owned(),
                RawNumber::Decimal(0.5),
                Some("percent".to_owned()),
            ),
        ],
    }))
    .unwrap();
    assert_eq!(
        (report.outcome, report.summary.as_deref()),
        (Outcome::Fail, Some("One."))
    );
    let second = &report.findings[1];
    assert_eq!(
        (second.rule.as_str(), second.severity),
        ("rule", Severity::Error)
    );
    assert_eq!(second.message, "größer ✓");
    assert_eq!(second.locations[1].side, Side::Base);
    let region = second.locations[0].region.unwrap();
    assert_eq!((region.start.line, region.start.column), (3, Some(4)));
    assert_eq!(
        region.end.map(|end| (end.line, end.column)),
        Some((5, Some(6)))
    );
    assert_eq!(second.fixes[0].edits[0].text, "new text");
    assert_eq!(second.fingerprint.as_deref(), Some("a::b"));
    assert!(second.preexisting && !report.findings[0].preexisting);
    let json = serde_json::to_string(&report.metrics).unwrap();
    assert_eq!(
        json,
        r#"[{"name":"files","value":-7},{"name":"share","value":0.5,"unit":"percent"}]"#
    );
}

#[test]
fn a_plugin_can_pass_fail_or_skip() {
    for (case, outcome) in [(0, Outcome::Pass), (1, Outcome::Fail), (2, Outcome::Skip)] {
        let raw = RawReport {
            outcome: case,
            ..RawReport::default()
        };
        assert_eq!(check(&Guest::reporting(&raw)).unwrap().outcome, outcome);
    }
}

/// Fails unless there are as many files as the configuration has bytes, and as many without a name as its
/// first byte says.
fn counting() -> Guest {
    let mut guest = Guest::default();
    let fail = guest.image.report(&RawReport {
        outcome: 1,
        ..RawReport::default()
    });
    guest.check = format!(
        "(if (result i32) (i32.and
            (i32.eq (local.get $count) (local.get $length))
            (i32.eq (local.get $unnamed) (i32.sub (i32.load8_u (local.get $config)) (i32.const 48))))
          (then {}) (else (i32.const {fail})))",
        guest.check
    );
    guest
}

#[test]
fn the_change_and_the_configuration_reach_the_plugin() {
    for (config, files, unnamed, outcome) in [
        ("3ab", 3, 3, Outcome::Pass),
        ("3ab", 2, 3, Outcome::Fail),
        ("3ab", 3, 1, Outcome::Fail),
    ] {
        let mut inputs = inputs();
        inputs.config = config.to_owned();
        inputs.change.files = vec![changed("a/b"); files];
        inputs.change.unnamed = unnamed;
        let report = answer(&counting(), &inputs, &limits()).result.unwrap();
        assert_eq!(report.outcome, outcome, "{config} {files} {unnamed}");
    }
}

/// Counts its calls in a global, and fails from the second on.
fn remembering() -> Guest {
    let mut guest = Guest::default();
    let fail = guest.image.report(&RawReport {
        outcome: 1,
        ..RawReport::default()
    });
    guest.more = "(global $calls (mut i32) (i32.const 0))".to_owned();
    guest.check = format!(
        "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
         (if (result i32) (i32.eq (global.get $calls) (i32.const 1))
           (then {}) (else (i32.const {fail})))",
        guest.check
    );
    guest
}

#[test]
fn nothing_of_a_call_is_left_for_the_next() {
    let plugin = load(&remembering());
    for _ in 0..3 {
        let report = plugin
            .check(&info(), &inputs(), &[].into(), &limits())
            .result
            .unwrap();
        assert_eq!(report.outcome, Outcome::Pass);
    }
}

/// Reports a NaN's bits, the files' number and the text of a file: what could differ.
fn revealing() -> Guest {
    let mut guest = Guest::default().with_trees();
    let path = guest.image.string(b"src/lib.rs");
    let report = guest.image.report(&RawReport {
        summary: Some(b"x".to_vec()),
        findings: vec![RawFinding::default(); 50],
        metrics: vec![("bits".to_owned(), RawNumber::Integer(0), None)],
        ..RawReport::default()
    });
    // The metric is laid out first: its value is 16 bytes into the record that the list points to.
    guest.check = format!(
        "(local $tree i32) (local $result i32)
         (local.set $tree (call $open (i32.const 1)))
         (local.set $result (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 16)))
         (call $read_text (local.get $tree) (i32.const {}) (i32.const {}) (local.get $result))
         (i32.store (i32.const {}) (i32.load offset=8 (local.get $result)))
         (i32.store (i32.const {}) (i32.load offset=12 (local.get $result)))
         (i64.store offset=16 (i32.load (i32.const {}))
            (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0))))
         (call $drop (local.get $tree))
         (i32.const {report})",
        path[0],
        path[1],
        report + 12,
        report + 16,
        report + 28,
    );
    guest
}

#[test]
fn the_same_inputs_give_the_same_bytes_ten_times_and_from_eight_threads() {
    let plugin = Arc::new(host().load(&revealing().bytes(), None).unwrap());
    let (info, inputs) = (info(), inputs());
    let bytes = || {
        let answer = plugin.check(&info, &inputs, plugin.needs(), &limits());
        serde_json::to_vec(&answer.result.unwrap()).unwrap()
    };
    let first = bytes();
    let text = String::from_utf8(first.clone()).unwrap();
    assert!(text.contains("\"summary\":\"new\""), "{text}");
    assert!(
        text.contains(&format!("\"value\":{}", 0x7ff8_i64 << 48)),
        "{text}"
    );
    for _ in 0..10 {
        assert_eq!(bytes(), first);
    }
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(bytes)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), first);
        }
    });
}
