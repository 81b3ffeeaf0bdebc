//! The command line, as types. Parsing needs no environment; what a word means is decided later.

mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use passmuster_policy::policy::{Grant, Isolation, TimeLimit};

pub use values::{Form, Format};
use values::{form, grant, isolation, max_age};

use crate::install::Client;

/// Names the cache in the environment.
pub const CACHE_VARIABLE: &str = "PASSMUSTER_CACHE";

/// Does this change pass muster? Applies a proposed change to an isolated tree, runs the
/// repository's tests in a sandbox on it and on its base, and gives one verdict.
#[derive(Debug, Parser)]
#[command(name = "passmuster", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes of verify: 0 pass, 1 fail, 2 usage or repository error, 3 inconclusive, 4 review, 70 internal error.\nTry `passmuster demo` first."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Where results, trees and git objects are kept [default: $XDG_CACHE_HOME/passmuster].
    #[arg(long, global = true, value_name = "DIR", env = CACHE_VARIABLE)]
    pub cache_dir: Option<PathBuf>,
    /// No progress on standard error.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verify a change and print the verdict.
    Verify(Verify),
    /// Look at the repository, write a commented policy and try it once on the base.
    Init(Init),
    /// Print a verdict again.
    Show(Show),
    /// List the verdicts of a repository, and the tests that were flaky in it.
    History(History),
    /// Vet the shipped example proposals and explain each verdict.
    Demo(Demo),
    /// Serve the verifier as tools of a coding agent, over standard input and output (MCP).
    Mcp(Mcp),
    /// Answer a coding agent's client that asks before the agent stops, commits or pushes.
    Hook(Hook),
    /// Write a client's configuration in this repository: MCP server, hooks, instructions. Shows the
    /// difference first.
    Install(Install),
    /// Take out what `install` wrote. Shows the difference first.
    Uninstall(Install),
    /// Say what a reason code means and what to do about it.
    Explain {
        /// A code as a verdict prints it; without one, all codes are listed.
        code: Option<String>,
    },
    /// Run any command in the sandbox that a check of the working tree gets.
    Sandbox(Sandbox),
    /// Say what this machine gives to sandboxes, and what to do about what is missing.
    Doctor(Doctor),
    /// Look at a policy.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Look at a custom check, and try it on a change.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print what a shell needs to complete this program's commands and options.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Look at the cache or make it smaller.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Sign that you looked at a review verdict and that the change may be merged. For people, never for agents.
    Approve(Approve),
    /// Decide whether what is about to be merged is exactly what passed.
    Gate(Gate),
}

/// Which repository, and what of it is the base.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The repository, or a plain directory [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// The base: any revision [default: HEAD; with --head the merge base with the default branch].
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// The operator's policy: a file, `preset:NAME`, or `auto` for what `init` would write
    /// [default: passmuster.toml of the base].
    #[arg(long, value_name = "FILE|preset:NAME|auto")]
    pub policy: Option<String>,
}

/// What is proposed.
#[derive(Debug, Clone, Args)]
pub struct Proposed {
    /// The proposed patch (`-` for standard input). Without it and without --head or --staged, the
    /// working tree is meant.
    #[arg(value_name = "PATCH")]
    pub patch: Option<PathBuf>,
    /// This commit against its merge base with the default branch; with --base also a tree.
    #[arg(long, value_name = "REV", conflicts_with_all = ["patch", "worktree", "staged"])]
    pub head: Option<String>,
    /// The working tree: tracked changes and untracked, not ignored files. The default.
    #[arg(long, conflicts_with_all = ["patch", "staged"])]
    pub worktree: bool,
    /// What is staged.
    #[arg(long, conflicts_with = "patch")]
    pub staged: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// What is verified.
    #[command(flatten)]
    pub change: Proposed,
    /// Where the repository is and what the base is.
    #[command(flatten)]
    pub place: Place,
    /// Run only this check (may be given again). Then the verdict is at best inconclusive.
    #[arg(long = "check", value_name = "NAME")]
    pub checks: Vec<String>,
    /// The least isolation that is accepted: full, full-bwrap or landlock [default: the policy's].
    #[arg(long, value_name = "TIER", value_parser = isolation)]
    pub isolation: Option<Isolation>,
    /// Most runs at once. Today there is one at a time: base and candidate must not share the machine.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Measure again instead of using stored results. A stored verdict changes only for the worse.
    #[arg(long)]
    pub no_cache: bool,
    /// Form of the verdict on standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Write the verdict to a file as well (may be given again); with --attest also `attestation=FILE` and `sshsig=FILE`.
    #[arg(long = "output", value_name = "FORMAT=FILE", value_parser = form)]
    pub outputs: Vec<(Form, PathBuf)>,
    /// Sign the verdict, whatever it is: an ed25519 key as OpenSSH or PEM file, or a public key (.pub) that the ssh-agent has the
    /// private one of.
    #[arg(long, value_name = "KEY")]
    pub attest: Option<PathBuf>,
    /// With --attest: sign a verdict by a policy that nobody wrote (--policy auto).
    #[arg(long, requires = "attest")]
    pub allow_detected: bool,
    /// Measure again what this attestation says, and tell whether the same comes out. Its signature is not checked.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["patch", "head", "worktree", "staged", "base", "checks"])]
    pub replay: Option<PathBuf>,
}

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// The repository [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// Print the policy instead of writing passmuster.toml, and run nothing.
    #[arg(long)]
    pub print: bool,
}

