//! What a plugin gets is what it was granted.

use std::sync::Arc;

use passmuster_wasm::{
    Capability, CheckStatus, Failure, Grants, Outcome, PriorCheck, PriorFinding, PriorTest,
    Severity, Side, TestClass,
};

use crate::guest::{Guest, RawReport};
use crate::support::{all, info, inputs, limits, load};

/// One guest for each capability that uses it at once.
fn using(capability: Capability) -> Guest {
    let (guest, body) = match capability {
        Capability::Trees => (
            Guest::default().with_trees(),
            "(call $drop (call $open (i32.const 0)))",
        ),
        Capability::Prior => (
            Guest::default().import("prior", "checks", "checks", "(param i32)"),
            "(call $checks (i32.const 16))",
        ),
        Capability::Log => (
            Guest::default().with_log(),
            "(call $log (i32.const 0) (i32.const 1024) (i32.const 1))",
        ),
    };
    Guest {
        check: format!("{body} {}", guest.check),
        ..guest
    }
}

#[test]
fn a_plugin_needs_what_it_imports() {
    assert!(load(&Guest::default()).needs().is_empty());
    for capability in Capability::ALL {
        let plugin = load(&using(capability));
        assert_eq!(plugin.needs(), &Grants::from([capability]));
        let interface = format!("passmuster:check/{capability}@0.1.0");
        assert!(
            plugin.imports().contains(&interface),
            "{:?}",
            plugin.imports()
        );
    }
}

#[test]
fn without_a_grant_nothing_runs_and_the_key_is_named() {
    for capability in Capability::ALL {
        let plugin = load(&using(capability));
        let others: Grants = all().into_iter().filter(|one| *one != capability).collect();
        for grants in [Grants::new(), others] {
            let answer = plugin.check(&info(), &inputs(), &grants, &limits());
            let failure = answer.result.unwrap_err();
            assert_eq!(failure, Failure::MissingGrant { capability });
            let key = format!("grants = [\"{}\"]", capability.key());
            assert!(failure.to_string().contains(&key), "{failure}");
            assert_eq!(answer.cost.memory, 0);
        }
        for grants in [Grants::from([capability]), all()] {
            assert!(
                plugin
                    .check(&info(), &inputs(), &grants, &limits())
                    .result
                    .is_ok()
            );
        }
    }
}

#[test]
fn a_plugin_without_any_import_runs_without_any_grant() {
    for world in ["check", "check-bare"] {
        let guest = Guest {
            world,
            ..Guest::default()
        };
        let answer = load(&guest).check(&info(), &inputs(), &Grants::new(), &limits());
        assert!(answer.result.is_ok());
    }
}

fn prior() -> PriorCheck {
    PriorCheck {
        name: "tests".to_owned(),
        kind: "test".to_owned(),
        status: CheckStatus::Failed,
        tests: vec![PriorTest {
            id: "a::b".to_owned(),
            class: TestClass::AddedFailing,
        }],
        findings: vec![PriorFinding {
            rule: "E501".to_owned(),
            severity: Severity::Warning,
            side: Side::Candidate,
            path: None,
            line: Some(7),
            message: "too long".to_owned(),
            new: true,
        }],
    }
}

/// Passes when there are two checks, of which the first failed and has a test that is new and red.
fn comparing() -> Guest {
    let mut guest = Guest::default().import("prior", "checks", "checks", "(param i32)");
    let fail = guest.image.report(&RawReport {
        outcome: 1,
        ..RawReport::default()
    });
    // check: name, kind, status at 16, tests at 20, findings at 28; test: id, class at 8.
    guest.check = format!(
        "(local $list i32)
         (call $checks (i32.const 16))
         (local.set $list (i32.load (i32.const 16)))
         (if (result i32) (i32.and
            (i32.and (i32.eq (i32.load (i32.const 20)) (i32.const 2))
                     (i32.eq (i32.load8_u offset=16 (local.get $list)) (i32.const 1)))
            (i32.and (i32.eq (i32.load8_u offset=8 (i32.load offset=20 (local.get $list))) (i32.const 9))
                     (i32.eq (i32.load offset=32 (local.get $list)) (i32.const 1))))
          (then {}) (else (i32.const {fail})))",
        guest.check
    );
    guest
}

#[test]
fn what_earlier_checks_said_reaches_the_plugin() {
    let plugin = load(&comparing());
    let mut inputs = inputs();
    for (checks, outcome) in [(1, Outcome::Fail), (2, Outcome::Pass)] {
        inputs.prior = Arc::new(vec![prior(); checks]);
        let report = plugin
            .check(&info(), &inputs, &all(), &limits())
            .result
            .unwrap();
        assert_eq!(report.outcome, outcome);
    }
}
