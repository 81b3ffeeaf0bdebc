//! `cargo test`: cargo builds and says what it would start; we start it, one process at a time, on a pipe of its own.
//!
//! 1. The policy's command runs with our recorder in place of every test binary and of rustdoc: directory, environment and
//!    arguments are then cargo's own, whatever features, profiles or packages the policy selects.
//! 2. Each recorded test binary is started with libtest's JSON events; one with a harness of its own as it is.
//! 3. Each recorded rustdoc run is started with the same events for its doctests.
//!
//! Libtest asks for nothing but the presence of `RUSTC_BOOTSTRAP`; the compiler reads it as a list of crates that may use
//! unstable features. The value names a crate that nobody has, so doctests and tests that compile see a stable compiler.

use std::collections::BTreeSet;
use std::ffi::OsString;

use passmuster_policy::run::{BrokenUnit, TestRun};
use passmuster_policy::tests::Failure;

use super::cargo_messages::{self, Build, Unit};
use super::cargo_records::{self, Kind, Record};
use super::cargo_results::Reading;
use super::draft::{Draft, SUCCESS, head};
use super::libtest_controls::{WRAPPER, Words, planted};
use super::words::without;
use super::{AdapterError, Launch, Phase, PhaseEnd, Phases, Selection, get, set};

/// Makes libtest accept unstable options, and lets no crate use unstable features.
const BOOTSTRAP: (&str, &str) = ("RUSTC_BOOTSTRAP", "passmuster_reads_libtest_events");

/// Libtest's options for JSON events.
const EVENTS: [&str; 5] = [
    "-Z",
    "unstable-options",
    "--format",
    "json",
    "--report-time",
];

/// Where the recorder writes.
pub(super) const REPORT: &str = "PASSMUSTER_REPORT";

/// Builds, then runs every test binary and every package's doctests.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let mut draft = Draft::default();
    draft.may_be_controlled(planted(launch));
    let end = launch.launch(recording(launch)?).await?;
    let build = cargo_messages::read(&end.stdout, &launch.places.tree);
    draft.phase_with_log(&end, &[&end.stderr, build.rendered.as_bytes()]);
    if end.stdout_truncated {
        draft.incomplete("cargo's messages were longer than the output limit");
    }
    let records = cargo_records::read(&end.reports);
    built(&mut draft, &build, &end);
    let mut started = BTreeSet::new();
    for record in records {
        if draft.stopped() {
            break;
        }
        match record {
            Err(why) => draft.contradiction(why),
            Ok(record) => one(launch, &mut draft, &build, &record, &mut started).await?,
        }
    }
    if !draft.stopped() {
        all_started(&mut draft, &build, &started);
    }
    Ok(draft.finish())
}

/// The policy's command with our recorder and cargo's JSON messages.
fn recording<P: Phases>(launch: &Launch<'_, P>) -> Result<Phase, AdapterError<P::Error>> {
    let argv = command(&launch.job.argv).ok_or(AdapterError::Command {
        framework: "cargo-test",
        why: "it must be `cargo test …`; for another way to start the tests use framework \"junit\"",
    })?;
    let mut phase = launch.phase(argv, vec![cargo_records::RUNNER, cargo_records::RUSTDOC]);
    let script = |name| launch.places.lib.join(name).into_os_string();
    for name in runner_variables(launch) {
        set(&mut phase.env, &name, script(cargo_records::RUNNER.name));
    }
    set(
        &mut phase.env,
        "RUSTDOC",
        script(cargo_records::RUSTDOC.name),
    );
    set(&mut phase.env, REPORT, &launch.places.report);
    Ok(phase)
}

/// `cargo test` with JSON messages, building as much as can be built.
fn command(argv: &[String]) -> Option<Vec<String>> {
    argv.iter().position(|word| word == "test" || word == "t")?;
    let end = argv
        .iter()
        .position(|word| word == "--")
        .unwrap_or(argv.len());
    let (own, rest) = argv.split_at(end);
    let mut command = without(own, &["--message-format"], &["--no-fail-fast"]);
    command.extend([
        "--no-fail-fast".to_owned(),
        "--message-format=json".to_owned(),
    ]);
    command.extend_from_slice(rest);
    Some(command)
}

