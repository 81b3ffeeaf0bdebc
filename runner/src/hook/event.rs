//! What a client says is about to happen.
//!
//! Claude Code and Codex send the same JSON. Whether a command commits, pushes or proposes is read from its
//! words alone: a hook is guidance, and a command that hides its words is the gate's business.

use std::path::PathBuf;

use serde::Deserialize;

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// What is about to happen.
    pub(super) moment: Moment,
    /// Names the session; empty where the client has no name for it.
    pub(super) session: String,
    /// Where the client works; none where it does not say.
    pub(super) cwd: Option<PathBuf>,
}

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The agent wants to end its turn.
    End,
    /// A command would commit, push or propose the change.
    Leave,
    /// Nothing that concerns us.
    Other,
}

#[derive(Deserialize)]
struct Message {
    hook_event_name: String,
    #[serde(default)]
    session_id: String,
    cwd: Option<PathBuf>,
    #[serde(default)]
    tool_input: serde_json::Value,
}

impl Event {
    /// Reads a message; the error says what is wrong with it.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let message: Message =
            serde_json::from_slice(json).map_err(|error| format!("is no event: {error}"))?;
        let command = message.tool_input["command"].as_str().unwrap_or_default();
        let moment = match message.hook_event_name.as_str() {
            "Stop" => Moment::End,
            "PreToolUse" if leaves(command) => Moment::Leave,
            _ => Moment::Other,
        };
        Ok(Self {
            moment,
            session: message.session_id,
            cwd: message.cwd.filter(|cwd| !cwd.as_os_str().is_empty()),
        })
    }
}

/// Whether one of the commands on this line commits, pushes or proposes.
fn leaves(line: &str) -> bool {
    let ends = |one: char| one.is_whitespace() || ";|&()`\"'{}$\\".contains(one);
    let words: Vec<&str> = line.split(ends).filter(|word| !word.is_empty()).collect();
    (0..words.len()).any(|at| leaves_at(&words[at..]))
}

fn leaves_at(words: &[&str]) -> bool {
    let Some((program, rest)) = words.split_first() else {
        return false;
    };
    match program.rsplit('/').next() {
        Some("git") => matches!(git_command(rest), Some("commit" | "push" | "send-email")),
        Some("gh") => matches!(rest, ["pr", "create" | "merge" | "ready", ..]),
        Some("glab") => matches!(rest, ["mr", "create" | "merge", ..]),
        Some("hub") => matches!(rest, ["pull-request", ..]),
        _ => false,
    }
}

/// Git's subcommand, behind the options that stand before it.
fn git_command<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            // These take a word of their own.
            "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "--exec-path"
            | "--config-env" => {
                words.next();
            }
            option if option.starts_with('-') => {}
            command => return Some(command),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_commit_push_or_propose_are_known_by_their_words() {
        for line in [
            "git commit -m 'x'",
            "cd a && git -C b -c user.name=x push origin HEAD",
            "/usr/bin/git --no-pager commit",
            "bash -c \"git push\"",
            "(git add . ; git commit --amend)",
            "X=1 gh pr create --fill",
            "gh pr merge 7",
            "gh pr ready",
            "glab mr create",
            "glab mr merge",
            "hub pull-request",
            "git send-email HEAD~",
            "git\tcommit",
        ] {
            assert!(leaves(line), "{line}");
        }
        for line in [
            "",
            "git status",
            "git log --grep commit",
            "echo commit",
            "gh pr view",
            "gh repo create",
            "glab mr list",
            "git -C commit status",
            "gitk push",
            "git",
            "git -C",
        ] {
            assert!(!leaves(line), "{line}");
        }
    }

    #[test]
    fn a_message_is_read_as_far_as_it_concerns_us() {
        let parse = |text: &str| Event::parse(text.as_bytes());
        let stop = parse(r#"{"hook_event_name":"Stop","session_id":"s","cwd":"/w","new":1}"#);
        let stop = stop.unwrap();
        assert_eq!((stop.moment, stop.session.as_str()), (Moment::End, "s"));
        let tool = r#"{"hook_event_name":"PreToolUse","tool_input":{"command":"git push"}}"#;
        assert_eq!(parse(tool).unwrap().moment, Moment::Leave);
        let other = r#"{"hook_event_name":"PreToolUse","tool_input":[1]}"#;
        assert_eq!(parse(other).unwrap().moment, Moment::Other);
        let after = tool.replace("PreToolUse", "PostToolUse");
        assert_eq!(parse(&after).unwrap().moment, Moment::Other);
        for wrong in ["", "[]", "{}", "\u{0}", r#"{"hook_event_name":1}"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
