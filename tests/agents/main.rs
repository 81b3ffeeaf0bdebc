//! Real coding agents, each with a model that follows a script: the client is the maker's own program with what `passmuster install`
//! wrote for it, and what comes back to the model shows whether tool and hooks work there.
//!
//! The script: the model calls `verify` on a change that fails, then runs `git commit`, then says that it is done, and once more where it
//! is held. The control is the same commit in a repository without Passmuster, where it has to succeed.
//!
//! opencode has no hook for the end of a turn that could hold an agent, so there its plugin holds the commit alone. Codex takes hooks of a
//! project only once a human trusts their text; here an option says so (`client`). Claude Code is told to load the project's servers, and opencode tries to install what plugins may
//! need, which fails here and does not matter.
//!
//! Not part of the ordinary tests, because the clients are a gigabyte: `make test-agents` installs them. All of it runs in network and
//! process namespaces of its own with the loopback device alone, so nothing leaves the machine and nothing outlives the run.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for the terminal that is test code: an error ends it with its place and cause"
)]

mod client;
mod dialect;
mod model;

use std::env;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};
use std::time::Instant;

use passmuster_tests::{Repository, TestEnv, proposal};
use serde_json::Value;

use client::Client;
use model::{Model, Turn};

const REPO: &str = "python-ledger";
/// In the verdict on the change.
const REASON: &str = "tests-regressed";
/// In everything that holds an agent.
const HELD: &str = "Passmuster holds this back";
/// Set in the namespaces.
const INSIDE: &str = "PASSMUSTER_AGENTS_INSIDE";

fn main() {
    if env::var_os(INSIDE).is_none() {
        enter();
    }
    let devices = fs::read_to_string("/proc/net/dev").unwrap();
    let others = devices.lines().skip(2).find(|line| !line.contains("lo:"));
    assert_eq!(others, None, "there is a network");
    println!(
        "| client | version | tool called | verdict came back | commit held | end held | released | seconds |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let asked: Vec<String> = env::args().skip(1).collect();
    for client in Client::ALL {
        if asked.is_empty() || asked.iter().any(|name| name == client.name()) {
            println!("{}", try_client(client));
        }
    }
}

/// Runs this program again, where there is no network and no process survives it.
fn enter() -> ! {
    let is_root = nix::unistd::geteuid().is_root();
    let mut unshare = Command::new("unshare");
    if !is_root {
        unshare.arg("--map-root-user");
    }
    unshare
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    if !is_root {
        // An ordinary user again: root with the one id of this namespace could not build a sandbox.
        unshare.args(["unshare", "--map-user=1000", "--map-group=1000"]);
    }
    unshare
        .arg(env::current_exe().unwrap())
        .args(env::args_os().skip(1))
        .env(INSIDE, "1");
    panic!("unshare: {}", unshare.exec());
}

/// What a client did.
struct Observed {
    requests: Vec<Value>,
    others: Vec<String>,
    output: Output,
    committed: bool,
}

/// Runs a client on the change, with or without Passmuster.
fn observe(env: &TestEnv, client: Client, script: &[Turn], installed: bool) -> Observed {
    let repo = env.repo(REPO);
    repo.git(["config", "user.name", "Ada Example"]);
    repo.git(["config", "user.email", "ada@example.org"]);
    if installed {
        let install = ["install", client.name(), "--yes"];
        env.passmuster(install)
            .cwd(repo.root())
            .run()
            .assert_code(0);
    } else {
        repo.write(".mcp.json", "{ \"mcpServers\": {} }\n");
    }
    let head = repo.commit("Configuration");
    repo.apply(&proposal(REPO, "faulty-regression"));
    let model = Model::new(script);
    client.prepare(env, repo.root(), model.port());
    let output = client.run(env, &repo, model.port()).output().unwrap();
    Observed {
        requests: model.heard(),
        others: model.others(),
        output,
        committed: head_of(&repo) != head,
    }
}

fn head_of(repo: &Repository<'_>) -> String {
    repo.git(["rev-parse", "HEAD"]).trim().to_owned()
}

impl Observed {
    /// How often a text stands in what the model was told with its n-th request.
    fn told(&self, request: usize, text: &str) -> usize {
        let body = self.requests.get(request).map(Value::to_string);
        body.unwrap_or_default().matches(text).count()
    }

    /// Whether a text was first told, or told again, with this request.
    fn new_in(&self, request: usize, text: &str) -> bool {
        self.told(request, text) > self.told(request - 1, text)
    }

    fn explain(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&self.output.stdout), text(&self.output.stderr));
        let last = self.requests.last().map(Value::to_string);
        format!(
            "{} requests with tools, others {:?}\n{}\n{out}\n{err}\nlast request: {}",
            self.requests.len(),
            self.others,
            self.output.status,
            last.unwrap_or_default()
        )
    }
}

/// A row of the table, where everything is as it has to be.
fn try_client(client: Client) -> String {
    let env = TestEnv::new();
    let version = client.version(&env);
    let control = observe(&env, client, &[Turn::Commit, Turn::End], false);
    assert!(
        control.committed,
        "{client:?} commits without Passmuster: {}",
        control.explain()
    );
    let start = Instant::now();
    let script = [Turn::Verify, Turn::Commit, Turn::End, Turn::End];
    let seen = observe(&env, client, &script, true);
    let seconds = start.elapsed().as_secs_f64();
    for (what, holds) in judged(client, &seen) {
        assert!(holds, "{client:?} {version}, {what}: {}", seen.explain());
    }
    let end_held = match client.asks_at_the_end() {
        true => "yes",
        false => "no such hook",
    };
    format!(
        "| {} | {version} | yes | yes | yes | {end_held} | yes | {seconds:.0} |",
        client.name()
    )
}

/// What has to hold, and whether it does.
fn judged(client: Client, seen: &Observed) -> [(&'static str, bool); 5] {
    let held_at_end = client.asks_at_the_end();
    // An agent that changes nothing after it was held is held once.
    let requests = if held_at_end { 4 } else { 3 };
    let released = seen.output.status.success() && seen.requests.len() == requests;
    [
        ("the tool is called", seen.requests.len() > 1),
        ("the verdict comes back", seen.new_in(1, REASON)),
        (
            "the commit is held",
            seen.new_in(2, HELD) && !seen.committed,
        ),
        ("the end is held", seen.new_in(3, HELD) == held_at_end),
        ("the agent is released", released),
    ]
}
