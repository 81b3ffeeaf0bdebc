//! Installing into clients: their files keep what is not ours, and what was installed works.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use passmuster_tests::program::Finished;
use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{Repository, TestEnv, proposal, test_env, tool};
use serde_json::{Value, json};

const REPO: &str = "python-ledger";

fn run(
    env: &TestEnv,
    repo: &Repository<'_>,
    command: &str,
    client: &str,
    more: &[&str],
) -> Finished {
    env.passmuster([command, client])
        .args(more)
        .cwd(repo.root())
        .run()
}

fn text(repo: &Repository<'_>, path: &str) -> String {
    fs::read_to_string(repo.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json_of(repo: &Repository<'_>, path: &str) -> Value {
    serde_json::from_str(&text(repo, path)).unwrap()
}

/// Every file and directory outside git's own, and git's hooks, with their bytes.
fn files(repo: &Repository<'_>) -> String {
    let list = "find . -path ./.git -prune -o -print | sort; find .git/hooks . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum";
    tool(
        Command::new("sh")
            .args(["-c", list])
            .current_dir(repo.root()),
    )
}

#[test]
fn nothing_is_written_before_somebody_agrees_and_all_of_it_can_be_taken_back() {
    let env = TestEnv::new();
    for client in ["claude", "codex", "opencode", "git"] {
        let repo = env.repo(REPO);
        repo.write("CLAUDE.md", "# Ours\n\nText.\n");
        repo.write("AGENTS.md", "# Ours\r\n\r\nNo line end");
        repo.write(
            ".mcp.json",
            "{\n  \"mcpServers\": {\n    \"other\": { \"command\": \"x\" }\n  }\n}\n",
        );
        repo.write(".codex/config.toml", "# mine\nmodel = \"m\"\n\n[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"mine\"\n");
        let before = Snapshot::of(repo.root());
        let bytes = files(&repo);
        let shown = run(&env, &repo, "install", client, &["--base", "main"]);
        shown.assert_code(0);
        assert!(shown.out().contains("\n+"), "{}", shown.all());
        assert!(
            shown.err().contains("nothing was written"),
            "{}",
            shown.all()
        );
        before.assert_unchanged(repo.root());
        let written = run(&env, &repo, "install", client, &["--base", "main", "--yes"]);
        written.assert_code(0);
        assert_eq!(
            written.out(),
            shown.out(),
            "what is written is what was shown"
        );
        let again = run(&env, &repo, "install", client, &["--base", "main", "--yes"]);
        assert_eq!(again.out(), "", "twice is once: {}", again.all());
        let moved = run(&env, &repo, "install", client, &["--yes"]);
        assert!(
            moved.out().contains("\n-"),
            "an older one is replaced: {}",
            moved.all()
        );
        run(&env, &repo, "uninstall", client, &["--yes"]).assert_code(0);
        assert_eq!(files(&repo), bytes);
        let nothing = run(&env, &repo, "uninstall", client, &["--yes"]);
        assert!(nothing.err().contains("nothing to change"));
    }
}

#[test]
fn each_client_finds_its_server_and_its_hooks() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    for (client, left) in [("claude", "agree"), ("codex", "/hooks"), ("opencode", "")] {
        let done = run(&env, &repo, "install", client, &["--yes"]);
        done.assert_code(0);
        assert!(done.err().contains(left), "{client}: {}", done.all());
    }
    let program = env.binary().canonicalize().unwrap();
    let server = &json_of(&repo, ".mcp.json")["mcpServers"]["passmuster"];
    assert_eq!(server["command"], json!(program));
    assert_eq!(server["args"], json!(["mcp"]));
    assert_eq!(
        server["alwaysLoad"], true,
        "a model does not search for tools"
    );
    let hooks = &json_of(&repo, ".claude/settings.json")["hooks"];
    assert_eq!(hooks["PreToolUse"][0]["matcher"], "Bash");
    let stop = &hooks["Stop"][0]["hooks"][0];
    let limit = stop["timeout"].as_u64().unwrap();
    let command = stop["command"].as_str().unwrap();
    let wait: u64 = command.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        wait < limit,
        "the hook answers before its client gives it up"
    );
    // The very line that the client would run.
    repo.apply(&proposal(REPO, "faulty-regression"));
    let event = json!({ "hook_event_name": "Stop", "session_id": "s", "cwd": repo.root() });
    let asked = format!("printf %s '{event}' | {command}");
    let answer = env.command("sh").args(["-c", &asked]).output().unwrap();
    assert_eq!(answer.status.code(), Some(2));
    let codex: toml::Table = toml::from_str(&text(&repo, ".codex/config.toml")).unwrap();
    assert_eq!(
        codex["mcp_servers"]["passmuster"]["args"][0].as_str(),
        Some("mcp")
    );
    let codex_stop = &codex["hooks"]["Stop"][0]["hooks"][0];
    assert!(
        codex_stop["command"]
            .as_str()
            .unwrap()
            .contains("hook codex")
    );
    let before = &codex["hooks"]["PreToolUse"][0];
    assert_eq!(before["matcher"].as_str(), Some("^Bash$"));
    assert_eq!(before["hooks"][0], *codex_stop);
    let opencode = json_of(&repo, "opencode.json");
    assert_eq!(opencode["mcp"]["passmuster"]["command"][1], "mcp");
    for file in ["CLAUDE.md", "AGENTS.md"] {
        assert!(
            text(&repo, file).contains("Only the verdict `pass`"),
            "{file}"
        );
    }
}