/// Cargo reads the runner of the target that it builds for: the host's two usual ones, and one that the policy names.
pub(super) fn runner_variables<P>(launch: &Launch<'_, P>) -> Vec<String> {
    let arch = std::env::consts::ARCH;
    let mut targets = vec![
        format!("{arch}-unknown-linux-gnu"),
        format!("{arch}-unknown-linux-musl"),
    ];
    let argv = &launch.job.argv;
    for (index, word) in argv.iter().enumerate() {
        let next = || argv.get(index + 1).cloned();
        let named = word.strip_prefix("--target=").map(str::to_owned);
        targets.extend(named.or_else(|| next().filter(|_| word == "--target")));
    }
    let built_for = get(&launch.job.env, "CARGO_BUILD_TARGET").and_then(|target| target.to_str());
    targets.extend(built_for.map(str::to_owned));
    targets
        .iter()
        .map(|target| runner_variable(target))
        .collect()
}

fn runner_variable(target: &str) -> String {
    format!(
        "CARGO_TARGET_{}_RUNNER",
        target.to_uppercase().replace(['-', '.'], "_")
    )
}

/// What the build alone says.
fn built(draft: &mut Draft, build: &Build, end: &PhaseEnd) {
    for unit in &build.broken {
        draft.broken(unit.clone());
    }
    draft.provenance.fresh.clone_from(&build.fresh);
    if build.success.is_some() {
        draft.reported();
    }
    if !draft.has_broken() && end.outcome != SUCCESS {
        let stderr = String::from_utf8_lossy(&end.stderr);
        let error = stderr
            .lines()
            .find(|line| line.starts_with("error"))
            .unwrap_or("cargo failed");
        draft.broken(BrokenUnit {
            unit: "cargo".to_owned(),
            file: None,
            line: None,
            message: head(error, Failure::MESSAGE_CAP).to_owned(),
            more: Vec::new(),
        });
    }
}

/// Starts what one record stands for.
async fn one<P: Phases>(
    launch: &mut Launch<'_, P>,
    draft: &mut Draft,
    build: &Build,
    record: &Record,
    started: &mut BTreeSet<String>,
) -> Result<(), AdapterError<P::Error>> {
    if record.kind == Kind::Doctests {
        let unit = record
            .variable("CARGO_PKG_NAME")
            .unwrap_or_default()
            .to_owned();
        if selected(&launch.job.select, &unit, true) {
            let end = launch.launch(doctests(launch, record)).await?;
            Reading {
                draft,
                record,
                tree: &launch.places.tree,
                unit,
                doctests: true,
            }
            .libtest(&end, None);
        }
        return Ok(());
    }
    let program = record
        .argv
        .first()
        .map(|word| word.to_string_lossy().into_owned())
        .unwrap_or_default();
    let Some(unit) = build.executables.get(&program) else {
        draft.contradiction(format!("cargo started {program}, which it did not build"));
        return Ok(());
    };
    if !started.insert(program) || !selected(&launch.job.select, &unit.name(), false) {
        return Ok(());
    }
    let own_harness = cargo_records::own_harness(&record.manifest, &unit.kind, &unit.target);
    let asked = Words::new(launch)?.filter(|_| !own_harness);
    let mut phase = binary(launch, record, own_harness);
    if let Some(words) = &asked {
        words.ask(launch, &mut phase);
    }
    let end = launch.launch(phase).await?;
    let unit = unit.name();
    let mut reading = Reading {
        draft,
        record,
        tree: &launch.places.tree,
        unit,
        doctests: false,
    };
    match own_harness {
        true => reading.exit_status(&end),
        false => reading.libtest(&end, asked.as_ref()),
    }
    Ok(())
}

/// Whole binaries: a test may depend on what its neighbours did.
fn selected(select: &Selection, unit: &str, doctests: bool) -> bool {
    match select {
        Selection::All => true,
        Selection::Ids(tests) => tests
            .iter()
            .any(|test| test.id.unit == unit && test.id.file.is_some() == doctests),
    }
}

fn all_started(draft: &mut Draft, build: &Build, started: &BTreeSet<String>) {
    let unit = |program: &str| {
        build
            .executables
            .get(program)
            .map(Unit::name)
            .unwrap_or_default()
    };
    for program in build
        .executables
        .keys()
        .filter(|program| !started.contains(*program))
    {
        draft.incomplete(format!(
            "cargo built the tests of {} but did not start them",
            unit(program)
        ));
    }
}

