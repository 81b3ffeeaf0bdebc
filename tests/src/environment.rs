//! A machine of its own for each test: home, cache and temporary directory are fresh, git reads no
//! configuration, and the caller is whoever runs the tests or an ordinary user.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::{tool, workspace};

/// An id that no account has: an ordinary user with no rights by membership, and not the kernel's
/// overflow id, which unmapped files would seem to belong to.
const USER: u32 = 54_321;

/// Who calls the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// Whoever runs the tests.
    Tester,
    /// An ordinary user, although root runs the tests.
    User,
}

/// Everything that one test may touch; gone when it is dropped.
#[derive(Debug)]
pub struct TestEnv {
    directory: TempDir,
    caller: Caller,
    variables: Vec<(OsString, OsString)>,
    binary: PathBuf,
}

impl TestEnv {
    /// As whoever runs the tests, with their PATH behind the tests' own Python.
    pub fn new() -> Self {
        Self::build(Caller::Tester)
    }

    /// As an ordinary user: by change of user when root runs the tests, else as they are.
    pub fn as_user() -> Self {
        let caller = if nix::unistd::geteuid().is_root() {
            Caller::User
        } else {
            Caller::Tester
        };
        Self::build(caller)
    }

    fn build(caller: Caller) -> Self {
        // Not below the target directory: an ordinary user must be able to go there.
        let directory = tempfile::Builder::new()
            .prefix("passmuster-test-")
            .tempdir()
            .unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut env = Self {
            binary: binary(),
            directory,
            caller,
            variables: Vec::new(),
        };
        for name in ["home", "cache", "tmp", "work"] {
            let path = env.path(name);
            fs::create_dir(&path).unwrap();
            env.give(&path);
        }
        if caller == Caller::User {
            env.binary = env.shared(&env.binary, "bin");
        }
        env.variables = env.base_variables();
        env
    }

    fn base_variables(&self) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = vec![
            ("HOME".into(), self.path("home").into()),
            ("XDG_CACHE_HOME".into(), self.path("cache").into()),
            ("TMPDIR".into(), self.path("tmp").into()),
            ("PATH".into(), self.search_path()),
            ("LANG".into(), "C.UTF-8".into()),
            ("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()),
            ("GIT_CONFIG_SYSTEM".into(), "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ];
        if self.caller == Caller::Tester {
            // The home is another one, but rustup's toolchains are where they were.
            variables.push(("RUSTUP_HOME".into(), rustup_home()));
            let toolchain = std::env::var_os("RUSTUP_TOOLCHAIN");
            variables.extend(toolchain.map(|value| ("RUSTUP_TOOLCHAIN".into(), value)));
        }
        variables
    }

    fn search_path(&self) -> OsString {
        let python = test_env("python");
        let mut directories = match self.caller {
            Caller::Tester => vec![python.join("bin")],
            Caller::User => vec![
                self.shared(&python, "python").join("bin"),
                self.shared(&test_env("rust"), "rust").join("bin"),
            ],
        };
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        directories.extend(
            std::env::split_paths(&inherited)
                .filter(|path| self.caller == Caller::Tester || open_to_all(path)),
        );
        std::env::join_paths(directories).unwrap()
    }

    /// The same file or directory at a place that every user can read: where it is, or a copy.
    fn shared(&self, original: &Path, name: &str) -> PathBuf {
        if open_to_all(original) {
            return original.to_path_buf();
        }
        let copy = self.path(name);
        tool(
            Command::new("cp")
                .args(["-a", "--reflink=auto"])
                .arg(original)
                .arg(&copy),
        );
        copy
    }

    /// A path inside this test's directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where repositories and files of the test are made.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The environment that the program and the test's own tools get, and nothing else.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// Makes a path, and all below it, the caller's own.
    pub fn give(&self, path: &Path) {
        if self.caller == Caller::Tester {
            return;
        }
        chown(path, Some(USER), Some(USER)).unwrap();
        if path.is_dir() {
            let owner = format!("{USER}:{USER}");
            tool(Command::new("chown").args(["-R", "-h", &owner]).arg(path));
        }
    }

    /// A command of this environment, run by the caller, in the work directory.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self.caller {
            Caller::Tester => Command::new(program),
            Caller::User => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={USER}"), format!("--regid={USER}")])
                    .args(["--clear-groups", "--"])
                    .arg(program);
                command
            }
        };
        command
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.work());
        command
    }
}

impl TestEnv {
    /// As [`TestEnv::command`], where a filter refuses namespaces, as in a container, and `/sandbox` is there and the
    /// caller's. Needs a tester who is root.
    pub fn without_namespaces(&self, program: impl AsRef<OsStr>) -> Command {
        let inner = self.command(program);
        let uid = match self.caller {
            Caller::Tester => 0,
            Caller::User => USER,
        };
        let mut command = Command::new("unshare");
        command
            .arg("--mount")
            .arg(crate::testdata("launchers/with_stage.sh"))
            .arg(uid.to_string())
            .args([
                "/usr/bin/python3".as_ref(),
                crate::testdata("launchers/refuse_namespaces.py").as_os_str(),
            ])
            .args(["--keep-privileges", "/usr/bin/env"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .current_dir(self.work());
        command
    }
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

/// The program as Cargo built it for this package, beside the running test; or another build of it,
/// named by `PASSMUSTER_BIN`.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PASSMUSTER_BIN") {
        return path.into();
    }
    let running = std::env::current_exe().unwrap();
    let beside = |directory: &Path| directory.join("passmuster-under-test");
    running
        .ancestors()
        .skip(1)
        .take(2)
        .map(beside)
        .find(|path| path.is_file())
        .expect("passmuster-under-test is built beside the tests: run them with cargo")
}

/// A tool that `make test-env` sets up.
pub fn test_env(name: &str) -> PathBuf {
    let place = std::env::var_os("PASSMUSTER_TEST_ENV")
        .map_or_else(|| workspace().join("target/test-env"), PathBuf::from);
    let path = place.join(name);
    assert!(
        path.is_dir(),
        "{} is missing: `make test-env` sets it up",
        path.display()
    );
    path
}

fn rustup_home() -> OsString {
    std::env::var_os("RUSTUP_HOME").unwrap_or_else(|| {
        let home = std::env::var_os("HOME").unwrap_or_default();
        Path::new(&home).join(".rustup").into_os_string()
    })
}

/// True when every user can go to the path and read what is there.
fn open_to_all(path: &Path) -> bool {
    path.ancestors().all(|part| {
        fs::metadata(part).is_ok_and(|found| found.permissions().mode() & 0o005 == 0o005)
    })
}
