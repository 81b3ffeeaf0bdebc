//! Whether a plugin's JSON Schema may be used: the reader puts in place of each reference what it refers to, so that thirty short
//! definitions, each of which names the one before twice, take more memory than there is. What that comes to is counted first.

use std::collections::BTreeMap;

use serde_json::Value;

/// Most values in a schema whose references are replaced; the largest of the shipped ones has 200.
const VALUES: u64 = 50_000;
/// Most levels of values in each other then: the reader of schemas calls itself for each.
const LEVELS: usize = 400;
/// They change what other references mean, or lead to where a count cannot follow.
const REFUSED: [&str; 4] = ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"];
/// There the word is `id`, which is what properties are called as well.
const OLD: &str = "draft-04";

/// # Errors
/// Why it may not, as the rest of a sentence about the schema.
pub(super) fn usable(schema: &Value) -> Result<(), String> {
    let mut count = Count {
        schema,
        known: BTreeMap::new(),
    };
    if count.values(schema, 0)?.values > VALUES {
        return Err(format!(
            "with its references replaced by what they refer to it has more than {VALUES} values"
        ));
    }
    Ok(())
}

/// What a value comes to.
#[derive(Clone, Copy)]
struct Extent {
    values: u64,
    levels: usize,
}

impl Extent {
    /// A single value.
    const ONE: Self = Self {
        values: 1,
        levels: 1,
    };

    fn with(self, inner: Self) -> Self {
        Self {
            values: self.values.saturating_add(inner.values),
            levels: self.levels.max(inner.levels + 1),
        }
    }
}

struct Count<'a> {
    schema: &'a Value,
    /// Of what a reference leads to; while that is counted it is one, because the reader does not replace a circle.
    known: BTreeMap<&'a str, Extent>,
}

impl<'a> Count<'a> {
    /// Of a value at this depth.
    fn values(&mut self, value: &'a Value, depth: usize) -> Result<Extent, String> {
        within(depth)?;
        let mut extent = Extent::ONE;
        match value {
            Value::Array(items) => {
                for item in items {
                    extent = extent.with(self.values(item, depth + 1)?);
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    extent = extent.with(match member {
                        Value::String(text) => self.word(value, key, text, depth)?,
                        other => self.values(other, depth + 1)?,
                    });
                }
            }
            _ => {}
        }
        Ok(extent)
    }

    /// A member whose value is a text: as a name of a property the same words have an object.
    fn word(
        &mut self,
        owner: &Value,
        key: &str,
        text: &'a str,
        depth: usize,
    ) -> Result<Extent, String> {
        match key {
            "$ref" => self.reference(text, depth),
            "$schema" if text.contains(OLD) => {
                Err("it is written for draft 4: write it for draft 2020-12".to_owned())
            }
            "$id" if std::ptr::eq(owner, self.schema) => Ok(Extent::ONE),
            _ if key == "$id" || REFUSED.contains(&key) => Err(format!(
                "it has `{key}`: write references as `$ref` to `#` or `#/…`"
            )),
            _ => Ok(Extent::ONE),
        }
    }

    fn reference(&mut self, text: &'a str, depth: usize) -> Result<Extent, String> {
        if let Some(known) = self.known.get(text) {
            within(depth + known.levels)?;
            return Ok(*known);
        }
        let pointer = text.strip_prefix('#').map(percent_decoded);
        let target = pointer.and_then(|pointer| self.schema.pointer(&pointer));
        let Some(target) = target else {
            return Err(format!(
                "`{text}` is no place in it: references begin with `#`, and nothing is fetched"
            ));
        };
        self.known.insert(text, Extent::ONE);
        let extent = self.values(target, depth + 1)?;
        self.known.insert(text, extent);
        Ok(extent)
    }
}

fn within(depth: usize) -> Result<(), String> {
    match depth <= LEVELS {
        true => Ok(()),
        false => Err(format!(
            "with its references replaced it has more than {LEVELS} levels"
        )),
    }
}

/// A JSON pointer in a reference is part of an address.
fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Definitions of which each names the one before so often.
    fn tower(height: usize, times: usize, first: Value) -> Value {
        let mut definitions = serde_json::Map::new();
        definitions.insert("d0".to_owned(), first);
        for floor in 1..height {
            let below = json!({"$ref": format!("#/$defs/d{}", floor - 1)});
            definitions.insert(format!("d{floor}"), json!({"anyOf": vec![below; times]}));
        }
        json!({"$defs": definitions, "$ref": format!("#/$defs/d{}", height - 1)})
    }

    #[test]
    fn a_schema_is_refused_for_what_it_would_grow_to() {
        let leaf = json!({"type": "string"});
        let circle = json!({"properties": {"x": {"$ref": "#/$defs/d29"}}});
        for (schema, expected) in [
            (tower(5, 2, leaf.clone()), None),
            (tower(30, 2, leaf.clone()), Some("50000 values")),
            (tower(30, 2, circle), Some("50000 values")),
            (tower(50, 1, leaf.clone()), None),
            (tower(2_000, 1, leaf), Some("400 levels")),
            (json!({"properties": {"sub": {"$ref": "#"}}}), None),
            (
                json!({"$defs": {"a/b c": true}, "$ref": "#/$defs/a~1b%20c"}),
                None,
            ),
            (
                json!({"properties": {"$id": {"type": "string"}, "$ref": {}}}),
                None,
            ),
            (json!({"$id": "https://example.org/own"}), None),
            (
                json!({"$id": "https://example.org/own", "items": {"$ref": "#"}}),
                None,
            ),
            (json!({"items": {"$id": "x"}}), Some("`$id`")),
            (
                json!({"$schema": "http://json-schema.org/draft-04/schema#"}),
                Some("draft 4"),
            ),
            (json!({"const": {"id": "x"}}), None),
            (json!({"$dynamicRef": "#a"}), Some("`$dynamicRef`")),
            (
                json!({"$ref": "file:///etc/passwd"}),
                Some("nothing is fetched"),
            ),
            (json!({"$ref": "#/$defs/none"}), Some("no place")),
        ] {
            let found = usable(&schema).err().unwrap_or_default();
            match expected {
                None => assert_eq!(found, "", "{schema}"),
                Some(words) => assert!(found.contains(words), "{found}"),
            }
        }
    }
}
