//! A plugin's configuration against the plugin's own JSON Schema.

use passmuster_policy::policy::ConfigurationError;
use passmuster_policy::text::line;
use passmuster_wasm::Info;
use serde_json::{Map, Value};

use super::schema;

/// Most mistakes that are listed of one configuration.
const LISTED: usize = 20;
/// Longest sentence about one of them.
const MESSAGE: usize = 400;

/// What the plugin's schema says against a configuration; what is wrong with the schema itself is a mistake too.
pub(super) fn mistakes(
    check: &str,
    info: &Info,
    config: &Map<String, Value>,
) -> Vec<ConfigurationError> {
    // What a schema complains about has the value in it, which is anybody's text.
    let mistake = |at: Vec<String>, message: String| ConfigurationError {
        check: check.to_owned(),
        at,
        message: line(&message, MESSAGE),
    };
    let Some(schema) = &info.config_schema else {
        let message = format!("`{}` takes no configuration", info.name);
        return match config.is_empty() {
            true => Vec::new(),
            false => vec![mistake(Vec::new(), message)],
        };
    };
    let unusable = |why: String| {
        let message = format!(
            "the schema that `{}` gives cannot be used: {why}",
            info.name
        );
        vec![mistake(Vec::new(), message)]
    };
    let schema: Value = match serde_json::from_str(schema) {
        Ok(schema) => schema,
        Err(error) => return unusable(error.to_string()),
    };
    let validator = match schema::reader(&schema) {
        Ok(validator) => validator,
        Err(why) => return unusable(why),
    };
    let config = Value::Object(config.clone());
    let errors = validator.iter_errors(&config).take(LISTED);
    errors
        .map(|error| mistake(way(&error.instance_path().to_string()), error.to_string()))
        .collect()
}

/// The parts of a JSON pointer.
fn way(pointer: &str) -> Vec<String> {
    let parts = pointer.split('/').skip(1);
    parts
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(schema: Option<&str>, config: &str) -> Vec<String> {
        let info = Info {
            name: "layers".to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            rules: Vec::new(),
            config_schema: schema.map(str::to_owned),
        };
        let Value::Object(config) = serde_json::from_str(config).unwrap() else {
            panic!("a table");
        };
        let found = mistakes("layers", &info, &config);
        found
            .iter()
            .map(|one| format!("{}: {}", one.at.join("."), one.message))
            .collect()
    }

    #[test]
    fn a_schema_that_would_grow_is_not_read() {
        let floor = |at: usize| {
            format!(
                r##""d{at}": {{"anyOf": [{{"$ref": "#/$defs/d{0}"}}, {{"$ref": "#/$defs/d{0}"}}]}}"##,
                at - 1
            )
        };
        let floors: Vec<String> = (1..16).map(floor).collect();
        let schema = format!(
            r##"{{"$ref": "#/$defs/d15", "$defs": {{"d0": {{"type": "object"}}, {}}}}}"##,
            floors.join(", ")
        );
        let found = found(Some(&schema), "{}");
        assert!(
            found.len() == 1 && found[0].contains("50000 values"),
            "{found:?}"
        );
    }

    #[test]
    fn a_schema_says_what_is_wrong_and_where() {
        let schema = r#"{"type": "object", "additionalProperties": false,
            "properties": {"forbid": {"type": "array", "items": {"type": "array"}}}}"#;
        for (schema, config, expected) in [
            (Some(schema), r#"{"forbid": [["a", "b"]]}"#, &[][..]),
            (
                Some(schema),
                r#"{"forbid": [["a", "b"], 7]}"#,
                &["forbid.1: 7 is not of type"],
            ),
            (
                Some(schema),
                r#"{"forbit": []}"#,
                &[": Additional properties are not allowed"],
            ),
            (
                Some("{"),
                "{}",
                &[": the schema that `layers` gives cannot be used"],
            ),
            (
                Some(r#"{"type": 7}"#),
                "{}",
                &[": the schema that `layers` gives cannot be used"],
            ),
            (
                Some(r#"{"$ref": "https://example.org/schema"}"#),
                "{}",
                &[": the schema that `layers` gives cannot be used"],
            ),
            (
                Some(schema),
                "{\"a\\u001b[2J\": 1}",
                &[": Additional properties are not allowed ('a' was"],
            ),
            (None, "{}", &[]),
            (None, r#"{"a": 1}"#, &[": `layers` takes no configuration"]),
        ] {
            let found = found(schema, config);
            assert_eq!(found.len(), expected.len(), "{config}: {found:?}");
            for (one, start) in found.iter().zip(expected) {
                assert!(one.starts_with(start), "{one}");
            }
        }
    }
}
