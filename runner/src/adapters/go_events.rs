//! The events of `go test -json`: what each test and each package did.
//!
//! Go makes the events from what test binaries print. Code under test can print what the testing package prints, so every
//! test has to start and end once, every package has to end, and neither may say the opposite of the other. A binary that
//! ends well in the middle of a test leaves its package without an end.

use std::collections::BTreeMap;
use std::path::Path;

use passmuster_policy::run::BrokenUnit;
use passmuster_policy::tests::{Failure, TestId, TestResult, TestStatus};
use serde::Deserialize;

use super::draft::{Draft, cut_off, head, words};
use super::go_output::{self, Output};
use super::go_sources::Sources;
use super::{PhaseEnd, ids};

/// Cap of the output kept of one test, package or build, in bytes.
const OUTPUT_CAP: usize = 64 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Event {
    action: String,
    package: String,
    import_path: String,
    test: String,
    output: String,
    output_type: String,
    elapsed: Option<f64>,
    failed_build: Option<String>,
}

/// Reads one run of `go test -json`.
pub(super) fn read(
    mut draft: Draft,
    end: &PhaseEnd,
    tree: &Path,
    cwd: &Path,
    sources: &Sources,
) -> Draft {
    let stderr = String::from_utf8_lossy(&end.stderr);
    draft.phase_with_log(end, &[&end.stderr]);
    let mut reader = Reader {
        draft,
        tree,
        cwd,
        sources,
        builds: go_output::builds(&stderr),
        packages: BTreeMap::new(),
    };
    for line in end.stdout.split(|byte| *byte == b'\n') {
        reader.line(line);
    }
    reader.finish(end)
}

struct Reader<'a> {
    draft: Draft,
    tree: &'a Path,
    cwd: &'a Path,
    sources: &'a Sources,
    /// What a build said, by what was built.
    builds: Vec<(String, String)>,
    packages: BTreeMap<String, Package>,
}

#[derive(Default)]
struct Package {
    /// Started and not ended.
    open: Vec<String>,
    output: BTreeMap<String, Output>,
    failed: Vec<String>,
    ended: bool,
}

