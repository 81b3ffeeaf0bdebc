//! unittest: `-m unittest` in the policy's command becomes our stand-in, which runs the same program and writes records.

use std::collections::BTreeSet;

use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestId, TestResult};

use super::planted::{CONTROLS, Planted};
use super::python::{self, Scope, Which};
use super::{AdapterError, Launch, ONLY, Phases, Selection, Support, ids, set};

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
    let argv = command(&launch.job.argv, &program).ok_or(AdapterError::Command {
        framework: "unittest",
        why: "it must hold the words `-m unittest`; for another way to start the tests use framework \"junit\"",
    })?;
    let planted = Planted::for_unittest().map_err(AdapterError::Random)?;
    let mut phase = launch.phase(argv, vec![python::RECORDS, CONTROLS, PROGRAM]);
    phase.handed.push(planted.handed());
    if let Selection::Ids(tests) = &launch.job.select {
        set(&mut phase.env, ONLY, modules(tests));
    }
    python::announce(&mut phase.env, launch.job, launch.places);
    let end = launch.launch(phase).await?;
    let cwd = launch.job.cwd.as_ref().unwrap_or(&launch.places.tree);
    Ok(python::read(&end, launch.places, cwd, identify, planted).finish())
}

/// The command with our program in place of `-m unittest`.
fn command(argv: &[String], program: &str) -> Option<Vec<String>> {
    let at = argv
        .windows(2)
        .position(|words| words == ["-m", "unittest"])?;
    let mut command = argv.to_vec();
    command.splice(at..at + 2, [program.to_owned()]);
    Some(command)
}

/// The modules that hold these tests, `package.module` of `package.module.Class.test`: our program runs no others.
fn modules(tests: &[TestResult]) -> String {
    let module = |test: &TestResult| {
        let suffix = format!(".{}", test.id.name);
        test.selector
            .strip_suffix(&suffix)
            .unwrap_or(&test.selector)
            .to_owned()
    };
    let modules: BTreeSet<_> = tests.iter().map(module).collect();
    modules.into_iter().collect::<Vec<_>>().join("\n")
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
