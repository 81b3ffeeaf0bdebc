//! Controls for node:test: one more launch, in which a file of ours loads the files of the tests and then plants its own
//! beside one test of each (`assets/passmuster_controls.mjs`).
//!
//! node has a process for each file and no way to copy one, so this shows what product code does to a process as it is
//! loaded and as the chosen tests call it, not what it does in all the others. Where the files cannot be loaded in one
//! process, or only by what the command's scripts set up, the controls are skipped, on the base as well.

use std::collections::{BTreeMap, BTreeSet};

use passmuster_policy::controls::{Answer, Control, Kind};
use passmuster_policy::tests::{TestResult, TestStatus};
use serde_json::json;

use super::draft::Draft;
use super::planted::word;
use super::seal::random;
use super::{AdapterError, Handed, Launch, PhaseEnd, Phases, node};

/// The file that loads and plants; what it does not know stands for [`HANDED`].
const CONTROLS: &str = include_str!("assets/passmuster_controls.mjs");

/// What the worker is told.
const HANDED: &str = "HANDED";

/// The file's name, in the report directory.
const FILE: &str = "passmuster_controls.mjs";

/// Where the controls are, for people.
const PLACE: &str = "a worker beside the files";

/// How many ways to fail and to pass the file knows.
const FAILING: usize = 10;
const PASSING: usize = 4;

/// Most files that are loaded beside the controls.
const FILES: usize = 64;

/// Runs the controls beside tests that have just run, and notes what they came to.
pub(super) async fn ask<P: Phases>(
    launch: &mut Launch<'_, P>,
    draft: &mut Draft,
) -> Result<(), AdapterError<P::Error>> {
    let nonce = || random().map_err(AdapterError::Random);
    let beside = Beside::of(draft.tests(), nonce()?);
    if beside.files.is_empty() {
        return Ok(());
    }
    draft.may_be_controlled(true);
    let planted = Planted::new([nonce()?, nonce()?]);
    let end = launch_worker(launch, &beside, &planted).await?;
    draft.cost(&end);
    draft.controls = planted.answers(node::read(&end, launch.places).tests());
    Ok(())
}

async fn launch_worker<P: Phases>(
    launch: &mut Launch<'_, P>,
    beside: &Beside,
    planted: &Planted,
) -> Result<PhaseEnd, AdapterError<P::Error>> {
    let file = launch.report(FILE);
    let tree = &launch.places.tree;
    let files = beside.files.iter().map(|file| tree.join(file));
    let files: Vec<_> = files.map(|file| file.display().to_string()).collect();
    let handed = json!({"files": files, "controls": planted.handed()}).to_string();
    let patterns = beside.names.iter().chain(planted.0.keys());
    let patterns = patterns.map(|name| format!("--test-name-pattern={}", escaped(name)));
    let argv = node::worker(&launch.job.argv, patterns, &file.display().to_string());
    let mut phase = node::phase(launch, argv);
    phase.handed.push(Handed {
        name: FILE.to_owned(),
        content: CONTROLS.replacen(HANDED, &handed, 1).into_bytes(),
    });
    launch.launch(phase).await
}

/// What of the real tests the worker has around it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Beside {
    files: BTreeSet<String>,
    /// Of each file, the name of one test that passed.
    names: BTreeSet<String>,
}

impl Beside {
    fn of<'t>(tests: impl Iterator<Item = &'t TestResult>, nonce: [u8; 32]) -> Self {
        let passed = tests.filter(|test| test.status == TestStatus::Passed);
        let mut by_file: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for test in passed {
            let file = test.id.file.as_ref().and_then(|file| file.as_str());
            let name = test.id.name.rsplit(" > ").next().unwrap_or_default();
            if let Some(file) = file.filter(|_| !name.is_empty()) {
                by_file.entry(file).or_default().push(name);
            }
        }
        let mut beside = Self::default();
        for ((file, names), byte) in by_file.into_iter().zip(nonce.iter().cycle()).take(FILES) {
            beside.files.insert(file.to_owned());
            let name = names.get(usize::from(*byte) % names.len().max(1));
            beside.names.extend(name.map(|name| (*name).to_owned()));
        }
        beside
    }
}

/// The controls of one run: by name, what each has to come to and which of its kind's bodies it has.
struct Planted(BTreeMap<String, (Kind, usize)>);

impl Planted {
    fn new(nonces: [[u8; 32]; 2]) -> Self {
        let bodies = (0..FAILING).map(|body| (Kind::MustFail, body));
        let bodies = bodies.chain((0..PASSING).map(|body| (Kind::MustPass, body)));
        let (words, _) = nonces.as_flattened().as_chunks::<4>();
        let names = words.iter().map(|bytes| format!("keeps {}", word(bytes)));
        Self(names.zip(bodies).collect())
    }

    /// In the order of their names, which tells nothing.
    fn handed(&self) -> serde_json::Value {
        let one = |(name, (kind, body)): (&String, &(Kind, usize))| json!({"name": name, "fails": *kind == Kind::MustFail, "body": body});
        self.0.iter().map(one).collect()
    }

    fn answers<'t>(&self, ran: impl Iterator<Item = &'t TestResult>) -> Vec<Control> {
        let ran: BTreeMap<&str, TestStatus> = ran
            .map(|test| (test.id.name.as_str(), test.status))
            .collect();
        let answer = |name: &str, kind| match ran.get(name) {
            Some(status) => Answer::of(kind, *status),
            None => Answer::Missing {
                why: "the worker said nothing of it".to_owned(),
            },
        };
        let control = |(name, (kind, _)): (&String, &(Kind, usize))| Control {
            place: PLACE.to_owned(),
            kind: *kind,
            answer: answer(name, *kind),
        };
        self.0.iter().map(control).collect()
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
        let planted = Planted::new([0, 100].map(|from| std::array::from_fn(|at| from + at as u8)));
        let count = |kind| planted.0.values().filter(|(one, _)| *one == kind).count();
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
