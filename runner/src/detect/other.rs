//! Go, and the `test` target of a Makefile or justfile when nothing better is known.

use super::listing::Listing;
use super::{Check, Detected, Language, Step, place, words};

pub(super) fn detect(listing: &Listing<'_>, has: &dyn Fn(&str) -> bool, found: &mut Detected) {
    for dir in listing.projects(&["go.mod"]) {
        if has("go") {
            found.language(Language::Go);
            found.compiles |= has("cc");
        }
        if has("go") {
            found.steps.push(go_build(&dir));
        }
        found.checks.push(Check {
            name: "go-test".to_owned(),
            framework: Some("go-test"),
            run: words("go test ./..."),
            env: vec![go_cache()],
            why: vec![format!("go.mod{}", place(&dir))],
            off: (!has("go")).then(|| "go is not installed".to_owned()),
            cwd: dir,
            ..Check::default()
        });
    }
    let tested = !found.is_empty();
    for (file, program) in [
        ("Makefile", "make"),
        ("GNUmakefile", "make"),
        ("justfile", "just"),
        ("Justfile", "just"),
    ] {
        let target = listing
            .text(file)
            .is_some_and(|text| has_test_target(&text));
        if target && tested {
            found.note(format!("{file} has a target `test`; the checks above call the test runner itself, for results test by test."));
        } else if target {
            found.checks.push(Check {
                name: format!("{program}-test"),
                run: vec![program.to_owned(), "test".to_owned()],
                why: vec![
                    format!("{file} has a target `test`"),
                    "No test runner was recognised: the exit status decides".to_owned(),
                ],
                off: (!has(program)).then(|| format!("{program} is not installed")),
                ..Check::default()
            });
        }
    }
}

/// Go's build cache in the tree, where `./...` does not look: the check sees what the step built, and brings it up to date.
fn go_cache() -> (String, String) {
    ("GOCACHE".to_owned(), "/sandbox/tree/.go-build".to_owned())
}

fn go_build(dir: &str) -> Step {
    Step {
        name: "go-build".to_owned(),
        run: words("go test -exec true ./..."),
        cwd: dir.to_owned(),
        warm: true,
        env: vec![go_cache()],
        why: vec![
            "Packages and tests are built once for the base; no test runs.".to_owned(),
            "Offline: run `go mod download` in the repository once if modules are missing."
                .to_owned(),
        ],
        ..Step::default()
    }
}

/// A line `test:` (make, just) or `test ARGUMENTS:` (just); not `test := value`.
fn has_test_target(text: &str) -> bool {
    text.lines().any(|line| {
        let rest = line.strip_prefix("test").unwrap_or_default();
        let named = rest.starts_with(':') || rest.starts_with(' ') && rest.contains(':');
        named && !rest.trim_start().starts_with(":=") && !rest.trim_start().starts_with("::=")
    })
}
