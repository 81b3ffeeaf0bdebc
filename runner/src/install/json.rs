//! Our keys in a JSON file of somebody else, edited in its text.

use std::collections::BTreeSet;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{
    CstArray, CstContainerNode, CstInputValue, CstNode, CstObject, CstRootNode,
};
use serde_json::Value;

/// One thing of ours.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A key below these objects.
    Key {
        /// The objects, outermost first.
        below: &'static [&'static str],
        /// The key.
        name: &'static str,
        /// Its value.
        value: Value,
    },
    /// A hook: an entry of the list that has the event's name, below `hooks`.
    Hook {
        /// The event.
        event: &'static str,
        /// The agent whose hook it is: ours is known again by the command `passmuster hook AGENT`.
        agent: &'static str,
        /// The entry.
        value: Value,
    },
}

/// The file with our entries, older ones replaced.
pub(super) fn put(text: &str, entries: &[Entry]) -> Result<String, String> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root = parse(text)?;
    for entry in entries {
        remove(&root, entry)?;
        let no_object = || "it holds something else where we need an object".to_owned();
        let top = root.object_value_or_create().ok_or_else(no_object)?;
        match entry {
            Entry::Key { below, name, value } => {
                let place = below.iter().try_fold(top, |object, key| {
                    object.object_value_or_create(key).ok_or_else(no_object)
                })?;
                place.append(name, input(value));
            }
            Entry::Hook { event, value, .. } => {
                let hooks = top.object_value_or_create("hooks").ok_or_else(no_object)?;
                let list = hooks
                    .array_value_or_create(event)
                    .ok_or_else(|| format!("`hooks.{event}` is no list"))?;
                list.ensure_multiline();
                list.append(input(value));
            }
        }
    }
    Ok(root.to_string())
}

/// The file without our entries, and without what is empty then; none where nothing is left.
pub(super) fn take(text: &str, entries: &[Entry]) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(Some(text.to_owned()));
    }
    let root = parse(text)?;
    let mut touched = false;
    for entry in entries {
        touched |= remove(&root, entry)?;
    }
    // Remarks of somebody are something.
    let bare: String = root.to_string().split_whitespace().collect();
    Ok((!touched || bare != "{}").then(|| root.to_string()))
}

fn parse(text: &str) -> Result<CstRootNode, String> {
    let root = CstRootNode::parse(text, &ParseOptions::default())
        .map_err(|error| format!("it is no JSON: {error}"))?;
    match root.value().and_then(|value| repeated(&value)) {
        // Readers take the one or the other.
        Some(key) => Err(format!("an object holds the key `{key}` twice")),
        None => Ok(root),
    }
}

/// A key that stands twice in one object.
fn repeated(node: &CstNode) -> Option<String> {
    let mut inner = node
        .as_array()
        .map_or_else(Vec::new, |list| list.elements());
    let mut keys = BTreeSet::new();
    for property in node
        .as_object()
        .map_or_else(Vec::new, |object| object.properties())
    {
        inner.extend(property.value());
        let key = property.name().and_then(|name| name.decoded_value().ok());
        if let Some(key) = key.filter(|key| !keys.insert(key.clone())) {
            return Some(key);
        }
    }
    inner.iter().find_map(repeated)
}

/// Whether there was something of ours.
fn remove(root: &CstRootNode, entry: &Entry) -> Result<bool, String> {
    let Some(top) = root.object_value() else {
        return match root.value() {
            None => Ok(false),
            Some(_) => Err("it holds no object".to_owned()),
        };
    };
    match entry {
        Entry::Key { below, name, .. } => {
            let place = below
                .iter()
                .try_fold(top, |object, key| object.object_value(key));
            let property = place.as_ref().and_then(|place| place.get(name));
            let (Some(place), Some(property)) = (place, property) else {
                return Ok(false);
            };
            property.remove();
            if !below.is_empty() {
                drop_empty(place.into(), below.len());
            }
            Ok(true)
        }
        Entry::Hook { event, agent, .. } => {
            let list = top
                .object_value("hooks")
                .and_then(|hooks| hooks.array_value(event));
            let Some(list) = list else {
                return Ok(false);
            };
            let touched = remove_hooks(&list, agent);
            if touched {
                drop_empty(list.into(), 2);
            }
            Ok(touched)
        }
    }
}

/// Takes our commands out of every group of the list, and groups that are empty then.
fn remove_hooks(list: &CstArray, agent: &str) -> bool {
    let mut any = false;
    for group in list.elements() {
        let hooks = group
            .as_object()
            .and_then(|group| group.array_value("hooks"));
        let Some(hooks) = hooks else {
            continue;
        };
        let ours: Vec<CstNode> = hooks
            .elements()
            .into_iter()
            .filter(|hook| is_ours(hook, agent))
            .collect();
        let touched = !ours.is_empty();
        any |= touched;
        ours.into_iter().for_each(CstNode::remove);
        if touched && hooks.elements().is_empty() {
            group.remove();
        }
    }
    any
}

