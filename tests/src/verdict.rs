//! Reading the verdict's JSON from outside: by its published names, with no type of the program's own.

use std::fmt;

use serde_json::Value;

/// A verdict as the program printed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict(pub Value);

impl Verdict {
    /// Reads it; the error says what was wrong with the text.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match value["schema"].as_str() {
            Some("passmuster.verdict/1") => Ok(Self(value)),
            other => Err(format!("the schema is {other:?}")),
        }
    }

    /// `pass`, `fail`, `review` or `inconclusive`.
    pub fn decision(&self) -> &str {
        self.text("/verdict")
    }

    /// The digest of all that must not differ between two answers.
    pub fn digest(&self) -> &str {
        self.text("/digest")
    }

    /// A text by its JSON pointer.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        let found = self.0.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{pointer} is a text in {self}"))
    }

    /// The codes under `reasons`, sorted, each once.
    pub fn reasons(&self) -> Vec<String> {
        self.codes("reasons")
    }

    /// The codes under `review`, sorted, each once.
    pub fn review(&self) -> Vec<String> {
        self.codes("review")
    }

    fn codes(&self, list: &str) -> Vec<String> {
        let entries = self.0[list]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let code = |entry: &Value| entry["code"].as_str().unwrap_or("no code").to_string();
        let mut codes: Vec<String> = entries.iter().map(code).collect();
        codes.sort();
        codes.dedup();
        codes
    }

    /// Ids of the tests of one class: `regressed`, `fixed`, `vanished` …
    pub fn tests(&self, class: &str) -> Vec<String> {
        let entries = self.0["tests"][class]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        entries.iter().map(id).collect()
    }

    /// How many tests of a class there are, where only their number is told, or the list's length.
    pub fn count(&self, class: &str) -> u64 {
        let value = &self.0["tests"][class];
        value
            .as_u64()
            .unwrap_or_else(|| value.as_array().map_or(0, |list| list.len() as u64))
    }

    /// Fails unless the class holds exactly tests whose ids end in these texts.
    #[track_caller]
    pub fn assert_tests(&self, class: &str, endings: &[impl AsRef<str>]) {
        let found = self.tests(class);
        let is_expected = |id: &String| endings.iter().any(|ending| id.ends_with(ending.as_ref()));
        let is_found = |ending: &&str| found.iter().any(|id| id.ends_with(ending));
        let missing: Vec<&str> = endings
            .iter()
            .map(AsRef::as_ref)
            .filter(|ending| !is_found(ending))
            .collect();
        let extra: Vec<&String> = found.iter().filter(|id| !is_expected(id)).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{class}: missing {missing:?}, more {extra:?}\n{self}"
        );
    }
}

/// An entry is an id, or an object that has one.
fn id(entry: &Value) -> String {
    entry
        .as_str()
        .or_else(|| entry["id"].as_str())
        .unwrap_or("no id")
        .to_string()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// What holds by the best means that there is, and says by which; everything else has to be in force on
/// every machine that runs the tests.
const BY_SOME_MEANS: [&str; 3] = ["memory-limit", "process-limit", "disk-limit"];

/// A protection is in force; one that can hold by several means says by which.
pub fn assert_protection(protection: &serde_json::Value) {
    let mut names = BY_SOME_MEANS.iter();
    let by_some_means = names.any(|name| protection["protection"] == *name);
    let state = match by_some_means {
        true if protection["state"] == "degraded" => "degraded",
        _ => "enforced",
    };
    assert_eq!(protection["state"], state, "{protection}");
    let explained = protection["why"].is_string();
    assert_eq!(explained, by_some_means, "{protection}");
}
