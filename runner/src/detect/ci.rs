//! What the repository's CI runs: shown to people, and a hint at flags. Never executed.

use super::listing::Listing;

/// First words of commands that say how a project is tested.
const TELLING: [&str; 22] = [
    "cargo",
    "pytest",
    "python",
    "python3",
    "uv",
    "uvx",
    "tox",
    "nox",
    "hatch",
    "poetry",
    "ruff",
    "mypy",
    "ty",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "node",
    "go",
    "make",
    "just",
    "pre-commit",
];

/// Parts of a command that say that it tests or lints; what only installs or publishes is left out.
const PURPOSES: [&str; 15] = [
    "test", "nox", "tox", "clippy", "fmt", "format", "lint", "check", "ruff", "mypy", "typ",
    "unit", "tsc", "vitest", "jest",
];

/// At most this many commands are shown.
const MOST: usize = 12;

/// The commands of workflow files that test, lint or build, each once, in order.
pub(super) fn commands(listing: &Listing<'_>) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for path in listing.own("").filter(|path| is_workflow(path)) {
        for line in listing.text(path).unwrap_or_default().lines() {
            if let Some(command) = command(line).filter(|command| !commands.contains(command)) {
                commands.push(command);
            }
        }
    }
    commands.truncate(MOST);
    commands
}

fn is_workflow(path: &str) -> bool {
    let yaml = path.ends_with(".yml") || path.ends_with(".yaml");
    let place = [
        ".github/workflows/",
        ".forgejo/workflows/",
        ".gitea/workflows/",
        ".circleci/",
    ];
    yaml && place.iter().any(|dir| path.starts_with(dir))
        || matches!(
            path,
            ".gitlab-ci.yml" | ".travis.yml" | "azure-pipelines.yml" | ".ci/run"
        )
}

/// A line that is a command, be it after `run:`, in a list or in a block.
fn command(line: &str) -> Option<String> {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line).trim();
    let line = line.strip_prefix("run:").unwrap_or(line).trim();
    let line = line.trim_matches(['"', '\'']);
    let mut words = line.split_whitespace();
    let purpose = PURPOSES.iter().any(|part| line.contains(part));
    let telling = TELLING.contains(&words.next()?) && words.next().is_some() && purpose;
    // `python: [3.11]` and `node-version: 20` are settings.
    let setting = line.split_whitespace().next()?.ends_with(':');
    let plain = line.chars().filter(|c| !c.is_control()).take(100).collect();
    (telling && !setting).then_some(plain)
}
