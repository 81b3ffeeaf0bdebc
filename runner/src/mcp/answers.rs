//! What the tools answer, each within the budget of [`passmuster_policy::feedback`].

use passmuster_policy::feedback::{BUDGET, Feedback, Point, SCHEMA, Status, Step};
use passmuster_policy::policy::{KindName, RuleEffect};
use passmuster_policy::reason::{Level, ReasonCode};
use passmuster_policy::text::{block, line};
use passmuster_policy::verdict::{Action, Verdict};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::base::Base;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::policy_source::Loaded;

/// Most bytes of one text that is not ours.
const QUOTE: usize = 240;
/// Most bytes of one text inside a section, where it would not fit otherwise.
const CUT: usize = 1000;
/// The same inside an entry of a list, tried in this order.
const CUTS: [usize; 4] = [usize::MAX, CUT, 100, 10];

/// A part of a verdict.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SectionShown {
    /// `passmuster.agent/1`.
    schema: &'static str,
    /// `verdict`, or `error`.
    status: Status,
    /// One line.
    headline: String,
    /// The run; null after an error.
    run: Option<String>,
    /// The section that `value` is; null when none was asked for.
    section: Option<String>,
    /// The sections that can be asked for next.
    sections: Vec<String>,
    /// The section's JSON; null when none was asked for or it is too large as a whole.
    value: Value,
    /// Where the rest of a list begins; null when this was all of it.
    next_from: Option<usize>,
    /// True when long texts were cut.
    truncated: bool,
}

/// Reason codes, explained.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Explained {
    /// `passmuster.agent/1`.
    schema: &'static str,
    /// `verdict`, or `error`.
    status: Status,
    /// One line.
    headline: String,
    /// Each code once.
    explanations: Vec<Explanation>,
}

/// One reason code.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Explanation {
    /// The code.
    code: ReasonCode,
    /// What it does to the verdict.
    level: Level,
    /// What it means.
    meaning: &'static str,
    /// What you can do.
    advice: &'static str,
}

/// What a change is held to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct PolicyShown {
    /// `passmuster.agent/1`.
    schema: &'static str,
    /// `verdict` when there is a policy, else `not-set-up` or `error`.
    status: Status,
    /// One line.
    headline: String,
    /// Commit or tree that changes are measured against; null where that is not known.
    base: Option<String>,
    /// Digest of the policy; null without one.
    sha256: Option<String>,
    /// The checks.
    checks: Vec<CheckShown>,
    /// Globs of files that a human has to look at.
    protected: Vec<String>,
    /// Lines of a change beyond which a human has to look; null without a policy.
    max_changed_lines: Option<u64>,
    /// What a new dependency does; null without a policy.
    new_dependencies: Option<RuleEffect>,
    /// What a new comment that silences a tool does; null without a policy.
    new_suppressions: Option<RuleEffect>,
    /// What to do where there is no policy.
    next_steps: Vec<Step>,
    /// True when something was left out for its size.
    truncated: bool,
}

/// One check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct CheckShown {
    /// Its name.
    name: String,
    /// Its kind.
    kind: KindName,
    /// Whether the verdict needs it.
    required: bool,
    /// The command; empty for a plugin.
    run: String,
    /// Globs of files that it is about; empty: all.
    paths: Vec<String>,
}

/// A verification that goes on.
pub(super) fn running(run: &str, seconds: u64) -> Feedback {
    let headline = format!("running: no verdict after {seconds} s; call verify_wait with this run");
    let mut feedback = Feedback::without_verdict(Status::Running, headline);
    feedback.run = Some(run.to_owned());
    feedback
}

