//! Controls in Rust test binaries: what libtest says of them on the stream of the tests themselves.
//!
//! A binary that was built with the crate in libtest's place (`assets/passmuster_controls.rs`) and is asked with two words
//! says the first when its tests begin and the second when they ended; then it runs its controls; then it says that they
//! ended. Code under test that ends the process does not come to the second word; code that bends results bends those
//! of the controls.

use passmuster_policy::controls::{Answer, Control, Kind};
use passmuster_policy::tests::TestStatus;

use super::draft::Draft;
use super::libtest::{self, Ended};
use super::seal::random;
use super::{AdapterError, Handed, Launch, Phase, Phases, get, set};
use crate::digest::hex;
use crate::toolchains::rust_controls::WRAPPER_NAME;

/// Names the file with the words.
const ASKED: &str = "PASSMUSTER_CONTROLS";

/// That file, in the report directory.
const FILE: &str = "controls";

/// Has cargo build test binaries with controls.
pub(super) const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

/// What one process is asked with.
#[derive(Clone, Debug)]
pub(super) struct Words {
    first: String,
    /// Parts of hexadecimal digits, each of which decides two controls.
    second: String,
}

impl Words {
    /// New ones, where tests are built with controls.
    pub(super) fn new<P: Phases>(
        launch: &Launch<'_, P>,
    ) -> Result<Option<Self>, AdapterError<P::Error>> {
        if !planted(launch) {
            return Ok(None);
        }
        let (first, second) = (random(), random());
        let parts = second.map_err(AdapterError::Random)?;
        let (parts, _) = parts.as_chunks::<4>();
        Ok(Some(Self {
            first: hex(&first.map_err(AdapterError::Random)?),
            second: parts
                .iter()
                .map(|part| hex(part))
                .collect::<Vec<_>>()
                .join("-"),
        }))
    }

    /// Those that a process was asked with, as they were written.
    pub(super) fn known(first: &str, second: &str) -> Self {
        Self {
            first: first.to_owned(),
            second: second.to_owned(),
        }
    }

    /// Has a binary asked with them.
    pub(super) fn ask<P: Phases>(&self, launch: &Launch<'_, P>, phase: &mut Phase) {
        let Self { first, second } = self;
        set(&mut phase.env, ASKED, launch.report(FILE));
        phase.handed.push(Handed {
            name: FILE.to_owned(),
            content: format!("{first} {second}").into_bytes(),
        });
    }

    /// The line that a binary says at an event.
    fn line(&self, event: &str) -> String {
        let word = match event {
            "began" => &self.first,
            _ => &self.second,
        };
        format!("{{ \"type\": \"passmuster\", \"event\": \"{event}\", \"word\": \"{word}\" }}")
    }

    /// The ends of the controls' names, and what each has to come to.
    fn controls(&self) -> impl Iterator<Item = (String, Kind)> {
        let planted = self.second.split('-').flat_map(|part| {
            let last = part.chars().last().and_then(|digit| digit.to_digit(16));
            let first_fails = last.unwrap_or_default() % 2 == 0;
            [(part, first_fails), (part, !first_fails)]
        });
        planted.zip('a'..='z').map(|((part, fails), letter)| {
            let kind = if fails {
                Kind::MustFail
            } else {
                Kind::MustPass
            };
            (format!("_{part}{letter}"), kind)
        })
    }
}

/// Whether cargo builds this launch's tests with controls.
pub(super) fn planted<P>(launch: &Launch<'_, P>) -> bool {
    let wrapper = get(&launch.job.env, WRAPPER).and_then(|path| path.to_str());
    wrapper.is_some_and(|path| path.ends_with(WRAPPER_NAME))
}

/// The parts of a binary's stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard<'a> {
    /// Whether it said that its tests begin.
    pub(super) began: bool,
    /// What stands before the end of its tests.
    pub(super) tests: &'a [u8],
    /// What stands after it; none where it did not say so.
    pub(super) controls: Option<&'a [u8]>,
}

