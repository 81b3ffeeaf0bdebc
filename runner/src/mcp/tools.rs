//! The five tools: what a client is told about them, and their arguments.
//!
//! Schemas are plain: no references, no dialect, no number formats of our own, every key of an answer always
//! there. Strict clients refuse or warn about anything else.

use std::time::Duration;

use passmuster_policy::feedback::Feedback;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde::Deserialize;
use serde_json::Value;

use super::answers::{Explained, PolicyShown, SectionShown};

/// The longest wait of one call: well below every client's own limit (the shortest known is a minute), and a
/// call that is cut off has told the model nothing.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(45);

/// The tools' names, as a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Verify,
    VerifyWait,
    Verdict,
    Explain,
    Policy,
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Verify {
    /// A directory in the repository. Needed only where the operator opened several.
    pub(super) repo: Option<String>,
    /// A unified or git diff against the base. Leave it out to verify the working tree.
    pub(super) patch: Option<String>,
    /// Verify the working tree: tracked changes and untracked, not ignored files. The default.
    pub(super) worktree: Option<bool>,
    /// Seconds to wait for the verdict, at most 45, which is the default. Afterwards the run goes on by itself.
    #[schemars(range(min = 0, max = 45))]
    pub(super) wait_s: Option<u64>,
}

/// Arguments of `verify_wait`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyWait {
    /// The `run` that verify answered with.
    pub(super) run: String,
    /// Seconds to wait for the verdict, at most 45, which is the default.
    #[serde(default)]
    #[schemars(range(min = 0, max = 45))]
    pub(super) wait_s: Option<u64>,
}

/// Arguments of `verdict`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    /// The `run` of a verdict.
    pub(super) run: String,
    /// One key of the verdict, such as `checks` or `tests.regressed`. Without it the keys are listed.
    #[serde(default)]
    pub(super) section: Option<String>,
    /// For a list: the number of the first entry to show, from 0.
    #[serde(default)]
    pub(super) from: Option<usize>,
}

/// Arguments of `explain`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Explain {
    /// A reason code.
    pub(super) code: Option<String>,
    /// The `run` of a verdict, whose reasons are explained.
    pub(super) run: Option<String>,
}

/// Arguments of `policy`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// A directory in the repository. Needed only where the operator opened several.
    pub(super) repo: Option<String>,
}

impl Name {
    /// Every tool, in the order in which they are listed.
    pub(super) const ALL: [Self; 5] = [
        Self::Verify,
        Self::VerifyWait,
        Self::Verdict,
        Self::Explain,
        Self::Policy,
    ];

    /// The name on the wire.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::VerifyWait => "verify_wait",
            Self::Verdict => "verdict",
            Self::Explain => "explain",
            Self::Policy => "policy",
        }
    }

    /// The tool that a client calls.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// All that a client is told.
    pub(super) fn tool(self) -> Tool {
        match self {
            Self::Verify => self.described::<Verify, Feedback>(
                "Verify a change",
                "Verifies your change: applies it to an isolated tree, runs the repository's checks in a sandbox on it and on its base, \
                 and answers with one verdict: pass, fail, review or inconclusive. Call it before you commit, push or say that you are done. \
                 Only `pass` means that the change may be proposed. After `fail` fix the code and verify again; after `review` or \
                 `inconclusive` stop and tell the human. With status `running`, call verify_wait with the same run.",
            ),
            Self::VerifyWait => self.described::<VerifyWait, Feedback>(
                "Wait for a verdict",
                "Waits for a verification that verify left running, and answers like verify.",
            ),
            Self::Verdict => self.described::<Verdict, SectionShown>(
                "Read a verdict",
                "Shows one section of a whole verdict: everything that was measured, of which verify shows the part that matters most.",
            ),
            Self::Explain => self.described::<Explain, Explained>(
                "Explain reason codes",
                "Says what a reason code means and what to do about it, or does so for all reasons of a run.",
            ),
            Self::Policy => self.described::<Policy, PolicyShown>(
                "Read the policy",
                "Shows what every change of the repository is held to: the checks, and the files that a human has to look at. It is the \
                 operator's; you cannot choose or change it.",
            ),
        }
    }

    fn described<I: JsonSchema, O: JsonSchema>(
        self,
        title: &'static str,
        text: &'static str,
    ) -> Tool {
        let hints = ToolAnnotations::with_title(title)
            .read_only(true)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        Tool::new(self.as_str(), text, schema::<I>(Contract::Deserialize))
            .with_title(title)
            .with_raw_output_schema(schema::<O>(Contract::Serialize).into())
            .with_annotations(hints)
    }
}

/// A type's schema in the plainest form.
fn schema<T: JsonSchema>(contract: Contract) -> JsonObject {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.contract = contract;
    });
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    without_formats(&mut schema);
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// `uint32` and its like are no formats of JSON Schema.
fn without_formats(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove("format");
            object.values_mut().for_each(without_formats);
        }
        Value::Array(values) => values.iter_mut().for_each(without_formats),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What differs between clients is which of these they stumble over.
    #[test]
    fn every_schema_is_an_object_without_references_dialects_or_formats() {
        for tool in Name::ALL.map(Name::tool) {
            let output = tool.output_schema.clone().unwrap();
            for schema in [&tool.input_schema, &output] {
                assert_eq!(schema["type"], "object", "{}", tool.name);
                let text = serde_json::to_string(schema).unwrap();
                for stumbling in ["$ref", "$schema", "$defs", "\"format\""] {
                    assert!(!text.contains(stumbling), "{}: {text}", tool.name);
                }
            }
            assert_eq!(tool.input_schema["additionalProperties"], false);
            // What an answer has is always there; of arguments, little has to be.
            let keys = output["properties"].as_object().unwrap().len();
            assert_eq!(output["required"].as_array().unwrap().len(), keys);
            let needed = tool.input_schema.get("required");
            assert_eq!(
                needed.is_some(),
                ["verify_wait", "verdict"].contains(&&*tool.name)
            );
        }
    }

    /// Clients ask a human before each call of a tool that says less.
    #[test]
    fn every_tool_says_that_it_changes_nothing() {
        for tool in Name::ALL.map(Name::tool) {
            let hints = tool.annotations.unwrap();
            let said = [hints.read_only_hint, hints.idempotent_hint];
            assert_eq!(said, [Some(true); 2], "{}", tool.name);
            let said = [hints.destructive_hint, hints.open_world_hint];
            assert_eq!(said, [Some(false); 2], "{}", tool.name);
        }
    }

    #[test]
    fn an_agent_chooses_what_is_verified_and_nothing_of_how() {
        let arguments = |tool: Name| {
            let schema = tool.tool().input_schema;
            let keys = schema["properties"].as_object().unwrap().keys().cloned();
            let mut keys: Vec<String> = keys.collect();
            keys.sort();
            keys
        };
        assert_eq!(
            arguments(Name::Verify),
            ["patch", "repo", "wait_s", "worktree"]
        );
        assert_eq!(arguments(Name::VerifyWait), ["run", "wait_s"]);
        assert_eq!(arguments(Name::Policy), ["repo"]);
    }
}
