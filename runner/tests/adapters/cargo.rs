//! `cargo test` and `cargo nextest run`.

use passmuster::adapters::Selection;
use passmuster_policy::policy::Framework;
use passmuster_policy::run::{Outcome, ReportState, TestRun};
use passmuster_policy::tests::TestStatus;

use crate::plain::{Project, states, test};

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

const LIB: &str = r#"//! Documentation of the file.
//!
//! ```
//! assert_eq!(shop::sum(1, 1), 2);
//! ```

/// Adds.
///
/// ```
/// assert_eq!(shop::sum(1, 2), 3);
/// ```
///
/// ```
/// assert_eq!(shop::sum(1, 2), 4);
/// ```
///
/// ```compile_fail
/// let text: u8 = "no";
/// ```
///
/// ```
/// #![feature(never_type)]
/// ```
pub fn sum(a: u8, b: u8) -> u8 {
    a + b
}

#[cfg(test)]
mod tests {
    #[test]
    fn passes() {
        println!("a line of the test's own");
    }

    #[test]
    fn fails() {
        assert_eq!(super::sum(1, 1), 3, "one and one");
    }

    #[test]
    #[should_panic(expected = "over")]
    fn panics() {
        panic!("over");
    }

    #[test]
    #[ignore = "needs a printer"]
    fn waits() {}

    #[test]
    fn sees_what_cargo_sets() {
        assert_eq!(std::env::var("CARGO_PKG_NAME").unwrap(), "shop");
        assert!(std::env::var_os("PASSMUSTER_REPORT").is_none());
        assert!(std::path::Path::new("Cargo.toml").exists());
    }
}
"#;

fn cargo(project: &Project, arguments: &[&str]) -> TestRun {
    project.run(
        Framework::CargoTest,
        &[&["cargo", "test", "--offline"], arguments].concat(),
    )
}

#[test]
fn every_state_of_a_rust_test_is_read_from_libtests_events() {
    // Edition 2024 compiles doctests into one program, earlier ones into a program each.
    for edition in ["2021", "2024"] {
        every_state(&MANIFEST.replace("2024", edition));
    }
}

fn every_state(package: &str) {
    let manifest = format!("{package}[[test]]\nname = \"own\"\nharness = false\n");
    let project = Project::new(&[
        ("Cargo.toml", &manifest),
        ("src/lib.rs", LIB),
        (
            "src/main.rs",
            "fn main() {}\n#[test]\nfn in_the_program() {}\n",
        ),
        (
            "tests/own.rs",
            "fn main() { assert_eq!(std::env::args().count(), 1); std::process::exit(7); }\n",
        ),
        (
            "tests/outside.rs",
            "#[test]\nfn uses_the_crate() { assert_eq!(shop::sum(2, 2), 4); }\n",
        ),
    ]);
    let run = cargo(&project, &[]);
    let expected = [
        "- shop::tests::fails",
        "+ shop::tests::panics",
        "+ shop::tests::passes",
        "+ shop::tests::sees_what_cargo_sets",
        "s shop::tests::waits",
        "+ shop::src/lib.rs::(file)",
        "+ shop::src/lib.rs::sum",
        "- shop::src/lib.rs::sum#2",
        "+ shop::src/lib.rs::sum#3",
        // Our way to the events must not make the compiler accept unstable features.
        "- shop::src/lib.rs::sum#4",
        "+ shop::bin/shop::in_the_program",
        "+ shop::outside::uses_the_crate",
        "- shop::own::main",
    ];
    assert_eq!(states(&run), expected, "{}", run.log_tail);
    assert_eq!(run.report, ReportState::Complete);
    assert_eq!(run.contradictions, Vec::<String>::new());
    let failure = test(&run, "tests::fails").failure.clone().unwrap();
    assert_eq!(
        failure.message,
        "assertion `left == right` failed: one and one"
    );
    assert_eq!(
        (failure.file.unwrap().to_string(), failure.line),
        ("src/lib.rs".to_owned(), Some(37))
    );
    assert_eq!(
        (failure.actual.as_deref(), failure.expected.as_deref()),
        (Some("2"), Some("3"))
    );
    let doctest = test(&run, "sum#2").failure.clone().unwrap();
    assert_eq!(
        (doctest.file.unwrap().to_string(), doctest.line),
        ("src/lib.rs".to_owned(), Some(13))
    );
    assert_eq!(
        test(&run, "tests::waits").failure.clone().unwrap().message,
        "needs a printer"
    );
}

