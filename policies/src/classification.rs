//! Test, harness or product: what a file is to a test check.
//!
//! The tables are the design's, for whole files. Tables in mixed files (`pyproject.toml`,
//! `Cargo.toml`, `package.json`) and test items in sources are finer than a file and not decided
//! here: such a file is product. Nor is it known here which distributions are installed, so of the
//! modules that a file can shadow only Python's own and the test runner's count.

mod lint;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::path::RepoPath;
use crate::policy::{Check, CheckKind, FILE_NAME, Framework, GlobError, Globs, Policy, TestCheck};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileClass {
    /// What is tested.
    Product,
    /// A test, or data of a test.
    Test,
    /// What steers the test run and is neither.
    Harness,
}

const PYTHON_TESTS: &[&str] = &[
    "**/test_*.py",
    "**/*_test.py",
    "**/tests.py",
    "**/tests/**",
    "**/test/**",
    "**/testing/**",
    "**/__snapshots__/**",
    "**/*.ambr",
];
const PYTHON_HARNESS: &[&str] = &[
    "**/conftest.py",
    "**/pytest.ini",
    "**/.pytest.ini",
    "**/pytest.toml",
    "**/.pytest.toml",
    "**/tox.ini",
    "**/noxfile.py",
    "**/sitecustomize.py",
    "**/usercustomize.py",
    "**/*.pth",
    "**/.coveragerc",
    "**/.python-version",
    // Loaded in place of the source beside it, without a look at it.
    "**/*.pyc",
    "**/__pycache__/**",
    // Where pytest finds plugins by itself.
    "**/*.dist-info/**",
    "**/*.egg-info/**",
];
const CARGO_TESTS: &[&str] = &[
    "**/tests/**",
    "**/benches/**",
    "**/testdata/**",
    "**/*.snap",
];
const CARGO_HARNESS: &[&str] = &[
    "**/.cargo/**",
    "**/rust-toolchain*",
    "**/.config/nextest.toml",
    "**/clippy.toml",
    "**/.clippy.toml",
    "**/rustfmt.toml",
    "**/.rustfmt.toml",
    // Built already, as far as cargo can tell.
    "target/**",
];
const NODE_TESTS: &[&str] = &[
    "**/*.{test,spec}.*",
    // Names that `node --test` looks for by itself.
    "**/*{-,_}test.{js,cjs,mjs,ts,cts,mts}",
    "**/test-*.{js,cjs,mjs,ts,cts,mts}",
    "**/{test,spec}.{js,cjs,mjs,jsx,ts,cts,mts,tsx}",
    "**/__tests__/**",
    "**/__mocks__/**",
    "**/test/**",
    "**/tests/**",
    "**/*.snap",
];
const NODE_HARNESS: &[&str] = &[
    "**/{jest,vitest,vite,babel,eslint,prettier}.config.*",
    // Vite runs it in the process that reports.
    "**/postcss.config.*",
    "**/.postcssrc*",
    // What those usually name: files that run before every test, projects, what turns sources into scripts.
    "**/{jest,vitest}.{setup,workspace,projects,preset}.*",
    "**/{jest-,vitest-,}setupTests.*",
    "**/.{babelrc,swcrc}*",
    "**/.mocharc*",
    "**/.eslintrc*",
    "**/tsconfig*.json",
    "**/.npmrc",
    "**/.nvmrc",
    // Installed: what tests load by name, and what runs them.
    "**/node_modules/**",
];
const GO_TESTS: &[&str] = &["**/*_test.go", "**/testdata/**"];
const GO_HARNESS: &[&str] = &["**/go.work", "**/.golangci.*"];
/// Beside what is vendored: what tests import by name. A build must see it as its `go.mod` says.
const GO_TEST_HARNESS: &[&str] = &["**/go.work", "**/.golangci.*", "**/vendor/**"];

