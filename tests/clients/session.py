"""A session with an MCP server through the official Python SDK, by a script on standard input.

Usage: session.py ERA COMMAND...

ERA is `stateful` (the handshake of 2025-11-25) or `stateless` (2026-07-28). Standard input holds a JSON list of
steps: {"tool", "arguments", "cancel_after"?}, or {"run": [...]} for a command between two of them. An argument
{"of": N, "key": K} is what the answer to step N has under that key. Standard output gets one JSON object: the protocol version, the
tools, and for each step its structured content, whether it is an error, and the progress messages. The SDK
itself checks every answer against the tool's output schema, and a session that it cannot follow ends here.
"""

import asyncio
import contextlib
import json
import os
import sys

import anyio
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def resolved(argument, answers):
    if isinstance(argument, dict):
        return answers[argument["of"]]["structured"][argument["key"]]
    return argument


async def call(session, step, answers):
    if "run" in step:
        done = await anyio.run_process(step["run"], check=True)
        return {"said": done.stdout.decode()}
    progress = []

    async def on_progress(amount, total, message):
        progress.append(message)

    arguments = {name: resolved(value, answers) for name, value in step["arguments"].items()}
    result = None
    with contextlib.suppress(TimeoutError):
        with anyio.fail_after(step.get("cancel_after", 300)):
            result = await session.call_tool(
                step["tool"], arguments, progress_callback=on_progress
            )
    if result is None:
        return {"cancelled": True, "progress": progress}
    texts = [json.loads(block.text) for block in result.content if block.type == "text"]
    return {
        "structured": result.structured_content,
        "text": texts,
        "error": bool(result.is_error),
        "progress": progress,
    }


async def converse(session, version, steps):
    listed = await session.list_tools()
    answers = []
    for step in steps:
        answers.append(await call(session, step, answers))
    tools = [tool.model_dump(mode="json", by_alias=True) for tool in listed.tools]
    return {"version": version, "tools": tools, "answers": answers}


async def main():
    era, command, *arguments = sys.argv[1:]
    steps = json.load(sys.stdin)
    server = StdioServerParameters(command=command, args=arguments, env=dict(os.environ))
    if era == "stateless":
        async with Client(stdio_client(server)) as client:
            print(json.dumps(await converse(client, client.protocol_version, steps)))
    else:
        async with stdio_client(server) as (read, write):
            async with ClientSession(read, write) as session:
                hello = await session.initialize()
                print(json.dumps(await converse(session, hello.protocol_version, steps)))


asyncio.run(main())
