//! vitest: a reporter of ours stands beside the policy's, and writes one report when all is over.
//!
//! Vitest's own JSON report says nothing of hooks and of errors outside of tests, and does not tell expected and actual
//! values apart; ours has them, in the shape of jest's. It runs as in continuous integration: no snapshot is written, nobody
//! watches, and the first failure ends nothing. Vitest 3 or later: older ones do not call a reporter in this way.

use passmuster_policy::run::TestRun;

use super::words::{options, program, without};
use super::{AdapterError, Launch, Phases, Support, get, js_report, set};

const REPORTER: Support = Support {
    name: "passmuster_vitest.mjs",
    content: include_bytes!("assets/passmuster_vitest.mjs"),
    executable: false,
};

/// Runs the policy's command once.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let reporter = launch
        .places
        .lib
        .join(REPORTER.name)
        .to_string_lossy()
        .into_owned();
    let files = launch.files();
    let argv = command(&launch.job.argv, &reporter, files.as_deref()).ok_or(AdapterError::Command {
        framework: "vitest",
        why: "it must be `vitest run …`, as in `npx --no-install vitest run`; for another way to start the tests use framework \"junit\"",
    })?;
    let mut phase = launch.phase(argv, vec![REPORTER]);
    set(&mut phase.env, "PASSMUSTER_REPORT", &launch.places.report);
    if get(&phase.env, "CI").is_none() {
        set(&mut phase.env, "CI", "true");
    }
    let end = launch.launch(phase).await?;
    Ok(js_report::read(
        &end,
        &launch.places.tree,
        launch.job.cwd.as_deref(),
        "vitest",
    )
    .finish())
}

/// `vitest run` with our reporter; files of a selection take the place of the policy's filters.
fn command(argv: &[String], reporter: &str, files: Option<&[String]>) -> Option<Vec<String>> {
    let (head, tail) = program(argv, &["vitest", "vitest.mjs"])?;
    let tail = match tail.first().map(String::as_str) {
        Some("bench" | "init" | "list" | "related" | "typecheck") => return None,
        Some("run" | "watch" | "dev") => tail.get(1..).unwrap_or_default(),
        _ => tail,
    };
    let own = without(tail, &["--bail"], &OVERRULED);
    let mut command = head.to_vec();
    command.extend(["run", "--bail=0"].map(str::to_owned));
    if !own.iter().any(|word| word.starts_with("--reporter")) {
        command.push("--reporter=default".to_owned());
    }
    command.push(format!("--reporter={reporter}"));
    match files.and_then(|files| Some((options(&own, &VALUED, &FLAGS)?, files))) {
        Some((options, files)) => {
            command.extend(options);
            command.extend_from_slice(files);
        }
        None => command.extend(own),
    }
    Some(command)
}

/// What would keep the run waiting, or write what the tests compare with.
const OVERRULED: [&str; 8] = [
    "--run",
    "-w",
    "--watch",
    "--ui",
    "--open",
    "--standalone",
    "-u",
    "--update",
];

/// Options that take the next word (vitest 4).
const VALUED: [&str; 20] = [
    "c",
    "config",
    "dir",
    "environment",
    "exclude",
    "hookTimeout",
    "maxConcurrency",
    "maxWorkers",
    "mode",
    "outputFile",
    "pool",
    "project",
    "r",
    "reporter",
    "retry",
    "root",
    "shard",
    "t",
    "testNamePattern",
    "testTimeout",
];

/// Options that stand alone.
const FLAGS: [&str; 12] = [
    "allowOnly",
    "coverage",
    "dangerouslyIgnoreUnhandledErrors",
    "dom",
    "globals",
    "isolate",
    "no-coverage",
    "no-file-parallelism",
    "no-isolate",
    "passWithNoTests",
    "silent",
    "typecheck",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_policys_words_stay_and_every_run_ends_by_itself() {
        let files = ["/t/a.test.js".to_owned()];
        for (given, files, expected) in [
            (
                "npx --no-install vitest",
                None,
                "npx --no-install vitest run --bail=0 --reporter=default --reporter=/l.mjs",
            ),
            (
                "node node_modules/vitest/vitest.mjs watch --bail 1 -u --reporter=junit --outputFile=x src",
                None,
                "node node_modules/vitest/vitest.mjs run --bail=0 --reporter=/l.mjs --reporter=junit --outputFile=x src",
            ),
            (
                "vitest run --globals --project a src",
                Some(&files[..]),
                "vitest run --bail=0 --reporter=default --reporter=/l.mjs --globals --project a /t/a.test.js",
            ),
            (
                "vitest run --new-option src",
                Some(&files[..]),
                "vitest run --bail=0 --reporter=default --reporter=/l.mjs --new-option src",
            ),
        ] {
            let found = command(&words(given), "/l.mjs", files).map(|words| words.join(" "));
            assert_eq!(found.as_deref(), Some(expected));
        }
        for other in ["npm test", "vitest bench", "vitest list"] {
            assert_eq!(command(&words(other), "/l.mjs", None), None);
        }
    }
}