/// Modules that a Python test run imports from outside the tree: the standard library without its
/// own tests, the test runner, and what it and its usual plugins import. A file of the tree by such a name would take their place.
const PYTHON_MODULES: &str = include_str!("classification/python_modules.txt");

/// Whether a file lies where Python would find it before the module that it is named after.
fn shadows_a_module(path: &RepoPath) -> bool {
    let Some(path) = path.as_str() else {
        return false;
    };
    let path = path.strip_prefix("src/").unwrap_or(path);
    let module = match path.split_once('/') {
        // A compiled module's name goes on with the interpreter that it is for.
        None if path.ends_with(".so") => path.split('.').next(),
        None => path.strip_suffix(".py"),
        Some((package, "__init__.py")) => Some(package),
        Some(_) => None,
    };
    module.is_some_and(|module| {
        // What plugins of pytest are called, which load by themselves.
        module.starts_with("pytest_") || PYTHON_MODULES.lines().any(|known| known == module)
    })
}

/// Configuration of linters and type checkers, beside what the frameworks' tables name.
const TOOL_HARNESS: &[&str] = &[
    "**/{ruff,.ruff}.toml",
    "**/{mypy,.mypy}.ini",
    "**/{pylintrc,.pylintrc}{,.toml}",
    "**/{.flake8,.shellcheckrc,.yamllint*,.markdownlint*,.hadolint.*}",
    "**/ty.toml",
    "**/pyrightconfig.json",
    "**/jsconfig*.json",
    "**/{eslint,prettier,stylelint}.config.*",
    "**/{.prettierrc,.stylelintrc}*",
    "**/{.eslintignore,.prettierignore,.stylelintignore}",
    "**/biome.{json,jsonc}",
    "**/deny.toml",
    "**/{.oxlintrc,oxlint,tslint,dprint,.dprint}.{json,jsonc}",
    "**/{.clang-tidy,.clang-format,.clang-format-ignore,.jshintrc,.jshintignore,.luacheckrc}",
    "**/{.isort.cfg,.style.yapf,.yapfignore,.pycodestyle,.pydocstyle,.bandit,.codespellrc,.importlinter}",
    "**/{.sqlfluff,.sqlfluffignore,.semgrepignore,.tflint.hcl,.ansible-lint,.vale.ini,staticcheck.conf,revive.toml}",
    "**/.rubocop*.yml",
    "**/{typos,_typos,.typos}.toml",
    "**/{phpstan,psalm,phpcs,.phpcs,detekt}*.{neon,xml,yml,dist}",
    // Findings that somebody has accepted.
    "**/{eslint-suppressions.json,.secrets.baseline,.gitleaksignore}",
    "**/.basedpyright/**",
    "**/*-baseline.{neon,xml,json}",
    ".pre-commit-config.yaml",
    // What a tool takes for its own earlier results, or for itself.
    "**/.{ruff,mypy}_cache/**",
    "**/.eslintcache",
    "**/node_modules/**",
];

/// Steers the run whatever the framework.
const COMMON_HARNESS: &[&str] = &[
    FILE_NAME,
    "**/Makefile",
    "**/makefile",
    "**/GNUmakefile",
    "**/justfile",
    "**/Justfile",
    "**/.justfile",
    "**/{Taskfile,taskfile}*.{yml,yaml}",
    "**/.gitattributes",
    ".github/**",
    ".gitlab-ci.yml",
    ".gitlab/**",
    ".circleci/**",
    ".buildkite/**",
    ".woodpecker/**",
    ".woodpecker.{yml,yaml}",
    ".forgejo/**",
    ".gitea/**",
    ".travis.yml",
    ".drone.yml",
    ".ci/**",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
];

fn tables(framework: Framework) -> (&'static [&'static str], &'static [&'static str]) {
    match framework {
        Framework::Pytest | Framework::Unittest => (PYTHON_TESTS, PYTHON_HARNESS),
        Framework::CargoTest | Framework::Nextest => (CARGO_TESTS, CARGO_HARNESS),
        Framework::NodeTest | Framework::Vitest | Framework::Jest => (NODE_TESTS, NODE_HARNESS),
        Framework::GoTest => (GO_TESTS, GO_TEST_HARNESS),
        Framework::Junit => (&[], &[]),
    }
}