impl<'a> Heard<'a> {
    /// Everything is of the tests where nothing was asked.
    pub(super) fn of(stream: &'a [u8], words: Option<&Words>) -> Self {
        let find = |event| {
            let line = words?.line(event);
            Some((memchr::memmem::find(stream, line.as_bytes())?, line.len()))
        };
        let ended = find("ended");
        Self {
            began: find("began").is_some(),
            tests: ended.and_then(|(at, _)| stream.get(..at)).unwrap_or(stream),
            controls: ended.and_then(|(at, length)| stream.get(at + length..)),
        }
    }

    /// Whether its tests began and did not end.
    pub(super) fn breaks_off(&self) -> bool {
        self.began && self.controls.is_none()
    }

    /// What the controls of both kinds came to.
    pub(super) fn answers(&self, words: &Words) -> [(Kind, Answer); 2] {
        let missing = |why: &str| Answer::Missing {
            why: why.to_owned(),
        };
        let both =
            |answer: Answer| [Kind::MustFail, Kind::MustPass].map(|kind| (kind, answer.clone()));
        match self.controls {
            None if self.began => both(missing("the process ended before its tests did")),
            None => both(missing("the binary did not say that its tests began")),
            Some(stream) => said(stream, words),
        }
    }
}

/// What the controls' own suite says.
fn said(stream: &[u8], words: &Words) -> [(Kind, Answer); 2] {
    let events = libtest::read(stream);
    let planted: Vec<_> = words.controls().collect();
    let finished = memchr::memmem::find(stream, words.line("answered").as_bytes()).is_some();
    [Kind::MustFail, Kind::MustPass].map(|kind| {
        let answer = match events.contradictions.first() {
            Some(said) => Answer::Wrong { said: said.clone() },
            None if events.ended.len() > planted.len() => Answer::Wrong {
                said: "more than was planted".to_owned(),
            },
            None => {
                let of_kind = planted.iter().filter(|(_, known)| *known == kind);
                let answers = of_kind.map(|(name, _)| one(&events.ended, name, kind));
                answers.fold(Answer::Right, worse)
            }
        };
        let unfinished = Answer::Missing {
            why: "the process ended before its controls did".to_owned(),
        };
        (
            kind,
            if finished {
                answer
            } else {
                worse(answer, unfinished)
            },
        )
    })
}

fn one(ended: &[Ended], name: &str, kind: Kind) -> Answer {
    let Some(found) = ended.iter().find(|ended| ended.name.ends_with(name)) else {
        return Answer::Missing {
            why: "there is no result of it".to_owned(),
        };
    };
    match (kind, found.status) {
        (Kind::MustFail, TestStatus::Failed) | (Kind::MustPass, TestStatus::Passed) => {
            Answer::Right
        }
        (_, status) => Answer::Wrong {
            said: format!("{status:?}").to_lowercase(),
        },
    }
}

/// The answer that says more against the run.
fn worse(one: Answer, other: Answer) -> Answer {
    let weight = |answer: &Answer| match answer {
        Answer::Right => 0,
        Answer::Withheld => 1,
        Answer::Missing { .. } => 2,
        Answer::Wrong { .. } => 3,
    };
    if weight(&other) > weight(&one) {
        other
    } else {
        one
    }
}

/// What several processes of one unit came to, as one control a kind.
#[derive(Debug)]
pub(super) struct OfUnit {
    answers: [(Kind, Answer); 2],
}

impl OfUnit {
    /// No process yet.
    pub(super) fn new() -> Self {
        Self {
            answers: [Kind::MustFail, Kind::MustPass].map(|kind| (kind, Answer::Right)),
        }
    }

    /// Adds a process.
    pub(super) fn add(&mut self, answers: [(Kind, Answer); 2]) {
        for (known, (_, answer)) in self.answers.iter_mut().zip(answers) {
            let before = std::mem::replace(&mut known.1, Answer::Right);
            known.1 = worse(before, answer);
        }
    }

