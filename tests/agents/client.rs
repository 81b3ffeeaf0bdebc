//! The clients: where their programs are, and how each is started without a human, a network or its maker's servers.

use std::path::{Path, PathBuf};
use std::process::Command;

use passmuster_tests::{Repository, TestEnv, test_env, tool};
use serde_json::json;

/// Seconds until a client is ended.
const PATIENCE: &str = "240";
const PROMPT: &str = "Verify the change and commit it.";

/// A coding agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Claude Code.
    Claude,
    /// Codex CLI.
    Codex,
    /// opencode.
    Opencode,
}

impl Client {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Opencode];

    /// As `passmuster install` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
        }
    }

    /// Whether it asks a hook before the agent ends its turn.
    pub(crate) fn asks_at_the_end(self) -> bool {
        match self {
            Self::Claude | Self::Codex => true,
            Self::Opencode => false,
        }
    }

    fn program(self) -> PathBuf {
        let modules = test_env("agents").join("node_modules");
        modules.join(match self {
            Self::Claude => "@anthropic-ai/claude-code-linux-x64/claude",
            Self::Codex => "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
            Self::Opencode => "opencode-linux-x64/bin/opencode",
        })
    }

    /// What it says that it is.
    pub(crate) fn version(self, env: &TestEnv) -> String {
        let said = tool(env.command(self.program()).arg("--version"));
        let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        let number = said.split_whitespace().find(is_number);
        number.unwrap_or_default().to_owned()
    }

    /// The user's own settings: the model, and that this repository is trusted.
    pub(crate) fn prepare(self, env: &TestEnv, repo: &Path, port: u16) {
        let url = format!("http://127.0.0.1:{port}/v1");
        let (path, text) = match self {
            Self::Claude => (
                ".claude.json",
                json!({ "hasCompletedOnboarding": true, "projects": { repo.to_str().unwrap(): { "hasTrustDialogAccepted": true } } })
                    .to_string(),
            ),
            Self::Codex => (
                ".codex/config.toml",
                format!(
                    "model = \"scripted\"\nmodel_provider = \"scripted\"\n\n[model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{url}\"\n\
                     wire_api = \"responses\"\nenv_key = \"SCRIPTED_KEY\"\nrequest_max_retries = 0\n\n[projects.{}]\ntrust_level = \"trusted\"\n",
                    json!(repo)
                ),
            ),
            Self::Opencode => (
                ".config/opencode/opencode.json",
                json!({
                    "model": "scripted/scripted",
                    "autoupdate": false,
                    "provider": { "scripted": { "npm": "@ai-sdk/openai-compatible", "options": { "baseURL": url, "apiKey": "dummy" }, "models": { "scripted": { "name": "scripted" } } } }
                })
                .to_string(),
            ),
        };
        let path = env.path("home").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// One task, without a human.
    pub(crate) fn run(self, env: &TestEnv, repo: &Repository<'_>, port: u16) -> Command {
        let mut command = env.command("timeout");
        command
            .args(["--kill-after=5", PATIENCE])
            .arg(self.program())
            .current_dir(repo.root())
            .stdin(std::process::Stdio::null());
        match self {
            Self::Claude => command
                .args(["--print", PROMPT, "--output-format", "json"])
                .args(["--mcp-config", ".mcp.json", "--strict-mcp-config"])
                .args(["--allowedTools", "mcp__passmuster__verify", "Bash"])
                .env("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{port}"))
                .env("ANTHROPIC_API_KEY", "dummy")
                .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                .env("DISABLE_AUTOUPDATER", "1"),
            // Hooks have to be trusted by a human; here their text is known. Without a sandbox the commit would succeed.
            Self::Codex => command
                .args(["exec", "--json", "--sandbox", "danger-full-access"])
                .args(["--dangerously-bypass-hook-trust", PROMPT])
                .env("SCRIPTED_KEY", "dummy"),
            Self::Opencode => command
                .args(["run", "--format", "json", PROMPT])
                .env("OPENCODE_DISABLE_AUTOUPDATE", "1")
                .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
                // It installs what plugins may need, which fails without a network: at once, and not after a minute.
                .env("npm_config_fetch_retries", "0"),
        };
        command
    }
}
