//! The configuration: which size each file may have.

use guest::config::{self, Table, Wrong, required};
use guest::globs::Globs;
use guest::json::Value;
use guest::{CheckError, Severity};

pub(crate) const KEYS: &[&str] = &["limit", "rules", "total", "ignore", "severity"];

/// Large enough for sources, small enough for a build's output not to slip in.
const DEFAULT: u64 = 1 << 20;

/// The configuration.
#[derive(Debug)]
pub struct Config {
    limit: u64,
    rules: Vec<(Globs, u64)>,
    ignore: Globs,
    pub(crate) total: Option<u64>,
    pub(crate) severity: Severity,
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `bad-config`.
    pub fn read(json: &str) -> Result<Self, CheckError> {
        config::read(json, |table| {
            let table = table.only(KEYS)?;
            let rules = table.list("rules")?.unwrap_or_default().iter().enumerate();
            Ok(Self {
                limit: size(&table, "limit")?.unwrap_or(DEFAULT),
                rules: rules
                    .map(|(at, value)| rule(at, value))
                    .collect::<Result<_, _>>()?,
                ignore: table.globs("ignore")?.unwrap_or_default(),
                total: size(&table, "total")?,
                severity: table.severity("severity")?,
            })
        })
    }

    /// How large a file may be; none where it may have any size.
    pub(crate) fn limit_of(&self, path: &str) -> Option<u64> {
        if self.ignore.matches(path) {
            return None;
        }
        let rule = self.rules.iter().find(|(files, _)| files.matches(path));
        Some(rule.map_or(self.limit, |(_, limit)| *limit))
    }
}

fn rule(at: usize, value: &Value) -> Result<(Globs, u64), Wrong> {
    let table = Table::new(value, &format!("rule {}", at + 1))?.only(&["files", "limit"])?;
    let files = required(&table, "files", table.globs("files")?)?;
    let limit = required(&table, "limit", size(&table, "limit")?)?;
    Ok((files, limit))
}

fn size(table: &Table<'_>, key: &str) -> Result<Option<u64>, Wrong> {
    let bytes = match table.get(key) {
        None => return Ok(None),
        Some(Value::Number(digits)) => digits.parse().ok(),
        Some(Value::Text(text)) => with_unit(text),
        Some(_) => None,
    };
    let wrong = || {
        table.wrong(
            key,
            "is no size: write bytes, or a number with KiB, MiB or GiB",
        )
    };
    bytes.map(Some).ok_or_else(wrong)
}

fn with_unit(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let factor = match text.get(digits.len()..)?.trim_start_matches(' ') {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use guest::testing::assert_schema_fits;

    use super::*;
    use crate::SCHEMA;

    #[test]
    fn the_first_rule_that_matches_gives_the_limit() {
        let config = Config::read(
            r#"{"limit": 100, "ignore": ["data/**"], "rules": [
                {"files": ["**/*.png"], "limit": "2 KiB"},
                {"files": ["img/**"], "limit": "1MiB"}
            ]}"#,
        );
        let config = config.unwrap();
        for (path, limit) in [
            ("a.rs", Some(100)),
            ("img/a.png", Some(2048)),
            ("img/a.svg", Some(1 << 20)),
            ("data/img.png", None),
        ] {
            assert_eq!(config.limit_of(path), limit, "{path}");
        }
        assert_eq!(Config::read("{}").unwrap().limit_of("a"), Some(DEFAULT));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for size in [
            "\"1 MB\"",
            "\"MiB\"",
            "-1",
            "1.5",
            "[]",
            "\"99999999999 GiB\"",
        ] {
            let read = Config::read(&format!("{{\"limit\": {size}}}"));
            let Err(CheckError::BadConfig(why)) = read else {
                panic!("{size} was taken");
            };
            assert!(
                why.contains("`limit` of the configuration is no size"),
                "{why}"
            );
        }
    }

    #[test]
    fn the_schema_is_that_of_the_configuration() {
        assert_schema_fits(SCHEMA, KEYS);
    }
}