/// Arguments of `show`.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// The run's id as `verify` printed it, or a leading part of it [default: the latest].
    pub run: Option<String>,
    /// Form of the verdict.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Args)]
pub struct History {
    /// The repository [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// Most verdicts.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// Everything, schema passmuster.history/1.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `mcp`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Nothing of this is an argument of a tool: the agent chooses what is verified, never how. Ends when the client closes standard input."
)]
pub struct Mcp {
    /// A repository that the agent may verify changes of (may be given again) [default: the one that
    /// encloses the current directory].
    #[arg(long = "repo", value_name = "DIR")]
    pub repositories: Vec<PathBuf>,
    /// The base of every change, found once at the start [default: where HEAD left the remote's
    /// default branch; without a remote HEAD at the start].
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// The operator's policy: a file, `preset:NAME`, or `auto` for what `init` would write
    /// [default: passmuster.toml of the base].
    #[arg(long, value_name = "FILE|preset:NAME|auto")]
    pub policy: Option<String>,
    /// The least isolation that is accepted: full, full-bwrap or landlock [default: the policy's].
    #[arg(long, value_name = "TIER", value_parser = isolation)]
    pub isolation: Option<Isolation>,
}

/// Arguments of `hook`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Reads the client's event from standard input and verifies the working tree. Exit codes: 2 the agent has to go on working, with the reason on standard error; 0 it may go on."
)]
pub struct Hook {
    /// Whose events they are.
    #[arg(value_enum)]
    pub agent: HookAgent,
    /// The repository [default: where the client says that it works].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// The base [default: where HEAD left the remote's default branch; without a remote HEAD].
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// The operator's policy: a file, `preset:NAME`, or `auto` [default: passmuster.toml of the base].
    #[arg(long, value_name = "FILE|preset:NAME|auto")]
    pub policy: Option<String>,
    /// Seconds until an answer; below the client's own limit, which lets the agent go.
    #[arg(long, value_name = "SECONDS", default_value_t = 45, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub wait: u64,
    /// Verify, and say so in lines of JSON: what a hook starts.
    #[arg(long, hide = true)]
    pub judge: bool,
}

/// Arguments of `install` and `uninstall`.
#[derive(Debug, Clone, Args)]
pub struct Install {
    /// The client.
    #[arg(value_enum)]
    pub client: Client,
    /// The repository [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// The base that server and hooks get as an option.
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// The operator's policy that they get: a file, `preset:NAME`, or `auto`.
    #[arg(long, value_name = "FILE|preset:NAME|auto")]
    pub policy: Option<String>,
    /// Write without asking.
    #[arg(long, short)]
    pub yes: bool,
}

/// Clients whose events are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HookAgent {
    /// Claude Code.
    Claude,
    /// Codex CLI.
    Codex,
}

impl HookAgent {
    /// The word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
        }
    }
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Only the proposals whose name contains this.
    pub name: Option<String>,
}

