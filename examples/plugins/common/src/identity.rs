//! What a check says of itself.

use crate::{Info, Rule};

/// A check by its name, version and description, with its rules (id and what it asks for) and the schema of its configuration.
#[must_use]
pub fn info(words: [&str; 3], rules: &[(&str, &str)], schema: &str) -> Info {
    let [name, version, description] = words.map(str::to_owned);
    let rule = |(id, summary): &(&str, &str)| Rule {
        id: (*id).to_owned(),
        summary: (*summary).to_owned(),
        help_uri: None,
    };
    Info {
        name,
        version,
        description,
        rules: rules.iter().map(rule).collect(),
        config_schema: Some(schema.to_owned()),
    }
}
