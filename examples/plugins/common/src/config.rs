//! A plugin's configuration: the policy's table as JSON, which the host has validated against the plugin's schema.
//!
//! What the schema says is asked again, in few words: a plugin may be run by a host that validates nothing. What it cannot
//! say (a glob without its bracket) is found here only.

use crate::globs::Globs;
use crate::json::{self, Value};
use crate::{CheckError, Severity};

/// What is wrong with a configuration, as a sentence.
pub type Wrong = String;

/// Reads a configuration.
///
/// # Errors
/// `bad-config` with what is wrong and where.
pub fn read<T>(
    json: &str,
    make: impl FnOnce(Table<'_>) -> Result<T, Wrong>,
) -> Result<T, CheckError> {
    let json = if json.trim().is_empty() { "{}" } else { json };
    let made = json::parse(json).and_then(|value| make(Table::new(&value, "the configuration")?));
    made.map_err(CheckError::BadConfig)
}

/// A table of the configuration and its place in it.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    entries: &'a [(String, Value)],
    place: String,
}

impl<'a> Table<'a> {
    /// Takes a value as a table.
    ///
    /// # Errors
    /// It is none.
    pub fn new(value: &'a Value, place: &str) -> Result<Self, Wrong> {
        match value.table() {
            Some(entries) => Ok(Self {
                entries,
                place: place.to_owned(),
            }),
            None => Err(format!("{place} is {}, not a table", value.kind())),
        }
    }

    /// Refuses keys that are not among these: a mistyped one would change nothing and look as if it did.
    ///
    /// # Errors
    /// There is another one.
    pub fn only(self, keys: &[&str]) -> Result<Self, Wrong> {
        match self
            .entries
            .iter()
            .find(|(key, _)| !keys.contains(&key.as_str()))
        {
            Some((key, _)) => Err(format!(
                "{} has no key `{key}`; its keys are {}",
                self.place,
                keys.join(", ")
            )),
            None => Ok(self),
        }
    }

    /// The entries, in the order of the text.
    #[must_use]
    pub fn entries(&self) -> &'a [(String, Value)] {
        self.entries
    }

    /// A key's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// A sentence about a key.
    #[must_use]
    pub fn wrong(&self, key: &str, why: &str) -> Wrong {
        format!("`{key}` of {} {why}", self.place)
    }

    /// A string.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Wrong> {
        self.expect(key, "a string", Value::text)
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Wrong> {
        self.expect(
            key,
            "a whole number that is not negative",
            |value| match value {
                Value::Number(digits) => digits.parse().ok(),
                _ => None,
            },
        )
    }

    /// A list.
    ///
    /// # Errors
    /// It is something else.
    pub fn list(&self, key: &str) -> Result<Option<&'a [Value]>, Wrong> {
        self.expect(key, "a list", Value::list)
    }

    /// A list of strings.
    ///
    /// # Errors
    /// It is something else.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, Wrong> {
        self.expect(key, "a list of strings", |value| {
            value.list()?.iter().map(Value::text).collect()
        })
    }

    /// A list of globs.
    ///
    /// # Errors
    /// It is something else, or one of them is no glob.
    pub fn globs(&self, key: &str) -> Result<Option<Globs>, Wrong> {
        self.texts(key)?
            .map(Globs::new)
            .transpose()
            .map_err(|why| self.wrong(key, &format!("is wrong: {why}")))
    }

    /// A severity: `note`, `warning` or `error`, the default.
    ///
    /// # Errors
    /// It is something else.
    pub fn severity(&self, key: &str) -> Result<Severity, Wrong> {
        match self.text(key)? {
            None | Some("error") => Ok(Severity::Error),
            Some("warning") => Ok(Severity::Warning),
            Some("note") => Ok(Severity::Note),
            Some(_) => Err(self.wrong(key, "is none of note, warning, error")),
        }
    }

    fn expect<T>(
        &self,
        key: &str,
        what: &str,
        take: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match take(value) {
            Some(taken) => Ok(Some(taken)),
            None => Err(self.wrong(key, &format!("is not {what}"))),
        }
    }
}

/// A value that must be there.
///
/// # Errors
/// It is not.
pub fn required<T>(table: &Table<'_>, key: &str, value: Option<T>) -> Result<T, Wrong> {
    value.ok_or_else(|| table.wrong(key, "is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(json: &str) -> String {
        let read = read(json, |table| {
            let table = table.only(&["limit", "files", "severity", "name"])?;
            table.number("limit")?;
            table.globs("files")?;
            table.severity("severity")?;
            required(&table, "name", table.text("name")?).map(|_| ())
        });
        match read {
            Err(CheckError::BadConfig(why)) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_key() {
        for (json, why) in [
            ("[]", "the configuration is a list, not a table"),
            (
                "{\"limits\": 1}",
                "the configuration has no key `limits`; its keys are limit, files, severity, name",
            ),
            (
                "{\"limit\": -1}",
                "`limit` of the configuration is not a whole number that is not negative",
            ),
            (
                "{\"files\": [1]}",
                "`files` of the configuration is not a list of strings",
            ),
            (
                "{\"files\": [\"a[\"]}",
                "`files` of the configuration is wrong: the glob `a[` has a `[` without its `]`",
            ),
            (
                "{\"severity\": \"fatal\"}",
                "`severity` of the configuration is none of note, warning, error",
            ),
            ("", "`name` of the configuration is missing"),
            ("{\"name\": \"a\"}", "Ok(())"),
        ] {
            assert_eq!(wrong(json), why);
        }
    }
}