#[test]
fn what_the_operator_settles_stands_in_every_command() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let options = ["--base", "main", "--policy", "preset:python", "--yes"];
    for (client, commands) in [("claude", 3), ("codex", 3), ("opencode", 2), ("git", 1)] {
        let shown = run(&env, &repo, "install", client, &options);
        shown.assert_code(0);
        let added = shown.out();
        let words: String = added.replace(['"', ',', '[', ']', '+'], " ");
        let words: Vec<&str> = words.split_whitespace().collect();
        let settled = words.windows(4).filter(|four| *four == &options[..4]);
        assert_eq!(settled.count(), commands, "{client}: {added}");
    }
}

#[test]
fn a_file_keeps_its_link_and_its_mode_and_lies_where_its_reader_looks() {
    let mut env = TestEnv::new();
    let programs = env.work().join("programs");
    fs::create_dir(&programs).unwrap();
    symlink(env.binary(), programs.join("passmuster")).unwrap();
    env.first_on_path(&programs);
    let repo = env.repo(REPO);
    let path = |name: &str| repo.root().join(name);
    repo.write("AGENTS.md", "# Ours\n\u{1b}[2J\n");
    symlink("AGENTS.md", path("CLAUDE.md")).unwrap();
    repo.write(".mcp.json", "{}\n");
    fs::set_permissions(path(".mcp.json"), Permissions::from_mode(0o600)).unwrap();
    repo.git(["config", "core.hooksPath", "own hooks"]);
    repo.write("deep/er/file", "");
    let below = path("deep/er").to_str().unwrap().to_owned();
    for client in ["claude", "git"] {
        let written = run(&env, &repo, "install", client, &["--yes", "--repo", &below]);
        written.assert_code(0);
        assert!(!written.all().contains('\u{1b}'), "{:?}", written.all());
    }
    assert_eq!(
        fs::read_link(path("CLAUDE.md")).unwrap(),
        Path::new("AGENTS.md")
    );
    assert!(text(&repo, "AGENTS.md").contains("\u{1b}[2J\n\n<!-- passmuster claude: begin"));
    let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(".mcp.json"), 0o600, "it may hold a secret");
    assert_eq!(mode("own hooks/pre-push"), 0o755);
    let server = &json_of(&repo, ".mcp.json")["mcpServers"]["passmuster"];
    assert_eq!(server["command"], "passmuster", "found by its name");
}