/// Whether this runs `passmuster hook AGENT`, wherever the program lies.
fn is_ours(hook: &CstNode, agent: &str) -> bool {
    let value = hook.to_serde_value();
    let command = value.as_ref().and_then(|value| value["command"].as_str());
    let Some((program, arguments)) = program_of(command.unwrap_or_default()) else {
        return false;
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let mut words = arguments.split_whitespace();
    name.starts_with("passmuster") && words.next() == Some("hook") && words.next() == Some(agent)
}

/// The program of a command, which has quotes around it where its path needs them, and what follows.
fn program_of(command: &str) -> Option<(&str, &str)> {
    match command.strip_prefix('\'') {
        Some(quoted) => quoted.split_once('\''),
        None => command.split_once(' '),
    }
}

/// Removes an empty list or object, and the objects around it that are empty then, so many at most.
fn drop_empty(mut node: CstContainerNode, levels: usize) {
    for _ in 0..levels {
        if !node.children_exclude_trivia_and_tokens().is_empty() {
            return;
        }
        let Some(property) = node.parent().and_then(|parent| parent.as_object_prop()) else {
            return;
        };
        let around: Option<CstObject> = property.parent().and_then(|parent| parent.as_object());
        property.remove();
        match around {
            Some(object) => node = object.into(),
            None => return,
        }
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value.clone()),
        Value::Array(values) => CstInputValue::Array(values.iter().map(input).collect()),
        Value::Object(object) => {
            let pairs = object
                .iter()
                .map(|(key, value)| (key.clone(), input(value)));
            CstInputValue::Object(pairs.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entries(seconds: u32) -> Vec<Entry> {
        vec![
            Entry::Key {
                below: &["servers"],
                name: "passmuster",
                value: json!({ "timeout": seconds }),
            },
            Entry::Hook {
                event: "Stop",
                agent: "claude",
                value: json!({ "hooks": [{ "type": "command", "command": "passmuster hook claude", "timeout": seconds }] }),
            },
        ]
    }

    #[test]
    fn what_was_there_stays_and_comes_back_when_ours_goes() {
        for text in [
            "{\n  // mine\n  \"servers\": {\n    \"other\": { \"a\": 1 }\n  },\n  \"x\": [1,2]\n}\n",
            "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"mine\"}]}]}}",
            "{\n\t\"x\": 1\n}\n",
        ] {
            let with = put(text, &entries(1)).unwrap();
            let value = parse(&with).unwrap().to_serde_value().unwrap();
            assert_eq!(value["servers"]["passmuster"]["timeout"], 1, "{with}");
            let again = put(&with, &entries(2)).unwrap();
            assert_eq!(
                again.matches("passmuster hook claude").count(),
                1,
                "{again}"
            );
            assert!(again.contains("mine") == text.contains("mine"));
            let without = take(&again, &entries(2)).unwrap().unwrap();
            let value = |text: &str| parse(text).unwrap().to_serde_value();
            assert_eq!(value(&without), value(text), "{without}");
            assert!(without.contains("// mine") == text.contains("// mine"));
        }
    }

    #[test]
    fn where_nothing_is_ours_nothing_goes() {
        let hook = |command: &str| {
            let hooks = json!([{ "hooks": [{ "type": "command", "command": command }] }]);
            json!({ "hooks": { "Stop": hooks } }).to_string()
        };
        for text in [
            "{\"servers\": {}}".to_owned(),
            "{ // my note\n}".to_owned(),
            "{\"hooks\": {\"Stop\": []}, \"x\": 1}".to_owned(),
            hook("/opt/passmuster-tools/lint hook claude-rules"),
            hook("echo passmuster hook claude is off"),
            hook("passmuster hook claude-two"),
        ] {
            assert_eq!(
                take(&text, &entries(1)).unwrap().as_deref(),
                Some(text.as_str())
            );
            if text.contains("command") {
                let with = put(&text, &entries(1)).unwrap();
                assert!(take(&with, &entries(1)).unwrap().is_some(), "{with}");
            }
        }
        let remark = "{\n  // my note\n}\n";
        let with = put(remark, &entries(1)).unwrap();
        assert!(
            take(&with, &entries(1))
                .unwrap()
                .unwrap()
                .contains("// my note")
        );
    }

    #[test]
    fn ours_is_known_wherever_the_program_lies() {
        for program in [
            "passmuster",
            "/opt/passmuster-1",
            "'/opt/my tools/passmuster'",
        ] {
            let command = format!("{program} hook claude --wait 9");
            let hooks = json!([{ "hooks": [{ "type": "command", "command": command }] }]);
            let text = json!({ "hooks": { "Stop": hooks } }).to_string();
            assert_eq!(take(&text, &entries(1)).unwrap(), None, "{program}");
        }
    }

    #[test]
    fn a_file_that_held_nothing_else_goes() {
        for text in ["", "{}", "\n"] {
            let with = put(text, &entries(1)).unwrap();
            assert_eq!(take(&with, &entries(1)).unwrap(), None);
        }
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for text in [
            "[]",
            "{",
            "{\"servers\": 1}",
            "{\"hooks\": {\"Stop\": {}}}",
            "{\"hooks\": []}",
            "{\"servers\": {}, \"\\u0073ervers\": {}}",
            "{\"hooks\": {\"Stop\": [{\"x\": 1, \"x\": 2}]}}",
        ] {
            assert!(put(text, &entries(1)).is_err(), "{text}");
        }
    }
}
