//! `go test`: the policy's command with `-json`, whose events stand on standard output.
//!
//! `-count=1` keeps Go's cache of test results out: what counts has run here and now, and a repeated run is a new one.
//! A file is named in a test's output by its base name alone; `go list` tells the directory, asked only where a test failed.
//! Go 1.20 or later: older ones lose the end of a test whose output does not end its line.

use std::collections::BTreeSet;
use std::path::Path;

use passmuster_policy::run::TestRun;

use super::draft::Draft;
use super::go_events;
use super::go_sources::{self, Sources};
use super::words::{options, without};
use super::{AdapterError, Launch, Phases, Selection, get};

/// Runs the policy's command once, and asks for directories where a test failed.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let counted = get(&launch.job.env, "GOFLAGS")
        .is_some_and(|flags| flags.to_string_lossy().contains("-count"));
    let words = Words::of(&launch.job.argv).ok_or(AdapterError::Command {
        framework: "go-test",
        why: "it must be `go test …`; for another way to start the tests use framework \"junit\"",
    })?;
    let argv = words.test(&launch.job.select, counted);
    let list = words.list();
    let end = launch.launch(launch.phase(argv, Vec::new())).await?;
    let mut draft = Draft::default();
    let mut sources = Sources::default();
    let failing = go_sources::failing_packages(&end.stdout);
    if !failing.is_empty() {
        let argv = list.into_iter().chain(failing).collect();
        let listed = launch.launch(launch.phase(argv, Vec::new())).await?;
        sources = Sources::read(&listed.stdout);
        draft.phase_with_log(&listed, &[]);
    }
    let cwd = launch.job.cwd.as_deref().unwrap_or(&launch.places.tree);
    Ok(go_events::read(draft, &end, &launch.places.tree, cwd, &sources).finish())
}

/// The parts of a `go test` command.
struct Words {
    /// The program, with what stands before it.
    go: Vec<String>,
    /// `-C DIR`, which has to be the first option.
    directory: Vec<String>,
    /// Options and packages.
    own: Vec<String>,
    /// `-args` and what goes to the tests themselves.
    rest: Vec<String>,
}

impl Words {
    fn of(argv: &[String]) -> Option<Self> {
        let at = argv
            .windows(2)
            .position(|pair| matches!(pair, [go, test] if is_go(go) && test == "test"))?;
        let (go, tail) = argv.split_at(at + 1);
        let tail = tail.get(1..).unwrap_or_default();
        let taken = match tail.first().map(String::as_str) {
            Some("-C" | "--C") => 2.min(tail.len()),
            Some(word) if word.starts_with("-C=") || word.starts_with("--C=") => 1,
            _ => 0,
        };
        let (directory, tail) = tail.split_at(taken);
        let end = tail.iter().position(|word| is(word, "args"));
        let (own, rest) = tail.split_at(end.unwrap_or(tail.len()));
        Some(Self {
            go: go.to_vec(),
            directory: directory.to_vec(),
            own: own.to_vec(),
            rest: rest.to_vec(),
        })
    }

    /// `go test` with events, running all that it selects even after a failure.
    fn test(&self, select: &Selection, counted: bool) -> Vec<String> {
        let own = without(&self.own, &[], &OVERRULED);
        let counted = counted || own.iter().any(|word| is(word, "count"));
        let own = narrowed(&own, select).unwrap_or(own);
        let count = (!counted).then(|| "-count=1".to_owned());
        self.start("test")
            .chain(["-json".to_owned()])
            .chain(count)
            .chain(own)
            .chain(self.rest.iter().cloned())
            .collect()
    }

    /// `go list` with what decides where packages are found; the packages come after it.
    fn list(&self) -> Vec<String> {
        let mut kept = Vec::new();
        let mut words = self.own.iter();
        while let Some(word) = words.next() {
            if FINDING.iter().any(|name| is(word, name)) {
                kept.push(word.clone());
                if !word.contains('=') {
                    kept.extend(words.next().cloned());
                }
            }
        }
        self.start("list")
            .chain(kept)
            .chain(go_sources::QUESTION.map(str::to_owned))
            .collect()
    }

    fn start(&self, command: &str) -> impl Iterator<Item = String> {
        let go = self.go.iter().cloned();
        go.chain([command.to_owned()])
            .chain(self.directory.iter().cloned())
    }
}

fn is_go(word: &str) -> bool {
    let name = Path::new(word).file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == "go" || name.starts_with("go1."))
}

/// Whether a word is this option, with one dash or two, with a value or without.
fn is(word: &str, option: &str) -> bool {
    let name = word
        .strip_prefix("--")
        .or_else(|| word.strip_prefix('-'))
        .and_then(|name| name.split('=').next());
    name == Some(option)
}