/// Arguments of `doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exit codes: 0 the isolation `full` works, 3 it does not.")]
pub struct Doctor {
    /// Print the profile, setting or container options that help, the one that fits this machine
    /// first. Changes nothing.
    #[arg(long)]
    pub fix: bool,
    /// Everything, schema passmuster.doctor/1.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sandbox`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: the command's own; 124 when it reached a limit, 126 and 127 when it cannot be executed or found, 128 plus the signal's number when one ended it or us; 2 usage, policy or repository error, 3 no sandbox or a prepare step that failed. --report tells them apart."
)]
pub struct Sandbox {
    /// The repository, or a plain directory [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// One more path of the host to read (may be given again).
    #[arg(long = "read", value_name = "PATH")]
    pub read: Vec<PathBuf>,
    /// A directory of the host that the command may change, made when it is not there; all else
    /// that is written vanishes (may be given again).
    #[arg(long = "write", value_name = "PATH")]
    pub write: Vec<PathBuf>,
    /// A limit that differs from the policy's, by the keys of its table `limits`: wall=10m,
    /// processes=100 (may be given again).
    #[arg(long = "limit", value_name = "KEY=VALUE")]
    pub limits: Vec<String>,
    /// Write outcome, cost, protections and denials to this file, schema passmuster.sandbox/1.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The command and its arguments, after `--`. It starts in the root of the tree.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Subcommands of `policy`.
#[derive(Debug, Clone, Subcommand)]
pub enum PolicyCommand {
    /// Parse the policy and say what would run where.
    Check(Place),
    /// Print the JSON Schema of the policy.
    Schema,
    /// Print the policy with its presets merged in.
    Show(Place),
}

/// Subcommands of `plugin`.
#[derive(Debug, Clone, Subcommand)]
pub enum PluginCommand {
    /// Write a project of your own plugin into a new directory of this name.
    New {
        /// Lower-case letters, digits and `-`.
        name: String,
        /// What it is written in.
        #[arg(long, value_enum)]
        lang: Language,
    },
    /// Say what a plugin is, what it needs, and the lines of a policy that use it.
    Inspect {
        /// A component's file, or the name of a plugin that is part of the program.
        #[arg(value_name = "FILE|NAME")]
        plugin: String,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask a plugin about a change. Nothing of the change runs, and there is no verdict: 0 where nothing speaks against the
    /// change, 1 where something does, 3 where the plugin broke down.
    Run(PluginRun),
}

/// Languages that there is a template for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Builds with cargo.
    Rust,
    /// Builds with clang and make.
    C,
}

/// Arguments of `plugin run`.
#[derive(Debug, Clone, Args)]
pub struct PluginRun {
    /// A component's file, or the name of a plugin that is part of the program.
    #[arg(value_name = "FILE|NAME")]
    pub plugin: String,
    /// What it is asked about.
    #[command(flatten)]
    pub change: Proposed,
    /// The repository, or a plain directory [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// The base: any revision [default: HEAD; with --head the merge base with the default branch].
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Its configuration.
    #[arg(long, value_name = "JSON|@FILE")]
    pub config: Option<String>,
    /// A capability that it gets (may be given again): trees, prior or log [default: what it imports].
    #[arg(long = "grant", value_name = "NAME", value_parser = grant)]
    pub grants: Vec<Grant>,
    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Subcommands of `cache`.
#[derive(Debug, Clone, Subcommand)]
pub enum CacheCommand {
    /// Say how much is kept.
    Size,
    /// Remove what was not used for the longest time until the rest fits.
    Prune {
        /// Size to keep at most: bytes, or with KiB, MiB, GiB.
        #[arg(long, default_value = "10GiB", value_name = "SIZE")]
        max: String,
    },
}

/// Arguments of `approve`.
#[derive(Debug, Clone, Args)]
pub struct Approve {
    /// The run whose verdict you looked at, as `verify` printed it, or a leading part of it.
    #[arg(required_unless_present = "attestation")]
    pub run: Option<String>,
    /// Instead of a run of this machine: the attestation of the verdict that you looked at.
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    pub attestation: Option<PathBuf>,
    /// Your key, as for `verify --attest`.
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
    /// Why the change may be merged.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Write the signed approval to this file [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `gate`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 may be merged, 1 may not, 2 usage, policy or repository error."
)]
pub struct Gate {
    /// What is about to be merged: the merge commit, or a commit that the branch can be moved to; with --base also a tree.
    #[arg(value_name = "REV")]
    pub revision: String,
    /// The repository [default: the one that encloses the current directory].
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// The base: any revision [default: the merge base with the default branch; on that branch the first parent].
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// The policy that counts, as for `verify` [default: passmuster.toml of the base].
    #[arg(long, value_name = "FILE|preset:NAME|auto")]
    pub policy: Option<String>,
    /// The attestation; approvals stand in the same file or in others (may be given again).
    #[arg(long = "attestation", value_name = "FILE", required = true)]
    pub attestations: Vec<PathBuf>,
    /// Whose verdicts count: public keys, as OpenSSH's .pub or PEM.
    #[arg(long, value_name = "PUBLIC")]
    pub key: PathBuf,
    /// Who may approve a review: a list in the form of OpenSSH's allowed signers.
    #[arg(long, value_name = "FILE")]
    pub approvers: Option<PathBuf>,
    /// How old a signature may be: 90m, 12h, 7d or none.
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = max_age)]
    pub max_age: TimeLimit,
    /// Accept a policy that nobody wrote (--policy auto).
    #[arg(long)]
    pub allow_detected: bool,
    /// Print the decision as JSON, schema passmuster.gate/1.
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
