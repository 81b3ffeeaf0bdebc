//! A project in a temporary directory and a [`Phases`] of plain processes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use passmuster::adapters::{self, AdapterError, Job, Phase, PhaseEnd, Phases, Places, Selection};
use passmuster::cache::Cache;
use passmuster::compiled_controls;
use passmuster::toolchains::{Name, Operator, Pins, discover};
use passmuster_policy::policy::Framework;
use passmuster_policy::policy::parse;
use passmuster_policy::run::{Outcome, TestRun, Usage};
use passmuster_policy::tests::{TestResult, TestStatus};

/// A small repository, and where its runs happen.
pub(crate) struct Project {
    root: tempfile::TempDir,
    pub(crate) env: Vec<(String, OsString)>,
    pub(crate) select: Selection,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::Builder::new()
            .prefix("passmuster-adapters-ä")
            .tempdir()
            .unwrap();
        for directory in ["tree", "lib", "home"] {
            std::fs::create_dir(root.path().join(directory)).unwrap();
        }
        let mut env = vec![
            ("PATH".to_owned(), std::env::var_os("PATH").unwrap()),
            ("HOME".to_owned(), root.path().join("home").into_os_string()),
            ("LANG".to_owned(), "C.UTF-8".into()),
        ];
        for name in ["CARGO_HOME", "RUSTUP_HOME"] {
            let value = std::env::var_os(name);
            let default = || {
                Some(
                    PathBuf::from(std::env::var_os("HOME")?)
                        .join(format!(".{}", name.split('_').next()?.to_lowercase()))
                        .into_os_string(),
                )
            };
            env.extend(value.or_else(default).map(|value| (name.to_owned(), value)));
        }
        let project = Self {
            root,
            env,
            select: Selection::All,
        };
        for (path, content) in files {
            project.write(path, content);
        }
        project
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.tree().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// Has cargo build tests with controls; gives the directory in which they are.
    pub(crate) fn plant(&mut self) -> PathBuf {
        let operator = Operator::from_env(std::env::vars_os());
        let rust = discover(Name::Rust, &operator, &Pins::default()).unwrap();
        let policy = "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"cargo-test\"\nrun = [\"cargo\", \"test\"]\n";
        let policy = parse(policy, "test").unwrap();
        let cache = Cache::open(&self.root.path().join("cache")).unwrap();
        let planted = compiled_controls::find(&policy, &[rust], &operator, &cache, &[]).unwrap();
        let directory = planted.unwrap().source().to_owned();
        let wrapper = directory.join("passmuster_rustc.sh");
        self.set("RUSTC_WORKSPACE_WRAPPER", wrapper);
        directory
    }

    pub(crate) fn first_on_path(&mut self, directory: &Path) {
        for (_, value) in self.env.iter_mut().filter(|(name, _)| name == "PATH") {
            let rest = std::env::split_paths(&*value).collect::<Vec<_>>();
            let all = std::iter::once(directory.to_owned()).chain(rest);
            *value = std::env::join_paths(all).unwrap();
        }
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.root.path().join("tree")
    }

    pub(crate) fn run(&self, framework: Framework, argv: &[&str]) -> TestRun {
        self.try_run(framework, argv).unwrap()
    }

    pub(crate) fn try_run(
        &self,
        framework: Framework,
        argv: &[&str],
    ) -> Result<TestRun, AdapterError<std::io::Error>> {
        let job = Job {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: self.env.clone(),
            cwd: None,
            select: self.select.clone(),
        };
        let places = Places {
            tree: self.tree(),
            lib: self.root.path().join("lib"),
            report: self.root.path().join("report"),
        };
        let mut phases = Plain {
            root: self.root.path(),
            places: &places,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(adapters::run(framework, &job, &places, &mut phases))
    }
}

/// A tool that `make test-env` sets up.
pub(crate) fn test_env(name: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let place = std::env::var_os("PASSMUSTER_TEST_ENV")
        .map_or_else(|| workspace.join("target/test-env"), PathBuf::from);
    let path = place.join(name);
    assert!(
        path.is_dir(),
        "{} is missing: `make test-env` sets it up",
        path.display()
    );
    path
}

struct Plain<'a> {
    root: &'a Path,
    places: &'a Places,
}

impl Phases for Plain<'_> {
    type Error = std::io::Error;

    async fn launch(&mut self, phase: Phase) -> Result<PhaseEnd, std::io::Error> {
        // What the last phase reported has been read: only the newest directory is kept.
        let _ = std::fs::remove_dir_all(&self.places.report);
        std::fs::create_dir(&self.places.report)?;
        for handed in &phase.handed {
            std::fs::write(self.places.report.join(&handed.name), &handed.content)?;
        }
        for support in &phase.support {
            let path = self.places.lib.join(support.name);
            std::fs::write(&path, support.content)?;
            let mode = if support.executable { 0o755 } else { 0o644 };
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
        }
        let began = Instant::now();
        let output = Command::new(&phase.argv[0])
            .args(&phase.argv[1..])
            .env_clear()
            .envs(phase.env.iter().map(|(name, value)| (name, value)))
            .current_dir(phase.cwd.unwrap_or_else(|| self.root.join("tree")))
            .stdin(Stdio::null())
            .output()?;
        let outcome = match output.status.code() {
            Some(status) => Outcome::Exited { status },
            None => Outcome::Signalled {
                signal: output.status.signal().unwrap_or_default(),
            },
        };
        Ok(PhaseEnd {
            outcome,
            stdout: output.stdout,
            stderr: output.stderr,
            stdout_truncated: false,
            leaked: 0,
            usage: Usage {
                wall_ms: began.elapsed().as_millis() as u64,
                ..Usage::default()
            },
            reports: self.places.report.clone(),
        })
    }
}

/// Id → status, one line a test: what most tests compare.
pub(crate) fn states(run: &TestRun) -> Vec<String> {
    run.tests
        .iter()
        .map(|test| format!("{} {}", letter(test.status), test.id))
        .collect()
}

fn letter(status: TestStatus) -> char {
    match status {
        TestStatus::Passed => '+',
        TestStatus::Failed => '-',
        TestStatus::Skipped => 's',
    }
}

/// The one test whose id ends so.
pub(crate) fn test<'a>(run: &'a TestRun, ending: &str) -> &'a TestResult {
    let found: BTreeMap<_, _> = run
        .tests
        .iter()
        .map(|test| (test.id.to_string(), test))
        .filter(|(id, _)| id.ends_with(ending))
        .collect();
    assert_eq!(
        found.len(),
        1,
        "tests that end in {ending}: {:?}",
        states(run)
    );
    found.into_values().next().unwrap()
}
