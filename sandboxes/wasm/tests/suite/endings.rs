//! Each way to end without a report has its own cause and a sentence for its author.

use passmuster_wasm::{Answer, Capability, Failure, Info, Level, Limits, Phase};

use crate::guest::{Guest, Image, RawFinding, RawReport};
use crate::support::{answer, failing, inputs, limits, load};

/// Logs this at a level and goes on with something in WAT.
fn saying(level: u32, message: &str, then: &str) -> Guest {
    let mut guest = Guest::default().with_log();
    let [at, length] = guest.image.string(message.as_bytes());
    guest.check =
        format!("(call $log (i32.const {level}) (i32.const {at}) (i32.const {length})) {then}");
    guest
}

#[test]
fn a_panic_tells_what_was_logged_last_as_an_error() {
    let guest = saying(3, "index 7 out of range in lib.rs:12", "unreachable");
    let sentence = "panicked in `check`: index 7 out of range in lib.rs:12";
    assert!(matches!(failing(&guest, sentence), Failure::Panic { .. }));
    let guest = saying(1, "by the way", "unreachable");
    assert!(matches!(
        failing(&guest, "unreachable"),
        Failure::Trap { .. }
    ));
}

#[test]
fn what_was_logged_is_there_however_it_ends() {
    let guest = saying(2, "odd", "unreachable");
    let answer = answer(&guest, &inputs(), &limits());
    assert!(answer.result.is_err());
    assert_eq!(answer.log.lines.len(), 1);
    let line = &answer.log.lines[0];
    assert_eq!((line.level, line.message.as_str()), (Level::Warn, "odd"));
}

#[test]
fn each_trap_is_told_apart_with_the_function_it_was_in() {
    for (body, kind) in [
        ("unreachable", "unreachable"),
        (
            "(drop (i32.load (i32.const -1)))",
            "out of bounds memory access",
        ),
        (
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            "integer divide by zero",
        ),
        (
            "(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))",
            "integer overflow",
        ),
        (
            "(drop (i32.trunc_f32_s (f32.const nan)))",
            "invalid conversion to integer",
        ),
        ("(call_indirect (i32.const 0))", "uninitialized element"),
        (
            "(call_indirect (i32.const 9))",
            "out of bounds table access",
        ),
    ] {
        let guest = Guest {
            more: format!("(table 1 funcref) (func $culprit {body})"),
            ..Guest::doing("(call $culprit)")
        };
        let failure = failing(&guest, kind);
        let is = matches!(&failure, Failure::Trap { phase: Phase::Check, frames, .. }
            if frames.first().is_some_and(|name| name.contains("culprit")));
        assert!(is, "{failure:?}");
    }
}

#[test]
fn a_trap_while_it_is_set_up_says_so() {
    let guest = Guest {
        more: "(func $start unreachable) (start $start)".to_owned(),
        ..Guest::default()
    };
    failing(&guest, "broke off while it was set up");
    let answer: Answer<Info> = load(&guest).describe(&Limits::for_describe());
    assert!(matches!(
        answer.result,
        Err(Failure::Trap {
            phase: Phase::Instantiate,
            ..
        })
    ));
}

#[test]
fn what_a_plugin_says_itself_comes_through() {
    for (case, sentence) in [
        (0, "refuses its `config`: because"),
        (1, "cannot judge this change: because"),
        (2, "the plugin failed: because"),
    ] {
        let mut guest = Guest::default();
        let at = guest.image.check_error(case, b"because");
        guest.check = format!("(i32.const {at})");
        failing(&guest, sentence);
    }
}

/// Returns a result with these words.
fn returning(words: impl Fn(&mut Image) -> Vec<u32>) -> Guest {
    let mut guest = Guest::default();
    let words = words(&mut guest.image);
    let at = guest.image.words(&words);
    guest.check = format!("(i32.const {at})");
    guest
}