#[test]
fn crates_of_a_workspace_keep_equal_names_apart_and_arguments_are_obeyed() {
    let crate_files = |name: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[features]\nextra = []\n"
        )
    };
    let lib = "#[test]\nfn same() {}\n#[test]\nfn other() {}\n#[cfg(feature = \"extra\")]\n#[test]\nfn extra() {}\n";
    let mut project = Project::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n",
        ),
        ("crates/a/Cargo.toml", &crate_files("a")),
        ("crates/a/src/lib.rs", lib),
        ("crates/b/Cargo.toml", &crate_files("b")),
        ("crates/b/src/lib.rs", lib),
    ]);
    let all = cargo(&project, &["--workspace"]);
    assert_eq!(
        states(&all),
        ["+ a::other", "+ a::same", "+ b::other", "+ b::same"],
        "{}",
        all.log_tail
    );
    assert_eq!(all.provenance.fresh, []);
    let some = cargo(
        &project,
        &[
            "-p",
            "a",
            "--features",
            "extra",
            "--",
            "--skip",
            "other",
            "--nocapture",
        ],
    );
    assert_eq!(
        states(&some),
        ["+ a::extra", "+ a::same"],
        "{}",
        some.log_tail
    );
    project.select = Selection::Ids(vec![test(&all, "b::same").clone()]);
    let again = cargo(&project, &["--workspace"]);
    assert_eq!(states(&again), ["+ b::other", "+ b::same"]);
    assert_eq!(
        again.provenance.fresh,
        ["crates/a".into(), "crates/b".into()]
    );
}

#[test]
fn a_test_that_ends_the_process_leaves_an_incomplete_report() {
    for (ending, outcome) in [
        ("std::process::exit(0)", Outcome::Exited { status: 0 }),
        ("std::process::abort()", Outcome::Signalled { signal: 6 }),
    ] {
        let lib = format!(
            "#[test]\nfn ends() {{ {ending} }}\n#[test]\nfn fails() {{ std::thread::sleep(std::time::Duration::from_secs(1)); panic!() }}\n"
        );
        let run = cargo(
            &Project::new(&[("Cargo.toml", MANIFEST), ("src/lib.rs", &lib)]),
            &["--lib"],
        );
        assert!(
            matches!(run.report, ReportState::Incomplete { .. }),
            "{run:?}"
        );
        assert_eq!(run.outcome, outcome);
        assert_eq!(test(&run, "ends").status, TestStatus::Failed);
    }
}

#[test]
fn a_failing_test_that_prints_an_ok_event_contradicts_itself() {
    let lib = r##"
#[test]
fn forges() {
    use std::io::Write;
    let event = r#"{ "type": "test", "name": "forges", "event": "ok" }"#;
    writeln!(std::io::stdout(), "\n{event}").unwrap();
    panic!("real");
}
"##;
    let run = cargo(
        &Project::new(&[("Cargo.toml", MANIFEST), ("src/lib.rs", lib)]),
        &["--lib"],
    );
    assert!(
        run.contradictions
            .iter()
            .any(|text| text.contains("two final states")),
        "{run:?}"
    );
    assert_eq!(test(&run, "forges").status, TestStatus::Failed);
}

#[test]
fn what_does_not_compile_is_a_broken_unit_with_its_line() {
    let project = Project::new(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", "pub fn one() -> u8 { 1 }\n"),
        (
            "tests/outside.rs",
            "#[test]\nfn uses() {\n    let text: &str = shop::one();\n}\n",
        ),
    ]);
    let run = cargo(&project, &[]);
    let broken = &run.broken_units;
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert_eq!(
        (broken[0].unit.as_str(), broken[0].line),
        ("shop::outside", Some(3))
    );
    assert_eq!(broken[0].file, Some("tests/outside.rs".into()));
    assert_eq!(run.outcome, Outcome::Exited { status: 101 });
    assert!(
        run.log_tail.contains("mismatched types"),
        "{}",
        run.log_tail
    );

    let manifest = cargo(
        &Project::new(&[("Cargo.toml", "[package]\nname = 3\n")]),
        &[],
    );
    assert_eq!(manifest.report, ReportState::Missing);
    assert_eq!(manifest.broken_units.len(), 1, "{manifest:?}");
}

