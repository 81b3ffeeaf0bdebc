//! Controls for node:test: one more launch, in which each file of tests is loaded again, in a process of its own, by a
//! file of ours that then plants its own tests beside one of them (`assets/passmuster_controls.mjs`).
//!
//! node has no way to copy a process, so this shows what product code does to one as it is loaded and as the chosen test
//! calls it, not what the other tests have it do. Hooks of the file itself reach controls as well, so a control that
//! must pass and does not speaks against nobody. Where a file cannot be loaded so, its controls are skipped, on the base
//! as well.

use std::collections::BTreeMap;
use std::path::PathBuf;

use passmuster_policy::controls::{Answer, Control, Kind};
use passmuster_policy::run::Outcome;
use passmuster_policy::tests::{TestResult, TestStatus};
use serde_json::json;

use super::draft::Draft;
use super::planted::word;
use super::seal::random;
use super::{AdapterError, Handed, Launch, PhaseEnd, Phases, node};

/// The file that loads and plants; what it does not know stands for [`HANDED`].
const CONTROLS: &str = include_str!("assets/passmuster_controls.mjs");

/// What it is told.
const HANDED: &str = "HANDED";

/// How many ways to fail and to pass the file knows.
const FAILING: usize = 26;
const PASSING: usize = 4;

/// Most files that controls are planted beside, the first ones by name: on both trees the same.
const FILES: usize = 32;

/// Tests that take longer are not run again beside controls, in milliseconds.
const QUICK: u64 = 1_000;

/// Runs the controls beside tests that have just run, and notes what they came to.
pub(super) async fn ask<P: Phases>(
    launch: &mut Launch<'_, P>,
    draft: &mut Draft,
) -> Result<(), AdapterError<P::Error>> {
    let nonce = random().map_err(AdapterError::Random)?;
    let beside = beside(draft.tests(), nonce);
    if beside.is_empty() {
        return Ok(());
    }
    let planted = Planted::new(beside.len()).map_err(AdapterError::Random)?;
    let end = launch_workers(launch, &beside, &planted).await?;
    draft.cost(&end);
    // One that was stopped from outside has nothing to say.
    if matches!(end.outcome, Outcome::Exited { .. }) {
        draft.may_be_controlled(true);
        let ran = node::read(&end, launch.places);
        draft.controls = planted.answers(&beside, ran.tests());
    }
    Ok(())
}

async fn launch_workers<P: Phases>(
    launch: &mut Launch<'_, P>,
    beside: &[Beside],
    planted: &Planted,
) -> Result<PhaseEnd, AdapterError<P::Error>> {
    let handed: Vec<Handed> = beside
        .iter()
        .enumerate()
        .map(|(at, one)| planted.handed(at, launch.places.tree.join(&one.file)))
        .collect();
    let files = handed.iter().map(|one| launch.report(&one.name));
    let files: Vec<String> = files
        .map(|file| file.to_string_lossy().into_owned())
        .collect();
    let names = beside.iter().filter_map(|one| one.test.as_ref());
    let patterns = names.chain([&planted.all]);
    let patterns = patterns.map(|name| format!("--test-name-pattern={}", escaped(name)));
    let argv = node::worker(&launch.job.argv, patterns, files);
    let mut phase = node::phase(launch, argv);
    phase.handed.extend(handed);
    launch.launch(phase).await
}

/// A file of tests, and one quick test of it that passed.
#[derive(Debug, PartialEq, Eq)]
struct Beside {
    file: String,
    test: Option<String>,
}

fn beside<'t>(tests: impl Iterator<Item = &'t TestResult>, nonce: [u8; 32]) -> Vec<Beside> {
    let passed = tests.filter(|test| test.status == TestStatus::Passed);
    let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for test in passed {
        if let Some(file) = test.id.file.as_ref().and_then(|file| file.as_str()) {
            let names = by_file.entry(file).or_default();
            let name = test.id.name.rsplit(" > ").next().unwrap_or_default();
            let quick = test.millis.is_some_and(|millis| millis < QUICK);
            names.extend(Some(name).filter(|name| quick && !name.is_empty()));
        }
    }
    let files = by_file.into_iter().zip(nonce).take(FILES);
    let one = |((file, names), byte): ((&str, Vec<&str>), u8)| Beside {
        file: file.to_owned(),
        test: names
            .get(usize::from(byte) % names.len().max(1))
            .map(|name| (*name).to_owned()),
    };
    files.map(one).collect()
}