impl Framework {
    /// Whether its tests stand in product sources too, so that a file which holds some need be none.
    #[must_use]
    pub fn tests_in_sources(self) -> bool {
        matches!(self, Self::CargoTest | Self::Nextest)
    }
}

/// Tells what a file is to one test check.
#[derive(Clone, Debug)]
pub struct Classifier {
    overrides: [(FileClass, Globs); 3],
    tests: Globs,
    harness: Globs,
    /// Whether files can take the place of Python's own modules.
    python: bool,
    /// Files of the tree that `run` names, and those that its services' `run` names.
    named: Vec<RepoPath>,
    /// Test files among what `run` names.
    chosen: Vec<RepoPath>,
    /// Directories that seem to hold tests and nothing of the product, by what a run has shown.
    directories: Vec<RepoPath>,
    /// Files that are product all the same.
    released: BTreeSet<RepoPath>,
}

impl Classifier {
    /// For one test check of a policy.
    ///
    /// # Errors
    /// Never for the built-in tables (a test compiles them all); the type says so because globs
    /// can fail.
    pub fn new(check: &Check, test: &TestCheck) -> Result<Self, GlobError> {
        let (tests, harness) = tables(test.framework);
        let harness: Vec<&str> = harness.iter().chain(COMMON_HARNESS).copied().collect();
        Ok(Self {
            overrides: [
                (FileClass::Harness, test.harness.clone()),
                (FileClass::Test, test.tests.clone()),
                (FileClass::Product, test.product.clone()),
            ],
            tests: Globs::new(tests)?,
            harness: Globs::new(&harness)?,
            python: matches!(test.framework, Framework::Pytest | Framework::Unittest),
            named: named(&check.cwd, &check.run),
            chosen: chosen(check, test.framework),
            directories: Vec::new(),
            released: BTreeSet::new(),
        })
    }

    /// For a check that has no tests. Which program its command starts in the end is not known, so
    /// whatever steers any known one counts.
    ///
    /// # Errors
    /// As [`Classifier::new`].
    pub fn of_command(check: &Check) -> Result<Self, GlobError> {
        let tables = [
            COMMON_HARNESS,
            TOOL_HARNESS,
            PYTHON_HARNESS,
            CARGO_HARNESS,
            NODE_HARNESS,
            GO_HARNESS,
        ];
        Ok(Self {
            overrides: [FileClass::Harness, FileClass::Test, FileClass::Product]
                .map(|class| (class, Globs::default())),
            tests: Globs::default(),
            harness: Globs::new(&tables.concat())?,
            python: false,
            named: named(&check.cwd, &check.run),
            chosen: Vec::new(),
            directories: Vec::new(),
            released: BTreeSet::new(),
        })
    }

    /// Whether a file steers the check and a command names it. Such a file is the base's in every run.
    #[must_use]
    pub fn is_named(&self, path: &RepoPath) -> bool {
        self.named.contains(path) && self.classify(path) == FileClass::Harness
    }

    /// Whether a file is a test by its path or by the policy's word, not only because the command names it or
    /// because of [`Self::count_as_tests`].
    #[must_use]
    pub fn is_test_by_path(&self, path: &RepoPath) -> bool {
        self.classify(path) == FileClass::Test
            && (self.tests.matches(path) || self.overruled(path).is_some())
    }

    /// Makes tests of the files below these directories that would be product.
    pub fn count_as_tests(&mut self, directories: Vec<RepoPath>) {
        self.directories.extend(directories);
    }

    /// Whether a file is a test only because of [`Self::count_as_tests`].
    #[must_use]
    pub fn is_assumed(&self, path: &RepoPath) -> bool {
        self.lies_among_tests(path)
            && self.classify(path) == FileClass::Test
            && !self.chosen.contains(path)
            && !self.is_test_by_path(path)
    }

