//! Controls in the tests of Rust projects of every shape: they answer, and nothing else is different.

use passmuster_policy::controls::{Answer, Kind, assurance};
use passmuster_policy::policy::{Assurance, Framework};
use passmuster_policy::run::{ReportState, TestRun};

use crate::plain::{Project, states};

const TESTS: &str = r##"
#[cfg(test)]
mod tests {
    #[test]
    fn passes() {}

    #[test]
    fn fails() { assert_eq!(1 + 1, 3); }

    #[test]
    fn returns() -> Result<(), std::string::String> { Ok(()) }

    #[test]
    #[should_panic(expected = "over")]
    fn panics() { panic!("over") }

    #[test]
    #[ignore]
    fn waits() {}

    #[test]
    fn prints_past_the_capture() { std::io::Write::write_all(&mut std::io::stdout(), b"no line").unwrap(); }

    #[test]
    fn sees_and_lists_nothing_of_controls() {
        for (name, _) in std::env::vars() {
            assert!(!name.starts_with("PASSMUSTER") && name != "RUSTC_WORKSPACE_WRAPPER", "{}", name);
        }
        let list = std::process::Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
        assert!(std::string::String::from_utf8(list.stdout).unwrap().contains("\n8 tests, 0 benchmarks"));
    }

    #[test]
    fn a_child_of_its_own_binary_ends_as_ever() {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        assert!(child.args(&["--exact", "tests::passes"]).output().unwrap().status.success());
    }
}
"##;

/// Directory, manifest beside name and version, source before the tests.
const PACKAGES: [(&str, &str, &str); 10] = [
    ("first", "edition = \"2015\"", ""),
    ("second", "edition = \"2018\"", "#![deny(warnings)]"),
    (
        "strict",
        "edition = \"2021\"\n[lints.rust]\nunsafe_code = \"forbid\"",
        "#![forbid(unstable_features)]\n#![deny(warnings, unused_crate_dependencies, unused_extern_crates)]",
    ),
    (
        "bare",
        "edition = \"2024\"",
        "#![no_std]\n#[cfg(test)]\nextern crate std;",
    ),
    (
        "macros",
        "edition = \"2024\"\n[lib]\nproc-macro = true",
        "extern crate proc_macro;",
    ),
    (
        "shared",
        "edition = \"2021\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]",
        "",
    ),
    (
        "named",
        "edition = \"2021\"",
        "pub mod test { pub fn x() {} }\npub fn f() { test::x(); crate::test::x() }",
    ),
    (
        "made",
        "edition = \"2021\"",
        "macro_rules! m { () => { pub mod test { pub fn x() {} } } }\nm!();\npub fn f() { test::x() }",
    ),
    (
        "optional",
        "edition = \"2024\"\n[features]\nextra = []",
        "#[cfg(not(feature = \"extra\"))]\ncompile_error!(\"extra\");",
    ),
    (
        "optimised",
        "edition = \"2024\"",
        "pub fn sum(a: u64, b: u64) -> u64 { a + b }",
    ),
];

fn workspace() -> Project {
    let root = "[workspace]\nmembers = [\"packages/*\"]\nresolver = \"3\"\n[profile.test]\ndebug = false\n";
    let project = Project::new(&[("Cargo.toml", root)]);
    for (name, rest, source) in PACKAGES {
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n{rest}\n");
        project.write(&format!("packages/{name}/Cargo.toml"), &manifest);
        let source = format!("{source}\n{TESTS}");
        project.write(&format!("packages/{name}/src/lib.rs"), &source);
    }
    // Nothing else of its binary panics, but controls would.
    let manifest = "[package]\nname = \"hooked\"\nversion = \"0.1.0\"\n[features]\nextra = []\n";
    project.write("packages/hooked/Cargo.toml", manifest);
    let hooked = "#[test]\nfn leaves_a_hook() { std::panic::set_hook(Box::new(|_| std::process::abort())); }\n";
    project.write("packages/hooked/src/lib.rs", hooked);
    // A program and an integration test.
    project.write(
        "packages/optimised/src/bin/app.rs",
        &format!("fn main() {{}}\n{TESTS}"),
    );
    project.write("packages/optimised/tests/outside.rs", TESTS);
    project
}

const COMMANDS: [(Framework, &[&str]); 2] = [
    (
        Framework::CargoTest,
        &[
            "cargo",
            "test",
            "--offline",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--features",
            "extra",
        ],
    ),
    (
        Framework::Nextest,
        &[
            "cargo",
            "nextest",
            "run",
            "--offline",
            "--workspace",
            "--features",
            "extra",
        ],
    ),
];