/// The controls of one run, by names that no other run has: a part for the run, one for the file, one for the
/// control.
struct Planted {
    all: String,
    files: Vec<String>,
    controls: BTreeMap<String, (Kind, usize)>,
}

impl Planted {
    fn new(files: usize) -> std::io::Result<Self> {
        let any = || random().map(|bytes| word(&bytes[..6]));
        let bodies = (0..FAILING).map(|body| (Kind::MustFail, body));
        let bodies = bodies.chain((0..PASSING).map(|body| (Kind::MustPass, body)));
        Ok(Self {
            all: format!("keeps {}", any()?),
            files: (0..files).map(|_| any()).collect::<Result<_, _>>()?,
            controls: bodies
                .map(|body| Ok((any()?, body)))
                .collect::<std::io::Result<_>>()?,
        })
    }

    fn name(&self, file: usize, control: &str) -> String {
        let of_file = self.files.get(file).map(String::as_str).unwrap_or_default();
        format!("{} {of_file} {control}", self.all)
    }

    /// What is planted beside one file, in the order of the names, which tells nothing.
    fn handed(&self, at: usize, file: PathBuf) -> Handed {
        let one = |(control, (kind, body)): (&String, &(Kind, usize))| json!({"name": self.name(at, control), "fails": *kind == Kind::MustFail, "body": body});
        let controls: Vec<_> = self.controls.iter().map(one).collect();
        let told = json!({"file": file.display().to_string(), "controls": controls}).to_string();
        Handed {
            name: format!("passmuster_controls_{at}.mjs"),
            content: CONTROLS.replacen(HANDED, &told, 1).into_bytes(),
        }
    }

    fn answers<'t>(
        &self,
        beside: &[Beside],
        ran: impl Iterator<Item = &'t TestResult>,
    ) -> Vec<Control> {
        let ran: BTreeMap<&str, TestStatus> = ran
            .map(|test| (test.id.name.as_str(), test.status))
            .collect();
        let of_file = |(at, one): (usize, &Beside)| {
            let control = |(control, (kind, _)): (&String, &(Kind, usize))| Control {
                place: format!("beside {}", one.file),
                kind: *kind,
                answer: answer(*kind, ran.get(self.name(at, control).as_str()).copied()),
            };
            self.controls.iter().map(control).collect::<Vec<_>>()
        };
        beside.iter().enumerate().flat_map(of_file).collect()
    }
}

fn answer(kind: Kind, status: Option<TestStatus>) -> Answer {
    match (kind, status) {
        // A hook of the file may refuse it, as it may refuse any test.
        (Kind::MustPass, Some(TestStatus::Failed)) => Answer::Withheld,
        (_, Some(status)) => Answer::of(kind, status),
        (_, None) => Answer::Missing {
            why: "its process said nothing of it".to_owned(),
        },
    }
}

/// The text as a regular expression of JavaScript's that matches it.
fn escaped(text: &str) -> String {
    let special = |letter: char| "\\^$.*+?()[]{}|/".contains(letter);
    let escape = |letter: char| special(letter).then_some('\\').into_iter().chain([letter]);
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_its_text_and_nothing_else() {
        assert_eq!(
            escaped("adds (1 + 2) [a.b]"),
            "adds \\(1 \\+ 2\\) \\[a\\.b\\]"
        );
    }

    #[test]
    fn every_way_to_fail_and_to_pass_is_planted_under_a_name_of_its_own() {
        let planted = Planted::new(2).unwrap();
        let count = |kind| {
            let of_kind = planted.controls.values().filter(|(one, _)| *one == kind);
            of_kind.count()
        };
        assert_eq!(
            (count(Kind::MustFail), count(Kind::MustPass)),
            (FAILING, PASSING)
        );
        let ways = |list: &str| {
            let rest = CONTROLS.split(list).nth(1).unwrap();
            let list = rest.split("];").next().unwrap();
            list.lines().filter(|line| line.ends_with(',')).count()
        };
        assert_eq!(ways("const FAILING = ["), FAILING);
        assert_eq!(ways("const PASSING = ["), PASSING);
    }
}