    fn lies_among_tests(&self, path: &RepoPath) -> bool {
        let lies = self.directories.iter().any(|one| path.is_below(one));
        lies && !self.released.contains(path)
    }

    /// Makes product of files that are tests, or harness, only because the command names them or because of
    /// [`Self::count_as_tests`].
    pub fn release(&mut self, paths: &BTreeSet<RepoPath>) {
        self.chosen.retain(|path| !paths.contains(path));
        self.named.retain(|path| !paths.contains(path));
        self.released.extend(paths.iter().cloned());
    }

    fn overruled(&self, path: &RepoPath) -> Option<FileClass> {
        let found = self.overrides.iter().find(|(_, globs)| globs.matches(path));
        found.map(|(class, _)| *class)
    }

    /// What a file is: the policy's word first, then harness, test, files named in `run`, product.
    pub fn classify(&self, path: &RepoPath) -> FileClass {
        if let Some(class) = self.overruled(path) {
            return class;
        }
        if self.harness.matches(path) || (self.python && shadows_a_module(path)) {
            FileClass::Harness
        } else if self.tests.matches(path) || self.chosen.contains(path) {
            FileClass::Test
        } else if self.named.contains(path) {
            FileClass::Harness
        } else if self.lies_among_tests(path) {
            FileClass::Test
        } else {
            FileClass::Product
        }
    }
}

/// The sources that a command chooses as tests: what stands behind the words that start the framework.
fn chosen(check: &Check, framework: Framework) -> Vec<RepoPath> {
    let (starts, endings): (&[&str], &[&str]) = match framework {
        Framework::Pytest => (&["pytest", "py.test"], &[".py"]),
        Framework::Unittest => (&["unittest"], &[".py"]),
        Framework::NodeTest => (&["--test"], &NODE_SOURCES),
        Framework::Vitest => (&["vitest", "vitest.mjs"], &NODE_SOURCES),
        Framework::Jest => (&["jest", "jest.js"], &NODE_SOURCES),
        Framework::CargoTest | Framework::Nextest | Framework::GoTest | Framework::Junit => {
            (&[], &[])
        }
    };
    let base_name = |word: &str| word.rsplit('/').next().map(str::to_owned);
    let is_start =
        |word: &String| base_name(word).is_some_and(|name| starts.contains(&name.as_str()));
    let Some(start) = check.run.iter().position(is_start) else {
        return Vec::new();
    };
    let words = check.run.iter().skip(start + 1);
    // `tests/test_a.py::test_b` chooses one test of a file.
    let files = words.filter_map(|word| word.split("::").next());
    let files = files.filter(|word| endings.iter().any(|ending| word.ends_with(ending)));
    let files: Vec<String> = files.map(str::to_owned).collect();
    named(&check.cwd, &files)
}

/// Endings of JavaScript and TypeScript sources.
const NODE_SOURCES: [&str; 8] = [".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx"];

/// The words of a command as paths in the tree, below `cwd`; also those within a word, as in
/// `--config=FILE` or a line for a shell.
fn named(cwd: &str, run: &[String]) -> Vec<RepoPath> {
    let between = |letter: char| letter.is_whitespace() || "=;&|()<>'\"`,".contains(letter);
    let path = |word: &str| {
        let parts = cwd.split('/').chain(word.split('/'));
        let parts: Vec<&str> = parts
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        RepoPath::from(parts.join("/").as_str())
    };
    run.iter()
        .flat_map(|word| word.split(between).chain([word.as_str()]))
        .filter(|word| !word.is_empty() && !word.starts_with(['/', '-']))
        .map(path)
        .collect()
}

