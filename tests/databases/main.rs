//! Real PostgreSQL and Redis, as Debian packages them, beside real tests: with data from a prepare
//! step, for root and for an ordinary user. Prints a table in Markdown; ends by panic where something
//! does not hold.
//!
//! Not part of the ordinary tests, because it needs the two packages: `make test-services`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for the terminal that is test code: an error ends it with its place and cause"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use passmuster_tests::{Finished, Repository, TestEnv, Verdict, tree, workspace};

/// Where Debian puts each version's programs.
const POSTGRES: &str = "/usr/lib/postgresql";
/// The version that the example policy names.
const EXAMPLE: &str = "postgresql/15/";

fn main() {
    let version = installed();
    println!("PostgreSQL {version}, four tests over both services\n");
    println!(
        "| caller | first verdict | again, no store | regression | one run of the tests | services alone, started and ended |"
    );
    println!("|---|---|---|---|---|---|");
    for (caller, env) in [
        ("root or tester", TestEnv::new()),
        ("ordinary user", TestEnv::as_user()),
    ] {
        let [first, again, regression, run, alone] = measure(&env, &version).map(seconds);
        println!("| {caller} | {first} | {again} | {regression} | {run} | {alone} |");
    }
}

/// The newest version that is installed.
fn installed() -> String {
    let versions = fs::read_dir(POSTGRES).unwrap_or_else(|error| {
        panic!("{POSTGRES}: {error}: `make test-services` installs PostgreSQL")
    });
    let names = versions.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let served = names.filter(|name| Path::new(POSTGRES).join(name).join("bin/postgres").exists());
    served
        .max_by_key(|name| name.parse::<u32>().unwrap_or(0))
        .expect("a version of PostgreSQL")
}

fn measure(env: &TestEnv, version: &str) -> [Duration; 5] {
    let repo = repository(env, version);
    repo.edit("shop.py", "A shop that keeps", "A shop which keeps");
    let (honest, passed) = verify(env, &repo, &[]);
    honest.assert_code(0);
    assert_eq!(passed.count("maintained"), 4, "{passed}");
    let said = passed.0["findings"].to_string();
    assert!(
        !said.contains("outlived") && !said.contains("service"),
        "the servers' processes are nobody's leavings: {said}"
    );
    let run = passed.0["checks"][0]["usage"]["wall_ms"].as_u64().unwrap();

    // Both trees run once more, and find the data as the step left it.
    let (again, passed) = verify(env, &repo, &["--no-cache"]);
    again.assert_code(0);
    assert_eq!(passed.count("maintained"), 4, "{passed}");

    repo.edit("shop.py", "sum(int(cents)", "max(int(cents)");
    let (regression, failed) = verify(env, &repo, &[]);
    regression.assert_code(1);
    assert_eq!(failed.reasons(), ["tests-regressed"]);
    failed.assert_tests("regressed", &["test_the_total_is_the_sum_of_all_items"]);
    schema_change(env, &repo);
    unavailable(env, version);
    env.assert_nothing_left("");
    [
        honest.elapsed,
        again.elapsed,
        regression.elapsed,
        // Base and candidate together.
        Duration::from_millis(run) / 2,
        alone(env, version),
    ]
}

/// The example policy over a small project.
fn repository<'env>(env: &'env TestEnv, version: &str) -> Repository<'env> {
    let repo = env.repo_from(&tree("python-databases"), "python-databases");
    let example = workspace().join("examples/policies/python-postgres-redis.toml");
    let policy = fs::read_to_string(example).unwrap();
    assert!(policy.contains(EXAMPLE));
    repo.write(
        "passmuster.toml",
        policy.replace(EXAMPLE, &format!("postgresql/{version}/")),
    );
    repo.commit("The example policy");
    repo
}

/// What the services cost by themselves: a command that does nothing, run beside them.
fn alone(env: &TestEnv, version: &str) -> Duration {
    let repo = repository(env, version);
    repo.edit(
        "passmuster.toml",
        "kind = \"test\"\nframework = \"pytest\"",
        "kind = \"command\"",
    );
    repo.edit(
        "passmuster.toml",
        "[\"python\", \"-m\", \"pytest\", \"-q\"]",
        "[\"true\"]",
    );
    repo.commit("A check that does nothing");
    repo.edit("shop.py", "A shop that keeps", "A shop which keeps");
    let (finished, verdict) = verify(env, &repo, &[]);
    finished.assert_code(0);
    Duration::from_millis(verdict.0["checks"][0]["usage"]["wall_ms"].as_u64().unwrap())
}

/// A change of the step's inputs has a database of its own.
fn schema_change(env: &TestEnv, repo: &Repository<'_>) {
    repo.edit("shop.py", "max(int(cents)", "sum(int(cents)");
    repo.edit("db/schema.sql", "('milk', 145)", "('milk', 155)");
    let (finished, verdict) = verify(env, repo, &[]);
    finished.assert_code(1);
    verdict.assert_tests("regressed", &["test_the_total_is_the_sum_of_all_items"]);
}

/// A server that refuses its data is the machine's or the base's trouble, with its own words.
fn unavailable(env: &TestEnv, version: &str) {
    let repo = repository(env, version);
    repo.edit(
        "passmuster.toml",
        "mkdir /sandbox/env/redis",
        "chmod 755 /sandbox/env/postgres",
    );
    repo.commit("Data that PostgreSQL refuses");
    repo.edit("shop.py", "A shop that keeps", "A shop which keeps");
    let (finished, verdict) = verify(env, &repo, &[]);
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["service-unavailable"]);
    let log = verdict.text("/checks/0/log");
    assert!(log.contains("has invalid permissions"), "{verdict}");
}

fn verify(env: &TestEnv, repo: &Repository<'_>, options: &[&str]) -> (Finished, Verdict) {
    env.verify(repo, ["--worktree"]).args(options).verdict()
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
