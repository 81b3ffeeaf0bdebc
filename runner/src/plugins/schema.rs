//! Whether a plugin's JSON Schema may be used: the reader puts in place of each reference what it refers to, so that thirty short
//! definitions, each of which names the one before twice, take more memory than there is. So the same way is gone first, and only
//! counted, until it is too long.

use serde_json::Value;

/// Most values in a schema whose references are replaced.
const VALUES: u32 = 50_000;
/// Most levels of values in each other then: the reader of schemas calls itself for each.
const LEVELS: usize = 400;
/// They change what other references mean, or lead to where a count cannot follow.
const REFUSED: [&str; 4] = ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"];
/// There the word is `id`, which is what properties are called as well.
const OLD: &str = "draft-04";

/// Whether the reader of schemas can take this one.
///
/// # Errors
/// Why it cannot, as the rest of a sentence about the schema.
pub(super) fn usable(schema: &Value) -> Result<(), String> {
    let mut walk = Walk {
        schema,
        values: 0,
        open: Vec::new(),
    };
    walk.value(schema, 0)
}

struct Walk<'a> {
    schema: &'a Value,
    /// Seen so far, in each place again.
    values: u32,
    /// References that are being followed: the reader does not replace a circle.
    open: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: &'a Value, depth: usize) -> Result<(), String> {
        self.count(depth)?;
        match value {
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.value(item, depth + 1)),
            Value::Object(members) => {
                let is_root = std::ptr::eq(value, self.schema);
                members.iter().try_for_each(|(key, member)| match member {
                    Value::String(text) => self.word(key, text, is_root, depth + 1),
                    other => self.value(other, depth + 1),
                })
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, depth: usize) -> Result<(), String> {
        self.values += 1;
        let excess = match (self.values > VALUES, depth > LEVELS) {
            (true, _) => format!("{VALUES} values"),
            (_, true) => format!("{LEVELS} levels"),
            _ => return Ok(()),
        };
        Err(format!(
            "with its references replaced by what they refer to it has more than {excess}"
        ))
    }

    /// A member whose value is a text: as a name of a property the same words have an object.
    fn word(
        &mut self,
        key: &str,
        text: &'a str,
        is_root: bool,
        depth: usize,
    ) -> Result<(), String> {
        match key {
            "$ref" => self.reference(text, depth),
            "$schema" if text.contains(OLD) => {
                Err("it is written for draft 4: write it for draft 2020-12".to_owned())
            }
            "$id" if is_root => self.count(depth),
            _ if key == "$id" || REFUSED.contains(&key) => Err(format!(
                "it has `{key}`: write references as `$ref` to `#` or `#/…`"
            )),
            _ => self.count(depth),
        }
    }

    fn reference(&mut self, text: &'a str, depth: usize) -> Result<(), String> {
        let pointer = text.strip_prefix('#').map(percent_decoded);
        let target = pointer.and_then(|pointer| self.schema.pointer(&pointer));
        let Some(target) = target else {
            return Err(format!(
                "`{text}` is no place in it: references begin with `#`, and nothing is fetched"
            ));
        };
        if self.open.contains(&text) {
            return self.count(depth);
        }
        self.open.push(text);
        let followed = self.value(target, depth);
        self.open.pop();
        followed
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

    /// Circles of two, of which the second is met first inside of the first one, and outside of it leads to the next circle often.
    fn circles(height: usize, times: usize) -> Value {
        let to = |name: String| json!({"$ref": format!("#/$defs/{name}")});
        let mut definitions = serde_json::Map::new();
        for floor in 0..height {
            let next = to(format!("b{}", (floor + 1) % height));
            definitions.insert(
                format!("a{floor}"),
                json!({"anyOf": [to(format!("b{floor}")), next]}),
            );
            let back = vec![to(format!("a{floor}")); times];
            definitions.insert(format!("b{floor}"), json!({"anyOf": back}));
        }
        json!({"$defs": definitions})
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
            (circles(12, 4), Some("50000 values")),
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