#[test]
fn a_value_that_is_none_breaks_the_interface() {
    let in_text = |text: &'static [u8]| {
        returning(move |image| {
            let [at, length] = image.string(text);
            vec![0, 0, 1, at, length, 0, 0, 0, 0]
        })
    };
    let finding = |severity| {
        Guest::reporting(&RawReport {
            findings: vec![RawFinding {
                severity,
                ..RawFinding::default()
            }],
            ..RawReport::default()
        })
    };
    let cases = [
        (in_text(b"\xff\xfe"), "utf-8"),
        (in_text(b"cut off \xe2\x82"), "utf-8"),
        (
            returning(|_| vec![0, 0, 1, 0x7fff_fff0, 100, 0, 0, 0, 0]),
            "out of bounds",
        ),
        (
            returning(|_| vec![0, 0, 0, 0, 0, 0x7fff_fff0, 4, 0, 0]),
            "out of bounds",
        ),
        (
            returning(|_| vec![0, 9, 0, 0, 0, 0, 0, 0, 0]),
            "discriminant",
        ),
        (
            returning(|_| vec![7, 0, 0, 0, 0, 0, 0, 0, 0]),
            "discriminant",
        ),
        (finding(200), "discriminant"),
        (
            Guest {
                check: "(i32.const 1026)".to_owned(),
                ..Guest::default()
            },
            "aligned",
        ),
        (
            Guest {
                check: "(i32.const 0x7ffffff0)".to_owned(),
                ..Guest::default()
            },
            "out of bounds",
        ),
    ];
    for (number, (guest, word)) in cases.iter().enumerate() {
        let failure = failing(guest, word);
        let is = matches!(failure, Failure::BrokenInterface { .. });
        assert!(is, "case {number}: {failure:?}");
    }
}

#[test]
fn a_tree_that_is_dropped_twice_or_never_was_breaks_the_interface() {
    let guest = |body: &str| {
        let guest = Guest::default().with_trees();
        Guest {
            check: format!("(local $tree i32) {body} {}", guest.check),
            ..guest
        }
    };
    for body in [
        "(local.set $tree (call $open (i32.const 0)))
         (call $drop (local.get $tree)) (call $drop (local.get $tree))",
        "(call $drop (i32.const 77))",
        "(local.set $tree (call $open (i32.const 0))) (call $drop (local.get $tree))
         (call $stat (local.get $tree) (i32.const 1024) (i32.const 1) (i32.const 16))",
        "(drop (call $open (i32.const 2)))",
    ] {
        let failure = failing(&guest(body), "broke the rules of its interface");
        assert!(
            matches!(failure, Failure::BrokenInterface { .. }),
            "{failure:?}"
        );
    }
}

#[test]
fn a_host_that_is_called_from_the_clean_up_breaks_the_interface() {
    let mut guest = saying(0, "too late", "");
    guest.post = Some(guest.check.clone());
    guest.check = Guest::default().check;
    let failure = failing(&guest, "cannot leave component instance");
    assert!(
        matches!(failure, Failure::BrokenInterface { .. }),
        "{failure:?}"
    );
}

#[test]
fn describe_has_no_change_to_look_at() {
    let mut guest = Guest::default().with_trees().with_log();
    guest.describe = format!("(drop (call $open (i32.const 0))) {}", guest.describe);
    let ended = load(&guest).describe(&Limits::for_describe()).result;
    let capability = Capability::Trees;
    assert_eq!(ended.err(), Some(Failure::TooEarly { capability }));

    let mut guest = Guest::default().import("prior", "checks", "checks", "(param i32)");
    guest.describe = format!("(call $checks (i32.const 16)) {}", guest.describe);
    let ended = load(&guest).describe(&Limits::for_describe()).result;
    let capability = Capability::Prior;
    assert_eq!(ended.err(), Some(Failure::TooEarly { capability }));
}

#[test]
fn every_failure_can_be_kept_and_read_again() {
    let failure = failing(&Guest::doing("unreachable"), "unreachable");
    let json = serde_json::to_string(&failure).unwrap();
    assert!(json.starts_with(r#"{"cause":"trap""#), "{json}");
    assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
}
