//! Node: what the `test` script runs, the packages it needs, and the linters it configures.

use serde_json::{Map, Value};

use super::hosts;
use super::listing::Listing;
use super::{Check, Detected, Language, Lint, Step, join, place, words};

/// The script that `npm init` writes.
const PLACEHOLDER: &str = "no test specified";

/// How deep scripts that call scripts are followed.
const CALLS: usize = 4;

pub(super) fn detect(listing: &Listing<'_>, found: &mut Detected) {
    for dir in listing.projects(&["package.json"]) {
        let Some(project) = Project::read(listing, &dir) else {
            found.note(format!(
                "{}: not readable as JSON.",
                join(&dir, "package.json")
            ));
            continue;
        };
        let tests = project.tests();
        let lints = project.lints();
        if tests.is_none() {
            found.note(format!(
                "{}: no script `test` and no *.test.js files.",
                join(&dir, "package.json")
            ));
        }
        if tests.is_some() || !lints.is_empty() {
            found.language(Language::Node);
            project.packages(found);
            found.checks.extend(tests);
            found.checks.extend(lints);
        }
    }
}

struct Project<'a> {
    listing: &'a Listing<'a>,
    dir: &'a str,
    manifest: Map<String, Value>,
}

impl<'a> Project<'a> {
    fn read(listing: &'a Listing<'a>, dir: &'a str) -> Option<Self> {
        let text = listing.text(&join(dir, "package.json"))?;
        let manifest = serde_json::from_str(&text).ok()?;
        Some(Self {
            listing,
            dir,
            manifest,
        })
    }

    fn script(&self, name: &str) -> Option<&str> {
        let script = self.manifest.get("scripts")?.get(name)?.as_str()?;
        (!script.trim().is_empty() && !script.contains(PLACEHOLDER)).then_some(script)
    }

    /// A script with the scripts that it calls by `npm run NAME` put in their places.
    fn expanded(&self, script: &str, depth: usize) -> String {
        let mut words = script.split_whitespace().peekable();
        let mut expanded: Vec<String> = Vec::new();
        while let Some(word) = words.next() {
            expanded.push(word.to_owned());
            let calls = expanded.ends_with(&["npm".to_owned(), "run".to_owned()]);
            if let Some(called) = words
                .peek()
                .and_then(|name| self.script(name))
                .filter(|_| calls && depth > 0)
            {
                words.next();
                expanded.truncate(expanded.len() - 2);
                expanded.push(self.expanded(called, depth - 1));
            }
        }
        expanded.join(" ")
    }

    fn depends_on(&self, package: &str) -> bool {
        self.dependencies().any(|name| name == package)
    }

    fn dependencies(&self) -> impl Iterator<Item = &str> {
        [
            "dependencies",
            "devDependencies",
            "optionalDependencies",
            "peerDependencies",
        ]
        .iter()
        .filter_map(|table| self.manifest.get(*table)?.as_object())
        .flat_map(|table| table.keys().map(String::as_str))
    }

    fn check(
        &self,
        name: &str,
        framework: Option<&'static str>,
        run: Vec<String>,
        why: Vec<String>,
    ) -> Check {
        Check {
            name: name.to_owned(),
            framework,
            run,
            cwd: self.dir.to_owned(),
            why,
            ..Check::default()
        }
    }

    fn tests(&self) -> Option<Check> {
        let Some(written) = self.script("test") else {
            return self.bare_tests();
        };
        let why = format!(
            "{}: scripts.test is `{}`",
            join(self.dir, "package.json"),
            shown(written)
        );
        let script = &self.expanded(written, CALLS);
        let calls = |word: &str| script.split_whitespace().any(|part| part == word);
        if calls("node") && calls("--test") {
            return Some(self.node_test(script, why));
        }
        for (runner, run) in [
            ("vitest", "npx --no-install vitest run"),
            ("jest", "npx --no-install jest"),
        ] {
            if calls(runner) {
                return Some(self.runner(runner, run, script, why));
            }
        }
        let why = vec![
            why,
            "this runner's results are not read test by test: the exit status decides".to_owned(),
        ];
        Some(self.check("npm-test", None, words("npm test"), why))
    }