#[test]
fn examples_benches_doctests_alone_and_build_scripts_work_as_with_cargo() {
    let manifest = format!(
        "{MANIFEST}build = \"build.rs\"\n[lib]\ndoctest = true\n[[example]]\nname = \"tour\"\ntest = true\n[[bench]]\nname = \"speed\"\nharness = false\n"
    );
    let project = Project::new(&[
        ("Cargo.toml", &manifest),
        (
            "build.rs",
            "fn main() { println!(\"{{\\\"reason\\\": 1}}\"); println!(\"cargo::rustc-env=MADE=x\"); }\n",
        ),
        (
            "src/lib.rs",
            "//! ```\n//! assert_eq!(env!(\"CARGO_PKG_NAME\"), \"shop\");\n//! ```\n#[test]\nfn made() { assert_eq!(env!(\"MADE\"), \"x\"); }\n",
        ),
        ("examples/tour.rs", "fn main() {}\n#[test]\nfn shown() {}\n"),
        ("benches/speed.rs", "fn main() {}\n"),
    ]);
    let all = cargo(&project, &["--all-targets"]);
    let expected = [
        "+ shop::made",
        "+ shop::bench/speed::main",
        "+ shop::example/tour::shown",
    ];
    assert_eq!(states(&all), expected, "{}", all.log_tail);
    assert_eq!(
        (all.report, all.contradictions),
        (ReportState::Complete, Vec::new())
    );
    let documentation = cargo(&project, &["--doc"]);
    assert_eq!(
        states(&documentation),
        ["+ shop::src/lib.rs::(file)"],
        "{}",
        documentation.log_tail
    );
    assert_eq!(documentation.report, ReportState::Complete);
}

#[test]
fn a_record_that_a_build_script_forges_is_not_run() {
    let build = r##"
fn main() {
    let record = std::path::PathBuf::from(std::env::var("PASSMUSTER_REPORT").unwrap()).join("0");
    std::fs::create_dir(&record).unwrap();
    std::fs::write(record.join("argv"), "/sandbox/lib/passmuster_runner.sh\0/bin/true\0").unwrap();
    std::fs::write(record.join("cwd"), "/\n").unwrap();
    std::fs::write(record.join("env"), "").unwrap();
}
"##;
    let project = Project::new(&[
        ("Cargo.toml", MANIFEST),
        ("build.rs", build),
        ("src/lib.rs", "#[test]\nfn fails() { panic!() }\n"),
    ]);
    let run = cargo(&project, &["--lib"]);
    assert!(
        run.contradictions
            .iter()
            .any(|text| text.contains("/bin/true")),
        "{run:?}"
    );
    assert_eq!(states(&run), ["- shop::fails"]);
}

fn nextest(project: &Project, arguments: &[&str]) -> TestRun {
    project.run(
        Framework::Nextest,
        &[&["cargo", "nextest", "run", "--offline"], arguments].concat(),
    )
}

const TESTS: &str = r#"
#[test]
fn passes() {}
#[test]
fn fails() { assert_eq!(1 + 1, 3); }
#[test]
#[ignore = "needs a printer"]
fn waits() {}
#[test]
fn aborts() { std::process::abort() }
#[test]
fn flaky() {
    if std::fs::metadata("flag").is_err() {
        std::fs::write("flag", "").unwrap();
        panic!("first time");
    }
}
"#;

#[test]
fn every_state_of_a_nextest_test_is_read_and_named_as_cargo_test_names_it() {
    let mut project = Project::new(&[
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", "#[test]\nfn inside() {}\n"),
        (
            "src/main.rs",
            "fn main() {}\n#[test]\nfn in_the_program() {}\n",
        ),
        ("tests/outside.rs", TESTS),
    ]);
    let run = nextest(&project, &["--retries", "1"]);
    let expected = [
        // Nextest's events do not tell a program from a library of the same name.
        "+ shop::in_the_program",
        "+ shop::inside",
        "- shop::outside::aborts",
        "- shop::outside::fails",
        "+ shop::outside::flaky",
        "+ shop::outside::passes",
        "s shop::outside::waits",
    ];
    assert_eq!(states(&run), expected, "{}", run.log_tail);
    assert_eq!(
        (&run.report, &run.outcome),
        (&ReportState::Complete, &Outcome::Exited { status: 100 })
    );
    assert_eq!(run.contradictions, Vec::<String>::new());
    assert_eq!(
        test(&run, "flaky").failure.clone().unwrap().message,
        "passed only at attempt 2"
    );
    assert_eq!(test(&run, "fails").failure.clone().unwrap().line, Some(5));

    project.select = Selection::Ids(vec![test(&run, "inside").clone()]);
    assert_eq!(
        states(&nextest(&project, &[])),
        ["+ shop::in_the_program", "+ shop::inside"]
    );
    project.select = Selection::All;
    let none = nextest(&project, &["nothing_is_called_so"]);
    // Nextest names ignored tests whatever the filter.
    assert_eq!(states(&none), ["s shop::outside::waits"]);
    assert_eq!(
        (none.outcome, none.report),
        (Outcome::Exited { status: 4 }, ReportState::Complete)
    );
    project.write("src/lib.rs", "fn broken() -> u8 { \"text\" }\n");
    let broken = nextest(&project, &[]);
    assert_eq!(
        broken.broken_units[0].file,
        Some("src/lib.rs".into()),
        "{broken:?}"
    );
    assert_eq!(broken.broken_units[0].line, Some(1));
}
