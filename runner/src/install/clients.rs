//! What each client gets, and where it looks for it.
//!
//! Measured with Claude Code 2.1.330, Codex CLI 0.169 and opencode 1.18. A hook's own limit lies above the time
//! that the hook takes, because a client lets the agent go when it runs out.

use serde_json::json;

use super::block::{self, Remark};
use super::json::{self as json_file, Entry};
use super::{Direction, Options};

/// Seconds until a hook answers.
const WAIT: u64 = 270;
/// Seconds until a client gives a hook up.
const LIMIT: u64 = 300;
/// Seconds until Codex gives a tool up; a call answers within 45.
const TOOL_LIMIT: u64 = 120;

const INSTRUCTIONS: &str = include_str!("instructions.md");
const PLUGIN: &str = include_str!("opencode.ts");
const PRE_PUSH: &str = include_str!("pre-push.sh");

/// What can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Client {
    /// Claude Code: MCP server, hooks, instructions.
    Claude,
    /// Codex CLI: MCP server, hooks, instructions.
    Codex,
    /// opencode: MCP server, a plugin that asks before commits and pushes, instructions.
    Opencode,
    /// Git itself: a pre-push hook.
    Git,
}

/// One file, and what of it is ours.
pub(super) struct Part {
    pub(super) path: &'static str,
    content: Content,
}

enum Content {
    /// Keys of a JSON file.
    Json(Vec<Entry>),
    /// A block of a text, under the client's name; in TOML the whole has to parse.
    Block(Remark, &'static str, String),
    /// All of it, known by its first lines.
    Whole(String),
}

impl Client {
    /// The word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::Git => "git",
        }
    }

    /// Every file.
    pub(super) fn parts(self, options: &Options) -> Vec<Part> {
        match self {
            Self::Claude => vec![
                part(".mcp.json", Content::Json(vec![claude_server(options)])),
                part(
                    ".claude/settings.json",
                    Content::Json(claude_hooks(options)),
                ),
                instructions("CLAUDE.md", "claude"),
            ],
            Self::Codex => vec![
                part(
                    ".codex/config.toml",
                    Content::Block(Remark::Hash, "codex", codex(options)),
                ),
                instructions("AGENTS.md", "codex"),
            ],
            Self::Opencode => vec![
                part(
                    "opencode.json",
                    Content::Json(vec![opencode_server(options)]),
                ),
                part(
                    ".opencode/plugins/passmuster.ts",
                    Content::Whole(opencode_plugin(options)),
                ),
                instructions("AGENTS.md", "opencode"),
            ],
            Self::Git => vec![part("pre-push", Content::Whole(pre_push(options)))],
        }
    }
}

fn part(path: &'static str, content: Content) -> Part {
    Part { path, content }
}

fn instructions(path: &'static str, client: &'static str) -> Part {
    let text = INSTRUCTIONS.to_owned();
    part(path, Content::Block(Remark::Markup, client, text))
}

impl Part {
    pub(super) fn is_program(&self) -> bool {
        matches!(&self.content, Content::Whole(text) if text.starts_with("#!"))
    }

    /// The file's text afterwards; none where it is not there then.
    pub(super) fn applied(
        &self,
        direction: Direction,
        before: Option<&str>,
    ) -> Result<Option<String>, String> {
        match (&self.content, direction, before) {
            (_, Direction::Uninstall, None) => Ok(None),
            (Content::Json(entries), Direction::Install, text) => {
                json_file::put(text.unwrap_or_default(), entries).map(Some)
            }
            (Content::Json(entries), Direction::Uninstall, Some(text)) => {
                json_file::take(text, entries)
            }
            (Content::Block(remark, client, lines), Direction::Install, text) => {
                let text = block::put(text.unwrap_or_default(), *remark, client, lines)?;
                self.parsed(text).map(Some)
            }
            (Content::Block(remark, client, _), Direction::Uninstall, Some(text)) => {
                let left = block::take(text, *remark, client)?;
                Ok((!left.is_empty() || left == text).then_some(left))
            }
            (Content::Whole(ours), Direction::Install, text) => match text {
                Some(text) if !is_ours(text, ours) => Err(format!(
                    "there is one that is not ours; call this from it, or remove it:\n{ours}"
                )),
                _ => Ok(Some(ours.clone())),
            },
            (Content::Whole(ours), Direction::Uninstall, Some(text)) => {
                Ok((!is_ours(text, ours)).then(|| text.to_owned()))
            }
        }
    }

