//! The probe inside a sandbox and outside, as root and as an ordinary user; and the host afterwards.
//!
//! `tests/probe` says what is tried. Every violation must be refused inside in the way that its entry says, and the control
//! must show that the refusal is the sandbox's doing; every use must work on both sides. What the probe says of itself is
//! not all: [`stage`] looks at what it was after.

mod judge;
mod listeners;
mod shared_objects;
mod stage;
mod victims;

use std::path::Path;
use std::process::Command;

use judge::{Caller, Results, Row};
use passmuster_tests::snapshot::Snapshot;
use passmuster_tests::{Repository, TestEnv, tool, workspace};
use stage::{Side, Stage, Tier};

const NOTHING: [&str; 0] = [];
/// Fewer, and something fell out of the table.
const VIOLATIONS: usize = 150;
const USES: usize = 60;
/// What the tier `landlock` answers otherwise than the full sandbox.
const WITHOUT_NAMESPACES: &str = include_str!("probe/without_namespaces.table");
/// The directions of attack that the sandbox stands against.
const CLASSES: [&str; 13] = [
    "descriptors",
    "environment",
    "files",
    "identity",
    "ipc",
    "kernel",
    "machine",
    "namespaces",
    "network",
    "proc",
    "resources",
    "signals",
    "terminal",
];

fn table() -> Vec<Row> {
    judge::rows(&tool(
        Command::new(env!("CARGO_BIN_EXE_probe")).arg("table"),
    ))
}

fn repository(env: &TestEnv) -> Repository<'_> {
    env.repo("python-ledger")
}

/// Everything as it is tried without a sandbox.
fn outside(env: &TestEnv) -> Results {
    let repo = repository(env);
    let stage = Stage::set(env, repo.root(), Side::Outside);
    let said = tool(
        stage
            .command(&stage.probe(), Tier::Full)
            .args(["run".as_ref(), stage.scene().as_os_str()]),
    );
    // The look at the host notices what the control did, so it would notice the same of a sandbox.
    assert_eq!(
        stage.touched(),
        [
            "files",
            "processes",
            "listeners",
            "shared objects",
            "terminal"
        ]
    );
    judge::results(&said)
}

/// Everything as it is tried by a check of a verification, and the host unchanged by it.
fn inside(env: &TestEnv, tier: Tier) -> Results {
    let repo = repository(env);
    let stage = Stage::set(env, repo.root(), Side::Inside);
    repo.write("passmuster.toml", policy(&stage));
    repo.commit("A policy that runs the probe");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let before = Snapshot::of(repo.root());
    let mut verify = stage.command(env.binary(), tier);
    verify
        .args(["verify", "--format", "json", "--repo"])
        .arg(repo.root());
    if tier == Tier::Landlock {
        verify.args(["--isolation", "landlock"]);
    }
    let output = verify.output().unwrap();
    let verdict = passmuster_tests::Verdict::parse(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(verdict.decision(), "pass", "{verdict}");
    before.assert_unchanged(repo.root());
    assert_eq!(stage.touched(), NOTHING);
    drop(stage);
    env.assert_nothing_left("probe-scratch");
    judge::results(verdict.text("/checks/0/log"))
}

fn policy(stage: &Stage<'_>) -> String {
    let text = |path: &Path| format!("{:?}", path.display().to_string());
    format!(
        "version = 1\n\n[sandbox]\nread = [{}]\n\n[[check]]\nname = \"probe\"\nkind = \"command\"\nrun = [{}, \"run\", {}]\nlimits = {{ wall = \"4m\" }}\n",
        text(&stage.grant()),
        text(&stage.probe()),
        text(&stage.scene()),
    )
}

#[track_caller]
fn assert_contained(env: &TestEnv, caller: Caller, tier: Tier) {
    let (mut rows, outside, inside) = (table(), outside(env), inside(env, tier));
    if tier == Tier::Landlock {
        judge::expect_otherwise(&mut rows, caller, WITHOUT_NAMESPACES);
    }
    let wrong = judge::wrong(&rows, &inside, &outside, caller);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_root_callers_sandbox_refuses_every_violation_and_allows_every_use() {
    let env = TestEnv::new();
    let is_root = nix::unistd::geteuid().is_root();
    let caller = if is_root { Caller::Root } else { Caller::User };
    assert_contained(&env, caller, Tier::Full);
}

#[test]
fn an_ordinary_users_sandbox_refuses_every_violation_and_allows_every_use() {
    assert_contained(&TestEnv::as_user(), Caller::User, Tier::Full);
}

#[test]
fn without_namespaces_roots_sandbox_is_weaker_where_the_list_says_so_and_nowhere_else() {
    if nix::unistd::geteuid().is_root() {
        assert_contained(&TestEnv::new(), Caller::Root, Tier::Landlock);
    }
}

#[test]
fn without_namespaces_a_users_sandbox_is_weaker_where_the_list_says_so_and_nowhere_else() {
    if nix::unistd::geteuid().is_root() {
        assert_contained(&TestEnv::as_user(), Caller::User, Tier::Landlock);
    }
}

#[test]
fn the_probe_tries_every_class_and_enough_of_each_side() {
    let rows = table();
    let uses = rows.iter().filter(|row| row.is_use()).count();
    let violations = rows.len() - uses;
    assert!(
        violations >= VIOLATIONS && uses >= USES,
        "{violations} violations, {uses} uses"
    );
    for class in CLASSES {
        let of_class = rows
            .iter()
            .filter(|row| !row.is_use() && row.class() == class);
        assert!(of_class.count() >= 4, "{class}");
    }
    let security = std::fs::read_to_string(workspace().join("SECURITY.md")).unwrap();
    for class in rows.iter().filter(|row| !row.is_use()).map(Row::class) {
        assert!(
            security.contains(&format!("\n| `{class}` | ")),
            "{class} is described"
        );
    }
    let unproven = rows.iter().filter(|row| row.is_only_different()).count();
    assert!(
        unproven * 4 < violations,
        "{unproven} of {violations} have no control that succeeds"
    );
}