    /// A runner that reports by options of ours, so that it has to stand in the command itself.
    fn runner(&self, runner: &'static str, run: &str, script: &str, mut why: String) -> Check {
        let own = script.strip_prefix(runner).filter(|_| is_simple(script));
        let run = match own {
            Some(own) => format!("npx --no-install {runner}{own}"),
            None => {
                why.push_str("; its other words are left out: add what the tests need");
                run.to_owned()
            }
        };
        self.check(runner, Some(runner), words(&run), vec![why])
    }

    /// The script's own arguments; its reporter is replaced by ours.
    fn node_test(&self, script: &str, mut why: String) -> Check {
        let mut run = words("node --test");
        if is_simple(script) && !script.contains('=') && script.starts_with("node ") {
            run = words(script);
        } else {
            why.push_str("; its shell syntax is left out: add what the tests need");
        }
        self.check("node-test", Some("node-test"), run, vec![why])
    }

    fn bare_tests(&self) -> Option<Check> {
        let endings = [".test.js", ".test.mjs", ".test.cjs", ".test.ts"];
        let mut files = self
            .listing
            .own(self.dir)
            .filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
        let uses = |path: &&str| {
            self.listing
                .text(path)
                .is_some_and(|text| text.contains("node:test"))
        };
        let file = files.by_ref().take(40).find(uses)?;
        Some(self.check(
            "node-test",
            Some("node-test"),
            words("node --test"),
            vec![format!("{file} uses node:test")],
        ))
    }

    fn packages(&self, found: &mut Detected) {
        let workspaces = self.manifest.contains_key("workspaces");
        if self.dependencies().next().is_none() && !workspaces {
            return;
        }
        let lock = ["package-lock.json", "npm-shrinkwrap.json"]
            .into_iter()
            .find(|file| self.listing.has(&join(self.dir, file)));
        let Some(lock) = lock else {
            let other = ["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"]
                .iter()
                .find(|file| self.listing.has(&join(self.dir, file)));
            let what = other.map_or("dependencies without a lock file".to_owned(), |file| {
                (*file).to_owned()
            });
            found.note(format!("{what}{}: no step is written for it; add a [[prepare]] that fills node_modules offline, or the tests will miss their packages.", place(self.dir)));
            return;
        };
        let mut inputs = vec![join(self.dir, "package.json"), join(self.dir, lock)];
        if workspaces {
            inputs.push(join(self.dir, "**/package.json"));
        }
        found.steps.push(Step {
            name: "node-packages".to_owned(),
            run: words("npm ci --offline --ignore-scripts"),
            cwd: self.dir.to_owned(),
            inputs,
            why: [
                format!(
                    "{}: the locked packages, from npm's cache on this machine.",
                    join(self.dir, lock)
                ),
                "Offline: run `npm ci` in the repository once if packages are missing there."
                    .to_owned(),
            ]
            .into_iter()
            .chain(hosts::fetching(self.listing.text(&join(self.dir, lock))))
            .chain(["Without install scripts: they would see a tree with empty files.".to_owned()])
            .collect(),
            ..Step::default()
        });
    }

    fn lints(&self) -> Vec<Check> {
        let eslint = [
            "eslint.config.js",
            "eslint.config.mjs",
            "eslint.config.cjs",
            "eslint.config.ts",
            ".eslintrc",
            ".eslintrc.js",
            ".eslintrc.cjs",
            ".eslintrc.json",
            ".eslintrc.yml",
        ];
        [
            (
                "eslint",
                "eslint",
                &eslint[..],
                "npx --no-install eslint --format json .",
                Some(Lint::Report("eslint-json")),
            ),
            (
                "tsc",
                "typescript",
                &["tsconfig.json"][..],
                "npx --no-install tsc --noEmit",
                None,
            ),
        ]
        .into_iter()
        .filter(|(_, package, ..)| self.depends_on(package))
        .filter_map(|(name, _, configs, command, lint)| {
            let config = configs
                .iter()
                .map(|file| join(self.dir, file))
                .find(|file| self.listing.has(file))?;
            let check = self.check(name, None, words(command), vec![config]);
            Some(Check {
                lint,
                optional: lint.is_none(),
                ..check
            })
        })
        .collect()
    }
}

/// Whether words are all that a script has: nothing that a shell would do something with.
fn is_simple(script: &str) -> bool {
    !script.contains(['&', '|', ';', '$', '`', '"', '\'', '>', '<', '(', '*', '\\'])
}

/// The base's text in a comment: short, one line.
fn shown(script: &str) -> String {
    script
        .chars()
        .filter(|c| !c.is_control())
        .take(80)
        .collect()
}
