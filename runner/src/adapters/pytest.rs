//! pytest: a plugin module of ours is loaded into the policy's own command and writes records.

use std::collections::BTreeSet;
use std::ffi::OsString;

use passmuster_policy::run::TestRun;
use passmuster_policy::tests::{TestId, TestResult};

use super::planted::{CONTROLS, Planted};
use super::python::{self, Scope, Which};
use super::{AdapterError, Launch, ONLY, Phases, Selection, Support, get, ids, set};

const PLUGIN: Support = Support {
    name: "passmuster_pytest.py",
    content: include_bytes!("assets/passmuster_pytest.py"),
    executable: false,
};

/// Runs pytest once. The cache plugin stays on: a policy's `--lf` or a suite's `config.cache` must work as it would without us.
pub(super) async fn run<P: Phases>(
    launch: &mut Launch<'_, P>,
) -> Result<TestRun, AdapterError<P::Error>> {
    let planted = Planted::for_pytest().map_err(AdapterError::Random)?;
    let support = vec![python::RECORDS, CONTROLS, PLUGIN];
    let mut phase = launch.phase(launch.job.argv.clone(), support);
    phase.handed.push(planted.handed());
    if let Selection::Ids(tests) = &launch.job.select {
        set(&mut phase.env, ONLY, files(tests));
    }
    python::announce(&mut phase.env, launch.job, launch.places);
    let own = |name| get(&launch.job.env, name).cloned().unwrap_or_default();
    set(
        &mut phase.env,
        "PYTEST_ADDOPTS",
        joined("-p passmuster_pytest", " ", &own("PYTEST_ADDOPTS")),
    );
    set(
        &mut phase.env,
        "PYTHONPATH",
        joined(&launch.places.lib, ":", &own("PYTHONPATH")),
    );
    let end = launch.launch(phase).await?;
    let cwd = launch.job.cwd.as_ref().unwrap_or(&launch.places.tree);
    Ok(python::read(&end, launch.places, cwd, identify, planted).finish())
}

fn joined(ours: impl Into<OsString>, between: &str, own: &OsString) -> OsString {
    let mut value = ours.into();
    if !own.is_empty() {
        value.push(between);
        value.push(own);
    }
    value
}

/// Whole files: a test may depend on what its neighbours did. The plugin deselects all others, whatever paths the policy's
/// command names.
fn files(tests: &[TestResult]) -> String {
    let file = |test: &TestResult| test.selector.split("::").next().map(str::to_owned);
    let files: BTreeSet<_> = tests.iter().filter_map(file).collect();
    files.into_iter().collect::<Vec<_>>().join("\n")
}

/// `path::Class::name[parameters]`, the path below pytest's root directory.
pub(super) fn identify(scope: &Scope<'_>, which: &Which) -> TestId {
    let (file, name) = which.id.split_once("::").unwrap_or((&which.id, ""));
    let (name, parameters) = match name.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((name, parameters)) => (name, Some(ids::stable(parameters))),
        None => (name, None),
    };
    TestId {
        unit: String::new(),
        file: scope.path(file),
        name: ids::stable(name),
        parameters,
        ordinal: 0,
    }
}
