//! jest: the policy's command with its own JSON report, written to a file that the runner owns.
//!
//! It runs as in continuous integration: no snapshot is written, nobody watches, and the first failure ends nothing. Node
//! must find jest itself in the command: what `npm test` starts cannot be given options of ours.

use passmuster_policy::run::TestRun;

use super::js_report::{self, REPORT};
use super::words::{options, program, without};
use super::{AdapterError, Launch, Phases, get, set};

/// Runs the policy's command once.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let report = launch.report(REPORT).to_string_lossy().into_owned();
    let files = launch.files();
    let argv = command(&launch.job.argv, &report, files.as_deref()).ok_or(AdapterError::Command {
        framework: "jest",
        why: "`jest` must be one of its words, as in `npx --no-install jest`; for another way to start the tests use framework \"junit\"",
    })?;
    let mut phase = launch.phase(argv, Vec::new());
    if get(&phase.env, "CI").is_none() {
        set(&mut phase.env, "CI", "true");
    }
    let end = launch.launch(phase).await?;
    Ok(js_report::read(&end, &launch.places.tree, launch.job.cwd.as_deref(), "jest").finish())
}

/// The command with its report; files of a selection take the place of the policy's patterns.
fn command(argv: &[String], report: &str, files: Option<&[String]>) -> Option<Vec<String>> {
    let (head, tail) = program(argv, &["jest", "jest.js"])?;
    let own = without(tail, &["--outputFile"], &OVERRULED);
    let own: Vec<_> = own
        .into_iter()
        .filter(|word| !word.starts_with("--bail="))
        .collect();
    let mut command = head.to_vec();
    command.extend(["--json", "--testLocationInResults", "--ci", "--bail=0"].map(str::to_owned));
    command.push(format!("--outputFile={report}"));
    match files.and_then(|files| Some((options(&own, &VALUED, &FLAGS)?, files))) {
        Some((options, files)) => {
            command.extend(options);
            command.push("--runTestsByPath".to_owned());
            command.extend_from_slice(files);
        }
        None => command.extend(own),
    }
    Some(command)
}

/// What would end the run early, keep it waiting, or write what the tests compare with.
const OVERRULED: [&str; 9] = [
    "--json",
    "--testLocationInResults",
    "--ci",
    "-b",
    "--bail",
    "-u",
    "--updateSnapshot",
    "--watch",
    "--watchAll",
];

/// Options that take exactly the next word (jest 30); those that take several are left out.
const VALUED: [&str; 20] = [
    "c",
    "config",
    "cacheDirectory",
    "coverageDirectory",
    "coverageProvider",
    "env",
    "environment",
    "globals",
    "maxConcurrency",
    "maxWorkers",
    "preset",
    "rootDir",
    "seed",
    "shard",
    "t",
    "testEnvironment",
    "testNamePattern",
    "testTimeout",
    "w",
    "workerThreads",
];

/// Options that stand alone.
const FLAGS: [&str; 22] = [
    "cache",
    "clearMocks",
    "colors",
    "coverage",
    "debug",
    "detectOpenHandles",
    "errorOnDeprecated",
    "expand",
    "e",
    "forceExit",
    "i",
    "logHeapUsage",
    "no-cache",
    "no-coverage",
    "noStackTrace",
    "passWithNoTests",
    "resetMocks",
    "restoreMocks",
    "runInBand",
    "silent",
    "useStderr",
    "verbose",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_policys_words_stay_and_no_option_takes_the_report_or_the_run_away() {
        const OURS: &str = "--json --testLocationInResults --ci --bail=0 --outputFile=/r";
        let files = ["/t/a.test.js".to_owned()];
        for (given, files, expected) in [
            (
                "npx --no-install jest",
                None,
                format!("npx --no-install jest {OURS}"),
            ),
            (
                "node node_modules/jest/bin/jest.js --watch -u --bail=1 --outputFile /x -b src",
                None,
                format!("node node_modules/jest/bin/jest.js {OURS} src"),
            ),
            (
                "jest -t name -i src --config c.json",
                Some(&files[..]),
                format!("jest {OURS} -t name -i --config c.json --runTestsByPath /t/a.test.js"),
            ),
            (
                "jest --projects a b",
                Some(&files[..]),
                format!("jest {OURS} --projects a b"),
            ),
        ] {
            let found = command(&words(given), "/r", files).map(|words| words.join(" "));
            assert_eq!(found, Some(expected));
        }
        assert_eq!(command(&words("npm test"), "/r", None), None);
    }
}
