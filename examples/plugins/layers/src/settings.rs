//! The configuration: the parts, and which of them must not import which.

use guest::config::{self, Table, Wrong};
use guest::globs::Globs;
use guest::json::Value;
use guest::{CheckError, Severity};

use crate::parts::Parts;

pub(crate) const KEYS: &[&str] = &["parts", "forbid", "order", "cycles", "ignore", "severity"];

/// The configuration.
#[derive(Debug)]
pub struct Settings {
    pub(crate) parts: Parts,
    /// Numbers of parts: the first must not import the second.
    pub(crate) forbidden: Vec<(usize, usize)>,
    pub(crate) cycles: bool,
    pub(crate) ignore: Globs,
    pub(crate) severity: Severity,
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `bad-config`.
    pub fn read(json: &str) -> Result<Self, CheckError> {
        config::read(json, |table| {
            let table = table.only(KEYS)?;
            let pairs = pairs(&table)?;
            let order = table.texts("order")?.unwrap_or_default();
            let mut names: Vec<&str> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
            names.extend(&order);
            names.retain(|name| *name != "*");
            let parts = match table.get("parts") {
                Some(value) => declared(value)?,
                None => Parts::by_name(&names),
            };
            if parts.names().is_empty() {
                return Err(
                    "the configuration names no part: write `parts`, `forbid` or `order`"
                        .to_owned(),
                );
            }
            Ok(Self {
                forbidden: forbidden(&table, &pairs, &order, &parts)?,
                cycles: cycles(&table)?,
                ignore: table.globs("ignore")?.unwrap_or_default(),
                severity: table.severity("severity")?,
                parts,
            })
        })
    }
}

fn pairs<'a>(table: &Table<'a>) -> Result<Vec<(&'a str, &'a str)>, Wrong> {
    let pairs = table
        .list("forbid")?
        .unwrap_or_default()
        .iter()
        .map(|pair| match pair.list() {
            Some([Value::Text(from), Value::Text(to)]) => Some((from.as_str(), to.as_str())),
            _ => None,
        });
    let pairs: Option<Vec<_>> = pairs.collect();
    pairs.ok_or_else(|| table.wrong("forbid", "is not a list of pairs of parts"))
}

fn declared(value: &Value) -> Result<Parts, Wrong> {
    let table = Table::new(value, "`parts`")?;
    let parts = table.entries().iter().map(|(name, value)| {
        let globs = match value {
            Value::Text(glob) => Some(Globs::new([glob])),
            _ => table.texts(name)?.map(Globs::new),
        };
        let globs = globs.unwrap_or_else(|| Ok(Globs::default()));
        let globs = globs.map_err(|why| table.wrong(name, &format!("is wrong: {why}")))?;
        Ok((name.clone(), globs))
    });
    Ok(Parts::by_globs(parts.collect::<Result<_, Wrong>>()?))
}

fn forbidden(
    table: &Table<'_>,
    pairs: &[(&str, &str)],
    order: &[&str],
    parts: &Parts,
) -> Result<Vec<(usize, usize)>, Wrong> {
    let mut forbidden = Vec::new();
    for (from, to) in pairs {
        let from = numbers(table, "forbid", from, parts)?;
        let to = numbers(table, "forbid", to, parts)?;
        forbidden.extend(
            from.iter()
                .flat_map(|from| to.iter().map(|to| (*from, *to))),
        );
    }
    let order: Result<Vec<Vec<usize>>, Wrong> = order
        .iter()
        .map(|name| numbers(table, "order", name, parts))
        .collect();
    let order = order?.concat();
    for (at, lower) in order.iter().enumerate() {
        forbidden.extend(order.iter().take(at).map(|higher| (*lower, *higher)));
    }
    forbidden.retain(|(from, to)| from != to);
    forbidden.sort_unstable();
    forbidden.dedup();
    Ok(forbidden)
}

/// The number of a part, or of all of them. A part that nothing declares would never be found.
fn numbers(table: &Table<'_>, key: &str, name: &str, parts: &Parts) -> Result<Vec<usize>, Wrong> {
    if name == "*" && key == "forbid" {
        return Ok((0..parts.names().len()).collect());
    }
    let number = parts.names().iter().position(|known| known == name);
    number.map(|number| vec![number]).ok_or_else(|| {
        let known = parts.names().join(", ");
        table.wrong(
            key,
            &format!("names `{name}`, which is none of the `parts`: {known}"),
        )
    })
}

fn cycles(table: &Table<'_>) -> Result<bool, Wrong> {
    match table.text("cycles")? {
        None | Some("new") => Ok(true),
        Some("allow") => Ok(false),
        Some(_) => Err(table.wrong("cycles", "is neither `new` nor `allow`")),
    }
}

#[cfg(test)]
mod tests {
    use guest::testing::assert_schema_fits;

    use super::*;
    use crate::SCHEMA;

    #[test]
    fn pairs_stars_and_orders_say_what_is_forbidden() {
        let parts = r#""parts": {"a": "a/**", "b": ["b/**"], "c": ["c/**"]}"#;
        for (rest, expected) in [
            (r#""forbid": [["a", "b"]]"#, vec![(0, 1)]),
            (r#""forbid": [["a", "*"]]"#, vec![(0, 1), (0, 2)]),
            (r#""forbid": [["*", "c"]]"#, vec![(0, 2), (1, 2)]),
            (r#""order": ["c", "b", "a"]"#, vec![(0, 1), (0, 2), (1, 2)]),
        ] {
            let settings = Settings::read(&format!("{{{parts}, {rest}}}")).unwrap();
            assert_eq!(settings.forbidden, expected, "{rest}");
        }
        let named = Settings::read(r#"{"forbid": [["domain", "web"]]}"#).unwrap();
        assert_eq!(named.parts.names(), ["domain", "web"]);
    }

    #[test]
    fn a_configuration_that_makes_no_sense_is_refused() {
        for (json, why) in [
            ("{}", "names no part"),
            (r#"{"forbid": [["a"]]}"#, "pairs of parts"),
            (
                r#"{"parts": {"a": "a/**"}, "forbid": [["a", "b"]]}"#,
                "`b`, which is none of the `parts`: a",
            ),
            (r#"{"parts": {"a": "a["}}"#, "without its `]`"),
            (r#"{"parts": {"a": 1}}"#, "not a list of strings"),
            (r#"{"forbid": [["a", "b"]], "cycles": "none"}"#, "neither"),
            (r#"{"layers": []}"#, "no key `layers`"),
        ] {
            let Err(CheckError::BadConfig(error)) = Settings::read(json) else {
                panic!("{json} was taken");
            };
            assert!(error.contains(why), "{json}: {error}");
        }
    }

    #[test]
    fn the_schema_is_that_of_the_configuration() {
        assert_schema_fits(SCHEMA, KEYS);
    }
}
