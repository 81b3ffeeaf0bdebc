//! The published JSON Schemas of the policy file, the verdict and other results, generated from the types.
//!
//! They lie in `policies/schema/`; a test fails when one is stale. Regenerate them with
//! `UPDATE_SCHEMAS=1 cargo test -p passmuster-policy schema`.

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::account::Account;
use crate::diagnosis::Diagnosis;
use crate::feedback::Feedback;
use crate::policy::Policy;
use crate::verdict::Verdict;

/// The schema of `passmuster.toml`.
pub fn policy() -> Value {
    let mut schema = schemars::schema_for!(Policy);
    refer_alone(&mut schema);
    schema.to_value()
}

/// Editors read the schema by an older draft, in which a `$ref` silences all that stands beside it: each kind of check
/// would fit every check. In an `allOf` it means the same to all drafts.
fn refer_alone(schema: &mut Schema) {
    transform_subschemas(&mut refer_alone, schema);
    let Some(known) = schema.as_object_mut().filter(|known| known.len() > 1) else {
        return;
    };
    if let Some(reference) = known.remove("$ref") {
        let all = known
            .entry("allOf")
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Some(all) = all.as_array_mut() {
            all.push(serde_json::json!({ "$ref": reference }));
        }
    }
}

/// The schema of the verdict's JSON.
pub fn verdict() -> Value {
    written::<Verdict>()
}

/// The schema of what `sandbox --report` writes.
pub fn account() -> Value {
    written::<Account>()
}

/// The schema of what `doctor --json` writes.
pub fn diagnosis() -> Value {
    written::<Diagnosis>()
}

/// The schema of what an agent is answered.
pub fn feedback() -> Value {
    written::<Feedback>()
}

/// A type as it is written: every key is there, null where unmeasured.
fn written<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        for (file, schema) in [
            ("policy.schema.json", policy()),
            ("verdict.schema.json", verdict()),
            ("sandbox.schema.json", account()),
            ("doctor.schema.json", diagnosis()),
            ("agent.schema.json", feedback()),
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("schema")
                .join(file);
            let fresh = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, &fresh).unwrap();
            }
            let published = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(
                published, fresh,
                "{file} is stale: run with UPDATE_SCHEMAS=1"
            );
        }
    }

    /// A schema that is refused by nothing would be worthless; these are its teeth.
    #[test]
    fn the_schema_names_every_table_of_the_policy_and_refuses_others() {
        let schema = policy();
        let tables = schema["properties"].as_object().unwrap();
        for table in [
            "version", "extends", "sandbox", "limits", "prepare", "check", "tests", "rules",
        ] {
            assert!(tables.contains_key(table), "{table}");
        }
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], serde_json::json!(["version"]));
        assert_eq!(schema["$defs"]["Check"]["unevaluatedProperties"], false);
    }

    #[test]
    fn the_verdict_s_schema_requires_every_key() {
        let schema = verdict();
        let keys = schema["properties"].as_object().unwrap().keys();
        let required = schema["required"].as_array().unwrap();
        assert_eq!(keys.len(), 18);
        for key in keys {
            assert!(required.contains(&Value::from(key.as_str())), "{key}");
        }
    }
}
