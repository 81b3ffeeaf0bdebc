//! How each client's model speaks: the same three turns as a stream of events in the form that the client reads.

use serde_json::{Value, json};

use crate::model::Turn;

/// The command that a hook has to stop.
pub(crate) const COMMIT: &str = "git commit --all --message Done";

/// A form of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Anthropic's messages: Claude Code.
    Messages,
    /// `OpenAI`'s responses: Codex.
    Responses,
    /// Chat completions: opencode, and whatever is compatible.
    Completions,
}

impl Dialect {
    /// The one that a path asks for.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.split('?').next()? {
            "/v1/messages" => Some(Self::Messages),
            "/v1/responses" => Some(Self::Responses),
            "/v1/chat/completions" => Some(Self::Completions),
            _ => None,
        }
    }

    /// The stream of one turn.
    pub(crate) fn answer(self, turn: Turn, request: &Value) -> String {
        match self {
            Self::Messages => messages(turn),
            Self::Responses => responses(turn, request),
            Self::Completions => completions(turn),
        }
    }
}

fn messages(turn: Turn) -> String {
    let call = |name: &str| json!({ "type": "tool_use", "id": format!("toolu_{turn:?}"), "name": name, "input": {} });
    let (block, delta, reason) = match turn {
        Turn::Verify => (
            call("mcp__passmuster__verify"),
            json!({ "type": "input_json_delta", "partial_json": "{}" }),
            "tool_use",
        ),
        Turn::Commit => {
            let input = json!({ "command": COMMIT, "description": "Commits" }).to_string();
            (
                call("Bash"),
                json!({ "type": "input_json_delta", "partial_json": input }),
                "tool_use",
            )
        }
        Turn::End => (
            json!({ "type": "text", "text": "" }),
            json!({ "type": "text_delta", "text": "Done." }),
            "end_turn",
        ),
    };
    let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
    let message = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage });
    events(&[
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null }, "usage": usage }),
        json!({ "type": "message_stop" }),
    ])
}

fn responses(turn: Turn, request: &Value) -> String {
    let item = match turn {
        Turn::Verify => {
            json!({ "type": "function_call", "call_id": "call_verify", "namespace": "mcp__passmuster", "name": "verify", "arguments": "{}" })
        }
        Turn::Commit => {
            let (name, arguments) = shell(request);
            json!({ "type": "function_call", "call_id": "call_commit", "name": name, "arguments": arguments.to_string() })
        }
        Turn::End => {
            json!({ "type": "message", "role": "assistant", "id": "msg_1", "content": [{ "type": "output_text", "text": "Done." }] })
        }
    };
    let usage = json!({ "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 });
    events(&[
        json!({ "type": "response.created", "response": { "id": "resp_1" } }),
        json!({ "type": "response.output_item.done", "item": item }),
        json!({ "type": "response.completed", "response": { "id": "resp_1", "usage": usage } }),
    ])
}

/// Codex offers one of several shells, by its settings for the model.
fn shell(request: &Value) -> (&'static str, Value) {
    let offered = |name: &str| {
        let mut tools = request["tools"].as_array().into_iter().flatten();
        tools.any(|tool| tool["name"] == name)
    };
    if offered("exec_command") {
        ("exec_command", json!({ "cmd": COMMIT }))
    } else if offered("shell_command") {
        ("shell_command", json!({ "command": COMMIT }))
    } else {
        ("shell", json!({ "command": ["bash", "-lc", COMMIT] }))
    }
}

fn completions(turn: Turn) -> String {
    let call = |name: &str, arguments: Value| {
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        json!({ "role": "assistant", "tool_calls": [{ "index": 0, "id": format!("call_{turn:?}"), "type": "function", "function": function }] })
    };
    let (delta, reason) = match turn {
        Turn::Verify => (call("passmuster_verify", json!({})), "tool_calls"),
        Turn::Commit => (
            call(
                "bash",
                json!({ "command": COMMIT, "description": "Commits" }),
            ),
            "tool_calls",
        ),
        Turn::End => (json!({ "role": "assistant", "content": "Done." }), "stop"),
    };
    let chunk = |delta: Value, reason: Value| json!({ "id": "c", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
    let chunks = [chunk(delta, Value::Null), chunk(json!({}), json!(reason))];
    let lines = chunks.map(|chunk| format!("data: {chunk}\n\n"));
    format!("{}data: [DONE]\n\n", lines.concat())
}

/// Events that bear their type twice, as their readers want it.
fn events(events: &[Value]) -> String {
    let lines = events.iter().map(|event| {
        let kind = event["type"].as_str().unwrap_or_default();
        format!("event: {kind}\ndata: {event}\n\n")
    });
    lines.collect()
}