impl Reader<'_> {
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if let Some(package) = plain_failure(line) {
            return self.unit(package, None);
        }
        match serde_json::from_slice(line) {
            Ok(event) => self.event(event),
            Err(_) => self
                .draft
                .contradiction("the output of go has a line that is not an event"),
        }
    }

    fn event(&mut self, event: Event) {
        self.draft.reported();
        match event.action.as_str() {
            "build-output" => self.build_output(event),
            "start" => drop(self.package(&event.package)),
            "run" => self.run(event),
            "output" => self.output(event),
            "pass" | "fail" | "skip" if event.test.is_empty() => self.package_end(event),
            "pass" | "fail" | "skip" => self.test_end(event),
            // `pause`, `cont`, `bench`, `attr`, `build-fail` and what later versions add end nothing.
            _ => {}
        }
    }

    fn package(&mut self, name: &str) -> &mut Package {
        self.packages.entry(name.to_owned()).or_default()
    }

    fn build_output(&mut self, event: Event) {
        let known = self
            .builds
            .iter()
            .position(|(what, _)| *what == event.import_path);
        let at = known.unwrap_or_else(|| {
            self.builds.push((event.import_path, String::new()));
            self.builds.len() - 1
        });
        if let Some((_, text)) = self
            .builds
            .get_mut(at)
            .filter(|(_, text)| text.len() < OUTPUT_CAP)
        {
            text.push_str(&event.output);
        }
    }

    fn run(&mut self, event: Event) {
        let package = self.package(&event.package);
        let again = package.open.contains(&event.test);
        package.open.push(event.test.clone());
        if again || package.ended {
            let (package, test) = (event.package, event.test);
            self.draft
                .contradiction(format!("{package}: {test} starts out of turn"));
        }
    }

    fn output(&mut self, event: Event) {
        if event.test.is_empty() {
            self.draft.log(&event.output);
        }
        let output = self.package(&event.package).output.entry(event.test);
        let output = output.or_default();
        if output.text.len() < OUTPUT_CAP {
            output.add(&event.output, &event.output_type);
        }
    }

    fn test_end(&mut self, event: Event) {
        let package = self.package(&event.package);
        let open = package.open.iter().rposition(|open| *open == event.test);
        match open {
            Some(at) => drop(package.open.remove(at)),
            None => self.draft.contradiction(format!(
                "{}: {} ends but never started, or it ends twice",
                event.package, event.test
            )),
        }
        let result = self.test(&event);
        self.draft.add(result);
    }

    fn test(&mut self, event: &Event) -> TestResult {
        let status = match event.action.as_str() {
            "pass" => TestStatus::Passed,
            "skip" => TestStatus::Skipped,
            _ => TestStatus::Failed,
        };
        let package = self.package(&event.package);
        let below = format!("{}/", event.test);
        let inner = package
            .failed
            .iter()
            .any(|failed| failed.starts_with(&below));
        let output = package.output.remove(&event.test).unwrap_or_default();
        if status == TestStatus::Failed {
            package.failed.push(event.test.clone());
        }
        let failure =
            (status != TestStatus::Passed).then(|| self.failure(&event.package, &output, inner));
        let seconds = event.elapsed.filter(|s| s.is_finite() && *s >= 0.0);
        TestResult {
            id: id(&event.package, &event.test),
            status,
            selector: event.test.clone(),
            failure,
            millis: seconds.map(|s| (s * 1000.0) as u64),
        }
    }

    fn failure(&self, package: &str, output: &Output, inner: bool) -> Failure {
        let account = output.account();
        let file = account.file.as_deref().and_then(|name| {
            let path = self.sources.path(package, name)?;
            ids::in_tree(self.tree, self.cwd, path.to_str()?)
        });
        let message = match account.message.as_str() {
            "" if inner => "a subtest failed".to_owned(),
            message => message.to_owned(),
        };
        Failure {
            message,
            line: account.line.filter(|_| file.is_some()),
            file,
            expected: account.expected,
            actual: account.actual,
            detail: output.text.clone(),
        }
    }

    fn package_end(&mut self, event: Event) {
        let package = self.package(&event.package);
        let twice = std::mem::replace(&mut package.ended, true);
        let failed = package.failed.first().cloned();
        let open: Vec<_> = package
            .open
            .drain(..)
            .filter(|test| !is_benchmark(test))
            .collect();
        let name = &event.package;
        if twice {
            self.draft.contradiction(format!("{name} ends twice"));
        }
        let bad = failed.as_ref().or(open.first());
        match (event.action.as_str(), bad) {
            ("fail", None) => self.unit(name, event.failed_build.as_deref()),
            ("fail", Some(_)) | (_, None) => {}
            (_, Some(test)) => self
                .draft
                .contradiction(format!("{name} passed although its test {test} did not")),
        }
        for test in open {
            self.cut_off(name, &test, "its package ended");
        }
    }

    fn cut_off(&mut self, package: &str, test: &str, how: &str) {
        let mut result = cut_off(id(package, test), test.to_owned(), how);
        let output = self
            .package(package)
            .output
            .remove(test)
            .unwrap_or_default();
        let told = self.failure(package, &output, false);
        if !told.message.is_empty() {
            result.failure = Some(told);
        }
        self.draft.add(result);
    }

    /// A package that failed though none of its tests did: it was not built, or it ended before or beside them.
    fn unit(&mut self, package: &str, failed_build: Option<&str>) {
        self.package(package).ended = true;
        let own = |what: &str| what.split(' ').next() == Some(package);
        let of = |wanted: &dyn Fn(&str) -> bool| {
            let found = self.builds.iter().find(|(what, _)| wanted(what));
            found.map(|(_, text)| text.as_str())
        };
        let build = failed_build.map_or_else(|| of(&own), |build| of(&|what| what == build));
        let output = self
            .packages
            .get(package)
            .and_then(|known| known.output.get(""));
        let told = output.map(Output::account).unwrap_or_default();
        let (file, line, message) = match build {
            Some(text) => go_output::first_error(text),
            None => (told.file, told.line, told.message),
        };
        let unit = BrokenUnit {
            unit: package.to_owned(),
            file: file.and_then(|file| ids::in_tree(self.tree, self.cwd, &file)),
            line,
            message: match message.as_str() {
                "" => "the package failed, but none of its tests did".to_owned(),
                message => head(message, Failure::MESSAGE_CAP).to_owned(),
            },
            more: Vec::new(),
        };
        self.draft.broken(unit);
    }

    fn finish(mut self, end: &PhaseEnd) -> Draft {
        let how = words(&end.outcome);
        if end.stdout_truncated {
            self.draft
                .incomplete("the events of go were longer than the output limit");
        }
        let unfinished: Vec<_> = self
            .packages
            .iter_mut()
            .filter(|(_, package)| !package.ended)
            .map(|(name, package)| (name.clone(), std::mem::take(&mut package.open)))
            .collect();
        for (package, open) in unfinished {
            self.draft
                .incomplete(format!("{package} has no end ({how})"));
            for test in open {
                self.cut_off(&package, &test, &how);
            }
        }
        self.draft
    }
}

/// `FAIL package [build failed]`, which Go before 1.24 prints between the events.
fn plain_failure(line: &[u8]) -> Option<&str> {
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("FAIL\t")?;
    let (package, why) = rest.split_once(' ')?;
    ["[build failed]", "[setup failed]"]
        .contains(&why)
        .then_some(package)
}

/// A benchmark measures; where it does not fail, its end is not told.
fn is_benchmark(test: &str) -> bool {
    test.starts_with("Benchmark")
}

fn id(package: &str, test: &str) -> TestId {
    TestId {
        unit: package.to_owned(),
        file: None,
        name: ids::stable(test),
        parameters: None,
        ordinal: 0,
    }
}
