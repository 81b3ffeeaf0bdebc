//! Rust: cargo test or nextest over a warm `target`, clippy and rustfmt where the project uses them.

use super::hosts;
use super::listing::Listing;
use super::{Check, Detected, Language, Lint, Step, join, place, words};

pub(super) fn detect(
    listing: &Listing<'_>,
    has: &dyn Fn(&str) -> bool,
    ci: &[String],
    found: &mut Detected,
) {
    for dir in listing.projects(&["Cargo.toml"]) {
        let project = Project {
            listing,
            ci,
            dir: &dir,
        };
        found.language(Language::Rust);
        // rustc links through it, and build scripts often compile C.
        found.compiles = true;
        project.tests(has, found);
        project.lints(has, found);
    }
}

struct Project<'a> {
    listing: &'a Listing<'a>,
    ci: &'a [String],
    dir: &'a str,
}

impl Project<'_> {
    fn tests(&self, has: &dyn Fn(&str) -> bool, found: &mut Detected) {
        let flags = self.flags();
        let mut why = vec![format!("Cargo.toml{}", place(self.dir))];
        let nextest = self.nextest();
        let installed = has("cargo-nextest");
        why.extend(nextest.clone());
        if nextest.is_some() && !installed {
            why.push("cargo-nextest is not installed, so cargo's own runner is used".to_owned());
        }
        let use_nextest = nextest.is_some() && installed;
        let (framework, command) = if use_nextest {
            ("nextest", format!("cargo nextest run{flags}"))
        } else {
            ("cargo-test", format!("cargo test{flags}"))
        };
        found.steps.push(self.warm(&command, framework));
        found.checks.push(Check {
            name: framework.to_owned(),
            framework: Some(framework),
            run: words(&command),
            cwd: self.dir.to_owned(),
            why,
            ..Check::default()
        });
        if use_nextest {
            found.checks.push(Check {
                name: "doctests".to_owned(),
                framework: Some("cargo-test"),
                run: words(&format!("cargo test{flags} --doc")),
                cwd: self.dir.to_owned(),
                off: Some("switch it on if the documentation has examples".to_owned()),
                why: vec!["nextest does not run documentation tests".to_owned()],
                ..Check::default()
            });
        }
    }

    /// `target` is built once from the base; a run then compiles only what the change touches.
    fn warm(&self, command: &str, framework: &str) -> Step {
        let mut run = words(command);
        run.push("--no-run".to_owned());
        Step {
            name: format!("{framework}-build"),
            run,
            cwd: self.dir.to_owned(),
            warm: true,
            why: [
                "Builds all test targets of the base once: runs then compile only what the change touches.".to_owned(),
                "Offline: run `cargo fetch` in the repository first if packages are missing.".to_owned(),
            ]
            .into_iter()
            .chain(self.fetching())
            .collect(),
            ..Step::default()
        }
    }

    fn fetching(&self) -> Option<String> {
        let lock = join(self.dir, "Cargo.lock");
        let mut inputs = vec![join(self.dir, "Cargo.toml"), lock.clone()];
        if self.is_workspace() {
            inputs.push(join(self.dir, "**/Cargo.toml"));
        }
        hosts::cargo_fetching(self.listing.text(&lock), &inputs)
    }

    fn is_workspace(&self) -> bool {
        self.listing
            .toml(&join(self.dir, "Cargo.toml"))
            .is_some_and(|manifest| manifest.contains_key("workspace"))
    }

    fn flags(&self) -> String {
        let mut flags = String::new();
        if self.is_workspace() {
            flags.push_str(" --workspace");
        }
        let tests = |command: &&String| {
            command.starts_with("cargo test") || command.starts_with("cargo nextest")
        };
        if self
            .ci
            .iter()
            .filter(tests)
            .any(|command| command.contains("--all-features"))
        {
            flags.push_str(" --all-features");
        }
        flags
    }

    fn nextest(&self) -> Option<String> {
        let config = join(self.dir, ".config/nextest.toml");
        if self.listing.has(&config) {
            return Some(config);
        }
        let uses = self
            .ci
            .iter()
            .any(|command| command.starts_with("cargo nextest"));
        uses.then(|| "CI runs cargo nextest".to_owned())
    }

    fn lints(&self, has: &dyn Fn(&str) -> bool, found: &mut Detected) {
        let flags = self.flags();
        let clippy = format!("cargo clippy{flags} --all-targets");
        for (name, configs, command, lint) in [
            (
                "clippy",
                ["clippy.toml", ".clippy.toml"],
                // Without `-D warnings`: cargo would stop at the first crate that has any.
                format!("{clippy} --message-format=json"),
                Lint::Cargo,
            ),
            (
                "fmt",
                ["rustfmt.toml", ".rustfmt.toml"],
                "cargo fmt --check".to_owned(),
                Lint::Files,
            ),
        ] {
            let config = configs
                .iter()
                .map(|file| join(self.dir, file))
                .find(|file| self.listing.has(file));
            let prefix = format!("cargo {name}");
            let in_ci = self.ci.iter().find(|line| line.starts_with(&prefix));
            let evidence = config.or_else(|| in_ci.map(|line| format!("CI runs {line}")));
            let Some(evidence) = evidence else { continue };
            let program = format!("cargo-{name}");
            let installed = has(&program);
            if installed && lint == Lint::Cargo {
                found.steps.push(Step {
                    name: format!("{name}-build"),
                    run: words(&clippy),
                    cwd: self.dir.to_owned(),
                    warm: true,
                    why: vec![
                        "Looks at the base once: runs then look only at what the change touches."
                            .to_owned(),
                    ],
                    ..Step::default()
                });
            }
            found.checks.push(Check {
                name: name.to_owned(),
                lint: Some(lint),
                run: words(&command),
                cwd: self.dir.to_owned(),
                off: (!installed).then(|| format!("{program} is not installed")),
                why: vec![evidence],
                ..Check::default()
            });
        }
    }
}
