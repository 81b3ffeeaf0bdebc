//! The controls of a run of Python tests: what is handed over, and what the answers mean.

use std::collections::BTreeMap;
use std::io;

use passmuster_policy::controls::{Answer, Control, Kind};
use passmuster_policy::tests::TestStatus;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::python::REPORT;
use super::seal::{Seal, random, split};
use super::{Handed, Support};

/// The module that plants and asks.
pub(super) const CONTROLS: Support = Support {
    name: "passmuster_controls.py",
    content: include_bytes!("assets/passmuster_controls.py"),
    executable: false,
};

/// What a control's test is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// A function of a module.
    Function,
    /// A method of a `unittest.TestCase`.
    Case,
}

/// The controls of one run, by names that no other run has.
#[derive(Clone, Debug)]
pub(super) struct Planted {
    /// Opens the run's records.
    pub(super) seal: Seal,
    /// Where in the middle of the run to ask.
    place: u32,
    module: String,
    tests: Vec<(String, Kind, Form)>,
}

impl Planted {
    /// For pytest, which runs functions and cases.
    pub(super) fn for_pytest() -> io::Result<Self> {
        Ok(Self::new(
            random()?,
            random()?,
            &[Form::Function, Form::Case],
        ))
    }

    /// For unittest.
    pub(super) fn for_unittest() -> io::Result<Self> {
        Ok(Self::new(random()?, random()?, &[Form::Case]))
    }

    /// Controls whose key is known.
    #[cfg(any(test, fuzzing))]
    pub(super) fn known() -> Self {
        Self::new([0; 32], [0; 32], &[Form::Function, Form::Case])
    }

    fn new(key: [u8; 32], nonce: [u8; 32], forms: &[Form]) -> Self {
        let (numbers, _) = nonce.as_chunks::<4>();
        let mut names = numbers.iter().map(name);
        let module = names.next().unwrap_or_default();
        let planted = forms
            .iter()
            .flat_map(|form| Kind::ALL.map(|kind| (kind, *form)));
        let tests = planted
            .zip(names)
            .map(|((kind, form), name)| (name, kind, form));
        Self {
            seal: Seal::new(key),
            place: numbers.last().map_or(0, |bytes| u32::from_le_bytes(*bytes)),
            tests: tests.collect(),
            module,
        }
    }

    /// The file that the process reads and removes before it loads anything of the tree.
    pub(super) fn handed(&self) -> Handed {
        let test = |(name, kind, form): &(String, Kind, Form)| json!({"name": name, "kind": kind, "form": form});
        let tests: Vec<_> = self.tests.iter().map(test).collect();
        let planted = json!({
            "key": self.seal.key(), "place": self.place, "module": self.module, "tests": tests,
        });
        Handed {
            name: format!("{REPORT}.handed"),
            content: planted.to_string().into_bytes(),
        }
    }

    /// What came of each control of these forms in one place, from the lines that it wrote there. A process
    /// in which nothing is of a form has none of it.
    pub(super) fn answers(&self, place: &str, forms: &[Form], lines: &[String]) -> Vec<Control> {
        let heard = Heard::read(lines);
        let asked = self
            .tests
            .iter()
            .filter(|(_, _, form)| forms.contains(form));
        asked
            .map(|(name, kind, _)| control(place, *kind, heard.answer(name, *kind)))
            .collect()
    }

    /// The controls of a place that nothing was heard of.
    pub(super) fn silent(place: &str, answer: &Answer) -> Vec<Control> {
        let silent = |kind| control(place, kind, answer.clone());
        Kind::ALL.map(silent).into()
    }
}

fn control(place: &str, kind: Kind, answer: Answer) -> Control {
    Control {
        place: place.to_owned(),
        kind,
        answer,
    }
}

/// What the copy of a process wrote.
#[derive(Debug, Default)]
struct Heard {
    states: BTreeMap<String, Vec<TestStatus>>,
    ended: bool,
}

