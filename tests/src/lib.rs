//! Support for the tests: a machine of its own for each test, and the program driven from outside.
//!
//! 1. [`environment`]: a fresh home, cache and temporary directory; who the caller is.
//! 2. [`repository`]: the repositories that are verified, made from the example projects.
//! 3. [`program`]: starting the program, and what came of it.
//! 4. [`verdict`]: reading its JSON.
//! 5. [`expectation`]: the example proposals and what must come of them.
//! 6. [`plain`]: what an ordinary runner says of them.
//! 7. [`rates`]: how often both are wrong.
//! 8. [`snapshot`] and [`leftovers`]: proof that nothing was touched and nothing is left.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's support that cannot go on has to end the test, with the place and the cause"
)]

pub mod environment;
pub mod expectation;
pub mod leftovers;
pub mod plain;
pub mod program;
pub mod rates;
pub mod repository;
pub mod rounds;
pub mod snapshot;
pub mod verdict;

use std::path::{Path, PathBuf};

pub use environment::{TestEnv, test_env};
pub use program::{Finished, Invocation};
pub use repository::Repository;
pub use verdict::{Verdict, assert_protection};

/// The root of this workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package has a parent")
        .to_path_buf()
}

/// A tree to verify: an example project by its name, else one of the trees in `testdata`.
pub fn tree(name: &str) -> PathBuf {
    let example = workspace().join("examples/repos").join(name);
    if example.is_dir() {
        example
    } else {
        testdata("trees").join(name)
    }
}

/// A file or directory of the tests' own data.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// The patch of an example proposal.
pub fn proposal(repo: &str, name: &str) -> PathBuf {
    workspace().join(format!("examples/proposals/{repo}/{name}.patch"))
}

/// Runs a tool that the test itself needs, and gives its standard output; panics when it fails.
pub fn tool(command: &mut std::process::Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}
