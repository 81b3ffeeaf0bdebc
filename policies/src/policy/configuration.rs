//! Where the configuration of a plugin stands in a policy's text: what is wrong with it is only known when the plugin
//! was asked, long after the text was read.

use super::fields::{Errors, PolicyErrors};
use super::layers::{self, Node, Source, Value};
use crate::text;

/// Longest name of a place.
const PLACE: usize = 200;

/// A mistake in the `config` of a plugin check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError {
    /// The check.
    pub check: String,
    /// The way to the value within `config`: keys, and positions in arrays from 0.
    pub at: Vec<String>,
    /// What is wrong with it.
    pub message: String,
}

/// The mistakes with their places in the text; where a value is not written down, with that of what holds it.
#[must_use]
pub fn placed(text: &str, source_name: &str, mistakes: &[ConfigurationError]) -> PolicyErrors {
    let source = Source {
        name: source_name.to_owned(),
        text: text.to_owned(),
    };
    let (tree, _) = layers::read(&source);
    let errors = Errors::default();
    for mistake in mistakes {
        let node = check(&tree, &mistake.check).map_or(&tree, |check| {
            let way = std::iter::once("config").chain(mistake.at.iter().map(String::as_str));
            deepest(check, way)
        });
        let name = ["config"]
            .into_iter()
            .chain(mistake.at.iter().map(String::as_str));
        let name: Vec<&str> = name.collect();
        // Keys are anybody's text, as values are.
        let place = text::line(&name.join("."), PLACE);
        let message = format!(
            "`{place}` of check `{}`: {}",
            mistake.check, mistake.message
        );
        errors.at(node, message, String::new());
    }
    errors.into_errors()
}

fn check<'t, 's>(tree: &'t Node<'s>, name: &str) -> Option<&'t Node<'s>> {
    let Value::Array(checks) = &step(tree, "check")?.value else {
        return None;
    };
    checks.iter().find(|check| {
        step(check, "name")
            .is_some_and(|node| matches!(&node.value, Value::Text(text) if text == name))
    })
}

/// As far as the way goes.
fn deepest<'t, 's>(node: &'t Node<'s>, way: impl Iterator<Item = impl AsRef<str>>) -> &'t Node<'s> {
    let mut node = node;
    for part in way {
        match step(node, part.as_ref()) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

fn step<'t, 's>(node: &'t Node<'s>, part: &str) -> Option<&'t Node<'s>> {
    match &node.value {
        Value::Table(table) => table.get(part).map(|field| &field.node),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version = 1\n[[check]]\nname = \"other\"\n[[check]]\nname = \"layers\"\n\
        config = { forbid = [[\"domain\", \"web\"], \"oops\"] }\n";

    fn place(check: &str, at: &[&str]) -> (usize, usize) {
        let mistake = ConfigurationError {
            check: check.to_owned(),
            at: at.iter().map(|part| (*part).to_owned()).collect(),
            message: "no".to_owned(),
        };
        let errors = placed(TEXT, "p", &[mistake]).0;
        (errors[0].line, errors[0].column)
    }

    #[test]
    fn a_mistake_is_shown_at_its_value_else_at_what_holds_it() {
        assert_eq!(place("layers", &["forbid", "1"]), (6, 41));
        assert_eq!(place("layers", &["forbid"]), (6, 21));
        assert_eq!(place("layers", &["cycles"]), (6, 10));
        assert_eq!(place("other", &["cycles"]).0, 2);
        assert_eq!(place("gone", &[]), (1, 1));
    }
}
