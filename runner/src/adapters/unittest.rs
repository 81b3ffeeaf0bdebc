//! unittest: `-m unittest` in the policy's command becomes our stand-in, which runs the same program and writes records.

use std::collections::BTreeSet;

use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestId, TestResult};

use super::python::{self, Scope, Which};
use super::{AdapterError, Launch, Phases, Selection, Support, ids};

const PROGRAM: Support = Support {
    name: "passmuster_unittest.py",
    content: include_bytes!("assets/passmuster_unittest.py"),
    executable: false,
};

/// Runs unittest once.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let program = launch.places.lib.join(PROGRAM.name).display().to_string();
    let argv = command(&launch.job.argv, &program, &launch.job.select).ok_or(AdapterError::Command {
        framework: "unittest",
        why: "it must hold the words `-m unittest`; for another way to start the tests use framework \"junit\"",
    })?;
    let mut phase = launch.phase(argv, vec![python::RECORDS, PROGRAM]);
    python::announce(&mut phase.env, launch.job, launch.places);
    let end = launch.launch(phase).await?;
    let cwd = launch.job.cwd.as_ref().unwrap_or(&launch.places.tree);
    Ok(python::read(&end, launch.places, cwd, identify).finish())
}

/// The command with our program in place of `-m unittest`; a selection replaces what follows but keeps simple flags.
fn command(argv: &[String], program: &str, select: &Selection) -> Option<Vec<String>> {
    let at = argv
        .windows(2)
        .position(|words| words == ["-m", "unittest"])?;
    let mut command: Vec<String> = argv.iter().take(at).cloned().collect();
    command.push(program.to_owned());
    let arguments = argv.iter().skip(at + 2);
    match select {
        Selection::All => command.extend(arguments.cloned()),
        Selection::Ids(tests) => {
            command.extend(
                arguments
                    .filter(|word| FLAGS.contains(&word.as_str()))
                    .cloned(),
            );
            command.extend(modules(tests));
        }
    }
    Some(command)
}

/// Flags of unittest without a value that say how tests run, not which.
const FLAGS: [&str; 7] = [
    "-v",
    "--verbose",
    "-q",
    "--quiet",
    "-b",
    "--buffer",
    "--locals",
];

/// The modules that hold these tests: `package.module` of `package.module.Class.test`.
fn modules(tests: &[TestResult]) -> Vec<String> {
    let module = |test: &TestResult| {
        let depth = test.id.name.split('.').count();
        let words: Vec<_> = test.selector.split('.').collect();
        words
            .get(..words.len().saturating_sub(depth))
            .unwrap_or_default()
            .join(".")
    };
    let modules: BTreeSet<_> = tests
        .iter()
        .map(module)
        .filter(|name| !name.is_empty())
        .collect();
    modules.into_iter().collect()
}

/// The file of the module, and the id without the module's name.
pub(super) fn identify(scope: &Scope<'_>, which: &Which) -> TestId {
    let file = which
        .file_of_test
        .as_deref()
        .and_then(|file| scope.path(file));
    let prefix = which.module.as_ref().map(|module| format!("{module}."));
    let short = prefix
        .and_then(|prefix| which.id.strip_prefix(&prefix))
        .filter(|_| file.is_some());
    TestId {
        unit: String::new(),
        name: ids::stable(short.unwrap_or(&which.id)),
        file,
        parameters: None,
        ordinal: 0,
    }
}