    /// Notes them in a run.
    pub(super) fn note(self, unit: &str, draft: &mut Draft) {
        draft
            .controls
            .extend(self.answers.map(|(kind, answer)| Control {
                place: unit.to_owned(),
                kind,
                answer,
            }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two of its parts are equal.
    const SECOND: &str = "0f1e2d3c-a0aa-4b5b-a0aa-6c7d8e9f0a1b";

    fn asked() -> Words {
        Words::known("0a", SECOND)
    }

    /// A stream as a binary gives it, each control with this event.
    fn stream(event: impl Fn(Kind) -> &'static str) -> String {
        let words = asked();
        let controls: Vec<_> = words.controls().collect();
        let failed = controls.iter().filter(|(_, kind)| event(*kind) == "failed");
        let (count, failed) = (controls.len(), failed.count());
        let mut text = format!(
            "{}\nreal\n{}\n{{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": {count} }}\n",
            words.line("began"),
            words.line("ended")
        );
        for (name, kind) in controls {
            for event in ["started", event(kind)] {
                text += &format!(
                    "{{ \"type\": \"test\", \"event\": \"{event}\", \"name\": \"last{name}\" }}\n"
                );
            }
        }
        let end = if failed > 0 { "failed" } else { "ok" };
        let passed = count - failed;
        text + &format!(
            "{{ \"type\": \"suite\", \"event\": \"{end}\", \"passed\": {passed}, \"failed\": {failed}, \"ignored\": 0, \"measured\": 0 }}\n{}\n",
            words.line("answered")
        )
    }

    fn as_known(kind: Kind) -> &'static str {
        match kind {
            Kind::MustFail => "failed",
            _ => "ok",
        }
    }

    fn words(stream: &str) -> [String; 2] {
        let heard = Heard::of(stream.as_bytes(), Some(&asked()));
        heard.answers(&asked()).map(|(_, answer)| match answer {
            Answer::Right => "right".to_owned(),
            Answer::Wrong { said } => said,
            Answer::Missing { why } => why,
            Answer::Withheld => "withheld".to_owned(),
        })
    }

    #[test]
    fn a_stream_is_parted_where_its_tests_ended() {
        let stream = stream(as_known);
        let heard = Heard::of(stream.as_bytes(), Some(&asked()));
        assert!(heard.began && !heard.breaks_off());
        assert!(heard.tests.ends_with(b"real\n") && heard.controls.is_some());
        assert_eq!(words(&stream), ["right", "right"]);
        let whole = Heard::of(stream.as_bytes(), None);
        assert_eq!((whole.began, whole.tests), (false, stream.as_bytes()));
    }

    #[test]
    fn each_control_that_is_bent_or_left_out_shows() {
        let right = stream(as_known);
        assert_eq!(words(&stream(|_| "ok")), ["passed", "right"]);
        assert_eq!(words(&stream(|_| "failed")), ["right", "failed"]);
        let answered = asked().line("answered");
        let ended = asked().line("ended");
        let more =
            format!("{answered}\n{{ \"type\": \"test\", \"event\": \"ok\", \"name\": \"x\" }}\n");
        for (what, given, said) in [
            (
                "an end before the controls",
                right.split(&ended).next().unwrap_or_default().to_owned(),
                "ended before its tests did",
            ),
            (
                "an end among them",
                right.replace(&answered, ""),
                "before its controls did",
            ),
            (
                "an end before the tests",
                String::new(),
                "did not say that its tests began",
            ),
            (
                "another's words",
                right.replace(SECOND, "0-1"),
                "ended before its tests did",
            ),
            (
                "an event after all",
                right.replace(&answered, &more),
                "x ends outside of a suite",
            ),
            (
                "a name that is not theirs",
                right.replace("last_", "last"),
                "there is no result",
            ),
        ] {
            let words = words(&given);
            assert!(
                words.iter().all(|word| word.contains(said)),
                "{what}: {words:?}"
            );
        }
    }
}
