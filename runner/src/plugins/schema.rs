//! Whether a plugin's JSON Schema may be used: the reader puts in place of each reference what it refers to, so that thirty short
//! definitions, each of which names the one before twice, take more memory than there is. So the same way is gone first, and only
//! counted, until it is too long.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Most values in a schema whose references are replaced.
const VALUES: u32 = 50_000;
/// Most levels of values in each other then: the reader of schemas calls itself for each.
const LEVELS: usize = 400;
/// Most regular expressions then, each of at most [`PATTERN`] bytes when it is compiled.
const PATTERNS: usize = 200;
/// Two thousand of `\p{L}{1,60}` took more than a minute, of `(a{1,200}){1,20}` 780 MB.
const PATTERN: usize = 256 << 10;
/// They change what other references mean, or lead to where a count cannot follow.
const REFUSED: [&str; 4] = ["$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"];
/// There the word is `id`, which is what properties are called as well.
const OLD: &str = "draft-04";

/// The reader of this schema.
///
/// # Errors
/// Why it may not be used, as the rest of a sentence about the schema.
pub(super) fn reader(schema: &Value) -> Result<Validator, String> {
    let mut walk = Walk {
        schema,
        values: 0,
        patterns: 0,
        open: Vec::new(),
    };
    walk.value(schema, 0)?;
    // The engine whose time grows with the text alone: it has no looking around.
    let patterns = PatternOptions::regex().size_limit(PATTERN);
    let options = jsonschema::options().with_pattern_options(patterns);
    options.build(schema).map_err(|error| error.to_string())
}

struct Walk<'a> {
    schema: &'a Value,
    /// Seen so far, in each place again.
    values: u32,
    /// Regular expressions among them.
    patterns: usize,
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
                    Value::Object(more) if key == "patternProperties" => {
                        self.patterns(more.len())?;
                        self.value(member, depth + 1)
                    }
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

    fn patterns(&mut self, more: usize) -> Result<(), String> {
        self.patterns += more;
        match self.patterns <= PATTERNS {
            true => Ok(()),
            false => Err(format!("it has more than {PATTERNS} regular expressions")),
        }
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
            "pattern" => self.patterns(1),
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

    fn patterns(number: usize, start: &str) -> Value {
        let one = |at: usize| (format!("{start}{at}$"), json!(true));
        let all: serde_json::Map<String, Value> = (0..number).map(one).collect();
        json!({"patternProperties": all})
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
            (patterns(200, "^[a-z/]{1,40}"), None),
            (patterns(201, "^a"), Some("200 regular expressions")),
            (patterns(1, "^(a{1,200}){1,200}"), Some("not a \"regex\"")),
        ] {
            let found = reader(&schema).err().unwrap_or_default();
            match expected {
                None => assert_eq!(found, "", "{schema}"),
                Some(words) => assert!(found.contains(words), "{found}"),
            }
        }
    }
}