#[test]
fn the_plugin_for_opencode_stops_a_commit_of_a_failing_change() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    run(&env, &repo, "install", "opencode", &["--yes"]).assert_code(0);
    repo.apply(&proposal(REPO, "faulty-regression"));
    let node = test_env("node");
    let plugin = env.path("tmp").join("plugin.mjs");
    tool(
        Command::new(node.join("node_modules/.bin/esbuild"))
            .arg(repo.root().join(".opencode/plugins/passmuster.ts"))
            .arg("--format=esm")
            .arg(format!("--outfile={}", plugin.display())),
    );
    let script = format!(
        "const {{ Passmuster }} = await import({});\n\
         const hooks = await Passmuster({{ directory: {} }});\n\
         for (const command of ['git status', 'git commit -am x']) {{\n\
           try {{ await hooks['tool.execute.before']({{ tool: 'bash' }}, {{ args: {{ command }} }}); console.log('goes on'); }}\n\
           catch (error) {{ console.log(error.message.split('\\n')[1]); }}\n\
         }}",
        json!(plugin),
        json!(repo.root())
    );
    let mut run = env.command("node");
    let said = tool(run.args(["--input-type=module", "--eval", &script]));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "goes on", "{said}");
    assert!(lines[1].starts_with("fail: fix the code"), "{said}");
    fs::remove_file(plugin).unwrap();
}

#[test]
fn a_push_of_what_did_not_pass_is_refused() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    let remote = env.work().join("remote.git");
    tool(
        env.command("git")
            .args(["init", "--quiet", "--bare", "--initial-branch=main"])
            .arg(&remote),
    );
    env.give(&remote);
    repo.git(["remote", "add", "origin", remote.to_str().unwrap()]);
    repo.git(["push", "--quiet", "origin", "main"]);
    run(&env, &repo, "install", "git", &["--yes"]).assert_code(0);
    let push = |words: &[&str]| {
        let mut git = env.command("git");
        git.current_dir(repo.root())
            .args(["push", "origin"])
            .args(words);
        git.output().unwrap()
    };
    repo.git(["checkout", "--quiet", "-b", "bad"]);
    repo.apply(&proposal(REPO, "faulty-regression"));
    repo.commit("Bad");
    // A commit on top hides nothing: what the remote lacks is judged as a whole.
    repo.write("notes.txt", "more\n");
    repo.commit("More");
    let refused = push(&["bad"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("is not pushed"),
        "{said}"
    );
    assert!(said.contains("tests-regressed"), "{said}");
    repo.git(["checkout", "--quiet", "-b", "good", "main"]);
    repo.apply(&proposal(REPO, "good-fix-lost-cents"));
    repo.commit("Good");
    let pushed = push(&["good"]);
    assert!(
        pushed.status.success(),
        "{}",
        String::from_utf8_lossy(&pushed.stderr)
    );
    // The operator's base takes the place of the one that the hook finds.
    let base = repo.git(["rev-parse", "main"]);
    let pinned = ["--yes", "--base", base.trim()];
    run(&env, &repo, "install", "git", &pinned).assert_code(0);
    for change in ["once", "and once more"] {
        repo.write("notes.txt", change);
        repo.commit(change);
        let pushed = push(&["good"]);
        let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
        assert!(pushed.status.success(), "{change}: {said}");
    }
    assert!(!push(&["bad"]).status.success());
    // Nothing new, and a deletion, are not verified.
    assert!(push(&["good:again", ":good"]).status.success());
    // The operator's base is the only one.
    run(
        &env,
        &repo,
        "install",
        "git",
        &["--yes", "--base", "origin/main"],
    )
    .assert_code(0);
    let pushed = push(&["good"]);
    let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert!(pushed.status.success() && said.contains("PASS"), "{said}");
    assert!(!push(&["bad"]).status.success());
    run(&env, &repo, "uninstall", "git", &["--yes"]).assert_code(0);
    let shared = env.work().join("shared-hooks");
    repo.git(["config", "core.hooksPath", shared.to_str().unwrap()]);
    let told = run(&env, &repo, "install", "git", &[]);
    assert!(!shared.exists(), "nobody agreed yet");
    assert!(
        told.err().contains("every repository with this setting"),
        "{}",
        told.all()
    );
}