/// There is no verdict.
pub(super) fn failed(error: &UserError) -> Feedback {
    if error.code == Some(ReasonCode::PolicyMissing) {
        let mut feedback = Feedback::without_verdict(Status::NotSetUp, not_set_up());
        feedback.next_steps = vec![set_up()];
        return feedback;
    }
    let headline = format!("error: {}", line(&error.message, 2 * CUT));
    let mut feedback = Feedback::without_verdict(Status::Error, headline);
    feedback.reasons.extend(error.code.map(|code| Point {
        code,
        check: None,
        message: line(&error.message, QUOTE),
    }));
    feedback.next_steps = vec![step(error)];
    feedback
}

fn not_set_up() -> String {
    "not set up: the base of this repository has no passmuster.toml, so nothing says what a change is held to"
        .to_owned()
}

fn set_up() -> Step {
    Step {
        action: Action::AskHuman,
        advice: "ask the human to run `passmuster init` in the repository, to look at the passmuster.toml that it writes and to commit \
                 it; do not write one yourself: the policy is theirs"
            .to_owned(),
    }
}

fn step(error: &UserError) -> Step {
    let (action, advice) = match (error.exit, error.code) {
        (_, Some(code)) => (Action::AskHuman, code.entry().agent),
        (Exit::Inconclusive, None) => (Action::VerifyAgain, "verify again"),
        (Exit::Internal, None) => (
            Action::AskHuman,
            "stop and tell the human: the verifier itself failed",
        ),
        (_, None) => (
            Action::VerifyAgain,
            "call the tool again as the message says, or tell the human",
        ),
    };
    Step {
        action,
        advice: advice.to_owned(),
    }
}

/// One section of a verdict.
pub(super) fn section(
    verdict: &Verdict,
    run: &str,
    section: Option<&str>,
    from: usize,
) -> Result<SectionShown, UserError> {
    let whole =
        serde_json::to_value(verdict).map_err(|error| UserError::internal(error.to_string()))?;
    let mut shown = SectionShown {
        schema: SCHEMA,
        status: Status::Verdict,
        headline: String::new(),
        run: Some(run.to_owned()),
        section: section.map(str::to_owned),
        sections: keys(&whole, None),
        value: Value::Null,
        next_from: None,
        truncated: false,
    };
    let Some(name) = section else {
        shown.headline = "ask for one of the sections".to_owned();
        return Ok(shown);
    };
    let value = name
        .split('.')
        .try_fold(&whole, |value, key| value.get(key))
        .ok_or_else(|| {
            let names = shown.sections.join(", ");
            UserError::usage(format!(
                "a verdict has no section `{}`; it has {names}",
                line(name, QUOTE)
            ))
        })?;
    shown.headline = format!("section {name}");
    let room = BUDGET.saturating_sub(size(&shown));
    match value {
        Value::Array(entries) => shown.fill(entries, from, room),
        value if size(value) <= room => shown.value = seemly(value, usize::MAX),
        Value::Object(_) => {
            shown.headline = format!("{name} is too large as a whole: ask for one of its sections");
            shown.sections = keys(value, Some(name));
        }
        value => {
            shown.value = seemly(value, CUT);
            shown.truncated = true;
        }
    }
    Ok(shown)
}

impl SectionShown {
    /// As many entries of a list as there is room for, at least one.
    fn fill(&mut self, entries: &[Value], from: usize, room: usize) {
        let mut used = 0;
        let mut shown = Vec::new();
        for (number, entry) in entries.iter().enumerate().skip(from) {
            let one = CUTS
                .iter()
                .map(|cut| seemly(entry, *cut))
                .find(|one| size(one) <= room)
                .unwrap_or_default();
            self.truncated |= one != *entry;
            used += size(&one) + 1;
            if used > room && !shown.is_empty() {
                self.next_from = Some(number);
                break;
            }
            shown.push(one);
        }
        self.value = Value::Array(shown);
    }

    /// After an error.
    pub(super) fn failed(error: &UserError) -> Self {
        Self {
            schema: SCHEMA,
            status: Status::Error,
            headline: failed(error).headline,
            run: None,
            section: None,
            sections: Vec::new(),
            value: Value::Null,
            next_from: None,
            truncated: false,
        }
    }
}

