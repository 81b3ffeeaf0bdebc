//! What is refused before any of it has run, and with which words.

use std::sync::LazyLock;

use passmuster_wasm::{Failure, Host};
use proptest::prelude::*;

use crate::guest::Guest;
use crate::support::host;

fn refused(bytes: &[u8]) -> Failure {
    host()
        .load(bytes, None)
        .err()
        .expect("it must not be loaded")
}

/// A component in text.
fn refused_text(text: &str) -> Failure {
    refused(&wat::parse_str(text).unwrap())
}

#[test]
fn imports_that_no_check_is_given_are_named() {
    for interface in [
        "wasi:sockets/tcp@0.2.0",
        "wasi:filesystem/types@0.2.3",
        "wasi:filesystem/preopens@0.2.3",
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:random/random@0.2.0",
        "wasi:cli/environment@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "somebody:else/thing@1.0.0",
        "passmuster:check/network@0.1.0",
    ] {
        let failure = refused_text(&format!(
            "(component
               (import \"{interface}\" (instance (export \"f\" (func))))
               (component $inner) (instance $checker (instantiate $inner))
               (export \"passmuster:check/checker@0.1.0\" (instance $checker)))"
        ));
        let sentence = failure.to_string();
        assert!(
            matches!(failure, Failure::UndeclaredImport { .. }),
            "{failure:?}"
        );
        assert!(sentence.contains(interface), "{sentence}");
        assert_eq!(
            sentence.contains("without WASI"),
            interface.starts_with("wasi:")
        );
    }
    let failure = refused_text(
        "(component (import \"f\" (func))
           (component $inner) (instance $checker (instantiate $inner))
           (export \"passmuster:check/checker@0.1.0\" (instance $checker)))",
    );
    assert!(
        matches!(failure, Failure::UndeclaredImport { .. }),
        "{failure:?}"
    );
}

#[test]
fn another_version_of_the_interface_is_told_with_both_numbers() {
    for (export, import, built_for) in [
        ("0.2.0", "0.2.0", "0.2.0"),
        ("0.0.9", "0.0.9", "0.0.9"),
        ("1.0.0", "1.0.0", "1.0.0"),
        ("0.1.0", "0.2.0", "0.2.0"),
        ("0.2.0", "0.1.0", "0.2.0"),
    ] {
        let failure = refused_text(&format!(
            "(component
               (import \"passmuster:check/log@{import}\" (instance (export \"f\" (func))))
               (component $inner) (instance $checker (instantiate $inner))
               (export \"passmuster:check/checker@{export}\" (instance $checker)))"
        ));
        let sentence = failure.to_string();
        let words = format!(
            "was built for version {built_for} of the interface `passmuster:check`, this runner speaks 0.1.0"
        );
        assert!(sentence.contains(&words), "{sentence}");
    }
}

#[test]
fn a_component_that_is_no_check_is_told_so() {
    assert_eq!(refused_text("(component)"), Failure::NoChecker);
    assert_eq!(refused_text("(module)"), Failure::CoreModule);
    assert_eq!(refused(b"#!/bin/sh"), Failure::NotWasm);
    assert_eq!(refused(b""), Failure::NotWasm);
}

#[test]
fn the_right_names_with_other_types_are_refused() {
    for text in [
        // Exports nothing in `checker`.
        "(component
           (component $inner) (instance $checker (instantiate $inner))
           (export \"passmuster:check/checker@0.1.0\" (instance $checker)))",
        // `log` of another shape.
        "(component
           (import \"passmuster:check/log@0.1.0\" (instance (export \"write\" (func (param \"x\" u32)))))
           (component $inner) (instance $checker (instantiate $inner))
           (export \"passmuster:check/checker@0.1.0\" (instance $checker)))",
        // A function of `trees` that there is not.
        "(component
           (import \"passmuster:check/trees@0.1.0\" (instance (export \"write\" (func))))
           (component $inner) (instance $checker (instantiate $inner))
           (export \"passmuster:check/checker@0.1.0\" (instance $checker)))",
    ] {
        let failure = refused_text(text);
        assert!(matches!(failure, Failure::WrongTypes { .. }), "{failure:?}");
    }
}

#[test]
fn the_digest_is_of_the_bytes() {
    let bytes = Guest::default().bytes();
    let one = host().load(&bytes, None).unwrap();
    let other = host().load(&Guest::doing("nop").bytes(), None).unwrap();
    assert_eq!(one.sha256().len(), 64);
    assert_ne!(one.sha256(), other.sha256());
}

#[test]
fn a_component_that_is_cut_off_is_damaged_wherever() {
    let bytes = Guest::default().bytes();
    let host = host();
    // In the last bytes names of functions stand, which are for people.
    for end in (8..bytes.len() * 9 / 10).step_by(7) {
        let failure = host.load(&bytes[..end], None).err();
        let is = matches!(failure, Some(Failure::Damaged { .. } | Failure::NoChecker));
        assert!(is, "{end} of {}: {failure:?}", bytes.len());
    }
}

static HOST: LazyLock<Host> = LazyLock::new(host);
static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| Guest::default().with_trees().bytes());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_are_refused_and_break_nothing(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(HOST.load(&bytes, None).is_err());
        let with_header = [b"\0asm\x0d\0\x01\0", &bytes[..]].concat();
        // By chance it may be a valid one that exports nothing.
        prop_assert!(HOST.load(&with_header, None).is_err());
    }

    #[test]
    fn a_component_with_altered_bytes_is_refused_or_still_a_component(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = SAMPLE.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(plugin) = HOST.load(&bytes, None) {
            let limits = crate::support::brief();
            let _ = plugin.describe(&limits);
            let info = passmuster_wasm::Info {
                name: "a".to_owned(),
                version: "1".to_owned(),
                description: "a".to_owned(),
                rules: Vec::new(),
                config_schema: None,
            };
            let _ = plugin.check(&info, &crate::support::inputs(), plugin.needs(), &limits);
        }
    }
}