    /// A text in TOML has to be TOML with our block as well.
    fn parsed(&self, text: String) -> Result<String, String> {
        if self.path.ends_with(".toml") {
            let parsed: Result<toml::Table, _> = toml::from_str(&text);
            parsed.map_err(|error| {
                format!("with what we would add it does not parse any more: {error}")
            })?;
        }
        Ok(text)
    }
}

/// Whether a file is what we write, whatever its options were: one that somebody went on with is theirs.
fn is_ours(text: &str, ours: &str) -> bool {
    let holds_options = |line: &str| line.contains(" --head ") || line.starts_with("const command");
    let same =
        |(one, other): (&str, &str)| one == other || holds_options(one) && holds_options(other);
    text.lines().count() == ours.lines().count() && text.lines().zip(ours.lines()).all(same)
}

/// The words of a command, behind the program.
fn words(options: &Options, command: &[&str]) -> Vec<String> {
    let given = [("--base", &options.base), ("--policy", &options.policy)];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some([name.to_owned(), value.clone()?]));
    let command = command.iter().map(|word| (*word).to_owned());
    command.chain(given.flatten()).collect()
}

/// A command for a shell.
fn line(options: &Options, command: &[&str]) -> String {
    let program = [options.program.clone()];
    let words = program.into_iter().chain(words(options, command));
    words
        .map(|word| crate::reproduce::quoted(&word))
        .collect::<Vec<_>>()
        .join(" ")
}

fn hook_line(options: &Options, agent: &str) -> String {
    line(options, &["hook", agent, "--wait", &WAIT.to_string()])
}

fn claude_server(options: &Options) -> Entry {
    Entry::Key {
        below: &["mcpServers"],
        name: "passmuster",
        // Without `alwaysLoad` newer versions hide tools behind a search that models do not make.
        value: json!({ "type": "stdio", "command": options.program, "args": words(options, &["mcp"]), "alwaysLoad": true }),
    }
}

fn claude_hooks(options: &Options) -> Vec<Entry> {
    let command =
        json!({ "type": "command", "command": hook_line(options, "claude"), "timeout": LIMIT });
    let agent = "claude";
    vec![
        Entry::Hook {
            event: "Stop",
            agent,
            value: json!({ "hooks": [command] }),
        },
        Entry::Hook {
            event: "PreToolUse",
            agent,
            value: json!({ "matcher": "Bash", "hooks": [command] }),
        },
    ]
}

fn codex(options: &Options) -> String {
    let string = |text: &str| toml::Value::from(text).to_string();
    let program = string(&options.program);
    let arguments = toml::Value::from(words(options, &["mcp"])).to_string();
    let hook = string(&hook_line(options, "codex"));
    format!(
        "[mcp_servers.passmuster]\ncommand = {program}\nargs = {arguments}\nstartup_timeout_sec = 30\ntool_timeout_sec = {TOOL_LIMIT}\n\n\
         [[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = {hook}\ntimeout = {LIMIT}\n\n\
         [[hooks.PreToolUse]]\nmatcher = \"^Bash$\"\n[[hooks.PreToolUse.hooks]]\ntype = \"command\"\ncommand = {hook}\ntimeout = {LIMIT}\n"
    )
}

fn opencode_server(options: &Options) -> Entry {
    let program = [options.program.clone()];
    let command: Vec<String> = program
        .into_iter()
        .chain(words(options, &["mcp"]))
        .collect();
    Entry::Key {
        below: &["mcp"],
        name: "passmuster",
        value: json!({ "type": "local", "command": command, "enabled": true, "timeout": 30_000 }),
    }
}

/// The plugin asks the hook of another client: the question and the answer are the same.
fn opencode_plugin(options: &Options) -> String {
    let program = [options.program.clone()];
    let wait = WAIT.to_string();
    let command = words(options, &["hook", "claude", "--wait", &wait]);
    let command: Vec<String> = program.into_iter().chain(command).collect();
    PLUGIN.replace("[\"passmuster\"]", &json!(command).to_string())
}

/// The operator's base goes before the one that the hook finds.
fn pre_push(options: &Options) -> String {
    let verify = line(options, &["verify"]);
    let hook = match options.base {
        Some(_) => PRE_PUSH.replace(" ${base:+--base \"$base\"}", ""),
        None => PRE_PUSH.to_owned(),
    };
    hook.replace("passmuster verify", &verify)
}
