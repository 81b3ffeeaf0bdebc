//! Verdicts on a Python project with quick tests: what the program adds to the tests themselves,
//! what the second answer costs, and what two at once give.

use std::path::{Path, PathBuf};
use std::process::Command;

use passmuster_tests::{TestEnv, tool};

use crate::project::Project;
use crate::table::{Row, Target};
use passmuster_tests::rounds::{compare, timed};

const ROUNDS: usize = 11;
const MODULES: usize = 10;
const TESTS: usize = 20;

const POLICY: &str = r#"version = 1
extends = ["python"]

[[check]]
name = "tests"
kind = "test"
framework = "pytest"
run = ["python", "-m", "pytest", "-q"]
"#;

pub(crate) fn rows(env: &TestEnv) -> Vec<Row> {
    let mut project = generate(env);
    let warm = project.patch("#");
    project.passes(&warm);
    vec![
        over_the_tests(&mut project),
        with_a_test(&mut project),
        again(&mut project),
        two_at_once(&mut project),
    ]
}

/// Two hundred tests of ten modules, two packages deep, as small projects have them.
fn generate(env: &TestEnv) -> Project<'_> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", POLICY);
    repo.write(".gitignore", "__pycache__/\n.pytest_cache/\n");
    repo.write("conftest.py", "");
    repo.write("product/__init__.py", "");
    for module in 0..MODULES {
        let product = format!("def add(left, right):\n    return left + right + {module}\n");
        repo.write(format!("product/part_{module}.py"), product);
        repo.write(format!("tests/test_part_{module}.py"), tests(module));
    }
    repo.commit("A project with two hundred tests");
    Project::new(
        env,
        repo,
        "product/part_0.py",
        "    return left + right + 0",
    )
}

fn tests(module: usize) -> String {
    let test = |number: usize| {
        format!(
            "\n\ndef test_{number}():\n    assert add({number}, 1) == {}\n",
            number + 1 + module
        )
    };
    let import = format!("from product.part_{module} import add\n");
    (0..TESTS).fold(import, |text, number| text + &test(number))
}

fn over_the_tests(project: &mut Project<'_>) -> Row {
    let patches: Vec<PathBuf> = (0..=ROUNDS).map(|_| project.patch("#")).collect();
    let mut ours = |round: usize| project.passes(&patches[round]);
    let mut bare = |_| timed(|| tool(&mut pytest(project)));
    let found = compare(ROUNDS, &mut ours, &mut bare);
    let peer = "bare pytest, 200 tests, .pyc warm";
    Row::new(
        "verdict on a one-line patch, base known",
        peer,
        found,
        Target::Ratio(1.03),
    )
}

fn pytest(project: &Project<'_>) -> Command {
    let mut command = project.env.command("python");
    command
        .args(["-m", "pytest", "-q"])
        .current_dir(project.repo.root());
    command
}

/// What comes on top is the probe: the new test on the base's product.
fn with_a_test(project: &mut Project<'_>) -> Row {
    const TEST: &str =
        "from product.part_0 import add\n\n\ndef test_new():\n    assert add(1, 1) == 2\n";
    let plain: Vec<PathBuf> = (0..=ROUNDS).map(|_| project.patch("#")).collect();
    let mut tested = || project.patch_with("#", "tests/test_new.py", TEST);
    let tested: Vec<PathBuf> = (0..=ROUNDS).map(|_| tested()).collect();
    let mut ours = |round: usize| project.passes(&tested[round]);
    let mut peer = |round: usize| project.passes(&plain[round]);
    let found = compare(ROUNDS, &mut ours, &mut peer);
    Row::new(
        "the same with a test added",
        "the same without",
        found,
        Target::None,
    )
}

/// The peer is the least that a cache in front of other tools has to do with git's commands: apply
/// the patch to a copy of the index, and name the tree.
fn again(project: &mut Project<'_>) -> Row {
    let patch = project.patch("#");
    project.passes(&patch);
    let index = project.env.path("tmp").join("key-index");
    let mut ours = |_| project.passes(&patch);
    let mut key = |_| timed(|| content_key(project, &index, &patch));
    let found = compare(5 * ROUNDS, &mut ours, &mut key);
    let peer = "the key alone: `git apply --cached`, `git write-tree`";
    Row::new(
        "the same verdict again, whole process",
        peer,
        found,
        Target::Millis(25.0),
    )
}

fn content_key(project: &Project<'_>, index: &Path, patch: &Path) {
    std::fs::copy(project.repo.root().join(".git/index"), index).unwrap();
    let git = |args: &[&str]| {
        let mut command = project.env.command("git");
        command
            .args(args)
            .env("GIT_INDEX_FILE", index)
            .current_dir(project.repo.root());
        command
    };
    tool(git(&["apply", "--cached"]).arg(patch));
    tool(&mut git(&["write-tree"]));
}

fn two_at_once(project: &mut Project<'_>) -> Row {
    let mut pairs = || -> Vec<[PathBuf; 2]> {
        let pair = |_| [project.patch("#"), project.patch("#")];
        (0..=ROUNDS).map(pair).collect()
    };
    let (together, one_by_one) = (pairs(), pairs());
    let mut ours = |round: usize| project.both_pass(&together[round]);
    let mut peer = |round: usize| {
        let [first, second] = &one_by_one[round];
        project.passes(first) + project.passes(second)
    };
    let found = compare(ROUNDS, &mut ours, &mut peer);
    let target = Target::Ratio(1.0 / 1.9);
    Row::new(
        "two candidates at once",
        "the same one by one, same cores",
        found,
        target,
    )
}