/// A recorded test binary as a phase.
fn binary<P: Phases>(launch: &Launch<'_, P>, record: &Record, own_harness: bool) -> Phase {
    let mut argv = policy_runner(launch);
    match own_harness {
        true => argv.extend(record.argv.iter().cloned()),
        false => {
            let words: Vec<_> = record
                .argv
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            argv.extend(
                without(&words, &["--format"], &QUIETED)
                    .into_iter()
                    .map(OsString::from),
            );
            argv.extend(EVENTS.map(OsString::from));
        }
    }
    let mut env = policy_environment(launch, record);
    if !own_harness {
        set(&mut env, BOOTSTRAP.0, BOOTSTRAP.1);
    }
    Phase {
        argv,
        env,
        cwd: Some(record.cwd.clone()),
        ..Phase::default()
    }
}

/// Libtest's flags that only change what a person reads; output that is not captured would stand between the events.
const QUIETED: [&str; 5] = [
    "-q",
    "--quiet",
    "--nocapture",
    "--no-capture",
    "--show-output",
];

/// The runner that the policy's environment names, which our recorder took the place of.
fn policy_runner<P: Phases>(launch: &Launch<'_, P>) -> Vec<OsString> {
    let variables = runner_variables(launch);
    let runner = variables
        .iter()
        .find_map(|name| get(&launch.job.env, name)?.to_str());
    runner
        .unwrap_or_default()
        .split_whitespace()
        .map(OsString::from)
        .collect()
}

/// The recorded environment with the policy's own values where ours were.
fn policy_environment<P: Phases>(
    launch: &Launch<'_, P>,
    record: &Record,
) -> Vec<(String, OsString)> {
    let mut env = record.env.clone();
    let ours = ["RUSTDOC".to_owned(), REPORT.to_owned()];
    // The tests need not know with what they were built.
    if planted(launch) {
        env.retain(|(key, _)| key != WRAPPER);
    }
    for name in ours.into_iter().chain(runner_variables(launch)) {
        env.retain(|(key, _)| *key != name);
        if let Some(value) = get(&launch.job.env, &name) {
            set(&mut env, &name, value.clone());
        }
    }
    env
}

/// A recorded rustdoc run as a phase.
fn doctests<P: Phases>(launch: &Launch<'_, P>, record: &Record) -> Phase {
    let words: Vec<_> = record
        .argv
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words = without(
        &words,
        &[
            "--test-runtool",
            "--test-runtool-arg",
            "--runtool",
            "--runtool-arg",
            "--error-format",
        ],
        &QUIETED,
    );
    let rustdoc = get(&launch.job.env, "RUSTDOC")
        .cloned()
        .unwrap_or_else(|| "rustdoc".into());
    let mut argv = vec![OsString::from("/usr/bin/env"), rustdoc];
    argv.extend(test_arguments(&words).into_iter().map(OsString::from));
    argv.extend(["--test-args".into(), EVENTS.join(" ").into()]);
    let mut env = policy_environment(launch, record);
    set(&mut env, BOOTSTRAP.0, BOOTSTRAP.1);
    Phase {
        argv,
        env,
        cwd: Some(record.cwd.clone()),
        ..Phase::default()
    }
}

/// A flag that was taken out may leave the `--test-args` that announced it.
fn test_arguments(words: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        if kept.last().is_some_and(|last| last == "--test-args") && word.starts_with("--test-args")
        {
            kept.pop();
        }
        kept.push(word.clone());
    }
    if kept.last().is_some_and(|last| last == "--test-args") {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_policys_arguments_stay_and_ours_stand_before_the_tests_own() {
        let given = strings(&[
            "cargo",
            "test",
            "--message-format",
            "short",
            "-p",
            "a",
            "--",
            "--skip",
            "x",
        ]);
        let expected = [
            "cargo",
            "test",
            "-p",
            "a",
            "--no-fail-fast",
            "--message-format=json",
            "--",
            "--skip",
            "x",
        ];
        assert_eq!(command(&given), Some(strings(&expected)));
        assert_eq!(command(&strings(&["make", "check"])), None);
    }

    #[test]
    fn a_test_argument_that_was_taken_out_takes_its_announcement_with_it() {
        let words = strings(&["--test-args", "--test-args", "x", "--test-args"]);
        assert_eq!(test_arguments(&words), ["--test-args", "x"]);
    }
}
