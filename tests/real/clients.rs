//! `uv sync`, `npm ci` and `cargo fetch` in a prepare step with network, on empty caches, as root and as an
//! ordinary user.
//!
//! No registry is named here: the hosts of a step's list are those that the client itself, outside, wrote into
//! its lock file, its configuration or its cache.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use passmuster_tests::{TestEnv, Verdict, tool};

use crate::fetch::python;

/// How the operator's environment reaches the registries; passed on to the program as it is.
const WAY_OUT: [&str; 12] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
];

/// One package manager, a project for it, and a check that the packages are there.
struct Client {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// Makes the lock file outside, where the registry is known.
    lock: &'static [&'static str],
    /// Says where the registry is, beside what the lock file says.
    asks: &'static [&'static str],
    policy: &'static str,
}

const CLIENTS: [Client; 3] = [
    Client {
        name: "uv sync",
        files: &[(
            "pyproject.toml",
            "[project]\nname = \"wanted\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"idna==3.10\"]\n",
        )],
        lock: &["uv", "lock", "--quiet"],
        asks: &[],
        policy: r#"
[sandbox]
toolchains = ["python"]

[[prepare]]
name = "packages"
run = ["uv", "sync", "--frozen", "--no-install-project"]
inputs = ["uv.lock", "pyproject.toml"]
network = HOSTS
env = { UV_PROJECT_ENVIRONMENT = "/sandbox/env/venv" }
path = ["/sandbox/env/venv/bin"]

[[check]]
name = "is there"
kind = "command"
run = ["python", "-c", "import idna, sys; assert idna.__file__.startswith('/sandbox/env')"]
"#,
    },
    Client {
        name: "npm ci",
        files: &[(
            "package.json",
            "{\"name\": \"wanted\", \"version\": \"1.0.0\", \"dependencies\": {\"ms\": \"2.1.3\"}}",
        )],
        lock: &[
            "npm",
            "install",
            "--silent",
            "--package-lock-only",
            "--omit-lockfile-registry-resolved=false",
        ],
        asks: &["npm", "config", "get", "registry"],
        policy: r#"
[sandbox]
toolchains = ["node"]

[[prepare]]
name = "packages"
run = ["npm", "ci"]
inputs = ["package.json", "package-lock.json"]
network = HOSTS

[[check]]
name = "is there"
kind = "command"
run = ["node", "-e", "if (require('ms')('1s') !== 1000) process.exit(1)"]
"#,
    },
    Client {
        name: "cargo fetch",
        files: &[
            (
                "Cargo.toml",
                "[package]\nname = \"wanted\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = \"=1.0.15\"\n\n[workspace]\n",
            ),
            (
                "src/lib.rs",
                "pub fn text(number: u8) -> String { itoa::Buffer::new().format(number).to_owned() }\n",
            ),
        ],
        lock: &["cargo", "fetch", "--quiet"],
        asks: &[
            "sh",
            "-c",
            "cat ${CARGO_HOME:-$HOME/.cargo}/registry/index/*/config.json; \
             for index in ${CARGO_HOME:-$HOME/.cargo}/registry/index/*; do \
             name=$(basename $index); echo https://${name%-*}/; done",
        ],
        policy: r#"
[sandbox]
toolchains = ["rust", "cc"]

[[prepare]]
name = "packages"
run = ["cargo", "fetch", "--locked"]
inputs = ["Cargo.toml", "Cargo.lock"]
network = HOSTS
env = { CARGO_HOME = "/sandbox/env/cargo" }

[[check]]
name = "is there"
kind = "command"
run = ["cargo", "check", "--offline", "--locked"]
"#,
    },
];

/// Tries each client whose name is chosen; lines of a table, and what is wrong.
pub(crate) fn measure(chosen: impl Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for client in CLIENTS.iter().filter(|client| chosen(client.name)) {
        for (who, env) in [("root", TestEnv::new()), ("user", TestEnv::as_user())] {
            eprintln!("{} as {who} …", client.name);
            let (line, problem) = try_out(client, who, &env);
            lines.push(line);
            wrong.extend(problem);
        }
    }
    (lines, wrong)
}

fn try_out(client: &Client, who: &str, env: &TestEnv) -> (String, Option<String>) {
    let tools = match client.name {
        "uv sync" => Some(python(env, &["uv"])),
        _ => None,
    };
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let all = tools.into_iter().chain(std::env::split_paths(&inherited));
    let path = std::env::join_paths(all).unwrap();
    let source = env.path("source");
    fs::create_dir(&source).unwrap();
    for (name, content) in client.files {
        let file = source.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    let hosts = hosts(client, &source, &path);
    let policy = client
        .policy
        .replace("HOSTS", &format!("{:?}", Vec::from_iter(&hosts)));
    fs::write(
        source.join("passmuster.toml"),
        format!("version = 1\n{policy}"),
    )
    .unwrap();
    fs::write(source.join("README"), "one\n").unwrap();
    fs::write(source.join(".gitignore"), "node_modules\ntarget\n").unwrap();
    let _from_locking = fs::remove_dir_all(source.join("node_modules"));
    let repo = env.repo_from(&source, "wanted");
    repo.write("README", "two\n");
    let mut verify = env.verify(&repo, ["--worktree"]);
    if who == "root" || client.name == "uv sync" {
        verify = verify.variable("PATH", search_path(env, &path));
    }
    for name in WAY_OUT {
        if let Some(value) = std::env::var_os(name) {
            verify = verify.variable(name, value);
        }
    }
    let started = Instant::now();
    let finished = verify.run();
    let took = started.elapsed().as_secs_f64();
    let verdict = Verdict::parse(&finished.stdout).ok();
    let decision = verdict.as_ref().map_or("none", Verdict::decision);
    let line = format!(
        "| {} | {who} | {} | {took:.1} s | {decision} |",
        client.name,
        hosts.len()
    );
    let problem = (decision != "pass")
        .then(|| format!("{} as {who} does not pass\n{}", client.name, finished.all()));
    (line, problem)
}

/// The environment's own path, behind the client's.
fn search_path(env: &TestEnv, path: &OsString) -> OsString {
    let own = env.variables().iter().find(|(name, _)| name == "PATH");
    let own = own.map(|(_, value)| value.clone()).unwrap_or_default();
    let first = std::env::split_paths(path).take(1);
    std::env::join_paths(first.chain(std::env::split_paths(&own))).unwrap()
}

/// `host:port` of every address that locking wrote down or the client answers with.
fn hosts(client: &Client, source: &Path, path: &OsString) -> BTreeSet<String> {
    let run = |words: &[&str]| {
        let (program, args) = words.split_first().expect("a command has a word");
        let mut command = Command::new(program);
        command.args(args).current_dir(source).env("PATH", path);
        tool(&mut command)
    };
    run(client.lock);
    let mut text = String::new();
    for lock in ["uv.lock", "package-lock.json", "Cargo.lock"] {
        text += &fs::read_to_string(source.join(lock)).unwrap_or_default();
    }
    if !client.asks.is_empty() {
        text += &run(client.asks);
    }
    let addresses = text.split("https://").skip(1);
    let host = |rest: &str| rest.split(['/', '"', '\n']).next().map(str::to_owned);
    addresses
        .filter_map(host)
        // Cargo's lock names an index that no client asks any more.
        .map(|host| match host.contains(':') {
            true => host,
            false => format!("{host}:443"),
        })
        .collect()
}