impl Heard {
    fn read(lines: &[String]) -> Self {
        let mut heard = Self::default();
        for (_, record) in lines.iter().filter_map(|line| split(line.as_bytes())) {
            heard.ended |= record == b"end";
            if let Ok(Said::Result { id, status }) = serde_json::from_slice(record) {
                let name = id.rsplit([':', '.']).next().unwrap_or_default().to_owned();
                heard.states.entry(name).or_default().push(status);
            }
        }
        heard
    }

    /// Of several states, one that is not right counts.
    fn answer(&self, name: &str, kind: Kind) -> Answer {
        let expected = kind.expected();
        let states = self.states.get(name).map_or(&[][..], Vec::as_slice);
        let first_other = states.iter().find(|state| **state != expected);
        match first_other.or(states.first()) {
            Some(state) => Answer::of(kind, *state),
            None => Answer::Missing {
                why: match self.ended {
                    true => "nothing was reported of it".to_owned(),
                    false => "the copy of the process came to no end".to_owned(),
                },
            },
        }
    }
}

/// A line of the copy, as far as it matters here.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Said {
    Result {
        id: String,
        status: TestStatus,
    },
    #[serde(other)]
    More,
}

/// A name that a person could have given.
fn name(bytes: &[u8; 4]) -> String {
    format!("test_{}", word(bytes))
}

/// A word that can be said.
pub(super) fn word(bytes: &[u8]) -> String {
    let pick = |from: &'static [u8], at: u8| {
        let at = usize::from(at) % from.len();
        from.get(at).map_or('a', |letter| char::from(*letter))
    };
    let syllable = |byte: &u8| [pick(b"bdfgklmnprstvz", byte / 5), pick(b"aeiou", *byte)];
    bytes.iter().flat_map(syllable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted() -> Planted {
        Planted::new(
            [1; 32],
            std::array::from_fn(|at| at as u8 * 5),
            &[Form::Function],
        )
    }

    fn answers(said: &[(&str, &str)], ended: bool) -> Vec<String> {
        let planted = planted();
        let name = |kind: &str| {
            let test = planted.tests.iter().find(|(_, one, _)| one.name() == kind);
            test.unwrap().0.clone()
        };
        let line = |(kind, status): &(&str, &str)| {
            let id = format!("tests/test_a.py::{}", name(kind));
            format!(
                "seal {}",
                json!({"event": "result", "id": id, "status": status})
            )
        };
        let mut lines: Vec<String> = said.iter().map(line).collect();
        lines.extend(ended.then(|| " end".to_owned()));
        let answers = planted.answers("here", &[Form::Function], &lines);
        answers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_answer_is_held_against_what_was_planted() {
        let right = [
            ("must-fail", "failed"),
            ("must-pass", "passed"),
            ("must-error", "failed"),
        ];
        assert_eq!(
            answers(&right, true),
            [
                "here: must-fail did",
                "here: must-pass did",
                "here: must-error did"
            ]
        );
        let other = [
            ("must-fail", "passed"),
            ("must-pass", "failed"),
            ("must-error", "skipped"),
        ];
        assert_eq!(
            answers(&other, true),
            [
                "here: must-fail said passed",
                "here: must-pass said failed",
                "here: must-error was skipped"
            ]
        );
        let twice = [("must-fail", "failed"), ("must-fail", "passed")];
        assert_eq!(answers(&twice, true)[0], "here: must-fail said passed");
        let silence = "did not answer: nothing was reported of it";
        assert_eq!(
            answers(&twice, true)[1],
            format!("here: must-pass {silence}")
        );
        let cut = "did not answer: the copy of the process came to no end";
        assert_eq!(answers(&[], false)[2], format!("here: must-error {cut}"));
    }

    #[test]
    fn names_look_like_those_of_tests_and_differ() {
        let (one, other) = (
            Planted::for_pytest().unwrap(),
            Planted::for_pytest().unwrap(),
        );
        let names = |planted: &Planted| -> Vec<String> {
            planted
                .tests
                .iter()
                .map(|(name, ..)| name.clone())
                .collect()
        };
        assert_ne!(names(&one), names(&other));
        assert_eq!(one.tests.len(), 6);
        for name in names(&one) {
            let word = name.strip_prefix("test_").unwrap();
            assert!(word.len() == 8 && word.bytes().all(|letter| letter.is_ascii_lowercase()));
        }
    }
}
