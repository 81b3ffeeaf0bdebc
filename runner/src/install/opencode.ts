// Written by `passmuster install opencode`; `passmuster uninstall opencode` removes it.
// Asks Passmuster before a command that commits, pushes or proposes the change.
import { spawn } from "node:child_process"

const command = ["passmuster"]

function ask(event: object): Promise<{ status: number | null; reason: string }> {
  return new Promise((resolve) => {
    const hook = spawn(command[0], command.slice(1), { stdio: ["pipe", "ignore", "pipe"] })
    let reason = ""
    hook.stderr.on("data", (text) => (reason += text))
    hook.on("error", () => resolve({ status: null, reason }))
    hook.on("close", (status) => resolve({ status, reason }))
    hook.stdin.on("error", () => {})
    hook.stdin.end(JSON.stringify(event))
  })
}

export const Passmuster = async ({ directory }: { directory: string }) => ({
  "tool.execute.before": async (
    input: { tool: string; sessionID?: string },
    output: { args: { command?: string } },
  ) => {
    if (input.tool !== "bash") return
    const answer = await ask({
      hook_event_name: "PreToolUse",
      session_id: input.sessionID ?? "",
      cwd: directory,
      tool_input: { command: output.args.command ?? "" },
    })
    if (answer.status === 2) throw new Error(answer.reason)
  },
})