#[test]
fn what_is_not_ours_or_not_readable_is_refused_and_stays() {
    let env = TestEnv::new();
    let repo = env.repo(REPO);
    repo.write(".mcp.json", "{ broken");
    repo.write(".codex/config.toml", "hooks = 1\n");
    repo.write(".git/hooks/pre-push", "#!/bin/sh\necho mine\n");
    let huge = fs::File::create(repo.root().join("opencode.json")).unwrap();
    huge.set_len(5 << 20).unwrap();
    let outside = env.work().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, repo.root().join(".opencode")).unwrap();
    let before = Snapshot::of(repo.root());
    for (client, word) in [
        ("claude", "it is no JSON"),
        ("codex", "does not parse any more"),
        ("git", "there is one that is not ours"),
        ("opencode", "no ordinary file of a reasonable size"),
    ] {
        let refused = run(&env, &repo, "install", client, &["--yes"]);
        refused.assert_code(2).assert_clear_message(&[word]);
        before.assert_unchanged(repo.root());
    }
    repo.remove("opencode.json");
    run(&env, &repo, "install", "opencode", &["--yes"])
        .assert_code(2)
        .assert_clear_message(&[".opencode"]);
    assert_eq!(
        fs::read_dir(&outside).unwrap().count(),
        0,
        "no link leads out"
    );
    // A repository can carry a link like these.
    let linked = env.repo(REPO);
    for (name, target) in [("CLAUDE.md", ".git/config"), ("AGENTS.md", "nowhere.md")] {
        symlink(target, linked.root().join(name)).unwrap();
    }
    for (client, word) in [("claude", "a file of git"), ("codex", "leads nowhere")] {
        let refused = run(&env, &linked, "install", client, &["--yes"]);
        refused.assert_code(2).assert_clear_message(&[word]);
    }
    linked.git(["status"]);
    // Somebody went on with what we once wrote.
    let kept = env.repo(REPO);
    run(&env, &kept, "install", "git", &["--yes"]).assert_code(0);
    let hook = text(&kept, ".git/hooks/pre-push") + "echo mine\n";
    kept.write(".git/hooks/pre-push", &hook);
    run(&env, &kept, "uninstall", "git", &["--yes"]).assert_code(0);
    assert_eq!(text(&kept, ".git/hooks/pre-push"), hook);
    // A link of the repository's own is no file of ours, and none leads into git's.
    let links = env.repo(REPO);
    links.write("AGENTS.md", "");
    symlink("AGENTS.md", links.root().join("CLAUDE.md")).unwrap();
    run(&env, &links, "install", "claude", &["--yes"]).assert_code(0);
    assert!(text(&links, "AGENTS.md").contains("Only the verdict"));
    run(&env, &links, "uninstall", "claude", &["--yes"]).assert_code(0);
    assert_eq!(text(&links, "CLAUDE.md"), "");
    assert!(links.root().join("CLAUDE.md").is_symlink());
    symlink(".git", links.root().join(".claude")).unwrap();
    let refused = run(&env, &links, "install", "claude", &["--yes"]);
    refused
        .assert_code(2)
        .assert_clear_message(&["a file of git"]);
    let control = run(&env, &links, "install", "git", &["--yes", "--base", "a\nb"]);
    control.assert_code(2).assert_clear_message(&["no word"]);
    links.git(["config", "core.hooksPath", "/dev/null"]);
    let device = run(&env, &links, "install", "git", &["--yes"]);
    device.assert_code(2).assert_clear_message(&["/dev/null"]);
    // What git tells its hooks is about another repository.
    let other = env.repo("python-red");
    let asked = env.passmuster(["install", "opencode", "--yes", "--repo"]);
    asked
        .args([other.root()])
        .variable("GIT_DIR", kept.root().join(".git"))
        .variable("GIT_WORK_TREE", kept.root())
        .cwd(kept.root())
        .run()
        .assert_code(0);
    assert!(other.root().join("opencode.json").exists());
    assert!(!kept.root().join("opencode.json").exists());
    let nowhere = env
        .passmuster(["install", "claude", "--repo", "/", "--yes"])
        .run();
    nowhere
        .assert_code(2)
        .assert_clear_message(&["no git repository"]);
}