/// One classifier for each check of a policy, with the check's name.
///
/// # Errors
/// As [`Classifier::new`].
pub fn classifiers(policy: &Policy) -> Result<Vec<(&str, Classifier)>, GlobError> {
    let classifier = |check: &Check| {
        let mut classifier = match &check.kind {
            CheckKind::Test(test) => Classifier::new(check, test)?,
            _ => Classifier::of_command(check)?,
        };
        if matches!(check.kind, CheckKind::Lint(_)) {
            classifier.named = lint::named_by(check);
        }
        let services = policy.service.iter().filter(|one| one.serves(check));
        let named = services.flat_map(|service| named("", &service.run));
        classifier.named.extend(named);
        Ok(classifier)
    };
    policy
        .check
        .iter()
        .map(|check| Ok((check.name.as_str(), classifier(check)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parse;

    fn classify(framework: &str, more: &str, path: &str) -> FileClass {
        let text = format!(
            "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"{framework}\"\n\
             run = [\"sh\", \"scripts/run.sh\", \"{{report}}\"]\n{more}"
        );
        let policy = parse(&text, "policy").unwrap();
        let found = classifiers(&policy).unwrap();
        found[0].1.classify(&path.into())
    }

    #[test]
    fn files_are_test_harness_or_product_as_the_design_says() {
        use FileClass::{Harness, Product, Test};
        for (framework, path, expected) in [
            ("pytest", "tests/test_a.py", Test),
            ("pytest", "a_test.py", Test),
            ("pytest", "pkg/testing/tools.py", Test),
            ("pytest", "tests/conftest.py", Harness),
            ("pytest", "pkg/a.py", Product),
            ("pytest", "setup.py", Product),
            ("unittest", "site.pth", Harness),
            ("pytest", "json.py", Harness),
            ("pytest", "src/unittest/__init__.py", Harness),
            ("pytest", "pluggy.cpython-311-x86_64-linux-gnu.so", Harness),
            ("pytest", "calc.so", Product),
            ("pytest", "_pytest/__init__.py", Harness),
            ("pytest", "pytest_cov/__init__.py", Harness),
            ("pytest", "pygments.py", Harness),
            ("pytest", "pkg/pytest_cov.py", Product),
            ("pytest", "pkg/json.py", Product),
            ("pytest", "json/other.py", Product),
            ("cargo-test", "json.py", Product),
            ("cargo-test", "crates/a/tests/x.rs", Test),
            ("cargo-test", ".cargo/config.toml", Harness),
            ("cargo-test", "rust-toolchain.toml", Harness),
            ("cargo-test", "build.rs", Product),
            ("nextest", ".config/nextest.toml", Harness),
            ("node-test", "lib/a.spec.mjs", Test),
            ("node-test", "lib/a-test.js", Test),
            ("node-test", "test-a.mjs", Test),
            ("node-test", "test.js", Test),
            ("node-test", "latest.js", Product),
            ("unittest", "app/tests.py", Test),
            ("node-test", "tsconfig.build.json", Harness),
            ("vitest", "postcss.config.cjs", Harness),
            ("vitest", "src/.postcssrc.json", Harness),
            ("node-test", "index.js", Product),
            ("node-test", "lib/node_modules/chai/index.js", Harness),
            ("pytest", "pkg/__pycache__/a.cpython-311.pyc", Harness),
            ("pytest", "a-1.0.dist-info/entry_points.txt", Harness),
            ("cargo-test", "target/debug/deps/a", Harness),
            ("cargo-test", "src/target/a.rs", Product),
            ("go-test", "a/vendor/example.org/assert/assert.go", Harness),
            ("go-test", "go.mod", Product),
            ("junit", "passmuster.toml", Harness),
            ("junit", "sub/Makefile", Harness),
            ("junit", "Taskfile.yml", Harness),
            ("junit", "tests/a", Product),
            ("junit", "scripts/run.sh", Harness),
            ("pytest", ".github/workflows/ci.yml", Harness),
        ] {
            assert_eq!(
                classify(framework, "", path),
                expected,
                "{framework} {path}"
            );
        }
    }

    #[test]
    fn a_source_that_the_command_chooses_is_a_test_and_one_that_starts_it_is_harness() {
        use FileClass::{Harness, Product, Test};
        for (framework, run, path, expected) in [
            ("pytest", r#"["pytest", "checks.py"]"#, "checks.py", Test),
            (
                "pytest",
                r#"["python", "-m", "pytest", "a/b.py::test_x"]"#,
                "a/b.py",
                Test,
            ),
            (
                "pytest",
                r#"["python", "run.py", "-m", "pytest"]"#,
                "run.py",
                Harness,
            ),
            (
                "pytest",
                r#"["pytest", "-c", "odd.ini"]"#,
                "odd.ini",
                Harness,
            ),
            (
                "node-test",
                r#"["node", "--test", "all.mjs"]"#,
                "all.mjs",
                Test,
            ),
            (
                "node-test",
                r#"["node", "start.mjs", "--test"]"#,
                "start.mjs",
                Harness,
            ),
            ("pytest", r#"["pytest", "checks.py"]"#, "other.py", Product),
        ] {
            let text = format!(
                "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = {run}\n"
            );
            let policy = parse(&text, "policy").unwrap();
            let found = classifiers(&policy).unwrap();
            assert_eq!(found[0].1.classify(&path.into()), expected, "{run} {path}");
            let named = expected == Harness;
            assert_eq!(found[0].1.is_named(&path.into()), named, "{run} {path}");
        }
    }

    #[test]
    fn the_policy_overrules_the_table() {
        use FileClass::{Harness, Product, Test};
        let more =
            "tests = [\"spec/**\"]\nharness = [\"spec/setup.py\"]\nproduct = [\"tests/lib/**\"]";
        for (path, expected) in [
            ("spec/a.py", Test),
            ("spec/setup.py", Harness),
            ("tests/lib/a.py", Product),
            ("tests/a.py", Test),
        ] {
            assert_eq!(classify("pytest", more, path), expected, "{path}");
        }
    }

    #[test]
    fn what_a_service_runs_steers_the_checks_that_need_it() {
        use FileClass::{Harness, Product};
        let checks = "[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"pytest\"\nrun = [\"pytest\"]\n\
                      [[check]]\nname = \"c\"\nkind = \"command\"\nrun = [\"make\"]\n";
        for (needed, expected) in [
            ("", [Harness, Product]),
            ("checks = [\"c\"]", [Product, Harness]),
        ] {
            let text = format!(
                "version = 1\n{checks}[[service]]\nname = \"s\"\nrun = [\"python\", \"tools/api.py\"]\n{needed}"
            );
            let policy = parse(&text, "test").unwrap();
            let found = classifiers(&policy).unwrap();
            let classes = [0, 1].map(|check| found[check].1.classify(&"tools/api.py".into()));
            assert_eq!(classes, expected, "{needed}");
        }
    }

    #[test]
    fn what_steers_a_command_is_harness_though_it_runs_no_tests() {
        use FileClass::{Harness, Product};
        for (run, path, expected) in [
            (r#"["sh", "scripts/check.sh"]"#, "scripts/check.sh", Harness),
            (
                r#"["sh", "-c", "cd x; ./scripts/check.sh&&true"]"#,
                "scripts/check.sh",
                Harness,
            ),
            (r#"["tool", "--config=conf/a.yml"]"#, "conf/a.yml", Harness),
            (r#"["make", "check"]"#, "GNUmakefile", Harness),
            (r#"["ruff", "check"]"#, "sub/ruff.toml", Harness),
            (r#"["ruff", "check"]"#, "src/a.py", Product),
            (r#"["ruff", "check"]"#, "json.py", Product),
        ] {
            let text =
                format!("version = 1\n[[check]]\nname = \"c\"\nkind = \"command\"\nrun = {run}\n");
            let policy = parse(&text, "policy").unwrap();
            let found = classifiers(&policy).unwrap();
            assert_eq!(found[0].1.classify(&path.into()), expected, "{run} {path}");
        }
    }
}