/// The options, and the packages of these tests in the place of those that the policy names.
fn narrowed(own: &[String], select: &Selection) -> Option<Vec<String>> {
    let Selection::Ids(tests) = select else {
        return None;
    };
    let packages: BTreeSet<_> = tests.iter().map(|test| test.id.unit.clone()).collect();
    let usable = |name: &String| !name.is_empty() && !name.starts_with('-');
    if packages.is_empty() || !packages.iter().all(usable) {
        return None;
    }
    let mut kept = options(own, &VALUED, &FLAGS)?;
    kept.extend(packages);
    Some(kept)
}

/// What would take events away, or end the run at the first failure.
const OVERRULED: [&str; 6] = [
    "-json",
    "--json",
    "-failfast",
    "--failfast",
    "-failfast=true",
    "--failfast=true",
];

/// Options that decide which packages there are.
const FINDING: [&str; 4] = ["tags", "mod", "modfile", "overlay"];

/// Options of `go test` that take the next word (`go help test`, `testflag` and `build`, Go 1.27).
const VALUED: [&str; 46] = [
    "C",
    "asmflags",
    "bench",
    "benchtime",
    "blockprofile",
    "blockprofilerate",
    "buildmode",
    "compiler",
    "count",
    "covermode",
    "coverpkg",
    "coverprofile",
    "cpu",
    "cpuprofile",
    "exec",
    "fuzz",
    "fuzzminimizetime",
    "fuzztime",
    "gccgoflags",
    "gcflags",
    "installsuffix",
    "ldflags",
    "list",
    "memprofile",
    "memprofilerate",
    "mod",
    "modfile",
    "mutexprofile",
    "mutexprofilefraction",
    "o",
    "outputdir",
    "overlay",
    "p",
    "parallel",
    "pgo",
    "pkgdir",
    "run",
    "shuffle",
    "skip",
    "tags",
    "timeout",
    "toolexec",
    "trace",
    "vet",
    "debug-actiongraph",
    "debug-trace",
];

/// Options that stand alone.
const FLAGS: [&str; 18] = [
    "a",
    "artifacts",
    "asan",
    "benchmem",
    "buildvcs",
    "cover",
    "fullpath",
    "i",
    "linkshared",
    "modcacherw",
    "msan",
    "n",
    "race",
    "short",
    "trimpath",
    "v",
    "work",
    "x",
];

#[cfg(test)]
mod tests {
    use passmuster_policy::tests::{TestId, TestResult, TestStatus};

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn test_of(package: &str) -> TestResult {
        TestResult {
            id: TestId {
                unit: package.to_owned(),
                file: None,
                name: "T".to_owned(),
                parameters: None,
                ordinal: 0,
            },
            status: TestStatus::Failed,
            selector: String::new(),
            failure: None,
            millis: None,
        }
    }

    #[test]
    fn the_policys_arguments_stay_and_results_are_never_taken_from_a_cache() {
        for (given, all, list) in [
            ("go test ./...", "go test -json -count=1 ./...", "go list"),
            (
                "/usr/lib/go/bin/go test -C sub -failfast -tags x -json -race ./a ./b -args -json -count",
                "/usr/lib/go/bin/go test -C sub -json -count=1 -tags x -race ./a ./b -args -json -count",
                "/usr/lib/go/bin/go list -C sub -tags x",
            ),
            (
                "env A=b go1.27 test --count 3 -mod=vendor .",
                "env A=b go1.27 test -json --count 3 -mod=vendor .",
                "env A=b go1.27 list -mod=vendor",
            ),
        ] {
            let parts = Words::of(&words(given)).unwrap();
            assert_eq!(parts.test(&Selection::All, false).join(" "), all);
            let asked = parts.list().join(" ");
            assert!(asked.starts_with(&format!("{list} -e ")), "{asked}");
        }
        for other in ["go vet ./...", "make test", "gotestsum test", "go"] {
            assert!(Words::of(&words(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn a_selection_takes_the_place_of_the_packages_unless_the_words_are_not_understood() {
        for (given, expected) in [
            (
                "go test -run X -v ./... -args a",
                "go test -json -count=1 -run X -v example.org/b -args a",
            ),
            (
                "go test ./... -mine x",
                "go test -json -count=1 ./... -mine x",
            ),
        ] {
            let select = Selection::Ids(vec![test_of("example.org/b"), test_of("example.org/b")]);
            let found = Words::of(&words(given)).unwrap().test(&select, false);
            assert_eq!(found.join(" "), expected);
        }
        let hostile = Selection::Ids(vec![test_of("-exec=x")]);
        let found = Words::of(&words("go test .")).unwrap().test(&hostile, true);
        assert_eq!(found.join(" "), "go test -json .");
    }
}