fn keys(value: &Value, below: Option<&str>) -> Vec<String> {
    let keys = value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys());
    keys.map(|key| match below {
        Some(parent) => format!("{parent}.{key}"),
        None => key.clone(),
    })
    .collect()
}

/// Texts without control characters, each cut at `cap` bytes.
fn seemly(value: &Value, cap: usize) -> Value {
    match value {
        Value::String(text) => Value::String(block(text, cap)),
        Value::Array(values) => values.iter().map(|value| seemly(value, cap)).collect(),
        Value::Object(object) => {
            let pairs = object.iter();
            Value::Object(
                pairs
                    .map(|(key, value)| (key.clone(), seemly(value, cap)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

fn size(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

impl Explained {
    /// These codes, each once. What a person can do stays unsaid: part of it is the operator's alone.
    pub(super) fn of(codes: impl IntoIterator<Item = ReasonCode>) -> Self {
        let mut explanations: Vec<Explanation> = Vec::new();
        for entry in codes.into_iter().map(ReasonCode::entry) {
            if explanations.iter().all(|known| known.code != entry.code) {
                explanations.push(Explanation {
                    code: entry.code,
                    level: entry.level,
                    meaning: entry.meaning,
                    advice: entry.agent,
                });
            }
        }
        let headline = match explanations.len() {
            0 => "there is nothing to explain: the change passed".to_owned(),
            1 => "one reason code".to_owned(),
            many => format!("{many} reason codes"),
        };
        Self {
            schema: SCHEMA,
            status: Status::Verdict,
            headline,
            explanations,
        }
    }

    /// After an error.
    pub(super) fn failed(error: &UserError) -> Self {
        Self {
            schema: SCHEMA,
            status: Status::Error,
            headline: failed(error).headline,
            explanations: Vec::new(),
        }
    }
}

impl PolicyShown {
    /// A policy.
    pub(super) fn of(loaded: &Loaded, base: &Base) -> Self {
        let policy = &loaded.policy;
        let checks = policy.check.iter().map(|check| CheckShown {
            name: line(&check.name, QUOTE),
            kind: check.kind.name(),
            required: check.required,
            run: line(&check.run.join(" "), QUOTE),
            paths: patterns(check.paths.as_ref().map(|paths| paths.patterns())),
        });
        let mut shown = Self {
            headline: "this is what every change is held to".to_owned(),
            base: Some(base.commit.clone().unwrap_or_else(|| base.tree.clone())),
            sha256: Some(loaded.reference.sha256.clone()),
            checks: checks.collect(),
            protected: patterns(Some(policy.rules.protected.patterns())),
            max_changed_lines: Some(policy.rules.max_changed_lines),
            new_dependencies: Some(policy.rules.new_dependencies),
            new_suppressions: Some(policy.rules.new_suppressions),
            ..Self::empty(Status::Verdict)
        };
        while size(&shown) > BUDGET
            && (shown.protected.pop().is_some() || shown.checks.pop().is_some())
        {
            shown.truncated = true;
        }
        shown
    }

    /// After an error.
    pub(super) fn failed(error: &UserError) -> Self {
        let told = failed(error);
        Self {
            headline: told.headline,
            next_steps: told.next_steps,
            ..Self::empty(told.status)
        }
    }

    fn empty(status: Status) -> Self {
        Self {
            schema: SCHEMA,
            status,
            headline: String::new(),
            base: None,
            sha256: None,
            checks: Vec::new(),
            protected: Vec::new(),
            max_changed_lines: None,
            new_dependencies: None,
            new_suppressions: None,
            next_steps: Vec::new(),
            truncated: false,
        }
    }
}

fn patterns(patterns: Option<&[String]>) -> Vec<String> {
    let patterns = patterns.unwrap_or_default().iter();
    patterns.map(|pattern| line(pattern, QUOTE)).collect()
}