/// All but times, and the words that a linker or a backtrace adds.
fn what_is_told(run: &TestRun) -> (Vec<String>, &ReportState, &[String], usize) {
    (
        states(run),
        &run.report,
        &run.contradictions,
        run.broken_units.len(),
    )
}

#[test]
fn controls_answer_in_every_shape_of_package_and_nothing_else_is_different() {
    for (framework, command) in COMMANDS {
        let mut project = workspace();
        let without = project.run(framework, command);
        assert_eq!(
            (without.controls.len(), assurance(&without)),
            (0, Assurance::Reported)
        );
        project.plant();
        let with = project.run(framework, command);
        assert_eq!(
            what_is_told(&with),
            what_is_told(&without),
            "{}",
            with.log_tail
        );
        assert_eq!(with.outcome, without.outcome);
        assert_eq!(
            states(&with)
                .iter()
                .filter(|state| state.starts_with('+'))
                .count(),
            12 * 6 + 1
        );
        let right = with
            .controls
            .iter()
            .filter(|control| control.answer == Answer::Right);
        let units = PACKAGES.len() + 3;
        assert_eq!(
            (right.count(), with.controls.len()),
            (units * 2, units * 2),
            "{:?}",
            with.controls
        );
        assert_eq!(assurance(&with), Assurance::Controlled);
        let again = project.run(framework, command);
        if framework == Framework::CargoTest {
            assert_eq!(
                again.provenance.fresh.len(),
                PACKAGES.len() + 1,
                "nothing is built again"
            );
        }
    }
}

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

#[test]
fn results_that_no_control_reaches_are_reported() {
    let own = format!("{MANIFEST}[[test]]\nname = \"own\"\nharness = false\n");
    // A harness as libtest-mimic makes it.
    let harness = "fn main() {\n    let list = std::env::args().any(|word| word == \"--list\");\n    let ignored = std::env::args().any(|word| word == \"--ignored\");\n    if list { if !ignored { println!(\"one: test\") } } else { println!(\"test result: ok. 1 passed\") }\n}\n";
    let inside = ("src/lib.rs", "#[test]\nfn inside() {}\n");
    let documented = (
        "src/lib.rs",
        "//! ```\n//! assert!(true);\n//! ```\n#[test]\nfn inside() {}\n",
    );
    for (what, framework, files) in [
        (
            "a harness of its own",
            Framework::CargoTest,
            vec![
                ("Cargo.toml", own.as_str()),
                inside,
                ("tests/own.rs", harness),
            ],
        ),
        (
            "a harness of its own",
            Framework::Nextest,
            vec![
                ("Cargo.toml", own.as_str()),
                inside,
                ("tests/own.rs", harness),
            ],
        ),
        (
            "examples in documentation",
            Framework::CargoTest,
            vec![("Cargo.toml", MANIFEST), documented],
        ),
    ] {
        let mut project = Project::new(&files);
        project.plant();
        let command: &[&str] = match framework {
            Framework::Nextest => &["cargo", "nextest", "run", "--offline"],
            _ => &["cargo", "test", "--offline"],
        };
        let run = project.run(framework, command);
        let answers: Vec<_> = run
            .controls
            .iter()
            .map(|control| (control.place.as_str(), control.kind, &control.answer))
            .collect();
        let expected = [
            ("shop", Kind::MustFail, &Answer::Right),
            ("shop", Kind::MustPass, &Answer::Right),
        ];
        assert_eq!(answers, expected, "{what}: {}", run.log_tail);
        assert_eq!(states(&run).len(), 2, "{what}: {}", run.log_tail);
        assert_eq!(assurance(&run), Assurance::Reported, "{what}");
    }
}

#[test]
fn what_does_not_compile_with_controls_is_built_and_run_without() {
    for (framework, command) in COMMANDS {
        let mut project = Project::new(&[
            ("Cargo.toml", &format!("{MANIFEST}[features]\nextra = []\n")),
            (
                "src/lib.rs",
                "#[test]\nfn inside() {}\n#[test]\nfn fails() { panic!() }\n",
            ),
        ]);
        let directory = project.plant();
        // As if another compiler had made it.
        std::fs::write(directory.join("libpassmuster_controls.rlib"), "no library").unwrap();
        let run = project.run(framework, command);
        assert_eq!(
            states(&run),
            ["- shop::fails", "+ shop::inside"],
            "{}",
            run.log_tail
        );
        assert_eq!(
            (&run.report, run.contradictions.as_slice()),
            (&ReportState::Complete, [].as_slice())
        );
        let missing = |answer: &Answer| matches!(answer, Answer::Missing { .. });
        assert!(
            run.controls.len() == 2 && run.controls.iter().all(|control| missing(&control.answer))
        );
        assert_eq!(assurance(&run), Assurance::Reported);
    }
}
